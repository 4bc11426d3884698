package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// drillRun is a run of a drillCase.
type drillRun struct {
	c      *cluster
	kind   *drillCase
	second string // token of somebody who approves
	hook   *drillHook
	region *region // that is taken out
	signal string
	fill   *strings.Replacer // names for the case's placeholders

	id         string
	dead, node int   // the leader that dies, and who is silenced or not heard
	others     []int // who is left
	run        api.Drill
	tag        string // of the run: another after each step
}

// look reads the run at a node.
func (d *drillRun) look(i int) {
	d.c.t.Helper()
	res, b, err := d.c.call(i, http.MethodGet, "/drills/"+d.id, "", nil)
	if err != nil || res.StatusCode != http.StatusOK {
		d.c.t.Fatalf("the run %s at node %d: %v, %s", d.id, i, err, b)
	}
	var run api.Drill
	d.c.must(json.Unmarshal(b, &run))
	d.run, d.tag = run, res.Header.Get("ETag")
}

func (d *drillRun) running(step string) bool {
	return slices.ContainsFunc(d.run.Steps, func(st api.DrillStepRun) bool { return st.Name == step && st.State == "running" })
}

// acts says whether the region is taken out.
func (d *drillRun) acts() bool {
	return slices.ContainsFunc(d.run.Steps, func(st api.DrillStepRun) bool {
		return (st.Kind == "drain" || st.Kind == "force-down") && len(st.Controls) > 0
	})
}

// due is when the last of the steps that go on is over, where that is known.
func (d *drillRun) due() (until time.Time) {
	for _, st := range d.run.Steps {
		if st.State == "running" && (st.Kind == "wait" || st.Kind == "window" || st.Kind == "lower-ttl") && st.Until.After(until) {
			until = st.Until
		}
	}
	return until
}

// post asks a node that is left to do something with the run, with a key by which it happens once.
func (d *drillRun) post(what, as string) error {
	res, b, err := d.c.call(d.others[0], http.MethodPost, "/drills/"+d.id+"/"+what, "", map[string]string{"Authorization": "Bearer " + as, "Idempotency-Key": d.id + "-" + what})
	if err == nil && res.StatusCode/100 != 2 {
		err = &httpError{res.StatusCode, string(b)}
		if res.StatusCode != http.StatusServiceUnavailable {
			d.c.t.Fatalf("%s: %v", what, err)
		}
	}
	return err
}

// isOut wants no answer with the region at those that are left, while it is out.
func (d *drillRun) isOut() {
	d.c.t.Helper()
	if !d.acts() {
		d.c.t.Fatalf("nothing is out: %+v", d.run)
	}
	for _, i := range d.others {
		a, err := d.c.ask(i, d.region.client)
		if d.look(i); !d.acts() {
			return // it went on meanwhile
		}
		if err != nil || len(a) != 1 || a[0] == d.region.host() {
			d.c.t.Errorf("node %d answers %v, %v while %s is out", i, a, err, d.region.name)
		}
	}
}

// isSilent wants no answer of the silenced node, and all of the others.
func (d *drillRun) isSilent() {
	d.c.t.Helper()
	for _, i := range d.others {
		a, err := d.c.ask(i, d.region.client)
		if d.look(d.others[0]); string(d.run.Phase) != "holding" {
			return
		}
		if (err != nil) != (i == d.node) {
			d.c.t.Errorf("node %d answers %v, %v while node %d is silenced", i, a, err, d.node)
		}
	}
}

// back wants the silenced node to be silent again when it is back, while the drill still holds.
func (d *drillRun) back() {
	d.c.t.Helper()
	eventually(d.c.t, 60*time.Second, "the killed node is back", func() error {
		_, err := d.c.status(d.node)
		return err
	})
	a, err := d.c.ask(d.node, d.region.client)
	if d.look(d.others[0]); string(d.run.Phase) != "holding" {
		d.c.t.Logf("the killed node came back too late to be silent")
	} else if err == nil {
		d.c.t.Errorf("the silenced node answers %v when it is back", a)
	}
}

