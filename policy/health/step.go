package health

import "github.com/meridian-gtm/meridian/policy"

// Heard is the last report a node has of a vantage.
type Heard struct {
	Vantage string          // member id
	Node    string          // label of its node
	Age     policy.Duration // since it was received, by this node's monotonic clock
	Report  policy.Report   // Opinions in order of check ids
}

// Step judges every check and returns the edges, in order of check ids.
//
// checks are in order of ids, as State.Checks lists them. now is the State clock
// in nanoseconds. Step reads s.Verdicts and changes nothing. It always goes
// through the whole table, whatever its content.
//
// In island mode, where edges are not committed, a caller that wants them to
// last sets them in a Clone of the state and steps that next time.
func Step(s *policy.State, checks []policy.Check, heard []Heard, rule Rule, now int64) []policy.Edge {
	box := newBallotBox(rule, heard)
	var edges []policy.Edge
	judge := func(prev policy.Verdict, check *policy.Check) {
		if v, changed := Judge(prev, *check, box.of(check), rule, now); changed {
			edges = append(edges, policy.Edge{Verdict: v, Was: prev.Status})
		}
	}
	fresh := func(c *policy.Check) policy.Verdict { return policy.Verdict{Check: c.ID, Ramp: 100} }
	// Both lists are in order of check ids: one pass over the two.
	for id, prev := range s.Verdicts.All {
		for len(checks) > 0 && checks[0].ID < id {
			judge(fresh(&checks[0]), &checks[0])
			checks = checks[1:]
		}
		if len(checks) > 0 && checks[0].ID == id {
			judge(prev, &checks[0])
			checks = checks[1:]
		}
	}
	for i := range checks {
		judge(fresh(&checks[i]), &checks[i])
	}
	return edges
}

// ballotBox collects the ballots of one check after the other, in order of checks.
type ballotBox struct {
	blank   []policy.Ballot    // what each assigned vantage says when it has no opinion
	reports [][]policy.Opinion // of the assigned vantages that may vote; what is left of them
	ballots []policy.Ballot    // scratch
}

func newBallotBox(rule Rule, heard []Heard) *ballotBox {
	freshFor := rule.FreshFor
	if freshFor == 0 {
		freshFor = DefaultFreshFor
	}
	n := len(rule.Assigned)
	b := &ballotBox{blank: make([]policy.Ballot, n), reports: make([][]policy.Opinion, n), ballots: make([]policy.Ballot, n)}
	for i, a := range rule.Assigned {
		b.blank[i] = policy.Ballot{Vantage: a.Label, Absent: Silent}
		h := youngest(heard, a.ID)
		switch {
		case h == nil || h.Age > freshFor:
		case h.Report.Abstaining:
			b.blank[i].Absent = Abstains
		default:
			b.blank[i].Absent = Pending
			b.reports[i] = h.Report.Opinions
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
func (b *ballotBox) of(check *policy.Check) []policy.Ballot {
	copy(b.ballots, b.blank)
	for i, list := range b.reports {
		for len(list) > 0 && list[0].Check < check.ID {
			list = list[1:]
		}
		b.reports[i] = list
		if len(list) == 0 || list[0].Check != check.ID {
			continue
		}
		o, ballot := &list[0], &b.ballots[i]
		ballot.Error = o.Error
		if o.Revision == check.Revision && o.Status != policy.Unknown {
			ballot.Status, ballot.Absent = o.Status, ""
		}
	}
	return b.ballots
}
