package migrate

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

func read(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// inputs are the whole files of each format.
var inputs = map[string]func(t *testing.T) (*Result, error){
	"gdnsd": func(*testing.T) (*Result, error) { return Gdnsd("testdata/gdnsd") },
	"route53": func(t *testing.T) (*Result, error) {
		return Route53(Route53Files{
			Records: read(t, "route53/records.json"), HealthChecks: read(t, "route53/health-checks.json"), CIDRBlocks: read(t, "route53/cidr-blocks.json"),
			RecordsName: "records.json", ChecksName: "health-checks.json", CIDRName: "cidr-blocks.json",
		})
	},
	"octodns": func(t *testing.T) (*Result, error) {
		return Octodns(read(t, "octodns/shop.example.yaml"), "shop.example.yaml", "")
	},
	"pdns-lua": func(t *testing.T) (*Result, error) {
		return PowerDNS(read(t, "pdns/shop.example.zone"), "shop.example.zone", "")
	},
}

func translated(t *testing.T, format string) *Result {
	t.Helper()
	r, err := inputs[format](t)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sound holds what every result must be: valid, and the same after a way through its text.
func sound(t *testing.T, r *Result) {
	t.Helper()
	if err := r.Config.Validate(); err != nil {
		t.Fatal(err)
	}
	text, err := document.Encode(r.Config, document.YAML)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) == "{}\n" { // which Decode takes for no document
		return
	}
	again, err := document.Decode(text, "out.yaml")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if err := again.Validate(); err != nil {
		t.Fatal(err)
	}
	if second, err := document.Encode(again, document.YAML); err != nil || !bytes.Equal(text, second) {
		t.Errorf("%v; it is written in two ways:\n%s\n%s", err, text, second)
	}
	for _, z := range r.Zones {
		var b bytes.Buffer
		if err := zonefile.Write(&b, z); err != nil {
			t.Errorf("zone %s: %v", z.Name, err)
		}
	}
}

func TestResultsAreSound(t *testing.T) {
	for format := range inputs {
		t.Run(format, func(t *testing.T) {
			r := translated(t, format)
			sound(t, r)
			if len(r.Config.Services) < 2 || len(r.Zones) != 1 {
				t.Errorf("%d services and %d zones", len(r.Config.Services), len(r.Zones))
			}
		})
	}
}

// TestNotes: everything that is not translated is said, with its line, and nothing else is.
func TestNotes(t *testing.T) {
	for format, want := range map[string][]string{
		"gdnsd": {
			"testdata/gdnsd/config:13: not translated: service type burnin: extmon",
			"testdata/gdnsd/config:65: not translated: the city EU FR Paris",
			"testdata/gdnsd/zones/shop.example:18: not translated: plugin reflect makes its answers up",
			"testdata/gdnsd/zones/shop.example:18: not translated: where.shop.example: there is nothing to steer it by",
		},
		"route53": {
			`health-checks.json:35: not translated: health check 33333333-cccc wants "OK" in the body`,
			"health-checks.json:49: not translated: health check 44444444-dddd of type CALCULATED",
		},
		"octodns": {"shop.example.yaml:19: not translated: alias.shop.example ALIAS"},
		"pdns-lua": {
			"shop.example.zone:10: not translated: api.shop.example: the option stringmatch",
			"shop.example.zone:14: not translated: near.shop.example: where 192.0.2.9 is",
			"shop.example.zone:18: not translated: ext.shop.example: LUA A: ifurlextup",
			"shop.example.zone:19: not translated: loop.shop.example: LUA A: of statements only if and return",
			"shop.example.zone:20: not translated: txt.shop.example: LUA TXT",
		},
	} {
		var got []string
		r := translated(t, format)
		for _, n := range r.Notes {
			if n.Left {
				got = append(got, n.String())
			}
		}
		if !slices.EqualFunc(got, want, strings.HasPrefix) {
			t.Errorf("%s: got\n%s\nwant\n%s", format, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if r.LeftOut() != (len(want) > 0) {
			t.Errorf("%s: LeftOut is %v", format, r.LeftOut())
		}
	}
}

// compiled is a result as a node has it.
func compiled(t *testing.T, r *Result) *snapshot.Snapshot {
	t.Helper()
	s := policy.NewState()
	s.Index = 1
	for _, z := range r.Zones {
		s.Zones.Set(z.Name.Key(), z)
	}
	for _, o := range r.Config.Regions {
		s.Regions.Set(o.Name, policy.Object[policy.Region]{Rev: 1, Spec: o})
	}
	for _, o := range r.Config.Pools {
		o.Monitor = "" // what is not checked is taken to be up
		s.Pools.Set(o.Name, policy.Object[policy.Pool]{Rev: 1, Spec: o})
	}
	for _, o := range r.Config.Services {
		s.Services.Set(o.ID(), policy.Object[policy.Service]{Rev: 1, Spec: o})
	}
	table, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	c, err := snapshot.Compile(nil, s, snapshot.Local{Geo: table})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Clients get what the other server gives them.
func TestClientsGetTheSame(t *testing.T) {
	const german, american, office = "91.10.0.1", "8.8.8.8", "203.0.113.5"
	type question struct {
		name, typ, client, assume string
		want                      string // answers, the distributions' parts with | between
	}
	for format, list := range map[string][]question{
		"gdnsd": {
			{"www.shop.example", "A", german, "", "198.51.100.1 198.51.100.2"},
			{"shop.example", "A", american, "", "192.0.2.1 192.0.2.2"},
			{"www.shop.example", "A", office, "down:region/europe", "198.51.100.1 198.51.100.2"}, // nets have one datacenter, and keep it
			{"www.shop.example", "A", german, "down:region/europe", "192.0.2.1 192.0.2.2"},
			{"list.shop.example", "A", german, "", "198.51.100.3"},
			{"list.shop.example", "A", german, "down:region/europe", "192.0.2.3"},
			{"api.shop.example", "A", german, "down:endpoint/api-east/lb1", "192.0.2.2"},
			{"api.shop.example", "A", german, "down:region/east", "192.0.2.80 192.0.2.81"},
			{"dual.shop.example", "AAAA", german, "down:endpoint/dual-primary/primary-v6", "2001:db8:2::11"},
			{"dual.shop.example", "A", german, "down:endpoint/dual-primary/primary-v6", "192.0.2.11"},
			{"beta.shop.example", "A", german, "", "192.0.2.90|192.0.2.91"},
			{"cdn.shop.example", "A", german, "", "near.cdn.example.net.|far.cdn.example.net."},
			{"static.shop.example", "A", german, "", "192.0.2.200"},
		},
		"route53": {
			{"www.shop.example", "A", german, "", "198.51.100.1"},
			{"www.shop.example", "AAAA", american, "", "2001:db8::1|2001:db8::2"},
			{"shop.example", "A", american, "down:pool/us.shop.example-blue", "192.0.2.2"},
			{"law.shop.example", "A", german, "", "198.51.100.11"},
			{"law.shop.example", "A", american, "", ""},
			{"net.shop.example", "A", office, "", "192.0.2.14"},
			{"net.shop.example", "A", american, "", "198.51.100.14"},
			{"api.shop.example", "A", american, "", "192.0.2.10 192.0.2.9"},
			{"multi.shop.example", "A", american, "", "192.0.2.15 192.0.2.16"},
			{"x.apps.shop.example", "CNAME", american, "", "www.shop.example."},
		},
		"octodns": {
			{"www.shop.example", "A", office, "", "203.0.113.1"},
			{"www.shop.example", "A", office, "down:pool/www.shop.example-office", "192.0.2.1|192.0.2.2"},
			{"www.shop.example", "AAAA", american, "", "2001:db8:1::1"}, // the United States are only matched by California
		},
		"pdns-lua": {
			{"www.shop.example", "AAAA", german, "down:endpoint/www.shop.example/1", "2001:db8::2"},
			{"api.shop.example", "A", german, "down:pool/api.shop.example", "198.51.100.3"},
			{"geo.shop.example", "A", german, "", "198.51.100.10"},
			{"geo.shop.example", "A", american, "", "192.0.2.10"},
			{"law.shop.example", "A", american, "", ""},
			{"law.shop.example", "A", office, "", "192.0.2.11"},
		},
	} {
		s := compiled(t, translated(t, format))
		for _, q := range list {
			typ, err := zonefile.ParseType(q.typ)
			if err != nil {
				t.Fatal(err)
			}
			query := snapshot.ExplainQuery{Name: policy.MustName(q.name), Type: typ, Client: netip.PrefixFrom(netip.MustParseAddr(q.client), 32)}
			if q.assume != "" {
				query.Assume = []string{q.assume}
			}
			x, err := s.Explain(query)
			if err != nil {
				t.Fatalf("%s %+v: %v", format, q, err)
			}
			var got []string
			for _, d := range x.Distribution {
				slices.Sort(d.Answers)
				got = append(got, strings.Join(d.Answers, " "))
			}
			if strings.Join(got, "|") != q.want {
				t.Errorf("%s: %+v: got %q\n%s", format, q, got, x.Text())
			}
		}
	}
}
