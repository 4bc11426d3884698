package raftstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// whatever operation of the disk fails, on the leader or on a
// follower, the process lives (this test would die), the others go on, the node
// says what is wrong and keeps its state, and it comes back when the disk does.
func TestDiskFailures(t *testing.T) {
	for _, op := range []string{"StoreLogs", "Set", "GetLog"} {
		for _, role := range []string{"leader", "follower"} {
			t.Run(op+" on the "+role, func(t *testing.T) { t.Parallel(); diskFailure(t, op, role) })
		}
	}
}

func diskFailure(t *testing.T, op, role string) {
	c := newCluster(t, 3)
	sick := c.leader()
	if role == "follower" {
		sick = c.followers()[0]
	}
	var rest []*node
	for _, nd := range c.nodes {
		if nd != sick {
			rest = append(rest, nd)
		}
	}
	rest[0].write("before")
	c.settled()
	sick.faults.set(failing(op))
	if op == "Set" { // happens when the term changes: make it
		old := c.leader()
		old.port.Streams().Cut()
		if sick == old {
			c.leader(rest...)
			old.port.Streams().Mend()
		} else {
			defer old.port.Streams().Mend()
		}
	}
	n := 0
	eventually(t, "the disk's failure to be met", func() bool {
		if op != "Set" {
			_, _ = sick.store.Propose(t.Context(), member(fmt.Sprintf("r%d", n), fmt.Sprintf("x%d", n)))
			n++
		}
		return strings.Contains(sick.store.Status().Problem, "input/output error")
	})
	if !sick.store.State().Members.Has("before") {
		t.Error("the state is gone with the disk")
	}
	for _, nd := range rest {
		nd.port.Streams().Mend()
	}
	c.leader(rest...)
	rest[0].write("meanwhile")
	if _, err := sick.store.Propose(t.Context(), member("sick", "sick")); err != nil && policy.KindOf(err) != policy.Unavailable {
		t.Errorf("a write at the sick node: %v", err) // it may follow for moments, until it must store something
	}
	sick.faults.set(nil)
	eventually(t, "the node to be well", func() bool { return sick.store.Status().Problem == "" && sick.store.Status().HasLeader() })
	sick.write("after")
	c.settled()
}

// hanging gives a fault that holds an operation up until release, and a channel that tells when it does.
func hanging(op string) (fault func(string) error, entered chan struct{}, release func()) {
	entered, open := make(chan struct{}, 1024), make(chan struct{})
	var once sync.Once
	return func(o string) error {
		if o == op {
			select {
			case entered <- struct{}{}:
			default:
			}
			<-open
		}
		return nil
	}, entered, func() { once.Do(func() { close(open) }) }
}

// a leader whose disk hangs gives up, the others elect, and it comes back.
func TestHangingDiskOfLeader(t *testing.T) {
	c := newCluster(t, 3)
	sick := c.leader()
	rest := c.followers()
	rest[0].write("before")
	fault, entered, release := hanging("StoreLogs")
	defer release()
	sick.faults.set(fault)
	result := make(chan error, 1)
	go func() {
		_, err := sick.store.Propose(t.Context(), member("hung", "hung"))
		result <- err
	}()
	<-entered
	next := c.leader(rest...)
	if next == sick {
		t.Fatal("the leader with a hanging disk still leads")
	}
	rest[1].write("meanwhile")
	if err := <-result; policy.KindOf(err) != policy.Unavailable || !strings.Contains(err.Error(), `"hung"`) {
		t.Errorf("the write that hung: %v; want an unknown outcome that names its request", err)
	}
	eventually(t, "the sick node to say so", func() bool { return strings.Contains(sick.store.Status().Problem, "hang") })
	if !sick.store.State().Members.Has("before") {
		t.Error("the state is gone with the disk")
	}
	sick.faults.set(nil)
	release()
	eventually(t, "the node to be well", func() bool { return sick.store.Status().Problem == "" && sick.store.Status().HasLeader() })
	sick.write("hung2")
	if _, err := sick.store.Propose(t.Context(), member("hung", "hung")); err != nil {
		t.Errorf("retrying the request whose outcome was unknown: %v", err)
	}
	c.settled()
}

