package health

import (
	"cmp"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// Vantages lists who may be assigned to checks: every member, in order of ids.
func Vantages(s *policy.State) []Assigned {
	var list []Assigned
	for id, m := range s.Members.All {
		a := Assigned{ID: id, Label: m.Node, Region: m.Region}
		if r := s.Region(m.Region); r != nil {
			a.Provider, a.Continent = r.Provider, r.Continent
		}
		list = append(list, a)
	}
	return list
}

// Assign says for each check which of the vantages probe it, by their places in
// the list; nil stands for all of them. A rule that finds nobody assigns all, so
// that nothing goes unprobed.
func Assign(s *policy.State, checks []policy.Check, vantages []Assigned) [][]int32 {
	type group struct {
		region string
		rule   policy.VantageRule
	}
	known := map[group][]int32{} // checks of one group share their list
	of := make([][]int32, len(checks))
	for i := range checks {
		g := group{checks[i].Region, checks[i].Monitor.Vantages}
		if g.rule.IsZero() {
			continue
		}
		list, ok := known[g]
		if !ok {
			list = assign(s, g.region, g.rule, vantages)
			known[g] = list
		}
		of[i] = list
	}
	return of
}

func assign(s *policy.State, region string, rule policy.VantageRule, vantages []Assigned) []int32 {
	order := byDistance(s, region, vantages)
	var list []int32
	take := func(n int, which func(Assigned) bool) {
		for _, i := range order {
			if n == 0 {
				return
			}
			if which(vantages[i]) {
				list = append(list, i)
				n--
			}
		}
	}
	if rule.SameRegion {
		take(len(order), func(a Assigned) bool { return a.Region == region })
	}
	take(rule.Nearest, func(Assigned) bool { return true })
	take(rule.Others, func(a Assigned) bool { return a.Region != region })
	slices.Sort(list)
	return slices.Compact(list)
}

// byDistance orders vantages by how far they are from a region: those in it
// first, then by kilometres, then those without a place; among equals in order of ids.
func byDistance(s *policy.State, region string, vantages []Assigned) []int32 {
	place := func(name string) (geo.Point, bool) {
		if r := s.Region(name); r != nil {
			if lat, lon, ok := r.Place.Coordinates(); ok {
				return geo.Point{Lat: lat, Lon: lon}, true
			}
		}
		return geo.Point{}, false
	}
	from, ok := place(region)
	away := make([]float64, len(vantages))
	order := make([]int32, len(vantages))
	for i, v := range vantages {
		order[i], away[i] = int32(i), 1e9
		to, there := place(v.Region)
		switch {
		case v.Region == region && region != "":
			away[i] = -1
		case ok && there:
			away[i] = geo.Distance(from, to)
		}
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(away[a], away[b]) })
	return order
}
