package change

import (
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// PutSwitch throws a switch, which gates of safety rules go by. Why is the change's reason.
type PutSwitch struct {
	Name string `json:"name"`
	On   bool   `json:"on,omitempty"`
}

func (b PutSwitch) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if err := policy.CheckLabel(b.Name); err != nil {
		return policy.Errorf(policy.Invalid, "%v", err)
	}
	if strings.TrimSpace(d.change.Reason) == "" {
		return policy.Errorf(policy.Invalid, "a switch is thrown for a reason (--reason, or \"reason\"): whoever finds it so will want to know")
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	old, ok := d.Switches.Get(b.Name)
	if !ok && d.Switches.Len() >= policy.MaxSwitches {
		return policy.Errorf(policy.Invalid, "there are %d switches already, which are the most: delete some", policy.MaxSwitches)
	}
	if ok && old.On == b.On && old.Actor == d.change.Actor { // thrown by another it is theirs, where it takes two
		d.outcome.Revision = d.Revision
		return nil
	}
	d.revise()
	d.Switches.Set(b.Name, policy.Switch{Name: b.Name, On: b.On, Reason: strings.TrimSpace(d.change.Reason), Actor: d.change.Actor, At: d.Clock})
	if len(d.Gates(b.Name)) == 0 {
		d.outcome.Warnings = append(d.outcome.Warnings, "no safety rule goes by the switch "+b.Name+" (safetyRules: [{name: ..., gate: "+b.Name+"}])")
	}
	return nil
}

// DeleteSwitch forgets a switch, unless a safety rule goes by it.
type DeleteSwitch struct {
	Name string `json:"name"`
}

func (b DeleteSwitch) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if !d.Switches.Has(b.Name) {
		return policy.Errorf(policy.NotFound, "there is no switch %q; it was never thrown, or was deleted", b.Name)
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	if rules := d.Gates(b.Name); len(rules) > 0 {
		return policy.Errorf(policy.Conflict, "switch/%s is in use: safety-rule/%s go by it; change them first", b.Name, strings.Join(rules, ", safety-rule/"))
	}
	d.revise()
	d.Switches.Delete(b.Name)
	return nil
}
