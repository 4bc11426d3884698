package change

import (
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// PutSignal gives a signal, or gives it again: it is fresh for its maximum age
// from now. Why it is given is the change's reason.
type PutSignal struct {
	Name   string          `json:"name"`
	Status policy.Status   `json:"status"`           // policy.Up or policy.Down
	MaxAge policy.Duration `json:"maxAge,omitempty"` // default policy.DefaultSignalAge
}

func (b PutSignal) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	v := policy.Signal{
		Name: b.Name, Status: b.Status, Reason: strings.TrimSpace(d.change.Reason), Actor: d.change.Actor, At: d.Clock, MaxAge: b.MaxAge,
	}
	if v.MaxAge == 0 {
		v.MaxAge = policy.DefaultSignalAge
	}
	var p policy.Problems
	v.Validate(&p)
	if err := p.Err("the signal is not valid"); err != nil {
		return err
	}
	if !d.Signals.Has(v.Name) && d.Signals.Len() >= policy.MaxSignals {
		return policy.Errorf(policy.Invalid, "there are %d signals already, which are the most: delete some", policy.MaxSignals)
	}
	d.Signals.Set(v.Name, v)
	d.outcome.Revision = d.Revision
	if !d.names(v.Name) {
		d.outcome.Warnings = append(d.outcome.Warnings, "no monitor goes by the signal "+v.Name+" yet (monitors: [{name: ..., signal: {name: "+v.Name+"}}])")
	}
	return nil
}

// names says whether a monitor goes by a signal.
func (d *making) names(signal string) bool {
	for _, o := range d.Monitors.All {
		if c := o.Spec.Signal; c != nil && c.Name == signal {
			return true
		}
	}
	return false
}

// DeleteSignal forgets a signal. For monitors that name it, it was never given.
type DeleteSignal struct {
	Name string `json:"name"`
}

func (b DeleteSignal) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if !d.Signals.Has(b.Name) {
		return policy.Errorf(policy.NotFound, "there is no signal %q; meridian get signals shows what there is", b.Name)
	}
	d.Signals.Delete(b.Name)
	d.outcome.Revision = d.Revision
	return nil
}

// markStale marks the signals that have grown too old.
func (d *making) markStale() {
	var old []policy.Signal
	for _, v := range d.Signals.All {
		if v.Due() <= d.Clock && !v.Stale {
			v.Stale = true
			old = append(old, v)
		}
	}
	for _, v := range old {
		d.Signals.Set(v.Name, v)
	}
}
