package raftstore

import (
	"fmt"
	"io"
	"sync/atomic"

	"github.com/hashicorp/raft"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

// fsm applies the log to a state. One belongs to one run of Raft and starts
// from nothing; what it makes goes to the board, which outlives it.
type fsm struct {
	board   *board
	state   *policy.State // only Raft's goroutine touches it
	stopped atomic.Pointer[policy.Error]
	written atomic.Int64 // octets of the entries applied since the last raft snapshot
}

func newFSM(b *board) *fsm {
	if s := b.state.Load(); s.Index == 0 {
		return &fsm{board: b, state: s}
	}
	return &fsm{board: b, state: policy.NewState()}
}

// Apply applies one entry. It answers with a policy.Outcome, or with an error
// when this version cannot apply the entry or an earlier one: it then stops at
// that place for good, since what comes after could mean something else.
func (f *fsm) Apply(l *raft.Log) any {
	if err := f.stopped.Load(); err != nil {
		return err
	}
	f.written.Add(int64(len(l.Data)))
	next, outcome, err := applyEntry(f.state, l)
	if err != nil {
		stop := policy.Errorf(policy.Unsupported, "entry %d of the log cannot be applied, and this node stands still before it: %v", l.Index, err)
		f.stopped.Store(stop)
		return stop
	}
	prev := f.state
	f.state = next
	f.board.advance(prev, Commit{Index: l.Index, Data: l.Data, State: next, Outcome: outcome})
	return outcome
}

// applyEntry is change.Apply on bytes. A panic is a bug, and stops like an unknown change.
func applyEntry(s *policy.State, l *raft.Log) (next *policy.State, o policy.Outcome, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("applying it panicked, which is a bug: %v", r)
		}
	}()
	c, err := change.Decode(l.Data)
	if err != nil {
		return nil, o, err
	}
	return change.Apply(s, l.Index, c)
}

// Snapshot captures the state, unless applying has stopped: the log must then
// keep the entry that a later version can apply (I-12).
func (f *fsm) Snapshot() (raft.FSMSnapshot, error) {
	if err := f.stopped.Load(); err != nil {
		return nil, err
	}
	f.written.Store(0)
	return image{f.state}, nil
}

// Restore replaces the state with one that another node, or an earlier run, has persisted.
func (f *fsm) Restore(r io.ReadCloser) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("reading the raft snapshot panicked, which is a bug: %v", p)
		}
	}()
	s, err := change.ReadState(r)
	if err != nil {
		return err
	}
	f.state = s
	f.stopped.Store(nil) // the state is beyond the entry we stood before
	f.board.restored(s)
	return nil
}

// image is a raft snapshot in the making: a pointer to a state that never changes.
type image struct{ state *policy.State }

// Persist writes the state out while Apply goes on.
func (i image) Persist(sink raft.SnapshotSink) error { return change.WriteState(sink, i.state) }

// Release has nothing to release.
func (i image) Release() {}
