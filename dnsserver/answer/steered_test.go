package answer

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

const steeredZone = `$TTL 300
@ IN SOA ns1 hostmaster 7 3600 600 86400 60
@ IN NS ns1
ns1 IN A 192.0.2.53
www IN TXT "static beside steered"
www IN MX 10 mail
alias IN CNAME www
far IN CNAME www.other.test.
loop IN CNAME lb
cut IN NS ns.cut
cut IN NS ns1
ns.cut IN A 192.0.2.99
`

const otherZone = `$TTL 300
@ IN SOA ns1.example.test. hostmaster 7 3600 600 86400 60
@ IN NS ns1.example.test.
www IN CNAME www.example.test.
target IN A 192.0.2.77
`

func endpoint(name string, addrs ...string) policy.Endpoint {
	e := policy.Endpoint{Name: name}
	for _, a := range addrs {
		e.Addresses = append(e.Addresses, netip.MustParseAddr(a))
	}
	return e
}

func hostname(name, target string) policy.Endpoint {
	return policy.Endpoint{Name: name, Hostname: policy.MustName(target)}
}

func seconds(n uint32) *policy.TTL { return policy.FixedTTL(policy.Seconds(n)) }

// steeredState has zones, two regions, pools of each kind, and services on top.
func steeredState(t testing.TB) *policy.State {
	t.Helper()
	state := stateOf(t, map[string]string{"example.test": steeredZone, "other.test": otherZone})
	for _, r := range []policy.Region{
		{Name: "us", Place: &policy.Place{IATA: "IAD"}},
		{Name: "eu", Place: &policy.Place{IATA: "FRA"}},
	} {
		state.Regions.Set(r.Name, policy.Object[policy.Region]{Rev: 1, Spec: r})
	}
	for _, p := range []policy.Pool{
		{Name: "us", Region: "us", Endpoints: []policy.Endpoint{endpoint("a", "203.0.113.1", "2001:db8::1", "2001:db8::11")}},
		{Name: "eu", Region: "eu", Endpoints: []policy.Endpoint{endpoint("a", "203.0.113.2", "203.0.113.3", "2001:db8::2")}},
		{Name: "four", Region: "us", Endpoints: []policy.Endpoint{endpoint("a", "203.0.113.4")}},
		{Name: "out", Region: "us", Endpoints: []policy.Endpoint{hostname("lb", "LB.elsewhere.net")}},
		{Name: "in", Region: "us", Endpoints: []policy.Endpoint{hostname("lb", "target.other.test")}},
		{Name: "round", Region: "us", Endpoints: []policy.Endpoint{hostname("lb", "loop.example.test")}},
	} {
		state.Pools.Set(p.Name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	}
	branch := func(pool string) policy.Branch { return policy.Branch{Steering: policy.Steering{Pool: pool}} }
	nearest := policy.Steering{Nearest: []policy.Branch{branch("us"), branch("eu")}}
	for _, s := range []policy.Service{
		{Name: policy.MustName("www.example.test"), TTL: seconds(30), Steer: nearest},
		{Name: policy.MustName("example.test"), TTL: seconds(40), Steer: policy.Steering{Pool: "us"}},
		{Name: policy.MustName("*.wild.example.test"), TTL: seconds(20), Steer: policy.Steering{Pool: "four"}},
		{Name: policy.MustName("ext.example.test"), TTL: seconds(25), Steer: policy.Steering{Pool: "out"}},
		{Name: policy.MustName("int.example.test"), TTL: seconds(25), Steer: policy.Steering{Pool: "in"}},
		{Name: policy.MustName("lb.example.test"), TTL: seconds(25), Steer: policy.Steering{Pool: "round"}},
		{Name: policy.MustName("cut.example.test"), TTL: seconds(25), Steer: policy.Steering{Pool: "four"}},
		{Name: policy.MustName("below.cut.example.test"), TTL: seconds(25), Steer: policy.Steering{Pool: "four"}},
	} {
		state.Services.Set(s.ID(), policy.Object[policy.Service]{Rev: 1, Spec: s})
	}
	return state
}

func steeredView(t testing.TB) *View {
	t.Helper()
	table, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return viewOf(t, steeredState(t), snapshot.Local{Geo: table})
}

// text is the answer section, each record as "name TTL type data", in order.
func text(list []dns.RR) string {
	var out []string
	for _, rr := range list {
		out = append(out, strings.Join(strings.Fields(strings.Replace(rr.String(), "\tIN\t", "\t", 1)), " "))
	}
	return strings.Join(out, "; ")
}

func TestSteered(t *testing.T) {
	v := steeredView(t)
	const soa = "example.test. 60 SOA"
	for _, c := range []struct {
		name, typ string
		rcode     int
		answer    string
		authority string // a prefix
	}{
		{"wWw.example.test", "AAAA", 0, "wWw.example.test. 30 AAAA 2001:db8::1; wWw.example.test. 30 AAAA 2001:db8::11", ""},
		{"www.example.test", "TXT", 0, `www.example.test. 300 TXT "static beside steered"`, ""},
		{"www.example.test", "SRV", 0, "", "example.test. 30 SOA"}, // never longer than the service's TTL (D-42)
		{"www.example.test", "CNAME", 0, "", "example.test. 30 SOA"},
		{"example.test", "A", 0, "example.test. 40 A 203.0.113.1", ""},
		{"example.test", "NS", 0, "example.test. 300 NS ns1.example.test.", ""},
		{"a.wild.example.test", "A", 0, "a.wild.example.test. 20 A 203.0.113.4", ""},
		{"a.b.wild.example.test", "ANY", 0, "a.b.wild.example.test. 20 A 203.0.113.4", ""},
		{"a.wild.example.test", "AAAA", 0, "", "example.test. 20 SOA"},
		{"wild.example.test", "A", 0, "", soa}, // an empty non-terminal that only the service makes
		{"ext.example.test", "A", 0, "ext.example.test. 25 CNAME lb.elsewhere.net.", ""},
		{"ext.example.test", "AAAA", 0, "ext.example.test. 25 CNAME lb.elsewhere.net.", ""},
		{"ext.example.test", "CNAME", 0, "ext.example.test. 25 CNAME lb.elsewhere.net.", ""},
		{"ext.example.test", "MX", 0, "ext.example.test. 25 CNAME lb.elsewhere.net.", ""}, // a CNAME answers every type
		{"int.example.test", "A", 0, "int.example.test. 25 CNAME target.other.test.; target.other.test. 300 A 192.0.2.77", ""},
		{"int.example.test", "AAAA", 0, "int.example.test. 25 CNAME target.other.test.", "other.test. 60 SOA"},
		{"loop.example.test", "A", 0, "loop.example.test. 300 CNAME lb.example.test.; lb.example.test. 25 CNAME loop.example.test.", ""},
		{"alias.example.test", "AAAA", 0, "alias.example.test. 300 CNAME www.example.test.; www.example.test. 30 AAAA 2001:db8::1; www.example.test. 30 AAAA 2001:db8::11", ""},
		{"far.example.test", "TXT", 0, `far.example.test. 300 CNAME www.other.test.; www.other.test. 300 CNAME www.example.test.; www.example.test. 300 TXT "static beside steered"`, ""},
		{"cut.example.test", "A", 0, "", "cut.example.test. 300 NS"}, // a delegation wins
		{"below.cut.example.test", "A", 0, "", "cut.example.test. 300 NS"},
		{"none.example.test", "A", 3, "", soa},
	} {
		m := ask(t, v, c.name, dns.StringToType[c.typ])
		if m.Rcode != c.rcode || text(m.Answer) != c.answer || c.authority == "" && len(m.Ns) > 0 || !strings.HasPrefix(text(m.Ns), c.authority) {
			t.Errorf("%s %s: want rcode %d\n  %s\n  %s\ngot %v", c.name, c.typ, c.rcode, c.answer, c.authority, m)
		}
		if referral := strings.Contains(c.authority, " NS"); m.Authoritative == referral {
			t.Errorf("%s %s: aa is %v", c.name, c.typ, m.Authoritative)
		}
	}
}

// Two clients get what is near them, by ECS and by the resolver's address.
func TestSteeredByPlace(t *testing.T) {
	v := steeredView(t)
	for _, c := range []struct{ client, want string }{
		{"8.8.8.8", "www.example.test. 30 A 203.0.113.1"},                                           // USA
		{"91.10.0.1", "www.example.test. 30 A 203.0.113.2; www.example.test. 30 A 203.0.113.3"},     // Germany
		{"2003::1", "www.example.test. 30 A 203.0.113.2; www.example.test. 30 A 203.0.113.3"},       // Germany
		{"2002:5b0a:1::", "www.example.test. 30 A 203.0.113.2; www.example.test. 30 A 203.0.113.3"}, // 6to4 in Germany
	} {
		q := new(dns.Msg)
		q.SetQuestion("www.example.test.", dns.TypeA)
		packet, _ := q.Pack()
		b := newResponder().Respond(v, nil, &Request{Packet: packet, Client: netip.MustParseAddr(c.client)})
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Fatal(err)
		}
		if text(m.Answer) != c.want {
			t.Errorf("resolver %s is answered %s", c.client, text(m.Answer))
		}
		if m = askECS(t, v, "www.example.test", dns.TypeA, c.client, -1); text(m.Answer) != c.want {
			t.Errorf("subnet of %s is answered %s", c.client, text(m.Answer))
		}
	}
}

