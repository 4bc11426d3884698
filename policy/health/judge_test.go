package health

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"pgregory.net/rapid"
)

// poll makes ballots: u up, d down, s silent, a abstains, p pending.
func poll(votes string) []policy.Ballot {
	list := make([]policy.Ballot, len(votes))
	for i, c := range votes {
		b := policy.Ballot{Vantage: string(rune('A' + i))}
		switch c {
		case 'u':
			b.Status = policy.Up
		case 'd':
			b.Status, b.Error = policy.Down, "connection refused"
		case 's':
			b.Absent = Silent
		case 'a':
			b.Absent = Abstains
		case 'p':
			b.Absent = Pending
		}
		list[i] = b
	}
	return list
}

var check = policy.Check{ID: "web/a@m", Revision: 3, Monitor: policy.Monitor{Fall: 3, Rise: 2}}

func TestQuorum(t *testing.T) {
	for _, c := range []struct {
		was  policy.Status
		vote string
		want policy.Status
	}{
		{policy.Unknown, "u", policy.Up},
		{policy.Unknown, "d", policy.Down},
		{policy.Up, "dss", policy.Up}, // one of one never decides for three
		{policy.Up, "ddd", policy.Down},
		{policy.Up, "dds", policy.Down},
		{policy.Up, "ddu", policy.Down},
		{policy.Up, "duu", policy.Up},
		{policy.Up, "dus", policy.Up}, // a tie keeps what was
		{policy.Down, "dus", policy.Down},
		{policy.Unknown, "dus", policy.Unknown},
		{policy.Up, "daa", policy.Up}, // abstaining is not voting
		{policy.Up, "dda", policy.Down},
		{policy.Up, "dpp", policy.Up}, // neither is having no opinion yet
		{policy.Up, "aaa", policy.Up},
		{policy.Up, "sss", policy.Up},
		{policy.Up, "", policy.Up},
		{policy.Up, "d", policy.Down},
		{policy.Up, "ds", policy.Up},
		{policy.Up, "dd", policy.Down},
		{policy.Up, "ddss", policy.Up}, // half is not a majority
		{policy.Up, "ddds", policy.Down},
		{policy.Up, "dduss", policy.Down}, // three of five voted, two of the three agree
		{policy.Down, "uudss", policy.Up},
	} {
		prev := policy.Verdict{Check: check.ID, Revision: 3, Status: c.was, Ramp: 100}
		v, changed := Judge(prev, check, poll(c.vote), Rule{Reachable: true}, int64(time.Hour))
		if v.Status != c.want || changed != (c.want != c.was) {
			t.Errorf("%v with %q: %v (changed %v), want %v", c.was, c.vote, v.Status, changed, c.want)
		}
	}
}

// act is one moment of a script: what the vantages say at a time, and the verdict that must be there afterwards.
type act struct {
	at      time.Duration
	vote    string
	want    policy.Status
	ramp    int
	penalty time.Duration
}

// run plays a script on a verdict of one check, from a State clock of one hour.
func run(t *testing.T, m policy.Monitor, script []act) policy.Verdict {
	t.Helper()
	c := check
	c.Monitor = m
	v := policy.Verdict{Check: c.ID, Ramp: 100}
	for i, a := range script {
		v, _ = Judge(v, c, poll(a.vote), Rule{Reachable: true}, int64(time.Hour+a.at))
		got := act{a.at, a.vote, v.Status, v.Ramp, time.Duration(v.Penalty)}
		if got != a {
			t.Fatalf("act %d: got %v, want %v", i, got, a)
		}
	}
	return v
}

