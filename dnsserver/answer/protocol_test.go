package answer

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver/limit"
	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

// message is a query packet made by hand: the header's flags and counts, then what follows.
func message(flags uint16, qd, an, ns, ar int, parts ...[]byte) []byte {
	b := []byte{0xab, 0xcd}
	for _, v := range []uint16{flags, uint16(qd), uint16(an), uint16(ns), uint16(ar)} {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return append(b, bytes.Join(parts, nil)...)
}

// question is a question of class IN.
func question(name string, typ uint16) []byte {
	b := make([]byte, 300)
	n, err := dns.PackDomainName(dns.Fqdn(name), b, 0, nil, false)
	if err != nil {
		panic(err)
	}
	return append(b[:n], byte(typ>>8), byte(typ), 0, 1)
}

// opt is an OPT record: UDP size 1232, a version, flags and options in hexadecimal.
func opt(version uint8, flags uint16, options string) []byte {
	data, err := hex.DecodeString(strings.ReplaceAll(options, " ", ""))
	if err != nil {
		panic(err)
	}
	b := []byte{0, 0, 41, 1232 >> 8, 1232 & 0xff, 0, version, byte(flags >> 8), byte(flags), byte(len(data) >> 8), byte(len(data))}
	return append(b, data...)
}

var soaQuestion = question("example.test", dns.TypeSOA)

const (
	nothingAtAll = -1
	headerOnly   = 1000 // added to the RCODE of a response of 12 octets
)

// malformed is D-20 to D-28: packets, and the RCODE they are answered with.
var malformed = []struct {
	what   string
	packet []byte
	want   int
}{
	{"empty", nil, nothingAtAll},
	{"11 octets", make([]byte, 11), nothingAtAll},
	{"a response", message(0x8000, 1, 0, 0, 0, soaQuestion), nothingAtAll},
	{"a header that promises a question", message(0, 1, 0, 0, 0), headerOnly + 1},
	{"no question", message(0, 0, 0, 0, 0), headerOnly + 1},
	{"no question, with OPT", message(0, 0, 0, 0, 1, opt(0, 0, "")), headerOnly + 1},
	{"no question, with a cookie", message(0, 0, 0, 0, 1, opt(0, 0, "000a 0008 0102030405060708")), 0},
	{"no question, with a cookie of 9 octets", message(0, 0, 0, 0, 1, opt(0, 0, "000a 0009 010203040506070809")), headerOnly + 1},
	{"no question, with a cookie of another EDNS version", message(0, 0, 0, 0, 1, opt(1, 0, "000a 0008 0102030405060708")), headerOnly + 1},
	{"no question, with half a cookie", message(0, 0, 0, 0, 1, opt(0, 0, "000a 0008 01020304")), headerOnly + 1},
	{"two questions", message(0, 2, 0, 0, 0, soaQuestion, soaQuestion), headerOnly + 1},
	{"half a question", message(0, 1, 0, 0, 0, soaQuestion[:len(soaQuestion)-3]), headerOnly + 1},
	{"name without end", message(0, 1, 0, 0, 0, []byte("\x07example\x04test")), headerOnly + 1},
	{"label longer than the packet", message(0, 1, 0, 0, 0, []byte("\x3fexample")), headerOnly + 1},
	{"pointer to itself", message(0, 1, 0, 0, 0, []byte{0xc0, 12, 0, 1, 0, 1}), headerOnly + 1},
	{"pointer forward", message(0, 1, 0, 0, 0, []byte{0xc0, 14, 0, 0, 1, 0, 1}), headerOnly + 1},
	{"pointer into the header", message(0, 1, 0, 0, 0, []byte{0xc0, 4, 0, 1, 0, 1}), headerOnly + 1},
	{"label type 01", message(0, 1, 0, 0, 0, []byte{0x41, 'a', 0, 0, 1, 0, 1}), headerOnly + 1},
	{"label type 10", message(0, 1, 0, 0, 0, []byte{0x81, 'a', 0, 0, 1, 0, 1}), headerOnly + 1},
	{"name of 257 octets", message(0, 1, 0, 0, 0, bytes.Repeat([]byte("\x01a"), 128), []byte{0, 0, 1, 0, 1}), headerOnly + 1},
	{"two OPTs", message(0, 1, 0, 0, 2, soaQuestion, opt(0, 0, ""), opt(0, 0, "")), headerOnly + 1},
	{"OPT with a name", message(0, 1, 0, 0, 1, soaQuestion, []byte("\x01a"), opt(0, 0, "")), headerOnly + 1},
	{"OPT in the answer section", message(0, 1, 1, 0, 0, soaQuestion, opt(0, 0, "")), headerOnly + 1},
	{"option beyond RDLENGTH", message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "000a 0010 01")), headerOnly + 1},
	{"half an option", message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "000a 00")), headerOnly + 1},
	{"OPT cut off", message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "")[:9]), headerOnly + 1},
	{"RDLENGTH beyond the packet", message(0, 1, 0, 0, 1, soaQuestion, []byte{0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 99, 1}), headerOnly + 1},
	{"record with a pointer forward", message(0, 1, 0, 0, 1, soaQuestion, []byte{0xc0, 0x40, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}), headerOnly + 1},
	{"record with a pointer loop", message(0, 1, 0, 0, 1, soaQuestion, []byte{1, 'a', 0xc0, byte(12 + len(soaQuestion)), 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}), headerOnly + 1},
	{"records promised but absent", message(0, 1, 65535, 65535, 65535, soaQuestion), headerOnly + 1},
	{"record with a good pointer", message(0, 1, 0, 0, 1, soaQuestion, []byte{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0}), 0},
	{"octets after the message", message(0, 1, 0, 0, 0, soaQuestion, []byte("trailing")), 0},
	{"NOTIFY", message(4<<11, 1, 0, 0, 0, soaQuestion), headerOnly + 5},
	{"UPDATE", message(5<<11, 1, 0, 0, 0, soaQuestion), headerOnly + 5},
	{"IQUERY", message(1<<11, 0, 0, 0, 0), headerOnly + 4},
	{"STATUS", message(2<<11, 1, 0, 0, 0, soaQuestion), headerOnly + 4},
	{"DSO", message(6<<11, 0, 0, 0, 0), headerOnly + 4},
	{"opcode 15", message(15<<11, 0, 0, 0, 0), headerOnly + 4}, // D-07
	{"opcode 15, with more", message(15<<11|0x01f0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "")), headerOnly + 4},
}

