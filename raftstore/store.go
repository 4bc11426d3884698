package raftstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"github.com/meridian-gtm/meridian/policy"
)

// Store is one node's part in the replicated state.
type Store struct {
	cfg     Config
	log     *slog.Logger
	raftLog *raftLog
	board   *board
	metrics *metrics

	running atomic.Pointer[instance] // nil while Raft is not open
	reign   atomic.Pointer[reign]    // nil while this node does not lead
	moved   signal                   // fires when running, reign or the known leader changes
	places  chan struct{}            // bounds proposals in flight

	mu      sync.Mutex
	problem string    // why Raft is not open
	heard   time.Time // when a leader was last heard, as of the last run of Raft
	ready   readiness
}

// maxInFlight bounds the proposals of one node that wait for a commit.
const maxInFlight = 256

// Open makes a store. Nothing is read or written until Run.
func Open(cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	s := &Store{
		cfg: cfg, log: cfg.Logger, raftLog: newRaftLog(cfg.Logger), board: newBoard(cfg),
		places: make(chan struct{}, maxInFlight), heard: time.Now(), problem: "Raft is starting",
	}
	s.ready.since = map[string]time.Time{}
	if err := s.register(cfg.Registry); err != nil {
		return nil, err
	}
	return s, nil
}

// Run keeps Raft running until ctx ends. Raft is opened again, after a pause
// that grows to 10 s, whenever its disk fails or hangs; the error is then in
// Status, and State stands. Run itself fails only when another process has the
// directory, or when a hanging disk keeps it from ending within 5 s of ctx.
func (s *Store) Run(ctx context.Context) error {
	s.cfg.Calls.Handle(callPropose, s.answerPropose)
	s.cfg.Calls.Handle(callMember, s.answerMember)
	s.cfg.Calls.Handle(callStatus, s.answerStatus)
	defer func() {
		for _, name := range []string{callPropose, callMember, callStatus} {
			s.cfg.Calls.Handle(name, nil)
		}
	}()
	pause := s.cfg.seams.backoff
	for {
		opened := time.Now()
		inst, err := s.open(ctx)
		if err == nil {
			err = s.serve(ctx, inst)
		}
		if ctx.Err() != nil || errors.Is(err, errLocked) {
			s.down("this node is stopping")
			if ctx.Err() != nil && !errors.Is(err, errStuck) {
				return nil
			}
			return err
		}
		s.down(err.Error())
		s.metrics.reopens.Inc()
		if time.Since(opened) > time.Minute {
			pause = s.cfg.seams.backoff
		}
		s.log.Error("Raft is down; the node serves on from the state it has, and Raft is opened again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2+1)):
		}
		pause = min(2*pause, 10*time.Second)
	}
}

// down notes why Raft is not open.
func (s *Store) down(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problem = why
}

// errLogLost keeps a node from voting under an id whose votes are forgotten.
var errLogLost = errors.New("this node has a state but its Raft log is gone, so it may not vote under its old id: " +
	"remove the node from the cluster and let it join again with an empty data directory")

// instance is one run of Raft, from opening to shutdown.
type instance struct {
	raft     *raft.Raft
	fsm      *fsm
	guard    *guard
	trans    raft.Transport
	ended    chan struct{} // closed when nothing of it is to be waited for any more
	nudge    chan struct{} // asks for a Barrier after commits
	inFlight atomic.Int64
	group    sync.WaitGroup // what serve and its children run
}

// open opens disk and Raft, in a goroutine of its own that may panic or be
// ended by the guard. With a disk that hangs it is left behind stopWait after
// ctx has ended, and closes what it opens later by itself.
func (s *Store) open(ctx context.Context) (*instance, error) {
	type result struct {
		inst *instance
		err  error
	}
	opened, left := make(chan result), make(chan struct{})
	go func() {
		inst := &instance{ended: make(chan struct{}), nudge: make(chan struct{}, 1)}
		r := result{err: errors.New("opening Raft ended early")}
		defer func() { // runs on Goexit too
			if p := recover(); p != nil {
				r.err = fmt.Errorf("opening Raft: panic: %v", p)
			}
			if r.err != nil {
				if inst.guard != nil && inst.guard.poisoned() != nil {
					r.err = inst.guard.poisoned()
				}
				s.cleanup(inst)
			}
			select {
			case opened <- r:
			case <-left:
				if r.err == nil {
					s.cleanup(inst)
				}
			}
		}()
		if err := s.build(inst); err != nil {
			r.err = err
			return
		}
		r = result{inst: inst}
	}()
	select {
	case r := <-opened:
		return r.inst, r.err
	case <-ctx.Done():
	}
	late := time.NewTimer(stopWait)
	defer late.Stop()
	select {
	case r := <-opened:
		return r.inst, r.err
	case <-late.C:
		close(left)
		return nil, fmt.Errorf("%w: it was being opened", errStuck)
	}
}

