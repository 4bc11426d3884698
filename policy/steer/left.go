package steer

import (
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Left is what of a service no control takes out of answers: drains it, leaves it no share, or forces it down.
// That a service is forced down as a whole takes nothing: it is how its last resort is rehearsed.
type Left struct {
	Endpoints [policy.AnswerKinds]int
	Regions   []string // with an endpoint that is left, sorted
	Fenced    []Fenced // the branches of geo that their clients cannot leave
}

// Fenced is what of a fenced branch no control takes out.
type Fenced struct {
	Path      string
	Endpoints [policy.AnswerKinds]int
}

// Undrained counts what of a service no control takes out; health plays no part.
func Undrained(s *policy.State, svc *policy.Service) Left {
	c := counter{s: s, forces: s.Forces(svc.ID()).Rehearsed(), seen: map[string]bool{}}
	var l Left
	for name := range s.PoolsOf(svc) {
		c.add(name, &l.Endpoints, &l.Regions)
	}
	slices.Sort(l.Regions)
	c.fenced(&svc.Steer, "", 1, &l.Fenced)
	return l
}

// counter counts each pool once.
type counter struct {
	s      *policy.State
	forces policy.Forces
	seen   map[string]bool
}

func (c counter) add(name string, endpoints *[policy.AnswerKinds]int, regions *[]string) {
	o, ok := c.s.Pools.Get(name)
	if !ok || c.seen[name] {
		return
	}
	c.seen[name] = true
	for i := range o.Spec.Endpoints {
		e := &o.Spec.Endpoints[i]
		if f := c.forces.On(&o.Spec, e); f.Drained != "" || f.Down != "" {
			continue
		}
		for k := range policy.AnswerKinds {
			if c.s.Has(e, k) {
				endpoints[k]++
			}
		}
		if r := e.RegionOr(&o.Spec); r != "" && !slices.Contains(*regions, r) {
			*regions = append(*regions, r)
		}
	}
}

// fenced looks for branches that clients are kept in.
func (c counter) fenced(t *policy.Steering, path string, depth int, list *[]Fenced) {
	if depth > policy.MaxDepth {
		return
	}
	if t.Template != "" {
		if tree := c.s.Template(t.Template); tree != nil {
			c.fenced(tree, join(path, "template "+t.Template), depth+1, list)
		}
		return
	}
	kind, children := t.Kind()
	for i := range children {
		at := childPath(join(path, kind), kind, i, t)
		if t.Fence {
			f, in := Fenced{Path: at}, counter{c.s, c.forces, map[string]bool{}}
			var regions []string
			for name := range c.s.PoolsOf(&policy.Service{Steer: children[i].Steering}) {
				in.add(name, &f.Endpoints, &regions)
			}
			*list = append(*list, f)
		}
		c.fenced(&children[i].Steering, at, depth+1, list)
	}
}
