package change

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/drill"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// The world of the property test: four pools in three regions of two providers. The service all is over all of them, www over some.
var worldPools = []struct{ name, region, provider string }{
	{"us1", "us", "p1"}, {"us2", "us", "p1"}, {"eu", "eu", "p1"}, {"ap", "ap", "p2"},
}

func worldAddress(pool, endpoint int) netip.Addr {
	return netip.AddrFrom4([4]byte{192, 0, byte(pool), byte(endpoint)})
}

// worldIn are the addresses in a target, as the world was made.
func worldIn(target string, seen map[netip.Addr]bool) map[netip.Addr]bool {
	in := map[netip.Addr]bool{}
	kind, rest, _ := strings.Cut(target, "/")
	for i, p := range worldPools {
		for j := range 3 {
			a := worldAddress(i, j)
			id := fmt.Sprintf("%s/%c", p.name, 'a'+j)
			if seen[a] && (kind == "region" && rest == p.region || kind == "provider" && rest == p.provider || kind == "pool" && rest == p.name || kind == "endpoint" && rest == id) {
				in[a] = true
			}
		}
	}
	return in
}

func drawWorld(t *rapid.T) policy.Config {
	c := policy.Config{Monitors: []policy.Monitor{{Name: "web", HTTP: &policy.HTTPCheck{Port: 80}, Interval: policy.Duration(time.Second)}}}
	for _, r := range []struct{ name, provider string }{{"us", "p1"}, {"eu", "p1"}, {"ap", "p2"}} {
		c.Regions = append(c.Regions, policy.Region{Name: r.name, Provider: r.provider})
	}
	declared := rapid.Bool().Draw(t, "capacity is declared")
	all, www := policy.Service{Name: name("all.example.com")}, policy.Service{Name: name("www.example.com"), LastResort: &policy.LastResort{Mode: policy.ResortLastGood}}
	for i, w := range worldPools {
		p := policy.Pool{Name: w.name, Region: w.region, Monitor: "web"}
		for j := range rapid.IntRange(1, 3).Draw(t, "endpoints") {
			p.Endpoints = append(p.Endpoints, policy.Endpoint{Name: string(rune('a' + j)), Address: worldAddress(i, j), Weight: of(rapid.IntRange(1, 3).Draw(t, "weight"))})
		}
		if declared {
			p.Capacity = &policy.Capacity{Limit: float64(rapid.IntRange(1, 4).Draw(t, "limit")) * 100}
		}
		c.Pools = append(c.Pools, p)
		all.Steer.Weighted = append(all.Steer.Weighted, branch(w.name))
		if i == 0 || rapid.IntRange(0, 3).Draw(t, "in www") > 0 {
			www.Steer.Weighted = append(www.Steer.Weighted, branch(w.name))
		}
	}
	c.Services = []policy.Service{all, www}
	target := rapid.SampledFrom(worldTargets)
	c.DrillPlans = []policy.DrillPlan{
		{Name: "away", Evacuate: []string{target.Draw(t, "evacuates")}, Hold: policy.Duration(5 * time.Minute)},
		{Name: "feigned", Simulate: &policy.DrillSimulation{Down: []string{target.Draw(t, "feigns")}}},
		{Name: "steps", Steps: []policy.DrillStep{
			{Name: "one", Drain: []string{target.Draw(t, "first")}}, {Name: "two", ForceDown: []string{target.Draw(t, "then")}, OnFailure: "continue"},
			{Name: "back", Restore: "one"}, {Name: "three", Drain: []string{target.Draw(t, "last")}}, {Name: "rest", Wait: policy.Duration(time.Minute)},
		}},
	}
	for i := range rapid.IntRange(0, 3).Draw(t, "rules") {
		c.SafetyRules = append(c.SafetyRules, drawRule(t, fmt.Sprintf("r%d", i)))
	}
	return c
}

var worldTargets = []string{"region/us", "region/eu", "region/ap", "provider/p1", "provider/p2", "pool/us1", "pool/us2", "pool/eu", "pool/ap", "endpoint/us1/a", "endpoint/eu/a"}

