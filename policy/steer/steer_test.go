package steer

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

const v4, v6 = policy.IPv4, policy.IPv6

// usFirst orders four children for a client next to the first, and so on.
var (
	usFirst = [][]uint8{{0, 1, 2, 3}}
	euFirst = [][]uint8{{1, 0, 2, 3}}
	apFirst = [][]uint8{{2, 1, 0, 3}}
)

func TestEvaluate(t *testing.T) {
	three := func(us, eu, ap string) *world {
		return newWorld().pool("us", "us", 0, "a "+us).pool("eu", "eu", 0, "a "+eu).pool("ap", "ap", 0, "a "+ap)
	}
	near3 := nearest(pool("us"), pool("eu"), pool("ap"))
	order := func(o [][]uint8) [][]uint8 { return [][]uint8{o[0][:3]} }
	for _, c := range []struct {
		name   string
		w      *world
		steer  policy.Steering
		family policy.AnswerKind
		orders [][]uint8
		want   string
		tier   Tier
	}{
		// Pools.
		{"equal weights", newWorld().pool("p", "us", 0, "a up", "b up", "c up"), pool("p").Steering, v4, nil, "p/a 1/3, p/b 1/3, p/c 1/3", Available},
		{"weights", newWorld().pool("p", "us", 0, "a up w=1", "b up w=3"), pool("p").Steering, v4, nil, "p/a 0.25, p/b 0.75", Available},
		{"down is out", newWorld().pool("p", "us", 0, "a up", "b down"), pool("p").Steering, v4, nil, "p/a", Available},
		{"drained is out", newWorld().pool("p", "us", 0, "a up", "b up drained"), pool("p").Steering, v4, nil, "p/a", Available},
		{"unknown beside up does not count", newWorld().pool("p", "us", 0, "a up", "b unknown"), pool("p").Steering, v4, nil, "p/a", Available},
		{"unknown counts while no sibling is up", newWorld().pool("p", "us", 0, "a down", "b unknown", "c unknown"), pool("p").Steering, v4, nil, "p/b 0.5, p/c 0.5", Unjudged},
		{"a drained sibling that is up does not silence unknown ones", newWorld().pool("p", "us", 0, "a up drained", "b unknown"), pool("p").Steering, v4, nil, "p/b", Unjudged},
		{"all unknown", newWorld().pool("p", "us", 0, "a unknown w=1", "b unknown w=3"), pool("p").Steering, v4, nil, "p/a 0.25, p/b 0.75", Unjudged},
		{"a sibling of the other family does not silence an unknown one", newWorld().pool("p", "us", 0, "a unknown 4", "b up 6"), pool("p").Steering, v4, nil, "p/a", Unjudged},
		{"a new endpoint waits for its first verdict while another is up", three("unknown", "up", "up"), failover(pool("us"), pool("eu")), v4, nil, "eu/a", Available},
		{"ramp scales", newWorld().pool("p", "us", 0, "a up w=10", "b up w=10 ramp=25"), pool("p").Steering, v4, nil, "p/a 0.8, p/b 0.2", Available},
		{"a ramp never leaves nothing", newWorld().pool("p", "us", 0, "a up ramp=0"), pool("p").Steering, v4, nil, "p/a", Available},

		// R53-3: weight 0 is a reserve.
		{"R53-3 reserve idle", newWorld().pool("p", "us", 0, "a up w=10", "b down w=10", "c up w=0"), pool("p").Steering, v4, nil, "p/a", Available},
		{"R53-3 reserve serves", newWorld().pool("p", "us", 0, "a down w=10", "b down w=10", "c up w=0"), pool("p").Steering, v4, nil, "p/c", Available},
		{"R53-3 reserve beside an unknown", newWorld().pool("p", "us", 0, "a unknown w=10", "c unknown w=0"), pool("p").Steering, v4, nil, "p/a", Unjudged},
		{"an up reserve before an unknown one with weight", newWorld().pool("p", "us", 0, "a unknown w=10", "c up w=0"), pool("p").Steering, v4, nil, "p/c", Available},
		{"two reserves share", newWorld().pool("p", "us", 0, "a down", "b up w=0", "c up w=0"), pool("p").Steering, v4, nil, "p/b 0.5, p/c 0.5", Available},
		{"weights all 0", newWorld().pool("p", "us", 0, "a up w=0", "b up w=0"), pool("p").Steering, v4, nil, "p/a 0.5, p/b 0.5", Available},
		{"R53-3 in weighted", three("up", "down", "up"), weighted(weight(10, pool("us")), weight(10, pool("eu")), weight(0, pool("ap"))), v4, nil, "us/a", Available},
		{"R53-3 in weighted, serving", three("down", "down", "up"), weighted(weight(10, pool("us")), weight(10, pool("eu")), weight(0, pool("ap"))), v4, nil, "ap/a", Available},
		{"weighted, all 0", three("up", "up", "up"), weighted(weight(0, pool("us")), weight(0, pool("eu"))), v4, nil, "us/a 0.5, eu/a 0.5", Available},

		// R53-1: all down is all up, with the same policy and weights.
		{"R53-1 pool", newWorld().pool("p", "us", 0, "a down w=1", "b down w=3", "c down w=0"), pool("p").Steering, v4, nil, "p/a 0.25, p/b 0.75", LastResort},
		{"R53-1 ignores ramps", newWorld().pool("p", "us", 0, "a down w=1 ramp=10", "b down w=1"), pool("p").Steering, v4, nil, "p/a 0.5, p/b 0.5", LastResort},
		{"R53-1 weighted", three("down", "down", "down"), weighted(weight(1, pool("us")), weight(3, pool("eu"))), v4, nil, "us/a 0.25, eu/a 0.75", LastResort},
		{"R53-1 nearest", three("down", "down", "down"), near3, v4, order(apFirst), "ap/a", LastResort},
		// R53-2: an unchecked one is answered alone when all checked ones fail. Here: unknown, the others down.
		{"R53-2", three("down", "unknown", "down"), weighted(pool("us"), pool("eu"), pool("ap")), v4, nil, "eu/a", Unjudged},
		// R53-4, GD-7: failover.
		{"R53-4 primary", three("up", "up", "up"), failover(pool("us"), pool("eu")), v4, nil, "us/a", Available},
		{"R53-4 secondary", three("down", "up", "up"), failover(pool("us"), pool("eu")), v4, nil, "eu/a", Available},
		{"R53-4 both down: the primary", three("down", "down", "up"), failover(pool("us"), pool("eu")), v4, nil, "us/a", LastResort},
		{"GD-7 drained and down: what is not drained", three("up drained", "down", "up"), failover(pool("us"), pool("eu")), v4, nil, "eu/a", LastResort},
		// R53-5, GD-8: a dead branch is backed out of.
		{"R53-5", newWorld().pool("us", "us", 0, "a down", "b down").pool("us2", "us", 0, "a down").pool("eu", "eu", 0, "a up w=1", "b up w=3"),
			nearest(branch(weighted(pool("us"), pool("us2"))), branch(weighted(pool("eu")))), v4, [][]uint8{{0, 1}}, "eu/a 0.25, eu/b 0.75", Available},
		{"R53-5 deeper", three("down", "down", "up"), nearest(branch(failover(branch(weighted(pool("us"))), pool("eu"))), pool("ap")), v4, [][]uint8{{0, 1}}, "ap/a", Available},

		// nearest
		{"nearest us", three("up", "up", "up"), near3, v4, order(usFirst), "us/a", Available},
		{"nearest ap", three("up", "up", "up"), near3, v4, order(apFirst), "ap/a", Available},
		{"next nearest", three("up", "up", "down"), near3, v4, order(apFirst), "eu/a", Available},
		{"nearest by the order given, not the document's", three("up", "down", "up"), near3, v4, order(euFirst), "us/a", Available},
		{"the same place shares by weight", newWorld().pool("us", "us", 0, "a up").pool("us2", "us2", 0, "a up").pool("eu", "eu", 0, "a up"),
			nearest(weight(1, pool("us")), weight(3, pool("us2")), pool("eu")), v4, [][]uint8{{0, 1, 2}}, "us/a 0.25, us2/a 0.75", Available},
		{"the same place, not side by side", newWorld().pool("us", "us", 0, "a up").pool("eu", "eu", 0, "a up").pool("us2", "us2", 0, "a up"),
			nearest(pool("us"), pool("eu"), pool("us2")), v4, [][]uint8{{0, 1, 2}}, "us/a 0.5, us2/a 0.5", Available},
		{"the same place, one of them down", newWorld().pool("us", "us", 0, "a down").pool("us2", "us2", 0, "a up").pool("eu", "eu", 0, "a up"),
			nearest(weight(9, pool("us")), weight(1, pool("us2")), pool("eu")), v4, [][]uint8{{0, 1, 2}}, "us2/a", Available},
		{"the same place, one of them a reserve", newWorld().pool("us", "us", 0, "a up").pool("us2", "us2", 0, "a up"),
			nearest(weight(0, pool("us")), weight(5, pool("us2"))), v4, [][]uint8{{0, 1}}, "us2/a", Available},
		{"a reserve that is alone at its place serves", three("up", "up", "up"), nearest(weight(0, pool("us")), pool("eu")), v4, [][]uint8{{0, 1}}, "us/a", Available},
		{"another bias is another place", newWorld().pool("us", "us", 0, "a up").pool("us2", "us2", 0, "a up"),
			nearest(pool("us"), bias(10, pool("us2"))), v4, [][]uint8{{1, 0}}, "us2/a", Available},
		{"no place is no place in common", newWorld().pool("x", "nowhere", 0, "a up").pool("y", "", 0, "a up"),
			nearest(pool("x"), pool("y")), v4, [][]uint8{{0, 1}}, "x/a", Available},

		// minAvailable: CF-2, ATM-3, AK-7.
		{"CF-2 degraded serves", newWorld().pool("us", "us", 2, "a up", "b up", "c up", "d down").pool("eu", "eu", 0, "a up"), failover(pool("us"), pool("eu")), v4, nil, "us/a 1/3, us/b 1/3, us/c 1/3", Available},
		{"CF-2 critical does not", newWorld().pool("us", "us", 2, "a up", "b down", "c down", "d down").pool("eu", "eu", 0, "a up"), failover(pool("us"), pool("eu")), v4, nil, "eu/a", Available},
		{"CF-2 critical, but nothing better", newWorld().pool("us", "us", 2, "a up", "b down").pool("eu", "eu", 0, "a down"), failover(pool("eu"), pool("us")), v4, nil, "us/a", BelowMin},
		{"drained ones do not count", newWorld().pool("us", "us", 2, "a up", "b up drained").pool("eu", "eu", 0, "a up"), failover(pool("us"), pool("eu")), v4, nil, "eu/a", Available},
		{"reserves do not count beside weighted ones", newWorld().pool("us", "us", 2, "a up", "b up w=0").pool("eu", "eu", 0, "a up"), failover(pool("us"), pool("eu")), v4, nil, "eu/a", Available},
		{"both families of a pool count together", newWorld().pool("us", "us", 2, "a up 4", "b up 6").pool("eu", "eu", 0, "a up"), failover(pool("us"), pool("eu")), v4, nil, "us/a", Available},
		{"ATM-3 on a branch", three("up", "down", "up"), failover(branch(atLeast(2, weighted(pool("us"), pool("eu")))), pool("ap")), v4, nil, "ap/a", Available},
		{"ATM-3 kept", three("up", "up", "up"), failover(branch(atLeast(2, weighted(pool("us"), pool("eu")))), pool("ap")), v4, nil, "us/a 0.5, eu/a 0.5", Available},
		{"minAvailable at the root waives itself", three("up", "down", "down"), atLeast(2, weighted(pool("us"), pool("eu"), pool("ap"))), v4, nil, "us/a", BelowMin},
		{"minAvailable is waived when all is down", newWorld().pool("us", "us", 2, "a down", "b down"), pool("us").Steering, v4, nil, "us/a 0.5, us/b 0.5", LastResort},

		// Tiers.
		{"tier 2 before tier 3", three("up drained", "down", "up drained"), near3, v4, order(usFirst), "eu/a", LastResort},
		{"tier 3", three("up drained", "up drained", "up drained"), near3, v4, order(euFirst), "eu/a", Drained},
		{"tier 3, what is drained and up before what is drained and down", three("down drained", "up drained", "up drained"), near3, v4, order(usFirst), "eu/a", Drained},
		{"tier 3, unknown", three("down drained", "unknown drained", "down drained"), near3, v4, order(usFirst), "eu/a", Drained},
		{"tier 3, all down", three("down drained", "down drained", "down drained"), near3, v4, order(usFirst), "us/a", DrainedDown},

		// A pool that the tree names twice gives one pick with the sum.
		{"a pool twice", three("up", "up", "down"), weighted(weight(1, pool("us")), weight(1, branch(failover(pool("ap"), pool("us")))), weight(2, pool("eu"))), v4, nil, "us/a 0.5, eu/a 0.5", Available},
		{"nested products", three("up", "up", "up"), weighted(weight(1, branch(weighted(weight(1, pool("us")), weight(3, pool("eu"))))), weight(3, pool("ap"))), v4, nil, "us/a 1/16, eu/a 3/16, ap/a 0.75", Available},

		// Families.
		{"a type the service does not have", newWorld().pool("us", "us", 0, "a up"), pool("us").Steering, v6, nil, "", Nothing},
		{"a host name serves both", newWorld().pool("us", "us", 0, "a up cname"), pool("us").Steering, v6, nil, "us/a", Available},
		{"a branch without the family is backed out of", newWorld().pool("us", "us", 0, "a up 4").pool("eu", "eu", 0, "a up 46"), failover(pool("us"), pool("eu")), v6, nil, "eu/a", Available},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := c.w.tree(t, c.steer)
			var trace []Step
			r := tree.Evaluate(c.family, Class{Orders: c.orders}, false, &trace)
			if got := shares(r); r.Tier != c.tier || !close2(got, expect(t, c.want)) {
				t.Fatalf("tier %d (%v): %s\nwant tier %d: %s", r.Tier, r.Tier, text(got), c.tier, c.want)
			}
			quiet := tree.Evaluate(c.family, Class{Orders: c.orders}, false, nil)
			if !close2(shares(quiet), shares(r)) {
				t.Fatal("tracing changes the result")
			}
			if (len(trace) == 0) != (c.tier == Nothing) {
				t.Fatalf("%d steps of trace", len(trace))
			}
		})
	}
}

