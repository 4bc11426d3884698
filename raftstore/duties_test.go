package raftstore

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// Duties run on the leader, once a term, with all earlier terms applied, and
// never twice at a time on one node.
func TestLeadRunsDutiesOnTheLeader(t *testing.T) {
	c := newCluster(t, 3)
	type call struct {
		nd   *node
		term uint64
	}
	calls := make(chan call, 16)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for _, nd := range c.nodes {
		var running sync.Mutex
		group.Go(func() {
			if err := nd.store.Lead(ctx, func(ctx context.Context, term uint64) {
				if !running.TryLock() {
					t.Error("duties run twice at a time")
					return
				}
				defer running.Unlock()
				calls <- call{nd, term}
				<-ctx.Done()
			}); err != nil {
				t.Error(err)
			}
		})
	}
	old := c.leader()
	if first := <-calls; first.nd != old {
		t.Errorf("duties run on %s, the leader is %s", first.nd.cfg.ServerID, old.cfg.ServerID)
	}
	rest := c.followers()
	o := rest[0].write("a")
	old.port.Streams().Cut()
	next := <-calls
	if next.nd == old || !slices.Contains(rest, next.nd) {
		t.Fatalf("the next duties run on %s", next.nd.cfg.ServerID)
	}
	if s := next.nd.store.State(); s.Index < o.Index {
		t.Errorf("duties began at index %d, before the %d of the last term", s.Index, o.Index)
	}
	old.port.Streams().Mend()
	cancel()
	group.Wait()
}

// A planned stop hands leadership over: the followers never time out.
func TestStopHandsOver(t *testing.T) {
	c := newCluster(t, 3)
	old := c.leader()
	rest := c.followers()
	term := rest[0].store.Status().Term
	old.stop()
	next := c.leader(rest...)
	if got := next.store.Status().Term; got != term+1 {
		t.Errorf("leadership went from term %d to %d, not to the next", term, got)
	}
	rest[0].write("a")
}

// a node joins without a vote, is told to be ready when it has caught up, and is promoted.
func TestNonvoterIsPromotedWhenItHasCaughtUp(t *testing.T) {
	a := must(peer.NewAuthority("c1"))
	first := newNode(t, a, 0)
	first.cfg.Bootstrap = initChange(first.cfg.ServerID, first.cfg.LocalAddr)
	first.start()
	first.write("a")
	late := newNode(t, a, 1)
	absent := newNode(t, a, 2)
	for _, nd := range []*node{late, absent} {
		if err := first.store.AddNonvoter(t.Context(), nd.cfg.ServerID, nd.cfg.LocalAddr); err != nil {
			t.Fatal(err)
		}
	}
	if ready := first.store.PromoteReady(t.Context()); len(ready) != 0 {
		t.Fatalf("nodes that are not there may be promoted: %v", ready)
	}
	late.start()
	var ready []Server
	eventually(t, "the late node to be ready", func() bool {
		ready = first.store.PromoteReady(t.Context())
		return len(ready) > 0
	})
	if len(ready) != 1 || ready[0].ID != late.cfg.ServerID || !late.store.State().Members.Has("a") {
		t.Fatalf("ready are %v, want %s, which has all", ready, late.cfg.ServerID)
	}
	if got := late.store.PromoteReady(t.Context()); got != nil {
		t.Errorf("a follower promotes: %v", got)
	}
	if err := late.store.AddVoter(t.Context(), ready[0].ID, ready[0].Addr); err != nil { // forwarded
		t.Fatal(err)
	}
	eventually(t, "the vote", func() bool {
		return slices.Contains(late.store.Status().Servers, Server{ID: late.cfg.ServerID, Addr: late.cfg.LocalAddr, Voter: true})
	})
	if err := late.store.Remove(t.Context(), absent.cfg.ServerID); err != nil {
		t.Fatal(err)
	}
	if n := len(first.store.Status().Servers); n != 2 {
		t.Errorf("%d servers after the removal, want 2", n)
	}
	if err := late.store.Remove(t.Context(), late.cfg.ServerID); err != nil {
		t.Fatal(err)
	}
	if err := first.store.Remove(t.Context(), first.cfg.ServerID); policy.KindOf(err) != policy.Conflict {
		t.Errorf("removing the last voter: %v", err)
	}
}

// zone makes a zone of about size octets.
func zone(name string, size int) *policy.Zone {
	z := policy.NewZone(policy.MustName(name))
	soa := policy.RRset{Type: policy.TypeSOA, TTL: 60, Data: [][]byte{append(append([]byte(policy.MustName("ns."+name)), []byte(policy.MustName("h."+name))...), make([]byte, 20)...)}}
	if err := z.Set(z.Name, soa); err != nil {
		panic(err)
	}
	for i := 0; size > 0; i++ {
		data := make([]byte, 201)
		data[0] = 200
		copy(data[1:], fmt.Sprint(i))
		if err := z.Set(policy.MustName(fmt.Sprintf("n%d.%s", i, name)), policy.RRset{Type: policy.TypeTXT, TTL: 60, Data: [][]byte{data}}); err != nil {
			panic(err)
		}
		size -= len(data)
	}
	return z
}

