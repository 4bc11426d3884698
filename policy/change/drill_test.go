package change

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/drill"
)

// drillYard is a cluster with drill plans whose leader is this: it holds nothing between two looks, so each may be another's.
type drillYard struct {
	*machine
	now   int64
	world func(r policy.Drill, a drill.Ask) (SettleDrill, bool) // nil: all goes well at once
	calls map[string]int                                        // webhooks by key
}

func yard(t fataler, plans ...policy.DrillPlan) *drillYard {
	t.Helper()
	y := &drillYard{machine: started(t).level(policy.FeatureDrill), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano(), calls: map[string]int{}}
	y.up("us", "eu", "ap")
	for _, p := range plans {
		y.at(PutObject{Config: policy.Config{DrillPlans: []policy.DrillPlan{p}}})
	}
	return y
}

// at makes a change at the yard's time.
func (y *drillYard) at(b Body) policy.Outcome {
	y.t.Helper()
	return y.accepted(Change{Actor: "op", Reason: "because", Clock: y.now, Body: b})
}

func (y *drillYard) verdicts(status policy.Status, pools ...string) {
	y.t.Helper()
	var edges []policy.Edge
	for _, p := range pools {
		for _, e := range []string{"a", "b"} {
			edges = append(edges, policy.Edge{Verdict: policy.Verdict{Check: p + "/" + e + "@web", Status: status, Ramp: 100}})
		}
	}
	y.at(RecordVerdicts{edges})
}

func (y *drillYard) up(pools ...string)   { y.verdicts(policy.Up, pools...) }
func (y *drillYard) down(pools ...string) { y.verdicts(policy.Down, pools...) }

// lead does what a leader does in one look.
func (y *drillYard) lead() {
	y.t.Helper()
	var fresh []string
	for name, o := range y.s.DrillPlans.All {
		if o.Spec.Schedule == nil {
			continue
		}
		from, known := y.s.Schedules.Get(name)
		if !known {
			fresh = append(fresh, name)
			continue
		}
		for _, at := range drill.Due(&o.Spec, from, y.now) {
			y.accepted(Change{Actor: "node/ns1", Clock: y.now, Body: StartDrill{Plan: name, Due: at}})
		}
	}
	if len(fresh) > 0 {
		y.at(NoteSchedules{fresh})
	}
	for _, id := range keys(y.s.Drills) {
		for range 100 {
			r, ok := y.s.Drills.Get(id)
			if !ok || r.Over() {
				break
			}
			if _, due := drill.Next(y.s, r, y.now); due {
				y.accepted(Change{Actor: "node/ns1", Clock: y.now, Body: StepDrill{ID: id, Seq: r.Seq}})
				continue
			}
			asks := drill.Asks(&r)
			if len(asks) == 0 || !y.settle(r, asks[0]) {
				break
			}
		}
	}
	y.sound()
}

func (y *drillYard) settle(r policy.Drill, a drill.Ask) bool {
	y.t.Helper()
	out := SettleDrill{ID: r.ID, Step: a.Step, Until: y.now + int64(31*time.Second), Code: 200}
	if y.world != nil {
		var ok bool
		if out, ok = y.world(r, a); !ok {
			return false
		}
	}
	if a.Kind == policy.StepWebhook {
		y.calls[drill.Webhook(&r, a.Step).Key]++
	}
	y.accepted(Change{Actor: "node/ns1", Clock: y.now, Body: out})
	return true
}

// sound wants no control of a drill that is over, and not two drills at once.
func (y *drillYard) sound() {
	y.t.Helper()
	for id, c := range y.s.Controls.All {
		if r, ok := y.s.Drills.Get(c.Drill); c.Source == policy.ByDrill && (!ok || r.Over()) {
			y.t.Fatalf("the control %s is left of the drill %s, which is %s", id, c.Drill, r.Phase)
		}
	}
	var acting []string
	for id, r := range y.s.Drills.All {
		if r.Acts() {
			acting = append(acting, id)
		}
		if r.Over() && (len(r.Vantages) > 0 || len(r.Silent) > 0) {
			y.t.Fatalf("the drill %s is over and silences %v and %v", id, r.Vantages, r.Silent)
		}
	}
	if len(acting) > 1 {
		y.t.Fatalf("%v do something at once", acting)
	}
}