func TestFamilies(t *testing.T) {
	near := nearest(pool("us"), pool("eu"), pool("ap"))
	base := func(us, eu, ap string) *world {
		return newWorld().pool("us", "us", 0, us).pool("eu", "eu", 0, eu).pool("ap", "ap", 0, ap)
	}
	order := [][]uint8{{0, 1, 2}}
	for _, c := range []struct {
		name            string
		w               *world
		steer           policy.Steering
		orders          [][]uint8
		together        bool
		want4, want6    string
		isTogether, is6 bool
	}{
		{"together: both go where both are", base("a up 4", "a up 46", "a up 46"), near, order, true, "eu/a", "eu/a", true, true},
		{"independent: each goes to its nearest", base("a up 4", "a up 46", "a up 46"), near, order, false, "us/a", "eu/a", false, false},
		{"together: no region has both", base("a up 4", "a up 6", "a down 46"), near, order, true, "us/a", "eu/a", false, false},
		{"together: the region with both is drained", base("a up 4", "a up 46 drained", "a up 6"), near, order, true, "us/a", "ap/a", false, false},
		{"together by region, not by endpoint", newWorld().pool("us", "us", 0, "a up 4", "b up 6").pool("eu", "eu", 0, "a up 46"), failover(pool("us"), pool("eu")), nil, true, "us/a", "us/b", true, true},
		{"together: half a region is down", newWorld().pool("us", "us", 0, "a up 4", "b down 6").pool("eu", "eu", 0, "a up 46"), failover(pool("us"), pool("eu")), nil, true, "eu/a", "eu/a", true, true},
		{"together: only one family is left at all", base("a up 4", "a down 46", "a down 6"), near, order, true, "us/a", "eu/a", false, true},
		{"together makes no reserve serve", newWorld().pool("p", "", 0, "a up 46 w=0 in=us", "b up 4 w=1 in=eu").pool("q", "us", 0, "a up 46"), weighted(pool("p"), pool("q")), nil, true, "q/a", "p/a 0.5, q/a 0.5", true, true},
		{"a service of one family", base("a up 4", "a up 4", "a up 4"), near, order, true, "us/a", "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := c.w.tree(t, c.steer)
			r4, r6 := tree.Evaluate(v4, Class{Orders: c.orders}, c.together, nil), tree.Evaluate(v6, Class{Orders: c.orders}, c.together, nil)
			if !close2(shares(r4), expect(t, c.want4)) || !close2(shares(r6), expect(t, c.want6)) {
				t.Fatalf("IPv4: %s\nIPv6: %s\nwant  %s\nand   %s", text(shares(r4)), text(shares(r6)), c.want4, c.want6)
			}
			if r4.Together != c.isTogether || r6.Together != c.is6 {
				t.Fatalf("Together is %v and %v", r4.Together, r6.Together)
			}
		})
	}
}

