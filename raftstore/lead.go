package raftstore

import (
	"context"
	"time"

	"github.com/hashicorp/raft"
)

// reign is one term of this node as leader.
type reign struct {
	term  uint64
	ctx   context.Context // ends with leadership
	end   context.CancelFunc
	ready chan struct{} // closed when all entries of earlier terms are applied
	base  int64         // State clock when that was so
	began time.Time     // and the local time, with its monotonic reading
}

// clock is the State clock now: the term's start plus monotonic time.
func (r *reign) clock() int64 { return r.base + int64(time.Since(r.began)) }

// Clock is the State clock now, as the leader stamps it: on another node it stands at the last change.
func (s *Store) Clock() int64 {
	if r := s.reign.Load(); r != nil {
		select {
		case <-r.ready:
			return r.clock()
		default: // its clock is not set yet
		}
	}
	return s.State().Clock
}

// watchLeadership keeps reign in step with Raft. LeaderCh keeps only its latest
// signal, so signals are taken as hints to look.
func (s *Store) watchLeadership(ctx context.Context, inst *instance) {
	defer s.dethrone()
	for {
		select {
		case <-inst.raft.LeaderCh():
		case <-ctx.Done():
			return
		}
		term := inst.raft.CurrentTerm()
		leads := inst.raft.State() == raft.Leader
		if r := s.reign.Load(); r != nil && leads && r.term == term {
			continue
		}
		s.dethrone()
		if leads {
			s.enthrone(ctx, inst, term)
		}
	}
}

func (s *Store) dethrone() {
	if r := s.reign.Swap(nil); r != nil {
		r.end()
		s.log.Info("this node leads no more", "term", r.term)
		s.moved.fire()
	}
}

func (s *Store) enthrone(ctx context.Context, inst *instance, term uint64) {
	r := &reign{term: term, ready: make(chan struct{})}
	r.ctx, r.end = context.WithCancel(ctx)
	s.reign.Store(r)
	s.log.Info("this node leads", "term", term)
	inst.group.Go(func() { s.prepare(inst, r) })
	s.moved.fire()
}

// prepare waits until everything that earlier leaders committed is applied
// here, and sets the reign's clock after it. It ends with the reign.
func (s *Store) prepare(inst *instance, r *reign) {
	for {
		err := inst.barrier(r.ctx, s.cfg.WatchInterval)
		if r.ctx.Err() != nil {
			return
		}
		if err == nil {
			break
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-r.ctx.Done():
			return
		}
	}
	r.began = time.Now()
	r.base = s.board.keeper.Begin(s.board.clocks())
	close(r.ready)
	s.moved.fire()
	s.firstChange(inst, r)
}

// firstChange proposes the change that begins the cluster, until it is in State.
func (s *Store) firstChange(inst *instance, r *reign) {
	if s.cfg.Bootstrap == nil || s.State().Cluster.ID != "" {
		return
	}
	for r.ctx.Err() == nil {
		_, err := s.commit(r.ctx, inst, r, *s.cfg.Bootstrap)
		if err == nil {
			return
		}
		s.log.Error("the cluster's first change was not taken", "error", err)
		select {
		case <-time.After(time.Second):
		case <-r.ctx.Done():
		}
	}
}

// Lead runs duties whenever this node leads, until ctx ends, one call at a
// time. duties is called once a term, when State holds everything of the terms
// before, and its context ends with leadership; it should then return soon. It
// may also return before, and is then not called again in that term.
func (s *Store) Lead(ctx context.Context, duties func(ctx context.Context, term uint64)) error {
	for {
		r := s.nextReign(ctx)
		if r == nil {
			return nil
		}
		work, cancel := context.WithCancel(r.ctx)
		stop := context.AfterFunc(ctx, cancel)
		duties(work, r.term)
		stop()
		cancel()
		select {
		case <-r.ctx.Done():
		case <-ctx.Done():
			return nil
		}
	}
}

// nextReign waits until this node leads and is ready, or gives nil when ctx ends.
func (s *Store) nextReign(ctx context.Context) *reign {
	for {
		moved := s.moved.wait()
		if r := s.reign.Load(); r != nil {
			select {
			case <-r.ready:
				return r
			default:
			}
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil
		}
	}
}
