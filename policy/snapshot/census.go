package snapshot

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/meridian-gtm/meridian/policy/geo"
)

// parcel is the IPv4 addresses of a country in one class of a geography. Only what has a place counts, as in effects.
type parcel struct {
	country   string
	class     uint16
	addresses float64
}

// parcelsOf adds up parts, in order of classes, then countries.
func parcelsOf(places []geo.Place, parts []geo.Part) (list []parcel) {
	type key struct {
		country string
		class   uint16
	}
	sum := map[key]float64{}
	for _, p := range parts {
		if p.Place != 0 && p.Addresses > 0 {
			sum[key{places[p.Place].Country, p.Class}] += p.Addresses
		}
	}
	for k, n := range sum {
		list = append(list, parcel{k.country, k.class, n})
	}
	slices.SortFunc(list, func(a, b parcel) int {
		return cmp.Or(cmp.Compare(a.class, b.class), strings.Compare(a.country, b.country))
	})
	return list
}

// census is how many addresses each country has by a geographic table. It is taken when it is first asked for.
type census struct {
	once      sync.Once
	parts     []geo.Part // by place
	countries []parcel   // of class 0 all
	total     float64
}

func (c *census) of(t *geo.Table) *census {
	c.once.Do(func() {
		_, c.parts = t.Divide(nil, nil, func(uint32, uint32, int) uint16 { return 0 })
		if c.countries = parcelsOf(t.Places(), c.parts); len(c.countries) == 0 {
			c.countries = []parcel{{addresses: 1}} // no data: everybody is one
		}
		for _, p := range c.countries {
			c.total += p.addresses
		}
	})
	return c
}

// parcelsIn are the parcels of a geography, with the census that they add up to.
func (s *Snapshot) parcelsIn(g *geography) ([]parcel, *census) {
	c := s.census.of(s.geo)
	if g.classes == nil || len(g.parcels) == 0 {
		return c.countries, c
	}
	return g.parcels, c
}
