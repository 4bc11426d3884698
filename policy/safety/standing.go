package safety

import (
	"fmt"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// The states of a safety rule, the worst last but one.
const (
	Satisfied = "satisfied"
	AtLimit   = "at-limit"  // kept, and nothing of what it is about may be taken out now
	Unhealthy = "unhealthy" // controls keep it, and with what is down it is not
	Acting    = "acting"    // it decides what is served where nothing is available
	Broken    = "broken"    // by an override, or it was broken before there was the rule
)

// Standing is how a safety rule stands.
type Standing struct {
	Rule  string
	State string
	Wants []string // what it asks for
	Says  []string // why State is what it is
}

// Standings are those of all rules, in order of names, at a time of State's clock. up says whether an endpoint is up, by its pool
// and name, and acting what rules for automation do, by their names.
func Standings(s *policy.State, now int64, up func(pool, endpoint string) bool, acting map[string][]steer.Kept) []Standing {
	list := []Standing{}
	at := newSide(s)
	for name, o := range s.SafetyRules.All {
		rule := &o.Spec
		v := Standing{Rule: name, State: Satisfied, Wants: rule.Wants(), Says: []string{}}
		say := func(state, format string, args ...any) {
			if v.State == Satisfied || v.State == AtLimit && state != AtLimit || state == Broken || state == Acting && v.State != Broken {
				v.State = state
			}
			v.Says = append(v.Says, fmt.Sprintf(format, args...))
		}
		for _, m := range at.measures(rule) {
			switch {
			case m.short > 0:
				say(Broken, "it %s", m.text)
			case m.spare < 1 && (m.of != "together" || m.spare == 0):
				say(AtLimit, "%s: nothing more may be taken out", m.text)
			}
		}
		if rule.AtLeast != nil {
			for _, text := range at.ill(rule, up) {
				say(Unhealthy, "%s", text)
			}
		}
		for _, kept := range acting[name] {
			if kept.Acts {
				say(Acting, "%s", kept.Text)
			} else {
				say(Unhealthy, "%s", kept.Text)
			}
		}
		closed(rule, s, now, say)
		list = append(list, v)
	}
	return list
}

// ill tells of what is short when what is down counts as drained.
func (s side) ill(rule *policy.SafetyRule, up func(pool, endpoint string) bool) (texts []string) {
	out := steer.Out(s.State, "")
	in := func(p *policy.Pool, e *policy.Endpoint) bool { return !out(p, e) && up(p.Name, e.Name) }
	note := func(pools []string, whose string, svc *policy.Service) {
		for _, m := range atLeast(rule.AtLeast, steer.ReachOf(s.State, pools, in), whose, svc) {
			if m.short > 0 {
				texts = append(texts, "with what is down it "+m.text)
			}
		}
	}
	var all []string
	for id, o := range s.Services.All {
		if !rule.Guards(&o.Spec) {
			continue
		}
		var pools []string
		for name := range s.PoolsOf(&o.Spec) {
			pools = append(pools, name)
		}
		if all = append(all, pools...); !rule.Overall {
			note(pools, "service "+id, &o.Spec)
		}
	}
	if rule.Overall {
		note(all, "all services together", nil)
	}
	return texts
}

// closed tells why controls may not change now.
func closed(rule *policy.SafetyRule, s *policy.State, now int64, say func(state, format string, args ...any)) {
	if rule.Gate != "" {
		if sw, _ := s.Switches.Get(rule.Gate); !sw.On {
			say(AtLimit, "the switch %s is off", rule.Gate)
		}
	}
	if last, ok := s.Paces.Get(rule.Name); ok && rule.MinBetween > 0 && now-last < int64(rule.MinBetween) {
		say(AtLimit, "a control changed at %s; the next change may be at %s", clockText(last), untilText(last+int64(rule.MinBetween)))
	}
	for _, f := range rule.Freeze {
		if end, in := f.Until(time.Unix(0, now)); in {
			say(AtLimit, "frozen until %s", untilText(end.UnixNano()))
		}
	}
}
