package node

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
)

// newTestPublisher has a server without sockets, so that no worker holds a view.
func newTestPublisher(t *testing.T) *publisher {
	t.Helper()
	server, err := dnsserver.New(dnsserver.Config{Listen: []string{"127.0.0.1:5300"}}, &dnsserver.Sockets{}, quiet(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return newPublisher("ns1", server, newEvents("ns1"), quiet())
}

// running starts it; the test's end, or stop, ends it.
func (p *publisher) running(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// broken cannot be compiled: its service has no pool.
func broken(s *policy.State) *policy.State {
	s = s.Clone()
	s.Pools.Delete("web")
	return s
}

func epoch(s *policy.State, n uint64) *policy.State {
	s = s.Clone()
	s.Epoch = n
	return s
}

// I-02: what is served never goes back in (epoch, index, generation), whatever is handed over.
func TestPublisherOnlyGoesForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPublisher(t)
		defer p.running(t)()
		s := stateWith(1)
		pos := func(e, i, g uint64) policy.Position { return policy.Position{Epoch: e, Index: i, Generation: g} }
		for n, c := range []struct {
			do   func()
			want policy.Position
		}{
			{func() { p.setGeo(nil) }, pos(0, 0, 0)}, // nothing to publish yet
			{func() { p.give(at(s, 5)) }, pos(0, 5, 1)},
			{func() { p.give(at(s, 4)) }, pos(0, 5, 1)},
			{func() { p.give(at(s, 5)) }, pos(0, 5, 1)},
			{func() { p.setDown(map[string]bool{"web/a@tcp": true}) }, pos(0, 5, 2)},
			{func() { p.give(at(s, 6)) }, pos(0, 6, 2)},
			{func() { p.give(epoch(at(s, 2), 1)) }, pos(1, 2, 2)}, // recovery begins at a lower index
			{func() { p.give(at(s, 7)) }, pos(1, 2, 2)},           // a straggler of the old epoch
			{func() { p.setDown(nil) }, pos(1, 2, 3)},
		} {
			c.do()
			synctest.Wait()
			got, _, err := p.position()
			if err != nil || got != c.want {
				t.Fatalf("step %d: at %v, %v; want %v", n, got, err, c.want)
			}
			if v := p.server.View(); v != nil && v.Position() != c.want || v == nil && n > 0 {
				t.Fatalf("step %d: the server is not at what the publisher says", n)
			}
		}
		list := p.published
		for i := range list[1:] {
			if !list[i].at.Before(list[i+1].at) {
				t.Errorf("%v came after %v", list[i+1].at, list[i].at)
			}
		}
	})
}

// What came in before or between is passed over, and only the last is compiled.
func TestPublisherCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPublisher(t)
		s := stateWith(1)
		for i := range uint64(50) {
			p.give(at(s, i+1))
			p.setDown(nil)
		}
		if p.newest().Index != 50 {
			t.Errorf("the newest is %d before it is published", p.newest().Index)
		}
		defer p.running(t)()
		synctest.Wait()
		if len(p.published) != 1 || p.published[0].at.Index != 50 || p.published[0].at.Generation != 50 {
			t.Errorf("published %v", p.published)
		}
	})
}

// I-13: a state that cannot be compiled leaves the last good view in place, and says why.
func TestPublisherKeepsTheLastGoodView(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPublisher(t)
		defer p.running(t)()
		s := stateWith(1)
		p.give(at(s, 5))
		synctest.Wait()
		good := p.server.View()
		p.give(broken(at(s, 6)))
		synctest.Wait()
		got, _, err := p.position()
		if p.server.View() != good || got.Index != 5 || err == nil || !strings.Contains(err.Error(), `there is no pool "web"`) {
			t.Fatalf("at %v, %v", got, err)
		}
		if p.newest().Index != 6 || p.snapshot().Position.Index != 5 {
			t.Error("the newest state is what Raft has, the snapshot what is served")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := p.wait(ctx, 6); err == nil || !strings.Contains(err.Error(), `there is no pool "web"`) {
			t.Errorf("waiting for it ends with %v, want the reason", err)
		}
		p.give(at(s, 7))
		synctest.Wait()
		if got, _, err := p.position(); got.Index != 7 || err != nil {
			t.Errorf("a good one after it: at %v, %v", got, err)
		}
	})
}

func TestPublisherWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPublisher(t)
		defer p.running(t)()
		s := stateWith(1)
		ctx, cancel := context.WithCancel(t.Context())
		type result struct {
			on  time.Time
			err error
		}
		waits := func(ctx context.Context, index uint64) <-chan result {
			ch := make(chan result, 1)
			go func() {
				on, err := p.wait(ctx, index)
				ch <- result{on, err}
			}()
			synctest.Wait()
			return ch
		}
		five, never := waits(t.Context(), 5), waits(ctx, 9)
		p.give(at(s, 4))
		synctest.Wait()
		select {
		case r := <-five:
			t.Fatalf("index 4 is published, and the wait for 5 is over: %+v", r)
		default:
		}
		time.Sleep(time.Second)
		began := time.Now()
		p.give(at(s, 6)) // 5 was coalesced away: what 6 has in it 5 has too
		if r := <-five; r.err != nil || !r.on.Equal(began) {
			t.Errorf("5 is served from %v, %v; want %v", r.on, r.err, began)
		}
		time.Sleep(time.Second)
		p.setDown(nil) // a new generation of the same index
		synctest.Wait()
		if r := <-waits(t.Context(), 6); r.err != nil || !r.on.Equal(began) {
			t.Errorf("6 is served from %v, %v; want the first time, %v", r.on, r.err, began)
		}
		cancel()
		if r := <-never; r.err != context.Canceled {
			t.Errorf("a wait that was given up ends with %v", r.err)
		}
	})
}

// The memory of when things were published is bounded, and what is left of it is right.
func TestPublisherForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPublisher(t)
		defer p.running(t)()
		s := policy.NewState()
		for i := range uint64(keepPublications - 1) {
			p.published = append(p.published, publication{policy.Position{Index: i + 1}, time.Now()})
		}
		defer p.running(t)()
		for i := range uint64(3) {
			time.Sleep(time.Second)
			p.give(at(s, keepPublications+i))
			synctest.Wait()
		}
		if n := len(p.published); n > keepPublications || n < keepPublications/2 {
			t.Errorf("%d are kept", n)
		}
		on, err := p.wait(t.Context(), keepPublications+2)
		if at, last, _ := p.position(); err != nil || !on.Equal(last) || at.Index != keepPublications+2 {
			t.Errorf("the last: %v, %v", on, err)
		}
	})
}

// Watchers are told what a published state brought, and of what never came to be published nothing.
func TestPublisherTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPublisher(t)
		defer p.running(t)()
		s := stateWith(1)
		p.give(at(s, 5))
		synctest.Wait()
		list, _ := p.events.since(0)
		seen := list[len(list)-1].Seq
		bad := judged(broken(at(s, 6)), nil)
		bad.Verdicts.Set("web/a@tcp", policy.Verdict{Check: "web/a@tcp", Status: down})
		p.give(bad)
		synctest.Wait()
		if list, _ = p.events.since(seen); len(list) != 0 {
			t.Errorf("told of what is not served: %v", list)
		}
		p.give(judged(at(s, 7), map[string]policy.Status{"web/b@tcp": up}))
		synctest.Wait()
		if list, _ = p.events.since(seen); len(list) != 1 || list[0].Object != "endpoint/web/b" || list[0].Index != 7 {
			t.Errorf("told %v", list)
		}
	})
}
