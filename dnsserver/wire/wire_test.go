package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"
)

func name(text string) []byte {
	b := make([]byte, 256)
	n, err := dns.PackDomainName(dns.Fqdn(text), b, 0, nil, false)
	if err != nil {
		panic(err)
	}
	return b[:n]
}

// rdata is a record's RDATA, uncompressed.
func rdata(t testing.TB, text string) (typ uint16, data []byte) {
	t.Helper()
	rr, err := dns.NewRR("x. 0 IN " + text)
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 2000)
	n, err := dns.PackRR(rr, b, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return rr.Header().Rrtype, b[3+10 : n]
}

func parsed(t testing.TB, qname string, edns ...dns.EDNS0) *Query {
	t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(qname), dns.TypeA)
	if edns != nil {
		m.SetEdns0(1400, true)
		m.IsEdns0().Option = edns
	}
	packet, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	q := new(Query)
	if v := q.Parse(packet); v != OK {
		t.Fatalf("a query of %s is %d", qname, v)
	}
	return q
}

func TestParse(t *testing.T) {
	q := parsed(t, "WWW.example.test",
		&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"},
		&dns.EDNS0_NSID{Code: dns.EDNS0NSID},
		&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE},
		&dns.EDNS0_PADDING{Padding: []byte{0}},
		&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 20, Address: []byte{91, 10, 16, 0}})
	if !bytes.Equal(q.Name, name("WWW.example.test")) || q.Type != 1 || q.Class != 1 || len(q.Question) != len(q.Name)+4 {
		t.Errorf("question %+v", q)
	}
	if !q.EDNS || q.UDPSize != 1400 || !q.DO || q.Version != 0 || !q.NSID || !q.Keepalive || !q.Padding || len(q.Cookie) != 8 {
		t.Errorf("EDNS %+v", q)
	}
	if s := q.Subnet; !s.Present || s.Family != 1 || s.Source != 20 || s.Addr != netip.MustParseAddr("91.10.16.0") {
		t.Errorf("subnet %+v", s)
	}
	// What one packet had must not be seen in the next.
	m := new(dns.Msg)
	m.SetQuestion(".", dns.TypeNS)
	packet, _ := m.Pack()
	if v := q.Parse(packet); v != OK || q.EDNS || q.Subnet.Present || q.NSID || q.Padding || q.Cookie != nil || len(q.Name) != 1 {
		t.Errorf("the next packet: %d %+v", v, q)
	}
}

// Only the types of RFC 1035 have their RDATA compressed (RFC 3597 section 4).
func TestCompression(t *testing.T) {
	for _, c := range []struct {
		text string
		want int // octets of RDATA, with everything that may be compressed pointing at the question
	}{
		{"NS ns.example.test.", 3 + 2},
		{"CNAME www.example.test.", 2},
		{"PTR example.test.", 2},
		{"MX 10 mail.example.test.", 2 + 5 + 2},
		{"SOA ns.example.test. host.example.test. 1 2 3 4 5", 5 + 7 + 20},
		{"MINFO a.example.test. b.example.test.", 4 + 4},
		{"SRV 1 2 3 www.example.test.", 6 + 18},
		{"DNAME www.example.test.", 18},
		{"RP a.example.test. b.example.test.", 16 + 16},
		{"AFSDB 1 www.example.test.", 2 + 18},
		{"NAPTR 1 2 \"\" \"\" \"\" www.example.test.", 7 + 18},
		{"HTTPS 1 www.example.test.", 2 + 18},
		{"TXT \"x\"", 2},
	} {
		q := parsed(t, "www.example.test")
		typ, data := rdata(t, c.text)
		var b Builder
		b.Start(nil, q, MaxTCP, 0)
		before := b.Len()
		if !b.RRset(Answer, Ref{q.Name, HeaderLen}, typ, 1, [][]byte{data}) {
			t.Fatalf("%s does not fit", c.text)
		}
		msg := b.Finish(0, 0, nil)
		if got := len(msg) - before - 12; got != c.want {
			t.Errorf("%s takes %d octets of RDATA, want %d", c.text, got, c.want)
		}
		want, _ := dns.NewRR("www.example.test. 1 IN " + c.text)
		m := new(dns.Msg)
		if err := m.Unpack(msg); err != nil || len(m.Answer) != 1 || m.Answer[0].String() != want.String() {
			t.Errorf("%s came out as %v (%v)", c.text, m.Answer, err)
		}
	}
}

// Broken RDATA goes out as it is.
func TestRDATAWithoutName(t *testing.T) {
	q := parsed(t, "www.example.test")
	for _, data := range [][]byte{{}, {0}, {5, 'a'}, {0xc0, 12}, {0, 10}, {0, 10, 70}} {
		var b Builder
		b.Start(nil, q, MaxTCP, 0)
		b.RRset(Answer, Ref{q.Name, HeaderLen}, dns.TypeMX, 1, [][]byte{data})
		if msg := b.Finish(0, 0, nil); !bytes.HasSuffix(msg, data) || binary.BigEndian.Uint16(msg[len(msg)-len(data)-2:]) != uint16(len(data)) {
			t.Errorf("%x came out as %x", data, msg)
		}
	}
}

