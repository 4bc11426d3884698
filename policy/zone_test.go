package policy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// zoneOracle is a zone as a plain map of maps; everything else is worked out from it.
type zoneOracle struct {
	apex Name
	sets map[Name]map[uint16]RRset
}

func (o zoneOracle) set(n Name, s RRset) {
	if o.sets[n] == nil {
		o.sets[n] = map[uint16]RRset{}
	}
	delete(o.sets[n], s.Type)
	if len(s.Data) > 0 {
		var data []string
		for _, d := range s.Data {
			data = append(data, string(d))
		}
		slices.Sort(data)
		s.Data = nil
		for _, d := range slices.Compact(data) {
			s.Data = append(s.Data, []byte(d))
		}
		o.sets[n][s.Type] = s
	}
	if len(o.sets[n]) == 0 {
		delete(o.sets, n)
	}
}

// owners are the names with records and what lies between them and the apex.
func (o zoneOracle) owners() map[Name]bool {
	names := map[Name]bool{}
	for n := range o.sets {
		for ; ; n = n.Parent() {
			names[n] = true
			if n == o.apex {
				break
			}
		}
	}
	return names
}

func (o zoneOracle) check(t *rapid.T, z *Zone) {
	want := o.owners()
	if z.Owners.Len() != len(want) {
		t.Fatalf("%d owners, want %d: %v", z.Owners.Len(), len(want), slices.Collect(maps.Keys(want)))
	}
	records := 0
	for n := range want {
		got := z.Owner(n)
		if got == nil {
			t.Fatalf("no owner %s", n)
		}
		children := 0
		for m := range want {
			if m != o.apex && m.Parent() == n {
				children++
			}
		}
		if int(got.Children) != children {
			t.Fatalf("%s has %d children, want %d", n, got.Children, children)
		}
		if len(got.RRsets) != len(o.sets[n]) {
			t.Fatalf("%s has %d RRsets, want %d", n, len(got.RRsets), len(o.sets[n]))
		}
		for typ, s := range o.sets[n] {
			g := got.Find(typ)
			if g == nil || g.TTL != s.TTL || !slices.EqualFunc(g.Data, s.Data, bytes.Equal) {
				t.Fatalf("%s type %d is %v, want %v", n, typ, g, s)
			}
			records += len(s.Data)
		}
	}
	if z.Records != records {
		t.Fatalf("%d records, want %d", z.Records, records)
	}
}

// rebuilt is the zone put together anew, in an order of its own.
func (o zoneOracle) rebuilt(t *rapid.T, seed uint64) *Zone {
	z := NewZone(o.apex)
	type one struct {
		n Name
		s RRset
	}
	var all []one
	for n, sets := range o.sets {
		for _, s := range sets {
			all = append(all, one{n, s})
		}
	}
	slices.SortFunc(all, func(a, b one) int {
		return strings.Compare(a.n.Key()+fmt.Sprint(a.s.Type), b.n.Key()+fmt.Sprint(b.s.Type))
	})
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, x := range all {
		if err := z.Set(x.n, x.s); err != nil {
			t.Fatal(err)
		}
	}
	return z
}

func TestZoneAgainstMap(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "*", `\000`, "zz"})
	rapid.Check(t, func(t *rapid.T) {
		apex := MustName(rapid.SampledFrom([]string{"example", "x.example", "."}).Draw(t, "apex"))
		o := zoneOracle{apex, map[Name]map[uint16]RRset{}}
		z := NewZone(apex)
		type frozen struct {
			z *Zone
			o zoneOracle
		}
		var old []frozen
		name := rapid.Custom(func(t *rapid.T) Name {
			text := apex.FQDN()
			for range rapid.IntRange(0, 4).Draw(t, "depth") {
				text = label.Draw(t, "label") + "." + strings.TrimPrefix(text, ".")
			}
			return MustName(text)
		})
		t.Repeat(map[string]func(*rapid.T){
			"set": func(t *rapid.T) {
				n := name.Draw(t, "name")
				s := RRset{Type: rapid.SampledFrom([]uint16{TypeA, TypeTXT, TypeNS}).Draw(t, "type"), TTL: rapid.Uint32Range(0, 3).Draw(t, "ttl")}
				for range rapid.IntRange(0, 3).Draw(t, "records") {
					s.Data = append(s.Data, rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "data"))
				}
				given := slices.Clone(s.Data)
				if err := z.Set(n, s); err != nil {
					t.Fatal(err)
				}
				if !slices.EqualFunc(given, s.Data, bytes.Equal) {
					t.Fatal("Set changed the caller's slice")
				}
				o.set(n, s)
			},
			"remove": func(t *rapid.T) {
				names := slices.Sorted(maps.Keys(o.sets))
				if len(names) == 0 {
					t.Skip("nothing to remove")
				}
				n := rapid.SampledFrom(names).Draw(t, "name")
				typ := rapid.SampledFrom(slices.Sorted(maps.Keys(o.sets[n]))).Draw(t, "type")
				if err := z.Set(n, RRset{Type: typ}); err != nil {
					t.Fatal(err)
				}
				o.set(n, RRset{Type: typ})
			},
			"copy": func(*rapid.T) {
				c := zoneOracle{apex, map[Name]map[uint16]RRset{}}
				for n, sets := range o.sets {
					c.sets[n] = maps.Clone(sets)
				}
				old = append(old, frozen{z, c})
				z = z.Copy()
			},
			"": func(t *rapid.T) {
				o.check(t, z)
				for _, f := range old {
					f.o.check(t, f.z)
				}
				if o.rebuilt(t, 7).Owners.Sum() != z.Owners.Sum() {
					t.Fatal("the sum depends on how the zone came about")
				}
			},
		})
		// Through the wire and back.
		b, err := z.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseZone(b)
		if err != nil {
			t.Fatalf("ParseZone: %v", err)
		}
		o.check(t, back)
		if back.Name != z.Name || back.Owners.Sum() != z.Owners.Sum() {
			t.Fatal("another zone came back")
		}
		last := ""
		for n, s := range back.Sets {
			at := n.Key() + string(binary.BigEndian.AppendUint16(nil, s.Type))
			if at <= last {
				t.Fatalf("Sets gives %s type %d out of order", n, s.Type)
			}
			last = at
			one, err := ParseRRset(AppendRRset(nil, s))
			if err != nil || one.Type != s.Type || one.TTL != s.TTL || !slices.EqualFunc(one.Data, s.Data, bytes.Equal) {
				t.Fatalf("the RRset %v came back as %v: %v", s, one, err)
			}
		}
		// Adopt alone, as a snapshot uses it, gives the same owners.
		owners := NewTree(hashOwner)
		for n := range o.sets {
			if !owners.Has(n.Key()) {
				owners.Set(n.Key(), &Owner{RRsets: []RRset{{Type: TypeA}}})
				Adopt(owners, apex, n)
			} else {
				was, _ := owners.Get(n.Key())
				owners.Set(n.Key(), &Owner{RRsets: []RRset{{Type: TypeA}}, Children: was.Children})
			}
		}
		for n := range o.owners() {
			got, ok := owners.Get(n.Key())
			if !ok || got.Children != z.Owner(n).Children {
				t.Fatalf("Adopt: %s is %+v, want %d children", n, got, z.Owner(n).Children)
			}
		}
	})
}

