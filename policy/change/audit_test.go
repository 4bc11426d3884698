package change

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
)

// told is all entries of the audit, the oldest first.
func told(t fataler, s *policy.State) (list []policy.AuditEntry, records []policy.AuditRecord) {
	t.Helper()
	err := Audit(s, func(r policy.AuditRecord, e policy.AuditEntry, after map[string]json.RawMessage) bool {
		for _, edit := range e.Edits {
			if v := after[edit.ID()]; v == nil && edit.After != "" {
				t.Fatalf("entry %d (%s): what %s was after it is not known", e.Seq, e.Kind, edit.Object)
			}
		}
		list, records = append(list, e), append(records, r)
		return true
	})
	if err != nil {
		t.Fatalf("%v", err)
	}
	slices.Reverse(list)
	slices.Reverse(records)
	return list, records
}

// verify checks a chain from its beginning.
func verify(records []policy.AuditRecord) error {
	before := ""
	for _, r := range records {
		if _, err := r.Check(before); err != nil {
			return err
		}
		before = r.Hash
	}
	return nil
}

// configured is all that a rollback is about, as text.
func configured(t fataler, s *policy.State) string {
	t.Helper()
	var b strings.Builder
	b.Write(raw(s.Config()))
	for _, z := range s.Zones.All {
		fmt.Fprintf(&b, "\n%s %d %x", z.Name, z.Records, z.Owners.Sum())
		z.Sets(func(name policy.Name, set policy.RRset) bool {
			fmt.Fprintf(&b, "\n%s %d %d %x", name, set.Type, set.TTL, set.Data)
			return true
		})
	}
	return b.String()
}

// Whatever is done, every change of a revision is told, and every revision can be reached again, to the octet.
func TestEveryRevisionCanBeReached(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := started(t).level(policy.FeatureReview)
		at := map[uint64]string{m.s.Revision: configured(t, m.s)}
		since := m.s.Revision
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			before := m.s
			c := drawChange(t, m.s)
			o := m.do(c)
			entries, _ := told(t, m.s)
			newest := policy.AuditEntry{}
			if len(entries) > 0 {
				newest = entries[len(entries)-1]
			}
			if m.s.Revision != before.Revision && (newest.Revision != m.s.Revision || newest.Index != m.s.Index || newest.Actor != c.Actor || newest.Reason != c.Reason) {
				t.Fatalf("%s made revision %d, and the newest entry is %+v", KindOf(c.Body), m.s.Revision, newest)
			}
			if o.Refused != nil && !o.Replayed && !unaudited[KindOf(c.Body)] && newest.Refused != o.Refused.Error() && KindOf(c.Body) != "stage.commit" {
				t.Fatalf("%s is refused, %v, and the newest entry is %+v", KindOf(c.Body), o.Refused, newest)
			}
			at[m.s.Revision] = configured(t, m.s)
		}
		_, records := told(t, m.s)
		if err := verify(records); err != nil {
			t.Fatalf("%v", err)
		}
		for rev := since; rev <= m.s.Revision; rev++ {
			s, err := At(m.s, rev)
			if err != nil {
				t.Fatalf("revision %d: %v", rev, err)
			}
			if got := configured(t, s); got != at[rev] {
				t.Fatalf("revision %d is\n%s\nwant\n%s", rev, got, at[rev])
			}
		}
		back := rapid.Uint64Range(since, m.s.Revision).Draw(t, "back to")
		before := m.s
		if o := m.do(Change{Actor: "a", Body: Rollback{back, true}}); o.Refused == nil && configured(t, m.s) != at[back] {
			t.Fatalf("the rollback to %d gives\n%s\nwant\n%s", back, configured(t, m.s), at[back])
		} else if o.Refused != nil && configured(t, m.s) != configured(t, before) {
			t.Fatalf("the rollback to %d is refused and changed something", back)
		} else if o.Refused == nil && at[back] != configured(t, before) {
			again, err := At(m.s, before.Revision)
			if err != nil || configured(t, again) != configured(t, before) {
				t.Fatalf("the rollback cannot be rolled back: %v", err)
			}
		}
	})
}

