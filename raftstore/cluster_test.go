package raftstore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// eventually polls until ok, or fails the test.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting: %s", what)
		}
		<-tick.C
	}
}

// faults is the seam in front of a node's disk.
type faults struct {
	disk
	mu   sync.Mutex
	fail func(op string) error // asked before every operation; nil: none fails
}

func (f *faults) set(fail func(op string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = fail
}

func (f *faults) ask(op string) error {
	f.mu.Lock()
	fail := f.fail
	f.mu.Unlock()
	if fail == nil {
		return nil
	}
	return fail(op)
}

// failing fails some operations with the error of a broken disk.
func failing(ops ...string) func(string) error {
	return func(op string) error {
		for _, o := range ops {
			if o == op {
				return errors.New("input/output error")
			}
		}
		return nil
	}
}

// faultyDisk is one opening of the disk; the faults outlive it.
type faultyDisk struct {
	disk
	faults *faults
}

func (d faultyDisk) GetLog(i uint64, l *raft.Log) error {
	if err := d.faults.ask("GetLog"); err != nil {
		return err
	}
	return d.disk.GetLog(i, l)
}

func (d faultyDisk) StoreLogs(l []*raft.Log) error {
	if err := d.faults.ask("StoreLogs"); err != nil {
		return err
	}
	return d.disk.StoreLogs(l)
}

func (d faultyDisk) Set(k, v []byte) error {
	if err := d.faults.ask("Set"); err != nil {
		return err
	}
	return d.disk.Set(k, v)
}

func (d faultyDisk) SetUint64(k []byte, v uint64) error {
	if err := d.faults.ask("Set"); err != nil {
		return err
	}
	return d.disk.SetUint64(k, v)
}

func (d faultyDisk) LastIndex() (uint64, error) {
	if err := d.faults.ask("LastIndex"); err != nil {
		return 0, err
	}
	return d.disk.LastIndex()
}

// node is one member of a test cluster.
type node struct {
	t       testing.TB
	cfg     Config
	id      *peer.Identity
	faults  *faults
	port    *peer.Port
	store   *Store
	cancel  context.CancelFunc
	done    chan error // of the store
	portEnd chan error

	mu      sync.Mutex
	commits []uint64
}

type cluster struct {
	t     testing.TB
	nodes []*node
}

func testLog(t testing.TB) *slog.Logger {
	if os.Getenv("RAFTSTORE_LOG") == "" {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("test", t.Name())
}

func initChange(id, addr string) *change.Change {
	return &change.Change{Request: "init", Actor: "test", Body: &change.InitCluster{
		Cluster: policy.Cluster{ID: "c1"}, Member: policy.Member{ID: id, Node: id, Cluster: addr}, Token: policy.Token{ID: "t", Hash: []byte{1}, Role: "admin"}}}
}

// newCluster starts n nodes, the first by bootstrap, the others as voters.
func newCluster(t testing.TB, n int, adjust ...func(i int, c *Config)) *cluster {
	t.Helper()
	a := must(peer.NewAuthority("c1"))
	c := &cluster{t: t}
	for i := range n {
		c.nodes = append(c.nodes, newNode(t, a, i, adjust...))
	}
	first := c.nodes[0]
	first.cfg.Bootstrap = initChange(first.cfg.ServerID, first.cfg.LocalAddr)
	for _, nd := range c.nodes {
		nd.start()
	}
	eventually(t, "the first change", func() bool { return first.store.State().Cluster.ID == "c1" })
	for _, nd := range c.nodes[1:] { // as a node joins: without a vote until it has caught up
		eventually(t, "a new node", func() bool { return first.store.AddNonvoter(t.Context(), nd.cfg.ServerID, nd.cfg.LocalAddr) == nil })
		eventually(t, "the new node to catch up", func() bool { return nd.store.State().Cluster.ID == "c1" })
		eventually(t, "a new voter", func() bool { return first.store.AddVoter(t.Context(), nd.cfg.ServerID, nd.cfg.LocalAddr) == nil })
	}
	c.settled()
	return c
}

func newNode(t testing.TB, a *peer.Authority, i int, adjust ...func(i int, c *Config)) *node {
	t.Helper()
	l := must(net.Listen("tcp", "127.67.0.1:0")) // nobody dials from here, so the port stays free through a restart
	name := fmt.Sprintf("n%d", i+1)
	key := must(peer.NewKey())
	cert := must(a.Issue(must(peer.NewRequest(key, name)), name))
	pool := x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(a.Certificate)))
	nd := &node{t: t, faults: &faults{}, id: &peer.Identity{NodeID: name, ClusterID: "c1", CA: pool, Certificate: tls.Certificate{
		Certificate: [][]byte{cert}, PrivateKey: must(x509.ParsePKCS8PrivateKey(key)), Leaf: must(x509.ParseCertificate(cert))}}}
	nd.cfg = Config{
		Dir: t.TempDir(), ServerID: name, LocalAddr: l.Addr().String(), Logger: testLog(t).With("node", name),
		HeartbeatTimeout: 200 * time.Millisecond, WatchInterval: 300 * time.Millisecond, PromoteStable: 100 * time.Millisecond,
		OnCommit: func(c Commit) {
			nd.mu.Lock()
			defer nd.mu.Unlock()
			nd.commits = append(nd.commits, c.Index)
		},
		seams: seams{backoff: 20 * time.Millisecond, disk: func(d disk) disk { return faultyDisk{d, nd.faults} }},
	}
	nd.cfg.ElectionTimeout, nd.cfg.LeaseTimeout = nd.cfg.HeartbeatTimeout, nd.cfg.HeartbeatTimeout
	_ = l.Close()
	for _, f := range adjust {
		f(i, &nd.cfg)
	}
	t.Cleanup(nd.stop)
	return nd
}

