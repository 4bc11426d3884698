// Package drill takes drills on: pure steps over State, so that whoever leads comes to the same.
//
// A plan is compiled into groups of steps (policy.DrillPlan.Compile). Next says what becomes of a run by now; the change
// that brings it in works it out again, on the state that it meets, and holds it against the number of the run's last
// step (compare-and-set). What cannot be worked out from State (preflight, a webhook, the TTL window) the leader asks for
// (Asks); the answer comes back as a change.
package drill

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Why a run did not end well, or did not start. A failed check of preflight has its own name as the code.
const (
	CodeOperator   = "operator"         // somebody aborted it
	CodeCondition  = "abort-condition"  // one of the plan's came true
	CodeFailure    = "real-failure"     // something else failed
	CodeControl    = "operator-control" // an operator controls the same target
	CodeLifted     = "control-lifted"   // an operator lifted what the drill did
	CodeExpired    = "expired"          // its hard end came
	CodeStep       = "step-failed"      // a step did
	CodeTimeout    = "timeout"          // a step did not come to its end in time
	CodeBusy       = "another-drill"    // one goes on already
	CodeBlocked    = "blocked-window"
	CodeOutside    = "outside-window" // in none of the allowed ones
	CodeMissed     = "missed"         // nobody led when it was due
	CodeNotAllowed = "refused"        // what a step does was refused, by a safety rule for instance
)

// Move is what becomes of a run.
type Move struct {
	Run  policy.Drill
	Put  []Put    // controls that are to be put in force
	Lift []string // controls that are to be taken away, by id
	Back []Back   // controls that are to go back in steps
}

// Back is a control that goes back over a time, after which it is gone.
type Back struct {
	Control string
	Over    policy.Duration
}

// Led notes who takes the run on, when that is another node than before.
func (m *Move) Led(label, before string, now int64) {
	r := &m.Run
	if r.Led = label; before == "" || before == label || len(r.Timeline) >= policy.MaxDrillNotes {
		return
	}
	at := len(r.Timeline) // before what has just become of it
	for at > 0 && r.Timeline[at-1].At == now {
		at--
	}
	r.Timeline = slices.Insert(slices.Clone(r.Timeline), at, policy.DrillNote{At: now, Phase: r.Phase, Text: label + " leads now, and goes on with it; " + before + " did before"})
}

// Put is a control that a step makes. Whoever applies it gives it its id.
type Put struct {
	Step    int
	Control policy.Control
}

// mover is a run on the move.
type mover struct {
	s   *policy.State
	now int64
	Move
}

// Next is what becomes of a run at a time of State's clock; false: nothing now.
func Next(s *policy.State, r policy.Drill, now int64) (Move, bool) {
	if r.Over() {
		return Move{}, false
	}
	m := newMover(s, r, now)
	if code, problem := m.ended(); code != "" {
		m.end(code, problem)
		return m.done()
	}
	group, going := m.group()
	if !going {
		m.end("", "")
		return m.done()
	}
	moved := false
	for i := range m.Run.Steps {
		if m.Run.Steps[i].Group != group || m.Run.Over() {
			continue
		}
		switch m.Run.Steps[i].State {
		case "":
			m.begin(i)
			moved = true
		case policy.StepRunning:
			moved = m.look(i) || moved
		}
	}
	if !moved {
		return Move{}, false
	}
	return m.done()
}

func newMover(s *policy.State, r policy.Drill, now int64) *mover {
	r.Steps = slices.Clone(r.Steps)
	r.Timeline = slices.Clip(r.Timeline)
	return &mover{s: s, now: now, Move: Move{Run: r}}
}

func (m *mover) done() (Move, bool) {
	m.Run.Seq++
	return m.Move, true
}

// group is the first group of steps that are not over; false when all are.
func (m *mover) group() (int, bool) {
	for i := range m.Run.Steps {
		if st := &m.Run.Steps[i]; st.State == "" || st.State == policy.StepRunning {
			return st.Group, true
		}
	}
	return 0, false
}

// note adds to the timeline, to a bound: the first and the last are kept.
func (m *mover) note(format string, args ...any) {
	m.Run.Timeline = append(m.Run.Timeline, policy.DrillNote{At: m.now, Phase: m.Run.Phase, Text: cut(fmt.Sprintf(format, args...))})
	if n := len(m.Run.Timeline); n > policy.MaxDrillNotes {
		m.Run.Timeline = slices.Delete(slices.Clone(m.Run.Timeline), policy.MaxDrillNotes/2, n-policy.MaxDrillNotes/2)
	}
}

func cut(text string) string {
	if len(text) > policy.MaxDrillText {
		return strings.ToValidUTF8(text[:policy.MaxDrillText], "") + "…"
	}
	return text
}

