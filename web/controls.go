package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

// maxReason bounds the reason of a control or a resume, in octets.
const maxReason = 1000

// controlRequest is an api.ControlRequest in our nouns.
type controlRequest struct {
	Target    string           `json:"target"`
	Action    policy.Action    `json:"action"`
	Reason    string           `json:"reason"`
	ExpiresIn policy.Duration  `json:"expiresIn"`
	StartsIn  policy.Duration  `json:"startsIn"`
	Share     *int             `json:"share"`
	Ramp      *policy.RampPlan `json:"ramp"`
	Override  []string         `json:"override"`
}

func (r *controlRequest) body() change.PutControl {
	return change.PutControl{Target: r.Target, Action: r.Action, ExpiresIn: r.ExpiresIn, StartsIn: r.StartsIn, Share: r.Share, Ramp: r.Ramp}
}

func (s *server) CreateControl(c *gin.Context, params api.CreateControlParams) {
	var in controlRequest
	data, err := readJSON(c, maxSmall, &in)
	if err == nil {
		err = checkReason(in.Reason)
	}
	if err == nil && callerOf(c).glass && params.DryRun {
		err = policy.Errorf(badRequest, "a drain of this node alone cannot be rehearsed")
	}
	if err == nil && callerOf(c).glass {
		s.drainLocally(c, in)
		return
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, params.IfMatch, params.IdempotencyKey, sum(data))
	}
	if err == nil {
		ch.Override = append(ch.Override, in.Override...)
		err = mayOverride(c, ch.Override)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Reason = cmp.Or(strings.TrimSpace(in.Reason), ch.Reason)
	ch.Body = in.body()
	if params.DryRun {
		ch.Clock = s.cfg.Now().UnixNano()
		s.rehearse(c, ch, in)
		return
	}
	out, ok := s.propose(c, ch, 0)
	if !ok {
		return
	}
	state := s.cfg.Node.State()
	control, ok := state.Controls.Get(out.Made)
	if !ok {
		s.refuse(c, policy.Errorf(policy.Conflict, "the control %s was made at index %d and is no longer in force: it has been lifted or has expired", out.Made, out.Index))
		return
	}
	named := make(chan []string, 1)
	go func() { named <- staticWarnings(state, control) }()
	w := s.window(context.WithoutCancel(c.Request.Context()), state, control)
	var nodes []policy.Publication
	for i := range w.Nodes {
		nodes = append(nodes, w.Nodes[i].Publication)
	}
	out.Warnings = append(slices.Clip(out.Warnings), <-named...)
	r := written(c, out, nodes)
	v := renderControl(control, w)
	render(&v, state.Rivals()[control.ID])
	c.Header("Location", base+"/controls/"+control.ID)
	s.render(c, http.StatusCreated, api.ControlCreated{
		Id: v.Id, Target: v.Target, Action: v.Action, Reason: v.Reason, Actor: v.Actor, CreatedAt: v.CreatedAt, StartsAt: v.StartsAt, ExpiresAt: v.ExpiresAt,
		Phase: api.ControlCreatedPhase(v.Phase), Problem: v.Problem, Override: v.Override, Window: v.Window,
		Share: v.Share, Kept: v.Kept, Ramp: v.Ramp, Source: api.ControlCreatedSource(v.Source), Drill: v.Drill, Covers: v.Covers, Overrides: v.Overrides, OverriddenBy: v.OverriddenBy,
		Revision: r.Revision, Index: r.Index, Warnings: r.Warnings, Nodes: r.Nodes, Unpublished: r.Unpublished, Replayed: r.Replayed,
	})
}

