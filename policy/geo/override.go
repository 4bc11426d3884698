package geo

import (
	"fmt"
	"net/netip"
)

// Override puts the addresses of a prefix, or those of an autonomous system, at a
// place, whatever the data says: an office behind a tunnel, a private network, a
// resolver whose clients are elsewhere.
type Override struct {
	Prefix netip.Prefix // valid, or else
	ASN    uint32       // above 0
	Place  Place        // without a continent or a point it gets those of its country
}

// String is what the override is about: "192.0.2.0/24" or "AS64500".
func (o *Override) String() string {
	if o.Prefix.IsValid() {
		return o.Prefix.Masked().String()
	}
	return fmt.Sprintf("AS%d", o.ASN)
}

// Override is the table with these overrides, in place of those it has. A longer
// prefix wins over a shorter one, any prefix over an AS number, both over the
// data, and the first of two for the same addresses over the second. A prefix
// of IPv6 addresses that carry IPv4 addresses counts as that of the IPv4 addresses,
// for that is how clients are looked up. An AS number takes a table that knows them.
func (t *Table) Override(list []Override) *Table {
	data := t.withoutOverrides()
	if len(list) == 0 {
		return data
	}
	by4, by6 := data.overriding(list)
	o := &Table{source: data.source, asns: data.asns, data: data, overrides: list}
	var placeOf []uint32
	o.places, placeOf = data.placesWith(list)
	at := func(place, by uint32) uint32 {
		if by == 0 {
			return place
		}
		return placeOf[by-1]
	}
	var v4 runs4[uint32]
	var v6 runs6[uint32]
	zip4(&data.v4, &by4, func(start, place, by uint32) { v4.append(start, at(place, by)) })
	zip6(&data.v6, &by6, func(start word, place, by uint32) { v6.append(start, at(place, by)) })
	o.space, o.by = newSpace(v4, v6), newSpace(by4, by6)
	return o
}

// withoutOverrides is the table of the data alone.
func (t *Table) withoutOverrides() *Table {
	if t.data != nil {
		return t.data
	}
	return t
}

// overriding maps every address to 1 more than the index of the override that decides there, 0 where none does.
func (t *Table) overriding(list []Override) (v4 runs4[uint32], v6 runs6[uint32]) {
	prefixes := make([]netip.Prefix, len(list)) // those of an AS number stay invalid, and hold nobody
	byASN := map[uint32]uint32{}
	for i, o := range list {
		prefixes[i] = o.Prefix
		if _, ok := byASN[o.ASN]; !ok && !o.Prefix.IsValid() && o.ASN > 0 {
			byASN[o.ASN] = uint32(i + 1)
		}
	}
	return t.over(byASN, prefixes, func(asn, prefix uint32) uint32 {
		if prefix > 0 {
			return prefix
		}
		return asn
	})
}

// placesWith are the table's places and those of the overrides, which are placeOf.
func (t *Table) placesWith(list []Override) (places []Place, placeOf []uint32) {
	indexOf := map[Place]uint32{}
	for _, o := range list {
		indexOf[o.Place.completed()] = inEmbedding // not known yet
	}
	for i, p := range t.places {
		if _, ok := indexOf[p]; ok {
			indexOf[p] = uint32(i)
		}
	}
	places = t.places[:len(t.places):len(t.places)]
	for _, o := range list {
		p := o.Place.completed()
		if indexOf[p] == inEmbedding {
			indexOf[p] = uint32(len(places))
			places = append(places, p)
		}
		placeOf = append(placeOf, indexOf[p])
	}
	return places, placeOf
}

// over joins what is known about an address besides its place: the value of its AS
// number, 0 for one that is not in byASN, and 1 more than the index of the longest of prefixes that holds it.
func (t *Table) over(byASN map[uint32]uint32, prefixes []netip.Prefix, join func(asn, prefix uint32) uint32) (v4 runs4[uint32], v6 runs6[uint32]) {
	prefix4, prefix6 := nest(prefixes)
	asn4, asn6 := runs4[uint32]{starts: []uint32{0}, values: []uint32{0}}, runs6[uint32]{starts: []word{{}}, values: []uint32{0}}
	if t.asns != nil && len(byASN) > 0 {
		asn4, asn6 = t.asns.v4, t.asns.v6
	}
	zip4(&asn4, &prefix4, func(start, asn, prefix uint32) { v4.append(start, join(byASN[asn], prefix)) })
	zip6(&asn6, &prefix6, func(start word, asn, prefix uint32) { v6.append(start, join(byASN[asn], prefix)) })
	return v4, v6
}

// Finding is all that a table knows about an address.
type Finding struct {
	Place    Place
	ASN      uint32       // of the autonomous system, 0 if that is not known
	Bits     int          // the length of the widest prefix around the address that is all at the place
	Override string       // the override that decided: "192.0.2.0/24" or "AS64500"; "" when the data did
	Network  netip.Prefix // the widest prefix around the address that the data has in one place, whatever the overrides say
}

// Find is for people who want to know why; it agrees with Lookup. The zero Addr has the zero Finding.
func (t *Table) Find(a netip.Addr) Finding {
	if !a.IsValid() {
		return Finding{}
	}
	a = a.WithZone("")
	place, bits := t.lookup(a)
	f := Finding{Place: t.places[place], Bits: bits}
	if t.asns != nil {
		f.ASN, _ = t.asns.lookup(a)
	}
	if t.data != nil {
		_, bits = t.data.lookup(a)
		if by, _ := t.by.lookup(a); by > 0 {
			f.Override = t.overrides[by-1].String()
		}
	}
	f.Network = netip.PrefixFrom(a, bits).Masked()
	return f
}
