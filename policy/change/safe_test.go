package change

import (
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// ruled is a world of us, eu and ap with rules, an admin root, and editors ann and bob.
func ruled(t *testing.T, rules ...policy.SafetyRule) *machine {
	t.Helper()
	m := started(t).level(policy.FeatureLevel)
	for who, role := range map[string]string{"root": policy.RoleAdmin, "ann": policy.RoleEditor, "bob": policy.RoleEditor} {
		var join []byte
		if role == policy.RoleAdmin {
			join = []byte{1}
		}
		m.ok(PutToken{policy.Token{ID: who, Name: who, Hash: []byte(strings.Repeat(who, 11))[:32], Role: role}, 0, join})
	}
	c := config("us", "eu", "ap")
	c.Regions[2].Provider = "gcp"
	c.SafetyRules = rules
	m.ok(PutConfig{Config: c})
	return m
}

func by(actor string, at time.Time, b Body, override ...string) Change {
	return Change{Actor: actor, Reason: "because", Clock: at.UnixNano(), Body: b, Override: override}
}

var noon = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestOverrideNamesWhatItBreaks(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "keep-two", AtLeast: &policy.AtLeast{Regions: 2}}, policy.SafetyRule{Name: "one-out", AtMost: &policy.AtMost{Drained: 1}})
	first := m.accepted(by("ann", noon, drain("region/us"))).Made
	o := m.refused(policy.Unsafe, "lift the drain "+first+" of region/us first", by("root", noon, drain("region/eu")))
	if len(o.Refused.Problems) != 2 || o.Refused.Problems[0].Rule != "keep-two" || o.Refused.Problems[1].Rule != "one-out" {
		t.Fatalf("a problem for each broken rule, not %+v", o.Refused.Problems)
	}
	m.refused(policy.Unsafe, `safety rule "one-out" lets at most 1 of kind region be drained at once; 2 would be (region/eu, region/us)`, by("root", noon, drain("region/eu"), "keep-two"))
	m.refused(policy.Forbidden, "this takes an admin", by("ann", noon, drain("region/eu"), "keep-two", "one-out"))
	m.refused(policy.Invalid, `/override/0: this does not break the safety rule "keep-two"`, by("root", noon, drain("endpoint/us/a"), "keep-two"))
	m.refused(policy.Invalid, `there is no safety rule "nosuch"`, by("root", noon, drain("region/eu"), "keep-two", "one-out", "nosuch"))
	made := m.accepted(by("root", noon, drain("region/eu"), "keep-two", "one-out")).Made
	c, _ := m.s.Controls.Get(made)
	mustList(t, "the control's overrides", c.Override, "keep-two", "one-out")
	r, _ := m.s.Audit.Get(policy.AuditKey(m.s.AuditHead.Seq))
	if e, err := r.Decode(); err != nil || len(e.Override) != 2 {
		t.Fatalf("the audit has %+v (%v)", e, err)
	}
	// Nothing overrides the last region.
	m.refused(policy.Unsafe, "no undrained IPv4 endpoint left", by("root", noon, drain("region/ap"), "keep-two", "one-out"))
	// An admin who is one no more overrides nothing, whoever let the call in.
	m.ok(DeleteToken{"root"})
	m.refused(policy.Forbidden, "this takes an admin", by("root", noon, drain("endpoint/ap/a"), "keep-two"))
}

func TestBatchIsJudgedAsAWhole(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "keep-two", AtLeast: &policy.AtLeast{Regions: 2}})
	first := m.ok(drain("region/us")).Made
	m.refuse(policy.Unsafe, "/changes/0: safety rule", Batch{[]Part{{Body: drain("region/eu")}}})
	m.ok(Batch{[]Part{{Body: drain("region/eu")}, {Body: DeleteControl{ID: first}}}})
	// A document among the parts makes no difference: what all leave counts.
	without := config("us", "eu", "ap")
	without.Services[0].Steer.Nearest = without.Services[0].Steer.Nearest[1:]
	without.SafetyRules = []policy.SafetyRule{{Name: "keep-two", AtLeast: &policy.AtLeast{Regions: 2}}}
	m.refuse(policy.Unsafe, "1 would be left (ap)", Batch{[]Part{{Body: PutConfig{Config: without}}}})
	m.ok(Batch{[]Part{{Body: PutConfig{Config: without}}, {Body: DeleteControl{ID: keys(m.s.Controls)[0]}}}})
}

