package health

import (
	"cmp"
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Why a vantage's ballot does not count (policy.Ballot.Absent).
const (
	Silent   = "silent"   // no report within Rule.FreshFor
	Abstains = "abstains" // its reference targets do not answer: it may be cut off itself
	Pending  = "pending"  // it reports, but has not settled on the check as it is now
)

// The flap penalty (I-10).
const (
	firstPenalty = policy.Duration(5 * time.Second)
	maxPenalty   = policy.Duration(5 * time.Minute)
	calm         = policy.Duration(60 * time.Second) // up for that long halves the penalty
)

// Rule says how opinions become verdicts.
type Rule struct {
	// Assigned are the vantages that should vote. A quorum counts against all of
	// them, whether they are heard or not: one of one never decides for three.
	Assigned []Assigned
	// Of says which of them should vote on each check, by their places in Assigned, in
	// the order of the checks; nil, for one or for all, stands for everybody.
	Of [][]int32
	// Only are those of Assigned that count as assigned at all (island mode); nil: everybody.
	Only []bool
	// FreshFor is how old a report may be. Zero stands for DefaultFreshFor.
	FreshFor policy.Duration
	// Reachable says that some reference target of the judging node answers.
	// When false, nothing changes: a blind judge freezes its verdicts.
	Reachable bool
	// OnlyRemove lets through nothing but edges to down (island mode).
	OnlyRemove bool
	// Began is the State clock at which the judge became leader. A signal that was
	// given before is not held to be stale at once: while there was no leader, nobody could give it again.
	Began int64
}

// DefaultFreshFor is how long a report counts: five of the usual one-second periods.
const DefaultFreshFor = policy.Duration(5 * time.Second)

// Assigned is a vantage that should vote.
type Assigned struct {
	ID    string // member id, as in policy.Report.Vantage
	Label string // of its node, as ballots show it
	// Where it is, for quorums by failure domain; "" where that is not known.
	Region, Provider, Continent string
	Budget                      int // probes a second at the most; 0: any
}

// Quorum is how many of n assigned vantages must vote: more than half.
func Quorum(n int) int { return n/2 + 1 }

// Judge is the verdict on a check after one look at the ballots, one for each
// assigned vantage. differs says whether that is worth a replicated entry: its
// status, revision, ramp, rivals or what it waits for differ from prev. When nothing changed, prev is
// returned as it was; ballots alone never change a verdict, so that the log does
// not follow noise. The ballots are copied. now is the State clock in nanoseconds.
//
// Without a quorum on the check's current revision the verdict stays, also when
// voters are tied. So a new endpoint is unknown until its first quorum, and an
// edited monitor keeps the last verdict until the new one has one.
func Judge(prev policy.Verdict, check policy.Check, ballots []policy.Ballot, rule Rule, now int64) (v policy.Verdict, differs bool) {
	if !rule.Reachable {
		return prev, false
	}
	agreed := count(ballots, check.Monitor.Quorum)
	if agreed == policy.Unknown {
		return prev, false
	}
	v = next(prev, check.Monitor, agreed, now)
	v.Check, v.Revision = check.ID, check.Revision
	if !check.Monitor.Exclusive { // any more
		if v.Rivals = nil; v.Waits == policy.WaitsForRival {
			v.Waits = ""
		}
	}
	if rule.OnlyRemove && (v.Status != policy.Down || prev.Status == policy.Down) {
		return prev, false
	}
	if !changed(prev, v) {
		return prev, false
	}
	v.Ballots = cast(ballots)
	return v, true
}

// changed says whether two verdicts differ in what is worth a replicated entry.
func changed(a, b policy.Verdict) bool {
	return a.Status != b.Status || a.Revision != b.Revision || a.Ramp != b.Ramp || a.Waits != b.Waits || !slices.Equal(a.Rivals, b.Rivals)
}

// cast is a copy of ballots as a verdict keeps them.
func cast(ballots []policy.Ballot) []policy.Ballot {
	list := slices.Clone(ballots)
	for i := range list {
		list[i].Region, list[i].Provider, list[i].Continent = "", "", ""
	}
	return list
}

// count is what the vantages agree on, or unknown: too few vote, they are tied, or
// those who say down do not come from as many failure domains as the quorum asks for.
func count(ballots []policy.Ballot, quorum policy.Quorum) policy.Status {
	up, down := 0, 0
	for i := range ballots {
		switch {
		case ballots[i].Absent != "":
		case ballots[i].Status == policy.Up:
			up++
		case ballots[i].Status == policy.Down:
			down++
		}
	}
	voted := up + down
	// A number beyond those who are assigned would never be reached, and nothing fail over.
	switch need := min(quorum.Need(voted), len(ballots)); {
	case len(ballots) == 0 || voted < Quorum(len(ballots)):
		return policy.Unknown
	case down >= need:
		if !spread(ballots, quorum) {
			return policy.Unknown
		}
		return policy.Down
	case quorum.Majority() && 2*up <= voted:
		return policy.Unknown // tied
	}
	return policy.Up
}

// spread says whether those who vote down come from as many domains as a quorum asks for.
func spread(ballots []policy.Ballot, q policy.Quorum) bool {
	if q.Regions+q.Providers+q.Continents == 0 {
		return true
	}
	different := func(of func(*policy.Ballot) string) int {
		seen := map[string]bool{}
		for i := range ballots {
			if b := &ballots[i]; b.Absent == "" && b.Status == policy.Down && of(b) != "" {
				seen[of(b)] = true
			}
		}
		return len(seen)
	}
	return different(func(b *policy.Ballot) string { return b.Region }) >= q.Regions &&
		different(func(b *policy.Ballot) string { return b.Provider }) >= q.Providers &&
		different(func(b *policy.Ballot) string { return b.Continent }) >= q.Continents
}

// next moves a verdict one step towards what the majority says. It is a circuit
// breaker: closed (up), open (down until hold-down and penalty are over), half
// open (up with part of the weight while the ramp lasts). Only a signal that is stale
// says unknown, which what is down comes to as it does to up: it may then be served.
func next(v policy.Verdict, m policy.Monitor, majority policy.Status, now int64) policy.Verdict {
	switch {
	case v.Status == policy.Unknown && majority == policy.Unknown:
	case v.Status == policy.Unknown:
		if majority == policy.Down {
			v.Penalty, v.PenaltyAt = flap(v, now), now
			v.Ramp = 100
		}
		v.Status, v.Since, v.Ramp = majority, now, cmp.Or(v.Ramp, 100)
	case v.Status == policy.Up && majority == policy.Unknown:
		v.Penalty = Remembered(v, now)
		v.Status, v.Since = policy.Unknown, now
	case v.Status == policy.Up && majority == policy.Down:
		v.Penalty = flap(v, now)
		v.Status, v.Since, v.PenaltyAt = policy.Down, now, now
		v.Ramp = 100 // of no meaning while down, but tier 2 must not find weights of zero
	case v.Status == policy.Down && majority != policy.Down:
		switch {
		case elapsed(v.Since, now) < max(m.HoldDown, v.Penalty):
		case m.Resume == policy.Manual && !v.Resumed:
			v.Waits = policy.WaitsForOperator
		default:
			v.Status, v.Since, v.Waits, v.Resumed = majority, now, "", false
			v.Ramp = ramp(m.Ramp, 0)
		}
	case v.Status == policy.Up:
		v.Ramp = max(v.Ramp, ramp(m.Ramp, elapsed(v.Since, now)))
	}
	return v
}

// flap is the penalty of an endpoint that goes from up to down now. The first
// failure of a calm endpoint has none; each further one within a minute of the
// recovery, or while a penalty is remembered, doubles it.
func flap(v policy.Verdict, now int64) policy.Duration {
	if p := Remembered(v, now); p > 0 {
		return min(2*p, maxPenalty)
	}
	recovered := v.PenaltyAt != 0 // it has been down before, so Since is a recovery
	if recovered && elapsed(v.Since, now) < calm {
		return firstPenalty
	}
	return 0
}

// Remembered is what is left of a verdict's flap penalty: while not down, each minute
// of calm halves it, and less than the first penalty is forgotten; while down it stands.
func Remembered(v policy.Verdict, now int64) policy.Duration {
	p := v.Penalty
	if v.Status != policy.Down {
		for e := elapsed(v.Since, now); e >= calm && p > 0; e -= calm {
			if p /= 2; p < firstPenalty {
				p = 0
			}
		}
	}
	return p
}

// ramp is the share of weight in percent at a time after recovery: 10 at once,
// then steps of 10, and 100 when the whole ramp is over.
func ramp(over, since policy.Duration) int {
	if over <= 0 || since >= over {
		return 100
	}
	return 10 + 10*int(9*since/over) // nine steps, so that the last falls on the end
}

// elapsed is the time between two readings of the State clock, never negative.
func elapsed(from, to int64) policy.Duration { return policy.Duration(max(0, to-from)) }
