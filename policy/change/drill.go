package change

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/drill"
)

// StartDrill makes a run of a plan: for an operator now, or because its schedule says so (Due).
type StartDrill struct {
	Plan     string `json:"plan"`
	Practice bool   `json:"practice,omitempty"`
	Due      int64  `json:"due,omitempty"` // State's clock, jitter and all; each instant makes one run
}

// StepDrill takes a run on, if it is still where whoever proposes this saw it. What becomes of it is worked out here.
type StepDrill struct {
	ID  string `json:"id"`
	Seq uint64 `json:"seq"`
}

// SettleDrill brings in what a step waited for from outside.
type SettleDrill struct {
	ID      string              `json:"id"`
	Step    int                 `json:"step"`
	Checks  []policy.DrillCheck `json:"checks,omitempty"`
	Until   int64               `json:"until,omitempty"`
	Nodes   []string            `json:"nodes,omitempty"`
	Code    int                 `json:"code,omitempty"`
	Problem string              `json:"problem,omitempty"`
}

// ApproveDrill lets the steps that wait for it go on.
type ApproveDrill struct {
	ID string `json:"id"`
}

// AbortDrill ends a run, whatever it is at.
type AbortDrill struct {
	ID string `json:"id"`
}

// NoteSchedules sets from when on the schedules of plans count, and forgets those of plans that are gone.
type NoteSchedules struct {
	Plans []string `json:"plans,omitempty"` // that have none yet
}

// PutReport keeps a report.
type PutReport struct {
	Report policy.EvacuationReport `json:"report"`
}

