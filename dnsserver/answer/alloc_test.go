package answer

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

type hotQuery struct {
	what, name string
	typ        uint16
	ecs        string
}

// hot is queries of each kind that reach a busy server.
var hot = []hotQuery{
	{"static", "ns1.example.test.", dns.TypeA, ""},
	{"steered", "www.example.test.", dns.TypeA, ""},
	{"steered with ECS", "www.example.test.", dns.TypeA, "91.10.0.0"},
	{"chain", "far.example.test.", dns.TypeAAAA, ""},
	{"wildcard", "a.very.long.name.below.wild.example.test.", dns.TypeA, ""},
	{"negative", "no.such.name.example.test.", dns.TypeA, "10.0.0.0"},
	{"referral", "www.cut.example.test.", dns.TypeA, ""},
	{"refused", "www.elsewhere.example.", dns.TypeA, ""},
}

// hotRecords is queries of recordsView.
var hotRecords = []hotQuery{
	{"steered MX", "www.example.test.", dns.TypeMX, ""},
	{"steered TXT", "x.wild.example.test.", dns.TypeTXT, ""},
	{"steered HTTPS", "www.example.test.", dns.TypeHTTPS, "91.10.0.0"},
	{"AliasMode", "chain.example.test.", dns.TypeHTTPS, ""},
	{"many targets", "direct.example.test.", dns.TypeHTTPS, "91.10.0.0"},
	{"flattened", "example.test.", dns.TypeA, ""},
}

func hotPacket(t testing.TB, name string, typ uint16, ecs string) []byte {
	q := new(dns.Msg)
	q.SetQuestion(name, typ)
	q.SetEdns0(1232, false)
	if ecs != "" {
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: netip.MustParseAddr(ecs).AsSlice(),
		})
	}
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestNoAllocation(t *testing.T) {
	noAllocation(t, steeredView(t), hot)
	noAllocation(t, recordsView(t), hotRecords)
}

func noAllocation(t *testing.T, v *View, list []hotQuery) {
	t.Helper()
	r := newResponder()
	buf := make([]byte, 0, 1232+wire.Slack)
	for _, c := range list {
		req := &Request{Packet: hotPacket(t, c.name, c.typ, c.ecs), Client: resolver, Rand: 1}
		if n := testing.AllocsPerRun(200, func() {
			if len(r.Respond(v, buf, req)) < 12 {
				t.Fatal("no response")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a query", c.what, n)
		}
	}
}

func BenchmarkRespond(b *testing.B) {
	benchmark(b, steeredView(b), hot)
	benchmark(b, recordsView(b), hotRecords)
}

func benchmark(b *testing.B, v *View, list []hotQuery) {
	for _, c := range list {
		b.Run(c.what, func(b *testing.B) {
			r := newResponder()
			buf := make([]byte, 0, 1232+wire.Slack)
			req := &Request{Packet: hotPacket(b, c.name, c.typ, c.ecs), Client: resolver, Rand: 1}
			b.ReportAllocs()
			for b.Loop() {
				r.Respond(v, buf, req)
			}
		})
	}
}