// forward leads through a time, in steps of a second.
func (y *drillYard) forward(d time.Duration) {
	y.t.Helper()
	for end := y.now + int64(d); y.now < end; y.now += int64(time.Second) {
		y.lead()
	}
}

func (y *drillYard) start(plan string) string {
	y.t.Helper()
	return y.at(StartDrill{Plan: plan}).Made
}

func (y *drillYard) run(id string) policy.Drill {
	y.t.Helper()
	r, ok := y.s.Drills.Get(id)
	if !ok {
		y.t.Fatalf("there is no drill %s", id)
	}
	return r
}

func (y *drillYard) ended(id, phase, code string) policy.Drill {
	y.t.Helper()
	r := y.run(id)
	if r.Phase != phase || r.Code != code {
		y.t.Fatalf("the drill is %s (%s: %s), not %s (%s); %+v", r.Phase, r.Code, r.Problem, phase, code, r.Timeline)
	}
	return r
}

var evacuateUS = policy.DrillPlan{Name: "away", Evacuate: []string{"region/us"}, Hold: policy.Duration(time.Minute)}

// A drill drains, waits for the window, holds, restores and ends, each phase once and in order.
func TestDrillRuns(t *testing.T) {
	y := yard(t, evacuateUS)
	id := y.start("away")
	var phases []string
	drained := 0
	for range 300 {
		y.lead()
		if r := y.run(id); len(phases) == 0 || phases[len(phases)-1] != r.Phase {
			phases = append(phases, r.Phase)
		}
		us, _ := y.s.Pools.Get("us")
		if y.s.Forces("").On(&us.Spec, &us.Spec.Endpoints[0]).Drained != "" {
			drained++
		}
		y.now += int64(time.Second)
	}
	if want := []string{"window", "holding", "recovering", "done"}; !slices.Equal(phases, want) {
		t.Errorf("the phases are %v, not %v", phases, want)
	}
	if drained != 91 { // 31 s of the window and a minute
		t.Errorf("it was drained for %d s", drained)
	}
	r := y.ended(id, policy.DrillDone, "")
	for i := range r.Steps {
		if st := &r.Steps[i]; st.State != policy.StepDone || st.StartedAt == 0 || st.EndedAt < st.StartedAt {
			t.Errorf("%+v", st)
		}
	}
}

func TestDrillIsStoppedBeforeItHurts(t *testing.T) {
	for name, tc := range map[string]struct {
		plan   policy.DrillPlan
		before func(y *drillYard)
		code   string
	}{
		"a region is down":         {evacuateUS, func(y *drillYard) { y.down("ap") }, drill.CodeFailure},
		"an operator's drain":      {evacuateUS, func(y *drillYard) { y.at(drain("endpoint/us/a")) }, drill.CodeControl},
		"the last that are up":     {policy.DrillPlan{Name: "away", Evacuate: []string{"region/us", "region/eu", "region/ap"}}, func(*drillYard) {}, drill.CheckSafety},
		"a blocked window":         {policy.DrillPlan{Name: "away", Evacuate: []string{"region/us"}, Blocked: []policy.TimeWindow{{From: "00:00", To: "01:00"}}}, func(*drillYard) {}, drill.CodeBlocked},
		"outside of its windows":   {policy.DrillPlan{Name: "away", Evacuate: []string{"region/us"}, Allowed: []policy.TimeWindow{{From: "09:00", To: "17:00"}}}, func(*drillYard) {}, drill.CodeOutside},
		"a node that is not there": {policy.DrillPlan{Name: "away", Simulate: &policy.DrillSimulation{Nameserver: "ns9"}}, func(*drillYard) {}, drill.CheckTargets},
	} {
		t.Run(name, func(t *testing.T) {
			y := yard(t, tc.plan)
			tc.before(y)
			id := y.start("away")
			y.forward(10 * time.Second)
			r := y.ended(id, policy.DrillFailed, tc.code)
			if r.Acted() {
				t.Errorf("it did something: %+v", r.Steps)
			}
		})
	}
}

