package zonefile

import (
	"maps"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// cycles warns of delegations that need each other (I-22): every name server
// of each is, without glue, in another of them, so that no resolver ever gets
// to any. A delegation whose own servers lack glue is told of by targets.
func (c *checker) cycles() {
	needs := map[policy.Name][]policy.Name{} // delegations that lead nowhere but into others
	for name, typ := range c.hides {
		if typ != policy.TypeNS {
			continue
		}
		if _, above := c.above(name); above != 0 {
			continue // never answered itself
		}
		if into := c.needs(name); len(into) > 0 {
			needs[name] = into
		}
	}
	for _, ring := range rings(needs) {
		f := finding{name: ring[0], typ: policy.TypeNS}
		c.warnf(f, "the delegations %s need each other: the name servers of each are inside another and have no glue, so none can be resolved; add an A or AAAA record", joinNames(ring))
	}
}

// needs lists the delegations that all of a delegation's name servers are
// hidden in; none when a single server can be found otherwise.
func (c *checker) needs(name policy.Name) []policy.Name {
	var into []policy.Name
	for _, d := range c.z.Owner(name).Find(policy.TypeNS).Data {
		t := target(policy.TypeNS, d)
		if t == "" || !t.Under(c.z.Name) {
			return nil
		}
		o := c.z.Owner(t)
		if o != nil && (o.Find(policy.TypeA) != nil || o.Find(policy.TypeAAAA) != nil) {
			return nil
		}
		cut, typ := c.hider(t)
		if typ != policy.TypeNS {
			return nil
		}
		if cut != name {
			into = append(into, cut)
		}
	}
	return into
}

// Ring finds zones that need each other, and that a zone needs or is one of:
// all name servers of each are inside another, so that a resolver that knows
// none of their addresses finds none. apex is the zone; servers gives the name servers of a zone that is
// served here and nil for any other; holder is the apex of the zone that a name
// is in, "" when it is served elsewhere. It is nil when there is no such ring.
func Ring(apex policy.Name, servers func(policy.Name) []policy.Name, holder func(policy.Name) policy.Name) []policy.Name {
	needs := map[policy.Name][]policy.Name{}
	var visit func(policy.Name)
	visit = func(zone policy.Name) {
		if _, seen := needs[zone]; seen {
			return
		}
		needs[zone] = nil
		var into []policy.Name
		for _, t := range servers(zone) {
			h := holder(t)
			if h == "" || t.Under(zone) { // served elsewhere, or found by the glue of the parent
				return
			}
			into = append(into, h)
		}
		for _, h := range into {
			visit(h)
		}
		needs[zone] = into
	}
	visit(apex)
	stuck := stuck(needs)
	if !stuck[apex] {
		return nil
	}
	return ring(apex, needs, map[policy.Name]bool{})
}

// rings gives the cycles of what needs what, each name in one at most.
func rings(needs map[policy.Name][]policy.Name) [][]policy.Name {
	stuck := stuck(needs)
	var all [][]policy.Name
	done := map[policy.Name]bool{}
	for _, start := range slices.Sorted(maps.Keys(stuck)) {
		if stuck[start] && !done[start] {
			if r := ring(start, needs, done); r != nil {
				all = append(all, r)
			}
		}
	}
	return all
}

// ring follows what a stuck name needs, which is stuck too, until it comes back
// to a name on the way: the names from there on, sorted. It is nil when it comes to one that is done.
func ring(at policy.Name, needs map[policy.Name][]policy.Name, done map[policy.Name]bool) []policy.Name {
	var path []policy.Name
	for !done[at] {
		done[at] = true
		path = append(path, at)
		at = needs[at][0]
	}
	i := slices.Index(path, at)
	if i < 0 {
		return nil
	}
	slices.Sort(path[i:])
	return path[i:]
}

// stuck says which names need only names that are stuck. Whoever needs one that needs nothing is free, and so on.
func stuck(needs map[policy.Name][]policy.Name) map[policy.Name]bool {
	users := map[policy.Name][]policy.Name{}
	var free []policy.Name
	for n, into := range needs {
		for _, m := range into {
			users[m] = append(users[m], n)
			if _, ok := needs[m]; !ok {
				free = append(free, m)
			}
		}
		if len(into) == 0 {
			free = append(free, n)
		}
	}
	stuck := map[policy.Name]bool{}
	for n, into := range needs {
		stuck[n] = len(into) > 0
	}
	for len(free) > 0 {
		n := free[len(free)-1]
		free = free[:len(free)-1]
		for _, user := range users[n] {
			if stuck[user] {
				stuck[user] = false
				free = append(free, user)
			}
		}
		users[n] = nil
	}
	return stuck
}

func joinNames(list []policy.Name) string {
	if len(list) > 8 {
		list = list[:8]
	}
	var b strings.Builder
	for i, n := range list {
		switch {
		case i == 0:
		case i == len(list)-1:
			b.WriteString(" and ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(n.String())
	}
	return b.String()
}