func TestRecovery(t *testing.T) {
	const s = time.Second
	t.Run("a simple failure heals at once", func(t *testing.T) {
		run(t, policy.Monitor{}, []act{
			{0, "uuu", policy.Up, 100, 0},
			{1 * s, "ddd", policy.Down, 100, 0}, // right after the first verdict: not a flap
			{2 * s, "uuu", policy.Up, 100, 0},
		})
	})
	t.Run("an endpoint that starts down heals at once", func(t *testing.T) {
		run(t, policy.Monitor{}, []act{{0, "ddd", policy.Down, 100, 0}, {1 * s, "uuu", policy.Up, 100, 0}})
	})
	t.Run("hold-down", func(t *testing.T) {
		run(t, policy.Monitor{HoldDown: policy.Duration(10 * s)}, []act{
			{0, "uuu", policy.Up, 100, 0},
			{5 * s, "ddd", policy.Down, 100, 0},
			{6 * s, "uuu", policy.Down, 100, 0},
			{14999 * time.Millisecond, "uuu", policy.Down, 100, 0},
			{15 * s, "uuu", policy.Up, 100, 0},
		})
	})
	t.Run("flaps double and calm halves", func(t *testing.T) {
		run(t, policy.Monitor{}, []act{
			{0, "uuu", policy.Up, 100, 0},
			{100 * s, "ddd", policy.Down, 100, 0},
			{101 * s, "uuu", policy.Up, 100, 0},
			{102 * s, "ddd", policy.Down, 100, 5 * s}, // within a minute of the recovery
			{106 * s, "uuu", policy.Down, 100, 5 * s},
			{107 * s, "uuu", policy.Up, 100, 5 * s},
			{108 * s, "ddd", policy.Down, 100, 10 * s},
			{118 * s, "uuu", policy.Up, 100, 10 * s},
			{119 * s, "ddd", policy.Down, 100, 20 * s},
			{139 * s, "uuu", policy.Up, 100, 20 * s},
			{200 * s, "ddd", policy.Down, 100, 20 * s}, // a minute of calm: 10 s remembered, doubled
			{220 * s, "uuu", policy.Up, 100, 20 * s},
			{400 * s, "ddd", policy.Down, 100, 0}, // three minutes of calm: forgotten
			{400 * s, "uuu", policy.Up, 100, 0},
		})
	})
	t.Run("the penalty has a cap", func(t *testing.T) {
		v := policy.Verdict{Check: check.ID, Revision: 3, Ramp: 100, Status: policy.Up, PenaltyAt: 1}
		now := int64(time.Hour)
		for range 12 {
			v, _ = Judge(v, check, poll("d"), Rule{Reachable: true}, now)
			now += int64(v.Penalty)
			v, _ = Judge(v, check, poll("u"), Rule{Reachable: true}, now)
			now++
		}
		if v.Penalty != maxPenalty || v.Status != policy.Up {
			t.Errorf("after twelve flaps: %+v", v)
		}
	})
	t.Run("ramp", func(t *testing.T) {
		m := policy.Monitor{Ramp: policy.Duration(90 * s)}
		run(t, m, []act{
			{0, "uuu", policy.Up, 100, 0}, // a first verdict is no recovery
			{1 * s, "ddd", policy.Down, 100, 0},
			{10 * s, "uuu", policy.Up, 10, 0},
			{19 * s, "uuu", policy.Up, 10, 0},
			{20 * s, "uuu", policy.Up, 20, 0},
			{45 * s, "dss", policy.Up, 20, 0}, // no quorum, no step
			{45 * s, "uuu", policy.Up, 40, 0},
			{99 * s, "uuu", policy.Up, 90, 0},
			{100 * s, "uuu", policy.Up, 100, 0},
			{101 * s, "ddd", policy.Down, 100, 0},
		})
	})
}

func TestEdges(t *testing.T) {
	up := policy.Verdict{Check: check.ID, Status: policy.Up, Revision: 3, Ramp: 100, Since: 5, Ballots: poll("uuu")}
	now := int64(time.Hour)
	live := Rule{Reachable: true}

	if v, changed := Judge(up, check, poll("uud"), live, now); changed || !reflect.DeepEqual(v, up) {
		t.Errorf("ballots alone made an edge: %+v", v)
	}
	if _, changed := Judge(up, check, poll("ddd"), Rule{}, now); changed {
		t.Error("a judge whose references do not answer made an edge")
	}

	edited := check
	edited.Revision = 4
	if v, changed := Judge(up, edited, poll("uss"), live, now); changed || v.Revision != 3 {
		t.Errorf("an edited monitor lost its verdict before a quorum: %+v", v)
	}
	v, changed := Judge(up, edited, poll("uus"), live, now)
	if !changed || v.Revision != 4 || v.Status != policy.Up || v.Since != 5 {
		t.Errorf("the quorum on a new revision: changed %v, %+v", changed, v)
	}

	cast := poll("dds")
	v, _ = Judge(up, check, cast, live, now)
	if len(v.Ballots) != 3 || v.Ballots[2].Absent != Silent || v.Ballots[1].Vantage != "B" {
		t.Errorf("ballots of an edge: %+v", v.Ballots)
	}
	cast[1].Status = policy.Up
	if v.Ballots[1].Status != policy.Down {
		t.Error("the verdict shares its ballots with the caller")
	}
	if v.Since != now || v.Check != check.ID || v.Revision != 3 {
		t.Errorf("the edge: %+v", v)
	}
}

