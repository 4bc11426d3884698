package raftstore

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// disk is what Raft keeps its log and votes in.
type disk interface {
	raft.LogStore
	raft.StableStore
	Close() error
}

// errLocked is a raft.db that another process has open.
var errLocked = errors.New("another process has raft.db open; only one meridian may run on a data directory")

func openDisk(dir string) (disk, error) {
	path := filepath.Join(dir, "raft.db")
	if err := checkBolt(path); err != nil {
		return nil, err
	}
	b, err := raftboltdb.New(raftboltdb.Options{
		Path: path,
		BoltOptions: &bbolt.Options{
			Timeout:        time.Second, // for the lock: a second process fails fast
			NoFreelistSync: true,
			FreelistType:   bbolt.FreelistMapType,
		},
		NoSync: false, // never: a vote or entry that is lost breaks Raft's promises
	})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, errLocked
	}
	return b, err
}

// guard stands between Raft and its disk. Raft panics on errors of its stores,
// so they are not handed to it: the first one poisons the guard for good
// and the goroutine of Raft that met it ends with runtime.Goexit, as
// does every later one that comes by. Raft can be shut down then, which it
// cannot when those goroutines are parked; the process lives on.
//
// One place is different: a goroutine that replicates in a pipeline leaves a
// second one behind when it ends this way, for which Shutdown would wait for
// ever. It can take an error, and gets it.
type guard struct {
	disk
	failed chan struct{} // closed when poisoned
	once   sync.Once
	err    error // set before failed is closed

	mu      sync.Mutex
	pending map[*operation]struct{}
}

type operation struct {
	name  string
	since time.Time
}

func newGuard(d disk) *guard {
	return &guard{disk: d, failed: make(chan struct{}), pending: map[*operation]struct{}{}}
}

// poison latches the first error.
func (g *guard) poison(err error) {
	g.once.Do(func() {
		g.err = err
		close(g.failed)
	})
}

// poisoned is the error that poisoned the guard, or nil.
func (g *guard) poisoned() error {
	select {
	case <-g.failed:
		return g.err
	default:
		return nil
	}
}

// hanging names the operation that has taken longest, when that is longer than limit.
func (g *guard) hanging(limit time.Duration) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	worst, took := "", limit
	for op := range g.pending {
		if d := time.Since(op.since); d > took {
			worst, took = fmt.Sprintf("the disk hangs: %s has taken %v so far", op.name, d.Round(time.Second)), d
		}
	}
	return worst
}

// do runs one operation. It returns an error only where Raft can take it, and otherwise not at all.
func (g *guard) do(name string, benign func(error) bool, fn func() error) error {
	if err := g.poisoned(); err != nil {
		return leave(err)
	}
	op := &operation{name, time.Now()}
	g.mu.Lock()
	g.pending[op] = struct{}{}
	g.mu.Unlock()
	err := survive(fn)
	g.mu.Lock()
	delete(g.pending, op)
	g.mu.Unlock()
	if err != nil && (benign == nil || !benign(err)) {
		g.poison(fmt.Errorf("the store of Raft failed in %s: %w", name, err))
	}
	if err := g.poisoned(); err != nil { // also when the operation hung and the store was given up meanwhile
		return leave(err)
	}
	return err
}

// leave ends the calling goroutine, or gives the error back in a pipeline.
func leave(err error) error {
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if strings.HasSuffix(frame.Function, "/raft.(*Raft).pipelineReplicate") {
			return err
		}
		if !more {
			runtime.Goexit()
		}
	}
}

// survive turns panics into errors: bbolt's on damaged pages, and the fault of
// a mapped page that the disk cannot deliver.
func survive(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	return fn()
}

// FirstIndex and the methods below are raft.LogStore and raft.StableStore.
func (g *guard) FirstIndex() (n uint64, err error) {
	err = g.do("FirstIndex", nil, func() (err error) { n, err = g.disk.FirstIndex(); return })
	return n, err
}

func (g *guard) LastIndex() (n uint64, err error) {
	err = g.do("LastIndex", nil, func() (err error) { n, err = g.disk.LastIndex(); return })
	return n, err
}

// GetLog lets "not found" through for entries beyond the log's ends, which is
// how Raft learns that a follower needs a snapshot. A hole is damage.
func (g *guard) GetLog(index uint64, log *raft.Log) error {
	outside := func(err error) bool {
		if !errors.Is(err, raft.ErrLogNotFound) {
			return false
		}
		var first, last uint64
		if survive(func() (err error) { first, err = g.disk.FirstIndex(); return }) != nil ||
			survive(func() (err error) { last, err = g.disk.LastIndex(); return }) != nil {
			return false
		}
		return index < first || index > last
	}
	return g.do("GetLog", outside, func() error { return g.disk.GetLog(index, log) })
}

func (g *guard) StoreLog(log *raft.Log) error { return g.StoreLogs([]*raft.Log{log}) }

func (g *guard) StoreLogs(logs []*raft.Log) error {
	return g.do("StoreLogs", nil, func() error { return g.disk.StoreLogs(logs) })
}

func (g *guard) DeleteRange(from, to uint64) error {
	return g.do("DeleteRange", nil, func() error { return g.disk.DeleteRange(from, to) })
}

func (g *guard) Set(key, value []byte) error {
	return g.do("Set", nil, func() error { return g.disk.Set(key, value) })
}

func (g *guard) SetUint64(key []byte, value uint64) error {
	return g.do("Set", nil, func() error { return g.disk.SetUint64(key, value) })
}

// absent is how raft itself recognizes a key that was never set.
func absent(err error) bool { return err.Error() == "not found" }

func (g *guard) Get(key []byte) (value []byte, err error) {
	err = g.do("Get", absent, func() (err error) { value, err = g.disk.Get(key); return })
	return value, err
}

func (g *guard) GetUint64(key []byte) (value uint64, err error) {
	err = g.do("Get", absent, func() (err error) { value, err = g.disk.GetUint64(key); return })
	return value, err
}

// snapshots guards the raft snapshots: one whose fsync failed may be on disk or
// not, and Raft must not go on as if it knew. Failing to begin or to write one
// (a full disk) harms nothing and is Raft's to log.
type snapshots struct {
	raft.SnapshotStore
	guard *guard
}

// Create begins a raft snapshot.
func (s snapshots) Create(v raft.SnapshotVersion, index, term uint64, c raft.Configuration, ci uint64, t raft.Transport) (raft.SnapshotSink, error) {
	sink, err := s.SnapshotStore.Create(v, index, term, c, ci, t)
	if err != nil {
		return nil, err
	}
	return guardedSink{sink, s.guard}, nil
}

type guardedSink struct {
	raft.SnapshotSink
	guard *guard
}

// Close makes the raft snapshot durable.
func (s guardedSink) Close() error {
	return s.guard.do("closing a raft snapshot", nil, s.SnapshotSink.Close)
}
