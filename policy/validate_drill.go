package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Next is the first instant of a schedule after a time, without its jitter; false when there is none within five years.
func (d DrillSchedule) Next(after time.Time) (time.Time, bool) {
	s, err := d.parse()
	if err != nil {
		return time.Time{}, false
	}
	next := s.Next(after.UTC())
	return next, !next.IsZero()
}

func (d DrillSchedule) parse() (cron.Schedule, error) {
	if strings.ContainsAny(d.Cron, "=@") || len(strings.Fields(d.Cron)) != 5 || len(d.Cron) > 200 {
		return nil, fmt.Errorf("%q is not five fields; write minute, hour, day of month, month and day of week by UTC, as in \"0 9 * * 2\"", d.Cron)
	}
	s, err := cron.ParseStandard(d.Cron)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be read: %v; write minute, hour, day of month, month and day of week by UTC, as in \"0 9 * * 2\"", d.Cron, err)
	}
	return s, nil
}

// After is an instant of the schedule with its jitter, which every leader works out alike.
func (d DrillSchedule) After(plan string, instant time.Time) time.Time {
	if d.Jitter <= 0 {
		return instant
	}
	return instant.Add(time.Duration(hashBytes(plan, []byte(instant.UTC().Format(time.RFC3339))) % uint64(d.Jitter)))
}

func (c *Config) validateDrills(p *Problems) {
	index(p, "/drillPlans", c.DrillPlans, func(v DrillPlan) string { return v.Name }, CheckLabel)
	if n := len(c.DrillPlans); n > MaxDrillPlans {
		p.Add("/drillPlans", "there are %d drill plans; %d are the most", n, MaxDrillPlans)
	}
	for i := range c.DrillPlans {
		v := planChecker{c: c, p: p, at: fmt.Sprintf("/drillPlans/%d", i)}
		v.plan(&c.DrillPlans[i])
	}
}

// planChecker notes what is wrong with one plan.
type planChecker struct {
	c     *Config
	p     *Problems
	at    string
	names map[string]bool // of the steps up to here
}

func (v *planChecker) plan(d *DrillPlan) {
	p, at := v.p, v.at
	n := 0
	for _, there := range []bool{len(d.Evacuate) > 0, d.Simulate != nil, len(d.Steps) > 0} {
		if there {
			n++
		}
	}
	if n != 1 {
		p.Add(at, "a drill plan is exactly one of evacuate, simulate and steps; this one is %d of them", n)
	}
	v.targets(at+"/evacuate", d.Evacuate)
	if m := d.Simulate; m != nil {
		v.simulation(at+"/simulate", m)
	}
	if d.LowerTTL != nil && len(d.Evacuate) == 0 {
		p.Add(at+"/lowerTTL", "lowerTTL goes with evacuate; a failure is not announced, and steps have their own")
	}
	if (d.Ramp != nil || d.BackOver != 0) && len(d.Evacuate) == 0 {
		p.Add(at, "ramp and returnOver go with evacuate; a failure comes at once, and steps have their own (ramp with drain, over with restore)")
	}
	v.ramp(at+"/ramp", d.Ramp)
	v.over(at+"/returnOver", d.BackOver)
	if len(d.Steps) > 0 && d.Hold != 0 {
		p.Add(at+"/hold", "hold goes with evacuate and simulate; among steps write one with wait")
	}
	within(p, at+"/hold", "hold", d.Hold, 0, MaxDrill)
	within(p, at+"/expires", "expires", d.Expires, Duration(time.Minute), MaxDrill)
	within(p, at+"/rto", "rto", d.RTO, Duration(time.Second), MaxDrill)
	if len(d.Title) > MaxComment || strings.ContainsAny(d.Title, "\r\n") {
		p.Add(at+"/title", "a title is one line of at most %d octets", MaxComment)
	}
	if len(d.AbortWhen) > MaxAbortWhen {
		p.Add(at+"/abortWhen", "there are %d conditions; %d are the most", len(d.AbortWhen), MaxAbortWhen)
	}
	for i, text := range d.AbortWhen {
		if err := CheckCondition(text); err != nil {
			p.Add(fmt.Sprintf("%s/abortWhen/%d", at, i), "%v", err)
		}
	}
	if d.Approvals < 0 || d.Approvals > MaxApprovals {
		p.Add(at+"/approvals", "%d approvals are not within 0 to %d", d.Approvals, MaxApprovals)
	}
	ValidateWindows(p, at+"/allowed", d.Allowed)
	ValidateWindows(p, at+"/blocked", d.Blocked)
	if s := d.Schedule; s != nil {
		within(p, at+"/schedule/jitter", "jitter", s.Jitter, 0, MaxDrill)
		if sched, err := s.parse(); err != nil {
			p.Add(at+"/schedule/cron", "%v", err)
		} else if sched.Next(time.Unix(0, 0).UTC()).IsZero() {
			p.Add(at+"/schedule/cron", "%q never comes", s.Cron)
		}
	}
	v.steps(d)
	if n == 1 && len(*p) == 0 {
		if need := plainLength(d); d.Expires > 0 && need >= d.Expires {
			p.Add(at+"/expires", "the run would end by force after %v, and its waiting alone takes %v; write more", d.Expires, need)
		} else if need >= MaxDrill {
			p.Add(at, "its waiting alone takes %v; a run ends after %v at the most", need, MaxDrill)
		}
	}
}

