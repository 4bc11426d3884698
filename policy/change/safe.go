package change

import (
	"maps"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/safety"
)

// judged applies a body as the whole of a change, unless what it leaves would hurt.
func (d *making) judged(b Body) error {
	if err := d.mayOverride(d.change.Override); err != nil {
		return err
	}
	before := d.Clone()
	if err := d.make(b); err != nil {
		return err
	}
	err := d.safe(before)
	d.pace(before)
	return err
}

// safe holds what a change has made against the safety rules, and overrides against the rules that are broken. Whatever
// makes something else of what serves comes by here, once all of it is made.
func (d *making) safe(before *policy.State) error {
	if d.whole || d.each {
		return nil
	}
	over := d.change.Override
	if len(over) == 0 && standing(before) == standing(d.State) {
		return nil
	}
	by := safety.For{Actor: d.change.Actor, Override: slices.Clone(over), Spent: d.spent}
	for _, rule := range slices.Sorted(maps.Keys(d.spent)) {
		if !slices.Contains(over, rule) { // of a control that was planned with it
			by.Override = append(by.Override, rule)
		}
	}
	return safety.Check(before, d.State, by)
}

// standing stands for all that safety looks at in a state, but for the clock.
func standing(s *policy.State) [7]uint64 {
	return [7]uint64{s.Controls.Sum(), s.Pools.Sum(), s.Services.Sum(), s.Templates.Sum(), s.Regions.Sum(), s.SafetyRules.Sum(), uint64(s.Controls.Len())}
}

func (d *making) mayOverride(rules []string) error {
	switch {
	case len(rules) == 0:
		return nil
	case d.Feature < policy.FeatureDrill:
		return AdmitOverride(d.State)
	case !d.State.MayOverride(d.change.Actor):
		return policy.Errorf(policy.Forbidden, "%s may not override safety rules (%s): this takes an admin", d.change.Actor, strings.Join(rules, ", "))
	}
	return nil
}

// AdmitOverride is Admit for an override.
func AdmitOverride(s *policy.State) error {
	if s.Feature >= policy.FeatureDrill {
		return nil
	}
	return policy.Errorf(policy.Conflict, "overrides need feature level %d on every node, and the cluster is at %d: upgrade every node", policy.FeatureDrill, s.Feature)
}

// hurts is safe for one control among what a change makes. What it overrides need not be broken now: a change is
// held to that as a whole, and a control that was planned is not.
func (d *making) hurts(before *policy.State, c policy.Control, startsIn policy.Duration) error {
	by := safety.For{Actor: d.change.Actor}
	if startsIn > 0 {
		by.Planned = d.Clock + int64(startsIn)
	}
	found := safety.Look(before, d.State, by)
	if len(c.Override) > 0 && d.State.MayOverride(c.Actor) {
		by.Override, by.Spent = c.Override, map[string]bool{}
		for _, rule := range c.Override {
			by.Spent[rule] = true
		}
	}
	if err := found.Refusal(by); err != nil {
		return err
	}
	for _, b := range found.Breaches {
		d.spent[b.Rule] = true
	}
	return nil
}

// pace notes for rules with a time between changes that there was one.
func (d *making) pace(before *policy.State) {
	for _, rule := range safety.Paced(before, d.State) {
		d.Paces.Set(rule, d.Clock)
	}
	if before.SafetyRules.Sum() != d.SafetyRules.Sum() {
		var gone []string
		for rule := range d.Paces.All {
			if o, ok := d.SafetyRules.Get(rule); !ok || o.Spec.MinBetween == 0 {
				gone = append(gone, rule)
			}
		}
		for _, rule := range gone {
			d.Paces.Delete(rule)
		}
	}
}
