package change

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func TestInitOnce(t *testing.T) {
	m := started(t)
	if m.s.Cluster.ID != "c" || m.s.Feature != 1 || m.s.Epoch != 1 || m.s.Members.Len() != 1 || m.s.Tokens.Len() != 1 {
		t.Fatalf("%+v", m.s.Header)
	}
	m.refuse(policy.Conflict, "the cluster exists already, with id c", InitCluster{Cluster: policy.Cluster{ID: "other"}})
	if m.s.Cluster.ID != "c" {
		t.Fatal("the cluster has another id")
	}
}

func TestFeatureLevel(t *testing.T) {
	m := started(t)
	m.ok(RaiseFeature{1})
	m.ok(RaiseFeature{0}) // lower than what is in force: nothing happens
	mustEqual(t, "the feature level", m.s.Feature, 1)
	m.ok(PutMember{policy.Member{ID: "m2", Node: "old", Feature: 0}})
	m.refuse(policy.Conflict, "node old is at feature level 0; upgrade it before level 1", RaiseFeature{1})
	// A level above this version's own stops it: it must not guess.
	before := m.s
	if _, _, err := Apply(m.s, m.index+1, Change{Body: &RaiseFeature{policy.FeatureLevel + 1}}); policy.KindOf(err) != policy.Unsupported || !strings.Contains(err.Error(), "upgrade this node") {
		t.Fatalf("%v", err)
	}
	if m.s != before {
		t.Fatal("another state")
	}
}

func TestMembers(t *testing.T) {
	m := started(t)
	m.ok(PutMember{policy.Member{ID: "m2", Node: "ns2"}})
	m.ok(PutMember{policy.Member{ID: "m2", Node: "ns2", Region: "eu"}})
	m.refuse(policy.Conflict, `node "ns2" is in the cluster already with id m2`, PutMember{policy.Member{ID: "m9", Node: "ns2"}})
	m.ok(PutMember{policy.Member{ID: "m4", Node: "ns4", Cluster: "192.0.2.4:7300"}})
	m.refuse(policy.Conflict, "ns4 is at 192.0.2.4:7300 already", PutMember{policy.Member{ID: "a1", Node: "probe1", Cluster: "192.0.2.4:7300", Agent: true, Feature: policy.FeatureLevel}})
	agent := policy.Member{ID: "a1", Node: "probe1", Cluster: "192.0.2.5:7300", Agent: true, Feature: policy.FeatureLevel}
	for want, spoil := range map[string]func(*policy.Member){
		"label":            func(a *policy.Member) { a.Node = "a\nb" },
		"region":           func(a *policy.Member) { a.Region = "<b>" },
		"is no address":    func(a *policy.Member) { a.Cluster = "x y:1" },
		"address and port": func(a *policy.Member) { a.Cluster = "" },
		"a budget of -1":   func(a *policy.Member) { a.Budget = -1 },
	} {
		bad := agent
		spoil(&bad)
		m.refuse(policy.Invalid, want, PutMember{bad})
	}
	m.ok(DeleteMember{ID: "m4"})
	m.refuse(policy.Invalid, "needs an id and a node label", PutMember{policy.Member{ID: "m9"}})
	m.ok(DeleteMember{"m2"})
	m.refuse(policy.NotFound, `no member with id "m2"`, DeleteMember{"m2"})
	m.refuse(policy.Conflict, "member m2 was removed from the cluster", PutMember{policy.Member{ID: "m2", Node: "ns2"}})
	m.ok(PutMember{policy.Member{ID: "m3", Node: "ns2"}})
}