// over waits for the end of the run at the nodes that are left.
func (d *drillRun) over() {
	d.c.t.Helper()
	eventually(d.c.t, 90*time.Second, "the run is over", func() error {
		if d.look(d.others[0]); !d.run.Over {
			return fmt.Errorf("it is %s: %+v", d.run.Phase, d.run.Timeline)
		}
		return nil
	})
}

// proven wants all nodes to hold the same, and that to be: one report of a run in which each thing happened once and of
// which nothing is left.
func (d *drillRun) proven() {
	c, t := d.c, d.c.t
	t.Helper()
	var bodies [2][]byte
	eventually(t, 60*time.Second, "all nodes have the report", func() error {
		for i := range c.nodes {
			for n, path := range []string{"/drills/" + d.id, "/reports/" + d.id} {
				res, b, err := c.call(i, http.MethodGet, path, "", nil)
				switch {
				case err != nil:
					return err
				case res.StatusCode != http.StatusOK:
					return &httpError{res.StatusCode, string(b)}
				case i > 0 && !bytes.Equal(b, bodies[n]):
					return fmt.Errorf("node %d says %s, node 0 %s", i, b, bodies[n])
				}
				bodies[n] = b
			}
		}
		return nil
	})
	var report api.Report
	c.must(json.Unmarshal(bodies[0], &d.run))
	c.must(json.Unmarshal(bodies[1], &report))
	d.told(&report)
	d.once()
	eventually(t, 60*time.Second, "every node answers as before", func() error {
		for i := range c.nodes {
			for _, r := range c.regions {
				if a, err := c.ask(i, r.client); err != nil || len(a) != 1 || a[0] != r.host() {
					return fmt.Errorf("node %d answers %v, %v for %s", i, a, err, r.name)
				}
			}
		}
		return nil
	})
	c.sameState()
	eventually(t, 60*time.Second, "all nodes are there and hold all endpoints to be up", func() error {
		st, err := c.status(d.others[0])
		for _, m := range st.Members {
			if !m.Reachable {
				return fmt.Errorf("%s is not reached", m.Node)
			}
		}
		return errors.Join(err, c.healthy())
	})
}

// told looks at the report.
func (d *drillRun) told(report *api.Report) {
	c, t := d.c, d.c.t
	t.Helper()
	want := d.kind.result
	if want == "" {
		want = "done"
	}
	if string(d.run.Phase) != want || report.Result != want || report.Drill != d.id || report.Cut {
		t.Errorf("the run is %s (%s, %s) and its report says %s; want %s", d.run.Phase, d.run.Code, d.run.Problem, report.Result, want)
	}
	var list struct{ Items []api.Report }
	c.must(c.do(d.others[0], http.MethodGet, "/reports", "", nil, &list))
	if n := len(slices.DeleteFunc(list.Items, func(r api.Report) bool { return r.Drill != d.id })); n != 1 {
		t.Errorf("%d reports of the run", n)
	}
	if !slices.Equal(report.Timeline, d.run.Timeline) || len(report.Timeline) < 4 {
		t.Errorf("the report's timeline is %+v, the run's %+v", report.Timeline, d.run.Timeline)
	}
	seen := map[string]bool{}
	for i, n := range report.Timeline {
		if seen[n.Phase+n.Text] || i > 0 && n.At.Before(report.Timeline[i-1].At) {
			t.Errorf("the timeline has %q twice, or out of order: %+v", n.Text, report.Timeline)
		}
		seen[n.Phase+n.Text] = true
	}
	if last := report.Timeline[len(report.Timeline)-1]; last.Phase != want || !strings.HasPrefix(last.Text, want) {
		t.Errorf("the timeline ends with %+v", last)
	}
	if text := d.fill.Replace(d.kind.feigned); text != "" && !slices.ContainsFunc(report.Timeline, func(n api.DrillNote) bool { return n.Text == text }) {
		t.Errorf("the timeline does not have %q: %+v", text, report.Timeline)
	}
	for _, st := range report.Steps {
		if want == "done" && st.State != "done" {
			t.Errorf("the step %s is %s", st.Name, st.State)
		}
	}
	if d.kind.force > 0 && want != "expired" {
		if a := report.At; a.Decided.IsZero() || a.Closed.IsZero() || a.Restored.Before(a.Closed) && want == "done" || report.Achieved == "" {
			t.Errorf("the report's times are %+v, achieved %q", a, report.Achieved)
		}
		named := 0
		for _, n := range report.Nodes {
			if n.Reachable && !n.PublishedAt.IsZero() {
				named++
			}
		}
		if named < 2 || report.At.Published.IsZero() {
			t.Errorf("the report says of %d nodes when they published it: %+v", named, report.Nodes)
		}
	}
	d.hook.one(t, d.id)
}