func drawRule(t *rapid.T, label string) policy.SafetyRule {
	r := policy.SafetyRule{Name: label}
	switch rapid.IntRange(0, 7).Draw(t, "kind of rule") {
	case 0:
		r.AtLeast = &policy.AtLeast{Regions: rapid.IntRange(1, 3).Draw(t, "regions")}
	case 1:
		r.AtLeast, r.Service = &policy.AtLeast{Capacity: policy.Percent(rapid.IntRange(20, 90).Draw(t, "share"))}, name("www.example.com")
	case 2:
		r.AtLeast, r.Overall = &policy.AtLeast{Providers: 2, Regions: 2}, true
	case 3:
		r.AtMost = &policy.AtMost{Drained: rapid.IntRange(1, 2).Draw(t, "drained"), Of: rapid.SampledFrom([]string{"", "pool", "provider"}).Draw(t, "of")}
	case 4:
		r.NeverTogether = []string{"region/us", "pool/eu", "endpoint/ap/a"}
	case 5:
		r.Gate, r.TwoPeople, r.Targets = "g", rapid.Bool().Draw(t, "two"), []string{"region/us"}
	case 6:
		r.MinBetween, r.Targets = policy.Duration(10*time.Minute), []string{"provider/p1"}
	default:
		r.Freeze = []policy.Freeze{{From: "22:00", To: "06:00"}}
	}
	if (r.AtMost != nil || r.NeverTogether != nil) && rapid.Bool().Draw(t, "of one service") {
		r.Service = name("www.example.com")
	}
	return r
}

// servedWorld is what the services give for A when all is well, read from nothing but answers: what of each service is served, and how much.
func servedWorld(t *rapid.T, s *policy.State) map[string]map[netip.Addr]bool {
	well := s.Clone()
	well.Verdicts = policy.NewState().Verdicts
	for _, check := range s.Checks() { // else what is forced up would be preferred to what is not known
		well.Verdicts.Set(check.ID, policy.Verdict{Check: check.ID, Status: policy.Up, Ramp: 100, Revision: check.Revision})
	}
	return answersOf(t, well)
}

func answersOf(t *rapid.T, s *policy.State) map[string]map[netip.Addr]bool {
	snap, err := snapshot.Compile(nil, s, snapshot.Local{})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]map[netip.Addr]bool{}
	for i, svc := range snap.Services.All() {
		all[svc.ID] = map[netip.Addr]bool{}
		const draws = 256 // no endpoint has a smaller share: 1 of 4 pools, 1 of 3+3+1 in it
		for n := range uint64(draws) {
			d := snap.Decide(snapshot.Query{Service: int32(i), Kind: policy.IPv4, Rand: n * (math.MaxUint64 / draws)})
			if d.Set >= 0 {
				for _, data := range svc.Sets[d.Set].Data {
					a, _ := netip.AddrFromSlice(data)
					all[svc.ID][a] = true
				}
			}
		}
	}
	return all
}

// declaredWorld are the addresses that services have at all, with their part in the capacity.
func declaredWorld(s *policy.State, service string) map[netip.Addr]float64 {
	parts := map[netip.Addr]float64{}
	o, _ := s.Services.Get(service)
	for _, b := range o.Spec.Steer.Weighted {
		p, _ := s.Pools.Get(b.Pool)
		sum := 0.0
		for _, e := range p.Spec.Endpoints {
			sum += float64(*e.Weight)
		}
		for _, e := range p.Spec.Endpoints {
			parts[e.Address] = float64(*e.Weight)
			if p.Spec.Capacity != nil {
				parts[e.Address] *= p.Spec.Capacity.Limit / sum
			}
		}
	}
	return parts
}

// takenOut are the addresses that controls have take no clients: of those that cover one an operator's counts first, and then the newest.
func takenOut(s *policy.State, everything map[netip.Addr]bool) map[netip.Addr]bool {
	list := slices.Collect(maps.Values(inForce(s)))
	slices.SortFunc(list, func(a, b policy.Control) int {
		if (a.Source == policy.ByDrill) != (b.Source == policy.ByDrill) {
			return cmp.Compare(a.Source, b.Source) // "" is an operator's
		}
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), cmp.Compare(len(b.ID), len(a.ID)), cmp.Compare(b.ID, a.ID))
	})
	out := map[netip.Addr]bool{}
	for a := range everything {
		shared := false
	controls:
		for _, c := range list {
			if !worldIn(c.Target, everything)[a] {
				continue
			}
			switch {
			case c.Action == policy.ForceUp:
				break controls
			case c.Action == policy.Share:
				if !shared && c.Share == 0 {
					out[a] = true
				}
				shared = true
			default:
				out[a] = true
			}
		}
	}
	return out
}

