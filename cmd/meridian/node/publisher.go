package node

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// publisher turns states into views: it compiles the newest one and swaps it in
// at once; beside that it notes when the last worker had left the view before,
// which a client that reads slowly may put off. Whatever comes in while it compiles is coalesced. A state that cannot be compiled leaves the last good view in place (I-13).
type publisher struct {
	node   string      // label of this node, for the drafts that are in use here
	canary *time.Timer // of the end of a canary; Run's own
	server *dnsserver.Server
	events *events
	log    *slog.Logger
	base   *policy.State // the journal's, which is published before what came after it; nil: none
	saw    func(leaving) // told of each swap when nobody uses the answers before it any more; nil: nobody

	mu        sync.Mutex
	gave      []publication // when each state was given, in order of positions
	state     *policy.State // newest given
	local     snapshot.Local
	changed   bool
	wake      chan struct{}
	current   *snapshot.Snapshot // swapped in last
	leaving   []departure        // swaps whose view before is still in use, in order of positions
	left      chan struct{}      // rings when leaving grows
	published []publication      // in order of positions, the last keepPublications
	advanced  chan struct{}      // closed when published grows
	err       error              // of the last compilation
	moved     chan struct{}      // closed when state becomes another; nil while nobody waits
}

// departure is a swap that is to be told of when the view before is out of use.
type departure struct {
	left      <-chan struct{}
	at        policy.Position
	old, next *dnsserver.View // old is nil for the first
}

type publication struct {
	at policy.Position
	on time.Time
}

// keepPublications is for how many views a node can tell when it published them.
const keepPublications = 4096

func newPublisher(node string, server *dnsserver.Server, ev *events, log *slog.Logger) *publisher {
	return &publisher{node: node, server: server, events: ev, log: log, wake: make(chan struct{}, 1), left: make(chan struct{}, 1), advanced: make(chan struct{})}
}

// give hands over a state. One that is not later than what is there is passed over (I-02).
func (p *publisher) give(s *policy.State) {
	p.mu.Lock()
	later := p.state == nil || position(p.state).Before(position(s))
	if later {
		p.state, p.changed = s, true
		p.gave = noted(p.gave, publication{position(s), time.Now()})
		if p.moved != nil {
			close(p.moved)
			p.moved = nil
		}
	}
	p.mu.Unlock()
	if later {
		p.poke()
	}
}

// another is closed when the newest state is another than now.
func (p *publisher) another() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.moved == nil {
		p.moved = make(chan struct{})
	}
	return p.moved
}

func position(s *policy.State) policy.Position {
	return policy.Position{Epoch: s.Epoch, Index: s.Index}
}

// setGeo puts other geographic data in use.
func (p *publisher) setGeo(t *geo.Table) {
	p.change(func(l *snapshot.Local) { l.Geo = t })
}

// setDown puts this node's own verdicts in use.
func (p *publisher) setDown(down map[string]bool) {
	p.change(func(l *snapshot.Local) { l.Down = down })
}

// setNear tells how soon checks may change.
func (p *publisher) setNear(near map[string]policy.Duration) {
	p.change(func(l *snapshot.Local) { l.Near = near })
}

// setControls puts drains of this node alone in force, and waits until they are answered by.
func (p *publisher) setControls(ctx context.Context, list []policy.Control) error {
	p.change(func(l *snapshot.Local) { l.Controls = list })
	p.mu.Lock()
	generation := p.local.Generation
	p.mu.Unlock()
	for {
		p.mu.Lock()
		n, advanced := len(p.published), p.advanced
		done := n > 0 && p.published[n-1].at.Generation >= generation
		p.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-ctx.Done():
			return policy.Errorf(policy.Unavailable, "it is in force, and whether the node answers by it yet is not known: %v", ctx.Err())
		case <-advanced:
		}
	}
}

func (p *publisher) change(set func(*snapshot.Local)) {
	p.mu.Lock()
	set(&p.local)
	p.local.Generation++
	p.changed = true
	p.mu.Unlock()
	p.poke()
}

func (p *publisher) poke() { ring(p.wake) }

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default: // it rings already
	}
}

// newest is the latest state given, published or not yet.
func (p *publisher) newest() *policy.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == nil {
		return policy.NewState()
	}
	return p.state
}

// snapshot is what queries that come now are answered from, or nil.
func (p *publisher) snapshot() *snapshot.Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.current
}

