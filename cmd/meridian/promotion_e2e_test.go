package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/probes/peertest"
	"github.com/meridian-gtm/meridian/web/api"
)

// pair is a PostgreSQL primary and its replica, as endpoints of the pool and the services of their number.
type pair struct {
	n                int
	primary, replica *peertest.PG
	addr             [2]string
}

// A service follows a promotion of PostgreSQL from the old primary to the new one,
// another leaves the server that is no replica any more, and when the old primary
// comes back and claims to be one still, the answer stays and both are named.
func TestE2EPromotion(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	pairs := make([]pair, 1)
	if runs() > 1 {
		pairs = make([]pair, 10)
	}
	for i := range pairs {
		pairs[i] = pair{n: i, addr: [2]string{fmt.Sprintf("192.0.2.%d", 10+2*i), fmt.Sprintf("192.0.2.%d", 11+2*i)}}
		pairs[i].primary = peertest.Postgres(t)
		pairs[i].replica = pairs[i].primary.Replica(t)
	}
	for i := range c.nodes {
		c.start(i)
	}
	eventually(t, 60*time.Second, "three voters", func() error { return c.voters(3) })
	c.must(c.do(0, http.MethodPut, "/zones/"+c.zone, "text/dns", demoZone, nil))
	secret, _ := json.Marshal(map[string]string{"value": peertest.Password})
	c.must(c.do(0, http.MethodPut, "/secrets/pg", "application/json", secret, nil))
	eventually(t, 30*time.Second, "the feature level is raised", func() error {
		return c.do(0, http.MethodPut, "/config", "application/yaml", []byte(databaseDocument(pairs)), nil)
	})
	answers := func(name string, want ...string) error {
		for _, p := range c.nodes {
			a, _, err := new(dns.Client).Exchange(new(dns.Msg).SetQuestion(name+".example.com.", dns.TypeA), p.dns)
			if err != nil || !slices.Contains(want, strings.Join(addresses(a), " ")) {
				return fmt.Errorf("%s answers %v for %s, %v; want one of %v", p.name, a, name, err, want)
			}
		}
		return nil
	}
	for _, p := range pairs {
		eventually(t, 60*time.Second, "writes go to the primary and reads to the replica", func() error {
			if err := answers(fmt.Sprintf("write%d", p.n), p.addr[0]); err != nil {
				return err
			}
			return answers(fmt.Sprintf("read%d", p.n), p.addr[1])
		})
	}
	took, promoted := make([]time.Duration, len(pairs)), make([]time.Duration, len(pairs))
	for i, p := range pairs {
		p.primary.Stop()
		began := time.Now()
		p.replica.Promote(t)
		promoted[i] = time.Since(began)
		var mu sync.Mutex
		var all sync.WaitGroup
		for _, node := range c.nodes {
			all.Go(func() {
				at, err := lastNamed(node.dns, fmt.Sprintf("write%d", p.n), p.addr[0], 60*time.Second)
				mu.Lock()
				defer mu.Unlock()
				took[i] = max(took[i], at.Sub(began))
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	for _, p := range pairs {
		if err := answers(fmt.Sprintf("write%d", p.n), p.addr[1]); err != nil {
			t.Error(err)
		}
		if err := answers(fmt.Sprintf("read%d", p.n), p.addr[1]); err != nil { // there is no replica any more
			t.Error(err)
		}
	}
	percentiles(t, "pg_ctl promote alone", promoted)
	percentiles(t, "pg_ctl promote begun to the last answer at any node that named the old primary (interval 1s, fall 2, rise 1)", took)

	p := pairs[0]
	p.primary.Restart(t) // it knows of no promotion
	eventually(t, 60*time.Second, "both are named as rivals", func() error {
		for i := range 2 {
			var h api.EndpointHealth
			if err := c.do(0, http.MethodGet, fmt.Sprintf("/health/db%d/%c", p.n, 'a'+i), "", nil, &h); err != nil {
				return err
			}
			k := slices.IndexFunc(h.Checks, func(c api.CheckHealth) bool { return c.Monitor == "writes" })
			if k < 0 || len(h.Checks[k].Verdict.Rivals) != 1 {
				return fmt.Errorf("%+v", h.Checks)
			}
		}
		return nil
	})
	if err := answers(fmt.Sprintf("write%d", p.n), p.addr[1]); err != nil {
		t.Errorf("the answer did not stay with the last that was undisputed: %v", err)
	}
}

// databaseDocument has each pair in two pools, one for those who write and one for those who read.
func databaseDocument(pairs []pair) string {
	var b strings.Builder
	const login = "user: postgres, password: {secret: pg}, tls: disable"
	fmt.Fprintf(&b, `monitors:
  - {name: writes, postgres: {%s, role: primary}, interval: 1s, timeout: 500ms, fall: 2, rise: 1, exclusive: true}
  - {name: reads, postgres: {%s, role: replica, maxLag: 5s}, interval: 1s, timeout: 500ms, fall: 2, rise: 1}
pools:
`, login, login)
	for _, p := range pairs {
		for name, monitor := range map[string]string{"db": "writes", "copy": "reads"} {
			fmt.Fprintf(&b, "  - name: %s%d\n    monitor: %s\n    endpoints:\n", name, p.n, monitor)
			for i, pg := range []*peertest.PG{p.primary, p.replica} {
				fmt.Fprintf(&b, "      - {name: %c, address: %s, probe: {address: %s, port: %d}}\n", 'a'+i, p.addr[i], peertest.Host, pg.Port)
			}
		}
	}
	b.WriteString("services:\n")
	for _, p := range pairs {
		fmt.Fprintf(&b, "  - {name: write%d.example.com, ttl: 5, steer: {pool: db%d}}\n  - {name: read%d.example.com, ttl: 5, steer: {failover: [{pool: copy%d}, {pool: db%d}]}}\n", p.n, p.n, p.n, p.n, p.n)
	}
	return b.String()
}
