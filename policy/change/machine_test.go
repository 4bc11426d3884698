package change

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

func of[T any](v T) *T { return &v }

// fataler is what testing.T, testing.F and rapid.T have in common here.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// machine applies changes as a node does: through their bytes, one index after the other.
type machine struct {
	t     fataler
	s     *policy.State
	index uint64
}

func newMachine(t fataler) *machine { return &machine{t: t, s: policy.NewState()} }

// do applies a change and gives its outcome, after checking what holds for all changes.
func (m *machine) do(c Change) policy.Outcome {
	m.t.Helper()
	b, err := Encode(c)
	if err != nil {
		m.t.Fatalf("Encode: %v", err)
	}
	d, err := Decode(b)
	if err != nil {
		m.t.Fatalf("Decode: %v", err)
	}
	before := m.s.Hash()
	m.index++
	next, o, err := Apply(m.s, m.index, d)
	if err != nil {
		m.t.Fatalf("Apply %s: %v", KindOf(c.Body), err)
	}
	if m.s.Hash() != before {
		m.t.Fatalf("%s changed the state it was applied to", KindOf(c.Body))
	}
	if next.Index != m.index || next.Clock < m.s.Clock || next.Clock < c.Clock {
		m.t.Fatalf("index %d and clock %d after index %d and clock %d", next.Index, next.Clock, m.index, m.s.Clock)
	}
	if o.Index != m.index && !o.Replayed {
		m.t.Fatalf("the outcome is of index %d, not %d", o.Index, m.index)
	}
	m.s = next
	return o
}

// ok wants the change accepted.
func (m *machine) ok(b Body) policy.Outcome {
	m.t.Helper()
	return m.accepted(Change{Actor: "test", Reason: "because", Body: b})
}

func (m *machine) accepted(c Change) policy.Outcome {
	m.t.Helper()
	o := m.do(c)
	if o.Refused != nil {
		m.t.Fatalf("%s is refused: %v", KindOf(c.Body), o.Refused)
	}
	return o
}

// refuse wants the change refused, for a reason, and without any other effect.
func (m *machine) refuse(kind policy.Kind, fragment string, b Body) policy.Outcome {
	m.t.Helper()
	return m.refused(kind, fragment, Change{Actor: "test", Reason: "because", Body: b})
}

func (m *machine) refused(kind policy.Kind, fragment string, c Change) policy.Outcome {
	m.t.Helper()
	before := m.s
	o := m.do(c)
	if o.Refused == nil || o.Refused.Kind != kind || !bytes.Contains([]byte(o.Refused.Error()), []byte(fragment)) {
		m.t.Fatalf("%s gives %v, want it refused as %s with %q", KindOf(c.Body), o.Refused, kind, fragment)
	}
	m.unchanged(before, c.Body)
	return o
}

// unchanged wants only index, clock, requests, audit and, for a commit, staging to differ.
func (m *machine) unchanged(before *policy.State, b Body) {
	m.t.Helper()
	a, z := before.Clone(), m.s.Clone()
	for _, s := range []*policy.State{a, z} {
		s.Index, s.Clock, s.AuditHead, s.Audit = 0, 0, nil, policy.NewState().Audit
		s.Requests, s.RequestLog = policy.NewState().Requests, policy.NewState().RequestLog
		if _, ok := b.(CommitStaged); ok {
			s.Staged = policy.NewState().Staged
		}
	}
	if a.Hash() != z.Hash() {
		m.t.Fatalf("a refused %s changed the state", KindOf(b))
	}
}

// roundTrip wants the state to come back the same from its bytes. Every hash is computed anew there.
func roundTrip(t fataler, s *policy.State) *policy.State {
	t.Helper()
	var b bytes.Buffer
	if err := WriteState(&b, s); err != nil {
		t.Fatalf("WriteState: %v", err)
	}
	back, err := ReadState(&b)
	if err != nil {
		t.Fatalf("ReadState: %v", err)
	}
	if back.Hash() != s.Hash() {
		t.Fatalf("another state came back: hash %x, not %x", back.Hash(), s.Hash())
	}
	return back
}

func name(s string) policy.Name { return policy.MustName(s) }

