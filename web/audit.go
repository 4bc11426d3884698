package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

// mediaNDJSON is JSON values with a line feed after each.
const mediaNDJSON = "application/x-ndjson"

// maxAuditEdits is how many edits of an entry are listed.
const maxAuditEdits = 100

// ListAudit gives the entries of the audit.
func (s *server) ListAudit(c *gin.Context, params api.ListAuditParams) {
	media, ok := s.accept(c, mediaJSON, mediaNDJSON)
	if !ok {
		return
	}
	limit, err := pageOf(params.Limit, 100)
	if err != nil {
		s.refuse(c, err)
		return
	}
	state := s.cfg.Node.State()
	wanted := wantedEntries(params)
	if media == mediaNDJSON {
		s.exportAudit(c, state, wanted)
		return
	}
	page := api.AuditPage{Items: []api.AuditEntry{}, First: 1}
	if h := state.AuditHead; h != nil {
		page.Head, page.First, page.Base = api.AuditHead{Seq: h.Seq, Hash: h.Hash}, h.First, h.Base
	}
	err = change.Audit(state, func(r policy.AuditRecord, e policy.AuditEntry, after map[string]json.RawMessage) bool {
		switch {
		case !wanted(e):
		case len(page.Items) == limit:
			page.Next = page.Items[limit-1].Seq
			return false
		default:
			page.Items = append(page.Items, auditEntry(state, r, e, after))
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

// wantedEntries is the filter that a query is.
func wantedEntries(p api.ListAuditParams) func(policy.AuditEntry) bool {
	return func(e policy.AuditEntry) bool {
		at := time.Unix(0, e.Clock)
		request, _, _ := strings.Cut(e.Request, "#")
		return (p.Before == 0 || e.Seq < p.Before) && (p.Actor == "" || e.Actor == p.Actor) && (p.Kind == "" || e.Kind == p.Kind) &&
			(p.Request == "" || request == p.Request) && (p.Since.IsZero() || !at.Before(p.Since)) && (p.Until.IsZero() || at.Before(p.Until)) &&
			(p.Refused == nil || (e.Refused != "") == *p.Refused) && (p.Object == "" || touches(e, p.Object))
	}
}

// touches says whether an entry is about an object, one of a kind ("pool/"), or a record of a zone.
func touches(e policy.AuditEntry, object string) bool {
	is := func(id string) bool {
		return id == object || strings.HasSuffix(object, "/") && strings.HasPrefix(id, object)
	}
	return is(e.Object) || slices.ContainsFunc(e.Edits, func(edit policy.AuditEdit) bool {
		return is(edit.Object) || edit.Zone != "" && is("zone/"+edit.Zone)
	})
}

// exportAudit writes the entries as they are kept, the oldest first.
func (s *server) exportAudit(c *gin.Context, state *policy.State, wanted func(policy.AuditEntry) bool) {
	var lines []policy.AuditLine
	err := change.Audit(state, func(r policy.AuditRecord, e policy.AuditEntry, after map[string]json.RawMessage) bool {
		if wanted(e) {
			prev := state.AuditHead.Base
			if before, ok := state.Audit.Get(policy.AuditKey(r.Seq - 1)); ok {
				prev = before.Hash
			}
			lines = append(lines, policy.AuditLine{AuditRecord: r, Prev: prev, After: after})
		}
		return true
	})
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, state.Revision)
	c.Header("Content-Type", mediaNDJSON)
	c.Status(http.StatusOK)
	enc := newEncoder(c.Writer)
	for _, l := range slices.Backward(lines) {
		if enc.Encode(l) != nil {
			return // the reader has gone
		}
	}
}

func auditEntry(state *policy.State, r policy.AuditRecord, e policy.AuditEntry, after map[string]json.RawMessage) api.AuditEntry {
	request, _, _ := strings.Cut(e.Request, "#")
	shown := api.AuditEntry{
		Seq: e.Seq, Index: e.Index, At: time.Unix(0, e.Clock).UTC(), Actor: e.Actor, ActorName: actorName(state, e.Actor), From: e.From, Request: request,
		Kind: e.Kind, Object: e.Object, Reason: e.Reason, Override: e.Override, Revision: e.Revision, Refused: e.Refused, Omitted: e.Omitted, Missed: e.Missed, Hash: r.Hash, Edits: []api.Edit{},
	}
	for _, edit := range e.Edits {
		if len(shown.Edits) >= maxAuditEdits {
			shown.More++
			continue
		}
		shown.Edits = append(shown.Edits, auditEdits(edit, after[edit.ID()])...)
	}
	return shown
}

// auditEdits is what an entry says of one object, field by field.
func auditEdits(edit policy.AuditEdit, after json.RawMessage) []api.Edit {
	if name, typ, ok := change.ParseRRsetID(edit.Object); ok {
		set := func(value json.RawMessage) *policy.RRset {
			v, err := change.ParseRRsetValue(typ, value)
			if value == nil || err != nil {
				return nil
			}
			return &v
		}
		if old, now := set(edit.Before), set(after); old != nil || now != nil {
			return []api.Edit{recordEdit("zone/"+edit.Zone, name, old, now)}
		}
	}
	if edit.Before != nil && edit.After != "" && after != nil {
		return renderEdits(document.DiffObject(edit.Object, edit.Before, after))
	}
	e := api.Edit{Op: document.Change, Object: edit.Object, Old: string(edit.Before), New: string(after)}
	switch {
	case edit.Before == nil:
		e.Op = document.Add
	case edit.After == "":
		e.Op = document.Remove
	}
	return []api.Edit{e}
}
