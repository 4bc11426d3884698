package zonefile

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

var update = flag.Bool("update", false, "write the golden files anew")

const headText = `$TTL 3600
@ SOA ns1 host 1 2 3 4 5
@ NS ns1
@ NS ns2
ns1 A 192.0.2.1
ns2 A 192.0.2.2
`

var example = policy.MustName("example.com")

func parse(t *testing.T, text string) (*policy.Zone, []policy.Problem) {
	t.Helper()
	z, warnings, err := Parse(strings.NewReader(text), example, "z", Limits{})
	if err != nil {
		t.Fatalf("refused: %v\n%.2000s", err, text)
	}
	return z, warnings
}

// problemsOf is the problems of a refusal as lines.
func problemsOf(t *testing.T, err error) []string {
	t.Helper()
	var e *policy.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T, want *policy.Error: %v", err, err)
	}
	if e.Kind != policy.Invalid {
		t.Errorf("kind %q, want invalid", e.Kind)
	}
	return lines(e.Problems)
}

func lines(ps []policy.Problem) []string {
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return out
}

// text is the zone as "owner ttl type data", without what headText holds.
func text(t *testing.T, z *policy.Zone) []string {
	t.Helper()
	var out []string
	for name, set := range z.Sets {
		for _, d := range set.Data {
			data, err := FormatRData(set.Type, d)
			if err != nil {
				t.Fatal(err)
			}
			line := fmt.Sprintf("%s %d %s %s", name, set.TTL, TypeString(set.Type), data)
			switch line {
			case "example.com 3600 SOA ns1.example.com. host.example.com. 1 2 3 4 5",
				"example.com 3600 NS ns1.example.com.", "example.com 3600 NS ns2.example.com.",
				"ns1.example.com 3600 A 192.0.2.1", "ns2.example.com 3600 A 192.0.2.2":
			default:
				out = append(out, line)
			}
		}
	}
	return out
}

