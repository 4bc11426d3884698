package policy

import "slices"

// Rivals is what a control covers, and which others stand against it there.
type Rivals struct {
	Count        int       // endpoints that it covers
	Endpoints    []Covered // MaxCovered of them at most
	Overrides    []string  // ids of those that do not count where both cover an endpoint
	OverriddenBy []string
}

// MaxCovered is how many endpoints Rivals names.
const MaxCovered = 100

// Covered is an endpoint that a control covers.
type Covered struct {
	Endpoint     string
	Measured     Status
	OverriddenBy string // the control that counts in its stead, or ""
}

// Rivals looks at all controls at once, by id: those that act, and what the others would cover.
func (s *State) Rivals() map[string]Rivals {
	found := map[string]*Rivals{}
	own := map[string]bool{} // services with controls of their own
	for id, c := range s.Controls.All {
		found[id] = &Rivals{}
		t, err := ParseTarget(c.Target)
		if err != nil {
			continue
		}
		if t.Kind == "service" {
			own[t.Name] = true
		}
		if !c.Acts() {
			for pool, e := range s.Covered(t) {
				found[id].cover(s, pool, e, "")
			}
		}
	}
	s.rivals(found, "", nil)
	for id, o := range s.Services.All {
		if own[id] {
			used := map[string]bool{}
			for name := range s.PoolsOf(&o.Spec) {
				used[name] = true
			}
			s.rivals(found, id, used)
		}
	}
	list := make(map[string]Rivals, len(found))
	for id, r := range found {
		slices.Sort(r.Overrides)
		slices.Sort(r.OverriddenBy)
		r.Overrides, r.OverriddenBy = slices.Compact(r.Overrides), slices.Compact(r.OverriddenBy)
		list[id] = *r
	}
	return list
}

// rivals looks at the endpoints as one service uses them, or with "" at all as the others do.
func (s *State) rivals(found map[string]*Rivals, service string, used map[string]bool) {
	f := s.Forces(service)
	for name, o := range s.Pools.All {
		if used != nil && !used[name] {
			continue
		}
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			f.weigh(&o.Spec, e, func(c *Control, by string) {
				r := found[c.ID]
				if t, _ := ParseTarget(c.Target); (t.Kind == "service") == (service != "") { // those of everybody were counted without a service
					r.cover(s, &o.Spec, e, by)
				}
				if other := found[by]; other != nil {
					r.OverriddenBy, other.Overrides = append(r.OverriddenBy, by), append(other.Overrides, c.ID)
				}
			})
		}
	}
}

func (r *Rivals) cover(s *State, pool *Pool, e *Endpoint, by string) {
	if r.Count++; r.Count <= MaxCovered {
		r.Endpoints = append(r.Endpoints, Covered{EndpointID(pool.Name, e.Name), s.Health(pool, e, nil).Status, by})
	}
}