// ramp checks how a drain goes in steps.
func (v *planChecker) ramp(at string, r *RampPlan) {
	if r == nil {
		return
	}
	if _, err := r.Ramp(0); err != nil {
		v.p.Add(at, "%v", err)
	}
	for i, text := range r.PauseWhen {
		if err := CheckCondition(text); err != nil {
			v.p.Add(fmt.Sprintf("%s/pauseWhen/%d", at, i), "%v", err)
		}
	}
	if len(r.BackWhen) > 0 {
		v.p.Add(at+"/backWhen", "a drill turns back as a whole: write this into abortWhen of the plan")
	}
}

// over checks how long a return takes.
func (v *planChecker) over(at string, d Duration) {
	if least := MinRampEvery * (EvenSteps - 1); d != 0 && (d < least || d > MaxRampOver) {
		v.p.Add(at, "%v is not within %v to %v; leave it out to return at once", d, least, MaxRampOver)
	}
}

// plainLength is how long the waiting of a plan takes at the least.
func plainLength(d *DrillPlan) (all Duration) {
	longest := map[int]Duration{}
	for _, st := range d.Compile() {
		longest[st.Group] = max(longest[st.Group], st.Takes())
	}
	for _, w := range longest {
		all += w
	}
	return all
}

func within(p *Problems, at, what string, v, least, most Duration) {
	if v != 0 && v < least || v > most || v < 0 {
		p.Add(at, "%s of %v is not within %v to %v", what, v, least, most)
	}
}

func (v *planChecker) simulation(at string, m *DrillSimulation) {
	n := 0
	for _, there := range []bool{len(m.Down) > 0, m.Vantage != "", m.Nameserver != ""} {
		if there {
			n++
		}
	}
	if n != 1 {
		v.p.Add(at, "a drill simulates exactly one of down, vantage and nameserver; this one %d of them", n)
	}
	v.targets(at+"/down", m.Down)
	v.node(at+"/vantage", m.Vantage)
	v.node(at+"/nameserver", m.Nameserver)
}

func (v *planChecker) node(at, label string) {
	if label == "" {
		return
	}
	if err := CheckLabel(label); err != nil {
		v.p.Add(at, "%v", err)
	}
}

func (v *planChecker) targets(at string, list []string) {
	if len(list) > MaxDrillTargets {
		v.p.Add(at, "there are %d targets; %d are the most", len(list), MaxDrillTargets)
	}
	seen := map[string]bool{}
	for i, id := range list {
		where := fmt.Sprintf("%s/%d", at, i)
		t, err := ParseTarget(id)
		switch {
		case err != nil:
			v.p.Add(where, "%v", err)
		case seen[id]:
			v.p.Add(where, "%s is there twice", id)
		case t.Kind == "service":
			v.p.Add(where, "%s is a service, which a drill does not take out: its clients would have nowhere left to go; write what it is answered with, as in pool/NAME", id)
		case !v.c.covered(t):
			v.p.Add(where, "there is no endpoint in %s", id)
		}
		seen[id] = true
	}
}

// covered says whether any endpoint is within a target.
func (c *Config) covered(t Target) bool {
	regions := map[string]*Region{}
	for i := range c.Regions {
		regions[c.Regions[i].Name] = &c.Regions[i]
	}
	for i := range c.Pools {
		for j := range c.Pools[i].Endpoints {
			e := &c.Pools[i].Endpoints[j]
			if t.Covers(regions[e.RegionOr(&c.Pools[i])], &c.Pools[i], e) {
				return true
			}
		}
	}
	return false
}

func (v *planChecker) steps(d *DrillPlan) {
	v.names = map[string]bool{RestoreAll: true}
	n := 0
	for i := range d.Steps {
		at := fmt.Sprintf("%s/steps/%d", v.at, i)
		st := &d.Steps[i]
		if len(st.Parallel) == 0 {
			n++
			v.step(at, st)
			continue
		}
		if st.kind() != "" || st.Timeout != 0 || st.OnFailure != "" {
			v.p.Add(at, "a step with parallel is nothing else; its parts have their own timeout and onFailure")
		}
		for j := range st.Parallel {
			n++
			in := fmt.Sprintf("%s/parallel/%d", at, j)
			if len(st.Parallel[j].Parallel) > 0 {
				v.p.Add(in+"/parallel", "steps in parallel have no parallel steps of their own")
				continue
			}
			v.step(in, &st.Parallel[j])
		}
	}
	if n > MaxDrillSteps {
		v.p.Add(v.at+"/steps", "there are %d steps; %d are the most", n, MaxDrillSteps)
	}
}

