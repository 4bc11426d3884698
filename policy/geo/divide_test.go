package geo

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"pgregory.net/rapid"
)

// Classify divides by places alone, with a class for each by its index.
func (t *Table) Classify(classOf []uint16) *Classes {
	c, _ := t.Divide(nil, nil, func(place, _ uint32, _ int) uint16 { return classOf[place] })
	return c
}

// world is an oracle for all that a table knows, by looking at every line.
type world struct {
	data, asns oracle // countries, and AS numbers in texts
	overrides  []Override
	prefixes   []netip.Prefix // those asked for
	numbers    []uint32       // those asked for
}

var numbers = []uint32{64500, 64501, 64502, 4200000000}

func drawWorld(t *rapid.T) world {
	var w world
	if rapid.Bool().Draw(t, "database") {
		w.data = drawMap(t)
	}
	if rapid.Bool().Draw(t, "ASN database") {
		for _, e := range drawMap(t) {
			w.asns = append(w.asns, entry{e.prefix, fmt.Sprint(rapid.SampledFrom(numbers).Draw(t, "number"))})
		}
	}
	for range rapid.IntRange(0, 6).Draw(t, "overrides") {
		o := Override{Place: Place{Country: rapid.SampledFrom(codes).Draw(t, "at")}}
		if rapid.Bool().Draw(t, "in a city") {
			o.Place.City = "Town"
		}
		if rapid.IntRange(0, 2).Draw(t, "by number") == 0 {
			o.ASN = rapid.SampledFrom(numbers).Draw(t, "of")
		} else {
			o.Prefix = drawPrefix(t, "override")
		}
		w.overrides = append(w.overrides, o)
	}
	for range rapid.IntRange(0, 6).Draw(t, "prefixes") {
		w.prefixes = append(w.prefixes, drawPrefix(t, "prefix"))
	}
	w.numbers = rapid.SliceOfN(rapid.SampledFrom(numbers), 0, 3).Draw(t, "numbers")
	return w
}

func drawPrefix(t *rapid.T, label string) netip.Prefix {
	a := drawAddr(t, label)
	return netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, label+" length")) // with bits behind it, as people write them
}

// table is the world's table, through MMDB files.
func (w *world) table(t fatal) *Table {
	t.Helper()
	table := Nowhere()
	if w.data != nil {
		table = tableOf(t, w.data)
	}
	if w.asns != nil {
		table = table.WithASNs(asnsOf(t, w.asns))
	}
	return table.Override(w.overrides)
}

func asnsOf(t fatal, entries []entry) *ASNs {
	t.Helper()
	records := map[netip.Prefix]mmdbtype.DataType{}
	for _, e := range entries {
		records[e.prefix] = mmdbtype.Map{"asn": str(e.country)}
	}
	asns, err := LoadASN("asn.mmdb", writeMMDB(t, mmdbwriter.Options{DatabaseType: "homemade"}, records))
	if err != nil {
		t.Fatalf("LoadASN: %v", err)
	}
	return asns
}

// holds says whether a client is in a prefix, and how long the prefix is where the client is looked up.
func holds(p netip.Prefix, a netip.Addr) (length int, ok bool) {
	x, _, _ := Normalize(a, a.BitLen())
	if x.Is6() || p.Addr().Is4() {
		return p.Bits(), p.Contains(x)
	}
	p = p.Masked()
	for i, e := range embeddings {
		inside := func(b netip.Addr) bool { return e.first.atMost(wordOf(b)) && wordOf(b).atMost(e.last) }
		if inside(p.Addr()) && inside(last(p)) && p.Bits() >= e.shift && p.Bits() <= e.shift+32 {
			carrier := embed(netip.PrefixFrom(x, 32), p.Addr())[i].Addr()
			return p.Bits() - e.shift, p.Contains(carrier)
		}
	}
	return 0, false
}

// longest is the index of the longest of n prefixes that holds a client, the first of equal ones, or -1.
func longest(n int, prefix func(i int) netip.Prefix, a netip.Addr) int {
	best, at := -1, -1
	for i := range n {
		if p := prefix(i); p.IsValid() {
			if length, ok := holds(p, a); ok && length > best {
				best, at = length, i
			}
		}
	}
	return at
}