func TestZoneSetRefuses(t *testing.T) {
	z := NewZone(MustName("example"))
	for want, set := range map[string]struct {
		name string
		set  RRset
	}{
		"is not in the zone":  {"example.org", RRset{Type: TypeA, Data: [][]byte{{1, 2, 3, 4}}}},
		"TTL of 2147483648":   {"a.example", RRset{Type: TypeA, TTL: 1 << 31, Data: [][]byte{{1, 2, 3, 4}}}},
		"record of 65536 oct": {"a.example", RRset{Type: TypeTXT, Data: [][]byte{make([]byte, 65536)}}},
	} {
		if err := z.Set(MustName(set.name), set.set); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Set: %v, want an error with %q", err, want)
		}
	}
	if z.Owners.Len() != 0 || z.Records != 0 {
		t.Error("a refused Set left something behind")
	}
	if z.SOA() != nil || z.Owner(z.Name) != nil {
		t.Error("an empty zone has an apex")
	}
}

// TestZoneEmptyNonTerminals spells out the case that RFC 4592 section 2.2.2 is about.
func TestZoneEmptyNonTerminals(t *testing.T) {
	z := NewZone(MustName("example"))
	a := func(name string, data ...[]byte) {
		t.Helper()
		if err := z.Set(MustName(name), RRset{Type: TypeA, TTL: 60, Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	ip := []byte{192, 0, 2, 1}
	a("a.b.c.example", ip)
	for name, children := range map[string]int32{"example": 1, "c.example": 1, "b.c.example": 1, "a.b.c.example": 0} {
		if o := z.Owner(MustName(name)); o == nil || o.Children != children {
			t.Fatalf("%s is %+v, want %d children", name, o, children)
		}
	}
	a("c.example", ip) // the non-terminal gets records and loses them
	a("c.example")
	a("x.c.example", ip)
	a("a.b.c.example")
	if z.Owner(MustName("b.c.example")) != nil || z.Owner(MustName("c.example")) == nil {
		t.Fatal("the non-terminals that nothing needs did not go, or those that something needs did")
	}
	a("x.c.example")
	if z.Owners.Len() != 0 || z.Owners.Sum() != 0 {
		t.Fatalf("%d owners are left in an empty zone", z.Owners.Len())
	}
}

func FuzzParseZone(f *testing.F) {
	z := NewZone(MustName("example"))
	_ = z.Set(MustName("a.b.example"), RRset{Type: TypeTXT, TTL: 5, Data: [][]byte{[]byte("\x01x"), []byte("\x01y")}})
	_ = z.Set(z.Name, RRset{Type: TypeSOA, TTL: 5, Data: [][]byte{[]byte("\x00\x00aaaabbbbccccddddeeee")}})
	b, err := z.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-1])
	f.Add([]byte("\x00"))
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, in []byte) {
		_, _ = ParseRRset(in)
		z, err := ParseZone(in)
		if err != nil {
			return
		}
		out, err := z.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseZone(out)
		if err != nil || again.Owners.Sum() != z.Owners.Sum() || again.Records != z.Records || again.Owners.Len() != z.Owners.Len() {
			t.Fatalf("what ParseZone read does not come back: %v", err)
		}
	})
}
