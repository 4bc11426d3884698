package node

import (
	"maps"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// countdownEvery is how often TTLs are looked at: they are whole seconds.
const countdownEvery = time.Second

// countdown follows how soon verdicts may change, for services with a range of
// TTLs. Where there are none it does nothing.
type countdown struct {
	of   map[string]policy.Duration
	next time.Time
}

// step takes a look when it is time, and says whether anything has changed. A
// node without a leader counts nothing down: no verdict comes then.
func (c *countdown) step(s *policy.State, list *checkList, h *hearing, led bool, now time.Time) (changed bool) {
	if now.Before(c.next) {
		return false
	}
	c.next = now.Add(countdownEvery)
	var near map[string]policy.Duration
	if list.anyRanged && led {
		near = health.Near(s, list.checks, list.ranged, h.all(s, list), list.rule(true))
	}
	if maps.Equal(near, c.of) {
		return false
	}
	c.of = near
	return true
}
