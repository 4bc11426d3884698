package snapshot_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/dnsserver/answer"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

var both = []policy.AnswerKind{policy.IPv4, policy.IPv6}

func compile(t rapid.TB, prev *snapshot.Snapshot, s *policy.State, l snapshot.Local) *snapshot.Snapshot {
	next, err := snapshot.Compile(prev, s, l)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func explain(t *rapid.T, s *snapshot.Snapshot, svc *snapshot.Service, f policy.AnswerKind, client netip.Addr) *snapshot.Explanation {
	x, err := s.Explain(snapshot.ExplainQuery{Name: svc.Spec().Name, Type: f.Type(), Client: netip.PrefixFrom(client, client.BitLen())})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// drawLocal is what a node may know besides the state: data of places, and checks that it holds to be down.
func drawLocal(t *rapid.T, s *policy.State, generation uint64) snapshot.Local {
	l := snapshot.Local{Geo: rapid.SampledFrom(tables()).Draw(t, "table"), Generation: generation}
	if rapid.IntRange(0, 2).Draw(t, "island") == 0 {
		l.Down = map[string]bool{}
		for _, c := range s.Checks() {
			l.Down[c.ID] = rapid.IntRange(0, 2).Draw(t, "its own") > 0
		}
	}
	l.Near = drawNear(t, s)
	for name := range s.Pools.All { // drains of this node alone
		if rapid.IntRange(0, 5).Draw(t, "drained here") == 0 {
			l.Controls = append(l.Controls, policy.Control{ID: policy.LocalID(name), Target: "pool/" + name, Action: policy.Drain})
		}
	}
	return l
}

// drawNear is how soon some checks may change.
func drawNear(t *rapid.T, s *policy.State) map[string]policy.Duration {
	near := map[string]policy.Duration{}
	for _, c := range s.Checks() {
		if n := rapid.IntRange(0, 3).Draw(t, "samples"); n > 0 {
			near[c.ID] = policy.Duration(n) * policy.Duration(time.Second)
		}
	}
	return near
}

// I-01 on the wire: whatever the weights, drains, verdicts and the node's own
// opinion, a service that has an endpoint of a family answers it with
// addresses, and with such as explain states.
func TestAnswersAreNeverEmpty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := drawState(t)
		for i := range rapid.IntRange(0, 3).Draw(t, "controls") {
			drawControl(t, state, fmt.Sprintf("c%d", 20+i))
		}
		s := compile(t, nil, state, drawLocal(t, state, 0))
		view := answer.NewView(nil, s)
		client := drawClient(t)
		for _, svc := range s.Services.All() {
			for _, f := range both {
				x := explain(t, s, svc, f, client)
				for _, random := range []uint64{0, math.MaxUint64, rand.Uint64()} {
					got := asked(t, view, svc.Spec().Name, f, client, random)
					switch exists := has(state, svc.Spec(), f); {
					case !exists && (len(got) > 0 || x.Result != "nodata"):
						t.Fatalf("%s %s: %v out of nothing (explain: %s)", svc.ID, f, got, x.Result)
					case exists && len(got) == 0 && !always(state, svc.Spec()):
					case exists && len(got) == 0:
						t.Fatalf("%s %s: an empty answer\n%s", svc.ID, f, x.Text())
					case exists && !slices.ContainsFunc(x.Distribution, func(d snapshot.Share) bool { return sameSet(d.Answers, got) }):
						t.Fatalf("%s %s: %v is not of what explain states\n%s", svc.ID, f, got, x.Text())
					}
				}
			}
		}
	})
}

func sameSet(a, b []string) bool {
	a, b = slices.Clone(a), slices.Clone(b)
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}

// asked is what a client gets over the wire: the addresses or the target of a CNAME.
func asked(t *rapid.T, v *answer.View, name policy.Name, f policy.AnswerKind, client netip.Addr, random uint64) []string {
	q := new(dns.Msg)
	q.SetQuestion(name.FQDN(), f.Type())
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	r := answer.Responder{Options: answer.Options{UDPSize: 1232}}
	m := new(dns.Msg)
	if err := m.Unpack(r.Respond(v, nil, &answer.Request{Packet: packet, Client: client, Rand: random})); err != nil {
		t.Fatal(err)
	}
	if m.Rcode != dns.RcodeSuccess {
		t.Fatalf("%s: rcode %d", name, m.Rcode)
	}
	var list []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			list = append(list, rr.A.String())
		case *dns.AAAA:
			list = append(list, rr.AAAA.String())
		case *dns.CNAME:
			list = append(list, rr.Target)
		}
	}
	return list
}