// shortfalls is by how much a state is short of what a rule wants to stay, by what is counted.
func shortfalls(t *rapid.T, s *policy.State, r *policy.SafetyRule) map[string]float64 {
	served, short := servedWorld(t, s), map[string]float64{}
	everything := map[netip.Addr]bool{}
	for a := range declaredWorld(s, "all.example.com") {
		everything[a] = true
	}
	drained := takenOut(s, everything)
	for id, in := range served { // a service of which all is drained gives that, and has nothing left
		whole := true
		for a := range in {
			whole = whole && drained[a]
		}
		if whole {
			served[id] = map[netip.Addr]bool{}
		}
	}
	if r.AtLeast != nil {
		for _, id := range []string{"all.example.com", "www.example.com"} {
			if r.Overall && id != "all.example.com" || r.Service != "" && r.Service.String() != id {
				continue
			}
			regions, providers := map[string]bool{}, map[string]bool{}
			for i, p := range worldPools {
				for j := range 3 {
					if served[id][worldAddress(i, j)] {
						regions[p.region], providers[p.provider] = true, true
					}
				}
			}
			had, all := 0.0, 0.0
			for a, part := range declaredWorld(s, id) {
				if all += part; served[id][a] {
					had += part
				}
			}
			short["regions "+id] = float64(max(0, r.AtLeast.Regions-len(regions)))
			short["providers "+id] = float64(max(0, r.AtLeast.Providers-len(providers)))
			short["capacity "+id] = max(0, float64(r.AtLeast.Capacity)-100*had/all-1e-3)
		}
	}
	whose, of := "all.example.com", everything
	if r.Service != "" {
		whose, of = r.Service.String(), map[netip.Addr]bool{}
		for a := range declaredWorld(s, whose) {
			of[a] = true
		}
	}
	gone := func(target string) bool {
		in := worldIn(target, of)
		for a := range in {
			if served[whose][a] {
				return false
			}
		}
		return len(in) > 0
	}
	count := func(targets ...string) (n int) {
		for _, target := range targets {
			if gone(target) {
				n++
			}
		}
		return n
	}
	if a := r.AtMost; a != nil {
		units := map[string][]string{"": worldTargets[:3], "provider": worldTargets[3:5], "pool": worldTargets[5:9]}[a.Of]
		short["drained"] = float64(max(0, count(units...)-a.Drained))
	}
	if r.NeverTogether != nil {
		short["together"] = float64(max(0, count(r.NeverTogether...)-1))
	}
	return short
}

