package change

import (
	"fmt"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/safety"
)

// maxExpiresIn bounds the life of a control that has an end: ten years, well within the State's clock.
const maxExpiresIn = policy.Duration(10 * 365 * 24 * time.Hour)

// PutControl puts a control in force.
type PutControl struct {
	Target    string          `json:"target"`
	Action    policy.Action   `json:"action"`
	ExpiresIn policy.Duration `json:"expiresIn,omitempty"` // 0: until lifted
}

func (b PutControl) apply(d *draft) error {
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
		Actor: d.change.Actor, CreatedAt: d.Clock,
	}
	if b.ExpiresIn > 0 {
		c.ExpiresAt = d.Clock + int64(b.ExpiresIn)
	}
	before := d.Clone()
	d.Controls.Set(c.ID, c)
	if err := safety.Drain(before, d.State); err != nil {
		return err
	}
	d.revise()
	d.outcome.Made = c.ID
	return nil
}

// exists refuses a target that no endpoint is in, naming what there is.
func (d *draft) exists(target string) error {
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

func (b DeleteControl) apply(d *draft) error {
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

// ExpireControls lifts the controls whose time has come, by the clock of the change.
type ExpireControls struct{}

func (ExpireControls) apply(d *draft) error {
	for _, id := range Expired(d.State) {
		d.revise()
		d.Controls.Delete(id)
	}
	return nil
}

// Expired lists the controls whose time has come.
func Expired(s *policy.State) []string {
	var ids []string
	for id, c := range s.Controls.All {
		if c.ExpiresAt != 0 && c.ExpiresAt <= s.Clock {
			ids = append(ids, id)
		}
	}
	return ids
}

// RecordVerdicts brings in what the leader judged in one tick.
type RecordVerdicts struct {
	Edges []policy.Edge `json:"edges"`
}

func (b RecordVerdicts) apply(d *draft) error {
	live := d.liveChecks()
	for _, e := range b.Edges {
		if live[e.Check] { // the check may have gone while the judgement was on its way
			d.Verdicts.Set(e.Check, e.Verdict)
		}
	}
	return nil
}