// TestRecords: the rules hold for what endpoints carry besides addresses, and
// nothing of that moves the addresses.
func TestRecords(t *testing.T) {
	near := nearest(pool("us"), pool("eu"), pool("ap"))
	base := func(us, eu, ap string) *world {
		return newWorld().pool("us", "us", 0, us).pool("eu", "eu", 0, eu).pool("ap", "ap", 0, ap)
	}
	for _, c := range []struct {
		name     string
		w        *world
		steer    policy.Steering
		together bool
		want     map[policy.AnswerKind]string
		tier     Tier // of MX
	}{
		{"the nearest has it", base("a up 4+MX", "a up 4+MX", "a up 4"), near, true, map[policy.AnswerKind]string{v4: "us/a", policy.MX: "us/a", policy.TXT: ""}, Available},
		{"the nearest lacks it", base("a up 4", "a up 4+MX", "a up 4+MX"), near, true, map[policy.AnswerKind]string{v4: "us/a", policy.MX: "eu/a"}, Available},
		{"who has it is down: a region that is up before it", base("a down 4+MX", "a up 4+MX", "a up 4"), near, true, map[policy.AnswerKind]string{v4: "eu/a", policy.MX: "eu/a"}, Available},
		{"never empty: down", base("a down 4+MX", "a up 4", "a up 4"), near, true, map[policy.AnswerKind]string{v4: "eu/a", policy.MX: "us/a"}, LastResort},
		{"never empty: drained", base("a up 4+MX drained", "a up 4", "a up 4"), near, true, map[policy.AnswerKind]string{v4: "eu/a", policy.MX: "us/a"}, Drained},
		{"never empty: drained and down", base("a down 4+MX drained", "a up 4", "a up 4"), near, true, map[policy.AnswerKind]string{v4: "eu/a", policy.MX: "us/a"}, DrainedDown},
		{"records alone", base("a down +MX", "a up +MX", "a up +MX"), near, true, map[policy.AnswerKind]string{v4: "", policy.MX: "eu/a"}, Available},
		{"weights count among those that have it", newWorld().pool("p", "us", 0, "a up 4+MX w=1", "b up 4 w=7", "c up 4+MX w=3"), pool("p").Steering, true,
			map[policy.AnswerKind]string{policy.MX: "p/a 0.25, p/c 0.75"}, Available},
		{"together: it follows the addresses", base("a up 4+MX", "a up 46+MX", "a up 46"), near, true, map[policy.AnswerKind]string{v4: "eu/a", v6: "eu/a", policy.MX: "eu/a"}, Available},
		{"together: it cannot, and does not move them", base("a up 4+MX", "a up 46", "a up 46"), near, true, map[policy.AnswerKind]string{v4: "eu/a", v6: "eu/a", policy.MX: "us/a"}, Available},
		{"independent", base("a up 4+MX", "a up 46+MX", "a up 46"), near, false, map[policy.AnswerKind]string{v4: "us/a", v6: "eu/a", policy.MX: "us/a"}, Available},
		{"minAvailable counts every endpoint", newWorld().pool("us", "us", 2, "a up 4+MX", "b up 4").pool("eu", "eu", 0, "a up 4+MX"), failover(pool("us"), pool("eu")), true,
			map[policy.AnswerKind]string{policy.MX: "us/a"}, Available},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree := c.w.tree(t, c.steer)
			for k, want := range c.want {
				r := tree.Evaluate(k, Class{Orders: [][]uint8{{0, 1, 2}}}, c.together, nil)
				if got := shares(r); !close2(got, expect(t, want)) || k == policy.MX && r.Tier != c.tier {
					t.Errorf("%s: tier %d: %s, want %s", k, r.Tier, text(got), want)
				}
			}
		})
	}
}

