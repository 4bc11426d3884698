package snapshot

import (
	"cmp"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Count counts endpoints by what answers go by, and the services that have not all of theirs.
func (s *Snapshot) Count() (e policy.EndpointCount, list policy.ServiceCount) {
	for _, p := range s.pools.All() {
		for i := range p.Members {
			switch m := &p.Members[i]; {
			case m.Drained != "":
				e.Drained++
			case m.Status == policy.Up && (m.Ramp < 100 || m.Share < 100 || m.Measured != policy.Up), spared(p, m):
				e.Degraded++
			case m.Status == policy.Up:
				e.Up++
			case m.Status == policy.Down:
				e.Down++
			default:
				e.Unknown++
			}
		}
	}
	list.Items = []policy.ServiceShort{}
	for _, svc := range s.Services.All() {
		list.All++
		if up, all := s.Healthy(svc.ID); up < all {
			list.Items = append(list.Items, policy.ServiceShort{Service: svc.ID, Up: up, Endpoints: all})
		}
	}
	list.Short = len(list.Items)
	slices.SortFunc(list.Items, func(a, b policy.ServiceShort) int {
		return cmp.Or(cmp.Compare(a.Up*b.Endpoints, b.Up*a.Endpoints), strings.Compare(a.Service, b.Service))
	})
	list.Items = list.Items[:min(len(list.Items), policy.MaxShort)]
	return e, list
}

// spared says whether a pool's panic has a member serve that is down.
func spared(p *steer.Pool, m *steer.Member) bool {
	for k := range policy.AnswerKinds {
		if m.Has[k] && p.Spares(m, k) {
			return true
		}
	}
	return false
}
