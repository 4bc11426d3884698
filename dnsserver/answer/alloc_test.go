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
	const client = "0102030405060708"
	q := question("www.example.test", dns.TypeA)
	chaos := question("version.bind", dns.TypeTXT)
	chaos[len(chaos)-1] = 3
	r.Chaos.Version, r.NSID, r.Amplification = "Meridian", []byte("ns1"), 4
	for what, packet := range map[string][]byte{
		"client's cookie": message(0, 1, 0, 0, 1, q, opt(0, 0, option(client))),
		"good cookie":     message(0, 1, 0, 0, 1, q, opt(0, 0, option(client+goodCookie(client, now)))),
		"old cookie":      message(0, 1, 0, 0, 1, q, opt(0, 0, option(client+goodCookie(client, now-2000)))),
		"bad cookie":      message(0, 1, 0, 0, 1, q, opt(0, 0, option(client+goodCookie(client, now-4000)))),
		"cookie only":     message(0, 0, 0, 0, 1, opt(0, 0, option(client))),
		"chaos":           message(0, 1, 0, 0, 0, chaos),
	} {
		req := &Request{Packet: packet, Client: resolver, Keys: keys, Now: now}
		if n := testing.AllocsPerRun(200, func() {
			r.Respond(v, buf, req)
			if len(r.Slip(buf)) < 12 {
				t.Fatal("no response")
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a query", what, n)
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
				req.Mono += 1000 // as a batch of one would, so that it is noted now and then when an answer was given
				r.Respond(v, buf, req)
			}
		})
	}
}