// A node whose disk hangs for ever still stops, in bounded time, and says why it is not whole.
func TestStopWithHangingDisk(t *testing.T) {
	c := newCluster(t, 1)
	nd := c.nodes[0]
	fault, entered, release := hanging("StoreLogs")
	defer release()
	nd.faults.set(fault)
	go nd.store.Propose(t.Context(), member("r", "x"))
	<-entered
	nd.cancel()
	if err := <-nd.done; !errors.Is(err, errStuck) {
		t.Errorf("Run ended with %v", err)
	}
	release()
	<-nd.portEnd
	nd.cancel = nil
}

// A directory that cannot be opened is tried again, and used when it can be.
func TestOpenFailsAndHeals(t *testing.T) {
	c := newCluster(t, 1)
	nd := c.nodes[0]
	nd.write("a")
	nd.stop()
	nd.faults.set(failing("LastIndex"))
	nd.cfg.Initial = nd.store.State()
	nd.start()
	eventually(t, "the failure to be told", func() bool { return strings.Contains(nd.store.Status().Problem, "input/output") })
	if _, err := nd.store.Propose(t.Context(), member("r", "x")); policy.KindOf(err) != policy.Unavailable || !strings.Contains(err.Error(), "input/output") {
		t.Errorf("a write while Raft is down: %v", err)
	}
	if !nd.store.State().Members.Has("a") {
		t.Error("the state is gone with the disk")
	}
	nd.faults.set(nil)
	nd.write("b")
}

// A damaged newest raft snapshot makes Raft fall back to the one before; damage
// to all of them, or to the log, leaves a node that says so and serves on.
func TestDamagedFiles(t *testing.T) {
	c := newCluster(t, 1, func(_ int, cfg *Config) {
		cfg.SnapshotInterval, cfg.SnapshotThreshold, cfg.TrailingLogs = 20*time.Millisecond, 8, 100
	})
	nd := c.nodes[0]
	snaps := func() []string {
		dirs, _ := filepath.Glob(filepath.Join(nd.cfg.Dir, "snapshots", "*-*-*[0-9]"))
		return dirs
	}
	n := 0
	for ; len(snaps()) < 2; n++ {
		nd.write(fmt.Sprintf("m%d", n))
	}
	nd.write("last")
	nd.stop()
	damage := func(path string) {
		if err := os.WriteFile(path, []byte("damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	newest := ""
	for _, d := range snaps() {
		if newest == "" || index(d) > index(newest) {
			newest = d
		}
	}
	damage(filepath.Join(newest, "state.bin"))
	nd.start()
	eventually(t, "the node to be back from the older raft snapshot", func() bool { return nd.store.State().Members.Has("last") })

	nd.stop()
	nd.cfg.Initial = nd.store.State()
	for _, d := range snaps() {
		damage(filepath.Join(d, "state.bin"))
	}
	nd.start()
	eventually(t, "the damage to be told", func() bool { return strings.Contains(nd.store.Status().Problem, "snapshots") })
	if !nd.store.State().Members.Has("last") {
		t.Error("the journal's state is not served")
	}
	nd.stop()
	damage(filepath.Join(nd.cfg.Dir, "raft.db"))
	nd.start()
	eventually(t, "the damage to be told", func() bool {
		return strings.Contains(nd.store.Status().Problem, "raft.db") || strings.Contains(nd.store.Status().Problem, "log in")
	})
}

// index reads the log index in the name of a raft snapshot's directory.
func index(dir string) int {
	var term, i, ms int
	_, _ = fmt.Sscanf(filepath.Base(dir), "%d-%d-%d", &term, &i, &ms)
	return i
}
