package node

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/drill"
)

const (
	drillTick   = 250 * time.Millisecond
	failureTick = time.Second     // vantages keep a few samples only, by which a report says when the first probe failed
	drillAsk    = 3 * time.Minute // for one question to the outside

	maxNotedFailures = 50 // decisions of which it is found out when the first probe failed, and rules
)

// drillWorld is what runs ask of the outside.
type drillWorld interface {
	// preflight checks what State does not say.
	preflight(ctx context.Context, s *policy.State, plan *policy.DrillPlan) []policy.DrillCheck
	// window says when nobody has an answer of before a change any more, and which nodes cannot be asked. The change
	// takes what the run's plan takes out of answers, or brings it back.
	window(ctx context.Context, s *policy.State, r *policy.Drill, index uint64, back bool) (until time.Time, nodes []string, err error)
	// failedOver is when anything left this node's answers last because it was found down; zero: never.
	failedOver() time.Time
	// Departures is what left the answers of the nodes of late.
	Departures(ctx context.Context) policy.Departures
	// residual is who came to endpoints between two times, by what was observed.
	residual(ctx context.Context, endpoints []string, from, to int64) []policy.Residual
	// firstFailed is when the first of the probes failed after which an endpoint was found down; 0 when it cannot be told.
	firstFailed(ctx context.Context, endpoint string, decided int64) int64
	// acting is what safety rules for automation do now.
	acting() []string
	// webhook makes the call of a step.
	webhook(ctx context.Context, r *policy.Drill, step int) (code int, err error)
}

// driller takes drills on while this node leads.
type driller struct {
	*duties
	world drillWorld
	told  time.Time   // up to when failovers are reported; failures' own, as the next
	noted drill.Noted // of those that are not

	mu     sync.Mutex
	asking map[asked]bool
	all    sync.WaitGroup
}

type asked struct {
	id   string
	step int
}

// drills leads until ctx ends.
func (d *duties) drills(ctx context.Context, world drillWorld) {
	v := &driller{duties: d, world: world, asking: map[asked]bool{}}
	defer v.all.Wait()
	v.all.Go(func() { _ = every(ctx, failureTick, func() { v.failures(ctx) }) })
	_ = every(ctx, drillTick, func() { v.look(ctx) })
}

// look does what is due now.
func (d *driller) look(ctx context.Context) {
	s := d.state()
	if s.Feature < policy.FeatureDrill {
		return
	}
	d.schedule(ctx, s)
	for _, r := range s.Drills.All {
		if !r.Over() {
			d.take(ctx, r.ID)
		} else if !r.Reported && r.Phase != policy.DrillSkipped { // of what never began there is nothing to report
			v := drill.Report(&r)
			if v.At.Decided != 0 {
				v = drill.Told(v, &r, d.world.Departures(ctx))
				v = d.after(ctx, v, drill.Endpoints(s, &r.Plan))
			}
			d.do(ctx, change.PutReport{Report: v})
		}
	}
}

// failures reports the failovers that are over. The nodes are asked only while this one knows of one that is not reported.
func (d *driller) failures(ctx context.Context) {
	s := d.state()
	newest := d.world.failedOver()
	if s.Feature < policy.FeatureDrill || !newest.After(d.told) {
		return
	}
	all := d.world.Departures(ctx)
	d.note(ctx, all.Items)
	due, pending := drill.Failovers(s, all, d.noted, d.clock())
	for _, v := range due {
		d.do(ctx, change.PutReport{Report: d.after(ctx, v, v.Targets)})
	}
	if len(due) == 0 && !pending {
		d.told, d.noted = newest, drill.Noted{}
	}
}

// note keeps what is known of failures only while they last.
func (d *driller) note(ctx context.Context, list []policy.Departure) {
	if d.noted.First == nil {
		d.noted.First = map[int64]int64{}
	}
	for _, gone := range list {
		at := gone.DecidedAt.UnixNano()
		if _, known := d.noted.First[at]; !known && gone.Cause == policy.LeftVerdict && gone.DecidedAt.After(d.told) && len(d.noted.First) < maxNotedFailures {
			d.noted.First[at] = d.world.firstFailed(ctx, gone.Endpoint, at)
		}
	}
	for _, text := range d.world.acting() {
		if len(d.noted.Rules) < maxNotedFailures && !slices.Contains(d.noted.Rules, text) {
			d.noted.Rules = append(d.noted.Rules, text)
		}
	}
}

