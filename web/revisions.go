package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

// maxEdits is how many differences one answer lists.
const maxEdits = 1000

// ListRevisions lists what was changed, the newest first.
func (s *server) ListRevisions(c *gin.Context, params api.ListRevisionsParams) {
	limit, err := pageOf(params.Limit, 50)
	if err != nil {
		s.refuse(c, err)
		return
	}
	state := s.cfg.Node.State()
	page := api.RevisionPage{Items: []api.Revision{}, Current: state.Revision, Oldest: oldest(state)}
	err = change.Audit(state, func(_ policy.AuditRecord, e policy.AuditEntry, _ map[string]json.RawMessage) bool {
		switch {
		case e.Revision == 0 || params.Before != 0 && e.Revision >= params.Before:
		case len(page.Items) == limit:
			page.Next = page.Items[limit-1].Revision
			return false
		default:
			page.Items = append(page.Items, revision(state, e))
		}
		return true
	})
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, page)
}

// oldest is as far back as a rollback goes.
func oldest(state *policy.State) uint64 {
	if state.AuditHead == nil {
		return state.Revision
	}
	return state.AuditHead.Since
}

func pageOf(asked, usual int) (int, error) {
	switch {
	case asked == 0:
		return usual, nil
	case asked < 0 || asked > 1000:
		return 0, policy.Errorf(badRequest, "a limit of %d is not within 1 to 1000", asked)
	}
	return asked, nil
}

func revision(state *policy.State, e policy.AuditEntry) api.Revision {
	return api.Revision{
		Revision: e.Revision, At: time.Unix(0, e.Clock).UTC(), Actor: e.Actor, ActorName: actorName(state, e.Actor), Kind: e.Kind, Object: e.Object,
		Reason: e.Reason, Objects: max(len(e.Edits), e.Omitted), Rollback: e.Omitted == 0, Seq: e.Seq,
	}
}

// actorName is what a token is for, while there is the token.
func actorName(state *policy.State, actor string) string {
	t, _ := state.Tokens.Get(actor)
	return t.Name
}

// GetRevision says what a revision changed, or what differs between two.
func (s *server) GetRevision(c *gin.Context, rev api.RevisionPath, params api.GetRevisionParams) {
	state := s.cfg.Node.State()
	diff := api.RevisionDiff{From: max(rev, 1) - 1, To: rev, Changes: []api.Edit{}}
	if params.From != nil {
		diff.From = *params.From
	}
	if diff.From > diff.To {
		diff.From, diff.To = diff.To, diff.From
	}
	to, err := change.At(state, diff.To)
	var from *policy.State
	if err == nil {
		from, err = change.At(state, diff.From)
	}
	if err == nil {
		err = change.Audit(state, func(_ policy.AuditRecord, e policy.AuditEntry, _ map[string]json.RawMessage) bool {
			if e.Revision == rev {
				diff.Revision = revision(state, e)
			}
			return e.Revision == 0 || e.Revision > rev
		})
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	diff.Changes, diff.More = differences(from, to)
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, diff)
}

// GetRevisionConfig is the document as it was.
func (s *server) GetRevisionConfig(c *gin.Context, rev api.RevisionPath) {
	at, err := change.At(s.cfg.Node.State(), rev)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.config(c, at)
}

