package node

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

// led is a leader's duties over a state that proposals change at once.
type led struct {
	duties
	mu    sync.Mutex // the test looks on while the duties run
	s     *policy.State
	calls []call
	beats []time.Duration // slots in which nothing was written
	fail  error
	// refusals says that a change may be refused.
	refusals bool
	grown    int // calls of promote
}

type call struct {
	kind string
	at   time.Duration
}

func lead(t *testing.T, s *policy.State) *led {
	t.Helper()
	l := &led{s: s}
	began := time.Now()
	base := s.Clock
	l.duties = duties{
		actor: "node/ns1", state: l.now, clock: func() int64 { return base + int64(time.Since(began)) },
		seal:    func(_ string, value []byte) ([]byte, error) { return value, nil },
		hearing: newHearing(), checks: &checkCache{}, log: quiet(),
		promote: func(context.Context) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.grown++
			return nil
		},
		beat: func(context.Context) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.beats = append(l.beats, time.Since(began))
			return nil
		},
		propose: func(_ context.Context, c change.Change) (policy.Outcome, error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.calls = append(l.calls, call{string(change.KindOf(c.Body)), time.Since(began)})
			if l.fail != nil {
				return policy.Outcome{}, l.fail
			}
			if c.Actor != "node/ns1" {
				t.Errorf("the actor is %q", c.Actor)
			}
			c.Clock = l.clock()
			next, out, err := change.Apply(l.s, l.s.Index+1, c)
			if err != nil || out.Refused != nil && !l.refusals {
				t.Errorf("%s: %v, %v", change.KindOf(c.Body), err, out.Refused)
			}
			l.s = next
			return out, err
		},
	}
	return l
}

// start runs the duties until stop.
func (l *led) start(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { l.run(ctx); close(done) }()
	return func() { cancel(); <-done }
}

// hear takes a report of every member of a state.
func (l *led) hear(s *policy.State, seq uint64, statuses ...policy.Status) {
	for id := range s.Members.All {
		l.hearing.take(saying(s, id, seq, statuses...))
	}
}

// now is the state as it is, and done what was proposed.
func (l *led) now() *policy.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.s
}

func (l *led) done() []call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.calls)
}

func (l *led) kinds() string { return fmt.Sprint(l.done()) }

// Every slot has one entry, whatever happens: an edge goes at once, what comes after it in the same slot waits for
// the next one, and a slot without an edge has an empty entry.
func TestDutiesWriteOncePerSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stateWith(3)
		const storm = 200
		p, _ := s.Pools.Get("web")
		p.Spec.Endpoints = nil
		for i := range storm {
			p.Spec.Endpoints = append(p.Spec.Endpoints, policy.Endpoint{Name: fmt.Sprintf("e%03d", i), Address: netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})})
		}
		s.Pools.Set("web", p)
		l := lead(t, s)
		defer l.start(t)()
		synctest.Wait()
		if len(l.done()) != 0 {
			t.Fatalf("nothing was heard, and it proposed %s", l.kinds())
		}
		time.Sleep(10*verdictSlot + 30*time.Millisecond)
		synctest.Wait()
		if n := len(l.beats); n != 10 {
			t.Fatalf("%d entries in 10 slots in which nothing happened", n)
		}
		statuses := make([]policy.Status, storm)
		statuses[0] = up
		l.hear(s, 1, statuses...)
		synctest.Wait()
		if len(l.done()) != 1 || l.done()[0].at != 10*verdictSlot+30*time.Millisecond {
			t.Fatalf("the first edge waits: %s", l.kinds())
		}
		for i := 1; i < storm; i++ { // an edge every 5 ms for a second
			time.Sleep(5 * time.Millisecond)
			statuses[i] = up
			l.hear(s, uint64(i+1), statuses...)
		}
		time.Sleep(10 * verdictSlot)
		synctest.Wait()
		if l.now().Verdicts.Len() != storm {
			t.Errorf("%d verdicts of %d: %s", l.now().Verdicts.Len(), storm, l.kinds())
		}
		inSlot := map[time.Duration]int{}
		for _, c := range l.done() {
			inSlot[c.at/verdictSlot]++
		}
		for _, at := range l.beats {
			inSlot[(at-1)/verdictSlot]++ // at the very end of its slot
		}
		slots := (10*verdictSlot + 30*time.Millisecond + (storm-1)*5*time.Millisecond + 10*verdictSlot) / verdictSlot
		for i := range slots {
			if inSlot[i] != 1 {
				t.Errorf("%d entries in slot %d: %v, %v", inSlot[i], i, l.kinds(), l.beats)
			}
		}
	})
}

