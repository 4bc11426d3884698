package web

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// What it costs to look through a million records for the addresses of a drained
// endpoint; about 0.2 s, beside the wait for the nodes and not in the way of Raft.
func BenchmarkStaticWarnings(b *testing.B) {
	s := policy.NewState()
	z := policy.NewZone(policy.MustName("example.com"))
	for i := range 1_000_000 {
		set := policy.RRset{Type: policy.TypeA, TTL: 300, Data: [][]byte{{10, byte(i >> 16), byte(i >> 8), byte(i)}}}
		if err := z.Set(policy.MustName(fmt.Sprintf("h%d.example.com", i)), set); err != nil {
			b.Fatal(err)
		}
	}
	s.Zones.Set(z.Name.Key(), z)
	s.Pools.Set("web", policy.Object[policy.Pool]{Spec: policy.Pool{Name: "web", Endpoints: []policy.Endpoint{{Name: "a", Address: netip.MustParseAddr("10.0.0.1")}}}})
	c := policy.Control{Target: "pool/web", Action: policy.Drain}
	for b.Loop() {
		if list := staticWarnings(s, c); len(list) != 1 {
			b.Fatal(list)
		}
	}
}
