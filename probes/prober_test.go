package probes

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
)

// world is a Prober whose targets are made up: it runs in a synctest bubble.
type world struct {
	*Prober
	t     *testing.T
	begun time.Time

	mu      sync.Mutex
	down    map[string]bool          // by check
	refused map[string]bool          // by check
	slow    map[string]time.Duration // by check; the probe ends with its context at the latest
	starts  map[string][]time.Duration
	now     int // probes running
	most    int
	samples []string             // what OnSample heard
	why     string               // the error of what fails
	expiry  map[string]time.Time // by check, of the certificate that a probe that succeeds is shown
}

func newWorld(t *testing.T, cfg Config) *world {
	w := &world{
		t: t, begun: time.Now(), down: map[string]bool{}, refused: map[string]bool{}, slow: map[string]time.Duration{},
		starts: map[string][]time.Duration{}, why: "made up",
	}
	cfg.Kinds = map[string]Kind{"tcp": w.probe}
	cfg.Vantage, cfg.Boot = "v1", 42
	cfg.OnSample = func(check string, s policy.Sample, before, after policy.Opinion) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if before.Status != after.Status {
			w.samples = append(w.samples, fmt.Sprintf("%v %s %v>%v", time.Duration(s.Started), check, before.Status, after.Status))
		}
	}
	var err error
	if w.Prober, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) probe(ctx context.Context, to Target) policy.Sample {
	id := to.Check.ID
	start := time.Now()
	w.mu.Lock()
	w.starts[id] = append(w.starts[id], start.Sub(w.begun))
	w.now++
	w.most = max(w.most, w.now)
	down, refused, slow := w.down[id], w.refused[id], w.slow[id]
	w.mu.Unlock()
	defer func() { w.mu.Lock(); w.now--; w.mu.Unlock() }()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-ctx.Done():
			down = true
		}
	}
	s := policy.Sample{OK: !down && !refused, Refused: refused, Took: policy.Duration(time.Since(start))}
	if !s.OK {
		s.Error = w.why
	} else if end, ok := w.expiry[id]; ok {
		s.TLSExpiry = end.Unix()
	}
	return s
}

func (w *world) set(which map[string]bool, to bool, ids ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		which[id] = to
	}
}

// run runs the Prober for a time of the bubble, and stops it.
func (w *world) run(d time.Duration) {
	w.t.Helper()
	stop := w.start()
	time.Sleep(d) // of the bubble: takes no time
	stop()
}

func (w *world) start() (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	return func() {
		synctest.Wait()
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
	}
}

// checks are n checks with an interval of 1 s, a timeout of 500 ms, fall 3 and rise 2.
func checks(n int) []policy.Check {
	list := make([]policy.Check, n)
	for i := range list {
		list[i] = policy.Check{ID: fmt.Sprintf("web/%05d@m", i), Revision: uint64(i + 1), Key: uint64(i + 1), Monitor: policy.Monitor{
			TCP: &policy.TCPCheck{Port: 1}, Interval: policy.Duration(time.Second), Timeout: policy.Duration(500 * time.Millisecond), Fall: 3, Rise: 2,
		}}
	}
	return list
}

func fixed(f float64) func() float64 { return func() float64 { return f } }

func statuses(r policy.Report) string {
	var b strings.Builder
	for _, o := range r.Opinions {
		b.WriteByte("?ud"[o.Status])
	}
	return b.String()
}

func TestProbesKeepTheirInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.25)})
		c := checks(1)
		w.slow[c[0].ID] = 300 * time.Millisecond // how long a probe takes does not move the next one
		w.SetChecks(c)
		w.run(4 * time.Second)
		const ms = time.Millisecond
		if want := []time.Duration{250 * ms, 1250 * ms, 2250 * ms, 3250 * ms}; !slices.Equal(w.starts[c[0].ID], want) {
			t.Errorf("probes at %v, want %v", w.starts[c[0].ID], want)
		}
		seen := w.Evidence(c[0].ID)
		if len(seen) != 4 || !seen[0].At.Equal(w.begun.Add(3250*ms)) || seen[0].Took != policy.Duration(300*ms) {
			t.Errorf("the samples: %+v", seen)
		}
	})
}