// A set that does not fit leaves nothing behind, neither octets nor names to point to.
func TestRRsetThatDoesNotFit(t *testing.T) {
	q := parsed(t, "www.example.test")
	for limit := 50; limit < 200; limit++ {
		var b Builder
		b.Start(make([]byte, 0, 2000), q, limit, 11)
		var sets [][]byte
		for i := range 5 {
			sets = append(sets, name(fmt.Sprintf("ns%d.servers.example.net", i)))
		}
		whole := b.RRset(Authority, Ref{q.Name, HeaderLen}, dns.TypeNS, 1, sets)
		one := b.RRset(Additional, Ref{Name: name("ns4.servers.example.net")}, dns.TypeA, 1, [][]byte{{1, 2, 3, 4}})
		msg := b.Finish(0, 0, &Extra{Size: 1232})
		m := new(dns.Msg)
		if err := m.Unpack(msg); err != nil {
			t.Fatalf("limit %d: %v\n%x", limit, err, msg)
		}
		if len(msg) > limit && limit > 50 || (len(m.Ns) == 5) != whole || !whole && len(m.Ns) != 0 || len(m.Extra) != 1+map[bool]int{true: 1}[one] {
			t.Errorf("limit %d: %d octets\n%v", limit, len(msg), m)
		}
	}
}

func TestReserve(t *testing.T) {
	q := parsed(t, "www.example.test", &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 2, SourceNetmask: 56, Address: netip.MustParseAddr("2003::").AsSlice()})
	for _, x := range []*Extra{{}, {Subnet: &q.Subnet}, {NSID: []byte("me")}, {Keepalive: 7}, {Subnet: &q.Subnet, NSID: []byte{}, Keepalive: 1}} {
		var b Builder
		b.Start(nil, q, 512, x.Reserve())
		before := b.Len()
		if got := len(b.Finish(0, 0, x)) - before; got != x.Reserve() {
			t.Errorf("%+v: reserved %d, took %d", x, x.Reserve(), got)
		}
	}
}

// Padding fills up to the block, or to the limit where that comes first, and never pushes anything out.
func TestPadding(t *testing.T) {
	q := parsed(t, "www.example.test", &dns.EDNS0_PADDING{})
	var b Builder
	b.Start(nil, q, MaxTCP, new(Extra).Reserve())
	bare := len(b.Finish(0, 0, &Extra{}))
	for _, c := range []struct{ block, limit, want int }{
		{0, MaxTCP, bare},
		{468, MaxTCP, 468},
		{bare + 3, MaxTCP, 2 * (bare + 3)}, // an empty option does not fit any more
		{bare + 4, MaxTCP, bare + 4},
		{468, 100, 100},
		{468, bare + 4, bare + 4},
		{468, bare + 3, bare},
	} {
		x := &Extra{PadTo: c.block}
		b.Start([]byte("before"), q, c.limit, x.Reserve())
		out := b.Finish(0, 0, x)[len("before"):]
		m := new(dns.Msg)
		if err := m.Unpack(out); err != nil || len(out) != c.want {
			t.Errorf("block %d, limit %d: %d octets, want %d (%v)", c.block, c.limit, len(out), c.want, err)
		}
		if pad := out[bare:]; len(pad) > 0 && (pad[1] != optionPadding || len(bytes.Trim(pad[4:], "\x00")) > 0) {
			t.Errorf("block %d, limit %d: padded with %x", c.block, c.limit, pad)
		}
	}
}

// Whatever is written comes out again, compressed no worse than not at all.
func TestRoundTrip(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "A", "cc", "*", "xn--x"})
	gen := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(label, 1, 5).Draw(t, "labels"), ".") + "."
	})
	rapid.Check(t, func(t *rapid.T) {
		m := new(dns.Msg)
		m.SetQuestion(gen.Draw(t, "qname"), dns.TypeA)
		packet, _ := m.Pack()
		var q Query
		if q.Parse(packet) != OK {
			t.Fatal("not a query")
		}
		var b Builder
		b.Start([]byte("before"), &q, MaxTCP, 0)
		var want []string
		for range rapid.IntRange(0, 40).Draw(t, "records") {
			owner, target := gen.Draw(t, "owner"), gen.Draw(t, "target")
			typ := rapid.SampledFrom([]uint16{dns.TypeNS, dns.TypeCNAME, dns.TypeDNAME}).Draw(t, "type")
			off, ok := b.Record(Answer, Ref{Name: name(owner)}, typ, 9, name(target))
			if !ok || typ != dns.TypeDNAME && !b.Same(off, name(target)) {
				t.Fatalf("record of %s: %d %v", owner, off, ok)
			}
			want = append(want, strings.ToLower(fmt.Sprintf("%s\t9\tIN\t%s\t%s", owner, dns.TypeToString[typ], target)))
		}
		out := b.Finish(FlagAA, 0, nil)
		var got dns.Msg
		if err := got.Unpack(out[len("before"):]); err != nil || len(got.Answer) != len(want) {
			t.Fatalf("%v\n%x", err, out)
		}
		for i, rr := range got.Answer {
			if strings.ToLower(rr.String()) != want[i] {
				t.Errorf("record %d is %s, want %s", i, rr, want[i])
			}
		}
	})
}

// The parser agrees with miekg/dns about what a well-formed query is, and reads the same from it.
func FuzzParse(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("www.example.test.", dns.TypeA)
	packet, _ := m.Pack()
	f.Add(packet)
	m.SetEdns0(4096, true)
	packet, _ = m.Pack()
	f.Add(packet)
	f.Fuzz(func(t *testing.T, packet []byte) {
		var q Query
		if q.Parse(packet) != OK {
			return
		}
		var m dns.Msg
		if err := m.Unpack(packet); err != nil {
			return // miekg/dns looks into RDATA too
		}
		if len(m.Question) != 1 || m.Question[0].Qtype != q.Type || m.Question[0].Qclass != q.Class || !bytes.Equal(name(m.Question[0].Name), q.Name) {
			t.Errorf("question is %v, parsed as %+v", m.Question, q)
		}
		if o := m.IsEdns0(); (o != nil) != q.EDNS || o != nil && (o.UDPSize() != q.UDPSize || o.Do() != q.DO || o.Version() != q.Version) {
			t.Errorf("OPT is %v, parsed as %+v", o, q)
		}
	})
}
