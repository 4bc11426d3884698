package policy

import (
	"slices"
	"strings"
	"testing"
)

// zoneOf has records of "NAME TTL TYPE DATA", names relative to the zone.
func zoneOf(t *testing.T, apex string, records ...string) *Zone {
	t.Helper()
	z := NewZone(MustName(apex))
	at := func(n string) Name {
		if n == "@" {
			return z.Name
		}
		if n, ok := strings.CutSuffix(n, "."); ok {
			return MustName(n)
		}
		return MustName(n + "." + apex)
	}
	for _, r := range records {
		f := strings.Fields(r)
		set := RRset{TTL: uint32(len(f[1])) * 100} // "x" is 100, "xx" 200
		switch f[2] {
		case "A":
			set.Type, set.Data = TypeA, [][]byte{{192, 0, 2, byte(len(f[3]))}}
		case "AAAA":
			set.Type, set.Data = TypeAAAA, [][]byte{make([]byte, 16)}
		case "TXT":
			set.Type, set.Data = TypeTXT, [][]byte{{0}}
		case "NS", "CNAME", "DNAME":
			set.Type = map[string]uint16{"NS": TypeNS, "CNAME": TypeCNAME, "DNAME": TypeDNAME}[f[2]]
			set.Data = [][]byte{[]byte(strings.ToUpper(string(at(f[3]))))}
		}
		if err := z.Set(at(f[0]), set); err != nil {
			t.Fatal(err)
		}
	}
	return z
}

func TestLookup(t *testing.T) {
	z := zoneOf(t, "example.com", "@ x NS ns", "a.b x A 1", "*.w x TXT -", "x.y.w x A 1", "cut x NS ns", "glue.cut x A 1", "d x DNAME e", "below.d x A 1")
	for n, want := range map[string]string{
		"example.com":          "example.com",
		"b.example.com":        "b.example.com",
		"a.b.example.com":      "a.b.example.com",
		"c.b.example.com":      "-",
		"c.example.com":        "-",
		"1.w.example.com":      "*.w.example.com",
		"2.1.w.example.com":    "*.w.example.com",
		"*.w.example.com":      "*.w.example.com",
		"q.y.w.example.com":    "-", // y.w is the closest encloser
		"cut.example.com":      "cut.example.com hidden",
		"glue.cut.example.com": "cut.example.com hidden",
		"d.example.com":        "d.example.com",
		"below.d.example.com":  "d.example.com hidden",
		"example.org":          "-",
	} {
		o, at, hidden := Lookup(z.Owners, z.Name, MustName(n))
		got := "-"
		if o != nil {
			if got = at.String(); hidden {
				got += " hidden"
			}
		}
		if got != want {
			t.Errorf("%s: %s, want %s", n, got, want)
		}
	}
}

func TestFlatten(t *testing.T) {
	s := NewState()
	for _, z := range []*Zone{
		zoneOf(t, "example.com", "@ x NS ns", "four xx A 1", "both xxx A 1", "both x AAAA 1", "alias x CNAME both", "far xx CNAME four.example.net.",
			"text x TXT -", "loop x CNAME loop", "out x CNAME www.example.org.", "cut x NS ns", "d x DNAME e", "*.w xx A 1"),
		zoneOf(t, "example.net", "@ x NS ns", "four xxx A 22"),
	} {
		s.Zones.Set(z.Name.Key(), z)
	}
	for n, want := range map[string]string{
		"four.example.com":  "A 200",
		"both.example.com":  "A 300, AAAA 100",
		"alias.example.com": "A 100, AAAA 100",
		"far.example.com":   "A 200",
		"x.w.example.com":   "A 200",
		"text.example.com":  "text.example.com has neither A nor AAAA records in the zone example.com",
		"loop.example.com":  "more than 16 CNAMEs in a row",
		"out.example.com":   "no zone here holds www.example.org",
		"x.cut.example.com": "x.cut.example.com is delegated away at cut.example.com",
		"x.d.example.com":   "below the DNAME at d.example.com",
		"none.example.com":  "the zone example.com has no none.example.com",
		"example.org":       "no zone here holds example.org",
	} {
		sets, err := s.Flatten(MustName(n))
		var got []string
		for k, set := range sets {
			if len(set.Data) > 0 {
				got = append(got, []string{"A ", "AAAA "}[k]+jsonOf(set.TTL))
			}
		}
		if err != nil {
			got = append(got, err.Error())
		}
		if text := strings.Join(got, ", "); !strings.Contains(text, want) || err == nil && text != want {
			t.Errorf("%s: %s, want %s", n, text, want)
		}
	}
	e := Endpoint{Hostname: MustName("four.example.com"), Resolve: "flatten", Records: map[string][]string{"TXT": {"x"}}}
	var has []AnswerKind
	for k := range AnswerKinds {
		if s.Has(&e, k) {
			has = append(has, k)
		}
	}
	if !slices.Equal(has, []AnswerKind{IPv4, TXT}) {
		t.Errorf("it has %v", has)
	}
}

func TestReadSVCB(t *testing.T) {
	for data, want := range map[string]string{
		"\x00\x01\x00":      "1 target 1 hint ",
		"\x00\x00\x01a\x00": "0 target 3 hint ",
		"\x00\x01\x00\x00\x01\x00\x00\x00\x04\x00\x04\x01\x02\x03\x04": "1 target 1 hint \x01\x02\x03\x04",
		"\x00\x01\x00\x00\x04\x00\x09\x01":                             "1 target 1 hint ", // ends too soon
		"\x00\x01\x05ab":                                               "0 target 0 hint ",
		"":                                                             "0 target 0 hint ",
	} {
		priority, target, params := ReadSVCB([]byte(data))
		hint, _ := Param(params, ParamIPv4Hint)
		if got := jsonOf(priority) + " target " + jsonOf(len(target)) + " hint " + string(hint); got != want {
			t.Errorf("%q: %q, want %q", data, got, want)
		}
	}
}
