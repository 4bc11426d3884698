package drill

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// leaves is an endpoint that left at a second of the test's clock, on two nodes, with a TTL of 30 s.
func leaves(endpoint, cause, by string, index uint64, s int) policy.Departure {
	when := func(s int) time.Time { return time.Unix(0, at(s)) }
	node := func(name string, later int) policy.NodeDeparture {
		return policy.NodeDeparture{Node: name, Index: index, PublishedAt: when(s + later), MaxTTL: 30, ClosesAt: when(s + later + 31), LastAnswer: when(s + later)}
	}
	return policy.Departure{Service: "www.example.com", Endpoint: endpoint, Cause: cause, By: by, Index: index, DecidedAt: when(s), CommittedAt: when(s), Nodes: []policy.NodeDeparture{node("ns1", 0), node("ns2", 1)}}
}

// TestTold: what left by the run's own controls counts, and nothing else does.
func TestTold(t *testing.T) {
	r := aRun()
	r.Steps[1].Controls = []string{"c9"}
	d := policy.Departures{Missing: []string{"ns3"}, Items: []policy.Departure{
		leaves("endpoint/us/a", "drain", "control/c9", 40, 1), leaves("endpoint/eu/a", "drain", "control/c8", 30, 50), leaves("endpoint/us/b", policy.LeftVerdict, "", 50, 60),
	}}
	v := Told(Report(&r), &r, d)
	if v.At.Published != 0 || v.At.Closed != 0 || v.Reached != 0 || v.Met != nil { // ns3 may have answered as before
		t.Errorf("published at %s and closed at %s, in %v", moment(v.At.Published), moment(v.At.Closed), v.Reached)
	}
	if all := Told(Report(&r), &r, policy.Departures{Items: d.Items}); all.At.Published != at(2) || all.At.Closed != at(33) || all.Met == nil {
		t.Errorf("where all could be asked: published at %s and closed at %s", moment(all.At.Published), moment(all.At.Closed))
	}
	want := []policy.EvacuationNode{
		{Node: "ns1", Reachable: true, Published: at(1), MaxTTL: 30, Closes: at(32), LastNamed: at(1)},
		{Node: "ns2", Reachable: true, Published: at(2), MaxTTL: 30, Closes: at(33), LastNamed: at(2)},
		{Node: "ns3"},
	}
	if !slices.Equal(v.Nodes, want) {
		t.Errorf("the nodes are %+v", v.Nodes)
	}
	if text := Markdown(&v); !strings.Contains(text, "| ns3 | could not be asked |") {
		t.Errorf("the node that could not be asked is not named:\n%s", text)
	}
}

// TestFailovers: one report for what failed together, once it is back and its window is closed; one for what stays away, after its time.
func TestFailovers(t *testing.T) {
	s := policy.NewState()
	s.Regions.Set("us", policy.Object[policy.Region]{Spec: policy.Region{Name: "us"}})
	s.Pools.Set("us", policy.Object[policy.Pool]{Spec: policy.Pool{Name: "us", Region: "us", Monitor: "web", Endpoints: []policy.Endpoint{{Name: "a"}, {Name: "b"}}}})
	s.Monitors.Set("web", policy.Object[policy.Monitor]{Spec: policy.Monitor{Name: "web", TCP: &policy.TCPCheck{Port: 80}}})
	verdict := func(endpoint string, status policy.Status, s1 int) {
		s.Verdicts.Set("us/"+endpoint+"@web", policy.Verdict{Check: "us/" + endpoint + "@web", Status: status, Since: at(s1)})
	}
	d := policy.Departures{Items: []policy.Departure{
		leaves("endpoint/us/b", policy.LeftVerdict, "", 41, 9), leaves("endpoint/us/a", policy.LeftVerdict, "", 40, 1), leaves("endpoint/eu/a", "drain", "control/c8", 30, 5),
	}}
	verdict("a", policy.Down, 1)
	verdict("b", policy.Down, 9)
	if due, pending := Failovers(s, d, Noted{}, at(50)); len(due) != 0 || !pending {
		t.Fatalf("it is reported while it lasts: %+v", due)
	}
	verdict("a", policy.Up, 20)
	verdict("b", policy.Up, 30)
	if due, pending := Failovers(s, d, Noted{}, at(40)); len(due) != 0 || !pending {
		t.Fatalf("it is reported before its window is closed: %+v", due)
	}
	due, pending := Failovers(s, d, Noted{}, at(45))
	if len(due) != 1 || pending {
		t.Fatalf("there are %d reports: %+v", len(due), due)
	}
	v := due[0]
	if v.ID != "f40" || v.Result != "recovered" || !slices.Equal(v.Targets, []string{"endpoint/us/a", "endpoint/us/b"}) {
		t.Errorf("the report is %s, %s of %v", v.ID, v.Result, v.Targets)
	}
	if want := (policy.EvacuationTimes{Decided: at(1), Committed: at(1), Published: at(10), Restored: at(30), Ended: at(41)}); v.At != want || v.Reached != 0 { // it was back before its window had closed
		t.Errorf("the times are %+v, not %+v, and it took %v", v.At, want, v.Reached)
	}
	verdict("b", policy.Up, 42)
	if late, _ := Failovers(s, d, Noted{}, at(45)); len(late) != 1 || late[0].At.Closed != at(41) || late[0].Reached != policy.Duration(40*time.Second) {
		t.Errorf("what came back later is reported as %+v", late)
	}
	s.Reports.Set(v.ID, v)
	d.Items[0].Index, d.Items[1].Index = 43, 42 // the node that was first has been restarted, and tells of nothing any more
	if due, pending := Failovers(s, d, Noted{}, at(50)); len(due) != 0 || pending {
		t.Errorf("it is reported twice: %+v", due)
	}
	s.Reports.Delete(v.ID)
	verdict("b", policy.Down, 35)
	if due, _ := Failovers(s, d, Noted{}, at(41)+waitsBack); len(due) != 1 || due[0].Result != "ended" || due[0].Problem == "" {
		t.Errorf("what stays away is reported as %+v", due)
	}
}

