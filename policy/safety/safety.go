// Package safety says whether a change may happen: it reads the structure of
// the state before and after, and refuses what would hurt.
package safety

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Drain refuses a drain that leaves a service with nothing undrained in a
// family where it had something (DESIGN section 4, "Never empty"), or with
// fewer undrained regions than a safety rule asks for.
func Drain(before, after *policy.State) error {
	var p policy.Problems
	for _, o := range after.Services.All {
		s := &o.Spec
		was, is := steer.Undrained(before, s), steer.Undrained(after, s)
		for _, f := range []policy.Family{policy.IPv4, policy.IPv6} {
			if was.Endpoints[f] > 0 && is.Endpoints[f] == 0 {
				p.Add("", "service %s would have no undrained %s endpoint left: all its clients would be sent to what is drained", s.ID(), f)
			}
		}
		for _, r := range after.SafetyRules.All {
			rule := r.Spec
			if rule.Service != "" && !slices.Contains(s.Owners(), rule.Service) || rule.AtLeast == nil ||
				len(rule.AppliesTo) > 0 && !slices.Contains(rule.AppliesTo, "operator") {
				continue
			}
			if n := len(is.Regions); n < rule.AtLeast.Regions && n < len(was.Regions) {
				p.Add("", "safety rule %q wants %d undrained regions for service %s; %d would be left (%s)", rule.Name, rule.AtLeast.Regions, s.ID(), n, left(is.Regions))
			}
		}
	}
	if len(p) == 0 {
		return nil
	}
	return &policy.Error{Kind: policy.Unsafe, Message: "the drain is refused; add another region or lift a drain first", Problems: p}
}

func left(regions []string) string {
	if len(regions) == 0 {
		return "none"
	}
	return fmt.Sprint(strings.Join(regions, ", "))
}
