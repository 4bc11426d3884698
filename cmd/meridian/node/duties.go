package node

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/health"
)

const (
	// verdictSlot has exactly one entry of Raft: the edges of a look, or nothing. So a
	// mass failure writes no more entries a second than a calm hour does.
	verdictSlot = 200 * time.Millisecond
	slowTick    = time.Second // expiry, promotion, feature level, cookie key, what is measured

	// maxEdges and maxOctets are how many go into one entry, so that it stays one (256 KiB)
	// and Raft takes it in its stride. The rest comes with the next slot.
	maxEdges  = 500
	maxOctets = 224 << 10
)

// duties is what the leader does. Each is a pure step over State, so that
// another leader goes on where this one stops.
type duties struct {
	actor   string
	state   func() *policy.State
	clock   func() int64
	propose func(context.Context, change.Change) (policy.Outcome, error)
	hearing *hearing
	checks  *checkCache
	promote func(context.Context) error
	beat    func(context.Context) error // commits an entry that changes nothing
	seal    func(name string, value []byte) ([]byte, error)
	log     *slog.Logger
	began   int64  // clock at the beginning of run
	head    string // of the audit, as it was last told to the log
	headAt  int64
	trials  map[string]*change.Trial // of drafts in use at some nodes, by draft
	stepped int64                    // clock when it last looked at controls that go in steps
}

// run leads until ctx ends.
func (d *duties) run(ctx context.Context) {
	d.began = d.clock()
	var beside sync.WaitGroup
	defer beside.Wait()
	beside.Go(func() { // a node that hangs while it joins is asked for a second, which no verdict waits for
		_ = every(ctx, slowTick, func() {
			if err := d.promote(ctx); err != nil && ctx.Err() == nil {
				d.log.Warn("promoting a node to voter", "error", err)
			}
		})
	})
	slow := time.NewTicker(slowTick)
	defer slow.Stop()
	end := time.NewTicker(verdictSlot)
	defer end.Stop()
	wrote := d.judge(ctx)
	for {
		fresh := d.hearing.fresh
		if wrote { // what comes in now waits for the next slot
			fresh = nil
		}
		select {
		case <-ctx.Done():
			return
		case <-fresh: // an edge does not wait for the end of its slot
			wrote = d.judge(ctx)
		case <-end.C:
			if !wrote && !d.judge(ctx) {
				d.idle(ctx)
			}
			wrote = false
		case <-slow.C:
			d.expire(ctx)
			d.forget(ctx)
			d.raise(ctx)
			d.roll(ctx)
			d.canaries(ctx)
			d.tellHead()
		}
	}
}

// judge writes the edges of one look into Raft, and says whether there were any.
// That this node reaches nothing itself is in its own report, as another vantage's
// is in that: who leads makes no difference to what the vantages agree on.
func (d *duties) judge(ctx context.Context) bool {
	s := d.state()
	list := d.checks.of(s)
	rule := list.rule(true)
	rule.Began = d.began
	edges := health.Step(s, list.checks, d.hearing.all(s, list), rule, d.clock())
	if len(edges) == 0 {
		return false
	}
	d.do(ctx, change.RecordVerdicts{Edges: bounded(edges)})
	return true
}

// bounded is as many edges as one entry takes; what has to leave the answers goes first.
func bounded(edges []policy.Edge) []policy.Edge {
	octets := 0
	for i := range edges {
		octets += octetsOf(&edges[i])
	}
	if len(edges) <= maxEdges && octets <= maxOctets {
		return edges
	}
	slices.SortStableFunc(edges, func(a, b policy.Edge) int { return cmp.Compare(b.Status, a.Status) })
	octets = 0
	for i := range edges {
		if octets += octetsOf(&edges[i]); i > 0 && (i == maxEdges || octets > maxOctets) {
			return edges[:i]
		}
	}
	return edges
}

// octetsOf is about how long an edge is in the log: its texts, and the keys and numbers around them.
func octetsOf(e *policy.Edge) int {
	n := 240 + len(e.Check)
	for i := range e.Ballots {
		b := &e.Ballots[i]
		n += 80 + len(b.Vantage) + len(b.Error)
	}
	for _, r := range e.Rivals {
		n += 3 + len(r)
	}
	return n
}

// idle fills a slot in which nothing was to be written.
func (d *duties) idle(ctx context.Context) {
	if err := d.beat(ctx); err != nil && ctx.Err() == nil {
		d.log.Debug("an empty slot was not committed", "error", err)
	}
}

// expire lifts controls whose time is over, begins those whose time has come, and once a second takes those on that go in steps.
func (d *duties) expire(ctx context.Context) {
	s, now := d.state(), d.clock()
	look := now-d.stepped >= int64(time.Second) || now < d.stepped
	if look {
		d.stepped = now
	}
	if change.Overdue(s, now) || look && change.Unsteady(s, now) {
		d.do(ctx, change.ExpireControls{})
	}
}

// forget takes out measured latencies and loads that are too old, and marks such signals.
func (d *duties) forget(ctx context.Context) {
	if change.Outdated(d.state(), d.clock()) {
		d.do(ctx, change.ExpireMeasured{})
	}
}

// raise puts this version's feature level in force once every member can apply it.
func (d *duties) raise(ctx context.Context) {
	s := d.state()
	if s.Feature >= policy.FeatureLevel || s.Cluster.ID == "" {
		return
	}
	for _, m := range s.Members.All {
		if m.Feature < policy.FeatureLevel {
			return
		}
	}
	d.do(ctx, change.RaiseFeature{Level: policy.FeatureLevel})
}

// do proposes a duty's change. A failure is not final: the next look comes to the same conclusion.
func (d *duties) do(ctx context.Context, b change.Body) {
	if err := d.ask(ctx, b); err != nil && ctx.Err() == nil {
		d.log.Warn("a leader's duty did not go through; it is tried again", "kind", change.KindOf(b), "error", err)
	}
}

// ask proposes a change, and gives its refusal as an error.
func (d *duties) ask(ctx context.Context, b change.Body) error {
	limit, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := d.propose(limit, change.Change{Actor: d.actor, Body: b})
	if err == nil && out.Refused != nil {
		return out.Refused
	}
	return err
}
