package geo

import (
	"fmt"
	"net/netip"
	"slices"
)

// Part is the addresses that have a place, an AS number and a prefix in common, for [Table.Divide].
type Part struct {
	Place     uint32 // index into Places
	ASN       uint32 // one of those asked for; 0 is any other
	Prefix    int    // the most specific of those asked for, by index; -1 is none
	Class     uint16
	Addresses float64 // how many IPv4 addresses that is
	Nets      float64 // and how many IPv6 networks of /48, without those that carry IPv4 addresses
}

// Divide folds addresses into classes by their place, by which of asns their
// AS number is (0 if none) and by the most specific of prefixes that holds them
// (-1 if none; the first of equal ones). class gives a class, below
// [MaxClasses], to each such triple. It is asked once for each: first for (0, 0, -1), which
// is where the zero Addr is, then for all others as they first occur, by address and IPv4 first.
// The parts are the triples that occur, in that order. Prefixes of IPv6 addresses
// that carry IPv4 addresses count as those of the IPv4 addresses.
//
// It goes through all runs once (tens of milliseconds for a country table, tenths of a
// second for a city one), so it is for when places change, never for a change of health.
//
// It panics on a class out of range: that is a mistake of the caller, not of the data.
func (t *Table) Divide(prefixes []netip.Prefix, asns []uint32, class func(place, asn uint32, prefix int) uint16) (*Classes, []Part) {
	d := divider{class: class, plain: make([]int32, len(t.places)), others: map[triple]int32{}}
	sides4, sides6 := d.sides(t, prefixes, asns)
	c := &Classes{none: d.parts[d.part(0, 0)].Class}

	var since uint32 // when the part that we are in began
	in := int32(-1)
	zip4(&t.v4, &sides4, func(start, place, side uint32) {
		if in >= 0 {
			d.parts[in].Addresses += float64(start - since)
		}
		in, since = d.part(place, side), start
		c.v4.append(start, d.parts[in].Class)
	})
	d.parts[in].Addresses += float64(1<<32 - uint64(since))
	c.v4.finish()

	var since6 word
	in = -1
	zip6(&t.v6, &sides6, func(start word, place, side uint32) {
		if in >= 0 {
			d.parts[in].Nets += start.minus(since6).nets()
		}
		if side == inEmbedding {
			in = -1
			c.v6.append(start, c.embedded())
			return
		}
		in, since6 = d.part(place, side), start
		c.v6.append(start, d.parts[in].Class)
	})
	d.parts[in].Nets += word{}.minus(since6).nets() // 2^128 is 0 here; the last part begins after the embeddings
	c.v6.finish()

	if p := &d.parts[0]; p.Addresses == 0 && p.Nets == 0 {
		d.parts = d.parts[1:] // it does not occur
	}
	return c, d.parts
}

// Fold is [Table.Divide] by place alone, in the memory of two octets a place and without going through the addresses again:
// where there are very many ways to divide a table. Its prefixes are those of places, so that scopes are longer than they have to be where
// neighbouring places have one class. parts are what Divide gave without prefixes and AS numbers.
func (t *Table) Fold(parts []Part, class func(place, asn uint32, prefix int) uint16) (*Classes, []Part) {
	c := &Classes{table: t, of: make([]uint16, len(t.places))}
	c.none = class(0, 0, -1)
	c.of[0] = c.none
	list := slices.Clone(parts)
	for i := range list {
		p := &list[i]
		if p.Class = c.none; p.Place != 0 {
			p.Class = class(p.Place, 0, -1)
		}
		if p.Class >= MaxClasses {
			panic(fmt.Sprintf("geo: class %d for place %d; the largest is %d", p.Class, p.Place, MaxClasses-1))
		}
		c.of[p.Place] = p.Class
	}
	return c, list
}

// nets are that many addresses in networks of /48.
func (w word) nets() float64 { return float64(w.hi)*0x1p-16 + float64(w.lo)*0x1p-80 }

// divider numbers the triples of Divide as they come.
type divider struct {
	class  func(place, asn uint32, prefix int) uint16
	parts  []Part
	plain  []int32 // by place, of the triples without AS number and prefix: nearly all of the space; 1 more than the index of the part
	others map[triple]int32
	pairs  []pair // by side; the first is none of either
}

// pair is an AS number and 1 more than the index of a prefix.
type pair struct{ asn, prefix uint32 }

type triple struct{ place, side uint32 }

// sides maps every address to a pair by its index. IPv6 addresses that carry IPv4 addresses are inEmbedding.
func (d *divider) sides(t *Table, prefixes []netip.Prefix, asns []uint32) (v4 runs4[uint32], v6 runs6[uint32]) {
	byASN := map[uint32]uint32{}
	for _, n := range asns {
		byASN[n] = n
	}
	d.pairs = []pair{{}}
	indexOf := map[pair]uint32{{}: 0}
	v4, v6 = t.over(byASN, prefixes, func(asn, prefix uint32) uint32 {
		p := pair{asn, prefix}
		i, ok := indexOf[p]
		if !ok {
			i = uint32(len(d.pairs))
			indexOf[p] = i
			d.pairs = append(d.pairs, p)
		}
		return i
	})
	return v4, v6.carve(embeddingSpans(), inEmbedding)
}

// part is the index of a triple's part, which gets its class when it comes for the first time.
func (d *divider) part(place, side uint32) int32 {
	if side == 0 && d.plain[place] > 0 {
		return d.plain[place] - 1
	}
	return d.rarer(place, side)
}

// rarer is part for what is not plain, or new; it stands alone so that part can be inlined.
func (d *divider) rarer(place, side uint32) int32 {
	if i, ok := d.others[triple{place, side}]; ok {
		return i
	}
	i := int32(len(d.parts))
	p := Part{Place: place, ASN: d.pairs[side].asn, Prefix: int(d.pairs[side].prefix) - 1}
	if p.Class = d.class(p.Place, p.ASN, p.Prefix); p.Class >= MaxClasses {
		panic(fmt.Sprintf("geo: class %d for place %d, AS number %d and prefix %d; the largest is %d", p.Class, place, p.ASN, p.Prefix, MaxClasses-1))
	}
	d.parts = append(d.parts, p)
	if side == 0 {
		d.plain[place] = i + 1
	} else {
		d.others[triple{place, side}] = i
	}
	return i
}