// What ends a run takes back all that it does, by the same change.
func TestDrillYields(t *testing.T) {
	withAbort := evacuateUS
	withAbort.AbortWhen = []string{"down:pool/us"}
	for name, tc := range map[string]struct {
		plan  policy.DrillPlan
		event func(y *drillYard, id string)
		phase string
		code  string
	}{
		"another region fails":  {evacuateUS, func(y *drillYard, _ string) { y.down("eu") }, policy.DrillAborted, drill.CodeFailure},
		"its own target fails":  {evacuateUS, func(y *drillYard, _ string) { y.down("us") }, policy.DrillDone, ""},
		"a condition":           {withAbort, func(y *drillYard, _ string) { y.down("us") }, policy.DrillAborted, drill.CodeCondition},
		"an operator's control": {evacuateUS, func(y *drillYard, _ string) { y.at(drain("pool/us")) }, policy.DrillAborted, drill.CodeControl},
		"its drain is lifted": {evacuateUS, func(y *drillYard, id string) {
			for i := range y.run(id).Steps {
				for _, c := range y.run(id).Steps[i].Controls {
					y.at(DeleteControl{ID: c})
				}
			}
		}, policy.DrillAborted, drill.CodeLifted},
		"an operator aborts": {evacuateUS, func(y *drillYard, id string) { y.at(AbortDrill{id}) }, policy.DrillAborted, drill.CodeOperator},
		"its hard end":       {evacuateUS, func(y *drillYard, id string) { y.now = y.run(id).ExpiresAt }, policy.DrillExpired, drill.CodeExpired},
	} {
		t.Run(name, func(t *testing.T) {
			y := yard(t, tc.plan)
			id := y.start("away")
			y.forward(45 * time.Second)
			if r := y.run(id); r.Phase != policy.DrillHolding || y.s.Controls.Len() != 1 {
				t.Fatalf("it is %s with %d controls", r.Phase, y.s.Controls.Len())
			}
			tc.event(y, id)
			y.forward(3 * time.Minute)
			y.ended(id, tc.phase, tc.code)
		})
	}
}

var slowly = policy.DrillPlan{
	Name: "slowly", Evacuate: []string{"region/us"}, Hold: policy.Duration(time.Minute), BackOver: policy.Duration(18 * time.Second),
	Ramp: &policy.RampPlan{Steps: []int{60, 20, 0}, Every: policy.Duration(10 * time.Second), PauseWhen: []string{"signal:slo"}},
}

// expire is what the leader does beside drills: it takes ramps on.
func (y *drillYard) expire() {
	y.t.Helper()
	for _, c := range y.s.Controls.All {
		if next, gone := y.s.Step(c, y.now); gone || !next.At(c) {
			y.at(ExpireControls{})
			return
		}
	}
}

// A drill that goes in steps is drained when its last is made, and over when it is all back.
func TestDrillInSteps(t *testing.T) {
	y := yard(t, slowly)
	y.at(PutSignal{Name: "slo", Status: policy.Up, MaxAge: policy.Duration(time.Hour)})
	id := y.start("slowly")
	var phases []string
	var kept []int
	us, _ := y.s.Pools.Get("us")
	for n := range 300 {
		y.expire()
		y.lead()
		r := y.run(id)
		if len(phases) == 0 || phases[len(phases)-1] != r.Phase {
			phases = append(phases, r.Phase)
		}
		f := y.s.Forces("").On(&us.Spec, &us.Spec.Endpoints[0])
		k := f.Share
		if f.Drained != "" {
			k = 0
		}
		if len(kept) == 0 || kept[len(kept)-1] != k {
			kept = append(kept, k)
		}
		switch n {
		case 12:
			y.at(PutSignal{Name: "slo", Status: policy.Down, MaxAge: policy.Duration(time.Hour)})
		case 40:
			y.at(PutSignal{Name: "slo", Status: policy.Up, MaxAge: policy.Duration(time.Hour)})
		}
		y.now += int64(time.Second)
	}
	r := y.ended(id, policy.DrillDone, "")
	if want := []string{"draining", "window", "holding", "restoring", "recovering", "done"}; !slices.Equal(phases, want) {
		t.Errorf("the phases are %v, not %v", phases, want)
	}
	if want := []int{60, 20, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100}; !slices.Equal(kept, want) {
		t.Errorf("it kept %v, not %v", kept, want)
	}
	text := fmt.Sprint(r.Timeline)
	for _, want := range []string{"go in steps", "is held at 20 %: the signal slo is down", "drain goes on", "drained region/us", "goes back in steps", "restored all"} {
		if strings.Count(text, want) != 1 {
			t.Errorf("%q is not once in %s", want, text)
		}
	}
	v := drill.Report(&r)
	if v.At.Restored <= v.At.Closed || v.At.Recovered <= v.At.Restored || v.At.Closed-v.At.Decided < int64(20*time.Second) {
		t.Errorf("it was %+v", v.At)
	}
}

