package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// continents are the codes that geographic data uses.
var continents = []string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}

// validate checks a match. taken holds what the branches before it match, for
// an entry in two branches of one geo would leave it to chance which one is meant.
func (m *Match) validate(at string, taken map[string]string, p *Problems) {
	if m == nil {
		p.Add(at, "a branch of geo says whom it is for: match: {countries: [DE]}; what is for everybody else goes under default, beside geo")
		return
	}
	n := len(m.CIDRs) + len(m.ASNs) + len(m.Subdivisions) + len(m.Countries) + len(m.Continents)
	if n == 0 || n > MaxMatches {
		p.Add(at, "the match has %d entries; 1 to %d may be", n, MaxMatches)
	}
	take := func(at, what string) {
		if other, ok := taken[what]; ok {
			p.Add(at, "%s is matched at %s already", what, other)
			return
		}
		taken[what] = at
	}
	for i, c := range m.CIDRs {
		at := fmt.Sprintf("%s/cidrs/%d", at, i)
		if checkCIDR(at, c, p) {
			take(at, c.String())
		}
	}
	for i, asn := range m.ASNs {
		at := fmt.Sprintf("%s/asns/%d", at, i)
		if asn == 0 {
			p.Add(at, "AS number 0 is nobody's (RFC 7607); 1 to 4294967295 are")
		}
		take(at, fmt.Sprintf("AS%d", asn))
	}
	for i, s := range m.Subdivisions {
		at := fmt.Sprintf("%s/subdivisions/%d", at, i)
		if country, rest, ok := strings.Cut(s, "-"); !ok || !upper(country, 2, 2) || !upper(rest, 1, 3) {
			p.Add(at, "%q is not a subdivision; they are written as in ISO 3166-2: US-CA", s)
		}
		take(at, s)
	}
	for i, c := range m.Countries {
		at := fmt.Sprintf("%s/countries/%d", at, i)
		if !upper(c, 2, 2) {
			p.Add(at, "%q is not a country; they are written as in ISO 3166-1: two capital letters, DE", c)
		}
		take(at, "country "+c)
	}
	for i, c := range m.Continents {
		at := fmt.Sprintf("%s/continents/%d", at, i)
		if !slices.Contains(continents, c) {
			p.Add(at, "%q is not a continent; %s are", c, strings.Join(continents, ", "))
		}
		take(at, "continent "+c)
	}
}

func upper(s string, least, most int) bool {
	if len(s) < least || len(s) > most {
		return false
	}
	for _, r := range s {
		if (r < 'A' || r > 'Z') && (most == 2 || r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// checkCIDR says whether a prefix is one that clients can be in.
func checkCIDR(at string, c netip.Prefix, p *Problems) bool {
	switch {
	case !c.IsValid():
		p.Add(at, "%q is not a CIDR; write 192.0.2.0/24 or 2001:db8::/32", c)
	case c.Addr().Is4In6():
		p.Add(at, "%s is IPv4 written as IPv6; write the IPv4 prefix", c)
	case c.Masked() != c:
		p.Add(at, "%s has bits set beyond its length; the network is %s", c, c.Masked())
	default:
		return true
	}
	return false
}

func (o *PlaceOverride) validate(at string, p *Problems) {
	switch {
	case o.CIDR != (netip.Prefix{}) && o.ASN != 0:
		p.Add(at, "a place is for a cidr or an asn; this one has both, %s and %d", o.CIDR, o.ASN)
	case o.CIDR == (netip.Prefix{}) && o.ASN == 0:
		p.Add(at, "a place says for whom it is: cidr: 192.0.2.0/24, or asn: 64500")
	case o.ASN == 0:
		checkCIDR(at+"/cidr", o.CIDR, p)
	}
	if o.Place == nil && o.Country == "" && o.Continent == "" {
		p.Add(at, "a place says where it is: place: {lat: 50.11, lon: 8.68}, or country: DE")
	}
	o.Place.validate(at+"/place", p)
	if o.Country != "" && !upper(o.Country, 2, 2) {
		p.Add(at+"/country", "%q is not a country; they are written as in ISO 3166-1: two capital letters, DE", o.Country)
	}
	if o.Continent != "" && !slices.Contains(continents, o.Continent) {
		p.Add(at+"/continent", "%q is not a continent; %s are", o.Continent, strings.Join(continents, ", "))
	}
	if o.Subdivision != "" && (o.Country == "" || !upper(o.Subdivision, 1, 3)) {
		p.Add(at+"/subdivision", "%q is not a subdivision of a country; it is the part of ISO 3166-2 after the dash (CA, with country: US)", o.Subdivision)
	}
}

func (c *Capacity) validate(at string, p *Problems) {
	if c == nil {
		return
	}
	if !(c.Limit > 0) || c.Limit > 1e15 {
		p.Add(at, "a capacity of %v is not above 0 and at most 1e15", c.Limit)
	}
	if d := c.WithDefaults(); !(d.Low > 0 && d.Low < d.High && d.High <= 10) {
		p.Add(at, "the watermarks low (%v) and high (%v) are shares of the limit, with 0 < low < high <= 10", d.Low, d.High)
	}
}
