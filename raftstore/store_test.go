package raftstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

func TestWritesFromEveryNodeAndRestart(t *testing.T) {
	c := newCluster(t, 3)
	for i, nd := range c.nodes {
		id := fmt.Sprintf("m%d", i)
		o, err := nd.store.Propose(t.Context(), member("r"+id, id))
		if err != nil {
			t.Fatalf("writing at %s: %v", nd.cfg.ServerID, err)
		}
		if !nd.store.State().Members.Has(id) {
			t.Errorf("%s answered a write that it does not have", nd.cfg.ServerID)
		}
		again, err := nd.store.Propose(t.Context(), member("r"+id, id))
		if err != nil || !again.Replayed || again.Index != o.Index {
			t.Errorf("a retry gave %+v, %v; first it was %+v", again, err, o)
		}
		refused, err := nd.store.Propose(t.Context(), change.Change{Actor: "test", Body: &change.DeleteMember{ID: "nobody"}})
		if policy.KindOf(err) != policy.NotFound || refused.Refused == nil {
			t.Errorf("a refused change gave %+v, %v", refused, err)
		}
	}
	c.settled()
	before := c.nodes[0].store.State()

	for _, nd := range c.nodes {
		nd.stop()
	}
	for _, nd := range c.nodes {
		nd.start()
	}
	c.leader()
	c.nodes[1].write("after")
	c.settled()
	after := c.nodes[2].store.State()
	if after.Index <= before.Index || !after.Members.Has("m0") || !after.Members.Has("after") {
		t.Errorf("after a restart of all: index %d after %d, %d members", after.Index, before.Index, after.Members.Len())
	}
	if after.Clock < before.Clock {
		t.Errorf("the clock went back from %d to %d", before.Clock, after.Clock)
	}
	for _, nd := range c.nodes {
		nd.mu.Lock()
		if !slices.IsSorted(nd.commits) {
			t.Errorf("%s: commits came out of order: %v", nd.cfg.ServerID, nd.commits)
		}
		nd.mu.Unlock()
	}
}

// A killed leader is replaced; the old one comes back as a follower with the same state.
func TestLeaderCutOffIsReplaced(t *testing.T) {
	c := newCluster(t, 3)
	old := c.leader()
	rest := c.followers()
	rest[0].write("a")
	old.port.Streams().Cut()
	next := c.leader(rest...)
	if next == old {
		t.Fatal("the node that is cut off leads")
	}
	rest[0].write("b")
	rest[1].write("c")
	old.port.Streams().Mend()
	c.settled()
	if st := old.store.Status(); st.Problem != "" {
		t.Errorf("the old leader has a problem: %s", st.Problem)
	}
}

// I-06: without a leader a write fails in time and says why; reading goes on.
func TestNoLeaderFailsFast(t *testing.T) {
	c := newCluster(t, 3)
	c.nodes[0].write("a")
	c.settled()
	for _, nd := range c.nodes {
		nd.port.Streams().Cut()
	}
	nd := c.nodes[1]
	eventually(t, "the leader to be gone", func() bool { return !nd.store.Status().HasLeader() })
	started := time.Now()
	_, err := nd.store.Propose(t.Context(), member("r1", "b"))
	if took := time.Since(started); policy.KindOf(err) != policy.Unavailable || !strings.Contains(err.Error(), "no leader") || took > 5*time.Second {
		t.Errorf("a write with no leader: %v after %v", err, took)
	}
	if err := nd.store.AddVoter(t.Context(), "n9", "192.0.2.9:1"); policy.KindOf(err) != policy.Unavailable {
		t.Errorf("a change of membership with no leader: %v", err)
	}
	if !nd.store.State().Members.Has("a") {
		t.Error("the state is gone with the leader")
	}
	was := nd.store.Status().LastContact
	eventually(t, "the time without a leader to grow", func() bool { return nd.store.Status().LastContact > was })
	for _, nd := range c.nodes {
		nd.port.Streams().Mend()
	}
	c.leader()
	if _, err := nd.store.Propose(t.Context(), member("r1", "b")); err != nil {
		t.Errorf("after healing: %v", err)
	}
}

// A node that the log no longer reaches back to gets a raft snapshot, then follows.
func TestInstallSnapshot(t *testing.T) {
	t.Run("after so many entries", func(t *testing.T) {
		testInstallSnapshot(t, func(cfg *Config) { cfg.SnapshotThreshold = 8 })
	})
	t.Run("after so many octets", func(t *testing.T) {
		testInstallSnapshot(t, func(cfg *Config) { cfg.SnapshotBytes = 1000 })
	})
}

func testInstallSnapshot(t *testing.T, when func(*Config)) {
	restored := make(chan *policy.State, 16)
	c := newCluster(t, 3, func(i int, cfg *Config) {
		cfg.SnapshotInterval, cfg.TrailingLogs = 20*time.Millisecond, 2
		when(cfg)
		if i == 2 {
			cfg.OnRestore = func(s *policy.State) { restored <- s }
		}
	})
	late := c.nodes[2]
	late.stop()
	for len(restored) > 0 {
		<-restored
	}
	at := late.store.State().Index
	var last policy.Outcome
	for i := range 60 {
		last = c.nodes[i%2].write(fmt.Sprintf("m%d", i))
	}
	eventually(t, "a raft snapshot of the leader", func() bool {
		for _, nd := range c.nodes[:2] {
			dirs, _ := filepath.Glob(filepath.Join(nd.cfg.Dir, "snapshots", "*-*-*"))
			if len(dirs) == 0 {
				return false
			}
		}
		return true
	})
	late.start()
	eventually(t, "the late node to have all", func() bool { return late.store.State().Index >= last.Index })
	c.settled()
	var s *policy.State
	for len(restored) > 0 {
		s = <-restored
	}
	if s == nil || s.Index <= at {
		t.Errorf("OnRestore was not called with a state beyond %d", at)
	}
	late.write("follows")
	c.settled()
}