func (s *server) ListControls(c *gin.Context) {
	state := s.cfg.Node.State()
	controls := make([]policy.Control, 0, state.Controls.Len())
	for _, v := range state.Controls.All {
		controls = append(controls, v)
	}
	controls = append(controls, s.cfg.Local.Controls()...)
	slices.SortFunc(controls, func(a, b policy.Control) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(madeAt(a), madeAt(b)))
	})
	list, rivals := api.ControlList{Items: []api.Control{}}, s.rivals(state)
	windows := s.windows(c.Request.Context(), state, controls)
	for i, v := range controls {
		a := renderControl(v, windows[i])
		render(&a, rivals[v.ID])
		list.Items = append(list.Items, a)
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// GetControl shows a control, and asks the nodes about it.
func (s *server) GetControl(c *gin.Context, _ string) {
	id := c.Param("id")
	state := s.cfg.Node.State()
	if v, ok := s.localControl(id); ok {
		read(c, state, state.Revision)
		a := renderControl(v, policy.Window{})
		render(&a, s.rivals(state)[id])
		s.render(c, http.StatusOK, a)
		return
	}
	v, ok := state.Controls.Get(id)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no control %q; it may have expired or been lifted", id))
		return
	}
	w := s.window(c.Request.Context(), state, v)
	read(c, state, state.Revision)
	a := renderControl(v, w)
	render(&a, s.rivals(state)[id])
	s.render(c, http.StatusOK, a)
}

// rivals is what controls cover and override, with those of this node alone.
func (s *server) rivals(state *policy.State) map[string]policy.Rivals {
	return state.WithControls(s.cfg.Local.Controls()).Rivals()
}

func (s *server) DeleteControl(c *gin.Context, id string, params api.DeleteControlParams) {
	if v, ok := s.localControl(id); ok {
		s.liftLocally(c, v)
		return
	}
	if callerOf(c).glass {
		s.refuse(c, policy.Errorf(forbidden, "the break-glass token lifts drains of this node alone; %s is none of them", id))
		return
	}
	ch, err := s.envelope(c, params.IfMatch, params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	b := change.DeleteControl{ID: c.Param("id")}
	if params.Over != "" {
		if err := b.Over.UnmarshalText([]byte(params.Over)); err != nil || b.Over <= 0 {
			s.refuse(c, policy.Errorf(policy.Invalid, "over=%q is no time to come; write 10m or 600", params.Over))
			return
		}
	}
	ch.Body = b
	s.put(c, http.StatusOK, ch, 0)
}

// ResumeEndpoint lets an endpoint come up again that waits for an operator.
func (s *server) ResumeEndpoint(c *gin.Context, _ string, params api.ResumeEndpointParams) {
	var in api.ResumeRequest
	s.reasoned(c, params.IfMatch, params.IdempotencyKey, &in, func() (string, change.Body) {
		return in.Reason, change.ResumeEndpoint{Endpoint: "endpoint/" + strings.TrimPrefix(c.Param("endpoint"), "endpoint/")}
	})
}

// reasoned reads a small body that has a reason in it, and proposes what made makes of it, with that reason.
func (s *server) reasoned(c *gin.Context, ifMatch, key string, in any, made func() (reason string, body change.Body)) {
	data, err := readJSON(c, maxSmall, in)
	if err != nil {
		s.refuse(c, err)
		return
	}
	reason, body := made()
	if err = checkReason(reason); err != nil {
		s.refuse(c, err)
		return
	}
	ch, err := s.envelope(c, ifMatch, key, sum(data))
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Reason, ch.Body = cmp.Or(strings.TrimSpace(reason), ch.Reason), body
	s.put(c, http.StatusOK, ch, 0)
}

// RemoveMember takes a member out of the cluster for good.
func (s *server) RemoveMember(c *gin.Context, label string, params api.RemoveMemberParams) {
	ch, err := s.envelope(c, "", params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	out, done := s.cfg.Node.State().Requests.Get(ch.Request)
	if done && ch.Request != "" { // there is no such member any more to take out again
		out.Replayed = true
	} else {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), 9*time.Second) // Raft first, then its record
		defer cancel()
		out, err = s.cfg.Node.Expel(ctx, label, ch)
	}
	if err == nil && out.Refused != nil {
		err = out.Refused
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, s.settle(c, out))
}

func checkReason(reason string) error {
	if len(reason) > maxReason {
		return policy.Errorf(policy.Invalid, "the reason has %d octets; %d are the most", len(reason), maxReason)
	}
	return nil
}

// madeAt is the index of the change that made a control; its id is made of it.
func madeAt(v policy.Control) uint64 {
	id, _, _ := strings.Cut(strings.TrimPrefix(v.ID, "c"), "-") // c17-2 is the second that the change at 17 made
	index, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return 0 // published everywhere long since
	}
	return index
}