func TestMalformed(t *testing.T) {
	v := steeredView(t)
	for _, c := range malformed {
		for _, tcp := range []bool{false, true} {
			b := raw(v, c.packet, tcp)
			switch {
			case c.want == nothingAtAll:
				if len(b) > 0 {
					t.Errorf("%s: answered %x", c.what, b)
				}
				continue
			case len(b) < 12 || b[0] != 0xab || b[1] != 0xcd || b[2]&0x80 == 0 || b[2]&0x78 != c.packet[2]&0x78:
				t.Errorf("%s: answered %x", c.what, b)
				continue
			case c.want >= headerOnly && (len(b) != 12 || !bytes.Equal(b[4:], make([]byte, 8))):
				t.Errorf("%s: answered %x, want a header only", c.what, b)
			}
			if rcode := int(b[3] & 0xf); rcode != c.want%headerOnly || b[2]&0x06 != 0 && c.want >= headerOnly || b[3]&0xf0 != 0 {
				t.Errorf("%s: header %x", c.what, b[:12])
			}
		}
	}
}

// The list of RFC 8906 section 8 (D-01 to D-18).
func TestRFC8906(t *testing.T) {
	v := steeredView(t)
	const (
		rd, z, ad, cd = 0x0100, 0x0040, 0x0020, 0x0010
		noOPT         = -1
	)
	for _, c := range []struct {
		id            string
		flags         uint16
		typ           uint16
		opt           []byte
		rcode         int
		soa, aa, doit bool
		rdBack        bool
		optBack       int // octets of options, or noOPT
	}{
		{"D-01", 0, dns.TypeSOA, nil, 0, true, true, false, false, noOPT},
		{"D-02", 0, 1000, nil, 0, false, true, false, false, noOPT},
		{"D-03", cd, dns.TypeSOA, nil, 0, true, true, false, false, noOPT},
		{"D-04", ad, dns.TypeSOA, nil, 0, true, true, false, false, noOPT},
		{"D-05", z, dns.TypeSOA, nil, 0, true, true, false, false, noOPT},
		{"D-06", rd, dns.TypeSOA, nil, 0, true, true, false, true, noOPT},
		{"D-09", 0, dns.TypeSOA, opt(0, 0, ""), 0, true, true, false, false, 0},
		{"D-10", 0, dns.TypeSOA, opt(1, 0, ""), dns.RcodeBadVers, false, false, false, false, 0},
		{"D-11", 0, dns.TypeSOA, opt(0, 0, "0064 0000"), 0, true, true, false, false, 0},
		{"D-12", 0, dns.TypeSOA, opt(0, 0x40, ""), 0, true, true, false, false, 0},
		{"D-13", 0, dns.TypeSOA, opt(1, 0x40, ""), dns.RcodeBadVers, false, false, false, false, 0},
		{"D-14", 0, dns.TypeSOA, opt(1, 0, "0064 0000"), dns.RcodeBadVers, false, false, false, false, 0},
		{"D-14 with a subnet", 0, dns.TypeSOA, opt(1, 0, "0008 0004 0001 00 00"), dns.RcodeBadVers, false, false, false, false, 0},
		{"D-16", 0, dns.TypeSOA, opt(0, 0x8000, ""), 0, true, true, true, false, 0},
		{"D-17", 0, dns.TypeSOA, opt(1, 0x8000, ""), dns.RcodeBadVers, false, false, true, false, 0},
		{"D-18", 0, dns.TypeSOA, opt(0, 0, "000a 0008 0102030405060708 0003 0000 0009 0000 0008 0004 0001 00 00"), 0, true, true, false, false, 28 + 8}, // cookie and subnet
		{"D-18 cookie only", 0, dns.TypeSOA, opt(0, 0, "000a 0008 0102030405060708"), 0, true, true, false, false, 28},
		{"D-14 with a cookie", 0, dns.TypeSOA, opt(1, 0, "000a 0008 0102030405060708"), dns.RcodeBadVers, false, false, false, false, 0},
		{"D-30", 0x0200 | 0x000f, dns.TypeSOA, nil, 0, true, true, false, false, noOPT},
	} {
		extra := 0
		if c.opt != nil {
			extra = 1
		}
		packet := message(c.flags, 1, 0, 0, extra, question("example.test", c.typ), c.opt)
		for _, tcp := range []bool{false, true} {
			m := new(dns.Msg)
			if err := m.Unpack(raw(v, packet, tcp)); err != nil {
				t.Fatalf("%s: %v", c.id, err)
			}
			bits := m.RecursionAvailable || m.AuthenticatedData || m.CheckingDisabled || m.Zero || m.Truncated
			if m.Rcode != c.rcode || (len(m.Answer) == 1) != c.soa || m.Authoritative != c.aa || m.RecursionDesired != c.rdBack || bits {
				t.Errorf("%s: answered\n%v", c.id, m)
			}
			o := m.IsEdns0()
			if (o == nil) != (c.optBack == noOPT) {
				t.Errorf("%s: OPT is %v", c.id, o)
			} else if o != nil && (o.Version() != 0 || o.Do() != c.doit || o.Hdr.Ttl&0x7fff != 0 || o.UDPSize() != 1232 || dns.Len(o) != 11+c.optBack) {
				t.Errorf("%s: OPT is %v", c.id, o)
			}
		}
	}
}

