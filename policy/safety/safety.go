// Package safety says whether a change may happen: it reads the structure of
// the state before and after, and refuses what would hurt.
package safety

import (
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Drain refuses a drain that leaves a service with nothing undrained of a kind
// of answer where it had something (DESIGN section 4, "Never empty"), or with
// fewer undrained regions than a safety rule asks for.
func Drain(before, after *policy.State) error {
	var p policy.Problems
	for _, o := range after.Services.All {
		s := &o.Spec
		was, is := steer.Undrained(before, s), steer.Undrained(after, s)
		for k := range policy.AnswerKinds {
			if was.Endpoints[k] > 0 && is.Endpoints[k] == 0 {
				p.Add("", "service %s would have no undrained %s endpoint left: all its clients would be sent to what is drained", s.ID(), k)
			}
		}
		for i, f := range is.Fenced { // the tree is the same, and so are its fences
			for k := range policy.AnswerKinds {
				if was.Fenced[i].Endpoints[k] > 0 && f.Endpoints[k] == 0 && is.Endpoints[k] > 0 {
					p.Add("", "service %s would have no undrained %s endpoint left in %s, which its clients cannot leave (fence): they would be sent to what is drained", s.ID(), k, f.Path)
				}
			}
		}
		rules(&p, after, s, was, is)
	}
	if len(p) == 0 {
		return nil
	}
	return &policy.Error{Kind: policy.Unsafe, Message: "the drain is refused; add another region or lift a drain first", Problems: p}
}

// Config refuses a new configuration that leaves a service with fewer undrained
// regions than a safety rule of it asks for, and with fewer than the service had before.
func Config(before, after *policy.State) error {
	if after.SafetyRules.Len() == 0 {
		return nil
	}
	var p policy.Problems
	for id, o := range after.Services.All {
		if old, ok := before.Services.Get(id); ok {
			rules(&p, after, &o.Spec, steer.Undrained(before, &old.Spec), steer.Undrained(after, &o.Spec))
		}
	}
	if len(p) == 0 {
		return nil
	}
	return &policy.Error{Kind: policy.Unsafe, Message: "the configuration is refused; keep more regions in it, lift a drain, or change the rule", Problems: p}
}

// rules notes the rules for operators that a change of a service's regions breaks, or breaks further.
func rules(p *policy.Problems, s *policy.State, svc *policy.Service, was, is steer.Left) {
	for _, r := range s.SafetyRules.All {
		rule := r.Spec
		if rule.Service != "" && !slices.Contains(svc.Owners(), rule.Service) || rule.AtLeast == nil ||
			len(rule.AppliesTo) > 0 && !slices.Contains(rule.AppliesTo, "operator") {
			continue
		}
		if n := len(is.Regions); n < rule.AtLeast.Regions && n < len(was.Regions) {
			p.Add("", "safety rule %q wants %d undrained regions for service %s; %d would be left (%s)", rule.Name, rule.AtLeast.Regions, svc.ID(), n, left(is.Regions))
		}
	}
}

func left(regions []string) string {
	if len(regions) == 0 {
		return "none"
	}
	return strings.Join(regions, ", ")
}
