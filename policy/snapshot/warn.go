package snapshot

import (
	"fmt"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Warnings says what a state's configuration will do that its author may not
// expect: branches that no client can reach with the geographic data at hand,
// and address families that pull traffic away from regions.
func (s *Snapshot) Warnings() []string {
	var list []string
	for _, svc := range s.Services {
		for j, n := range svc.tree.Nearest {
			for i, c := range n.Children {
				if c.Place.Located && !svc.geo.reaches(j, n, i) {
					list = append(list, fmt.Sprintf("service %s: %s is nearest for no client, so it is only a fallback. %s", svc.ID, c.Path, s.advice()))
				}
				if !c.Place.Located {
					list = append(list, fmt.Sprintf("service %s: %s has no place, so it comes after every branch that has one; give its region a place", svc.ID, c.Path))
				}
			}
		}
		list = append(list, svc.familyWarnings()...)
	}
	return list
}

// reaches says whether a child of a nearest branch, or one at the same place, is nearest for anybody.
func (g *geography) reaches(branch int, n *steer.Node, child int) bool {
	for i, c := range n.Children {
		if c.Group == n.Children[child].Group && g.first[branch][i] {
			return true
		}
	}
	return false
}

func (s *Snapshot) advice() string {
	switch {
	case s.geo == nil:
		return "No geographic data is loaded: set geo.database."
	case s.geo.Source().Kind != "city":
		return "The country data puts every client of a country at one point; load a City database (geo.database in the node's configuration) to tell regions within a country apart."
	}
	return "Another branch is nearer to every place that clients come from."
}

func (svc *Service) familyWarnings() []string {
	if svc.spec.Spec.Families == "independent" || !svc.tree.Serves[policy.IPv4] || !svc.tree.Serves[policy.IPv6] {
		return nil
	}
	has := map[string][2]bool{}
	var order []string
	for _, p := range svc.tree.Pools {
		for i := range p.Members {
			m := &p.Members[i]
			h, seen := has[m.Region]
			if !seen {
				order = append(order, m.Region)
			}
			has[m.Region] = [2]bool{h[0] || m.Has[0], h[1] || m.Has[1]}
		}
	}
	var list []string
	for _, r := range order {
		for _, f := range []policy.Family{policy.IPv4, policy.IPv6} {
			if r != "" && !has[r][f] {
				list = append(list, fmt.Sprintf("service %s: region %s has no %s endpoint, so while a region with both families is available no client is sent there at all (families: together); write families: independent to treat them apart", svc.ID, r, f))
			}
		}
	}
	return list
}