func TestRequestsOnce(t *testing.T) {
	m := started(t)
	drain := Change{Request: "r1", Reason: "x", Body: PutControl{Target: "region/us", Action: policy.Drain}}
	first := m.accepted(drain)
	again := m.do(drain)
	if !again.Replayed || again.Made != first.Made || again.Index != first.Index || m.s.Controls.Len() != 1 {
		t.Fatalf("the retry gives %+v; there are %d controls", again, m.s.Controls.Len())
	}
	// A refusal is an outcome too.
	gone := Change{Request: "r2", Body: DeleteControl{ID: "c999"}}
	m.refused(policy.NotFound, "no control", gone)
	if o := m.do(gone); !o.Replayed || o.Refused == nil || o.Refused.Kind != policy.NotFound {
		t.Fatalf("%+v", o)
	}
	// Without a request id every one counts.
	drain.Request = ""
	m.accepted(drain)
	m.accepted(drain)
	mustEqual(t, "the number of controls", m.s.Controls.Len(), 3)
	if m.s.Requests.Len() != 2 {
		t.Fatalf("%d requests are kept", m.s.Requests.Len())
	}
	// A retry works on a restored state as well.
	m.s = roundTrip(t, m.s)
	if o := m.do(gone); !o.Replayed {
		t.Fatal("a restored state does not know the request")
	}
}

func TestRequestsBounded(t *testing.T) {
	m := started(t)
	for i := range MaxRequests + 10 {
		m.index++
		next, _, err := Apply(m.s, m.index, Change{Request: fmt.Sprintf("q%d", i), Body: &ExpireControls{}})
		if err != nil {
			t.Fatal(err)
		}
		m.s = next
	}
	if m.s.Requests.Len() != MaxRequests || m.s.RequestLog.Len() != MaxRequests {
		t.Fatalf("%d requests and %d in the log; %d are the most", m.s.Requests.Len(), m.s.RequestLog.Len(), MaxRequests)
	}
	if m.s.Requests.Has("q9") || !m.s.Requests.Has("q10") {
		t.Fatal("not the oldest were forgotten")
	}
}

// TestRefusalIsKeptShort: a table of 8192 outcomes must not hold 8192 long lists of mistakes.
func TestRefusalIsKeptShort(t *testing.T) {
	m := started(t)
	c := config("us", "eu", "ap")
	for i := range 100 {
		c.Regions = append(c.Regions, policy.Region{Name: fmt.Sprintf("r%d", i), Provider: "no good"})
	}
	bad := Change{Request: "r", Body: PutConfig{Config: c}}
	o := m.refused(policy.Invalid, "no good", bad)
	mustEqual(t, "the number of mistakes told at once", len(o.Refused.Problems), 100)
	kept := m.do(bad).Refused
	mustEqual(t, "the number of mistakes kept", len(kept.Problems), maxProblems)
	mustEqual(t, "the last of them", kept.Problems[maxProblems-1].Message, "and 81 more")
}

func TestClockNeverGoesBack(t *testing.T) {
	m := started(t)
	m.accepted(Change{Clock: 5000, Body: ExpireControls{}})
	m.accepted(Change{Clock: 3000, Body: ExpireControls{}})
	mustEqual(t, "the clock", m.s.Clock, 5000)
	m.refused(policy.NotFound, "", Change{Clock: 7000, Body: DeleteControl{ID: "c"}})
	mustEqual(t, "the clock after a refusal", m.s.Clock, 7000)
}

// TestIfMatch: the check is part of Apply, so that a delayed write loses against one that came between (I-03).
func TestIfMatch(t *testing.T) {
	m := started(t)
	m.ok(PutSecret{policy.Secret{Name: "s", Sealed: []byte{1}}})
	control := m.ok(PutControl{Target: "region/us", Action: policy.Drain}).Made
	z := func() uint64 { o, _ := m.s.Zones.Get(name("example.com").Key()); return o.Rev }
	changed := zone(t, "example.com", "static.example.com A", "more.example.com A")
	other := config("us", "eu", "ap")
	other.Services[0].TTL = policy.FixedTTL(7)
	for _, c := range []struct {
		body    Body
		current func() uint64
	}{
		{PutZone{changed}, z},
		{PutConfig{Config: other}, func() uint64 { return m.s.ConfigRevision }},
		{PutControl{Target: "region/eu", Action: policy.Drain}, func() uint64 { return m.s.Revision }},
		{DeleteControl{ID: control}, func() uint64 { return m.s.Revision }},
		{PutSecret{policy.Secret{Name: "s", Sealed: []byte{2}}}, func() uint64 { return m.s.Revision }},
		{DeleteSecret{"s"}, func() uint64 { return m.s.Revision }},
		{PutZone{zone(t, "example.org")}, func() uint64 { return 0 }}, // only if it is not there yet
		{PutZone{zone(t, "example.org", "a.example.org A")}, func() uint64 { o, _ := m.s.Zones.Get(name("example.org").Key()); return o.Rev }},
		{DeleteZone{name("example.org")}, func() uint64 { o, _ := m.s.Zones.Get(name("example.org").Key()); return o.Rev }},
	} {
		rev := c.current()
		for _, wrong := range []uint64{rev + 1, rev - 1} {
			o := m.refused(policy.Stale, fmt.Sprintf("is at revision %d now; the change was based on %d", rev, wrong), Change{Reason: "x", IfMatch: &wrong, Body: c.body})
			if o.Revision != 0 {
				t.Fatal("a refusal made a revision")
			}
		}
		o := m.accepted(Change{Reason: "x", IfMatch: &rev, Body: c.body})
		if o.Revision != m.s.Revision {
			t.Fatalf("%s says revision %d; the state is at %d", KindOf(c.body), o.Revision, m.s.Revision)
		}
	}
	// The zone that is there already is no match for "only if it is not there".
	m.refused(policy.Stale, "", Change{IfMatch: of(uint64(0)), Body: PutZone{changed}})
}

