package main

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestE2EDrillWithoutQuorum kills two of three nodes, the leader among them, while a drill holds: the node that is left
// ends what the drill does by its own clock, and when the others are back the run is expired, with its report.
func TestE2EDrillWithoutQuorum(t *testing.T) {
	if runs() == 1 {
		t.Skip("part of make e2e: it waits for the hard end of a drill, a minute at the least")
	}
	t.Parallel()
	c := newCluster(t)
	c.upDrills()
	hook := startDrillHook(t)
	var took []time.Duration
	for n := range min(runs(), 6) {
		k := drillCase{name: "no quorum", force: 1, result: "expired"}
		k.plan = `"steps":[{"name":"out","drain":["region/REGION"]},{"name":"rest","wait":"50s"}],"expires":"1m"`
		silent := n%2 == 0
		if silent {
			k.plan = `"steps":[{"name":"out","drain":["region/REGION"]},{"name":"quiet","silenceNode":"NODE"},{"name":"rest","wait":"50s"}],"expires":"1m"`
			k.feigned = "quiet: NODE answers no query"
		}
		d := &drillRun{c: c, kind: &k, hook: hook, region: c.regions[n%len(c.regions)]}
		d.start(fmt.Sprintf("q%d", n))
		d.comes(at("holding"))
		var killed sync.WaitGroup
		for _, i := range []int{d.dead, d.others[0]} {
			killed.Go(c.nodes[i].kill)
		}
		killed.Wait()
		d.others = []int{d.node} // the only one that is left
		d.look(d.node)
		took = append(took, d.endsAlone(silent))
		c.start(d.dead)
		c.start(3 - d.dead - d.node)
		d.over()
		d.proven()
		if t.Failed() {
			t.Fatalf("that was run %d, silent: %v", n, silent)
		}
	}
	percentiles(t, "hard end of a drill to the only node that is left answering as without it", took)
}

// endsAlone wants the drill in force at the node that is left until its hard end, and gives how long after that it was not any more.
func (d *drillRun) endsAlone(silent bool) time.Duration {
	c, t := d.c, d.c.t
	t.Helper()
	end := d.run.ExpiresAt
	eventually(t, time.Until(end)+60*time.Second, "the node that is left answers as without the drill", func() error {
		for _, r := range c.regions {
			asked := time.Now()
			a, err := c.ask(d.node, r.client)
			switch {
			case err != nil && !silent:
				t.Errorf("it does not answer for %s: %v", r.name, err)
			case err == nil && asked.Before(end) && (silent || r == d.region) && (silent || len(a) != 1 || a[0] == r.host()):
				t.Fatalf("it answers %v for %s %v before the hard end of the drill", a, r.name, time.Until(end))
			}
			if err != nil || len(a) != 1 || a[0] != r.host() {
				return fmt.Errorf("it answers %v, %w for %s", a, err, r.name)
			}
		}
		return nil
	})
	took := time.Since(end)
	if d.look(d.node); d.run.Over {
		t.Errorf("a node without a leader holds the run to be %s", d.run.Phase)
	}
	if err := c.do(d.node, http.MethodPost, "/drills/"+d.id+"/abort", "", nil, nil); err == nil {
		t.Error("a node without a leader takes the end of the run")
	}
	return took
}
