package policy

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func of[T any](v T) *T { return &v }

// goodConfig has every kind of object, and nothing wrong with it.
func goodConfig() *Config {
	return &Config{
		Regions: []Region{
			{Name: "us-east", Place: &Place{IATA: "IAD"}, Provider: "aws", AZs: []string{"a", "b"}},
			{Name: "eu", Place: &Place{Lat: of(50.11), Lon: of(8.68)}},
		},
		Monitors: []Monitor{
			{Name: "web", HTTP: &HTTPCheck{Port: 8080, Path: "/healthz", Status: Statuses(200, 204)}, Interval: Duration(time.Second), Timeout: Duration(500 * time.Millisecond)},
			{Name: "api", HTTPS: &HTTPCheck{Host: "{service}", SNI: "{service}", Authorization: &SecretRef{"token"}}},
			{Name: "port", TCP: &TCPCheck{Port: 25}},
		},
		Pools: []Pool{
			{Name: "us", Region: "us-east", Monitor: "web", MinAvailable: Amount{Count: 1}, Endpoints: []Endpoint{
				{Name: "a", Address: netip.MustParseAddr("192.0.2.1"), AZ: "a", Weight: of(0)},
				{Name: "b", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}, Probe: &ProbeTarget{Port: 99}},
			}},
			{Name: "eu", Region: "eu", Endpoints: []Endpoint{{Name: "a", Hostname: MustName("x.example.net")}}},
		},
		Services: []Service{{
			Name: MustName("www.example.com"), TTL: FixedTTL(30), LastResort: &LastResort{Mode: ResortAll}, Families: "independent",
			Steer: Steering{Nearest: []Branch{
				{Steering: Steering{Pool: "us"}, Bias: 10, Weight: of(5)},
				{Steering: Steering{Failover: []Branch{{Steering: Steering{Pool: "eu"}}, {Steering: Steering{Weighted: []Branch{{Steering: Steering{Pool: "us"}}}}}}}, Place: &Place{Cloud: "aws/us-east-1"}},
			}, MinAvailable: 2},
		}},
		SafetyRules: []SafetyRule{{Name: "keep", Service: MustName("www.example.com"), AtLeast: &AtLeast{Regions: 1}, AppliesTo: []string{"operator", "drill"}}},
	}
}

