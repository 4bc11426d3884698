package answer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// fatZone has what attackers look for: large sets of every kind at one name, and beside it what zones ordinarily have.
func fatZone() string {
	var z strings.Builder
	z.WriteString(`$TTL 300
@ IN SOA ns1.example.test. hostmaster.example.test. 2026010101 3600 600 86400 60
@ IN NS ns1.example.test.
@ IN NS ns2.example.test.
@ IN NS ns3.example.net.
@ IN NS ns4.example.net.
@ IN MX 10 mx1
@ IN MX 20 mx2.example.net.
@ IN CAA 0 issue "letsencrypt.org"
ns1 IN A 192.0.2.53
ns1 IN AAAA 2001:db8::53
ns2 IN A 198.51.100.53
spf IN TXT "v=spf1 include:_spf.google.com include:spf.protection.outlook.com ip4:192.0.2.0/24 -all"
_sip._tcp IN SRV 10 60 5060 sip.example.test.
www IN CNAME web
cut IN NS ns1.cut
cut IN NS ns2.cut
ns1.cut IN A 192.0.2.54
ns2.cut IN A 198.51.100.54
$GENERATE 1-8 web IN A 192.0.2.$
$GENERATE 1-4 web IN AAAA 2001:db8::$
$GENERATE 1-13 thirteen IN A 192.0.2.$
$GENERATE 1-9 fat IN TXT "record $ of a text that is as long as texts are wont to be, when there is something to prove"
$GENERATE 1-60 fat IN A 192.0.2.$
$GENERATE 1-40 fat IN AAAA 2001:db8::$
$GENERATE 1-40 fatcut IN NS ns$.fatcut
$GENERATE 1-40 ns$.fatcut IN A 192.0.2.$
$GENERATE 1-40 fat2 IN MX $ mx$.example.net.
$GENERATE 1-40 fat2 IN SRV $ 0 1 host$.example.net.
$GENERATE 1-40 fat2 IN CAA 0 issue "ca$.example.net"
$GENERATE 1-30 fat2 IN TXT "record $ of a text that is as long as texts are wont to be, when there is something to prove"
`)
	key := "AwEAAcNEU67LJI5GEgF9QLNqLO1SMq1EdoQ6E9f85ha0k0ewQGCblyW2836GiVsm6k8Kr5ECIoMJ6fZWf3CQSQ9ycWfTyOHfmI3eQ/1Covhb2y4bAmL/07PhrL7ozWBW3wBfM335Ft9xjtXHPy7ztCbV9qZ4TVDTW/Iyg0PiwgoXVesz"
	for range 3 {
		key = "AQAB" + key
		fmt.Fprintf(&z, "fat2 IN DNSKEY 257 3 8 %s\n", key)
		fmt.Fprintf(&z, "@ IN DNSKEY 257 3 8 %s\n", key)
	}
	return z.String()
}

// S-02: without a good cookie no response over UDP is four times the query, of
// any type, by EDNS or not.
func TestAmplification(t *testing.T) {
	v := viewOf(t, stateOf(t, map[string]string{"example.test": fatZone()}), noLocal)
	r := newResponder()
	r.Amplification, r.NSID = 4, []byte("ns1.us-east")
	buf := make([]byte, 0, 65535+1024)
	const client = "0102030405060708"
	options := []struct {
		text string
		opt  []byte
	}{
		{"no EDNS", nil},
		{"EDNS", opt(0, 0, "")},
		{"DO", opt(0, 0x8000, "")},
		{"NSID", opt(0, 0, "00030000")},
		{"client's cookie", opt(0, 0, option(client))},
		{"bad cookie", opt(0, 0, option(client+"00112233445566778899aabbccddeeff"))},
		{"ECS", opt(0, 0, "0008 0007 0001 18 00 5b0a00")},
	}
	worst, worstAt, worstBare, truncated := 0.0, "", 0.0, 0
	for _, name := range []string{"example.test", "fat.example.test", "fat2.example.test", "web.example.test", "www.example.test", "none.example.test", "x.cut.example.test", "x.fatcut.example.test", "example.org", "."} {
		for typ := range 300 {
			in, out := 0, 0
			for _, o := range options {
				n := 0
				if o.opt != nil {
					n = 1
				}
				packet := message(0, 1, 0, 0, n, question(name, uint16(typ)), o.opt)
				b := r.Respond(v, buf, &Request{Packet: packet, Client: resolver, Keys: keys, Now: now})
				ratio := float64(len(b)+ipHeaders) / float64(len(packet)+ipHeaders)
				if ratio >= 4 {
					t.Errorf("%s type %d, %s: %d octets for %d", name, typ, o.text, len(b), len(packet))
				}
				if ratio > worst {
					worst, worstAt = ratio, fmt.Sprintf("%s type %d, %s", name, typ, o.text)
				}
				if r.Outcome.Truncated {
					truncated++
				}
				in, out = in+len(packet), out+len(b)
			}
			worstBare = max(worstBare, float64(out)/float64(in))
		}
	}
	if truncated == 0 || worst < 3 {
		t.Errorf("%d truncated, %.2f at most: the zone is not fat enough to show anything", truncated, worst)
	}
	t.Logf("at most %.2f (%s); without IP headers a type's at most %.2f; %d truncated", worst, worstAt, worstBare, truncated)
}

