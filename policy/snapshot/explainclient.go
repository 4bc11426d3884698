package snapshot

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// explainClient settles whom an explanation is for, and says where that is and on whose word.
func (s *Snapshot) explainClient(x *Explanation, svc *Service, q ExplainQuery) client {
	var who client
	source := s.geo.Source()
	from := "no geographic data is loaded"
	if source.Kind != "" {
		from = fmt.Sprintf("%s (%s)", source.Name, source.Kind)
	}
	switch {
	case q.Somebody.ASN != 0:
		who.asn, from = q.Somebody.ASN, "the question, which names no place"
	case q.Somebody.Country != "":
		who.place = geo.Place{Country: q.Somebody.Country}
		if p, ok := geo.CountryPlace(q.Somebody.Country); ok {
			who.place = p
		}
		from = "the question; the middle of the country"
	default:
		addr, _, _ := geo.Normalize(q.Client.Addr(), q.Client.Bits())
		_, x.Scope = svc.geo.lookup(q.Client.Addr(), q.Client.Bits())
		if svc.sticky != nil {
			_, length := stickyHash(svc.sticky, q.Client.Addr(), q.Client.Bits())
			x.Scope = max(x.Scope, length)
		}
		who = svc.geo.clientAt(addr)
		if f := s.geo.Find(addr); f.Override != "" {
			from = "the configuration: places, " + f.Override
		}
	}
	p := who.place
	x.Place = &ExplainedPlace{
		Country: p.Country, Continent: p.Continent, City: p.City, Subdivision: p.Subdivision, ASN: who.asn,
		Lat: p.Point.Lat, Lon: p.Point.Lon, Located: p.Located, Source: from,
	}
	return who
}

// explainOrder says why a branch's children stand in the client's order.
func (s *Snapshot) explainOrder(x *Explanation, svc *Service, n *steer.Node, a *asker, who *client) {
	add := func(format string, args ...any) { x.Reasons = append(x.Reasons, fmt.Sprintf(format, args...)) }
	if a.kind == "geo" {
		children, by := a.best(who)
		for i, c := range children {
			add("%s is for %s", n.Children[c].Path, strings.TrimPrefix(by[i], "continent "))
		}
		if len(children) == 0 {
			add("%s: no branch is for this client", n.Path)
		}
		return
	}
	legs := a.legs(who, svc.geo.rtt)
	measured := 0
	for _, l := range legs {
		if l.measured != "" {
			measured++
		}
	}
	for i, l := range legs {
		to := Leg{Branch: n.Children[i].Path, Km: l.km, Ms: l.ms, Biased: l.cost}
		switch {
		case l.measured != "":
			age := time.Duration(max(0, s.State.Clock-l.at)).Round(time.Second)
			to.Source = fmt.Sprintf("measured for %s to %s %s ago", l.measured, l.region, age)
		case math.IsInf(l.km, 1):
			continue
		case a.kind == "latency" && measured > 0:
			to.Source = fmt.Sprintf("no fresh measurement: its distance counts, %d km as 1 ms", kmPerMs)
		case a.kind == "latency":
			to.Source = "no fresh measurement: its distance counts"
		}
		if math.IsInf(to.Km, 1) {
			to.Km = 0
		}
		x.Distances = append(x.Distances, to)
	}
	if a.kind == "latency" && measured < len(legs) {
		add("%s: round-trip times are known for %d of %d branches; distance stands in for the others", n.Path, measured, len(legs))
	}
}

// panics says which pools serve what is down, and why.
func (x *Explanation) panics(tree *steer.Tree, k policy.AnswerKind) {
	for _, p := range tree.Pools {
		if p.Panics(k) {
			x.Reasons = append(x.Reasons, fmt.Sprintf("pool %s is served as if healthy: %s", p.Name, p.Panic))
		}
	}
}

func (x *Explanation) reasons(svc *Service, r steer.Result, ttl uint32, place geo.Place) {
	add := func(format string, args ...any) { x.Reasons = append(x.Reasons, fmt.Sprintf(format, args...)) }
	if len(svc.tree.Ordered) > 0 {
		if place.Located {
			add("the client is taken to be in %s, on the word of %s", placeText(x.Place), x.Place.Source)
		} else {
			add("the client's place is not known (%s), so the document's order decides where distance would", x.Place.Source)
		}
	}
	for _, b := range x.Branches {
		if b.Kind != "pool" && len(b.Kept) > 0 {
			add("%s keeps %s", b.Path, strings.Join(b.Kept, ", "))
		}
		for _, d := range b.Dropped {
			add("%s drops %s", b.Path, d)
		}
	}
	switch {
	case r.Resort != "" && r.Resort != policy.ResortAll:
		add("answered from: last resort: nothing is available, and lastResort is %s", r.Resort)
	default:
		add("answered from: %s", r.Tier)
	}
	if r.Together {
		add("all answers are kept in regions that have IPv4 and IPv6 (families: together)")
	}
	switch {
	case x.TTL < ttl:
		add("TTL %d s is less than the service's own, %d s: that of the records that a host name is flattened to", x.TTL, ttl)
	case svc.minTTL < svc.TTL:
		add("TTL %d s is within the service's %d to %d s: the nearest change of a verdict takes %v at the least", x.TTL, svc.minTTL, svc.TTL, r.Need)
	default:
		add("TTL %d s is the service's own", x.TTL)
	}
	switch {
	case x.Scope == 0:
		add("scope 0: the client's address makes no difference")
	case svc.sticky != nil:
		add("scope /%d is the widest prefix around the client with the same order of places, and at least what counts as one client (sticky)", x.Scope)
	default:
		add("scope /%d is the widest prefix around the client with the same order of places", x.Scope)
	}
}