func TestFallAndRise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.5)})
		w.SetChecks(checks(2))
		a := "web/00000@m"
		stop := w.start()
		time.Sleep(2 * time.Second)
		w.set(w.down, true, a)
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if got := statuses(w.Report()); got != "du" {
			t.Errorf("after three failures: %s", got)
		}
		w.set(w.down, false, a)
		time.Sleep(3 * time.Second)
		stop()
		want := []string{
			"250ms web/00000@m unknown>up", "750ms web/00001@m unknown>up",
			"4.25s web/00000@m up>down", "6.25s web/00000@m down>up",
		}
		if !slices.Equal(w.samples, want) {
			t.Errorf("got %q, want %q", w.samples, want)
		}
	})
}

func TestTimeoutCutsAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0)})
		c := checks(1)
		w.slow[c[0].ID] = time.Hour
		w.SetChecks(c)
		w.run(2900 * time.Millisecond)
		if got := statuses(w.Report()); got != "d" {
			t.Errorf("after three timeouts: %s", got)
		}
		if took := w.Evidence(c[0].ID)[0].Took; took != c[0].Monitor.Timeout {
			t.Errorf("the probe took %v", took)
		}
	})
}

// A refused target is a mistake in a configuration: nobody may take it for an outage.
func TestRefusedIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0)})
		c := checks(2)
		w.set(w.refused, true, c[0].ID)
		w.SetChecks(c)
		w.run(10 * time.Second)
		r := w.Report()
		if statuses(r) != "?u" || r.Opinions[0].Cause != policy.CauseNotSent {
			t.Errorf("%+v", r.Opinions)
		}
		if sampled, ok := w.Answers(); sampled != 1 || ok != 1 {
			t.Errorf("%d sampled, %d ok; a refused probe was not made", sampled, ok)
		}
	})
}

// I-19 and the promise of ten thousand checks: they spread over the interval,
// none is lost, and each comes as often as it should.
func TestTenThousandChecksSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		w := newWorld(t, Config{Rand: r.Float64})
		c := checks(10_000)
		for i := range c {
			c[i].Monitor.Interval = policy.Duration(10 * time.Second)
		}
		w.SetChecks(c)
		w.run(30*time.Second - 1)
		bucket := make([]int, 300) // of 100 ms
		for id, starts := range w.starts {
			if len(starts) != 3 {
				t.Fatalf("%s was probed at %v", id, starts)
			}
			for _, s := range starts {
				bucket[s/(100*time.Millisecond)]++
			}
		}
		if len(w.starts) != len(c) {
			t.Errorf("%d of %d checks were probed", len(w.starts), len(c))
		}
		if peak := slices.Max(bucket); peak > 103 { // each has a stratum of its own: far from twice the steady 100
			t.Errorf("%d probes within 100 ms; steady is 100", peak)
		}
	})
}

// Checks that are rarely probed all start within half a minute, and do not go on coming together.
func TestLongIntervalsSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		w := newWorld(t, Config{Rand: r.Float64})
		c := checks(600)
		for i := range c {
			c[i].Monitor.Interval = policy.Duration(10 * time.Minute)
		}
		w.SetChecks(c)
		w.run(41 * time.Minute)
		minutes := make([]int, 41)
		for id, starts := range w.starts {
			if starts[0] > maxPhase {
				t.Errorf("%s starts after %v", id, starts[0])
			}
			for _, s := range starts {
				minutes[s/time.Minute]++
			}
		}
		if peak := slices.Max(minutes[12:]); peak > 66 { // steady is 60
			t.Errorf("%d probes in a minute: %v", peak, minutes)
		}
	})
}

// Two nodes do not probe in the same order.
func TestNodesProbeInOrdersOfTheirOwn(t *testing.T) {
	first := func(boot uint64) string {
		p, err := New(Config{Boot: boot, Rand: fixed(0.5)})
		if err != nil {
			t.Fatal(err)
		}
		p.SetChecks(checks(1000))
		return p.schedule[0].tasks[0].check.ID
	}
	if a, b := first(1), first(2); a == b {
		t.Errorf("both begin with %s", a)
	}
}

