package policy

import (
	"fmt"
	"net/netip"
	"time"
)

// MaxTargetRate is how many probes a second each vantage may be told to send to one address or host name out
// there (S-17). Addresses that a node's own configuration must allow by hand are not counted.
const MaxTargetRate = 100

// targetRates refuses a document that would have probers flood somebody.
func (c *Config) targetRates(monitors map[string]int, p *Problems) {
	type probe struct {
		revision uint64
		interval Duration
		timeout  Duration
	}
	seen := map[probe]bool{} // checks that ask the same of one target share its probes
	rates, told := map[string]float64{}, map[string]bool{}
	for i := range c.Pools {
		pool := &c.Pools[i]
		for j := range pool.Endpoints {
			e := &pool.Endpoints[j]
			names, _ := pool.SetOf(e).Names()
			for _, name := range names {
				at, ok := monitors[name]
				if !ok {
					continue
				}
				m := c.Monitors[at].WithDefaults()
				check := newCheck(pool, e, m, "")
				key := probe{check.Revision, m.Interval, m.Timeout}
				if m.Signal != nil || m.Exec != nil || m.Interval <= 0 || ownNetwork(check.Host) || seen[key] {
					continue
				}
				seen[key] = true
				rates[check.Host] += 1 / time.Duration(m.Interval).Seconds()
				if rates[check.Host] > MaxTargetRate && !told[check.Host] {
					told[check.Host] = true
					p.Add(fmt.Sprintf("/pools/%d/endpoints/%d", i, j), "with this endpoint each vantage would probe %s more than %d times a second; probe less often, or by fewer monitors", check.Host, MaxTargetRate)
				}
			}
		}
	}
}

// ownNetwork says whether an address is one that may be probed only where the node's configuration allows it.
func ownNetwork(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && (a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast())
}
