package node

import (
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
)

// sampleOf is a sample of a query of a client by way of a resolver.
func sampleOf(t *testing.T, name, subnet string, answers ...string) dnsserver.Sample {
	t.Helper()
	q := new(dns.Msg).SetQuestion(name, dns.TypeA)
	q.SetEdns0(1232, false)
	e := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 32, Address: net.ParseIP(subnet)}
	q.IsEdns0().Option = append(q.IsEdns0().Option, e)
	r := new(dns.Msg).SetReply(q)
	scoped := *e
	scoped.SourceScope = 16
	r.SetEdns0(1232, false)
	r.IsEdns0().Option = append(r.IsEdns0().Option, &scoped)
	for _, a := range answers {
		rr, err := dns.NewRR(name + " 30 IN A " + a)
		if err != nil {
			t.Fatal(err)
		}
		r.Answer = append(r.Answer, rr)
	}
	s := dnsserver.Sample{At: time.Now(), Client: netip.MustParseAddr("192.0.2.53")}
	var err error
	if s.Query, err = q.Pack(); err == nil {
		s.Response, err = r.Pack()
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTap: nothing before it is turned on nor after its time, no more of a client than its network, and bounded tables.
func TestTap(t *testing.T) {
	var waiting []dnsserver.Sample
	every := -1
	tp := &tap{node: "ns1", set: func(n int) { every = n }, country: func(netip.Addr) string { return "DE" }, samples: func(yield func(dnsserver.Sample)) uint64 {
		for _, s := range waiting {
			yield(s)
		}
		waiting = nil
		return 3
	}}
	now := time.Now()
	waiting = []dnsserver.Sample{sampleOf(t, "www.example.com.", "91.10.3.77")}
	if tp.step(now); tp.sampled != 0 || every != -1 {
		t.Error("it samples though nobody has asked for it")
	}
	tp.turn(policy.SampleRequest{Every: 100, For: policy.Duration(time.Minute)}, now)
	waiting = []dnsserver.Sample{sampleOf(t, "WWW.example.com.", "91.10.3.77", "198.51.100.1", "198.51.100.2"), {Query: []byte("nonsense")}}
	tp.step(now)
	got := tp.tell(10, now)
	if every != 100 || len(got.Items) != 1 || got.Dropped != 3 {
		t.Fatalf("%+v", got)
	}
	if q := got.Items[0]; q.Name != "www.example.com" || q.Type != "A" || q.Client != netip.MustParsePrefix("91.10.3.0/24") || q.Country != "DE" || len(q.Answers) != 2 || q.Answers[0] != "198.51.100.1" ||
		q.Rcode != "NOERROR" || q.Scope != 16 || q.Node != "ns1" {
		t.Errorf("%+v", q)
	}
	for i := range 3 * policy.MaxSampled {
		s := sampleOf(t, fmt.Sprintf("n%d.example.com.", i), "91.10.3.77")
		if i%3 == 0 {
			s = sampleOf(t, "often.example.com.", "91.10.3.77")
		}
		waiting = append(waiting, s)
	}
	tp.step(now)
	if got = tp.tell(1<<20, now); len(got.Items) != policy.MaxSampled || len(got.Names) != sketchSlots || got.Names[0].Key != "often.example.com" || got.Names[0].Count-got.Names[0].Over > policy.MaxSampled || got.Names[0].Count < policy.MaxSampled {
		t.Errorf("%d items, %d names, %+v", len(got.Items), len(got.Names), got.Names[0])
	}
	if len(tp.items) > 2*policy.MaxSampled {
		t.Errorf("%d are kept", len(tp.items))
	}
	if tp.step(now.Add(time.Minute)); every != 0 || tp.tell(1, now).Every != 0 || len(tp.tell(1, now).Items) != 1 {
		t.Errorf("after its time one of %d is sampled", every)
	}
	if tp.step(now.Add(time.Minute + sampleKept + 1)); len(tp.tell(1, now).Items) != 0 || len(tp.tell(1, now).Names) != 0 {
		t.Error("it is not forgotten")
	}
}

// TestQueriesAreJoined: counts add up, and times are put by the clock of who asks.
func TestQueriesAreJoined(t *testing.T) {
	now, wrong := time.Now(), time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	var out policy.QuerySample
	for range 2 {
		joinQueries(&out, policy.QuerySample{
			Every: 5, Sampled: 2, Dropped: 1, ToGo: policy.Duration(time.Minute), Ago: policy.Duration(time.Second),
			Items: []policy.SampledQuery{{At: wrong}, {At: wrong.Add(-time.Second)}}, Names: []policy.Tally{{Key: "a", Count: 2, Over: 1}},
		}, now)
	}
	if out.Every != 5 || out.Sampled != 4 || out.Dropped != 2 || len(out.Names) != 1 || out.Names[0] != (policy.Tally{Key: "a", Count: 4, Over: 2}) || !out.Until.Equal(now.Add(time.Minute)) ||
		!out.Items[0].At.Equal(now.Add(-time.Second)) || !out.Items[3].At.Equal(now.Add(-2*time.Second)) {
		t.Errorf("%+v", out)
	}
}
