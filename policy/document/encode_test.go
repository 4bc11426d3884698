package document

import (
	"bytes"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
)

func TestEncodeIsReadable(t *testing.T) {
	const want = `regions:
  - {name: us-east, place: {iata: IAD}, provider: aws, azs: [a, b]}
  - {name: eu-central, place: {lat: 50.11, lon: 8.68}, provider: gcp}
monitors:
  - name: web
    http: {port: 8080, path: /healthz, status: [200]}
    interval: 1s
    timeout: 500ms
    fall: 3
    rise: 2
    quorum: majority
  - {name: api, https: {port: 443, path: /, host: "{service}", sni: "{service}"}, interval: 5s}
pools:
  - name: web-us-east
    region: us-east
    monitor: web
    minAvailable: 1
    endpoints:
      - {name: a, address: 192.0.2.1, az: a, weight: 1}
      - name: b
        addresses: [192.0.2.2, "2001:db8::2"]
        az: b
        labels: {tier: gold}
        probe: {address: 10.0.0.5, port: 9000}
  - name: web-eu
    region: eu-central
    monitor: web
    endpoints:
      - {name: a, address: 198.51.100.1}
      - {name: lb, hostname: x.elb.example.net}
services:
  - name: www.example.com
    ttl: 30
    steer:
      nearest:
        - {pool: web-us-east, bias: 10}
        - failover:
            - {pool: web-eu}
            - {pool: web-us-east}
          place: {iata: FRA}
    lastResort: all
safetyRules:
  - {name: keep-one, service: www.example.com, atLeast: {regions: 1}, appliesTo: [operator, drill]}
`
	got, err := Encode(designConfig(), YAML)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got\n%s", got)
	}
}

