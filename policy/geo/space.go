package geo

import "net/netip"

// space is all of the address space, IPv4 and IPv6, as runs. Where an IPv6
// address carries an IPv4 address it has the value of that address: there v6 has the
// largest number, which is no value, or else the one value that all of IPv4 has.
type space[V uint16 | uint32] struct {
	v4 runs4[V]
	v6 runs6[V]
}

// inEmbedding is that number where places are kept, and whatever else needs 32 bits.
const inEmbedding = ^uint32(0)

// newSpace finishes a space: v4 and v6 cover all of theirs, in order. What v6 has in the embeddings does not matter.
func newSpace[V uint16 | uint32](v4 runs4[V], v6 runs6[V]) space[V] {
	s := space[V]{v4: v4}
	s.v4.finish()
	s.v6 = v6.carve(embeddingSpans(), s.embedded())
	s.v6.finish()
	return s
}

// embedded is what v6 has in the embeddings, once v4 is there.
func (s *space[V]) embedded() V {
	if v, ok := s.v4.uniform(); ok {
		return v // no need to look, and the prefixes around it become wider
	}
	return ^V(0)
}

// everywhere is a space of one value.
func everywhere[V uint16 | uint32](v V) space[V] {
	var v4 runs4[V]
	var v6 runs6[V]
	v4.append(0, v)
	v6.append(word{}, v)
	return newSpace(v4, v6)
}

// lookup is the value at an address, which is not the zero one, and the length
// of the widest prefix around it that has that value throughout.
func (s *space[V]) lookup(a netip.Addr) (v V, bits int) {
	if a.Is4() {
		return s.v4.lookup(number4(a))
	}
	x := wordOf(a)
	if v, bits = s.v6.lookup(x); v == ^V(0) {
		x4, shift, _ := extract(x)
		v, bits = s.v4.lookup(x4)
		bits += shift
	}
	return v, bits
}

func (s *space[V]) bytes() int { return s.v4.bytes() + s.v6.bytes() }
