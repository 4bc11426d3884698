package zonefile

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func TestRecords(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	for _, c := range []struct{ typ, text, want string }{
		{"MX", "10 mail.example.com.|5 b.example.com.|10 mail.example.com.", "5 b.example.com.|10 mail.example.com."},
		{"TXT", `"region=us" more`, `"region=us" "more"`},
		{"SRV", "1 2 443 a.example.com.", "1 2 443 a.example.com."},
		{"HTTPS", "1 . alpn=h2 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1", `1 . alpn="h2" ipv4hint="192.0.2.1" ipv6hint="2001:db8::1"`},
		{"SVCB", "0 other.example.com.", "0 other.example.com."},
		{"MX", "10 mail", `/records/MX/0: name "mail" is relative and no origin is known; end it with a dot`},
		{"MX", "10 a. ; note|10 a. b.", `/records/MX/1: "b." is more than the data of one MX record`},
		{"MX", "", "/records/MX/0: the MX record has no data"},
		{"TXT", "a\nb", "/records/TXT/0: only one record's data can stand here"},
		{"HTTPS", "1 . ipv4hint=192.0.2.1,192.0.2.2", `/records/HTTPS/0: the hint 192.0.2.2 is no address of endpoint "e", which has 192.0.2.1, 2001:db8::1`},
		{"SVCB", "1 x. ipv6hint=2001:db8::2", "/records/SVCB/0: the hint 2001:db8::2 is no address"},
	} {
		e := &policy.Endpoint{Name: "e", Addresses: own, Records: map[string][]string{c.typ: strings.Split(c.text, "|")}}
		sets, problems := Records(e)
		var got []string
		for _, s := range sets {
			for _, d := range s.Data {
				text, err := FormatRData(s.Type, d)
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, text)
			}
		}
		for _, p := range problems {
			got = append(got, p.Pointer+": "+p.Message)
		}
		if text := strings.Join(got, "|"); !strings.HasPrefix(text, c.want) || len(problems) == 0 && text != c.want {
			t.Errorf("%s %s:\n got %s\nwant %s", c.typ, c.text, text, c.want)
		}
	}
	// A host name's endpoint has no address that a hint could be.
	e := &policy.Endpoint{Name: "e", Hostname: policy.MustName("x.example"), Resolve: "flatten", Records: map[string][]string{"HTTPS": {"1 . ipv4hint=192.0.2.1"}}}
	if sets, problems := Records(e); len(sets) != 0 || len(problems) != 1 || !strings.Contains(problems[0].Message, "has no address of its own") {
		t.Errorf("%v, %v", sets, problems)
	}
}
