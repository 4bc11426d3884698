package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fast is the monitor of most tests.
const fast = "interval: 1s, timeout: 500ms, fall: 3, rise: 2"

// runs is how often each scenario is repeated: once in `make test`, 30 times in `make e2e`.
func runs() int {
	if n, err := strconv.Atoi(os.Getenv("MERIDIAN_E2E_RUNS")); err == nil && n > 0 {
		return n
	}
	return 1
}

// percentiles logs what was measured; tests assert nothing of it.
func percentiles(t *testing.T, what string, list []time.Duration) {
	t.Helper()
	slices.Sort(list)
	at := func(p float64) time.Duration {
		return list[min(len(list)-1, int(p*float64(len(list))))].Round(time.Millisecond)
	}
	t.Logf("%s: p50 %v, p90 %v, p99 %v, max %v (n=%d)", what, at(.5), at(.9), at(.99), list[len(list)-1].Round(time.Millisecond), len(list))
}

// (a) and (f) of the first milestone: a region whose backends die leaves every
// node's answers without one lost or empty answer, and comes back when they do.
func TestE2EFailover(t *testing.T) {
	t.Parallel()
	var detect, total []time.Duration
	var c *cluster
	end := func() {}
	for run := range runs() {
		if run%3 == 0 { // each region once: the second failure of one would earn it a flap penalty
			end()
			c = newCluster(t)
			c.up(fast, 5)
			stop := c.load(0, 1, 2)
			end = func() {
				clean(t, stop())
				for _, p := range c.nodes {
					p.kill()
				}
			}
		}
		r := c.regions[run%3]
		began := time.Now()
		r.breaks(t)
		last := gone(t, c.askers, r.host(), time.Second, 60*time.Second)
		r.mu.Lock()
		probes := slices.Clone(r.refused)
		r.mu.Unlock()
		if len(probes) < 2 {
			t.Fatalf("the region was left after %d failed probes; two vantages must have seen it", len(probes))
		}
		// Each vantage probes once in an interval, so the second failed probe is the
		// first of the vantage that makes the majority.
		detect = append(detect, last.Sub(probes[1]))
		total = append(total, last.Sub(began))
		r.heal(t)
		eventually(t, 60*time.Second, r.name+" is answered again", func() error {
			for i := range c.nodes {
				if a, err := c.ask(i, r.client); err != nil || len(a) != 1 || a[0] != r.host() {
					return fmt.Errorf("node %d answers %v, %v", i, a, err)
				}
			}
			return nil
		})
	}
	end()
	percentiles(t, "first failed probe at the deciding vantage to the last answer at any node (interval 1s, fall 3, timeout 500ms)", detect)
	percentiles(t, "backend stopped to the last answer at any node", total)
}

// (b) kill -9 of the leader: no question to the others is lost, another leads, no verdict changes.
func TestE2ELeaderKilled(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	var took []time.Duration
	for range runs() {
		dead := c.leader()
		var others []int
		for i := range c.nodes {
			if i != dead {
				others = append(others, i)
			}
		}
		events := c.events(others[0])
		stop := c.load(others...)
		began := time.Now()
		c.nodes[dead].kill()
		eventually(t, 60*time.Second, "another leader", func() error {
			for _, i := range others {
				st, err := c.status(i)
				if err == nil && st.Leader == c.nodes[i].name {
					return nil
				}
			}
			return errors.New("none yet")
		})
		took = append(took, time.Since(began))
		c.quiet(events, began, 60*time.Second)
		clean(t, stop())
		c.start(dead)
		eventually(t, 60*time.Second, "the killed node answers and follows", func() error {
			if _, err := c.ask(dead, c.regions[0].client); err != nil {
				return err
			}
			st, err := c.status(dead)
			if err == nil && st.Leader == "" {
				err = errors.New("no leader known")
			}
			return err
		})
	}
	percentiles(t, "kill -9 of the leader to a new one", took)
}

// quiet fails when a verdict changes within a time, and wants to have seen the leader go.
func (c *cluster) quiet(events <-chan event, began time.Time, d time.Duration) {
	c.t.Helper()
	moved := false
	limit := time.After(d)
	for {
		select {
		case e := <-events:
			if e.At.Before(began) {
				continue // what was before is told first
			}
			if e.Type == "verdict" {
				c.t.Errorf("a verdict changed: %s", e.Text)
			}
			moved = moved || e.Type == "leader"
		case <-limit:
			if !moved {
				c.t.Error("the events do not tell that the leader changed")
			}
			return
		}
	}
}

// (c) write, drain last, kill all three at once, start each alone: it answers as
// before with the drain in force, and a write fails soon. The same without Raft's directory.
func TestE2EColdAndAlone(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.up(fast, 5)
	zone := strings.Replace(string(demoZone), "192.0.2.25", "192.0.2.26", 1)
	c.must(c.do(1, http.MethodPut, "/zones/"+c.zone, "text/dns", []byte(zone), nil))
	out, err := c.run(2, "drain", "region/us-east", "--reason", "test of a cold start")
	if err != nil {
		t.Fatalf("drain: %v\n%s", err, out)
	}
	var killed sync.WaitGroup
	for _, p := range c.nodes {
		killed.Go(p.kill)
	}
	killed.Wait()
	for _, wipe := range []bool{false, true} {
		for i, p := range c.nodes {
			if wipe {
				c.must(os.RemoveAll(filepath.Join(p.dataDir, "raft")))
			}
			c.start(i)
			eventually(t, 30*time.Second, p.name+" answers alone", func() error {
				a, err := c.ask(i, c.regions[0].client)
				if err != nil {
					return err
				}
				if len(a) != 1 || a[0] == c.regions[0].host() {
					t.Fatalf("%s answers %v for the drained region", p.name, a)
				}
				return nil
			})
			for _, r := range c.regions[1:] {
				if a, err := c.ask(i, r.client); err != nil || len(a) != 1 || a[0] != r.host() {
					t.Errorf("%s alone answers %v, %v for %s", p.name, a, err, r.name)
				}
			}
			var refused *httpError
			began := time.Now()
			err := c.do(i, http.MethodPut, "/zones/"+c.zone, "text/dns", demoZone, nil)
			if !errors.As(err, &refused) || refused.status != http.StatusServiceUnavailable {
				t.Errorf("%s alone takes a write: %v", p.name, err)
			}
			t.Logf("%s alone (raft directory wiped: %v) refused a write in %v", p.name, wipe, time.Since(began).Round(time.Millisecond))
			p.kill()
		}
	}
}

// (d) two of three regions die together, backends, vantage and voter: the survivor drops both.
func TestE2ETwoRegionsDie(t *testing.T) {
	t.Parallel()
	var took []time.Duration
	for run := range runs() {
		c := newCluster(t)
		c.up(fast, 5)
		alive := run % 3
		stop := c.load(alive)
		began := time.Now()
		var all sync.WaitGroup
		for i, r := range c.regions {
			if i != alive {
				all.Go(func() { r.breaks(t) })
				all.Go(c.nodes[i].kill)
			}
		}
		all.Wait()
		var last time.Time
		for i, r := range c.regions {
			if i != alive {
				if l := gone(t, c.askers, r.host(), time.Second, 90*time.Second); l.After(last) {
					last = l
				}
			}
		}
		took = append(took, last.Sub(began))
		clean(t, stop())
		for _, p := range c.nodes {
			p.kill()
		}
	}
	percentiles(t, "two regions dead to the survivor's last answer with either (grace 10s, fall 3, interval 1s, timeout 500ms)", took)
}
