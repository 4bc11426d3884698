package change

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// draftable are the kinds of change that a draft may hold.
var draftable = map[string]bool{"batch": true, "revision.rollback": true}

// PutDraft makes a draft, or puts another change into one: what was said of that before is
// forgotten then, and it is based on the state of now.
type PutDraft struct {
	ID    string `json:"id,omitempty"` // "": a new one
	Title string `json:"title,omitempty"`
	Body  []byte `json:"body"` // a change of a kind that is draftable, as EncodeBody gives it
}

// ReviewDraft approves a draft, or rejects it.
type ReviewDraft struct {
	ID      string `json:"id"`
	Approve bool   `json:"approve"`
	Comment string `json:"comment,omitempty"`
}

// PublishDraft makes the change that a draft holds, unless somebody has changed the same objects since it was made.
type PublishDraft struct {
	ID string `json:"id"`
}

// CloseDraft withdraws a draft.
type CloseDraft struct {
	ID string `json:"id"`
}

// decodeDraft reads what a draft holds.
func decodeDraft(body []byte) (Body, error) {
	c, err := decode(body, draftable)
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "what the draft holds cannot be read: %v", err)
	}
	return c.Body, nil
}

// openDraft is a draft that is not closed.
func (d *making) openDraft(id string) (policy.Draft, error) {
	v, ok := d.Drafts.Get(id)
	switch {
	case !ok:
		return v, policy.Errorf(policy.NotFound, "there is no draft %q", id)
	case v.Closed != "":
		return v, policy.Errorf(policy.Conflict, "the draft %s was %s; make another one", id, v.Closed)
	}
	return v, nil
}

func (b PutDraft) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	title := strings.TrimSpace(b.Title)
	if title == "" || len(title) > policy.MaxComment || strings.ContainsAny(title, "\r\n") {
		return policy.Errorf(policy.Invalid, "a draft needs a title, of one line and at most %d octets", policy.MaxComment)
	}
	if len(b.Body) > policy.MaxDraftSize {
		return policy.Errorf(policy.Invalid, "the draft has %d octets; %d are the most: make the change in parts, or at once", len(b.Body), policy.MaxDraftSize)
	}
	v := policy.Draft{ID: b.ID}
	if b.ID != "" {
		old, err := d.openDraft(b.ID)
		if err != nil {
			return err
		}
		if err := d.matchDraft(old); err != nil {
			return err
		}
		if old.Canary != nil && old.Canary.State == policy.CanaryRunning {
			return policy.Errorf(policy.Conflict, "the draft %s is in use at %s; end its canary first", b.ID, strings.Join(old.Canary.Nodes, ", "))
		}
	} else {
		v.ID = fmt.Sprintf("d%d", d.Index)
	}
	open, size := 0, len(b.Body)
	for id, other := range d.Drafts.All {
		if other.Closed == "" && id != v.ID {
			open++
			size += len(other.Body)
		}
	}
	if open >= policy.MaxDrafts || size > policy.MaxDraftsSize {
		return policy.Errorf(policy.Conflict, "there are %d drafts with %d octets; %d and %d are the most: publish or withdraw some", open, size, policy.MaxDrafts, policy.MaxDraftsSize)
	}
	body, err := decodeDraft(b.Body)
	if err == nil {
		_, err = d.trial(body)
	}
	if err != nil {
		return err
	}
	for _, rule := range d.change.Override { // for the trial; who publishes it names them anew
		d.spent[rule] = true
	}
	v.Title, v.Author, v.CreatedAt, v.Base, v.Version, v.Body = title, d.change.Actor, d.Clock, d.base.Revision, d.Index, b.Body
	d.Drafts.Set(v.ID, v)
	d.outcome.Made, d.outcome.Revision = v.ID, d.Revision
	return nil
}

// trial is the state that a draft's change would make of this one.
func (d *making) trial(body Body) (*policy.State, error) {
	c := *d.change
	c.IfMatch = nil
	t := &making{State: d.State.Clone(), base: d.base, change: &c, outcome: &policy.Outcome{}, staged: new(Body), spent: d.spent}
	err := t.judged(body)
	return t.State, err
}

// matchDraft is match for what is in a draft.
func (d *making) matchDraft(v policy.Draft) error {
	return d.match("what is in the draft "+v.ID, v.Version)
}