func TestParseGood(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"comments and blank lines", "; one\n\n   \n\t; two\nw A 192.0.2.9 ; three\n", "w.example.com 3600 A 192.0.2.9"},
		{"comment touching the data", "w A 192.0.2.9;c\n", "w.example.com 3600 A 192.0.2.9"},
		{"no newline at the end", "w A 192.0.2.9", "w.example.com 3600 A 192.0.2.9"},
		{"CRLF", "w A 192.0.2.9\r\n\tTXT a\r\n", "w.example.com 3600 A 192.0.2.9|w.example.com 3600 TXT \"a\""},
		{"blank owner repeats, across comments and directives", "w A 192.0.2.9\n; c\n$ORIGIN org.\n  TXT \"x\"\n", "w.example.com 3600 A 192.0.2.9|w.example.com 3600 TXT \"x\""},
		{"parentheses without any other space", "w MX 10(\nfoo\n)\n", "w.example.com 3600 MX 10 foo.example.com."},
		{"line ends inside parentheses part words", "w MX (\n10\nfoo)\n", "w.example.com 3600 MX 10 foo.example.com."},
		{"comments inside parentheses", "w TXT ( a ; one )\n  b ; two (\n )\n", "w.example.com 3600 TXT \"a\" \"b\""},
		{"TTL, class in both orders", "a 1h IN A 192.0.2.9\nb IN 1h A 192.0.2.9\nc IN A 192.0.2.9\nd 2 A 192.0.2.9\ne class1 a 192.0.2.9\n",
			"a.example.com 3600 A 192.0.2.9|b.example.com 3600 A 192.0.2.9|c.example.com 3600 A 192.0.2.9|d.example.com 2 A 192.0.2.9|e.example.com 3600 A 192.0.2.9"},
		{"TTL units", "a 1w2d3h4m5s A 192.0.2.9\nb 1H30M A 192.0.2.9\nc 5s4m A 192.0.2.9\nd 2147483647 A 192.0.2.9\ne 0 A 192.0.2.9\n",
			"a.example.com 788645 A 192.0.2.9|b.example.com 5400 A 192.0.2.9|c.example.com 245 A 192.0.2.9|d.example.com 2147483647 A 192.0.2.9|e.example.com 0 A 192.0.2.9"},
		{"$TTL changes midway", "a A 192.0.2.9\n$TTL 1d\nb A 192.0.2.9\nc 5 A 192.0.2.9\nd A 192.0.2.9\n",
			"a.example.com 3600 A 192.0.2.9|b.example.com 86400 A 192.0.2.9|c.example.com 5 A 192.0.2.9|d.example.com 86400 A 192.0.2.9"},
		{"$ORIGIN relative and absolute", "$ORIGIN a\nx A 192.0.2.9\n@ A 192.0.2.8\n$ORIGIN b.example.com.\nx A 192.0.2.7\n",
			"a.example.com 3600 A 192.0.2.8|x.a.example.com 3600 A 192.0.2.9|x.b.example.com 3600 A 192.0.2.7"},
		{"types and classes as owners", "IN A 192.0.2.9\nA A 192.0.2.9\nMX MX 10 a.\n300 A 192.0.2.9\n",
			"300.example.com 3600 A 192.0.2.9|a.example.com 3600 A 192.0.2.9|in.example.com 3600 A 192.0.2.9|mx.example.com 3600 MX 10 a."},
		{"owners in lower case, data as it stands", "Www CNAME Foo.Example.COM.\n", "www.example.com 3600 CNAME Foo.Example.COM."},
		{"case of $ORIGIN in data", "$ORIGIN Sub.Example.com.\nw CNAME x\n", "w.sub.example.com 3600 CNAME x.Sub.Example.com."},
		{"escapes in names", "a\\.b A 192.0.2.9\n\\@ A 192.0.2.8\nc\\032d A 192.0.2.7\nw CNAME \\@\n",
			"\\@.example.com 3600 A 192.0.2.8|a\\.b.example.com 3600 A 192.0.2.9|c\\032d.example.com 3600 A 192.0.2.7|w.example.com 3600 CNAME \\@.example.com."},
		{"strings", `w TXT "a;b(c)d" e\;f\(g\) "\"\\" \065\195 "" ; c` + "\n", `w.example.com 3600 TXT "a;b(c)d" "e;f(g)" "\"\\" "A\195" ""`},
		{"strings that touch", `w TXT "a""b"c` + "\n", `w.example.com 3600 TXT "a" "b" "c"`},
		{"octets beyond ASCII", "w TXT é\n", `w.example.com 3600 TXT "\195\169"`},
		{"duplicates are merged, case of names apart", "w A 192.0.2.9\nw A 192.0.2.9\nw CAA 0 issue \"x\"\nv CNAME a.\nv CNAME A.\n",
			"v.example.com 3600 CNAME a.|w.example.com 3600 A 192.0.2.9|w.example.com 3600 CAA 0 issue \"x\""},
		{"unknown types in pieces", "w TYPE65280 \\# 3 01 0203\n  TYPE65281 \\# ( 2 0a\n 0B )\n TYPE65282 \\# 0\n", `w.example.com 3600 TYPE65280 \# 3 010203|w.example.com 3600 TYPE65281 \# 2 0a0b|w.example.com 3600 TYPE65282 \# 0`},
		{"known types in generic form", "w A \\# 4 C0000209\n  TYPE15 \\# 5 000A 0141 00\n", `w.example.com 3600 A 192.0.2.9|w.example.com 3600 MX 10 A.`},
		{"fields without quotes", "w CAA 0 issue ca.example.net\n  NAPTR 1 2 S SIP+D2T \"\" x\n", `w.example.com 3600 NAPTR 1 2 "S" "SIP+D2T" "" x.example.com.|w.example.com 3600 CAA 0 issue "ca.example.net"`},
		{"parameters of HTTPS", "w HTTPS 1 . port=443 key1=\\002h2 key65000=\"a b\"\n", `w.example.com 3600 HTTPS 1 . alpn="h2" port="443" key65000="a\ b"`},
		{"LOC without minutes", "w LOC 52 22 N 4 E 0m 1m\n", `w.example.com 3600 LOC 52 22 0.000 N 04 00 0.000 E 0m 1m 10000m 10m`},
		{"bitmap out of order", "w NSEC x TXT A A\n", `w.example.com 3600 NSEC x.example.com. A TXT`},
		{"TTLs differ: the first holds", "w 60 A 192.0.2.9\nw 30 A 192.0.2.8\n", "w.example.com 60 A 192.0.2.8|w.example.com 60 A 192.0.2.9"},
		{"DNSSEC beside CNAME", "w CNAME x.\n  NSEC v CNAME\n", "w.example.com 3600 CNAME x.|w.example.com 3600 NSEC v.example.com. CNAME"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z, _ := parse(t, headText+tt.in)
			if got := strings.Join(text(t, z), "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			roundTrip(t, z)
		})
	}
}

