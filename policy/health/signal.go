package health

import (
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// catchUp is how long a new leader waits for signals that grew stale before it
// could be given any.
const catchUp = 30 * time.Second

// judgeSignal is Judge for a check that goes by a signal of the state: there are
// no vantages, and a judge that reaches nothing itself can read the state all the same.
func judgeSignal(s *policy.State, prev policy.Verdict, check *policy.Check, rule Rule, now int64) (v policy.Verdict, differs bool) {
	r := s.ReadSignal(&check.Monitor, now)
	says := r.Says
	if r.Keep || r.Given && !r.Fresh && r.Signal.At < rule.Began && now < rule.Began+int64(catchUp) {
		says = prev.Status
	}
	v = next(prev, check.Monitor, says, now)
	v.Check, v.Revision = check.ID, check.Revision
	if v.Rivals = nil; v.Waits == policy.WaitsForRival { // of what the monitor was before
		v.Waits = ""
	}
	if !changed(prev, v) {
		return prev, false
	}
	v.Ballots = []policy.Ballot{{Vantage: r.Vantage(), Status: says, Error: Clip(r.Text())}}
	return v, true
}
