package dnsserver

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// sharedState has services that share their clients out in several ways.
func sharedState(t *testing.T) *policy.State {
	t.Helper()
	s := policy.NewState()
	s.Index = 1
	z := zoneOf(t, exampleZone)
	s.Zones.Set(z.Name.Key(), z)
	for name, iata := range map[string]string{"us": "IAD", "eu": "FRA"} {
		s.Regions.Set(name, policy.Object[policy.Region]{Rev: 1, Spec: policy.Region{Name: name, Place: &policy.Place{IATA: iata}}})
	}
	next := byte(0)
	for name, weights := range map[string][]int{"us-1": {1, 1, 1}, "us-2": {1, 2, 5, 0}, "eu-1": {3, 1}, "eu-2": {7}} {
		p := policy.Pool{Name: name, Region: name[:2]}
		for i, w := range weights {
			next++
			p.Endpoints = append(p.Endpoints, policy.Endpoint{Name: string(rune('a' + i)), Address: netip.AddrFrom4([4]byte{203, 0, 113, next}), Weight: &w})
		}
		s.Pools.Set(name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	}
	part := func(weight int, pool string) policy.Branch {
		return policy.Branch{Steering: policy.Steering{Pool: pool}, Weight: &weight}
	}
	shared := func(iata string, b ...policy.Branch) policy.Branch {
		return policy.Branch{Steering: policy.Steering{Weighted: b}, Place: &policy.Place{IATA: iata}}
	}
	for name, steer := range map[string]policy.Steering{
		"pool":     {Pool: "us-2"},
		"weighted": {Weighted: []policy.Branch{part(1, "us-1"), part(3, "us-2"), part(6, "eu-2")}},
		"nested": {Nearest: []policy.Branch{
			shared("IAD", part(9, "us-1"), part(1, "us-2")), shared("FRA", part(2, "eu-1"), part(3, "eu-2")),
		}},
	} {
		svc := policy.Service{Name: policy.MustName(name + ".example.test"), Steer: steer}
		s.Services.Set(svc.ID(), policy.Object[policy.Service]{Rev: 1, Spec: svc})
	}
	return s
}

// TestAnswersFitTheDistribution asks a real socket 10,000 times for each way to
// share, and compares what comes with what explain states. The choice of
// clients is always the same; that of answers is the server's own, so the test
// fails by chance once in a million runs.
func TestAnswersFitTheDistribution(t *testing.T) {
	table, err := geo.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := snapshot.Compile(nil, sharedState(t), snapshot.Local{Geo: table})
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{Listen: []string{"127.0.0.1:0"}})
	s.Publish(NewView(nil, compiled))
	conn, err := net.Dial("udp", s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	clients := []netip.Prefix{netip.MustParsePrefix("8.8.8.0/24"), netip.MustParsePrefix("91.10.0.0/24"), netip.MustParsePrefix("127.0.0.0/8")}
	chooser := rand.New(rand.NewPCG(1, 2))
	for _, svc := range compiled.Services.All() {
		t.Run(svc.ID, func(t *testing.T) {
			asked := make([]int, len(clients))
			came := make([]map[string]int, len(clients))
			packets := make([][]byte, len(clients))
			for i, c := range clients {
				came[i], packets[i] = map[string]int{}, subnetQuery(t, svc.ID, c)
			}
			for n := range 10_000 {
				i := chooser.IntN(len(clients))
				packets[i][0], packets[i][1] = byte(n>>8), byte(n)
				asked[i]++
				came[i][askOnce(t, conn, packets[i])]++
			}
			for i, c := range clients {
				x, err := compiled.Explain(snapshot.ExplainQuery{Name: svc.Spec().Name, Type: policy.TypeA, Client: c})
				if err != nil {
					t.Fatal(err)
				}
				if p := fit(t, x, asked[i], came[i]); p < 1e-6/9 {
					t.Errorf("%s: %v of %d answers, which is one in %.0f\n%s", c, came[i], asked[i], 1/p, x.Text())
				}
			}
		})
	}
}

// subnetQuery asks for A on behalf of a subnet; none for loopback, which has no place.
func subnetQuery(t *testing.T, name string, client netip.Prefix) []byte {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), dns.TypeA)
	q.SetEdns0(1232, false)
	if !client.Addr().IsLoopback() {
		q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(client.Bits()), Address: client.Addr().AsSlice(),
		})
	}
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

// askOnce gives the address that one query is answered with.
func askOnce(t *testing.T, conn net.Conn, packet []byte) string {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(packet); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1500)
	n, err := conn.Read(b)
	if err != nil {
		t.Fatal(err)
	}
	var m dns.Msg
	if err := m.Unpack(b[:n]); err != nil {
		t.Fatal(err)
	}
	if a, ok := first(m.Answer).(*dns.A); ok && len(m.Answer) == 1 && [2]byte(b) == [2]byte(packet) {
		return a.A.String()
	}
	t.Fatalf("not an answer with one address: %v", &m)
	return ""
}

func first(list []dns.RR) dns.RR {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// fit is how likely counts at least as far from the stated distribution are (Pearson's chi-square).
func fit(t *testing.T, x *snapshot.Explanation, asked int, came map[string]int) float64 {
	t.Helper()
	sum, known := 0.0, 0
	for _, d := range x.Distribution {
		want := d.Probability * float64(asked)
		got := came[d.Answers[0]]
		known += got
		sum += (float64(got) - want) * (float64(got) - want) / want
	}
	if known != asked {
		t.Errorf("%s: %d of %d answers are not of the distribution: %v\n%s", x.Client, asked-known, asked, came, x.Text())
	}
	k := float64(len(x.Distribution) - 1)
	if k == 0 {
		return 1
	}
	// Wilson and Hilferty: the cube root is nearly normal.
	z := (math.Cbrt(sum/k) - (1 - 2/(9*k))) / math.Sqrt(2/(9*k))
	return math.Erfc(z/math.Sqrt2) / 2
}

func TestFit(t *testing.T) {
	x := &snapshot.Explanation{}
	for i := range 5 {
		x.Distribution = append(x.Distribution, snapshot.Share{Answers: []string{fmt.Sprint(i)}, Probability: .2})
	}
	even := map[string]int{"0": 200, "1": 200, "2": 200, "3": 200, "4": 200}
	if p := fit(t, x, 1000, even); p < .9 {
		t.Errorf("as stated: %v", p)
	}
	even["0"], even["1"] = 300, 100 // chi-square 100 with 4 degrees of freedom
	if p := fit(t, x, 1000, even); p > 1e-15 {
		t.Errorf("far off: %v", p)
	}
	even["0"], even["1"] = 242, 158 // 17.64: one in 689
	if p := fit(t, x, 1000, even); p < 1.2e-3 || p > 1.7e-3 {
		t.Errorf("a little off: %v", p)
	}
}
