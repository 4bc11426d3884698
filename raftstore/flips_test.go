package raftstore

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/raft"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// memoryDisk is a disk that never fails and takes no time.
type memoryDisk struct{ *raft.InmemStore }

func (memoryDisk) Close() error { return nil }

// memoryCalls carries calls between stores of one process.
type memoryCalls struct {
	all  *sync.Map // address -> *memoryCalls
	self string
	mu   sync.Mutex
	fns  map[string]peer.Handler
}

func (m *memoryCalls) Handle(name string, fn peer.Handler) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fns[name] = fn
}

func (m *memoryCalls) Call(ctx context.Context, addr, name string, body []byte) ([]byte, error) {
	other, ok := m.all.Load(addr)
	if !ok {
		return nil, policy.Errorf(policy.Unavailable, "no node at %s", addr)
	}
	o := other.(*memoryCalls)
	o.mu.Lock()
	fn := o.fns[name]
	o.mu.Unlock()
	if fn == nil {
		return nil, policy.Errorf(policy.NotFound, "no call %s", name)
	}
	return fn(ctx, m.self, body)
}

// memoryCluster is three stores on Raft's in-memory transport, for virtual time.
func memoryCluster(t *testing.T, adjust ...func(*Config)) (stores []*Store, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	var all sync.Map
	var transports []*raft.InmemTransport
	dir := t.TempDir()
	for i := range 3 {
		addr := fmt.Sprintf("node%d", i)
		_, trans := raft.NewInmemTransport(raft.ServerAddress(addr))
		transports = append(transports, trans)
		calls := &memoryCalls{all: &all, self: addr, fns: map[string]peer.Handler{}}
		all.Store(addr, calls)
		cfg := Config{
			Dir: fmt.Sprintf("%s/%d", dir, i), ServerID: fmt.Sprintf("n%d", i), LocalAddr: addr, Logger: quietLog(), Calls: calls,
			seams: seams{
				transport: func() raft.Transport { return trans },
				disk:      func(d disk) disk { _ = d.Close(); return memoryDisk{raft.NewInmemStore()} },
			},
		}
		for _, f := range adjust {
			f(&cfg)
		}
		if i == 0 {
			cfg.Bootstrap = initChange(cfg.ServerID, addr)
		}
		stores = append(stores, must(Open(cfg)))
	}
	for _, a := range transports {
		for _, b := range transports {
			a.Connect(b.LocalAddr(), b)
		}
	}
	for _, s := range stores {
		group.Go(func() {
			if err := s.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	return stores, func() {
		cancel()
		group.Wait()
		time.Sleep(time.Minute) // virtual: Raft leaves RPCs behind until they time out
	}
}

// leadership flips 200 times in a few virtual minutes, with duties that
// write in every term; none is stuck, and nothing is left running (the bubble
// would not end).
func TestLeadershipFlips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stores, stop := memoryCluster(t)
		defer stop()
		ctx, cancel := context.WithCancel(context.Background())
		for stores[0].State().Cluster.ID == "" {
			time.Sleep(10 * time.Millisecond)
		}
		for _, s := range stores[1:] {
			if err := stores[0].AddVoter(ctx, s.cfg.ServerID, s.cfg.LocalAddr); err != nil {
				t.Fatal(err)
			}
		}
		var group sync.WaitGroup
		var written atomic.Int64
		for _, s := range stores {
			group.Go(func() {
				_ = s.Lead(ctx, func(ctx context.Context, term uint64) {
					if _, err := s.Propose(ctx, member(fmt.Sprintf("t%d", term), fmt.Sprintf("t%d", term))); err == nil {
						written.Add(1)
					}
					<-ctx.Done()
				})
			})
		}
		flips, lastTerm := 0, uint64(0)
		for deadline := time.Now().Add(20 * time.Minute); flips < 200; {
			if time.Now().After(deadline) {
				t.Fatalf("stuck after %d flips", flips)
			}
			for _, s := range stores {
				inst, r := s.running.Load(), s.reign.Load()
				if inst == nil || r == nil || r.term == lastTerm {
					continue
				}
				lastTerm = r.term
				flips++
				if flips%3 != 0 { // every third flip at once, the others when the reign is ready
					select {
					case <-r.ready:
					case <-r.ctx.Done():
					}
				}
				_ = inst.raft.LeadershipTransfer().Error()
			}
			time.Sleep(5 * time.Millisecond)
		}
		if written.Load() < 50 {
			t.Errorf("%d of %d duties could write", written.Load(), flips)
		}
		cancel()
		group.Wait()
	})
}
