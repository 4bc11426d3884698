package safety

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// moves are the controls that a change puts in force, lifts, or makes others.
type moves struct {
	put, lifted, other []policy.Control
	further            []policy.Control // of other: those that take more out than before
}

func movesOf(before, after *policy.State) (m moves) {
	if before.Controls.Sum() == after.Controls.Sum() {
		return m
	}
	in := func(s *policy.State, id string) (c policy.Control, ok bool) {
		c, ok = s.Controls.Get(id)
		return c, ok && c.Acts()
	}
	for id, c := range after.Controls.All {
		old, was := in(before, id)
		switch {
		case !c.Acts():
		case !was || old.Target != c.Target || old.Action != c.Action:
			m.put = append(m.put, c)
		case c.Phase == policy.Returning && old.Phase != policy.Returning && c.Problem == "": // lifted by and by: it is not asked again at its end
			m.lifted = append(m.lifted, c)
		case !reflect.DeepEqual(old, c):
			m.other = append(m.other, c)
			if c.Kept() < old.Kept() {
				m.further = append(m.further, c)
			}
		}
	}
	for id, c := range before.Controls.All {
		if _, is := in(after, id); !is && c.Acts() {
			m.lifted = append(m.lifted, c)
		}
	}
	return m
}

// what a change is, for whoever is refused.
func (m moves) what() string {
	switch {
	case slices.ContainsFunc(m.put, func(c policy.Control) bool { return c.Action != policy.Drain }):
		return "control"
	case len(m.put) > 0:
		return "drain"
	case len(m.lifted) > 0:
		return "lift"
	case len(m.other) > 0:
		return "step"
	}
	return "configuration"
}

// who is bound by rules about what is left: all on whose behalf controls are, and the operator who configures.
func (m moves) who(configured bool) (list []string) {
	if configured {
		list = append(list, policy.ForOperator)
	}
	for _, c := range slices.Concat(m.put, m.lifted, m.other) {
		if w := behalf(c); !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

func behalf(c policy.Control) string {
	switch c.Source {
	case policy.ByDrill:
		return policy.ForDrill
	case policy.ByAutomation:
		return policy.ForAutomation
	}
	return policy.ForOperator
}

// free says whether lifting a control waits for nothing: it ends when it was said to, and a drill gives back what it took.
func free(c policy.Control, now int64) bool {
	return c.ExpiresAt != 0 && c.ExpiresAt <= now || c.Source != policy.ByOperator
}

// moved tells of controls that may not change now.
func (l look) moved(rule *policy.SafetyRule) (texts []string) {
	if rule.Gate == "" && rule.MinBetween == 0 && len(rule.Freeze) == 0 {
		return nil
	}
	now := l.is.Clock
	puts := l.about(rule, l.is.State, l.moves.put)
	lifts := slices.DeleteFunc(l.about(rule, l.was.State, l.moves.lifted), func(c policy.Control) bool { return free(c, now) })
	both := slices.Concat(puts, lifts)
	if rule.Gate != "" && len(both) > 0 && l.by.Planned == 0 {
		sw, _ := l.is.Switches.Get(rule.Gate)
		same := func(c policy.Control) bool {
			if slices.ContainsFunc(lifts, func(v policy.Control) bool { return v.ID == c.ID }) {
				return l.by.Actor == sw.Actor
			}
			return c.Actor == sw.Actor
		}
		switch {
		case !sw.On:
			texts = append(texts, fmt.Sprintf("wants the switch %s on while controls of %s change, and it is off: have it thrown (meridian switch on %s --reason TEXT)", rule.Gate, both[0].Target, rule.Gate))
		case rule.TwoPeople && slices.ContainsFunc(both, same):
			texts = append(texts, fmt.Sprintf("wants two people, and %s has thrown the switch %s: somebody else changes controls of %s, or throws it", sw.Actor, rule.Gate, both[0].Target))
		}
	}
	if last, ok := l.was.Paces.Get(rule.Name); ok && rule.MinBetween > 0 && len(both) > 0 && l.by.Planned == 0 && now-last < int64(rule.MinBetween) {
		texts = append(texts, fmt.Sprintf("wants %v between changes of controls, and the last was at %s: wait until %s", rule.MinBetween, clockText(last), untilText(last+int64(rule.MinBetween))))
	}
	if at := max(now, l.by.Planned); len(puts)+len(l.about(rule, l.is.State, l.moves.further)) > 0 {
		for _, f := range rule.Freeze {
			if end, in := f.Until(time.Unix(0, at)); in {
				texts = append(texts, fmt.Sprintf("lets nothing be taken out from %v: wait until %s", f, untilText(end.UnixNano())))
			}
		}
	}
	return texts
}

// about are the controls that a rule about changes of controls is about.
func (l look) about(rule *policy.SafetyRule, s *policy.State, list []policy.Control) (found []policy.Control) {
	var svc *policy.Service
	if rule.Service != "" {
		if svc = (side{State: s}).guarded(rule); svc == nil {
			return nil
		}
	}
	for _, c := range list {
		if rule.Binds(behalf(c)) && touches(s, c.Target, svc, rule.Targets) {
			found = append(found, c)
		}
	}
	return found
}

// touches says whether a target has an endpoint that is a service's, and in one of some others; nil is any.
func touches(s *policy.State, target string, svc *policy.Service, others []string) bool {
	if svc == nil && len(others) == 0 {
		return true
	}
	t, err := policy.ParseTarget(target)
	if err != nil {
		return false
	}
	if t.Kind == "service" { // of no other service's endpoints
		o, ok := s.Services.Get(t.Name)
		if !ok || svc != nil && svc.ID() != t.Name {
			return false
		}
		svc = &o.Spec
	}
	var list []policy.Target
	for _, id := range others {
		if o, err := policy.ParseTarget(id); err == nil {
			list = append(list, o)
		}
	}
	in := func(pool *policy.Pool) bool {
		for i := range pool.Endpoints {
			e := &pool.Endpoints[i]
			region := s.Region(e.RegionOr(pool))
			if (t.Kind == "service" || t.Covers(region, pool, e)) && (len(others) == 0 || slices.ContainsFunc(list, func(o policy.Target) bool { return o.Covers(region, pool, e) })) {
				return true
			}
		}
		return false
	}
	if svc == nil {
		for _, o := range s.Pools.All {
			if in(&o.Spec) {
				return true
			}
		}
		return false
	}
	for name := range s.PoolsOf(svc) {
		if o, ok := s.Pools.Get(name); ok && in(&o.Spec) {
			return true
		}
	}
	return false
}

// Paced are the rules with a time between changes that a change counts for, in order.
func Paced(before, after *policy.State) (rules []string) {
	m := movesOf(before, after)
	if len(m.put)+len(m.lifted) == 0 {
		return nil
	}
	l := look{was: newSide(before), is: newSide(after), moves: m}
	for name, o := range after.SafetyRules.All {
		if o.Spec.MinBetween > 0 && len(l.about(&o.Spec, after, m.put))+len(l.about(&o.Spec, before, m.lifted)) > 0 {
			rules = append(rules, name)
		}
	}
	return rules
}

// untilText is the first whole second that is not before a time of State's clock.
func untilText(at int64) string { return clockText(at + int64(time.Second) - 1) }

// clockText is a time of State's clock, as people read it.
func clockText(at int64) string {
	return time.Unix(0, at).UTC().Format("2006-01-02 15:04:05 UTC")
}