// TestNoRuleIsEverBroken makes random changes of every kind, and holds each that was accepted against an oracle of its own, which reads
// answers and State and nothing of policy/safety: no rule is broken, or broken further, but by its name.
func TestNoRuleIsEverBroken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newMachine(t)
		day := time.Date(2026, 11, 27, 20, 0, 0, 0, time.UTC)
		clock := day.UnixNano()
		m.accepted(Change{Clock: clock, Body: InitCluster{
			Cluster: policy.Cluster{ID: "c", CA: []byte{1}, JoinKeys: map[string][]byte{"k": {2}}},
			Member:  policy.Member{ID: "m1", Node: "ns1", Feature: 1, Voter: true}, Token: policy.Token{ID: "root", Hash: []byte{3}, Role: "admin"},
		}})
		m.level(policy.FeatureLevel)
		m.ok(PutZone{zone(t, "example.com")})
		for _, who := range []string{"ann", "bob"} {
			m.ok(PutToken{policy.Token{ID: who, Name: who, Hash: []byte(strings.Repeat(who, 11))[:32], Role: policy.RoleEditor}, 0, nil})
		}
		m.ok(PutConfig{Config: drawWorld(t), Force: true})
		paced := map[string]int64{}
		for range rapid.IntRange(5, 30).Draw(t, "steps") {
			clock += rapid.SampledFrom([]int64{int64(time.Second), int64(4 * time.Minute), int64(time.Hour), int64(5 * time.Hour)}).Draw(t, "passes")
			c := Change{Clock: clock, Reason: "why", Actor: rapid.SampledFrom([]string{"root", "ann", "bob"}).Draw(t, "actor"), Body: drawMove(t, m.s)}
			if c.Body == nil {
				continue
			}
			for name := range m.s.SafetyRules.All {
				if rapid.IntRange(0, 5).Draw(t, "override "+name) == 0 {
					c.Override = append(c.Override, name)
				}
			}
			before := m.s
			o := m.do(c)
			t.Logf("at %d %s %+v: %v DRAINS %v RULES %v", c.Clock/1e9, KindOf(c.Body), c.Body, o.Refused, maps.Collect(m.s.Controls.All), maps.Collect(m.s.SafetyRules.All))
			if o.Refused != nil {
				continue
			}
			mustKeep(t, before, m.s, c, paced)
		}
	})
}

func drawMove(t *rapid.T, s *policy.State) Body {
	control := func() Body {
		return PutControl{Target: rapid.SampledFrom(worldTargets).Draw(t, "target"), Action: policy.Drain,
			ExpiresIn: policy.Duration(rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "lasts")), StartsIn: policy.Duration(rapid.SampledFrom([]time.Duration{0, 0, 0, 5 * time.Hour}).Draw(t, "begins"))}
	}
	force := func() Body {
		c := control().(PutControl)
		if c.Action = rapid.SampledFrom(actions).Draw(t, "action"); c.Action == policy.Share {
			share := rapid.SampledFrom([]int{0, 0, 50}).Draw(t, "share")
			c.Share = &share
		}
		return c
	}
	lift := func() Body {
		if ids := keys(s.Controls); len(ids) > 0 {
			return DeleteControl{ID: rapid.SampledFrom(ids).Draw(t, "lifts")}
		}
		return control()
	}
	switch rapid.IntRange(0, 13).Draw(t, "kind of change") {
	case 10:
		return force()
	case 11, 12, 13:
		return drawDrill(t, s)
	case 0, 1, 2, 3:
		return control()
	case 4:
		return lift()
	case 5:
		return PutConfig{Config: drawWorld(t), Force: true}
	case 6:
		b := Batch{}
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			b.Parts = append(b.Parts, Part{Body: rapid.SampledFrom([]func() Body{control, force, lift, func() Body { return PutConfig{Config: drawWorld(t), Force: true} }}).Draw(t, "part")()})
		}
		return b
	case 7:
		return PutSwitch{"g", rapid.Bool().Draw(t, "on")}
	case 8:
		if s.Revision > 0 && rapid.Bool().Draw(t, "back") {
			return Rollback{Revision: s.Revision - uint64(rapid.IntRange(0, min(4, int(s.Revision)-1)).Draw(t, "how far")), Force: true}
		}
		return ExpireControls{}
	}
	b := RecordVerdicts{}
	for _, check := range s.Checks() {
		if rapid.IntRange(0, 2).Draw(t, "flips") == 0 {
			b.Edges = append(b.Edges, policy.Edge{Verdict: policy.Verdict{Check: check.ID, Status: rapid.SampledFrom([]policy.Status{policy.Up, policy.Down}).Draw(t, "to"), Since: s.Clock, Revision: check.Revision}})
		}
	}
	return b
}

// drawDrill begins a drill, or takes the one on that goes on.
func drawDrill(t *rapid.T, s *policy.State) Body {
	for id, r := range s.Drills.All {
		if r.Over() {
			continue
		}
		if rapid.IntRange(0, 9).Draw(t, "aborts") == 0 {
			return AbortDrill{id}
		}
		if asks := drill.Asks(&r); len(asks) > 0 {
			return SettleDrill{ID: id, Step: asks[0].Step, Until: s.Clock + int64(30*time.Second)}
		}
		return StepDrill{ID: id, Seq: r.Seq}
	}
	return StartDrill{Plan: rapid.SampledFrom([]string{"away", "feigned", "steps"}).Draw(t, "plan")}
}

