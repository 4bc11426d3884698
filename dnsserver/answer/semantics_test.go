package answer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// cases are questions to a view, and the sections of the answers.
type cases []struct {
	name, typ  string
	rcode      int
	answer     string // all records, in order
	authority  string // prefix of all records
	additional string
}

func (cs cases) run(t *testing.T, v *View) {
	t.Helper()
	for _, c := range cs {
		m := ask(t, v, c.name, dns.StringToType[c.typ])
		referral := c.answer == "" && strings.Contains(c.authority, " NS ")
		switch {
		case m.Rcode != c.rcode, text(m.Answer) != c.answer, text(m.Extra) != c.additional,
			!strings.HasPrefix(text(m.Ns), c.authority), c.authority == "" && len(m.Ns) > 0,
			m.Authoritative == (referral || c.rcode == dns.RcodeRefused), m.RecursionAvailable, m.Truncated:
			t.Errorf("%s %s: want rcode %d\n  answer %s\n  authority %s\n  additional %s\ngot\n%v",
				c.name, c.typ, c.rcode, c.answer, c.authority, c.additional, m)
		}
	}
}

// The zone and the questions of RFC 4592 section 2.2.1 (D-41).
func TestWildcards(t *testing.T) {
	v := viewOf(t, stateOf(t, map[string]string{"example": `$TTL 3600
@ IN SOA ns.example.com. admin 1 2 3 4 3600
@ IN NS ns.example.com.
@ IN NS ns.example.net.
* IN TXT "this is a wildcard"
* IN MX 10 host1.example.
sub.* IN TXT "this is not a wildcard"
host1 IN A 192.0.2.1
_ssh._tcp.host1 IN SRV 0 0 22 host1
_ssh._tcp.host2 IN SRV 0 0 22 host2
subdel IN NS ns.example.com.
subdel IN NS ns.example.net.
`}), snapshot.Local{})
	const soa = "example. 3600 SOA"
	cases{
		{"host3.example", "MX", 0, "host3.example. 3600 MX 10 host1.example.", "", ""},
		{"host3.example", "A", 0, "", soa, ""},
		{"foo.bar.example", "TXT", 0, `foo.bar.example. 3600 TXT "this is a wildcard"`, "", ""},
		{"host1.example", "MX", 0, "", soa, ""},
		{"sub.*.example", "MX", 0, "", soa, ""},
		{"_telnet._tcp.host1.example", "SRV", 3, "", soa, ""},
		{"host.subdel.example", "A", 0, "", "subdel.example. 3600 NS ns.example.com.; subdel.example. 3600 NS ns.example.net.", ""},
		{"ghost.*.example", "MX", 3, "", soa, ""},
		{"_tcp.host1.example", "TXT", 0, "", soa, ""}, // an empty non-terminal
		{"*.example", "TXT", 0, `*.example. 3600 TXT "this is a wildcard"`, "", ""},
	}.run(t, v)
}

