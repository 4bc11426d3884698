package health

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// Vantages lists who may be assigned to checks: every member, in order of ids.
func Vantages(s *policy.State) []Assigned {
	var list []Assigned
	for id, m := range s.Members.All {
		a := Assigned{ID: id, Label: m.Node, Region: m.Region, Budget: m.Budget}
		if r := s.Region(m.Region); r != nil {
			a.Provider, a.Continent = r.Provider, r.Continent
		}
		list = append(list, a)
	}
	return list
}

// Assign says for each check which of the vantages probe it, by their places in
// the list; nil stands for all of them. A vantage whose budget is spent, by the
// checks in order of ids, is passed over for the next one that the rule allows. A
// rule that finds nobody assigns all, and one that finds nobody with any budget
// left goes by itself alone, so that nothing goes unprobed. Nobody probes for a signal.
func Assign(s *policy.State, checks []policy.Check, vantages []Assigned) [][]int32 {
	type group struct {
		region string
		rule   policy.VantageRule
	}
	known := map[group][]int32{} // checks of one group share their list
	orders := map[string][]int32{}
	left := budgets(vantages)
	of := make([][]int32, len(checks))
	for i := range checks {
		if checks[i].Monitor.Signal != nil {
			of[i] = []int32{}
			continue
		}
		g := group{checks[i].Region, checks[i].Monitor.Vantages}
		if left == nil && g.rule.IsZero() {
			continue
		}
		if _, ok := orders[g.region]; !ok {
			orders[g.region] = byDistance(s, g.region, vantages)
		}
		if left != nil {
			of[i] = left.assign(&checks[i], orders[g.region], vantages)
			continue
		}
		list, ok := known[g]
		if !ok {
			list = assign(orders[g.region], g.region, g.rule, vantages)
			known[g] = list
		}
		of[i] = list
	}
	return of
}

// purse is what each vantage has left of its budget, in probes a second.
type purse []float64

// budgets is nil when no vantage has one.
func budgets(vantages []Assigned) purse {
	var p purse
	for i, v := range vantages {
		if v.Budget > 0 && p == nil {
			p = make(purse, len(vantages))
			for j := range p {
				p[j] = math.Inf(1)
			}
		}
		if v.Budget > 0 {
			p[i] = float64(v.Budget)
		}
	}
	return p
}

// assign picks among those who can pay for a check, and lets them pay.
func (p purse) assign(c *policy.Check, order []int32, vantages []Assigned) []int32 {
	cost := rate(c)
	var able []int32
	for _, i := range order {
		if p[i] >= cost {
			able = append(able, i)
		}
	}
	list := assign(able, c.Region, c.Monitor.Vantages, vantages)
	if len(list) == 0 {
		list = assign(order, c.Region, c.Monitor.Vantages, vantages)
	}
	for _, i := range list {
		p[i] -= cost
	}
	return list
}

// rate is how many probes a second a check takes of a vantage.
func rate(c *policy.Check) float64 { return 1 / time.Duration(c.Monitor.Interval).Seconds() }

// Rates are the probes a second that vantages are given, by their places in the
// list. Checks that share a target share its probes, which this does not count.
func Rates(checks []policy.Check, of [][]int32, vantages []Assigned) []float64 {
	rates := make([]float64, len(vantages))
	for i := range checks {
		r := rate(&checks[i])
		for j := range vantages {
			if of[i] == nil || slices.Contains(of[i], int32(j)) {
				rates[j] += r
			}
		}
	}
	return rates
}

// assign goes by a rule among the vantages in an order of preference.
func assign(order []int32, region string, rule policy.VantageRule, vantages []Assigned) []int32 {
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
	if rule.IsZero() {
		take(len(order), func(Assigned) bool { return true })
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
