package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDuration(t *testing.T) {
	for in, want := range map[string]time.Duration{
		`"500ms"`: 500 * time.Millisecond, `"30s"`: 30 * time.Second, `30`: 30 * time.Second, `"30"`: 30 * time.Second, `"2h"`: 2 * time.Hour,
		`0`: 0, `"-5s"`: -5 * time.Second, `-5`: -5 * time.Second, `"1m30s"`: 90 * time.Second, `8589934592`: 8589934592 * time.Second,
	} {
		var d Duration
		if err := json.Unmarshal([]byte(in), &d); err != nil || time.Duration(d) != want {
			t.Errorf("%s is %v, %v; want %v", in, d, err, want)
		}
	}
	for _, in := range []string{`"abc"`, `""`, `1.5`, `"1.5"`, `true`, `null`, `[]`, `8589934593`, `"9999999999h"`, `"\ud800x"`} {
		var d Duration
		if err := json.Unmarshal([]byte(in), &d); err == nil {
			t.Errorf("%s is read as %v", in, d)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := Duration(rapid.Int64().Draw(t, "d"))
		b, err := json.Marshal(d)
		var back Duration
		if err != nil || json.Unmarshal(b, &back) != nil || back != d {
			t.Fatalf("%d came back as %d through %s (%v)", d, back, b, err)
		}
	})
}

func TestSeconds(t *testing.T) {
	for in, want := range map[string]Seconds{`0`: 0, `30`: 30, `"30s"`: 30, `"5m"`: 300, `2147483647`: MaxTTL} {
		var s Seconds
		if err := json.Unmarshal([]byte(in), &s); err != nil || s != want {
			t.Errorf("%s is %v, %v; want %v", in, s, err, want)
		}
		b, err := json.Marshal(want)
		if err != nil || string(b) != fmt.Sprint(uint32(want)) {
			t.Errorf("%d is written %s, %v", want, b, err)
		}
	}
	for _, in := range []string{`-1`, `"500ms"`, `2147483648`, `1.5`, `"x"`} {
		var s Seconds
		if err := json.Unmarshal([]byte(in), &s); err == nil {
			t.Errorf("%s is read as %v", in, s)
		}
	}
}

func TestPlaceCoordinates(t *testing.T) {
	near := func(p *Place, lat, lon float64) {
		t.Helper()
		a, o, ok := p.Coordinates()
		if !ok || math.Abs(a-lat) > 0.5 || math.Abs(o-lon) > 0.5 {
			t.Errorf("%+v is at %v %v (%v), want near %v %v", *p, a, o, ok, lat, lon)
		}
	}
	near(&Place{IATA: "IAD"}, 38.94, -77.46) // Washington Dulles
	near(&Place{IATA: "fra"}, 50.03, 8.57)
	near(&Place{IATA: "SIN"}, 1.36, 103.99)
	near(&Place{Cloud: "aws/eu-central-1"}, 50.11, 8.68)
	near(&Place{Lat: of(-33.5), Lon: of(179.9)}, -33.5, 179.9)
	near(&Place{Lat: of(0.0), Lon: of(0.0)}, 0, 0)
	for _, p := range []*Place{nil, {}, {IATA: "QQQ"}, {Cloud: "x/y"}, {Lat: of(1.0)}} {
		if lat, lon, ok := p.Coordinates(); ok {
			t.Errorf("%+v is at %v %v", p, lat, lon)
		}
	}
	for code, c := range airports {
		if len(code) != 3 || math.Abs(c[0]) > 90 || math.Abs(c[1]) > 180 {
			t.Errorf("airport %q at %v", code, c)
		}
	}
	for code, c := range cloudRegions {
		if !strings.Contains(code, "/") || code != strings.ToLower(code) || math.Abs(c[0]) > 90 || math.Abs(c[1]) > 180 {
			t.Errorf("cloud region %q at %v", code, c)
		}
	}
}

