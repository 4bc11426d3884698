package geo

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"pgregory.net/rapid"
)

// entry is a line of a map in a test: a prefix and the country there.
type entry struct {
	prefix  netip.Prefix
	country string
}

// fatal is what testing.T and rapid.T have in common here.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// writeMMDB makes a database of records; the longest prefix wins.
func writeMMDB(t fatal, options mmdbwriter.Options, records map[netip.Prefix]mmdbtype.DataType) []byte {
	t.Helper()
	options.IncludeReservedNetworks = true
	options.DisableIPv4Aliasing = true
	if options.BuildEpoch == 0 {
		options.BuildEpoch = 1_780_000_000
	}
	tree, err := mmdbwriter.New(options)
	if err != nil {
		t.Fatalf("mmdbwriter: %v", err)
	}
	prefixes := make([]netip.Prefix, 0, len(records))
	for p := range records {
		prefixes = append(prefixes, p)
	}
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return effective(a) - effective(b) })
	for _, p := range prefixes {
		if err := tree.Insert(ipNet(p), records[p]); err != nil {
			t.Fatalf("mmdbwriter: %v: %v", p, err)
		}
	}
	return written(tree)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func written(tree *mmdbwriter.Tree) []byte {
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		panic(err) // memory cannot fail to be written to
	}
	return b.Bytes()
}

// effective is the length of a prefix in the tree of an IPv6 database.
func effective(p netip.Prefix) int { return p.Bits() + 128 - p.Addr().BitLen() }

func countryRecord(code string) mmdbtype.DataType {
	return mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)}}
}

// tableOf is the table of a map, through an MMDB file of MaxMind's Country type.
func tableOf(t fatal, entries []entry) *Table {
	t.Helper()
	records := map[netip.Prefix]mmdbtype.DataType{}
	for _, e := range entries {
		records[e.prefix] = countryRecord(e.country)
	}
	table, err := Load(writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-Country"}, records), "test.mmdb")
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return table
}

// oracle answers by looking at every entry of a map.
type oracle []entry

// country is the longest match; an IPv6 address that carries an IPv4 address is where that is.
func (o oracle) country(a netip.Addr) string {
	if v4, _, _ := Normalize(a, a.BitLen()); v4.Is4() {
		a = v4
	}
	best, country := -1, ""
	for _, e := range o {
		if e.prefix.Contains(a) && e.prefix.Bits() > best {
			best, country = e.prefix.Bits(), e.country
		}
	}
	return country
}

// edges are all addresses of a's family at which the country may change. Of
// the many Teredo servers and ports, before which all of IPv4 stands, a's are enough: every
// other prefix of Teredo has all of IPv4 in it, or is within one of theirs.
func (o oracle) edges(a netip.Addr) []netip.Addr {
	is4 := a.Is4()
	var edges []netip.Addr
	both := func(p netip.Prefix) {
		edges = append(edges, p.Addr(), after(p), last(p), p.Addr().Prev())
	}
	for _, e := range o {
		if e.prefix.Addr().Is4() == is4 {
			both(e.prefix)
		}
		if is4 || !e.prefix.Addr().Is4() {
			continue
		}
		for _, p := range []netip.Prefix{e.prefix, netip.PrefixFrom(netip.IPv4Unspecified(), 0)} {
			for _, embedded := range embed(p, a) {
				both(embedded)
			}
		}
	}
	for _, e := range embeddings {
		if !is4 {
			edges = append(edges, addrOf(e.first), addrOf(e.last), addrOf(e.first.previous()), addrOf(e.last.next()))
		}
	}
	return slices.DeleteFunc(edges, func(a netip.Addr) bool { return !a.IsValid() || !is4 && wordOf(a).hi == 0 && wordOf(a).lo>>32 == 0 })
}

// embed is an IPv4 prefix as the IPv6 prefixes that carry it; Teredo's with the server and port of near, if it is of Teredo.
func embed(p netip.Prefix, near netip.Addr) []netip.Prefix {
	teredo := wordOf(near)
	if teredo.hi>>32 != 0x20010000 {
		teredo = word{0x20010000<<32 | 0x4136e378, 0x8000_63bf << 32}
	}
	a := uint64(number4(p.Addr()))
	flipped := uint64(^uint32(a)) >> (32 - p.Bits()) << (32 - p.Bits())
	return []netip.Prefix{
		netip.PrefixFrom(addrOf(word{0, 0xffff<<32 | a}), 96+p.Bits()),
		netip.PrefixFrom(addrOf(word{0x64ff9b << 32, a}), 96+p.Bits()),
		netip.PrefixFrom(addrOf(word{teredo.hi, teredo.lo>>32<<32 | flipped}), 96+p.Bits()),
		netip.PrefixFrom(addrOf(word{0x2002<<48 | a<<16, 0}), 16+p.Bits()),
	}
}

// widest is the length of the widest prefix around a in which class is one, by
// trying all; it changes at edges only.
func widest[T comparable](a netip.Addr, edges []netip.Addr, class func(netip.Addr) T) int {
	want := class(a)
	for bits := range a.BitLen() {
		p := netip.PrefixFrom(a, bits).Masked()
		uniform := true
		for _, edge := range append([]netip.Addr{p.Addr(), last(p)}, edges...) {
			if p.Contains(edge) && class(edge) != want {
				uniform = false
				break
			}
		}
		if uniform {
			return bits
		}
	}
	return a.BitLen()
}

func addrOf(w word) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], w.hi)
	binary.BigEndian.PutUint64(b[8:], w.lo)
	return netip.AddrFrom16(b)
}

