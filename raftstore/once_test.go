package raftstore

import (
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// A request whose answer was lost with its leader is answered by the next one, and not done again.
func TestRetryAtTheNextLeader(t *testing.T) {
	c := newCluster(t, 3)
	old := c.leader()
	first, err := old.store.Propose(t.Context(), member("once", "once"))
	if err != nil || first.Replayed {
		t.Fatalf("%+v, %v", first, err)
	}
	c.settled()
	rest := c.followers()
	old.port.Streams().Cut()
	defer old.port.Streams().Mend()
	next := c.leader(rest...)
	for _, nd := range rest { // at the leader, and forwarded by the other
		again, err := nd.store.Propose(t.Context(), member("once", "once"))
		if err != nil || !again.Replayed || again.Index != first.Index || again.Revision != first.Revision {
			t.Errorf("%s answers the retry with %+v, %v; want that of %+v", nd.cfg.ServerID, again, err, first)
		}
	}
	if n := next.store.State().Members.Len(); n != 2 { // the first node's own, and this one
		t.Errorf("%d members", n)
	}
}

// The State clock goes on from where it was, by monotonic time, whatever the machine's clock says.
func TestClockIsAheadOfTheMachine(t *testing.T) {
	future := time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	a := must(peer.NewAuthority("c1"))
	nd := newNode(t, a, 0)
	nd.cfg.Bootstrap = initChange(nd.cfg.ServerID, nd.cfg.LocalAddr)
	nd.start()
	nd.write("before")
	// As if this leader were on a machine whose clock is wrong.
	r := *nd.store.reign.Load()
	r.base, r.began = future, time.Now()
	nd.store.reign.Store(&r)
	nd.write("wrong")
	nd.stop()
	nd.start()
	last := future
	for _, id := range []string{"a", "b", "c"} {
		o := nd.write(id)
		eventually(t, "the write to be applied", func() bool { return nd.store.State().Index >= o.Index })
		clock := nd.store.State().Clock
		if clock < last || clock > future+int64(time.Hour) {
			t.Errorf("after %s the clock is at %v, was %v", id, time.Unix(0, clock).UTC(), time.Unix(0, last).UTC())
		}
		if now := nd.store.Clock(); now < clock {
			t.Errorf("the leader stamps %d, before what it has stamped already, %d", now, clock)
		}
		last = clock
	}
	if s := nd.store.State(); s.Clock == future {
		t.Error("the clock stands still")
	}
}
