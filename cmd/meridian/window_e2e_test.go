package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web/api"
)

// A drain says when its window closes, and no node gives an answer that would
// outlast it; a member that is out of reach is named until it is back; automatic
// failover has the same figures; and whoever was seen to come later is told of.
func TestE2EWindow(t *testing.T) {
	t.Parallel()
	const seconds = 2
	c := newCluster(t)
	c.up(fast, seconds)
	events := c.events(1)
	stop := c.load(0, 1, 2)
	r := c.regions[0]
	out, err := c.run(1, "drain", "region/"+r.name, "--reason", "rehearsal", "--wait")
	done := time.Now()
	if err != nil || !strings.Contains(out, "\ndraining: closes at ") || !strings.HasSuffix(out, "\ndrained: no resolver that abides by TTLs hands it out any more\n") {
		t.Fatalf("%v: %s", err, out)
	}
	askers := stop()
	list := into[api.ControlList](t, c, 2, "/controls")
	v := into[api.Control](t, c, 2, "/controls/"+list.Items[0].Id)
	w := v.Window
	if w.State != api.WindowStateDrained || w.MaxTTL != seconds || len(w.Nodes) != 3 || w.CommittedAt.IsZero() || w.DecidedAt.IsZero() || w.ClosesAt.After(done.Add(time.Second)) {
		t.Fatalf("the window is %+v", w)
	}
	for i, a := range askers {
		at := slices.IndexFunc(w.Nodes, func(n api.NodeWindow) bool { return n.Node == c.nodes[i].name })
		n := w.Nodes[at]
		if last := a.seen(r.host()); last.Add(seconds * time.Second).After(n.ClosesAt) {
			t.Errorf("node %s answered with it at %v, and its window of %d s closed at %v", n.Node, last, seconds, n.ClosesAt)
		}
		if n.LastAnswerAt.IsZero() || n.LastAnswerAt.After(n.PublishedAt.Add(10*time.Millisecond)) {
			t.Errorf("node %s gave its last answer at %v and published at %v", n.Node, n.LastAnswerAt, n.PublishedAt)
		}
	}
	told := map[string]bool{}
	for len(told) < 2 {
		select {
		case e := <-events:
			if e.Type == "window" && e.Object == "control/"+v.Id {
				told[strings.SplitN(e.Text, "; ", 2)[0]] = true
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("events tell of %v", told)
		}
	}

	body := fmt.Sprintf(`{"client":"91.10.3.77","endpoint":%q,"source":"nginx","at":%q}`, r.host(), w.ClosesAt.Add(time.Second).Format(time.RFC3339Nano))
	c.must(c.do(0, http.MethodPut, "/observations", "application/x-ndjson", []byte(body), nil))
	if out, err := c.run(2, "residual", v.Id); err != nil || !strings.Contains(out, "91.10.3.0/24") || !strings.Contains(out, "DE") {
		t.Errorf("%v: %s", err, out)
	}

	// Cut off: it is named, and right: when it is back it counts from then.
	if out, err := c.run(0, "undrain", "region/"+r.name); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	gone := (c.leader() + 1) % 3
	asked := (gone + 1) % 3
	c.nodes[gone].kill()
	out, err = c.run(asked, "drain", "region/"+r.name, "--reason", "rehearsal", "-o", "json")
	c.must(err)
	if !strings.Contains(out, `"incomplete"`) {
		t.Errorf("the drain without a node is %s", out)
	}
	list = into[api.ControlList](t, c, asked, "/controls")
	id := list.Items[0].Id
	if v := into[api.Control](t, c, asked, "/controls/"+id); v.Window.State != api.WindowStateIncomplete || !v.Window.ClosesAt.IsZero() {
		t.Errorf("the window is %+v", v.Window)
	} else if silent := silentNodes(v.Window); len(silent) != 1 || silent[0] != c.nodes[gone].name {
		t.Errorf("it names %v, not %s", silent, c.nodes[gone].name)
	}
	c.start(gone)
	eventually(t, 60*time.Second, "the window closes when the node is back", func() error {
		var v api.Control
		if err := c.do(asked, http.MethodGet, "/controls/"+id, "", nil, &v); err != nil || v.Window.State != api.WindowStateDrained {
			return fmt.Errorf("%v: %+v", err, v.Window)
		}
		return nil
	})

	b := c.regions[1]
	b.breaks(t)
	eventually(t, 60*time.Second, "a failover has a window on every node", func() error {
		var list api.DepartureList
		if err := c.do(asked, http.MethodGet, "/windows", "", nil, &list); err != nil {
			return err
		}
		for _, d := range list.Items {
			if d.Cause == "verdict" && d.Endpoint == "endpoint/web-"+b.name+"/a" && len(d.Nodes) == 3 && d.MaxTTL == seconds && !d.DecidedAt.IsZero() {
				return nil
			}
		}
		return fmt.Errorf("there are %+v", list)
	})
}

// into reads something of a node.
func into[T any](t *testing.T, c *cluster, i int, path string) (v T) {
	t.Helper()
	c.must(c.do(i, http.MethodGet, path, "", nil, &v))
	return v
}
