package snapshot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// onlyPools lists the pools that may look otherwise than in prev, if nothing
// else can: verdicts and the specifications of pools are all that has changed,
// and no failure domain has begun or ceased to count as down.
func (s *Snapshot) onlyPools(prev *Snapshot) (pools []string, ok bool) {
	was, is := prev.State, s.State
	if prev.index == nil || prev.local.Geo != s.local.Geo || !maps.Equal(prev.local.Down, s.local.Down) ||
		!maps.Equal(prev.domains, s.domains) || prev.index.entangled {
		return nil, false
	}
	for _, sums := range [][2]uint64{
		{was.Zones.Sum(), is.Zones.Sum()}, {was.Regions.Sum(), is.Regions.Sum()}, {was.Monitors.Sum(), is.Monitors.Sum()},
		{was.Templates.Sum(), is.Templates.Sum()}, {was.Services.Sum(), is.Services.Sum()}, {was.SafetyRules.Sum(), is.SafetyRules.Sum()}, {was.Controls.Sum(), is.Controls.Sum()},
		{was.Providers.Sum(), is.Providers.Sum()}, {was.Places.Sum(), is.Places.Sum()}, {was.Latencies.Sum(), is.Latencies.Sum()}, {was.Loads.Sum(), is.Loads.Sum()},
	} {
		if sums[0] != sums[1] {
			return nil, false
		}
	}
	checks, ok := is.Verdicts.Since(was.Verdicts)
	if !ok {
		return nil, false
	}
	specs, ok := is.Pools.Since(was.Pools)
	if !ok {
		return nil, false
	}
	for _, name := range specs {
		if !is.Pools.Has(name) || !was.Pools.Has(name) {
			return nil, false
		}
	}
	for _, check := range slices.Concat(checks, differ(prev.local.Near, s.local.Near)) {
		pool, _, _ := strings.Cut(check, "/")
		specs = append(specs, pool)
	}
	slices.Sort(specs)
	return slices.Compact(specs), true
}

// differ lists the keys under which two maps do not have the same.
func differ(a, b map[string]policy.Duration) (keys []string) {
	for k, v := range a {
		if b[k] != v {
			keys = append(keys, k)
		}
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// update compiles what depends on some pools, and takes the rest over from prev.
func (s *Snapshot) update(prev *Snapshot, pools []string) error {
	s.geo, s.census, s.rtt, s.index, s.maps, s.zones, s.borrowed = prev.geo, prev.census, prev.rtt, prev.index, prev.maps, prev.zones, true
	s.pools, s.Services = prev.pools, prev.Services
	var moved, dirty []int32
	made := map[int32]*steer.Pool{}
	for _, name := range pools {
		i, ok := s.index.pools[name]
		if !ok {
			continue // a verdict on what is gone
		}
		o, _ := s.State.Pools.Get(name)
		p := steer.NewPool(s.State, &o.Spec, s.answers(prev, &o.Spec), s.beside())
		if s.pools.At(i).Equal(p) {
			continue
		}
		made[i] = p
		moved = append(moved, i)
		dirty = append(dirty, s.index.users[i]...)
	}
	if len(moved) == 0 {
		return nil
	}
	slices.Sort(moved)
	s.pools = s.pools.With(moved, func(i int32) *steer.Pool { return made[i] })
	slices.Sort(dirty)
	dirty = slices.Compact(dirty)
	services, elsewhere := make(map[int32]*Service, len(dirty)), false
	for _, i := range dirty {
		old := prev.Services.At(i)
		svc, err := s.service(prev, old.ID, old.spec)
		if err != nil {
			return fmt.Errorf("service %s: %w", old.ID, err)
		}
		services[i] = svc
		elsewhere = elsewhere || svc.geo != old.geo
	}
	s.Services = s.Services.With(dirty, func(i int32) *Service { return services[i] })
	if elsewhere { // a pool's middle has moved; forget where it was, unless another service is there
		s.maps, s.borrowed = make(map[string]*geography, len(prev.maps)), false
		for _, svc := range s.Services.All() {
			s.maps[svc.geo.key] = svc.geo
		}
		if (len(s.maps) > maxDivided) != s.folds {
			return errFolds
		}
	}
	return nil
}
