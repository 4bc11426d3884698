package steer

import (
	"fmt"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Kept is what becomes of a safety rule for automation, for one kind of answer. It never puts what is down back beside
// what is up: it decides what is served when nothing is available.
type Kept struct {
	Rule string
	// Acts says that lastResort leaves less than the rule wants: where nothing is available everything undrained is served.
	Acts bool
	Text string // "" when enough is available
}

// Keep settles what the safety rules for automation make of the tree. It is called when the tree's pools are as
// they are to be; the order in which they became so has no part in it.
func (t *Tree) Keep(s *policy.State, svc *policy.Service) {
	for name, o := range s.SafetyRules.All {
		if o.Spec.AtLeast == nil || !o.Spec.Binds(policy.ForAutomation) || !o.Spec.Guards(svc) {
			continue
		}
		for k := range policy.AnswerKinds {
			if t.Serves[k] {
				kept := t.keep(s, o.Spec.AtLeast, k)
				kept.Rule = name
				t.Kept[k] = append(t.Kept[k], kept)
			}
		}
	}
}

func (t *Tree) keep(s *policy.State, want *policy.AtLeast, k policy.AnswerKind) Kept {
	resort, whole, alive := map[string]bool{}, map[string]bool{}, map[string]bool{}
	t.Root.resorted(k, 0, resort)
	for _, p := range t.Pools {
		for i := range p.Members {
			if m := &p.Members[i]; m.Has[k] && m.Drained == "" {
				whole[m.ID] = true
				alive[m.ID] = m.Status != policy.Down || p.Spares(m, k)
			}
		}
	}
	reach := func(in map[string]bool) Reach {
		names := make([]string, len(t.Pools))
		for i, p := range t.Pools {
			names[i] = p.Name
		}
		return ReachOf(s, names, func(p *policy.Pool, e *policy.Endpoint) bool { return in[policy.EndpointID(p.Name, e.Name)] })
	}
	live := reach(alive)
	text, enough := short(want, live)
	if enough {
		return Kept{}
	}
	if _, ok := short(want, reach(whole)); !ok {
		return Kept{Text: text + "; no more than that is undrained, so the answers are as without the rule"}
	}
	if _, ok := short(want, reach(resort)); ok {
		return Kept{Text: text + "; nothing that is down is put back beside what is up, and where nothing is available lastResort serves enough"}
	}
	return Kept{Acts: true, Text: text + "; nothing that is down is put back beside what is up, and where nothing is available everything undrained is served, not what lastResort says"}
}

// short says what of a floor is missed.
func short(want *policy.AtLeast, r Reach) (text string, enough bool) {
	var list []string
	if n := len(r.Regions); n < want.Regions {
		list = append(list, fmt.Sprintf("%d regions, and %d are available", want.Regions, n))
	}
	if n := len(r.Providers); n < want.Providers {
		list = append(list, fmt.Sprintf("%d providers, and %d are available", want.Providers, n))
	}
	if r.Capacity+1e-6 < float64(want.Capacity) {
		list = append(list, fmt.Sprintf("%v of the capacity, and %.4g%% is available", want.Capacity, r.Capacity))
	}
	return "it wants " + strings.Join(list, "; "), len(list) == 0
}

// resorted collects what lastResort lets serve when nothing is available: those of a branch, none, or those that have
// not been down since good or longer.
func (n *Node) resorted(k policy.AnswerKind, good int64, in map[string]bool) {
	if r := n.Resort; r != nil {
		switch {
		case r.Branch != nil:
			before := len(in)
			r.Branch.resorted(k, 0, in)
			if len(in) > before {
				return
			}
			good = 0
		case r.Mode == policy.ResortNoData:
			return
		case r.Mode == policy.ResortLastGood:
			newest := n.newest(k)
			good = newest - min(newest, lastGoodSpan)
		default:
			good = 0
		}
	}
	if n.Pool != nil {
		for i := range n.Pool.Members {
			if m := &n.Pool.Members[i]; m.Has[k] && m.Drained == "" && !m.stale(good) {
				in[m.ID] = true
			}
		}
	}
	for _, c := range n.Children {
		c.resorted(k, good, in)
	}
}

// whole says whether a safety rule has everything undrained served where nothing is available.
func (t *Tree) whole(k policy.AnswerKind) bool {
	for _, kept := range t.Kept[k] {
		if kept.Acts {
			return true
		}
	}
	return false
}