// build fills an instance in, part by part, so that cleanup knows how far it came.
func (s *Store) build(inst *instance) error {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return fmt.Errorf("making Raft's directory: %w", err)
	}
	d, err := openDisk(s.cfg.Dir)
	if err != nil {
		return fmt.Errorf("opening Raft's log in %s: %w", s.cfg.Dir, err)
	}
	if s.cfg.seams.disk != nil {
		d = s.cfg.seams.disk(d)
	}
	inst.guard = newGuard(d)
	files, err := raft.NewFileSnapshotStoreWithLogger(s.cfg.Dir, 3, s.raftLog)
	if err != nil {
		return fmt.Errorf("opening the raft snapshots in %s: %w", s.cfg.Dir, err)
	}
	snaps := snapshots{files, inst.guard}
	if err := checkEnds(inst.guard); err != nil {
		return err
	}
	existing, err := raft.HasExistingState(inst.guard, inst.guard, snaps)
	if err != nil {
		return err
	}
	if !existing && s.State().Index > 0 && !s.cfg.Joined {
		return errLogLost
	}
	inst.trans = s.transport()
	conf := s.cfg.raftConfig(s.raftLog)
	if !existing && s.cfg.Bootstrap != nil {
		self := raft.Server{Suffrage: raft.Voter, ID: conf.LocalID, Address: raft.ServerAddress(s.cfg.LocalAddr)}
		if err := raft.BootstrapCluster(conf, inst.guard, inst.guard, snaps, inst.trans, raft.Configuration{Servers: []raft.Server{self}}); err != nil {
			return fmt.Errorf("bootstrapping the cluster: %w", err)
		}
	}
	inst.fsm = newFSM(s.board)
	if s.cfg.Streams != nil {
		s.cfg.Streams.Mend()
	}
	inst.raft, err = raft.NewRaft(conf, inst.fsm, inst.guard, inst.guard, snaps, inst.trans)
	if err != nil {
		return fmt.Errorf("starting Raft in %s: %w", s.cfg.Dir, err)
	}
	return nil
}

// checkEnds reads the first and last entry of the log, which a damaged file fails early.
func checkEnds(g *guard) error {
	first, err := g.FirstIndex()
	if err != nil {
		return err
	}
	last, err := g.LastIndex()
	if err != nil || last == 0 {
		return err
	}
	for _, index := range []uint64{first, last} {
		if err := g.GetLog(index, new(raft.Log)); err != nil {
			return fmt.Errorf("reading entry %d of the log: %w", index, err)
		}
	}
	return nil
}

// Raft's I/O deadline. It must cover a full AppendEntries over a slow line.
const ioTimeout = 10 * time.Second

func (s *Store) transport() raft.Transport {
	if s.cfg.seams.transport != nil {
		return s.cfg.seams.transport()
	}
	return transport{raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream:  newLayer(s.cfg.Streams, s.cfg.LocalAddr),
		MaxPool: poolSize,
		Timeout: ioTimeout,
		Logger:  s.raftLog,
	})}
}

// cleanup closes what build made, in the order that lets each part end. It
// waits for Raft, so with a hanging disk it waits for that.
func (s *Store) cleanup(inst *instance) {
	if s.cfg.Streams != nil {
		s.cfg.Streams.Cut()
	}
	if c, ok := inst.trans.(raft.WithClose); ok {
		_ = c.Close()
	}
	if inst.raft != nil {
		_ = inst.raft.Shutdown().Error()
	}
	if inst.guard != nil {
		inst.guard.poison(errors.New("the store of Raft is closed"))
		if err := survive(inst.guard.disk.Close); err != nil {
			s.log.Error("closing Raft's log", "error", err)
		}
	}
}

// known are the errors that Propose may meet before anything was proposed.
func (s *Store) unavailable() error {
	st := s.Status()
	if st.Problem != "" {
		return policy.Errorf(policy.Unavailable, "no leader: %s", st.Problem)
	}
	return policy.Errorf(policy.Unavailable, "no leader: this node has heard of none for %v; a majority of the voters must be up and reach each other", st.LastContact.Round(100*time.Millisecond))
}