// Rollback makes the configuration and the zones what they were.
func (s *server) Rollback(c *gin.Context, rev api.RevisionPath, params api.RollbackParams) {
	ch, err := s.envelope(c, params.IfMatch, params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.Rollback{Revision: rev, Force: params.Force}
	if params.DryRun {
		state := s.cfg.Node.State()
		next, out, err := s.would(ch)
		if unsafe := new(policy.Error); !params.Force && errors.As(err, &unsafe) && unsafe.Kind == policy.Unsafe {
			// To look needs no force, where force is what it lacks.
			ch.Body = change.Rollback{Revision: rev, Force: true}
			if next, out, err = s.would(ch); err == nil {
				out.Warnings = append(slices.Clone(out.Warnings), "it is refused as it is: "+unsafe.Message)
			} else {
				err = unsafe
			}
		}
		if err != nil {
			s.refuse(c, err)
			return
		}
		s.foreseen(c, state, next, out, state.Revision)
		return
	}
	if out, ok := s.propose(c, ch, 0); ok {
		r := s.settle(c, out)
		r.Warnings = append(r.Warnings, s.warnings()...)
		s.render(c, http.StatusOK, r)
	}
}

// foreseen answers with what a change would do that made next of the state.
func (s *server) foreseen(c *gin.Context, state, next *policy.State, out policy.Outcome, rev uint64) {
	draft, err := s.cfg.Node.Draft(next)
	if err != nil {
		s.refuse(c, err)
		return
	}
	r := plan{ConfigResult: api.ConfigResult{
		DryRun: true, Revision: rev, Index: state.Index,
		Warnings: append(append([]string{}, out.Warnings...), draft.Warnings()...),
	}, Effects: []snapshot.Effect{}}
	if now, err := s.cfg.Node.Snapshot(); err == nil {
		effects, more := draft.EffectsFrom(now)
		r.Effects = append(r.Effects, effects...)
		if more > 0 {
			r.Warnings = append(r.Warnings, fmt.Sprintf("%d more services change, whose effect on answers was not worked out", more))
		}
	}
	var more int
	if r.Changes, more = differences(state, next); more > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d more differences are not listed", more))
	}
	read(c, state, rev)
	s.render(c, http.StatusOK, r)
}

// differences is what differs between the documents and the zones of two states, and how much more than is listed.
func differences(from, to *policy.State) (list []api.Edit, more int) {
	list = renderEdits(document.Diff(from.Config(), to.Config()))
	for _, name := range zonesOf(from, to) {
		was, _ := from.Zones.Get(name.Key())
		is, _ := to.Zones.Get(name.Key())
		if was != nil && is != nil && was.Owners.Sum() == is.Owners.Sum() {
			continue
		}
		zone := "zone/" + name.String()
		switch {
		case was == nil:
			list = append(list, api.Edit{Op: document.Add, Object: zone})
		case is == nil:
			list = append(list, api.Edit{Op: document.Remove, Object: zone})
		}
		change.ZoneDiff(was, is, func(owner policy.Name, old, now *policy.RRset) {
			if len(list) >= maxEdits {
				more++
				return
			}
			list = append(list, recordEdit(zone, owner, old, now))
		})
	}
	if n := len(list) - maxEdits; n > 0 {
		list, more = list[:maxEdits], more+n
	}
	return list, more
}

func zonesOf(states ...*policy.State) (names []policy.Name) {
	seen := map[policy.Name]bool{}
	for _, s := range states {
		for _, z := range s.Zones.All {
			if !seen[z.Name] {
				seen[z.Name] = true
				names = append(names, z.Name)
			}
		}
	}
	return names
}

// recordEdit is how a record set changed, as text: a TTL and records.
func recordEdit(zone string, owner policy.Name, old, now *policy.RRset) api.Edit {
	e := api.Edit{Op: document.Change, Object: zone}
	set := now
	switch {
	case old == nil:
		e.Op = document.Add
	case now == nil:
		e.Op, set = document.Remove, old
	}
	e.Field = owner.String() + " " + zonefile.TypeString(set.Type)
	e.Old, e.New = recordText(owner, old), recordText(owner, now)
	return e
}

func renderEdits(edits []document.Edit) []api.Edit {
	list := make([]api.Edit, 0, len(edits))
	for _, e := range edits {
		list = append(list, api.Edit{Op: api.EditOp(e.Op), Object: e.Object, Field: e.Field, Old: e.Old, New: e.New})
	}
	return list
}

// recordText is a record set on a line: its TTL in seconds, then its records with " | " between.
func recordText(owner policy.Name, set *policy.RRset) string {
	if set == nil {
		return ""
	}
	shown, err := renderRRset(owner, *set)
	if err != nil {
		return "records that cannot be written as text"
	}
	return strconv.FormatUint(uint64(set.TTL), 10) + " " + strings.Join(shown.Records, " | ")
}