// start runs the node's port and store, again at the same address.
func (nd *node) start() {
	nd.t.Helper()
	var l net.Listener
	eventually(nd.t, "the node's address", func() (ok bool) {
		var err error
		l, err = net.Listen("tcp", nd.cfg.LocalAddr)
		return err == nil
	})
	nd.port = must(peer.New(peer.Config{Listener: l, Identity: nd.id, Logger: nd.cfg.Logger}))
	cfg := nd.cfg
	cfg.Streams, cfg.Calls = nd.port.Streams(), nd.port
	nd.store = must(Open(cfg))
	nd.mu.Lock()
	nd.commits = nil
	nd.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	portCtx, portCancel := context.WithCancel(context.Background())
	done, portEnd := make(chan error, 1), make(chan error, 1)
	go func() { portEnd <- nd.port.Run(portCtx) }()
	go func() { done <- nd.store.Run(ctx); portCancel() }()
	nd.cancel, nd.done, nd.portEnd = cancel, done, portEnd
}

// stop ends the node gracefully. It may be called twice.
func (nd *node) stop() {
	if nd.cancel == nil {
		return
	}
	nd.faults.set(nil)
	nd.cancel()
	if err := <-nd.done; err != nil {
		nd.t.Errorf("%s: Run: %v", nd.cfg.ServerID, err)
	}
	if err := <-nd.portEnd; err != nil {
		nd.t.Errorf("%s: port: %v", nd.cfg.ServerID, err)
	}
	nd.cancel = nil
}

// leader waits for one leader that the given nodes (default all) agree on.
func (c *cluster) leader(among ...*node) *node {
	c.t.Helper()
	if among == nil {
		among = c.nodes
	}
	var found *node
	eventually(c.t, "a leader", func() bool {
		found = nil
		for _, nd := range among {
			if nd.store.Status().Role == "leader" {
				found = nd
			}
		}
		for _, nd := range among {
			if found == nil || nd.store.Status().Leader != found.cfg.ServerID {
				return false
			}
		}
		return true
	})
	return found
}

func (c *cluster) followers() []*node {
	c.t.Helper()
	leader := c.leader()
	var list []*node
	for _, nd := range c.nodes {
		if nd != leader {
			list = append(list, nd)
		}
	}
	return list
}

// settled waits until all nodes have one state, and checks that it is one.
func (c *cluster) settled(among ...*node) {
	c.t.Helper()
	if among == nil {
		among = c.nodes
	}
	eventually(c.t, "the nodes to have the same state", func() bool {
		want := among[0].store.State()
		for _, nd := range among {
			s := nd.store.State()
			if s.Index != want.Index || want.Index == 0 {
				return false
			}
			if s.Hash() != want.Hash() {
				c.t.Fatalf("at index %d %s and %s have different states", s.Index, among[0].cfg.ServerID, nd.cfg.ServerID)
			}
		}
		return true
	})
}

// member is a small change.
func member(request, id string) change.Change {
	return change.Change{Request: request, Actor: "test", Body: &change.PutMember{Member: policy.Member{ID: id, Node: id, Cluster: "192.0.2.1:7300"}}}
}

// write proposes a small change at a node until it is taken.
func (nd *node) write(id string) policy.Outcome {
	nd.t.Helper()
	var o policy.Outcome
	eventually(nd.t, "a write of "+id, func() bool {
		var err error
		o, err = nd.store.Propose(nd.t.Context(), member("write-"+id, id))
		if err != nil && policy.KindOf(err) != policy.Unavailable {
			nd.t.Fatalf("writing %s: %v", id, err)
		}
		return err == nil
	})
	return o
}
