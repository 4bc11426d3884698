package raftstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// The calls between stores.
const (
	callPropose = "raft.propose"
	callMember  = "raft.member"
	callStatus  = "raft.status"
)

// followWait bounds how long Propose waits for this node to apply what the leader has committed.
const followWait = time.Second

// unknownError is a proposal that may or may not take effect.
type unknownError struct{ cause error }

func (e *unknownError) Error() string { return e.cause.Error() }
func (e *unknownError) Unwrap() error { return e.cause }

// Propose has a change committed, by this node or by the leader, and gives its
// outcome when State here has it. A change that was refused gives the outcome
// with its refusal, and the refusal as the error.
//
// It fails with policy.Unavailable, within WriteTimeout, when there is no
// leader or the outcome is unknown: the change may have been or be yet
// committed. With a Request id the same call may be made again, and takes
// effect once; Propose itself does so across changes of leadership. A change
// without one is then not tried again. Bodies over 256 KiB go in chunks, and
// then WriteTimeout is for each.
func (s *Store) Propose(ctx context.Context, c change.Change) (policy.Outcome, error) {
	body, err := change.EncodeBody(c.Body)
	if err != nil {
		return policy.Outcome{}, policy.Errorf(policy.Invalid, "%v", err)
	}
	began := time.Now()
	var o policy.Outcome
	if len(body) > stageOver {
		o, err = s.stage(ctx, c, body)
	} else {
		o, err = s.propose(ctx, c, 0)
	}
	s.metrics.proposed(time.Since(began), o, err)
	if err == nil && o.Refused != nil {
		err = o.Refused
	}
	return o, err
}

// propose takes one entry to the leader, wherever it is. size is that of the
// staged write that the entry brings in, if it does: applying that takes time.
func (s *Store) propose(ctx context.Context, c change.Change, size int) (policy.Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout+timeFor(size))
	defer cancel()
	var unknown error
	leaderless := time.NewTimer(s.cfg.LeaderWait)
	defer leaderless.Stop()
	for {
		moved := s.moved.wait()
		o, err := s.attempt(ctx, c)
		if err == nil {
			s.follow(ctx, o.Index)
			return o, nil
		}
		if errors.As(err, new(*unknownError)) {
			unknown = err
			if c.Request == "" {
				return o, s.outcomeUnknown(c, unknown)
			}
			leaderless.Reset(s.cfg.LeaderWait)
		} else if policy.KindOf(err) != policy.NotLeader {
			return o, err
		}
		select {
		case <-moved:
		case <-time.After(50 * time.Millisecond): // a leader that is not ready, or not known there yet
		case <-leaderless.C:
			if unknown != nil {
				return o, s.outcomeUnknown(c, unknown)
			}
			return o, s.unavailable()
		case <-ctx.Done():
			if unknown == nil {
				return o, s.unavailable()
			}
			return o, s.outcomeUnknown(c, unknown)
		}
	}
}

// timeFor is how long a write of so many octets may take more than a small one: a second for each MiB, on a slow and busy machine.
func timeFor(size int) time.Duration { return time.Duration(size) * time.Second >> 20 }

func (s *Store) outcomeUnknown(c change.Change, cause error) error {
	next := "it had no request id, so look whether it took effect before trying again"
	if c.Request != "" {
		next = fmt.Sprintf("retry with the same request id %q, which takes effect once", c.Request)
	}
	return policy.Errorf(policy.Unavailable, "outcome unknown (%v); %s", cause, next)
}

// attempt tries once. A NotLeader error means that nothing was proposed.
func (s *Store) attempt(ctx context.Context, c change.Change) (policy.Outcome, error) {
	inst := s.running.Load()
	if inst == nil {
		return policy.Outcome{}, policy.Errorf(policy.NotLeader, "Raft is not running here")
	}
	addr, id := inst.raft.LeaderWithID()
	switch {
	case id == raft.ServerID(s.cfg.ServerID):
		return s.lead(ctx, c)
	case addr == "":
		return policy.Outcome{}, policy.Errorf(policy.NotLeader, "no leader is known here")
	}
	return s.forward(ctx, inst, string(addr), c)
}

// lead proposes as the leader.
func (s *Store) lead(ctx context.Context, c change.Change) (policy.Outcome, error) {
	inst, r := s.running.Load(), s.reign.Load()
	if inst == nil || r == nil {
		return policy.Outcome{}, policy.Errorf(policy.NotLeader, "this node does not lead")
	}
	select {
	case <-r.ready:
		return s.commit(ctx, inst, r, c)
	case <-r.ctx.Done():
		return policy.Outcome{}, policy.Errorf(policy.NotLeader, "this node leads no more")
	case <-ctx.Done():
		return policy.Outcome{}, policy.Errorf(policy.NotLeader, "this leader was not ready in time")
	}
}