// TestBias is R53-9 by way of geo, which owns the arithmetic: what counts here is that the branch's bias gets there.
func TestBias(t *testing.T) {
	w := newWorld().pool("us", "us", 0, "a up").pool("eu", "eu", 0, "a up")
	tree := w.tree(t, nearest(bias(50, pool("us")), bias(-50, pool("eu"))))
	c := tree.Ordered[0].Children
	if c[0].Place.Bias != 50 || c[1].Place.Bias != -50 {
		t.Fatalf("biases are %d and %d", c[0].Place.Bias, c[1].Place.Bias)
	}
	if geo.Biased(150, 50) >= geo.Biased(100, 0) || geo.Biased(100, -50) != 200 {
		t.Error("R53-9: A at 150 km with +50 wins over B at 100 km; 100 km with -50 counts as 200")
	}
}

func TestPlaces(t *testing.T) {
	near := func(c geo.Candidate, lat, lon, within float64) bool {
		return c.Located && geo.Distance(c.Point, geo.Point{Lat: lat, Lon: lon}) <= within
	}
	iad := geo.Point{Lat: 38.94, Lon: -77.46}
	fra := geo.Point{Lat: 50.03, Lon: 8.57}
	w := newWorld().
		pool("us", "us", 0, "a up", "b up", "c up w=0").
		pool("eu", "eu", 0, "a up").
		pool("mixed", "us", 0, "a up", "b up in=eu").
		pool("heavy", "us", 0, "a up w=1000000", "b up in=eu").
		pool("nowhere", "nowhere", 0, "a up").
		pool("half", "nowhere", 0, "a up", "b up in=eu")
	tree := w.tree(t, nearest(
		pool("us"), pool("mixed"), pool("heavy"), pool("nowhere"), pool("half"),
		branch(failover(pool("us"), pool("us"))), branch(weighted(pool("us"), pool("eu"))), in("SIN", branch(failover(pool("us")))), in("FRA", pool("us")),
	))
	c := tree.Ordered[0].Children
	iadCode := &policy.Place{IATA: "IAD"}
	lat, lon, _ := iadCode.Coordinates()
	if c[0].Place.Point != (geo.Point{Lat: lat, Lon: lon}) {
		t.Errorf("a pool of one region is at %v, not exactly at its region's place", c[0].Place.Point)
	}
	if c[5].Place != c[0].Place || c[5].Group != c[0].Group {
		t.Error("a branch of one place is not at the very same place")
	}
	half := geo.Distance(iad, fra) / 2
	for _, p := range []geo.Point{iad, fra} {
		if d := geo.Distance(c[1].Place.Point, p); math.Abs(d-half) > 20 {
			t.Errorf("the middle of two places is %.0f km from one of them, not %.0f", d, half)
		}
	}
	if !near(c[2].Place, iad.Lat, iad.Lon, 20) {
		t.Errorf("a weight of a million does not decide: %v", c[2].Place)
	}
	if c[3].Place.Located {
		t.Error("a pool without a place has one")
	}
	if !near(c[4].Place, fra.Lat, fra.Lon, 20) {
		t.Errorf("a region without a place moves the middle: %v", c[4].Place)
	}
	// us counts thrice (its reserve counts as one) against eu's once.
	if d := geo.Distance(c[6].Place.Point, iad); d > half*0.8 || d < half*0.2 {
		t.Errorf("a composite child is %.0f km from the heavier side", d)
	}
	if !near(c[7].Place, 1.36, 103.99, 20) || !near(c[8].Place, fra.Lat, fra.Lon, 20) {
		t.Error("a place that is given does not count")
	}
}

