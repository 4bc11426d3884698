package snapshot_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// The worlds of the property tests: regions, pools, services and their health, all drawn at random.

var (
	apex     = policy.MustName("example.com")
	airports = []string{"IAD", "FRA", "SIN", "GRU", "SYD", ""}
)

// tables are geographic data drawn once: nested and neighbouring networks in places of all the world.
var tables = sync.OnceValue(func() []*geo.Table {
	list := []*geo.Table{nil}
	for seed := range uint64(3) {
		r := rand.New(rand.NewPCG(seed, 1))
		w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", DisableIPv4Aliasing: true, IncludeReservedNetworks: true})
		if err != nil {
			panic(err)
		}
		for bits := 4; bits <= 32; bits++ { // the wide ones first, so that the narrow ones stay
			for range 4 {
				a := base4(r)
				record := mmdbtype.Map{"location": mmdbtype.Map{
					"latitude": mmdbtype.Float64(r.Float64()*150 - 70), "longitude": mmdbtype.Float64(r.Float64()*360 - 180)}}
				if i := r.IntN(2 * len(countries)); i < len(countries) {
					record["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(countries[i])}
					record["continent"] = mmdbtype.Map{"code": mmdbtype.String(worldwide[i])}
				}
				v6 := netip.AddrFrom16([16]byte{0x2a, 0, a.As4()[1], a.As4()[2], a.As4()[3], byte(r.Uint32())})
				for _, p := range []netip.Prefix{netip.PrefixFrom(a, bits), netip.PrefixFrom(v6, bits+8)} {
					n := &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
					if err := w.Insert(n, record); err != nil {
						panic(err)
					}
				}
			}
		}
		var b bytes.Buffer
		if _, err := w.WriteTo(&b); err != nil {
			panic(err)
		}
		t, err := geo.Load(b.Bytes(), "random.mmdb")
		if err != nil {
			panic(err)
		}
		list = append(list, t)
	}
	return list
})

// base4 is a public address; few of them, so that networks nest.
func base4(r *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte{[]byte{8, 81, 82, 203}[r.IntN(4)], byte(r.IntN(3)), byte(r.IntN(4)), byte(r.Uint32())})
}

// drawClient is a whole address near the networks of the tables.
func drawClient(t *rapid.T) netip.Addr {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "client"), 2))
	a := base4(r)
	switch r.IntN(3) {
	case 0:
		b := a.As4()
		return netip.AddrFrom16([16]byte{0x2a, 0, b[1], b[2], b[3], byte(r.Uint32()), 15: 1})
	case 1:
		b := a.As4()
		return netip.AddrFrom16([16]byte{0x20, 2, b[0], b[1], b[2], b[3], 15: 1}) // 6to4: looked up as IPv4
	}
	return a
}

func region(name, iata string) policy.Object[policy.Region] {
	r := policy.Region{Name: name, Provider: "cloud-" + name}
	if iata != "" {
		r.Place = &policy.Place{IATA: iata}
	}
	return policy.Object[policy.Region]{Rev: 1, Spec: r}
}

// zoneOf is the services' zone, at a revision.
func zoneOf(rev uint64) *policy.Zone {
	text := fmt.Sprintf("$TTL 300\n@ SOA ns hostmaster %d 1h 15m 2w 60\n@ NS ns\nns A 192.0.2.53\n", rev)
	z, _, err := zonefile.Parse(strings.NewReader(text), apex, "zone", zonefile.Limits{})
	if err != nil {
		panic(err)
	}
	z.Rev = rev
	return z
}

var regions = []string{"r0", "r1", "r2", "r3"}

