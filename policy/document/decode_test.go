package document

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

func ptr[T any](v T) *T { return &v }

// problems are the lines of an error, as an operator sees them.
func problems(t *testing.T, err error) []string {
	t.Helper()
	var e *policy.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is not a *policy.Error", err, err)
	}
	if e.Kind != policy.Invalid {
		t.Errorf("kind %q, want %q", e.Kind, policy.Invalid)
	}
	var lines []string
	for _, p := range e.Problems {
		lines = append(lines, p.String())
	}
	return lines
}

func designConfig() *policy.Config {
	addr := netip.MustParseAddr
	return &policy.Config{
		Regions: []policy.Region{
			{Name: "us-east", Place: &policy.Place{IATA: "IAD"}, Provider: "aws", AZs: []string{"a", "b"}},
			{Name: "eu-central", Place: &policy.Place{Lat: ptr(50.11), Lon: ptr(8.68)}, Provider: "gcp"},
		},
		Monitors: []policy.Monitor{
			{Name: "web", HTTP: &policy.HTTPCheck{Port: 8080, Path: "/healthz", Status: policy.Statuses(200)}, Interval: policy.Duration(time.Second),
				Timeout: policy.Duration(500 * time.Millisecond), Fall: 3, Rise: 2, Quorum: policy.Quorum{Agree: "majority"}},
			{Name: "api", HTTPS: &policy.HTTPCheck{Port: 443, Host: "{service}", SNI: "{service}", Path: "/"}, Interval: policy.Duration(5 * time.Second)},
		},
		Pools: []policy.Pool{
			{Name: "web-us-east", Region: "us-east", Monitor: "web", MinAvailable: policy.Amount{Count: 1}, Endpoints: []policy.Endpoint{
				{Name: "a", Address: addr("192.0.2.1"), AZ: "a", Weight: ptr(1)},
				{Name: "b", Addresses: []netip.Addr{addr("192.0.2.2"), addr("2001:db8::2")}, AZ: "b",
					Labels: map[string]string{"tier": "gold"}, Probe: &policy.ProbeTarget{Address: addr("10.0.0.5"), Port: 9000}},
			}},
			{Name: "web-eu", Region: "eu-central", Monitor: "web", Endpoints: []policy.Endpoint{
				{Name: "a", Address: addr("198.51.100.1")},
				{Name: "lb", Hostname: policy.MustName("x.elb.example.net")},
			}},
		},
		Services: []policy.Service{{
			Name: policy.MustName("www.example.com"), TTL: policy.FixedTTL(30),
			Steer: policy.Steering{Nearest: []policy.Branch{
				{Steering: policy.Steering{Pool: "web-us-east"}, Bias: 10},
				{Steering: policy.Steering{Failover: []policy.Branch{
					{Steering: policy.Steering{Pool: "web-eu"}}, {Steering: policy.Steering{Pool: "web-us-east"}},
				}}, Place: &policy.Place{IATA: "FRA"}},
			}},
			LastResort: &policy.LastResort{Mode: policy.ResortAll},
		}},
		SafetyRules: []policy.SafetyRule{{Name: "keep-one", Service: policy.MustName("www.example.com"),
			AtLeast: &policy.AtLeast{Regions: 1}, AppliesTo: []string{"operator", "drill"}}},
	}
}

