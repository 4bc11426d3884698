package migrate

import (
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func notesOf(r *Result) string {
	var b strings.Builder
	for _, n := range r.Notes {
		b.WriteString(n.String() + "\n")
	}
	return b.String()
}

func TestRoute53Mistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  `f: a JSON object with "ResourceRecordSets" is needed`,
		"[]":                                `f: a JSON object with "ResourceRecordSets" is needed`,
		`{"HostedZones": []}`:               `f: there is no list "ResourceRecordSets" in it`,
		"{\n\"ResourceRecordSets\": [\n{]}": `f:3: in what begins here: invalid character ']'`,
		"{\"ResourceRecordSets\": [\n {\"Name\": \"a..b\"}]}": `f:2: name "a..b" has an empty label`,
		`{"ResourceRecordSets": [{"TTL": "x"}]}`:              `f:1: in what begins here: json: cannot unmarshal string`,
	} {
		_, err := Route53(Route53Files{Records: []byte(text), RecordsName: "f"})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// Records of a name that are not steered alike are said, and so is what an alias cannot be.
func TestRoute53LeavesOut(t *testing.T) {
	const text = `{"ResourceRecordSets": [
{"Name": "e.", "Type": "SOA", "TTL": 1, "ResourceRecords": [{"Value": "ns. h. 1 2 3 4 5"}]},
{"Name": "e.", "Type": "NS", "TTL": 1, "ResourceRecords": [{"Value": "ns.example.net."}]},
{"Name": "e.", "Type": "A", "AliasTarget": {"DNSName": "lb.example.net."}},
{"Name": "w.e.", "Type": "A", "SetIdentifier": "1", "Weight": 1, "ResourceRecords": [{"Value": "192.0.2.1"}]},
{"Name": "w.e.", "Type": "AAAA", "SetIdentifier": "1", "Failover": "PRIMARY", "ResourceRecords": [{"Value": "2001:db8::1"}], "HealthCheckId": "x"},
{"Name": "w.e.", "Type": "AAAA", "SetIdentifier": "2", "Failover": "SECONDARY", "ResourceRecords": [{"Value": "2001:db8::2"}]},
{"Name": "l.e.", "Type": "A", "AliasTarget": {"DNSName": "m.e."}},
{"Name": "m.e.", "Type": "A", "AliasTarget": {"DNSName": "l.e."}},
{"Name": "r.e.", "Type": "A", "SetIdentifier": "1", "Region": "xx-moon-1", "ResourceRecords": [{"Value": "192.0.2.1"}]},
{"Name": "n.e.", "Type": "NAPTR", "SetIdentifier": "1", "Weight": 1, "ResourceRecords": [{"Value": "x"}]},
{"Name": "c.e.", "Type": "A", "SetIdentifier": "1", "CidrRoutingConfig": {"CollectionId": "k", "LocationName": "paris"}, "ResourceRecords": [{"Value": "192.0.2.1"}]}]}`
	r, err := Route53(Route53Files{Records: []byte(text), RecordsName: "f"})
	if err != nil {
		t.Fatal(err)
	}
	sound(t, r)
	for _, want := range []string{
		"f:4: not translated: e would be answered with a CNAME, which cannot stand at the apex of a zone",
		"f:6: not translated: w.e: health check x: give it with --health-checks",
		"f:6: not translated: the AAAA records of w.e are steered otherwise than those before them, and a name has one tree: ",
		"leads back to itself",
		`f:10: not translated: the AWS region "xx-moon-1" is not known here`,
		"f:11: not translated: n.e: NAPTR records cannot be steered",
		`f:12: not translated: c.e: the networks of the CIDR location "paris" are not in this list; give them with --cidr-blocks`,
	} {
		if !strings.Contains(notesOf(r), want) {
			t.Errorf("%q is not in\n%s", want, notesOf(r))
		}
	}
	if n, err := parseName53(`\052.e.`); err != nil || !n.Wildcard() {
		t.Errorf(`\052 is %s, %v`, n, err)
	}
}

func TestOctodnsLeavesOut(t *testing.T) {
	const text = `
'': {type: NS, value: ns.example.net.}
a:
  type: A
  dynamic:
    pools: {x: {fallback: y, values: [{value: 192.0.2.1}]}, y: {fallback: x, values: [{value: 192.0.2.2}]}}
    rules: [{pool: x}]
b:
  type: A
  dynamic:
    pools: {x: {values: [{value: 192.0.2.1, status: down}, {value: 192.0.2.2}]}}
    rules: [{geos: [EUROPE, NA], pool: x}, {pool: z}]
c: {type: MX, value: {preference: 1}}
d: {type: URLFWD, value: x}
e:
  type: A
  dynamic:
    pools: {x: {values: [{value: 192.0.2.1, status: down}, {value: 192.0.2.2}]}}
    rules: [{geos: [EUROPE, NA], pool: x}]
`
	r, err := Octodns([]byte(text), "f", policy.MustName("example.com"))
	if err != nil {
		t.Fatal(err)
	}
	sound(t, r)
	for _, want := range []string{
		"f:7: not translated: a.example.com: the fallbacks of pool x lead back to x",
		`f:12: not translated: b.example.com: there is no pool "z"`,
		"f:13: not translated: c.example.com MX: its value has no exchange|value",
		"f:14: not translated: d.example.com URLFWD: ",
		`f:19: not translated: "EUROPE" is not a continent`,
		"f:19: not translated: e.example.com: 192.0.2.1 is set to be down",
	} {
		if !strings.Contains(notesOf(r), want) {
			t.Errorf("%q is not in\n%s", want, notesOf(r))
		}
	}
	for in, want := range map[string]string{"- a": "f: a mapping of names", "a: [": "f: yaml: line 1"} {
		if _, err := Octodns([]byte(in), "f", policy.MustName("example.com")); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
	if _, err := Octodns([]byte("{}"), "-", ""); err == nil || !strings.Contains(err.Error(), "--name") {
		t.Errorf("standard input without a name: %v", err)
	}
}

func TestLuaMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "it ends where a value should be",
		"pickrandom({'192.0.2.1'":                `"}" is missing before the end`,
		"pickrandom({'x.example'})":              `"x.example" is no data of a A record`,
		"ifportup('x', {'192.0.2.1'})":           `ifportup: "x" is not a port`,
		"ifurlup('ftp://a', {})":                 `ifurlup: "ftp://a" is not a URL of http or https`,
		"pickwrandom({'192.0.2.1'})":             "weights are written as",
		"os.exec('x')":                           `"." is more than can be translated`,
		"closestMagnet()":                        "the function closestMagnet is not translated",
		"'a' .. 'b'":                             `"." is more than can be translated`,
		"'192.0.2.1' 'x'":                        `"x" is more than can be translated`,
		";while true do end":                     `of statements only if and return are translated, not "while"`,
		";if x('a') then return '192.0.2.1' end": `x(): the tests that are translated are country`,
		";if country('a') return 'b'":            `"then" is missing before "return"`,
		strings.Repeat("{", 99):                  "nested more than 32 deep",
	} {
		p := &pdns{builder: &builder{}, record: zoneRecord{data: []word{{text: "A"}}}}
		_, err := p.translate([]word{{text: text, quoted: true}})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// FuzzLua: whatever a record says, what comes out is in order.
func FuzzLua(f *testing.F) {
	f.Add("ifportup(443, {{'192.0.2.1'}, {'192.0.2.2', '192.0.2.3'}}, {selector='all', interval=-1, minimumFailures=999})")
	f.Add("ifurlup('https://a:99999/ b', {'192.0.2.1'}, {httpcode='7'})")
	f.Add(";if country{'DE'} then return pickwrandom({{9999999, '192.0.2.1'}}) elseif asnum(0) then return {} end return 'x'")
	f.Add("pickclosest({'8.8.8.8', '::'})")
	f.Fuzz(func(t *testing.T, text string) {
		quotable := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", " ").Replace(text)
		r, err := PowerDNS([]byte(soa+"www 60 IN LUA A \""+quotable+"\"\n"), "f", policy.MustName("example.com"))
		if err != nil {
			t.Fatal(err)
		}
		sound(t, r)
	})
}
