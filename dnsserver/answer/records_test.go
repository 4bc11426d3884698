package answer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

const recordsZone = `$TTL 300
@ IN SOA ns1 hostmaster 7 3600 600 86400 60
@ IN NS ns1
@ IN HTTPS 0 www
ns1 IN A 192.0.2.53
alias IN CNAME www
direct IN HTTPS 1 target.other.test. alpn=h2
direct IN HTTPS 2 target.other.test. alpn=h3
direct IN HTTPS 3 www
direct IN HTTPS 4 elsewhere.example.org.
self IN HTTPS 1 . alpn=h2
self IN A 192.0.2.10
self IN AAAA 2001:db8::10
none IN HTTPS 0 .
none IN A 192.0.2.11
chain IN HTTPS 0 c1
c1 IN CNAME c2
c2 IN HTTPS 1 . alpn=h2
c2 IN HTTPS 2 self
c2 IN A 192.0.2.12
round IN HTTPS 0 round2
round2 IN HTTPS 0 round
round2 IN A 192.0.2.13
loop IN SVCB 1 loop1
loop1 IN CNAME loop2
loop2 IN CNAME loop1
cut IN NS ns.cut
ns.cut IN A 192.0.2.99
tocut IN HTTPS 1 ns.cut
lb IN HTTPS 1 host
mx IN MX 10 self
srv IN SRV 1 1 1 self
lb4 15 IN A 192.0.2.80
`

func recordsView(t testing.TB) *View {
	t.Helper()
	state := stateOf(t, map[string]string{"example.test": recordsZone, "other.test": otherZone})
	for name, iata := range map[string]string{"us": "IAD", "eu": "FRA"} {
		state.Regions.Set(name, policy.Object[policy.Region]{Rev: 1, Spec: policy.Region{Name: name, Place: &policy.Place{IATA: iata}}})
	}
	us, eu := endpoint("a", "203.0.113.1", "2001:db8::1"), endpoint("a", "203.0.113.2", "2001:db8::2")
	us.Records = map[string][]string{"HTTPS": {"1 . alpn=h2 ipv4hint=203.0.113.1"}, "MX": {"10 mail.us.example.test.", "20 MAIL.eu.example.test."}, "TXT": {`"region=us"`}, "SRV": {"1 2 443 us.example.test."}}
	eu.Records = map[string][]string{"HTTPS": {"1 self.example.test."}, "MX": {"10 mail.eu.example.test."}}
	flat := policy.Endpoint{Name: "a", Hostname: policy.MustName("lb4.example.test"), Resolve: "flatten", Records: map[string][]string{"SVCB": {"1 www.example.test."}}}
	only := policy.Endpoint{Name: "a", Records: map[string][]string{"TXT": {`"only text"`}}}
	for _, p := range []policy.Pool{
		{Name: "us", Region: "us", Endpoints: []policy.Endpoint{us}},
		{Name: "eu", Region: "eu", Endpoints: []policy.Endpoint{eu}},
		{Name: "flat", Region: "eu", Endpoints: []policy.Endpoint{flat}},
		{Name: "only", Region: "eu", Endpoints: []policy.Endpoint{only}},
		{Name: "host", Region: "us", Endpoints: []policy.Endpoint{hostname("lb", "self.example.test")}},
	} {
		state.Pools.Set(p.Name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	}
	branch := func(pool string) policy.Branch { return policy.Branch{Steering: policy.Steering{Pool: pool}} }
	for name, steer := range map[string]policy.Steering{
		"www.example.test": {Nearest: []policy.Branch{branch("us"), branch("eu")}}, "example.test": {Pool: "flat"},
		"only.example.test": {Pool: "only"}, "host.example.test": {Pool: "host"}, "*.wild.example.test": {Pool: "us"},
	} {
		s := policy.Service{Name: policy.MustName(name), TTL: seconds(30), Steer: steer}
		state.Services.Set(s.ID(), policy.Object[policy.Service]{Rev: 1, Spec: s})
	}
	table, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return viewOf(t, state, snapshot.Local{Geo: table})
}

const american, german = "8.8.8.8", "91.10.0.1"

// askFrom asks as a resolver at an address, over UDP with room for 1232 octets or over TCP.
func askFrom(t testing.TB, v *View, name string, typ uint16, client string, size uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), typ)
	q.SetEdns0(size, false)
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg)
	if err := m.Unpack(newResponder().Respond(v, nil, &Request{Packet: packet, Client: netip.MustParseAddr(client), Rand: 1})); err != nil {
		t.Fatal(err)
	}
	var extra []dns.RR
	for _, rr := range m.Extra {
		if rr.Header().Rrtype != dns.TypeOPT {
			extra = append(extra, rr)
		}
	}
	m.Extra = extra
	return m
}