// TestRevisions: the configuration has a revision of its own, which neither
// verdicts nor zones touch; what stays the same keeps its revision.
func TestRevisions(t *testing.T) {
	m := started(t)
	rev, conf := m.s.Revision, m.s.ConfigRevision
	m.ok(RecordVerdicts{[]policy.Edge{{Verdict: policy.Verdict{Check: "us/a@web", Status: policy.Up, Ramp: 100}}}})
	m.ok(ExpireControls{})
	if m.s.Revision != rev || m.s.ConfigRevision != conf {
		t.Fatal("a verdict raised the revision")
	}
	m.ok(PutZone{zone(t, "example.com", "static.example.com A")})
	if m.s.Revision != rev+1 || m.s.ConfigRevision != conf {
		t.Fatalf("a zone took the revision to %d and the configuration's to %d", m.s.Revision, m.s.ConfigRevision)
	}
	if o := m.ok(PutZone{zone(t, "example.com", "static.example.com A")}); o.Revision != rev+1 || m.s.Revision != rev+1 {
		t.Fatal("the same zone again is another revision")
	}
	if o := m.ok(PutConfig{Config: config("us", "eu", "ap")}); o.Revision != conf || m.s.Revision != rev+1 {
		t.Fatal("the same configuration again is another revision")
	}
	c := config("us", "eu", "ap")
	c.Pools[1].MinAvailable.Count = 2
	m.ok(PutConfig{Config: c})
	us, _ := m.s.Pools.Get("us")
	eu, _ := m.s.Pools.Get("eu")
	if m.s.ConfigRevision != rev+2 || eu.Rev != rev+2 || us.Rev != conf {
		t.Fatalf("the configuration is at %d, the pool that changed at %d, another at %d", m.s.ConfigRevision, eu.Rev, us.Rev)
	}
}

func TestSecrets(t *testing.T) {
	m := started(t)
	c := config("us", "eu", "ap")
	c.Monitors[0].HTTP.Authorization = &policy.SecretRef{Secret: "token"}
	m.refuse(policy.Invalid, `/monitors/0/http/authorization/secret: there is no secret "token"`, PutConfig{Config: c})
	m.refuse(policy.Invalid, "a name is missing", PutSecret{})
	m.refuse(policy.Invalid, "has 0 octets; 1 to 65536 may be", PutSecret{policy.Secret{Name: "token"}})
	m.refuse(policy.Invalid, "has 65537 octets", PutSecret{policy.Secret{Name: "token", Sealed: make([]byte, 65537)}})
	m.ok(PutSecret{policy.Secret{Name: "token", Sealed: []byte{1}}})
	m.ok(PutConfig{Config: c})
	m.refuse(policy.Conflict, `monitor "web" uses the secret "token"`, DeleteSecret{"token"})
	m.ok(PutConfig{Config: config("us", "eu", "ap")})
	m.ok(DeleteSecret{"token"})
	m.refuse(policy.NotFound, `no secret "token"`, DeleteSecret{"token"})
}