// TestAMassFailureFits: however much fails at once, its report can be brought in.
func TestAMassFailureFits(t *testing.T) {
	var d policy.Departures
	for i := range 3000 {
		gone := leaves(fmt.Sprintf("endpoint/a-pool-with-a-rather-long-name-%04d/one-of-its-endpoints", i), policy.LeftVerdict, "", 40, 1)
		gone.Service = fmt.Sprintf("service-%04d.with.a.long.name.example.com", i)
		d.Items = append(d.Items, gone)
	}
	due, _ := Failovers(policy.NewState(), d, Noted{}, at(100))
	if len(due) != 1 || !due[0].Cut {
		t.Fatalf("there are %d reports", len(due))
	}
	if b, err := json.Marshal(due[0]); err != nil || len(b) > policy.MaxReport {
		t.Errorf("it has %d octets, and %d are the most (%v)", len(b), policy.MaxReport, err)
	}
	if text := due[0].Title; !strings.Contains(text, "3000 of its endpoints") || len(text) > 600 {
		t.Errorf("its title is %q", text)
	}
}

// What the nodes saw of each other, who came late, and what is known only while a failure lasts is in reports.
func TestSeenFromOutside(t *testing.T) {
	s := policy.NewState()
	d := policy.Departures{Items: []policy.Departure{leaves("endpoint/web/a", policy.LeftVerdict, "", 40, 1)}, Missing: []string{"ns9"}}
	decided := d.Items[0].DecidedAt.UnixNano()
	saw := func(observer, node, cause string, decided int64, answered int, named int64) policy.Outlook {
		return policy.Outlook{Observer: observer, Node: node, Cause: cause, Decided: decided, Asked: 10, Answered: answered, Named: time.Unix(0, named)}
	}
	d.Outside = []policy.Outlook{
		saw("ns1", "ns9", policy.LeftVerdict, decided, 7, at(2)), saw("ns3", "ns9", policy.LeftVerdict, decided, 8, at(3)),
		saw("ns1", "ns9", policy.LeftVerdict, decided+1, 1, at(9)), saw("ns1", "ns9", policy.LeftSteering, decided, 1, at(9)),
	}
	due, _ := Failovers(s, d, Noted{First: map[int64]int64{decided: at(0)}, Rules: []string{"the rule keep-two acted"}}, at(100))
	if len(due) != 1 {
		t.Fatalf("there are %d reports", len(due))
	}
	v := After(due[0], []policy.Residual{{Client: netip.MustParsePrefix("192.0.2.0/24"), To: "endpoint/web/a", Count: 3}, {Client: netip.MustParsePrefix("192.0.2.0/24"), To: "198.51.100.1", Count: 1}})
	i := slices.IndexFunc(v.Nodes, func(n policy.EvacuationNode) bool { return n.Node == "ns9" })
	if i < 0 {
		t.Fatalf("ns2 is not in %+v", v.Nodes)
	}
	if n := v.Nodes[i]; n.Reachable || n.Asked != 20 || n.Answered != 15 || n.LastSeen != at(3) {
		t.Errorf("of ns9 there is %+v", n)
	}
	if v.At.First != at(0) || v.Timeline[0].Phase != "failing" {
		t.Errorf("it began at %v: %+v", v.At.First, v.Timeline)
	}
	text := Markdown(&v)
	for _, want := range []string{"| 15 of 20 |", "the rule keep-two acted", "1 client networks came 4 times; 192.0.2.0/24 3 times to endpoint/web/a", "First reported"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if page, err := HTML(&v); err != nil || !strings.Contains(page, "detection") || !strings.Contains(page, "ns9 could not be asked") {
		t.Errorf("the picture of a failover lacks its spans (%v)", err)
	}
	r := policy.Drill{ID: "d9", Phase: policy.DrillDone}
	silent := Told(policy.EvacuationReport{At: policy.EvacuationTimes{Decided: at(1), Closed: at(2)}}, &r, policy.Departures{Outside: []policy.Outlook{{Observer: "ns1", Node: "ns3", By: "drill/d9", Asked: 5}}})
	if len(silent.Nodes) != 1 || silent.Nodes[0].Asked != 5 || !silent.Nodes[0].Reachable || silent.At.Closed != at(2) {
		t.Errorf("of a silent one there is %+v", silent)
	}
}
