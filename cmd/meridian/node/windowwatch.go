package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

const (
	maxWatches  = 64              // windows that a node follows at once, for its events; more are not told of
	watchPoll   = time.Second     // between two looks while some node has yet to publish
	watchGiveUp = 5 * time.Minute // for a node that cannot be asked; what is known is told then
)

// windowWatches follow what left this node's answers until it is published
// everywhere, and until the window closes, and tell both as events.
type windowWatches struct {
	ask  func(context.Context, policy.WindowQuery) policy.Window
	tell func(policy.Event)
	todo chan windowGroup

	mu   sync.Mutex
	busy int
}

// windowGroup is what left by one decision.
type windowGroup struct {
	query policy.WindowQuery
	cause string
	by    string
}

func newWindowWatches(ask func(context.Context, policy.WindowQuery) policy.Window, tell func(policy.Event)) *windowWatches {
	return &windowWatches{ask: ask, tell: tell, todo: make(chan windowGroup, maxWatches)}
}

// sawLeave notes a swap of answers.
func (n *Node) sawLeave(l leaving) {
	if l.old == nil {
		served := l.next
		if n.journalled != nil && position(n.journalled) != (policy.Position{Epoch: l.next.Position.Epoch, Index: l.next.Position.Index}) {
			served = nil // the journal's state could not be compiled: all that it may have handed out counts
		}
		n.leftFile.begin(n.journalled, served)
	}
	gone := n.left.see(l)
	for _, g := range groups(gone) {
		n.watches.follow(g)
	}
	n.onlooker.leaves(l, gone)
}

// groups puts together what left by one decision.
func groups(gone []departed) (list []windowGroup) {
	at := map[string]int{}
	for _, e := range gone {
		key := e.cause + " " + e.by
		i, ok := at[key]
		if !ok {
			i = len(list)
			at[key] = i
			g := windowGroup{query: policy.WindowQuery{Index: e.index}, cause: e.cause, by: e.by}
			if e.decided != 0 {
				g.query.DecidedAt = time.Unix(0, e.decided).UTC()
			}
			list = append(list, g)
		}
		q := &list[i].query
		if !slices.Contains(q.Endpoints, e.endpoint) {
			q.Endpoints = append(q.Endpoints, e.endpoint)
		}
		if !slices.Contains(q.Services, e.service) {
			q.Services = append(q.Services, e.service)
		}
	}
	for i := range list {
		slices.Sort(list[i].query.Endpoints)
		slices.Sort(list[i].query.Services)
	}
	return list
}

// follow begins to follow a group if there is room. It does not wait.
func (w *windowWatches) follow(g windowGroup) {
	if g.cause == policy.LeftIsland {
		return // nobody else did so
	}
	w.mu.Lock()
	room := w.busy < maxWatches
	if room {
		w.busy++
	}
	w.mu.Unlock()
	if room {
		w.todo <- g // as many as may be busy fit in
	}
}

// Run follows until ctx ends.
func (w *windowWatches) Run(ctx context.Context) error {
	var all sync.WaitGroup
	defer all.Wait()
	for {
		select {
		case <-ctx.Done():
			return nil
		case g := <-w.todo:
			all.Go(func() {
				w.watch(ctx, g)
				w.mu.Lock()
				w.busy--
				w.mu.Unlock()
			})
		}
	}
}

// watch tells when a window opens and when it closes. One whose endpoints are answered by again is followed no further.
func (w *windowWatches) watch(ctx context.Context, g windowGroup) {
	began, open := time.Now(), false
	for {
		v := w.ask(ctx, g.query)
		if ctx.Err() != nil || len(v.StillServed) > 0 {
			return
		}
		pause := watchPoll
		switch v.State {
		case policy.WindowDraining, policy.WindowDrained:
			if !open {
				open = true
				w.tell(g.event(v, fmt.Sprintf("%s left the answers of every node; the window closes at %s", g.names(), v.ClosesAt.UTC().Format(time.RFC3339))))
			}
			if v.State == policy.WindowDrained {
				w.tell(g.event(v, fmt.Sprintf("the window of %s is closed: no resolver that abides by TTLs hands it out", g.names())))
				return
			}
			pause = max(time.Millisecond, time.Until(v.ClosesAt))
		default:
			if time.Since(began) > watchGiveUp {
				w.tell(g.event(v, fmt.Sprintf("the window of %s stays incomplete: %v cannot be asked", g.names(), v.Unreachable())))
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

func (g *windowGroup) names() string {
	if n := len(g.query.Endpoints); n > 1 {
		return fmt.Sprintf("%s and %d more", g.query.Endpoints[0], n-1)
	}
	return g.query.Endpoints[0]
}

func (g *windowGroup) event(v policy.Window, text string) policy.Event {
	object := g.by
	if object == "" || g.cause == policy.LeftVerdict {
		object = g.query.Endpoints[0]
	}
	return policy.Event{Type: "window", Index: g.query.Index, Object: object, Text: text, Data: WindowEvent{
		State: v.State, Cause: cmp.Or(g.cause, policy.LeftSteering), Endpoints: g.query.Endpoints, Services: g.query.Services,
		PublishedAt: v.PublishedAt, ClosesAt: v.ClosesAt, MaxTTL: v.MaxTTL,
	}}
}

// WindowEvent is the data of an event of the type "window".
type WindowEvent struct {
	State       policy.WindowState `json:"state"`
	Cause       string             `json:"cause"`
	Endpoints   []string           `json:"endpoints"`
	Services    []string           `json:"services"`
	PublishedAt time.Time          `json:"publishedAt,omitzero"`
	ClosesAt    time.Time          `json:"closesAt,omitzero"`
	MaxTTL      uint32             `json:"maxTTL"`
}
