package steer

import (
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Left is what of a service no control takes out of answers: drains it, leaves it no share, or forces it down.
// That a service is forced down as a whole takes nothing: it is how its last resort is rehearsed.
type Left struct {
	Endpoints [policy.AnswerKinds]int
	Out       [policy.AnswerKinds]int // those that are drained
	Fenced    []Fenced                // the branches of geo that their clients cannot leave
}

// Fenced is what of a fenced branch no control takes out.
type Fenced struct {
	Path      string
	Endpoints [policy.AnswerKinds]int
	Out       [policy.AnswerKinds]int
}

// Drained says whether a control takes out anything.
func (l *Left) Drained() bool {
	none := [policy.AnswerKinds]int{}
	return l.Out != none || slices.ContainsFunc(l.Fenced, func(f Fenced) bool { return f.Out != none })
}

// Undrained counts what of a service no control takes out; health plays no part.
func Undrained(s *policy.State, svc *policy.Service) Left {
	c := counter{s: s, out: Out(s, svc.ID()), seen: map[string]bool{}}
	var l Left
	for name := range s.PoolsOf(svc) {
		c.add(name, &l.Endpoints, &l.Out)
	}
	c.fenced(&svc.Steer, "", 1, &l.Fenced)
	return l
}

// UndrainedReach is the reach of what of a service no control takes out.
func UndrainedReach(s *policy.State, svc *policy.Service) Reach {
	out := Out(s, svc.ID())
	return ReachOf(s, slices.Collect(s.PoolsOf(svc)), func(pool *policy.Pool, e *policy.Endpoint) bool { return !out(pool, e) })
}

// counter counts each pool once.
type counter struct {
	s    *policy.State
	out  func(*policy.Pool, *policy.Endpoint) bool
	seen map[string]bool
}

func (c counter) add(name string, left, out *[policy.AnswerKinds]int) {
	o, ok := c.s.Pools.Get(name)
	if !ok || c.seen[name] {
		return
	}
	c.seen[name] = true
	for i := range o.Spec.Endpoints {
		e, counts := &o.Spec.Endpoints[i], left
		if c.out(&o.Spec, e) {
			counts = out
		}
		for k := range policy.AnswerKinds {
			if c.s.Has(e, k) {
				counts[k]++
			}
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
			f, in := Fenced{Path: at}, counter{c.s, c.out, map[string]bool{}}
			for name := range c.s.PoolsOf(&policy.Service{Steer: children[i].Steering}) {
				in.add(name, &f.Endpoints, &f.Out)
			}
			*list = append(*list, f)
		}
		c.fenced(&children[i].Steering, at, depth+1, list)
	}
}
