package node

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// lookFor bounds a look at windows that waits for no publication: a list is not to hang for a node that is gone.
const lookFor = time.Second

// keepWindows is for how many changes a node remembers what the others said of them.
const keepWindows = 1024

// windowAsk asks a node about windows. Wait lets it wait for its publication, for as long as a write does.
type windowAsk struct {
	Queries []policy.WindowQuery `json:"queries"`
	Wait    bool                 `json:"wait"`
}

// windowTold is a node's answer about one of them. Times are ages, and times to
// go, in nanoseconds of its monotonic clock: its wall clock plays no part (I-21).
type windowTold struct {
	Published  *time.Duration `json:"published,omitempty"`
	Journalled *time.Duration `json:"journalled,omitempty"`
	Applied    *time.Duration `json:"applied,omitempty"`
	Last       *time.Duration `json:"last,omitempty"`
	TTL        uint32         `json:"ttl"`
	ToGo       *time.Duration `json:"toGo,omitempty"` // until no resolver holds any of it, WindowSlack included
	Served     []string       `json:"served,omitempty"`
	Error      string         `json:"error,omitempty"`
}

// Window asks every node how far a change is that takes endpoints out of answers.
func (n *Node) Window(ctx context.Context, q policy.WindowQuery) policy.Window {
	return n.windows(ctx, []policy.WindowQuery{q}, true)[0]
}

// Windows is Window of several changes, without waiting for nodes that have yet to publish them.
func (n *Node) Windows(ctx context.Context, list []policy.WindowQuery) []policy.Window {
	return n.windows(ctx, list, false)
}

func (n *Node) windows(ctx context.Context, list []policy.WindowQuery, wait bool) []policy.Window {
	limit := settleFor
	if !wait {
		limit = lookFor
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	members := nodesOf(n.State(), "")
	told := make([][]policy.NodeWindow, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() { told[i] = n.askWindows(ctx, m, windowAsk{list, wait}) })
	}
	all.Wait()
	windows := make([]policy.Window, len(list))
	for k, q := range list {
		nodes := make([]policy.NodeWindow, len(members))
		for i := range members {
			nodes[i] = told[i][k]
		}
		windows[k] = policy.JoinWindow(q, n.windowsKnown.keep(q, nodes), time.Now())
	}
	return windows
}

// askWindows is what one member says, by this node's clock.
func (n *Node) askWindows(ctx context.Context, m policy.Member, ask windowAsk) []policy.NodeWindow {
	var told []windowTold
	var err error
	if m.ID == n.id() {
		told = n.tellWindows(ctx, ask)
	} else if err = n.call(ctx, m.Cluster, "window", ask, &told); err == nil && len(told) != len(ask.Queries) {
		err = fmt.Errorf("it answered %d of %d questions", len(told), len(ask.Queries))
	}
	now := time.Now()
	list := make([]policy.NodeWindow, len(ask.Queries))
	for i := range list {
		w := &list[i]
		w.Node, w.ID = m.Node, m.ID
		if err != nil {
			w.Error = err.Error()
			continue
		}
		*w = told[i].by(now)
		w.Node, w.ID = m.Node, m.ID
	}
	return list
}

// by is an answer by the clock of the node that got it at a time.
func (t *windowTold) by(now time.Time) policy.NodeWindow {
	ago := func(age *time.Duration) time.Time {
		if age == nil {
			return time.Time{}
		}
		return now.Add(-*age)
	}
	w := policy.NodeWindow{MaxTTL: t.TTL, StillServed: t.Served, AppliedAt: ago(t.Applied), LastAnswer: ago(t.Last)}
	w.Reachable, w.PublishedAt, w.JournalledAt, w.Error = true, ago(t.Published), ago(t.Journalled), t.Error
	if t.ToGo != nil {
		w.ClosesAt = now.Add(*t.ToGo)
	}
	return w
}

// tellWindows answers for this node.
func (n *Node) tellWindows(ctx context.Context, ask windowAsk) []windowTold {
	if !ask.Wait {
		done, cancel := context.WithCancel(ctx)
		cancel()
		ctx = done
	}
	list := make([]windowTold, len(ask.Queries))
	for i, q := range ask.Queries {
		list[i] = n.tellWindow(ctx, q)
	}
	return list
}

