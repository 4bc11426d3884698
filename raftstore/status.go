package raftstore

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/raft"
)

// Server is a member of Raft's configuration.
type Server struct {
	ID    string
	Addr  string
	Voter bool
}

// Status is what a node knows of Raft now.
type Status struct {
	Role       string // "leader", "follower", "candidate", or "none" while Raft is not open
	Leader     string // server id; "" when none is known
	LeaderAddr string
	Term       uint64
	LastLog    uint64 // index of the last entry in this node's log
	Commit     uint64
	Applied    uint64
	// LastContact is how long ago this node last heard a leader; 0 on the leader.
	// It goes on growing while Raft is down. Before the first contact it is the time since Open.
	LastContact time.Duration
	// Problem is why Raft is not open, or why it does not apply entries, or "".
	Problem string
	Servers []Server
}

// HasLeader says whether this node follows a leader, or leads.
func (st Status) HasLeader() bool { return st.Leader != "" }

// hangAfter is when a disk operation is called hanging.
const hangAfter = 5 * time.Second

// Status looks at Raft without waiting for it.
func (s *Store) Status() Status {
	s.mu.Lock()
	st := Status{Role: "none", Problem: s.problem, LastContact: time.Since(s.heard)}
	s.mu.Unlock()
	inst := s.running.Load()
	if inst == nil {
		st.Applied = s.State().Index
		return st
	}
	r := inst.raft
	addr, id := r.LeaderWithID()
	st.Leader, st.LeaderAddr = string(id), string(addr)
	st.Term, st.LastLog, st.Commit, st.Applied = r.CurrentTerm(), r.LastIndex(), r.CommitIndex(), r.AppliedIndex()
	switch role := r.State(); role {
	case raft.Leader:
		st.Role, st.LastContact = "leader", 0
	default:
		st.Role = strings.ToLower(role.String())
		if heard := r.LastContact(); !heard.IsZero() {
			st.LastContact = time.Since(heard)
		}
	}
	for _, server := range r.GetConfiguration().Configuration().Servers {
		st.Servers = append(st.Servers, Server{ID: string(server.ID), Addr: string(server.Address), Voter: server.Suffrage == raft.Voter})
	}
	if stopped := inst.fsm.stopped.Load(); stopped != nil {
		st.Problem = stopped.Error()
	} else if h := inst.guard.hanging(hangAfter); h != "" && st.Problem == "" {
		st.Problem = h
	}
	return st
}

// heardUntil keeps when a leader was last heard beyond the end of a run of Raft.
func (s *Store) heardUntil(inst *instance) {
	heard := inst.raft.LastContact()
	if inst.raft.State() == raft.Leader {
		heard = time.Now()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if heard.After(s.heard) {
		s.heard = heard
	}
}

// String is the status in one line, for logs.
func (st Status) String() string {
	return fmt.Sprintf("%s in term %d, leader %q, applied %d of %d", st.Role, st.Term, st.Leader, st.Applied, st.Commit)
}
