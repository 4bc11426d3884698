package drill

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Ask is something outside of State that a run waits for.
type Ask struct {
	Step int
	Kind string // policy.StepPreflight, StepWindow or StepWebhook
}

// Asks are what a run waits for from outside.
func Asks(r *policy.Drill) (list []Ask) {
	if r.Over() {
		return nil
	}
	for i := range r.Steps {
		st := &r.Steps[i]
		if st.State != policy.StepRunning {
			continue
		}
		switch st.Kind {
		case policy.StepPreflight, policy.StepWebhook:
			list = append(list, Ask{i, st.Kind})
		case policy.StepWindow:
			if st.Until == 0 {
				list = append(list, Ask{i, st.Kind})
			}
		}
	}
	return list
}

// Result is the answer to an Ask.
type Result struct {
	Checks  []policy.DrillCheck // of preflight: those that State does not say
	Until   int64               // of the window: when it closes, by State's clock
	Nodes   []string            // of the window: that cannot be asked
	Code    int                 // of a webhook
	Problem string              // "": it went well
}

// Settle brings an answer into a run; false when the step does not wait for it any more.
func Settle(s *policy.State, r policy.Drill, now int64, step int, res Result) (Move, bool) {
	if step < 0 || step >= len(r.Steps) || !slices.ContainsFunc(Asks(&r), func(a Ask) bool { return a.Step == step }) {
		return Move{}, false
	}
	m := newMover(s, r, now)
	st := &m.Run.Steps[step]
	st.Code, st.Nodes = res.Code, res.Nodes
	switch {
	case st.Kind == policy.StepPreflight:
		m.checked(step, res)
	case res.Problem != "":
		m.fail(step, CodeStep, res.Problem)
	case st.Kind == policy.StepWindow:
		st.Until = max(res.Until, now)
		text := "closes in " + time.Duration(st.Until-now).Round(time.Second).String()
		if len(res.Nodes) > 0 {
			text += "; not known of " + strings.Join(res.Nodes, ", ")
		}
		m.note("the window %s", text)
	default:
		m.finish(step, fmt.Sprintf("it answered %d", res.Code))
	}
	return m.done()
}

// checked judges preflight: what State says as it is now, and what the leader saw.
func (m *mover) checked(step int, res Result) {
	r := &m.Run
	if res.Problem != "" {
		m.fail(step, CodeStep, res.Problem)
		return
	}
	r.Checks = append(Preflight(m.s, &r.Plan, r.ID, m.now), res.Checks...)
	for _, c := range r.Checks {
		if c.Result == policy.CheckFail {
			r.Steps[step].State, r.Steps[step].EndedAt, r.Steps[step].Problem = policy.StepFailed, m.now, c.Text
			m.end(c.Name, c.Text)
			return
		}
	}
	warned := 0
	for _, c := range r.Checks {
		if c.Result == policy.CheckWarn {
			warned++
		}
	}
	m.finish(step, fmt.Sprintf("nothing is against it (%d checks, %d warn)", len(r.Checks), warned))
	if r.Practice {
		m.foretell()
	}
}

// foretell ends a practice: when each step would go on, by what is known ahead.
func (m *mover) foretell() {
	r := &m.Run
	at, group, longest := m.now, 0, int64(0)
	for i := range r.Steps {
		st := &r.Steps[i]
		if st.Group != group {
			at, group, longest = at+longest, st.Group, 0
		}
		if st.State != "" {
			continue
		}
		takes := int64(st.Takes())
		switch st.Kind {
		case policy.StepLowerTTL:
			takes = int64(ahead(m.s, &r.Plan))
		case policy.StepWindow:
			takes = int64(Window(m.s, &r.Plan))
		}
		st.State, st.StartedAt, st.EndedAt = policy.StepWould, at, at+takes
		longest = max(longest, takes)
	}
	m.end("", "")
}

// ahead is how long before what a plan does answers must be short-lived: the longest TTL of the services it concerns that have a range of them.
func ahead(s *policy.State, p *policy.DrillPlan) policy.Duration {
	most := policy.Seconds(0)
	for _, id := range Concerned(s, p) {
		if o, ok := s.Services.Get(id); ok {
			if t := o.Spec.TTLRange(); !t.Fixed() {
				most = max(most, t.Max)
			}
		}
	}
	return policy.Duration(most) * policy.Duration(time.Second)
}

// Window is how long clients may have an answer that a plan makes old: the longest TTL that a service it concerns
// hands out, and a second, because resolvers count whole ones.
func Window(s *policy.State, p *policy.DrillPlan) policy.Duration {
	most := policy.Seconds(0)
	for _, id := range Concerned(s, p) {
		if o, ok := s.Services.Get(id); ok {
			t := o.Spec.TTLRange()
			most = max(most, t.Max)
		}
	}
	return policy.Duration(most)*policy.Duration(time.Second) + policy.Duration(time.Second)
}

// Approve notes that somebody lets the steps that wait for it go on.
func Approve(s *policy.State, r policy.Drill, now int64, actor string) (Move, error) {
	m := newMover(s, r, now)
	n := 0
	for i := range m.Run.Steps {
		st := &m.Run.Steps[i]
		if st.State != policy.StepRunning || st.Kind != policy.StepApproval {
			continue
		}
		n++
		if slices.ContainsFunc(st.Approvals, func(a policy.DrillApproved) bool { return a.Actor == actor }) {
			return Move{}, policy.Errorf(policy.Conflict, "%s approved the step %s already; somebody else has to", actor, st.Name)
		}
		st.Approvals = append(slices.Clip(st.Approvals), policy.DrillApproved{Actor: actor, At: now})
		m.note("%s approved %s (%d of %d)", actor, st.Name, len(st.Approvals), st.ApprovalsNeeded)
	}
	switch {
	case n == 0:
		return Move{}, policy.Errorf(policy.Conflict, "the drill %s waits for no approval; it is %s", r.ID, r.Phase)
	case actor == r.Actor:
		return Move{}, policy.Errorf(policy.Conflict, "%s started the drill %s; somebody else approves it", actor, r.ID)
	}
	v, _ := m.done()
	return v, nil
}

// Webhook is the call that a step makes: the same, with the same key, whoever makes it.
func Webhook(r *policy.Drill, step int) policy.WebhookCall {
	st := &r.Steps[step]
	w := st.Webhook
	call := policy.WebhookCall{URL: w.URL, Secret: w.Secret, Key: r.ID + "/" + st.Name, Body: []byte(w.Body)}
	if w.Body == "" {
		call.Body, _ = json.Marshal(struct { // plain strings always encode
			Drill  string `json:"drill"`
			Plan   string `json:"plan"`
			Step   string `json:"step"`
			Actor  string `json:"actor"`
			Reason string `json:"reason,omitempty"`
		}{r.ID, r.Plan.Name, st.Name, r.Actor, r.Reason})
	}
	return call
}