// D-15: a truncated response keeps its OPT.
func TestTruncatedKeepsOPT(t *testing.T) {
	var zone strings.Builder
	zone.WriteString("$TTL 300\n@ IN SOA ns1 h 7 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n$GENERATE 1-90 @ IN TXT \"$ and more\"\n")
	v := viewOf(t, stateOf(t, map[string]string{"example.test": zone.String()}), noLocal)
	q := new(dns.Msg)
	q.SetQuestion("example.test.", dns.TypeTXT)
	q.SetEdns0(512, true)
	if m := exchange(t, v, q, false); !m.Truncated || m.IsEdns0() == nil || len(m.Answer) != 0 || m.Rcode != 0 || !m.Authoritative {
		t.Errorf("answered\n%v", m)
	}
}

// Types and classes that are never data (D-29, D-31, D-36).
func TestRefused(t *testing.T) {
	v := steeredView(t)
	for _, c := range []struct {
		typ, class uint16
		rcode      int
	}{
		{dns.TypeOPT, 1, dns.RcodeFormatError},
		{dns.TypeTSIG, 1, dns.RcodeFormatError},
		{dns.TypeTKEY, 1, dns.RcodeFormatError},
		{128, 1, dns.RcodeFormatError},
		{dns.TypeMAILA, 1, dns.RcodeNotImplemented},
		{dns.TypeMAILB, 1, dns.RcodeNotImplemented},
		{dns.TypeAXFR, 1, dns.RcodeRefused},
		{dns.TypeIXFR, 1, dns.RcodeRefused},
		{dns.TypeA, 255, dns.RcodeRefused},
		{dns.TypeA, 3, dns.RcodeRefused},
		{dns.TypeA, 4, dns.RcodeRefused},
		{dns.TypeA, 0, dns.RcodeRefused},
	} {
		q := new(dns.Msg)
		q.SetQuestion("example.test.", c.typ)
		q.Question[0].Qclass = c.class
		q.SetEdns0(1232, false)
		for _, tcp := range []bool{false, true} {
			m := exchange(t, v, q, tcp)
			if m.Rcode != c.rcode || m.Authoritative || len(m.Answer)+len(m.Ns) > 0 || m.IsEdns0() == nil || len(m.Question) != 1 {
				t.Errorf("type %d class %d is answered\n%v", c.typ, c.class, m)
			}
		}
	}
	q := new(dns.Msg)
	q.SetQuestion("version.bind.", dns.TypeTXT)
	q.Question[0].Qclass = dns.ClassCHAOS
	if m := exchange(t, v, q, false); m.Rcode != dns.RcodeRefused {
		t.Errorf("version.bind is answered\n%v", m)
	}
}

