package change

import (
	"fmt"
	"github.com/meridian-gtm/meridian/policy"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

func drain(target string) PutControl { return PutControl{Target: target, Action: policy.Drain} }

func TestDrain(t *testing.T) {
	m := started(t)
	o := m.accepted(Change{Actor: "alice", Reason: "maintenance", Clock: 5000, Body: PutControl{Target: "region/us", Action: policy.Drain, ExpiresIn: policy.Duration(time.Second)}})
	c, ok := m.s.Controls.Get(o.Made)
	if !ok || !reflect.DeepEqual(c, policy.Control{ID: o.Made, Target: "region/us", Action: policy.Drain, Reason: "maintenance", Actor: "alice", CreatedAt: 5000, ExpiresAt: 5000 + int64(time.Second)}) {
		t.Fatalf("%+v", c)
	}
	for _, c := range []struct {
		kind     policy.Kind
		fragment string
		change   Change
	}{
		{policy.Invalid, `action "stop" is not known; drain, force-up, force-down and share are`, Change{Reason: "x", Body: PutControl{Target: "region/us", Action: "stop"}}},
		{policy.Invalid, "a drain needs a reason", Change{Reason: "  ", Body: drain("region/us")}},
		{policy.Invalid, "expiresIn of -1s is in the past", Change{Reason: "x", Body: PutControl{Target: "region/us", Action: policy.Drain, ExpiresIn: policy.Duration(-time.Second)}}},
		{policy.Invalid, "is more than 87600h0m0s", Change{Reason: "x", Body: PutControl{Target: "region/us", Action: policy.Drain, ExpiresIn: 1<<63 - 1}}},
		{policy.Invalid, "is not a target", Change{Reason: "x", Body: drain("everything")}},
		{policy.Invalid, "is not a target", Change{Reason: "x", Body: drain("")}}, // I-05: never all
		{policy.Invalid, "is not a whole target", Change{Reason: "x", Body: drain("region/")}},
		{policy.NotFound, "there is no region/mars; there are region/ap, region/eu, region/us", Change{Reason: "x", Body: drain("region/mars")}},
		{policy.NotFound, "there is no pool/mars; there are pool/ap, pool/eu, pool/us", Change{Reason: "x", Body: drain("pool/mars")}},
		{policy.NotFound, "there is no endpoint/us/z; there are pool/", Change{Reason: "x", Body: drain("endpoint/us/z")}},
		{policy.NotFound, "there is no provider/gcp", Change{Reason: "x", Body: drain("provider/gcp")}},
		{policy.NotFound, "there is no az/us/a", Change{Reason: "x", Body: drain("az/us/a")}},
		{policy.NotFound, "no control \"c0\"", Change{Body: DeleteControl{ID: "c0"}}},
		{policy.NotFound, "no control \"\"", Change{Body: DeleteControl{}}}, // I-05
	} {
		m.refused(c.kind, c.fragment, c.change)
	}
	conf := config("us", "eu", "ap")
	conf.Regions = append(conf.Regions, policy.Region{Name: "empty"})
	m.ok(PutConfig{Config: conf})
	m.refuse(policy.NotFound, "region/empty has no endpoint in it", drain("region/empty"))
	m.ok(DeleteControl{ID: o.Made})
	mustEqual(t, "the number of controls", m.s.Controls.Len(), 0)
}

// TestDrainRules is DESIGN section 4: a drain that would leave a family with tier 3 only is refused.
func TestDrainRules(t *testing.T) {
	m := started(t)
	m.ok(drain("region/us"))
	m.ok(drain("region/us")) // drained already: nothing gets worse
	m.ok(drain("pool/us"))
	m.ok(drain("region/eu"))
	o := m.refuse(policy.Unsafe, "service www.example.com would have no undrained IPv4 endpoint left", drain("region/ap"))
	mustEqual(t, "the number of reasons", len(o.Refused.Problems), 2) // and IPv6
	m.refuse(policy.Unsafe, "no undrained IPv6 endpoint left", drain("endpoint/ap/b"))
	m.ok(drain("endpoint/ap/a")) // IPv4 and IPv6 are left in b
	m.refuse(policy.Unsafe, "IPv4", drain("provider/aws"))

	// Health plays no part: a dead region may be drained while an undrained member remains.
	m = started(t)
	var edges []policy.Edge
	for _, c := range m.s.Checks() {
		edges = append(edges, policy.Edge{Verdict: policy.Verdict{Check: c.ID, Status: policy.Down, Ramp: 100}})
	}
	m.ok(RecordVerdicts{edges})
	m.ok(drain("region/us"))

	// A service of one family does not ask for the other.
	m = started(t)
	c := config("us", "eu", "ap")
	for i := range c.Pools {
		c.Pools[i].Endpoints = []policy.Endpoint{{Name: "a", Address: netip.MustParseAddr("192.0.2.1")}}
	}
	m.ok(PutConfig{Config: c})
	m.ok(drain("region/us"))
	m.ok(drain("region/eu"))
	m.refuse(policy.Unsafe, "IPv4", drain("region/ap"))
}

func TestDrainSafetyRule(t *testing.T) {
	m := started(t)
	c := config("us", "eu", "ap")
	c.SafetyRules = []policy.SafetyRule{{Name: "keep-two", AtLeast: &policy.AtLeast{Regions: 2}}}
	m.ok(PutConfig{Config: c})
	first := m.ok(drain("region/us")).Made
	m.refuse(policy.Unsafe, `safety rule "keep-two" wants 2 undrained regions for service www.example.com; 1 would be left (ap)`, drain("region/eu"))
	m.ok(DeleteControl{ID: first})
	m.ok(drain("region/eu"))
}

func TestExpiry(t *testing.T) {
	m := started(t)
	at := func(seconds int64) int64 { return seconds * int64(time.Second) }
	m.accepted(Change{Clock: at(100), Reason: "x", Body: PutControl{Target: "region/us", Action: policy.Drain, ExpiresIn: policy.Duration(10 * time.Second)}})
	m.accepted(Change{Clock: at(100), Reason: "x", Body: PutControl{Target: "endpoint/eu/a", Action: policy.Drain, ExpiresIn: policy.Duration(20 * time.Second)}})
	forever := m.accepted(Change{Clock: at(100), Reason: "x", Body: PutControl{Target: "endpoint/eu/b", Action: policy.Drain}}).Made
	rev := m.s.Revision
	// Passing time alone lifts nothing: expiry is a change of its own.
	m.accepted(Change{Clock: at(111), Body: PutMember{policy.Member{ID: "m2", Node: "n2"}}})
	mustEqual(t, "the number of controls", m.s.Controls.Len(), 3)
	mustEqual(t, "something is overdue", Overdue(m.s, m.s.Clock), true)
	mustEqual(t, "something was overdue before", Overdue(m.s, at(109)), false)
	m.accepted(Change{Clock: at(112), Body: ExpireControls{}})
	mustEqual(t, "the number of controls after the first expiry", m.s.Controls.Len(), 2)
	mustEqual(t, "the revision", m.s.Revision, rev+1)
	m.accepted(Change{Clock: at(112), Body: ExpireControls{}})
	mustEqual(t, "the revision after an expiry of nothing", m.s.Revision, rev+1)
	m.accepted(Change{Clock: at(120), Body: ExpireControls{}}) // exactly its time
	mustList(t, "the controls", keys(m.s.Controls), forever)
	m.accepted(Change{Clock: at(1 << 30), Body: ExpireControls{}})
	mustList(t, "the controls", keys(m.s.Controls), forever)
}

// A planned drain does nothing, then shortens answers, then drains, and is over; what
// would hurt when its time comes is refused and says why.
func TestPlannedDrain(t *testing.T) {
	m := started(t)
	m.s.Feature = policy.FeatureHealth
	at := func(seconds int64) int64 { return seconds * int64(time.Second) }
	o, _ := m.s.Services.Get("www.example.com")
	o.Spec.TTL = &policy.TTL{Max: 60, Min: 5}
	m.ok(PutConfig{Config: policy.Config{Services: []policy.Service{o.Spec}}, Merge: true})
	plan := func(target string, in, lasts int64) string {
		return m.accepted(Change{Clock: at(1000), Reason: "x", Body: PutControl{Target: target, Action: policy.Drain, ExpiresIn: policy.Duration(at(lasts)), StartsIn: policy.Duration(at(in))}}).Made
	}
	id := plan("endpoint/eu/a", 100, 50)
	soon := plan("endpoint/eu/b", 30, 0)
	phase := func(id string) string {
		c, ok := m.s.Controls.Get(id)
		if !ok {
			return "gone"
		}
		return string(c.Phase)
	}
	mustEqual(t, "what starts within the longest TTL", phase(soon), "near")
	m.ok(DeleteControl{ID: soon})
	for _, step := range []struct {
		second int64
		phase  string
		due    bool
	}{{1000, "planned", false}, {1039, "planned", false}, {1040, "near", true}, {1099, "near", false}, {1100, "", true}, {1149, "", false}, {1150, "gone", true}} {
		mustEqual(t, fmt.Sprint("overdue at ", step.second), Overdue(m.s, at(step.second)), step.due)
		m.accepted(Change{Clock: at(step.second), Body: ExpireControls{}})
		mustEqual(t, fmt.Sprint("the phase at ", step.second), phase(id), step.phase)
		eu, _ := m.s.Pools.Get("eu")
		mustEqual(t, fmt.Sprint("drained at ", step.second), m.s.Forces("").On(&eu.Spec, &eu.Spec.Endpoints[0]).Drained != "", step.phase == "")
	}
	m.s.Clock = at(1000)
	last := plan("region/us", 10, 0)
	for pool := range m.s.Pools.All {
		if pool != "us" {
			m.ok(drain("pool/" + pool))
		}
	}
	m.accepted(Change{Clock: at(1010), Body: ExpireControls{}})
	c, _ := m.s.Controls.Get(last)
	if c.Phase != policy.Refused || !strings.Contains(c.Problem, "no undrained") {
		t.Errorf("a drain of the last region came into force: %+v", c)
	}
	m.refuse(policy.Invalid, "startsIn of -1s is not within 0 to", PutControl{Target: "region/us", Action: policy.Drain, StartsIn: -1e9})
}