func label(p Place) string { return p.Country + "/" + p.City }

// find is where a client is, by its AS number and by which override.
func (w *world) find(a netip.Addr) (place string, asn uint32, override string) {
	_, _ = fmt.Sscan(w.asns.country(a), &asn)
	at := longest(len(w.overrides), func(i int) netip.Prefix { return w.overrides[i].Prefix }, a)
	if at < 0 {
		at = slices.IndexFunc(w.overrides, func(o Override) bool { return !o.Prefix.IsValid() && o.ASN == asn })
	}
	if at < 0 {
		return w.data.country(a) + "/", asn, ""
	}
	return label(w.overrides[at].Place), asn, w.overrides[at].String()
}

// sort is what Divide tells clients apart by.
type sort struct {
	place  string
	asn    uint32
	prefix int
}

func (w *world) sort(a netip.Addr) sort {
	place, asn, _ := w.find(a)
	if !slices.Contains(w.numbers, asn) {
		asn = 0
	}
	return sort{place, asn, longest(len(w.prefixes), func(i int) netip.Prefix { return w.prefixes[i] }, a)}
}

// lines are all prefixes that make a difference, as those that clients are looked up in.
func (w *world) lines() oracle {
	lines := slices.Concat(w.data, w.asns)
	add := func(p netip.Prefix) {
		if !p.IsValid() {
			return
		}
		p = p.Masked()
		for x := range 2 { // an address behind, an address in front: one of them finds the IPv4 prefix
			a, length, shift := Normalize([]netip.Addr{p.Addr(), last(p)}[x], 128)
			if p.Addr().Is6() && length == 32 && p.Bits() >= shift && p.Bits() <= shift+32 {
				lines = append(lines, entry{prefix: netip.PrefixFrom(a, p.Bits()-shift).Masked()})
				return
			}
		}
		lines = append(lines, entry{prefix: p})
	}
	for _, o := range w.overrides {
		add(o.Prefix)
	}
	for _, p := range w.prefixes {
		add(p)
	}
	return lines
}

// clients are some at edges and some anywhere.
func (w *world) clients(t *rapid.T) []netip.Addr {
	o := w.lines()
	clients := append(o.edges(netip.IPv4Unspecified()), o.edges(netip.IPv6Unspecified())...)
	if len(clients) > 12 {
		from := rapid.IntRange(0, len(clients)-12).Draw(t, "clients at edges")
		clients = clients[from : from+12]
	}
	for range 6 {
		clients = append(clients, drawAddr(t, "client"))
	}
	return clients
}

// TestFindAgreesWithEveryLine holds overrides and AS numbers against the oracle.
func TestFindAgreesWithEveryLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		table, lines := w.table(t), w.lines()
		for _, a := range w.clients(t) {
			f := table.Find(a)
			place, asn, override := w.find(a)
			if label(f.Place) != place || f.ASN != asn || f.Override != override {
				t.Fatalf("%v: %+v, want %s of AS%d by %q", a, f, place, asn, override)
			}
			edges := lines.edges(a)
			bits := widest(a, edges, func(a netip.Addr) string { p, _, _ := w.find(a); return p })
			if at, length := table.Lookup(a); f.Bits != bits || length != bits || table.Places()[at] != f.Place {
				t.Fatalf("%v: lengths %d and %d, want %d", a, f.Bits, length, bits)
			}
			network := netip.PrefixFrom(a, widest(a, edges, w.data.country)).Masked()
			if f.Network != network {
				t.Fatalf("%v: network %v, want %v", a, f.Network, network)
			}
		}
	})
}