// Decide draws from the distribution that explain states: exactly from that, and in its proportions.
func TestDecideFitsExplain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := drawState(t)
		s := compile(t, nil, state, drawLocal(t, state, 0))
		client := drawClient(t)
		for i, svc := range s.Services.All() {
			for _, f := range both {
				x := explain(t, s, svc, f, client)
				sum := 0.0
				left := map[string]float64{}
				for _, d := range x.Distribution {
					if left[strings.Join(d.Endpoints, " ")] = d.Probability; d.Probability <= 0 {
						t.Fatalf("%s: %s has a probability of %v", svc.ID, d.Endpoints, d.Probability)
					}
					sum += d.Probability
				}
				if len(x.Distribution) > 0 && math.Abs(sum-1) > 1e-9 {
					t.Fatalf("%s: probabilities add up to %v", svc.ID, sum)
				}
				if x.Result == "nodata" {
					continue
				}
				const steps = 512
				for k := range steps {
					d := s.Decide(snapshot.Query{Service: int32(i), Kind: f, Client: client, Bits: client.BitLen(), Rand: (uint64(k)<<1 | 1) << (64 - 10)})
					// Explain gives the least of all that may be answered: a flattened host name may have less than the rest.
					flattened := slices.ContainsFunc(svc.Sets, func(a snapshot.AnswerSet) bool { return a.TTL < svc.TTL })
					if d.TTL > x.TTL && !flattened || d.TTL > svc.TTL || d.Set >= 0 && d.TTL > svc.Sets[d.Set].TTL || d.Scope != x.Scope {
						t.Fatalf("%s: TTL %d, scope %d\n%s", svc.ID, d.TTL, d.Scope, x.Text())
					}
					if d.Set >= 0 {
						left[strings.Join(svc.Sets[d.Set].Endpoints, " ")] -= 1.0 / steps
					} else if len(x.Distribution) > 0 {
						t.Fatalf("%s: no data", svc.ID)
					}
				}
				if svc.Spec().Sticky != nil && len(x.Distribution) > 1 { // a client always has the same, and explain says which
					if got := left[x.Sticky]; got > 0 {
						t.Fatalf("%s: the client has not always had %s\n%s", svc.ID, x.Sticky, x.Text())
					}
					continue
				}
				for endpoint, rest := range left {
					if math.Abs(rest) > 1.01/steps {
						t.Fatalf("%s: %s is off by %v\n%s", svc.ID, endpoint, rest, x.Text())
					}
				}
			}
		}
	})
}

// All clients within a scope that was returned get one distribution, or a
// resolver's cache would hand one client's answer to another it is wrong for (RFC 7871 section 7.3.1).
func TestScopeIsOfOneDistribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := drawState(t)
		s := compile(t, nil, state, drawLocal(t, state, 0))
		client := drawClient(t)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "others"), 3))
		for _, svc := range s.Services.All() {
			for _, f := range both {
				x := explain(t, s, svc, f, client)
				for range 8 {
					other := within(r, netip.PrefixFrom(client, int(x.Scope)))
					if y := explain(t, s, svc, f, other); fmt.Sprint(y.Distribution) != fmt.Sprint(x.Distribution) || y.Scope != x.Scope {
						t.Fatalf("%s: %s and %s are both in a scope of /%d\n%s\n%s", svc.ID, client, other, x.Scope, x.Text(), y.Text())
					}
				}
			}
		}
	})
}

// within is a random address of a prefix.
func within(r *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := range b {
		for bit := range 8 {
			if i*8+bit >= p.Bits() && r.IntN(2) == 0 {
				b[i] ^= 0x80 >> bit
			}
		}
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// Health, drains and what an island thinks move neither classes nor scopes: a resolver's cache is cut by places alone.
func TestHealthMovesNoClass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := drawState(t)
		local := drawLocal(t, state, 0)
		before := compile(t, nil, state, local)
		sick := state.Clone()
		sick.Index++
		for _, c := range state.Checks() {
			drawVerdict(t, sick, c.ID)
		}
		drain(sick, "c8", rapid.SampledFrom(targets).Draw(t, "target"))
		other := drawLocal(t, state, 1)
		other.Geo = local.Geo
		after := compile(t, rapid.SampledFrom([]*snapshot.Snapshot{nil, before}).Draw(t, "prev"), sick, other)
		for range 10 {
			client := drawClient(t)
			for i := range before.Services.Len() {
				if a, b := before.ClassOf(i, client), after.ClassOf(i, client); a != b {
					t.Fatalf("%s was in class %d and is in %d", client, a, b)
				}
				q := snapshot.Query{Service: int32(i), Client: client, Bits: client.BitLen()}
				if a, b := before.Decide(q), after.Decide(q); a.Scope != b.Scope {
					t.Fatalf("%s had scope %d and has %d", client, a.Scope, b.Scope)
				}
			}
		}
	})
}

