package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"pgregory.net/rapid"
)

// gathering is beacons over a state that proposals change at once.
type gathering struct {
	*led
	beacons
	logs bytes.Buffer
}

func gather(t *testing.T) *gathering {
	t.Helper()
	s := stateWith(1)
	s.Cluster.ID, s.Feature, s.Clock = "c", policy.FeatureSteering, time.Now().UnixNano()
	for _, r := range []string{"us", "eu"} {
		s.Regions.Set(r, policy.Object[policy.Region]{Rev: 1, Spec: policy.Region{Name: r}})
	}
	g := &gathering{led: lead(t, s)}
	g.beacons = beacons{propose: g.duties.propose, state: g.now, actor: "node/ns1", log: slog.New(slog.NewTextHandler(&g.logs, nil))}
	return g
}

func (g *gathering) from(client, region string, samples ...float64) {
	for _, ms := range samples {
		g.beacons.hear(netip.MustParseAddr(client), []policy.RTT{{Region: region, Ms: ms}})
	}
}

// rtt is what State has of a subject and region.
func (g *gathering) rtt(t *testing.T, subject, region string) policy.RTT {
	t.Helper()
	l, _ := g.now().Latencies.Get(subject)
	r, ok := l.Region(region)
	if !ok {
		t.Fatalf("State has no latency of %s and %s", subject, region)
	}
	return r
}

func TestBeaconNetwork(t *testing.T) {
	for client, want := range map[string]string{
		"91.10.3.77": "91.10.3.0/24", "2a02:8100:1:2:3::4": "2a02:8100:1::/48", "::ffff:91.10.3.77": "91.10.3.0/24",
		"64:ff9b::91.10.3.77": "91.10.3.0/24", "2002:5b0a:034d::1": "91.10.3.0/24", "2001:0:4136:e378:8000:63bf:a4f5:fcb2": "91.10.3.0/24", "2a02:8100::1%eth0": "2a02:8100::/48",
	} {
		if got := beaconNetwork(netip.MustParseAddr(client)); got.String() != want {
			t.Errorf("%s counts for %s, want %s", client, got, want)
		}
	}
}

func TestBeaconMedian(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Float64Range(0.1, 1000), 1, 3*beaconSamples).Draw(t, "samples")
		var c beaconCell
		for _, ms := range all {
			c.add(ms)
		}
		latest := all[max(0, len(all)-beaconSamples):]
		below, above := 0, 0
		for _, ms := range latest {
			if ms < c.median() {
				below++
			}
			if ms > c.median() {
				above++
			}
		}
		if half := len(latest) / 2; below > half || above > half || c.count != len(all) {
			t.Fatalf("%v has %d below and %d above the median of %v", latest, below, above, c.median())
		}
	})
}

// However much comes in, there is one change a minute, and none when nothing has moved.
func TestBeaconsOncePerMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gather(t)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- g.beacons.Run(ctx) }()
		defer func() { cancel(); <-done }()
		minute := func() { time.Sleep(beaconEvery); synctest.Wait() }
		minute()
		if len(g.done()) != 0 {
			t.Fatalf("nothing was heard, and it proposed %s", g.kinds())
		}
		for range 100 {
			g.from("91.10.3.77", "us", 40, 50, 42)
			g.from("::ffff:91.10.3.1", "us", 41)
		}
		g.from("2a02:8100:1::1", "eu", 7)
		minute()
		if r := g.rtt(t, "91.10.3.0/24", "us"); len(g.done()) != 1 || r.Ms != 41.5 || r.Samples != 400 || r.MaxAge != 0 {
			t.Fatalf("%s: %+v", g.kinds(), r)
		}
		if r := g.rtt(t, "2a02:8100:1::/48", "eu"); r.Ms != 7 || r.Samples != 1 {
			t.Errorf("%+v", r)
		}
		g.from("91.10.3.77", "us", 45.6) // nearer than a tenth
		g.from("2a02:8100:1::1", "eu", 9)
		minute()
		minute()
		if len(g.done()) != 1 {
			t.Errorf("nothing has moved, and it proposed %s", g.kinds())
		}
		g.from("91.10.3.77", "us", 45.7)
		g.from("2a02:8100:1::1", "eu", 9.1)
		minute()
		if len(g.done()) != 2 {
			t.Errorf("both have moved, and it proposed %s", g.kinds())
		}
	})
}

