package snapshot

import (
	"cmp"
	"fmt"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// Warnings says what a state's configuration will do that its author may not
// expect: branches that no client can reach with the geographic data at hand, kinds of
// answer that pull traffic away from regions, and records that lead past steering.
func (s *Snapshot) Warnings() []string {
	var list []string
	for _, svc := range s.Services.All() {
		list = append(list, s.orderWarnings(svc)...)
		list = append(list, svc.familyWarnings()...)
		list = append(list, s.ttlWarnings(svc)...)
		list = append(list, svc.sizeWarnings()...)
	}
	list = append(list, s.answerWarnings()...)
	list = append(list, s.quorumWarnings()...)
	list = append(list, s.signalWarnings()...)
	for _, o := range s.State.Receivers.All {
		list = append(list, o.Spec.Warnings()...)
	}
	for key, o := range s.State.Places.All {
		if o.Spec.ASN == 0 && !geo.Inhabited(o.Spec.CIDR) {
			list = append(list, fmt.Sprintf("place %s is for no client: %s", key, deserted))
		}
	}
	for _, z := range s.State.Zones.All {
		list = append(list, HintWarnings(s.State, z)...)
	}
	return list
}

// deserted is why no client is ever in some prefixes of IPv6.
const deserted = "clients there are looked up by the IPv4 address that theirs carries (6to4, Teredo, NAT64), and this prefix ends before or behind it; write the IPv4 prefix"

// orderWarnings tells of branches that no client reaches, or that some clients reach and get nothing from.
func (s *Snapshot) orderWarnings(svc *Service) (list []string) {
	add := func(format string, args ...any) {
		list = append(list, fmt.Sprintf("service "+svc.ID+": "+format, args...))
	}
	for j, n := range svc.tree.Ordered {
		if n.Kind == "geo" {
			s.geoWarnings(n, add)
			continue
		}
		for i, c := range n.Children {
			if c.Place.Located && !svc.geo.reaches(j, n, i) {
				add("%s is nearest for no client, so it is only a fallback. %s", c.Path, s.advice())
			}
			if !c.Place.Located {
				add("%s has no place, so it comes after every branch that has one; give its region a place", c.Path)
			}
		}
	}
	return list
}

func (s *Snapshot) geoWarnings(n *steer.Node, add func(format string, args ...any)) {
	if n.Fence && !n.Default {
		add("%s has a fence and no default: clients whom no branch matches get no data", n.Path)
	}
	_, asns := s.geo.ASNSource()
	source := s.geo.Source()
	for _, c := range n.Children {
		if c.Match == nil {
			continue
		}
		for _, cidr := range c.Match.CIDRs {
			if !geo.Inhabited(cidr) {
				add("%s matches %s, where no client is: %s", c.Path, cidr, deserted)
			}
		}
		if len(c.Match.ASNs) > 0 && !asns {
			add("%s matches AS numbers, and no data tells whose an address is: set geo.asn in the node's configuration", c.Path)
		}
		if len(c.Match.Subdivisions) > 0 && source.Kind != geo.KindCity {
			add("%s matches subdivisions, and %s knows countries only: load a City database (geo.database in the node's configuration)", c.Path, cmp.Or(source.Name, "no geographic data"))
		}
		for _, country := range c.Match.Countries {
			if _, known := geo.CountryPlace(country); !known {
				add("%s matches the country %s, which no geographic data knows", c.Path, country)
			}
		}
	}
}

// reaches says whether a child of a nearest branch, or one at the same place, is nearest for anybody.
func (g *geography) reaches(branch int, n *steer.Node, child int) bool {
	for i, c := range n.Children {
		if c.Group == n.Children[child].Group && g.first[branch][i] {
			return true
		}
	}
	return false
}

func (s *Snapshot) advice() string {
	switch {
	case s.geo.Source().Kind == "":
		return "No geographic data is loaded: set geo.database."
	case s.geo.Source().Kind != "city":
		return "The country data puts every client of a country at one point; load a City database (geo.database in the node's configuration) to tell regions within a country apart."
	}
	return "Another branch is nearer to every place that clients come from."
}

// familyWarnings tells of regions that some clients are sent past because they lack a kind of answer.
func (svc *Service) familyWarnings() []string {
	serves := svc.tree.Serves
	has := map[string][policy.AnswerKinds]bool{}
	var order []string
	for _, p := range svc.tree.Pools {
		for i := range p.Members {
			m := &p.Members[i]
			h, seen := has[m.Region]
			if !seen {
				order = append(order, m.Region)
			}
			for k := range h {
				h[k] = h[k] || m.Has[k]
			}
			has[m.Region] = h
		}
	}
	together := svc.spec.Spec.Families != "independent" && serves[policy.IPv4] && serves[policy.IPv6]
	var list []string
	if _, nowhere := has[""]; nowhere && together && len(has) > 1 {
		list = append(list, fmt.Sprintf("service %s: some of its endpoints are in no region, so while a region with both families is available no client is sent to them (families: together); give them a region, or write families: independent", svc.ID))
	}
	for _, r := range order {
		for k := range policy.AnswerKinds {
			switch {
			case r == "" || !serves[k] || has[r][k]:
			case !k.Family():
				list = append(list, fmt.Sprintf("service %s: region %s has no %s endpoint, so its clients get the %s records of another region", svc.ID, r, k, k))
			case together:
				list = append(list, fmt.Sprintf("service %s: region %s has no %s endpoint, so while a region with both families is available no client is sent there at all (families: together); write families: independent to treat them apart", svc.ID, r, k))
			}
		}
	}
	return list
}

// answerWarnings tells of answers that endpoints should have and do not.
func (s *Snapshot) answerWarnings() (list []string) {
	for name, o := range s.State.Pools.All {
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			id := policy.EndpointID(name, e.Name)
			if _, problems := zonefile.Records(e); len(problems) > 0 {
				list = append(list, fmt.Sprintf("%s: records that this version cannot read are left out: %s", id, problems[0].String()))
			}
			if e.Flattens() {
				if _, err := s.State.Flatten(e.Hostname); err != nil {
					list = append(list, fmt.Sprintf("%s flattens %s and is left out: %v", id, e.Hostname, err))
				}
			}
		}
	}
	return list
}