func TestConfigurationLeavesNothingEmpty(t *testing.T) {
	m := ruled(t)
	m.ok(drain("region/us"))
	c := config("us", "eu", "ap")
	c.Services[0].Steer.Nearest = c.Services[0].Steer.Nearest[:1]
	m.refuse(policy.Unsafe, "no undrained IPv4 endpoint left", PutConfig{Config: c})
	// The service stays as it is, and what it consists of moves to where all is drained; one pool may, the last may not.
	pools := config("us", "eu", "ap").Pools
	moved := func(i int) PutObject {
		p := pools[i]
		p.Region = "us"
		return PutObject{Config: policy.Config{Pools: []policy.Pool{p}}}
	}
	m.ok(moved(1))
	m.refuse(policy.Unsafe, "no undrained IPv4 endpoint left", moved(2))
}

func TestGate(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "gated", Gate: "window", TwoPeople: true, Targets: []string{"region/us"}})
	m.refused(policy.Unsafe, `safety rule "gated" wants the switch window on while controls of pool/us change, and it is off`, by("ann", noon, drain("pool/us")))
	m.accepted(by("ann", noon, drain("region/eu"))) // which the rule is not about
	m.accepted(by("ann", noon, PutSwitch{"window", true}))
	m.refused(policy.Unsafe, "wants two people, and ann has thrown the switch window", by("ann", noon, drain("pool/us")))
	made := m.accepted(by("bob", noon, drain("pool/us"))).Made
	m.accepted(by("ann", noon, PutSwitch{"window", false}))
	m.refused(policy.Unsafe, "it is off", by("bob", noon, DeleteControl{ID: made}))
	m.refused(policy.Conflict, "safety-rule/gated go by it", by("bob", noon, DeleteSwitch{"window"}))
	m.refused(policy.Invalid, "for a reason", Change{Actor: "bob", Body: PutSwitch{"window", true}})
	m.accepted(by("root", noon, DeleteControl{ID: made}, "gated"))
	// What was said to end ends, whatever the switch says.
	m.accepted(by("ann", noon, PutSwitch{"window", true}))
	m.accepted(by("bob", noon, PutControl{Target: "region/us", Action: policy.Drain, ExpiresIn: policy.Duration(time.Minute), StartsIn: 0}))
	m.accepted(by("ann", noon, PutSwitch{"window", false}))
	m.accepted(by("", noon.Add(time.Hour), ExpireControls{}))
	mustEqual(t, "controls in force", m.s.Controls.Len(), 1)
}

func TestMinBetween(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "slow", MinBetween: policy.Duration(5 * time.Minute), Service: name("www.example.com")})
	made := m.accepted(by("ann", noon, drain("region/us"))).Made
	m.refused(policy.Unsafe, "the last was at 2026-11-27 12:00:00 UTC: wait until 2026-11-27 12:05:00 UTC", by("ann", noon.Add(4*time.Minute), DeleteControl{ID: made}))
	m.accepted(by("ann", noon.Add(5*time.Minute), DeleteControl{ID: made}))
	m.refused(policy.Unsafe, "wait until 2026-11-27 12:10:00 UTC", by("ann", noon.Add(6*time.Minute), drain("region/us")))
	m.accepted(by("root", noon.Add(6*time.Minute), drain("region/us"), "slow"))
	m.ok(DeleteObject{Object: "safety-rule/slow"})
	mustEqual(t, "times of rules that are gone", m.s.Paces.Len(), 0)
}

