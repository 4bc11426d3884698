package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
)

// Services of every kind of branch and option, drawn at random.

func drawService(t *rapid.T, s *policy.State, i int) policy.Service {
	var pools []string
	for name := range s.Pools.All {
		pools = append(pools, name)
	}
	svc := policy.Service{
		Name: policy.MustName(fmt.Sprintf("s%d.example.com", i)), Steer: drawSteering(t, pools, true, 3),
		Families: rapid.SampledFrom([]string{"", "independent"}).Draw(t, "together"),
		TTL:      policy.FixedTTL(policy.Seconds(rapid.SampledFrom([]uint32{1, 30, 300}).Draw(t, "ttl"))),
		Sticky:   rapid.SampledFrom([]*policy.Sticky{nil, nil, {}, {IPv4: 20, IPv6: 40}, {IPv4: 32, IPv6: 128}}).Draw(t, "sticky"),
	}
	if rapid.IntRange(0, 3).Draw(t, "range") == 0 {
		svc.TTL.Max += 100
	}
	if svc.Sticky == nil && !aliases(s, &svc) {
		svc.Answers = rapid.SampledFrom([]int{0, 0, 2, 3, 8}).Draw(t, "answers")
	}
	if rapid.IntRange(0, 7).Draw(t, "resort") == 0 && svc.Steer.LastResort == nil {
		svc.LastResort = drawResort(t, pools)
	}
	return svc
}

func aliases(s *policy.State, svc *policy.Service) bool {
	for name := range s.PoolsOf(svc) {
		p, _ := s.Pools.Get(name)
		for i := range p.Spec.Endpoints {
			if p.Spec.Endpoints[i].Alias() {
				return true
			}
		}
	}
	return false
}

func drawResort(t *rapid.T, pools []string) *policy.LastResort {
	mode := rapid.SampledFrom([]string{policy.ResortAll, policy.ResortLastGood, policy.ResortNoData, ""}).Draw(t, "mode")
	r := &policy.LastResort{Mode: mode}
	if mode == "" {
		r.Pool = rapid.SampledFrom(pools).Draw(t, "resort pool")
	}
	return r
}

