package policy

import "iter"

// Service is a steered owner name in a zone, or several that are steered alike.
type Service struct {
	Name       Name        `json:"name,omitempty"`
	Names      []Name      `json:"names,omitempty"`
	TTL        *TTL        `json:"ttl,omitempty"` // default 60
	Steer      Steering    `json:"steer"`
	LastResort *LastResort `json:"lastResort,omitempty"` // of the whole tree; default all
	Families   string      `json:"families,omitempty"`   // "together" (default) or "independent"
	Sticky     *Sticky     `json:"sticky,omitempty"`     // a client keeps its answer; default a draw for each query
	Answers    int         `json:"answers,omitempty"`    // endpoints in one answer; 1 to MaxAnswers, default 1
}

// DefaultTTL is a service's TTL when it states none, in seconds.
const DefaultTTL = 60

// Owners are the names the service steers.
func (s *Service) Owners() []Name {
	if s.Name != "" {
		return append([]Name{s.Name}, s.Names...)
	}
	return s.Names
}

// ID is the service's first name, by which it is merged and addressed.
func (s *Service) ID() string {
	if o := s.Owners(); len(o) > 0 {
		return o[0].String()
	}
	return ""
}

// TTLRange is the most and the least that its answers may be kept for, in seconds.
func (s *Service) TTLRange() TTL {
	if s.TTL == nil {
		return TTL{DefaultTTL, DefaultTTL}
	}
	return *s.TTL
}

// PoolsOf goes through the pools that a service's tree names, templates and
// last resorts followed, depth first, with repetition.
func (s *State) PoolsOf(svc *Service) iter.Seq[string] {
	return poolsOf(svc, s.Template)
}

// PoolsOf is State.PoolsOf for a document that is in no State.
func (c *Config) PoolsOf(svc *Service) iter.Seq[string] {
	return poolsOf(svc, func(name string) *Steering {
		for i := range c.Templates {
			if c.Templates[i].Name == name {
				return &c.Templates[i].Steer
			}
		}
		return nil
	})
}

// Template finds a template's tree, or gives nil.
func (s *State) Template(name string) *Steering {
	if o, ok := s.Templates.Get(name); ok {
		return &o.Spec.Steer
	}
	return nil
}

func poolsOf(svc *Service, template func(string) *Steering) iter.Seq[string] {
	return func(yield func(string) bool) {
		if !svc.Steer.pools(template, 1, yield) {
			return
		}
		if r := svc.LastResort; r != nil && r.Mode == "" {
			r.Steering.pools(template, 1, yield)
		}
	}
}

// Under is a template's tree in the place of the branch that names it, whose
// last resort takes the place of the tree's own.
func (s *Steering) Under(named *Steering) *Steering {
	if named.LastResort == nil {
		return s
	}
	t := *s
	t.LastResort = named.LastResort
	return &t
}

// pools is bounded by MaxDepth: a template that has not been checked may name itself.
func (s *Steering) pools(template func(string) *Steering, depth int, yield func(string) bool) bool {
	switch {
	case depth > MaxDepth:
		return true
	case s.Pool != "" && !yield(s.Pool):
		return false
	case s.Template != "":
		t := template(s.Template)
		return t == nil || t.Under(s).pools(template, depth+1, yield)
	}
	_, children := s.Kind()
	for i := range children {
		if !children[i].pools(template, depth+1, yield) {
			return false
		}
	}
	if s.LastResort != nil && s.LastResort.Mode == "" {
		return s.LastResort.Steering.pools(template, depth+1, yield)
	}
	return true
}

// steers says whether a document has anything in it that came with
// FeatureSteering, which nodes of the version before would not see.
func (c *Config) steers() bool {
	if len(c.Templates)+len(c.Places) > 0 {
		return true
	}
	for i := range c.Regions {
		if c.Regions[i].Capacity != nil {
			return true
		}
	}
	for i := range c.Pools {
		if c.Pools[i].Capacity != nil {
			return true
		}
	}
	for i := range c.Services {
		s := &c.Services[i]
		if !s.TTLRange().Fixed() || s.Sticky != nil || s.Answers != 0 || s.LastResort.steers() || s.Steer.steers() {
			return true
		}
	}
	return false
}

func (r *LastResort) steers() bool { return r != nil && r.Mode != ResortAll }

func (s *Steering) steers() bool {
	if s.Template != "" || s.Latency != nil || s.Geo != nil || s.LastResort != nil {
		return true
	}
	_, children := s.Kind()
	for i := range children {
		if children[i].steers() {
			return true
		}
	}
	return false
}
