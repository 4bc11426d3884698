package change

import (
	"fmt"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// ramped is a machine at the level of ramps, whose clock the test sets.
func ramped(t fataler) *machine {
	m := started(t)
	m.level(policy.FeatureDrill)
	return m
}

func seconds(n int64) int64 { return n * int64(time.Second) }

func (m *machine) at(second int64, b Body) policy.Outcome {
	m.t.Helper()
	return m.accepted(Change{Actor: "test", Reason: "because", Clock: seconds(second), Body: b})
}

// stands is a control as text.
func (m *machine) stands(id string) string {
	c, ok := m.s.Controls.Get(id)
	if !ok {
		return "gone"
	}
	return fmt.Sprintf("%s %d", c.Phase, c.Kept())
}

// A ramp makes one step at a time, each once however often it is asked for, and is in force after the last.
func TestRampSteps(t *testing.T) {
	m := ramped(t)
	id := m.at(1000, PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{Steps: []int{50, 20, 0}, Every: policy.Duration(time.Minute)}}).Made
	for _, step := range []struct {
		second int64
		due    bool
		is     string
	}{{1000, false, "ramping 50"}, {1059, false, "ramping 50"}, {1060, true, "ramping 20"}, {1061, false, "ramping 20"}, {1500, true, " 0"}, {9999, false, " 0"}} {
		mustEqual(t, fmt.Sprint("a step is due at ", step.second), Unsteady(m.s, seconds(step.second)), step.due)
		for range 3 { // as two leaders might
			m.at(step.second, ExpireControls{})
			mustEqual(t, fmt.Sprint("at ", step.second), m.stands(id), step.is)
		}
	}
	if c, _ := m.s.Controls.Get(id); c.Moved == 0 || c.Moved >= m.index {
		t.Errorf("the last step is of index %d", c.Moved)
	}
	roundTrip(t, m.s)
	m.at(10000, DeleteControl{ID: id, Over: policy.Duration(90 * time.Second)})
	mustEqual(t, "on its way back", m.stands(id), "returning 10")
	for range 8 {
		m.at(m.s.Clock/int64(time.Second)+10, ExpireControls{})
	}
	mustEqual(t, "before it is back", m.stands(id), "returning 90")
	m.at(m.s.Clock/int64(time.Second)+10, ExpireControls{})
	mustEqual(t, "back", m.stands(id), "gone")
}

// A step that would hurt is not made: the ramp waits and says why, and goes on when it may.
func TestRampWaitsForSafety(t *testing.T) {
	m := ramped(t)
	c := config("us", "eu")
	m.ok(PutConfig{Config: c})
	id := m.at(1000, PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{Steps: []int{50, 0}, Every: policy.Duration(time.Minute)}}).Made
	other := m.at(1010, PutControl{Target: "region/eu", Action: policy.Drain}).Made
	m.at(1060, ExpireControls{})
	mustEqual(t, "refused", m.stands(id), "paused 50")
	if c, _ := m.s.Controls.Get(id); c.Problem == "" {
		t.Error("nobody says why")
	}
	mustEqual(t, "it is tried all the time", Unsteady(m.s, seconds(1061)), false)
	m.at(1100, DeleteControl{ID: other})
	m.at(1120, ExpireControls{})
	mustEqual(t, "allowed", m.stands(id), " 0")
	// Where it would end in harm it does not begin.
	m.refuse(policy.Unsafe, "would have no undrained", PutControl{Target: "region/eu", Action: policy.Drain, Ramp: &policy.RampPlan{Over: policy.Duration(time.Hour)}})
	m.refuse(policy.Unsafe, "would have no undrained", PutControl{Target: "region/eu", Action: policy.Share, Share: of(0)})
	m.refuse(policy.Unsafe, "would have no undrained", PutControl{Target: "region/eu", Action: policy.ForceDown})
}

// A control that hides a drain is not lifted where the drain would hurt by now, by nobody and no expiry.
func TestLiftingMayHurt(t *testing.T) {
	m := ramped(t)
	m.ok(PutConfig{Config: config("us", "eu")})
	m.at(1000, PutControl{Target: "region/us", Action: policy.Drain})
	up := m.at(1001, PutControl{Target: "region/us", Action: policy.ForceUp, ExpiresIn: policy.Duration(time.Minute)})
	mustEqual(t, "warnings", len(up.Warnings), 1)
	eu := m.at(1002, PutControl{Target: "region/eu", Action: policy.Drain}).Made
	m.refuse(policy.Unsafe, "the lift is refused", DeleteControl{ID: up.Made})
	m.at(1061, ExpireControls{})
	c, ok := m.s.Controls.Get(up.Made)
	if !ok || c.Problem == "" || c.ExpiresAt != seconds(1061)+int64(time.Minute) {
		t.Fatalf("after its time it is %+v", c)
	}
	m.at(1062, DeleteControl{ID: eu})
	m.at(1121, ExpireControls{})
	mustEqual(t, "when it may end", m.stands(up.Made), "gone")
}

