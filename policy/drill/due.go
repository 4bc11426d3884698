package drill

import (
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// mostMissed is how many missed instants of one schedule are told: of a schedule of every minute a month would be too many.
const mostMissed = 10

// Due are the instants of a plan's schedule after one time and up to another, in order, jitter and all; the last ones where they are many.
func Due(plan *policy.DrillPlan, from, now int64) (list []int64) {
	sched := plan.Schedule
	at := time.Unix(0, from).Add(-time.Duration(sched.Jitter))
	for range 100_000 {
		next, ok := sched.Next(at)
		if !ok || next.UnixNano() > now {
			break
		}
		at = next
		if v := sched.After(plan.Name, next).UnixNano(); v > from && v <= now {
			list = append(list, v)
		}
	}
	if n := len(list); n > mostMissed {
		list = list[n-mostMissed:]
	}
	return list
}