func TestVerdicts(t *testing.T) {
	m := started(t)
	up := func(check string) policy.Edge {
		return policy.Edge{Verdict: policy.Verdict{Check: check, Status: policy.Up, Ramp: 100}}
	}
	m.ok(RecordVerdicts{[]policy.Edge{up("us/a@web"), up("us/gone@web"), up("gone/a@web"), up("us/a@other"), up("eu/b@web")}})
	mustList(t, "the verdicts", keys(m.s.Verdicts), "eu/b@web", "us/a@web")
	// An edited monitor keeps the last verdict; a check that is gone does not.
	c := config("us", "ap")
	c.Monitors[0].HTTP.Path = "/other"
	m.ok(PutConfig{Config: c})
	mustList(t, "the verdicts after an edit", keys(m.s.Verdicts), "us/a@web")
	c.Pools[0].Monitor = ""
	m.ok(PutConfig{Config: c})
	mustList(t, "the verdicts without a monitor", keys(m.s.Verdicts))
	m.ok(RecordVerdicts{[]policy.Edge{up("us/a@")}})
	mustList(t, "the verdicts of what nothing checks", keys(m.s.Verdicts))
}

func TestUnknownChanges(t *testing.T) {
	good, err := Encode(Change{Body: ExpireControls{}})
	if err != nil {
		t.Fatal(err)
	}
	body := func(h string, b string) []byte {
		return append(append([]byte{format, byte(len(h))}, h...), b...)
	}
	for what, b := range map[string][]byte{
		"nothing": nil, "another format": append([]byte{2}, good[1:]...), "cut in the header": good[:5],
		"a header that is no JSON": body("{{", ""), "a length beyond the end": {format, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"a length without an end": {format, 0xff}, "another kind": body(`{"kind":"zone.rename","v":1}`, "{}"),
		"another version": body(`{"kind":"zone.delete","v":2}`, "{}"), "no version": body(`{"kind":"zone.delete"}`, "{}"),
		"a body that is no JSON": body(`{"kind":"zone.delete","v":1}`, "{"), "no body": body(`{"kind":"zone.delete","v":1}`, ""),
		"a zone cut off":      body(`{"kind":"zone.put","v":1}`, "\x07exam"),
		"a chunk without id":  body(`{"kind":"stage.chunk","v":1}`, "\x00\x05ab"),
		"a name that is none": body(`{"kind":"zone.delete","v":1}`, `{"name":""}`),
	} {
		if _, err := Decode(b); policy.KindOf(err) != policy.Unsupported {
			t.Errorf("%s: %v", what, err)
		}
	}
	s := policy.NewState()
	if next, _, err := Apply(s, 1, Change{}); policy.KindOf(err) != policy.Unsupported || next != s {
		t.Errorf("a change without a body: %v", err)
	}
}

// TestEncodeRefuses: what Decode could not read must not reach a log, where it would stop every node.
func TestEncodeRefuses(t *testing.T) {
	for what, b := range map[string]Body{
		"a zone without a name": DeleteZone{}, "no zone": PutZone{}, "no zone, by pointer": &PutZone{},
		"a status that is none": RecordVerdicts{[]policy.Edge{{Was: 9}}},
		"a number that is none": PutConfig{Config: policy.Config{Regions: []policy.Region{{Name: "r", Place: &policy.Place{Lat: of(nan()), Lon: of(0.0)}}}}},
	} {
		if _, err := Encode(Change{Body: b}); err == nil {
			t.Errorf("%s is written down", what)
		}
	}
	if _, err := Encode(Change{}); err == nil {
		t.Error("no body is written down")
	}
	// Applied without a log, as a dry run is, it is refused and nothing worse.
	m := started(t)
	for _, b := range []Body{PutZone{}, PutConfig{Config: policy.Config{Regions: []policy.Region{{Name: "r", Place: &policy.Place{Lat: of(nan()), Lon: of(0.0)}}}}}} {
		if _, o, err := Apply(m.s, 99, Change{Body: b}); err != nil || o.Refused == nil || o.Refused.Kind != policy.Invalid {
			t.Errorf("%s: %+v, %v", KindOf(b), o, err)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }
