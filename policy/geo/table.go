package geo

import (
	"fmt"
	"net/netip"
	"time"
)

// Point is a point on the globe.
type Point struct {
	Lat float64 `json:"lat"` // degrees north, -90 to 90
	Lon float64 `json:"lon"` // degrees east, -180 to 180
}

// Place is where a network is, as far as the data says.
type Place struct {
	Country     string `json:"country,omitempty"`     // ISO 3166-1 alpha-2, upper case; XK is Kosovo
	Continent   string `json:"continent,omitempty"`   // AF AN AS EU NA OC SA
	Subdivision string `json:"subdivision,omitempty"` // ISO 3166-2 without the country, "VA"; or its name where the data has no code
	City        string `json:"city,omitempty"`        // name in English
	Point       Point  `json:"point"`                 // of the city, or the population-weighted middle of the country
	Located     bool   `json:"located"`               // Point means something
}

// Source says where a Table's data comes from, for people to see.
type Source struct {
	Name        string    `json:"name"`        // the file's, or "DB-IP Country Lite"
	Type        string    `json:"type"`        // what the file calls itself: "GeoLite2-City"
	Kind        string    `json:"kind"`        // "city" if networks have points of their own, else "country"
	Built       time.Time `json:"built"`       // when the data was made, UTC
	Attribution string    `json:"attribution"` // to be shown with the data, as its license asks
	Link        string    `json:"link"`        // what the attribution links to, or ""
	Networks    int       `json:"networks"`    // that the data has a place for
}

// The kinds of data.
const (
	KindCity    = "city"
	KindCountry = "country"
)

// Table maps every address to a place, by index: 0 is "no place". It is immutable.
type Table struct {
	source Source
	places []Place
	v4     runs4[uint32]
	v6     runs6[uint32] // inEmbedding where the address carries an IPv4 address
}

// In a run of IPv6 these send the lookup to IPv4.
const (
	inEmbedding      = ^uint32(0)
	classInEmbedding = ^uint16(0)
)

// MaxClasses is how many classes [Table.Classify] can tell apart; the largest is one less.
const MaxClasses = 1<<16 - 1

// newTable finishes a table: v4 and v6 cover all of their space, in order.
func newTable(source Source, places []Place, v4 runs4[uint32], v6 runs6[uint32]) *Table {
	t := &Table{source: source, places: places, v4: v4}
	t.v4.finish()
	embedded := inEmbedding
	if v, ok := t.v4.uniform(); ok {
		embedded = v
	}
	t.v6 = v6.carve(embeddingSpans(), embedded)
	t.v6.finish()
	return t
}

// Source says where the data comes from.
func (t *Table) Source() Source { return t.source }

// Places are the places by index; the caller does not change them. The first is no place.
func (t *Table) Places() []Place { return t.places }

// Bytes is about how much memory the table takes, without the places.
func (t *Table) Bytes() int { return t.v4.bytes() + t.v6.bytes() }

// Lookup is the index of the place of an address, and the length of the widest
// prefix around the address that is all at that place, in the address's own
// family: 0 to 32, or 0 to 128. The zero Addr is at no place.
func (t *Table) Lookup(a netip.Addr) (place uint32, bits int) {
	if !a.IsValid() {
		return 0, 0
	}
	if a.Is4() {
		return t.v4.lookup(number4(a))
	}
	x := wordOf(a)
	if place, bits = t.v6.lookup(x); place == inEmbedding {
		x4, shift, _ := extract(x)
		place, bits = t.v4.lookup(x4)
		bits += shift
	}
	return place, bits
}

// Classes maps every address to a class. It is immutable.
type Classes struct {
	none uint16 // of no place
	v4   runs4[uint16]
	v6   runs6[uint16]
}

// Classify folds places into classes: classOf has a class, below [MaxClasses],
// for every place by its index. It goes through all runs once (milliseconds
// for a country table, tens of them for a city one), so it is for when places
// change, never for a change of health.
//
// It panics if classOf has another length than Places, or a class out of range:
// that is a mistake of the caller, not of the data.
func (t *Table) Classify(classOf []uint16) *Classes {
	if len(classOf) != len(t.places) {
		panic(fmt.Sprintf("geo: Classify with %d classes for %d places", len(classOf), len(t.places)))
	}
	for place, class := range classOf {
		if class >= MaxClasses {
			panic(fmt.Sprintf("geo: Classify with class %d for place %d; the largest is %d", class, place, MaxClasses-1))
		}
	}
	c := &Classes{none: classOf[0]}
	for i, place := range t.v4.values {
		c.v4.append(t.v4.starts[i], classOf[place])
	}
	c.v4.finish()
	embedded := classInEmbedding
	if v, ok := c.v4.uniform(); ok {
		embedded = v // no need to look, and the prefixes around it become wider
	}
	for i, place := range t.v6.values {
		class := embedded
		if place != inEmbedding {
			class = classOf[place]
		}
		c.v6.append(t.v6.starts[i], class)
	}
	c.v6.finish()
	return c
}

// Lookup is the class of an address and the length of the widest prefix around
// the address whose addresses all have that class, in the address's own family:
// the SCOPE PREFIX-LENGTH of RFC 7871 for an answer that depends on the class
// alone. It does not allocate. The zero Addr has the class of no place.
//
// The prefix can be longer than what an EDNS Client Subnet option gave: the
// class then is that of the prefix's first address, and RFC 7871 section 7.3.1 has
// the resolver keep the answer for just that prefix.
func (c *Classes) Lookup(a netip.Addr) (class uint16, bits int) {
	if !a.IsValid() {
		return c.none, 0
	}
	if a.Is4() {
		return c.v4.lookup(number4(a))
	}
	x := wordOf(a)
	if class, bits = c.v6.lookup(x); class == classInEmbedding {
		x4, shift, _ := extract(x)
		class, bits = c.v4.lookup(x4)
		bits += shift
	}
	return class, bits
}

// Bytes is about how much memory the classes take.
func (c *Classes) Bytes() int { return c.v4.bytes() + c.v6.bytes() }
