package zonefile

import (
	"fmt"
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
// none of their addresses finds none. holder is the zone served here that a
// name is in, or nil. The message is "" when there is no such ring.
func Ring(zone *policy.Zone, holder func(policy.Name) *policy.Zone) string {
	needs := map[policy.Name][]policy.Name{}
	var visit func(*policy.Zone)
	visit = func(z *policy.Zone) {
		needs[z.Name] = nil
		var into []policy.Name
		next := map[policy.Name]*policy.Zone{}
		for _, t := range servers(z) {
			h := holder(t)
			if h == nil || t.Under(z.Name) { // served elsewhere, or found by the glue of the parent
				return
			}
			into, next[h.Name] = append(into, h.Name), h
		}
		for name, h := range next {
			if _, seen := needs[name]; !seen {
				visit(h)
			}
		}
		needs[z.Name] = into
	}
	visit(zone)
	if !stuck(needs)[zone.Name] {
		return ""
	}
	r := joinNames(ring(zone.Name, needs, map[policy.Name]bool{}))
	return fmt.Sprintf("the name servers of %s can be found by nobody: those of the zones %s are each inside another of them; give one of them a name server inside itself, with glue in its parent, or elsewhere", zone.Name, r)
}

// servers are the name servers at a zone's apex.
func servers(z *policy.Zone) (list []policy.Name) {
	o := z.Owner(z.Name)
	if o == nil {
		return nil
	}
	if ns := o.Find(policy.TypeNS); ns != nil {
		for _, d := range ns.Data {
			list = append(list, target(policy.TypeNS, d))
		}
	}
	return list
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