func (v *planChecker) step(at string, st *DrillStep) {
	p := v.p
	if err := CheckLabel(st.Name); err != nil {
		p.Add(at+"/name", "%v", err)
	} else if v.names[st.Name] {
		p.Add(at+"/name", "%q is the name of another step (or means all of them)", st.Name)
	}
	if st.kind() == "" {
		p.Add(at, "a step is exactly one of lowerTTL, drain, forceDown, ignoreVantage, silenceNode, window, restore, webhook, approvals, waitFor, wait and parallel")
	}
	v.targets(at+"/lowerTTL", st.LowerTTL)
	v.targets(at+"/drain", st.Drain)
	v.targets(at+"/forceDown", st.ForceDown)
	if st.Ramp != nil && len(st.Drain) == 0 {
		p.Add(at+"/ramp", "a ramp goes with drain")
	}
	if st.Over != 0 && st.Restore == "" {
		p.Add(at+"/over", "over goes with restore; a drain goes in steps by its ramp")
	}
	v.ramp(at+"/ramp", st.Ramp)
	v.over(at+"/over", st.Over)
	v.node(at+"/ignoreVantage", st.IgnoreVantage)
	v.node(at+"/silenceNode", st.SilenceNode)
	if st.Restore != "" && !v.names[st.Restore] {
		p.Add(at+"/restore", "there is no step %q before this one; write the name of one, or all", st.Restore)
	}
	v.names[st.Name] = true
	if st.ApprovalsNeeded < 0 || st.ApprovalsNeeded > MaxApprovals {
		p.Add(at+"/approvals", "%d approvals are not within 1 to %d", st.ApprovalsNeeded, MaxApprovals)
	}
	if st.WaitFor != "" {
		if err := CheckWaitFor(st.WaitFor); err != nil {
			p.Add(at+"/waitFor", "%v", err)
		}
	}
	within(p, at+"/wait", "wait", st.Wait, Duration(time.Second), MaxDrill)
	within(p, at+"/timeout", "timeout", st.Timeout, Duration(time.Second), MaxDrill)
	oneOf(p, at+"/onFailure", "onFailure", st.OnFailure, "", "abort", "continue")
	if w := st.Webhook; w != nil {
		if err := CheckReceiverURL(w.URL); err != nil {
			p.Add(at+"/webhook/url", "%v", err)
		}
		if w.Secret != nil {
			if err := CheckLabel(w.Secret.Secret); err != nil {
				p.Add(at+"/webhook/secret/secret", "%v", err)
			}
		}
		if len(w.Body) > MaxDrillWebhook || w.Body != "" && !json.Valid([]byte(w.Body)) {
			p.Add(at+"/webhook/body", "it is not JSON of at most %d octets", MaxDrillWebhook)
		}
	}
}

// Secrets are the credentials that the plan uses, by pointer.
func (d *DrillPlan) Secrets() func(yield func(string, *SecretRef) bool) {
	return func(yield func(string, *SecretRef) bool) {
		for i := range d.Steps {
			at := fmt.Sprintf("/steps/%d", i)
			if w := d.Steps[i].Webhook; w != nil && w.Secret != nil && !yield(at+"/webhook/secret/secret", w.Secret) {
				return
			}
			for j := range d.Steps[i].Parallel {
				if w := d.Steps[i].Parallel[j].Webhook; w != nil && w.Secret != nil && !yield(fmt.Sprintf("%s/parallel/%d/webhook/secret/secret", at, j), w.Secret) {
					return
				}
			}
		}
	}
}

// CheckCondition refuses a text that is no Condition, whatever there is.
func CheckCondition(text string) error {
	if name, ok := strings.CutPrefix(text, "signal:"); ok {
		return CheckLabel(name)
	}
	if _, err := NewState().Condition(text, 0); err != nil && KindOf(err) == Invalid {
		return err
	}
	return nil
}

// CheckWaitFor refuses a text that nothing can wait for.
func CheckWaitFor(text string) error {
	if id, ok := strings.CutPrefix(text, "up:"); ok {
		_, err := ParseTarget(id)
		return err
	}
	if name, ok := strings.CutPrefix(text, "signal:"); ok {
		return CheckLabel(name)
	}
	return fmt.Errorf("%q cannot be waited for; write up:pool/NAME, up:region/NAME, up:endpoint/POOL/NAME, or signal:NAME", text)
}