func TestBeaconsBlendByAge(t *testing.T) {
	for _, c := range []struct {
		age  time.Duration
		want float64
	}{{0, 100}, {time.Hour, 60}, {2 * time.Hour, 40}, {-time.Hour, 100}, {1000 * time.Hour, 20}} {
		if got := blend(100, c.age, 20); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("after %v it is %v, want %v", c.age, got, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		g := gather(t)
		g.from("91.10.3.77", "us", 100)
		g.bring(t.Context())
		time.Sleep(time.Hour)
		g.from("91.10.3.77", "us", 20, 20)
		g.bring(t.Context())
		if r := g.rtt(t, "91.10.3.0/24", "us"); r.Ms != 60 || r.Samples != 3 || r.At != time.Now().UnixNano() {
			t.Errorf("it is %+v at %d", r, time.Now().UnixNano())
		}
		// What stays the same is put again before it expires, and not earlier.
		time.Sleep(time.Duration(policy.DefaultLatencyAge) - beaconRenew - 1)
		g.from("91.10.3.77", "us", 60)
		g.bring(t.Context())
		if len(g.done()) != 2 {
			t.Errorf("it was put again too early: %s", g.kinds())
		}
		time.Sleep(time.Nanosecond)
		g.from("91.10.3.77", "us", 60)
		g.bring(t.Context())
		if r := g.rtt(t, "91.10.3.0/24", "us"); len(g.done()) != 3 || r.Ms != 60 {
			t.Errorf("it was not put again: %s, %+v", g.kinds(), r)
		}
	})
}

// What could not be brought in waits for the next minute; what came in meanwhile is newer.
func TestBeaconsWaitForALeader(t *testing.T) {
	g := gather(t)
	g.fail = errors.New("no leader")
	g.from("91.10.3.77", "us", 40)
	g.from("91.10.4.77", "us", 50)
	g.bring(t.Context())
	if !strings.Contains(g.logs.String(), "tried again in a minute") {
		t.Errorf("the log is %q", g.logs.String())
	}
	g.fail = nil
	g.bring(t.Context())
	if a, b := g.rtt(t, "91.10.3.0/24", "us"), g.rtt(t, "91.10.4.0/24", "us"); a.Ms != 40 || b.Ms != 50 || len(g.done()) != 2 {
		t.Errorf("%+v, %+v, %s", a, b, g.kinds())
	}
	g.from("91.10.5.77", "us", 40)
	old := g.take()
	g.from("91.10.5.77", "us", 99)
	g.giveBack(old)
	g.bring(t.Context())
	if r := g.rtt(t, "91.10.5.0/24", "us"); r.Ms != 99 {
		t.Errorf("%+v", r)
	}
}

// The node's memory and State are bounded; what does not fit is never half of a refused change.
func TestBeaconsAreBounded(t *testing.T) {
	g := gather(t)
	client := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{91, byte(i >> 8), byte(i), 1}) }
	for i := range beaconPlaces + 10 {
		g.beacons.hear(client(i), []policy.RTT{{Region: "us", Ms: 5}})
		if i == beaconPlaces-1 {
			g.beacons.hear(client(0), []policy.RTT{{Region: "us", Ms: 5}}) // heard of again
		}
	}
	cells := g.take()
	if len(cells) != beaconPlaces || cells[0].place.network != beaconNetwork(client(11)) {
		t.Fatalf("%d places, the oldest %v", len(cells), cells[0].place)
	}
	g.giveBack(cells)
	g.bring(t.Context())
	if n := g.now().Latencies.Len(); n != change.MaxMeasured {
		t.Fatalf("one change brought %d", n)
	}
	for range 4 {
		g.bring(t.Context())
	}
	if n := g.now().Latencies.Len(); n != beaconPlaces || len(g.take()) != 0 {
		t.Errorf("in the end there are %d of %d", n, beaconPlaces)
	}

	g = gather(t)
	for i := range policy.MaxLatencies - 1 {
		key := fmt.Sprintf("asn/%d", i+1)
		g.s.Latencies.Set(key, policy.Latency{Subject: key, Regions: []policy.RTT{{Region: "us", Ms: 1, At: time.Now().UnixNano()}}})
	}
	g.from("91.10.3.77", "us", 40)
	g.from("91.10.4.77", "us", 40)
	g.from("91.10.3.77", "eu", 40)
	g.bring(t.Context())
	if n := g.now().Latencies.Len(); n != policy.MaxLatencies || g.rtt(t, "91.10.3.0/24", "eu").Ms != 40 || !strings.Contains(g.logs.String(), `"left out"=1`) {
		t.Errorf("%d subjects; the log is %q", n, g.logs.String())
	}

	g = gather(t)
	g.from("91.10.3.77", "mars", 40)
	g.bring(t.Context())
	if len(g.done()) != 0 {
		t.Errorf("a region that has gone is proposed: %s", g.kinds())
	}
}
