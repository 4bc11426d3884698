package answer

import (
	"testing"

	"github.com/miekg/dns"
)

// given is when each endpoint of a service was answered last.
func given(v *View, id string) map[string]int64 {
	found := map[string]int64{}
	for i, svc := range v.snapshot.Services.All() {
		if svc.ID == id {
			v.LastGiven(int32(i), func(endpoint string, at int64) { found[endpoint] = max(found[endpoint], at) })
		}
	}
	return found
}

// Whatever names an endpoint's answers counts: the name itself, a static CNAME to it, a wildcard, an endpoint that is a host name.
func TestLastGiven(t *testing.T) {
	const ms = 1_000_000
	for _, c := range []struct {
		name string
		typ  uint16

		service, endpoint string
	}{
		{"www.example.test.", dns.TypeA, "www.example.test", "endpoint/us/a"},
		{"www.example.test.", dns.TypeAAAA, "www.example.test", "endpoint/us/a"},
		{"www.example.test.", dns.TypeANY, "www.example.test", "endpoint/us/a"},
		{"www.other.test.", dns.TypeA, "www.example.test", "endpoint/us/a"},
		{"x.wild.example.test.", dns.TypeA, "*.wild.example.test", "endpoint/four/a"},
		{"ext.example.test.", dns.TypeMX, "ext.example.test", "endpoint/out/lb"},
	} {
		v := steeredView(t)
		r := newResponder()
		ask := func(now int64) {
			r.Respond(v, nil, &Request{Packet: hotPacket(t, c.name, c.typ, ""), Client: resolver, Mono: now})
		}
		if len(given(v, c.service)) != 0 {
			t.Fatalf("%s: given before it was asked for", c.name)
		}
		ask(5 * ms)
		if at := given(v, c.service)[c.endpoint]; at != 5*ms {
			t.Errorf("%s %s: %s was given at %d, not 5 ms", c.name, dns.TypeToString[c.typ], c.endpoint, at)
		}
		ask(5*ms + ms/2) // not worth a note
		ask(7 * ms)
		if at := given(v, c.service)[c.endpoint]; at != 7*ms {
			t.Errorf("%s %s: %s was given at %d, not 7 ms", c.name, dns.TypeToString[c.typ], c.endpoint, at)
		}
		next := *v.snapshot
		next.Position.Index++
		if at := given(NewView(v, &next), c.service)[c.endpoint]; at != 7*ms {
			t.Errorf("%s: a view that took the answers over does not know when they were given: %d", c.name, at)
		}
	}
}