// Checks that ask the same of one target share its probes and its samples; how
// many of them it takes is each one's own affair.
func TestSharedTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.5)})
		c := checks(4)
		c[1].Revision, c[1].Monitor.Fall = c[0].Revision, 1
		c[2].Revision, c[2].Monitor.Interval = c[0].Revision, policy.Duration(2*time.Second) // not as often: its own
		w.set(w.down, true, c[0].ID)
		w.SetChecks(c[:3])
		stop := w.start()
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(w.works) != 2 || len(w.starts[c[0].ID]) != 3 || len(w.starts[c[1].ID]) != 0 || len(w.starts[c[2].ID]) != 2 {
			t.Errorf("%d targets, probes: %v", len(w.works), w.starts)
		}
		if got := statuses(w.Report()); got != "ddu" {
			t.Errorf("%s", got)
		}
		if a, b := w.Evidence(c[0].ID), w.Evidence(c[1].ID); len(a) != 3 || len(b) != 3 || a[0] != b[0] {
			t.Errorf("%v and %v", a, b)
		}
		// The one that named the target goes, and another joins: the rest goes on.
		w.mu.Lock()
		clear(w.starts)
		w.mu.Unlock()
		c[3].Revision = c[0].Revision
		w.SetChecks([]policy.Check{c[1], c[3]})
		if got := statuses(w.Report()); got != "d?" {
			t.Errorf("right after: %s", got)
		}
		time.Sleep(2 * time.Second)
		stop()
		if got := statuses(w.Report()); got != "uu" || len(w.works) != 1 || len(w.starts[c[1].ID]) != 2 {
			t.Errorf("after: %s, %v", got, w.starts)
		}
	})
}

func TestRecentSamplesAreBounded(t *testing.T) {
	var r recent
	for i := range 25 {
		r = r.add(policy.Sample{Started: int64(i), Error: strings.Repeat("x", 3)})
	}
	if len(r) != Remembered || cap(r) != Remembered || r[0].Started != 15 || r[9].Started != 24 {
		t.Errorf("%d samples (room for %d), from %d to %d", len(r), cap(r), r[0].Started, r[9].Started)
	}
	if unsafe.StringData(r[3].Error) != unsafe.StringData(r[9].Error) {
		t.Error("the same text is kept twice")
	}
}

func TestLongIntervalsStartSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.99)})
		c := checks(1)
		c[0].Monitor.Interval = policy.Duration(time.Hour)
		w.SetChecks(c)
		w.run(30 * time.Second)
		if statuses(w.Report()) != "u" {
			t.Error("half a minute and the new endpoint is still unknown")
		}
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0), Concurrency: 3})
		c := checks(30)
		for _, c := range c {
			w.slow[c.ID] = 200 * time.Millisecond
		}
		w.SetChecks(c)
		w.run(10 * time.Second) // needs 6 s of three probes every second: twice too much
		if w.most != 3 {
			t.Errorf("%d probes at once", w.most)
		}
		total, fewest := 0, 1000
		for _, c := range c {
			total += len(w.starts[c.ID])
			fewest = min(fewest, len(w.starts[c.ID]))
		}
		if total < 140 || total > 153 {
			t.Errorf("%d probes in 10 s; three at once of 200 ms make 150", total)
		}
		if fewest < 4 {
			t.Errorf("a check was probed %d times while others were five times: starved", fewest)
		}
	})
}

func TestSetChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.5)})
		c := checks(4)
		w.SetChecks([]policy.Check{c[2], c[0], c[1], c[1]}) // any order, a double
		stop := w.start()
		time.Sleep(time.Second)
		synctest.Wait()
		if got := statuses(w.Report()); got != "uuu" {
			t.Fatalf("before: %s", got)
		}
		// 0 stays with new rules, 1 is edited, 2 goes, 3 is new.
		c[0].Monitor.Fall = 1
		c[1].Revision, c[1].Key = 99, 99
		w.set(w.down, true, c[0].ID)
		w.SetChecks([]policy.Check{c[0], c[1], c[3]})
		r := w.Report()
		if got := statuses(r); got != "u??" || r.Opinions[1].Key != c[1].Key || r.Opinions[2].Key != c[3].Key {
			t.Errorf("right after: %s, %+v", got, r.Opinions)
		}
		if sampled, ok := w.Answers(); sampled != 1 || ok != 1 {
			t.Errorf("%d sampled, %d ok", sampled, ok)
		}
		time.Sleep(time.Second)
		stop()
		if got := statuses(w.Report()); got != "duu" {
			t.Errorf("a second later: %s", got)
		}
		if n := len(w.starts[c[2].ID]); n != 1 {
			t.Errorf("a check that is gone was probed %d times", n)
		}
	})
}

// A probe that was under way when its check changed says nothing about the new one.
func TestChangeDuringAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0)})
		c := checks(1)
		w.slow[c[0].ID] = 400 * time.Millisecond
		w.SetChecks(c)
		stop := w.start()
		time.Sleep(200 * time.Millisecond)
		w.cfg.Rand = fixed(0.9)
		edited := slices.Clone(c)
		edited[0].Revision, edited[0].Key = 99, 99
		w.SetChecks(edited)
		time.Sleep(600 * time.Millisecond)
		stop()
		if got := w.Report().Opinions[0]; got.Status != policy.Unknown || got.Key != 99 {
			t.Errorf("the old probe's result went to the new check: %+v", got)
		}
		if len(w.samples) != 0 {
			t.Errorf("OnSample heard of it: %q", w.samples)
		}
	})
}

func TestIntervalChangeKeepsTheTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.5)})
		c := checks(1)
		c[0].Monitor.Interval = policy.Duration(time.Hour)
		w.SetChecks(c)
		stop := w.start()
		time.Sleep(time.Minute)
		synctest.Wait()
		c[0].Monitor.Interval = policy.Duration(200 * time.Millisecond)
		w.SetChecks(c)
		if statuses(w.Report()) != "u" {
			t.Error("the track was lost with the interval")
		}
		time.Sleep(time.Second)
		stop()
		if n := len(w.starts[c[0].ID]); n != 6 {
			t.Errorf("%d probes, want one and then five in the second after", n)
		}
	})
}

// Turns that were missed while nothing ran are not made up for.
func TestRunStartsWithoutABurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(3, 4))
		w := newWorld(t, Config{Rand: r.Float64})
		w.SetChecks(checks(1000))
		time.Sleep(time.Minute)
		for range 2 {
			clear(w.starts)
			w.begun = time.Now()
			w.run(time.Second)
			early := 0
			for id, starts := range w.starts {
				if len(starts) != 1 {
					t.Fatalf("%s: %v", id, starts)
				}
				if starts[0] < 100*time.Millisecond {
					early++
				}
			}
			if len(w.starts) != 1000 || early > 200 {
				t.Errorf("%d of 1000 probed, %d of them in the first tenth", len(w.starts), early)
			}
			time.Sleep(time.Minute)
		}
	})
}

// A schedule that was held up leaves out turns and keeps its phase.
func TestLateTurnsAreLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.25)})
		w.SetChecks(checks(1))
		due, _ := w.due(w.begun.Add(7 * time.Second)) // turns at 0.25, 1.25, ... 6.25 s
		if len(due) != 1 {
			t.Fatalf("%d probes at once for one check", len(due))
		}
		due[0].work.running = false
		due, wait := w.due(w.begun.Add(7 * time.Second))
		if len(due) != 0 || wait != 250*time.Millisecond {
			t.Errorf("%d more at once, and the next in %v", len(due), wait)
		}
	})
}

func TestChangedFiresOnceForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.5)})
		w.SetChecks(checks(20))
		fired := func() bool {
			synctest.Wait()
			select {
			case <-w.Changed():
				return true
			default:
				return false
			}
		}
		if fired() {
			t.Error("before anything happened")
		}
		stop := w.start()
		defer stop()
		time.Sleep(time.Second)
		if !fired() || fired() {
			t.Error("twenty opinions changed: it should fire, once")
		}
		time.Sleep(5 * time.Second)
		if fired() {
			t.Error("nothing changed and it fired")
		}
		w.set(w.down, true, "web/00003@m")
		time.Sleep(2 * time.Second)
		if fired() {
			t.Error("two failures are no change")
		}
		time.Sleep(time.Second)
		if !fired() {
			t.Error("the third failure did not fire")
		}
	})
}

func TestReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		abstaining := false
		w := newWorld(t, Config{Rand: fixed(0.5), Abstaining: func() bool { return abstaining }})
		w.SetChecks(checks(5))
		a := w.Report()
		w.run(time.Second)
		abstaining = true
		b := w.Report()
		if a.Vantage != "v1" || a.Boot != 42 || a.Seq+1 != b.Seq || a.Abstaining || !b.Abstaining {
			t.Errorf("%+v then %+v", a, b)
		}
		if len(a.Opinions) != 5 || len(b.Opinions) != 5 || statuses(a) != "?????" || statuses(b) != "uuuuu" {
			t.Errorf("%s then %s: the table is whole, whatever is known", statuses(a), statuses(b))
		}
		if !slices.IsSortedFunc(b.Opinions, func(x, y policy.Opinion) int { return cmp.Compare(x.Key, y.Key) }) {
			t.Error("opinions out of order")
		}
	})
}

func TestMassFailureIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		w := newWorld(t, Config{Rand: fixed(0.5), Log: slog.New(slog.NewTextHandler(&out, nil))})
		c := checks(10)
		w.SetChecks(c)
		stop := w.start()
		time.Sleep(3 * time.Second)
		for _, c := range c[:6] {
			w.set(w.down, true, c.ID)
		}
		time.Sleep(5 * time.Second)
		for _, c := range c[:6] {
			w.set(w.down, false, c.ID)
		}
		time.Sleep(5 * time.Second)
		stop()
		if strings.Count(out.String(), "most targets fail from here") != 1 || strings.Count(out.String(), "answer again") != 1 {
			t.Errorf("the log:\n%s", out.String())
		}
	})
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		w := newWorld(t, Config{Rand: fixed(0.5), Registry: registry})
		c := checks(3)
		w.set(w.down, true, c[0].ID)
		w.set(w.refused, true, c[1].ID)
		w.SetChecks(c)
		w.run(4 * time.Second)
		got := map[string]float64{}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			for _, m := range f.Metric {
				name := f.GetName()
				for _, l := range m.Label {
					name += " " + l.GetValue()
				}
				got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
		for name, want := range map[string]float64{
			"meridian_probe_samples_total tcp ok": 4, "meridian_probe_samples_total tcp failed": 4, "meridian_probe_samples_total tcp refused": 4,
			"meridian_probe_duration_seconds tcp": 8, "meridian_probe_opinions up": 1, "meridian_probe_opinions down": 1, "meridian_probe_opinions unknown": 1,
			"meridian_probe_late_total": 0, "meridian_probe_running": 0, "meridian_probe_targets": 3, "meridian_probe_abstaining": 0,
		} {
			if v, ok := got[name]; !ok || v != want {
				t.Errorf("%s is %v, want %v", name, v, want)
			}
		}
		if _, err := New(Config{Registry: registry}); err == nil {
			t.Error("two probers in one registry")
		}
	})
}

func BenchmarkSchedule(b *testing.B) {
	p, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	p.SetChecks(checks(10_000))
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() { // a second of ten thousand checks, in ticks of 10 ms
		for range 100 {
			now = now.Add(10 * time.Millisecond)
			due, _ := p.due(now)
			for _, d := range due {
				d.work.running = false
			}
		}
	}
}

func BenchmarkReport(b *testing.B) {
	p, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	p.SetChecks(checks(10_000))
	b.ReportAllocs()
	for b.Loop() {
		p.Report()
	}
}