func TestEncodeJSON(t *testing.T) {
	got, err := Encode(&policy.Config{Regions: []policy.Region{{Name: "a<b"}}, Pools: []policy.Pool{{Name: "p"}}}, JSON)
	want := "{\n  \"regions\": [\n    {\n      \"name\": \"a<b\"\n    }\n  ],\n  \"pools\": [\n    {\n      \"name\": \"p\",\n      \"endpoints\": []\n    }\n  ]\n}\n"
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestEncodeQuotesWhatIsNotPlainText(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"plain-text_1.2/x", "plain-text_1.2/x"}, {"192.0.2.1", "192.0.2.1"}, {"/healthz", "/healthz"}, {"500ms", "500ms"},
		{"", `""`}, {"no", `"no"`}, {"On", `"On"`}, {"true", `"true"`}, {"null", `"null"`}, {"~", `"~"`}, {"1", `"1"`}, {"0x10", `"0x10"`},
		{"1_000", `"1_000"`}, {"1e3", `"1e3"`}, {"010", `"010"`}, {"0o7", `"0o7"`}, {"1.5", `"1.5"`}, {".5", `".5"`}, {"-", `"-"`}, {"<<", `"<<"`},
		{"2001-01-01", `"2001-01-01"`}, {"a: b", `"a: b"`}, {"2001:db8::1", `"2001:db8::1"`}, {"*.example.com", `"*.example.com"`}, {"a #b", `"a #b"`},
		{" a", `" a"`}, {"a\nb", `"a\nb"`}, {"\x00\x7f\u0085\u2028\ufeff", `"\0\x7F\N\L\uFEFF"`}, {"ä😀", `"ä\U0001F600"`}, {`"\`, `"\"\\"`},
	} {
		got, err := EncodeValue(map[string]string{"k": tc.in}, YAML)
		if err != nil || string(got) != "k: "+tc.want+"\n" {
			t.Errorf("%q: got %q, %v; want %q", tc.in, got, err, tc.want)
		}
		var back map[string]string
		if err := DecodeInto(got, "f", &back); err != nil || back["k"] != tc.in {
			t.Errorf("%q came back as %q, %v", tc.in, back["k"], err)
		}
	}
}

func TestEncodeOfNothingIsReadAgain(t *testing.T) {
	for _, f := range []Format{YAML, JSON} {
		b, err := Encode(nil, f)
		if err != nil || string(b) != "{}\n" {
			t.Errorf("%q, %v", b, err)
		}
	}
}

func TestEncodeLeavesItsArgumentAlone(t *testing.T) {
	c := withTo()
	want := withTo()
	got, err := Encode(c, YAML)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(c, want) {
		t.Error("the configuration was changed")
	}
	if bytes.Contains(got, []byte("to:")) {
		t.Errorf("the form with \"to\" is not canonical:\n%s", got)
	}
}

func withTo() *policy.Config {
	return &policy.Config{Pools: []policy.Pool{{Name: "p"}}, Services: []policy.Service{{Name: policy.MustName("a"), Steer: policy.Steering{
		Failover: []policy.Branch{{To: &policy.Steering{Weighted: []policy.Branch{{To: &policy.Steering{Pool: "p"}, Weight: ptr(0)}}}}}}}}}
}

// genText has what YAML could trip over more often than chance would.
func genText() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "a", "no", "true", "1", "0x1F", "1e3", "~", "null", "2001-01-01", "{service}", "a: b", "- a", "#", " x ", "a\nb\n", "\t", "'", "\"", "&a", "*a", "!a", "%", "@", "<<", "=", "\u0085", "\u2028", "\ufeff", "\x00", "\x7f", "😀"}),
		rapid.StringMatching(`[a-z0-9._-]{1,12}`), rapid.String())
}

func genAddr() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		if rapid.Bool().Draw(t, "4") {
			return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "v4")))
		}
		return netip.AddrFrom16([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "v6")))
	})
}

func genName() *rapid.Generator[policy.Name] {
	return rapid.Custom(func(t *rapid.T) policy.Name {
		var wire []byte
		for _, l := range rapid.SliceOfN(rapid.SliceOfN(rapid.Byte(), 1, 12), 0, 4).Draw(t, "labels") {
			wire = append(append(wire, byte(len(l))), bytes.ToLower(l)...)
			if !policy.Name(string(wire) + "\x00").Valid() { // ToLower takes invalid UTF-8 for longer text
				return policy.Root
			}
		}
		return policy.Name(string(wire) + "\x00")
	})
}

func genPtr[T any](g *rapid.Generator[T]) *rapid.Generator[*T] { return rapid.Ptr(g, true) }

// list never gives an empty list: as a value it is the same as none.
func list[T any](g *rapid.Generator[T], most int) *rapid.Generator[[]T] {
	return rapid.Custom(func(t *rapid.T) []T {
		if l := rapid.SliceOfN(g, 0, most).Draw(t, "list"); len(l) > 0 {
			return l
		}
		return nil
	})
}

var genPlace = rapid.Custom(func(t *rapid.T) policy.Place {
	return policy.Place{IATA: genText().Draw(t, "iata"), Lat: genPtr(rapid.Float64()).Draw(t, "lat"), Lon: genPtr(rapid.Float64Range(-180, 180)).Draw(t, "lon")}
})

var genEndpoint = rapid.Custom(func(t *rapid.T) policy.Endpoint {
	e := policy.Endpoint{Name: genText().Draw(t, "name"), Addresses: list(genAddr(), 3).Draw(t, "addresses"), Region: genText().Draw(t, "region"),
		Weight: genPtr(rapid.Int()).Draw(t, "weight"), Labels: rapid.MapOfN(genText(), genText(), 0, 3).Draw(t, "labels")}
	if len(e.Labels) == 0 {
		e.Labels = nil
	}
	if rapid.Bool().Draw(t, "host") {
		e.Hostname = genName().Draw(t, "hostname")
		e.Resolve = rapid.SampledFrom([]string{"", "flatten"}).Draw(t, "resolve")
	} else {
		e.Address = genAddr().Draw(t, "address")
		e.Probe = &policy.ProbeTarget{Port: rapid.Int().Draw(t, "port")}
		e.Records = rapid.SampledFrom([]map[string][]string{nil, {"TXT": {`"a \"b\"" c`, "yes"}, "MX": {"10 mx.example.com."}}, {"HTTPS": {`1 . alpn="h2,h3" key65000="\195x"`}}}).Draw(t, "records")
	}
	return e
})

func genSteering(depth int) *rapid.Generator[policy.Steering] {
	return rapid.Custom(func(t *rapid.T) policy.Steering {
		kind := 0
		if depth > 0 {
			kind = rapid.IntRange(0, 3).Draw(t, "kind")
		}
		s := policy.Steering{MinAvailable: rapid.IntRange(0, 3).Draw(t, "min")}
		if kind == 0 {
			s.Pool = genText().Filter(func(s string) bool { return s != "" }).Draw(t, "pool")
			return s
		}
		children := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) policy.Branch {
			b := policy.Branch{Steering: genSteering(depth-1).Draw(t, "child"), Weight: genPtr(rapid.Int()).Draw(t, "weight"),
				Bias: rapid.Int().Draw(t, "bias"), Place: genPtr(genPlace).Draw(t, "place")}
			return b
		}), 1, 3).Draw(t, "children")
		*[]*[]policy.Branch{&s.Failover, &s.Weighted, &s.Nearest}[kind-1] = children
		return s
	})
}

var genAmount = rapid.OneOf(rapid.Just(policy.Amount{}),
	rapid.Custom(func(t *rapid.T) policy.Amount {
		return policy.Amount{Count: int(rapid.Int32().Draw(t, "count"))}
	}),
	rapid.Custom(func(t *rapid.T) policy.Amount {
		return policy.Amount{Share: policy.Percent(rapid.IntRange(1, 100).Draw(t, "share"))}
	}))

var genPercent = rapid.Custom(func(t *rapid.T) policy.Percent { return policy.Percent(rapid.Int32().Draw(t, "percent")) })

var genStatus = rapid.Custom(func(t *rapid.T) (r policy.StatusRange) {
	text := rapid.SampledFrom([]string{"200", "204", "200-299", "599"}).Draw(t, "text")
	if err := r.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return r
})

var genConfig = rapid.Custom(func(t *rapid.T) *policy.Config {
	return &policy.Config{
		Regions: list(rapid.Custom(func(t *rapid.T) policy.Region {
			return policy.Region{Name: genText().Draw(t, "name"), Place: genPtr(genPlace).Draw(t, "place"), Provider: genText().Draw(t, "provider"), AZs: list(genText(), 3).Draw(t, "azs"),
				DownWhen: genPtr(rapid.Custom(func(t *rapid.T) policy.DownWhen {
					return policy.DownWhen{AZ: genPercent.Draw(t, "az"), Region: genPercent.Draw(t, "region")}
				})).Draw(t, "downWhen")}
		}), 3).Draw(t, "regions"),
		Providers: list(rapid.Custom(func(t *rapid.T) policy.Provider {
			return policy.Provider{Name: genText().Draw(t, "name"), DownWhen: genPercent.Draw(t, "downWhen")}
		}), 2).Draw(t, "providers"),
		Monitors: list(rapid.Custom(func(t *rapid.T) policy.Monitor {
			m := policy.Monitor{Name: genText().Draw(t, "name"), Interval: policy.Duration(rapid.Int64().Draw(t, "interval")), Fall: rapid.Int().Draw(t, "fall")}
			if rapid.Bool().Draw(t, "https") {
				m.HTTPS = &policy.HTTPCheck{Host: genText().Draw(t, "host"), Status: list(genStatus, 3).Draw(t, "status"), Insecure: rapid.Bool().Draw(t, "insecure"), Authorization: &policy.SecretRef{Secret: genText().Draw(t, "secret")}}
			}
			return m
		}), 3).Draw(t, "monitors"),
		Pools: list(rapid.Custom(func(t *rapid.T) policy.Pool {
			return policy.Pool{Name: genText().Draw(t, "name"), MinAvailable: genAmount.Draw(t, "min"), PanicThreshold: genPercent.Draw(t, "panic"), Endpoints: rapid.SliceOfN(genEndpoint, 0, 3).Draw(t, "endpoints")}
		}), 3).Draw(t, "pools"),
		Services: list(rapid.Custom(func(t *rapid.T) policy.Service {
			return policy.Service{Name: genName().Draw(t, "name"), Names: list(genName(), 2).Draw(t, "names"), Steer: genSteering(3).Draw(t, "steer"),
				TTL: genPtr(rapid.Custom(func(t *rapid.T) policy.TTL {
					most := rapid.Uint32Max(policy.MaxTTL).Draw(t, "s")
					return policy.TTL{Max: policy.Seconds(most), Min: policy.Seconds(rapid.SampledFrom([]uint32{most, most / 2}).Draw(t, "min"))}
				})).Draw(t, "ttl")}
		}), 2).Draw(t, "services"),
		SafetyRules: list(rapid.Custom(func(t *rapid.T) policy.SafetyRule {
			return policy.SafetyRule{Name: genText().Draw(t, "name"), AtLeast: genPtr(rapid.Custom(func(t *rapid.T) policy.AtLeast {
				return policy.AtLeast{Regions: rapid.Int().Draw(t, "regions")}
			})).Draw(t, "atLeast")}
		}), 2).Draw(t, "rules"),
	}
})

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := genConfig.Draw(t, "config")
		for _, f := range []Format{YAML, JSON} {
			text, err := Encode(c, f)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(text, "f")
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if !reflect.DeepEqual(back, c) {
				t.Fatalf("got  %+v\nwant %+v\n%s", back, c, text)
			}
			if again, err := Encode(back, f); err != nil || !bytes.Equal(again, text) {
				t.Fatalf("%v\nthe second time\n%s\nthe first\n%s", err, again, text)
			}
		}
	})
}

// FuzzDecode: whatever is read is written and read again as the same, in both
// notations, and every mistake in what is not read has a message.
func FuzzDecode(f *testing.F) {
	design, err := os.ReadFile("testdata/design.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(design)
	js, err := Encode(designConfig(), JSON)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(js)
	for _, s := range []string{"{}", "regions: [&a {name: x}, *a]", "a: |\n  b\n", "? - a\n", "--- !x\n...\n", "regions:\n\t- a", "\ufeffregions: []", "services: [{names: [a, \"*\\032.\"], steer: {to: {}, failover: [{to: {pool: p}}]}}]",
		"pools: [{name: \"\\0\", endpoints: [{address: \"fe80::1%e\\n\", labels: {\"\": \"\\N\"}}]}]", "monitors: [{interval: -1.5h, tcp: {port: -0}}]", "regions: [{place: {lat: -0, lon: 5e-324}}]"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data, "f")
		if err != nil {
			for _, p := range problemsOf(err) {
				if p.Message == "" || p.Line < 0 || p.Line > strings.Count(string(data), "\n")+strings.Count(string(data), "\r")+strings.Count(string(data), "\u0085")+strings.Count(string(data), "\u2028")+strings.Count(string(data), "\u2029")+1 {
					t.Errorf("%+v", p)
				}
			}
			if len(problemsOf(err)) == 0 {
				t.Errorf("a refusal without a mistake: %v", err)
			}
			return
		}
		if verr := c.Validate(); verr != nil {
			Locate(data, "f", verr)
		}
		want, err := Encode(c, JSON)
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range []Format{YAML, JSON} {
			text, err := Encode(c, format)
			if err != nil {
				t.Fatal(err)
			}
			back, err := Decode(text, "f")
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if got, err := Encode(back, JSON); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%v\ngot  %s\nwant %s", err, got, want)
			}
			if edits := Diff(c, back); len(edits) > 0 {
				t.Fatalf("%+v", edits)
			}
		}
	})
}
