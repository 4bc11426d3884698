package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds of drafts.
const (
	MaxDrafts      = 100      // open ones
	MaxClosed      = 100      // that are kept, to look at
	MaxDraftSize   = 8 << 20  // octets of one
	MaxDraftsSize  = 64 << 20 // octets of all
	MaxReviews     = 50       // of a draft
	MaxComment     = 1000     // octets
	MaxCanary      = Duration(7 * 24 * time.Hour)
	MinCanary      = Duration(10 * time.Second)
	MaxAbortWhen   = 50
	MaxApprovals   = 10
	MaxReviewRules = 100
)

// Draft is a change that waits: for somebody else to look at it, for a canary, or for its author.
type Draft struct {
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Author    string   `json:"author,omitempty"`  // who wrote what is in it now
	CreatedAt int64    `json:"createdAt"`         // State's clock; of what is in it now
	Base      uint64   `json:"base"`              // revision of the state that it was made on
	Version   uint64   `json:"version"`           // of what is in it now: the index of the change that put it in
	Body      []byte   `json:"body,omitempty"`    // the change, encoded; gone when the draft is closed
	Reviews   []Review `json:"reviews,omitempty"` // the last of each
	Canary    *Canary  `json:"canary,omitempty"`  // the last one; never changed, only replaced
	Closed    string   `json:"closed,omitempty"`  // "", DraftPublished or DraftWithdrawn
	ClosedAt  int64    `json:"closedAt,omitempty"`
	Revision  uint64   `json:"revision,omitempty"` // that publishing it made
}

// What became of a draft.
const (
	DraftPublished = "published"
	DraftWithdrawn = "withdrawn"
)

// Review is what somebody says of a draft.
type Review struct {
	Actor   string `json:"actor"`
	At      int64  `json:"at"`
	Approve bool   `json:"approve"`
	Comment string `json:"comment,omitempty"`
}

// Canary is a draft in use at some nodes before all others.
type Canary struct {
	Nodes     []string `json:"nodes"`
	Actor     string   `json:"actor,omitempty"`
	StartedAt int64    `json:"startedAt"` // State's clock
	EndsAt    int64    `json:"endsAt"`
	Hold      bool     `json:"hold,omitempty"`      // when it has passed the draft waits, and is not published
	AbortWhen []string `json:"abortWhen,omitempty"` // "down:pool/web-eu", "signal:slo"
	State     string   `json:"state"`
	Problem   string   `json:"problem,omitempty"` // why it was aborted
}

// The states of a canary.
const (
	CanaryRunning = "running"
	CanaryPassed  = "passed"
	CanaryAborted = "aborted"
)

// Running says whether a draft is in use at a node.
func (d Draft) Running(node string) bool {
	return d.Closed == "" && d.Canary != nil && d.Canary.State == CanaryRunning && slices.Contains(d.Canary.Nodes, node)
}

// Approvers are those who approve a draft and may do so still, its author aside, and those who reject it.
func (s *State) Approvers(d Draft) (approve, reject []string) {
	for _, r := range d.Reviews {
		switch {
		case !r.Approve:
			reject = append(reject, r.Actor)
		case r.Actor != d.Author && s.MayEdit(r.Actor):
			approve = append(approve, r.Actor)
		}
	}
	return approve, reject
}

// MayEdit says whether an actor may change the configuration still: a token, a user, or somebody who logs in by OIDC.
func (s *State) MayEdit(actor string) bool {
	if strings.HasPrefix(actor, "oidc/") { // whose role the provider says at each log-in
		return s.Cluster.OIDC != nil
	}
	return s.hasRole(actor, RoleEditor)
}

// hasRole says whether an actor has a role, or more, at the State's clock: a token, a user, or somebody who is logged in by OIDC.
func (s *State) hasRole(actor, role string) bool {
	if name, ok := strings.CutPrefix(actor, "user/"); ok {
		u, ok := s.Users.Get(name)
		return ok && !u.Disabled && Permits(u.Role, role)
	}
	if strings.HasPrefix(actor, "oidc/") {
		for _, x := range s.Sessions.All {
			if x.Actor() == actor && s.CheckSession(x) == nil && x.Ends(0) > s.Clock && Permits(x.Role, role) {
				return true
			}
		}
		return false
	}
	t, ok := s.Tokens.Get(actor)
	return ok && !t.Expired(s.Clock) && Permits(t.Role, role)
}

// Editors is how many there are who may change the configuration; with log-in by OIDC nobody knows.
func (s *State) Editors() (n int, known bool) {
	for name := range s.Users.All {
		if s.MayEdit("user/" + name) {
			n++
		}
	}
	for id := range s.Tokens.All {
		if s.MayEdit(id) {
			n++
		}
	}
	return n, s.Cluster.OIDC == nil
}

// ReviewRule asks for the approval of others before objects of some kinds change.
type ReviewRule struct {
	Name string `json:"name"`
	// Kinds are the kinds of object: those of ReviewKinds. A rule also covers itself.
	Kinds     []string `json:"kinds"`
	Approvals int      `json:"approvals,omitempty"` // by others than the author; default 1
}

// ReviewKinds are the kinds of object that may need approval.
var ReviewKinds = []string{"region", "provider", "monitor", "pool", "template", "service", "safety-rule", "place", "zone"}

// Needed is how many approvals the rule asks for.
func (r ReviewRule) Needed() int { return max(1, r.Approvals) }

func (r ReviewRule) validate(p *Problems, at string) {
	if len(r.Kinds) == 0 {
		p.Add(at+"/kinds", "a review rule is for some kinds of object: %s", strings.Join(ReviewKinds, ", "))
	}
	for i, k := range r.Kinds {
		if !slices.Contains(ReviewKinds, k) {
			p.Add(fmt.Sprintf("%s/kinds/%d", at, i), "%q is not a kind of object; %s are", k, strings.Join(ReviewKinds, ", "))
		}
	}
	if r.Approvals < 0 || r.Approvals > MaxApprovals {
		p.Add(at+"/approvals", "%d approvals are not within 1 to %d", r.Approvals, MaxApprovals)
	}
}
