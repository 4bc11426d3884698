package policy

import (
	"slices"
	"time"
)

// Bounds of drills.
const (
	MaxDrillPlans    = 100
	MaxDrillSteps    = 64 // of a plan, those in parallel counted
	MaxDrillTargets  = 50 // of a step
	MaxDrillRuns     = 200
	MaxDrillNotes    = 300 // of a run's timeline
	MaxDrill         = Duration(24 * time.Hour)
	MaxDrillText     = 2000 // octets of a problem, a reason or a note
	MaxDrillWebhook  = 16 << 10
	DefaultDrillHold = Duration(15 * time.Minute)
)

// DrillGrace is how long after the hard end of a drill a node goes on with what that does, when it does not hear of its end.
const DrillGrace = Duration(5 * time.Second)

// DrillPlan is how a drill goes: one of evacuate, simulate and steps.
type DrillPlan struct {
	Name      string           `json:"name"`
	Title     string           `json:"title,omitempty"`
	Evacuate  []string         `json:"evacuate,omitempty"` // targets that are drained
	Simulate  *DrillSimulation `json:"simulate,omitempty"`
	Steps     []DrillStep      `json:"steps,omitempty"`
	Hold      Duration         `json:"hold,omitempty"`       // default 15m; not with steps
	LowerTTL  *bool            `json:"lowerTTL,omitempty"`   // default true with evacuate
	Ramp      *RampPlan        `json:"ramp,omitempty"`       // of evacuate; nil: at once
	BackOver  Duration         `json:"returnOver,omitempty"` // of evacuate: how long it takes to come back; 0: at once
	Expires   Duration         `json:"expires,omitempty"`    // hard end of a run, from its first step on
	AbortWhen []string         `json:"abortWhen,omitempty"`
	Allowed   []TimeWindow     `json:"allowed,omitempty"` // it starts only in one of them
	Blocked   []TimeWindow     `json:"blocked,omitempty"` // it starts in none of them
	Approvals int              `json:"approvals,omitempty"`
	RTO       Duration         `json:"rto,omitempty"` // expected, from the start of the evacuation to the last answer that names it
	Schedule  *DrillSchedule   `json:"schedule,omitempty"`
	Practice  bool             `json:"practice,omitempty"` // each run is practice
}

// DrillSimulation is a failure that is feigned: exactly one of its fields.
type DrillSimulation struct {
	Down       []string `json:"down,omitempty"`       // targets that count as down
	Vantage    string   `json:"vantage,omitempty"`    // label of a node whose reports are ignored
	Nameserver string   `json:"nameserver,omitempty"` // label of a node that stops answering DNS
}

// DrillSchedule is when runs start by themselves.
type DrillSchedule struct {
	Cron   string   `json:"cron"`             // five fields, by UTC
	Jitter Duration `json:"jitter,omitempty"` // each starts up to so much later
}

// DrillStep is a step of a plan. Apart from its name, how it goes, timeout and onFailure it is exactly one thing.
type DrillStep struct {
	Name            string        `json:"name"`
	LowerTTL        []string      `json:"lowerTTL,omitempty"` // targets whose services hand out their least TTL from now on
	Drain           []string      `json:"drain,omitempty"`
	ForceDown       []string      `json:"forceDown,omitempty"`
	IgnoreVantage   string        `json:"ignoreVantage,omitempty"`
	SilenceNode     string        `json:"silenceNode,omitempty"`
	Window          bool          `json:"window,omitempty"`  // wait until no well-behaved client has an older answer
	Restore         string        `json:"restore,omitempty"` // a step, or "all": takes back what it does
	Ramp            *RampPlan     `json:"ramp,omitempty"`    // with drain: in steps; nil: at once
	Over            Duration      `json:"over,omitempty"`    // with restore: in steps over so long; 0: at once
	Webhook         *DrillWebhook `json:"webhook,omitempty"`
	ApprovalsNeeded int           `json:"approvals,omitempty"` // wait for so many
	WaitFor         string        `json:"waitFor,omitempty"`   // "up:pool/web", "signal:NAME"
	Wait            Duration      `json:"wait,omitempty"`
	Parallel        []DrillStep   `json:"parallel,omitempty"` // all at once, none of which has any of its own
	Timeout         Duration      `json:"timeout,omitempty"`
	OnFailure       string        `json:"onFailure,omitempty"` // "abort" (default) or "continue"
	preflight       bool
}

