package snapshot

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// manyServices is a state of n services of which each has two pools of its own, and 64 share three more.
func manyServices(n int, steer func(own ...policy.Branch) policy.Steering) *policy.State {
	s := policy.NewState()
	for name, iata := range map[string]string{"us": "IAD", "eu": "FRA", "ap": "SIN"} {
		s.Regions.Set(name, policy.Object[policy.Region]{Rev: 1, Spec: policy.Region{Name: name, Place: &policy.Place{IATA: iata}}})
	}
	s.Monitors.Set("m", policy.Object[policy.Monitor]{Rev: 1, Spec: policy.Monitor{Name: "m", TCP: &policy.TCPCheck{Port: 1}}})
	address := netip.MustParseAddr("10.0.0.0")
	put := func(name, region string) {
		p := policy.Pool{Name: name, Region: region, Monitor: "m"}
		for _, e := range []string{"a", "b"} {
			address = address.Next()
			p.Endpoints = append(p.Endpoints, policy.Endpoint{Name: e, Address: address})
			s.Verdicts.Set(name+"/"+e+"@m", policy.Verdict{Check: name + "/" + e + "@m", Status: policy.Up, Ramp: 100})
		}
		s.Pools.Set(name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	}
	z := &policy.Zone{Name: policy.MustName("example.com"), Rev: 1, Owners: policy.NewZone(policy.MustName("example.com")).Owners}
	s.Zones.Set(z.Name.Key(), z)
	for i := range (n + 63) / 64 {
		for region := range s.Regions.All {
			put(fmt.Sprintf("shared%d-%s", i, region), region)
		}
	}
	for i := range n {
		put(fmt.Sprintf("own%d", i), "us")
		svc := policy.Service{Name: policy.MustName(fmt.Sprintf("s%d.example.com", i)), Steer: steer(
			policy.Branch{Steering: policy.Steering{Pool: fmt.Sprintf("own%d", i)}},
			policy.Branch{Steering: policy.Steering{Pool: fmt.Sprintf("shared%d-eu", i/64)}},
			policy.Branch{Steering: policy.Steering{Pool: fmt.Sprintf("shared%d-ap", i/64)}})}
		s.Services.Set(svc.ID(), policy.Object[policy.Service]{Rev: 1, Spec: svc})
	}
	return s
}

func nearestOf(b ...policy.Branch) policy.Steering { return policy.Steering{Nearest: b} }

func flip(s *policy.State, pool string) *policy.State {
	next := s.Clone()
	next.Index++
	v, _ := next.Verdicts.Get(pool + "/a@m")
	v.Status = policy.Up + policy.Down - v.Status
	next.Verdicts.Set(v.Check, v)
	return next
}

func embedded(t testing.TB) *geo.Table {
	table, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// TestFlipCompilesWhatDependsOnIt: a verdict compiles the services of its pool, and no other.
func TestFlipCompilesWhatDependsOnIt(t *testing.T) {
	state := manyServices(200, nearestOf)
	s, err := Compile(nil, state, Local{Geo: embedded(t)})
	if err != nil {
		t.Fatal(err)
	}
	for pool, want := range map[string]int{"own7": 1, "shared0-eu": 64, "shared3-ap": 200 - 3*64} {
		state = flip(state, pool)
		next, err := Compile(s, state, Local{Geo: embedded(t)})
		if err != nil {
			t.Fatal(err)
		}
		if n := next.Services.Len() - next.Reused(s); n != want {
			t.Errorf("%s: %d services were compiled, not %d", pool, n, want)
		}
		if next.index != s.index {
			t.Errorf("%s: everything was looked at", pool)
		}
		s = next
	}
}

// TestDecideAllocatesNothing, whatever the branch.
func TestDecideAllocatesNothing(t *testing.T) {
	for name, q := range decisions(t) {
		if n := testing.AllocsPerRun(100, func() { q.s.Decide(q.q) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

type decision struct {
	s *Snapshot
	q Query
}

// decisions are a query for each kind of branch and option.
func decisions(t testing.TB) map[string]decision {
	de := &policy.Match{Countries: []string{"DE"}, CIDRs: []netip.Prefix{netip.MustParsePrefix("91.10.0.0/16")}}
	list := map[string]decision{}
	for name, change := range map[string]func(*policy.Service){
		"pool":     func(s *policy.Service) { s.Steer = s.Steer.Nearest[0].Steering },
		"failover": func(s *policy.Service) { s.Steer = policy.Steering{Failover: s.Steer.Nearest} },
		"weighted": func(s *policy.Service) { s.Steer = policy.Steering{Weighted: s.Steer.Nearest} },
		"nearest":  func(*policy.Service) {},
		"latency":  func(s *policy.Service) { s.Steer = policy.Steering{Latency: s.Steer.Nearest} },
		"geo": func(s *policy.Service) {
			d := s.Steer.Nearest[1].Steering
			s.Steer = policy.Steering{Geo: []policy.Branch{{Steering: s.Steer.Nearest[0].Steering, Match: de}}, Default: &d}
		},
		"sticky": func(s *policy.Service) {
			s.Steer, s.Sticky = policy.Steering{Weighted: s.Steer.Nearest}, &policy.Sticky{}
		},
		"answers": func(s *policy.Service) { s.Steer, s.Answers = policy.Steering{Weighted: s.Steer.Nearest}, 3 },
	} {
		state := manyServices(1, nearestOf)
		o, _ := state.Services.Get("s0.example.com")
		change(&o.Spec)
		state.Services.Set("s0.example.com", o)
		state.Latencies.Set("91.10.0.0/16", policy.Latency{Subject: "91.10.0.0/16", Regions: []policy.RTT{{Region: "ap", Ms: 5}}})
		s, err := Compile(nil, state, Local{Geo: embedded(t)})
		if err != nil {
			t.Fatal(err)
		}
		list[name] = decision{s, Query{Client: netip.MustParseAddr("91.10.0.1"), Bits: 32, Rand: 1 << 60}}
	}
	return list
}

func BenchmarkDecide(b *testing.B) {
	for name, q := range decisions(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				q.s.Decide(q.q)
			}
		})
	}
}

// BenchmarkCompileFlip is a verdict that one service depends on, and one that 64 do, among many services.
func BenchmarkCompileFlip(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		state := manyServices(n, nearestOf)
		s, err := Compile(nil, state, Local{Geo: embedded(b)})
		if err != nil {
			b.Fatal(err)
		}
		for name, pool := range map[string]string{"one": "own7", "64": "shared0-eu"} {
			b.Run(fmt.Sprintf("%d/%s", n, name), func(b *testing.B) {
				for range b.N {
					state = flip(state, pool)
					if s, err = Compile(s, state, Local{Geo: s.local.Geo}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
