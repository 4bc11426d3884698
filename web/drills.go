package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

// StartDrill makes a run of a plan.
func (s *server) StartDrill(c *gin.Context, params api.StartDrillParams) {
	var in api.DrillStart
	data, err := readJSON(c, maxSmall, &in)
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, "", params.IdempotencyKey, sum(data))
	}
	if err == nil {
		err = checkLength(ch.Reason)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.StartDrill{Plan: in.Plan, Practice: in.Practice}
	out, ok := s.propose(c, ch, 0)
	if !ok {
		return
	}
	c.Header("Location", base+"/drills/"+out.Made)
	s.render(c, http.StatusCreated, api.DraftWritten{Id: out.Made, Index: out.Index, Replayed: out.Replayed})
}

// AbortDrill ends a run.
func (s *server) AbortDrill(c *gin.Context, id api.DrillPath, params api.AbortDrillParams) {
	s.onDrill(c, params.IdempotencyKey, change.AbortDrill{ID: id})
}

// ApproveDrill lets a run go on.
func (s *server) ApproveDrill(c *gin.Context, id api.DrillPath, params api.ApproveDrillParams) {
	s.onDrill(c, params.IdempotencyKey, change.ApproveDrill{ID: id})
}

func (s *server) onDrill(c *gin.Context, key string, body change.Body) {
	ch, err := s.envelope(c, "", key, nil)
	if err == nil {
		err = checkLength(ch.Reason)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = body
	s.put(c, http.StatusOK, ch, 0)
}

// checkLength bounds a reason that may be left out.
func checkLength(reason string) error {
	if len(reason) > maxReason {
		return policy.Errorf(policy.Invalid, "the reason has %d octets; %d are the most", len(reason), maxReason)
	}
	return nil
}

// drillShown is an api.Drill with its plan in our nouns.
type drillShown struct {
	api.Drill
	Plan policy.DrillPlan `json:"plan"`
}

// ListDrills lists the runs, the newest first.
func (s *server) ListDrills(c *gin.Context) {
	state := s.cfg.Node.State()
	var all []policy.Drill
	for _, r := range state.Drills.All {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b policy.Drill) int {
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), strings.Compare(b.ID, a.ID))
	})
	list := struct {
		Items []drillShown `json:"items"`
	}{[]drillShown{}}
	for i := range all {
		list.Items = append(list.Items, renderDrill(state, &all[i]))
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// GetDrill shows a run.
func (s *server) GetDrill(c *gin.Context, id api.DrillPath) {
	state := s.cfg.Node.State()
	r, ok := state.Drills.Get(id)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no drill %q", id))
		return
	}
	read(c, state, r.Seq)
	s.render(c, http.StatusOK, renderDrill(state, &r))
}

// PreflightDrill checks a plan without a run.
func (s *server) PreflightDrill(c *gin.Context, name string) {
	state := s.cfg.Node.State()
	o, ok := state.DrillPlans.Get(name)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no drill plan %q", name))
		return
	}
	out := api.Preflight{Plan: name, Steps: renderSteps(o.Spec.Compile())}
	checks := s.cfg.Node.Preflight(c.Request.Context(), &o.Spec)
	out.Ok, out.Checks = !slices.ContainsFunc(checks, func(v policy.DrillCheck) bool { return v.Result == policy.CheckFail }), renderChecks(checks)
	s.render(c, http.StatusOK, out)
}

func renderDrill(state *policy.State, r *policy.Drill) drillShown {
	v := drillShown{Plan: r.Plan, Drill: api.Drill{
		Id: r.ID, Actor: r.Actor, ActorName: actorName(state, r.Actor), Reason: r.Reason, Due: clockTime(r.Due), Practice: r.Practice,
		Phase: api.DrillPhase(r.Phase), Over: r.Over(), Code: r.Code, Problem: r.Problem, CreatedAt: clockTime(r.CreatedAt), StartedAt: clockTime(r.StartedAt),
		EndedAt: clockTime(r.EndedAt), ExpiresAt: clockTime(r.ExpiresAt), Steps: renderSteps(r.Steps), Checks: renderChecks(r.Checks), Timeline: renderNotes(r.Timeline),
	}}
	return v
}

func renderSteps(steps []policy.DrillStepRun) []api.DrillStepRun {
	list := []api.DrillStepRun{}
	for i := range steps {
		st := &steps[i]
		v := api.DrillStepRun{
			Name: st.Name, Kind: api.DrillStepRunKind(st.Kind), Text: stepText(st), Group: st.Group, Phase: st.Phase, State: api.DrillStepRunState(cmp.Or(st.State, "waiting")),
			StartedAt: clockTime(st.StartedAt), EndedAt: clockTime(st.EndedAt), Controls: st.Controls, Code: st.Code, Unreachable: st.Nodes, Problem: st.Problem,
		}
		if st.State == policy.StepRunning {
			v.Until = clockTime(st.Until)
		}
		for _, a := range st.Approvals {
			v.ApprovedBy = append(v.ApprovedBy, a.Actor)
		}
		list = append(list, v)
	}
	return list
}

func over(text string, d policy.Duration) string {
	if d == 0 {
		return text
	}
	return text + " over " + d.String()
}

// stepText is what a step does it with.
func stepText(st *policy.DrillStepRun) string {
	switch st.Kind {
	case policy.StepApproval:
		return fmt.Sprintf("by %d", st.ApprovalsNeeded)
	case policy.StepLowerTTL:
		return strings.Join(st.LowerTTL, ", ")
	case policy.StepDrain:
		return over(strings.Join(st.Drain, ", "), st.Takes())
	case policy.StepForceDown:
		return strings.Join(st.ForceDown, ", ")
	case policy.StepVantage:
		return st.IgnoreVantage
	case policy.StepSilence:
		return st.SilenceNode
	case policy.StepRestore:
		return over(st.Restore, st.Over)
	case policy.StepWebhook:
		return st.Webhook.URL
	case policy.StepWaitFor:
		return st.WaitFor
	case policy.StepWait:
		return st.Wait.String()
	}
	return ""
}
