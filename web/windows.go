package web

import (
	"context"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// window asks every node about a control, and waits for those that have yet to answer by it.
func (s *server) window(ctx context.Context, state *policy.State, v policy.Control) policy.Window {
	if v.Acts() {
		return s.cfg.Node.Window(ctx, state.WindowOf(v, madeAt(v)))
	}
	return pending(s.cfg.Node.Settle(ctx, madeAt(v)))
}

// reachedFor is how long a write waits for this node's own state to have it.
const reachedFor = 2 * time.Second

// reached is the state when it is at an index, or as far as it is when it takes too long.
func (s *server) reached(c *gin.Context, index uint64) *policy.State {
	over := time.NewTimer(reachedFor)
	defer over.Stop()
	for {
		changed := s.cfg.Node.Changed() // before the state is looked at, so that none is missed
		state := s.cfg.Node.State()
		if state.Index >= index {
			return state
		}
		select {
		case <-changed:
		case <-over.C:
			return state
		case <-c.Request.Context().Done():
			return state
		}
	}
}

// pending is the window of what has not begun.
func pending(nodes []policy.Publication) policy.Window {
	w := policy.Window{State: policy.WindowPublishing}
	for _, p := range nodes {
		w.Nodes = append(w.Nodes, policy.NodeWindow{Publication: p})
	}
	return w
}

// windows asks every node about some controls at once, and waits for none to answer by them.
func (s *server) windows(ctx context.Context, state *policy.State, controls []policy.Control) []policy.Window {
	var ask []policy.WindowQuery
	var at []int
	list := make([]policy.Window, len(controls))
	for i, v := range controls {
		list[i] = pending(nil)
		if !v.Local() && v.Acts() {
			ask, at = append(ask, state.WindowOf(v, madeAt(v))), append(at, i)
		}
	}
	if len(ask) > 0 {
		for i, w := range s.cfg.Node.Windows(ctx, ask) {
			list[at[i]] = w
		}
	}
	return list
}

func renderWindow(w policy.Window) api.Window {
	out := api.Window{
		State: api.WindowState(w.State), DecidedAt: shown(w.DecidedAt), CommittedAt: shown(w.CommittedAt), PublishedAt: shown(w.PublishedAt),
		MaxTTL: int(w.MaxTTL), ClosesAt: shown(w.ClosesAt), LastAnswerAt: shown(w.LastAnswer), StillServed: w.StillServed,
		Nodes: make([]api.NodeWindow, 0, len(w.Nodes)),
	}
	for i := range w.Nodes {
		n := &w.Nodes[i]
		out.Nodes = append(out.Nodes, api.NodeWindow{
			Node: n.Node, Id: n.ID, Reachable: n.Reachable, PublishedAt: shown(n.PublishedAt), JournalledAt: shown(n.JournalledAt), Error: n.Error,
			MaxTTL: int(n.MaxTTL), ClosesAt: shown(n.ClosesAt), LastAnswerAt: shown(n.LastAnswer), StillServed: n.StillServed,
		})
	}
	return out
}

// shown is a time as answers show it.
func shown(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }

// ListWindows shows what left the answers of late.
func (s *server) ListWindows(c *gin.Context) {
	d := s.cfg.Node.Departures(c.Request.Context())
	list := api.DepartureList{Items: make([]api.Departure, 0, len(d.Items)), Missing: append([]string{}, d.Missing...)}
	for _, v := range d.Items {
		out := api.Departure{
			Service: v.Service, Endpoint: v.Endpoint, Cause: v.Cause, By: v.By, Index: v.Index,
			DecidedAt: shown(v.DecidedAt), CommittedAt: shown(v.CommittedAt), PublishedAt: shown(v.PublishedAt),
			MaxTTL: int(v.MaxTTL), ClosesAt: shown(v.ClosesAt), LastAnswerAt: shown(v.LastAnswer), Nodes: make([]api.NodeDeparture, 0, len(v.Nodes)),
		}
		for _, n := range v.Nodes {
			out.Nodes = append(out.Nodes, api.NodeDeparture{
				Node: n.Node, Index: n.Index, PublishedAt: shown(n.PublishedAt), MaxTTL: int(n.MaxTTL), ClosesAt: shown(n.ClosesAt), LastAnswerAt: shown(n.LastAnswer),
			})
		}
		list.Items = append(list.Items, out)
	}
	s.render(c, http.StatusOK, list)
}