func TestValidate(t *testing.T) {
	if err := goodConfig().Validate(); err != nil {
		t.Fatalf("a good configuration is refused: %v", err)
	}
	if err := new(Config).Validate(); err != nil {
		t.Fatalf("an empty configuration is refused: %v", err)
	}
	addr := netip.MustParseAddr
	endpoints := func(n int) []Endpoint {
		var list []Endpoint
		for i := range n {
			list = append(list, Endpoint{Name: fmt.Sprintf("e%d", i), Address: netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})})
		}
		return list
	}
	deep := func(n int) Steering {
		s := Steering{Pool: "us"}
		for range n - 1 {
			s = Steering{Failover: []Branch{{Steering: s}}}
		}
		return s
	}
	const svc, mon, reg, pool, ep, rule = "/services/0", "/monitors/0", "/regions/0", "/pools/0", "/pools/0/endpoints/0", "/safetyRules/0"
	records := func(c *Config, key string, data ...string) {
		c.Pools[0].Endpoints[0].Records = map[string][]string{key: data}
	}
	for _, c := range []struct {
		damage  func(*Config)
		pointer string
		message string
	}{
		{func(c *Config) { c.Regions[0].Name = "" }, "/regions/0/name", "a name is missing"},
		{func(c *Config) { c.Regions[1].Name = "us-east" }, "/regions/1/name", `"us-east" is the name of /regions/0 already`},
		{func(c *Config) { c.Monitors[1].Name = "web" }, "/monitors/1/name", `"web" is the name of /monitors/0 already`},
		{func(c *Config) { c.Pools[1].Name = "us" }, "/pools/1/name", `"us" is the name of /pools/0 already`},
		{func(c *Config) { c.SafetyRules = append(c.SafetyRules, c.SafetyRules[0]) }, "/safetyRules/1/name", `"keep" is the name of /safetyRules/0 already`},
		{func(c *Config) { c.Pools[0].Name = strings.Repeat("x", 64) }, "/pools/0/name", `has 64 characters; 63 is the most`},
		{func(c *Config) { c.Monitors[0].Name = "a/b" }, "/monitors/0/name", `has '/' in it`},
		{func(c *Config) { c.Monitors[0].Name = "-a" }, "/monitors/0/name", `has '-' in it`},
		{func(c *Config) { c.Monitors[0].Name = "ü" }, "/monitors/0/name", `has 'ü' in it`},
		{func(c *Config) { c.Regions[0].Provider = "a b" }, reg + "/provider", `has ' ' in it`},
		{func(c *Config) { c.Regions[0].AZs[1] = "" }, reg + "/azs/1", "a name is missing"},
		{func(c *Config) { c.Regions[0].AZs[1] = "a" }, reg + "/azs/1", `"a" is listed twice`},

		{func(c *Config) { c.Regions[0].Place = &Place{IATA: "QQQ"} }, reg + "/place/iata", `airport code "QQQ" is not known`},
		{func(c *Config) { c.Regions[0].Place = &Place{Cloud: "aws/moon-1"} }, reg + "/place/cloud", `cloud region "aws/moon-1" is not known`},
		{func(c *Config) { c.Regions[0].Place = &Place{Lat: of(1.0)} }, reg + "/place", "lat and lon go together"},
		{func(c *Config) { c.Regions[0].Place = &Place{Lat: of(90.5), Lon: of(0.0)} }, reg + "/place/lat", "latitude 90.5 is not within -90 to 90"},
		{func(c *Config) { c.Regions[0].Place = &Place{Lat: of(math.NaN()), Lon: of(0.0)} }, reg + "/place/lat", "latitude NaN is not within"},
		{func(c *Config) { c.Regions[0].Place = &Place{Lat: of(0.0), Lon: of(-180.5)} }, reg + "/place/lon", "longitude -180.5 is not within -180 to 180"},
		{func(c *Config) { c.Regions[0].Place = &Place{} }, reg + "/place", "a place is one of iata, cloud, or lat with lon"},
		{func(c *Config) { c.Regions[0].Place = &Place{IATA: "IAD", Lat: of(1.0), Lon: of(1.0)} }, reg + "/place", "a place is one of"},

		{func(c *Config) { c.Monitors[0].HTTP = nil }, mon, "exactly one of http, https, tcp, tls, icmp, dns, grpc, udp, postgres, mysql, redis, exec and signal; this one is 0 of them"},
		{func(c *Config) { c.Monitors[0].TCP = &TCPCheck{Port: 1} }, mon, "exactly one of http, https, tcp, tls, icmp, dns, grpc, udp, postgres, mysql, redis, exec and signal; this one is 2 of them"},
		{func(c *Config) { c.Monitors[2].TCP.Port = 0 }, "/monitors/2/tcp/port", "port 0 is not within 1 to 65535"},
		{func(c *Config) { c.Monitors[0].HTTP.Port = 65536 }, mon + "/http/port", "port 65536 is not within 1 to 65535"},
		{func(c *Config) { c.Monitors[0].Interval = Duration(100 * time.Millisecond) }, mon + "/interval", "an interval of 100ms is not within 200ms to 1h0m0s"},
		{func(c *Config) { c.Monitors[0].Interval = Duration(61 * time.Minute) }, mon + "/interval", "an interval of 1h1m0s is not within"},
		{func(c *Config) { c.Monitors[0].Timeout = Duration(time.Millisecond) }, mon + "/timeout", "a timeout of 1ms is not within 10ms to 1m0s"},
		{func(c *Config) { c.Monitors[0].Timeout = Duration(2 * time.Second) }, mon + "/timeout", "the timeout of 2s is longer than the interval of 1s"},
		{func(c *Config) { c.Monitors[0].HoldDown = Duration(25 * time.Hour) }, mon + "/holdDown", "a hold-down of 25h0m0s is not within 0s to 24h0m0s"},
		{func(c *Config) { c.Monitors[0].Ramp = -1 }, mon + "/ramp", "a ramp of -1ns is not within 0s to 24h0m0s"},
		{func(c *Config) { c.Monitors[0].Fall = -1 }, mon + "/fall", "a fall of -1 is not within 1 to 100"},
		{func(c *Config) { c.Monitors[0].Rise = 101 }, mon + "/rise", "a rise of 101 is not within 1 to 100"},
		{func(c *Config) { c.Monitors[0].Quorum.Agree = "most" }, mon + "/quorum", `quorum "most" is not known; majority, all, any`},
		{func(c *Config) { c.Monitors[0].Quorum.Providers = 21 }, mon + "/quorum/providers", "providers of 21 is not within 0 to 20"},
		{func(c *Config) { c.Monitors[0].Vantages.Nearest = -1 }, mon + "/vantages/nearest", "nearest of -1 is not within 0 to 100"},
		{func(c *Config) { c.Monitors[0].Resume = "never" }, mon + "/resume", `resume "never" is not known; auto and manual are`},
		{func(c *Config) { c.Pools[0].Monitors = &MonitorSet{All: []string{"web"}} }, "/pools/0/monitors", "has both monitor (web) and monitors"},
		{func(c *Config) {
			c.Pools[0].Monitor, c.Pools[0].Monitors = "", &MonitorSet{AtLeast: 2, Of: []string{"web"}}
		}, "/pools/0/monitors/atLeast", "atLeast of 2 is not within 1 to the 1 monitors"},
		{func(c *Config) {
			c.Pools[0].Monitor, c.Pools[0].Monitors = "", &MonitorSet{Any: []string{"web", "nope", "web"}}
		}, "/pools/0/monitors/any/1", `there is no monitor "nope"`},
		{func(c *Config) { c.Pools[0].Monitor, c.Pools[0].Monitors = "", &MonitorSet{} }, "/pools/0/monitors", "monitors are one of all: [...], any: [...]"},
		{func(c *Config) { c.Monitors[0].HTTP.Path = "healthz" }, mon + "/http/path", `path "healthz" does not start with /`},
		{func(c *Config) { c.Monitors[0].HTTP.Path = "/a b" }, mon + "/http/path", `path "/a b"`},
		{func(c *Config) { c.Monitors[0].HTTP.Host = "a\r\nX: y" }, mon + "/http/host", `has white space or a slash in it`},
		{func(c *Config) { c.Monitors[0].HTTP.Status = Statuses(200, 99) }, mon + "/http/status/1", "status 99 is not within 100 to 599"},
		{func(c *Config) { c.Monitors[0].HTTP.Insecure = true }, mon + "/http", "sni and insecure are for https"},
		{func(c *Config) { c.Monitors[1].HTTPS.Authorization.Secret = "" }, "/monitors/1/https/authorization/secret", "a name is missing"},

		{func(c *Config) { c.Pools[0].Monitor = "no" }, pool + "/monitor", `there is no monitor "no"`},
		{func(c *Config) { c.Pools[1].Region = "no" }, "/pools/1/region", `there is no region "no"`},
		{func(c *Config) { c.Pools[1].Endpoints = nil }, "/pools/1/endpoints", `pool "eu" has no endpoint`},
		{func(c *Config) { c.Pools[1].Endpoints = endpoints(257) }, "/pools/1/endpoints", `has 257 endpoints; 256 is the most`},
		{func(c *Config) { c.Pools[0].MinAvailable.Count = 3 }, pool + "/minAvailable", "minAvailable of 3 is not within 0 to the pool's 2 endpoints"},
		{func(c *Config) { c.Pools[0].MinAvailable.Share = 101 }, pool + "/minAvailable", "minAvailable of 101% is not within 1% to 100%"},
		{func(c *Config) { c.Pools[0].PanicThreshold = 101 }, pool + "/panicThreshold", "panicThreshold of 101% is not within"},
		{func(c *Config) { c.Pools[0].PanicThreshold, c.Pools[0].Monitor = 50, "" }, pool + "/panicThreshold", `pool "us" has no monitor, so nothing is ever removed`},
		{func(c *Config) { c.Regions[0].DownWhen = &DownWhen{AZ: -1} }, "/regions/0/downWhen/az", "downWhen of -1% is not within"},
		{func(c *Config) { c.Regions[0].DownWhen = &DownWhen{} }, "/regions/0/downWhen", "downWhen says nothing"},
		{func(c *Config) { c.Providers = []Provider{{Name: "no", DownWhen: 50}} }, "/providers/0/name", `no region has the provider "no"`},
		{func(c *Config) { c.Providers = []Provider{{Name: c.Regions[0].Provider}} }, "/providers/0/downWhen", "says nothing"},
		{func(c *Config) { c.Pools[0].MinAvailable.Count = -1 }, pool + "/minAvailable", "minAvailable of -1 is not within"},
		{func(c *Config) { c.Pools[0].Endpoints[1].Name = "a" }, "/pools/0/endpoints/1/name", `"a" is the name of an earlier endpoint of pool "us"`},
		{func(c *Config) { c.Pools[0].Endpoints[0].Name = "" }, ep + "/name", "a name is missing"},
		{func(c *Config) { c.Pools[0].Endpoints[1].Addresses[0] = addr("192.0.2.1") }, "/pools/0/endpoints/1", `address 192.0.2.1 is endpoint "a"'s already`},
		{func(c *Config) { c.Pools[0].Endpoints[0].Hostname = MustName("x.y") }, ep, `has both a hostname (x.y) and an address (192.0.2.1)`},
		{func(c *Config) { c.Pools[0].Endpoints[0].Address = netip.Addr{} }, ep, `endpoint "a" has no address, no hostname and no records`},
		{func(c *Config) { records(c, "MX", "1 x."); c.Pools[0].Endpoints[0].Address = netip.Addr{} }, ep, `endpoint "a" has only records, so its monitor has nowhere to probe`},
		{func(c *Config) { records(c, "A", "192.0.2.1") }, ep + "/records/A", "an endpoint's addresses are written as address"},
		{func(c *Config) { records(c, "CNAME", "x.") }, ep + "/records/CNAME", "an endpoint's CNAME is written as hostname"},
		{func(c *Config) { records(c, "mx", "1 x.") }, ep + "/records/mx", `"mx" records cannot be steered; MX, TXT, SRV, SVCB and HTTPS can`},
		{func(c *Config) { records(c, "MX") }, ep + "/records/MX", "there are 0 MX records; 1 to 32 may be"},
		{func(c *Config) { records(c, "MX", make([]string, 33)...) }, ep + "/records/MX", "there are 33 MX records"},
		{func(c *Config) { c.Pools[0].Endpoints[0].Resolve = "flatten" }, ep + "/resolve", `resolve says how to answer a hostname, and endpoint "a" has none`},
		{func(c *Config) { c.Pools[0].Endpoints[0].Resolve = "yes" }, ep + "/resolve", `resolve "yes" is not known; flatten is`},
		{func(c *Config) {
			records(c, "MX", "1 x.")
			c.Pools[0].Endpoints[0].Address, c.Pools[0].Endpoints[0].Hostname = netip.Addr{}, MustName("x.net")
		}, ep + "/records", `a CNAME stands alone (RFC 2181 section 10.1); write resolve: flatten`},
		{func(c *Config) {
			records(c, "MX", "1 x.")
			c.Pools[0].Endpoints = append(c.Pools[0].Endpoints, Endpoint{Name: "alias", Hostname: MustName("x.net")})
		}, svc, `has endpoint/us/alias, a hostname that is answered as a CNAME, and endpoint/us/a, which has records`},
		{func(c *Config) { c.Pools[0].Endpoints[0].Address = addr("fe80::1%eth0") }, ep, `address "fe80::1%eth0" cannot stand in an A or AAAA record`},
		{func(c *Config) { c.Pools[0].Endpoints[0].Address = addr("::ffff:192.0.2.9") }, ep, "is IPv4 written as IPv6; write 192.0.2.9"},
		{func(c *Config) { c.Pools[0].Endpoints[0].Address = addr("0.0.0.0") }, ep, "address 0.0.0.0 is no host's address"},
		{func(c *Config) { c.Pools[0].Endpoints[0].Address = addr("ff02::1") }, ep, "address ff02::1 is no host's address"},
		{func(c *Config) { c.Pools[0].Endpoints[0].Weight = of(-1) }, ep + "/weight", "weight -1 is not within 0 to 1000000"},
		{func(c *Config) { c.Pools[0].Endpoints[0].Weight = of(1_000_001) }, ep + "/weight", "weight 1000001 is not within 0 to 1000000"},
		{func(c *Config) { c.Pools[0].Endpoints[0].Region = "no" }, ep + "/region", `there is no region "no"`},
		{func(c *Config) { c.Pools[0].Endpoints[0].AZ = "z" }, ep + "/az", `region "us-east" has no availability zone "z"; it has a, b`},
		{func(c *Config) { c.Pools[1].Region, c.Pools[1].Endpoints[0].AZ = "", "a" }, "/pools/1/endpoints/0/az", `endpoint "a" has an availability zone but no region`},
		{func(c *Config) { c.Pools[0].Endpoints[1].Probe.Port = -1 }, "/pools/0/endpoints/1/probe/port", "port -1 is not within 1 to 65535"},

		{func(c *Config) { c.Services[0].Name = "" }, svc, "a service needs a name, or names"},
		{func(c *Config) { c.Services[0].Names = []Name{c.Services[0].Name} }, svc, "www.example.com is listed twice"},
		{func(c *Config) {
			c.Services = append(c.Services, Service{Names: []Name{MustName("o.example.com"), MustName("www.example.com")}, Steer: Steering{Pool: "us"}})
		}, "/services/1", "www.example.com is steered twice: by service www.example.com and by service o.example.com"},
		{func(c *Config) { c.Services[0].TTL = FixedTTL(86401) }, svc + "/ttl", "a TTL of 86401 s"},
		{func(c *Config) { c.Services[0].LastResort = &LastResort{Steering: Steering{Pool: "gone"}} }, svc + "/lastResort/pool", `there is no pool "gone"`},
		{func(c *Config) { c.Services[0].Families = "apart" }, svc + "/families", `families "apart" is not known; together and independent are`},
		{func(c *Config) { c.Services[0].Steer = Steering{} }, svc + "/steer", "exactly one of pool, template, failover, weighted, nearest, latency and geo; this one is 0 of them"},
		{func(c *Config) { c.Services[0].Steer.Pool = "us" }, svc + "/steer", "this one is 2 of them"},
		{func(c *Config) { c.Services[0].Steer = Steering{Pool: "no"} }, svc + "/steer/pool", `there is no pool "no"`},
		{func(c *Config) { c.Services[0].Steer = Steering{Pool: "us", MinAvailable: 1} }, svc + "/steer/minAvailable", "belongs to the pool itself"},
		{func(c *Config) { c.Services[0].Steer = Steering{Failover: []Branch{}} }, svc + "/steer/failover", "failover has 0 branches; 1 to 64 may be"},
		{func(c *Config) {
			c.Services[0].Steer = Steering{Weighted: slices.Repeat([]Branch{{Steering: Steering{Pool: "us"}}}, 65)}
		}, svc + "/steer/weighted", "weighted has 65 branches; 1 to 64 may be"},
		{func(c *Config) { c.Services[0].Steer.MinAvailable = 3 }, svc + "/steer/minAvailable", "minAvailable of 3 is not within 0 to the 2 branches"},
		{func(c *Config) { c.Services[0].Steer = deep(17) }, svc + "/steer" + strings.Repeat("/failover/0", 16), "more than 16 branches deep"},
		{func(c *Config) { c.Services[0].Steer.Nearest[0].Weight = of(-5) }, svc + "/steer/nearest/0/weight", "weight -5 is not within 0 to 1000000"},
		{func(c *Config) { c.Services[0].Steer.Nearest[1].Failover[0].Weight = of(1) }, svc + "/steer/nearest/1/failover/0/weight", "a branch of failover has no weight"},
		{func(c *Config) { c.Services[0].Steer.Nearest[0].Bias = -100 }, svc + "/steer/nearest/0/bias", "bias -100 is not within -99 to 99"},
		{func(c *Config) { c.Services[0].Steer.Nearest[1].Failover[0].Bias = 1 }, svc + "/steer/nearest/1/failover/0", "bias and place are for branches of nearest and latency, not of failover"},
		{func(c *Config) { c.Services[0].Steer.Nearest[1].Place = &Place{IATA: "QQQ"} }, svc + "/steer/nearest/1/place/iata", "is not known"},
		{func(c *Config) { c.Services[0].Steer.Nearest[0] = Branch{To: &Steering{Pool: "us"}} }, svc + "/steer/nearest/0/to", `a child under "to" is for documents`},
		{func(c *Config) { c.Services[0].Steer.Nearest[0].To = &Steering{Pool: "eu"} }, svc + "/steer/nearest/0/to", `a child under "to" is for documents`},

		{func(c *Config) { c.SafetyRules[0].Service = MustName("no.example.com") }, rule + "/service", "there is no service no.example.com"},
		{func(c *Config) { c.SafetyRules[0].AtLeast = nil }, rule + "/atLeast", "a safety rule says what must stay"},
		{func(c *Config) { c.SafetyRules[0].AtLeast.Regions = 0 }, rule + "/atLeast", "a safety rule says what must stay"},
		{func(c *Config) { c.SafetyRules[0].AppliesTo[1] = "all" }, rule + "/appliesTo/1", `"all" is not known; operator, drill and automation are`},
	} {
		config := goodConfig()
		c.damage(config)
		err := config.Validate()
		if KindOf(err) != Invalid {
			t.Errorf("want %s %q, got %v", c.pointer, c.message, err)
			continue
		}
		problems := err.(*Error).Problems
		if !slices.ContainsFunc(problems, func(p Problem) bool { return p.Pointer == c.pointer && strings.Contains(p.Message, c.message) }) {
			t.Errorf("want %s %q, got %v", c.pointer, c.message, problems)
		}
	}
	limits := goodConfig() // what is just within the bounds
	limits.Pools[1].Endpoints = endpoints(256)
	limits.Services[0].Steer = deep(16)
	limits.Services[0].TTL = FixedTTL(86400)
	limits.Monitors[0].Interval, limits.Monitors[0].Timeout = Duration(200*time.Millisecond), Duration(200*time.Millisecond)
	limits.Regions = append(limits.Regions, Region{Name: strings.Repeat("x", 63)})
	if err := limits.Validate(); err != nil {
		t.Errorf("what is within the bounds is refused: %v", err)
	}
}