// TestDivideAgreesWithEveryLine holds classes and scopes against the oracle.
func TestDivideAgreesWithEveryLine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		table, lines := w.table(t), w.lines()
		classOf := map[sort]uint16{}
		classes, _ := table.Divide(w.prefixes, w.numbers, func(place, asn uint32, prefix int) uint16 {
			s := sort{label(table.Places()[place]), asn, prefix}
			if _, ok := classOf[s]; ok {
				t.Fatalf("asked twice about %+v", s)
			}
			classOf[s] = rapid.Uint16Range(0, 3).Draw(t, "class")
			return classOf[s]
		})
		for _, a := range w.clients(t) {
			class, bits := classes.Lookup(a)
			want, ok := classOf[w.sort(a)]
			if !ok || class != want {
				t.Fatalf("%v has class %d, want %d of %+v", a, class, want, w.sort(a))
			}
			edges := lines.edges(a)
			if want := widest(a, edges, func(a netip.Addr) uint16 { return classOf[w.sort(a)] }); bits != want {
				t.Fatalf("%v: class %d has scope %d, want %d", a, class, bits, want)
			}
			scope := netip.PrefixFrom(a, bits).Masked()
			for _, b := range append(edges, last(scope)) {
				if !scope.Contains(b) {
					continue
				}
				if class2, bits2 := classes.Lookup(b); class2 != class || bits2 != bits {
					t.Fatalf("%v has class %d in %v, but %v inside it has class %d and length %d", a, class, scope, b, class2, bits2)
				}
			}
		}
		if class, bits := classes.Lookup(netip.Addr{}); class != classOf[sort{"/", 0, -1}] || bits != 0 {
			t.Fatalf("the zero address has class %d at %d", class, bits)
		}
	})
}

// TestPartsAreAllOfTheSpace counts every stretch of addresses between two lines, in order.
func TestPartsAreAllOfTheSpace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		table := w.table(t)
		calls := 0
		_, parts := table.Divide(w.prefixes, w.numbers, func(uint32, uint32, int) uint16 { calls++; return uint16(calls) })

		var order []sort
		addresses, nets := map[sort]float64{}, map[sort]float64{}
		count := func(in map[sort]float64, a netip.Addr, n float64) {
			s := w.sort(a)
			if !slices.Contains(order, s) {
				order = append(order, s)
			}
			in[s] += n
		}
		cuts4, cuts6 := []uint32{0}, []word{{}}
		for _, e := range w.lines() {
			if e.prefix.Addr().Is4() {
				cuts4 = append(cuts4, number4(e.prefix.Addr()))
				if next := after(e.prefix); next.IsValid() {
					cuts4 = append(cuts4, number4(next))
				}
			} else {
				cuts6 = append(cuts6, wordOf(e.prefix.Addr()), lastOf(wordOf(e.prefix.Addr()), e.prefix.Bits()).next())
			}
		}
		for _, s := range embeddingSpans() {
			cuts6 = append(cuts6, s.first, s.last.next())
		}
		slices.Sort(cuts4)
		cuts4 = slices.Compact(cuts4)
		for i, from := range cuts4 {
			to := float64(1 << 32)
			if i+1 < len(cuts4) {
				to = float64(cuts4[i+1])
			}
			count(addresses, addr4(from), to-float64(from))
		}
		slices.SortFunc(cuts6, word.compare)
		cuts6 = slices.Compact(cuts6)
		for i, from := range cuts6 {
			to := word{}
			if i+1 < len(cuts6) {
				to = cuts6[i+1]
			}
			if _, _, embedded := extract(from); !embedded {
				n := to.minus(from)
				count(nets, addrOf(from), math.Ldexp(float64(n.hi), 64-80)+math.Ldexp(float64(n.lo), -80))
			}
		}
		if first := (sort{"/", 0, -1}); slices.Contains(order, first) { // it is asked for first
			order = slices.Insert(slices.DeleteFunc(order, func(s sort) bool { return s == first }), 0, first)
		}
		var got []sort
		for _, p := range parts {
			s := sort{label(table.Places()[p.Place]), p.ASN, p.Prefix}
			got = append(got, s)
			if math.Abs(p.Addresses-addresses[s]) > 1e-6*addresses[s] || math.Abs(p.Nets-nets[s]) > 1e-6*nets[s] {
				t.Fatalf("%+v is %v addresses and %v networks, want %v and %v", s, p.Addresses, p.Nets, addresses[s], nets[s])
			}
		}
		if !reflect.DeepEqual(got, order) {
			t.Fatalf("parts %+v, want %+v", got, order)
		}
	})
}
