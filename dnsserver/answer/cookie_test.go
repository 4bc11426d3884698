package answer

import (
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver/cookie"
	"github.com/meridian-gtm/meridian/dnsserver/limit"
	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

// goodCookie is the server cookie, in hexadecimal, that the resolver was given with its own at a time.
func goodCookie(client string, at uint32) string {
	own, err := hex.DecodeString(client)
	if err != nil {
		panic(err)
	}
	var reply [cookie.Size]byte
	keys.Answer(&reply, own, resolver, at)
	return hex.EncodeToString(reply[cookie.ClientSize:])
}

// option is a COOKIE option in hexadecimal.
func option(data string) string { return fmt.Sprintf("000a%04x%s", len(data)/2, data) }

// respond asks over UDP, or TCP, with the responder's Outcome at hand afterwards.
func respond(t *testing.T, r *Responder, packet []byte, tcp bool) (*dns.Msg, []byte) {
	t.Helper()
	b := r.Respond(steeredView(t), nil, &Request{Packet: packet, Client: resolver, TCP: tcp, Keys: keys, Now: now})
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("%v: %x", err, b)
	}
	return m, b
}

func cookieOf(m *dns.Msg) string {
	if o := m.IsEdns0(); o != nil {
		for _, o := range o.Option {
			if c, ok := o.(*dns.EDNS0_COOKIE); ok {
				return c.Cookie
			}
		}
	}
	return ""
}

// D-61: whatever the cookie of a query, its answer is the same, with a good cookie in it.
func TestCookies(t *testing.T) {
	const client = "0102030405060708"
	fresh := client + goodCookie(client, now)
	for _, c := range []struct {
		what, data string
		verified   bool
		reply      string // "" stands for FORMERR
	}{
		{"client's alone", client, false, fresh},
		{"good", fresh, true, fresh},
		{"half an hour old", client + goodCookie(client, now-1800), true, client + goodCookie(client, now-1800)},
		{"older", client + goodCookie(client, now-1801), true, fresh},
		{"an hour old", client + goodCookie(client, now-3600), true, fresh},
		{"too old", client + goodCookie(client, now-3601), false, fresh},
		{"of a server five minutes ahead", client + goodCookie(client, now+300), true, client + goodCookie(client, now+300)},
		{"from the future", client + goodCookie(client, now+301), false, fresh},
		{"another client's", client + goodCookie("1102030405060708", now), false, fresh},
		{"of the least length", client + "0011223344556677", false, fresh},
		{"of the greatest length", fresh + "00112233445566778899aabbccddeeff", false, fresh},
		{"empty", "", false, ""},
		{"7 octets", "01020304050607", false, ""},
		{"9 octets", client + "01", false, ""},
		{"15 octets", client + "01020304050607", false, ""},
		{"41 octets", fresh + "00112233445566778899aabbccddeeff00", false, ""},
	} {
		for _, tcp := range []bool{false, true} {
			r := newResponder()
			m, _ := respond(t, r, message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, option(c.data))), tcp)
			rcode := dns.RcodeSuccess
			if c.reply == "" {
				rcode = dns.RcodeFormatError
			}
			if m.Rcode != rcode || (len(m.Answer) == 1) != (rcode == 0) || cookieOf(m) != c.reply || r.Outcome.Verified != c.verified {
				t.Errorf("%s, TCP %v: verified %v, answered\n%v", c.what, tcp, r.Outcome.Verified, m)
			}
		}
	}
	// All but the first option are ignored, even malformed ones (RFC 7873 section 5.2).
	m, _ := respond(t, newResponder(), message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, option(client)+option("01"))), false)
	if m.Rcode != 0 || cookieOf(m) != fresh {
		t.Errorf("with a second option: %v", m)
	}
	// What one query had must not be seen in the next.
	r := newResponder()
	respond(t, r, message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, option(fresh))), false)
	for _, packet := range [][]byte{message(0, 1, 0, 0, 1, soaQuestion, opt(0, 0, "")), message(0, 1, 0, 0, 0, soaQuestion)} {
		if m, _ := respond(t, r, packet, false); cookieOf(m) != "" || r.Outcome.Verified {
			t.Errorf("without a cookie: verified %v\n%v", r.Outcome.Verified, m)
		}
	}
}

