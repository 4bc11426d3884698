package change

import "github.com/meridian-gtm/meridian/policy"

// Drafted is the state that an open draft would make of this one.
func Drafted(s *policy.State, v policy.Draft) (*policy.State, error) {
	body, err := decodeDraft(v.Body)
	if err != nil {
		return nil, err
	}
	c := Change{Actor: v.Author, Clock: s.Clock, Body: body, Reason: v.Title}
	d := &making{State: stamp(s, s.Index, s.Clock), base: s, change: &c, outcome: &policy.Outcome{}, staged: &body, spent: map[string]bool{}}
	err = d.judged(body)
	return d.State, err
}

// Trial is what a draft has made of a state. It stands for every later state that operators have changed nothing in:
// verdicts, measurements and signals, which change all the time, have no part in whether a draft fits, nor in the
// objects that it makes. To make a large draft anew takes seconds, which a verdict would wait for.
type Trial struct {
	of    trialOf
	after *policy.State
	err   error
	stale *error // what untouched says; nil: it was not asked
}

// trialOf is all that a trial depends on.
type trialOf struct {
	draft                           string
	version, epoch, revision, since uint64
	feature                         int
}

// make makes the draft, if what was made before does not stand any more.
func (t *Trial) make(s *policy.State, v policy.Draft) {
	of := trialOf{draft: v.ID, version: v.Version, epoch: s.Epoch, revision: s.Revision, feature: s.Feature}
	if s.AuditHead != nil {
		of.since = s.AuditHead.Since // a rollback reaches no further
	}
	if t.of == of {
		return
	}
	*t = Trial{of: of}
	t.after, t.err = Drafted(s, v)
}

// fits says why a draft cannot be published.
func (t *Trial) fits(s *policy.State, v policy.Draft) error {
	t.make(s, v)
	if t.err == nil && t.stale == nil {
		err := (&making{State: s, base: s}).untouched(v, t.after)
		t.stale = &err
	}
	if t.err != nil {
		return t.err
	}
	return *t.stale
}

// Canaried is the state that a node answers by: with the draft made that is in use there. A draft that does not fit
// leaves it as it is.
func (t *Trial) Canaried(s *policy.State, node string, now int64) (*policy.State, error) {
	v, ok := tried(s, node)
	if !ok || now >= v.Canary.EndsAt+int64(CanaryGrace) {
		*t = Trial{}
		return s, nil
	}
	if t.make(s, v); t.err != nil {
		return s, t.err
	}
	return t.onto(s), nil
}

// onto is a state with what operators change as the draft has made it, and all else as it is now.
func (t *Trial) onto(s *policy.State) *policy.State {
	d := &making{State: s.Clone(), base: s}
	d.NextID, d.Revision, d.ConfigRevision = t.after.NextID, t.after.Revision, t.after.ConfigRevision
	d.IDs, d.Zones, d.Controls = t.after.IDs, t.after.Zones, t.after.Controls
	d.Regions, d.Providers, d.Monitors, d.Pools = t.after.Regions, t.after.Providers, t.after.Monitors, t.after.Pools
	d.Templates, d.Services, d.SafetyRules, d.Places, d.DrillPlans = t.after.Templates, t.after.Services, t.after.SafetyRules, t.after.Places, t.after.DrillPlans
	d.Receivers, d.ReviewRules = t.after.Receivers, t.after.ReviewRules
	if t.after.ConfigRevision != s.ConfigRevision {
		d.dropOrphanVerdicts()
		d.dropOrphanMeasured(s)
		d.dropOrphanNotified()
	}
	return d.State
}