// What yields while it comes or goes in steps is back at once.
func TestDrillInStepsYields(t *testing.T) {
	for name, tc := range map[string]struct {
		after int // seconds
		phase string
	}{"while it drains": {5, policy.DrillDraining}, "while it returns": {121, policy.DrillRestoring}} {
		t.Run(name, func(t *testing.T) {
			y := yard(t, slowly)
			y.at(PutSignal{Name: "slo", Status: policy.Up, MaxAge: policy.Duration(time.Hour)})
			id := y.start("slowly")
			for range tc.after {
				y.expire()
				y.forward(time.Second)
			}
			if r := y.run(id); r.Phase != tc.phase || y.s.Controls.Len() != 1 {
				t.Fatalf("it is %s with %d controls", r.Phase, y.s.Controls.Len())
			}
			y.down("eu")
			y.lead()
			r := y.ended(id, policy.DrillAborted, drill.CodeFailure)
			if v := drill.Report(&r); v.At.Decided == 0 || v.At.Restored != r.EndedAt {
				t.Errorf("its report has %+v", v.At)
			}
		})
	}
}

// What two leaders propose of the same step is done once.
func TestDrillStepOnce(t *testing.T) {
	y := yard(t, evacuateUS)
	id := y.start("away")
	r := y.run(id)
	y.at(StepDrill{ID: id, Seq: r.Seq})
	y.refused(policy.Stale, "already", Change{Clock: y.now, Body: StepDrill{ID: id, Seq: r.Seq}})
	y.at(SettleDrill{ID: id, Step: 0})
	y.refused(policy.Conflict, "does not wait", Change{Clock: y.now, Body: SettleDrill{ID: id, Step: 0}})
	y.refused(policy.Conflict, "one does at a time", Change{Clock: y.now, Body: StartDrill{Plan: "away"}})
	y.forward(5 * time.Minute)
	y.refused(policy.Conflict, "is over", Change{Clock: y.now, Body: AbortDrill{id}})
	y.ended(id, policy.DrillDone, "")
}

func TestDrillApproval(t *testing.T) {
	p := evacuateUS
	p.Approvals = 2
	y := yard(t, p)
	id := y.start("away")
	y.refused(policy.Conflict, "waits for no approval", Change{Actor: "anna", Clock: y.now, Body: ApproveDrill{id}})
	y.lead()
	y.refused(policy.Conflict, "somebody else", Change{Actor: "op", Clock: y.now, Body: ApproveDrill{id}})
	y.accepted(Change{Actor: "anna", Clock: y.now, Body: ApproveDrill{id}})
	y.refused(policy.Conflict, "already", Change{Actor: "anna", Clock: y.now, Body: ApproveDrill{id}})
	y.forward(10 * time.Minute)
	if r := y.run(id); r.Phase != policy.DrillApproval || r.StartedAt != 0 {
		t.Fatalf("it is %s with one approval of two", r.Phase)
	}
	y.accepted(Change{Actor: "ben", Clock: y.now, Body: ApproveDrill{id}})
	y.forward(5 * time.Minute)
	y.ended(id, policy.DrillDone, "")
}

func TestDrillPractice(t *testing.T) {
	p := evacuateUS
	p.Approvals = 1
	y := yard(t, p)
	controls, revision := y.s.Controls.Sum(), y.s.Revision
	id := y.at(StartDrill{Plan: "away", Practice: true}).Made
	y.forward(3 * time.Second)
	r := y.ended(id, policy.DrillDone, "")
	if y.s.Controls.Sum() != controls || y.s.Revision != revision || r.Acted() {
		t.Error("a practice has changed something")
	}
	last := r.Steps[len(r.Steps)-1]
	if took := time.Duration(last.EndedAt - r.StartedAt); last.State != policy.StepWould || took < 2*time.Minute || took > 3*time.Minute {
		t.Errorf("it says that the last step would end after %v: %+v", took, last)
	}
}