// REFUSED says why, unless that makes it larger than the query (S-01).
func TestExtendedError(t *testing.T) {
	v := steeredView(t)
	for _, c := range []struct {
		options string
		tcp     bool
		ede     bool
	}{
		{"", true, true},
		{"", false, false},
		{"000a 0008 0102030405060708", false, true}, // dig sends a cookie, which makes room
	} {
		packet := message(0, 1, 0, 0, 1, question("example.org", dns.TypeA), opt(0, 0, c.options))
		b := raw(v, packet, c.tcp)
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil || m.Rcode != dns.RcodeRefused {
			t.Fatalf("%v\n%v", err, m)
		}
		var got bool
		for _, o := range m.IsEdns0().Option {
			e, ok := o.(*dns.EDNS0_EDE)
			got = got || ok && e.InfoCode == 20
		}
		if got != c.ede || !c.tcp && len(b) > len(packet) {
			t.Errorf("options %q, TCP %v: EDE %v, %d octets for %d", c.options, c.tcp, got, len(b), len(packet))
		}
	}
}

// D-33: the question comes back bit by bit, and owners in the answer with it.
func TestCase(t *testing.T) {
	v := steeredView(t)
	for _, name := range []string{"wWw.ExAmPlE.tEsT.", "NS1.EXAMPLE.TEST.", "X.wIlD.example.TEST."} {
		m := ask(t, v, name, dns.TypeA)
		if m.Question[0].Name != name || len(m.Answer) != 1 || m.Answer[0].Header().Name != name {
			t.Errorf("%s is answered\n%v", name, m)
		}
	}
	// The SOA's owner is the end of the question's name.
	if m := ask(t, v, "none.eXample.Test.", dns.TypeA); len(m.Ns) != 1 || m.Ns[0].Header().Name != "eXample.Test." {
		t.Errorf("answered\n%v", m)
	}
}

