package node

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

const (
	epA = "endpoint/web/a"
	epB = "endpoint/web/b"
	www = "www.example.com"
)

type failer interface {
	Helper()
	Fatal(args ...any)
}

// answering is a node's answers over a time that tests make pass.
type answering struct {
	t       failer
	now     time.Time
	tracker *tracker
	snap    *snapshot.Snapshot
	state   *policy.State
	given   time.Time // the last answer that named a
}

func newAnswering(t failer) *answering {
	w := &answering{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.tracker = newTracker(func() time.Time { return w.now })
	return w
}

// put publishes a state.
func (w *answering) put(s *policy.State) []departed {
	w.t.Helper()
	if w.state != nil && s.Index <= w.state.Index {
		s = at(s, w.state.Index+1)
	}
	next, err := snapshot.Compile(w.snap, s, snapshot.Local{})
	if err != nil {
		w.t.Fatal(err)
	}
	l := leaving{old: w.snap, next: next, last: func(_ int32, yield func(string, time.Time)) {
		if !w.given.IsZero() {
			yield(epA, w.given)
		}
	}}
	w.snap, w.state = next, s
	return w.tracker.see(l)
}

func (w *answering) pass(d time.Duration) { w.now = w.now.Add(d) }

// open is how long the window of an endpoint is still open, without the slack.
func (w *answering) open(endpoint string) time.Duration {
	h := w.tracker.held(map[string]bool{endpoint: true}, nil, 0)
	if h.served[endpoint] {
		return math.MaxInt64
	}
	return h.until.Sub(w.now)
}

func drained(s *policy.State, id string, endpoints ...string) *policy.State {
	s = s.Clone()
	for _, e := range endpoints {
		s.Controls.Set(id, policy.Control{ID: id, Target: e, Action: policy.Drain, CreatedAt: s.Clock + 5})
	}
	return s
}

func lifted(s *policy.State, id string) *policy.State {
	s = s.Clone()
	s.Controls.Delete(id)
	return s
}

// ttl is a state whose service has a TTL.
func ttl(s *policy.State, n uint32) *policy.State {
	s = s.Clone()
	o, _ := s.Services.Get(www)
	o.Spec.TTL, o.Rev = policy.FixedTTL(policy.Seconds(n)), o.Rev+1
	s.Services.Set(www, o)
	return s
}

func allUp() *policy.State {
	return ttl(judged(stateWith(1), map[string]policy.Status{"web/a@tcp": policy.Up, "web/b@tcp": policy.Up, "web/c@tcp": policy.Up}), 30)
}

func TestWhatLeavesCountsForItsTTL(t *testing.T) {
	w := newAnswering(t)
	s := allUp()
	w.put(s)
	w.given = w.now
	w.pass(10 * time.Second)
	gone := w.put(drained(s, "c11", epA))
	if len(gone) != 1 || gone[0].endpoint != epA || gone[0].service != www || gone[0].cause != "drain" || gone[0].by != "control/c11" || gone[0].ttl != 30 ||
		gone[0].index != 11 || gone[0].decided != s.Clock+5 || !gone[0].last.Equal(w.given) {
		t.Fatalf("what left is %+v", gone)
	}
	w.pass(29 * time.Second)
	if left := w.open(epA); left != time.Second {
		t.Errorf("the window is open for %v, not 1 s", left)
	}
	if w.open(epB) != math.MaxInt64 {
		t.Error("b is not answered by")
	}
}

func TestCausesOfLeaving(t *testing.T) {
	up := allUp()
	spec := up.Clone()
	o, _ := spec.Pools.Get("web")
	o.Rev, o.Spec.Endpoints = 2, o.Spec.Endpoints[1:]
	spec.Pools.Set("web", o)
	down := judged(up, map[string]policy.Status{"web/a@tcp": policy.Down})
	v, _ := down.Verdicts.Get("web/a@tcp")
	v.Since = 77
	down.Verdicts.Set("web/a@tcp", v)
	for _, c := range []struct {
		what    string
		next    *policy.State
		cause   string
		decided int64
	}{
		{"a verdict", down, policy.LeftVerdict, 77},
		{"the document", spec, policy.LeftConfiguration, up.Clock},
		{"a drain of what is down too", drained(down, "c9", epA), "drain", up.Clock + 5},
	} {
		w := newAnswering(t)
		w.put(up)
		gone := w.put(c.next)
		if len(gone) != 1 || gone[0].cause != c.cause || gone[0].decided != c.decided {
			t.Errorf("%s: %+v", c.what, gone)
		}
	}
}

// A TTL that was lowered before the drain leaves resolvers with the longer one.
func TestALoweredTTLCountsOn(t *testing.T) {
	w := newAnswering(t)
	s := ttl(allUp(), 300)
	w.put(s)
	s = ttl(s, 30)
	if gone := w.put(s); len(gone) != 0 {
		t.Errorf("a lower TTL takes %v out", gone)
	}
	w.pass(100 * time.Second)
	w.put(drained(s, "c11", epA))
	if left := w.open(epA); left != 200*time.Second {
		t.Errorf("the window is open for %v, not the 200 s that the TTL before leaves", left)
	}
	w.pass(170 * time.Second)
	if left := w.open(epA); left != 30*time.Second {
		t.Errorf("the window is open for %v, not 30 s", left)
	}
}

// What is answered again is no drained endpoint, and leaves anew.
func TestWhatIsServedAgainIsNotClosed(t *testing.T) {
	w := newAnswering(t)
	s := allUp()
	w.put(s)
	w.put(drained(s, "c11", epA))
	w.pass(10 * time.Second)
	w.put(s)
	if w.open(epA) != math.MaxInt64 {
		t.Error("a window of what is answered is about to close")
	}
	w.pass(time.Hour)
	w.put(drained(s, "c13", epA))
	if left := w.open(epA); left != 30*time.Second {
		t.Errorf("the window is open for %v", left)
	}
	// Everything is drained: the endpoints are answered though drained (tier 3).
	all := s.Clone()
	all.Controls.Set("c14", policy.Control{ID: "c14", Target: "pool/web", Action: policy.Drain, CreatedAt: 9})
	w.put(all)
	if h := w.tracker.held(map[string]bool{epA: true}, nil, 14); !h.served[epA] {
		t.Error("nobody says that a drained endpoint is answered because nothing else is left")
	}
}

// kept is a keeper of a tracker, in a directory.
func (w *answering) keeper(dir, boot string) *windowKeeper {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return newWindowKeeper(w.tracker, dir, func() (string, time.Duration) { return boot, w.now.Sub(began) }, quiet())
}

// again is the node after a restart that took a while.
func (w *answering) again(dir, boot string, took time.Duration, journal *policy.State) *answering {
	w.t.Helper()
	r := newAnswering(w.t)
	r.now = w.now.Add(took)
	k := r.keeper(dir, boot)
	first, err := snapshot.Compile(nil, journal, snapshot.Local{})
	if err != nil {
		w.t.Fatal(err)
	}
	k.begin(journal, first)
	r.put(journal)
	return r
}

func TestWindowsOutliveTheProcess(t *testing.T) {
	up := allUp()
	gone := at(drained(up, "c11", epA), 11)
	start := func(t *testing.T) (*answering, *windowKeeper, string) {
		w := newAnswering(t)
		dir := t.TempDir()
		k := w.keeper(dir, "boot-1")
		k.begin(nil, nil)
		w.put(at(up, 10))
		k.save()
		return w, k, dir
	}
	t.Run("what the file has goes on", func(t *testing.T) {
		w, k, dir := start(t)
		w.put(gone)
		w.pass(5 * time.Second)
		k.save()
		r := w.again(dir, "boot-1", 10*time.Second, gone)
		if left := r.open(epA); left != 15*time.Second {
			t.Errorf("the window is open for %v, not 15 s", left)
		}
		if l := r.tracker.latest(); len(l) != 1 || l[0].cause != "drain" || !l[0].left.Equal(w.now.Add(-5*time.Second)) {
			t.Errorf("it tells of %+v", l)
		}
	})
	t.Run("after another boot nobody knows how long it took", func(t *testing.T) {
		w, k, dir := start(t)
		w.put(gone)
		k.save()
		if left := w.again(dir, "boot-2", time.Hour, gone).open(epA); left != 30*time.Second {
			t.Errorf("the window is open for %v, not 30 s from the start", left)
		}
	})
	t.Run("killed between publication and file", func(t *testing.T) {
		w, _, dir := start(t)
		w.put(gone) // and in the journal, but not in the file
		r := w.again(dir, "boot-1", time.Minute, gone)
		if left := r.open(epA); left != 30*time.Second {
			t.Errorf("the window is open for %v, not the service's TTL from the start of the process", left)
		}
	})
	t.Run("killed before the journal had it", func(t *testing.T) {
		w, _, dir := start(t)
		w.put(gone)
		r := w.again(dir, "boot-1", time.Minute, at(up, 10))
		if r.open(epA) != math.MaxInt64 {
			t.Error("what the journal's state hands out is not answered")
		}
		r.put(gone)
		if left := r.open(epA); left != 30*time.Second {
			t.Errorf("the window is open for %v", left)
		}
	})
	for what, damage := range map[string]func(string) error{
		"missing": os.Remove,
		"cut off": func(p string) error { return os.Truncate(p, 20) },
		"damaged": func(p string) error {
			b, err := os.ReadFile(p)
			if err == nil {
				b[len(b)/2] ^= 1
				err = os.WriteFile(p, b, 0o600)
			}
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			w, k, dir := start(t)
			w.put(gone)
			k.save()
			if err := damage(dir + "/" + windowFile); err != nil {
				t.Fatal(err)
			}
			r := w.again(dir, "boot-1", time.Hour, gone)
			if left := r.open(epA); left != 30*time.Second {
				t.Errorf("the window is open for %v, not as long as it might be", left)
			}
			if r.open(epB) != math.MaxInt64 {
				t.Error("b is not answered")
			}
			if l := r.tracker.latest(); len(l) != 0 {
				t.Errorf("it tells of %+v, which nobody saw leave", l)
			}
		})
	}
	t.Run("a state that cannot be compiled", func(t *testing.T) {
		r := newAnswering(t)
		r.keeper(t.TempDir(), "boot-1").begin(up, nil)
		r.put(gone)
		if left := r.open(epA); left != 30*time.Second {
			t.Errorf("the window is open for %v", left)
		}
	})
}