func TestTarget(t *testing.T) {
	region := &Region{Name: "us-east", Provider: "aws"}
	pool := &Pool{Name: "web", Region: "us-east"}
	e := &Endpoint{Name: "a", AZ: "b", Labels: map[string]string{"tier": "gold=1", "none": ""}}
	for id, covers := range map[string]bool{
		"region/us-east": true, "region/eu": false, "provider/aws": true, "provider/gcp": false, "az/us-east/b": true, "az/us-east/a": false,
		"az/eu/b": false, "pool/web": true, "pool/eu": false, "endpoint/web/a": true, "endpoint/web/b": false, "endpoint/eu/a": false,
		"label/tier=gold=1": true, "label/tier=gold": false, "label/none=": true, "label/other=": false, "service/www.example.com": false,
	} {
		target, err := ParseTarget(id)
		if err != nil || target.Covers(region, pool, e) != covers {
			t.Errorf("%s: %+v, %v; covers is not %v", id, target, err, covers)
		}
		if k := target.Kind; (k == "region" || k == "provider" || k == "az") && target.Covers(nil, pool, e) {
			t.Errorf("%s covers an endpoint without a region", id)
		}
	}
	for _, id := range []string{"", "region", "region/", "region/a/b", "pool/", "az/us-east", "az/us-east/", "az//b", "endpoint/web", "endpoint/web/a/b", "service/", "label/x", "label/=x", "zone/x", "*", "all"} {
		if target, err := ParseTarget(id); KindOf(err) != Invalid {
			t.Errorf("%q is read as %+v, %v", id, target, err)
		}
	}
}

func TestErrors(t *testing.T) {
	err := fmt.Errorf("over: %w", Errorf(Conflict, "%s is there", "x"))
	if KindOf(err) != Conflict || KindOf(errors.New("x")) != "" || KindOf(nil) != "" || !strings.Contains(err.Error(), "x is there") {
		t.Error(err)
	}
	for want, p := range map[string]Problem{
		"m": {Message: "m"}, "/a: m": {Pointer: "/a", Message: "m"}, "f: m": {File: "f", Message: "m"},
		"f:3: m": {File: "f", Line: 3, Message: "m"}, "f:3:5: /a: m": {File: "f", Line: 3, Column: 5, Pointer: "/a", Message: "m"},
	} {
		if p.String() != want {
			t.Errorf("%+v prints as %q", p, p.String())
		}
	}
	if Problems(nil).Err("x") != nil {
		t.Error("no problems are an error")
	}
}

func TestStatusText(t *testing.T) {
	for s, text := range map[Status]string{Unknown: "unknown", Up: "up", Down: "down"} {
		b, err := s.MarshalText()
		var back Status
		if err != nil || string(b) != text || back.UnmarshalText(b) != nil || back != s {
			t.Errorf("%v is written %q: %v", s, b, err)
		}
	}
	var s Status
	if s.UnmarshalText([]byte("UP")) == nil || Status(9).String() != "status(9)" {
		t.Error("a status that is none")
	}
}

func TestPosition(t *testing.T) {
	order := []Position{{0, 0, 0}, {0, 0, 5}, {0, 7, 1}, {0, 8, 0}, {1, 0, 0}, {1, 3, 9}, {2, 1, 0}}
	for i, p := range order {
		for j, q := range order {
			if p.Before(q) != (i < j) {
				t.Errorf("%v before %v is %v", p, q, p.Before(q))
			}
		}
	}
}

func TestEndpoint(t *testing.T) {
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	for _, c := range []struct {
		e          Endpoint
		has4, has6 bool
	}{
		{Endpoint{Address: v4}, true, false}, {Endpoint{Address: v6}, false, true}, {Endpoint{Addresses: []netip.Addr{v6, v4}}, true, true},
		{Endpoint{Hostname: MustName("x.y")}, true, true}, {Endpoint{}, false, false},
	} {
		if c.e.Has(IPv4) != c.has4 || c.e.Has(IPv6) != c.has6 {
			t.Errorf("%+v", c.e)
		}
	}
	both := Endpoint{Address: v4, Addresses: []netip.Addr{v6}}
	if !slices.Equal(both.Addrs(), []netip.Addr{v4, v6}) || len(both.Addresses) != 1 {
		t.Error("Addrs")
	}
}

// checkState has one pool of two endpoints that two services use.
func checkState(config *Config) *State {
	s := NewState()
	for _, m := range config.Monitors {
		s.Monitors.Set(m.Name, Object[Monitor]{1, m})
	}
	for _, r := range config.Regions {
		s.Regions.Set(r.Name, Object[Region]{1, r})
	}
	for _, p := range config.Pools {
		s.Pools.Set(p.Name, Object[Pool]{1, p})
	}
	for _, v := range config.Services {
		s.Services.Set(v.ID(), Object[Service]{1, v})
	}
	return s
}

