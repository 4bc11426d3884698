package snapshot_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// tierState has a service over the pools p (a, b; both needed) and q (c), in the regions r0 and r1.
func tierState() *policy.State {
	s := policy.NewState()
	s.Index = 1
	s.Zones.Set(apex.Key(), zoneOf(1))
	s.Monitors.Set("m", policy.Object[policy.Monitor]{Rev: 1, Spec: policy.Monitor{Name: "m", TCP: &policy.TCPCheck{Port: 1}}})
	s.Regions.Set("r0", region("r0", "IAD"))
	s.Regions.Set("r1", region("r1", "FRA"))
	next := byte(0)
	for _, p := range []policy.Pool{
		{Name: "p", Region: "r0", Monitor: "m", MinAvailable: policy.Amount{Count: 2}, Endpoints: []policy.Endpoint{{Name: "a"}, {Name: "b"}}},
		{Name: "q", Region: "r1", Monitor: "m", Endpoints: []policy.Endpoint{{Name: "c"}}},
	} {
		for i := range p.Endpoints {
			next++
			p.Endpoints[i].Address = netip.AddrFrom4([4]byte{192, 0, 2, next})
			setVerdict(s, policy.CheckID(&p, &p.Endpoints[i], p.Monitor), policy.Up, 100)
		}
		s.Pools.Set(p.Name, policy.Object[policy.Pool]{Rev: 1, Spec: p})
	}
	putService(s, policy.Service{Name: policy.MustName("www.example.com"), Steer: policy.Steering{
		Failover: []policy.Branch{{Steering: policy.Steering{Pool: "p"}}, {Steering: policy.Steering{Pool: "q"}}},
	}})
	return s
}

// TestTiers: each tier acts when the better ones have nothing, and the
// explanation says which did, and why each endpoint is in or out.
func TestTiers(t *testing.T) {
	for name, c := range map[string]struct {
		down, drained string // endpoints, by their letters
		want          string // who answers
		tier          steer.Tier
		reasons       []string // parts of the reasons or of the branches' dropped
	}{
		"all well":             {"", "", "ab", steer.Available, []string{"pool q: comes after one that is available", "scope 0"}},
		"the second":           {"ab", "", "c", steer.Available, []string{"endpoint/p/a: down", "pool p: nothing available for IPv4"}},
		"fewer than needed":    {"b", "", "c", steer.Available, []string{"1 of its endpoints are available, 2 needed", "below minAvailable"}},
		"and nothing else":     {"bc", "", "a", steer.BelowMin, []string{"endpoint/p/b: down", "endpoint/q/c: down"}},
		"drained goes first":   {"", "ab", "c", steer.Available, []string{"endpoint/p/a: drained by control ca"}},
		"down before drained":  {"ab", "c", "ab", steer.LastResort, []string{"endpoint/q/c: drained by control cc"}},
		"all down":             {"abc", "", "ab", steer.LastResort, nil},
		"all drained":          {"", "abc", "ab", steer.Drained, nil},
		"drained, partly down": {"ab", "abc", "c", steer.Drained, []string{"endpoint/p/a: down"}},
		"drained and down":     {"abc", "abc", "ab", steer.DrainedDown, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := tierState()
			pool := func(e rune) string { return map[rune]string{'a': "p", 'b': "p", 'c': "q"}[e] }
			for _, e := range c.down {
				setVerdict(s, fmt.Sprintf("%s/%c@m", pool(e), e), policy.Down, 100)
			}
			for _, e := range c.drained {
				drain(s, "c"+string(e), fmt.Sprintf("endpoint/%s/%c", pool(e), e))
			}
			compiled, err := snapshot.Compile(nil, s, snapshot.Local{})
			if err != nil {
				t.Fatal(err)
			}
			x, err := compiled.Explain(snapshot.ExplainQuery{Name: policy.MustName("www.example.com"), Type: policy.TypeA, Client: netip.MustParsePrefix("8.8.8.8/32")})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range x.Distribution {
				got = append(got, d.Endpoint[len(d.Endpoint)-1:])
			}
			slices.Sort(got)
			if strings.Join(got, "") != c.want || x.Tier != c.tier.String() {
				t.Errorf("%v by %q, want %s by %q", got, x.Tier, c.want, c.tier)
			}
			text := x.Text()
			for _, part := range append(c.reasons, "answered from: "+x.Tier, "TTL") {
				if !strings.Contains(text, part) {
					t.Errorf("%q is not in the explanation:\n%s", part, text)
				}
			}
			for _, e := range x.Endpoints {
				letter := e.Endpoint[len(e.Endpoint)-1:]
				if down := strings.Contains(c.down, letter); (e.Status == policy.Down) != down || (e.Drained != "") != strings.Contains(c.drained, letter) {
					t.Errorf("%s stands as %s, drained by %q", e.Endpoint, e.Status, e.Drained)
				}
			}
		})
	}
}