// DrillWebhook is a call that a step makes; the answer has to be of the 200s.
type DrillWebhook struct {
	URL    string     `json:"url"`
	Secret *SecretRef `json:"secret,omitempty"` // signs it
	Body   string     `json:"body,omitempty"`   // JSON; default what step of which drill calls
}

// The phases of a drill, in their order. From DrillDone on it is over.
const (
	DrillApproval   = "waiting-approval"
	DrillPreflight  = "preflight"
	DrillLowering   = "lowering"
	DrillDraining   = "draining"
	DrillWindow     = "window"
	DrillHolding    = "holding"
	DrillRunning    = "running" // a step of another kind
	DrillRestoring  = "restoring"
	DrillRecovering = "recovering"
	DrillDone       = "done"
	DrillAborted    = "aborted"
	DrillFailed     = "failed"
	DrillSkipped    = "skipped"
	DrillExpired    = "expired"
)

// DrillEnds are the phases in which a drill is over.
var DrillEnds = []string{DrillDone, DrillAborted, DrillFailed, DrillSkipped, DrillExpired}

// Drill is a run of a plan.
type Drill struct {
	ID        string         `json:"id"`   // "d17"
	Plan      DrillPlan      `json:"plan"` // as it was when the run was made
	Actor     string         `json:"actor"`
	Reason    string         `json:"reason,omitempty"`
	Due       int64          `json:"due,omitempty"` // the instant that its schedule said; 0 on demand
	Practice  bool           `json:"practice,omitempty"`
	Phase     string         `json:"phase"`
	Seq       uint64         `json:"seq"` // grows with each step on: what compare-and-set is about
	CreatedAt int64          `json:"createdAt"`
	StartedAt int64          `json:"startedAt,omitempty"` // of its first step but waiting for approval
	PhaseAt   int64          `json:"phaseAt"`
	EndedAt   int64          `json:"endedAt,omitempty"`
	ExpiresAt int64          `json:"expiresAt"`
	Steps     []DrillStepRun `json:"steps"`
	Checks    []DrillCheck   `json:"checks,omitempty"` // of its preflight
	Code      string         `json:"code,omitempty"`   // why it did not end well
	Problem   string         `json:"problem,omitempty"`
	Timeline  []DrillNote    `json:"timeline,omitempty"`
	Vantages  []string       `json:"vantages,omitempty"` // whose reports it has ignored now
	Silent    []string       `json:"silent,omitempty"`   // nodes that it has not answer now
	Reported  bool           `json:"reported,omitempty"` // there is a report
	Led       string         `json:"led,omitempty"`      // label of the node that took it on last
}

// DrillStepRun is a step of a run, those in parallel in one group.
type DrillStepRun struct {
	DrillStep
	Group     int             `json:"group"`
	Phase     string          `json:"phase"` // that the run is in while it goes on
	State     string          `json:"state,omitempty"`
	StartedAt int64           `json:"startedAt,omitempty"`
	EndedAt   int64           `json:"endedAt,omitempty"`
	Until     int64           `json:"until,omitempty"` // when it is over, where that is known
	Index     uint64          `json:"index,omitempty"` // of the change that began it
	Controls  []string        `json:"controls,omitempty"`
	Approvals []DrillApproved `json:"approvedBy,omitempty"`
	Code      int             `json:"code,omitempty"` // HTTP status of a webhook's last answer
	Problem   string          `json:"problem,omitempty"`
	Nodes     []string        `json:"nodes,omitempty"` // that cannot be asked
	Restored  bool            `json:"restored,omitempty"`
	Returning bool            `json:"returning,omitempty"` // it is being restored, in steps
	Kind      string          `json:"kind"`
}

// The states of a step; "" has not begun.
const (
	StepRunning = "running"
	StepDone    = "done"
	StepFailed  = "failed"
	StepSkipped = "skipped"
	StepWould   = "would" // it was practice: that is when it would go on
)