// Whatever many vantages have to say of an edge, an entry stays one that is not cut into pieces.
func TestEdgesFitOneEntry(t *testing.T) {
	edges := make([]policy.Edge, maxEdges)
	for i := range edges {
		e := &edges[i]
		e.Verdict = policy.Verdict{Check: fmt.Sprintf("%s/%03d@%s", strings.Repeat("p", 60), i, strings.Repeat("m", 60)), Status: down, Since: math.MaxInt64, Revision: math.MaxUint64, Penalty: math.MaxInt64, PenaltyAt: math.MaxInt64, Waits: policy.WaitsForOperator}
		for range i % 40 {
			e.Ballots = append(e.Ballots, policy.Ballot{Vantage: strings.Repeat("v", 63), Status: down, Absent: "abstains", Error: strings.Repeat("e", 120)})
		}
	}
	part := bounded(edges)
	body, err := change.EncodeBody(change.RecordVerdicts{Edges: part})
	if err != nil || len(body) > 256<<10 || len(part) == 0 || len(part) == len(edges) {
		t.Errorf("%d of %d edges are %d octets, %v", len(part), len(edges), len(body), err)
	}
	if few := bounded(edges[:3]); len(few) != 3 {
		t.Errorf("%d of 3 edges", len(few))
	}
}

// A mass failure goes in entries of a bounded size, and what is down before what has come up.
func TestDutiesWriteInBoundedEntries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stateWith(1)
		p, _ := s.Pools.Get("web")
		p.Spec.Endpoints = nil
		statuses := make([]policy.Status, 3*maxEdges/2)
		for i := range statuses {
			p.Spec.Endpoints = append(p.Spec.Endpoints, policy.Endpoint{Name: fmt.Sprintf("e%04d", i), Address: netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)})})
			statuses[i] = up
			if i >= maxEdges {
				statuses[i] = down
			}
		}
		s.Pools.Set("web", p)
		l := lead(t, s)
		l.hear(s, 1, statuses...)
		l.judge(t.Context())
		if n := l.now().Verdicts.Len(); n != maxEdges {
			t.Fatalf("%d edges in one entry", n)
		}
		for i := maxEdges; i < len(statuses); i++ {
			if v, _ := l.now().Verdicts.Get(fmt.Sprintf("web/e%04d@tcp", i)); v.Status != down {
				t.Fatalf("e%04d is %s after the first entry", i, v.Status)
			}
		}
		if l.judge(t.Context()); l.now().Verdicts.Len() != len(statuses) {
			t.Errorf("%d verdicts after the second entry", l.now().Verdicts.Len())
		}
	})
}

func TestDutiesJudge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := lead(t, stateWith(3))
		v := func() policy.Status { v, _ := l.now().Verdicts.Get("web/a@tcp"); return v.Status }
		two := func(seq uint64, s policy.Status) {
			for _, id := range []string{"m1", "m2"} {
				l.hearing.take(saying(l.s, id, seq, s, up, up))
			}
		}
		two(1, down)
		if !l.judge(t.Context()) || v() != down {
			t.Errorf("two of three found it down: %s", v())
		}
		if l.judge(t.Context()) {
			t.Error("it judged again without a change")
		}
		cut := lead(t, stateWith(3)) // its own report says that it reaches nothing
		own := saying(cut.now(), "m1", 1, down, down, down)
		own.Abstaining = true
		cut.hearing.take(own)
		cut.hearing.take(saying(cut.now(), "m2", 1, down, up, up))
		if cut.judge(t.Context()) {
			t.Error("one decided with a leader that is cut off")
		}
		cut.hearing.take(saying(cut.now(), "m3", 1, down, up, up))
		if !cut.judge(t.Context()) || cut.now().Verdicts.Len() != 3 {
			t.Errorf("a leader that is cut off does not go by the two that are not: %s", cut.kinds())
		}
		one := lead(t, stateWith(3))
		one.hearing.take(saying(one.now(), "m1", 1, down, down, down))
		if one.judge(t.Context()) {
			t.Error("one decided for three")
		}
		one.fail = errors.New("not the leader any more")
		one.hear(one.now(), 2, down, up, up)
		if !one.judge(t.Context()) || len(one.done()) != 1 {
			t.Errorf("a failed proposal: %s", one.kinds())
		}
		one.fail = nil
		if !one.judge(t.Context()) {
			t.Error("a failed proposal is not tried again")
		}
	})
}

