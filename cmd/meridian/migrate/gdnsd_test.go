package migrate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// write makes a directory of files.
func write(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const soa = "@ 300 SOA ns1.example.net. hostmaster 1 7200 1800 1209600 300\n@ 300 NS ns1.example.net.\n"

func TestVSCF(t *testing.T) {
	for text, want := range map[string]string{
		`a = b`:                                  "b",
		`"a" => { x = [ b c, "d e" ] }, z = {}`:  "b c|d e",
		"# comment\na => white\\ space ; more\n": "white space",
		`a = "ex\097mpl\e"`:                      "example",
		`a="x;#{}"`:                              "x;#{}",
	} {
		v, err := parseVSCF([]byte(text), "f", nil)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := v.get("a").str()
		if v.get("a").kind == '{' {
			list := v.get("a").get("x").strs()
			got = strings.Join(list[:2], " ") + "|" + list[2]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestVSCFMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"a = b\na = c":            `f:2: key "a" stands here twice; the first is on line 1`,
		"a = {\n b = c\n":         `f:1: a { that opens here is not closed`,
		"a = [ b\n":               `f:1: a [ that opens here is not closed`,
		"a = \"b\n\n":             `f:1: the file ends within a value that begins here`,
		"a = b\nc\nd = e":         `f:3: after key "c" there is no = or =>`,
		"a = \\999":               `f:1: a backslash is followed by one character, or by three digits up to 255`,
		"a = $b":                  `f:1: '$' stands here, where a key or a value should`,
		"a = b\n}":                `f:2: '}' stands here, where a key or a value should`,
		"[ a ] b":                 `f:1: 'b' stands here where the file should end`,
		"a = $include{ other":     `f:1: $include{other is not closed with }`,
		strings.Repeat("a={", 99): `f:1: nested more than 64 deep`,
	} {
		_, err := parseVSCF([]byte(text), "f", nil)
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func TestGdnsdIncludesAndMistakes(t *testing.T) {
	dir := write(t, map[string]string{
		"config":            "plugins => { $include{plugins.d} }\nservice_types => $include{types}\n",
		"types":             "web => { plugin => http_status, ok_codes => 204 }\n",
		"plugins.d/multifo": "multifo => { www => { service_types => web, addrs_v4 => [ 192.0.2.1 ], addrs_v6 => [ 2001:db8::1 ] }, bad => { a => 1.2.3 } }\n",
		"plugins.d/metafo": "metafo => { resources => {\n one => { datacenters => [ a, b ], dcmap => { a => %metafo!two, b => 192.0.2.9 } }\n" +
			" two => { datacenters => [ a ], dcmap => { a => %metafo!one } }\n short => { datacenters => [ a, b ], dcmap => { a => 192.0.2.8 } } } }\n",
		"zones/example.com": "$TTL 60\n" + soa + "@ DYNA multifo!www\nsub.@Z DYNA multifo!www\nx DYNA multifo!nothing\ny 60 DYNA nobody!www\nz DYNA metafo!one\nbad DYNA multifo!bad\nshort DYNA metafo!short\nc DYNC static!c\n",
	})
	r, err := Gdnsd(dir)
	if err != nil {
		t.Fatal(err)
	}
	sound(t, r)
	var all []string
	for _, n := range r.Notes {
		all = append(all, strings.TrimPrefix(n.String(), dir+"/"))
	}
	text := strings.Join(all, "\n")
	for _, want := range []string{
		"zones/example.com:6: not translated: plugin multifo has no resource \"nothing\"",
		"zones/example.com:7: not translated: plugin \"nobody\" is not configured",
		"resources lead in a circle: metafo!one -> metafo!two -> metafo!one",
		"plugins.d/multifo:1: not translated: \"1.2.3\" is not an address",
		"metafo resource short has no datacenter \"b\"",
		"plugin \"static\" is not configured",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	s := r.Config.Services[0]
	if len(s.Names) != 2 || s.Names[1].String() != "sub.example.com" || s.Families != "independent" || r.Config.Monitors[0].HTTP.Status[0].String() != "204" {
		t.Errorf("got %+v and %+v", s, r.Config.Monitors)
	}
	if _, err := Gdnsd(write(t, map[string]string{"config": "plugins => $include{none}"})); err == nil || !strings.Contains(err.Error(), "there is no such file") {
		t.Errorf("got %v", err)
	}
}

// FuzzVSCF: whatever stands in the files, what comes out is in order.
func FuzzVSCF(f *testing.F) {
	f.Add("plugins => { multifo => { www => [ 192.0.2.1 ] }, weighted => { w => { a = [ 192.0.2.2, 3 ] } } }", "@ DYNA multifo!www\nw DYNA weighted!w\n")
	f.Add(`plugins={geoip={maps={m={datacenters=[a b],auto_dc_coords={a=[1 2]},map={EU=[]},nets={::/0=b}}},resources={r={map=m,dcmap={a=192.0.2.1,b=x.}}}}}`, "g 9/3 DYNC geoip!r\n\tTXT x\n")
	f.Add(`a="\065\"" b=[{},[]]`, "")
	dir := f.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "zones"), 0o700); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, config, zone string) {
		if strings.Contains(config, "include") || strings.Contains(config, "nets") && strings.Contains(config, "/dev") {
			return // no files but its own
		}
		for file, text := range map[string]string{"config": config, "zones/example.com": soa + zone} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := Gdnsd(dir); err == nil {
			sound(t, r)
		} else if strings.Contains(err.Error(), "not the input's") {
			t.Error(err)
		}
	})
}
