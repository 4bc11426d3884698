package safety

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// measure is how far a state is from what one clause of a rule asks for.
type measure struct {
	of    string  // what is measured, the same in every state
	short float64 // by how much too little is left, or too much is drained; 0: the clause is kept
	spare float64 // how much more may go
	text  string  // what is wanted, and what there is
	about *policy.Service
}

// left tells of what would be left too little of, or less than there was: "wants 2 undrained regions ...".
func (l look) left(rule *policy.SafetyRule) (texts []string) {
	was := map[string]float64{}
	for _, m := range l.was.measures(rule) {
		was[m.of] = m.short
	}
	var worse []measure
	for _, m := range l.is.measures(rule) {
		if old, ok := was[l.former(m)]; ok && m.short > 0 && m.short > old+1e-9 {
			worse = append(worse, m)
		}
	}
	for i, m := range worse {
		if i == most {
			texts = append(texts, fmt.Sprintf("is broken for %d more services", len(worse)-i))
			break
		}
		remedy := l.liftable(func(c policy.Control) bool { return touches(l.is.State, c.Target, m.about, nil) })
		texts = append(texts, m.text+strings.Replace(remedy, ", or", ":", 1))
	}
	return texts
}

// former is what was measured before of what a measure is of: of a service that is renamed, the service that it was.
func (l look) former(m measure) string {
	if m.about != nil {
		id, _ := l.before(m.about)
		if head, ok := strings.CutSuffix(m.of, "service "+m.about.ID()); ok && id != "" {
			return head + "service " + id
		}
	}
	return m.of
}

// measures are those of the clauses about what is left and what is drained.
func (s side) measures(rule *policy.SafetyRule) (list []measure) {
	if a := rule.AtLeast; a != nil && rule.Overall {
		var pools []string
		for _, o := range s.Services.All {
			pools = slices.AppendSeq(pools, s.PoolsOf(&o.Spec))
		}
		out := steer.Out(s.State, "")
		r := steer.ReachOf(s.State, pools, func(p *policy.Pool, e *policy.Endpoint) bool { return !out(p, e) })
		list = append(list, atLeast(a, r, "all services together", nil)...)
	} else if a != nil {
		for id, o := range s.Services.All {
			if rule.Guards(&o.Spec) {
				list = append(list, atLeast(a, steer.UndrainedReach(s.State, &o.Spec), "service "+id, &o.Spec)...)
			}
		}
	}
	svc := s.guarded(rule)
	if a := rule.AtMost; a != nil {
		out := s.drained(svc, func(p *policy.Pool, e *policy.Endpoint) []string {
			if id := s.unit(a.OfOrRegion(), p, e); id != "" {
				return []string{id}
			}
			return nil
		})
		list = append(list, measure{"drained", float64(max(0, len(out)-a.Drained)), float64(max(0, a.Drained-len(out))),
			fmt.Sprintf("lets at most %d of kind %s be drained at once%s; %d would be (%s)", a.Drained, a.OfOrRegion(), ofService(svc), len(out), some(out)), svc})
	}
	if len(rule.NeverTogether) > 0 {
		out := s.drained(svc, func(p *policy.Pool, e *policy.Endpoint) (in []string) {
			for _, id := range rule.NeverTogether {
				if t, err := policy.ParseTarget(id); err == nil && t.Covers(s.Region(e.RegionOr(p)), p, e) {
					in = append(in, id)
				}
			}
			return in
		})
		list = append(list, measure{"together", float64(max(0, len(out)-1)), float64(max(0, 1-len(out))),
			fmt.Sprintf("never lets %s be drained together%s; %s would be", strings.Join(rule.NeverTogether, " and "), ofService(svc), strings.Join(out, " and ")), svc})
	}
	return list
}

// guarded is the one service that a rule names, or nil.
func (s side) guarded(rule *policy.SafetyRule) *policy.Service {
	if rule.Service != "" {
		for _, o := range s.Services.All {
			if rule.Guards(&o.Spec) {
				return &o.Spec
			}
		}
	}
	return nil
}

func ofService(svc *policy.Service) string {
	if svc == nil {
		return ""
	}
	return " of service " + svc.ID()
}

func atLeast(a *policy.AtLeast, r steer.Reach, whose string, svc *policy.Service) (list []measure) {
	for _, c := range []struct {
		what string
		want int
		have []string
	}{{"region", a.Regions, r.Regions}, {"provider", a.Providers, r.Providers}} {
		if n := len(c.have); c.want > 0 {
			list = append(list, measure{c.what + " " + whose, float64(max(0, c.want-n)), float64(max(0, n-c.want)),
				fmt.Sprintf("wants %d undrained %ss for %s; %d would be left (%s)", c.want, c.what, whose, n, some(c.have)), svc})
		}
	}
	if want := float64(a.Capacity); want > 0 {
		by := "by the weights of its endpoints, since not all of its pools and regions declare a capacity"
		if r.Declared {
			by = "of the capacity that its pools and regions declare"
		}
		short := want - r.Capacity
		if short < 1e-6 {
			short = 0
		}
		list = append(list, measure{"capacity " + whose, short, max(0, r.Capacity-want),
			fmt.Sprintf("wants %v of the capacity of %s undrained; %.4g%% would be left, %s", a.Capacity, whose, r.Capacity, by), svc})
	}
	return list
}

// unit is the thing of a kind that an endpoint is in.
func (s side) unit(kind string, p *policy.Pool, e *policy.Endpoint) string {
	name := e.RegionOr(p)
	region := s.Region(name)
	switch {
	case kind == "pool":
		return "pool/" + p.Name
	case name == "":
	case kind == "region":
		return "region/" + name
	case kind == "provider" && region != nil && region.Provider != "":
		return "provider/" + region.Provider
	case kind == "az" && e.AZ != "":
		return "az/" + name + "/" + e.AZ
	}
	return ""
}

// drained are the things, in order, of which every endpoint is drained; those of one service where that is not nil.
func (s side) drained(svc *policy.Service, in func(*policy.Pool, *policy.Endpoint) []string) (list []string) {
	whole := map[string]bool{} // false: some endpoint of it is not drained
	service := ""
	if svc != nil {
		service = svc.ID()
	}
	isOut := steer.Out(s.State, service)
	count := func(name string) {
		o, ok := s.Pools.Get(name)
		if !ok {
			return
		}
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			out := isOut(&o.Spec, e)
			for _, id := range in(&o.Spec, e) {
				before, seen := whole[id]
				whole[id] = out && (before || !seen)
			}
		}
	}
	if svc != nil {
		for name := range s.PoolsOf(svc) {
			count(name)
		}
	} else {
		for name := range s.Pools.All {
			count(name)
		}
	}
	for id, out := range whole {
		if out {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list
}