func TestDecodeReadsTheDocumentOfTheDesign(t *testing.T) {
	data, err := os.ReadFile("testdata/design.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := Decode(data, "design.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if want := designConfig(); !reflect.DeepEqual(c, want) {
		t.Errorf("got  %+v\nwant %+v", c, want)
	}
	if err := c.Validate(); err != nil {
		t.Error(Locate(data, "design.yaml", err))
	}
}

func TestDecodeNamesEveryMistake(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"unknown keys", "pools:\n  - name: a\n    endpoints:\n      - {name: x, adress: 192.0.2.1, resolver: flatten}\n    min_available: 2\nregion: []\n", []string{
			`f:4:19: /pools/0/endpoints/0/adress: unknown key "adress"; did you mean "address"?`,
			`f:4:38: /pools/0/endpoints/0/resolver: unknown key "resolver"; did you mean "resolve"?`,
			`f:5:5: /pools/0/min_available: unknown key "min_available"; did you mean "minAvailable"?`,
			`f:6:1: /region: unknown key "region"; did you mean "regions"?`,
		}},
		{"records of endpoints", "pools:\n  - name: a\n    endpoints:\n      - name: x\n        address: 192.0.2.1\n        records:\n          MX: [10 mx.example.com., ten mx]\n          HTTPS:\n            - 1 . alpn=h2 ipv4hint=192.0.2.1\n            - 1 . ipv4hint=192.0.2.1,192.0.2.9\n", []string{
			`f:10:15: /pools/0/endpoints/0/records/HTTPS/1: the hint 192.0.2.9 is no address of endpoint "x", which has 192.0.2.1; clients would go there past all steering: take the hint out`,
			`f:7:36: /pools/0/endpoints/0/records/MX/1: bad preference "ten": a number from 0 to 65535 is needed`,
		}},
		{"swapped letters", "{\"polos\": []}", []string{`f:1:2: /polos: unknown key "polos"; did you mean "pools"?`}},
		{"key with slash and tilde", "a/b~c: 1\n", []string{
			`f:1:1: /a~1b~0c: unknown key "a/b~c"; the keys here are regions, providers, monitors, pools, templates, services, safetyRules, reviewRules, places, drillPlans, notifications`,
		}},
		{"repeated key", "regions:\n  - name: a\n    provider: x\n    name: b\n", []string{
			`f:4:5: /regions/0/name: key "name" stands here twice; the first is on line 2`,
		}},
		{"repeated key in JSON", "{\"regions\": [\n  {\"name\": \"ä\", \"name\": \"b\"}]}", []string{
			`f:2:17: /regions/0/name: key "name" stands here twice; the first is on line 2`,
		}},
		{"repeated label", "pools: [{name: p, endpoints: [{name: a, labels: {x: a, \"x\": b}}]}]", []string{
			`f:1:56: /pools/0/endpoints/0/labels/x: key "x" stands here twice; the first is on line 1`,
		}},
		{"numbers", "monitors:\n  - name: m\n    fall: \"3\"\n    rise: 2.0\n    tcp: {port: 0x50}\n  - name: n\n    fall: 010\n    rise: 1_000\n    tcp: {port: 99999999999999999999}\n    http: {port: yes, status: [2e2, 0o17, +5]}\n", []string{
			`f:3:11: /monitors/0/fall: a whole number is needed here, not the text "3"; take the quotes off`,
			`f:4:11: /monitors/0/rise: a whole number in plain decimal (such as 10) is needed here, not 2.0`,
			`f:5:17: /monitors/0/tcp/port: a whole number in plain decimal (such as 10) is needed here, not 0x50`,
			`f:7:11: /monitors/1/fall: a whole number in plain decimal (such as 10) is needed here, not 010`,
			`f:8:11: /monitors/1/rise: a whole number in plain decimal (such as 10) is needed here, not 1_000`,
			`f:9:17: /monitors/1/tcp/port: the number 99999999999999999999 is out of range`,
			`f:10:18: /monitors/1/http/port: a whole number is needed here, not the text "yes"`,
			`f:10:32: /monitors/1/http/status/0: "2e2" is not a status; write a number (200) or a range (200-299)`,
			`f:10:37: /monitors/1/http/status/1: 0o17 is not written as a plain decimal number`,
			`f:10:43: /monitors/1/http/status/2: +5 is not written as a plain decimal number`,
		}},
		{"degrees", "regions: [{name: a, place: {lat: .inf, lon: 1e999}}, {name: b, place: {lat: \"1.5\", lon: 1_0.5}}]", []string{
			`f:1:34: /regions/0/place/lat: a number in plain decimal (such as 50.11) is needed here, not the number .inf`,
			`f:1:45: /regions/0/place/lon: a number in plain decimal (such as 50.11) is needed here, not the text "1e999"`,
			`f:1:77: /regions/1/place/lat: a number in plain decimal (such as 50.11) is needed here, not the text "1.5"; take the quotes off`,
			`f:1:89: /regions/1/place/lon: a number in plain decimal (such as 50.11) is needed here, not the number 1_0.5`,
		}},
		{"names that are not text", "regions:\n  - {name: 1, provider: true, azs: [1.5, 0x10]}\nservices:\n  - {name: 53, steer: {pool: 0}}\n", []string{
			`f:2:12: /regions/0/name: the number 1 is not text; put it in quotes: "1"`,
			`f:2:25: /regions/0/provider: the truth value true is not text; put it in quotes: "true"`,
			`f:2:37: /regions/0/azs/0: the number 1.5 is not text; put it in quotes: "1.5"`,
			`f:2:42: /regions/0/azs/1: the number 0x10 is not text; put it in quotes: "0x10"`,
			`f:4:12: /services/0/name: the number 53 is not text; put it in quotes: "53"`,
			`f:4:30: /services/0/steer/pool: the number 0 is not text; put it in quotes: "0"`,
		}},
		{"truth values", "monitors: [{name: a, https: {insecure: yes}}, {name: b, https: {insecure: \"true\"}}, {name: c, https: {insecure: 1}}]", []string{
			`f:1:40: /monitors/0/https/insecure: true or false is needed here, not the text "yes"`,
			`f:1:75: /monitors/1/https/insecure: true or false is needed here, not the text "true"; take the quotes off`,
			`f:1:113: /monitors/2/https/insecure: true or false is needed here, not the number 1`,
		}},
		{"wrong shapes", "regions: {name: a}\nmonitors: [http]\npools: [{name: p, endpoints: a, region: [x]}]\nservices: [{name: [a], steer: web, ttl: []}]\n", []string{
			`f:1:10: /regions: a list is needed here, not a mapping`,
			`f:2:12: /monitors/0: a mapping is needed here (its keys are name, http, https, tcp, tls, icmp, dns, grpc, udp, postgres, mysql, redis, exec, signal, interval, timeout, fall, rise, quorum, holdDown, ramp, vantages, target, invert, exclusive, resume), not the text "http"`,
			`f:3:30: /pools/0/endpoints: a list is needed here, not the text "a"; write [a]`,
			`f:3:41: /pools/0/region: text is needed here, not a list`,
			`f:4:19: /services/0/name: one value is needed here, not a list`,
			`f:4:31: /services/0/steer: a mapping is needed here (its keys are pool, template, failover, weighted, nearest, latency, geo, default, fence, minAvailable, lastResort), not the text "web"`,
			`f:4:41: /services/0/ttl: one value is needed here, not a list`,
		}},
		{"a list for the document", "- regions\n", []string{
			`f:1:1: a mapping is needed here (its keys are regions, providers, monitors, pools, templates, services, safetyRules, reviewRules, places, drillPlans, notifications), not a list`,
		}},
		{"values that do not parse", "pools: [{name: p, endpoints: [{name: a, address: 1.2.3, hostname: a..b}, {name: b, address: \"\"}]}]\nmonitors: [{name: m, interval: 5 parsecs, timeout: 0x10}]\nservices: [{names: [a], ttl: 1.5}]\n", []string{
			`f:1:50: /pools/0/endpoints/0/address: ParseAddr("1.2.3"): IPv4 address too short`,
			`f:1:67: /pools/0/endpoints/0/hostname: name "a..b" has an empty label`,
			`f:1:93: /pools/0/endpoints/1/address: the text is empty; give a value or remove the key`,
			`f:2:32: /monitors/0/interval: "5 parsecs" is not a duration; write seconds (30) or a number with a unit (500ms, 30s, 2h)`,
			`f:2:52: /monitors/0/timeout: 0x10 is not written as a plain decimal number`,
			`f:3:30: /services/0/ttl: "1.5" is not a duration; write seconds (30) or a number with a unit (500ms, 30s, 2h)`,
		}},
		{"keys without a value", "regions:\n  - name:\n    place: ~\n    azs:\n  -\nservices: [{name: null, ttl: , steer: {pool: x}}]", []string{
			`f:2:5: /regions/0/name: "name" has no value; give it one or remove the key`,
			`f:3:5: /regions/0/place: "place" has no value; give it one or remove the key`,
			`f:5:4: /regions/1: this element has no value`,
			`f:6:13: /services/0/name: "name" has no value; give it one or remove the key`,
			`f:6:25: /services/0/ttl: "ttl" has no value; give it one or remove the key`,
		}},
		{"to beside keys", "services:\n  - name: a\n    steer:\n      nearest:\n        - pool: x\n          to: {pool: y}\n          minAvailable: 1\n", []string{
			`f:6:11: /services/0/steer/nearest/0/to: a branch has either "to" or its keys beside the others; this one has "to" and "pool", "minAvailable"`,
		}},
		{"anchors", "regions:\n  - &a {name: x}\n  - *a\npools:\n  - <<: *a\n    name: &n p\n    endpoints: []\n", []string{
			`f:2:5: /regions/0: anchor &a: anchors (&), aliases (*) and merge keys (<<) are not read; write the value out`,
			`f:3:5: /regions/1: alias *a: anchors (&), aliases (*) and merge keys (<<) are not read; write the value out`,
			`f:5:5: /pools/0: anchors (&), aliases (*) and merge keys (<<) are not read; write the value out`,
			`f:6:11: /pools/0/name: anchor &n: anchors (&), aliases (*) and merge keys (<<) are not read; write the value out`,
		}},
		{"unknown alias", "regions:\n  - {name: ä, provider: *b}\n", []string{
			`f:2:25: alias *b: anchors (&), aliases (*) and merge keys (<<) are not read; write the value out`,
		}},
		{"tags", "regions:\n  - {name: !!str 1}\n  - !region {name: a}\n", []string{
			`f:2:12: /regions/0/name: tag !!str: tags are not read; leave it out`,
			`f:3:5: /regions/1: tag !region: tags are not read; leave it out`,
		}},
		{"keys that are not text", "? [a]\n: b\n1: x\n~: y\n", []string{
			`f:1:3: a key is text, not a list`,
			`f:3:1: a key is text, not the number 1; put it in quotes`,
			`f:4:1: a key is text, not nothing; put it in quotes`,
		}},
		{"two documents", "regions: []\n---\nregions: []\n", []string{`f:2:1: a second document begins here; put everything into one`}},
		{"nothing", "", []string{`f: the document is empty: there is nothing to apply`}},
		{"comments", "# regions:\n", []string{`f: the document is empty: there is nothing to apply`}},
		{"null", "---\n~\n", []string{`f: the document is empty: there is nothing to apply`}},
		{"JSON null", "null", []string{`f: the document is empty: there is nothing to apply`}},
		{"headings only", "regions:\npools:\n", []string{`f: the document is empty: there is nothing to apply`}},
		{"tab", "regions:\n\t- name: a\n", []string{`f:2: found character that cannot start any token: put the value in quotes, and indent with spaces, not tabs`}},
		{"indentation", "regions:\n  - name: a\n    provider: b\n  - name: c\n   provider: d\n", []string{
			`f:5: did not find expected '-' indicator: this line does not go on with the block that begins on or before line 2; check the indentation`,
		}},
		{"indentation deeper", "regions:\n  - name: a\n     provider: b\n", []string{
			`f:3: mapping values are not allowed in this context: check the indentation, and put a value with ": " in it in quotes`,
		}},
		{"open bracket", "regions:\n  - {name: a}\n  - {name: b\n  - {name: c}\n", []string{
			`f:3: a bracket that opens here is not closed, or a comma is missing in it: did not find expected ',' or '}' by line 4`,
		}},
		{"broken JSON", "{\"regions\": [{\"name\": \"a\"}", []string{
			`f:1: a bracket that opens here is not closed, or a comma is missing in it: did not find expected ',' or ']' by line 1`,
		}},
		{"open quote", "regions:\n  - name: \"a\n    provider: b\n", []string{`f:2: found unexpected end of stream: a quote that is opened is not closed`}},
		{"not UTF-8", "regions:\n  - name: ä\xff\n", []string{`f:2:12: byte 0xff is not UTF-8 text`}},
		{"control character", "regions:\n  - name: \x1b[31m\n", []string{`f:2:11: control character U+001B; write it as an escape in double quotes`}},
		{"too large", strings.Repeat("#", MaxSize+1), []string{`f: the document is 33554433 bytes long; 33554432 is the most`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := Decode([]byte(tc.text), "f")
			if c != nil {
				t.Errorf("a configuration came with the error: %+v", c)
			}
			got := problems(t, err)
			for i := range max(len(got), len(tc.want)) {
				switch {
				case i >= len(got):
					t.Errorf("missing: %s", tc.want[i])
				case i >= len(tc.want):
					t.Errorf("surplus: %s", got[i])
				case got[i] != tc.want[i]:
					t.Errorf("got  %s\nwant %s", got[i], tc.want[i])
				}
			}
		})
	}
}