func TestParseByteOrderMark(t *testing.T) {
	z, _ := parse(t, "\ufeff"+headText)
	if z.Records != 5 {
		t.Errorf("%d records, want 5", z.Records)
	}
}

func TestParseTTLWithoutDirective(t *testing.T) {
	tests := []struct{ name, in, want, warning string }{
		{"the SOA's minimum", "@ SOA a. b. 1 2 3 4 77\n@ NS a.\n@ NS b.\nw A 192.0.2.9\n", "w.example.com 77 A 192.0.2.9", "z:1: no TTL is given; the SOA's minimum, 77, is used"},
		{"the minimum stays when a TTL is given later", "@ SOA a. b. 1 2 3 4 77\n@ NS a.\n@ NS b.\n@ 5 TXT x\nw A 192.0.2.9\n", "w.example.com 77 A 192.0.2.9", "z:1: no TTL is given; the SOA's minimum, 77, is used"},
		{"the last explicit one", "@ 99 SOA a. b. 1 2 3 4 77\n@ NS a.\n@ NS b.\nv 55 TXT x\nw A 192.0.2.9\n", "w.example.com 55 A 192.0.2.9", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z, warnings := parse(t, tt.in)
			if got := text(t, z); got[len(got)-1] != tt.want {
				t.Errorf("got %s, want %s", got[len(got)-1], tt.want)
			}
			if got := strings.Join(lines(warnings), "|"); got != tt.warning {
				t.Errorf("warnings %q, want %q", got, tt.warning)
			}
		})
	}
}

func TestParseApex(t *testing.T) {
	const file = "$TTL 60\n$ORIGIN org.\nexample SOA a. b. 1 2 3 4 5\nexample NS a.\nexample NS b.\nw.example A 192.0.2.9\n"
	z, _, err := Parse(strings.NewReader(file), "", "z", Limits{})
	if err != nil || z.Name != policy.MustName("example.org") {
		t.Errorf("apex from the SOA: %v, %v", z, err)
	}
	if z, _, err := Parse(strings.NewReader(file), policy.MustName("example.org"), "z", Limits{}); err != nil || z.Records != 4 {
		t.Errorf("apex as given: %v, %v", z, err)
	}
	_, _, err = Parse(strings.NewReader(file), example, "z", Limits{})
	if got := strings.Join(problemsOf(t, err), "|"); got != "z:3: the file is that of the zone example.org, by its SOA record, and not of example.com" {
		t.Errorf("another zone's file: %s", got)
	}
	root := "$TTL 60\n. SOA a. b. 1 2 3 4 5\n. NS a.\n. NS b.\na. A 192.0.2.1\nb A 192.0.2.2\n"
	if _, _, err := Parse(strings.NewReader(root), "", "z", Limits{}); err == nil {
		t.Error("a relative name without any origin is accepted")
	}
	z, _, err = Parse(strings.NewReader(root), policy.Root, "z", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	roundTrip(t, z)
	if _, _, err := Parse(strings.NewReader(file), "\x03", "z", Limits{}); policy.KindOf(err) != policy.Invalid {
		t.Errorf("malformed apex: %v", err)
	}
}

func TestParseSample(t *testing.T) {
	f, err := os.Open("testdata/sample.zone")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, warnings, err := Parse(f, "", "sample.zone", Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(warnings) > 0 {
		t.Errorf("warnings: %q", lines(warnings))
	}
	var out bytes.Buffer
	if err := Write(&out, z); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/sample.golden", out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/sample.golden")
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("the export differs from testdata/sample.golden; look at it, and if it is right, run go test -update:\n%s", &out)
	}
	roundTrip(t, z)
}

// roundTrip writes a zone, reads it back, and wants the same zone and the same file.
func roundTrip(t interface {
	Helper()
	Fatalf(string, ...any)
}, z *policy.Zone) {
	t.Helper()
	var first, second bytes.Buffer
	if err := Write(&first, z); err != nil {
		t.Fatalf("export: %v", err)
	}
	again, _, err := Parse(bytes.NewReader(first.Bytes()), "", "export", Limits{})
	if err != nil {
		t.Fatalf("the export is refused: %v\n%s", err, &first)
	}
	if again.Name != z.Name || again.Owners.Sum() != z.Owners.Sum() || again.Records != z.Records || again.Owners.Len() != z.Owners.Len() {
		t.Fatalf("the export is another zone:\n%s", &first)
	}
	if err := Write(&second, again); err != nil {
		t.Fatalf("second export: %v", err)
	}
	if first.String() != second.String() {
		t.Fatalf("two exports differ:\n%s\n%s", &first, &second)
	}
}