// TestValidateAllAtOnce: a document with several mistakes names all of them.
func TestValidateAllAtOnce(t *testing.T) {
	c := goodConfig()
	c.Regions[0].Provider = "a b"
	c.Pools[0].Monitor = "no"
	c.Services[0].Families = "apart"
	err := c.Validate()
	if e, ok := err.(*Error); !ok || len(e.Problems) != 3 {
		t.Fatalf("want 3 problems, got %v", err)
	}
	for _, want := range []string{"the configuration is not valid\n", "/regions/0/provider: ", "\n/pools/0/monitor: ", "\n/services/0/families: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
}

func TestMonitorDefaults(t *testing.T) {
	m := Monitor{HTTPS: &HTTPCheck{Host: "h"}}.WithDefaults()
	if m.Interval != Duration(10*time.Second) || m.Timeout != Duration(5*time.Second) || m.Fall != 3 || m.Rise != 2 || m.Quorum.String() != "majority" {
		t.Errorf("%+v", m)
	}
	if h := m.HTTPS; h.Port != 443 || h.Path != "/" || !slices.Equal(h.Status, Statuses(200)) || h.SNI != "h" {
		t.Errorf("%+v", h)
	}
	if m := (Monitor{Interval: Duration(time.Second), HTTP: &HTTPCheck{}}).WithDefaults(); m.Timeout != Duration(500*time.Millisecond) || m.HTTP.Port != 80 {
		t.Errorf("%+v", m)
	}
	given := &HTTPCheck{}
	if (Monitor{HTTP: given}).WithDefaults(); given.Port != 0 {
		t.Error("WithDefaults writes into what it was given")
	}
}
