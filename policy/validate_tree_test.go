package policy

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestBadTrees: each mistake of a steering tree is named where it stands, and all of them come at once.
func TestBadTrees(t *testing.T) {
	in := func(pool string) Branch { return Branch{Steering: Steering{Pool: pool}} }
	cidr := netip.MustParsePrefix
	minus := -1
	c := Config{
		Regions: []Region{{Name: "us", Capacity: &Capacity{Limit: -5}}},
		Pools:   []Pool{{Name: "p", Region: "us", Capacity: &Capacity{Limit: 1, Low: 0.9, High: 0.5}, Endpoints: []Endpoint{{Name: "a", Hostname: MustName("x.example.net")}, {Name: "b", Address: netip.MustParseAddr("::ffff:192.0.2.1")}}}},
		Templates: []Template{
			{Name: "a", Steer: Steering{Failover: []Branch{{Steering: Steering{Template: "b"}}}}},
			{Name: "b", Steer: Steering{Weighted: []Branch{{Steering: Steering{Template: "a"}}}}},
			{Name: "gone", Steer: Steering{Template: "nowhere"}},
		},
		Services: []Service{
			{Name: MustName("a.example.com"), TTL: &TTL{Max: 300}, Sticky: &Sticky{IPv4: 33}, Answers: 2, LastResort: &LastResort{Steering: Steering{Pool: "none"}},
				Steer: Steering{Geo: []Branch{
					{Steering: Steering{Pool: "p"}, Match: &Match{CIDRs: []netip.Prefix{cidr("192.0.2.0/24"), cidr("192.0.2.9/24"), cidr("::ffff:192.0.2.0/120")}, Countries: []string{"de"}}},
					{Steering: Steering{Pool: "p"}, Match: &Match{CIDRs: []netip.Prefix{cidr("192.0.2.0/24")}, Continents: []string{"EUROPE"}, Subdivisions: []string{"CA"}, ASNs: []uint32{0}}},
					in("p"),
				}}},
			{Name: MustName("b.example.com"), Steer: Steering{Weighted: []Branch{{Steering: Steering{Pool: "p"}, Weight: &minus}, {Steering: Steering{Pool: "p"}, Match: &Match{}}}, Fence: true}},
			{Name: MustName("c.example.com"), Steer: Steering{Latency: []Branch{{Steering: Steering{Pool: "p"}, Bias: 100}}, LastResort: &LastResort{Mode: ResortAll}}, LastResort: &LastResort{Mode: ResortNoData}},
		},
		Places: []PlaceOverride{{CIDR: cidr("192.0.2.0/24"), Country: "DE"}, {CIDR: cidr("192.0.2.0/24"), Country: "FR"}, {}},
	}
	err := c.Validate()
	e, ok := err.(*Error)
	if !ok {
		t.Fatal(err)
	}
	for _, want := range []string{
		"/regions/0/capacity: a capacity of -5",
		"/pools/0/capacity: the watermarks low (0.9) and high (0.5)",
		"/pools/0/endpoints/1: address ::ffff:192.0.2.1 is IPv4 written as IPv6",
		"/templates/0: templates lead in a circle: a -> b -> a",
		`/templates/2/steer/template: there is no template "nowhere"`,
		"/services/0/ttl: ttl: {max, min} needs both",
		"/services/0/sticky: the prefixes of sticky, /33",
		"/services/0: sticky keeps a client at one endpoint",
		`/services/0/lastResort/pool: there is no pool "none"`,
		"/services/0/answers: service a.example.com gives 2 endpoints in one answer, and endpoint/p/a is a hostname",
		"/services/0/steer/geo/0/match/cidrs/1: 192.0.2.9/24 has bits set beyond its length; the network is 192.0.2.0/24",
		"/services/0/steer/geo/0/match/cidrs/2: ::ffff:192.0.2.0/120 is IPv4 written as IPv6",
		`/services/0/steer/geo/0/match/countries/0: "de" is not a country`,
		"/services/0/steer/geo/1/match/cidrs/0: 192.0.2.0/24 is matched at /services/0/steer/geo/0/match/cidrs/0 already",
		`/services/0/steer/geo/1/match/continents/0: "EUROPE" is not a continent`,
		`/services/0/steer/geo/1/match/subdivisions/0: "CA" is not a subdivision`,
		"/services/0/steer/geo/1/match/asns/0: AS number 0 is nobody's",
		"/services/0/steer/geo/2/match: a branch of geo says whom it is for",
		"/services/1/steer: default and fence belong to geo",
		"/services/1/steer/weighted/0/weight: weight -1 is not within 0 to 1000000",
		"/services/1/steer/weighted/1/match: match is for branches of geo, not of weighted",
		"/services/2/steer/latency/0/bias: bias 100 is not within -99 to 99",
		"/services/2/lastResort: lastResort stands at the service and at its topmost branch",
		`/places/1/name: "192.0.2.0/24" is the name of /places/0 already`,
		"/places/2: a place says for whom it is",
	} {
		if !slices.ContainsFunc(e.Problems, func(p Problem) bool { return strings.HasPrefix(p.String(), want) }) {
			t.Errorf("nothing says %q", want)
		}
	}
	if t.Failed() {
		for _, p := range e.Problems {
			t.Log(p.String())
		}
	}
}

// TestTreesAreBounded: templates that name each other many times over do not make a tree that nobody can hold.
func TestTreesAreBounded(t *testing.T) {
	c := Config{Pools: []Pool{{Name: "p", Endpoints: []Endpoint{{Name: "a", Address: netip.MustParseAddr("192.0.2.1")}}}}}
	before := Steering{Pool: "p"}
	for _, name := range []string{"a", "b", "c", "d"} {
		var list []Branch
		for range 40 {
			list = append(list, Branch{Steering: before})
		}
		c.Templates = append(c.Templates, Template{Name: name, Steer: Steering{Weighted: list}})
		before = Steering{Template: name}
	}
	c.Services = []Service{{Name: MustName("a.example.com"), Steer: before}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "more than 4096 branches") {
		t.Errorf("%v", err)
	}
}
