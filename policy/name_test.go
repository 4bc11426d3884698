package policy

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anyName draws a valid name of arbitrary octets.
func anyName(t *rapid.T) Name {
	var wire []byte
	for range rapid.IntRange(0, 8).Draw(t, "labels") {
		label := rapid.SliceOfN(rapid.Byte(), 1, 63).Draw(t, "label")
		if len(wire)+1+len(label)+1 > MaxName {
			break
		}
		wire = append(wire, byte(len(label)))
		for _, c := range label {
			wire = append(wire, lower(c))
		}
	}
	return Name(append(wire, 0))
}

func TestNameRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := anyName(t)
		if !n.Valid() {
			t.Fatalf("% x is not valid", string(n))
		}
		for _, text := range []string{n.String(), n.FQDN()} {
			back, err := ParseName(text)
			if err != nil || back != n {
				t.Fatalf("%q came back as % x (%v), want % x", text, string(back), err, string(n))
			}
			for _, c := range text {
				if c <= ' ' || c > '~' {
					t.Fatalf("%q has an unprintable %q", text, c)
				}
			}
		}
		b, err := json.Marshal(n)
		if err != nil {
			t.Fatal(err)
		}
		var back Name
		if err := json.Unmarshal(b, &back); err != nil || back != n {
			t.Fatalf("JSON %s came back as %q: %v", b, back, err)
		}
		if got := NameOfKey(n.Key()); got != n {
			t.Fatalf("the key of %s came back as %s", n, got)
		}
	})
}

func TestParseNameForms(t *testing.T) {
	for _, c := range []struct {
		in   string
		wire string
	}{
		{".", "\x00"},
		{"example.com", "\x07example\x03com\x00"},
		{"Example.COM.", "\x07example\x03com\x00"},
		{"*.example", "\x01*\x07example\x00"},
		{`a\.b.example`, "\x03a.b\x07example\x00"},
		{`a\\b`, "\x03a\\b\x00"},
		{`\000\255\032`, "\x03\x00\xff \x00"},
		{`\065`, "\x01a\x00"}, // an escaped letter has no case either
		{`a\.`, "\x02a.\x00"},
		{`\@`, "\x01@\x00"},
	} {
		n, err := ParseName(c.in)
		if err != nil || string(n) != c.wire {
			t.Errorf("ParseName(%q) = % x, %v; want % x", c.in, string(n), err, c.wire)
		}
	}
	label := strings.Repeat("a", 63)
	long := strings.Repeat(label+".", 3) // 192 octets of wire form
	for in, want := range map[string]string{
		"":                               "empty name",
		"..":                             "empty label",
		".a":                             "empty label",
		"a..b":                           "empty label",
		"a..":                            "empty label",
		label + "a.example":              "a label of 64 octets; 63 is the most",
		`a\`:                             "ends in a backslash",
		`\256`:                           "an escape over 255",
		`a\25`:                           "an escape of fewer than three digits",
		`a\1b.example`:                   "an escape of fewer than three digits",
		long + strings.Repeat("b", 62):   "is 256 octets long; 255 is the most",
		strings.Repeat("a.", 127) + "aa": "octets long; 255 is the most",
	} {
		if n, err := ParseName(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseName(%q) = %q, %v; want an error with %q", in, n, err, want)
		}
	}
	for _, in := range []string{long + strings.Repeat("b", 61), strings.Repeat("a.", 127)} {
		n, err := ParseName(in)
		if err != nil || len(n) != MaxName {
			t.Errorf("ParseName of a name of 255 octets: %d octets, %v", len(n), err)
		}
	}
}

func TestNameValid(t *testing.T) {
	for wire, want := range map[string]bool{
		"": false, "\x00": true, "\x01a\x00": true, "\x01A\x00": false, "\x01a": false, "\x02a\x00": false, "\x01a\x00\x00": false,
		"\x40" + strings.Repeat("a", 64) + "\x00": false, "\xc0\x0c": false, "\x03abc\x01": false,
	} {
		if got := Name(wire).Valid(); got != want {
			t.Errorf("Valid(% x) = %v", wire, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) { // never panics, and what it lets through is whole
		n := Name(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "wire"))
		if n.Valid() && NameOfKey(n.Key()) != n {
			t.Fatalf("% x is called valid", string(n))
		}
	})
}

// canonical compares as RFC 4034 section 6.1 says: labels from the right, each
// as a lower-case octet string, a missing label first.
func canonical(a, b Name) int {
	x, y := labelsOf(a), labelsOf(b)
	slices.Reverse(x)
	slices.Reverse(y)
	return slices.CompareFunc(x, y, bytes.Compare)
}

func labelsOf(n Name) [][]byte {
	var list [][]byte
	for b := []byte(n); b[0] != 0; b = b[1+int(b[0]):] {
		list = append(list, b[1:1+int(b[0])])
	}
	return list
}

func TestKeyIsCanonicalOrder(t *testing.T) {
	// The list of RFC 4034 section 6.1.
	rfc := []string{"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`}
	for i := 1; i < len(rfc); i++ {
		if a, b := MustName(rfc[i-1]), MustName(rfc[i]); a.Key() >= b.Key() {
			t.Errorf("%s does not come before %s", a, b)
		}
	}
	short := rapid.Custom(func(t *rapid.T) Name { // few octets, so that names share labels and differ at the edges
		var wire []byte
		for range rapid.IntRange(0, 4).Draw(t, "labels") {
			label := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 2, 'a', '*', 0xff}), 1, 3).Draw(t, "label")
			wire = append(append(wire, byte(len(label))), label...)
		}
		return Name(append(wire, 0))
	})
	names := rapid.OneOf(short, rapid.Custom(anyName))
	rapid.Check(t, func(t *rapid.T) {
		a, b := names.Draw(t, "a"), names.Draw(t, "b")
		if got, want := strings.Compare(a.Key(), b.Key()), canonical(a, b); got != want {
			t.Fatalf("%s against %s: the keys say %d, the RFC %d", a, b, got, want)
		}
		if got, want := strings.HasPrefix(a.Key(), b.Key()), a.Under(b); got != want {
			t.Fatalf("%s under %s: %v, and the keys say %v", a, b, want, got)
		}
		if string(AppendKey(nil, []byte(a))) != a.Key() {
			t.Fatalf("AppendKey of %s is another key", a)
		}
	})
	mixed := []byte("\x03WwW\x07ExAmple\x00")
	if got := string(AppendKey(nil, mixed)); got != MustName("www.example").Key() {
		t.Errorf("AppendKey does not fold case: %q", got)
	}
}