// what goes over the wire each second has the same size when all is well,
// when half or all of it fails with much to say, and when the vantage abstains.
func TestReportOctetsDoNotFollowFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var abstaining atomic.Bool
		w := newWorld(t, Config{Rand: fixed(0.5), Abstaining: abstaining.Load})
		w.why = strings.Repeat("a long story ", 50)
		c := checks(100)
		w.SetChecks(c)
		octets := func() int {
			r := w.Report()
			b, err := r.MarshalBinary()
			if err != nil {
				t.Fatal(err)
			}
			return len(b)
		}
		fresh := octets()
		stop := w.start()
		defer stop()
		look := func(what, want string) {
			time.Sleep(5 * time.Second)
			synctest.Wait()
			if n := strings.Count(statuses(w.Report()), "d"); fmt.Sprint(n) != want {
				t.Errorf("%s: %d down, want %s", what, n, want)
			}
			if n := octets(); n != fresh {
				t.Errorf("%s: %d octets, and %d before anything was known", what, n, fresh)
			}
		}
		look("all up", "0")
		for i := range 50 {
			w.set(w.down, true, c[i].ID)
		}
		look("half down", "50")
		for i := range c {
			w.set(w.down, true, c[i].ID)
		}
		look("all down", "100")
		abstaining.Store(true)
		look("abstaining", "0") // it knows of none
		for i := range c {
			w.set(w.refused, true, c[i].ID)
		}
		look("all refused", "0")
	})
}

// I-07, I-08: a vantage that was cut off knows nothing of its targets when it has
// its network back, until it has probed them again. Were it to vote by what failed
// in the cut, all targets would go down at that moment.
func TestCutOffVantageKnowsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *Prober
		w := newWorld(t, Config{Rand: fixed(0.5), Abstaining: func() bool { n, ok := p.Answers(); return n > 0 && ok == 0 }})
		p = w.Prober
		c := checks(4)
		c[0].Monitor.Interval /= 10 // it has failed often enough before the others tell that it is the network
		last := len(c) - 1
		interval := time.Duration(c[last].Monitor.Interval)
		w.SetChecks(c)
		defer w.start()()
		watch := func(during time.Duration, want string) {
			t.Helper()
			for range during / (interval / 20) {
				time.Sleep(interval / 20)
				synctest.Wait()
				if r := w.Report(); !r.Abstaining && strings.Contains(statuses(r), "d") {
					t.Fatalf("a vote of %s", statuses(r))
				}
			}
			if got := statuses(w.Report()); got != want {
				t.Fatalf("after %v: %s, want %s", during, got, want)
			}
		}
		watch(2*interval, "uuuu")
		w.set(w.down, true, c[1].ID)
		time.Sleep(4 * interval)
		synctest.Wait()
		if got := statuses(w.Report()); got != "uduu" {
			t.Fatalf("one is down: %s", got)
		}
		w.set(w.down, false, c[1].ID)
		time.Sleep(3 * interval)
		for i := range c {
			w.set(w.down, true, c[i].ID)
		}
		time.Sleep(2 * interval) // the fast one goes down before it is known that it is the network
		synctest.Wait()
		watch(8*interval, "????")
		if !w.Report().Abstaining {
			t.Fatal("it does not abstain")
		}
		for i := range c[:last] {
			w.set(w.down, false, c[i].ID)
		}
		watch(interval, "uuu?")
		time.Sleep(2 * interval) // the last has failed on its own, three times since
		synctest.Wait()
		if got := statuses(w.Report()); got != "uuud" {
			t.Errorf("after the cut: %s", got)
		}
	})
}

// What an inverted monitor likes is no sign that this vantage has a network.
func TestAnswersOfInvertedMonitors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Config{Rand: fixed(0.5)})
		c := checks(2)
		c[0].Monitor.Invert = true
		w.SetChecks(c)
		defer w.start()()
		for _, step := range []struct{ down, sampled, ok int }{{0, 2, 2}, {1, 1, 1}, {2, 1, 0}, {0, 2, 2}} {
			for i := range c {
				w.set(w.down, i < step.down, c[i].ID)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			if sampled, ok := w.Answers(); sampled != step.sampled || ok != step.ok {
				t.Errorf("with %d down: %d sampled and %d answered, want %d and %d", step.down, sampled, ok, step.sampled, step.ok)
			}
		}
	})
}