func TestChecks(t *testing.T) {
	config := goodConfig()
	config.Pools[1].Monitor = "api"
	got := checkState(config).Checks()
	var ids []string
	for _, c := range got {
		ids = append(ids, fmt.Sprintf("%s %s %s:%d %s", c.ID, c.Endpoint, c.Host, c.Port, c.Service))
	}
	want := []string{
		"eu/a@api endpoint/eu/a x.example.net:0 www.example.com",
		"us/a@web endpoint/us/a 192.0.2.1:0 www.example.com",
		"us/b@web endpoint/us/b 192.0.2.2:99 www.example.com",
	}
	if !slices.Equal(ids, want) {
		t.Fatalf("checks are %q, want %q", ids, want)
	}
	// The revision changes with what is probed and with nothing else.
	revision := func(change func(*Config)) uint64 {
		c := goodConfig()
		change(c)
		for _, k := range checkState(c).Checks() {
			if strings.HasPrefix(k.ID, "us/a@") {
				return k.Revision
			}
		}
		return 0
	}
	base := revision(func(*Config) {})
	for what, change := range map[string]func(*Config){
		"interval": func(c *Config) { c.Monitors[0].Interval *= 2 }, "fall": func(c *Config) { c.Monitors[0].Fall = 9 },
		"weight": func(c *Config) { c.Pools[0].Endpoints[0].Weight = of(7) }, "another monitor": func(c *Config) { c.Monitors[1].HTTPS.Path = "/x" },
		"the default path": func(c *Config) { c.Monitors[0].HTTP.SNI = "" }, "ttl": func(c *Config) { c.Services[0].TTL = nil },
		"minAvailable": func(c *Config) { c.Pools[0].MinAvailable.Count = 2 }, "region": func(c *Config) { c.Pools[0].Region = "eu" },
	} {
		if revision(change) != base {
			t.Errorf("the check has another revision though only %s changed", what)
		}
	}
	for what, change := range map[string]func(*Config){
		"address": func(c *Config) { c.Pools[0].Endpoints[0].Address = netip.MustParseAddr("192.0.2.77") },
		"port":    func(c *Config) { c.Monitors[0].HTTP.Port = 81 }, "path": func(c *Config) { c.Monitors[0].HTTP.Path = "/x" },
		"status": func(c *Config) { c.Monitors[0].HTTP.Status = Statuses(204) }, "kind": func(c *Config) { c.Monitors[0].HTTPS, c.Monitors[0].HTTP = c.Monitors[0].HTTP, nil },
		"probe address": func(c *Config) {
			c.Pools[0].Endpoints[0].Probe = &ProbeTarget{Address: netip.MustParseAddr("10.0.0.1")}
		},
		"probe port":   func(c *Config) { c.Pools[0].Endpoints[0].Probe = &ProbeTarget{Port: 1} },
		"service name": func(c *Config) { c.Services[0].Name = MustName("other.example.com") },
	} {
		if r := revision(change); r == base || r == 0 {
			t.Errorf("the check has the same revision though %s changed", what)
		}
	}
}

func TestDrainsAndVerdict(t *testing.T) {
	s := checkState(goodConfig())
	pool, _ := s.Pools.Get("us")
	a, b := &pool.Spec.Endpoints[0], &pool.Spec.Endpoints[1]
	s.Controls.Set("c1", Control{ID: "c1", Target: "az/us-east/a", Action: Drain})
	s.Controls.Set("c2", Control{ID: "c2", Target: "region/us-east", Action: ForceUp, Phase: Planned})
	s.Controls.Set("c3", Control{ID: "c3", Target: "nonsense", Action: Drain})
	if f := s.Forces("").On(&pool.Spec, a); f.Drained != "c1" || f.Up != "" {
		t.Errorf("of a controls make %+v", f)
	}
	if f := s.Forces("").On(&pool.Spec, b); f != (Force{Share: 100}) {
		t.Errorf("of b controls make %+v", f)
	}
	if h := s.Health(&pool.Spec, a, nil); len(h.Checks) != 1 || h.Checks[0] != "us/a@web" || h.Status != Unknown || h.Ramp != 100 {
		t.Errorf("the health before the first verdict is %+v", h)
	}
	s.Verdicts.Set("us/a@web", Verdict{Check: "us/a@web", Status: Down, Ramp: 30})
	if h := s.Health(&pool.Spec, a, nil); h.Status != Down || len(h.Down) != 1 {
		t.Errorf("the health is %+v", h)
	}
	pool.Spec.Monitor = ""
	if h := s.Health(&pool.Spec, a, nil); len(h.Checks) != 0 || h.Status != Unknown || h.Ramp != 100 {
		t.Errorf("the health without a monitor is %+v", h)
	}
}