func TestDecodeRefusesDeepNesting(t *testing.T) {
	deep := func(branches int) error {
		text := "services: [{name: a, steer: " + strings.Repeat("{failover: [", branches) + "{pool: x}" + strings.Repeat("]}", branches) + "}]"
		_, err := Decode([]byte(text), "f")
		return err
	}
	// The document, its list of services, the service and the pool are four levels; each branch is two.
	if err := deep((MaxDepth - 5) / 2); err != nil {
		t.Errorf("within the bound: %v", err)
	}
	got := problems(t, deep(MaxDepth))
	if len(got) != 1 || !strings.HasSuffix(got[0], "the document is nested more than 64 deep") {
		t.Errorf("got %q", got)
	}
	for _, bomb := range []string{strings.Repeat("[", MaxSize), strings.Repeat("- ", MaxSize/2), strings.Repeat("{a: ", MaxSize/4), strings.Repeat(`{"a":[`, 4000) + strings.Repeat("]}", 4000)} {
		if _, err := Decode([]byte(bomb), "f"); err == nil {
			t.Errorf("%.10q... was read", bomb)
		}
	}
}

func TestDecodeBoundsTheNumberOfMistakes(t *testing.T) {
	var b strings.Builder
	for i := range MaxProblems + 7 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	_, err := Decode([]byte(b.String()), "f")
	got := problems(t, err)
	if len(got) != MaxProblems+1 || got[MaxProblems] != "f: and 7 more mistakes" {
		t.Errorf("%d mistakes, the last %q", len(got), got[len(got)-1])
	}
}

