package node

import (
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// island judges for a node that has had no leader for a grace time, over the
// vantages it still hears. It only removes, is never persisted, and freezes
// when nothing the node could reach answers (DESIGN section 4).
type island struct {
	grace time.Duration
	state *policy.State // State with the island's own verdicts set, to step again
	base  uint64        // index that state was cloned from
	down  map[string]bool
	until time.Time // after a leader is back: when to trust its verdicts alone
}

// afterLeader is how long the island's verdicts outlast the return of a
// leader, so that it has judged by fresh reports before they go.
const afterLeader = time.Duration(health.DefaultFreshFor) + 2*time.Second

// step takes a look and gives the checks that this node holds to be down, and whether that changed.
func (i *island) step(s *policy.State, list *checkList, voices []health.Heard, leaderless time.Duration, blind bool, now time.Time) (down map[string]bool, changed bool) {
	if leaderless < i.grace {
		return i.leave(s, now)
	}
	i.until = time.Time{}
	if blind {
		return i.down, false
	}
	if i.state == nil || i.base != s.Index {
		i.state, i.base = s.Clone(), s.Index // i.down stays: it is what is in use, until told otherwise
	}
	rule := list.rule(true)
	rule.Only = lately(list.vantages, voices)
	clock := s.Clock + int64(leaderless) // only differences matter: hold-downs and ramps go on
	edges := health.Step(i.state, list.checks, voices, rule, clock)
	if len(edges) > 0 {
		next := i.state.Clone()
		for _, e := range edges {
			next.Verdicts.Set(e.Check, e.Verdict)
		}
		i.state = next
	}
	return i.set(differ(s, i.state))
}

// leave ends island mode once a leader has been back for long enough; until
// then checks that the leader has found down too are let go one by one.
func (i *island) leave(s *policy.State, now time.Time) (map[string]bool, bool) {
	if len(i.down) == 0 {
		i.state = nil
		return nil, false
	}
	if i.until.IsZero() {
		i.until = now.Add(afterLeader)
	}
	if now.After(i.until) {
		i.state = nil
		return i.set(nil)
	}
	left := map[string]bool{}
	for check := range i.down {
		if v, _ := s.Verdicts.Get(check); v.Status != policy.Down {
			left[check] = true
		}
	}
	return i.set(left)
}

func (i *island) set(down map[string]bool) (map[string]bool, bool) {
	same := len(down) == len(i.down)
	for check := range down {
		same = same && i.down[check]
	}
	if same {
		return i.down, false
	}
	i.down = down
	return down, true
}

// differ lists the checks that the island holds to be down and the state does not.
func differ(s, own *policy.State) map[string]bool {
	down := map[string]bool{}
	for id, v := range own.Verdicts.All {
		if was, _ := s.Verdicts.Get(id); v.Status == policy.Down && was.Status != policy.Down {
			down[id] = true
		}
	}
	return down
}
