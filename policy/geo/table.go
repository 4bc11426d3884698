package geo

import (
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

// Table maps every address to a place, by index: 0 is "no place". It may also
// know the AS number of an address ([Table.WithASNs]), and have some addresses put elsewhere
// than its data says ([Table.Override]). It is immutable.
type Table struct {
	source Source
	places []Place
	space[uint32]
	asns *ASNs // nil: none are known

	data      *Table // the table without the overrides; nil if there are none
	overrides []Override
	by        space[uint32] // 1 more than the index of the override that decides, 0 where the data does
}

// MaxClasses is how many classes [Table.Divide] can tell apart; the largest is one less.
const MaxClasses = 1<<16 - 1

// newTable is a table of data: v4 and v6 cover all of their space, in order.
func newTable(source Source, places []Place, v4 runs4[uint32], v6 runs6[uint32]) *Table {
	return &Table{source: source, places: places, space: newSpace(v4, v6)}
}

// Nowhere is the table of who has no data: every address is at no place, until an override says otherwise.
func Nowhere() *Table {
	return &Table{source: Source{Name: "no geographic data"}, places: []Place{{}}, space: everywhere(uint32(0))}
}

// Source says where the data comes from.
func (t *Table) Source() Source { return t.source }

// Places are the places by index; the caller does not change them. The first is no place.
func (t *Table) Places() []Place { return t.places }

// Bytes is about how much memory the table takes, without the places. What a
// table with overrides shares with the one without them counts in both.
func (t *Table) Bytes() int {
	n := t.space.bytes()
	if t.asns != nil {
		n += t.asns.bytes()
	}
	if t.data != nil {
		n += t.by.bytes() + t.data.space.bytes()
	}
	return n
}

// Lookup is the index of the place of an address, and the length of the widest
// prefix around the address that is all at that place, in the address's own
// family: 0 to 32, or 0 to 128. The zero Addr is at no place.
func (t *Table) Lookup(a netip.Addr) (place uint32, bits int) {
	if !a.IsValid() {
		return 0, 0
	}
	return t.lookup(a)
}

// Classes maps every address to a class. It is immutable.
type Classes struct {
	none uint16 // of the zero Addr
	space[uint16]

	table *Table   // of folded ones: an address has the class of its place
	of    []uint16 // by place
}

// Lookup is the class of an address and the length of the widest prefix around
// the address whose addresses all have that class, in the address's own family:
// the SCOPE PREFIX-LENGTH of RFC 7871 for an answer that depends on the class
// alone. It does not allocate. The zero Addr has the class of no place, no AS number and no prefix.
//
// The prefix can be longer than what an EDNS Client Subnet option gave: the
// class then is that of the prefix's first address, and RFC 7871 section 7.3.1 has
// the resolver keep the answer for just that prefix.
func (c *Classes) Lookup(a netip.Addr) (class uint16, bits int) {
	if !a.IsValid() {
		return c.none, 0
	}
	if c.of != nil {
		place, bits := c.table.lookup(a)
		return c.of[place], bits
	}
	return c.lookup(a)
}

// Bytes is about how much memory the classes take, without the table that folded ones look into.
func (c *Classes) Bytes() int { return c.space.bytes() + 2*len(c.of) }
