package health

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// judged is an endpoint as its failure domains count it.
type judged struct {
	in   []string // the domains that have a rule, the smallest first
	down bool     // by its verdicts, or with a smaller domain
}

// Domains are the failure domains that count as down, as targets ("region/us-east"),
// each with why. down names checks that this node alone holds to be down (island mode).
//
// A domain counts as down when at least its downWhen of its endpoints are, by their
// verdicts or with a smaller domain of theirs. Those count that have a weight and a
// monitor. nil when there is no rule.
func Domains(s *policy.State, down map[string]bool) map[string]string {
	return DomainsAssuming(s, down, nil)
}

// DomainsAssuming is Domains if endpoints, by their ids, were up or down whatever their verdicts say.
func DomainsAssuming(s *policy.State, down map[string]bool, assumed map[string]policy.Status) map[string]string {
	if !ruled(s) {
		return nil
	}
	var list []judged
	for _, o := range s.Pools.All {
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			if e.WeightOr1() == 0 {
				continue
			}
			var in []string
			for _, id := range s.Domains(&o.Spec, e) {
				if downWhen(s, id) != 0 {
					in = append(in, id)
				}
			}
			if in == nil {
				continue
			}
			h := s.Health(&o.Spec, e, down)
			if len(h.Checks) == 0 {
				continue
			}
			one := judged{in: in, down: h.Status == policy.Down}
			if status, ok := assumed[policy.EndpointID(o.Spec.Name, e.Name)]; ok {
				one.down = status == policy.Down
			}
			list = append(list, one)
		}
	}
	found := map[string]string{}
	for _, kind := range []string{"az/", "region/", "provider/"} {
		tally(s, list, kind, found)
	}
	return found
}

// tally finds the domains of one kind that count as down, and takes all in them for down.
func tally(s *policy.State, list []judged, kind string, found map[string]string) {
	type count struct{ all, down int }
	counts := map[string]count{}
	for i := range list {
		for _, id := range list[i].in {
			if !strings.HasPrefix(id, kind) {
				continue
			}
			c := counts[id]
			if c.all++; list[i].down {
				c.down++
			}
			counts[id] = c
		}
	}
	for id, c := range counts {
		if when := downWhen(s, id); when.Reached(c.down, c.all) {
			found[id] = fmt.Sprintf("%s counts as down: %d of %d endpoints are down (downWhen %v)", id, c.down, c.all, when)
		}
	}
	for i := range list {
		list[i].down = list[i].down || slices.ContainsFunc(list[i].in, func(id string) bool { return found[id] != "" })
	}
}

// ruled says whether any failure domain has a rule.
func ruled(s *policy.State) bool {
	if s.Providers.Len() > 0 {
		return true
	}
	for _, o := range s.Regions.All {
		if o.Spec.DownWhen != nil {
			return true
		}
	}
	return false
}

// downWhen is the rule of a domain, 0 when it has none.
func downWhen(s *policy.State, id string) policy.Percent {
	t, err := policy.ParseTarget(id)
	if err != nil {
		return 0
	}
	if t.Kind == "provider" {
		o, _ := s.Providers.Get(t.Name)
		return o.Spec.DownWhen
	}
	r := s.Region(t.Name)
	switch {
	case r == nil || r.DownWhen == nil:
		return 0
	case t.Kind == "az":
		return r.DownWhen.AZ
	}
	return r.DownWhen.Region
}