// drawState is a state with one to three services, in one of several conditions of health.
func drawState(t *rapid.T) *policy.State {
	s := policy.NewState()
	s.Index, s.Revision = 1, 1
	s.Zones.Set(apex.Key(), zoneOf(1))
	s.Monitors.Set("m", policy.Object[policy.Monitor]{Rev: 1, Spec: policy.Monitor{Name: "m", TCP: &policy.TCPCheck{Port: 1}}})
	for _, name := range regions {
		s.Regions.Set(name, region(name, rapid.SampledFrom(airports).Draw(t, "place")))
	}
	families := rapid.SampledFrom([][]string{{"4"}, {"6"}, {"46"}, {"4", "6", "46"}, {"4", "46", "cname"}, {"4", "flat"}, {"6", "flat"}}).Draw(t, "families")
	for i := range rapid.IntRange(1, 4).Draw(t, "pools") {
		p := drawPool(t, fmt.Sprintf("p%d", i), families)
		s.Pools.Set(p.Name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	}
	var pools []string
	for name := range s.Pools.All {
		pools = append(pools, name)
	}
	s.Templates.Set("t", policy.Object[policy.Template]{Rev: 1, Spec: policy.Template{Name: "t", Steer: drawSteering(t, pools, false, 2)}})
	if rapid.Bool().Draw(t, "measured world") {
		drawMeasured(t, s)
	}
	if rapid.Bool().Draw(t, "rules") {
		drawRules(t, s)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "services") {
		putService(s, drawService(t, s, i))
	}
	condition := rapid.SampledFrom([]string{"unknown", "down", "drained", "drained and down", "mixed", "mixed", "mixed"}).Draw(t, "condition")
	if condition == "drained" || condition == "drained and down" {
		for i, name := range regions {
			drain(s, fmt.Sprintf("c%d", i), "region/"+name)
		}
	}
	for _, c := range s.Checks() {
		switch condition {
		case "down", "drained and down":
			setVerdict(s, c.ID, policy.Down, 100)
		case "mixed":
			drawVerdict(t, s, c.ID)
		}
	}
	if condition == "mixed" && rapid.Bool().Draw(t, "drain") {
		drain(s, "c9", rapid.SampledFrom(targets).Draw(t, "target"))
	}
	return s
}

var targets = []string{"region/r0", "region/r1", "provider/cloud-r2", "pool/p0", "pool/p1", "endpoint/p0/a", "az/r0/z"}

func drain(s *policy.State, id, target string) {
	s.Controls.Set(id, policy.Control{ID: id, Target: target, Action: policy.Drain})
}

func setVerdict(s *policy.State, check string, status policy.Status, ramp int) {
	s.Verdicts.Set(check, policy.Verdict{Check: check, Status: status, Ramp: ramp, Ballots: []policy.Ballot{{Vantage: "ns1", Status: status}}})
}

func drawVerdict(t *rapid.T, s *policy.State, check string) {
	status := rapid.SampledFrom([]policy.Status{policy.Up, policy.Up, policy.Down, policy.Unknown}).Draw(t, "status")
	setVerdict(s, check, status, rapid.SampledFrom([]int{100, 100, 10, 50}).Draw(t, "ramp"))
}

func drawPool(t *rapid.T, name string, families []string) policy.Pool {
	p := policy.Pool{Name: name, Region: rapid.SampledFrom(regions).Draw(t, "region"), Monitor: rapid.SampledFrom([]string{"m", "m", "m", ""}).Draw(t, "monitor")}
	n := rapid.IntRange(1, 4).Draw(t, "endpoints")
	if rapid.IntRange(0, 3).Draw(t, "bounded") == 0 {
		p.Capacity = &policy.Capacity{Limit: 100}
	}
	p.MinAvailable = rapid.SampledFrom([]policy.Amount{{}, {}, {Count: 1}, {Count: min(2, n)}, {Share: 50}, {Share: 100}}).Draw(t, "min")
	p.PanicThreshold = rapid.SampledFrom([]policy.Percent{0, 0, 50, 100}).Draw(t, "panic")
	for i := range n {
		e := policy.Endpoint{Name: string(rune('a' + i)), Region: rapid.SampledFrom([]string{"", "", "r0", "r3"}).Draw(t, "in"), AZ: rapid.SampledFrom([]string{"", "y", "z"}).Draw(t, "zone")}
		k := byte(rapid.IntRange(1, 250).Draw(t, "address"))
		v4, v6 := netip.AddrFrom4([4]byte{192, 0, name[1], k}), netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 14: name[1], 15: k})
		switch rapid.SampledFrom(families).Draw(t, "family") {
		case "4":
			e.Address = v4
		case "6":
			e.Address = v6
		case "46":
			e.Addresses = []netip.Addr{v4, v6}
		case "flat":
			e.Hostname, e.Resolve = policy.MustName("ns.example.com"), "flatten"
		case "cname":
			e.Hostname = policy.MustName(fmt.Sprintf("lb%d.example.net", k))
		}
		if w := rapid.SampledFrom([]int{-1, -1, 0, 0, 1, 3, 1_000_000}).Draw(t, "weight"); w >= 0 {
			e.Weight = &w
		}
		p.Endpoints = append(p.Endpoints, e)
	}
	return p
}

// drawRules says when failure domains count as down.
func drawRules(t *rapid.T, s *policy.State) {
	percents := []policy.Percent{0, 0, 1, 50, 100}
	for _, name := range regions {
		o, _ := s.Regions.Get(name)
		o.Rev, o.Spec.DownWhen = s.Revision, nil
		if d := (policy.DownWhen{AZ: rapid.SampledFrom(percents).Draw(t, "az"), Region: rapid.SampledFrom(percents).Draw(t, "region")}); d != (policy.DownWhen{}) {
			o.Spec.DownWhen = &d
		}
		s.Regions.Set(name, o)
		provider := policy.Provider{Name: o.Spec.Provider, DownWhen: rapid.SampledFrom(percents).Draw(t, "provider")}
		if s.Providers.Delete(provider.Name); provider.DownWhen != 0 {
			s.Providers.Set(provider.Name, policy.Object[policy.Provider]{Rev: s.Revision, Spec: provider})
		}
	}
}

func putService(s *policy.State, svc policy.Service) {
	s.Services.Set(svc.ID(), policy.Object[policy.Service]{Rev: s.Revision, Spec: svc})
}

// has says whether any endpoint of a service's pools answers a kind, whatever its health: by the nouns alone.
func has(s *policy.State, svc *policy.Service, k policy.AnswerKind) bool {
	for name := range s.PoolsOf(svc) {
		p, _ := s.Pools.Get(name)
		for i := range p.Spec.Endpoints {
			if s.Has(&p.Spec.Endpoints[i], k) {
				return true
			}
		}
	}
	return false
}

// drawControl puts a control of any kind in force, on a service or with a label too.
func drawControl(t *rapid.T, s *policy.State, id string) {
	c := policy.Control{
		ID: id, CreatedAt: rapid.Int64Range(0, 3).Draw(t, "age"),
		Target: rapid.SampledFrom(append([]string{"service/s0.example.com", "service/s1.example.com", "label/tier=gold"}, targets...)).Draw(t, "on"),
		Action: rapid.SampledFrom([]policy.Action{policy.Drain, policy.ForceUp, policy.ForceDown, policy.Share}).Draw(t, "action"),
		Phase:  rapid.SampledFrom([]policy.Phase{policy.InForce, policy.InForce, policy.Near}).Draw(t, "phase"),
	}
	if c.Action == policy.Share {
		c.Share = rapid.SampledFrom([]int{0, 10, 50, 100}).Draw(t, "kept")
	}
	s.Controls.Set(id, c)
}
