package geo

import (
	"cmp"
	"net/netip"
	"slices"
)

// plainPrefix is a prefix as clients are looked up in it: what carries IPv4
// addresses is a prefix of IPv4. Not ok: no client is ever looked up in it, for it
// is one network of a 6to4 site, whose clients are all where their one IPv4 address is, or it
// stops short of the IPv4 address, like a part of Teredo's servers.
func plainPrefix(p netip.Prefix) (plain netip.Prefix, ok bool) {
	if !p.IsValid() {
		return p, false
	}
	p = p.Masked()
	if p.Addr().Is4() {
		return p, true
	}
	first := wordOf(p.Addr())
	x, shift, begins := extract(first)
	if _, _, ends := extract(lastOf(first, p.Bits())); !begins || !ends {
		return p, true
	}
	if p.Bits() < shift || p.Bits() > shift+32 {
		return p, false
	}
	return netip.PrefixFrom(addr4(x), p.Bits()-shift).Masked(), true // Teredo's flips the zeros behind the prefix too
}

// Inhabited says whether any client is ever looked up in a prefix.
func Inhabited(p netip.Prefix) bool {
	_, ok := plainPrefix(p)
	return ok
}

// labelled is a prefix as a stretch of addresses, with a label; of IPv4 only lo is used.
type labelled struct {
	span
	label uint32
}

// nest labels every address with 1 more than the index of the longest prefix that
// holds it, and 0 where none does; of equal prefixes it is the first. The runs have no index yet.
func nest(prefixes []netip.Prefix) (v4 runs4[uint32], v6 runs6[uint32]) {
	var list4, list6 []labelled
	for i, p := range prefixes {
		p, ok := plainPrefix(p)
		switch {
		case !ok:
		case p.Addr().Is4():
			first := uint64(number4(p.Addr()))
			list4 = append(list4, labelled{span{word{0, first}, word{0, first + 1<<(32-p.Bits()) - 1}}, uint32(i + 1)})
		default:
			first := wordOf(p.Addr())
			list6 = append(list6, labelled{span{first, lastOf(first, p.Bits())}, uint32(i + 1)})
		}
	}
	for _, s := range flatten(list4) {
		if s.first.lo < 1<<32 {
			v4.append(uint32(s.first.lo), s.label)
		}
	}
	for _, s := range flatten(list6) {
		v6.append(s.first, s.label)
	}
	return v4, v6
}

// flatten lays stretches that nest over one another, the inner ones on top. What
// it gives is in order, each from its first address to the next one's.
func flatten(list []labelled) []labelled {
	slices.SortStableFunc(list, func(a, b labelled) int { // what holds another comes before it
		return cmp.Or(a.first.compare(b.first), b.last.compare(a.last))
	})
	list = slices.CompactFunc(list, func(a, b labelled) bool { return a.span == b.span })
	out := []labelled{{}}
	begin := func(first word, label uint32) {
		if out[len(out)-1].first == first {
			out = out[:len(out)-1] // nothing is left of that one
		}
		out = append(out, labelled{span: span{first: first}, label: label})
	}
	var open []labelled
	end := func() { // the innermost that is open
		last := open[len(open)-1].last
		open = open[:len(open)-1]
		switch {
		case last == lastWord:
		case len(open) > 0:
			begin(last.next(), open[len(open)-1].label)
		default:
			begin(last.next(), 0)
		}
	}
	for _, s := range list {
		for len(open) > 0 && open[len(open)-1].last.less(s.first) {
			end()
		}
		begin(s.first, s.label)
		open = append(open, s)
	}
	for len(open) > 0 {
		end()
	}
	return out
}
