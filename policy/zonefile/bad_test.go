package zonefile

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/meridian-gtm/meridian/policy"
)

// headText takes lines 1 to 6; what a test adds starts in line 7.
func TestParseBad(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"unknown type", "w FOO bar\n", `z:7:3: unknown record type "FOO"; write TYPE and its number for one without a name`},
		{"type number", "w TYPE65536 \\# 0\n", `z:7:3: bad record type "TYPE65536": TYPE0 to TYPE65535 exist`},
		{"meta-type", "w ANY 1\nw TYPE41 \\# 0\nw AXFR x\n", `z:7:3: ANY is not a type that a zone can hold|z:8:3: OPT is not a type that a zone can hold|z:9:3: AXFR is not a type that a zone can hold`},
		{"class", "w CH A 192.0.2.1\nw CLASS4 A 192.0.2.1\n", `z:7:3: class CH is not served; only IN is|z:8:3: class CLASS4 is not served; only IN is`},
		{"class twice", "w IN IN A 192.0.2.1\n", `z:7:6: the record has its class twice`},
		{"TTL twice", "w 1h IN 5 A 192.0.2.1\n", `z:7:9: the record has two TTLs, 3600 and 5`},
		{"TTL too large", "w 2147483648 A 192.0.2.1\n$TTL 3w4294967296\n", `z:7:3: TTL 2147483648 is over 2147483647, the largest there is (RFC 2181 section 8)|z:8:6: $TTL: bad TTL: 3w4294967296 is over 4294967295 seconds`},
		{"TTL without a unit", "w 1h30 A 192.0.2.1\n", `z:7:3: bad TTL: "1h30" ends in a number without its unit`},
		{"TTL of no sense", "w 1y A 192.0.2.1\n", `z:7:3: bad TTL: "1y" is not a number of seconds; write 3600 or 1h30m`},
		{"address", "w A 192.0.2.256\nw A 01.2.3.4\nw A 2001:db8::1\nw AAAA 192.0.2.1\nw AAAA fe80::1%eth0\n",
			`z:7:5: bad address "192.0.2.256": the A record needs an IPv4 address like 192.0.2.1|z:8:5: bad address "01.2.3.4": the A record needs an IPv4 address like 192.0.2.1|` +
				`z:9:5: bad address "2001:db8::1": the A record needs an IPv4 address like 192.0.2.1|z:10:8: bad address "192.0.2.1": the AAAA record needs an IPv6 address like 2001:db8::1|` +
				`z:11:8: bad address "fe80::1%eth0": the AAAA record needs an IPv6 address like 2001:db8::1`},
		{"no data", "w A\nw TXT\nw SSHFP\n", `z:7: the A record has no data|z:8: the TXT record has no data|z:9: the SSHFP record has no data`},
		{"too little data", "w MX 10\nw SOA a. b. 1 2 3 4\n", `z:7:6: the MX record lacks its name|z:8:19: the SOA record lacks its minimum`},
		{"too much data", "w A 192.0.2.1 5\nw CNAME a b\n", `z:7:15: "5" is more than the data of one A record|z:8:11: "b" is more than the data of one CNAME record`},
		{"number too large", "w MX 65536 a.\nw SRV 1 -2 3 a.\n", `z:7:6: bad preference "65536": a number from 0 to 65535 is needed|z:8:9: bad weight "-2": a number from 0 to 65535 is needed`},
		{"quotes around a name", "w CNAME \"a.\"\n", `z:7:9: the name of type CNAME stands without quotes`},
		{"an owner alone", "w\n", `z:7:1: the record has an owner and nothing else`},
		{"no type", "w 300 IN\n", `z:7:7: the record has no type`},
		{"empty label", "a..b A 192.0.2.1\n.a A 192.0.2.1\n", `z:7:1: bad owner: name "a..b" has an empty label|z:8:1: bad owner: name ".a" has an empty label`},
		{"a bad owner is told once", "a..b A 192.0.2.1\n  TXT x\n  TXT y\nc A 192.0.2.1\n", `z:7:1: bad owner: name "a..b" has an empty label`},
		{"label too long", strings.Repeat("a", 64) + " A 192.0.2.1\n", `z:7:1: bad owner: name "` + strings.Repeat("a", 64) + `" has a label of 64 octets; 63 is the most`},
		{"name too long", "w CNAME " + strings.Repeat("a.", 122) + "\n$ORIGIN " + strings.Repeat("a.", 128) + "\n",
			`z:8:9: bad $ORIGIN: name "` + strings.Repeat("a.", 38) + `a..." is 257 octets long with its origin; 255 is the most`},
		{"escapes", "w\\300 A 192.0.2.1\nw\\03 A 192.0.2.1\nw TXT \\256\n", `z:7:1: bad owner: name "w\\300" has an escape "\\300" over 255|z:8:1: bad owner: name "w\\03" has a bad escape "\\03"; use three digits|z:9:7: the string has an escape "\\256" over 255`},
		{"backslash at the end", "w TXT a\\\nw TXT \"a\\\n", `z:7:8: a backslash ends the line; write \\ for a backslash itself|z:8:9: a backslash ends the line; write \\ for a backslash itself`},
		{"open quote", "w TXT \"abc\nx A 192.0.2.1\n", `z:7:7: this quote is not closed on its line`},
		{"long string", "w TXT " + strings.Repeat("a", 256) + "\n", `z:7:7: the string is 256 octets long; 255 is the most, so write several strings`},
		{"open parenthesis", "w TXT ( a\nx A 192.0.2.1\n", `z:7:7: this parenthesis is never closed`},
		{"open parenthesis in the last line", "w TXT ( a", `z:7:7: this parenthesis is never closed`},
		{"stray parenthesis", "w TXT a )\n", `z:7:9: this parenthesis closes nothing`},
		{"a mistake inside parentheses", "w SOA a. b. (\n 1 ; serial\n 2\n x ; retry\n 4 5 )\n", `z:10:2: bad retry: "x" is not a number of seconds; write 3600 or 1h30m`},
		{"other types", "w SSHFP 4 x 00\nw CAA 300 issue \"x\"\nw TLSA 3 1 1 xyz\nw CAA 0 issue\n",
			`z:7:11: bad SSHFP record: bad SSHFP Type: "x"|z:8:7: bad flags "300": a number from 0 to 255 is needed|z:9:8: bad TLSA record: encoding/hex: invalid byte: U+0078 'x'|z:10:9: the CAA record lacks its value`},
		{"HTTPS", "w HTTPS 1 . alpn\nw HTTPS 1 . mandatory=port alpn=h2\nw HTTPS 1 . alpn=h2 alpn=h3\n",
			`z:7:13: bad alpn: protocols of 1 to 255 octets are needed, with commas between|z:8:9: bad HTTPS record: mandatory names port, which must be another parameter of the record, once|z:9:9: bad HTTPS record: repeated SVCB keys are not allowed`},
		{"fields that are missing", "w TLSA 3 1 1\nw HINFO a\nw HINFO a b c\nw L64 1 2:3:4\n", `z:7:12: type TLSA has 4 fields, and here are 3|z:8:9: type HINFO has 2 fields, and here are 1|z:9:13: type HINFO has 2 fields, and here are 3|` +
			`z:10:9: bad locator "2:3:4": four groups of up to four hex digits are needed, like 2001:db8:1140:1000`},
		{"types in data", "w NSEC x A TPE1234\nw RRSIG TPE1 8 2 300 20300101000000 20200101000000 1 a. AAAA\n", `z:7:12: unknown record type "TPE1234"; write TYPE and its number for one without a name|z:8:9: unknown record type "TPE1"; write TYPE and its number for one without a name`},
		{"glued quotes", "w HTTPS 1 . alpn\"h2\"\nw HTTPS 1 . alpn=a\"h2\"\n", `z:7:13: bad parameter alpn: key=value or key="value" is needed|z:8:13: bad parameter alpn=a: key=value or key="value" is needed`},
		{"gateway", "w IPSECKEY 10 93 2 foo. AQNR\n", `z:7:15: bad gateway type "93": 0 to 3 exist (RFC 4025 section 2.3)`},
		{"generic", "w A \\# 3 c00002\nw TYPE65280 \\# 2 01\nw TYPE65280 \\# 1 zz\nw TYPE65280 abc\nw MX \\# 4 000ac000\nw A \\#\n",
			`z:7:8: the data is not that of type A|z:8:16: the data has 2 hex digits, and a length of 2 octets needs 4|z:9:18: "zz" is not hex|` +
				`z:10:13: data of type TYPE65280 is written as \# LENGTH HEX (RFC 3597)|z:11:9: the data is not that of type MX in uncompressed form|z:12:5: \# needs the length of the data and the data in hex`},
		{"$INCLUDE", "$INCLUDE /etc/passwd\n$include x y.\n", `z:7:1: $INCLUDE is not supported: put the text of the included file in its place|z:8:1: $INCLUDE is not supported: put the text of the included file in its place`},
		{"directives", "$FOO 1\n$TTL\n$TTL 1 2\n$ORIGIN\n  $TTL 5\n$TTL x\n$ORIGIN a..b\n",
			`z:7:1: unknown directive $FOO; $ORIGIN, $TTL and $GENERATE exist|z:8:1: $TTL needs one value, and has 0|z:9:1: $TTL needs one value, and has 2|z:10:1: $ORIGIN needs one value, and has 0|` +
				`z:11:3: a directive starts in the first column of its line|z:12:6: $TTL: bad TTL: "x" is not a number of seconds; write 3600 or 1h30m|z:13:9: bad $ORIGIN: name "a..b" has an empty label`},
		{"out of the zone", "w.example.org. A 192.0.2.1\nexample.com.example.com. A 192.0.2.1\ncom. A 192.0.2.1\n",
			`z:7: w.example.org is outside of the zone example.com; leave it out, or end relative names without a dot|z:9: com is outside of the zone example.com; leave it out, or end relative names without a dot`},
		{"CNAME and others", "w TXT a\nw CNAME x\nv CNAME x\nv A 192.0.2.1\n  TXT y\n",
			`z:8: w.example.com has a CNAME and also TXT; a CNAME stands alone (RFC 2181 section 10.1)|z:10: v.example.com has a CNAME and also A, TXT; a CNAME stands alone (RFC 2181 section 10.1)`},
		{"two CNAME", "w CNAME x\nw CNAME x\nw CNAME y\n", `z:9: w.example.com has 2 CNAME records; a name has one at most`},
		{"two DNAME", "w DNAME x\nw DNAME y\n", `z:8: w.example.com has 2 DNAME records; a name has one at most`},
		{"DNAME and NS", "w NS ns1\nw DNAME y\n", `z:8: w.example.com has DNAME and NS; a name is redirected or delegated, not both (RFC 6672 section 2.3)`},
		{"CNAME at the apex", "@ CNAME x\n", `z:7: example.com is the zone's apex and cannot be a CNAME; use addresses or a service there (RFC 2181 section 10.1)`},
		{"a second SOA", "@ SOA ns1 host 9 2 3 4 5\n", `z:7: example.com has 2 SOA records; a name has one at most`},
		{"an SOA below", "w SOA ns1 host 9 2 3 4 5\n", `z:7: w.example.com has an SOA record, and the zone's apex is example.com; a zone of its own is imported by itself`},
		{"NS at a wildcard", "*.w NS ns1\n", `z:7: *.w.example.com has NS records; a wildcard cannot be delegated (RFC 4592 section 4.2)`},
		{"mistakes in the order of lines", "w FOO\nv..v A 192.0.2.1\nw A x\n", `z:7:3: unknown record type "FOO"; write TYPE and its number for one without a name|z:8:1: bad owner: name "v..v" has an empty label|z:9:5: bad address "x": the A record needs an IPv4 address like 192.0.2.1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			z, _, err := Parse(strings.NewReader(headText+tt.in), example, "z", Limits{})
			if err == nil {
				t.Fatal("accepted")
			}
			if z != nil {
				t.Error("a zone comes with the error")
			}
			if got := strings.Join(problemsOf(t, err), "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseBadWhole(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"empty", "", "z: the file has no SOA record; a zone starts with one"},
		{"no SOA", "$TTL 5\n@ NS a.\n", "z: the file has no SOA record; a zone starts with one"},
		{"no NS", "$TTL 5\n@ SOA a. b. 1 2 3 4 5\n", "z:2: example.com has no NS record; a zone needs its name servers at its apex"},
		{"the SOA below", "$TTL 5\nw SOA a. b. 1 2 3 4 5\n@ NS a.\n@ NS b.\n", "z: example.com has no SOA record; a zone needs one at its apex|z:2: w.example.com has an SOA record, and the zone's apex is example.com; a zone of its own is imported by itself"},
		{"no owner", "  A 192.0.2.1\n", "z:1:3: the record has no owner, and there is none before it to repeat"},
		{"no TTL", "@ NS a.\n@ SOA a. b. 1 2 3 4 5\n", "z:1:3: the record has no TTL, and neither $TTL nor a record before it gives one; put $TTL at the top"},
		{"the minimum is no TTL", "@ SOA a. b. 1 2 3 4 4294967295\n", "z:1:3: the SOA's minimum stands in for its TTL: TTL 4294967295 is over 2147483647, the largest there is (RFC 2181 section 8)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Parse(strings.NewReader(tt.in), example, "z", Limits{})
			if err == nil {
				t.Fatal("accepted")
			}
			if got := strings.Join(problemsOf(t, err), "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestParseReadError(t *testing.T) {
	broken := io.MultiReader(strings.NewReader(headText), iotest.ErrReader(errors.New("connection reset")))
	_, _, err := Parse(broken, example, "z", Limits{})
	if got := strings.Join(problemsOf(t, err), "|"); got != "z:7: the file cannot be read any further: connection reset" {
		t.Error(got)
	}
}

func TestParseManyMistakes(t *testing.T) {
	_, _, err := Parse(strings.NewReader(headText+strings.Repeat("w A x\n", 5000)), example, "z", Limits{})
	got := problemsOf(t, err)
	if len(got) != maxProblems+1 || got[maxProblems] != fmt.Sprintf("z: there are more than %d mistakes; only these are listed", maxProblems) {
		t.Errorf("%d problems, the last: %s", len(got), got[len(got)-1])
	}
	warnings := strings.Builder{}
	for i := range 5000 {
		fmt.Fprintf(&warnings, "w%d 1 A 192.0.2.1\nw%d 2 A 192.0.2.2\n", i, i)
	}
	_, w := parse(t, headText+warnings.String())
	if len(w) != maxProblems+1 {
		t.Errorf("%d warnings", len(w))
	}
}

func TestLimits(t *testing.T) {
	body := strings.Repeat("w A 192.0.2.1\n", 10)
	tests := []struct {
		name   string
		in     string
		limits Limits
		want   string
	}{
		{"bytes, just fitting", body, Limits{Bytes: int64(len(headText + body))}, ""},
		{"bytes", body, Limits{Bytes: int64(len(headText+body)) - 1}, fmt.Sprintf("z:16: the file is larger than the limit of %d bytes; raise the limit or split the zone", len(headText+body)-1)},
		{"records, just fitting", body, Limits{Records: 15}, ""},
		{"records", body, Limits{Records: 14}, "z:16: the file has more than the limit of 14 records; raise the limit or split the zone"},
		{"line, just fitting", "w TXT " + strings.Repeat(" ", 94) + "\r\n", Limits{LineBytes: 100}, "z:7: the TXT record has no data"},
		{"line", "w TXT " + strings.Repeat(" ", 95) + "\n", Limits{LineBytes: 100}, "z:7: the line is longer than the limit of 100 bytes; break the record over several lines with parentheses"},
		{"last line", "w TXT " + strings.Repeat(" ", 95), Limits{LineBytes: 100}, "z:7: the line is longer than the limit of 100 bytes; break the record over several lines with parentheses"},
		{"line without an end", strings.Repeat("a", 1<<20), Limits{}, "z:7: the line is longer than the limit of 65536 bytes; break the record over several lines with parentheses"},
		{"a record of many lines", "w TXT (\n" + strings.Repeat(strings.Repeat("a ", 1000)+"\n", 300), Limits{},
			fmt.Sprintf("z:270:283: the record has more than %d bytes of text; no RDATA needs that", maxEntry)},
		{"data over 65535 octets", "w TXT (\n" + strings.Repeat(strings.Repeat("a", 250)+"\n", 270) + ")\n", Limits{}, "z:8:1: the data is 67770 octets long; 65535 is the most"},
		{"generate, just fitting", "$GENERATE 1-65536 a$ A 192.0.2.1\n", Limits{}, ""},
		{"generate", "$GENERATE 0-65536 a$ A 192.0.2.1\n", Limits{}, "z:7:11: $GENERATE 0-65536 makes 65537 records; the limit is 65536 in all of the file, and 0 are made before it"},
		{"generate, a bomb", "$GENERATE 1-2147483647 a$ A 192.0.2.1\n", Limits{}, "z:7:11: $GENERATE 1-2147483647 makes 2147483647 records; the limit is 65536 in all of the file, and 0 are made before it"},
		{"generate, the sum", "$GENERATE 1-6 a$ A 192.0.2.1\n$GENERATE 1-9/2 b$ A 192.0.2.1\n", Limits{Generate: 10}, "z:8:11: $GENERATE 1-9/2 makes 5 records; the limit is 10 in all of the file, and 6 are made before it"},
		{"generate, past 2^31", "$GENERATE 1-2147483648 a$ A 192.0.2.1\n", Limits{}, `z:7:11: bad $GENERATE range "1-2147483648": start-stop or start-stop/step is needed, start no larger than stop, all up to 2147483647`},
		{"generate, its text", "$GENERATE 1-1000 a$ TXT " + strings.Repeat("a", 200) + "\n", Limits{Bytes: 10_000}, "z:7:1: $GENERATE makes more text than the limit of 10000 bytes (made by $GENERATE for 48)"},
		{"generate, its line", "$GENERATE 1-1000 a$ TXT " + strings.Repeat("${0,255}", 50) + "\n", Limits{LineBytes: 1000}, "z:7:25: the record is longer than the limit of a line (made by $GENERATE for 1)"},
		{"generate, the records", "$GENERATE 1-1000 a$ A 192.0.2.1\n", Limits{Records: 15}, "z:7: the file has more than the limit of 15 records; raise the limit or split the zone (made by $GENERATE for 11)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := Parse(strings.NewReader(headText+tt.in), example, "z", tt.limits)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted")
			}
			if got := strings.Join(problemsOf(t, err), "|"); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// endless is a file without an end; reading it all would never return.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ";\n"[(e.read+int64(i))%2]
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestLimitStopsReading(t *testing.T) {
	var e endless
	_, _, err := Parse(&e, example, "z", Limits{Bytes: 1 << 20})
	if policy.KindOf(err) != policy.Invalid || e.read > 2<<20 {
		t.Errorf("%d bytes read: %v", e.read, err)
	}
}
