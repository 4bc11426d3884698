package change

import (
	"slices"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func hostnamePool(n, region string) policy.Pool {
	return pool(n, region, policy.Endpoint{Name: "lb", Hostname: name("x.elb.example.net")})
}

// withService has one service of one pool over a zone, both as given.
func withService(t fataler, z *policy.Zone, p policy.Pool, owner string) *machine {
	m := newMachine(t)
	m.ok(PutZone{z})
	m.ok(PutConfig{Config: serviceConfig(p, owner)})
	return m
}

func serviceConfig(p policy.Pool, owner string) policy.Config {
	p.Monitor, p.Region = "", ""
	return policy.Config{Pools: []policy.Pool{p}, Services: []policy.Service{{Name: name(owner), Steer: policy.Steering{Pool: p.Name}}}}
}

func TestZoneLifeCycle(t *testing.T) {
	m := newMachine(t)
	m.refuse(policy.Invalid, "zone example.com needs exactly one SOA record", PutZone{policy.NewZone(name("example.com"))})
	o := m.ok(PutZone{zone(t, "example.com", "a.example.com A")})
	z, ok := m.s.Zones.Get(name("example.com").Key())
	if !ok || z.Rev != o.Revision || z.ID == 0 {
		t.Fatalf("%+v", z)
	}
	id := z.ID
	m.ok(PutZone{zone(t, "example.com", "b.example.com A")})
	z, _ = m.s.Zones.Get(name("example.com").Key())
	if z.ID != id || z.Owner(name("a.example.com")) != nil || z.Owner(name("b.example.com")) == nil {
		t.Fatal("a zone that is put again is replaced, and keeps its id")
	}
	m.refuse(policy.NotFound, "no zone example.org", DeleteZone{name("example.org")})
	m.ok(DeleteZone{name("example.com")})
	m.ok(PutZone{zone(t, "example.com")})
	if z, _ = m.s.Zones.Get(name("example.com").Key()); z.ID == id {
		t.Fatal("another zone has the id of a former one")
	}
}

// TestClashes has each rule from the side of the zone and from the side of the service.
func TestClashes(t *testing.T) {
	v4 := pool("p", "", policy.Endpoint{Name: "a", Address: pool("x", "").Endpoints[0].Address})
	both := pool("p", "")
	host := hostnamePool("p", "")
	for _, c := range []struct {
		what     string
		p        policy.Pool
		owner    string
		records  []string
		fragment string // "" for allowed
	}{
		{"A beside A", v4, "www.example.com", []string{"www.example.com A"}, "www.example.com has A records in the zone example.com and is steered by service www.example.com, which has IPv4 endpoints"},
		{"AAAA beside IPv4 only", v4, "www.example.com", []string{"www.example.com AAAA"}, ""},
		{"AAAA beside both", both, "www.example.com", []string{"www.example.com AAAA"}, "has AAAA records in the zone"},
		{"CNAME", v4, "www.example.com", []string{"www.example.com CNAME"}, "www.example.com is a CNAME in the zone example.com"},
		{"TXT beside addresses", both, "www.example.com", []string{"www.example.com TXT"}, ""},
		{"TXT beside a hostname", host, "www.example.com", []string{"www.example.com TXT"}, "which stands alone (RFC 2181 section 10.1)"},
		{"A beside a hostname", host, "www.example.com", []string{"www.example.com A"}, "has A records"},
		{"addresses at the apex", both, "example.com", nil, ""},
		{"a hostname at the apex", host, "example.com", nil, "is the apex of its zone, where no CNAME may stand"},
		{"a hostname below", host, "www.example.com", nil, ""},
		{"TXT beside TXT", records(both, "TXT"), "www.example.com", []string{"www.example.com TXT"}, "www.example.com has TXT records in the zone example.com and is steered by service www.example.com, which has TXT endpoints"},
		{"TXT beside MX", records(both, "MX"), "www.example.com", []string{"www.example.com TXT"}, ""},
		{"CNAME beside records", records(both, "MX"), "www.example.com", []string{"www.example.com CNAME"}, "is a CNAME in the zone"},
		{"records at the apex", records(both, "HTTPS"), "example.com", nil, ""},
		{"a hostname at an empty non-terminal", host, "www.example.com", []string{"a.www.example.com A"}, ""},
		{"a wildcard and its own records", v4, "*.example.com", []string{"*.example.com A"}, "has A records"},
		{"a wildcard beside another name's records", v4, "*.example.com", []string{"www.example.com A"}, ""},
		{"under a delegation", host, "www.sub.example.com", []string{"sub.example.com NS"}, ""},
		{"at a delegation", host, "sub.example.com", []string{"sub.example.com NS"}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			z := zone(t, "example.com", c.records...)
			m := newMachine(t)
			m.ok(PutZone{z})
			if c.fragment == "" {
				m.ok(PutConfig{Config: serviceConfig(c.p, c.owner)})
			} else {
				m.refuse(policy.Invalid, c.fragment, PutConfig{Config: serviceConfig(c.p, c.owner)})
			}
			if c.owner == "example.com" && c.fragment != "" {
				return // no records of a zone make its apex another name
			}
			m = withService(t, zone(t, "example.com"), c.p, c.owner)
			if c.fragment == "" {
				m.ok(PutZone{z})
			} else {
				m.refuse(policy.Conflict, c.fragment, PutZone{z})
			}
		})
	}
}