// What zones ordinarily hold goes out whole, also to whom no cookie is known of.
func TestOrdinaryAnswersAreWhole(t *testing.T) {
	v := viewOf(t, stateOf(t, map[string]string{"example.test": fatZone()}), noLocal)
	for _, c := range []struct {
		name  string
		typ   uint16
		whole bool // without EDNS, over UDP
	}{
		{"example.test", dns.TypeSOA, true},
		{"example.test", dns.TypeNS, true},
		{"example.test", dns.TypeMX, true},
		{"example.test", dns.TypeCAA, true},
		{"ns1.example.test", dns.TypeA, true},
		{"web.example.test", dns.TypeA, true},
		{"web.example.test", dns.TypeAAAA, true},
		{"www.example.test", dns.TypeA, true},
		{"spf.example.test", dns.TypeTXT, true},
		{"_sip._tcp.example.test", dns.TypeSRV, true},
		{"none.example.test", dns.TypeA, true},
		{"x.cut.example.test", dns.TypeA, true},
		{"fat.example.test", dns.TypeTXT, false},
		{"fat2.example.test", dns.TypeMX, false},
		{"example.test", dns.TypeDNSKEY, false},
	} {
		for _, edns := range []bool{false, true} {
			packet := message(0, 1, 0, 0, 0, question(c.name, c.typ))
			if edns {
				packet = message(0, 1, 0, 0, 1, question(c.name, c.typ), opt(0, 0, ""))
			}
			for _, free := range []struct {
				what string
				req  Request
			}{{"", Request{}}, {"TCP", Request{TCP: true}}, {"exempt", Request{Trusted: true}}} {
				r := newResponder()
				r.Amplification = 4
				req := free.req
				req.Packet, req.Client, req.Keys, req.Now = packet, resolver, keys, now
				r.Respond(v, nil, &req)
				whole := c.whole || free.what == "TCP"
				if free.what == "exempt" && !whole {
					continue // its own limits hold, of 512 and 1232 octets
				}
				if r.Outcome.Truncated == whole {
					t.Errorf("%s type %d, EDNS %v, %s: truncated %v", c.name, c.typ, edns, free.what, r.Outcome.Truncated)
				}
			}
		}
	}
	// Thirteen addresses are what a query with EDNS is good for; a good cookie lifts the limit.
	const client = "0102030405060708"
	for what, whole := range map[string]bool{"": true, option(client + goodCookie(client, now)): true} {
		r := newResponder()
		r.Amplification = 4
		r.Respond(v, nil, &Request{Packet: message(0, 1, 0, 0, 1, question("thirteen.example.test", dns.TypeA), opt(0, 0, what)), Client: resolver, Keys: keys, Now: now})
		if r.Outcome.Truncated == whole {
			t.Errorf("thirteen addresses with options %q: truncated %v", what, r.Outcome.Truncated)
		}
	}
	r := newResponder()
	r.Amplification = 4
	r.Respond(v, nil, &Request{Packet: message(0, 1, 0, 0, 1, question("fat.example.test", dns.TypeTXT), opt(0, 0, option(client+goodCookie(client, now)))), Client: resolver, Keys: keys, Now: now})
	if r.Outcome.Truncated || !r.Outcome.Verified {
		t.Error("with a good cookie the limit on amplification holds all the same")
	}
}
