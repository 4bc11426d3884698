package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// Local is what the node does alone, whatever the cluster is up to.
type Local interface {
	// Node is the node's label.
	Node() string
	// Is says whether a token is the node's own break-glass token.
	Is(token string) bool
	// Controls are the drains in force on this node alone.
	Controls() []policy.Control
	// Drain puts one in force while the node has no leader. It obeys what every drain obeys.
	Drain(ctx context.Context, c policy.Control, lasts policy.Duration) (policy.Control, error)
	// Lift ends one.
	Lift(ctx context.Context, id string) error
	// Note keeps an act in the node's own record, on its disk.
	Note(policy.Act) error
	// Acts are the newest on record, the newest first.
	Acts() ([]policy.Act, error)
}

// nobodyLocal is the part of a node that has none.
type nobodyLocal struct{}

func (nobodyLocal) Node() string               { return "" }
func (nobodyLocal) Is(string) bool             { return false }
func (nobodyLocal) Controls() []policy.Control { return nil }
func (nobodyLocal) Drain(_ context.Context, c policy.Control, _ policy.Duration) (policy.Control, error) {
	return c, policy.Errorf(policy.Unsupported, "this node has no break-glass")
}
func (nobodyLocal) Lift(_ context.Context, id string) error {
	return policy.Errorf(policy.NotFound, "there is no control %q", id)
}
func (nobodyLocal) Note(policy.Act) error       { return nil }
func (nobodyLocal) Acts() ([]policy.Act, error) { return nil, nil }

// glassCalls are what the break-glass token may do beside reading.
var glassCalls = map[string]bool{"POST /controls": true, "DELETE /controls/:id": true}

// note records what is done by break-glass. A disk that is full is no reason not to do it.
func (s *server) note(c *gin.Context, text string) {
	err := s.cfg.Local.Note(policy.Act{At: s.cfg.Now().UTC(), Kind: policy.ActBreakGlass, Actor: c.GetString(actorKey),
		Call: c.Request.Method + " " + c.Request.URL.Path, Peer: c.Request.RemoteAddr, Text: text})
	s.cfg.Log.Warn("break-glass", "call", routeOf(c), "text", text, "peer", c.Request.RemoteAddr)
	if err != nil {
		s.cfg.Log.Error("what was done by break-glass could not be recorded", "error", err)
	}
}

// drainLocally is CreateControl with the break-glass token.
func (s *server) drainLocally(c *gin.Context, in controlRequest) {
	if in.Action != policy.Drain || in.StartsIn != 0 {
		s.refuse(c, policy.Errorf(policy.Invalid, "the break-glass token drains, at once; nothing else"))
		return
	}
	s.note(c, "drain of "+in.Target+": "+in.Reason)
	made, err := s.cfg.Local.Drain(c.Request.Context(), policy.Control{Target: in.Target, Reason: in.Reason, Actor: c.GetString(actorKey)}, in.ExpiresIn)
	if err != nil {
		s.note(c, "refused: "+err.Error())
		s.refuse(c, err)
		return
	}
	v := renderControl(made, policy.Window{})
	state := s.cfg.Node.State()
	c.Header("Location", base+"/controls/"+made.ID)
	s.render(c, http.StatusCreated, api.ControlCreated{
		Id: v.Id, Target: v.Target, Action: v.Action, Reason: v.Reason, Actor: v.Actor, CreatedAt: v.CreatedAt, ExpiresAt: v.ExpiresAt, Local: true,
		Phase: api.ControlCreatedPhase(v.Phase), Window: v.Window, Revision: state.Revision, Index: state.Index,
		Warnings: []string{"it is in force on this node alone, and ends by itself"}, Nodes: []api.Publication{}, Unpublished: []string{},
	})
}

// localControl is one of this node alone.
func (s *server) localControl(id string) (policy.Control, bool) {
	for _, v := range s.cfg.Local.Controls() {
		if v.ID == id {
			return v, true
		}
	}
	return policy.Control{}, false
}

// liftLocally is DeleteControl of one of this node alone, by whoever may lift any.
func (s *server) liftLocally(c *gin.Context, v policy.Control) {
	if !s.within(c, v.Target) {
		return
	}
	s.note(c, "lift of "+v.ID+", the drain of "+v.Target)
	if err := s.cfg.Local.Lift(c.Request.Context(), v.ID); err != nil {
		s.refuse(c, err)
		return
	}
	state := s.cfg.Node.State()
	s.render(c, http.StatusOK, api.WriteResult{Revision: state.Revision, Index: state.Index, Warnings: []string{}, Nodes: []api.Publication{}, Unpublished: []string{}})
}

// ListNodeAudit shows what this node alone has on record.
func (s *server) ListNodeAudit(c *gin.Context) {
	acts, err := s.cfg.Local.Acts()
	if err != nil {
		s.refuse(c, err)
		return
	}
	list := api.NodeAudit{Items: []api.NodeAct{}}
	for _, a := range acts {
		list.Items = append(list.Items, api.NodeAct{At: a.At.Truncate(time.Millisecond), Kind: api.NodeActKind(a.Kind), Actor: a.Actor, Call: a.Call, Peer: a.Peer, Text: a.Text, Missed: a.Missed})
	}
	s.render(c, http.StatusOK, list)
}