func TestFreeze(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "friday", Freeze: []policy.Freeze{{From: "2026-11-27T00:00:00Z", To: "2026-11-28T00:00:00Z"}, {From: "22:00", To: "06:00", Days: []string{"sat"}}}})
	before := noon.Add(-24 * time.Hour)
	made := m.accepted(by("ann", before, drain("region/us"))).Made
	m.refused(policy.Unsafe, "wait until 2026-11-28 00:00:00 UTC", by("ann", before, PutControl{Target: "region/eu", Action: policy.Drain, ExpiresIn: 0, StartsIn: policy.Duration(24 * time.Hour)}))
	m.accepted(by("ann", before, PutControl{Target: "region/eu", Action: policy.Drain, ExpiresIn: policy.Duration(time.Minute), StartsIn: policy.Duration(40 * time.Hour)}))
	m.refused(policy.Unsafe, `safety rule "friday" lets nothing be taken out from 2026-11-27T00:00:00Z to 2026-11-28T00:00:00Z: wait until 2026-11-28 00:00:00 UTC`, by("ann", noon, drain("region/eu")))
	m.accepted(by("ann", noon, DeleteControl{ID: made})) // lifting never waits for a window
	sunday := time.Date(2026, 11, 29, 5, 59, 0, 0, time.UTC)
	m.refused(policy.Unsafe, "wait until 2026-11-29 06:00:00 UTC", by("ann", sunday, drain("region/eu")))
	m.accepted(by("ann", sunday.Add(time.Minute), drain("region/eu")))
}

func TestNeverTogetherAndProviders(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "apart", NeverTogether: []string{"region/us", "region/eu"}}, policy.SafetyRule{Name: "clouds", AtLeast: &policy.AtLeast{Providers: 2}},
		policy.SafetyRule{Name: "half", AtLeast: &policy.AtLeast{Capacity: 50}})
	m.ok(drain("region/us"))
	m.refuse(policy.Unsafe, `safety rule "apart" never lets region/us and region/eu be drained together; region/eu and region/us would be`, drain("region/eu"))
	m.refuse(policy.Unsafe, "wants 2 undrained providers for service www.example.com; 1 would be left (aws)", drain("region/ap"))
	m.refuse(policy.Unsafe, "wants 50% of the capacity of service www.example.com undrained; 33.33% would be left, by the weights of its endpoints", drain("region/ap"))
	c := m.s.Config()
	for i := range c.Pools {
		c.Pools[i].Capacity = &policy.Capacity{Limit: []float64{800, 100, 100}[i]} // ap, eu, us
	}
	c.SafetyRules = c.SafetyRules[2:]
	m.ok(PutConfig{Config: *c})
	m.ok(drain("region/eu"))
	m.refuse(policy.Unsafe, "40% would be left, of the capacity that its pools and regions declare", drain("endpoint/ap/a"))
}

// A service that is renamed is the same one, to rules and to what may never be empty.
func TestARenamedServiceIsGuarded(t *testing.T) {
	rule := policy.SafetyRule{Name: "keep-two", AtLeast: &policy.AtLeast{Regions: 2}}
	m := ruled(t, rule)
	renamed := config("us", "eu", "ap")
	renamed.SafetyRules = []policy.SafetyRule{rule}
	s := &renamed.Services[0]
	s.Names, s.Name = append([]policy.Name{s.Name}, s.Names...), policy.MustName("alt.example.com")
	m.refuse(policy.Unsafe, `safety rule "keep-two" wants 2 undrained regions`, Batch{[]Part{{Body: PutConfig{Config: renamed}}, {Body: drain("region/us")}, {Body: drain("region/eu")}}})
	m.refuse(policy.Unsafe, "no undrained IPv4 endpoint left", Batch{[]Part{{Body: PutConfig{Config: renamed}}, {Body: drain("region/us")}, {Body: drain("region/eu")}, {Body: drain("region/ap")}}})
	m.ok(Batch{[]Part{{Body: PutConfig{Config: renamed}}, {Body: drain("region/us")}}})
}

