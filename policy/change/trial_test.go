package change

import (
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// What a draft made once is what it would make anew, whatever verdicts, signals and measurements there are since; and it is
// made anew when anything else is another.
func TestTrialStands(t *testing.T) {
	m := started(t).level(policy.FeatureReview).people()
	m.ok(PutMember{policy.Member{ID: "m2", Node: "ns2", Feature: policy.FeatureLevel}})
	m.ok(PutObject{Config: policy.Config{ReviewRules: []policy.ReviewRule{{Name: "places", Kinds: []string{"place"}}}}})
	without := m.s.Config()
	for i, p := range without.Pools {
		if p.Name == "us" {
			without.Pools[i].Endpoints = p.Endpoints[:1] // the verdicts on us/b go
		}
	}
	id := m.drafted("anna", PutConfig{Config: *without, Force: true}, region("sa", 1),
		EditZone{Zone: name("example.com"), Updates: []Update{{Add, name("new.example.com"), policy.TypeA, 60, [][]byte{{192, 0, 2, 1}}}}})
	m.ok(StartCanary{ID: id, Nodes: []string{"ns1"}, For: policy.Duration(time.Minute)})
	var trial Trial
	look := func(what string, kept bool) {
		t.Helper()
		before := trial.after
		got, err := trial.Canaried(m.s, "ns1", m.s.Clock)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := m.s.Drafts.Get(id)
		want, err := Drafted(m.s, v)
		if err != nil {
			t.Fatal(err)
		}
		if got.Hash() != want.Hash() || !got.Regions.Has("sa") {
			t.Fatalf("after %s the draft makes another state than it would anew", what)
		}
		if before != nil && (trial.after == before) != kept {
			t.Fatalf("after %s: the trial is kept: %v", what, !kept)
		}
		if (&Trial{}).Canary(m.s, v, m.s.Clock) != nil || trial.Canary(m.s, v, m.s.Clock) != nil {
			t.Fatalf("after %s the canary has ended", what)
		}
	}
	look("the start", false)
	for _, check := range []string{"us/a@web", "us/b@web", "eu/a@web"} {
		m.ok(RecordVerdicts{[]policy.Edge{{Verdict: policy.Verdict{Check: check, Status: policy.Down}}}})
		look("the verdict on "+check, true)
	}
	m.ok(PutSignal{Name: "slo", Status: policy.Down, MaxAge: policy.Duration(time.Hour)})
	m.ok(latency(Measurement{"192.0.2.0/24", "us", 12, 0}))
	look("a signal and a measurement", true)
	m.ok(PutControl{Target: "region/ap", Action: policy.Drain})
	look("a drain", false)
	m.ok(PutZone{zone(t, "example.net")})
	look("a zone", false)
	if v, ok := trial.after.Verdicts.Get("us/a@web"); !ok || v.Status != policy.Down {
		t.Fatalf("the verdict is not there: %+v", v)
	}
	// Who changes what the draft changes is heard of though the trial was kept till then.
	m.ok(region("sa", 2))
	v, _ := m.s.Drafts.Get(id)
	if _, ok := trial.Canary(m.s, v, m.s.Clock).(EndCanary); !ok {
		t.Fatal("a draft that fits no more stays in use")
	}
}
