package dnsserver

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// TestSampling takes every third query of a worker, drops what there is no room for, and allocates nothing either way.
func TestSampling(t *testing.T) {
	w := quietWorker(t, RateLimit{ResponsesPerSecond: new(0)})
	view := viewAt(t, exampleZone, 1)
	packet, err := query("www.example.test", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	buf, client := make([]byte, 0, 4096), netip.MustParseAddr("192.0.2.77")
	ask := func() { w.look(); w.respond(view, buf, packet, client) }
	taken := func() (n int, dropped uint64) {
		dropped = w.server.Samples(func(s Sample) {
			n++
			var q, r dns.Msg
			if q.Unpack(s.Query) != nil || r.Unpack(s.Response) != nil || r.Id != q.Id || q.Question[0].Name != "www.example.test." || s.Client != client || s.At.IsZero() {
				t.Errorf("%+v: %v %v", s, q, r)
			}
		})
		return n, dropped
	}
	for _, every := range []int{0, 1, 3} {
		w.server.SetSampling(every)
		if n := testing.AllocsPerRun(100, ask); n != 0 {
			t.Errorf("every %d: %v allocations a query", every, n)
		}
	}
	w.server.SetSampling(3)
	w.asked = 0
	for range 30 {
		ask()
	}
	if n, dropped := taken(); n != 10 || dropped != 0 {
		t.Errorf("of 30 queries %d were taken, and %d dropped", n, dropped)
	}
	w.server.SetSampling(1)
	for range sampleSlots + 7 {
		ask()
	}
	if n, dropped := taken(); n != sampleSlots || dropped != 7 {
		t.Errorf("%d were taken, and %d dropped", n, dropped)
	}
	w.server.SetSampling(0)
	ask()
	if n, _ := taken(); n != 0 {
		t.Errorf("%d were taken though nobody wants any", n)
	}
}

func BenchmarkSampling(b *testing.B) {
	view := viewAt(b, exampleZone, 1)
	packet, err := query("www.example.test", dns.TypeA).Pack()
	if err != nil {
		b.Fatal(err)
	}
	buf, client := make([]byte, 0, 4096), netip.MustParseAddr("192.0.2.77")
	for name, every := range map[string]int{"off": 0, "every100th": 100, "every": 1} {
		b.Run(name, func(b *testing.B) {
			w := quietWorker(b, RateLimit{ResponsesPerSecond: new(0)})
			w.server.SetSampling(every)
			b.ReportAllocs()
			for b.Loop() {
				w.look()
				w.respond(view, buf, packet, client)
			}
		})
	}
}
