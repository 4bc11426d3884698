package snapshot

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// TestManyGeographiesAreFolded: beyond a bound services are answered as they are below it, in a small part of the memory,
// whichever way the state came about.
func TestManyGeographiesAreFolded(t *testing.T) {
	places := []string{"IAD", "FRA", "SIN", "GRU", "JNB", "SYD", "NRT", "LHR", "LAX", "BOM", "DXB", "SCL"}
	var pools []policy.Pool
	state := func(services int) *policy.State {
		var list []policy.Service
		for n := range services { // each has three of the places, and no two the same
			var names []string
			for i := range places {
				if want := [3]int{n % 12, (n%12 + 1 + n/12%5) % 12, (n%12 + 6 + n/60%5) % 12}; i == want[0] || i == want[1] || i == want[2] {
					names = append(names, places[i])
				}
			}
			list = append(list, service(fmt.Sprintf("s%d.example.com", n), nearest(names...)))
		}
		s := recordsState(t, pools, list...)
		for _, name := range places {
			s.Regions.Set(name, policy.Object[policy.Region]{Rev: 1, Spec: policy.Region{Name: name, Place: &policy.Place{IATA: name}}})
		}
		return s
	}
	for i, name := range places {
		pools = append(pools, policy.Pool{Name: name, Region: name, Endpoints: []policy.Endpoint{{Name: "a", Addresses: addrs(fmt.Sprintf("192.0.2.%d", i+1), fmt.Sprintf("2001:db8::%d", i+1))}}})
	}
	few, many := compile(t, nil, state(20)), compile(t, nil, state(200))
	if few.folds || !many.folds || many.Geographies() <= maxDivided {
		t.Fatalf("of %d geographies it folds: %v; of %d: %v", few.Geographies(), few.folds, many.Geographies(), many.folds)
	}
	size := func(s *Snapshot) (n int) {
		for _, g := range s.maps {
			n += g.classes.Bytes()
		}
		return n / len(s.maps)
	}
	if a, b := size(few), size(many); b*50 > a {
		t.Errorf("a geography takes %d octets folded and %d divided", b, a)
	}
	same := func(what string, a, b *Snapshot) {
		t.Helper()
		r, wider := rand.New(rand.NewPCG(1, 2)), 0
		for range 20_000 {
			i := int32(r.IntN(a.Services.Len()))
			q := Query{Service: i, Kind: policy.IPv4, Client: netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}), Bits: 32}
			if r.IntN(4) == 0 {
				q.Client, q.Bits = netip.AddrFrom16([16]byte{0x2a, byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}), 128
			}
			p := q
			p.Service = b.index.services[a.Services.At(i).ID]
			x, y := a.Decide(q), b.Decide(p)
			was, is := "nothing", "nothing"
			if x.Set >= 0 {
				was = fmt.Sprint(a.Services.At(i).Sets[x.Set].Endpoints)
			}
			if y.Set >= 0 {
				is = fmt.Sprint(b.Services.At(p.Service).Sets[y.Set].Endpoints)
			}
			if was != is || y.Scope < x.Scope {
				t.Fatalf("%s: %s for %v is answered %s with scope %d, and %s with %d", what, a.Services.At(i).ID, q.Client, was, x.Scope, is, y.Scope)
			}
			if x.Scope != y.Scope {
				wider++
			}
		}
		if (wider > 0) != (a.folds != b.folds) {
			t.Errorf("%s: %d scopes differ", what, wider)
		}
	}
	same("folded", few, many)
	grown := compile(t, few, state(200))
	same("grown", few, grown)
	shrunk := compile(t, grown, state(20))
	if !grown.folds || shrunk.folds {
		t.Errorf("grown it folds: %v; shrunk again: %v", grown.folds, shrunk.folds)
	}
	same("shrunk", few, shrunk)
}
