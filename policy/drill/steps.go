package drill

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// begin starts a step.
func (m *mover) begin(i int) {
	st := &m.Run.Steps[i]
	m.enter(st.Phase)
	if m.Run.StartedAt == 0 && st.Kind != policy.StepApproval {
		m.Run.StartedAt, m.Run.ExpiresAt = m.now, m.now+int64(m.Run.Plan.Lasts())
	}
	st.State, st.StartedAt, st.Index = policy.StepRunning, m.now, m.s.Index
	if d := timeout(st); d > 0 {
		st.Until = m.now + int64(d)
	}
	switch st.Kind {
	case policy.StepApproval:
		m.note("%s waits for %s", st.Name, approvals(st.ApprovalsNeeded))
	case policy.StepLowerTTL:
		ahead := ahead(m.s, &m.Run.Plan)
		if ahead == 0 {
			m.finish(i, "no service that it concerns has a range of TTLs, so none can be lowered")
			return
		}
		st.Until = m.now + int64(ahead)
		m.put(i, st.LowerTTL, policy.Drain, policy.Near)
		m.note("services hand out their least TTL; until %v from now longer-lived answers are about", time.Duration(ahead))
	case policy.StepDrain:
		m.put(i, st.Drain, policy.Drain, policy.InForce)
		if st.Ramp != nil {
			m.note("%s: %s go in steps, over %v", st.Name, strings.Join(st.Drain, ", "), st.Takes())
			return
		}
		m.finish(i, "drained "+strings.Join(st.Drain, ", "))
	case policy.StepForceDown:
		m.put(i, st.ForceDown, policy.ForceDown, policy.InForce)
		m.finish(i, "down, as if measured: "+strings.Join(st.ForceDown, ", "))
	case policy.StepVantage:
		m.Run.Vantages = append(slices.Clone(m.Run.Vantages), st.IgnoreVantage)
		m.finish(i, "the reports of "+st.IgnoreVantage+" are ignored")
	case policy.StepSilence:
		m.Run.Silent = append(slices.Clone(m.Run.Silent), st.SilenceNode)
		m.finish(i, st.SilenceNode+" answers no query")
	case policy.StepRestore:
		if m.restore(st); st.Over != 0 {
			m.note("%s: %s goes back in steps, over %v", st.Name, st.Restore, st.Over)
			return
		}
		m.finish(i, "restored "+st.Restore)
	case policy.StepWait:
		st.Until = m.now + int64(st.Wait)
		m.note("%s for %v", st.Name, st.Wait)
	case policy.StepWaitFor:
		m.note("%s waits for %s", st.Name, st.WaitFor)
	case policy.StepPreflight, policy.StepWindow, policy.StepWebhook:
		m.note("%s", st.Name)
	}
}

func approvals(n int) string {
	if n == 1 {
		return "an approval"
	}
	return fmt.Sprintf("%d approvals", n)
}

// timeout is how long a step may take; 0 where it takes what it takes.
func timeout(st *policy.DrillStepRun) policy.Duration {
	switch {
	case st.Kind == policy.StepWait || st.Kind == policy.StepLowerTTL:
		return 0
	case st.Timeout > 0:
		return st.Timeout
	case st.Kind == policy.StepPreflight:
		return policy.Duration(2 * time.Minute)
	case st.Kind == policy.StepWindow:
		return 0 // its answer says until when
	case st.Kind == policy.StepWebhook, st.Kind == policy.StepWaitFor:
		return policy.Duration(15 * time.Minute)
	}
	return 0
}

// look sees whether a step that goes on is over, and says whether anything became of it.
func (m *mover) look(i int) bool {
	st := &m.Run.Steps[i]
	due := st.Until != 0 && m.now >= st.Until
	switch st.Kind {
	case policy.StepLowerTTL, policy.StepWait:
		if due {
			m.finish(i, "")
		}
		return due
	case policy.StepWindow:
		if due {
			text := "no well-behaved client has an older answer any more"
			if len(st.Nodes) > 0 {
				text = "incomplete: " + strings.Join(st.Nodes, ", ") + " cannot be asked, and may answer as before"
			}
			m.finish(i, text)
		}
		return due
	case policy.StepDrain:
		return m.drained(i)
	case policy.StepRestore:
		return m.returned(i)
	case policy.StepApproval:
		if len(st.Approvals) >= st.ApprovalsNeeded {
			m.finish(i, "approved")
			return true
		}
	case policy.StepWaitFor:
		if reached(m.s, st.WaitFor, m.now) {
			m.finish(i, st.WaitFor)
			return true
		}
	}
	if due {
		m.fail(i, CodeTimeout, fmt.Sprintf("it did not come to its end within %v", time.Duration(st.Until-st.StartedAt)))
	}
	return due
}

