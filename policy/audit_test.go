package policy

import (
	"strings"
	"testing"
)

// A flood of refused changes pushes out nothing that was done: beyond a share of the audit they are counted, and the next entry
// says how many there were.
func TestRefusalsPushNothingOut(t *testing.T) {
	s := NewState()
	for i := range 3 {
		s.Revision++
		s.Record(AuditEntry{Kind: "config.put", Revision: uint64(i + 1)})
	}
	for range MaxAudit + 10 {
		s.Record(AuditEntry{Kind: "draft.close", Refused: strings.Repeat("ü", MaxAuditRefusal)})
	}
	if h := s.AuditHead; h.First != 1 || h.Since != 0 || h.Refused != MaxAuditRefused || h.Missed != MaxAudit+10-MaxAuditRefused || s.Audit.Len() != 3+MaxAuditRefused {
		t.Fatalf("%d entries, and the head %+v", s.Audit.Len(), *h)
	}
	s.Record(AuditEntry{Kind: "config.put", Revision: 4})
	r, _ := s.Audit.Get(AuditKey(s.AuditHead.Seq))
	if e, err := r.Decode(); err != nil || e.Missed != MaxAudit+10-MaxAuditRefused || s.AuditHead.Missed != 0 {
		t.Fatalf("%v: %+v", err, e)
	}
	// The chain has no holes, and refusals are let in again as old ones go.
	before := ""
	for _, r := range s.Audit.All {
		if e, err := r.Check(before); err != nil || len(e.Refused) > MaxAuditRefusal+len("…") {
			t.Fatal(err, len(e.Refused))
		}
		before = r.Hash
	}
	for range MaxAudit {
		s.Record(AuditEntry{Kind: "config.put", Revision: 5})
	}
	s.Record(AuditEntry{Kind: "draft.close", Refused: "no"})
	if h := s.AuditHead; h.Refused != 1 || h.Missed != 0 || s.Audit.Len() != MaxAudit {
		t.Fatalf("%+v", *h)
	}
}