// A runbook goes through its steps, in order and in parallel; a webhook is settled once, and what a step does is restored by name.
func TestDrillRunbook(t *testing.T) {
	p := policy.DrillPlan{Name: "failover", Steps: []policy.DrillStep{
		{Name: "ask", Webhook: &policy.DrillWebhook{URL: "https://ops.example.com/ready"}},
		{Name: "out", Drain: []string{"region/us"}},
		{Name: "wait", Window: true},
		{Name: "both", Parallel: []policy.DrillStep{
			{Name: "promote", Webhook: &policy.DrillWebhook{URL: "https://ops.example.com/promote"}},
			{Name: "ok", ApprovalsNeeded: 1},
		}},
		{Name: "healthy", WaitFor: "up:pool/eu"},
		{Name: "maybe", Webhook: &policy.DrillWebhook{URL: "https://ops.example.com/maybe"}, OnFailure: "continue"},
		{Name: "back", Restore: "out"},
	}}
	y := yard(t, p)
	y.world = func(r policy.Drill, a drill.Ask) (SettleDrill, bool) {
		out := SettleDrill{ID: r.ID, Step: a.Step, Until: y.now + int64(31*time.Second), Code: 200}
		if r.Steps[a.Step].Name == "maybe" {
			out.Code, out.Problem = 500, "it answers 500"
		}
		return out, true
	}
	id := y.start("failover")
	y.forward(time.Minute)
	if r := y.run(id); r.Steps[4].State != policy.StepDone || r.Steps[5].State != policy.StepRunning || r.Steps[6].State != "" {
		t.Fatalf("%+v", r.Steps)
	}
	y.accepted(Change{Actor: "anna", Clock: y.now, Body: ApproveDrill{id}})
	y.forward(time.Minute)
	r := y.ended(id, policy.DrillDone, "")
	if r.Steps[7].State != policy.StepFailed || !r.Steps[2].Restored || y.s.Controls.Len() != 0 {
		t.Errorf("%+v", r.Steps)
	}
	if y.calls[id+"/promote"] != 1 || y.calls[id+"/ask"] != 1 {
		t.Errorf("the calls are %v", y.calls)
	}
}

// A step that a safety rule refuses fails the run, and nothing of it stays.
func TestDrillRefusedStep(t *testing.T) {
	p := policy.DrillPlan{Name: "two", Steps: []policy.DrillStep{{Name: "one", Drain: []string{"region/us"}}, {Name: "hold", Wait: policy.Duration(time.Minute)}, {Name: "more", Drain: []string{"region/eu"}}}}
	y := yard(t, p)
	id := y.start("two")
	y.forward(10 * time.Second)
	c := config("us", "eu", "ap")
	c.SafetyRules = []policy.SafetyRule{{Name: "two", AtLeast: &policy.AtLeast{Regions: 2}}}
	c.DrillPlans = []policy.DrillPlan{p}
	y.at(PutConfig{Config: c})
	y.forward(2 * time.Minute)
	r := y.ended(id, policy.DrillFailed, drill.CodeNotAllowed)
	if !strings.Contains(r.Problem, `safety rule "two"`) {
		t.Errorf("%s", r.Problem)
	}
}