func TestNames(t *testing.T) {
	deep := strings.Repeat("a123456789.", 22) // 242 octets in wire form
	v := viewOf(t, stateOf(t, map[string]string{
		"example.test": `$TTL 300
@ IN SOA ns1 hostmaster 7 3600 600 86400 60
@ IN NS ns1
ns1 IN A 192.0.2.53
a.b.c IN A 192.0.2.1
alias IN CNAME a.b.c
dangling IN CNAME no.such
outside IN CNAME www.example.org.
cross IN CNAME www.second.test.
loop1 IN CNAME loop2
loop2 IN CNAME loop3
loop3 IN CNAME loop1
self IN CNAME self
tocut IN CNAME x.cut
$GENERATE 1-20 chain$ IN CNAME chain${1}
chain21 IN A 192.0.2.21
cut IN NS ns.cut
cut IN NS ns1
cut IN NS ns.other.org.
cut IN NS ns.sib
cut IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.cut IN A 192.0.2.9
ns.cut IN AAAA 2001:db8::9
sib IN NS ns.sib
ns.sib IN A 192.0.2.10
old IN DNAME new
a.new IN A 192.0.2.30
grow IN DNAME x.grow
up IN DNAME @
*.many IN DNAME many
pair1 IN DNAME x.pair2
pair2 IN DNAME pair1
towild IN NS ns.glued
toent IN NS x.glued
tozone IN NS ns.zone.glued
toent IN NS y.x.glued
*.glued IN A 192.0.2.77
z.x.glued IN TXT x
` + "long IN DNAME " + deep + "test.\n" + `unknown IN TYPE65280 \# 4 0A000001
*.wild IN CNAME a.b.c
`,
		"second.test": `$TTL 600
@ IN SOA ns1.example.test. hostmaster 7 3600 600 86400 9000
@ IN NS ns1.example.test.
www IN A 192.0.2.2
www IN A 192.0.2.3
`,
		"child.example.test": `$TTL 300
@ IN SOA ns1.example.test. hostmaster 7 3600 600 86400 60
@ IN NS ns1.example.test.
`,
		"zone.glued.example.test": `$TTL 300
@ IN SOA ns1.example.test. hostmaster 7 3600 600 86400 60
@ IN NS ns1.example.test.
`,
		"orphan.net": `$TTL 300
@ IN SOA ns1.example.test. hostmaster 7 3600 600 86400 60
@ IN NS ns1.example.test.
`}), snapshot.Local{})
	// Two DNAMEs that lead to each other: 16 links, and each DNAME once.
	pair := []string{"pair1.example.test. 300 DNAME x.pair2.example.test."}
	name := "a.pair1.example.test."
	for i := range maxChain {
		prefix := "a." + strings.Repeat("x.", (i+2)/2)
		next := prefix + []string{"pair2", "pair1"}[i%2] + ".example.test."
		pair = append(pair, name+" 300 CNAME "+next)
		if name = next; i == 0 {
			pair = append(pair, "pair2.example.test. 300 DNAME pair1.example.test.")
		}
	}
	const soa = "example.test. 60 SOA"
	const cut = "cut.example.test. 300 NS ns.cut.example.test.; cut.example.test. 300 NS ns.sib.example.test.; cut.example.test. 300 NS ns.other.org.; cut.example.test. 300 NS ns1.example.test."
	const glue = "ns.cut.example.test. 300 A 192.0.2.9; ns.cut.example.test. 300 AAAA 2001:db8::9; ns.sib.example.test. 300 A 192.0.2.10; ns1.example.test. 300 A 192.0.2.53"
	cases{
		{"b.c.example.test", "A", 0, "", soa, ""},                    // an empty non-terminal
		{"x.b.c.example.test", "A", 3, "", soa, ""},                  // beside it
		{"a.b.c.example.test", "MX", 0, "", soa, ""},                 // NODATA
		{"www.second.test", "MX", 0, "", "second.test. 600 SOA", ""}, // the SOA's TTL, as it is below MINIMUM
		{"alias.example.test", "A", 0, "alias.example.test. 300 CNAME a.b.c.example.test.; a.b.c.example.test. 300 A 192.0.2.1", "", ""},
		{"alias.example.test", "CNAME", 0, "alias.example.test. 300 CNAME a.b.c.example.test.", "", ""},
		{"alias.example.test", "ANY", 0, "alias.example.test. 300 CNAME a.b.c.example.test.", "", ""},
		{"alias.example.test", "TXT", 0, "alias.example.test. 300 CNAME a.b.c.example.test.", soa, ""},
		{"dangling.example.test", "A", 3, "dangling.example.test. 300 CNAME no.such.example.test.", soa, ""},
		{"outside.example.test", "A", 0, "outside.example.test. 300 CNAME www.example.org.", "", ""},
		{"cross.example.test", "A", 0, "cross.example.test. 300 CNAME www.second.test.; www.second.test. 600 A 192.0.2.2; www.second.test. 600 A 192.0.2.3", "", ""},
		{"loop1.example.test", "A", 0, "loop1.example.test. 300 CNAME loop2.example.test.; loop2.example.test. 300 CNAME loop3.example.test.; loop3.example.test. 300 CNAME loop1.example.test.", "", ""},
		{"self.example.test", "A", 0, "self.example.test. 300 CNAME self.example.test.", "", ""},
		{"tocut.example.test", "A", 0, "tocut.example.test. 300 CNAME x.cut.example.test.", cut, glue},
		{"x.wild.example.test", "A", 0, "x.wild.example.test. 300 CNAME a.b.c.example.test.; a.b.c.example.test. 300 A 192.0.2.1", "", ""},
		// Delegation (D-46): glue is not authoritative, DS is the parent's.
		{"x.cut.example.test", "A", 0, "", cut, glue},
		{"cut.example.test", "NS", 0, "", cut, glue},
		{"cut.example.test", "ANY", 0, "", cut, glue},
		{"ns.cut.example.test", "A", 0, "", cut, glue},
		{"cut.example.test", "DS", 0, "cut.example.test. 300 DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000", "", ""},
		{"x.cut.example.test", "DS", 0, "", cut, glue},
		{"sib.example.test", "DS", 0, "", soa, ""},
		// A name server that a wildcard stands for; below a cut there is no more than its glue.
		{"towild.example.test", "A", 0, "", "towild.example.test. 300 NS ns.glued.example.test.", "ns.glued.example.test. 300 A 192.0.2.77"},
		{"tozone.example.test", "A", 0, "", "tozone.example.test. 300 NS ns.zone.glued.example.test.", ""}, // that is another zone's
		{"toent.example.test", "A", 0, "", "toent.example.test. 300 NS x.glued.example.test.; toent.example.test. 300 NS y.x.glued.example.test.", ""},
		{"child.example.test", "DS", 3, "", soa, ""}, // the parent is here and has no such delegation
		{"orphan.net", "DS", 0, "", "orphan.net. 60 SOA", ""},
		{"child.example.test", "NS", 0, "child.example.test. 300 NS ns1.example.test.", "", ""},
		// DNAME (D-45)
		{"a.old.example.test", "A", 0, "old.example.test. 300 DNAME new.example.test.; a.old.example.test. 300 CNAME a.new.example.test.; a.new.example.test. 300 A 192.0.2.30", "", ""},
		{"b.old.example.test", "A", 3, "old.example.test. 300 DNAME new.example.test.; b.old.example.test. 300 CNAME b.new.example.test.", soa, ""},
		{"a.old.example.test", "CNAME", 0, "old.example.test. 300 DNAME new.example.test.; a.old.example.test. 300 CNAME a.new.example.test.", "", ""},
		{"old.example.test", "A", 0, "", soa, ""},
		{"a.grow.example.test", "A", 0, "grow.example.test. 300 DNAME x.grow.example.test.; a.grow.example.test. 300 CNAME a.x.grow.example.test.", "", ""}, // no end to it
		{"up.up.example.test", "DNAME", 0, "up.example.test. 300 DNAME example.test.; up.up.example.test. 300 CNAME up.example.test.", "", ""},              // once is enough (D-47)
		{"x.*.many.example.test", "DNAME", 0, "*.many.example.test. 300 DNAME many.example.test.; x.*.many.example.test. 300 CNAME x.many.example.test.; x.many.example.test. 300 DNAME many.example.test.", "", ""},
		{"a.pair1.example.test", "TXT", 0, strings.Join(pair, "; "), "", ""}, // D-43
		{"old.example.test", "DNAME", 0, "old.example.test. 300 DNAME new.example.test.", "", ""},
		{"a-label-that-is-long.long.example.test", "A", dns.RcodeYXDomain, "long.example.test. 300 DNAME " + deep + "test.", "", ""},
		// Outside (D-34)
		{"example.org", "A", dns.RcodeRefused, "", "", ""},
		{".", "NS", dns.RcodeRefused, "", "", ""},
		{"test", "SOA", dns.RcodeRefused, "", "", ""},
	}.run(t, v)

	m := ask(t, v, "unknown.example.test", 65280)
	if len(m.Answer) != 1 || m.Answer[0].(*dns.RFC3597).Rdata != "0a000001" {
		t.Errorf("an unknown type is answered\n%v", m)
	}
	if m := ask(t, v, "chain1.example.test", dns.TypeA); len(m.Answer) != maxChain || m.Rcode != 0 || len(m.Ns) > 0 {
		t.Errorf("a chain of 20 is answered with %d records, rcode %d", len(m.Answer), m.Rcode)
	}
	if m := ask(t, v, "chain6.example.test", dns.TypeA); len(m.Answer) != 16 || m.Answer[15].Header().Rrtype != dns.TypeA {
		t.Errorf("a chain of 15 is answered with\n%v", m)
	}
}