// Run publishes until ctx ends.
func (p *publisher) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { p.watchLeaving(ctx) })
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		}
		p.mu.Lock()
		state, local, prev, changed := p.state, p.local, p.current, p.changed
		p.changed = false
		p.mu.Unlock()
		if state == nil || !changed {
			continue
		}
		if prev == nil && p.base != nil && position(p.base).Before(position(state)) {
			p.publish(nil, p.base, local)
			prev = p.snapshot()
		}
		p.publish(prev, state, local)
	}
}

func (p *publisher) publish(prev *snapshot.Snapshot, state *policy.State, local snapshot.Local) {
	now := time.Now()
	if p.canary != nil {
		p.canary.Stop()
	}
	if ends := change.CanaryEnds(state, p.node); ends > now.UnixNano() { // whose end a node that is cut off does not hear of
		p.canary = time.AfterFunc(time.Duration(ends-now.UnixNano()), func() { p.change(func(*snapshot.Local) {}) })
	}
	state, err := change.Canaried(state, p.node, now.UnixNano())
	if err != nil { // the leader ends the canary for it
		p.log.Warn("a draft that was in use here does not fit any more; the state is published without it", "index", state.Index, "error", err)
	}
	next, err := snapshot.Compile(prev, state, local)
	if err != nil {
		p.log.Error("the state cannot be compiled; the last good view stays", "index", state.Index, "error", err)
		p.mu.Lock()
		p.err = err
		p.mu.Unlock()
		return
	}
	old := p.server.View()
	view := dnsserver.NewView(old, next)
	left, ok := p.server.Publish(view)
	if !ok {
		return
	}
	p.mu.Lock()
	p.current, p.err = next, nil
	p.leaving = append(p.leaving, departure{left, next.Position, old, view})
	p.mu.Unlock()
	ring(p.left)
}

// watchLeaving sees the swaps off one after the other: none is left before those
// ahead of it, because each waits for every view before its own.
func (p *publisher) watchLeaving(ctx context.Context) {
	for {
		p.mu.Lock()
		list := p.leaving
		p.leaving = nil
		p.mu.Unlock()
		for _, d := range list {
			select {
			case <-d.left:
				p.settle(d)
			case <-ctx.Done():
				return
			}
		}
		if len(list) > 0 {
			continue
		}
		select {
		case <-p.left:
		case <-ctx.Done():
			return
		}
	}
}

// settle notes that nobody uses a view before this one any more.
func (p *publisher) settle(d departure) {
	l := leaving{next: d.next.Snapshot(), applied: p.applied(d.at.Index)}
	before := policy.NewState()
	if d.old != nil {
		l.old = d.old.Snapshot()
		before = l.old.State
		l.last = func(service int32, yield func(string, time.Time)) { p.server.LastGiven(d.old, service, yield) }
	}
	if p.saw != nil { // before it is published, so that whoever waits for that finds what left
		p.saw(l)
	}
	p.mu.Lock()
	p.published = noted(p.published, publication{d.at, time.Now()})
	close(p.advanced)
	p.advanced = make(chan struct{})
	p.mu.Unlock()
	p.events.tellChanges(before, l.next.State)
}

// noted appends to a list that keeps the last keepPublications, and cuts it seldom.
func noted(list []publication, p publication) []publication {
	if list = append(list, p); len(list) > keepPublications {
		list = append(list[:0:0], list[keepPublications/2:]...)
	}
	return list
}

// applied is when this node was given the change at index; zero when that was before it started, or too long ago.
func (p *publisher) applied(index uint64) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.gave) == 0 || index <= p.gave[0].at.Index {
		return time.Time{}
	}
	i, _ := slices.BinarySearchFunc(p.gave, index, func(g publication, index uint64) int { return cmp.Compare(g.at.Index, index) })
	if i == len(p.gave) {
		return time.Time{}
	}
	return p.gave[i].on
}

// restarted says whether the change at index was there when this process began.
func (p *publisher) restarted(index uint64) bool { return p.base != nil && index <= p.base.Index }

// position is the latest that is served and nothing before it: no answer of an earlier view is on its way.
func (p *publisher) position() (at policy.Position, on time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.published); n > 0 {
		at, on = p.published[n-1].at, p.published[n-1].on
	}
	return at, on, p.err
}

// wait returns when the change at index is in what is served, with the time from which it was.
func (p *publisher) wait(ctx context.Context, index uint64) (time.Time, error) {
	for {
		p.mu.Lock()
		for _, v := range p.published {
			if v.at.Index >= index {
				p.mu.Unlock()
				return v.on, nil
			}
		}
		advanced, err := p.advanced, p.err
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			if err == nil {
				err = ctx.Err()
			}
			return time.Time{}, err
		case <-advanced:
		}
	}
}

// given is the newest state and local facts.
func (p *publisher) given() (*policy.State, snapshot.Local) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state, p.local
}