func (n *Node) tellWindow(ctx context.Context, q policy.WindowQuery) (t windowTold) {
	p := n.settled(ctx, q.Index)
	t.Error = p.Error
	if p.PublishedAt.IsZero() {
		return t
	}
	endpoints := make(map[string]bool, len(q.Endpoints))
	for _, e := range q.Endpoints {
		endpoints[e] = true
	}
	for _, e := range n.left.by(q.By) {
		endpoints[e] = true
	}
	h := n.left.held(endpoints, q.Services, q.Index)
	view := n.dns.View() // what has just come in is in no list yet
	view.Snapshot().Serving(endpoints, func(at int32, service, endpoint string, ttl uint32) {
		if !of(q.Services, service) {
			return
		}
		h.served[endpoint], h.ttl = true, max(h.ttl, ttl)
		n.dns.LastGiven(view, at, func(e string, at time.Time) {
			if endpoints[e] {
				h.last = later(h.last, at)
			}
		})
	})
	t.TTL, t.Served = h.ttl, slices.Sorted(maps.Keys(h.served))
	now := time.Now()
	age := func(at time.Time) *time.Duration {
		if at.IsZero() {
			return nil
		}
		d := now.Sub(at)
		return &d
	}
	published, applied := p.PublishedAt, n.publisher.applied(q.Index)
	if h.left.After(published) { // planned ahead, or ramped: it left later than the change was made
		published, applied = h.left, h.applied
	} else if n.publisher.restarted(q.Index) && !h.left.IsZero() { // the process before published it
		published, applied = h.left, h.applied
	}
	t.Published, t.Journalled, t.Applied, t.Last = age(published), age(p.JournalledAt), age(applied), age(h.last)
	if len(t.Served) == 0 {
		closes := published // nothing was ever handed out
		if !h.until.IsZero() {
			closes = h.until.Add(time.Duration(policy.WindowSlack))
		}
		d := closes.Sub(now)
		t.ToGo = &d
	}
	return t
}

// knownWindows remembers what nodes said: one that has published a change has
// done so for good, so when it is out of reach later what it said then counts.
type knownWindows struct {
	mu    sync.Mutex
	by    map[string][]policy.NodeWindow
	order []string // oldest first
}

func (k *knownWindows) keep(q policy.WindowQuery, heard []policy.NodeWindow) []policy.NodeWindow {
	key := fmt.Sprint(q.Index, "/", strings.Join(q.Services, ","), "/", strings.Join(q.Endpoints, ","), "/", strings.Join(q.By, ","))
	k.mu.Lock()
	defer k.mu.Unlock()
	old, ok := k.by[key]
	if !ok {
		if k.by == nil {
			k.by = map[string][]policy.NodeWindow{}
		}
		if k.order = append(k.order, key); len(k.order) > keepWindows {
			delete(k.by, k.order[0])
			k.order = k.order[1:]
		}
	}
	nodes := slices.Clone(heard)
	for i := range nodes {
		for _, o := range old {
			if o.ID == nodes[i].ID && o.Done() && !nodes[i].Reachable && len(o.StillServed) == 0 {
				o.Reachable, o.Error = false, nodes[i].Error
				nodes[i] = o
			}
		}
	}
	k.by[key] = nodes
	return nodes
}

// answerWindows registers what other nodes ask of this one's answers.
func (n *Node) answerWindows() {
	n.port.Handle("window", func(ctx context.Context, _ string, body []byte) ([]byte, error) {
		var ask windowAsk
		if err := json.Unmarshal(body, &ask); err != nil {
			return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
		}
		ctx, cancel := context.WithTimeout(ctx, settleFor-100*time.Millisecond)
		defer cancel()
		return json.Marshal(n.tellWindows(ctx, ask))
	})
	n.port.Handle("departures", func(context.Context, string, []byte) ([]byte, error) { return json.Marshal(n.tellDepartures()) })
	n.port.Handle("outside", func(context.Context, string, []byte) ([]byte, error) { return json.Marshal(n.onlooker.told()) })
	n.port.Handle("stats", func(context.Context, string, []byte) ([]byte, error) { return json.Marshal(n.tellStats()) })
	n.port.Handle("residual", func(_ context.Context, _ string, body []byte) ([]byte, error) {
		var q policy.ResidualQuery
		if err := json.Unmarshal(body, &q); err != nil {
			return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
		}
		return json.Marshal(n.observed.find(q))
	})
}