// A weekly drill for a year: each week it runs, is skipped with a reason, or is aborted, and is never run twice; through
// leaders that change at each look, blocked windows, failures before and in the middle, and hours without a leader.
func TestDrillYear(t *testing.T) {
	p := policy.DrillPlan{
		Name: "weekly", Evacuate: []string{"region/us"}, Hold: policy.Duration(15 * time.Minute),
		Schedule: &policy.DrillSchedule{Cron: "0 9 * * 2", Jitter: policy.Duration(30 * time.Minute)},
		Blocked:  []policy.TimeWindow{{From: "2026-03-30T00:00:00Z", To: "2026-04-08T00:00:00Z"}, {From: "2026-12-14T00:00:00Z", To: "2027-01-05T00:00:00Z"}},
	}
	y := yard(t, p)
	end := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	want := map[string]string{} // by the day that it is due
	failed := false
	for y.now < end {
		at := time.Unix(0, y.now).UTC()
		_, week := at.ISOWeek()
		day := at.Format(time.DateOnly)
		busy := at.Weekday() == time.Tuesday && at.Hour() >= 8 && at.Hour() < 13
		leaderless := false
		if at.Weekday() == time.Tuesday {
			blocked, _ := drill.Windows(&p, time.Date(at.Year(), at.Month(), at.Day(), 9, 15, 0, 0, time.UTC).UnixNano())
			switch {
			case week%13 == 6: // nobody leads all morning
				want[day] = policy.DrillSkipped + " " + drill.CodeMissed
				leaderless = at.Hour() >= 8 && at.Hour() < 12
			case blocked != "":
				want[day] = policy.DrillSkipped + " " + drill.CodeBlocked
			case week%9 == 4: // eu is down before it begins
				want[day] = policy.DrillSkipped + " " + drill.CodeFailure
				if at.Hour() == 8 && !failed {
					y.down("eu")
					failed = true
				}
			case week%7 == 3: // ap fails while it holds
				want[day] = policy.DrillAborted + " " + drill.CodeFailure
				for _, r := range y.s.Drills.All {
					if r.Phase == policy.DrillHolding && !failed {
						y.down("ap")
						failed = true
					}
				}
			default:
				want[day] = policy.DrillDone + " "
			}
		}
		if at.Hour() == 14 && failed {
			y.up("eu", "ap")
			failed = false
		}
		if !leaderless {
			y.lead()
		}
		if busy {
			y.now += int64(time.Minute)
		} else {
			y.now += int64(time.Hour)
		}
	}
	got := map[string]string{}
	for _, r := range y.s.Drills.All {
		day := time.Unix(0, r.Due).UTC().Format(time.DateOnly)
		if got[day] != "" {
			t.Errorf("%s has two runs", day)
		}
		got[day] = r.Phase + " " + r.Code
	}
	if len(want) != 52 {
		t.Fatalf("the year has %d Tuesdays", len(want))
	}
	count := map[string]int{}
	for day, w := range want {
		count[w]++
		if got[day] != w {
			t.Errorf("on %s it is %q, not %q", day, got[day], w)
		}
	}
	if len(got) != len(want) || len(count) != 5 || y.s.Controls.Len() != 0 {
		t.Errorf("%d runs of %d; %v; %d controls are left", len(got), len(want), count, y.s.Controls.Len())
	}
}

