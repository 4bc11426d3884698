package raftstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// stopWait bounds how long Run waits for a hanging disk when the node stops.
const stopWait = 5 * time.Second

var errStuck = errors.New("the disk hangs and keeps Raft from ending")

// errGone is a run of Raft that has ended while something waited for it.
var errGone = errors.New("this node's Raft was shut down meanwhile")

// serve runs an open Raft until ctx ends or it must be given up, and closes it. The error says why.
func (s *Store) serve(ctx context.Context, inst *instance) error {
	s.running.Store(inst)
	s.down("")
	s.moved.fire()
	s.log.Info("Raft is open", "id", s.cfg.ServerID, "address", s.cfg.LocalAddr, "index", s.State().Index)

	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	hung := make(chan error, 1)
	inst.group.Go(func() { s.watchLeader(work, inst) })
	inst.group.Go(func() { s.watchLeadership(work, inst) })
	inst.group.Go(func() { s.nudger(work, inst) })
	inst.group.Go(func() { s.watchCommits(work, inst, hung) })
	inst.group.Go(func() { s.compact(work, inst) })

	var why error
	select {
	case <-ctx.Done():
		s.handOver(inst)
		why = ctx.Err()
	case <-inst.guard.failed:
		why = inst.guard.poisoned()
	case why = <-hung:
		inst.guard.poison(why)
	}
	s.down(why.Error())
	s.heardUntil(inst)
	s.running.Store(nil)
	close(inst.ended)
	stop()
	s.moved.fire()

	closed := make(chan struct{})
	go func() { s.cleanup(inst); close(closed) }()
	inst.group.Wait()
	return s.waitClosed(ctx, inst, closed, why)
}

// waitClosed waits until a run of Raft has closed: only then may its files be
// opened again. After ctx has ended it waits no longer than stopWait.
func (s *Store) waitClosed(ctx context.Context, inst *instance, closed chan struct{}, why error) error {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	stopping := ctx.Done()
	var last <-chan time.Time
	for {
		select {
		case <-closed:
			return why
		case <-stopping:
			stopping, last = nil, time.After(stopWait)
		case <-last:
			return fmt.Errorf("%w: %s", errStuck, inst.guard.hanging(0))
		case <-look.C:
			if h := inst.guard.hanging(time.Second); h != "" {
				s.down(fmt.Sprintf("%v; %s", why, h))
			}
		}
	}
}

// handOver gives leadership to another node before a planned stop, within bounds.
func (s *Store) handOver(inst *instance) {
	if inst.raft.State() != raft.Leader || len(inst.raft.GetConfiguration().Configuration().Servers) < 2 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(2*s.cfg.ElectionTimeout+time.Second, stopWait))
	defer cancel()
	if err := awaitFuture(ctx, inst, inst.raft.LeadershipTransfer); err != nil {
		s.log.Warn("leadership could not be handed over before stopping; the others elect a leader by themselves", "error", err)
	}
}

// await waits for a call into Raft no longer than ctx, nor longer than the run
// lasts: Raft's own futures may never complete. The call itself then
// goes on behind; callers bound how many.
func await[T any](ctx context.Context, i *instance, call func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		v, err := call()
		done <- result{v, err}
	}()
	var none T
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		return none, ctx.Err()
	case <-i.ended:
		select {
		case r := <-done: // it may have been answered at the very end
			return r.value, r.err
		default:
			return none, errGone
		}
	}
}

// awaitFuture is await for futures without a value.
func awaitFuture(ctx context.Context, i *instance, call func() raft.Future) error {
	_, err := await(ctx, i, func() (struct{}, error) { return struct{}{}, call().Error() })
	return err
}

// barrier commits an entry that does nothing, after all that came before.
func (i *instance) barrier(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return awaitFuture(ctx, i, func() raft.Future { return i.raft.Barrier(timeout) })
}

// nudger commits one Barrier when commits have come to rest. Followers learn
// what is committed from the leader's next message, and without one that is
// some 75 ms later. Nothing is sent while nothing is proposed.
func (s *Store) nudger(ctx context.Context, inst *instance) {
	for {
		select {
		case <-inst.nudge:
		case <-ctx.Done():
			return
		}
		alone := len(inst.raft.GetConfiguration().Configuration().Servers) < 2
		if alone || s.cfg.seams.noNudge || inst.inFlight.Load() > 0 { // the next proposal carries the news, and nudges again
			continue
		}
		_ = inst.barrier(ctx, s.cfg.WatchInterval) // a failure means that leadership is lost or the watchdog is at it
	}
}

// watchCommits makes the leader prove, while nothing else does, that it can
// still commit. A leader whose disk hangs keeps its followers by heartbeats:
// after three misses it gives itself up.
func (s *Store) watchCommits(ctx context.Context, inst *instance, hung chan<- error) {
	tick := time.NewTicker(s.cfg.WatchInterval)
	defer tick.Stop()
	misses, last := 0, uint64(0)
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		commit := inst.raft.CommitIndex()
		moved := commit != last
		last = commit
		if moved || inst.raft.State() != raft.Leader {
			misses = 0
			continue
		}
		err := inst.barrier(ctx, s.cfg.WatchInterval)
		if err == nil || inst.raft.State() != raft.Leader || inst.raft.CommitIndex() != commit {
			misses = 0
			continue
		}
		if misses++; misses >= watchMisses {
			hung <- fmt.Errorf("this leader has committed nothing for %v and gives up; %s", time.Duration(misses)*2*s.cfg.WatchInterval, inst.guard.hanging(0))
			return
		}
	}
}

// compact makes a raft snapshot when much has been written since the last one.
// Raft itself counts entries, and most of them are small.
func (s *Store) compact(ctx context.Context, inst *instance) {
	tick := time.NewTicker(s.cfg.SnapshotInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if inst.fsm.written.Load() < s.cfg.SnapshotBytes {
			continue
		}
		if err := awaitFuture(ctx, inst, func() raft.Future { return inst.raft.Snapshot() }); err != nil && ctx.Err() == nil {
			s.log.Warn("a raft snapshot could not be made; it is tried again", "error", err)
		}
	}
}

// watchLeader tells waiting proposals when another leader becomes known.
func (s *Store) watchLeader(ctx context.Context, inst *instance) {
	seen := make(chan raft.Observation, 1)
	observer := raft.NewObserver(seen, false, func(o *raft.Observation) bool {
		_, ok := o.Data.(raft.LeaderObservation)
		return ok
	})
	inst.raft.RegisterObserver(observer)
	defer inst.raft.DeregisterObserver(observer)
	for {
		select {
		case <-seen:
			s.moved.fire()
		case <-ctx.Done():
			return
		}
	}
}