// once reads in the audit what controls the run made and took away.
func (d *drillRun) once() {
	c, t := d.c, d.c.t
	t.Helper()
	res, b, err := c.call(d.dead, http.MethodGet, "/audit?refused=false&object=control/", "", map[string]string{"Accept": "application/x-ndjson"})
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v, %s", err, b)
	}
	made, gone := map[string]int{}, map[string][]policy.Control{}
	for line := range bytes.Lines(b) {
		var l struct{ Entry policy.AuditEntry }
		c.must(json.Unmarshal(line, &l))
		for _, e := range l.Entry.Edits {
			if len(e.Before) == 0 {
				made[e.Object]++
				continue
			}
			var was policy.Control
			if e.After == "" && json.Unmarshal(e.Before, &was) == nil {
				gone[e.Object] = append(gone[e.Object], was)
			}
		}
	}
	near, force := 0, 0
	for id, n := range made {
		if len(gone[id]) != 1 || n != 1 {
			t.Errorf("%s was made %d times and taken away %d times: %+v", id, n, len(gone[id]), gone[id])
			continue
		}
		switch k := gone[id][0]; {
		case k.Drill != d.id:
		case k.Target != "region/"+d.region.name:
			t.Errorf("the run controlled %s", k.Target)
		case k.Phase == policy.Near:
			near++
		default:
			force++
		}
	}
	if near != d.kind.near || force != d.kind.force {
		t.Errorf("the run made %d controls that lower TTLs and %d that take the region out; want %d and %d", near, force, d.kind.near, d.kind.force)
	}
	var left struct{ Items []struct{ ID, Drill string } }
	if c.must(c.do(d.dead, http.MethodGet, "/controls", "", nil, &left)); len(left.Items) > 0 {
		t.Errorf("controls are left: %+v", left.Items)
	}
}

// drillHook is a receiver of a drill's webhooks. The first call with a key hangs until its caller is dead.
type drillHook struct {
	url  string
	mu   sync.Mutex
	keys map[string]int
}

func startDrillHook(t *testing.T) *drillHook {
	h := &drillHook{keys: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body) // so that the server sees the end of whoever calls
		h.mu.Lock()
		key := req.Header.Get("Idempotency-Key")
		h.keys[key]++
		first := h.keys[key] == 1
		h.mu.Unlock()
		if first {
			select {
			case <-req.Context().Done():
			case <-t.Context().Done():
			}
		}
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *drillHook) called(key string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.keys[key]
}

// one wants the calls of a run to have one key, and to be two: the one that hung and another leader's.
func (h *drillHook) one(t *testing.T, id string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, n := range h.keys {
		if run, step, _ := strings.Cut(key, "/"); run == id && step != "call" || !strings.HasPrefix(run, "d") || n < 2 {
			t.Errorf("%d calls with the key %q", n, key)
		}
	}
}
