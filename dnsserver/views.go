package dnsserver

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// views hands the present view to workers and knows when they have left the earlier ones.
//
// Each worker has a slot in which it says what view it is using. It enters by
// writing the view there and looking whether that is still the present one: so
// a publisher that first puts a new view in place and then reads the slots
// misses nobody. Workers take no lock; only while somebody waits for them to leave
// (draining) do they ring a bell on the way out.
type views struct {
	current   atomic.Pointer[View]
	draining  atomic.Bool
	published atomic.Int64 // when current was, in nanoseconds since epoch
	epoch     time.Time    // what monotonic time counts from

	bell  chan struct{}
	ready chan struct{} // closed by the first publication

	mu      sync.Mutex
	slots   map[*slot]struct{}
	waiting []departure
}

// slot is one worker's. It fills a cache line, so that workers do not slow each other down.
type slot struct {
	using atomic.Pointer[View]
	_     [56]byte
}

// departure is a wait for all workers to leave the views before a position.
type departure struct {
	before policy.Position
	left   chan struct{}
}

func (vs *views) init() {
	vs.epoch = time.Now()
	vs.bell = make(chan struct{}, 1)
	vs.ready = make(chan struct{})
	vs.slots = map[*slot]struct{}{}
}

func (vs *views) publish(v *View) (<-chan struct{}, bool) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	old := vs.current.Load()
	if old != nil && !old.Position().Before(v.Position()) {
		return nil, false
	}
	vs.current.Store(v)
	vs.published.Store(int64(time.Since(vs.epoch)))
	if old == nil {
		close(vs.ready)
	}
	d := departure{before: v.Position(), left: make(chan struct{})}
	if vs.waiting = append(vs.waiting, d); len(vs.waiting) == 1 {
		vs.draining.Store(true) // before the slots are read, and workers clear their slot before they look at this
		if !vs.settle() {
			go vs.watch()
		}
	}
	return d.left, true
}

// watch waits for workers to leave until nobody waits for that any more.
func (vs *views) watch() {
	for range vs.bell {
		vs.mu.Lock()
		done := vs.settle()
		vs.mu.Unlock()
		if done {
			return
		}
	}
}

// settle ends the waits that are over and says whether all are. The caller holds mu.
func (vs *views) settle() bool {
	var oldest *View
	for s := range vs.slots {
		if v := s.using.Load(); v != nil && (oldest == nil || v.Position().Before(oldest.Position())) {
			oldest = v
		}
	}
	vs.waiting = slices.DeleteFunc(vs.waiting, func(d departure) bool {
		over := oldest == nil || !oldest.Position().Before(d.before)
		if over {
			close(d.left)
		}
		return over
	})
	if len(vs.waiting) > 0 {
		return false
	}
	vs.draining.Store(false)
	return true
}

// join gives a worker its slot.
func (vs *views) join() *slot {
	s := new(slot)
	vs.mu.Lock()
	vs.slots[s] = struct{}{}
	vs.mu.Unlock()
	return s
}

// part takes the slot of a worker that has ended.
func (vs *views) part(s *slot) {
	vs.leave(s)
	vs.mu.Lock()
	delete(vs.slots, s)
	vs.mu.Unlock()
}

// enter is the present view, to be used until leave.
func (vs *views) enter(s *slot) *View {
	for {
		v := vs.current.Load()
		s.using.Store(v)
		if vs.current.Load() == v {
			return v
		}
	}
}

// age is how long the present view has been that.
func (vs *views) age() time.Duration {
	return time.Since(vs.epoch) - time.Duration(vs.published.Load())
}

// leave says that nothing of the view that enter gave is in use or on its way out any more.
func (vs *views) leave(s *slot) {
	s.using.Store(nil)
	if vs.draining.Load() {
		select {
		case vs.bell <- struct{}{}:
		default: // it rings already
		}
	}
}