func (b ReviewDraft) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	v, err := d.openDraft(b.ID)
	if err != nil {
		return err
	}
	if err := d.matchDraft(v); err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(v.Reviews), func(r policy.Review) bool { return r.Actor == d.change.Actor })
	switch {
	case len(b.Comment) > policy.MaxComment:
		return policy.Errorf(policy.Invalid, "the comment has %d octets; %d are the most", len(b.Comment), policy.MaxComment)
	case b.Approve && d.change.Actor == v.Author && !slices.ContainsFunc(v.Reviews, func(r policy.Review) bool { return r.Actor == v.Author }):
		return policy.Errorf(policy.Conflict, "%s wrote the draft %s; somebody else approves it", v.Author, v.ID)
	case !b.Approve && strings.TrimSpace(b.Comment) == "":
		return policy.Errorf(policy.Invalid, "who rejects a draft says why (comment)")
	case b.Approve && len(others) >= policy.MaxReviews:
		return policy.Errorf(policy.Conflict, "the draft %s has %d reviews, which are the most", v.ID, policy.MaxReviews)
	}
	v.Reviews = append(others, policy.Review{Actor: d.change.Actor, At: d.Clock, Approve: b.Approve, Comment: strings.TrimSpace(b.Comment)})
	d.Drafts.Set(v.ID, v)
	d.outcome.Revision = d.Revision
	return nil
}

func (b PublishDraft) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	v, body, _, err := d.publishable(b.ID)
	if err != nil {
		return err
	}
	if d.change.Reason == "" {
		d.change.Reason = v.Title
		if d.change.Actor != v.Author {
			d.change.Reason += " (by " + v.Author + ")"
		}
	}
	c := *d.change
	c.IfMatch = nil
	part := *d
	part.change = &c
	if err := part.make(body); err != nil {
		return ofDraft(v, err)
	}
	d.approved = &v
	v.Body, v.Closed, v.ClosedAt, v.Revision = nil, policy.DraftPublished, d.Clock, d.outcome.Revision
	d.closeDraft(v)
	return nil
}

// publishable is an open draft with its change and the state that this would make, unless something is against it.
func (d *making) publishable(id string) (v policy.Draft, body Body, after *policy.State, err error) {
	if v, err = d.openDraft(id); err != nil {
		return
	}
	if err = d.matchDraft(v); err != nil {
		return
	}
	if _, reject := d.State.Approvers(v); len(reject) > 0 {
		err = policy.Errorf(policy.Conflict, "%s rejected the draft %s; change it, or have them approve it", strings.Join(reject, ", "), v.ID)
		return
	}
	if body, err = decodeDraft(v.Body); err != nil {
		return
	}
	if after, err = d.trial(body); err != nil {
		err = ofDraft(v, err)
		return
	}
	err = d.untouched(v, after)
	return
}

// ofDraft says of a refusal which draft's change it is about.
func ofDraft(v policy.Draft, err error) error {
	var e *policy.Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	moved.Message = "the draft " + v.ID + " does not fit any more: " + e.Message
	return &moved
}

// untouched refuses a draft when somebody has changed what it changes since it was made.
func (d *making) untouched(v policy.Draft, after *policy.State) error {
	if v.Base == d.base.Revision {
		return nil
	}
	mine := map[string]bool{}
	list, omitted := edits(d.base, after)
	if omitted > 0 {
		return policy.Errorf(policy.Stale, "the draft %s changes %d objects, and the state was changed since it was made (revision %d, now %d): put its content in again", v.ID, omitted, v.Base, d.base.Revision)
	}
	for _, e := range list {
		mine[e.ID()] = true
	}
	if d.base.AuditHead == nil || d.base.AuditHead.Since > v.Base {
		return policy.Errorf(policy.Stale, "what was changed since revision %d, which the draft %s is based on, is not kept any more: put its content in again", v.Base, v.ID)
	}
	return backward(d.base, func(_ policy.AuditRecord, e policy.AuditEntry) (bool, error) {
		if e.Revision == 0 || e.Revision <= v.Base {
			return e.Revision == 0, nil
		}
		for _, edit := range e.Edits {
			if mine[edit.ID()] {
				return false, policy.Errorf(policy.Stale, "%s was changed at revision %d by %s, after the draft %s was made (revision %d): look at it, and put the draft's content in again", edit.Object, e.Revision, e.Actor, v.ID, v.Base)
			}
		}
		return true, nil
	})
}

