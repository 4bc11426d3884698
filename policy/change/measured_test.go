package change

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"pgregory.net/rapid"
)

func measured(t fataler) *machine { return started(t).steering() }

func latency(m ...Measurement) PutLatency { return PutLatency{Measurements: m} }

func load(target string, value float64) TargetLoad { return TargetLoad{Target: target, Value: &value} }

// pointers wants a refusal to name exactly these mistakes.
func pointers(t *testing.T, o policy.Outcome, want ...string) {
	t.Helper()
	var got []string
	for _, p := range o.Refused.Problems {
		got = append(got, p.Pointer)
	}
	mustList(t, "the pointers", got, want...)
}

func TestPutLatency(t *testing.T) {
	m := measured(t)
	revision, config := m.s.Revision, m.s.ConfigRevision
	at := func(s int64, b Body) policy.Outcome { return m.accepted(Change{Clock: s * 1e9, Body: b}) }
	at(100, latency(Measurement{"192.0.2.9/24", "us", 12.5, 0}, Measurement{"192.0.2.0/24", "ap", 200, 0}, Measurement{"country/de", "eu", 0.5, 40}))
	at(200, PutLatency{[]Measurement{{"192.0.2.0/24", "us", 13, 3}, {"192.0.2.0/24", "eu", 90, 0}}, policy.Duration(time.Hour)})
	l, ok := m.s.Latencies.Get("192.0.2.0/24")
	want := policy.Latency{Subject: "192.0.2.0/24", Regions: []policy.RTT{
		{Region: "ap", Ms: 200, At: 100e9, Samples: 1},
		{Region: "eu", Ms: 90, At: 200e9, Samples: 1, MaxAge: policy.Duration(time.Hour)},
		{Region: "us", Ms: 13, At: 200e9, Samples: 3, MaxAge: policy.Duration(time.Hour)},
	}}
	if !ok || fmt.Sprint(l) != fmt.Sprint(want) {
		t.Fatalf("it is %+v, want %+v", l, want)
	}
	mustList(t, "the subjects", keys(m.s.Latencies), "192.0.2.0/24", "country/DE")
	m.s = roundTrip(t, m.s)
	at(300, latency(Measurement{Subject: "192.0.2.0/24"}, Measurement{Subject: "asn/1"}, Measurement{"asn/2", "us", 1, 0}))
	mustList(t, "the subjects after one was taken out", keys(m.s.Latencies), "asn/2", "country/DE")
	mustEqual(t, "the operators' revision", m.s.Revision, revision)
	mustEqual(t, "the configuration's revision", m.s.ConfigRevision, config)
}

// All mistakes come at once, each at its place, and not even what was right in the same change is made.
func TestPutLatencyRefused(t *testing.T) {
	m := measured(t)
	m.ok(latency(Measurement{"asn/9", "us", 5, 0}))
	o := m.refuse(policy.Invalid, `there is no region "mars"; there are ap, eu, us`, PutLatency{[]Measurement{
		{"asn/1", "us", 1, 0},
		{"nowhere", "mars", -1, -1},
		{"asn/1", "mars", 60_001, MaxSamples + 1},
		{"asn/1", "us", 2, 0},
		{"asn/0", "", 0, 0},
		{"asn/1", "", 5, 0},
	}, policy.Duration(time.Millisecond)})
	pointers(t, o, "/maxAge", "/measurements/1", "/measurements/1/region", "/measurements/1/ms", "/measurements/1/samples",
		"/measurements/2/region", "/measurements/2/ms", "/measurements/2/samples", "/measurements/3", "/measurements/4", "/measurements/5/region")
	mustList(t, "the subjects", keys(m.s.Latencies), "asn/9")
	m.refuse(policy.Invalid, "there is nothing in it", PutLatency{})
	m.refuse(policy.Invalid, "10001; 10000 are the most at once", PutLatency{Measurements: make([]Measurement, MaxMeasured+1)})
	m.refuse(policy.Invalid, "a maximum age of 720h0m1s", PutLatency{[]Measurement{{"asn/1", "us", 1, 0}}, policy.MaxLatencyAge + policy.Duration(time.Second)})
	m.ok(PutLatency{[]Measurement{{"asn/1", "us", policy.MaxMs, MaxSamples}}, policy.MaxLatencyAge})
}

