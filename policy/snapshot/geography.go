package snapshot

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// geography is how a set of ordered branches divides the world: every address
// to its class, and every class to the order it puts each branch's children in.
// Services that ask the same share one.
type geography struct {
	key     string
	classes *geo.Classes // nil when there is one class only
	orders  [][][]uint8  // by class, then by ordered branch
	first   [][]bool     // by ordered branch and child: does it come first for any place that clients have
	weight  []float64    // by class: its share of the world's addresses; 0 for a class of no addresses
	parcels []parcel     // of classes, when there are several
	extra   []float64    // by class: what its clients lose by their next choice, in the cost of the first ordered branch

	ask      []asker
	rtt      *latencies
	table    *geo.Table
	prefixes []netip.Prefix // that the branches ask for
	within   [][]int        // by prefix: itself and those it lies in, the longest first
}

// geographyKey names all that a tree's ordered branches ask about clients.
func geographyKey(t *steer.Tree, rtt *latencies) string {
	var b strings.Builder
	for _, n := range t.Ordered {
		fmt.Fprintf(&b, "%s,%v,%v;", n.Kind, n.Fence, n.Default)
		if n.Kind == "latency" {
			fmt.Fprintf(&b, "%x;", rtt.sum)
		}
		for _, c := range n.Children {
			switch n.Kind {
			case "geo":
				fmt.Fprintf(&b, "%v;", c.Match)
				continue
			case "latency":
				fmt.Fprintf(&b, "%v,", c.Regions)
			}
			fmt.Fprintf(&b, "%v,%v,%v,%v;", c.Place.Located, c.Place.Point.Lat, c.Place.Point.Lon, c.Place.Bias)
		}
		b.WriteByte('|')
	}
	if t.Bounded() {
		b.WriteString("capacity")
	}
	return b.String()
}

// maxDivided is how many geographies have the whole address space divided for each, at 1 to 2 MB and some 20 ms of a country table.
// When a state has more of them, each that goes by place alone is folded (geo.Table.Fold).
const maxDivided = 64

// errFolds says that a compilation has to begin anew, the other way.
var errFolds = errors.New("the number of geographies has passed a bound")

func (s *Snapshot) geography(prev *Snapshot, t *steer.Tree) *geography {
	key := geographyKey(t, s.rtt)
	if g := s.maps[key]; g != nil {
		return g
	}
	g := prev.maps[key]
	if g == nil || !s.likewise(prev) {
		var parts []geo.Part
		if s.folds {
			parts = s.census.of(s.geo).parts
		}
		g = newGeography(key, t, s.geo, s.rtt, parts)
	}
	s.keep(g)
	return g
}

// likewise says whether a snapshot before divides the same addresses in the same way.
func (s *Snapshot) likewise(prev *Snapshot) bool { return prev.geo == s.geo && prev.folds == s.folds }

// keep notes a geography for those that ask for the same, and for the next compilation.
func (s *Snapshot) keep(g *geography) {
	if s.maps[g.key] == g {
		return
	}
	if s.borrowed {
		s.maps, s.borrowed = maps.Clone(s.maps), false
	}
	s.maps[g.key] = g
}

// newGeography divides the world by a tree; parts are those of the table by place if it is to be folded.
func newGeography(key string, t *steer.Tree, table *geo.Table, rtt *latencies, parts []geo.Part) *geography {
	g := &geography{key: key, table: table, rtt: rtt}
	var asns []uint32
	for _, n := range t.Ordered {
		g.ask = append(g.ask, newAsker(n))
		g.first = append(g.first, make([]bool, len(n.Children)))
		for _, c := range n.Children {
			if c.Match != nil {
				g.prefixes = append(g.prefixes, c.Match.CIDRs...)
				asns = append(asns, c.Match.ASNs...)
			}
		}
		if n.Kind == "latency" {
			for subject := range rtt.of {
				s, _ := policy.ParseSubject(subject)
				if s.Prefix.IsValid() {
					g.prefixes = append(g.prefixes, s.Prefix)
				} else if s.ASN != 0 {
					asns = append(asns, s.ASN)
				}
			}
		}
	}
	if len(g.ask) == 0 || table == nil {
		orders, _ := g.orderOf(&client{})
		g.orders, g.weight, g.extra = [][][]uint8{orders}, []float64{1}, []float64{0}
		return g
	}
	g.nest()
	slices.Sort(asns)
	if asns = slices.Compact(asns); len(asns)+len(g.prefixes) > 0 {
		parts = nil // more than places counts
	}
	g.divide(asns, t.Bounded(), parts)
	return g
}

