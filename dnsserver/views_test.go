package dnsserver

import (
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

func viewWith(p policy.Position) *View {
	return NewView(nil, &snapshot.Snapshot{Position: p, State: policy.NewState()})
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// I-02: a view is never replaced by one that is not later.
func TestPublishOnlyForward(t *testing.T) {
	var vs views
	vs.init()
	for _, c := range []struct {
		at policy.Position
		ok bool
	}{
		{policy.Position{Index: 5}, true},
		{policy.Position{Index: 4, Generation: 9}, false},
		{policy.Position{Index: 5}, false},
		{policy.Position{Index: 5, Generation: 1}, true},
		{policy.Position{Index: 5}, false},
		{policy.Position{Index: 6}, true},
		{policy.Position{Epoch: 1, Index: 2}, true},
		{policy.Position{Index: 100}, false},
	} {
		before := vs.current.Load()
		v := viewWith(c.at)
		if _, ok := vs.publish(v); ok != c.ok {
			t.Errorf("publishing %v: %v", c.at, ok)
		}
		if now := vs.current.Load(); c.ok && now != v || !c.ok && now != before {
			t.Errorf("after %v the view is at %v", c.at, now.Position())
		}
	}
}

func TestPublishWaitsForWorkers(t *testing.T) {
	var vs views
	vs.init()
	left1, _ := vs.publish(viewWith(policy.Position{Index: 1}))
	if !closed(left1) {
		t.Error("nobody used a view, yet somebody is waited for")
	}
	a, b := vs.join(), vs.join()
	vs.enter(a)
	left2, _ := vs.publish(viewWith(policy.Position{Index: 2}))
	vs.enter(b) // has the second
	left3, _ := vs.publish(viewWith(policy.Position{Index: 3}))
	if closed(left2) || closed(left3) {
		t.Fatal("a worker is in the first view, and both publications are said to be through")
	}
	vs.leave(a)
	<-left2
	if closed(left3) {
		t.Error("a worker is in the second view, and the third is said to be through")
	}
	if v := vs.enter(a); v.Position().Index != 3 {
		t.Errorf("entered %v", v.Position())
	}
	vs.part(b) // a worker that ends has left
	<-left3
	vs.leave(a)
	vs.mu.Lock()
	defer vs.mu.Unlock()
	if vs.draining.Load() || len(vs.waiting) > 0 {
		t.Error("workers are still asked to ring")
	}
}

// However workers come and go, none is in an older view once left is closed.
func TestPublishUnderLoad(t *testing.T) {
	const last = 3000
	var vs views
	vs.init()
	vs.publish(viewWith(policy.Position{Index: 1}))
	stop := make(chan struct{})
	var users [last + 1]atomic.Int32 // of each view, as the workers know it
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			s := vs.join()
			defer vs.part(s)
			for !closed(stop) {
				n := &users[vs.enter(s).Position().Index]
				n.Add(1)
				runtime.Gosched()
				n.Add(-1)
				vs.leave(s)
			}
		})
	}
	for i := uint64(2); i <= last; i++ {
		left, ok := vs.publish(viewWith(policy.Position{Index: i}))
		if !ok {
			t.Fatalf("view %d was not taken", i)
		}
		if i%3 == 0 {
			continue // several may be waited for at once
		}
		<-left
		if n := users[i-1].Load() + users[i-2].Load(); n != 0 {
			t.Fatalf("%d workers are in a view before %d, which all are said to have left", n, i)
		}
	}
	close(stop)
	wg.Wait()
}

// An answer that a TCP client does not take keeps its view in use until it is written or given up.
func TestPublishWaitsForQueuedTCP(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{WriteTimeout: policy.Duration(30 * time.Second)}})
	conn, err := net.Dial("tcp", s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	packet, _ := query("huge.example.test", dns.TypeTXT).Pack()
	message := append([]byte{byte(len(packet) >> 8), byte(len(packet))}, packet...)
	go func() {
		for { // until the server takes no more, because its answers are not taken
			if _, err := conn.Write(message); err != nil {
				return
			}
		}
	}()
	var busy *tcpConn
	eventually(t, "the server is stuck writing", func() bool {
		s.tcp.each(func(c *tcpConn) { busy = c })
		return busy != nil && stuck(s, busy)
	})
	left, ok := s.Publish(viewAt(t, exampleZone, 2))
	if !ok || closed(left) {
		t.Fatalf("published: %v, and said to be left with answers of the old view queued", ok)
	}
	go io.Copy(io.Discard, conn)
	select {
	case <-left:
	case <-time.After(patience):
		t.Error("the old view was never left")
	}
}

// stuck says whether a connection stays in one view while nothing of it moves.
func stuck(s *started, c *tcpConn) bool {
	before := c.last.Load()
	for range 50 {
		runtime.Gosched()
		if c.slot == nil || c.slot.using.Load() == nil || c.last.Load() != before {
			return false
		}
	}
	return s.now()-before > int64(100*time.Millisecond)
}