// commit stamps a change, appends it and waits for its outcome.
func (s *Store) commit(ctx context.Context, inst *instance, r *reign, c change.Change) (policy.Outcome, error) {
	if stopped := inst.fsm.stopped.Load(); stopped != nil {
		return policy.Outcome{}, policy.Errorf(policy.Unsupported, "the leader takes no changes: %v", stopped)
	}
	c.Clock = r.clock()
	data, err := change.Encode(c)
	if err != nil {
		return policy.Outcome{}, policy.Errorf(policy.Invalid, "%v", err)
	}
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		return policy.Outcome{}, policy.Errorf(policy.NotLeader, "%d writes are waiting here", maxInFlight)
	}
	inst.inFlight.Add(1)
	o, err := await(ctx, inst, func() (policy.Outcome, error) {
		defer func() {
			inst.landed()
			<-s.places
		}()
		future := inst.raft.Apply(data, s.cfg.WriteTimeout)
		if err := future.Error(); err != nil {
			return policy.Outcome{}, err
		}
		switch got := future.Response().(type) {
		case policy.Outcome:
			return got, nil
		case error:
			return policy.Outcome{}, got
		}
		return policy.Outcome{}, fmt.Errorf("the state machine answered %T", future.Response())
	})
	return o, classify(err)
}

// landed notes that a commit is over, and has the followers told when none is left.
func (i *instance) landed() {
	if i.inFlight.Add(-1) == 0 {
		select {
		case i.nudge <- struct{}{}:
		default:
		}
	}
}

// Beat commits, as the leader, an entry that changes nothing, with all that a
// change brings with it in Raft: a duty that has nothing to write in a slot makes
// it as much work as one that has.
func (s *Store) Beat(ctx context.Context) error {
	inst, r := s.running.Load(), s.reign.Load()
	if inst == nil || r == nil {
		return policy.Errorf(policy.NotLeader, "this node does not lead")
	}
	inst.inFlight.Add(1)
	defer inst.landed()
	return inst.barrier(ctx, s.cfg.WatchInterval)
}

// classify tells errors after which nothing was proposed from those that leave it open.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrLeadershipTransferInProgress), errors.Is(err, raft.ErrEnqueueTimeout):
		return policy.Errorf(policy.NotLeader, "%v", err)
	case policy.KindOf(err) != "":
		return err
	}
	return &unknownError{err}
}

// forward has the leader propose. The call is given up, with the outcome
// unknown, when another leader becomes known; a request without an id waits for its answer.
func (s *Store) forward(ctx context.Context, inst *instance, addr string, c change.Change) (policy.Outcome, error) {
	data, err := change.Encode(c)
	if err != nil {
		return policy.Outcome{}, policy.Errorf(policy.Invalid, "%v", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Request != "" {
		go s.cancelWhenDeposed(ctx, inst, addr, cancel)
	}
	answer, err := s.cfg.Calls.Call(ctx, addr, callPropose, data)
	var o policy.Outcome
	switch {
	case err == nil:
		if err := json.Unmarshal(answer, &o); err != nil {
			return o, &unknownError{fmt.Errorf("the leader's answer cannot be read: %w", err)}
		}
		return o, nil
	case peer.Unsent(err):
		return o, policy.Errorf(policy.NotLeader, "%v", err)
	case policy.KindOf(err) == policy.Unavailable:
		return o, &unknownError{err}
	case policy.KindOf(err) == policy.NotFound: // its store is not running
		return o, policy.Errorf(policy.NotLeader, "%v", err)
	}
	return o, err
}

func (s *Store) cancelWhenDeposed(ctx context.Context, inst *instance, addr string, cancel context.CancelFunc) {
	for {
		moved := s.moved.wait()
		if now, _ := inst.raft.LeaderWithID(); string(now) != addr || s.running.Load() != inst {
			cancel()
			return
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// answerPropose proposes for another node. It does not forward.
func (s *Store) answerPropose(ctx context.Context, _ string, body []byte) ([]byte, error) {
	c, err := change.Decode(body)
	if err != nil {
		return nil, err
	}
	o, err := s.lead(ctx, c)
	if err != nil {
		return nil, err
	}
	return json.Marshal(o)
}

// follow waits a while until this node has applied what was committed, so that
// whoever wrote here reads it here.
func (s *Store) follow(ctx context.Context, index uint64) {
	ctx, cancel := context.WithTimeout(ctx, followWait)
	defer cancel()
	if err := s.Wait(ctx, index); err != nil {
		s.log.Debug("a write is committed but not applied here yet", "error", err)
	}
}