// insist proposes a change; on a slow machine its time may run out with the
// outcome unknown, and then the same request is made again.
func insist(t *testing.T, s *Store, c change.Change) (err error) {
	for range 5 {
		if _, err = s.Propose(t.Context(), c); policy.KindOf(err) != policy.Unavailable {
			break
		}
	}
	return err
}

// A big write goes in pieces between which small ones pass, and comes to be at once.
func TestBigWriteIsStaged(t *testing.T) {
	c := newCluster(t, 3)
	at := c.followers()[0]
	z := zone("big.example.", 5<<20)
	put := change.Change{Request: "big", Actor: "test", Body: &change.PutZone{Zone: z}}
	big := make(chan error, 1)
	began := make(chan struct{})
	go func() {
		close(began)
		big <- insist(t, at.store, put)
	}()
	<-began
	between, during := 0, true
	for i := 0; during; i++ {
		small := member("", fmt.Sprintf("s%d", i))
		small.Request = fmt.Sprintf("small-%d", i)
		if err := insist(t, c.nodes[i%3].store, small); err != nil {
			t.Fatalf("a small write beside a big one: %v", err)
		}
		s := at.store.State()
		if s.Staged.Len() > 0 {
			between++
		}
		if found := s.ZoneFor(z.Name); found != nil && found.Records != z.Records {
			t.Fatalf("half a zone is there: %d of %d records", found.Records, z.Records)
		}
		select {
		case err := <-big:
			if err != nil {
				t.Fatal(err)
			}
			during = false
		default:
		}
	}
	if between == 0 {
		t.Error("no small write came between the pieces")
	}
	c.settled()
	for _, nd := range c.nodes {
		s := nd.store.State()
		if found := s.ZoneFor(z.Name); found == nil || found.Owners.Sum() != z.Owners.Sum() || s.Staged.Len() != 0 {
			t.Errorf("%s does not have the zone, or still holds its pieces", nd.cfg.ServerID)
		}
	}
	again, err := at.store.Propose(t.Context(), put)
	if err != nil || !again.Replayed {
		t.Errorf("a retry of the big write gave %+v, %v", again, err)
	}
}

// A big write survives the loss of the leader in its midst.
func TestBigWriteAcrossLeaders(t *testing.T) {
	c := newCluster(t, 3)
	old := c.leader()
	at := c.followers()[0]
	z := zone("big.example.", 8<<20)
	result := make(chan error, 1)
	go func() {
		result <- insist(t, at.store, change.Change{Request: "big", Actor: "test", Body: &change.PutZone{Zone: z}})
	}()
	eventually(t, "the first pieces", func() bool { return at.store.State().Staged.Len() > 0 })
	old.port.Streams().Cut()
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	old.port.Streams().Mend()
	c.settled()
	if found := old.store.State().ZoneFor(z.Name); found == nil || found.Owners.Sum() != z.Owners.Sum() {
		t.Error("the zone is not whole")
	}
}

// many writers with retries across changes of leader; each request takes effect once, on every node alike.
func TestEveryRequestTakesEffectOnce(t *testing.T) {
	c := newCluster(t, 3)
	const writers, each = 6, 15
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				c.nodes[w%3].write(fmt.Sprintf("w%d-%d", w, i))
			}
		})
	}
	stop := make(chan struct{})
	var flipper sync.WaitGroup
	changed := make([]<-chan struct{}, len(c.nodes))
	for i, nd := range c.nodes {
		changed[i] = nd.store.Watch(t.Context())
	}
	flipper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			leader := c.leader()
			// Let a reign do some work, or there is nothing to interrupt.
			for at := leader.store.State().Index; leader.store.State().Index < at+5 && leader.store.Status().Role == "leader"; {
				select {
				case <-stop:
					return
				case <-changed[slices.Index(c.nodes, leader)]:
				case <-time.After(time.Second):
				}
			}
			leader.port.Streams().Cut()
			var rest []*node
			for _, nd := range c.nodes {
				if nd != leader {
					rest = append(rest, nd)
				}
			}
			c.leader(rest...)
			leader.port.Streams().Mend()
		}
	})
	group.Wait()
	close(stop)
	flipper.Wait()
	c.settled()
	s := c.nodes[0].store.State()
	if n := s.Members.Len(); n != 1+writers*each {
		t.Errorf("%d members, want %d", n, 1+writers*each)
	}
	seen := map[uint64]string{}
	for id, o := range s.Requests.All {
		if other, twice := seen[o.Index]; twice {
			t.Errorf("%s and %s claim entry %d", id, other, o.Index)
		}
		seen[o.Index] = id
	}
}
