package change

import (
	"fmt"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// maxExpiresIn bounds the life of a control that has an end: ten years, well within the State's clock.
const maxExpiresIn = policy.Duration(10 * 365 * 24 * time.Hour)

// maxStartsIn bounds how far ahead a control is planned.
const maxStartsIn = policy.Duration(90 * 24 * time.Hour)

// PutControl puts a control in force, now or later.
type PutControl struct {
	Target    string          `json:"target"`
	Action    policy.Action   `json:"action"`
	ExpiresIn policy.Duration `json:"expiresIn,omitempty"` // from its start; 0: until lifted
	StartsIn  policy.Duration `json:"startsIn,omitempty"`  // 0: at once; from policy.FeatureHealth
}

func (b PutControl) apply(d *making) error {
	if b.Action != policy.Drain {
		return policy.Errorf(policy.Invalid, "action %q is not known; drain is", b.Action)
	}
	if strings.TrimSpace(d.change.Reason) == "" {
		return policy.Errorf(policy.Invalid, "a drain needs a reason (--reason, or \"reason\"): whoever is on call next will want to know")
	}
	if b.ExpiresIn < 0 {
		return policy.Errorf(policy.Invalid, "expiresIn of %v is in the past", b.ExpiresIn)
	}
	if b.ExpiresIn > maxExpiresIn {
		return policy.Errorf(policy.Invalid, "expiresIn of %v is more than %v; leave it out to drain until lifted", b.ExpiresIn, maxExpiresIn)
	}
	if b.StartsIn < 0 || b.StartsIn > maxStartsIn {
		return policy.Errorf(policy.Invalid, "startsIn of %v is not within 0 to %v", b.StartsIn, maxStartsIn)
	}
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	if err := d.exists(b.Target); err != nil {
		return err
	}
	id := fmt.Sprintf("c%d", d.Index)
	for n := 2; d.Controls.Has(id); n++ { // made by the same batch
		id = fmt.Sprintf("c%d-%d", d.Index, n)
	}
	c := policy.Control{
		ID: id, Target: b.Target, Action: b.Action, Reason: d.change.Reason,
		Actor: d.change.Actor, CreatedAt: d.Clock, Overrides: d.change.Override,
	}
	if b.ExpiresIn > 0 {
		c.ExpiresAt = d.Clock + int64(b.StartsIn) + int64(b.ExpiresIn)
	}
	if d.whole && b.StartsIn == 0 {
		d.Controls.Set(c.ID, c)
	} else if err := d.drain(c, b.StartsIn); err != nil { // a planned one too: what would hurt now is told now
		return err
	}
	if b.StartsIn > 0 {
		c.StartsAt, c.Phase = d.Clock+int64(b.StartsIn), policy.Planned
		c.Phase, _ = c.Next(d.Clock, d.Ahead())
		d.Controls.Set(c.ID, c)
	}
	d.revise()
	d.outcome.Made = c.ID
	return nil
}

// drain puts a drain in force, unless it would hurt, or would when it begins.
func (d *making) drain(c policy.Control, startsIn policy.Duration) error {
	before := d.Clone()
	d.Controls.Set(c.ID, c)
	err := d.hurts(before, c, startsIn)
	if err != nil {
		d.Controls = before.Controls
	}
	return err
}

// exists refuses a target that no endpoint is in, naming what there is.
func (d *making) exists(target string) error {
	t, err := policy.ParseTarget(target)
	if err != nil {
		return err
	}
	for _, o := range d.Pools.All {
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			if t.Covers(d.Region(e.RegionOr(&o.Spec)), &o.Spec, e) {
				return nil
			}
		}
	}
	var known []string
	switch t.Kind {
	case "region":
		if d.Regions.Has(t.Name) {
			return policy.Errorf(policy.NotFound, "%s has no endpoint in it, so there is nothing to drain", target)
		}
		for n := range d.Regions.All {
			known = append(known, "region/"+n)
		}
	case "pool", "endpoint":
		for n := range d.Pools.All {
			known = append(known, "pool/"+n)
		}
	}
	if len(known) > 8 {
		known = append(known[:8], "…")
	}
	if len(known) == 0 {
		return policy.Errorf(policy.NotFound, "there is no %s", target)
	}
	return policy.Errorf(policy.NotFound, "there is no %s; there are %s", target, strings.Join(known, ", "))
}

// DeleteControl lifts a control.
type DeleteControl struct {
	ID string `json:"id"`
}

func (b DeleteControl) apply(d *making) error {
	if !d.Controls.Has(b.ID) {
		return policy.Errorf(policy.NotFound, "there is no control %q; it may have expired or been lifted", b.ID)
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	d.revise()
	d.Controls.Delete(b.ID)
	return nil
}

// ExpireControls lifts the controls whose time is over, and takes planned ones
// on to where they should be, by the clock of the change.
type ExpireControls struct{}

func (ExpireControls) apply(d *making) error {
	d.whole = true // each that begins is judged by itself, and what ends was let in with its end
	var all []policy.Control
	for _, c := range d.Controls.All {
		all = append(all, c)
	}
	ahead := d.Ahead()
	for _, c := range all { // what ends makes room for what begins
		if _, over := c.Next(d.Clock, ahead); over {
			d.revise()
			d.Controls.Delete(c.ID)
		}
	}
	for _, c := range all {
		next, over := c.Next(d.Clock, ahead)
		switch {
		case over:
		case next != c.Phase:
			d.revise()
			c.Phase = next
			if next != policy.InForce {
				d.Controls.Set(c.ID, c)
			} else if err := d.drain(c, 0); err != nil {
				c.Phase, c.Problem = policy.Refused, err.Error()
				d.Controls.Set(c.ID, c)
			}
		}
	}
	return nil
}

// Overdue says whether ExpireControls would do anything at a time of State's clock.
func Overdue(s *policy.State, now int64) bool {
	if s.Controls.Len() == 0 {
		return false
	}
	ahead := s.Ahead()
	for _, c := range s.Controls.All {
		if next, over := c.Next(now, ahead); over || next != c.Phase {
			return true
		}
	}
	return false
}

// RecordVerdicts brings in what the leader judged in one look.
type RecordVerdicts struct {
	Edges []policy.Edge `json:"edges"`
}

func (b RecordVerdicts) apply(d *making) error {
	live, looked := map[string]bool{}, map[string]bool{} // only of the pools that are touched
	for _, e := range b.Edges {
		if pool, _, _ := strings.Cut(e.Check, "/"); !looked[pool] {
			looked[pool] = true
			if o, ok := d.Pools.Get(pool); ok {
				addChecks(live, &o.Spec)
			}
		}
		if !live[e.Check] { // the check may have gone while the judgement was on its way
			continue
		}
		if is, _ := d.Verdicts.Get(e.Check); is.Resumed && is.Status == policy.Down && e.Status == policy.Down {
			e.Resumed = true // an operator may have resumed it likewise; only coming up ends that
		}
		d.Verdicts.Set(e.Check, e.Verdict)
	}
	return nil
}