func TestParseRR(t *testing.T) {
	name, set, err := ParseRR("www 300 IN MX 10 Mail", example, 60)
	if err != nil || name != policy.MustName("www.example.com") || set.Type != policy.TypeMX || set.TTL != 300 {
		t.Fatalf("%v %v %v", name, set, err)
	}
	if got, _ := FormatRData(set.Type, set.Data[0]); got != "10 Mail.example.com." {
		t.Errorf("data %q", got)
	}
	if _, set, err = ParseRR("@ A 192.0.2.1\n", example, 60); err != nil || set.TTL != 60 {
		t.Errorf("default TTL: %v %v", set, err)
	}
	for in, want := range map[string]string{
		"":                             "the text has 0 records; exactly one is needed",
		"a A 192.0.2.1\nb A 192.0.2.2": "the text has 2 records; exactly one is needed",
		"$TTL 5\n":                     "1:1: a single record is needed here, no directive",
		"  A 192.0.2.1":                "1:3: the record has no owner, and there is none before it to repeat",
		"a A 192.0.2":                  `1:5: bad address "192.0.2": the A record needs an IPv4 address like 192.0.2.1`,
	} {
		_, _, err := ParseRR(in, example, 60)
		if got := problemsOf(t, err); got[0] != want {
			t.Errorf("%q: %q, want %q", in, got[0], want)
		}
	}
	if _, _, err := ParseRR("a A 192.0.2.1", "", 60); err == nil {
		t.Error("a relative name is accepted without an origin")
	}
}

func TestRData(t *testing.T) {
	wire, err := ParseRData(policy.TypeSRV, "1 2 3 host", example)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := FormatRData(policy.TypeSRV, wire); err != nil || got != "1 2 3 host.example.com." {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := ParseRData(policy.TypeA, "192.0.2.1\n192.0.2.2", example); policy.KindOf(err) != policy.Invalid {
		t.Errorf("two data: %v", err)
	}
	for _, bad := range []struct {
		typ  uint16
		wire string
	}{
		{policy.TypeA, "\x01"}, {policy.TypeA, ""}, {policy.TypeMX, "\x00\x0a\xc0\x00"}, {policy.TypeTXT, ""}, {policy.TypeTXT, "\x05a"},
		{policy.TypeNS, "\x03foo"}, {policy.TypeSOA, "\x00\x00\x00"}, {65, "\x00\x01\x00\x00\x03\x00\x02"},
		{policy.TypeMX, "\x00\x0a"}, {policy.TypeSRV, "\x00\x0a\x00\x0a\x00\x0a"}, {policy.TypeSOA, "\x00"}, {24, "\x00\x01\x08\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"},
	} {
		if got, err := FormatRData(bad.typ, []byte(bad.wire)); policy.KindOf(err) != policy.Invalid {
			t.Errorf("%s %x: %q, %v", TypeString(bad.typ), bad.wire, got, err)
		}
	}
	// RFC 3597 section 5: data of any type is the generic form at need.
	if got, err := FormatRData(65280, []byte{1, 2}); err != nil || got != `\# 2 0102` {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTypes(t *testing.T) {
	for s, want := range map[string]uint16{"A": 1, "aaaa": 28, "TYPE28": 28, "type65280": 65280, "https": 65, "NSAP-PTR": 23} {
		if got, err := ParseType(s); err != nil || got != want {
			t.Errorf("ParseType(%q) = %d, %v", s, got, err)
		}
	}
	for _, s := range []string{"", "TYPE", "TYPE65536", "TYPE-1", "FOO", "None", "Reserved"} {
		if got, err := ParseType(s); err == nil {
			t.Errorf("ParseType(%q) = %d", s, got)
		}
	}
	for n := range 65536 {
		if got, err := ParseType(TypeString(uint16(n))); err != nil || int(got) != n {
			t.Fatalf("type %d is written %q and read %d, %v", n, TypeString(uint16(n)), got, err)
		}
	}
}
