package change

import (
	"errors"
	"fmt"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// MaxRequests is how many outcomes are kept by request id: a retry within so many writes is answered, not done again.
const MaxRequests = 8192

// making is a state in the making, with the change that makes it.
type making struct {
	*policy.State
	base    *policy.State // before the change: what If-Match is about
	change  *Change
	outcome *policy.Outcome
	staged  *Body // where CommitStaged says what it brought in
	// approved is the draft that PublishDraft makes.
	approved *policy.Draft
	whole    bool // it is part of several changes that are judged together, when all are made
	each     bool // each part of it is judged by itself: what waits or is refused is one control, not the change
	// spent are the overrides that a part of the change was in need of.
	spent map[string]bool
}

// Apply gives the state after a change. Whether it was accepted or refused is
// in the outcome; a refusal changes nothing but index, clock and the table of
// requests. An error means that this version cannot apply the change at all
// and must stop applying here.
func Apply(s *policy.State, index uint64, c Change) (*policy.State, policy.Outcome, error) {
	if c.Body == nil {
		return s, policy.Outcome{}, policy.Errorf(policy.Unsupported, "a change without a body")
	}
	if c.Request != "" {
		if old, ok := s.Requests.Get(c.Request); ok {
			old.Replayed = true
			next := stamp(s, index, c.Clock)
			unstage(next, c.Body)
			return next, old, nil
		}
	}
	next := stamp(s, index, c.Clock)
	outcome := policy.Outcome{Request: c.Request, Index: index}
	body := c.Body
	d := &making{State: next, base: s, change: &c, outcome: &outcome, staged: &body, spent: map[string]bool{}}
	err := d.judged(c.Body)
	if err == nil {
		err = d.reviewed()
	}
	if err != nil {
		var refusal *policy.Error
		if !errors.As(err, &refusal) {
			refusal = policy.Errorf(policy.Invalid, "%v", err)
		}
		if refusal.Kind == policy.Unsupported {
			return s, policy.Outcome{}, refusal
		}
		next = stamp(s, index, c.Clock)
		unstage(next, c.Body)
		outcome = policy.Outcome{Request: c.Request, Index: index, Refused: refusal}
	}
	if omitted := audit(s, next, &c, body, outcome.Refused); omitted > 0 {
		outcome.Warnings = append(outcome.Warnings, fmt.Sprintf("this changed %d objects, more than the history keeps (%d MiB): no rollback reaches beyond revision %d", omitted, policy.MaxAuditEdits>>20, next.Revision))
	}
	remember(next, outcome)
	return next, outcome, nil
}

func stamp(s *policy.State, index uint64, clock int64) *policy.State {
	next := s.Clone()
	next.Index = index
	next.Clock = max(s.Clock, clock)
	return next
}

// unstage frees the space of a staged write that its commit did not use, because it was refused or was a retry.
func unstage(s *policy.State, b Body) {
	switch b := b.(type) {
	case *CommitStaged:
		s.Staged.Delete(b.ID)
	case CommitStaged:
		s.Staged.Delete(b.ID)
	}
}

// maxProblems is how many mistakes of a refused change are kept for its retries.
const maxProblems = 20

// remember keeps the outcome for retries, and forgets the oldest beyond MaxRequests.
func remember(s *policy.State, o policy.Outcome) {
	if o.Request == "" {
		return
	}
	if r := o.Refused; r != nil && len(r.Problems) > maxProblems {
		short := *r
		short.Problems = slices.Clone(r.Problems[:maxProblems])
		short.Problems[maxProblems-1] = policy.Problem{Message: fmt.Sprintf("and %d more", len(r.Problems)-maxProblems+1)}
		o.Refused = &short
	}
	s.Requests.Set(o.Request, o)
	s.RequestLog.Set(fmt.Sprintf("%016x", o.Index), o.Request)
	for s.RequestLog.Len() > MaxRequests {
		for key, id := range s.RequestLog.All {
			s.RequestLog.Delete(key)
			s.Requests.Delete(id)
			break
		}
	}
}

// next is the revision that the change makes if it changes anything.
func (d *making) next() uint64 { return d.base.Revision + 1 }

// revise raises the revision, once for a change, and gives it.
func (d *making) revise() uint64 {
	d.Revision = d.next()
	d.outcome.Revision = d.Revision
	return d.Revision
}

// match refuses a change that was based on another revision than the current one (I-03).
func (d *making) match(what string, current uint64) error {
	if m := d.change.IfMatch; m != nil && *m != current {
		return policy.Errorf(policy.Stale, "%s is at revision %d now; the change was based on %d: read it again and redo the change", what, current, *m)
	}
	return nil
}

// matchZone is match for a zone; one that is not there is at revision 0.
func (d *making) matchZone(name policy.Name) error {
	var rev uint64
	if z, ok := d.base.Zones.Get(name.Key()); ok {
		rev = z.Rev
	}
	return d.match("zone "+name.String(), rev)
}

// id gives an object its stable number, for as long as it exists.
func (d *making) id(object string) uint32 {
	if id, ok := d.IDs.Get(object); ok {
		return id
	}
	d.NextID++
	d.IDs.Set(object, d.NextID)
	return d.NextID
}