// Whatever happens, in whatever order: a drill ends, at the latest at its hard end, and nothing that it does is left.
func TestDrillAlwaysEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		steps := policy.DrillPlan{Name: "steps", Expires: policy.Duration(10 * time.Minute), Steps: []policy.DrillStep{
			{Name: "low", LowerTTL: []string{"region/us"}}, {Name: "out", Drain: []string{"region/us"}}, {Name: "call", Webhook: &policy.DrillWebhook{URL: "https://x.example"}},
			{Name: "two", Parallel: []policy.DrillStep{{Name: "deaf", IgnoreVantage: "ns1"}, {Name: "mute", SilenceNode: "ns1"}, {Name: "more", Drain: []string{"pool/eu"}}}},
			{Name: "ok", ApprovalsNeeded: 1}, {Name: "eu", WaitFor: "up:pool/ap"}, {Name: "back", Restore: "deaf"}, {Name: "rest", Wait: policy.Duration(time.Minute)},
		}}
		y := yard(t, evacuateUS, steps, slowly)
		y.at(PutSignal{Name: "slo", Status: policy.Up, MaxAge: policy.Duration(time.Hour)})
		answers := rapid.SampledFrom([]string{"well", "well", "badly", "never"})
		y.world = func(r policy.Drill, a drill.Ask) (SettleDrill, bool) {
			how := answers.Draw(t, "answer")
			out := SettleDrill{ID: r.ID, Step: a.Step, Until: y.now + int64(31*time.Second), Code: 200}
			if how == "badly" {
				out.Problem = "no"
			}
			return out, how != "never"
		}
		try := func(b Body) {
			y.do(Change{Actor: rapid.SampledFrom([]string{"op", "anna"}).Draw(t, "actor"), Reason: "x", Clock: y.now, Body: b})
		}
		some := func() string {
			if ids := keys(y.s.Drills); len(ids) > 0 {
				return rapid.SampledFrom(ids).Draw(t, "drill")
			}
			return "d0"
		}
		act := map[string]func(){
			"start": func() {
				try(StartDrill{Plan: rapid.SampledFrom([]string{"away", "steps", "slowly"}).Draw(t, "plan"), Practice: rapid.IntRange(0, 4).Draw(t, "practice") == 0})
			},
			"abort":   func() { try(AbortDrill{some()}) },
			"approve": func() { try(ApproveDrill{some()}) },
			"lead":    func() { y.lead() },
			"stale":   func() { try(StepDrill{ID: some(), Seq: uint64(rapid.IntRange(0, 10).Draw(t, "seq"))}) },
			"later":   func() { y.now += int64(time.Duration(rapid.IntRange(1, 100).Draw(t, "s")) * time.Second) },
			"drain":   func() { try(drain(rapid.SampledFrom([]string{"pool/us", "pool/ap"}).Draw(t, "target"))) },
			"lift": func() {
				if ids := keys(y.s.Controls); len(ids) > 0 {
					try(DeleteControl{ID: rapid.SampledFrom(ids).Draw(t, "control")})
				}
			},
			"expire": func() { try(ExpireControls{}) },
			"down":   func() { y.down(rapid.SampledFrom([]string{"us", "eu", "ap"}).Draw(t, "pool")) },
			"up":     func() { y.up("us", "eu", "ap") },
		}
		var names []string
		for n := range act {
			names = append(names, n)
		}
		slices.Sort(names)
		for range rapid.IntRange(1, 40).Draw(t, "acts") {
			act[rapid.SampledFrom(names).Draw(t, "act")]()
			y.sound()
			for id, c := range y.s.Controls.All { // a node alone stops by then
				if r, ok := y.s.Drills.Get(c.Drill); ok && c.Source == policy.ByDrill && c.ExpiresAt != r.ExpiresAt {
					t.Fatalf("the control %s ends at another time than its drill", id)
				}
			}
		}
		y.now += int64(policy.MaxDrill) + int64(time.Second)
		alone := Undrilled(y.s, y.now+int64(policy.DrillGrace))
		for id, c := range alone.Controls.All {
			if c.Source == policy.ByDrill {
				t.Fatalf("a node that hears nothing goes on with the control %s", id)
			}
		}
		if s := y.s; s.Silenced("ns1", y.now+int64(policy.DrillGrace)) || len(s.IgnoredVantages(y.now+int64(policy.DrillGrace))) > 0 {
			t.Fatalf("a node that hears nothing goes on with a drill")
		}
		y.lead()
		for id, r := range y.s.Drills.All {
			if !r.Over() {
				t.Fatalf("the drill %s is still %s", id, r.Phase)
			}
		}
		y.sound()
	})
}

// What is kept is bounded.
func TestDrillsAreForgotten(t *testing.T) {
	y := yard(t, evacuateUS)
	first := ""
	for i := range policy.MaxDrillRuns + 5 {
		id := y.at(StartDrill{Plan: "away", Practice: true}).Made
		if i == 0 {
			first = id
		}
		y.lead()
		y.now += int64(time.Second)
	}
	if n := y.s.Drills.Len(); n > policy.MaxDrillRuns+1 || y.s.Drills.Has(first) {
		t.Errorf("%d runs are kept", n)
	}
	roundTrip(t, y.s)
}

func TestReportsAreKept(t *testing.T) {
	y := yard(t, evacuateUS)
	id := y.start("away")
	y.refused(policy.Conflict, "is not over", Change{Clock: y.now, Body: PutReport{policy.EvacuationReport{ID: id, Drill: id}}})
	y.at(AbortDrill{id})
	y.at(PutReport{policy.EvacuationReport{ID: id, Drill: id}})
	if !y.run(id).Reported {
		t.Error("the run does not know of its report")
	}
	y.refused(policy.Conflict, "already", Change{Clock: y.now, Body: PutReport{policy.EvacuationReport{ID: id}}})
	y.refused(policy.Invalid, "octets", Change{Clock: y.now, Body: PutReport{policy.EvacuationReport{ID: "f1", Title: strings.Repeat("x", policy.MaxReport)}}})
	for i := range policy.MaxReports + 3 {
		y.at(PutReport{policy.EvacuationReport{ID: fmt.Sprintf("f%d", i), At: policy.EvacuationTimes{Ended: int64(i)}}})
	}
	if y.s.Reports.Len() != policy.MaxReports || y.s.Reports.Has("f0") {
		t.Errorf("%d reports are kept", y.s.Reports.Len())
	}
}
