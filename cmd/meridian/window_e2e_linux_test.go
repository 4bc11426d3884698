package main

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// The promise of a TTL window, on five nodes behind three kinds of resolvers:
// after it no client of a resolver that abides by TTLs comes to what was drained
// or has failed, and it is no longer than that takes. `make e2e` repeats it;
// MERIDIAN_E2E_RUNS=100 is what it is released by.

const (
	// unpadded is how long before a window closes its last client comes, where a resolver
	// fetched within lately before the publication: that, and a client's 50 ms, and
	// resolvers that count whole seconds.
	unpadded = 1250 * time.Millisecond
	lately   = 100 * time.Millisecond
	// agree is how far reported and observed times may be apart.
	agree = 250 * time.Millisecond
)

// windowKind is a way in which regions leave answers.
type windowKind struct {
	name    string
	regions func(w *world, run int) []*site
	// begin does it, and gives what the API reports of each region, and how to undo it.
	begin func(w *world, run int, regions []*site) (report func(*site) (windowReport, error), undo func())
}

func one(w *world, run int) []*site { return w.sites[run%2 : run%2+1] }
func both(w *world, _ int) []*site  { return w.sites[:2] }
func drains(target func([]*site) string) func(*world, int, []*site) (func(*site) (windowReport, error), func()) {
	return func(w *world, _ int, regions []*site) (func(*site) (windowReport, error), func()) {
		id, _ := w.drain(0, target(regions))
		return func(*site) (windowReport, error) { return w.control(id) }, func() { w.lift(0, id) }
	}
}

func fails(w *world, _ int, regions []*site) (func(*site) (windowReport, error), func()) {
	began := time.Now()
	for _, s := range regions {
		s.breaks(true)
	}
	return func(s *site) (windowReport, error) { return w.failover(s, began) }, func() {
		for _, s := range regions {
			s.breaks(false)
		}
		w.renew()
	}
}

// drilled evacuates by a drill, which goes on until it is aborted.
func drilled(w *world, _ int, regions []*site) (func(*site) (windowReport, error), func()) {
	plan := "away-" + regions[0].name
	w.must(w.do(0, http.MethodPut, "/drill-plans/"+plan, "application/json", fmt.Appendf(nil, `{"name":%q,"evacuate":["region/%s"],"hold":"5m"}`, plan, regions[0].name), nil))
	var run struct{ ID string }
	w.must(w.do(0, http.MethodPost, "/drills", "application/json", fmt.Appendf(nil, `{"plan":%q}`, plan), &run))
	id := ""
	eventually(w.t, 30*time.Second, "the drill's drain", func() error {
		var list struct {
			Items []struct{ ID, Drill, Phase string }
		}
		if err := w.do(0, http.MethodGet, "/controls", "", nil, &list); err != nil {
			return err
		}
		for _, c := range list.Items {
			if c.Drill == run.ID && c.Phase == "in-force" {
				id = c.ID
				return nil
			}
		}
		return fmt.Errorf("the drill %s drains nothing yet", run.ID)
	})
	return func(*site) (windowReport, error) { return w.control(id) }, func() {
		w.must(w.do(0, http.MethodPost, "/drills/"+run.ID+"/abort", "", nil, nil))
		w.reported(run.ID)
	}
}

// reported holds what a report says the nodes saw of each other against when each says it published.
func (w *world) reported(id string) {
	w.t.Helper()
	var r evacuation
	eventually(w.t, 30*time.Second, "the report "+id, func() error { return w.do(0, http.MethodGet, "/reports/"+id, "", nil, &r) })
	w.seen(&r)
}

// evacuation is what a report says.
type evacuation struct {
	ID, Kind string
	At       struct{ First, Decided, Published, Closed time.Time }
	Nodes    []struct {
		Node                                  string
		Asked, Answered                       int
		PublishedAt, LastAnswerAt, LastSeenAt time.Time
	}
}

func (w *world) seen(r *evacuation) {
	w.t.Helper()
	if len(r.Nodes) != len(w.nodes) {
		w.t.Errorf("the report %s has %d nodes", r.ID, len(r.Nodes))
	}
	for _, n := range r.Nodes {
		if n.Asked == 0 || n.Answered != n.Asked {
			w.t.Errorf("the report %s says that %s answered %d of %d questions", r.ID, n.Node, n.Answered, n.Asked)
		}
		if n.LastSeenAt.Sub(n.PublishedAt) > agree {
			w.t.Errorf("the report %s says that %s published at %v, and was seen to name what had left at %v", r.ID, n.Node, milli(n.PublishedAt), milli(n.LastSeenAt))
		}
	}
}