// The kinds of a step.
const (
	StepApproval  = "approval"
	StepPreflight = "preflight"
	StepLowerTTL  = "lower-ttl"
	StepDrain     = "drain"
	StepForceDown = "force-down"
	StepVantage   = "ignore-vantage"
	StepSilence   = "silence-node"
	StepWindow    = "window"
	StepRestore   = "restore"
	StepWebhook   = "webhook"
	StepWaitFor   = "wait-for"
	StepWait      = "wait"
)

// DrillApproved is who let a step go on.
type DrillApproved struct {
	Actor string `json:"actor"`
	At    int64  `json:"at"`
}

// DrillCheck is what preflight says of one thing.
type DrillCheck struct {
	Name   string `json:"name"`   // "capacity", and the reason code if it fails
	Result string `json:"result"` // CheckOK, CheckWarn or CheckFail
	Text   string `json:"text"`
}

// The results of a check.
const (
	CheckOK   = "ok"
	CheckWarn = "warn"
	CheckFail = "fail"
)

// DrillNote is an entry of a timeline.
type DrillNote struct {
	At    int64  `json:"at"` // State's clock
	Phase string `json:"phase"`
	Text  string `json:"text"`
}

// Over says whether a run has ended.
func (r *Drill) Over() bool { return slices.Contains(DrillEnds, r.Phase) }

// Acts says whether the run does something to answers or to health now.
func (r *Drill) Acts() bool {
	return len(r.Vantages) > 0 || len(r.Silent) > 0 || slices.ContainsFunc(r.Steps, func(st DrillStepRun) bool { return len(st.Controls) > 0 && !st.Restored })
}

// Acted says whether the run ever did more than look.
func (r *Drill) Acted() bool {
	return slices.ContainsFunc(r.Steps, func(st DrillStepRun) bool {
		return st.StartedAt != 0 && st.State != StepWould && st.Kind != StepApproval && st.Kind != StepPreflight
	})
}

// Targets are what a plan takes out of service or feigns to be down, in the order of its steps.
func (p *DrillPlan) Targets() (list []string) {
	add := func(more []string) {
		for _, t := range more {
			if !slices.Contains(list, t) {
				list = append(list, t)
			}
		}
	}
	add(p.Evacuate)
	if p.Simulate != nil {
		add(p.Simulate.Down)
	}
	for i := range p.Steps {
		for _, st := range p.Steps[i].flat() {
			add(st.Drain)
			add(st.ForceDown)
		}
	}
	return list
}

func (st *DrillStep) flat() []DrillStep {
	if len(st.Parallel) > 0 {
		return st.Parallel
	}
	return []DrillStep{*st}
}

// Lasts is how long a run may take at the most.
func (p *DrillPlan) Lasts() Duration {
	if p.Expires > 0 {
		return p.Expires
	}
	all := Duration(0)
	for _, st := range p.Compile() {
		all += st.Takes()
	}
	return min(2*all+Duration(30*time.Minute), MaxDrill)
}

// Takes is how long a step takes at the least, as far as its plan says.
func (st *DrillStep) Takes() Duration {
	all := st.Wait + st.Over
	if st.Ramp != nil {
		all += st.Ramp.Over // what even steps of it are, added up, falls some nanoseconds short
		if n := len(st.Ramp.Steps); n > 0 {
			all += st.Ramp.Every * Duration(n-1)
		}
	}
	return all
}