// TestMiddleAcrossTheAntimeridian: the middle of 179 E and 179 W is at 180, not at 0.
func TestMiddleAcrossTheAntimeridian(t *testing.T) {
	var m middle
	m.addPoint(geo.Point{Lat: 10, Lon: 179}, 1)
	m.addPoint(geo.Point{Lat: 10, Lon: -179}, 1)
	if p := m.candidate().Point; math.Abs(math.Abs(p.Lon)-180) > 0.01 || math.Abs(p.Lat-10) > 0.1 {
		t.Errorf("the middle is at %v", p)
	}
}

func TestTrace(t *testing.T) {
	w := newWorld().
		pool("us", "us", 0, "a down", "b up drained", "c down 6").
		pool("eu", "eu", 0, "a up", "b unknown", "c up w=0", "d up 6").
		pool("ap", "ap", 0, "a up")
	tree := w.tree(t, nearest(pool("us"), branch(weighted(pool("eu"), weight(0, pool("ap")))), pool("ap")))
	var trace []Step
	tree.Evaluate(v4, Class{Orders: [][]uint8{{0, 1, 2}}}, false, &trace)
	got := map[string]string{}
	for _, s := range trace {
		got[s.Path] = s.Kind + " | " + strings.Join(s.Kept, "; ") + " | " + strings.Join(s.Dropped, "; ")
	}
	for path, want := range map[string]string{
		"nearest":                        "nearest | nearest[1].weighted | nearest[0].pool us: nothing available for IPv4 in it; nearest[2].pool ap: comes after one that is available",
		"nearest[0].pool us":             "pool |  | endpoint/us/a: down; endpoint/us/b: drained by control c1; endpoint/us/c: has no IPv4 address",
		"nearest[1].weighted":            "weighted | nearest[1].weighted[0].pool eu | nearest[1].weighted[1].pool ap: weight 0 is a reserve",
		"nearest[1].weighted[0].pool eu": "pool | endpoint/eu/a | endpoint/eu/b: unknown, and a sibling is up; endpoint/eu/c: weight 0 is a reserve; endpoint/eu/d: has no IPv4 address",
	} {
		if got[path] != want {
			t.Errorf("%s:\n got %s\nwant %s", path, got[path], want)
		}
	}
	// What made an endpoint unusable on this node alone is said.
	o, _ := w.s.Pools.Get("eu")
	p := NewPool(w.s, &o.Spec, answersOf(&o.Spec), Beside{Down: map[string]bool{"eu/a@m": true}})
	if m := p.Members[0]; m.Status != policy.Down || m.Measured != policy.Up || !strings.Contains(m.Why, "no leader") {
		t.Errorf("island mode: %+v", m)
	}
	// minAvailable says its numbers, and the tiers their names.
	w2 := newWorld().pool("us", "us", 2, "a up", "b down").pool("eu", "eu", 0, "a up")
	trace = nil
	w2.tree(t, failover(pool("us"), pool("eu"))).Evaluate(v4, Class{}, false, &trace)
	if !slices.ContainsFunc(trace, func(s Step) bool {
		return slices.Contains(s.Dropped, "pool us: 1 of its endpoints are available, 2 needed")
	}) {
		t.Errorf("minAvailable is not explained: %+v", trace)
	}
	seen := map[string]bool{}
	for tier := Available; tier <= Nothing; tier++ {
		if s := tier.String(); s == "" || seen[s] {
			t.Errorf("tier %d prints as %q", tier, s)
		}
		seen[tier.String()] = true
	}
	// An unknown reserve beside an unknown weighted one is a reserve, not silenced.
	w3 := newWorld().pool("p", "us", 0, "a unknown", "b unknown w=0")
	trace = nil
	w3.tree(t, pool("p").Steering).Evaluate(v4, Class{}, false, &trace)
	if len(trace) != 1 || !slices.Equal(trace[0].Dropped, []string{"endpoint/p/b: weight 0 is a reserve"}) {
		t.Errorf("%+v", trace)
	}
}