// after adds to a report who came after its window.
func (d *driller) after(ctx context.Context, v policy.EvacuationReport, endpoints []string) policy.EvacuationReport {
	if v.At.Closed == 0 || v.At.Restored != 0 && v.At.Restored <= v.At.Closed {
		return v
	}
	return drill.After(v, d.world.residual(ctx, endpoints, v.At.Closed, v.At.Restored))
}

// take has a run go on as far as it can now.
func (d *driller) take(ctx context.Context, id string) {
	for range policy.MaxDrillSteps {
		s := d.state()
		r, ok := s.Drills.Get(id)
		if !ok || r.Over() || ctx.Err() != nil {
			return
		}
		if _, due := drill.Next(s, r, d.clock()); !due {
			for _, a := range drill.Asks(&r) {
				d.ask1(ctx, s, r, a)
			}
			return
		}
		if err := d.ask(ctx, change.StepDrill{ID: id, Seq: r.Seq}); err != nil {
			if ctx.Err() == nil {
				d.log.Debug("a drill did not go on; it is tried again", "drill", id, "error", err)
			}
			return
		}
	}
}

// ask1 asks the outside for what a step waits for, once at a time.
func (d *driller) ask1(ctx context.Context, s *policy.State, r policy.Drill, a drill.Ask) {
	key := asked{r.ID, a.Step}
	d.mu.Lock()
	going := d.asking[key]
	d.asking[key] = true
	d.mu.Unlock()
	if going {
		return
	}
	d.all.Go(func() {
		defer func() {
			d.mu.Lock()
			delete(d.asking, key)
			d.mu.Unlock()
		}()
		inner, cancel := context.WithTimeout(ctx, drillAsk)
		defer cancel()
		d.all.Go(func() { // what a run does not wait for any more is not gone on with
			_ = every(inner, drillTick, func() {
				if now, ok := d.state().Drills.Get(r.ID); !ok || !slices.Contains(drill.Asks(&now), a) {
					cancel()
				}
			})
		})
		out, ok := d.answer(inner, s, &r, a)
		if !ok || ctx.Err() != nil { // asked again: by the next look, or by the next leader
			return
		}
		if err := d.ask(ctx, out); err != nil && ctx.Err() == nil {
			d.log.Debug("what a drill waited for could not be brought in; it is asked again", "drill", r.ID, "error", err)
		}
	})
}

func (d *driller) answer(ctx context.Context, s *policy.State, r *policy.Drill, a drill.Ask) (out change.SettleDrill, ok bool) {
	out = change.SettleDrill{ID: r.ID, Step: a.Step}
	switch a.Kind {
	case policy.StepPreflight:
		out.Checks = d.world.preflight(ctx, s, &r.Plan)
	case policy.StepWindow:
		until, nodes, err := d.world.window(ctx, s, r, changedBy(r, a.Step), !r.Acts())
		if err != nil {
			d.log.Debug("when a window closes is not known yet", "drill", r.ID, "error", err)
			return out, false
		}
		out.Until, out.Nodes = until.UnixNano(), nodes
	case policy.StepWebhook:
		code, err := d.world.webhook(ctx, r, a.Step)
		if out.Code = code; err != nil {
			out.Problem = err.Error()
		}
	}
	return out, true
}

// changedBy is the index of the last change that the steps before one made to answers.
func changedBy(r *policy.Drill, step int) (index uint64) {
	for i := range r.Steps {
		if st := &r.Steps[i]; st.Group < r.Steps[step].Group && st.State == policy.StepDone && st.Kind != policy.StepWindow {
			index = max(index, st.Index)
		}
	}
	return index
}

// schedule starts the runs that are due, each instant once.
func (d *driller) schedule(ctx context.Context, s *policy.State) {
	now := d.clock()
	var fresh []string
	for name, o := range s.DrillPlans.All {
		plan := o.Spec
		if plan.Schedule == nil {
			continue
		}
		from, known := s.Schedules.Get(name)
		if !known {
			fresh = append(fresh, name)
			continue
		}
		for n, at := range drill.Due(&plan, from, now) {
			if n > 0 && d.state().Index == s.Index { // the one before did not go through
				break
			}
			d.do(ctx, change.StartDrill{Plan: name, Due: at})
		}
	}
	gone := false
	for name := range s.Schedules.All {
		o, ok := s.DrillPlans.Get(name)
		gone = gone || !ok || o.Spec.Schedule == nil
	}
	if len(fresh) > 0 || gone {
		d.do(ctx, change.NoteSchedules{Plans: fresh})
	}
}