func reached(s *policy.State, text string, now int64) bool {
	if id, ok := strings.CutPrefix(text, "up:"); ok {
		up, all := 0, 0
		if t, err := policy.ParseTarget(id); err == nil {
			for v := range endpoints(s, t) {
				all++
				if v.up(s) {
					up++
				}
			}
		}
		return all > 0 && 2*up > all
	}
	problem, err := s.Condition(text, now)
	return err == nil && problem == ""
}

func (m *mover) finish(i int, text string) {
	st := &m.Run.Steps[i]
	st.State, st.EndedAt = policy.StepDone, m.now
	if text != "" {
		m.note("%s: %s", st.Name, text)
	}
}

// fail ends a step badly, and the run too unless the step says to go on.
func (m *mover) fail(i int, code, problem string) {
	st := &m.Run.Steps[i]
	st.State, st.EndedAt, st.Problem = policy.StepFailed, m.now, cut(problem)
	m.note("%s failed: %s", st.Name, problem)
	if st.OnFailure != "continue" {
		m.end(code, st.Name+": "+problem)
	}
}

// put has a step make controls.
func (m *mover) put(i int, targets []string, action policy.Action, phase policy.Phase) {
	r := &m.Run
	for _, t := range targets {
		if phase == policy.InForce { // what was ahead of it is over
			m.lift(func(c *policy.Control) bool { return c.Phase == policy.Near && c.Target == t })
		}
		c := policy.Control{
			Target: t, Action: action, Reason: cut(strings.TrimSpace("drill " + r.ID + " (" + r.Plan.Name + ") " + r.Reason)), Actor: r.Actor, CreatedAt: m.now,
			ExpiresAt: r.ExpiresAt, Phase: phase, Source: policy.ByDrill, Drill: r.ID,
		}
		if phase == policy.Near {
			c.StartsAt = r.ExpiresAt // never by itself
		}
		if ramp := r.Steps[i].Ramp; ramp != nil {
			c.Ramp, _ = ramp.Ramp(0) // the plan was checked
		}
		m.Put = append(m.Put, Put{i, c})
	}
}

// drained sees how far a drain in steps is. What holds it is noted once.
func (m *mover) drained(i int) bool {
	st := &m.Run.Steps[i]
	problem, going := "", false
	for _, id := range st.Controls {
		c, _ := m.s.Controls.Get(id) // one that is lifted has ended the run
		going = going || c.Phase != policy.InForce
		if problem == "" && c.Phase == policy.Paused {
			problem = fmt.Sprintf("%s is held at %d %%: %s", c.Target, c.Kept(), c.Problem)
		}
	}
	switch {
	case !going:
		st.Problem, st.Index = "", m.s.Index
		m.finish(i, "drained "+strings.Join(st.Drain, ", "))
		return true
	case (problem != "") == (st.Problem != ""):
		return false
	case problem != "":
		m.note("%s: %s", st.Name, problem)
	default:
		m.note("%s goes on", st.Name)
	}
	st.Problem = cut(problem)
	return true
}

// restore takes back what a step did, or all of them: in steps where it says so, and can be.
func (m *mover) restore(by *policy.DrillStepRun) {
	r := &m.Run
	for i := range r.Steps {
		st := &r.Steps[i]
		if by.Restore != policy.RestoreAll && st.Name != by.Restore || st.State == "" {
			continue
		}
		r.Vantages = without(r.Vantages, st.IgnoreVantage)
		r.Silent = without(r.Silent, st.SilenceNode)
		if by.Over != 0 && st.Kind == policy.StepDrain && len(st.Controls) > 0 && !st.Restored {
			for _, id := range st.Controls {
				m.Back = append(m.Back, Back{id, by.Over})
			}
			st.Returning = true
			continue
		}
		st.Restored = true
		m.lift(func(c *policy.Control) bool { return slices.Contains(st.Controls, c.ID) })
	}
}

// returned sees whether all that goes back in steps is back.
func (m *mover) returned(by int) bool {
	r := &m.Run
	back := func(st *policy.DrillStepRun) bool {
		return !slices.ContainsFunc(st.Controls, m.s.Controls.Has)
	}
	restored := func(st *policy.DrillStepRun) bool {
		return st.Returning && (r.Steps[by].Restore == policy.RestoreAll || st.Name == r.Steps[by].Restore)
	}
	for i := range r.Steps {
		if st := &r.Steps[i]; restored(st) && !back(st) {
			return false
		}
	}
	for i := range r.Steps {
		if st := &r.Steps[i]; restored(st) {
			st.Returning, st.Restored = false, true
		}
	}
	r.Steps[by].Index = m.s.Index
	m.finish(by, "restored "+r.Steps[by].Restore)
	return true
}
