package change

import (
	"fmt"
	"maps"
	"net/netip"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func TestPutConfigReplacesOrMerges(t *testing.T) {
	m := started(t)
	c := config("us", "eu")
	m.ok(PutConfig{Config: policy.Config{Pools: c.Pools[:1]}, Merge: true})
	mustList(t, "the pools after a merge", keys(m.s.Pools), "ap", "eu", "us")
	m.ok(PutConfig{Config: c})
	mustList(t, "the pools after a replacement", keys(m.s.Pools), "eu", "us")
	mustList(t, "the regions", keys(m.s.Regions), "eu", "us")
	m.ok(PutConfig{})
	if m.s.Pools.Len()+m.s.Services.Len()+m.s.Monitors.Len()+m.s.Regions.Len() != 0 || m.s.Zones.Len() != 1 {
		t.Fatal("an empty document takes out everything but the zones")
	}
}

func TestPutConfigRefusesWhole(t *testing.T) {
	m := started(t)
	c := config("us", "eu", "ap")
	c.Pools[2].Region = "gone"
	c.Services[0].TTL = policy.FixedTTL(5)
	m.refuse(policy.Invalid, `there is no region "gone"`, PutConfig{Config: c})
	c = config("us", "eu", "ap")
	c.Pools = append(c.Pools, c.Pools[0])
	m.refuse(policy.Invalid, `/pools/3: pool "us" is there twice`, PutConfig{Config: c})
	// A merge is judged with what it is merged into.
	m.refuse(policy.Invalid, "www.example.com is steered twice", PutConfig{Merge: true, Config: policy.Config{
		Services: []policy.Service{{Name: name("a.example.com"), Names: []policy.Name{name("www.example.com")}, Steer: policy.Steering{Pool: "us"}}}}})
	// What is referenced is not deleted (I-04).
	c = config("us", "eu", "ap")
	c.Pools = c.Pools[:2]
	m.refuse(policy.Invalid, `/services/0/steer/nearest/2/pool: there is no pool "ap"`, PutConfig{Config: c})
	c = config("us", "eu", "ap")
	c.Monitors = nil
	m.refuse(policy.Invalid, `there is no monitor "web"`, PutConfig{Config: c})
}

// many has n pools of one endpoint each beside what config has.
func many(from, to int) policy.Config {
	c := config("us", "eu", "ap")
	for i := from; i < to; i++ {
		c.Pools = append(c.Pools, pool(fmt.Sprintf("p%03d", i), "us", policy.Endpoint{Name: "a", Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)})}))
	}
	return c
}

func TestGuardedDeletes(t *testing.T) {
	for n, want := range map[int]int{0: 10, 10: 10, 50: 10, 54: 10, 55: 11, 100: 20, 1000: 200} {
		mustEqual(t, fmt.Sprintf("GuardedDeletes(%d)", n), GuardedDeletes(n), want)
	}
	m := started(t)
	m.ok(PutConfig{Config: many(0, 97)}) // 100 pools, 103 endpoints
	m.refuse(policy.Unsafe, "this would delete 21 of 100 pools; more than 20 in one change need force", PutConfig{Config: many(0, 76)})
	// What comes in the same change does not make up for what goes.
	m.refuse(policy.Unsafe, "this would delete 30 of 100 pools", PutConfig{Config: many(30, 200)})
	m.ok(PutConfig{Config: many(0, 77)})
	m.ok(PutConfig{Config: many(0, 0), Force: true})
	// A merge deletes nothing.
	m.ok(PutConfig{Config: many(0, 97), Merge: true})
	m.ok(PutConfig{Config: config("us", "eu", "ap"), Merge: true})
	mustEqual(t, "the number of pools", m.s.Pools.Len(), 100)
	m.ok(PutConfig{Force: true})

	// Endpoints are objects too, wherever they go.
	m = started(t)
	c := config("us", "eu", "ap")
	for i := range 60 {
		c.Pools[0].Endpoints = append(c.Pools[0].Endpoints, policy.Endpoint{Name: fmt.Sprintf("e%d", i), Address: netip.AddrFrom4([4]byte{10, 1, 0, byte(i)})})
	}
	m.ok(PutConfig{Config: c})
	m.refuse(policy.Unsafe, "this would delete 60 of 66 endpoints; more than 13 in one change need force", PutConfig{Config: config("us", "eu", "ap")})
	m.refuse(policy.Unsafe, "endpoints", PutConfig{Config: policy.Config{Pools: config("us").Pools}, Merge: true})
	m.ok(PutConfig{Config: config("us", "eu", "ap"), Force: true})
}

func TestIDs(t *testing.T) {
	m := started(t)
	before := ids(m.s)
	for _, id := range []string{"zone/example.com", "region/us", "monitor/web", "pool/us", "endpoint/us/a", "endpoint/us/b", "service/www.example.com"} {
		if before[id] == 0 {
			t.Fatalf("%s has no id; there are %v", id, before)
		}
	}
	// An edit keeps ids.
	c := config("us", "eu", "ap")
	c.Services[0].TTL = policy.FixedTTL(5)
	c.Pools[0].Endpoints[0].Address = netip.MustParseAddr("203.0.113.7")
	m.ok(PutConfig{Config: c})
	if !maps.Equal(ids(m.s), before) {
		t.Fatalf("an edit changed the ids from %v to %v", before, ids(m.s))
	}
	// What goes loses its id, and what comes back is something else.
	m.ok(PutConfig{Config: config("us", "eu")})
	if now := ids(m.s); now["endpoint/ap/a"] != 0 || now["pool/ap"] != 0 || now["region/ap"] != 0 {
		t.Fatalf("ids of what is gone: %v", now)
	}
	m.ok(PutConfig{Config: config("us", "eu", "ap")})
	after := ids(m.s)
	if after["pool/ap"] == before["pool/ap"] || after["endpoint/ap/a"] == before["endpoint/ap/a"] || after["pool/us"] != before["pool/us"] {
		t.Fatalf("before %v, after %v", before, after)
	}
	seen := map[uint32]string{}
	for id, n := range after {
		if seen[n] != "" || n == 0 || n > m.s.NextID {
			t.Fatalf("%s and %s have the id %d; the next is after %d", id, seen[n], n, m.s.NextID)
		}
		seen[n] = id
	}
}

func TestSafetyRulesHoldForConfigurations(t *testing.T) {
	m := started(t)
	rule := []policy.SafetyRule{{Name: "keep", Service: name("www.example.com"), AtLeast: &policy.AtLeast{Regions: 2}}}
	with := func(pools ...string) policy.Config {
		c := config(pools...)
		c.SafetyRules = rule
		return c
	}
	m.ok(PutConfig{Config: with("us", "eu", "ap")})
	m.ok(PutControl{Target: "region/us", Action: policy.Drain})
	m.refuse(policy.Unsafe, `safety rule "keep" wants 2 undrained regions for service www.example.com; 1 would be left (eu)`, PutConfig{Config: with("us", "eu")})
	m.ok(PutConfig{Config: with("eu", "ap")})
	m.ok(PutConfig{Config: with("us", "eu", "ap")})
	// Who takes the rule out, or the service, may.
	m.ok(PutConfig{Config: config("us", "eu")})
	m.ok(PutConfig{Config: policy.Config{}})
	// A rule that asks for more than there ever was refuses only what makes it worse.
	m.ok(PutConfig{Config: with("eu")})
	c := with("eu")
	c.Services[0].TTL = policy.FixedTTL(5)
	m.ok(PutConfig{Config: c})
}
