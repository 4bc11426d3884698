package raftstore

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"github.com/meridian-gtm/meridian/policy"
)

// What a non-voter must be like to be given a vote.
const (
	promoteTrailing = 250             // entries it may be behind the leader
	promoteContact  = 2 * time.Second // since it heard the leader
	memberTimeout   = 4 * time.Second // of one change of membership
	askTimeout      = time.Second     // of asking a non-voter how it does
)

type memberChange struct {
	Op   string `json:"op"` // "nonvoter", "voter" or "remove"
	ID   string `json:"id"`
	Addr string `json:"addr,omitempty"`
}

// AddNonvoter lets a node receive the log without a vote, or changes a
// server's address. It works on any node; see Propose for when it fails.
// Doing it again changes nothing.
func (s *Store) AddNonvoter(ctx context.Context, id, addr string) error {
	return s.member(ctx, memberChange{"nonvoter", id, addr})
}

// AddVoter gives a node a vote.
func (s *Store) AddVoter(ctx context.Context, id, addr string) error {
	return s.member(ctx, memberChange{"voter", id, addr})
}

// Remove takes a node out of the cluster. Its id must never be used again.
func (s *Store) Remove(ctx context.Context, id string) error {
	return s.member(ctx, memberChange{"remove", id, ""})
}

// member takes a change of membership to the leader. All of them may be
// repeated, so that an unknown outcome is no obstacle.
func (s *Store) member(ctx context.Context, m memberChange) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.WriteTimeout)
	defer cancel()
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	for {
		moved := s.moved.wait()
		err := policy.Errorf(policy.NotLeader, "Raft is not running here")
		var failed error = err
		if inst := s.running.Load(); inst != nil {
			if addr, id := inst.raft.LeaderWithID(); id == raft.ServerID(s.cfg.ServerID) {
				failed = s.changeMember(ctx, inst, m)
			} else if addr != "" {
				_, failed = s.cfg.Calls.Call(ctx, string(addr), callMember, body)
			}
		}
		switch kind := policy.KindOf(failed); {
		case failed == nil:
			return nil
		case kind != policy.NotLeader && kind != policy.Unavailable && kind != policy.NotFound:
			return failed
		}
		select {
		case <-moved:
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			if st := s.Status(); st.Leader == "" {
				return s.unavailable()
			}
			return policy.Errorf(policy.Unavailable, "the membership of %s could not be changed in time; try again: %v", m.ID, failed)
		}
	}
}

// changeMember does it as the leader.
func (s *Store) changeMember(ctx context.Context, inst *instance, m memberChange) error {
	ctx, cancel := context.WithTimeout(ctx, memberTimeout)
	defer cancel()
	r, id, addr := inst.raft, raft.ServerID(m.ID), raft.ServerAddress(m.Addr)
	err := awaitFuture(ctx, inst, func() raft.Future {
		switch m.Op {
		case "nonvoter":
			return r.AddNonvoter(id, addr, 0, memberTimeout)
		case "voter":
			return r.AddVoter(id, addr, 0, memberTimeout)
		default:
			return r.RemoveServer(id, 0, memberTimeout)
		}
	})
	switch {
	case err == nil:
		s.log.Info("the membership was changed", "op", m.Op, "id", m.ID, "address", m.Addr)
		return nil
	case policy.KindOf(classify(err)) == policy.NotLeader, ctx.Err() != nil, err == errGone, err == raft.ErrLeadershipLost, err == raft.ErrRaftShutdown:
		return policy.Errorf(policy.NotLeader, "%v", err)
	}
	return policy.Errorf(policy.Conflict, "the membership of %s cannot be changed so: %v", m.ID, err)
}

func (s *Store) answerMember(ctx context.Context, from string, body []byte) ([]byte, error) {
	var m memberChange
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, policy.Errorf(policy.Invalid, "a change of membership from %s cannot be read: %v", from, err)
	}
	if !slices.Contains([]string{"nonvoter", "voter", "remove"}, m.Op) || m.ID == "" || m.Addr == "" && m.Op != "remove" {
		return nil, policy.Errorf(policy.Invalid, "a malformed change of membership from %s: %+v", from, m)
	}
	inst := s.running.Load()
	if inst == nil {
		return nil, policy.Errorf(policy.NotLeader, "Raft is not running here")
	}
	return nil, s.changeMember(ctx, inst, m)
}

// progress is what a node says of itself to its leader.
type progress struct {
	Leader  string        `json:"leader"`
	Last    uint64        `json:"last"`
	Applied uint64        `json:"applied"`
	Contact time.Duration `json:"contact"`
	Problem string        `json:"problem,omitempty"`
}

func (s *Store) answerStatus(context.Context, string, []byte) ([]byte, error) {
	st := s.Status()
	return json.Marshal(progress{st.Leader, st.LastLog, st.Applied, st.LastContact, st.Problem})
}

// readiness remembers since when non-voters keep up.
type readiness struct {
	mu    sync.Mutex
	since map[string]time.Time
}

// PromoteReady lists the non-voters that have kept up with this leader for
// PromoteStable, and may be given a vote by AddVoter. The leader's duty calls
// it every second or so; what it remembers it forgets when it no longer holds.
func (s *Store) PromoteReady(ctx context.Context) []Server {
	inst := s.running.Load()
	if inst == nil || s.reign.Load() == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var group sync.WaitGroup
	var candidates []Server
	for _, server := range s.Status().Servers {
		if !server.Voter {
			candidates = append(candidates, server)
		}
	}
	keepsUp := make([]bool, len(candidates))
	for i, server := range candidates {
		group.Go(func() {
			answer, err := s.cfg.Calls.Call(ctx, server.Addr, callStatus, nil)
			var p progress
			keepsUp[i] = err == nil && json.Unmarshal(answer, &p) == nil && s.keepsUp(p, inst.raft.LastIndex())
		})
	}
	group.Wait()
	return s.ready.update(candidates, keepsUp, s.cfg.PromoteStable)
}

func (s *Store) keepsUp(p progress, last uint64) bool {
	return p.Problem == "" && p.Leader == s.cfg.ServerID && p.Contact <= promoteContact &&
		p.Last+promoteTrailing >= last && p.Applied+promoteTrailing >= last
}

func (r *readiness) update(candidates []Server, keepsUp []bool, stable time.Duration) (ready []Server) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	since := map[string]time.Time{}
	for i, server := range candidates {
		if !keepsUp[i] {
			continue
		}
		t, ok := r.since[server.ID]
		if !ok {
			t = now
		}
		since[server.ID] = t
		if now.Sub(t) >= stable {
			ready = append(ready, server)
		}
	}
	r.since = since
	return ready
}