// D-23: a query without a question is about the cookie alone.
func TestCookieOnly(t *testing.T) {
	const client = "0102030405060708"
	fresh := client + goodCookie(client, now)
	for _, c := range []struct {
		what, data string
		rcode      int
	}{
		{"client's alone", client, dns.RcodeSuccess},
		{"good", fresh, dns.RcodeSuccess},
		{"bad", client + goodCookie(client, now-3601), dns.RcodeBadCookie},
		{"short", client + "0011223344556677", dns.RcodeBadCookie},
	} {
		for _, tcp := range []bool{false, true} {
			m, b := respond(t, newResponder(), message(0, 0, 0, 0, 1, opt(0, 0, option(c.data))), tcp)
			if m.Rcode != c.rcode || len(m.Question)+len(m.Answer)+len(m.Ns) > 0 || cookieOf(m) != fresh || m.Authoritative || len(b) != 12+11+28 {
				t.Errorf("%s, TCP %v: answered\n%v", c.what, tcp, m)
			}
		}
	}
}

// S-01: to an address that may be forged no error is larger than the query, and
// it is the cookie that has to go. A client that has a server cookie always gets one back.
func TestErrorsAreSmall(t *testing.T) {
	const client = "0102030405060708"
	for _, name := range []string{"example.org", "example.test"} {
		typ := dns.TypeA
		if name == "example.test" {
			typ = dns.TypeAXFR
		}
		for _, c := range []struct {
			what, options string
			tcp, cookie   bool
		}{
			{"plain", "", false, false},
			{"NSID", "00030000", false, false},
			{"client's cookie", option(client), false, false},
			{"client's cookie and NSID", option(client) + "00030000", false, false},
			{"client's cookie, TCP", option(client), true, true},
			{"bad server cookie", option(client + "00112233445566778899aabbccddeeff"), false, true},
			{"good server cookie", option(client + goodCookie(client, now)), false, true},
		} {
			r := newResponder()
			r.NSID = []byte("a name of a server")
			packet := message(0, 1, 0, 0, 1, question(name, typ), opt(0, 0, c.options))
			m, b := respond(t, r, packet, c.tcp)
			if m.Rcode != dns.RcodeRefused || r.forgeable() && len(b) > len(packet) || (cookieOf(m) != "") != c.cookie || r.Outcome.Class != limit.Error || r.Outcome.Zone != 0 {
				t.Errorf("%s, %s: %d octets for %d\n%v", name, c.what, len(b), len(packet), m)
			}
		}
	}
}

// What a slipped response holds: nothing but where to go on, and a cookie.
func TestSlip(t *testing.T) {
	const client = "0102030405060708"
	r := newResponder()
	r.NSID = []byte("ns1")
	respond(t, r, message(0x0100, 1, 0, 0, 1, question("www.example.test", dns.TypeA), opt(0, 0x8000, option(client)+"00030000"+"0008 0007 0001 18 00 5b0a00")), false)
	m := new(dns.Msg)
	if err := m.Unpack(r.Slip(nil)); err != nil {
		t.Fatal(err)
	}
	o := m.IsEdns0()
	if !m.Truncated || !m.RecursionDesired || m.Rcode != 0 || len(m.Question) != 1 || len(m.Answer)+len(m.Ns) > 0 ||
		cookieOf(m) != client+goodCookie(client, now) || len(o.Option) != 2 || !o.Do() || !r.Outcome.Truncated {
		t.Errorf("slipped\n%v", m)
	}
	respond(t, r, message(0, 1, 0, 0, 0, soaQuestion), false)
	if err := m.Unpack(r.Slip(nil)); err != nil || !m.Truncated || m.IsEdns0() != nil || len(m.Answer) > 0 {
		t.Errorf("slipped\n%v", m)
	}
}

