package health

import (
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Near says of each check how long its verdict takes to change at the least, by
// the samples that vantages have already taken against it, an interval each
// (gdnsd's rule, over a quorum). It lists only checks that have such samples: for
// the others the monitor's own fall and rise say it. only, by the places of the
// checks, are those that are asked about.
func Near(s *policy.State, checks []policy.Check, only []bool, heard []Heard, rule Rule) map[string]policy.Duration {
	if !rule.Reachable {
		return nil // verdicts are frozen
	}
	var near map[string]policy.Duration
	box := newBallotBox(rule, heard)
	for i := range checks {
		if !only[i] {
			continue
		}
		v, _ := s.Verdicts.Get(checks[i].ID)
		if samples, ok := box.samples(i, v.Status, checks[i].Monitor); ok {
			if near == nil {
				near = map[string]policy.Duration{}
			}
			near[checks[i].ID] = checks[i].Monitor.Interval * policy.Duration(samples)
		}
	}
	return near
}

// samples is how many more a verdict needs to change; not ok: as many as when none speaks against it.
func (b *ballotBox) samples(check int, verdict policy.Status, m policy.Monitor) (n int, ok bool) {
	full := m.Fall
	switch verdict {
	case policy.Unknown:
		return 0, false
	case policy.Down:
		full = m.Rise
	}
	var left []int // of each vantage that votes, until it speaks against the verdict
	for _, i := range b.voters(check) {
		if list := b.reports[i]; check < len(list) && list[check].Status != policy.Unknown {
			o := &list[check]
			switch {
			case o.Status != verdict:
				left = append(left, 0)
			default:
				left = append(left, max(0, full-int(o.Against)))
			}
		}
	}
	votes := len(left)
	if votes == 0 {
		return 0, false
	}
	need := min(max(1, m.Quorum.Need(votes)), votes)
	if verdict == policy.Down && !m.Quorum.Majority() {
		need = votes - need + 1 // it is up when too few say down
	}
	slices.Sort(left)
	n = max(1, left[need-1]) // what has agreed already is about to be told
	return n, n < full
}