func TestTheTrackerIsBounded(t *testing.T) {
	w := newAnswering(t)
	s := allUp()
	w.put(s)
	w.put(drained(s, "c11", epA))
	long := w.now.Add(30 * time.Second)
	for i := range maxDepartures + 2*keepDepartures {
		w.tracker.mu.Lock()
		w.tracker.add(departed{service: "other.example.com", endpoint: fmt.Sprint("endpoint/other/", i), left: w.now, until: w.now.Add(20 * time.Second)}, nil)
		w.tracker.mu.Unlock()
		if i%keepDepartures == 0 {
			w.tracker.mu.Lock()
			w.tracker.prune(w.now)
			w.tracker.mu.Unlock()
		}
	}
	w.tracker.mu.Lock()
	w.tracker.prune(w.now)
	n := len(w.tracker.list)
	w.tracker.mu.Unlock()
	if n > maxDepartures {
		t.Errorf("%d departures are kept", n)
	}
	if h := w.tracker.held(map[string]bool{epA: true}, nil, 0); h.until.Before(long) {
		t.Error("a window that there was no room for closes too early")
	}
}

// TestPropertyWindows has a resolver that abides by TTLs ask at any time for what
// may be answered, and compares what it still holds with what the tracker promises.
func TestPropertyWindows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newAnswering(t)
		s := allUp()
		held := map[string]time.Time{} // by endpoint; a resolver counts whole seconds, so it may hold an answer a second longer
		fetch := func() {
			for i := range w.snap.Services.Len() {
				svc := w.snap.Services.At(int32(i))
				for r := range 64 { // every answer that there is
					d := w.snap.Decide(snapshot.Query{Service: int32(i), Kind: policy.IPv4, Rand: uint64(r) << 58})
					if d.Set < 0 {
						continue
					}
					for _, e := range svc.Sets[d.Set].Endpoints {
						held[e] = later(held[e], w.now.Add(time.Duration(d.TTL+1)*time.Second))
					}
				}
			}
		}
		w.put(s)
		fetch()
		always := rapid.Bool().Draw(t, "always asked")
		names := []string{"a", "b", "c"}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			name := rapid.SampledFrom(names).Draw(t, "endpoint")
			id, check := "c-"+name, "web/"+name+"@tcp"
			switch rapid.IntRange(0, 5).Draw(t, "what") {
			case 0:
				s = drained(s, id, "endpoint/web/"+name)
			case 1:
				s = lifted(s, id)
			case 2:
				s = judged(s, map[string]policy.Status{check: policy.Down})
			case 3:
				s = judged(s, map[string]policy.Status{check: policy.Up})
			case 4:
				s = ttl(s, rapid.SampledFrom([]uint32{0, 1, 5, 30, 300}).Draw(t, "ttl"))
			case 5:
				w.pass(time.Duration(rapid.Int64Range(0, int64(90*time.Second)).Draw(t, "time")))
			}
			if always || rapid.Bool().Draw(t, "asked") {
				fetch() // in the last moment before
			}
			w.put(s)
			for _, name := range names {
				e := "endpoint/web/" + name
				h := w.tracker.held(map[string]bool{e: true}, nil, 0)
				if h.served[e] {
					continue
				}
				closes := h.until.Add(time.Duration(policy.WindowSlack))
				if h.until.IsZero() {
					closes = w.now
				}
				if hold := held[e]; hold.After(closes) && hold.After(w.now) {
					t.Fatalf("%s: a resolver holds it until %v, and the window closes at %v", e, hold.Sub(w.now), closes.Sub(w.now))
				}
			}
		}
		// Padded it is not: with a resolver that asked in the last moment, the promise is just what it holds.
		fetch()
		w.put(drained(s, "c-last", epA))
		h := w.tracker.held(map[string]bool{epA: true}, nil, 0)
		if hold, closes := held[epA], h.until.Add(time.Duration(policy.WindowSlack)); always && !h.served[epA] && hold.After(w.now) && closes.Sub(hold) > 250*time.Millisecond {
			t.Fatalf("the window closes %v after the last resolver is through with it", closes.Sub(hold))
		}
	})
}