// nest finds out which of the prefixes lie in which.
func (g *geography) nest() {
	slices.SortFunc(g.prefixes, func(a, b netip.Prefix) int { return -longestFirst(a, b) })
	g.prefixes = slices.Compact(g.prefixes)
	at := make(map[netip.Prefix]int, len(g.prefixes))
	g.within = make([][]int, len(g.prefixes))
	lengths := map[bool][]int{}
	for i, p := range g.prefixes { // the shortest first
		at[p] = i
		g.within[i] = []int{i}
		for _, bits := range slices.Backward(lengths[p.Addr().Is4()]) {
			if outer, ok := at[netip.PrefixFrom(p.Addr(), bits).Masked()]; ok && bits < p.Bits() {
				g.within[i] = append(g.within[i], g.within[outer]...)
				break
			}
		}
		if l := lengths[p.Addr().Is4()]; len(l) == 0 || l[len(l)-1] != p.Bits() {
			lengths[p.Addr().Is4()] = append(l, p.Bits())
		}
	}
}

// divide gives every address its class.
func (g *geography) divide(asns []uint32, bounded bool, folded []geo.Part) {
	places := g.table.Places()
	known := map[string]uint16{}
	var harm [][2]float64 // by class: sums of extra, and of what they are of
	classOf := func(place, asn uint32, prefix int) uint16 {
		c := client{place: places[place], asn: asn}
		if prefix >= 0 {
			for _, i := range g.within[prefix] {
				c.prefixes = append(c.prefixes, g.prefixes[i])
			}
		}
		orders, extra := g.orderOf(&c)
		var name []byte
		for j, o := range orders {
			name = append(append(name, o...), 0xff)
			if c.place.Located && len(o) > 0 {
				g.first[j][o[0]] = true
			}
		}
		if bounded { // who loses less is shed first, so that they are told apart
			name = strconv.AppendInt(name, int64(bucket(extra)), 10)
		}
		class, ok := known[string(name)]
		if !ok && len(known) < geo.MaxClasses-1 {
			class = uint16(len(g.orders))
			known[string(name)] = class
			g.orders = append(g.orders, orders)
			harm = append(harm, [2]float64{})
		}
		harm[class][0] += extra
		harm[class][1]++
		return class // beyond the last class: class 0
	}
	var classes *geo.Classes
	var parts []geo.Part
	if folded != nil {
		classes, parts = g.table.Fold(folded, classOf)
	} else {
		classes, parts = g.table.Divide(g.prefixes, asns, classOf)
	}
	g.weight, g.extra = make([]float64, len(g.orders)), make([]float64, len(g.orders))
	total := 0.0
	for _, p := range parts {
		g.weight[p.Class] += p.Addresses
		total += p.Addresses
	}
	g.parcels = parcelsOf(places, parts)
	for class := range g.weight {
		if total > 0 {
			g.weight[class] /= total
		}
		g.extra[class] = harm[class][0] / harm[class][1]
	}
	if len(g.orders) > 1 {
		g.classes = classes
	}
}

// orderOf is the order of each branch for a client, and what the next choice of the first branch with costs would cost more.
func (g *geography) orderOf(c *client) (orders [][]uint8, extra float64) {
	found := false
	for i := range g.ask {
		order, legs := g.ask[i].order(c, g.rtt)
		orders = append(orders, order)
		if !found && len(legs) > 1 {
			found = true
			if a, b := legs[order[0]].cost, legs[order[1]].cost; !math.IsInf(b, 1) {
				extra = max(0, b-a)
			}
		}
	}
	return orders, extra
}

// bucket makes a few steps of what clients lose.
func bucket(extra float64) int { return min(int(extra/500), 40) }

// lookup gives a client's class and the widest prefix around it that has one class.
func (g *geography) lookup(client netip.Addr, bits int) (class uint16, scope uint8) {
	if g.classes == nil || !client.IsValid() {
		return 0, 0
	}
	addr, _, shift := geo.Normalize(client, bits)
	class, length := g.classes.Lookup(addr)
	return class, uint8(length + shift)
}

// clientAt is what is known of an address.
func (g *geography) clientAt(addr netip.Addr) client {
	if g.table == nil {
		return client{}
	}
	f := g.table.Find(addr)
	c := client{place: f.Place, asn: f.ASN}
	addr, _, _ = geo.Normalize(addr, addr.BitLen()) // as the classes do, however few of its bits are known
	for _, p := range g.prefixes {
		if p.Contains(addr) {
			c.prefixes = append(c.prefixes, p)
		}
	}
	slices.SortFunc(c.prefixes, longestFirst)
	return c
}

func asnText(asn uint32) string { return "AS" + strconv.FormatUint(uint64(asn), 10) }