// failovers looks at the reports of what failed.
func (w *world) failovers(t *testing.T) {
	var list struct{ Items []evacuation }
	eventually(t, 2*time.Minute, "a report of a failover", func() error {
		if err := w.do(0, http.MethodGet, "/reports", "", nil, &list); err != nil {
			return err
		}
		list.Items = slices.DeleteFunc(list.Items, func(r evacuation) bool { return r.Kind != "failover" })
		if len(list.Items) == 0 { // failures within ten seconds are one
			return errors.New("there is none")
		}
		return nil
	})
	known := 0
	for i := range list.Items {
		r := &list.Items[i]
		w.seen(r)
		if !r.At.First.IsZero() {
			known++
		}
		if r.At.First.After(r.At.Decided) {
			t.Errorf("the report %s says that the first probe failed at %v, and that it was decided at %v", r.ID, milli(r.At.First), milli(r.At.Decided))
		}
	}
	if known == 0 {
		t.Errorf("none of %d reports says when the first probe failed", len(list.Items))
	}
}

var windowKinds = []windowKind{
	{"planned drain", one, drains(func(r []*site) string { return "region/" + r[0].name })},
	{"automatic failover", one, fails},
	{"provider drained", both, drains(func(r []*site) string { return "provider/" + r[0].provider })},
	{"provider outage", both, fails},
	{"drill", one, drilled},
}

func TestE2EWindowBehindResolvers(t *testing.T) {
	if runs() == 1 {
		t.Skip("part of make e2e: its times want a machine that does little else")
	}
	w := newWorld(t)
	for _, k := range windowKinds {
		w.part(k.name, func(t *testing.T) {
			out := windowResults{last: map[string][]time.Duration{}}
			for run := range runs() {
				w.window(t, k, run, &out)
			}
			out.print(t, k.name)
		})
	}
	w.part("reports of failovers", w.failovers)
	w.part("a node that is cut off", w.cutOff)
	w.part("publication", w.publication)
	w.part("static records", w.static)
}

// part is a part of the test that is in trouble alone when it is.
func (w *world) part(name string, do func(*testing.T)) {
	whole := w.t
	defer func() { w.t = whole }()
	whole.Run(name, func(t *testing.T) {
		w.t = t
		do(t)
	})
}

// windowResults is what was measured in the runs of one kind.
type windowResults struct {
	last     map[string][]time.Duration // by resolver: the last hit less the end of the window
	latest   []time.Duration            // of those that fetched lately
	observed []time.Duration            // between reported and observed publication, each node's
}

func (r *windowResults) print(t *testing.T, kind string) {
	for _, res := range resolvers {
		percentiles(t, kind+", behind "+res.program+": last client at the region relative to the reported end of the window", r.last[res.program])
	}
	if len(r.latest) == 0 {
		t.Fatal("in no run had a resolver fetched just before the publication")
	}
	percentiles(t, kind+", the last of unbound and kresd, when they fetched in the 100 ms before publication", r.latest)
	percentiles(t, kind+", a node's publication as observed less as reported", r.observed)
}

// window is one run.
func (w *world) window(t *testing.T, k windowKind, run int, out *windowResults) {
	t.Helper()
	w.settled()
	regions := k.regions(w, run)
	watches := make([]*lookout, len(w.nodes))
	stops := make([]func(), len(w.nodes))
	for i := range w.nodes {
		watches[i], stops[i] = w.lookout(i)
	}
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	eventually(t, 30*time.Second, "each node answers each region", func() error {
		for i, o := range watches {
			for _, s := range regions {
				if !o.seen(s.host) {
					return fmt.Errorf("%s does not answer %s", w.nodes[i].name, s.name)
				}
			}
		}
		return nil
	})
	report, undo := k.begin(w, run, regions)
	defer undo()
	reports := make([]windowReport, len(regions))
	for i, s := range regions {
		eventually(t, 60*time.Second, s.name+" has a window that will close", func() (err error) {
			if reports[i], err = report(s); err == nil && (reports[i].ClosesAt.IsZero() || len(reports[i].Nodes) != len(w.nodes)) {
				err = fmt.Errorf("its window is %+v", reports[i])
			}
			return err
		})
	}
	for i := range regions {
		<-time.After(time.Until(reports[i].ClosesAt.Add(time.Second))) // what comes late is to be seen
	}
	for i, s := range regions {
		after, err := report(s)
		if apart := after.ClosesAt.Sub(reports[i].ClosesAt); err != nil || after.State != "drained" || apart.Abs() > agree {
			t.Errorf("run %d, %s: the window was %+v and is %+v a second after it closed, %v", run, s.name, reports[i], after, err)
		} else if apart > 0 {
			after.ClosesAt = reports[i].ClosesAt // nodes tell ages, not times; the first to go by is what counts
		}
		w.judge(t, fmt.Sprintf("%s %d, %s", k.name, run, s.name), s, &after, watches, out)
	}
	for _, c := range w.caches {
		if err := c.trouble(); err != nil {
			t.Errorf("%s %d: %v", k.name, run, err)
		}
	}
}