// D-71: an ECS option that is wrong in itself.
func TestMalformedECS(t *testing.T) {
	v := steeredView(t)
	for _, c := range []struct {
		what, options string
		ok            bool
	}{
		{"IPv4 /24", "0008 0007 0001 18 00 5b0a00", true},
		{"IPv4 /20", "0008 0007 0001 14 00 5b0a10", true},
		{"IPv4 /0", "0008 0004 0001 00 00", true},
		{"IPv6 /56", "0008 000b 0002 38 00 20030000123400", true},
		{"family 0, source 0", "0008 0004 0000 00 00", true},
		{"family 0, source 8", "0008 0005 0000 08 00 0a", false},
		{"family 3", "0008 0004 0003 00 00", false},
		{"IPv4 /33", "0008 0009 0001 21 00 5b0a000000", false},
		{"IPv6 /129", "0008 0015 0002 81 00 2003000000000000000000000000000000", false},
		{"address too short", "0008 0006 0001 18 00 5b0a", false},
		{"address too long", "0008 0008 0001 18 00 5b0a0000", false},
		{"bits beyond SOURCE", "0008 0007 0001 14 00 5b0a18", false},
		{"scope in a query", "0008 0007 0001 18 18 5b0a00", false},
		{"three octets", "0008 0003 0001 00", false},
		{"empty", "0008 0000", false},
		{"twice", "0008 0004 0001 00 00 0008 0004 0001 00 00", false},
	} {
		packet := message(0, 1, 0, 0, 1, question("www.example.test", dns.TypeA), opt(0, 0, c.options))
		b := raw(v, packet, false)
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Fatalf("%s: %v", c.what, err)
		}
		if c.ok {
			want := len(packet) - len(message(0, 1, 0, 0, 1, question("www.example.test", dns.TypeA), opt(0, 0, "")))
			if m.Rcode != 0 || len(m.Answer) == 0 || dns.Len(m.IsEdns0()) != 11+want {
				t.Errorf("%s: answered\n%v", c.what, m)
			}
		} else if m.Rcode != dns.RcodeFormatError || len(m.Answer) > 0 || m.IsEdns0() == nil || len(b) > len(packet) {
			t.Errorf("%s: answered\n%v", c.what, m)
		}
	}
}

func TestNSID(t *testing.T) {
	v := steeredView(t)
	r := newResponder()
	r.NSID = []byte("ns1.us-east")
	b := r.Respond(v, nil, &Request{Packet: message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "0003 0000")), Client: resolver})
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatal(err)
	}
	if o := m.IsEdns0().Option; len(o) != 1 || o[0].(*dns.EDNS0_NSID).Nsid != hex.EncodeToString(r.NSID) {
		t.Errorf("options are %v", o)
	}
	b = r.Respond(v, nil, &Request{Packet: message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "")), Client: resolver})
	if m.Unpack(b) != nil || len(m.IsEdns0().Option) > 0 {
		t.Errorf("options nobody asked for: %v", m)
	}
}

// D-59: padding only for who asks, and only where nobody can read along.
func TestPadding(t *testing.T) {
	v := steeredView(t)
	const padding, keepalive = "000c 0000", "000b 0000"
	for _, c := range []struct {
		options        string
		tcp, encrypted bool
		padded         bool
	}{
		{padding, false, false, false},
		{padding, true, false, false},
		{"", true, true, false},
		{keepalive, true, true, false},
		{padding, true, true, true},
		{"000c 0005 0102030405", true, true, true},
		{"000b 0000 0003 0000 0008 0007 0001 18 00 5b0a00" + padding, true, true, true},
	} {
		for _, name := range []string{"example.test", "none.example.test", "example.org"} {
			packet := message(0, 1, 0, 0, 1, question(name, dns.TypeSOA), opt(0, 0, c.options))
			b := newResponder().Respond(v, nil, &Request{Packet: packet, Client: resolver, TCP: c.tcp, Encrypted: c.encrypted})
			m := new(dns.Msg)
			if err := m.Unpack(b); err != nil {
				t.Fatal(err)
			}
			padded := false
			for _, o := range m.IsEdns0().Option {
				padded = padded || o.Option() == dns.EDNS0PADDING
			}
			if padded != c.padded || padded != (len(b)%468 == 0) {
				t.Errorf("%s with %q, TCP %v, encrypted %v: %d octets, padded %v", name, c.options, c.tcp, c.encrypted, len(b), padded)
			}
		}
	}
	// Without an OPT, with another version of it, and where only a header goes back, there is none.
	for _, packet := range [][]byte{
		message(0, 1, 0, 0, 0, soaQuestion),
		message(0, 1, 0, 0, 1, soaQuestion, opt(1, 0, padding)),
		message(0, 2, 0, 0, 1, soaQuestion, soaQuestion, opt(0, 0, padding)),
	} {
		if b := newResponder().Respond(v, nil, &Request{Packet: packet, Client: resolver, TCP: true, Encrypted: true}); len(b) > 200 {
			t.Errorf("padded to %d octets", len(b))
		}
	}
}

