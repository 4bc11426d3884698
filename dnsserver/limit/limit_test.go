package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func key(client string, zone uint64, class Class) Key {
	return Key{netip.MustParseAddr(client), zone, class}
}

// taken is how many of n responses, evenly over a time, go through.
func taken(l *Limiter, k Key, from, over time.Duration, n int) (passed int) {
	for i := range n {
		if l.Take(k, int64(from+over*time.Duration(i)/time.Duration(n))) {
			passed++
		}
	}
	return passed
}

func TestRate(t *testing.T) {
	k := key("192.0.2.1", 7, Answer)
	for _, c := range []struct {
		what         string
		asked, after int // a second, for ten seconds, and the most and least that may pass
		least, most  int
	}{
		{"within the limit", 90, 0, 900, 900},
		{"just within", 100, 0, 1000, 1000},
		{"twice the limit", 200, 0, 1090, 1110}, // and the second's worth that may come at once
		{"a hundred times", 10_000, 0, 1090, 1110},
	} {
		l := New(100)
		if got := taken(l, k, time.Hour, 10*time.Second, 10*c.asked); got < c.least || got > c.most {
			t.Errorf("%s: %d passed, want %d to %d", c.what, got, c.least, c.most)
		}
		// Whoever stays away for the burst has all of it again.
		if got := taken(l, k, time.Hour+12*time.Second, 0, 500); got != 100 {
			t.Errorf("%s: then %d passed at once, want 100", c.what, got)
		}
	}
}

// What is told apart, and what is not.
func TestKeys(t *testing.T) {
	base := key("192.0.2.1", 7, Answer)
	for _, c := range []struct {
		what string
		k    Key
		same bool
	}{
		{"the same /24", key("192.0.2.254", 7, Answer), true},
		{"another /24", key("192.0.3.1", 7, Answer), false},
		{"another zone", key("192.0.2.1", 8, Answer), false},
		{"another class", key("192.0.2.1", 7, NXDomain), false},
		{"IPv6", key("2001:db8::1", 7, Answer), false},
	} {
		l := New(10)
		taken(l, base, time.Hour, 0, 100)
		if got := taken(l, c.k, time.Hour, 0, 100); got != map[bool]int{true: 0, false: 10}[c.same] {
			t.Errorf("%s: %d passed", c.what, got)
		}
	}
	for _, c := range []struct {
		client string
		same   bool
	}{{"2001:db8:0:ff::1", true}, {"2001:db8:0:100::1", false}} {
		l := New(10)
		taken(l, key("2001:db8::1", 7, Answer), time.Hour, 0, 100)
		if got := taken(l, key(c.client, 7, Answer), time.Hour, 0, 100); (got == 0) != c.same {
			t.Errorf("%s: %d passed", c.client, got)
		}
	}
}

// One key that others crowd in on keeps its rate; with none to spare they do not get more than theirs.
func TestCrowd(t *testing.T) {
	l := New(10)
	now := int64(time.Hour)
	for i := range 1000 {
		k := Key{netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 1, Answer}
		if got := taken(l, k, time.Hour, 0, 20); got > 10 {
			t.Fatalf("network %d: %d passed, the rate is 10", i, got)
		}
	}
	lost := 0
	for i := range 1000 {
		k := Key{netip.AddrFrom4([4]byte{11, byte(i >> 8), byte(i), 1}), 1, Answer}
		if !l.Take(k, now) {
			lost++
		}
	}
	if lost > 5 { // by chance about 0.2
		t.Errorf("%d of 1000 networks suffer for the sins of 1000 others", lost)
	}
}

// Whatever the order, nothing that passed goes uncounted: at most one for each goroutine that takes
// at the moment when the limit is reached, however many have passed before.
func TestConcurrent(t *testing.T) {
	const takers = 8
	l := New(1000)
	k := key("192.0.2.1", 7, Answer)
	var passed atomic.Int64
	var wg sync.WaitGroup
	for range takers {
		wg.Go(func() {
			passed.Add(int64(taken(l, k, time.Hour, 0, 1000)))
		})
	}
	wg.Wait()
	if n := passed.Load(); n < 1000 || n >= 1000+takers {
		t.Errorf("%d passed at one moment, want 1000, or a few more of %d goroutines", n, takers)
	}
	if l.Take(k, int64(time.Hour)) {
		t.Error("one more passed when all was spent")
	}
}

func TestNoAllocation(t *testing.T) {
	l := New(1000)
	k := key("2001:db8::1", 7, Answer)
	if n := testing.AllocsPerRun(100, func() { l.Take(k, 1) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTake(b *testing.B) {
	l := New(1000)
	now := int64(0)
	for b.Loop() {
		now += 1000
		l.Take(Key{netip.AddrFrom4([4]byte{10, byte(now >> 18), byte(now >> 10), 1}), 7, Answer}, now)
	}
}
