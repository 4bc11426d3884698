// Package safety says whether a change may happen: it reads the state before and after, and refuses what would
// hurt. Health has no part in it: what is drained is drained, and what is down comes back by itself.
package safety

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// For is on whose behalf, and when, a change is made.
type For struct {
	Actor string
	// Override names the safety rules that the change may break. It has to name exactly those that it does break,
	// but for the ones that are Spent: those were broken, by name, by another part of it.
	Override []string
	Spent    map[string]bool
	// Planned is when controls take effect that are looked at ahead of their time, by State's clock. What cannot be known
	// yet then is looked at when it has come: switches, and the time between changes.
	Planned int64
	// Alone says that this is about one node that is cut off: only what stays to serve counts.
	Alone bool
}

// Check refuses a change, of whatever kind, that leaves a service with nothing undrained of a kind of answer where it had
// something (DESIGN section 4, "Never empty"), or that breaks a safety rule, or breaks it further than it was. The rules are those
// of the state after. A refusal has a problem for each broken rule, with what would satisfy it.
func Check(before, after *policy.State, by For) error { return Look(before, after, by).Refusal(by) }

// Breach is a safety rule that a change breaks.
type Breach struct {
	Rule string
	Text string // what it wants, what would be, and what would satisfy it
}

// Found is what is wrong with a change.
type Found struct {
	Empty    []string // services that would have nothing undrained left: this cannot be overridden
	Breaches []Breach // in order of rules
	what     string
	rules    *policy.Tree[policy.Object[policy.SafetyRule]]
}

// Look finds all that is wrong with a change, whatever it overrides.
func Look(before, after *policy.State, by For) Found {
	l := look{was: newSide(before), is: newSide(after), by: by, moves: movesOf(before, after), gone: goneOf(before, after)}
	f := Found{what: l.moves.what(), rules: after.SafetyRules}
	if before.Controls.Len() == 0 && after.Controls.Len() == 0 && after.SafetyRules.Len() == 0 {
		return f
	}
	if after.Controls.Len() > 0 {
		f.Empty = l.empty()
	}
	who := l.moves.who(configured(before, after))
	for name, o := range after.SafetyRules.All {
		rule := &o.Spec
		var texts []string
		if slices.ContainsFunc(who, rule.Binds) {
			texts = l.left(rule)
		}
		if !by.Alone {
			texts = append(texts, l.moved(rule)...)
		}
		if len(texts) > 0 {
			f.Breaches = append(f.Breaches, Breach{name, fmt.Sprintf("safety rule %q %s", name, strings.Join(texts, "; it "))})
		}
	}
	return f
}

// configured says whether anything differs that configuration says about services and what they consist of.
func configured(before, after *policy.State) bool {
	return before.Pools.Sum() != after.Pools.Sum() || before.Services.Sum() != after.Services.Sum() || before.Templates.Sum() != after.Templates.Sum() ||
		before.Regions.Sum() != after.Regions.Sum() || before.SafetyRules.Sum() != after.SafetyRules.Sum()
}

// Refusal is nil if nothing is wrong, or all of it is overridden.
func (f Found) Refusal(by For) error {
	var p policy.Problems
	for _, text := range f.Empty {
		p.Add("", "%s", text)
	}
	for _, b := range f.Breaches {
		if !slices.Contains(by.Override, b.Rule) {
			p = append(p, policy.Problem{Rule: b.Rule, Message: b.Text})
		}
	}
	if len(p) > 0 {
		return &policy.Error{Kind: policy.Unsafe, Message: "the " + f.what + " is refused", Problems: p}
	}
	for i, name := range by.Override {
		broken := slices.ContainsFunc(f.Breaches, func(b Breach) bool { return b.Rule == name })
		switch {
		case broken || by.Spent[name]:
		case !f.rules.Has(name):
			p.Add(fmt.Sprintf("/override/%d", i), "there is no safety rule %q", name)
		default:
			p.Add(fmt.Sprintf("/override/%d", i), "this does not break the safety rule %q; an override names the rules that are broken, and no others", name)
		}
	}
	return p.Err("the override is refused")
}

// look is a change that is looked at.
type look struct {
	was, is side
	by      For
	moves   moves
	gone    map[policy.Name]string
}

// side is a state, with what was found out about it.
type side struct {
	*policy.State
	lefts map[string]steer.Left // by service
}

func newSide(s *policy.State) side { return side{s, map[string]steer.Left{}} }

// left is what no control drains of a service.
func (s side) left(id string) (l steer.Left, ok bool) {
	if l, ok := s.lefts[id]; ok {
		return l, true
	}
	o, ok := s.Services.Get(id)
	if ok {
		l = steer.Undrained(s.State, &o.Spec)
		s.lefts[id] = l
	}
	return l, ok
}