// judge compares what is reported of a region with what its server and each node's answers showed.
func (w *world) judge(t *testing.T, what string, s *site, r *windowReport, watches []*lookout, out *windowResults) {
	t.Helper()
	if r.MaxTTL != windowTTL {
		t.Errorf("%s: the largest TTL handed out is reported as %d", what, r.MaxTTL)
	}
	if r.CommittedAt.Before(r.DecidedAt.Add(-agree)) || r.PublishedAt.Before(r.CommittedAt) {
		t.Errorf("%s: decided %v, committed %v, published %v", what, r.DecidedAt, r.CommittedAt, r.PublishedAt)
	}
	for i, o := range watches {
		n := slices.IndexFunc(r.Nodes, func(n nodeReport) bool { return n.Node == w.nodes[i].name })
		if n < 0 {
			t.Errorf("%s: nothing is reported of %s", what, w.nodes[i].name)
			continue
		}
		node := r.Nodes[n]
		last, without := o.left(s.host)
		if apart := without.Sub(node.PublishedAt); without.IsZero() || apart.Abs() > agree || last.Sub(node.PublishedAt) > agree {
			t.Errorf("%s: %s reports that it published at %v; its last answer with the region came at %v, the first without it at %v", what, node.Node, milli(node.PublishedAt), milli(last), milli(without))
		} else {
			out.observed = append(out.observed, apart)
		}
		if !node.LastAnswerAt.IsZero() && (last.Sub(node.LastAnswerAt) > agree || node.LastAnswerAt.Sub(node.PublishedAt) > agree) {
			t.Errorf("%s: %s reports its last answer at %v; one came at %v, and it published at %v", what, node.Node, milli(node.LastAnswerAt), milli(last), milli(node.PublishedAt))
		}
	}
	var latest time.Duration
	fetched := false
	for _, c := range w.caches {
		hit := s.last(c.name)
		rel := hit.at.Sub(r.ClosesAt)
		out.last[c.name] = append(out.last[c.name], rel)
		if rel > 0 {
			t.Errorf("%s: a client of %s came %v after the window had closed at %v (published %v): it had asked for %s", what, c.name, rel, milli(r.ClosesAt), milli(r.PublishedAt), hit.question)
		}
		// BIND drops a record up to a second before its TTL is over, so it shows nothing of padding.
		if f := c.latest(s.host); c.name != "named" && f.asked.After(r.PublishedAt.Add(-lately)) {
			if !fetched || rel > latest {
				latest = rel
			}
			fetched = true
		}
	}
	if fetched {
		out.latest = append(out.latest, latest)
		if latest < -unpadded {
			t.Errorf("%s: the last client came %v before the window closed, which was too careful", what, -latest)
		}
	}
}

// seen says whether the node's present answers to some name have an address.
func (o *lookout) seen(host string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, list := range o.spans {
		if list[len(list)-1].host == host {
			return true
		}
	}
	return false
}

func milli(t time.Time) string { return t.Local().Format("15:04:05.000") }