func TestAuditTells(t *testing.T) {
	m := started(t)
	m.ok(PutZone{zone(t, "example.com")})
	if m.s.AuditHead != nil || m.s.Audit.Len() > 0 {
		t.Fatal("there is an audit before every node knows it")
	}
	m.level(policy.FeatureReview)
	m.accepted(Change{Actor: "alice", From: "192.0.2.7", Request: "r1", Reason: "why not", Body: PutConfig{Config: config("us", "eu")}})
	m.refuse(policy.NotFound, "no zone", DeleteZone{name("other.example.")})
	m.ok(EditZone{Zone: name("example.com"), Updates: []Update{{Add, name("new.example.com"), policy.TypeA, 60, [][]byte{{192, 0, 2, 1}}}}})
	m.ok(PutControl{Target: "region/us", Action: policy.Drain})
	m.ok(PutSecret{policy.Secret{Name: "key", Sealed: []byte("sealed")}})
	entries, records := told(t, m.s)
	var lines []string
	for _, e := range entries {
		line := fmt.Sprintf("%d %s %s %s", e.Seq, e.Kind, e.Object, e.Refused)
		for _, edit := range e.Edits {
			line += " " + edit.Object
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	mustList(t, "the entries", lines,
		"1 config.put   region/ap pool/ap service/www.example.com",
		"2 zone.delete zone/other.example there is no zone other.example",
		"3 zone.edit zone/example.com  rrset/new.example.com/1",
		"4 control.put region/us  control/c"+fmt.Sprint(m.index-1),
		"5 secret.put secret/key  secret/key")
	if e := entries[0]; e.Actor != "alice" || e.From != "192.0.2.7" || e.Request != "r1" || e.Reason != "why not" || e.Revision == 0 {
		t.Fatalf("%+v", e)
	}
	for _, r := range records {
		if bytes.Contains(r.Entry, []byte("c2VhbGVk")) { // "sealed" in base64
			t.Fatalf("the audit holds a secret: %s", r.Entry)
		}
	}
	if got := roundTrip(t, m.s); got.Hash() != m.s.Hash() || got.AuditHead.Hash != m.s.AuditHead.Hash {
		t.Fatal("the audit does not survive being written and read")
	}
	// One octet flipped, or an entry taken out, is found and named (S-20).
	for i := range records {
		bad := slices.Clone(records)
		bad[i].Entry = bytes.Replace(bad[i].Entry, []byte(`"seq"`), []byte(`"sEq"`), 1)
		if err := verify(bad); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("entry %d ", i+1)) {
			t.Errorf("entry %d: %v", i+1, err)
		}
		if err := verify(slices.Delete(slices.Clone(records), i, i+1)); err == nil && i < len(records)-1 {
			t.Errorf("without entry %d: %v", i+1, err)
		}
	}
}

func TestRollbackIsRefused(t *testing.T) {
	m := started(t).level(policy.FeatureReview)
	start := m.s.Revision
	m.ok(PutZone{zone(t, "example.net")})
	zoned := m.s.Revision
	conf := config("us", "eu")
	conf.Services[0].Name = name("www.example.net")
	m.ok(PutConfig{Config: conf})
	rev := m.s.Revision
	m.refuse(policy.NotFound, "there is no revision 99 yet", Rollback{Revision: 99})
	m.refuse(policy.NotFound, "cannot be brought back any more; the oldest that can is", Rollback{Revision: 0})
	o := m.ok(Rollback{Revision: rev})
	if m.s.Revision != rev || len(o.Warnings) == 0 {
		t.Fatalf("a rollback to what is made revision %d: %+v", m.s.Revision, o)
	}
	// What it would delete is guarded.
	var many policy.Config
	for i := range 30 {
		many.Regions = append(many.Regions, policy.Region{Name: fmt.Sprintf("r%d", i)})
	}
	m.ok(PutConfig{Config: many, Merge: true})
	m.refuse(policy.Unsafe, "need force", Rollback{Revision: rev})
	m.ok(Rollback{Revision: rev, Force: true})
	// A zone goes together with what steers in it, and comes back so; alone it cannot go.
	m.refuse(policy.Conflict, "service www.example.net steers", DeleteZone{name("example.net")})
	m.ok(Rollback{Revision: start})
	if m.s.Services.Has("www.example.net") || m.s.Zones.Has(name("example.net").Key()) {
		t.Fatal("the service or its zone is there still")
	}
	m.ok(Rollback{Revision: rev})
	if !m.s.Services.Has("www.example.net") || !m.s.Zones.Has(name("example.net").Key()) {
		t.Fatal("the service or its zone is not there again")
	}
	m.ok(Rollback{Revision: zoned})
	m.refused(policy.Stale, "based on 3", Change{Actor: "a", IfMatch: of(uint64(3)), Body: Rollback{Revision: start}})
}

// What is too large to keep says so, and nothing before it can be reached.
func TestAuditOmits(t *testing.T) {
	m := started(t).level(policy.FeatureReview)
	m.ok(PutZone{zone(t, "example.com")})
	rev := m.s.Revision
	big := func(fill byte) *policy.Zone {
		z := zone(t, "example.com")
		for i := range 400 {
			if err := z.Set(name(fmt.Sprintf("n%d.example.com", i)), policy.RRset{Type: 65280, TTL: 60, Data: [][]byte{bytes.Repeat([]byte{fill}, 60_000)}}); err != nil {
				t.Fatal(err)
			}
		}
		return z
	}
	m.ok(PutZone{big(1)}) // what is new needs no more than its names
	if s, err := At(m.s, rev); err != nil || s.Zones.Len() != 1 {
		t.Fatalf("%v", err)
	}
	if o := m.ok(PutZone{big(2)}); len(o.Warnings) == 0 {
		t.Error("nobody is told that there is no way back")
	}
	cut := m.s.Revision
	m.refuse(policy.NotFound, "cannot be brought back any more; the oldest that can is", Rollback{Revision: rev})
	m.ok(Rollback{Revision: m.s.Revision})
	// When what is older is forgotten, too, that stays so.
	for range policy.MaxAudit {
		m.s = m.s.Clone()
		m.s.Record(policy.AuditEntry{Kind: "told"})
		if m.s.AuditHead.First > 2 {
			break
		}
	}
	mustEqual(t, "the oldest revision", m.s.AuditHead.Since, cut)
}

// Each table of State is audited, or is known not to be.
func TestEveryTableIsAudited(t *testing.T) {
	leave := strings.Fields("IDs Zones Verdicts Removed Staged Requests RequestLog Latencies Loads Notified Audit Paces Schedules Reports") // zones have their own way
	s, shown := reflect.TypeFor[policy.State](), len(leave)
	for i := range s.NumField() {
		if strings.HasPrefix(s.Field(i).Type.String(), "*policy.Tree[") {
			shown--
		}
	}
	if -shown != len(objectTables) {
		t.Errorf("State has %d tables beside %v, and %d are audited: put the new one into objectTables, or here", -shown, leave, len(objectTables))
	}
}