// drillShown is what the audit keeps of a run: not each step, which its report has.
type drillShown struct {
	ID       string `json:"id"`
	Plan     string `json:"plan"`
	Phase    string `json:"phase"`
	Actor    string `json:"actor"`
	Reason   string `json:"reason,omitempty"`
	Practice bool   `json:"practice,omitempty"`
	Code     string `json:"code,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// missedAfter is how late a scheduled run may begin.
const missedAfter = int64(10 * time.Minute)

func (b StartDrill) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	o, ok := d.DrillPlans.Get(b.Plan)
	if !ok {
		return policy.Errorf(policy.NotFound, "there is no drill plan %q", b.Plan)
	}
	r := policy.Drill{
		ID: fmt.Sprintf("d%d", d.Index), Plan: o.Spec, Actor: d.change.Actor, Reason: strings.TrimSpace(d.change.Reason), Due: b.Due, Practice: b.Practice || o.Spec.Practice,
		Phase: policy.DrillPreflight, CreatedAt: d.Clock, PhaseAt: d.Clock, ExpiresAt: d.Clock + int64(policy.MaxDrill), Steps: o.Spec.Compile(),
	}
	if d.Drills.Has(r.ID) {
		return policy.Errorf(policy.Conflict, "one drill is started by a change")
	}
	if r.Practice {
		for i := range r.Steps {
			if r.Steps[i].Kind == policy.StepApproval {
				r.Steps[i].State = policy.StepWould
			}
		}
	}
	busy := drill.Busy(d.State, "")
	if b.Due == 0 && busy != "" && !r.Practice {
		return policy.Errorf(policy.Conflict, "%s; wait for its end, or abort it", busy)
	}
	if b.Due == 0 && d.waiting() >= policy.MaxDrillPlans {
		return policy.Errorf(policy.Conflict, "%d drills wait already, which are the most; abort some", policy.MaxDrillPlans)
	}
	if b.Due != 0 {
		from, known := d.Schedules.Get(b.Plan)
		if !known || b.Due <= from || b.Due > d.Clock {
			return policy.Errorf(policy.Conflict, "the run of %s that was due then was seen to already, or is not due", b.Plan)
		}
		d.Schedules.Set(b.Plan, b.Due)
		code, problem := drill.Windows(&r.Plan, d.Clock)
		switch {
		case d.Clock-b.Due > missedAfter:
			code, problem = drill.CodeMissed, fmt.Sprintf("nobody led when it was due, %v ago", time.Duration(d.Clock-b.Due).Round(time.Second))
		case code == "" && busy != "":
			code, problem = drill.CodeBusy, busy
		}
		if code != "" {
			d.Drills.Set(r.ID, r)
			r = drill.Skip(d.State, r, d.Clock, code, problem)
		}
	}
	d.Drills.Set(r.ID, r)
	d.pruneDrills()
	d.outcome.Made = r.ID
	return nil
}

func (d *making) waiting() (n int) {
	for _, r := range d.Drills.All {
		if !r.Over() {
			n++
		}
	}
	return n
}

func (b StepDrill) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	r, err := d.drillRun(b.ID)
	if err != nil {
		return err
	}
	if r.Seq != b.Seq {
		return policy.Errorf(policy.Stale, "the drill %s is at step %d of its way already, not %d", b.ID, r.Seq, b.Seq)
	}
	move, ok := drill.Next(d.State, r, d.Clock)
	if !ok {
		return policy.Errorf(policy.Conflict, "the drill %s has nothing to do now", b.ID)
	}
	return d.move(r, move)
}

// drillRun is a run that is not over.
func (d *making) drillRun(id string) (policy.Drill, error) {
	r, ok := d.Drills.Get(id)
	switch {
	case !ok:
		return r, policy.Errorf(policy.NotFound, "there is no drill %q", id)
	case r.Over():
		return r, policy.Errorf(policy.Conflict, "the drill %s is over: %s", id, r.Phase)
	}
	return r, nil
}

// move brings in what became of a run, with its controls.
func (d *making) move(was policy.Drill, m drill.Move) error {
	before := d.Clone()
	if label, ok := strings.CutPrefix(d.change.Actor, "node/"); ok {
		m.Led(label, was.Led, d.Clock)
	}
	for _, id := range m.Lift {
		d.Controls.Delete(id)
	}
	for n, put := range m.Put {
		c := put.Control
		c.ID = fmt.Sprintf("c%d-%d", d.Index, n+1)
		if c.Phase != policy.InForce {
			d.Controls.Set(c.ID, c)
		} else if err := d.begin(c); err != nil {
			*d.State = *before
			return d.move(was, drill.Refused(d.State, was, d.Clock, put.Step, err.Error()))
		}
		st := &m.Run.Steps[put.Step]
		st.Controls = append(slices.Clip(st.Controls), c.ID)
	}
	for _, back := range m.Back {
		if c, ok := d.Controls.Get(back.Control); ok {
			if err := d.goBack(c, back.Over); err != nil { // at once, then: nothing of a drill stays for want of a way back
				d.Controls.Delete(c.ID)
			}
		}
	}
	if len(m.Lift)+len(m.Put)+len(m.Back) > 0 {
		d.revise()
	}
	d.Drills.Set(m.Run.ID, m.Run)
	d.outcome.Made = m.Run.ID
	if m.Run.Over() {
		d.pruneDrills()
	}
	return nil
}

// pruneDrills forgets the oldest runs that are over.
func (d *making) pruneDrills() {
	var over []policy.Drill
	for _, r := range d.Drills.All {
		if r.Over() {
			over = append(over, r)
		}
	}
	slices.SortFunc(over, func(a, b policy.Drill) int {
		return cmp.Or(cmp.Compare(a.EndedAt, b.EndedAt), strings.Compare(a.ID, b.ID))
	})
	for i := 0; i < len(over)-policy.MaxDrillRuns; i++ {
		d.Drills.Delete(over[i].ID)
	}
}

func (b SettleDrill) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	r, err := d.drillRun(b.ID)
	if err != nil {
		return err
	}
	m, ok := drill.Settle(d.State, r, d.Clock, b.Step, drill.Result{Checks: b.Checks, Until: b.Until, Nodes: b.Nodes, Code: b.Code, Problem: b.Problem})
	if !ok {
		return policy.Errorf(policy.Conflict, "step %d of the drill %s does not wait for that any more", b.Step, b.ID)
	}
	return d.move(r, m)
}

func (b ApproveDrill) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	r, err := d.drillRun(b.ID)
	if err != nil {
		return err
	}
	m, err := drill.Approve(d.State, r, d.Clock, d.change.Actor)
	if err != nil {
		return err
	}
	return d.move(r, m)
}

func (b AbortDrill) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	r, err := d.drillRun(b.ID)
	if err != nil {
		return err
	}
	problem := "aborted by " + d.change.Actor
	if why := strings.TrimSpace(d.change.Reason); why != "" {
		problem += ": " + why
	}
	return d.move(r, drill.Abort(d.State, r, d.Clock, problem))
}

func (b NoteSchedules) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	for _, name := range b.Plans {
		if o, ok := d.DrillPlans.Get(name); ok && o.Spec.Schedule != nil && !d.Schedules.Has(name) {
			d.Schedules.Set(name, d.Clock)
		}
	}
	var gone []string
	for name := range d.Schedules.All {
		if o, ok := d.DrillPlans.Get(name); !ok || o.Spec.Schedule == nil {
			gone = append(gone, name)
		}
	}
	for _, name := range gone {
		d.Schedules.Delete(name)
	}
	return nil
}

func (b PutReport) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	v := b.Report
	if v.ID == "" || d.Reports.Has(v.ID) {
		return policy.Errorf(policy.Conflict, "there is a report %q already", v.ID)
	}
	if text, err := json.Marshal(v); err != nil || len(text) > policy.MaxReport {
		return policy.Errorf(policy.Invalid, "the report has %d octets; %d are the most", len(text), policy.MaxReport)
	}
	if v.Drill != "" {
		r, ok := d.Drills.Get(v.Drill)
		if !ok || !r.Over() {
			return policy.Errorf(policy.Conflict, "the drill %s is not over, or not there", v.Drill)
		}
		r.Reported = true
		d.Drills.Set(r.ID, r)
	}
	d.Reports.Set(v.ID, v)
	var all []policy.EvacuationReport
	for _, o := range d.Reports.All {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b policy.EvacuationReport) int {
		return cmp.Or(cmp.Compare(a.At.Ended, b.At.Ended), strings.Compare(a.ID, b.ID))
	})
	for i := 0; i < len(all)-policy.MaxReports; i++ {
		d.Reports.Delete(all[i].ID)
	}
	d.outcome.Made = v.ID
	return nil
}

// Undrilled is the state without what drills do whose hard end is past: what a node answers by when it does not hear of their end.
func Undrilled(s *policy.State, now int64) *policy.State {
	var late []string
	for id, c := range s.Controls.All {
		if c.Source == policy.ByDrill && c.ExpiresAt+int64(policy.DrillGrace) <= now {
			late = append(late, id)
		}
	}
	if len(late) == 0 {
		return s
	}
	next := s.Clone()
	for _, id := range late {
		next.Controls.Delete(id)
	}
	return next
}

// DrillEnds is when a node stops by itself doing what a drill has it do, the earliest after a time; 0 when there is none.
func DrillEnds(s *policy.State, now int64) (at int64) {
	for _, r := range s.Drills.All {
		if end := r.ExpiresAt + int64(policy.DrillGrace); !r.Over() && end > now && (at == 0 || end < at) {
			at = end
		}
	}
	return at
}