// cutOff drains while one node hears nothing of the others and answers its clients still.
func (w *world) cutOff(t *testing.T) {
	w.settled()
	lead := w.leader()
	cut, ask := (lead+1)%len(w.nodes), (lead+2)%len(w.nodes)
	p := w.nodes[cut]
	p.ns.must(lookPeer(t, "nft"), "table ip cut { chain in { type filter hook input priority 0; tcp dport 7300 drop; tcp sport 7300 drop; }; chain out { type filter hook output priority 0; tcp dport 7300 drop; tcp sport 7300 drop; }; }")
	mend := func() { _ = p.ns.command("nft", "delete", "table", "ip", "cut").Run() }
	defer mend()
	east := w.sites[0]
	answers := func(i int) string {
		list, err := w.direct(i)
		if err != nil {
			return err.Error()
		}
		return strings.Join(list, " ")
	}
	id, _ := w.drain(ask, "region/"+east.name)
	defer w.lift(ask, id)
	eventually(t, 60*time.Second, "the window is incomplete for the node that is cut off", func() error {
		r, err := w.control(id)
		if err != nil {
			return err
		}
		if r.State != "incomplete" {
			return fmt.Errorf("it is %+v", r)
		}
		for _, n := range r.Nodes {
			if n.Reachable != (n.Node != p.name) || n.PublishedAt.IsZero() != (n.Node == p.name) {
				return fmt.Errorf("of %s it says %+v", n.Node, n)
			}
		}
		return nil
	})
	for i, n := range w.nodes {
		if a := answers(i); (a == east.host) != (i == cut) {
			t.Errorf("%s answers %s", n.name, a)
		}
	}
	mend()
	var r windowReport
	eventually(t, 60*time.Second, "the window closes when the node is back", func() (err error) {
		if r, err = w.control(id); err == nil && r.State != "drained" {
			err = fmt.Errorf("it is %+v", r)
		}
		return err
	})
	if a := answers(cut); a == east.host {
		t.Errorf("%s still answers %s", p.name, a)
	}
	for _, c := range w.caches {
		if hit := east.last(c.name); hit.at.After(r.ClosesAt) {
			t.Errorf("a client of %s came %v after the window had closed: it had asked for %s", c.name, hit.at.Sub(r.ClosesAt), hit.question)
		}
	}
}

// publication measures how long a drain takes from commit to each node's answers.
func (w *world) publication(t *testing.T) {
	var nodes, all []time.Duration
	for range min(50, 2*runs()) {
		w.settled()
		id, _ := w.drain(0, "region/"+w.sites[0].name)
		var r windowReport
		eventually(t, 60*time.Second, "the drain is published", func() (err error) {
			if r, err = w.control(id); err == nil && (r.PublishedAt.IsZero() || r.CommittedAt.IsZero()) {
				err = errors.New("not yet")
			}
			return err
		})
		for _, n := range r.Nodes {
			nodes = append(nodes, n.PublishedAt.Sub(r.CommittedAt))
		}
		all = append(all, r.PublishedAt.Sub(r.CommittedAt))
		w.lift(0, id)
	}
	percentiles(t, "a drain's commit to a node's publication", nodes)
	percentiles(t, "a drain's commit to the publication on the last of five nodes", all)
}

// drain drains a target at a node, and gives the control's id and what the API warns of.
func (w *world) drain(i int, target string) (id string, warnings []string) {
	w.t.Helper()
	var made struct {
		ID       string
		Warnings []string
	}
	w.must(w.do(i, http.MethodPost, "/controls", "application/json", fmt.Appendf(nil, `{"target":%q,"action":"drain","reason":"test of windows"}`, target), &made))
	return made.ID, made.Warnings
}

func (w *world) lift(i int, id string) {
	w.t.Helper()
	w.must(w.do(i, http.MethodDelete, "/controls/"+id, "", nil, nil))
}

// static has clients sent to a drained region by records that no drain takes out
// of answers, and wants the API to have warned of these.
func (w *world) static(t *testing.T) {
	id, warnings := w.drain(0, "region/"+w.sites[1].name)
	w.lift(0, id)
	if all := strings.Join(warnings, "\n"); strings.Contains(all, legacyName) {
		t.Errorf("the drain of another region warns: %s", all)
	}
	id, warnings = w.drain(0, "region/"+w.sites[0].name)
	defer w.lift(0, id)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeHTTPS} {
		kind := dns.TypeToString[qtype]
		if !slices.ContainsFunc(warnings, func(s string) bool { return strings.Contains(s, legacyName) && strings.Contains(s, kind) }) {
			t.Errorf("nothing warns of the %s record of %s: %q", kind, legacyName, warnings)
		}
		for _, c := range w.caches {
			conn, err := c.ns.dial("udp", c.addr)
			w.must(err)
			hosts, err := c.call(&dns.Conn{Conn: conn}, &fetch{name: legacyName + ".", qtype: qtype})
			conn.Close()
			if err != nil || !slices.Equal(hosts, []string{w.sites[0].host}) {
				t.Errorf("%s gives %v of %s %s, %v", c.name, hosts, legacyName, kind, err)
			}
		}
	}
}
