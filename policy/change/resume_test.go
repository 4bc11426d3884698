package change

import (
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// held is a machine whose pool us is checked by two monitors, of which disk waits for an operator.
func held(t *testing.T) *machine {
	m := started(t)
	m.level(policy.FeatureHealth)
	conf := config("us", "eu", "ap")
	conf.Monitors = append(conf.Monitors, policy.Monitor{Name: "disk", TCP: &policy.TCPCheck{Port: 25}, Resume: policy.Manual})
	conf.Pools[0].Monitor, conf.Pools[0].Monitors = "", &policy.MonitorSet{All: []string{"web", "disk"}}
	m.ok(PutConfig{Config: conf})
	return m
}

func (m *machine) verdict(check string, status policy.Status) {
	m.t.Helper()
	m.ok(RecordVerdicts{[]policy.Edge{{Verdict: policy.Verdict{Check: check, Status: status, Ramp: 100}}}})
}

func (m *machine) resumed(check string) bool {
	v, _ := m.s.Verdicts.Get(check)
	return v.Resumed
}

func TestResume(t *testing.T) {
	m := held(t)
	resume := ResumeEndpoint{"endpoint/us/a"}
	m.refuse(policy.Conflict, "endpoint/us/a is not down by a monitor with resume: manual", resume) // unknown
	m.verdict("us/a@web", policy.Down)
	m.refuse(policy.Conflict, "is not down by a monitor with resume: manual", resume)
	m.verdict("us/a@disk", policy.Up)
	m.refuse(policy.Conflict, "is not down by a monitor with resume: manual", resume)
	m.verdict("us/a@disk", policy.Down)
	m.verdict("us/b@disk", policy.Down)
	for _, c := range []struct {
		kind     policy.Kind
		fragment string
		change   Change
	}{
		{policy.Invalid, "a resume needs a reason", Change{Reason: " ", Body: resume}},
		{policy.Stale, "the state is at revision", Change{Reason: "x", IfMatch: of(uint64(1)), Body: resume}},
		{policy.Invalid, `"" is not an endpoint`, Change{Reason: "x", Body: ResumeEndpoint{}}},
		{policy.Invalid, `"pool/us" is not an endpoint`, Change{Reason: "x", Body: ResumeEndpoint{"pool/us"}}},
		{policy.NotFound, "there is no endpoint/us/z; there are endpoint/us/a, endpoint/us/b", Change{Reason: "x", Body: ResumeEndpoint{"endpoint/us/z"}}},
		{policy.NotFound, "there is no endpoint/mars/a; there are pool/ap, pool/eu, pool/us", Change{Reason: "x", Body: ResumeEndpoint{"endpoint/mars/a"}}},
		{policy.Conflict, "no monitor of endpoint/eu/a has resume: manual", Change{Reason: "x", Body: ResumeEndpoint{"endpoint/eu/a"}}},
	} {
		m.refused(c.kind, c.fragment, c.change)
	}
	revision := m.s.Revision
	mustEqual(t, "the revision it made", m.ok(resume).Revision, revision+1)
	for check, want := range map[string]bool{"us/a@disk": true, "us/a@web": false, "us/b@disk": false} {
		mustEqual(t, check+" is resumed", m.resumed(check), want)
	}
	m.ok(resume) // again does no harm

	// What the leader judged before it knew of the resume does not undo it.
	m.verdict("us/a@disk", policy.Down)
	mustEqual(t, "resumed after an edge that is down", m.resumed("us/a@disk"), true)
	m.verdict("us/a@disk", policy.Up)
	m.verdict("us/a@disk", policy.Down)
	mustEqual(t, "resumed after it was up and failed again", m.resumed("us/a@disk"), false)
}

// A node of the version before would have to stop at it.
func TestResumeNeedsItsFeature(t *testing.T) {
	started(t).refuse(policy.Conflict, "verdict.resume needs feature level 4 on every node, and node ns1 is at 1", ResumeEndpoint{"endpoint/us/a"})
}