func TestDutiesExpireAndRaise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stateWith(2)
		s.Feature, s.Cluster.ID = policy.FeatureLevel, "c"
		s.Cluster.Cookies = &policy.Cookies{Due: math.MaxInt64} // nothing else is due
		s.Controls.Set("c1", policy.Control{ID: "c1", Target: "pool/web", Action: policy.Drain, ExpiresAt: s.Clock + int64(90*time.Second)})
		s.Controls.Set("c2", policy.Control{ID: "c2", Target: "pool/web", Action: policy.Drain})
		l := lead(t, s)
		defer l.start(t)()
		time.Sleep(90*time.Second - 1)
		synctest.Wait()
		if len(l.done()) != 0 || l.now().Controls.Len() != 2 {
			t.Fatalf("before its time: %s", l.kinds())
		}
		time.Sleep(slowTick)
		synctest.Wait()
		if l.now().Controls.Has("c1") || !l.now().Controls.Has("c2") || len(l.done()) != 1 {
			t.Errorf("after it: %s", l.kinds())
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.grown < 80 {
			t.Errorf("nodes were looked at for promotion %d times in 90 s", l.grown)
		}
	})
	for name, c := range map[string]struct {
		feature, member int
		cluster         string
		want            int
	}{
		"at the level":          {policy.FeatureLevel, policy.FeatureLevel, "c", 0},
		"all can":               {policy.FeatureLevel - 1, policy.FeatureLevel, "c", 1},
		"one cannot":            {policy.FeatureLevel - 1, policy.FeatureLevel - 1, "c", 0},
		"no cluster yet":        {policy.FeatureLevel - 1, policy.FeatureLevel, "", 0},
		"one can do still more": {policy.FeatureLevel - 1, policy.FeatureLevel + 1, "c", 1},
	} {
		s := stateWith(2)
		s.Feature, s.Cluster.ID = c.feature, c.cluster
		s.Members.Set("m2", policy.Member{ID: "m2", Node: "ns2", Feature: c.member})
		l := lead(t, s)
		l.raise(t.Context())
		if len(l.done()) != c.want || c.want == 1 && l.now().Feature != policy.FeatureLevel {
			t.Errorf("%s: proposed %s", name, l.kinds())
		}
	}
}

// What was measured goes when it is too old, and nothing is proposed before.
func TestDutiesForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stateWith(1)
		s.Feature = policy.FeatureLevel
		s.Loads.Set("pool/web", policy.Load{Target: "pool/web", At: s.Clock, MaxAge: policy.Duration(30 * time.Second)})
		s.Latencies.Set("asn/1", policy.Latency{Subject: "asn/1", Regions: []policy.RTT{
			{Region: "eu", Ms: 1, At: s.Clock, MaxAge: policy.Duration(40 * time.Second)}, {Region: "us", Ms: 1, At: s.Clock - int64(23*time.Hour+55*time.Minute)}}})
		l := lead(t, s)
		defer l.start(t)()
		for _, step := range []struct {
			until          time.Duration
			loads, regions int
			calls          int
		}{{29 * time.Second, 1, 2, 0}, {31 * time.Second, 0, 2, 1}, {39 * time.Second, 0, 2, 1}, {41 * time.Second, 0, 1, 2}, {299 * time.Second, 0, 1, 2}, {301 * time.Second, 0, 0, 3}} {
			time.Sleep(step.until - time.Duration(l.clock()-s.Clock))
			synctest.Wait()
			asn, _ := l.now().Latencies.Get("asn/1")
			if l.now().Loads.Len() != step.loads || len(asn.Regions) != step.regions || len(l.done()) != step.calls {
				t.Errorf("after %v: %d loads, %+v, %s", step.until, l.now().Loads.Len(), asn, l.kinds())
			}
		}
	})
}