// record is "OWNER TYPE": the RDATA is of no matter, but real for A, AAAA and SOA.
func zone(t fataler, apex string, records ...string) *policy.Zone {
	t.Helper()
	z := policy.NewZone(name(apex))
	put := func(owner string, typ uint16, data ...byte) {
		if err := z.Set(name(owner), policy.RRset{Type: typ, TTL: 300, Data: [][]byte{data}}); err != nil {
			t.Fatalf("%v", err)
		}
	}
	soa := append([]byte("\x02ns\x00\x05admin\x00"), make([]byte, 20)...)
	binary.BigEndian.PutUint32(soa[len(soa)-4:], 60)
	put(apex, policy.TypeSOA, soa...)
	put(apex, policy.TypeNS, []byte("\x02ns\x07example\x00")...)
	for _, r := range records {
		var owner, typ string
		if n, _ := fmt.Sscan(r, &owner, &typ); n != 2 {
			t.Fatalf("not a record: %q", r)
		}
		switch typ {
		case "A":
			put(owner, policy.TypeA, 192, 0, 2, 99)
		case "AAAA":
			put(owner, policy.TypeAAAA, append([]byte{0x20, 1, 0xd, 0xb8}, make([]byte, 12)...)...)
		case "CNAME":
			put(owner, policy.TypeCNAME, []byte("\x01x\x00")...)
		case "TXT":
			put(owner, policy.TypeTXT, []byte("\x02hi")...)
		case "NS":
			put(owner, policy.TypeNS, []byte("\x01n\x00")...)
		default:
			t.Fatalf("not a type: %q", typ)
		}
	}
	return z
}

func pool(p, region string, endpoints ...policy.Endpoint) policy.Pool {
	if len(endpoints) == 0 {
		endpoints = []policy.Endpoint{{Name: "a", Address: netip.MustParseAddr("192.0.2.1")}, {Name: "b", Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}}}
	}
	return policy.Pool{Name: p, Region: region, Monitor: "web", Endpoints: endpoints}
}

func branch(pool string) policy.Branch { return policy.Branch{Steering: policy.Steering{Pool: pool}} }

// config steers www.example.com over pools of the same names as their regions.
func config(pools ...string) policy.Config {
	c := policy.Config{Monitors: []policy.Monitor{{Name: "web", HTTP: &policy.HTTPCheck{Port: 8080}, Interval: policy.Duration(time.Second)}}}
	s := policy.Service{Name: name("www.example.com"), TTL: policy.FixedTTL(30)}
	for _, p := range pools {
		c.Regions = append(c.Regions, policy.Region{Name: p, Provider: "aws", AZs: []string{"a"}})
		c.Pools = append(c.Pools, pool(p, p))
		s.Steer.Nearest = append(s.Steer.Nearest, branch(p))
	}
	if len(pools) > 0 {
		c.Services = []policy.Service{s}
	}
	return c
}

// started has a cluster, the zone example.com, and www.example.com steered over us, eu and ap.
func started(t fataler) *machine {
	t.Helper()
	m := newMachine(t)
	m.accepted(Change{Clock: 1000, Body: InitCluster{
		Cluster: policy.Cluster{ID: "c", CA: []byte{1}, JoinKeys: map[string][]byte{"k": {2}}},
		Member:  policy.Member{ID: "m1", Node: "ns1", Feature: 1, Voter: true}, Token: policy.Token{ID: "t", Hash: []byte{3}, Role: "admin"},
	}})
	m.ok(PutZone{zone(t, "example.com", "static.example.com A", "a.b.c.example.com TXT")})
	m.ok(PutConfig{Config: config("us", "eu", "ap")})
	return m
}

// steering raises the feature level to where things may be measured.
func (m *machine) steering() *machine { return m.level(policy.FeatureSteering) }

func (m *machine) level(feature int) *machine {
	m.t.Helper()
	for _, v := range m.s.Members.All {
		v.Feature = feature
		m.ok(PutMember{v})
	}
	m.ok(RaiseFeature{feature})
	return m
}

func ids(s *policy.State) map[string]uint32 {
	m := map[string]uint32{}
	for k, v := range s.IDs.All {
		m[k] = v
	}
	return m
}

func keys[V any](t *policy.Tree[V]) []string {
	var list []string
	for k := range t.All {
		list = append(list, k)
	}
	return list
}

func mustEqual[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s is %v, want %v", what, got, want)
	}
}

func mustList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s are %q, want %q", what, got, want)
	}
}