func TestDeparturesOfOneDecisionAreJoined(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ms := func(n int) *time.Duration { d := time.Duration(n) * time.Millisecond; return &d }
	j := joiner{by: map[string]*policy.Departure{}}
	verdict := departureTold{Service: www, Endpoint: epA, Cause: policy.LeftVerdict, Decided: 7, Index: 20, TTL: 30, Left: time.Second, ToGo: 30 * time.Second, Applied: ms(1500)}
	j.add("ns1", verdict, now)
	verdict.Index, verdict.Left, verdict.ToGo, verdict.TTL, verdict.Applied, verdict.Last = 21, 800*time.Millisecond, 31*time.Second, 31, ms(1400), ms(900)
	j.add("ns2", verdict, now)
	j.add("ns1", departureTold{Service: www, Endpoint: epA, Cause: policy.LeftIsland, Index: 20, Left: time.Minute}, now)
	j.add("ns2", departureTold{Service: www, Endpoint: epA, Cause: policy.LeftIsland, Index: 20, Left: time.Minute}, now)
	list := j.list()
	if len(list) != 3 {
		t.Fatalf("%d departures", len(list))
	}
	d := list[0]
	if d.Index != 20 || d.MaxTTL != 31 || !d.CommittedAt.Equal(now.Add(-1500*time.Millisecond)) || !d.PublishedAt.Equal(now.Add(-800*time.Millisecond)) ||
		!d.ClosesAt.Equal(now.Add(31*time.Second)) || !d.LastAnswer.Equal(now.Add(-900*time.Millisecond)) || len(d.Nodes) != 2 || !slices.IsSortedFunc(d.Nodes, func(a, b policy.NodeDeparture) int { return len(a.Node) - len(b.Node) }) {
		t.Errorf("%+v", d)
	}
}