func TestNameRelations(t *testing.T) {
	n := MustName("a.b.example.com")
	if n.Labels() != 4 || Root.Labels() != 0 {
		t.Errorf("Labels: %d and %d", n.Labels(), Root.Labels())
	}
	if n.Parent() != MustName("b.example.com") || MustName("com").Parent() != Root || Root.Parent() != "" || Name("").Parent() != "" {
		t.Error("Parent")
	}
	for zone, want := range map[string]bool{"a.b.example.com": true, "example.com": true, ".": true, "ample.com": false, "x.a.b.example.com": false, "b.example.org": false} {
		if n.Under(MustName(zone)) != want {
			t.Errorf("Under(%s) is not %v", zone, want)
		}
	}
	if n.Under("") || Name("").Under(Root) {
		t.Error("no name is under anything")
	}
	for text, want := range map[string]bool{"*.example": true, "*": true, "**.example": false, "a.*.example": false, `\*.example`: true, ".": false} {
		if MustName(text).Wildcard() != want {
			t.Errorf("Wildcard(%s) is not %v", text, want)
		}
	}
	if Root.String() != "." || Root.FQDN() != "." || n.FQDN() != "a.b.example.com." || Name("").String() != "" {
		t.Error("String and FQDN")
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"", ".", "a.b", `\000.x`, `a\`, "..", strings.Repeat("a.", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if !n.Valid() {
			t.Fatalf("ParseName(%q) gave % x", s, string(n))
		}
		if back, err := ParseName(n.String()); err != nil || back != n {
			t.Fatalf("%q, printed as %q, came back as % x: %v", s, n.String(), string(back), err)
		}
	})
}
