package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web/api"
)

// A signal that any node is given moves every node's verdict, outlives a member
// that is killed, and makes of the verdict what whenStale says when it is not given again.
func TestE2ESignals(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for i := range c.nodes {
		c.start(i)
	}
	eventually(t, 60*time.Second, "three voters", func() error { return c.voters(3) })
	c.must(c.do(0, http.MethodPut, "/zones/"+c.zone, "text/dns", demoZone, nil))
	doc := c.document(fast, 5)
	doc = strings.Replace(doc, "\npools:\n", "\n  - {name: lease, signal: {name: lease-ok, whenStale: down}}\npools:\n", 1)
	doc = strings.Replace(doc, "monitor: web,", "monitors: {all: [web, lease]},", 1) // of the first region
	eventually(t, 30*time.Second, "the feature level is raised", func() error {
		return c.do(0, http.MethodPut, "/config", "application/yaml", []byte(doc), nil)
	})
	follower := (c.leader() + 1) % 3
	endpoint := "web-" + c.regions[0].name + "/a"
	everywhere := func(status, why string) func() error {
		return func() error {
			for i := range c.nodes {
				var h api.EndpointHealth
				if err := c.do(i, http.MethodGet, "/health/"+endpoint, "", nil, &h); err != nil {
					return err
				}
				for _, check := range h.Checks {
					if check.Monitor != "lease" {
						continue
					}
					if v := check.Verdict; string(v.Status) != status || len(v.Ballots) != 1 || v.Ballots[0].Vantage != "signal/lease-ok" || !strings.Contains(v.Ballots[0].Error, why) {
						return fmt.Errorf("node %d has the verdict %+v", i, v)
					}
				}
				if string(h.Measured) != status {
					return fmt.Errorf("node %d measures %s", i, h.Measured)
				}
			}
			return nil
		}
	}
	eventually(t, 30*time.Second, "a lease that was never given is down", everywhere("down", "never given"))
	out, err := c.run(follower, "signal", "lease-ok", "up", "--max-age", "1h", "--reason", "renewed")
	if err != nil || !strings.Contains(out, "Signal lease-ok is up until ") {
		t.Fatalf("%v: %s", err, out)
	}
	eventually(t, 30*time.Second, "it is up", everywhere("up", "renewed"))
	c.nodes[follower].kill()
	c.start(follower)
	eventually(t, 30*time.Second, "it is up on a node that was started again", everywhere("up", "renewed"))
	eventually(t, 30*time.Second, "a write goes through", func() error {
		return c.do(follower, http.MethodPut, "/signals/lease-ok", "application/json", []byte(`{"status":"up","maxAge":"1s"}`), nil)
	})
	eventually(t, 30*time.Second, "it ran out", everywhere("down", "stale: given "))
	var s api.Signal
	eventually(t, 30*time.Second, "it is marked stale", func() error {
		if err := c.do(follower, http.MethodGet, "/signals/lease-ok", "", nil, &s); err != nil || !s.Stale {
			return fmt.Errorf("%+v, %v", s, err)
		}
		return nil
	})
}
