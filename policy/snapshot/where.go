package snapshot

import (
	"net/netip"

	"github.com/meridian-gtm/meridian/policy/geo"
)

// Where is what is known of an address, and on whose word.
type Where struct {
	Address     netip.Addr   `json:"address"`
	Country     string       `json:"country,omitempty"`
	Continent   string       `json:"continent,omitempty"`
	Subdivision string       `json:"subdivision,omitempty"`
	City        string       `json:"city,omitempty"`
	Point       *geo.Point   `json:"point,omitempty"`    // nil: nobody knows
	ASN         uint32       `json:"asn,omitempty"`      // 0: nobody knows
	Network     netip.Prefix `json:"network"`            // the widest prefix around the address that the database has in one place
	Override    string       `json:"override,omitempty"` // what decided instead of the database: "192.0.2.0/24" or "AS64500"
	Database    *geo.Source  `json:"database,omitempty"`
	ASNDatabase *geo.Source  `json:"asnDatabase,omitempty"`
}

// Where looks an address up as decisions do, which take one that carries an IPv4 address to be there.
func (s *Snapshot) Where(a netip.Addr) *Where {
	f := s.geo.Find(a)
	w := &Where{
		Address: a, Country: f.Place.Country, Continent: f.Place.Continent, Subdivision: f.Place.Subdivision, City: f.Place.City,
		ASN: f.ASN, Network: f.Network, Override: f.Override,
	}
	if f.Place.Located {
		w.Point = &f.Place.Point
	}
	if source := s.geo.Source(); source.Kind != "" {
		w.Database = &source
	}
	if source, ok := s.geo.ASNSource(); ok {
		w.ASNDatabase = &source
	}
	return w
}