func TestSteeredRecords(t *testing.T) {
	v := recordsView(t)
	for _, c := range []struct{ name, typ, client, answer, additional string }{
		{"www.example.test", "MX", american, "www.example.test. 30 MX 10 mail.us.example.test.; www.example.test. 30 MX 20 MAIL.eu.example.test.", ""},
		{"www.example.test", "MX", german, "www.example.test. 30 MX 10 mail.eu.example.test.", ""},
		{"www.example.test", "TXT", german, `www.example.test. 30 TXT "region=us"`, ""}, // eu carries none
		{"wWw.example.test", "SRV", american, "wWw.example.test. 30 SRV 1 2 443 us.example.test.", ""},
		{"www.example.test", "SVCB", american, "", ""},
		{"www.example.test", "ANY", american, "www.example.test. 30 A 203.0.113.1", ""},
		{"only.example.test", "ANY", american, `only.example.test. 30 TXT "only text"`, ""},
		{"only.example.test", "A", american, "", ""},
		{"x.wild.example.test", "TXT", american, `x.wild.example.test. 30 TXT "region=us"`, ""},
		{"alias.example.test", "MX", german, "alias.example.test. 300 CNAME www.example.test.; www.example.test. 30 MX 10 mail.eu.example.test.", ""},
		{"host.example.test", "TXT", german, "host.example.test. 30 CNAME self.example.test.", ""},

		// Flattened at the apex, with the smaller TTL.
		{"example.test", "A", german, "example.test. 15 A 192.0.2.80", ""},
		{"example.test", "AAAA", german, "", ""},
		{"example.test", "CNAME", german, "", ""},
		{"example.test", "NS", german, "example.test. 300 NS ns1.example.test.", ""},

		// RFC 9460 section 4.1.
		{"www.example.test", "HTTPS", american, `www.example.test. 30 HTTPS 1 . alpn="h2" ipv4hint="203.0.113.1"`, "www.example.test. 30 A 203.0.113.1; www.example.test. 30 AAAA 2001:db8::1"},
		{"www.example.test", "HTTPS", german, "www.example.test. 30 HTTPS 1 self.example.test.", "self.example.test. 300 A 192.0.2.10; self.example.test. 300 AAAA 2001:db8::10"},
		{"alias.example.test", "HTTPS", american, `alias.example.test. 300 CNAME www.example.test.; www.example.test. 30 HTTPS 1 . alpn="h2" ipv4hint="203.0.113.1"`, "www.example.test. 30 A 203.0.113.1; www.example.test. 30 AAAA 2001:db8::1"},
		{"x.wild.example.test", "HTTPS", american, `x.wild.example.test. 30 HTTPS 1 . alpn="h2" ipv4hint="203.0.113.1"`, "x.wild.example.test. 30 A 203.0.113.1; x.wild.example.test. 30 AAAA 2001:db8::1"},
		{"example.test", "SVCB", german, "example.test. 30 SVCB 1 www.example.test.", "www.example.test. 30 A 203.0.113.2; www.example.test. 30 AAAA 2001:db8::2"},
		{"self.example.test", "HTTPS", german, `self.example.test. 300 HTTPS 1 . alpn="h2"`, "self.example.test. 300 A 192.0.2.10; self.example.test. 300 AAAA 2001:db8::10"},
		{"direct.example.test", "HTTPS", german, `direct.example.test. 300 HTTPS 1 target.other.test. alpn="h2"; direct.example.test. 300 HTTPS 2 target.other.test. alpn="h3"; direct.example.test. 300 HTTPS 3 www.example.test.; direct.example.test. 300 HTTPS 4 elsewhere.example.org.`,
			"target.other.test. 300 A 192.0.2.77; www.example.test. 30 A 203.0.113.2; www.example.test. 30 AAAA 2001:db8::2"},
		{"example.test", "HTTPS", american, "example.test. 300 HTTPS 0 www.example.test.", `www.example.test. 30 HTTPS 1 . alpn="h2" ipv4hint="203.0.113.1"; www.example.test. 30 A 203.0.113.1; www.example.test. 30 AAAA 2001:db8::1`},
		{"chain.example.test", "HTTPS", american, "chain.example.test. 300 HTTPS 0 c1.example.test.", `c1.example.test. 300 CNAME c2.example.test.; c2.example.test. 300 HTTPS 1 . alpn="h2"; c2.example.test. 300 HTTPS 2 self.example.test.; c2.example.test. 300 A 192.0.2.12; self.example.test. 300 A 192.0.2.10; self.example.test. 300 AAAA 2001:db8::10`},
		{"none.example.test", "HTTPS", american, "none.example.test. 300 HTTPS 0 .", ""},
		{"round.example.test", "HTTPS", american, "round.example.test. 300 HTTPS 0 round2.example.test.", "round2.example.test. 300 HTTPS 0 round.example.test.; round2.example.test. 300 A 192.0.2.13"},
		{"loop.example.test", "SVCB", american, "loop.example.test. 300 SVCB 1 loop1.example.test.", "loop1.example.test. 300 CNAME loop2.example.test.; loop2.example.test. 300 CNAME loop1.example.test."},
		{"tocut.example.test", "HTTPS", american, "tocut.example.test. 300 HTTPS 1 ns.cut.example.test.", ""},
		{"lb.example.test", "HTTPS", american, "lb.example.test. 300 HTTPS 1 host.example.test.", "host.example.test. 30 CNAME self.example.test.; self.example.test. 300 A 192.0.2.10; self.example.test. 300 AAAA 2001:db8::10"},
		{"host.example.test", "HTTPS", american, `host.example.test. 30 CNAME self.example.test.; self.example.test. 300 HTTPS 1 . alpn="h2"`, "self.example.test. 300 A 192.0.2.10; self.example.test. 300 AAAA 2001:db8::10"},

		// Nothing else brings additional data (D-52).
		{"mx.example.test", "MX", american, "mx.example.test. 300 MX 10 self.example.test.", ""},
		{"srv.example.test", "SRV", american, "srv.example.test. 300 SRV 1 1 1 self.example.test.", ""},
		{"self.example.test", "A", american, "self.example.test. 300 A 192.0.2.10", ""},
	} {
		m := askFrom(t, v, c.name, dns.StringToType[c.typ], c.client, 4096)
		if m.Rcode != 0 || m.Truncated || text(m.Answer) != c.answer || text(m.Extra) != c.additional {
			t.Errorf("%s %s for %s:\n got %s\n   + %s\nwant %s\n   + %s", c.name, c.typ, c.client, text(m.Answer), text(m.Extra), c.answer, c.additional)
		}
	}
}

