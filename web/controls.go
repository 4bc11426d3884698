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
	Target    string          `json:"target"`
	Action    policy.Action   `json:"action"`
	Reason    string          `json:"reason"`
	ExpiresIn policy.Duration `json:"expiresIn"`
	StartsIn  policy.Duration `json:"startsIn"`
}

func (s *server) CreateControl(c *gin.Context, params api.CreateControlParams) {
	var in controlRequest
	data, err := readJSON(c, maxSmall, &in)
	if err == nil {
		err = checkReason(in.Reason)
	}
	if err == nil && callerOf(c).glass {
		s.drainLocally(c, in)
		return
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, params.IfMatch, params.IdempotencyKey, sum(data))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Reason = cmp.Or(strings.TrimSpace(in.Reason), ch.Reason)
	ch.Body = change.PutControl{Target: in.Target, Action: in.Action, ExpiresIn: in.ExpiresIn, StartsIn: in.StartsIn}
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
	c.Header("Location", base+"/controls/"+control.ID)
	s.render(c, http.StatusCreated, api.ControlCreated{
		Id: v.Id, Target: v.Target, Action: v.Action, Reason: v.Reason, Actor: v.Actor, CreatedAt: v.CreatedAt, StartsAt: v.StartsAt, ExpiresAt: v.ExpiresAt,
		Phase: api.ControlCreatedPhase(v.Phase), Problem: v.Problem, Window: v.Window,
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
	list := api.ControlList{Items: []api.Control{}}
	windows := s.windows(c.Request.Context(), state, controls)
	for i, v := range controls {
		list.Items = append(list.Items, renderControl(v, windows[i]))
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
		s.render(c, http.StatusOK, renderControl(v, policy.Window{}))
		return
	}
	v, ok := state.Controls.Get(id)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no control %q; it may have expired or been lifted", id))
		return
	}
	w := s.window(c.Request.Context(), state, v)
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, renderControl(v, w))
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
	ch.Body = change.DeleteControl{ID: c.Param("id")}
	s.put(c, http.StatusOK, ch, 0)
}

// ResumeEndpoint lets an endpoint come up again that waits for an operator.
func (s *server) ResumeEndpoint(c *gin.Context, _ string, params api.ResumeEndpointParams) {
	var in api.ResumeRequest
	data, err := readJSON(c, maxSmall, &in)
	if err == nil {
		err = checkReason(in.Reason)
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, params.IfMatch, params.IdempotencyKey, sum(data))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Reason = cmp.Or(strings.TrimSpace(in.Reason), ch.Reason)
	ch.Body = change.ResumeEndpoint{Endpoint: "endpoint/" + strings.TrimPrefix(c.Param("endpoint"), "endpoint/")}
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

func renderControl(v policy.Control, w policy.Window) api.Control {
	a := api.Control{
		Id: v.ID, Target: v.Target, Action: string(v.Action), Reason: v.Reason, Actor: v.Actor,
		CreatedAt: time.Unix(0, v.CreatedAt).UTC(), Phase: api.ControlPhase(v.Phase), Problem: v.Problem, Window: renderWindow(w),
	}
	if v.Local() { // it is answered by when the call that made it returns
		a.Local, a.Window = true, api.Window{State: api.WindowStateDraining, PublishedAt: a.CreatedAt, Nodes: []api.NodeWindow{}}
	}
	if v.Phase == policy.InForce {
		a.Phase = "in-force"
	}
	if v.StartsAt != 0 {
		a.StartsAt = time.Unix(0, v.StartsAt).UTC()
	}
	if v.ExpiresAt != 0 {
		a.ExpiresAt = time.Unix(0, v.ExpiresAt).UTC()
	}
	return a
}