// What only this node holds to be down is left out, and the explanation says on whose word.
func TestIslandIsExplained(t *testing.T) {
	s := tierState()
	compiled, err := snapshot.Compile(nil, s, snapshot.Local{Down: map[string]bool{"p/a@m": true, "p/b@m": true}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := compiled.Explain(snapshot.ExplainQuery{Name: policy.MustName("www.example.com"), Type: policy.TypeA, Client: netip.MustParsePrefix("8.8.8.8/32")})
	if err != nil {
		t.Fatal(err)
	}
	if len(x.Distribution) != 1 || x.Distribution[0].Endpoint != "endpoint/q/c" || !strings.Contains(x.Text(), "this node has no leader and judges by the vantages it hears") {
		t.Errorf("%s", x.Text())
	}
	if a := x.Endpoints[0]; a.Measured != policy.Up || a.Status != policy.Down {
		t.Errorf("measured %s, used as %s", a.Measured, a.Status)
	}
}

// TestEffective: what an endpoint is answered by, and why, when its verdict does not say it all.
func TestEffective(t *testing.T) {
	s := tierState()
	expect := func(local snapshot.Local, endpoint string, want policy.Status, why string) {
		t.Helper()
		s.Index++
		snap := compile(t, nil, s, local)
		status, got, ok := snap.Effective("p", endpoint)
		if !ok || status != want || !strings.Contains(got, why) || why == "" && got != "" {
			t.Errorf("%s is %s, %q, %v; want %s, %q", endpoint, status, got, ok, want, why)
		}
	}
	expect(snapshot.Local{}, "a", policy.Up, "")
	expect(snapshot.Local{Down: map[string]bool{"p/a@m": true}}, "a", policy.Down, "no leader")
	o, _ := s.Regions.Get("r0")
	o.Spec.DownWhen = &policy.DownWhen{Region: 50}
	s.Regions.Set("r0", o)
	setVerdict(s, "p/a@m", policy.Down, 100)
	expect(snapshot.Local{}, "b", policy.Down, "region/r0 counts as down: 1 of 2")
	if _, _, ok := compile(t, nil, s, snapshot.Local{}).Effective("p", "nobody"); ok {
		t.Error("an endpoint that is not there")
	}
}

// TestDesertedPrefixes: prefixes in which nobody is ever looked up are told of.
func TestDesertedPrefixes(t *testing.T) {
	s := tierState()
	for _, cidr := range []string{"2001:0:102::/48", "2002:c000:201:7::/64", "2002:c000:200::/40", "2001::/32", "2001:db8::/64"} {
		p := netip.MustParsePrefix(cidr)
		s.Places.Set(cidr, policy.Object[policy.PlaceOverride]{Spec: policy.PlaceOverride{CIDR: p, Country: "DE"}})
	}
	w := strings.Join(compile(t, nil, s, snapshot.Local{}).Warnings(), "\n")
	for cidr, deserted := range map[string]bool{
		"2001:0:102::/48": true, "2002:c000:201:7::/64": true, "2002:c000:200::/40": false, "2001::/32": true, "2001:db8::/64": false,
	} {
		if strings.Contains(w, "place "+cidr+" is for no client") != deserted {
			t.Errorf("%s: want %v in %s", cidr, deserted, w)
		}
	}
}

// TestQuorumWarnings: a quorum that the nodes cannot reach is told of.
func TestQuorumWarnings(t *testing.T) {
	s := tierState()
	o, _ := s.Monitors.Get("m")
	o.Spec.Quorum = policy.Quorum{Regions: 2, Continents: 1}
	s.Monitors.Set("m", o)
	warned := func() string { return strings.Join(compile(t, nil, s, snapshot.Local{}).Warnings(), "; ") }
	s.Members.Set("1", policy.Member{ID: "1", Node: "ns1", Region: "r0"})
	if w := warned(); !strings.Contains(w, "asks for 2 regions, and the nodes are in 1") || !strings.Contains(w, "asks for 1 continents, and the nodes are in 0") {
		t.Error(w)
	}
	s.Members.Set("2", policy.Member{ID: "2", Node: "ns2", Region: "r1"})
	if w := warned(); strings.Contains(w, "2 regions") {
		t.Error(w)
	}
}

// TestSignalWarnings: a monitor whose signal is missing or stale is told of, and one whose signal is fresh is not.
func TestSignalWarnings(t *testing.T) {
	s := tierState()
	s.Monitors.Set("m", policy.Object[policy.Monitor]{Rev: 9, Spec: policy.Monitor{Name: "m", Signal: &policy.SignalCheck{Name: "ok"}}})
	warned := func() string { return strings.Join(compile(t, nil, s, snapshot.Local{}).Warnings(), "; ") }
	if w := warned(); !strings.Contains(w, "monitor m: signal ok was never given, so what it checks goes by whenStale: keep") {
		t.Error(w)
	}
	v := policy.Signal{Name: "ok", Status: policy.Up, MaxAge: policy.DefaultSignalAge}
	s.Signals.Set("ok", v)
	if w := warned(); strings.Contains(w, "signal") {
		t.Error(w)
	}
	v.Stale = true
	s.Signals.Set("ok", v)
	if w := warned(); !strings.Contains(w, "monitor m: signal ok is stale, given last at 1970-01-01T00:00:00Z for 1m0s, so what it checks goes by whenStale: keep") {
		t.Error(w)
	}
}

// TestSignalsCompileNothing: a signal changes no answer by itself, so that nothing is compiled for it.
func TestSignalsCompileNothing(t *testing.T) {
	prev := compile(t, nil, tierState(), snapshot.Local{})
	s := prev.State.Clone()
	s.Index++
	s.Signals.Set("ok", policy.Signal{Name: "ok", Status: policy.Down, MaxAge: policy.DefaultSignalAge})
	next := compile(t, prev, s, snapshot.Local{})
	if n := next.Reused(prev); n == 0 || n != next.Services.Len() || !next.Updated() {
		t.Errorf("%d of %d services were taken over, and only pools looked at: %v", n, next.Services.Len(), next.Updated())
	}
}