// What is additional goes first when there is no room, and never sets TC.
func TestAdditionalIsOptional(t *testing.T) {
	v := recordsView(t)
	whole := askFrom(t, v, "chain.example.test", dns.TypeHTTPS, american, 4096)
	seen := map[int]bool{}
	for size := uint16(512); size <= 1232; size++ {
		m := askFrom(t, v, "direct.example.test", dns.TypeHTTPS, american, size)
		if m.Truncated || len(m.Answer) != 4 {
			t.Fatalf("with room for %d: %v", size, m)
		}
		seen[len(m.Extra)] = true
	}
	if len(whole.Extra) != 6 || !seen[3] {
		t.Errorf("%d records of a chain; %v of a direct answer", len(whole.Extra), seen)
	}
	// An RRset that leaves a certain room: with 512 octets, from nothing to all of the addresses.
	var zone strings.Builder
	zone.WriteString("$TTL 300\n@ IN SOA ns1 h 7 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\nns1 IN AAAA 2001:db8::53\n")
	for n := range 250 {
		fmt.Fprintf(&zone, "n%d IN HTTPS 1 ns1 key65000=%s\n", n, strings.Repeat("x", n+180))
	}
	v = viewOf(t, stateOf(t, map[string]string{"example.test": zone.String()}), noLocal)
	got := map[string]int{}
	for n := range 250 {
		m := askFrom(t, v, fmt.Sprintf("n%d.example.test", n), dns.TypeHTTPS, american, 512)
		if m.Truncated || len(m.Answer) != 1 {
			t.Fatalf("n%d: %v", n, m)
		}
		var types []string
		for _, rr := range m.Extra {
			types = append(types, dns.TypeToString[rr.Header().Rrtype])
		}
		got[strings.Join(types, " ")]++
	}
	if got["A AAAA"] == 0 || got["A"] == 0 || got[""] == 0 {
		t.Errorf("%v: there should be some of each", got)
	}
}

// An answer that is the same for everybody has a scope when its additional data has not.
func TestAdditionalCountsForTheScope(t *testing.T) {
	v := recordsView(t)
	for _, c := range []struct {
		name    string
		steered bool
	}{{"direct.example.test", true}, {"self.example.test", false}, {"www.example.test", true}, {"chain.example.test", false}} {
		m := askECS(t, v, c.name, dns.TypeHTTPS, "91.10.0.0", 24)
		scope := m.IsEdns0().Option[0].(*dns.EDNS0_SUBNET).SourceScope
		if (scope > 0) != c.steered {
			t.Errorf("%s: SCOPE %d", c.name, scope)
		}
	}
}