func drawSteering(t *rapid.T, pools []string, templates bool, depth int) policy.Steering {
	kinds := []string{"nearest", "geo", "latency", "pool", "failover", "weighted", "template"}
	if depth == 0 {
		kinds = kinds[3:4]
	} else if !templates {
		kinds = kinds[:6]
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	switch kind {
	case "pool":
		return policy.Steering{Pool: rapid.SampledFrom(pools).Draw(t, "pool")}
	case "template":
		return policy.Steering{Template: "t"}
	}
	var children []policy.Branch
	taken := map[string]bool{}
	for range rapid.IntRange(1, 4).Draw(t, "children") {
		b := policy.Branch{Steering: drawSteering(t, pools, templates, depth-1)}
		switch kind {
		case "weighted", "nearest", "latency":
			if w := rapid.SampledFrom([]int{-1, 0, 2, 5}).Draw(t, "share"); w >= 0 {
				b.Weight = &w
			}
		case "geo":
			b.Match = drawMatch(t, taken)
		}
		if kind == "nearest" || kind == "latency" {
			b.Bias = rapid.SampledFrom([]int{0, 0, 50, -50}).Draw(t, "bias")
			if iata := rapid.SampledFrom(airports).Draw(t, "own place"); iata != "" {
				b.Place = &policy.Place{IATA: iata}
			}
		}
		children = append(children, b)
	}
	s := policy.Steering{MinAvailable: rapid.IntRange(0, len(children)).Draw(t, "branch min")}
	switch kind {
	case "failover":
		s.Failover = children
	case "weighted":
		s.Weighted = children
	case "nearest":
		s.Nearest = children
	case "latency":
		s.Latency = children
	case "geo":
		s.Geo = children
		s.Fence = rapid.IntRange(0, 3).Draw(t, "fence") == 0
		if rapid.Bool().Draw(t, "default") {
			d := drawSteering(t, pools, templates, depth-1)
			s.Default = &d
		}
	}
	if rapid.IntRange(0, 7).Draw(t, "resort") == 0 {
		s.LastResort = drawResort(t, pools)
	}
	return s
}

var (
	countries = []string{"US", "DE", "SG", "BR"}
	worldwide = []string{"NA", "EU", "AS", "SA"}
)

// drawNet is a network near the clients of drawClient, of either family.
func drawNet(t *rapid.T) netip.Prefix {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "net"), 4))
	a, bits := base4(r), rapid.IntRange(6, 30).Draw(t, "bits")
	if r.IntN(2) == 0 {
		b := a.As4()
		a, bits = netip.AddrFrom16([16]byte{0x2a, 0, b[1], b[2], b[3]}), bits+8
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// drawMatch is entries that no other branch of the same geo has.
func drawMatch(t *rapid.T, taken map[string]bool) *policy.Match {
	m := &policy.Match{}
	take := func(what string) bool {
		was := taken[what]
		taken[what] = true
		return !was
	}
	for range rapid.IntRange(0, 3).Draw(t, "nets") {
		if p := drawNet(t); take(p.String()) {
			m.CIDRs = append(m.CIDRs, p)
		}
	}
	if c := rapid.SampledFrom(countries).Draw(t, "country"); take(c) {
		m.Countries = append(m.Countries, c)
	}
	if c := rapid.SampledFrom(worldwide).Draw(t, "continent"); take("in " + c) {
		m.Continents = append(m.Continents, c)
	}
	return m
}

// drawMeasured puts in what is known beside the configuration: overrides of places, round-trip times, loads.
func drawMeasured(t *rapid.T, s *policy.State) {
	for range rapid.IntRange(0, 2).Draw(t, "overrides") {
		o := policy.PlaceOverride{CIDR: drawNet(t), Country: rapid.SampledFrom(countries).Draw(t, "country")}
		s.Places.Set(o.ID(), policy.Object[policy.PlaceOverride]{Rev: s.Revision, Spec: o})
	}
	for range rapid.IntRange(0, 4).Draw(t, "measured") {
		subject := policy.Subject{Prefix: drawNet(t)}
		if rapid.IntRange(0, 3).Draw(t, "of") == 0 {
			subject = policy.Subject{Country: rapid.SampledFrom(countries).Draw(t, "country")}
		}
		l := policy.Latency{Subject: subject.String()}
		for _, r := range regions {
			if rapid.Bool().Draw(t, "known") {
				l.Regions = append(l.Regions, policy.RTT{Region: r, Ms: float64(rapid.IntRange(1, 300).Draw(t, "ms")), At: 1})
			}
		}
		s.Latencies.Set(l.Subject, l)
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "loads") {
		target := rapid.SampledFrom([]string{"pool/p0", "pool/p1", "endpoint/p2/a", "region/r0", "service/s0.example.com"}).Draw(t, "target")
		s.Loads.Set(target, policy.Load{Target: target, Value: float64(rapid.IntRange(0, 150).Draw(t, "load")), At: int64(i), MaxAge: policy.Duration(time.Minute)})
	}
}

// always says whether a tree has an answer for everybody: nothing in it gives no data on purpose.
func always(s *policy.State, svc *policy.Service) bool {
	if r := svc.LastResort; r != nil && (r.Mode == policy.ResortNoData || r.Mode == "" && !unfenced(s, &r.Steering)) {
		return false
	}
	return unfenced(s, &svc.Steer)
}

func unfenced(s *policy.State, b *policy.Steering) bool {
	if b.Template != "" && !unfenced(s, s.Template(b.Template)) || b.Fence {
		return false
	}
	if r := b.LastResort; r != nil && r.Mode == policy.ResortNoData {
		return false
	}
	_, children := b.Kind()
	for i := range children {
		if !unfenced(s, &children[i].Steering) {
			return false
		}
	}
	return true
}