func (m *mover) enter(phase string) {
	if m.Run.Phase != phase {
		m.Run.Phase, m.Run.PhaseAt = phase, m.now
	}
}

// ended says why a run may not go on; "" when it may.
func (m *mover) ended() (code, problem string) {
	r := &m.Run
	if m.now >= r.ExpiresAt {
		return CodeExpired, fmt.Sprintf("its hard end came, %v after its start", time.Duration(r.ExpiresAt-max(r.StartedAt, r.CreatedAt)).Round(time.Second))
	}
	if r.StartedAt == 0 || r.Practice { // nothing is done yet, and preflight looks at the rest
		return "", ""
	}
	for _, text := range r.Plan.AbortWhen {
		problem, err := m.s.Condition(text, m.now)
		if err != nil {
			problem = text + " cannot be told: " + err.Error()
		}
		if problem != "" {
			return CodeCondition, problem
		}
	}
	if !r.Acts() {
		return "", ""
	}
	if problem := Failure(m.s, &r.Plan); problem != "" {
		return CodeFailure, problem
	}
	if problem := operated(m.s, &r.Plan); problem != "" {
		return CodeControl, problem
	}
	for i := range r.Steps {
		for _, id := range r.Steps[i].Controls {
			if r.Steps[i].Restored || r.Steps[i].Returning {
				continue
			}
			if c, ok := m.s.Controls.Get(id); !ok || c.Phase == policy.Returning {
				return CodeLifted, fmt.Sprintf("the control %s of its step %s was lifted", id, r.Steps[i].Name)
			}
		}
	}
	return "", ""
}

// lift takes controls of the run away. A step that is restored keeps their ids, by which its report knows what left by them.
func (m *mover) lift(which func(*policy.Control) bool) {
	for id, c := range m.s.Controls.All {
		if c.Drill == m.Run.ID && which(&c) && !slices.Contains(m.Lift, id) {
			m.Lift = append(m.Lift, id)
		}
	}
	for i := range m.Run.Steps {
		st := &m.Run.Steps[i]
		if !st.Restored && slices.ContainsFunc(st.Controls, func(id string) bool { return slices.Contains(m.Lift, id) }) {
			st.Controls = slices.DeleteFunc(slices.Clone(st.Controls), func(id string) bool { return slices.Contains(m.Lift, id) })
		}
	}
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(v string) bool { return v == one })
}

// end is the end of a run: nothing of what it did is left.
func (m *mover) end(code, problem string) {
	r := &m.Run
	phase := policy.DrillDone
	switch {
	case code == CodeExpired:
		phase = policy.DrillExpired
	case code == "":
	case r.Due != 0 && !r.Acted():
		phase = policy.DrillSkipped
	case !r.Acted() && code != CodeOperator:
		phase = policy.DrillFailed
	case slices.Contains([]string{CodeOperator, CodeCondition, CodeFailure, CodeControl, CodeLifted}, code):
		phase = policy.DrillAborted
	default:
		phase = policy.DrillFailed
	}
	for i := range r.Steps {
		r.Steps[i].Restored = r.Steps[i].Restored || len(r.Steps[i].Controls) > 0
	}
	m.lift(func(*policy.Control) bool { return true })
	m.Put, m.Back, r.Vantages, r.Silent = nil, nil, nil, nil
	for i := range r.Steps {
		st := &r.Steps[i]
		st.Returning = false
		switch st.State {
		case "":
			st.State = policy.StepSkipped
		case policy.StepRunning:
			st.State, st.EndedAt = policy.StepSkipped, m.now
			if st.Kind == policy.StepWebhook {
				st.State, st.Problem = policy.StepFailed, "the run ended while it was called: it may have been done"
			}
		}
	}
	r.Code, r.Problem = code, cut(problem)
	m.enter(phase)
	r.EndedAt = m.now
	if problem != "" {
		m.note("%s: %s", phase, problem)
	} else {
		m.note("%s", phase)
	}
}

// Abort ends a run for somebody, whatever it is at.
func Abort(s *policy.State, r policy.Drill, now int64, problem string) Move {
	m := newMover(s, r, now)
	m.end(CodeOperator, problem)
	v, _ := m.done()
	return v
}

// Refused is a run of which a step was not let do what it does.
func Refused(s *policy.State, r policy.Drill, now int64, step int, problem string) Move {
	m := newMover(s, r, now)
	st := &m.Run.Steps[step]
	if st.State == "" {
		m.enter(st.Phase)
		st.StartedAt = m.now
	}
	m.fail(step, CodeNotAllowed, problem)
	v, _ := m.done()
	return v
}

// Skip is a scheduled run that does not start.
func Skip(s *policy.State, r policy.Drill, now int64, code, problem string) policy.Drill {
	m := newMover(s, r, now)
	m.end(code, problem)
	return m.Run
}
