package snapshot

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy/steer"
)

// onlyPools lists the pools that may look otherwise than in prev, if nothing
// else can: verdicts and the specifications of pools are all that has changed.
func (s *Snapshot) onlyPools(prev *Snapshot) (pools []string, ok bool) {
	was, is := prev.State, s.State
	if prev.index == nil || prev.local.Geo != s.local.Geo || !maps.Equal(prev.local.Down, s.local.Down) || prev.index.entangled {
		return nil, false
	}
	for _, sums := range [][2]uint64{
		{was.Zones.Sum(), is.Zones.Sum()}, {was.Regions.Sum(), is.Regions.Sum()}, {was.Monitors.Sum(), is.Monitors.Sum()},
		{was.Templates.Sum(), is.Templates.Sum()}, {was.Services.Sum(), is.Services.Sum()}, {was.Controls.Sum(), is.Controls.Sum()},
		{was.Places.Sum(), is.Places.Sum()}, {was.Latencies.Sum(), is.Latencies.Sum()}, {was.Loads.Sum(), is.Loads.Sum()},
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
	for _, check := range checks {
		pool, _, _ := strings.Cut(check, "/")
		specs = append(specs, pool)
	}
	slices.Sort(specs)
	return slices.Compact(specs), true
}

// update compiles what depends on some pools, and takes the rest over from prev.
func (s *Snapshot) update(prev *Snapshot, pools []string) error {
	s.geo, s.rtt, s.index, s.maps, s.zones = prev.geo, prev.rtt, prev.index, prev.maps, prev.zones
	s.pools, s.Services = prev.pools, prev.Services
	var dirty []int32
	for _, name := range pools {
		i, ok := s.index.pools[name]
		if !ok {
			continue // a verdict on what is gone
		}
		o, _ := s.State.Pools.Get(name)
		p := steer.NewPool(s.State, &o.Spec, s.answers(prev, &o.Spec), s.local.Down)
		if s.pools[i].Equal(p) {
			continue
		}
		if len(dirty) == 0 {
			s.pools = slices.Clone(prev.pools)
		}
		s.pools[i] = p
		dirty = append(dirty, s.index.users[i]...)
	}
	if len(dirty) == 0 {
		return nil
	}
	slices.Sort(dirty)
	s.Services = slices.Clone(prev.Services)
	s.maps = maps.Clone(prev.maps)
	for _, i := range slices.Compact(dirty) {
		id := s.Services[i].ID
		svc, err := s.service(prev, id, s.Services[i].spec)
		if err != nil {
			return fmt.Errorf("service %s: %w", id, err)
		}
		s.Services[i] = svc
	}
	if len(s.maps) > len(prev.maps) { // a pool's middle has moved; forget where it was
		s.maps = make(map[string]*geography, len(prev.maps))
		for _, svc := range s.Services {
			s.maps[svc.geo.key] = svc.geo
		}
	}
	return nil
}
