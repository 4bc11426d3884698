package change

import (
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// drafted makes a draft of changes.
func (m *machine) drafted(actor string, bodies ...Body) string {
	m.t.Helper()
	var b Batch
	for _, body := range bodies {
		b.Parts = append(b.Parts, Part{Body: body})
	}
	return m.accepted(Change{Actor: actor, Body: PutDraft{Title: "a change", Body: encoded(m.t, b)}}).Made
}

func encoded(t fataler, b Body) []byte {
	t.Helper()
	data, err := EncodeBody(b)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return data
}

func region(name string, lat float64) PutObject {
	return PutObject{Config: policy.Config{Regions: []policy.Region{{Name: name, Place: &policy.Place{Lat: of(lat), Lon: of(1.0)}}}}}
}

func TestDraftIsPublishedWhole(t *testing.T) {
	m := started(t).level(policy.FeatureReview).people()
	before := configured(t, m.s)
	id := m.drafted("anna", region("sa", 1), EditZone{Zone: name("example.com"), Updates: []Update{{Add, name("new.example.com"), policy.TypeA, 60, [][]byte{{192, 0, 2, 1}}}}})
	if configured(t, m.s) != before {
		t.Fatal("a draft has changed something")
	}
	o := m.accepted(Change{Actor: "anna", Body: PublishDraft{id}})
	v, _ := m.s.Drafts.Get(id)
	if v.Closed != policy.DraftPublished || v.Revision != o.Revision || v.Body != nil || !m.s.Regions.Has("sa") {
		t.Fatalf("%+v", v)
	}
	m.refuse(policy.Conflict, "was published", PublishDraft{id})
	m.refuse(policy.NotFound, "no draft", CloseDraft{"d999"})
	// What can never be is told when the draft is made.
	m.refuse(policy.NotFound, "no zone other.example", PutDraft{Title: "x", Body: encoded(t, Batch{[]Part{{Body: DeleteZone{name("other.example")}}}})})
	m.refuse(policy.Invalid, "cannot be read", PutDraft{Title: "x", Body: []byte("x")})
	m.refuse(policy.Invalid, "cannot be read", PutDraft{Title: "x", Body: encoded(t, DeleteToken{"t"})})
	m.refuse(policy.Invalid, "needs a title", PutDraft{Body: encoded(t, Batch{})})
	// A rollback can be a draft.
	back := m.accepted(Change{Actor: "anna", Body: PutDraft{Title: "back", Body: encoded(t, Rollback{Revision: o.Revision - 1})}}).Made
	m.ok(PublishDraft{back})
	if configured(t, m.s) != before {
		t.Fatal("the rollback did not bring back what was")
	}
}

// Nobody's change is overwritten by a draft that did not know it; changes of other objects do not matter.
func TestDraftIsStale(t *testing.T) {
	m := started(t).level(policy.FeatureReview).people()
	m.ok(region("sa", 1))
	id := m.drafted("anna", region("sa", 2))
	m.ok(region("elsewhere", 3))
	other := m.drafted("bert", region("sa", 4))
	m.ok(PublishDraft{id})
	m.refuse(policy.Stale, "region/sa was changed at revision", PublishDraft{other})
	m.refuse(policy.Stale, "region/sa was changed at revision", StartCanary{ID: other, Nodes: []string{"ns1"}, For: policy.Duration(time.Minute)}.on(m))
	m.ok(PutDraft{ID: other, Title: "looked at again", Body: encoded(t, Batch{[]Part{{Body: region("sa", 4)}}})})
	m.ok(PublishDraft{other})
}

// people are those who make and review drafts here.
func (m *machine) people() *machine {
	m.s = m.s.Clone()
	for _, id := range []string{"test", "anna", "bert", "cleo"} {
		m.s.Tokens.Set(id, policy.Token{ID: id, Name: id, Role: policy.RoleEditor})
	}
	return m
}

// on makes sure that there is a node which is not part of the canary.
func (b StartCanary) on(m *machine) StartCanary {
	m.ok(PutMember{policy.Member{ID: "m2", Node: "ns2", Feature: policy.FeatureLevel}})
	return b
}

func TestFourEyes(t *testing.T) {
	m := started(t).level(policy.FeatureReview).people()
	rule := policy.ReviewRule{Name: "four-eyes", Kinds: []string{"region", "zone"}}
	m.ok(PutConfig{Config: policy.Config{ReviewRules: []policy.ReviewRule{rule}}, Merge: true})
	edit := EditZone{Zone: name("example.com"), Updates: []Update{{Add, name("new.example.com"), policy.TypeA, 60, [][]byte{{192, 0, 2, 1}}}}}
	for _, b := range []Body{region("sa", 1), edit, PutZone{zone(t, "example.net")}, DeleteObject{Object: "reviewRule/four-eyes"}, Rollback{Revision: m.s.Revision - 1}, Batch{[]Part{{Body: edit}}},
		PutConfig{Config: policy.Config{ReviewRules: []policy.ReviewRule{{Name: "four-eyes", Kinds: []string{"place"}}}}, Merge: true}} {
		m.refuse(policy.Unsafe, `review rule "four-eyes" wants 1 other to approve`, b)
	}
	m.ok(PutControl{Target: "region/us", Action: policy.Drain}) // an emergency waits for nobody
	m.ok(PutObject{Config: policy.Config{Providers: []policy.Provider{{Name: "aws", DownWhen: 70}}}})

	id := m.drafted("anna", region("sa", 1))
	m.refused(policy.Unsafe, "and 0 may count", Change{Actor: "anna", Body: PublishDraft{id}})
	m.refused(policy.Unsafe, "and 0 may count", Change{Actor: "anna", Body: StartCanary{ID: id, Nodes: []string{"ns1"}, For: policy.Duration(time.Minute)}.on(m)})
	m.refused(policy.Conflict, "somebody else approves it", Change{Actor: "anna", Body: ReviewDraft{ID: id, Approve: true}})
	m.refused(policy.Invalid, "says why", Change{Actor: "bert", Body: ReviewDraft{ID: id}})
	m.accepted(Change{Actor: "bert", Body: ReviewDraft{ID: id, Comment: "the place is wrong"}})
	m.accepted(Change{Actor: "cleo", Body: ReviewDraft{ID: id, Approve: true}})
	m.refused(policy.Conflict, "bert rejected the draft", Change{Actor: "anna", Body: PublishDraft{id}})
	m.accepted(Change{Actor: "anna", Body: PutDraft{ID: id, Title: "mended", Body: encoded(t, Batch{[]Part{{Body: region("sa", 2)}}})}})
	m.refused(policy.Unsafe, "and 0 may count", Change{Actor: "anna", Body: PublishDraft{id}}) // what was said was said of something else
	v, _ := m.s.Drafts.Get(id)
	m.refused(policy.Stale, "what is in the draft", Change{Actor: "bert", IfMatch: of(v.Version - 1), Body: ReviewDraft{ID: id, Approve: true}})
	m.accepted(Change{Actor: "bert", IfMatch: of(v.Version), Body: ReviewDraft{ID: id, Approve: true}})
	gone := m.s
	m.s = m.s.Clone()
	m.s.Tokens.Delete("bert") // who was thrown out counts no more
	m.refused(policy.Unsafe, "and 0 may count", Change{Actor: "anna", Body: PublishDraft{id}})
	m.s = gone
	m.accepted(Change{Actor: "anna", Body: PublishDraft{id}})
	if !m.s.Regions.Has("sa") {
		t.Fatal("it was not published")
	}
}

func TestCanary(t *testing.T) {
	m := started(t).level(policy.FeatureReview).people()
	m.ok(PutMember{policy.Member{ID: "m2", Node: "ns2", Feature: policy.FeatureLevel}})
	m.ok(PutSignal{Name: "slo", Status: policy.Up, MaxAge: policy.Duration(time.Hour)})
	id := m.drafted("anna", region("sa", 1))
	minute := policy.Duration(time.Minute)
	m.refuse(policy.Invalid, "", StartCanary{ID: id, Nodes: []string{"ns1", "ns2"}, For: minute})
	m.refuse(policy.Invalid, "", StartCanary{ID: id, Nodes: []string{"nobody"}, For: minute})
	m.refuse(policy.Invalid, "", StartCanary{ID: id, Nodes: []string{"ns1"}, For: 1})
	m.refuse(policy.Invalid, "", StartCanary{ID: id, Nodes: []string{"ns1"}, For: minute, AbortWhen: []string{"down:pool/none"}})
	m.refuse(policy.Invalid, "", StartCanary{ID: id, Nodes: []string{"ns1"}, For: minute, AbortWhen: []string{"rain"}})
	start := StartCanary{ID: id, Nodes: []string{"ns1"}, For: minute, AbortWhen: []string{"down:pool/us", "signal:slo"}}
	m.ok(start)
	at := func(node string) *policy.State {
		t.Helper()
		s, err := new(Trial).Canaried(m.s, node, m.s.Clock)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if !at("ns1").Regions.Has("sa") || at("ns2").Regions.Has("sa") || m.s.Regions.Has("sa") || at("ns1").Index != m.s.Index {
		t.Fatal("the draft is not in use at ns1 alone")
	}
	v := func() policy.Draft { v, _ := m.s.Drafts.Get(id); return v }
	if b := new(Trial).Canary(m.s, v(), m.s.Clock+int64(minute)-1); b != nil {
		t.Fatalf("%+v before its time is over", b)
	}
	if b, ok := new(Trial).Canary(m.s, v(), m.s.Clock+int64(minute)).(PublishDraft); !ok {
		t.Fatalf("%+v when its time is over", b)
	}
	// Each condition ends it, and takes the draft back from the node.
	m.ok(PutSignal{Name: "slo", Status: policy.Down, MaxAge: policy.Duration(time.Hour)})
	end, ok := new(Trial).Canary(m.s, v(), m.s.Clock).(EndCanary)
	if !ok || !strings.Contains(end.Problem, "the signal slo is down") {
		t.Fatalf("%+v", end)
	}
	m.ok(end)
	if at("ns1").Regions.Has("sa") || v().Canary.State != policy.CanaryAborted || v().Closed != "" {
		t.Fatalf("%+v", v())
	}
	m.refuse(policy.Invalid, "", start) // the signal is down already
	m.ok(PutSignal{Name: "slo", Status: policy.Up, MaxAge: minute})
	start.Hold = true
	m.ok(start)
	if end, ok := new(Trial).Canary(m.s, v(), m.s.Clock+int64(minute)).(EndCanary); !ok || !strings.Contains(end.Problem, "stale") {
		t.Fatalf("%+v when the signal is stale", end)
	}
	m.ok(RecordVerdicts{[]policy.Edge{{Verdict: policy.Verdict{Check: "us/a@web", Status: policy.Down}}, {Verdict: policy.Verdict{Check: "us/b@web", Status: policy.Down}}}})
	if end, ok := new(Trial).Canary(m.s, v(), m.s.Clock).(EndCanary); !ok || !strings.Contains(end.Problem, "of pool/us are down") {
		t.Fatalf("%+v when the pool is down", end)
	}
	over := m.s.Clone()
	over.Tokens.Delete("anna")
	if end, ok := new(Trial).Canary(over, v(), m.s.Clock).(EndCanary); !ok {
		t.Fatalf("%+v when its author may nothing any more", end)
	}
	if s, err := new(Trial).Canaried(m.s, "ns1", v().Canary.EndsAt+int64(CanaryGrace)); err != nil || s != m.s {
		t.Fatal("a node that does not hear of the end goes on")
	}
	m.ok(EndCanary{ID: id, Passed: true})
	m.ok(PublishDraft{id})
}
