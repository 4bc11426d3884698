package zonefile

import (
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// headText takes lines 1 to 6.
func TestWarnings(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to warn of", "w A 192.0.2.1\n@ MX 10 w\n@ MX 20 mx.example.net.\n_s._tcp SRV 0 0 1 .\ngone MX 0 .\n*.x A 192.0.2.1\ny MX 1 any.x\n", ""},
		{"TTLs differ", "w 60 A 192.0.2.1\nv A 192.0.2.1\nw 30 A 192.0.2.2\nw 20 A 192.0.2.3\n", "z:9: TTL 30 differs from TTL 60 of line 7 in the same RRset, w.example.com A; 60 is used for all of it (RFC 2181 section 5.2)"},
		{"signatures have TTLs of their own", "w 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 example.com. AAAA\nw 30 RRSIG TXT 8 2 30 20300101000000 20200101000000 1 example.com. AAAA\n", ""},
		{"glue is missing", "sub NS ns.sub\nsub NS ns.example.net.\n", "z:7: sub.example.com NS leads to ns.sub.example.com, which is below a delegation and has no glue: add its A or AAAA record"},
		{"glue is there", "sub NS ns.sub\nsub NS sub\nsub A 192.0.2.1\nns.sub AAAA 2001:db8::1\n", ""},
		{"glue of a sibling", "sub NS ns.sub2\nsub2 NS ns.sub2\nns.sub2 A 192.0.2.1\n", ""},
		{"glue of a sibling is missing", "sub NS ns.sub2\nsub2 NS ns.example.net.\n", "z:7: sub.example.com NS leads to ns.sub2.example.com, which is below a delegation and has no glue: add its A or AAAA record"},
		{"data below a cut", "sub NS ns.example.net.\nwww.sub A 192.0.2.1\nwww.sub TXT x\n", "z:8: www.sub.example.com A is never answered: the delegation at sub.example.com hides it"},
		{"data at a cut", "sub NS ns.example.net.\nsub MX 10 x.\nsub DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123\n", "z:8: sub.example.com MX is never answered: the delegation at sub.example.com hides it"},
		{"a cut below a cut", "sub NS ns.example.net.\ndeep.sub NS ns.example.net.\n", "z:8: deep.sub.example.com NS is never answered: the delegation at sub.example.com hides it"},
		{"data below a DNAME", "d DNAME x.\nd A 192.0.2.1\nw.d A 192.0.2.1\n", "z:9: w.d.example.com A is never answered: the DNAME at d.example.com hides it"},
		{"a name that only looks below", "d DNAME x.\nwd A 192.0.2.1\nd-1 A 192.0.2.1\n", ""},
		{"targets that are aliases", "c CNAME x.\n@ MX 10 c\n_s._tcp SRV 0 0 1 c\n@ NS c\n", "z:8: example.com MX leads to c.example.com, which is an alias (CNAME); it must be a name with addresses (RFC 2181 section 10.3)|" +
			"z:9: _s._tcp.example.com SRV leads to c.example.com, which is an alias (CNAME); it must be a name with addresses (RFC 2181 section 10.3)|" +
			"z:10: example.com NS leads to c.example.com, which is an alias (CNAME); it must be a name with addresses (RFC 2181 section 10.3)"},
		{"targets that a wildcard makes aliases", "*.c CNAME x.\n@ MX 10 a.b.c\n", "z:8: example.com MX leads to a.b.c.example.com, which is an alias (CNAME); it must be a name with addresses (RFC 2181 section 10.3)"},
		{"targets without address", "t TXT x\n@ MX 10 t\n@ MX 20 nowhere\n@ NS nowhere\nv NS nowhere\n", "z:8: example.com MX leads to t.example.com, which has no address in the zone|" +
			"z:9: example.com MX leads to nowhere.example.com, which has no address in the zone|z:10: example.com NS leads to nowhere.example.com, which has no address in the zone|" +
			"z:11: v.example.com NS leads to nowhere.example.com, which has no address in the zone"},
		{"an empty non-terminal stops the wildcard", "* A 192.0.2.1\na.ent A 192.0.2.1\n@ MX 10 b.ent\n", "z:9: example.com MX leads to b.ent.example.com, which has no address in the zone"},
		{"a target in another zone's hands", "sub NS ns.example.net.\n@ MX 10 mail.sub\nd DNAME x.\n@ MX 20 mail.d\n", ""},
		{"AliasMode", "a HTTPS 0 w.example.net.\nb HTTPS 0 w.example.net. alpn=h2\nc SVCB 1 .\nc SVCB 0 w.example.net.\nd HTTPS 1 . alpn=h2\nd HTTPS 2 .\n",
			"z:8: b.example.com HTTPS has priority 0 (AliasMode) and parameters, which clients pass over (RFC 9460 section 2.4.2)|" +
				"z:10: c.example.com SVCB has priority 0 (AliasMode) beside others (1), which clients pass over (RFC 9460 section 2.4.1)"},
		{"delegations that need each other", "a NS ns.b\nb NS ns.c\nc NS ns.a\n", "z:7: a.example.com NS leads to ns.b.example.com, which is below a delegation and has no glue: add its A or AAAA record|" +
			"z:7: the delegations a.example.com, b.example.com and c.example.com need each other: the name servers of each are inside another and have no glue, so none can be resolved; add an A or AAAA record|" +
			"z:8: b.example.com NS leads to ns.c.example.com, which is below a delegation and has no glue: add its A or AAAA record|z:9: c.example.com NS leads to ns.a.example.com, which is below a delegation and has no glue: add its A or AAAA record"},
		{"delegations that need each other, one of which has glue", "a NS ns.b\nb NS ns.a\nns.a A 192.0.2.1\n", "z:7: a.example.com NS leads to ns.b.example.com, which is below a delegation and has no glue: add its A or AAAA record"},
		{"delegations that need each other, with a way out", "a NS ns.b\nb NS ns.a\nb NS ns.example.net.\n", "z:7: a.example.com NS leads to ns.b.example.com, which is below a delegation and has no glue: add its A or AAAA record|" +
			"z:8: b.example.com NS leads to ns.a.example.com, which is below a delegation and has no glue: add its A or AAAA record"},
		{"an RRset of one answer", "$GENERATE 1-74 w A 192.0.2.$\n", ""},
		{"an RRset too large for one answer", "$GENERATE 1-75 w A 192.0.2.$\n", "z:7: w.example.com A makes an answer of about 1242 octets; over 1232 it goes by TCP, or in fragments that get lost (RFC 9715)"},
		{"DS without NS", "w DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123\n", "z:7: w.example.com has DS records and no NS; DS belongs to a delegation"},
		{"DS at the apex", "@ DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123\n", "z:7: example.com has a DS record; DS is asked of the parent zone (RFC 4035 section 2.4)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, warnings := parse(t, headText+tt.in)
			if got := strings.Join(lines(warnings), "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestWarningSingleNameServer(t *testing.T) {
	_, warnings := parse(t, "$TTL 1\n@ SOA a. b. 1 2 3 4 5\n@ NS a.\n")
	want := "z:3: example.com has a single name server; two or more keep it reachable (RFC 2182 section 5)"
	if got := strings.Join(lines(warnings), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Check sees a zone value that no file stands behind.
func TestCheck(t *testing.T) {
	set := func(z *policy.Zone, name string, ttl uint32, text string) {
		t.Helper()
		owner, s, err := ParseRR(name+" "+text, policy.Root, ttl)
		if err != nil {
			t.Fatal(err)
		}
		if err := z.Set(owner, s); err != nil {
			t.Fatal(err)
		}
	}
	z := policy.NewZone(example)
	errs, warnings := Check(z)
	if got := strings.Join(lines(errs), "|"); got != "example.com has no SOA record; a zone needs one at its apex|example.com has no NS record; a zone needs its name servers at its apex" || len(warnings) > 0 {
		t.Errorf("empty zone: %s, %q", got, lines(warnings))
	}
	set(z, "example.com", 60, "SOA a. b. 1 2 3 4 5")
	set(z, "example.com", 60, "NS a.")
	if errs, warnings := Check(z); len(errs) > 0 || len(warnings) != 1 {
		t.Errorf("%q, %q", lines(errs), lines(warnings))
	}
	set(z, "w.example.com", 60, "CNAME x.")
	set(z, "w.example.com", 60, "TXT x")
	if err := z.Set(policy.MustName("w.example.com"), policy.RRset{Type: 255, Data: [][]byte{{}}}); err != nil {
		t.Fatal(err)
	}
	z.Owner(policy.MustName("w.example.com")).RRsets[0].TTL = 1 << 31 // which Zone.Set would not take
	errs, _ = Check(z)
	want := "w.example.com CNAME: TTL 2147483648 is over 2147483647, the largest there is (RFC 2181 section 8)|w.example.com: ANY is not a type that a zone can hold|" +
		"w.example.com has a CNAME and also TXT, ANY; a CNAME stands alone (RFC 2181 section 10.1)"
	if got := strings.Join(lines(errs), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Mistakes and Warnings of single names are those of the whole zone, whatever name is looked at.
func TestSingleNames(t *testing.T) {
	z, _ := parse(t, headText+`c CNAME x.
d DNAME x.
w.d A 192.0.2.1
sub NS ns.sub
sub NS ns.example.net.
www.sub TXT x
@ MX 10 c
@ MX 20 nowhere
deep.sub NS ns.example.net.
w DS 1 8 2 0123456789012345678901234567890123456789012345678901234567890123
$GENERATE 1-80 many A 192.0.2.$
`)
	w := z.Owner(policy.MustName("c.example.com")) // which no reader would let through
	w.RRsets = append(w.RRsets, policy.RRset{Type: policy.TypeTXT, Data: [][]byte{{0}}})
	w.RRsets[0].Data = append(w.RRsets[0].Data, []byte("\x01y\x00"))
	z.Owner(example).RRsets[0].TTL = 1 << 31
	var errs, warnings []string
	for key := range z.Owners.All {
		errs = append(errs, Mistakes(z, nameOf(key))...)
		warnings = append(warnings, Warnings(z, nameOf(key))...)
	}
	wantErrs, wantWarnings := Check(z)
	for what, lists := range map[string][2][]string{"errors": {errs, lines(wantErrs)}, "warnings": {warnings, lines(wantWarnings)}} {
		slices.Sort(lists[0])
		slices.Sort(lists[1])
		if !slices.Equal(lists[0], lists[1]) || len(lists[0]) < 3 {
			t.Errorf("%s: of single names\n%s\nof the zone\n%s", what, strings.Join(lists[0], "\n"), strings.Join(lists[1], "\n"))
		}
	}
}

func TestRing(t *testing.T) {
	served := map[policy.Name]*policy.Zone{}
	for zone, servers := range map[string]string{
		"example.com": "@ NS ns1.example.net.\n@ NS ns2.example.org.\n", "example.net": "@ NS NS.EXAMPLE.com.\n", "example.org": "@ NS ns.example.net.\n",
		"inside.test": "@ NS ns.inside.test.\n@ NS ns.example.com.\n", "outside.test": "@ NS ns.example.com.\n@ NS ns.elsewhere.test.\n",
		"a.test": "@ NS ns.b.test.\n", "b.test": "@ NS ns.inside.test.\n", "into.test": "@ NS ns.example.com.\n",
	} {
		z, _, err := Parse(strings.NewReader("$TTL 60\n@ SOA a. b. 1 2 3 4 5\n"+servers), policy.MustName(zone), "z", Limits{})
		if err != nil {
			t.Fatal(err)
		}
		served[z.Name] = z
	}
	holder := func(n policy.Name) *policy.Zone {
		for ; n != ""; n = n.Parent() {
			if served[n] != nil {
				return served[n]
			}
		}
		return nil
	}
	for zone, stuck := range map[string]bool{
		"example.com": true, "example.net": true, "example.org": true, "into.test": true,
		"inside.test": false, "outside.test": false, "a.test": false, "b.test": false,
	} {
		want := ""
		if stuck {
			want = "the name servers of " + zone + " can be found by nobody: those of the zones example.com and example.net are each inside another of them; give one of them a name server inside itself, with glue in its parent, or elsewhere"
		}
		if got := Ring(served[policy.MustName(zone)], holder); got != want {
			t.Errorf("%s: %q, want %q", zone, got, want)
		}
	}
}
