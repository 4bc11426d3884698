package peer

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Limits on guessing. An address that has failed maxFailures proofs within
// failureWindow is not listened to until the window is over.
const (
	maxFailures   = 5
	failureWindow = time.Minute
	maxTracked    = 1024 // addresses; beyond it strangers share one count
	maxJoining    = 16   // exchanges at a time, once proved
)

// joinServer is the serving side of the join exchange, and its limits.
type joinServer struct {
	mu       sync.Mutex
	fn       func(context.Context, JoinRequest) (JoinReply, error)
	keys     func() [][]byte
	now      func() time.Time // seam
	active   int
	failures map[netip.Addr]*failures
}

type failures struct {
	count int
	since time.Time
}

func (j *joinServer) init() { j.now, j.failures = time.Now, map[netip.Addr]*failures{} }

// ServeJoin lets nodes join through this port. fn is called with a request
// whose sender has proved to know one of the keys (from JoinKey); keys is asked
// for each exchange.
func (p *Port) ServeJoin(fn func(context.Context, JoinRequest) (JoinReply, error), keys func() [][]byte) {
	p.join.mu.Lock()
	defer p.join.mu.Unlock()
	p.join.fn, p.join.keys = fn, keys
}

func (j *joinServer) handler() (func(context.Context, JoinRequest) (JoinReply, error), func() [][]byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.fn, j.keys
}

// allowed says whether an address is listened to.
func (j *joinServer) allowed(from netip.Addr) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.forget()
	f := j.failures[j.bucket(from)]
	return f == nil || f.count < maxFailures
}

// enter says whether a proved joiner may go on; leave ends its exchange.
func (j *joinServer) enter() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.active >= maxJoining {
		return false
	}
	j.active++
	return true
}

func (j *joinServer) leave() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.active--
}

func (j *joinServer) failed(from netip.Addr) {
	j.mu.Lock()
	defer j.mu.Unlock()
	b := j.bucket(from)
	if j.failures[b] == nil {
		j.failures[b] = &failures{since: j.now()}
	}
	j.failures[b].count++
}

// bucket is what an address is counted under: an IPv6 address under its /64.
func (j *joinServer) bucket(from netip.Addr) netip.Addr {
	if from.Is6() {
		if p, err := from.Prefix(64); err == nil {
			from = p.Addr()
		}
	}
	if _, known := j.failures[from]; !known && len(j.failures) >= maxTracked {
		return netip.Addr{}
	}
	return from
}

func (j *joinServer) forget() {
	now := j.now()
	for a, f := range j.failures {
		if now.Sub(f.since) > failureWindow {
			delete(j.failures, a)
		}
	}
}

func addrOf(c net.Conn) netip.Addr {
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap()
}