// before is the id of what a service was: its own, or that of one that answered a name of its and is gone, as where it is renamed.
func (l look) before(svc *policy.Service) (id string, ok bool) {
	if id = svc.ID(); l.was.Services.Has(id) {
		return id, true
	}
	for _, n := range svc.Owners() {
		if id, ok = l.gone[n]; ok {
			return id, true
		}
	}
	return "", false
}

// goneOf are the services that there are no more, by each of their names.
func goneOf(before, after *policy.State) map[policy.Name]string {
	if before.Services.Sum() == after.Services.Sum() {
		return nil
	}
	gone := map[policy.Name]string{}
	for id, o := range before.Services.All {
		if !after.Services.Has(id) {
			for _, n := range o.Spec.Owners() {
				gone[n] = id
			}
		}
	}
	return gone
}

// empty tells of the services that would serve what is drained, and did not before.
func (l look) empty() (list []string) {
	unmoved := l.unmoved()
	for id, o := range l.is.Services.All {
		if unmoved != nil && unmoved(id) {
			continue
		}
		former, ok := l.before(&o.Spec)
		if !ok {
			continue
		}
		is, _ := l.is.left(id)
		if !is.Drained() {
			continue
		}
		was, _ := l.was.left(former)
		remedy := sync.OnceValue(func() string {
			return l.liftable(func(c policy.Control) bool { return touches(l.is.State, c.Target, &o.Spec, nil) })
		})
		for k := range policy.AnswerKinds {
			if was.Endpoints[k] > 0 && is.Endpoints[k] == 0 && is.Out[k] > 0 {
				list = append(list, fmt.Sprintf("service %s would have no undrained %s endpoint left: all its clients would be sent to what is drained; add another region to it%s", id, k, remedy()))
			}
		}
		for _, f := range is.Fenced {
			i := slices.IndexFunc(was.Fenced, func(old steer.Fenced) bool { return old.Path == f.Path })
			for k := range policy.AnswerKinds {
				if i >= 0 && was.Fenced[i].Endpoints[k] > 0 && f.Endpoints[k] == 0 && f.Out[k] > 0 && is.Endpoints[k] > 0 {
					list = append(list, fmt.Sprintf("service %s would have no undrained %s endpoint left in %s, which its clients cannot leave (fence): they would be sent to what is drained; add another region to it%s", id, k, f.Path, remedy()))
				}
			}
		}
	}
	return list
}

// unmoved says of a service whether all that it is answered from, but for health, is as it was: of thousands one change moves
// few. It is nil where any may have moved.
func (l look) unmoved() func(id string) bool {
	was, is := l.was.State, l.is.State
	if was.Controls.Len() != is.Controls.Len() || was.Controls.Sum() != is.Controls.Sum() || was.Regions.Sum() != is.Regions.Sum() || was.Templates.Sum() != is.Templates.Sum() ||
		was.Zones.Sum() != is.Zones.Sum() { // from which host names of endpoints are answered
		return nil
	}
	pools := was.Pools.Sum() == is.Pools.Sum()
	samePool := func(name string) bool {
		before, there := was.Pools.Get(name)
		after, still := is.Pools.Get(name)
		return there == still && before.Rev == after.Rev
	}
	return func(id string) bool {
		before, there := was.Services.Get(id)
		after, still := is.Services.Get(id)
		if !there || !still || before.Rev != after.Rev {
			return false
		}
		if pools {
			return true
		}
		for name := range is.PoolsOf(&after.Spec) {
			if !samePool(name) {
				return false
			}
		}
		return true
	}
}

// most is how many things a text names.
const most = 4

func some(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	if len(list) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:most], ", "), len(list)-most)
	}
	return strings.Join(list, ", ")
}

// liftable is what may be lifted first, of what was in force before: ", or lift the drain c17 of region/us first".
func (l look) liftable(which func(policy.Control) bool) string {
	var list []string
	first := int64(0)
	for id, c := range l.was.Controls.All {
		if !l.is.Controls.Has(id) || !c.Acts() || !takesOut(c) || !which(c) {
			continue
		}
		list = append(list, fmt.Sprintf("the %s %s of %s", c.Action, id, c.Target))
		if c.ExpiresAt != 0 && (first == 0 || c.ExpiresAt < first) {
			first = c.ExpiresAt
		}
	}
	if len(list) == 0 {
		return ""
	}
	text := ", or lift " + some(list) + " first"
	if first != 0 {
		text += ", or wait until " + untilText(first) + ", when one of them ends"
	}
	return text
}

// takesOut says whether a control is of the kind that takes clients away.
func takesOut(c policy.Control) bool { return c.Action != policy.ForceUp }
