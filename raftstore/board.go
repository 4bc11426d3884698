package raftstore

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/meridian-gtm/meridian/policy"
)

// board holds the newest state that this node has, from whichever source, and
// never goes back (I-02): while a reopened Raft replays what the board already
// has, nothing is shown.
type board struct {
	log       *slog.Logger
	onCommit  func(Commit)
	onRestore func(*policy.State)
	state     atomic.Pointer[policy.State]
	clocks    func() Reading
	keeper    *Timekeeper

	mu       sync.Mutex
	watchers map[chan struct{}]struct{}
}

func newBoard(cfg Config) *board {
	b := &board{log: cfg.Logger, onCommit: cfg.OnCommit, onRestore: cfg.OnRestore, watchers: map[chan struct{}]struct{}{}, clocks: cfg.seams.clocks}
	if b.clocks == nil {
		b.clocks = reader()
	}
	b.keeper = NewTimekeeper(b.clocks())
	s := cfg.Initial
	if s == nil {
		s = policy.NewState()
	}
	b.show(s)
	return b
}

// show makes a state the newest one.
func (b *board) show(s *policy.State) {
	b.state.Store(s)
	b.keeper.Saw(s.Clock, b.clocks())
}

func position(s *policy.State) policy.Position {
	return policy.Position{Epoch: s.Epoch, Index: s.Index}
}

// advance takes the state after one entry. prev is the one before it.
func (b *board) advance(prev *policy.State, c Commit) {
	if b.state.Load() != prev {
		b.restored(c.State)
		return
	}
	b.show(c.State)
	if b.onCommit != nil {
		b.hook("OnCommit", func() { b.onCommit(c) })
	}
	b.wake()
}

// restored takes a state that does not follow on the one that is shown.
func (b *board) restored(s *policy.State) {
	shown := b.state.Load()
	at, next := position(shown), position(s)
	if at == next {
		if shown.Hash() == s.Hash() {
			b.show(s) // replay has caught up: the next entry follows on this one
		} else {
			b.log.Error("this node's journal and its log disagree; the log is followed from its next entry on", "index", s.Index)
		}
	}
	if !at.Before(next) {
		return // replay of what is shown already
	}
	b.show(s)
	if b.onRestore != nil {
		b.hook("OnRestore", func() { b.onRestore(s) })
	}
	b.wake()
}

// hook keeps a panic in the node's part from Raft's goroutine, where it would end the process.
func (b *board) hook(name string, fn func()) {
	defer func() {
		if r := recover(); r != nil {
			b.log.Error("a hook of the replicated store panicked; this is a bug", "hook", name, "panic", r)
		}
	}()
	fn()
}

func (b *board) wake() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch := range b.watchers {
		select {
		case ch <- struct{}{}:
		default: // it has one waiting, and will see this state when it looks
		}
	}
}

func (b *board) watch() (ch chan struct{}, stop func()) {
	ch = make(chan struct{}, 1)
	b.mu.Lock()
	b.watchers[ch] = struct{}{}
	b.mu.Unlock()
	return ch, func() {
		b.mu.Lock()
		delete(b.watchers, ch)
		b.mu.Unlock()
	}
}

// State is the newest state this node has. It is never nil.
func (s *Store) State() *policy.State { return s.board.state.Load() }

// Watch gives a channel that has something in it after State has become
// another, until ctx ends. Several states in a row may give one signal.
func (s *Store) Watch(ctx context.Context) <-chan struct{} {
	ch, stop := s.board.watch()
	context.AfterFunc(ctx, stop)
	return ch
}

// Wait waits until State has an index, or fails with policy.Unavailable when ctx ends.
func (s *Store) Wait(ctx context.Context, index uint64) error {
	if s.State().Index >= index {
		return nil
	}
	ch, stop := s.board.watch()
	defer stop()
	for s.State().Index < index {
		select {
		case <-ch:
		case <-ctx.Done():
			return policy.Errorf(policy.Unavailable, "this node is at index %d and has not reached %d: %v", s.State().Index, index, context.Cause(ctx))
		}
	}
	return nil
}