func TestZoneFor(t *testing.T) {
	s := NewState()
	for _, n := range []string{"example.com", "sub.example.com", "example.org"} {
		s.Zones.Set(MustName(n).Key(), NewZone(MustName(n)))
	}
	for name, want := range map[string]string{
		"example.com": "example.com", "a.b.example.com": "example.com", "sub.example.com": "sub.example.com", "x.sub.example.com": "sub.example.com",
		"xsub.example.com": "example.com", "com": "", ".": "", "example.net": "",
	} {
		z := s.ZoneFor(MustName(name))
		if got := ""; z != nil && z.Name.String() != want || z == nil && want != got {
			t.Errorf("ZoneFor(%s) is %v, want %q", name, z, want)
		}
	}
}

// TestStateHash: every part of a state counts in its hash, and a clone's
// changes do not reach the original.
func TestStateHash(t *testing.T) {
	base := checkState(goodConfig())
	sum := base.Hash()
	seen := map[uint64]string{sum: "nothing"}
	for what, change := range map[string]func(*State){
		"epoch": func(s *State) { s.Epoch++ }, "index": func(s *State) { s.Index++ }, "clock": func(s *State) { s.Clock++ }, "feature": func(s *State) { s.Feature++ },
		"nextID": func(s *State) { s.NextID++ }, "revision": func(s *State) { s.Revision++ }, "configRevision": func(s *State) { s.ConfigRevision++ },
		"cluster": func(s *State) { s.Cluster.ID = "x" }, "ids": func(s *State) { s.IDs.Set("x", 1) },
		"zone":   func(s *State) { s.Zones.Set("x", NewZone(MustName("x"))) },
		"region": func(s *State) { s.Regions.Set("x", Object[Region]{}) }, "monitor": func(s *State) { s.Monitors.Set("x", Object[Monitor]{}) },
		"pool": func(s *State) { s.Pools.Set("x", Object[Pool]{}) }, "service": func(s *State) { s.Services.Set("x", Object[Service]{}) },
		"provider": func(s *State) { s.Providers.Set("x", Object[Provider]{}) },
		"rule":     func(s *State) { s.SafetyRules.Set("x", Object[SafetyRule]{}) }, "control": func(s *State) { s.Controls.Set("x", Control{}) },
		"verdict": func(s *State) { s.Verdicts.Set("x", Verdict{}) }, "member": func(s *State) { s.Members.Set("x", Member{}) },
		"token": func(s *State) { s.Tokens.Set("x", Token{}) }, "secret": func(s *State) { s.Secrets.Set("x", Secret{}) },
		"staged": func(s *State) { s.Staged.Set("x", Staged{}) }, "request": func(s *State) { s.Requests.Set("x", Outcome{}) },
		"request log": func(s *State) { s.RequestLog.Set("x", "y") },
		"a revision":  func(s *State) { s.Pools.Set("us", Object[Pool]{Rev: 2, Spec: goodConfig().Pools[0]}) },
		"a record": func(s *State) {
			z := NewZone(MustName("x"))
			if err := z.Set(z.Name, RRset{Type: TypeA, TTL: 1, Data: [][]byte{{1, 2, 3, 4}}}); err != nil {
				t.Fatal(err)
			}
			s.Zones.Set("x", z)
		},
	} {
		c := base.Clone()
		change(c)
		if other, ok := seen[c.Hash()]; ok {
			t.Errorf("a state with another %s has the hash of one with another %s", what, other)
		}
		seen[c.Hash()] = what
	}
	if base.Hash() != sum {
		t.Error("changes to clones reached the original")
	}
	staged := Staged{ID: "s"}.Append([]byte("a"), 1).Append([]byte("b"), 1)
	if staged.Sum == (Staged{ID: "s"}.Append([]byte("b"), 1).Append([]byte("a"), 1)).Sum {
		t.Error("the order of chunks does not count")
	}
}

// TestStagedAppend: two continuations of one staged write do not write over each other.
func TestStagedAppend(t *testing.T) {
	one := Staged{}.Append([]byte("1"), 0).Append([]byte("2"), 0).Append([]byte("3"), 0)
	a, b := one.Append([]byte("a"), 0), one.Append([]byte("b"), 0)
	if string(a.Chunks[3]) != "a" || string(b.Chunks[3]) != "b" || len(one.Chunks) != 3 || a.Size != 4 {
		t.Error("appends share memory")
	}
}

func TestConfigIsSorted(t *testing.T) {
	c := goodConfig()
	slices.Reverse(c.Regions)
	slices.Reverse(c.Pools)
	got := checkState(c).Config()
	if got.Regions[0].Name != "eu" || got.Pools[0].Name != "eu" || len(got.Monitors) != 3 || got.SafetyRules != nil {
		t.Errorf("%+v", got)
	}
	if NewState().Config().Pools != nil {
		t.Error("an empty state has pools")
	}
}