// records has the pool's endpoints carry a type.
func records(p policy.Pool, typ string) policy.Pool {
	p.Endpoints = slices.Clone(p.Endpoints)
	for i := range p.Endpoints {
		p.Endpoints[i].Records = map[string][]string{typ: {"some"}} // nobody here reads it
	}
	return p
}

func flattenPool(target string) policy.Pool {
	return pool("p", "", policy.Endpoint{Name: "lb", Hostname: name(target), Resolve: "flatten"})
}

// TestFlattenIsKept: the addresses of a flattened host name are there when the
// configuration comes, and no zone takes them away.
func TestFlattenIsKept(t *testing.T) {
	m := newMachine(t)
	m.ok(PutZone{zone(t, "example.com", "lb.example.com A", "note.example.com TXT", "www.example.com TXT")})
	for target, fragment := range map[string]string{
		"lb.example.org":   "/pools/0/endpoints/0/hostname: endpoint/p/lb flattens lb.example.org, and no zone here holds lb.example.org; flatten takes addresses from the zones here: write the endpoint's own addresses, or leave resolve out for a CNAME",
		"none.example.com": "the zone example.com has no none.example.com",
		"note.example.com": "note.example.com has neither A nor AAAA records",
		"example.com":      "endpoint/p/lb flattens example.com, which service example.com steers; let that service steer this name too",
	} {
		m.refuse(policy.Invalid, fragment, PutConfig{Config: serviceConfig(flattenPool(target), "example.com")})
	}
	m.ok(PutConfig{Config: serviceConfig(flattenPool("lb.example.com"), "example.com")}) // the apex
	m.refuse(policy.Conflict, "endpoint/p/lb flattens lb.example.com, and then the zone example.com has no lb.example.com", PutZone{zone(t, "example.com")})
	m.refuse(policy.Conflict, "lb.example.com is delegated away", PutZone{zone(t, "example.com", "lb.example.com NS", "lb.example.com A")})
	m.refuse(policy.Conflict, "in the zone lb.example.com", PutZone{zone(t, "lb.example.com")})
	m.refuse(policy.Conflict, "no zone here holds lb.example.com", DeleteZone{name("example.com")})
	m.refuse(policy.Conflict, "example.com has A records", PutZone{zone(t, "example.com", "lb.example.com A", "example.com A")})
	m.ok(PutZone{zone(t, "example.com", "lb.example.com AAAA")})
	m.ok(PutConfig{Config: serviceConfig(pool("p", ""), "example.com")})
	m.ok(PutZone{zone(t, "example.com")})
}

func TestServiceOutsideEveryZone(t *testing.T) {
	m := newMachine(t)
	m.ok(PutZone{zone(t, "example.com")})
	m.refuse(policy.Invalid, "/services/0: no zone holds www.example.org; import its zone first", PutConfig{Config: serviceConfig(pool("p", ""), "www.example.org")})
	m.refuse(policy.Invalid, "no zone holds com", PutConfig{Config: serviceConfig(pool("p", ""), "com")})
	m.ok(PutConfig{Config: serviceConfig(pool("p", ""), "www.example.com")})
	m.refuse(policy.Conflict, "service www.example.com steers www.example.com in zone example.com; delete the service first", DeleteZone{name("example.com")})
}

// TestZonesWithinZones: a zone's coming and going moves steered names between zones, where they may clash.
func TestZonesWithinZones(t *testing.T) {
	// A sub-zone whose records clash.
	m := withService(t, zone(t, "example.com"), pool("p", ""), "www.sub.example.com")
	m.refuse(policy.Conflict, "has A records in the zone sub.example.com", PutZone{zone(t, "sub.example.com", "www.sub.example.com A")})
	m.ok(PutZone{zone(t, "sub.example.com")})
	// The parent's own records at the name do not matter while the sub-zone is there, and block its going.
	m.ok(PutZone{zone(t, "example.com", "www.sub.example.com A")})
	m.refuse(policy.Conflict, "has A records in the zone example.com", DeleteZone{name("sub.example.com")})
	m.ok(PutZone{zone(t, "example.com")})
	m.ok(DeleteZone{name("sub.example.com")})
	m.refuse(policy.Conflict, "delete the service first", DeleteZone{name("example.com")})

	// A sub-zone that makes a steered name with a hostname an apex.
	m = withService(t, zone(t, "example.com"), hostnamePool("p", ""), "www.example.com")
	m.refuse(policy.Conflict, "is the apex of its zone", PutZone{zone(t, "www.example.com")})

	// A zone in between does not take names from a deeper one.
	m = withService(t, zone(t, "a.b.example.com"), pool("p", ""), "www.a.b.example.com")
	m.ok(PutZone{zone(t, "b.example.com", "www.a.b.example.com A")})
	if z := m.s.ZoneFor(name("www.a.b.example.com")); z.Name != name("a.b.example.com") {
		t.Fatalf("the name is in %s", z.Name)
	}
}
