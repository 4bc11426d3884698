package change

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/meridian-gtm/meridian/policy"
)

// maxExpiresIn bounds the life of a control that has an end: ten years, well within the State's clock.
const maxExpiresIn = policy.Duration(10 * 365 * 24 * time.Hour)

// maxStartsIn bounds how far ahead a control is planned.
const maxStartsIn = policy.Duration(90 * 24 * time.Hour)

// holdOver is how much longer a control is in force whose end would hurt, until that is looked at again.
const holdOver = policy.Duration(time.Minute)

// PutControl puts a control in force, now or later, at once or in steps.
type PutControl struct {
	Target    string           `json:"target"`
	Action    policy.Action    `json:"action"`
	ExpiresIn policy.Duration  `json:"expiresIn,omitempty"` // from its start; 0: until lifted
	StartsIn  policy.Duration  `json:"startsIn,omitempty"`  // 0: at once; from policy.FeatureHealth
	Share     *int             `json:"share,omitempty"`     // of the action share; from policy.FeatureDrill, as all that follows
	Ramp      *policy.RampPlan `json:"ramp,omitempty"`
}

// feature is the level that the control needs.
func (b *PutControl) feature() int {
	level := policy.TargetFeature(b.Target)
	switch {
	case b.Action != policy.Drain && slices.Contains(actions, b.Action), b.Share != nil, b.Ramp != nil:
		return policy.FeatureDrill
	case b.StartsIn > 0:
		return max(level, policy.FeatureHealth)
	case level > 1:
		return level
	}
	return 0
}

// actions are all that a control may do.
var actions = []policy.Action{policy.Drain, policy.ForceUp, policy.ForceDown, policy.Share}