// D-37: one RRset, and no more than that.
func TestANY(t *testing.T) {
	v := steeredView(t)
	for name, want := range map[string]string{
		"example.test":     "example.test. 40 A 203.0.113.1",
		"www.example.test": "www.example.test. 30 A 203.0.113.1",
		"ns1.example.test": "ns1.example.test. 300 A 192.0.2.53",
		"other.test":       "other.test. 300 NS ns1.example.test.",
		"ext.example.test": "ext.example.test. 25 CNAME lb.elsewhere.net.",
	} {
		if m := ask(t, v, name, dns.TypeANY); text(m.Answer) != want || m.Truncated || len(m.Ns) > 0 {
			t.Errorf("ANY %s: %v", name, m)
		}
	}
}

// D-51 and RFC 9471: required data that does not fit sets TC, optional data does not; no set is split.
func TestTruncation(t *testing.T) {
	var zone strings.Builder
	zone.WriteString("$TTL 300\n@ IN SOA ns1 h 7 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n")
	zone.WriteString("inside IN NS ns.inside\nsibling IN NS ns.apart\napart IN NS ns.apart\nalias IN CNAME many\ntowide IN CNAME x.wide\ntoinside IN CNAME x.inside\n")
	for i := range 40 {
		fmt.Fprintf(&zone, "ns.inside IN A 192.0.2.%d\nns.apart IN A 192.0.2.%d\nmany IN A 192.0.2.%d\nwide IN NS ns%d.a-long-name-for-a-server\n", i, i, i, i)
	}
	v := viewOf(t, stateOf(t, map[string]string{"example.test": zone.String()}), snapshot.Local{})
	for _, c := range []struct {
		name                  string
		tc                    bool
		answer, ns, extra     int
		tcpAnswer, tcpNS, tcp int
	}{
		{"many.example.test", true, 0, 0, 0, 40, 0, 0},
		{"alias.example.test", true, 1, 0, 0, 41, 0, 0},
		{"x.inside.example.test", true, 0, 1, 0, 0, 1, 40},   // its own glue is required
		{"x.sibling.example.test", false, 0, 1, 0, 0, 1, 40}, // a sibling's is not
		{"x.wide.example.test", true, 0, 0, 0, 0, 40, 0},
		{"towide.example.test", false, 1, 0, 0, 1, 40, 0}, // where a chain goes on is nothing that it lacks
		{"toinside.example.test", false, 1, 1, 0, 1, 1, 40},
	} {
		q := new(dns.Msg)
		q.SetQuestion(c.name+".", dns.TypeA)
		m := exchange(t, v, q, false)
		if m.Truncated != c.tc || len(m.Answer) != c.answer || len(m.Ns) != c.ns || len(m.Extra) != c.extra {
			t.Errorf("%s: TC=%v %d/%d/%d\n%v", c.name, m.Truncated, len(m.Answer), len(m.Ns), len(m.Extra), m)
		}
		if m = exchange(t, v, q, true); m.Truncated || len(m.Answer) != c.tcpAnswer || len(m.Ns) != c.tcpNS || len(m.Extra) != c.tcp {
			t.Errorf("%s over TCP: TC=%v %d/%d/%d", c.name, m.Truncated, len(m.Answer), len(m.Ns), len(m.Extra))
		}
	}
}

// A zone that cannot say what it lacks is broken: SERVFAIL, and only then (D-35).
func TestZoneWithoutSOA(t *testing.T) {
	state := policy.NewState()
	z := policy.NewZone(policy.MustName("broken.test"))
	if err := z.Set(z.Name, policy.RRset{Type: policy.TypeA, TTL: 1, Data: [][]byte{{1, 2, 3, 4}}}); err != nil {
		t.Fatal(err)
	}
	state.Zones.Set(z.Name.Key(), z)
	if m := ask(t, viewOf(t, state, snapshot.Local{}), "x.broken.test", dns.TypeA); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("answered\n%v", m)
	}
}