func inForce(s *policy.State) map[string]policy.Control {
	m := map[string]policy.Control{}
	for id, c := range s.Controls.All {
		if c.Phase == policy.InForce {
			m[id] = c
		}
	}
	return m
}

// mustKeep is the oracle.
func mustKeep(t *rapid.T, before, after *policy.State, c Change, paced map[string]int64) {
	t.Helper()
	if len(c.Override) > 0 && c.Actor != "root" {
		t.Fatalf("%s overrode %v", c.Actor, c.Override)
	}
	was, is := inForce(before), inForce(after)
	var began, lifted []policy.Control
	everything := map[netip.Addr]bool{}
	for _, s := range []*policy.State{before, after} {
		for a := range declaredWorld(s, "all.example.com") {
			everything[a] = true
		}
	}
	for id, v := range is {
		if _, ok := was[id]; !ok {
			began = append(began, v)
		}
	}
	for id, v := range was {
		if _, ok := is[id]; !ok {
			lifted = append(lifted, v)
		}
	}
	used := map[string]bool{}
	for id, o := range after.SafetyRules.All {
		r := &o.Spec
		allowed := slices.Contains(c.Override, id) || slices.ContainsFunc(began, func(v policy.Control) bool { return slices.Contains(v.Override, id) })
		broken := func(format string, args ...any) {
			used[id] = true
			if !allowed {
				t.Fatalf("%s of %+v breaks %s: %s", KindOf(c.Body), c.Body, id, fmt.Sprintf(format, args...))
			}
		}
		old := shortfalls(t, before, r)
		for what, n := range shortfalls(t, after, r) {
			if n > old[what]+1e-6 {
				broken("%s is short by %v, and was by %v", what, n, old[what])
			}
		}
		touches := func(v policy.Control) bool {
			if len(r.Targets) == 0 {
				return true
			}
			for _, target := range r.Targets {
				for a := range worldIn(target, everything) {
					if worldIn(v.Target, everything)[a] {
						return true
					}
				}
			}
			return false
		}
		moved := false
		for _, v := range began {
			if !touches(v) {
				continue
			}
			moved = true
			if sw, _ := after.Switches.Get("g"); r.Gate != "" && (!sw.On || r.TwoPeople && sw.Actor == v.Actor) {
				broken("%s began while the switch was %+v", v.Target, sw)
			}
			if hour := time.Unix(0, after.Clock).UTC().Hour(); r.Freeze != nil && (hour >= 22 || hour < 6) {
				broken("%s began at %d o'clock", v.Target, hour)
			}
		}
		over := 0
		for _, v := range lifted {
			if !touches(v) {
				continue
			}
			if v.Source == policy.ByDrill || v.ExpiresAt != 0 && v.ExpiresAt <= after.Clock { // it was said to end, or a drill gives it back, and waits for nothing
				over++
				continue
			}
			moved = true
			if sw, _ := after.Switches.Get("g"); r.Gate != "" && (!sw.On || r.TwoPeople && sw.Actor == c.Actor) {
				broken("%s was lifted while the switch was %+v", v.Target, sw)
			}
		}
		if r.MinBetween == 0 {
			delete(paced, id)
		} else if moved || over > 0 {
			if last, ok := paced[id]; ok && moved && after.Clock-last < int64(r.MinBetween) && !(over > 0 && KindOf(c.Body) == "control.expire") {
				broken("changed %v after the last change", time.Duration(after.Clock-last))
			}
			paced[id] = after.Clock
		}
	}
	for id := range paced {
		if !after.SafetyRules.Has(id) {
			delete(paced, id)
		}
	}
	for _, id := range c.Override {
		planned := slices.ContainsFunc(keys(after.Controls), func(k string) bool {
			v, _ := after.Controls.Get(k)
			return v.Phase != policy.InForce && !before.Controls.Has(k)
		})
		if !used[id] && !planned {
			t.Fatalf("%s overrode %s, which it did not break", KindOf(c.Body), id)
		}
	}
}