// What rate limiting goes by: all names of a zone count together, by what became of them.
func TestClass(t *testing.T) {
	r := newResponder()
	zone := func(name string, typ uint16) (limit.Class, uint64) {
		respond(t, r, message(0, 1, 0, 0, 0, question(name, typ)), false)
		return r.Outcome.Class, r.Outcome.Zone
	}
	_, apex := zone("EXAMPLE.test", dns.TypeSOA)
	for _, c := range []struct {
		name  string
		typ   uint16
		class limit.Class
	}{
		{"www.example.test", dns.TypeA, limit.Answer},
		{"a.wild.example.test", dns.TypeA, limit.Answer},
		{"b.wild.exAMPle.test", dns.TypeA, limit.Answer},
		{"ns1.example.test", dns.TypeMX, limit.NoData},
		{"no.such.example.test", dns.TypeA, limit.NXDomain},
		{"other.such.example.test", dns.TypeA, limit.NXDomain},
		{"www.cut.example.test", dns.TypeA, limit.Referral},
	} {
		if class, z := zone(c.name, c.typ); class != c.class || z != apex || z == 0 {
			t.Errorf("%s: class %d, want %d; zone %x, want %x", c.name, class, c.class, z, apex)
		}
	}
	for _, c := range []struct {
		name string
		typ  uint16
	}{{"www.example.org", dns.TypeA}, {"example.test", dns.TypeAXFR}, {"example.test", dns.TypeMAILA}} {
		if class, z := zone(c.name, c.typ); class != limit.Error || z != 0 {
			t.Errorf("%s: class %d, zone %x", c.name, class, z)
		}
	}
	r.Respond(steeredView(t), nil, &Request{Packet: message(0, 2, 0, 0, 0), Client: resolver})
	if r.Outcome.Class != limit.Error || r.Outcome.Zone != 0 {
		t.Errorf("malformed: %+v", r.Outcome)
	}
}

// D-29: texts of class CH, off unless set.
func TestChaos(t *testing.T) {
	ask := func(c Chaos, name string, typ, class uint16) *dns.Msg {
		r := newResponder()
		r.Chaos = c
		q := question(name, typ)
		q[len(q)-1] = byte(class)
		m, _ := respond(t, r, message(0, 1, 0, 0, 1, q, opt(0, 0, "")), true)
		return m
	}
	all := Chaos{Version: "Meridian", ID: "ns1.us-east"}
	for _, c := range []struct {
		name       string
		typ, class uint16
		chaos      Chaos
		want       string
	}{
		{"version.bind", dns.TypeTXT, 3, all, "Meridian"},
		{"VERSION.Server", dns.TypeTXT, 3, all, "Meridian"},
		{"id.server", dns.TypeTXT, 3, all, "ns1.us-east"},
		{"hostname.bind", dns.TypeANY, 3, all, "ns1.us-east"},
		{"version.bind", dns.TypeTXT, 3, Chaos{}, ""},
		{"version.bind", dns.TypeTXT, 3, Chaos{ID: "x"}, ""},
		{"id.server", dns.TypeTXT, 3, Chaos{Version: "x"}, ""},
		{"version.bind", dns.TypeA, 3, all, ""},
		{"x.version.bind", dns.TypeTXT, 3, all, ""},
		{"version.bind", dns.TypeTXT, 1, all, ""},
		{"version.bind", dns.TypeTXT, 4, all, ""},
		{"version.bind", dns.TypeTXT, 255, all, ""},
	} {
		m := ask(c.chaos, c.name, c.typ, c.class)
		if c.want == "" {
			if m.Rcode != dns.RcodeRefused || len(m.Answer) > 0 || m.Authoritative {
				t.Errorf("%s type %d class %d: answered\n%v", c.name, c.typ, c.class, m)
			}
			continue
		}
		txt, ok := new(dns.TXT), false
		if len(m.Answer) == 1 {
			txt, ok = m.Answer[0].(*dns.TXT)
		}
		if !ok || m.Rcode != 0 || !m.Authoritative || txt.Hdr.Class != 3 || txt.Hdr.Ttl != 0 || len(txt.Txt) != 1 || txt.Txt[0] != c.want {
			t.Errorf("%s: answered\n%v", c.name, m)
		}
	}
}

// D-63: extended errors where something is to be said.
func TestExtendedErrors(t *testing.T) {
	for _, c := range []struct {
		what string
		q    []byte
		code uint16
	}{
		{"outside", question("example.org", dns.TypeA), wire.NotAuthoritative},
		{"transfer", question("example.test", dns.TypeAXFR), wire.Prohibited},
		{"MAILB", question("example.test", dns.TypeMAILB), wire.NotSupported},
		{"class", append(question("example.test", dns.TypeA)[:16], 0, 3), wire.NotSupported},
		{"answer", soaQuestion, 0},
	} {
		m, _ := respond(t, newResponder(), message(0, 1, 0, 0, 1, c.q, opt(0, 0, "")), true)
		got := uint16(0)
		for _, o := range m.IsEdns0().Option {
			if e, ok := o.(*dns.EDNS0_EDE); ok {
				got = e.InfoCode
			}
		}
		if got != c.code {
			t.Errorf("%s: extended error %d, want %d\n%v", c.what, got, c.code, m)
		}
	}
}
