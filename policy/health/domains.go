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
	down bool
	out  bool // a smaller domain counts it out already
}

// Domains are the failure domains that count as down, as targets ("region/us-east"),
// each with why. down names checks that this node alone holds to be down (island mode).
//
// A domain counts as down when at least its downWhen of its endpoints are. Those count that
// have a weight and a monitor, and that no smaller domain counts out: an
// availability zone that is dealt with does not take its region along. nil when there is no rule.
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

// tally counts the domains of one kind, and those that are out.
func tally(s *policy.State, list []judged, kind string, found map[string]string) {
	type count struct{ all, down, out int }
	counts := map[string]*count{}
	for i := range list {
		for _, id := range list[i].in {
			if !strings.HasPrefix(id, kind) {
				continue
			}
			c := counts[id]
			if c == nil {
				c = &count{}
				counts[id] = c
			}
			switch {
			case list[i].out:
				c.out++
				continue
			case list[i].down:
				c.down++
			}
			c.all++
		}
	}
	for id, c := range counts {
		when := downWhen(s, id)
		if !when.Reached(c.down, c.all) {
			continue
		}
		left := ""
		if c.out > 0 {
			left = "that no smaller domain counts out "
		}
		found[id] = fmt.Sprintf("%s counts as down: %d of %d endpoints %sare down (downWhen %v)", id, c.down, c.all, left, when)
	}
	for i := range list {
		list[i].out = slices.ContainsFunc(list[i].in, func(id string) bool { return found[id] != "" })
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