func TestPutLoad(t *testing.T) {
	m := measured(t)
	revision, config := m.s.Revision, m.s.ConfigRevision
	m.accepted(Change{Clock: 5e9, Body: PutLoad{[]TargetLoad{load("pool/us", 850), load("endpoint/us/a", 0), load("region/eu", 1e15), {"service/WWW.example.com.", of(0.1), policy.MaxLoadAge}}}})
	mustList(t, "the targets", keys(m.s.Loads), "endpoint/us/a", "pool/us", "region/eu", "service/www.example.com")
	l, _ := m.s.Loads.Get("pool/us")
	mustEqual(t, "the load", l, policy.Load{Target: "pool/us", Value: 850, At: 5e9, MaxAge: policy.DefaultLoadAge})
	mustEqual(t, "the operators' revision", m.s.Revision, revision)
	mustEqual(t, "the configuration's revision", m.s.ConfigRevision, config)
	m.s = roundTrip(t, m.s)

	// What is refused leaves the old value, of the targets that were right too.
	o := m.refuse(policy.Invalid, "a load of 2e+15 is not within 0 to 1e+15", PutLoad{[]TargetLoad{
		load("pool/us", 900), load("pool/mars", -1), load("endpoint/us/z", 1), load("provider/aws", 1), load("service/static.example.com", 1),
		{"pool/eu", nil, 1}, {"pool/eu", of(2e15), policy.MaxLoadAge + 1}, load("pool/us", 1), load("monitor/web", 1), load("zone/example.com", 1),
	}})
	pointers(t, o, "/loads/1/target", "/loads/1/value", "/loads/2/target", "/loads/3/target", "/loads/4/target",
		"/loads/5/value", "/loads/5/maxAge", "/loads/6/value", "/loads/6/maxAge", "/loads/7/target", "/loads/8/target", "/loads/9/target")
	if l, _ := m.s.Loads.Get("pool/us"); l.Value != 850 {
		t.Errorf("the load of pool/us is %v after a refusal", l.Value)
	}
	for _, v := range []float64{math.NaN(), math.Inf(1)} {
		if _, err := Encode(Change{Body: PutLoad{[]TargetLoad{load("pool/us", v)}}}); err == nil {
			t.Errorf("a load of %v goes into the log", v)
		}
	}
	m.refuse(policy.Invalid, "there is nothing in it", PutLoad{})
	m.refuse(policy.Invalid, "there is no pool/mars; meridian get pools shows what there is", PutLoad{[]TargetLoad{load("pool/mars", 1)}})
}

// The tables are bounded, and what is over the bound does not push out what is there.
func TestMeasuredBounds(t *testing.T) {
	m := measured(t)
	s := m.s.Clone()
	for i := range policy.MaxLatencies {
		key := fmt.Sprintf("asn/%d", i+1)
		s.Latencies.Set(key, policy.Latency{Subject: key, Regions: []policy.RTT{{Region: "us", Ms: 1}}})
	}
	for i := range policy.MaxLoads {
		key := fmt.Sprintf("pool/p%d", i)
		s.Loads.Set(key, policy.Load{Target: key})
	}
	m.s = s
	m.refuse(policy.Invalid, "latencies of 100001 subjects; 100000 are the most", latency(Measurement{"country/DE", "us", 1, 0}))
	m.refuse(policy.Invalid, "loads of 10001 targets; 10000 are the most", PutLoad{[]TargetLoad{load("pool/us", 1)}})
	m.ok(latency(Measurement{"asn/1", "eu", 1, 0}))
	m.ok(latency(Measurement{Subject: "asn/1"}, Measurement{"country/DE", "us", 1, 0}))

	m = measured(t)
	c := config("us")
	for i := range policy.MaxLatencyRegions {
		c.Regions = append(c.Regions, policy.Region{Name: fmt.Sprintf("r%d", i)})
	}
	m.ok(PutConfig{Config: c})
	many := latency()
	for _, r := range c.Regions {
		many.Measurements = append(many.Measurements, Measurement{"asn/1", r.Name, 1, 0})
	}
	pointers(t, m.refuse(policy.Invalid, "asn/1 would have 65 regions; 64 are the most", many), "/measurements/64")
	m.ok(latency(many.Measurements[:64]...))
}

func TestExpireMeasured(t *testing.T) {
	m := measured(t)
	at := func(s int64, b Body) policy.Outcome { return m.accepted(Change{Clock: s * 1e9, Body: b}) }
	day := int64(24 * 3600)
	at(100, latency(Measurement{"asn/1", "us", 1, 0}, Measurement{"asn/2", "us", 1, 0}))
	at(100, PutLatency{[]Measurement{{"asn/1", "eu", 1, 0}}, policy.Duration(time.Second)})
	at(100, PutLoad{[]TargetLoad{load("pool/us", 1), {"pool/eu", of(1.0), policy.Duration(2 * time.Second)}}})
	mustEqual(t, "what is outdated at once", Outdated(m.s, 100e9), false)
	at(100, ExpireMeasured{})
	mustEqual(t, "the loads", m.s.Loads.Len(), 2)
	mustEqual(t, "what is outdated a moment before its time", Outdated(m.s, 101e9-1), false)
	mustEqual(t, "what is outdated on time", Outdated(m.s, 101e9), true)
	at(101, ExpireMeasured{})
	l, _ := m.s.Latencies.Get("asn/1")
	if len(l.Regions) != 1 || l.Regions[0].Region != "us" {
		t.Fatalf("%+v", l)
	}
	mustEqual(t, "what is outdated then", Outdated(m.s, 102e9-1), false)
	mustEqual(t, "a load on time", Outdated(m.s, 102e9), true)
	at(102, ExpireMeasured{})
	mustList(t, "the loads", keys(m.s.Loads), "pool/us")
	at(159, ExpireMeasured{})
	mustEqual(t, "the loads", m.s.Loads.Len(), 1)
	at(160, ExpireMeasured{})
	mustEqual(t, "the loads after a minute", m.s.Loads.Len(), 0)
	at(99+day, ExpireMeasured{})
	mustEqual(t, "the subjects", m.s.Latencies.Len(), 2)
	at(100+day, ExpireMeasured{})
	mustEqual(t, "the subjects after a day", m.s.Latencies.Len(), 0)
	mustEqual(t, "what is outdated in the end", Outdated(m.s, math.MaxInt64), false)
}