// askECS asks with a subnet; bits below 0 is all of the address.
func askECS(t testing.TB, v *View, name string, typ uint16, client string, bits int) *dns.Msg {
	t.Helper()
	a := netip.MustParseAddr(client)
	if bits < 0 {
		bits = a.BitLen()
	}
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), typ)
	q.SetEdns0(1232, false)
	p, _ := a.Prefix(bits)
	family := uint16(1)
	if a.Is6() {
		family = 2
	}
	q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: family, SourceNetmask: uint8(bits), Address: p.Addr().AsSlice(),
	})
	return exchange(t, v, q, false)
}

func TestECSScope(t *testing.T) {
	v := steeredView(t)
	for _, c := range []struct {
		name, client string
		bits         int
		typ          uint16
		lo, hi       int // bounds of SCOPE
	}{
		{"www.example.test", "91.10.0.0", 24, dns.TypeA, 1, 32},
		{"alias.example.test", "91.10.0.0", 24, dns.TypeA, 1, 32},   // the narrowest of the chain
		{"www.example.test", "91.10.0.0", 0, dns.TypeA, 0, 0},       // SOURCE 0
		{"www.example.test", "10.1.2.0", 24, dns.TypeA, 24, 24},     // private: SCOPE is SOURCE
		{"www.example.test", "192.168.0.0", 16, dns.TypeA, 16, 16},  // private
		{"www.example.test", "fd00:1::", 48, dns.TypeAAAA, 48, 48},  // private
		{"www.example.test", "::ffff:10.1.0.0", 128, 1, 128, 128},   // private inside
		{"www.example.test", "91.10.0.0", 24, dns.TypeSRV, 0, 0},    // negative
		{"none.example.test", "91.10.0.0", 24, dns.TypeA, 0, 0},     // NXDOMAIN
		{"ns1.example.test", "91.10.0.0", 24, dns.TypeA, 0, 0},      // not steered
		{"ns1.example.test", "10.0.0.0", 24, dns.TypeA, 0, 0},       // not steered, private
		{"below.cut.example.test", "91.10.0.0", 24, 1, 0, 0},        // delegation
		{"a.wild.example.test", "91.10.0.0", 24, dns.TypeA, 0, 0},   // steered, but the same for everybody
		{"a.wild.example.test", "10.10.0.0", 24, dns.TypeA, 0, 0},   // so for private ones too
		{"example.test", "91.10.0.0", 24, dns.TypeSOA, 0, 0},        // not steered
		{"outside.invalid", "91.10.0.0", 24, dns.TypeA, 0, 0},       // refused
		{"www.example.test", "2003:12:34::", 48, dns.TypeA, 1, 128}, // IPv6
	} {
		m := askECS(t, v, c.name, c.typ, c.client, c.bits)
		var got *dns.EDNS0_SUBNET
		for _, o := range m.IsEdns0().Option {
			if s, ok := o.(*dns.EDNS0_SUBNET); ok {
				got = s
			}
		}
		if got == nil {
			t.Errorf("%s for %s/%d: no option", c.name, c.client, c.bits)
			continue
		}
		if int(got.SourceNetmask) != c.bits || c.bits > 0 && !got.Address.Equal(netip.MustParseAddr(c.client).AsSlice()) {
			t.Errorf("%s for %s/%d: echoed %v", c.name, c.client, c.bits, got)
		}
		if s := int(got.SourceScope); s < c.lo || s > c.hi {
			t.Errorf("%s for %s/%d: SCOPE %d, want %d to %d", c.name, c.client, c.bits, s, c.lo, c.hi)
		}
	}
	// Without the option in the query there is none in the response (D-70).
	q := new(dns.Msg)
	q.SetQuestion("www.example.test.", dns.TypeA)
	q.SetEdns0(1232, false)
	if m := exchange(t, v, q, false); len(m.IsEdns0().Option) > 0 {
		t.Errorf("options nobody asked for: %v", m.IsEdns0().Option)
	}
}