func TestUndrained(t *testing.T) {
	w := newWorld().
		pool("us", "us", 0, "a up 46", "b down 4+MX").
		pool("eu", "eu", 0, "a up 4", "b up 6+MX+TXT drained", "c up 6 in=ap").
		pool("x", "", 0, "a up 4")
	svc := &policy.Service{Steer: failover(pool("us"), pool("eu"), pool("us"), pool("x"), pool("gone"))}
	l := Undrained(w.s, svc)
	if l.Endpoints != [policy.AnswerKinds]int{4, 2, 1} || !slices.Equal(UndrainedReach(w.s, svc).Regions, []string{"ap", "eu", "us"}) {
		t.Errorf("%+v", l)
	}
	w.drain("region/us")
	if l := Undrained(w.s, svc); l.Endpoints != [policy.AnswerKinds]int{2, 1} || !slices.Equal(UndrainedReach(w.s, svc).Regions, []string{"ap", "eu"}) {
		t.Errorf("after a drain: %+v", l)
	}
}

func TestBuildRefuses(t *testing.T) {
	for want, s := range map[string]policy.Steering{`no pool "gone"`: failover(pool("gone")), "without a kind": failover(policy.Branch{})} {
		if _, err := Build(&policy.Service{Steer: s}, func(string) *Pool { return nil }, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestPoolEqual(t *testing.T) {
	make := func(change func(*world)) *Pool {
		w := newWorld().pool("us", "us", 1, "a up 46", "b down w=3")
		change(w)
		o, _ := w.s.Pools.Get("us")
		return NewPool(w.s, &o.Spec, answersOf(&o.Spec), Beside{Domains: w.domains})
	}
	base := make(func(*world) {})
	edit := func(change func(*policy.Pool)) func(*world) {
		return func(w *world) {
			o, _ := w.s.Pools.Get("us")
			o.Spec.Endpoints = slices.Clone(o.Spec.Endpoints)
			change(&o.Spec)
			w.s.Pools.Set("us", o)
		}
	}
	for what, change := range map[string]func(*world){
		"nothing": func(*world) {}, "a label": edit(func(p *policy.Pool) { p.Endpoints[0].Labels = map[string]string{"a": "b"} }),
		"another region's drain": func(w *world) { w.drain("region/eu") },
		"a ballot": func(w *world) {
			v, _ := w.s.Verdicts.Get("us/a@m")
			v.Ballots = []policy.Ballot{{Vantage: "x"}}
			w.s.Verdicts.Set("us/a@m", v)
		},
	} {
		if !base.Equal(make(change)) {
			t.Errorf("the pool is another one after a change of %s", what)
		}
	}
	for what, change := range map[string]func(*world){
		"status": func(w *world) { w.s.Verdicts.Set("us/a@m", policy.Verdict{Status: policy.Down, Ramp: 100}) },
		"ramp":   func(w *world) { w.s.Verdicts.Set("us/a@m", policy.Verdict{Status: policy.Up, Ramp: 50}) },
		"drain":  func(w *world) { w.drain("pool/us") },
		"place": func(w *world) {
			w.s.Regions.Set("us", policy.Object[policy.Region]{Spec: policy.Region{Name: "us", Place: &policy.Place{IATA: "SIN"}}})
		},
		"address": edit(func(p *policy.Pool) { p.Endpoints[0].Addresses = p.Endpoints[0].Addresses[:1] }),
		"hostname": edit(func(p *policy.Pool) {
			p.Endpoints[1].Address, p.Endpoints[1].Hostname = p.Endpoints[0].Address, policy.MustName("x.y")
		}),
		"records": edit(func(p *policy.Pool) { p.Endpoints[0].Records = map[string][]string{"TXT": {"other"}} }),
		"weight":  edit(func(p *policy.Pool) { p.Endpoints[0].Weight = of(0) }),
		"min":     edit(func(p *policy.Pool) { p.MinAvailable.Count = 2 }),
		"panic":   edit(func(p *policy.Pool) { p.PanicThreshold = 50 }),
		"domain":  func(w *world) { w.domains = map[string]string{"region/us": "it is out"} },
		"region":  edit(func(p *policy.Pool) { p.Region = "us2" }),
		"order":   edit(func(p *policy.Pool) { slices.Reverse(p.Endpoints) }),
	} {
		if base.Equal(make(change)) {
			t.Errorf("the pool is the same one after a change of %s", what)
		}
	}
}
