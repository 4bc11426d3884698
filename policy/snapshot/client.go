package snapshot

import (
	"cmp"
	"math"
	"net/netip"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// client is all that steering can know of whom an answer is for.
type client struct {
	place geo.Place
	asn   uint32
	// prefixes are those that a tree asks for and that the client is in, the longest first.
	prefixes []netip.Prefix
}

// asker is a branch whose order of children depends on the client.
type asker struct {
	kind       string
	candidates []geo.Candidate // of nearest and latency
	regions    [][]string      // of latency: whose round-trip times count for a child
	fence      bool            // of geo
	fallback   int             // of geo: the default, or -1
	match      map[string]int  // of geo: the child that an entry is for, by its text
}

func newAsker(n *steer.Node) asker {
	a := asker{kind: n.Kind, fence: n.Fence, fallback: -1}
	for i, c := range n.Children {
		a.candidates = append(a.candidates, c.Place)
		a.regions = append(a.regions, c.Regions)
		if n.Kind == "geo" && c.Match == nil {
			a.fallback = i
		}
		if m := c.Match; m != nil {
			if a.match == nil {
				a.match = map[string]int{}
			}
			for _, p := range m.CIDRs {
				a.match[p.String()] = i
			}
			for _, asn := range m.ASNs {
				a.match[asnText(asn)] = i
			}
			for _, list := range [][]string{m.Subdivisions, m.Countries} {
				for _, s := range list {
					a.match[s] = i
				}
			}
			for _, s := range m.Continents {
				a.match[continentText(s)] = i
			}
		}
	}
	return a
}

// A country and a continent may have the same letters (NA, SA, AF, AS).
func continentText(code string) string { return "continent " + code }

// best lists the children of geo that match a client, the most specific match first, with what matched.
func (a *asker) best(c *client) (children []int, by []string) {
	try := func(text string) {
		if i, ok := a.match[text]; ok && !slices.Contains(children, i) {
			children = append(children, i)
			by = append(by, text)
		}
	}
	for _, p := range c.prefixes {
		try(p.String())
	}
	if c.asn != 0 {
		try(asnText(c.asn))
	}
	if c.place.Subdivision != "" {
		try(c.place.Country + "-" + c.place.Subdivision)
	}
	if c.place.Country != "" {
		try(c.place.Country)
	}
	if c.place.Continent != "" {
		try(continentText(c.place.Continent))
	}
	return children, by
}

// geo is the order in which a client tries the children of geo.
func (a *asker) geo(c *client) []uint8 {
	matched, _ := a.best(c)
	order := []uint8{}
	for _, i := range matched {
		order = append(order, uint8(i))
	}
	switch {
	case a.fence && len(order) > 0:
		return order[:1]
	case a.fence && a.fallback >= 0:
		return append(order, uint8(a.fallback))
	case a.fence:
		return order
	case a.fallback >= 0 && !slices.Contains(order, uint8(a.fallback)):
		order = append(order, uint8(a.fallback))
	}
	for i := range a.candidates {
		if !slices.Contains(order, uint8(i)) {
			order = append(order, uint8(i))
		}
	}
	return order
}

// kmPerMs is how far away a place counts for each millisecond of round-trip
// time, where a branch of latency has measurements of some places only: light in
// fibre covers 100 km there and back in one, and fibre takes detours.
const kmPerMs = 50

// sameLatency is how many milliseconds two children may differ in and still be as near as each other.
const sameLatency = 1.0

// leg is what a child of nearest or latency costs a client.
type leg struct {
	km       float64 // great-circle distance; infinite where a place is not known
	ms       float64 // measured; 0: no measurement
	measured string  // the subject of the measurement
	region   string  // and its region
	at       int64   // and when, by the State's clock
	cost     float64 // what counts: kilometres of nearest, milliseconds of latency, with the bias
}

// legs are the costs of a branch's children. Where nothing is measured, latency goes by distance.
func (a *asker) legs(c *client, rtt *latencies) []leg {
	legs := make([]leg, len(a.candidates))
	measured := false
	for i, to := range a.candidates {
		l := &legs[i]
		l.km, l.cost = math.Inf(1), math.Inf(1)
		if c.place.Located && to.Located {
			l.km = geo.Distance(c.place.Point, to.Point)
		}
		if a.kind == "latency" {
			rtt.best(c, a.regions[i], l)
			measured = measured || l.measured != ""
		}
	}
	for i := range legs {
		l, bias := &legs[i], a.candidates[i].Bias
		switch {
		case l.measured != "":
			l.cost = geo.Biased(l.ms, bias)
		case measured:
			l.cost = geo.Biased(l.km/kmPerMs, bias)
		default:
			l.cost = geo.Biased(l.km, bias)
		}
	}
	return legs
}

// order is the order in which a client tries the branch's children, and what they cost; geo has no costs.
func (a *asker) order(c *client, rtt *latencies) ([]uint8, []leg) {
	if a.kind == "geo" {
		return a.geo(c), nil
	}
	legs := a.legs(c, rtt)
	cost := make([]float64, len(legs))
	same := geo.SameDistance
	for i, l := range legs {
		cost[i] = l.cost
		if l.measured != "" {
			same = sameLatency
		}
	}
	return geo.Rank(cost, geo.DefaultNearest, same), legs
}

// latencies are the measured round-trip times, by what they are of.
type latencies struct {
	sum uint64 // tells tables apart
	of  map[string][]policy.RTT
}

// best finds the least round-trip time from a client to any of some regions: of
// the longest prefix that has one, then of the AS number, then of the country.
func (t *latencies) best(c *client, regions []string, l *leg) {
	if t == nil {
		return
	}
	try := func(subject string) bool {
		for _, r := range t.of[subject] {
			if slices.Contains(regions, r.Region) && (l.measured != subject || r.Ms < l.ms) {
				l.ms, l.measured, l.region, l.at = r.Ms, subject, r.Region, r.At
			}
		}
		return l.measured != ""
	}
	for _, p := range c.prefixes {
		if try(p.String()) {
			return
		}
	}
	if c.asn != 0 && try(policy.Subject{ASN: c.asn}.String()) {
		return
	}
	if c.place.Country != "" {
		try(policy.Subject{Country: c.place.Country}.String())
	}
}

func longestFirst(a, b netip.Prefix) int {
	return cmp.Or(cmp.Compare(b.Bits(), a.Bits()), a.Addr().Compare(b.Addr()))
}