// A view takes over what its predecessor packed, and knows the largest TTL of each region.
func TestViewReuse(t *testing.T) {
	state := steeredState(t)
	s1, err := snapshot.Compile(nil, state, snapshot.Local{})
	if err != nil {
		t.Fatal(err)
	}
	v1 := NewView(nil, s1)
	state = state.Clone()
	state.Index++
	pool, _ := state.Pools.Get("four")
	pool.Spec.Endpoints = []policy.Endpoint{endpoint("b", "203.0.113.9")}
	pool.Rev++
	state.Pools.Set("four", pool)
	s2, err := snapshot.Compile(s1, state, snapshot.Local{})
	if err != nil {
		t.Fatal(err)
	}
	v2 := NewView(v1, s2)
	kept := 0
	for i := range v2.services.All() {
		if v2.services.At(int32(i)) == v1.services.At(int32(i)) {
			kept++
		}
	}
	if kept != v2.services.Len()-3 { // three services use the pool
		t.Errorf("%d of %d services were taken over", kept, v2.services.Len())
	}
	if m := ask(t, v2, "x.wild.example.test", dns.TypeA); text(m.Answer) != "x.wild.example.test. 20 A 203.0.113.9" {
		t.Errorf("the new view answers %s", text(m.Answer))
	}
	v := steeredView(t)
	if v.MaxTTL("us") != 40 || v.MaxTTL("eu") != 30 || v.MaxTTL("none") != 0 {
		t.Errorf("largest TTLs are %d, %d and %d", v.MaxTTL("us"), v.MaxTTL("eu"), v.MaxTTL("none"))
	}
}
