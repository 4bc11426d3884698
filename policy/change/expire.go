package change

import "github.com/meridian-gtm/meridian/policy"

// goBack takes a control back in even steps, after which it is lifted.
func (d *making) goBack(c policy.Control, over policy.Duration) error {
	switch {
	case c.Action != policy.Drain && c.Action != policy.Share:
		return policy.Errorf(policy.Invalid, "%s is a %s, which is lifted at once; drains and shares go back over a time", c.ID, c.Action)
	case over < 0 || over > policy.MaxRampOver:
		return policy.Errorf(policy.Invalid, "over of %v is not within 0 to %v", over, policy.MaxRampOver)
	}
	if !c.Acts() || c.Kept() >= 100 { // there is nothing to take back
		d.revise()
		return d.lift(c)
	}
	r := policy.Even(c.Kept(), over)
	if len(r.Steps) > 1 && r.Every < policy.MinRampEvery {
		return policy.Errorf(policy.Invalid, "over of %v is too short for %d steps, %v apart at the least; write %v or more", over, len(r.Steps), policy.MinRampEvery, policy.MinRampEvery*policy.Duration(len(r.Steps)-1))
	}
	r.Done, r.At = len(r.Steps), d.Clock-int64(r.Every)
	c.Phase, c.Problem, c.Ramp = policy.Returning, "", &r
	next, gone := d.Step(c, d.Clock)
	d.revise()
	if gone {
		return d.lift(c)
	}
	d.moves(&next)
	return d.control(next)
}

// ExpireControls lifts the controls whose time is over, and takes planned ones and those on their way
// on to where they should be, by the clock of the change.
type ExpireControls struct{}

func (ExpireControls) apply(d *making) error {
	if len(d.change.Override) > 0 {
		return policy.Errorf(policy.Invalid, "what time does overrides no safety rule")
	}
	d.each = true
	var all []policy.Control
	for _, c := range d.Controls.All {
		all = append(all, c)
	}
	ahead := d.Ahead()
	for _, c := range all { // what ends makes room for what begins
		if _, over := c.Next(d.Clock, ahead); over {
			d.revise()
			if err := d.lift(c); err != nil {
				c.ExpiresAt, c.Problem = d.Clock+int64(holdOver), "its time is over: "+err.Error()
				d.Controls.Set(c.ID, c)
			}
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
				break
			}
			d.moves(&c)
			if err := d.begin(c); err != nil {
				c.Phase, c.Problem = policy.Refused, err.Error()
				d.Controls.Set(c.ID, c)
			}
		case c.OnItsWay():
			d.step(c)
		}
	}
	return nil
}

// step takes a control that is on its way as far as it should be. A step that would hurt is not made: it waits, and says why.
func (d *making) step(c policy.Control) {
	next, gone := d.Step(c, d.Clock)
	if next.At(c) && !gone {
		return
	}
	d.revise()
	if gone {
		d.Controls.Delete(c.ID)
		return
	}
	d.moves(&next)
	if next.Kept() == c.Kept() {
		d.Controls.Set(next.ID, next)
		return
	}
	if err := d.control(next); err != nil {
		r := *c.Ramp
		c.Ramp, c.Problem = &r, err.Error()
		if r.At = d.Clock; c.Phase != policy.Returning { // which waits where it is, and still goes back
			r.Unsafe, c.Phase = true, policy.Paused
		}
		d.Controls.Set(c.ID, c)
	}
}

// moves notes which change took a control on. Nodes of the version before would not.
func (d *making) moves(c *policy.Control) {
	if d.Feature >= policy.FeatureDrill {
		c.Moved = d.Index
	}
}

// Overdue says whether ExpireControls would begin or end anything at a time of State's clock.
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

// Unsteady says whether ExpireControls would take a control a step on or back, or pause it, at a time of State's
// clock. It looks at conditions, which takes longer than Overdue; once a second is enough.
func Unsteady(s *policy.State, now int64) bool {
	for _, c := range s.Controls.All {
		if next, gone := s.Step(c, now); gone || !next.At(c) {
			return true
		}
	}
	return false
}