// Compile gives the steps of a run, so that each plan goes through one engine.
func (p *DrillPlan) Compile() (list []DrillStepRun) {
	group := 0
	add := func(steps ...DrillStepRun) {
		for _, st := range steps {
			st.Group = group
			st.Kind = st.kind()
			if st.Phase == "" {
				st.Phase = phases[st.Kind]
			}
			list = append(list, st)
		}
		group++
	}
	one := func(st DrillStep, phase string) { add(DrillStepRun{DrillStep: st, Phase: phase}) }
	if p.Approvals > 0 {
		one(DrillStep{Name: "approval", ApprovalsNeeded: p.Approvals, Timeout: MaxDrill}, DrillApproval)
	}
	one(DrillStep{Name: "preflight", preflight: true}, "")
	if len(p.Steps) > 0 {
		for i := range p.Steps {
			var together []DrillStepRun
			for _, st := range p.Steps[i].flat() {
				together = append(together, DrillStepRun{DrillStep: st})
			}
			add(together...)
		}
		one(DrillStep{Name: "restore-all", Restore: RestoreAll}, "") // what the plan forgot
		return list
	}
	if len(p.Evacuate) > 0 {
		if p.LowerTTL == nil || *p.LowerTTL {
			one(DrillStep{Name: "lower-ttl", LowerTTL: p.Evacuate}, "")
		}
		one(DrillStep{Name: "drain", Drain: p.Evacuate, Ramp: p.Ramp}, "")
	} else if m := p.Simulate; m != nil {
		switch {
		case len(m.Down) > 0:
			one(DrillStep{Name: "force-down", ForceDown: m.Down}, "")
		case m.Vantage != "":
			one(DrillStep{Name: "ignore-vantage", IgnoreVantage: m.Vantage}, "")
		default:
			one(DrillStep{Name: "silence-node", SilenceNode: m.Nameserver}, "")
		}
	}
	answers := p.Simulate == nil || len(p.Simulate.Down) > 0 // change
	if answers {
		one(DrillStep{Name: "window", Window: true}, "")
	}
	hold := p.Hold
	if hold == 0 {
		hold = DefaultDrillHold
	}
	one(DrillStep{Name: "hold", Wait: hold}, DrillHolding)
	one(DrillStep{Name: "restore", Restore: RestoreAll, Over: p.BackOver}, "")
	if answers {
		one(DrillStep{Name: "recover", Window: true}, DrillRecovering)
	}
	return list
}

// RestoreAll stands for all steps in a step that restores.
const RestoreAll = "all"

var phases = map[string]string{
	StepApproval: DrillApproval, StepPreflight: DrillPreflight, StepLowerTTL: DrillLowering, StepDrain: DrillDraining, StepForceDown: DrillDraining,
	StepVantage: DrillDraining, StepSilence: DrillDraining, StepWindow: DrillWindow, StepRestore: DrillRestoring,
	StepWebhook: DrillRunning, StepWaitFor: DrillRunning, StepWait: DrillHolding,
}

// kind is what a step is; "" for none or several.
func (st *DrillStep) kind() (kind string) {
	for k, is := range map[string]bool{
		StepApproval: st.ApprovalsNeeded != 0, StepPreflight: st.preflight, StepLowerTTL: len(st.LowerTTL) > 0, StepDrain: len(st.Drain) > 0,
		StepForceDown: len(st.ForceDown) > 0, StepVantage: st.IgnoreVantage != "", StepSilence: st.SilenceNode != "", StepWindow: st.Window,
		StepRestore: st.Restore != "", StepWebhook: st.Webhook != nil, StepWaitFor: st.WaitFor != "", StepWait: st.Wait != 0,
	} {
		switch {
		case is && kind != "":
			return ""
		case is:
			kind = k
		}
	}
	return kind
}

// On are the drills that do something to answers, by a clock: a node does not go on for long with one whose end it does not hear of.
func (s *State) drilling(now int64) (list []Drill) {
	for _, r := range s.Drills.All {
		if !r.Over() && now < r.ExpiresAt+int64(DrillGrace) {
			list = append(list, r)
		}
	}
	return list
}

// IgnoredVantages are the nodes whose reports a drill has ignored at a time.
func (s *State) IgnoredVantages(now int64) (labels []string) {
	for _, r := range s.drilling(now) {
		labels = append(labels, r.Vantages...)
	}
	return labels
}

// Silenced says whether a drill has a node answer no query at a time.
func (s *State) Silenced(node string, now int64) bool {
	return slices.ContainsFunc(s.drilling(now), func(r Drill) bool { return slices.Contains(r.Silent, node) })
}

// Nodes are the labels of the nodes that a plan does something to.
func (p *DrillPlan) Nodes() (labels []string) {
	for _, st := range p.Compile() {
		for _, n := range []string{st.IgnoreVantage, st.SilenceNode} {
			if n != "" {
				labels = append(labels, n)
			}
		}
	}
	return labels
}