func TestControlsRefused(t *testing.T) {
	m := ramped(t)
	ramp := func(steps ...int) *policy.RampPlan {
		return &policy.RampPlan{Steps: steps, Every: policy.Duration(time.Minute)}
	}
	for _, c := range []struct {
		fragment string
		b        PutControl
	}{
		{"a share needs how much", PutControl{Target: "region/us", Action: policy.Share}},
		{"a share of 101 is not within", PutControl{Target: "region/us", Action: policy.Share, Share: of(101)}},
		{"share goes with the action share", PutControl{Target: "region/us", Action: policy.Drain, Share: of(1)}},
		{"a service has no share", PutControl{Target: "service/www.example.com", Action: policy.Share, Share: of(1)}},
		{"a force-up comes at once", PutControl{Target: "region/us", Action: policy.ForceUp, Ramp: ramp(50, 0)}},
		{"do not go down", PutControl{Target: "region/us", Action: policy.Drain, Ramp: ramp(50, 50, 0)}},
		{"end at 20, not at 0", PutControl{Target: "region/us", Action: policy.Drain, Ramp: ramp(50, 20)}},
		{"every of 0s is not within", PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{Steps: []int{0}}}},
		{"over of 1s is too short", PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{Over: policy.Duration(time.Second)}}},
		{`is either {"over"`, PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{}}},
		{"goes nowhere", PutControl{Target: "region/us", Action: policy.Share, Share: of(100), Ramp: ramp(50)}},
		{"the ramp is not valid", PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{Over: policy.Duration(time.Minute), PauseWhen: []string{"load:pool/us>90"}}}},
	} {
		m.refuse(policy.Invalid, c.fragment, c.b)
	}
	m.refuse(policy.NotFound, "there are service/www.example.com", PutControl{Target: "service/mars.example.com", Action: policy.ForceDown})
}

// What is new needs the level of drills, and what is old does not.
func TestControlLevels(t *testing.T) {
	for level, list := range map[int][]Body{
		0: {PutControl{Target: "region/us", Action: policy.Drain}, DeleteControl{ID: "c1"}},
		policy.FeatureDrill: {PutControl{Target: "label/a=b", Action: policy.Drain}, PutControl{Target: "service/x", Action: policy.Drain}, &PutControl{Target: "region/us", Action: policy.ForceUp},
			PutControl{Target: "region/us", Action: policy.Drain, Ramp: &policy.RampPlan{}}, DeleteControl{ID: "c1", Over: 1}, StartCanary{AbortWhen: []string{"load:pool/us>90"}}},
	} {
		for _, b := range list {
			mustEqual(t, fmt.Sprintf("the level of %+v", b), needs(b), level)
		}
	}
}

// A scoped caller controls a label only where every endpoint with it is theirs, and a service that is.
func TestControlScopes(t *testing.T) {
	m := ramped(t)
	c := config("us", "eu")
	c.Pools[0].Endpoints[0].Labels = map[string]string{"tier": "gold"}
	m.ok(PutConfig{Config: c})
	try := func(target string, scopes ...string) policy.Outcome {
		return m.do(Change{Actor: "ci", Reason: "x", Scopes: scopes, Body: PutControl{Target: target, Action: policy.ForceUp}})
	}
	if o := try("label/tier=gold", "pool/us"); o.Refused != nil {
		t.Errorf("all of the label is theirs: %v", o.Refused)
	}
	c.Pools[1].Endpoints[0].Labels = map[string]string{"tier": "gold"}
	m.ok(PutConfig{Config: c})
	if o := try("label/tier=gold", "pool/us"); o.Refused == nil || o.Refused.Kind != policy.Forbidden {
		t.Errorf("not all of the label is theirs: %v", o.Refused)
	}
	if o := try("service/www.example.com", "service/www.example.com"); o.Refused != nil {
		t.Errorf("the service is theirs: %v", o.Refused)
	}
	if o := try("service/www.example.com", "pool/us", "pool/eu"); o.Refused == nil {
		t.Error("the service is not theirs")
	}
}
