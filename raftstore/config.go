package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// Streams is the part of the cluster port that carries Raft; *peer.Streams is one.
type Streams interface {
	Accept(ctx context.Context) (net.Conn, error)
	Dial(addr string, timeout time.Duration) (net.Conn, error)
	Cut()
	Mend()
}

// Calls is the part of the cluster port that carries calls between nodes; *peer.Port is one.
type Calls interface {
	Handle(name string, fn peer.Handler)
	Call(ctx context.Context, addr, name string, body []byte) ([]byte, error)
}

// Commit is one applied entry of the log.
type Commit struct {
	Index   uint64
	Data    []byte // as change.Encode gave it; not to be written to
	State   *policy.State
	Outcome policy.Outcome
}

// Config is what a Store is made of. The zero value of an optional field is its default.
type Config struct {
	Dir       string // Raft's own directory: raft.db and snapshots/
	ServerID  string // random, never used again once its directory is lost
	LocalAddr string // host:port at which the other nodes reach this one's cluster port
	Streams   Streams
	Calls     Calls
	Logger    *slog.Logger
	Registry  prometheus.Registerer // nil: no metrics

	// Bootstrap makes a cluster of this one node, and is its first change. It
	// acts only where neither Dir nor Initial holds anything.
	Bootstrap *change.Change
	// Initial is the state this node's journal had; State never falls behind
	// it. Having one beside an empty Dir means that the log was lost, and then
	// Raft is not started: a wiped node may not vote under its old id.
	Initial *policy.State
	// Joined says that ServerID was issued just now and has never voted, so that
	// Raft may start beside Initial with an empty Dir.
	Joined bool

	// OnCommit is called for each applied entry that is newer than what State
	// had, in order, from Raft's goroutine: it must be quick. OnRestore is
	// called instead when the state moved by other means than the one next
	// entry, and takes the place of all before it.
	OnCommit  func(Commit)
	OnRestore func(*policy.State)

	// Timing. Multiplier scales the first three, as a WAN needs: 1 (the
	// default) is for round trips up to some 50 ms, 3 for 150 ms, 5 for 300 ms; 1 to 20.
	Multiplier       float64
	HeartbeatTimeout time.Duration // silence until a follower stands for election; default 500 ms
	ElectionTimeout  time.Duration // until a candidate tries again; default 500 ms, at least HeartbeatTimeout
	LeaseTimeout     time.Duration // without a quorum until a leader gives up; default 500 ms, at most HeartbeatTimeout
	WriteTimeout     time.Duration // of one Propose, beside its context; default 4.5 s
	LeaderWait       time.Duration // of a Propose for a leader; default 3 s
	WatchInterval    time.Duration // between the leader's proofs that it can commit; default 2 s, times Multiplier
	PromoteStable    time.Duration // that a non-voter must keep up before it may vote; default 2 s

	// Raft snapshots. A lagging node is sent one when the log no longer reaches back to it.
	SnapshotInterval  time.Duration // between looks; default 2 min
	SnapshotThreshold uint64        // entries since the last one; default 65536: the leader writes ten small ones a second
	SnapshotBytes     int64         // or octets in them; default 64 MiB
	TrailingLogs      uint64        // entries kept behind one; default 20480

	seams seams
}

// seams are replaced by tests; the zero value is production.
type seams struct {
	disk      func(disk) disk       // wraps the store on disk
	transport func() raft.Transport // in place of a transport over Streams
	backoff   time.Duration         // first wait before reopening; default 250 ms
	clocks    func() Reading        // of the machine
	noNudge   bool                  // no Barrier after commits, to measure what it brings
}

// Misses of the commit watchdog until the leader gives up.
const watchMisses = 3

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	if c.Multiplier == 0 {
		c.Multiplier = 1
	}
	scale := func(d time.Duration) time.Duration { return time.Duration(float64(d) * c.Multiplier) }
	def(&c.HeartbeatTimeout, 500*time.Millisecond)
	def(&c.ElectionTimeout, max(500*time.Millisecond, c.HeartbeatTimeout))
	def(&c.LeaseTimeout, min(500*time.Millisecond, c.HeartbeatTimeout))
	def(&c.WatchInterval, scale(2*time.Second))
	def(&c.WriteTimeout, 4500*time.Millisecond)
	def(&c.LeaderWait, 3*time.Second)
	def(&c.PromoteStable, 2*time.Second)
	def(&c.SnapshotInterval, 2*time.Minute)
	def(&c.seams.backoff, 250*time.Millisecond)
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaseTimeout = scale(c.HeartbeatTimeout), scale(c.ElectionTimeout), scale(c.LeaseTimeout)
	if c.SnapshotThreshold == 0 {
		c.SnapshotThreshold = 65536
	}
	if c.TrailingLogs == 0 {
		c.TrailingLogs = 20480
	}
	if c.SnapshotBytes == 0 {
		c.SnapshotBytes = 64 << 20
	}
	return c
}

// validate names every mistake. Timing relations are of a config with defaults.
func (c Config) validate() error {
	var errs []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	add(c.Dir == "", "Dir is empty")
	add(c.ServerID == "", "ServerID is empty")
	add(c.LocalAddr == "", "LocalAddr is empty")
	add(c.Logger == nil, "Logger is nil")
	add(c.Calls == nil, "Calls is nil")
	add(c.Streams == nil && c.seams.transport == nil, "Streams is nil")
	add(c.Multiplier < 1 || c.Multiplier > 20, "Multiplier is %v; 1 to 20 may be", c.Multiplier)
	add(c.ElectionTimeout < c.HeartbeatTimeout, "ElectionTimeout %v is below HeartbeatTimeout %v", c.ElectionTimeout, c.HeartbeatTimeout)
	add(c.LeaseTimeout > c.HeartbeatTimeout, "LeaseTimeout %v is above HeartbeatTimeout %v", c.LeaseTimeout, c.HeartbeatTimeout)
	for name, d := range map[string]time.Duration{"HeartbeatTimeout": c.HeartbeatTimeout, "LeaseTimeout": c.LeaseTimeout} {
		add(d < 5*time.Millisecond, "%s is %v; 5 ms is the least", name, d)
	}
	if len(errs) == 0 {
		return nil
	}
	return policy.Errorf(policy.Invalid, "the replicated store cannot be opened: %v", errors.Join(errs...))
}

// raftConfig is the library's configuration.
func (c Config) raftConfig(logger *raftLog) *raft.Config {
	r := raft.DefaultConfig()
	r.LocalID = raft.ServerID(c.ServerID)
	r.HeartbeatTimeout, r.ElectionTimeout, r.LeaderLeaseTimeout = c.HeartbeatTimeout, c.ElectionTimeout, c.LeaseTimeout
	r.SnapshotInterval, r.SnapshotThreshold, r.TrailingLogs = c.SnapshotInterval, c.SnapshotThreshold, c.TrailingLogs
	r.MaxAppendEntries = 32    // times a chunk of 128 KiB: what a slow line must carry within one RPC's timeout
	r.ShutdownOnRemove = false // a removed node keeps answering DNS, and follows nobody
	r.NoLegacyTelemetry = true // no metric names made of node ids
	r.Logger = logger
	return r
}