// Restarted nodes never show a state older than the journal's (I-02), and go on from it by OnCommit.
func TestStateNeverFallsBehindTheJournal(t *testing.T) {
	restores := make(chan uint64, 64)
	c := newCluster(t, 1, func(_ int, cfg *Config) { cfg.OnRestore = func(s *policy.State) { restores <- s.Index } })
	nd := c.nodes[0]
	for i := range 5 {
		nd.write(fmt.Sprintf("m%d", i))
	}
	journal := nd.store.State()
	nd.stop()
	nd.cfg.Initial = journal
	nd.commits = nil
	nd.start()
	if got := nd.store.State().Index; got != journal.Index {
		t.Errorf("at the start State is at %d, the journal was at %d", got, journal.Index)
	}
	o := nd.write("next")
	nd.mu.Lock()
	defer nd.mu.Unlock()
	if len(nd.commits) != 1 || nd.commits[0] != o.Index || len(restores) != 0 {
		t.Errorf("after the journal at %d came commits %v and %d restores; want the one entry %d", journal.Index, nd.commits, len(restores), o.Index)
	}
}

// a node whose log is gone does not vote again, does not bootstrap, and keeps its state.
func TestLostLogIsNotReplacedByAnEmptyOne(t *testing.T) {
	c := newCluster(t, 1)
	nd := c.nodes[0]
	nd.write("a")
	nd.cfg.Initial = nd.store.State()
	nd.stop()
	if err := os.RemoveAll(nd.cfg.Dir); err != nil {
		t.Fatal(err)
	}
	nd.start()
	eventually(t, "the problem to be told", func() bool { return strings.Contains(nd.store.Status().Problem, "log is gone") })
	if !nd.store.State().Members.Has("a") || nd.store.Status().Role != "none" {
		t.Errorf("the node is %v", nd.store.Status())
	}
	if _, err := nd.store.Propose(t.Context(), member("r", "b")); policy.KindOf(err) != policy.Unavailable {
		t.Errorf("a write: %v", err)
	}
}

func TestSecondProcessFailsFast(t *testing.T) {
	c := newCluster(t, 1)
	second := newNode(t, must(peer.NewAuthority("c1")), 7)
	second.cfg.Dir = c.nodes[0].cfg.Dir
	second.start()
	if err := <-second.done; err == nil || !strings.Contains(err.Error(), "another process") {
		t.Errorf("a second store on one directory: %v", err)
	}
	<-second.portEnd
	second.cancel()
	second.cancel = nil
}

func TestWatchAndWait(t *testing.T) {
	c := newCluster(t, 1)
	nd := c.nodes[0]
	changed := nd.store.Watch(t.Context())
	at := nd.store.State().Index
	go nd.store.Propose(t.Context(), member("r", "a"))
	if err := nd.store.Wait(t.Context(), at+1); err != nil {
		t.Fatal(err)
	}
	<-changed
	if !nd.store.State().Members.Has("a") {
		t.Error("Watch told before State had it")
	}
}

// Connections for votes lie idle between elections. When the other node was
// restarted meanwhile they are dead, and a vote is still asked for and given.
func TestVotesOverDeadConnections(t *testing.T) {
	a := must(peer.NewAuthority("c1"))
	voter, candidate := newNode(t, a, 0), newNode(t, a, 1)
	portOf := func(nd *node) (port *peer.Port, trans transport, stop func()) {
		var l net.Listener
		eventually(t, "the address", func() bool {
			var err error
			l, err = net.Listen("tcp", nd.cfg.LocalAddr)
			return err == nil
		})
		port = must(peer.New(peer.Config{Listener: l, Identity: nd.id, Logger: nd.cfg.Logger}))
		s := &Store{cfg: nd.cfg, raftLog: newRaftLog(nd.cfg.Logger)}
		s.cfg.Streams = port.Streams()
		trans = s.transport().(transport)
		ctx, cancel := context.WithCancel(context.Background())
		var group sync.WaitGroup
		group.Go(func() { _ = port.Run(ctx) })
		group.Go(func() {
			for {
				select {
				case rpc := <-trans.Consumer():
					rpc.Respond(&raft.RequestPreVoteResponse{Granted: true}, nil)
				case <-ctx.Done():
					return
				}
			}
		})
		return port, trans, func() { cancel(); _ = trans.Close(); group.Wait() }
	}
	_, _, stopVoter := portOf(voter)
	_, trans, stop := portOf(candidate)
	defer stop()
	ask := func() error {
		resp := &raft.RequestPreVoteResponse{}
		err := trans.RequestPreVote("n1", raft.ServerAddress(voter.cfg.LocalAddr), &raft.RequestPreVoteRequest{}, resp)
		if err == nil && !resp.Granted {
			err = errors.New("not granted")
		}
		return err
	}
	var group sync.WaitGroup
	for range poolSize { // fill the pool
		group.Go(func() {
			if err := ask(); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	stopVoter()
	_, _, stopVoter = portOf(voter)
	defer func() { stopVoter() }()
	if err := ask(); err != nil {
		t.Errorf("a vote after the voter's restart: %v", err)
	}
}
