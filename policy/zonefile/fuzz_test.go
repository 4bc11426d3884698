package zonefile

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// FuzzParse: no input makes Parse panic, a refusal has a reason, and what is
// accepted comes back from its export.
func FuzzParse(f *testing.F) {
	sample, err := os.ReadFile("testdata/sample.zone")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(sample))
	golden, err := os.ReadFile("testdata/sample.golden")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(golden))
	for _, line := range acceptLines(f) {
		f.Add(headText + line)
	}
	for _, s := range []string{"", "(", ")", "\"", "\\", "$", "$ORIGIN .\n", "$GENERATE 1-2 ${0,2,n} PTR \"a\"\n", "@ SOA . . 0 0 0 0 0\n@ NS .\n", "w TYPE1 \\# 4 01020304\n",
		"w APL\n", "w TXT (\n", "\ufeff", "w\\000 A 1.2.3.4\n", "w HTTPS 1 . key1=\n", "w SVCB 0 . mandatory=\n", "w LOC N E 0\n", "w NSEC . A\n", "w CSYNC\n", "w IPSECKEY 1 3 1 w AA\n"} {
		f.Add(headText + s)
		f.Add(s)
	}
	limits := Limits{Bytes: 1 << 20, Records: 5000, Generate: 300}
	f.Fuzz(func(t *testing.T, in string) {
		for _, apex := range []policy.Name{"", example} {
			z, _, err := Parse(strings.NewReader(in), apex, "fuzz", limits)
			if err != nil {
				if z != nil || policy.KindOf(err) != policy.Invalid || len(problemsOf(t, err)) == 0 {
					t.Fatalf("refused badly: %v", err)
				}
				continue
			}
			if errs, _ := Check(z); len(errs) > 0 {
				t.Fatalf("Parse accepts what Check refuses: %v", errs)
			}
			roundTrip(t, z)
		}
	})
}

// FuzzRData: data of any octets is refused or has a text that gives the same octets.
func FuzzRData(f *testing.F) {
	f.Add(uint16(1), []byte{192, 0, 2, 1})
	f.Add(uint16(16), []byte("\x03a\"b\x00"))
	f.Add(uint16(64), []byte{0, 1, 0, 0, 1, 0, 3, 2, 'h', '2'})
	f.Add(uint16(42), []byte{0, 1, 24, 3, 192, 0, 2})
	f.Fuzz(func(t *testing.T, typ uint16, data []byte) {
		text, err := FormatRData(typ, data)
		if err != nil {
			return
		}
		if len(data) == 0 && text != `\# 0` {
			t.Logf("type %d: %q", typ, text)
		}
		again, err := ParseRData(typ, text, policy.Root)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("type %d, data %x: text %q gives %x, %v", typ, data, text, again, err)
		}
	})
}
