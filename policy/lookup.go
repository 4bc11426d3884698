package policy

import "fmt"

// Lookup finds the owner that answers for a name in a zone's tree of owners:
// the name's own, or the wildcard of its closest encloser (RFC 4592 section
// 3.3.1), and gives the owner's name. Where a delegation at or above the name, or a
// DNAME above it, hides what the zone holds, the owner is that, and hidden is set.
// It is the plain form of what answers walk through, for everything that is not in a hurry.
func Lookup(owners *Tree[*Owner], apex, n Name) (o *Owner, at Name, hidden bool) {
	if !n.Under(apex) {
		return nil, "", false
	}
	at = n
	for skip := n.Labels() - apex.Labels(); skip >= 0; skip-- {
		at = n
		for range skip {
			at = at.Parent()
		}
		next, ok := owners.Get(at.Key())
		if !ok {
			if len(at.Parent())+2 > MaxName {
				return nil, "", false
			}
			at = "\x01*" + at.Parent()
			o, _ = owners.Get(at.Key())
			return o, at, false
		}
		o = next
		if at != apex && o.Find(TypeNS) != nil || at != n && o.Find(TypeDNAME) != nil {
			return o, at, true
		}
	}
	return o, at, false
}

// maxAliases is how many CNAMEs lead to a flattened address at most.
const maxAliases = 16

// Flatten gives the A and AAAA records, by AnswerKind, that the zones here hold for
// a host name, following CNAMEs. The TTL is the smallest on the way. The error says why there are none.
func (s *State) Flatten(n Name) (sets [2]RRset, err error) {
	ttl := uint32(MaxTTL)
	for range maxAliases {
		z := s.ZoneFor(n)
		if z == nil {
			return sets, fmt.Errorf("no zone here holds %s", n)
		}
		o, at, hidden := Lookup(z.Owners, z.Name, n)
		switch {
		case hidden && o.Find(TypeNS) != nil && at != z.Name:
			return sets, fmt.Errorf("%s is delegated away at %s", n, at)
		case hidden:
			return sets, fmt.Errorf("%s is below the DNAME at %s, which flatten does not follow", n, at)
		case o == nil:
			return sets, fmt.Errorf("the zone %s has no %s", z.Name, n)
		}
		if alias := o.Find(TypeCNAME); alias != nil {
			ttl = min(ttl, alias.TTL)
			n = DataName(alias.Data[0])
			continue
		}
		found := false
		for k := IPv4; k <= IPv6; k++ {
			if set := o.Find(k.Type()); set != nil {
				sets[k] = *set
				sets[k].TTL = min(ttl, set.TTL)
				found = true
			}
		}
		if !found {
			return sets, fmt.Errorf("%s has neither A nor AAAA records in the zone %s", n, z.Name)
		}
		return sets, nil
	}
	return sets, fmt.Errorf("more than %d CNAMEs in a row lead on from it", maxAliases)
}

// Has says whether an endpoint has an answer of a kind, a flattened host name
// by what the zones here hold for it now.
func (s *State) Has(e *Endpoint, k AnswerKind) bool {
	if e.Flattens() && k.Family() {
		sets, _ := s.Flatten(e.Hostname)
		return len(sets[k].Data) > 0
	}
	return e.Has(k)
}