func (b PutControl) apply(d *making) error {
	if err := b.check(d.change.Reason); err != nil {
		return err
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
	c := policy.Control{
		ID: d.controlID(), Target: b.Target, Action: b.Action, Reason: d.change.Reason,
		Actor: d.change.Actor, CreatedAt: d.Clock, Override: d.change.Override,
	}
	if b.Share != nil {
		c.Share = *b.Share
	}
	if b.Ramp != nil {
		var err error
		if c.Ramp, err = b.Ramp.Ramp(c.Share); err == nil {
			err = d.checkConditions(c.Ramp)
		}
		if err != nil {
			return err
		}
	}
	if b.ExpiresIn > 0 {
		c.ExpiresAt = d.Clock + int64(b.StartsIn) + int64(b.ExpiresIn)
	}
	if b.StartsIn > 0 {
		c.StartsAt = d.Clock + int64(b.StartsIn)
	}
	if err := d.begin(c); err != nil { // a planned one too: what would hurt now is told now
		return err
	}
	if b.StartsIn > 0 {
		c.Phase = policy.Planned
		c.Phase, _ = c.Next(d.Clock, d.Ahead())
		d.Controls.Set(c.ID, c)
	}
	d.revise()
	d.outcome.Made = c.ID
	d.warnRivals(c)
	return nil
}

// check refuses what no state makes right.
func (b *PutControl) check(reason string) error {
	known := slices.Contains(actions, b.Action)
	t, _ := policy.ParseTarget(b.Target)
	switch {
	case !known:
		return policy.Errorf(policy.Invalid, "action %q is not known; drain, force-up, force-down and share are", b.Action)
	case strings.TrimSpace(reason) == "":
		return policy.Errorf(policy.Invalid, "a %s needs a reason (--reason, or \"reason\"): whoever is on call next will want to know", b.Action)
	case strings.ContainsFunc(reason, unicode.IsControl) || !utf8.ValidString(reason):
		return policy.Errorf(policy.Invalid, "the reason holds a control character, or is not UTF-8; write it as one line of text")
	case b.ExpiresIn < 0:
		return policy.Errorf(policy.Invalid, "expiresIn of %v is in the past", b.ExpiresIn)
	case b.ExpiresIn > maxExpiresIn:
		return policy.Errorf(policy.Invalid, "expiresIn of %v is more than %v; leave it out to %s until lifted", b.ExpiresIn, maxExpiresIn, b.Action)
	case b.StartsIn < 0 || b.StartsIn > maxStartsIn:
		return policy.Errorf(policy.Invalid, "startsIn of %v is not within 0 to %v", b.StartsIn, maxStartsIn)
	case b.Action == policy.Share && b.Share == nil:
		return policy.Errorf(policy.Invalid, `a share needs how much the target keeps, 0 to 100 percent of its usual clients: "share": 20`)
	case b.Action != policy.Share && b.Share != nil:
		return policy.Errorf(policy.Invalid, "share goes with the action share, not with %s", b.Action)
	case b.Share != nil && (*b.Share < 0 || *b.Share > 100):
		return policy.Errorf(policy.Invalid, "a share of %d is not within 0 to 100 percent", *b.Share)
	case b.Action == policy.Share && t.Kind == "service":
		return policy.Errorf(policy.Invalid, "a service has no share: its clients have nowhere else to go; give a region, pool or endpoint of it a share")
	case b.Ramp != nil && b.Action != policy.Drain && b.Action != policy.Share:
		return policy.Errorf(policy.Invalid, "a %s comes at once; drains and shares have a ramp", b.Action)
	}
	return nil
}

// controlID is an id that no control has.
func (d *making) controlID() string {
	id := fmt.Sprintf("c%d", d.Index)
	for n := 2; d.Controls.Has(id); n++ { // made by the same batch
		id = fmt.Sprintf("c%d-%d", d.Index, n)
	}
	return id
}

// checkConditions refuses conditions of a ramp that cannot be told, or that would end it at once.
func (d *making) checkConditions(r *policy.Ramp) error {
	var p policy.Problems
	for i, text := range r.PauseWhen { // one that holds already only lets it wait
		if _, err := d.Condition(text, d.Clock); err != nil {
			p.Add(fmt.Sprintf("/ramp/pauseWhen/%d", i), "%v", err)
		}
	}
	for i, text := range r.BackWhen {
		if problem, err := d.Condition(text, d.Clock); err != nil {
			p.Add(fmt.Sprintf("/ramp/backWhen/%d", i), "%v", err)
		} else if problem != "" {
			p.Add(fmt.Sprintf("/ramp/backWhen/%d", i), "%s already", problem)
		}
	}
	return p.Err("the ramp is not valid")
}

// control puts a control in force as it is, unless that would hurt: the one way in which an operator's, a
// planned one, a step of a ramp and a step of a drill come into force.
func (d *making) control(c policy.Control) error {
	if d.whole && c.StartsAt == 0 && c.Ramp == nil { // held against the rules when all of the batch is there
		d.Controls.Set(c.ID, c)
		return nil
	}
	if c.Action == policy.Drain && c.Phase == policy.Returning { // lifting it is not refused either
		d.Controls.Set(c.ID, c)
		return nil
	}
	before := d.Clone()
	d.Controls.Set(c.ID, c)
	err := d.hurts(before, c, policy.Duration(max(0, c.StartsAt-d.Clock)))
	if err == nil {
		return nil
	}
	d.Controls = before.Controls
	return err
}

// begin puts a control in force: all of it, or the first step of a ramp that would not hurt where it ends.
func (d *making) begin(c policy.Control) error {
	if c.Ramp == nil {
		return d.control(c)
	}
	whole := *c.Ramp
	whole.Done = len(whole.Steps)
	end := c
	end.Ramp = &whole
	if err := d.control(end); err != nil {
		return err
	}
	r := *c.Ramp
	r.Done, r.At = 0, d.Clock-int64(r.Every)
	c.Ramp, c.Phase = &r, policy.Ramping
	next, _ := d.Step(c, d.Clock)
	d.Controls.Set(next.ID, next) // less than what was just admitted
	return nil
}

// exists refuses a target that no endpoint is in, naming what there is.
func (d *making) exists(target string) error {
	t, err := policy.ParseTarget(target)
	if err != nil {
		return err
	}
	for range d.Covered(t) {
		return nil
	}
	var known []string
	switch t.Kind {
	case "region":
		if d.Regions.Has(t.Name) {
			return policy.Errorf(policy.NotFound, "%s has no endpoint in it, so there is nothing to control", target)
		}
		for n := range d.Regions.All {
			known = append(known, "region/"+n)
		}
	case "pool", "endpoint":
		for n := range d.Pools.All {
			known = append(known, "pool/"+n)
		}
	case "service":
		for n := range d.Services.All {
			known = append(known, "service/"+n)
		}
	case "label":
		known = d.labels()
	}
	if len(known) > 8 {
		known = append(known[:8], "…")
	}
	if len(known) == 0 {
		return policy.Errorf(policy.NotFound, "there is no %s", target)
	}
	return policy.Errorf(policy.NotFound, "there is no %s; there are %s", target, strings.Join(known, ", "))
}

// labels are the labels that endpoints have, as targets.
func (d *making) labels() (list []string) {
	for _, o := range d.Pools.All {
		for i := range o.Spec.Endpoints {
			for k, v := range o.Spec.Endpoints[i].Labels {
				list = append(list, "label/"+k+"="+v)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// warnRivals says which controls of another action a new one overrides, and which override it.
func (d *making) warnRivals(c policy.Control) {
	if d.Controls.Len() == 1 {
		return
	}
	r := d.Rivals()[c.ID]
	name := func(id string) string {
		other, _ := d.Controls.Get(id)
		return fmt.Sprintf("%s (%s of %s)", id, other.Action, other.Target)
	}
	for _, id := range r.OverriddenBy {
		d.outcome.Warnings = append(d.outcome.Warnings, fmt.Sprintf("%s is overridden by %s where both cover an endpoint: lift that first", c.ID, name(id)))
	}
	for _, id := range r.Overrides {
		d.outcome.Warnings = append(d.outcome.Warnings, fmt.Sprintf("%s overrides %s where both cover an endpoint", c.ID, name(id)))
	}
}

// DeleteControl lifts a control, at once or by and by.
type DeleteControl struct {
	ID   string          `json:"id"`
	Over policy.Duration `json:"over,omitempty"` // from policy.FeatureDrill; 0: at once
}

func (b DeleteControl) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	c, ok := d.Controls.Get(b.ID)
	if !ok {
		return policy.Errorf(policy.NotFound, "there is no control %q; it may have expired or been lifted", b.ID)
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	if b.Over != 0 {
		return d.goBack(c, b.Over)
	}
	if err := d.lift(c); err != nil {
		return err
	}
	d.revise()
	return nil
}

// lift takes a control out of force. Where nobody judges all of the change, one whose end would hurt, for what it
// overrides, stays.
func (d *making) lift(c policy.Control) error {
	before := d.Clone()
	d.Controls.Delete(c.ID)
	if !d.each || c.Action != policy.ForceUp && c.Action != policy.Share {
		return nil
	}
	err := d.hurts(before, c, 0)
	if err != nil {
		d.Controls = before.Controls
	}
	return err
}
