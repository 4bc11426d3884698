package answer

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver/cookie"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// stateOf is a state with zones given as master files.
func stateOf(t testing.TB, zones map[string]string) *policy.State {
	t.Helper()
	state := policy.NewState()
	for name, text := range zones {
		apex := policy.MustName(name)
		z, _, err := zonefile.Parse(strings.NewReader(text), apex, name, zonefile.Limits{})
		if err != nil {
			t.Fatalf("zone %s: %v", name, err)
		}
		state.Zones.Set(apex.Key(), z)
	}
	return state
}

func viewOf(t testing.TB, state *policy.State, local snapshot.Local) *View {
	t.Helper()
	s, err := snapshot.Compile(nil, state, local)
	if err != nil {
		t.Fatal(err)
	}
	return NewView(nil, s)
}

var resolver = netip.MustParseAddr("192.88.99.53")

var noLocal = snapshot.Local{}

// keys and now are of the cookies in tests.
var keys = cookie.NewKeys(cookie.Key{1})

const now = 1_800_000_000

func newResponder() *Responder {
	return &Responder{Options: Options{UDPSize: 1232}}
}

// raw asks with packed bytes and gives the response's bytes.
func raw(v *View, packet []byte, tcp bool) []byte {
	return newResponder().Respond(v, nil, &Request{Packet: packet, Client: resolver, TCP: tcp, Rand: rand.Uint64(), Keys: keys, Now: now})
}

func exchange(t testing.TB, v *View, q *dns.Msg, tcp bool) *dns.Msg {
	t.Helper()
	packet, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	b := raw(v, packet, tcp)
	if b == nil {
		t.Fatalf("no response to\n%v", q)
	}
	m := new(dns.Msg)
	if err := m.Unpack(b); err != nil {
		t.Fatalf("response to\n%v\ndoes not parse: %v\n%x", q, err, b)
	}
	if m.Id != q.Id || !m.Response || m.Opcode != q.Opcode {
		t.Errorf("header of the response is not of the query:\n%v", m)
	}
	return m
}

func ask(t testing.TB, v *View, name string, typ uint16) *dns.Msg {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), typ)
	q.RecursionDesired = false
	return exchange(t, v, q, false)
}