func (b CloseDraft) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	v, err := d.openDraft(b.ID)
	if err != nil {
		return err
	}
	v.Body, v.Closed, v.ClosedAt = nil, policy.DraftWithdrawn, d.Clock
	d.closeDraft(v)
	d.outcome.Revision = d.Revision
	return nil
}

// closeDraft keeps what became of a draft, and forgets the oldest of such.
func (d *making) closeDraft(v policy.Draft) {
	if v.Canary != nil && v.Canary.State == policy.CanaryRunning {
		c := *v.Canary
		c.State, c.EndsAt = policy.CanaryPassed, d.Clock
		if v.Closed == policy.DraftWithdrawn {
			c.State, c.Problem = policy.CanaryAborted, "the draft was withdrawn"
		}
		v.Canary = &c
	}
	d.Drafts.Set(v.ID, v)
	var closed []policy.Draft
	for _, other := range d.Drafts.All {
		if other.Closed != "" {
			closed = append(closed, other)
		}
	}
	slices.SortFunc(closed, func(a, b policy.Draft) int {
		return cmp.Or(cmp.Compare(a.ClosedAt, b.ClosedAt), strings.Compare(a.ID, b.ID))
	})
	for ; len(closed) > policy.MaxClosed; closed = closed[1:] {
		d.Drafts.Delete(closed[0].ID)
	}
}

func others(n int) string {
	if n == 1 {
		return "1 other"
	}
	return fmt.Sprintf("%d others", n)
}

// reviewed refuses a change of objects that a rule wants others to approve, unless it comes from a draft that they have.
// The rules are those of before the change; a rule that changes, or goes, covers itself.
func (d *making) reviewed() error {
	if d.base.Revision == d.Revision {
		return nil
	}
	return d.mayBecome(d.State, d.approved)
}

// mayBecome is reviewed for a state that a draft, or nil, would make.
func (d *making) mayBecome(after *policy.State, approved *policy.Draft) error {
	if d.base.ReviewRules.Len() == 0 {
		return nil
	}
	list, omitted := edits(d.base, after)
	kinds := map[string]string{} // with an object of each
	rules := map[string]bool{}
	for _, e := range list {
		kind, name, _ := strings.Cut(e.Object, "/")
		switch kind {
		case "rrset":
			kind = "zone"
		case "review-rule":
			rules[name] = true
		}
		if kinds[kind] == "" {
			kinds[kind] = e.Object
		}
	}
	for name, o := range d.base.ReviewRules.All {
		covered := ""
		for _, k := range o.Spec.Kinds {
			if covered == "" {
				covered = kinds[k]
			}
		}
		if rules[name] {
			covered = "review-rule/" + name
		}
		if covered == "" && omitted == 0 {
			continue
		}
		if covered == "" {
			covered = fmt.Sprintf("%d objects", omitted) // more than is looked at: some may be of its kinds
		}
		var have []string
		if approved != nil {
			have, _ = d.State.Approvers(*approved)
		}
		if need := o.Spec.Needed(); len(have) < need {
			if approved != nil {
				return policy.Errorf(policy.Unsafe, "the review rule %q wants %s than %s to approve the draft %s, and %d may count", name, others(need), approved.Author, approved.ID, len(have))
			}
			return policy.Errorf(policy.Unsafe, "the review rule %q wants %s to approve a change of %s: make a draft of it (meridian draft create)", name, others(need), covered)
		}
	}
	return nil
}

// checkReviewRules refuses a rule, new or another than before, that wants more approvals than there are others to give them.
func (d *making) checkReviewRules() error {
	n, known := d.Editors()
	for name, o := range d.ReviewRules.All {
		old, was := d.base.ReviewRules.Get(name)
		if known && (!was || old.Spec.Needed() != o.Spec.Needed()) && o.Spec.Needed() > n-1 {
			return policy.Errorf(policy.Unsafe, "the review rule %q wants %s than the author to approve, and there are %d tokens and users who may change the configuration: nobody could change anything any more", name, others(o.Spec.Needed()), n)
		}
	}
	return nil
}