func TestDecodeKeepsTextThatOldYAMLTookForSomethingElse(t *testing.T) {
	c, err := Decode([]byte("regions: [{name: no, provider: on, azs: [yes, off, y, N, 12:30:45, 2001-01-01, 1.2.3]}]"), "f")
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Region{Name: "no", Provider: "on", AZs: []string{"yes", "off", "y", "N", "12:30:45", "2001-01-01", "1.2.3"}}
	if !reflect.DeepEqual(c.Regions[0], want) {
		t.Errorf("got %+v, want %+v", c.Regions[0], want)
	}
}

func TestDecodeReadsJSONThatIsNotYAML(t *testing.T) {
	long := strings.Repeat("k", 2000)
	c, err := Decode([]byte("{\n\t\"pools\": [{\"name\": \"\\ud83d\\ude00\\/\", \"endpoints\": [{\"name\":\"a\",\"labels\":{\""+long+"\":\"\x7f\"}}]}]}"), "f")
	if err != nil {
		t.Fatal(err)
	}
	if p := c.Pools[0]; p.Name != "😀/" || p.Endpoints[0].Labels[long] != "\x7f" {
		t.Errorf("got %+v", p)
	}
}

func TestDecodeReadsAnExplicitlyEmptyConfiguration(t *testing.T) {
	for _, text := range []string{"{}", "regions: []\n", "regions: []\npools:\n"} {
		if c, err := Decode([]byte(text), "f"); err != nil || len(Diff(c, nil)) != 0 {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

func TestDecodeReadsDurationsInEitherForm(t *testing.T) {
	c, err := Decode([]byte("monitors: [{name: a, interval: 30, timeout: \"2\", ramp: 1m30s}]\nservices: [{names: [a.example], ttl: 2m, steer: {pool: x}}]"), "f")
	if err != nil {
		t.Fatal(err)
	}
	m := c.Monitors[0]
	if m.Interval != policy.Duration(30*time.Second) || m.Timeout != policy.Duration(2*time.Second) || m.Ramp != policy.Duration(90*time.Second) || c.Services[0].TTLRange().Max != 120 {
		t.Errorf("got %+v, TTL %d", m, c.Services[0].TTLRange().Max)
	}
}

// The node's own configuration file has structs of other kinds.
type nodeFile struct {
	Node string `json:"node"`
	DNS  struct {
		Listen []netip.AddrPort `json:"listen"`
	} `json:"dns"`
	Limits
	*Extra
	Level   uint8             `json:"level"`
	Secret  []byte            `json:"secret"`
	Status  policy.Status     `json:"status"`
	Weights map[string]*int   `json:"weights"`
	Hidden  string            `json:"-"`
	Labels  map[string]string `json:"labels"`
}

type Limits struct {
	Burst int    `json:"burst"`
	Node  string `json:"-"`
	Level string `json:"level"` // hidden by the outer level
}

type Extra struct {
	Note string `json:"note"`
}

func TestDecodeIntoAnyStruct(t *testing.T) {
	n := nodeFile{Node: "default", Labels: map[string]string{"kept": "yes"}}
	n.Burst = 5
	err := DecodeInto([]byte("dns: {listen: [\"127.0.0.1:53\", \"[::1]:53\"]}\nnote: hello\nlevel: 255\nsecret: AQI=\nstatus: down\nweights: {a: 0}\n"), "node.yaml", &n)
	if err != nil {
		t.Fatal(err)
	}
	if n.Node != "default" || n.Burst != 5 || n.Labels["kept"] != "yes" {
		t.Errorf("defaults were lost: %+v", n)
	}
	if len(n.DNS.Listen) != 2 || n.Extra == nil || n.Note != "hello" || n.Level != 255 || string(n.Secret) != "\x01\x02" || n.Status != policy.Down || *n.Weights["a"] != 0 {
		t.Errorf("got %+v", n)
	}
	err = DecodeInto([]byte("burst: 1\nlevel: 256\nsecret: \"?\"\nstatus: sideways\nHidden: x\nweights: {a: }\n"), "node.yaml", &n)
	want := []string{
		`node.yaml:2:8: /level: the number 256 is out of range`,
		`node.yaml:3:9: /secret: base64 text is needed here, not the text "?"`,
		`node.yaml:4:9: /status: "sideways" is not a status (up, down, unknown)`,
		`node.yaml:5:1: /Hidden: unknown key "Hidden"; the keys here are node, dns, level, secret, status, weights, labels, burst, note`,
		`node.yaml:6:11: /weights/a: "a" has no value; give it one or remove the key`,
	}
	if got := problems(t, err); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	if got := problems(t, DecodeInto([]byte(" \n"), "node.yaml", &n)); !reflect.DeepEqual(got, []string{"node.yaml: the document is empty"}) {
		t.Errorf("got %q", got)
	}
	if DecodeInto([]byte("a: 1"), "f", n) == nil || DecodeInto([]byte("a: 1"), "f", (*nodeFile)(nil)) == nil {
		t.Error("what is not a pointer was written to")
	}
}
