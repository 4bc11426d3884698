package snapshot

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

const recordsZone = `$TTL 300
@ IN SOA ns1 hostmaster 7 3600 600 86400 60
@ IN NS ns1
ns1 IN A 192.0.2.53
lb 20 IN A 192.0.2.80
lb 20 IN A 192.0.2.81
alias 600 IN CNAME lb
www IN CAA 0 issue "ca.example"
cut IN NS ns1
hinted IN HTTPS 1 . ipv4hint=192.0.2.9
to IN HTTPS 1 www ipv4hint=192.0.2.9
to IN HTTPS 2 www
mine IN SVCB 1 ns1 ipv4hint=192.0.2.53
`

func addrs(list ...string) (out []netip.Addr) {
	for _, a := range list {
		out = append(out, netip.MustParseAddr(a))
	}
	return out
}

func recordsState(t testing.TB, pools []policy.Pool, services ...policy.Service) *policy.State {
	t.Helper()
	s := policy.NewState()
	z, _, err := zonefile.Parse(strings.NewReader(recordsZone), policy.MustName("example.com"), "", zonefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	s.Zones.Set(z.Name.Key(), z)
	for name, iata := range map[string]string{"us": "IAD", "eu": "FRA"} {
		s.Regions.Set(name, policy.Object[policy.Region]{Rev: 1, Spec: policy.Region{Name: name, Place: &policy.Place{IATA: iata}}})
	}
	for _, p := range pools {
		s.Pools.Set(p.Name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	}
	for _, svc := range services {
		s.Services.Set(svc.ID(), policy.Object[policy.Service]{Rev: 1, Spec: svc})
	}
	return s
}

func twoRegions() []policy.Pool {
	return []policy.Pool{
		{Name: "us", Region: "us", Endpoints: []policy.Endpoint{{Name: "a", Addresses: addrs("192.0.2.1"), Records: map[string][]string{
			"MX": {"10 mail-us.example.com.", "20 mail-eu.example.com."}, "TXT": {`"region=us"`}, "HTTPS": {"1 . alpn=h2"}}}}},
		{Name: "eu", Region: "eu", Endpoints: []policy.Endpoint{{Name: "a", Addresses: addrs("192.0.2.2"), Records: map[string][]string{
			"MX": {"10 mail-eu.example.com."}, "TXT": {`"region=eu"`}}}}},
	}
}

func service(name string, s policy.Steering) policy.Service {
	ttl := policy.TTL{Max: 30, Min: 30}
	return policy.Service{Name: policy.MustName(name), TTL: &ttl, Steer: s}
}

func pool(name string) policy.Branch { return policy.Branch{Steering: policy.Steering{Pool: name}} }

func nearest(pools ...string) (s policy.Steering) {
	for _, p := range pools {
		s.Nearest = append(s.Nearest, pool(p))
	}
	return s
}

func compile(t testing.TB, prev *Snapshot, s *policy.State) *Snapshot {
	t.Helper()
	table, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	snap, err := Compile(prev, s, Local{Geo: table})
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func explain(t testing.TB, s *Snapshot, name, typ, client string, assume ...string) *Explanation {
	t.Helper()
	n, err := zonefile.ParseType(typ)
	if err != nil {
		t.Fatal(err)
	}
	a := netip.MustParseAddr(client)
	x, err := s.Explain(ExplainQuery{Name: policy.MustName(name), Type: n, Client: netip.PrefixFrom(a, a.BitLen()), Assume: assume})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

const american, german = "8.8.8.8", "91.10.0.1"

// said is a distribution in a line.
func said(x *Explanation) string {
	var out []string
	for _, d := range x.Distribution {
		out = append(out, fmt.Sprintf("%g %s", d.Probability, strings.Join(d.Answers, " + ")))
	}
	return strings.Join(append(out, fmt.Sprintf("%s ttl %d", x.Result, x.TTL)), "; ")
}

func TestExplainOfRecords(t *testing.T) {
	pools := append(twoRegions(),
		policy.Pool{Name: "host", Region: "us", Endpoints: []policy.Endpoint{{Name: "lb", Hostname: policy.MustName("lb.example.net")}}},
		policy.Pool{Name: "flat", Region: "us", Endpoints: []policy.Endpoint{{Name: "lb", Hostname: policy.MustName("alias.example.com"), Resolve: "flatten", Records: map[string][]string{"TXT": {"flat"}}}}},
	)
	s := compile(t, nil, recordsState(t, pools,
		service("www.example.com", nearest("us", "eu")), service("host.example.com", policy.Steering{Pool: "host"}),
		service("example.com", policy.Steering{Pool: "flat"}), service("below.cut.example.com", policy.Steering{Pool: "us"}),
		service("mixed.example.com", policy.Steering{Weighted: []policy.Branch{pool("host"), {Steering: policy.Steering{Pool: "flat"}, Weight: new(int)}}})))
	for _, c := range []struct {
		name, typ, client string
		assume            []string
		want, reason      string
	}{
		{"www.example.com", "MX", american, nil, "1 10 mail-us.example.com. + 20 mail-eu.example.com.; answer ttl 30", "answered from: available endpoints"},
		{"www.example.com", "MX", german, nil, "1 10 mail-eu.example.com.; answer ttl 30", "keeps nearest[1].pool eu"},
		{"www.example.com", "TXT", german, []string{"down:region/eu"}, `1 "region=us"; answer ttl 30`, "nothing available for TXT in it"},
		{"www.example.com", "HTTPS", german, nil, `1 1 . alpn="h2"; answer ttl 30`, "endpoint/eu/a: has no HTTPS record"},
		{"www.example.com", "HTTPS", german, []string{"drain:region/us"}, `1 1 . alpn="h2"; answer ttl 30`, "everything is drained, so the drained endpoints are served"},
		{"www.example.com", "SRV", german, nil, "nodata ttl 30", "service www.example.com has no SRV endpoint: NODATA, never an error"},
		{"www.example.com", "CAA", german, nil, `1 0 issue "ca.example"; static ttl 300`, "the same for every client"},
		{"host.example.com", "HTTPS", german, nil, "1 lb.example.net.; answer ttl 30", "available"},
		{"host.example.com", "CNAME", german, nil, "1 lb.example.net.; answer ttl 30", "available"},
		{"example.com", "A", german, nil, "1 192.0.2.80 + 192.0.2.81; answer ttl 20", "endpoint/flat/lb flattens alias.example.com: 192.0.2.80, 192.0.2.81, which may be kept for 20 s"},
		{"example.com", "A", german, nil, "1 192.0.2.80 + 192.0.2.81; answer ttl 20", "TTL 20 s is less than the service's own, 30 s"},
		{"example.com", "AAAA", german, nil, "nodata ttl 30", "has no AAAA endpoint"},
		{"example.com", "TXT", german, nil, `1 "flat"; answer ttl 30`, ""},
		{"below.cut.example.com", "A", german, nil, "static ttl 0", "delegation or DNAME at cut.example.com, which wins"},
		{"lb.example.com", "A", german, nil, "1 192.0.2.80 + 192.0.2.81; static ttl 20", ""},
	} {
		x := explain(t, s, c.name, c.typ, c.client, c.assume...)
		if got := said(x); got != c.want || !strings.Contains(strings.Join(x.Reasons, "\n"), c.reason) {
			t.Errorf("%s %s for %s, %v: %s\nwant %s because %q\n%s", c.name, c.typ, c.client, c.assume, got, c.want, c.reason, x.Text())
		}
	}
}

// What an endpoint answers with is read once; a zone's change reaches who flattens it.
func TestCompileTakesAnswersOver(t *testing.T) {
	pools := append(twoRegions(), policy.Pool{Name: "flat", Endpoints: []policy.Endpoint{{Name: "lb", Hostname: policy.MustName("alias.example.com"), Resolve: "flatten"}}})
	state := recordsState(t, pools, service("www.example.com", nearest("us", "eu")), service("flat.example.com", policy.Steering{Pool: "flat"}))
	one := compile(t, nil, state)
	state = state.Clone()
	state.Index++
	z, _ := state.Zones.Get(policy.MustName("example.com").Key())
	z = z.Copy()
	if err := z.Set(policy.MustName("lb.example.com"), policy.RRset{Type: policy.TypeA, TTL: 5, Data: [][]byte{{192, 0, 2, 99}}}); err != nil {
		t.Fatal(err)
	}
	state.Zones.Set(z.Name.Key(), z)
	two := compile(t, one, state)
	if one.serviceByID("www.example.com") != two.serviceByID("www.example.com") || &one.pool("us").Answers[0] != &two.pool("us").Answers[0] {
		t.Error("a service that no zone has part in was compiled again")
	}
	if got := said(explain(t, two, "flat.example.com", "A", german)); got != "1 192.0.2.99; answer ttl 5" {
		t.Errorf("flattened: %s", got)
	}
	p, _ := state.Pools.Get("us")
	p.Spec.Endpoints = slices.Clone(p.Spec.Endpoints)
	p.Spec.Endpoints[0].Records = map[string][]string{"MX": {"1 new.example.com."}}
	p.Rev++
	state = state.Clone()
	state.Pools.Set("us", p)
	three := compile(t, two, state)
	if got := said(explain(t, three, "www.example.com", "MX", american)); got != "1 1 new.example.com.; answer ttl 30" {
		t.Errorf("after a change of the records: %s", got)
	}
	if w := strings.Join(three.Warnings(), "\n"); !strings.Contains(w, "service www.example.com: region us has no TXT endpoint, so its clients get the TXT records of another region") {
		t.Errorf("warnings: %s", w)
	}
}

func TestHintWarnings(t *testing.T) {
	state := recordsState(t, twoRegions(), service("www.example.com", policy.Steering{Pool: "us"}), service("hinted.example.com", policy.Steering{Pool: "eu"}))
	list := compile(t, nil, state).Warnings()
	want := []string{
		"zone example.com: the HTTPS record of hinted.example.com hints at 192.0.2.9 for hinted.example.com, which service hinted.example.com steers",
		"zone example.com: the HTTPS record of to.example.com hints at 192.0.2.9 for www.example.com, which service www.example.com steers",
	}
	if len(list) != len(want) {
		t.Fatalf("%q", list)
	}
	for i := range want {
		if !strings.HasPrefix(list[i], want[i]) {
			t.Errorf("%q, want %q", list[i], want[i])
		}
	}
}

// TestNeverEmpty: for every kind of answer that a service's endpoints have, each
// client gets one, from an endpoint that has it, whatever is down and drained.
func TestNeverEmpty(t *testing.T) {
	data := map[policy.AnswerKind]string{policy.MX: "10 m.example.", policy.TXT: "x", policy.SRV: "1 1 1 s.example.", policy.SVCB: "1 s.example.", policy.HTTPS: "1 ."}
	rapid.Check(t, func(t *rapid.T) {
		var pools []policy.Pool
		verdicts := policy.NewState().Verdicts
		var drains []policy.Control
		carries := map[string]map[policy.AnswerKind]bool{}
		some := map[policy.AnswerKind]bool{}
		for _, name := range []string{"us", "eu"} {
			p := policy.Pool{Name: name, Region: name, Monitor: "m"}
			for i := range rapid.IntRange(1, 4).Draw(t, "endpoints") {
				e := policy.Endpoint{Name: string(rune('a' + i)), Records: map[string][]string{}}
				id := policy.EndpointID(name, e.Name)
				carries[id] = map[policy.AnswerKind]bool{}
				for k := range policy.AnswerKinds {
					if !rapid.Bool().Draw(t, k.String()) {
						continue
					}
					switch carries[id][k], some[k] = true, true; k {
					case policy.IPv4:
						e.Addresses = append(e.Addresses, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
					case policy.IPv6:
						e.Addresses = append(e.Addresses, netip.AddrFrom16([16]byte{0x20, 15: byte(i)}))
					default:
						e.Records[k.String()] = []string{data[k]}
					}
				}
				p.Endpoints = append(p.Endpoints, e)
				v := policy.Verdict{Check: policy.CheckID(&p, &e, p.Monitor), Ramp: 100, Status: policy.Status(rapid.IntRange(0, 2).Draw(t, "status"))}
				verdicts.Set(v.Check, v)
				if rapid.Bool().Draw(t, "drained") {
					drains = append(drains, policy.Control{ID: id, Target: id, Action: policy.Drain})
				}
			}
			pools = append(pools, p)
		}
		svc := service("www.example.com", nearest("us", "eu"))
		svc.Families = rapid.SampledFrom([]string{"", "independent"}).Draw(t, "families")
		state := policy.NewState()
		for _, p := range pools {
			state.Pools.Set(p.Name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
		}
		state.Services.Set(svc.ID(), policy.Object[policy.Service]{Rev: 1, Spec: svc})
		state.Verdicts = verdicts
		for _, c := range drains {
			state.Controls.Set(c.ID, c)
		}
		s, err := Compile(nil, state, Local{})
		if err != nil {
			t.Fatal(err)
		}
		for k := range policy.AnswerKinds {
			if kind, ok := s.Services.At(0).Kind(k.Type()); ok != some[k] || ok && kind != k {
				t.Fatalf("%s: the service has it: %v", k, ok)
			}
			for _, r := range []uint64{0, math.MaxUint64 / 2, math.MaxUint64} {
				d := s.Decide(Query{Kind: k, Client: netip.MustParseAddr(german), Bits: 32, Rand: r})
				if (d.Set >= 0) != some[k] {
					t.Fatalf("%s: set %d, though there is one: %v", k, d.Set, some[k])
				}
				if d.Set < 0 {
					continue
				}
				if set := s.Services.At(0).Sets[d.Set]; set.Type != k.Type() || len(set.Data) == 0 || !carries[set.Endpoints[0]][k] {
					t.Fatalf("%s is answered with %+v", k, set)
				}
			}
		}
	})
}

func TestDecideDoesNotAllocate(t *testing.T) {
	s := compile(t, nil, recordsState(t, twoRegions(), service("www.example.com", nearest("us", "eu"))))
	client := netip.MustParseAddr(german)
	for k := range policy.AnswerKinds {
		if n := testing.AllocsPerRun(100, func() { s.Decide(Query{Kind: k, Client: client, Bits: 32, Rand: 1}) }); n != 0 {
			t.Errorf("%s: %v allocations", k, n)
		}
	}
}
