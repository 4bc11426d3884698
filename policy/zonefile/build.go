package zonefile

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// zone makes the zone of the records read, or notes what forbids it.
func (p *parser) zone() *policy.Zone {
	if !p.findApex() {
		return nil
	}
	p.sets.index = nil // memory that the tree can use
	sets := p.sets.list
	for i := range sets {
		if !sets[i].name.Under(p.apex) {
			p.fail(faultf(int(sets[i].lines[0]), 0, "%s is outside of the zone %s; leave it out, or end relative names without a dot", sets[i].name, p.apex))
		}
		sets[i].dedupe()
		sets[i].key = sets[i].name.Key()
	}
	if len(p.errs.list) > 0 {
		return nil
	}
	z := p.assemble()
	errs, warnings := inspect(z)
	for _, f := range errs {
		p.fail(f.fault(&p.sets))
	}
	for _, f := range warnings {
		p.warn(f.fault(&p.sets))
	}
	return z
}

// findApex takes the SOA's owner for the apex when none was given, and says
// whether the file is that zone's at all.
func (p *parser) findApex() bool {
	var soa []*recordSet
	for i := range p.sets.list {
		if p.sets.list[i].typ == policy.TypeSOA {
			soa = append(soa, &p.sets.list[i])
		}
	}
	switch {
	case len(soa) == 0:
		p.fail(faultf(0, 0, "the file has no SOA record; a zone starts with one"))
		return false
	case p.apex == "" || len(soa) == 1 && soa[0].name != p.apex && !soa[0].name.Under(p.apex):
		if p.apex != "" {
			p.fail(faultf(int(soa[0].lines[0]), 0, "the file is that of the zone %s, by its SOA record, and not of %s", soa[0].name, p.apex))
			return false
		}
		p.apex = soa[0].name
	}
	return true
}

// dedupe leaves of equal data (names compare without case) the first, and
// keeps the order of the lines.
func (s *recordSet) dedupe() {
	if len(s.data) < 2 {
		return
	}
	type datum struct {
		canon []byte
		at    int
	}
	all := make([]datum, len(s.data))
	for i, d := range s.data {
		all[i] = datum{Canonical(s.typ, d), i}
	}
	slices.SortFunc(all, func(a, b datum) int {
		return cmp.Or(bytes.Compare(a.canon, b.canon), a.at-b.at)
	})
	all = slices.CompactFunc(all, func(a, b datum) bool { return bytes.Equal(a.canon, b.canon) })
	slices.SortFunc(all, func(a, b datum) int { return a.at - b.at })
	data, lines := make([][]byte, len(all)), make([]int32, len(all))
	for i, d := range all {
		data[i], lines[i] = s.data[d.at], s.lines[d.at]
	}
	s.data, s.lines = data, lines
}

// assemble builds the tree of owners. It goes from the last name to the first,
// so that an owner's data is put in, and hashed, once, after everything below
// it has been counted: with Zone.Set an apex of many megabytes would be hashed
// again for every name under it.
func (p *parser) assemble() *policy.Zone {
	z := policy.NewZone(p.apex)
	order := make([]int, len(p.sets.list))
	for i := range order {
		order[i] = i
	}
	sets := p.sets.list
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(sets[b].key, sets[a].key), cmp.Compare(sets[a].typ, sets[b].typ))
	})
	for len(order) > 0 {
		first := &sets[order[0]]
		owner := &policy.Owner{}
		n := 0
		for n < len(order) && sets[order[n]].key == first.key {
			s := &sets[order[n]]
			data := slices.Clone(s.data) // s keeps the order of the lines
			slices.SortFunc(data, bytes.Compare)
			owner.RRsets = append(owner.RRsets, policy.RRset{Type: s.typ, TTL: s.ttl, Data: data})
			z.Records += len(data)
			n++
		}
		order = order[n:]
		between, exists := z.Owners.Get(first.key) // an empty non-terminal so far
		if exists {
			owner.Children = between.Children
		}
		z.Owners.Set(first.key, owner)
		if !exists {
			policy.Adopt(z.Owners, z.Name, first.name)
		}
	}
	return z
}
