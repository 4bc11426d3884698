package policy

import (
	"iter"
	"strings"
)

// Target is what a control aims at.
type Target struct {
	Kind string // "region", "provider", "az", "pool", "endpoint", "service" or "label"
	Name string // the region, provider, pool, service or label's key; for az and endpoint the part before the last slash
	Sub  string // the az or endpoint, or the label's value
}

// TargetForms are the ways to write a target.
const TargetForms = "region/NAME, provider/NAME, az/REGION/AZ, pool/NAME, endpoint/POOL/NAME, service/NAME or label/KEY=VALUE"

// ParseTarget reads a target, as in "region/us-east", "endpoint/web/a", "service/www.example.com" or "label/tier=gold".
func ParseTarget(id string) (Target, error) {
	kind, rest, _ := strings.Cut(id, "/")
	t := Target{Kind: kind, Name: rest}
	whole := t.Name != "" && strings.Count(rest, "/") == 0
	switch kind {
	case "region", "provider", "pool", "service":
	case "az", "endpoint":
		t.Name, t.Sub, _ = strings.Cut(rest, "/")
		whole = t.Name != "" && t.Sub != "" && strings.Count(rest, "/") == 1
	case "label":
		t.Name, t.Sub, whole = strings.Cut(rest, "=")
		whole = whole && t.Name != ""
	default:
		return t, Errorf(Invalid, "%q is not a target; write %s", id, TargetForms)
	}
	if !whole {
		return t, Errorf(Invalid, "%q is not a whole target; write %s", id, TargetForms)
	}
	return t, nil
}

// Covers says whether an endpoint is within the target, whoever uses it: a service covers none
// this way (State.Covered). region is the endpoint's own.
func (t Target) Covers(region *Region, pool *Pool, e *Endpoint) bool {
	switch t.Kind {
	case "region":
		return region != nil && region.Name == t.Name
	case "provider":
		return region != nil && region.Provider == t.Name
	case "az":
		return region != nil && region.Name == t.Name && e.AZ == t.Sub
	case "pool":
		return pool.Name == t.Name
	case "endpoint":
		return pool.Name == t.Name && e.Name == t.Sub
	case "label":
		v, ok := e.Labels[t.Name]
		return ok && v == t.Sub
	}
	return false
}

// Covered lists the endpoints within a target: those of a service are those that it uses.
func (s *State) Covered(t Target) iter.Seq2[*Pool, *Endpoint] {
	return func(yield func(*Pool, *Endpoint) bool) {
		used := map[string]bool{}
		if t.Kind == "service" {
			o, ok := s.Services.Get(t.Name)
			if !ok {
				return
			}
			for name := range s.PoolsOf(&o.Spec) {
				used[name] = true
			}
		}
		for name, o := range s.Pools.All {
			for i := range o.Spec.Endpoints {
				e := &o.Spec.Endpoints[i]
				if (used[name] || t.Covers(s.Region(e.RegionOr(&o.Spec)), &o.Spec, e)) && !yield(&o.Spec, e) {
					return
				}
			}
		}
	}
}

// Touched are the objects that a control of a target is about, for the scopes of whoever makes it: what a label
// covers is each endpoint that has it. A target that covers nothing is itself.
func (s *State) Touched(target string) (list []string) {
	if t, err := ParseTarget(target); err == nil && t.Kind == "label" {
		for pool, e := range s.Covered(t) {
			list = append(list, EndpointID(pool.Name, e.Name))
		}
	}
	if list == nil {
		list = []string{target}
	}
	return list
}

// TargetFeature is the feature level that a target needs.
func TargetFeature(id string) int {
	if kind, _, _ := strings.Cut(id, "/"); kind == "service" || kind == "label" {
		return FeatureDrill
	}
	return 1
}