// What is lifted by and by is lifted: it waits for the switch as it does at once.
func TestLiftingByAndByWaitsForTheGate(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "gated", Gate: "g", Targets: []string{"region/us"}})
	m.accepted(by("root", noon, PutSwitch{"g", true}))
	id := m.accepted(by("ann", noon, drain("region/us"))).Made
	m.accepted(by("root", noon, PutSwitch{"g", false}))
	m.refused(policy.Unsafe, "wants the switch g on", by("ann", noon.Add(time.Minute), DeleteControl{ID: id}))
	m.refused(policy.Unsafe, "wants the switch g on", by("ann", noon.Add(time.Minute), DeleteControl{ID: id, Over: policy.Duration(time.Minute)}))
	m.accepted(by("root", noon, PutSwitch{"g", true}))
	m.accepted(by("ann", noon.Add(time.Minute), DeleteControl{ID: id, Over: policy.Duration(time.Minute)}))
}

// While it is frozen a ramp takes nothing out either: it is held, and goes on after.
func TestAFreezeHoldsRamps(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "frozen", Freeze: []policy.Freeze{{From: "12:00", To: "13:00"}}})
	before := noon.Add(-30 * time.Second)
	id := m.accepted(by("ann", before, PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{Steps: []int{60, 0}, Every: policy.Duration(time.Minute)}})).Made
	m.accepted(by("node/ns1", noon.Add(30*time.Second), ExpireControls{}))
	if c, _ := m.s.Controls.Get(id); c.Phase != policy.Paused || c.Kept() != 60 || !strings.Contains(c.Problem, "lets nothing be taken out") {
		t.Errorf("within the freeze it is %+v", c)
	}
	m.accepted(by("node/ns1", noon.Add(2*time.Hour), ExpireControls{}))
	if c, _ := m.s.Controls.Get(id); c.Kept() != 0 {
		t.Errorf("after it, it is %+v", c)
	}
}

// Of two people the second may take over a switch that the first has thrown.
func TestAnotherTakesTheSwitchOver(t *testing.T) {
	m := ruled(t, policy.SafetyRule{Name: "gated", Gate: "g", TwoPeople: true})
	m.accepted(by("ann", noon, PutSwitch{"g", true}))
	m.refused(policy.Unsafe, "wants two people", by("ann", noon, drain("region/us")))
	m.accepted(by("bob", noon, PutSwitch{"g", true}))
	m.accepted(by("ann", noon, drain("region/us")))
}

// A rule about one service about what is drained binds, before the service is renamed and with it.
func TestDrainedOfOneServiceIsBounded(t *testing.T) {
	rules := []policy.SafetyRule{
		{Name: "one-out", Service: policy.MustName("www.example.com"), AtMost: &policy.AtMost{Drained: 1}},
		{Name: "apart", Service: policy.MustName("www.example.com"), NeverTogether: []string{"region/us", "region/eu"}},
	}
	m := ruled(t, rules...)
	m.ok(drain("region/us"))
	o := m.refuse(policy.Unsafe, `safety rule "one-out"`, drain("region/eu"))
	if len(o.Refused.Problems) != 2 {
		t.Errorf("it is refused for %+v", o.Refused.Problems)
	}
	renamed := config("us", "eu", "ap")
	renamed.SafetyRules = rules
	s := &renamed.Services[0]
	s.Names, s.Name = append([]policy.Name{s.Name}, s.Names...), policy.MustName("alt.example.com")
	m.refuse(policy.Unsafe, `safety rule "apart"`, Batch{[]Part{{Body: PutConfig{Config: renamed}}, {Body: drain("region/eu")}}})
}
