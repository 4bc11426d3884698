package steer

import (
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Reach is how far some endpoints of some pools go.
type Reach struct {
	Regions   []string // with one of them, sorted
	Providers []string // of those regions, sorted
	// Capacity is their share, in percent, of what the pools have altogether: of the capacity that the pools
	// or their regions declare, or of the endpoints' weights when Declared is false.
	Capacity float64
	Declared bool
}

// ReachOf is the reach of the endpoints of some pools that are in; each pool counts once. The capacity of a pool is divided
// among its endpoints by weight, and that of a region among the endpoints there whose pools declare none.
func ReachOf(s *policy.State, pools []string, in func(*policy.Pool, *policy.Endpoint) bool) Reach {
	type part struct {
		pool   *policy.Pool
		region string
		weight float64
		in     bool
	}
	var parts []part
	ofPool, ofRegion := map[string]float64{}, map[string]float64{} // weights, to divide capacity by
	seen := map[string]bool{}
	r := Reach{Declared: true}
	for _, name := range pools {
		o, ok := s.Pools.Get(name)
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		pool := &o.Spec
		idle := !slices.ContainsFunc(pool.Endpoints, func(e policy.Endpoint) bool { return e.WeightOr1() > 0 })
		for i := range pool.Endpoints {
			e := &pool.Endpoints[i]
			p := part{pool: pool, region: e.RegionOr(pool), weight: float64(e.WeightOr1()), in: in(pool, e)}
			if idle {
				p.weight = 1
			}
			parts = append(parts, p)
			region := s.Region(p.region)
			switch {
			case pool.Capacity != nil:
				ofPool[name] += p.weight
			case region != nil && region.Capacity != nil:
				ofRegion[p.region] += p.weight
			default:
				r.Declared = false
			}
			if !p.in || p.region == "" {
				continue
			}
			r.Regions = append(r.Regions, p.region)
			if region != nil && region.Provider != "" {
				r.Providers = append(r.Providers, region.Provider)
			}
		}
	}
	slices.Sort(r.Regions)
	slices.Sort(r.Providers)
	r.Regions, r.Providers = slices.Compact(r.Regions), slices.Compact(r.Providers)
	had, all := 0.0, 0.0
	for _, p := range parts {
		w := p.weight
		switch {
		case !r.Declared || w == 0:
		case p.pool.Capacity != nil:
			w = p.pool.Capacity.Limit * w / ofPool[p.pool.Name]
		default:
			w = s.Region(p.region).Capacity.Limit * w / ofRegion[p.region]
		}
		if all += w; p.in {
			had += w
		}
	}
	if all > 0 {
		r.Capacity = had * 100 / all // no sum of a product: it is the same on every machine
	}
	return r
}

// Out says of endpoints, as a service uses them, or with "" as nobody in particular does, whether a control takes them
// out of answers while anything else is left.
func Out(s *policy.State, service string) func(*policy.Pool, *policy.Endpoint) bool {
	forces := s.Forces(service).Rehearsed()
	return func(pool *policy.Pool, e *policy.Endpoint) bool {
		f := forces.On(pool, e)
		return f.Drained != "" || f.Down != ""
	}
}