// FuzzServe sends any packet: no panic; a response within the limit, with the
// query's id and, if it has one, its question; which parses (S-08, M-09).
func FuzzServe(f *testing.F) {
	v := steeredView(f)
	for _, c := range malformed {
		f.Add(c.packet, true)
		f.Add(c.packet, false)
	}
	for _, c := range hot {
		f.Add(hotPacket(f, c.name, c.typ, c.ecs), false)
	}
	f.Add(message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "000c 0000")), true)
	f.Add(message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0x8000, "000a 0008 0102030405060708 0003 0000 000b 0000 0008 0007 0001 18 00 5b0a00")), true)
	f.Add(message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "000a 0018 0102030405060708"+goodCookie("0102030405060708", now))), false)
	f.Add(message(0, 0, 0, 0, 1, opt(0, 0, "000a 0018 0102030405060708"+goodCookie("0102030405060708", now))), false)
	f.Add(message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "000a 0010 01020304050607080000000000000000 000a 0000")), false)
	r := newResponder()
	r.NSID, r.Chaos, r.Amplification = []byte("ns1"), Chaos{"v1", "ns1"}, 4
	f.Fuzz(func(t *testing.T, packet []byte, tcp bool) {
		prefix := []byte("xy")
		b := r.Respond(v, prefix, &Request{Packet: packet, Client: resolver, TCP: tcp, Encrypted: tcp, Rand: uint64(len(packet)) << 60, Keys: keys, Now: now})
		if !bytes.HasPrefix(b, prefix) {
			t.Fatal("what the buffer held is gone")
		}
		if b = b[2:]; len(b) == 0 {
			if len(packet) >= 12 && packet[2]&0x80 == 0 {
				t.Fatal("a query without a response")
			}
			return
		}
		most := 65535
		if !tcp {
			most = 512
			if r.q.EDNS {
				most = max(512, min(1232, int(r.q.UDPSize)))
			}
		}
		if len(b) > most || len(b) < 12 || !bytes.Equal(b[:2], packet[:2]) || b[2]&0x80 == 0 {
			t.Fatalf("%d octets, limit %d: %x", len(b), most, b)
		}
		if n := binary.BigEndian.Uint16(b[4:]); n == 1 {
			if q := len(r.q.Question); len(b) < 12+q || !bytes.Equal(b[12:12+q], packet[12:12+q]) {
				t.Fatalf("the question is not the query's: %x", b)
			}
		} else if n != 0 || len(b) != 12 && len(b) != 12+11+28 {
			t.Fatalf("no question, and yet more than a header and a cookie: %x", b)
		}
		if !tcp && !r.Outcome.Verified {
			if len(b)+ipHeaders >= 4*(len(packet)+ipHeaders) {
				t.Fatalf("%d octets for a query of %d", len(b), len(packet))
			}
			if rcode := r.Outcome.Rcode; rcode != 0 && rcode != wire.NXDomain && rcode != wire.YXDomain && rcode != wire.BadCookie && len(b) > len(packet) {
				t.Fatalf("error %d of %d octets for a query of %d", rcode, len(b), len(packet))
			}
			if slip := r.Slip(prefix)[2:]; r.Outcome.Class != limit.Error && (len(slip) > len(packet)+16 || slip[2]&2 == 0 || new(dns.Msg).Unpack(slip) != nil) {
				t.Fatalf("slipped %x", slip)
			}
		}
		m := new(dns.Msg)
		if err := m.Unpack(b); err != nil {
			t.Fatalf("%v: %x", err, b)
		}
		if _, err := m.Pack(); err != nil {
			t.Fatalf("does not pack again: %v", err)
		}
	})
}
