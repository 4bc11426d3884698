package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
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
	Override  []string        `json:"override"`
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
	ch.Body = change.PutControl{Target: in.Target, Action: in.Action, ExpiresIn: in.ExpiresIn, StartsIn: in.StartsIn}
	if params.DryRun {
		ch.Clock = s.cfg.Now().UnixNano()
		s.rehearse(c, ch, in)
		return
	}
	out, ok := s.propose(c, ch, 0)
	if !ok {
		return
	}
	nodes := s.cfg.Node.Settle(context.WithoutCancel(c.Request.Context()), out.Index)
	r := written(c, out, nodes)
	control, ok := s.cfg.Node.State().Controls.Get(out.Made)
	if !ok {
		s.refuse(c, policy.Errorf(policy.Conflict, "the control %s was made at index %d and is no longer in force: it has been lifted or has expired", out.Made, out.Index))
		return
	}
	s.published.keep(control.ID, nodes)
	v := renderControl(control, nodes)
	c.Header("Location", base+"/controls/"+control.ID)
	s.render(c, http.StatusCreated, api.ControlCreated{
		Id: v.Id, Target: v.Target, Action: v.Action, Reason: v.Reason, Actor: v.Actor, CreatedAt: v.CreatedAt, StartsAt: v.StartsAt, ExpiresAt: v.ExpiresAt,
		Phase: api.ControlCreatedPhase(v.Phase), Problem: v.Problem, Overrides: v.Overrides, Window: v.Window,
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
	for _, v := range controls {
		nodes, _ := s.published.get(v.ID)
		list.Items = append(list.Items, renderControl(v, nodes))
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// GetControl shows a control and asks the nodes again unless all are known to have published it.
func (s *server) GetControl(c *gin.Context, _ string) {
	id := c.Param("id")
	state := s.cfg.Node.State()
	if v, ok := s.localControl(id); ok {
		read(c, state, state.Revision)
		s.render(c, http.StatusOK, renderControl(v, nil))
		return
	}
	v, ok := state.Controls.Get(id)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no control %q; it may have expired or been lifted", id))
		return
	}
	nodes, known := s.published.get(id)
	if !known || slices.ContainsFunc(nodes, func(n policy.Publication) bool { return !n.Done() }) {
		nodes = s.published.keep(id, s.cfg.Node.Settle(c.Request.Context(), madeAt(v)))
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, renderControl(v, nodes))
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

func renderControl(v policy.Control, nodes []policy.Publication) api.Control {
	a := api.Control{
		Id: v.ID, Target: v.Target, Action: string(v.Action), Reason: v.Reason, Actor: v.Actor,
		CreatedAt: time.Unix(0, v.CreatedAt).UTC(), Phase: api.ControlPhase(v.Phase), Problem: v.Problem, Overrides: v.Overrides, Window: window(nodes),
	}
	if v.Local() { // it is answered by when the call that made it returns
		a.Local, a.Window = true, api.Window{State: "published", PublishedAt: a.CreatedAt, Nodes: []api.Publication{}}
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

// window says how far a control is published.
func window(nodes []policy.Publication) api.Window {
	w := api.Window{State: api.WindowState("published"), Nodes: renderPublications(nodes)}
	var last time.Time
	for _, n := range nodes {
		switch {
		case !n.Done() && n.Reachable:
			w.State = "publishing"
		case !n.Done() && w.State == "published":
			w.State = "incomplete"
		}
		if n.PublishedAt.After(last) {
			last = n.PublishedAt
		}
	}
	if len(nodes) == 0 {
		w.State = "publishing"
	}
	if w.State == "published" {
		w.PublishedAt = last
	}
	return w
}

// maxPublications is for how many recent controls a node remembers who published them when.
const maxPublications = 1024

// publications remembers when the nodes published recent controls.
type publications struct {
	mu    sync.Mutex
	by    map[string][]policy.Publication
	order []string // oldest first
}

func newPublications() *publications {
	return &publications{by: map[string][]policy.Publication{}}
}

func (p *publications) get(id string) ([]policy.Publication, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	nodes, ok := p.by[id]
	return nodes, ok
}

// keep takes in what was just heard and gives all that is known: when a node
// has said once that it has published, that stands, though it is out of reach now.
func (p *publications) keep(id string, heard []policy.Publication) []policy.Publication {
	p.mu.Lock()
	defer p.mu.Unlock()
	old, ok := p.by[id]
	if !ok {
		if p.order = append(p.order, id); len(p.order) > maxPublications {
			delete(p.by, p.order[0])
			p.order = p.order[1:]
		}
	}
	nodes := slices.Clone(heard)
	for i := range nodes {
		for _, o := range old {
			if o.ID == nodes[i].ID && o.Done() {
				o.Reachable = nodes[i].Reachable
				nodes[i] = o
			}
		}
	}
	p.by[id] = nodes
	return nodes
}