// maxHintWarnings is how many of HintWarnings are told one by one.
const maxHintWarnings = 20

// HintWarnings tells of SVCB and HTTPS records of a zone whose address hints
// belong to a name that the state steers: clients may go to the hinted
// addresses without asking for others (RFC 9460 section 7.3), past all steering.
func HintWarnings(state *policy.State, z *policy.Zone) (list []string) {
	steered := map[policy.Name]string{}
	for id, o := range state.Services.All {
		for _, n := range o.Spec.Owners() {
			steered[n] = id
		}
	}
	if len(steered) == 0 {
		return nil
	}
	more := 0
	for name, set := range z.Sets {
		if set.Type != policy.TypeSVCB && set.Type != policy.TypeHTTPS {
			continue
		}
		for _, d := range set.Data {
			priority, target, _ := policy.ReadSVCB(d)
			hints := zonefile.Hints(d)
			of := policy.DataName(target)
			if of == policy.Root && priority > 0 {
				of = name
			}
			id, ok := steered[of]
			if !ok || len(hints) == 0 {
				continue
			}
			if len(list) == maxHintWarnings {
				more++
				continue
			}
			list = append(list, fmt.Sprintf("zone %s: the %s record of %s hints at %s for %s, which service %s steers: clients may go there past all steering; take the hints out, or let endpoints carry the record (records: {%s: [...]})",
				z.Name, zonefile.TypeString(set.Type), name, hints[0], of, id, zonefile.TypeString(set.Type)))
		}
	}
	if more > 0 {
		list = append(list, fmt.Sprintf("zone %s: %d more such hints", z.Name, more))
	}
	return list
}
