package policy

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// TestTargetRate: no document has each vantage send more than MaxTargetRate probes a second to one target out there.
func TestTargetRate(t *testing.T) {
	monitors := func(n int, path string) (list []Monitor) {
		for i := range n {
			list = append(list, Monitor{Name: fmt.Sprintf("m%d", i), HTTP: &HTTPCheck{Port: 80, Path: strings.Replace(path, "N", fmt.Sprint(i), 1)}, Interval: Duration(200 * time.Millisecond)})
		}
		return list
	}
	for name, c := range map[string]struct {
		addr     string
		monitors []Monitor // each checks one endpoint at the address
		refused  string
	}{
		"as many as may be":            {"192.0.2.1", monitors(20, "/N"), ""},
		"one more":                     {"192.0.2.1", monitors(21, "/N"), "/pools/20/endpoints/0"},
		"the same, so that they share": {"192.0.2.1", monitors(100, "/"), ""},
		"allowed by hand":              {"10.0.0.1", monitors(100, "/N"), ""},
		"by a target of its own": {"10.0.0.1", func() []Monitor {
			l := monitors(21, "/N")
			for i := range l {
				l[i].Target = &ProbeTarget{Address: netip.MustParseAddr("192.0.2.9")}
			}
			return l
		}(), "/pools/20/endpoints/0"},
	} {
		conf := Config{Monitors: c.monitors}
		for i, m := range c.monitors {
			conf.Pools = append(conf.Pools, Pool{Name: fmt.Sprintf("p%d", i), Monitor: m.Name, Endpoints: []Endpoint{{Name: "a", Address: netip.MustParseAddr(c.addr)}}})
		}
		err := conf.Validate()
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || !strings.Contains(err.Error(), "more than 100 times a second")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
