package steer

import (
	"fmt"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Settle decides whether the pool panics: health would take more of its members out
// than panicThreshold allows. It is called anew when a member's status is set from outside.
//
// It only looks at members with a weight that are judged or forced, and not drained. What
// awaits its first verdict was never in, so nothing removes it; a reserve stays one.
func (p *Pool) Settle() {
	up, counted := 0, 0
	for i := range p.Members {
		if m := &p.Members[i]; m.counts() {
			if counted++; m.Status == policy.Up {
				up++
			}
		}
	}
	p.Panic = ""
	if p.Threshold != 0 && up > 0 && !p.Threshold.Reached(up, counted) {
		p.Panic = fmt.Sprintf("panic: %d of %d down is more than may be removed (panicThreshold %v)", counted-up, counted, p.Threshold)
	}
}

// counts says whether the member has a part in the pool's panic.
func (m *Member) counts() bool {
	return m.Weight > 0 && m.Drained == "" && (m.Forced != "" || m.Measured != policy.Unknown && m.Status != policy.Unknown)
}

// Panics says whether the pool panics for a kind of answer: it never does where
// all that give the kind are down, or it would keep clients that another pool can serve.
func (p *Pool) Panics(k policy.AnswerKind) bool {
	return p.panics(func(m *Member) bool { return m.Has[k] })
}

// Spares says whether a member is down and its pool's panic has it serve all the same.
func (p *Pool) Spares(m *Member, k policy.AnswerKind) bool {
	return m.Status == policy.Down && m.counts() && p.Panics(k)
}

func (p *Pool) panics(want func(*Member) bool) bool {
	return p.Panic != "" && slices.ContainsFunc(p.Members, func(m Member) bool { return want(&m) && m.counts() && m.Status == policy.Up })
}
