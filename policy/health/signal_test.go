package health

import (
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

const second = int64(time.Second)

// billing is a check by a signal that counts for 60 s.
func billing(m policy.Monitor, whenStale string) policy.Check {
	m.Name, m.Signal = "billing", &policy.SignalCheck{Name: "ok", WhenStale: whenStale}
	return policy.Check{ID: "web/a@billing", Revision: 7, Monitor: m.WithDefaults()}
}

// signalled is a state with a signal that was given, and steps it.
type signalled struct {
	*testing.T
	s     *policy.State
	check policy.Check
	rule  Rule
}

func (x *signalled) give(status policy.Status, at int64) {
	x.s.Signals.Set("ok", policy.Signal{Name: "ok", Status: status, Reason: "why", At: at * second, MaxAge: policy.Duration(60 * second)})
}

// at is the verdict after a look at a time in seconds.
func (x *signalled) at(now int64) policy.Verdict {
	for _, e := range Step(x.s, []policy.Check{x.check}, nil, x.rule, now*second) {
		x.s.Verdicts.Set(e.Check, e.Verdict)
	}
	v, _ := x.s.Verdicts.Get(x.check.ID)
	return v
}

func (x *signalled) want(now int64, status policy.Status) {
	x.Helper()
	if v := x.at(now); v.Status != status {
		x.Errorf("at %d s it is %s, want %s: %+v", now, v.Status, status, v)
	}
}

func TestSignalVerdicts(t *testing.T) {
	for whenStale, want := range map[string][3]policy.Status{ // never given; stale after up; stale after down
		"":                  {policy.Unknown, policy.Up, policy.Down},
		policy.StaleKeep:    {policy.Unknown, policy.Up, policy.Down},
		policy.StaleUp:      {policy.Up, policy.Up, policy.Up},
		policy.StaleDown:    {policy.Down, policy.Down, policy.Down},
		policy.StaleUnknown: {policy.Unknown, policy.Unknown, policy.Unknown},
	} {
		for _, invert := range []bool{false, true} {
			for i, first := range []policy.Status{policy.Unknown, policy.Up, policy.Down} {
				x := &signalled{T: t, s: policy.NewState(), check: billing(policy.Monitor{Invert: invert}, whenStale)}
				if first != policy.Unknown {
					told := first
					if invert {
						told = policy.Up + policy.Down - first
					}
					x.give(told, 100)
					x.want(100, first)
					x.want(159, first)
				}
				if v := x.at(160); v.Status != want[i] {
					t.Errorf("whenStale %q, invert %v, last %s: it is %s, want %s", whenStale, invert, first, v.Status, want[i])
				}
			}
		}
	}
}

// What the verdict was made of is told in the one ballot, and nothing is told twice.
func TestSignalBallot(t *testing.T) {
	x := &signalled{T: t, s: policy.NewState(), check: billing(policy.Monitor{}, policy.StaleDown)}
	wants := func(now int64, text string) {
		t.Helper()
		edges := Step(x.s, []policy.Check{x.check}, nil, x.rule, now*second)
		if len(edges) != 1 || len(edges[0].Ballots) != 1 || edges[0].Ballots[0] != (policy.Ballot{Vantage: "signal/ok", Status: edges[0].Status, Error: text}) {
			t.Fatalf("%+v, want the text %q", edges, text)
		}
		x.at(now)
		if again := Step(x.s, []policy.Check{x.check}, nil, x.rule, now*second); len(again) != 0 {
			t.Errorf("again: %+v", again)
		}
	}
	wants(1, "never given; whenStale: down")
	x.give(policy.Up, 100)
	wants(100, "why")
	wants(165, "stale: given 1m5s ago, counts for 1m0s; whenStale: down")
	if v, _ := x.s.Verdicts.Get(x.check.ID); v.Since != 165*second || v.Revision != 7 {
		t.Errorf("%+v", v)
	}
}

// A judge that reaches nothing reads the state all the same; an island, which can be given nothing, lets it be.
func TestSignalBlindAndIsland(t *testing.T) {
	x := &signalled{T: t, s: policy.NewState(), check: billing(policy.Monitor{}, policy.StaleDown)}
	x.give(policy.Up, 100)
	x.want(100, policy.Up) // Reachable is false
	for _, rule := range []Rule{{Reachable: true, Only: []bool{}}, {Reachable: true, OnlyRemove: true}} {
		x.rule = rule
		x.want(500, policy.Up)
	}
	x.rule = Rule{}
	x.want(500, policy.Down)
}

// A leader that has just begun does not hold against a signal that nobody could give it before.
func TestSignalNewLeader(t *testing.T) {
	x := &signalled{T: t, s: policy.NewState(), check: billing(policy.Monitor{}, policy.StaleDown)}
	x.give(policy.Up, 100)
	x.want(100, policy.Up)
	x.rule.Began = 500 * second
	x.want(529, policy.Up)
	x.want(530, policy.Down)
	x.rule.Began = 595 * second // it was given to this leader, so its time counts
	x.s.Signals.Set("ok", policy.Signal{Name: "ok", Status: policy.Up, At: 600 * second, MaxAge: policy.Duration(10 * second)})
	x.want(609, policy.Up)
	x.want(610, policy.Down)
}

// Hold-down, penalty, ramp and manual resume are those of every verdict; what is
// unknown in between is no way around them.
func TestSignalComesBack(t *testing.T) {
	m := policy.Monitor{HoldDown: policy.Duration(20 * second), Ramp: policy.Duration(90 * second)}
	x := &signalled{T: t, s: policy.NewState(), check: billing(m, policy.StaleUnknown)}
	x.give(policy.Up, 0)
	x.want(0, policy.Up)
	x.give(policy.Down, 10)
	x.want(10, policy.Down)
	x.s.Signals.Delete("ok")
	x.want(29, policy.Down) // held down
	x.want(30, policy.Unknown)
	x.give(policy.Up, 31)
	if v := x.at(31); v.Status != policy.Up || v.Ramp != 10 {
		t.Errorf("after unknown: %+v", v)
	}
	if v := x.at(61); v.Ramp != 40 {
		t.Errorf("a third of the ramp: %+v", v)
	}
	x.want(91, policy.Unknown) // stale
	x.give(policy.Up, 92)
	if v := x.at(92); v.Ramp != 40 { // it was in its ramp
		t.Errorf("given again: %+v", v)
	}
	// Down soon after a recovery, through unknown or not, is a flap.
	x.s.Signals.Delete("ok")
	x.want(93, policy.Unknown)
	x.give(policy.Down, 94)
	if v := x.at(94); v.Status != policy.Down || v.Penalty != firstPenalty {
		t.Errorf("a flap: %+v", v)
	}

	// A penalty is worn off by calm, which is not being down.
	for unknownFor, want := range map[int64]policy.Duration{1: 40 * policy.Duration(second), 61: 20 * policy.Duration(second)} {
		x = &signalled{T: t, s: policy.NewState(), check: billing(policy.Monitor{}, policy.StaleUnknown)}
		x.s.Verdicts.Set(x.check.ID, policy.Verdict{Check: x.check.ID, Status: policy.Up, Revision: 7, Ramp: 100, Penalty: 40 * policy.Duration(second), PenaltyAt: 1})
		x.want(70, policy.Unknown)
		x.give(policy.Down, 70+unknownFor)
		if v := x.at(70 + unknownFor); v.Status != policy.Down || v.Penalty != want {
			t.Errorf("unknown for %d s: %+v, want a penalty of %v", unknownFor, v, want)
		}
	}

	m = policy.Monitor{Resume: policy.Manual}
	x = &signalled{T: t, s: policy.NewState(), check: billing(m, policy.StaleUnknown)}
	x.give(policy.Down, 0)
	x.want(0, policy.Down)
	x.s.Signals.Delete("ok")
	if v := x.at(1); v.Status != policy.Down || v.Waits != policy.WaitsForOperator {
		t.Errorf("nobody has resumed it: %+v", v)
	}
	v := x.at(1)
	v.Resumed = true
	x.s.Verdicts.Set(v.Check, v)
	x.want(2, policy.Unknown)
}

// Nobody is assigned to a signal, and checks beside it are judged as ever.
func TestSignalBesideProbes(t *testing.T) {
	s, checks, heard, rule := world(1, policy.Down)
	c := billing(policy.Monitor{}, policy.StaleKeep)
	c.ID = checks[0].ID + "x" // right after
	checks = append(checks, c)
	rule.Of = Assign(s, checks, rule.Assigned)
	if rule.Of[0] != nil || rule.Of[1] == nil || len(rule.Of[1]) != 0 {
		t.Errorf("assigned are %v", rule.Of)
	}
	s.Signals.Set("ok", policy.Signal{Name: "ok", Status: policy.Up, At: int64(time.Hour), MaxAge: 1})
	edges := Step(s, checks, heard, rule, int64(time.Hour))
	if len(edges) != 2 || edges[0].Status != policy.Down || len(edges[0].Ballots) != 3 || edges[1].Status != policy.Up || edges[1].Check != c.ID {
		t.Errorf("%+v", edges)
	}
}