// One change takes out a bounded number; the next goes on.
func TestExpireMeasuredInParts(t *testing.T) {
	m := measured(t)
	s := m.s.Clone()
	for i := range maxExpired + 5 {
		key := fmt.Sprintf("asn/%d", i+1)
		s.Latencies.Set(key, policy.Latency{Subject: key, Regions: []policy.RTT{{Region: "us", Ms: 1}}})
	}
	m.s = s
	now := int64(policy.DefaultLatencyAge)
	m.accepted(Change{Clock: now, Body: ExpireMeasured{}})
	mustEqual(t, "what is left for the next", m.s.Latencies.Len(), 5)
	m.accepted(Change{Clock: now, Body: ExpireMeasured{}})
	mustEqual(t, "what is left", m.s.Latencies.Len(), 0)
}

// A region, pool or endpoint that the configuration no longer has takes what was measured of it along.
func TestMeasuredGoesWithItsTarget(t *testing.T) {
	m := measured(t)
	m.ok(latency(Measurement{"asn/1", "us", 1, 0}, Measurement{"asn/1", "ap", 1, 0}, Measurement{"asn/2", "ap", 1, 0}))
	m.ok(PutLoad{[]TargetLoad{load("region/ap", 1), load("pool/ap", 1), load("endpoint/ap/a", 1), load("endpoint/us/b", 1), load("pool/us", 1), load("service/www.example.com", 1)}})
	c := config("us", "eu")
	c.Pools[0].Endpoints = c.Pools[0].Endpoints[:1]
	c.Services[0].Name = name("app.example.com")
	m.ok(PutConfig{Config: c})
	mustList(t, "the targets", keys(m.s.Loads), "pool/us")
	mustList(t, "the subjects", keys(m.s.Latencies), "asn/1")
	l, _ := m.s.Latencies.Get("asn/1")
	if len(l.Regions) != 1 || l.Regions[0].Region != "us" {
		t.Errorf("%+v", l)
	}
}

// Nothing is measured before every node can hold it.
func TestMeasuredNeedsItsFeatureLevel(t *testing.T) {
	for _, b := range []Body{latency(Measurement{"asn/1", "us", 1, 0}), PutLoad{[]TargetLoad{load("pool/us", 1)}}, ExpireMeasured{}} {
		m := started(t)
		m.refuse(policy.Conflict, KindOf(b)+" needs feature level 3 on every node, and node ns1 is at 1: upgrade it", b)
		v, _ := m.s.Members.Get("m1")
		v.Feature = policy.FeatureSteering
		m.ok(PutMember{v})
		m.refuse(policy.Conflict, "the leader raises it within seconds", b)
		m.ok(RaiseFeature{policy.FeatureSteering})
		m.ok(b)
	}
	if err := Admit(policy.NewState(), PutSecret{}); err != nil {
		t.Errorf("what needs no level is refused: %v", err)
	}
}

// Measurements of different places can come in any order and in any number of changes.
func TestMeasuredOrder(t *testing.T) {
	start := measured(t)
	rapid.Check(t, func(t *rapid.T) {
		var all []Measurement
		var loads []TargetLoad
		for i, subject := range []string{"192.0.2.0/24", "2001:db8::/48", "country/DE", "asn/1"} {
			for j, r := range []string{"us", "eu", "ap"} {
				all = append(all, Measurement{subject, r, float64(1 + i*3 + j), 1 + j})
			}
		}
		for i, target := range strings.Fields("pool/us pool/eu region/ap endpoint/us/a service/www.example.com") {
			loads = append(loads, load(target, float64(i)))
		}
		hash := func(perm []Measurement, loads []TargetLoad, cut int) uint64 {
			m := &machine{t: t, s: start.s, index: start.index}
			for _, b := range []Body{latency(perm[:cut]...), PutLoad{loads}, latency(perm[cut:]...), ExpireMeasured{}} {
				m.ok(b)
			}
			return m.s.Hash()
		}
		other := rapid.Permutation(all).Draw(t, "order")
		others := rapid.Permutation(loads).Draw(t, "order of loads")
		cut := rapid.IntRange(1, len(all)-1).Draw(t, "cut")
		if a, b := hash(all, loads, 6), hash(other, others, cut); a != b {
			t.Fatalf("the hashes are %x and %x", a, b)
		}
		// And the order matters where it should: the last of one place counts.
		again := slices.Clone(other)
		again[0].Ms++
		if hash(other, others, cut) == hash(again, others, cut) {
			t.Fatal("another round trip has the same hash")
		}
	})
}