func last(p netip.Prefix) netip.Addr {
	if p.Addr().Is4() {
		b := binary.BigEndian.AppendUint32(nil, number4(p.Addr())|uint32(uint64(1)<<(32-p.Bits())-1))
		return netip.AddrFrom4([4]byte(b))
	}
	return addrOf(lastOf(wordOf(p.Addr()), p.Bits()))
}

func after(p netip.Prefix) netip.Addr { return last(p).Next() }

var (
	bases = []netip.Addr{
		netip.MustParseAddr("1.2.0.0"), netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("0.0.0.0"),
		netip.MustParseAddr("255.255.255.255"), netip.MustParseAddr("198.51.100.77"),
		netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2a02:8100:1:2:3:4:5:6"), netip.MustParseAddr("2003::"),
		netip.MustParseAddr("2002:102:304::1"), netip.MustParseAddr("64:ff9b::102:304"), netip.MustParseAddr("64:ff9b:1::"),
		netip.MustParseAddr("2001:0:4136:e378:8000:63bf:fefd:fcfb"), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
	}
	codes = []string{"DE", "FR", "US", "JP", "BR"}
)

// drawAddr is an address near one of the bases, where the entries are too.
func drawAddr(t *rapid.T, label string) netip.Addr {
	a := rapid.SampledFrom(bases).Draw(t, label)
	keep := rapid.IntRange(0, a.BitLen()).Draw(t, label+" keeps")
	noise := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label+" noise")
	b := a.AsSlice()
	for i := keep; i < a.BitLen(); i++ {
		mask := byte(0x80) >> (i % 8)
		b[i/8] = b[i/8]&^mask | noise[i/8]&mask
	}
	a, _ = netip.AddrFromSlice(b)
	return a
}

func drawMap(t *rapid.T) oracle {
	var o oracle
	seen := map[netip.Prefix]bool{}
	for range rapid.IntRange(1, 12).Draw(t, "entries") {
		a := drawAddr(t, "entry")
		bits := rapid.IntRange(0, a.BitLen()).Draw(t, "length")
		p := netip.PrefixFrom(a, bits).Masked()
		if seen[p] || p.Addr() == netip.IPv6Unspecified() { // ::/96 is IPv4 in the file; TestLoadWideNetwork has it
			continue
		}
		seen[p] = true
		o = append(o, entry{p, rapid.SampledFrom(codes).Draw(t, "country")})
	}
	if len(o) == 0 {
		o = append(o, entry{netip.MustParsePrefix("192.0.2.0/24"), "DE"})
	}
	return o
}

// TestLookupIsTheWidestUniformPrefix holds Table and Classes against the oracle.
func TestLookupIsTheWidestUniformPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawMap(t)
		table := tableOf(t, o)
		// Countries fold into few classes, some of them into that of no place.
		classOf := map[string]uint16{"": 0}
		for _, code := range codes {
			classOf[code] = rapid.Uint16Range(0, 3).Draw(t, "class of "+code)
		}
		folded := make([]uint16, len(table.Places()))
		own := map[string]uint16{}
		for i, p := range table.Places() {
			folded[i], own[p.Country] = classOf[p.Country], uint16(i)
		}
		classes := table.Classify(folded)

		clients := append(o.edges(netip.IPv4Unspecified()), o.edges(netip.IPv6Unspecified())...)
		if len(clients) > 12 {
			from := rapid.IntRange(0, len(clients)-12).Draw(t, "clients at edges")
			clients = clients[from : from+12]
		}
		for range 6 {
			clients = append(clients, drawAddr(t, "client"))
		}
		for _, a := range clients {
			edges := o.edges(a)
			place, bits := table.Lookup(a)
			if got, want := table.Places()[place].Country, o.country(a); got != want {
				t.Fatalf("%v is in %q, want %q", a, got, want)
			}
			if want := widest(a, edges, func(a netip.Addr) uint16 { return own[o.country(a)] }); bits != want {
				t.Fatalf("%v: place %d has length %d, want %d", a, place, bits, want)
			}
			class, bits := classes.Lookup(a)
			if want := classOf[o.country(a)]; class != want {
				t.Fatalf("%v has class %d, want %d", a, class, want)
			}
			if want := widest(a, edges, func(a netip.Addr) uint16 { return classOf[o.country(a)] }); bits != want {
				t.Fatalf("%v: class %d has scope %d, want %d", a, class, bits, want)
			}
		}
	})
}

// TestOneClassInsideAScope is the promise to a resolver's cache: whoever is
// inside a prefix that was answered gets the same class and the same prefix.
func TestOneClassInsideAScope(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := drawMap(t)
		table := tableOf(t, o)
		classOf := make([]uint16, len(table.Places()))
		for i := range classOf {
			classOf[i] = rapid.Uint16Range(0, 2).Draw(t, "class")
		}
		classes := table.Classify(classOf)
		a := drawAddr(t, "client")
		class, bits := classes.Lookup(a)
		scope := netip.PrefixFrom(a, bits).Masked()
		neighbours := append(o.edges(a), scope.Addr(), last(scope))
		for _, b := range neighbours {
			if !scope.Contains(b) {
				continue
			}
			if class2, bits2 := classes.Lookup(b); class2 != class || bits2 != bits {
				t.Fatalf("%v has class %d in %v, but %v inside it has class %d and length %d", a, class, scope, b, class2, bits2)
			}
		}
	})
}
