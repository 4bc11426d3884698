package webtest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// At makes it some time, for windows; they close by themselves after Start.
func (n *Node) At(now time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = func() time.Time { return now }
}

// Window says that every member that is reachable left the endpoints when Settle says that it published.
func (n *Node) Window(ctx context.Context, q policy.WindowQuery) policy.Window {
	return n.Windows(ctx, []policy.WindowQuery{q})[0]
}

// Windows is Window of several.
func (n *Node) Windows(ctx context.Context, list []policy.WindowQuery) (windows []policy.Window) {
	for _, q := range list {
		nodes := []policy.NodeWindow{}
		for _, p := range n.Settle(ctx, q.Index) {
			nodes = append(nodes, n.remembered(q, p))
		}
		n.mu.Lock()
		windows = append(windows, policy.JoinWindow(q, nodes, n.now()))
		n.mu.Unlock()
	}
	return windows
}

func (n *Node) remembered(q policy.WindowQuery, p policy.Publication) policy.NodeWindow {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := fmt.Sprint(p.ID, q.Index, q.Endpoints)
	w := policy.NodeWindow{Publication: p}
	if !p.Done() {
		if old, ok := n.said[key]; ok {
			w, w.Reachable, w.Error = old, false, p.Error
		}
		return w
	}
	w.ClosesAt, w.AppliedAt = p.PublishedAt, p.PublishedAt.Add(-5*time.Millisecond)
	if len(q.Endpoints) > 0 {
		w.MaxTTL, w.LastAnswer = 30, p.PublishedAt.Add(-time.Millisecond)
		w.ClosesAt = p.PublishedAt.Add(31 * time.Second)
	}
	n.said[key] = w
	return w
}

// Departures is what the controls in force took out of the first service's answers, on all members that can be reached.
func (n *Node) Departures(ctx context.Context) policy.Departures {
	s := n.State()
	var out policy.Departures
	service := ""
	for id := range s.Services.All {
		service = id
		break
	}
	for id, c := range s.Controls.All {
		var index uint64
		fmt.Sscanf(id, "c%d", &index)
		for _, e := range s.WindowOf(c, index).Endpoints {
			d := policy.Departure{Service: service, Endpoint: e, Cause: string(c.Action), By: "control/" + id, Index: index, DecidedAt: time.Unix(0, c.CreatedAt).UTC(), MaxTTL: 30}
			for _, p := range n.Settle(ctx, index) {
				if !p.Reachable {
					if !slices.Contains(out.Missing, p.Node) {
						out.Missing = append(out.Missing, p.Node)
					}
					continue
				}
				d.PublishedAt, d.ClosesAt, d.LastAnswer = p.PublishedAt, p.PublishedAt.Add(31*time.Second), p.PublishedAt.Add(-time.Millisecond)
				d.CommittedAt = p.PublishedAt.Add(-5 * time.Millisecond)
				d.Nodes = append(d.Nodes, policy.NodeDeparture{Node: p.Node, Index: index, PublishedAt: p.PublishedAt, MaxTTL: 30, ClosesAt: d.ClosesAt, LastAnswer: d.LastAnswer})
			}
			out.Items = append(out.Items, d)
		}
	}
	return out
}

// Observe keeps observations.
func (n *Node) Observe(batch []policy.Observation) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.observed = append(n.observed, batch...)
}

// Residual is those of the observations that came after a time.
func (n *Node) Residual(_ context.Context, q policy.ResidualQuery) (out policy.Residuals) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, o := range n.observed {
		if o.At.After(q.Since) && (slices.Contains(q.Names, o.Endpoint) || o.Endpoint == "" && slices.Contains(q.Services, o.Service)) {
			out.Items = append(out.Items, policy.Residual{
				Client: policy.ClientPrefix(o.Client), To: o.Endpoint, Source: o.Source, Count: o.Count, First: o.At, Last: o.At, Country: "DE",
			})
		}
	}
	return out
}