// A snapshot made from its predecessor is the one made from nothing, after any series of changes.
func TestCompileFromPrevious(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		state := drawState(t)
		local := drawLocal(t, state, 0)
		s := compile(t, nil, state, local)
		for range rapid.IntRange(1, 6).Draw(t, "changes") {
			state = state.Clone()
			state.Index++
			state.Revision++
			switch mutate(t, state) {
			case "local":
				local = drawLocal(t, state, local.Generation+1)
			case "samples":
				local.Near = drawNear(t, state)
				local.Generation++
			}
			s = compile(t, s, state, local)
			compare(t, s, compile(t, nil, state, local))
		}
	})
}

// mutate makes one change as the log does: what an operator changes gets a new revision.
func mutate(t *rapid.T, s *policy.State) string {
	what := rapid.SampledFrom([]string{"verdict", "verdict", "drain", "control", "control", "lift", "pool", "service", "remove", "region", "zone", "unzone", "local", "template", "measured", "rules", "samples"}).Draw(t, "change")
	switch what {
	case "verdict":
		if checks := s.Checks(); len(checks) > 0 {
			drawVerdict(t, s, rapid.SampledFrom(checks).Draw(t, "check").ID)
		}
	case "drain":
		drain(s, "c5", rapid.SampledFrom(targets).Draw(t, "target"))
	case "control":
		drawControl(t, s, fmt.Sprintf("c%d", rapid.IntRange(6, 8).Draw(t, "which control")))
	case "lift":
		for id := range s.Controls.All {
			s.Controls.Delete(id)
			break
		}
	case "pool":
		p := drawPool(t, "p0", []string{"4", "6", "46"})
		s.Pools.Set(p.Name, policy.Object[policy.Pool]{Rev: s.Revision, Spec: p})
	case "service":
		putService(s, drawService(t, s, rapid.IntRange(0, 3).Draw(t, "which")))
	case "remove":
		s.Services.Delete(fmt.Sprintf("s%d.example.com", rapid.IntRange(0, 3).Draw(t, "which")))
	case "region":
		name := rapid.SampledFrom(regions).Draw(t, "region")
		s.Regions.Set(name, region(name, rapid.SampledFrom(airports).Draw(t, "place")))
	case "zone":
		s.Zones.Set(apex.Key(), zoneOf(s.Revision))
	case "template":
		s.Templates.Set("t", policy.Object[policy.Template]{Rev: s.Revision, Spec: policy.Template{Name: "t", Steer: drawSteering(t, []string{"p0"}, false, 2)}})
	case "rules":
		drawRules(t, s)
	case "measured":
		drawMeasured(t, s)
	case "unzone":
		s.Zones.Delete(apex.Key())
	}
	return what
}

// compare finds what two snapshots say differently.
func compare(t *rapid.T, a, b *snapshot.Snapshot) {
	if a.Position != b.Position || a.Services.Len() != b.Services.Len() || a.Geographies() != b.Geographies() {
		t.Fatalf("%v with %d services and %d geographies, %v with %d and %d", a.Position, a.Services.Len(), a.Geographies(), b.Position, b.Services.Len(), b.Geographies())
	}
	if x, y := a.Warnings(), b.Warnings(); !slices.Equal(x, y) {
		t.Fatalf("warnings %q and %q", x, y)
	}
	client := drawClient(t)
	for i, svc := range a.Services.All() {
		other := b.Services.At(int32(i))
		if svc.ID != other.ID || svc.TTL != other.TTL || !slices.Equal(svc.Regions(), other.Regions()) {
			t.Fatalf("%s and %s: %v and %v", svc.ID, other.ID, svc.Regions(), other.Regions())
		}
		for _, f := range both {
			x, _ := json.Marshal(explain(t, a, svc, f, client))
			y, _ := json.Marshal(explain(t, b, other, f, client))
			if string(x) != string(y) {
				t.Fatalf("%s %s:\n%s\n%s", svc.ID, f, x, y)
			}
			for k := range uint64(32) {
				q := snapshot.Query{Service: int32(i), Kind: f, Client: client, Bits: client.BitLen(), Rand: k<<59 | k}
				if x, y := decided(a, q), decided(b, q); x != y {
					t.Fatalf("%s %s: %s and %s", svc.ID, f, x, y)
				}
			}
		}
	}
}

// decided is a decision as text: numbers of sets are a snapshot's own.
func decided(s *snapshot.Snapshot, q snapshot.Query) string {
	if k, ok := s.Services.At(q.Service).Kind(q.Kind.Type()); !ok || k != q.Kind {
		return fmt.Sprintf("nothing: %v %v", k, ok)
	}
	d := s.Decide(q)
	text := fmt.Sprintf("TTL %d, scope %d", d.TTL, d.Scope)
	if d.Set >= 0 {
		text += fmt.Sprintf(", %+v", s.Services.At(q.Service).Sets[d.Set])
	}
	return strings.TrimSpace(text)
}
