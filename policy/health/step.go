package health

import (
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Heard is the last report a node has of a vantage.
type Heard struct {
	Vantage    string          // member id
	Node       string          // label of its node
	Age        policy.Duration // since it was received, by this node's monotonic clock
	Abstaining bool            // it says so itself
	// Opinions are its opinions of the checks, one for each, in their order. The
	// zero Opinion stands where it has none of the check at its present revision.
	Opinions []policy.Opinion
}

// Step judges every check and returns the edges, in order of check ids. Those that
// go by a signal are judged by the state alone, and not at all in island mode: who
// has no leader can be given no signal, so that their age says nothing.
//
// checks are in order of ids, as State.Checks lists them, and so is what was
// heard. now is the State clock in nanoseconds. Step reads s.Verdicts and changes
// nothing. It always goes through the whole table, whatever its content.
//
// In island mode, where edges are not committed, a caller that wants them to
// last sets them in a Clone of the state and steps that next time.
func Step(s *policy.State, checks []policy.Check, heard []Heard, rule Rule, now int64) []policy.Edge {
	box := newBallotBox(rule, heard)
	var edges []policy.Edge
	var claims []claim
	at := 0 // the check whose turn it is
	island := rule.Only != nil || rule.OnlyRemove
	judge := func(prev policy.Verdict) {
		if checks[at].Monitor.Signal != nil {
			if v, changed := judgeSignal(s, prev, &checks[at], rule, now); changed && !island {
				edges = append(edges, policy.Edge{Verdict: v, Was: prev.Status})
			}
			at++
			return
		}
		v, changed := Judge(prev, checks[at], box.of(at), rule, now)
		if checks[at].Monitor.Exclusive && rule.Reachable {
			claims = append(claims, claim{at, prev, v, count(box.of(at), checks[at].Monitor.Quorum) == policy.Up})
		} else if changed {
			edges = append(edges, box.edge(at, prev, v))
		}
		at++
	}
	fresh := func() { judge(policy.Verdict{Check: checks[at].ID, Ramp: 100}) }
	// Both lists are in order of check ids: one pass over the two.
	for id, prev := range s.Verdicts.All {
		for at < len(checks) && checks[at].ID < id {
			fresh()
		}
		if at < len(checks) && checks[at].ID == id {
			judge(prev)
		}
	}
	for at < len(checks) {
		fresh()
	}
	if len(claims) > 0 {
		edges = append(edges, settle(checks, claims, box, now)...)
		slices.SortFunc(edges, func(a, b policy.Edge) int { return strings.Compare(a.Check, b.Check) })
	}
	return edges
}

// edge is a verdict that differs from prev, with what the vantages saw.
func (b *ballotBox) edge(check int, prev, v policy.Verdict) policy.Edge {
	b.explain(check, v.Ballots)
	return policy.Edge{Verdict: v, Was: prev.Status}
}

// ballotBox collects the ballots of one check after the other.
type ballotBox struct {
	blank     []policy.Ballot    // what each assigned vantage says when it has no opinion
	reports   [][]policy.Opinion // of the assigned vantages that may vote, in order of checks
	rule      Rule
	everybody []int32
	ballots   []policy.Ballot // scratch
	some      []int32         // scratch
}

func newBallotBox(rule Rule, heard []Heard) *ballotBox {
	freshFor := rule.FreshFor
	if freshFor == 0 {
		freshFor = DefaultFreshFor
	}
	n := len(rule.Assigned)
	b := &ballotBox{blank: make([]policy.Ballot, n), reports: make([][]policy.Opinion, n), rule: rule}
	for i, a := range rule.Assigned {
		b.everybody = append(b.everybody, int32(i))
		b.blank[i] = policy.Ballot{Vantage: a.Label, Absent: Silent, Region: a.Region, Provider: a.Provider, Continent: a.Continent}
		h := youngest(heard, a.ID)
		switch {
		case h == nil || h.Age > freshFor:
		case h.Abstaining:
			b.blank[i].Absent = Abstains
		default:
			b.blank[i].Absent = Pending
			b.reports[i] = h.Opinions
		}
	}
	return b
}

// youngest is the last that was heard of a vantage, or nil.
func youngest(heard []Heard, id string) *Heard {
	var found *Heard
	for i := range heard {
		if h := &heard[i]; h.Vantage == id && (found == nil || h.Age < found.Age) {
			found = h
		}
	}
	return found
}

// of lists the ballots on a check; they are valid until the next call.
func (b *ballotBox) of(check int) []policy.Ballot {
	b.ballots = b.ballots[:0]
	for _, i := range b.voters(check) {
		b.ballots = append(b.ballots, b.blank[i])
		if list := b.reports[i]; check < len(list) && list[check].Status != policy.Unknown {
			last := &b.ballots[len(b.ballots)-1]
			last.Status, last.Absent = list[check].Status, ""
		}
	}
	return b.ballots
}

// voters are the vantages that should vote on a check.
func (b *ballotBox) voters(check int) []int32 {
	list := b.everybody
	if check < len(b.rule.Of) && b.rule.Of[check] != nil {
		list = b.rule.Of[check]
	}
	if b.rule.Only == nil {
		return list
	}
	b.some = b.some[:0]
	for _, i := range list {
		if b.rule.Only[i] {
			b.some = append(b.some, i)
		}
	}
	return b.some
}

// explain puts what the vantages saw into ballots on a check. Only those of
// edges need it: there are few, and making texts costs more than judging does.
func (b *ballotBox) explain(check int, ballots []policy.Ballot) {
	for k, i := range b.voters(check) {
		if list := b.reports[i]; check < len(list) && k < len(ballots) {
			ballots[k].Error = list[check].Cause.Text(list[check].Detail)
		}
	}
}