func TestOnlyRemove(t *testing.T) {
	island := Rule{Reachable: true, OnlyRemove: true}
	edited := check
	edited.Revision = 4
	for _, c := range []struct {
		was     policy.Status
		check   policy.Check
		vote    string
		changed bool
	}{
		{policy.Up, check, "d", true},
		{policy.Unknown, check, "d", true},
		{policy.Unknown, check, "u", false},
		{policy.Down, check, "u", false},
		{policy.Down, edited, "d", false}, // a new revision alone removes nothing
		{policy.Up, edited, "u", false},
		{policy.Up, edited, "d", true},
	} {
		prev := policy.Verdict{Check: check.ID, Revision: 3, Status: c.was, Ramp: 100}
		if v, changed := Judge(prev, c.check, poll(c.vote), island, int64(time.Hour)); changed != c.changed {
			t.Errorf("%v, revision %d, %q: changed is %v (%+v)", c.was, c.check.Revision, c.vote, changed, v)
		}
	}
	ramping := policy.Verdict{Check: check.ID, Revision: 3, Status: policy.Up, Ramp: 10}
	if v, changed := Judge(ramping, check, poll("u"), island, int64(time.Hour)); changed {
		t.Errorf("an island raised a weight: %+v", v)
	}
}

// For any sequence of ballots: nothing flips without a quorum that agrees,
// recoveries keep the hold-down, and edges come only with a change.
func TestJudgeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := check
		c.Monitor.HoldDown = policy.Duration(rapid.IntRange(0, 120).Draw(t, "holdDown")) * policy.Duration(time.Second)
		c.Monitor.Ramp = policy.Duration(rapid.IntRange(0, 60).Draw(t, "ramp")) * policy.Duration(time.Second)
		n := rapid.IntRange(1, 5).Draw(t, "vantages")
		v := policy.Verdict{Check: c.ID, Ramp: 100}
		now := int64(time.Hour)
		wentDown := int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now += rapid.Int64Range(0, int64(40*time.Second)).Draw(t, "wait")
			votes := rapid.StringOfN(rapid.RuneFrom([]rune("ududusap")), n, n, -1).Draw(t, "votes")
			prev := v
			var changed bool
			v, changed = Judge(prev, c, poll(votes), Rule{Reachable: true}, now)
			up, down := strings.Count(votes, "u"), strings.Count(votes, "d")
			agrees := map[policy.Status]bool{policy.Up: up > down && up+down > n/2, policy.Down: down > up && up+down > n/2}
			if changed != (v.Status != prev.Status || v.Revision != prev.Revision || v.Ramp != prev.Ramp) {
				t.Fatalf("changed is %v from %+v to %+v", changed, prev, v)
			}
			if v.Ramp < 10 || v.Ramp > 100 || v.Ramp%10 != 0 {
				t.Fatalf("a ramp of %d", v.Ramp)
			}
			if v.Status == prev.Status {
				if v.Since != prev.Since || v.Status == policy.Up && v.Ramp < prev.Ramp {
					t.Fatalf("no change of status, but %+v became %+v", prev, v)
				}
				if agrees[policy.Down] && v.Status != policy.Down {
					t.Fatalf("a majority says down and it is %v", v.Status)
				}
				continue
			}
			if !agrees[v.Status] {
				t.Fatalf("%q of %d vantages made it %v", votes, n, v.Status)
			}
			switch v.Status {
			case policy.Down:
				wentDown = now
			case policy.Up:
				if prev.Status == policy.Down && now-wentDown < int64(c.Monitor.HoldDown) {
					t.Fatalf("up %v after going down, hold-down is %v", time.Duration(now-wentDown), c.Monitor.HoldDown)
				}
			}
		}
	})
}

// I-10: whatever the probes say, an endpoint comes back at most once in a hold-down.
func TestFlappingIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := check
		hold := rapid.Int64Range(1, 100).Draw(t, "holdDown")
		c.Monitor.HoldDown = policy.Duration(hold)
		v := policy.Verdict{Check: c.ID, Ramp: 100}
		var recoveries []int64
		for now := int64(1); now < 1000; now++ {
			prev := v
			votes := rapid.SampledFrom([]string{"u", "d"}).Draw(t, "vote")
			if v, _ = Judge(prev, c, poll(votes), Rule{Reachable: true}, now); prev.Status == policy.Down && v.Status == policy.Up {
				recoveries = append(recoveries, now)
			}
		}
		for i := 1; i < len(recoveries); i++ {
			if recoveries[i]-recoveries[i-1] < hold {
				t.Fatalf("recoveries at %v with a hold-down of %d", recoveries, hold)
			}
		}
	})
}
