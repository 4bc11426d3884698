package geo

import (
	"encoding/binary"
	"net/netip"
)

// span is a stretch of IPv6 addresses, both ends included.
type span struct{ first, last word }

// embeddings are the IPv6 prefixes whose addresses carry an IPv4 address:
// where it stands in the 128 bits, and whether its bits are flipped.
var embeddings = [...]struct {
	span
	shift   int // bits of the address before the IPv4 address
	flipped bool
}{
	{span{word{0, 0xffff << 32}, word{0, 0xffff<<32 | 0xffffffff}}, 96, false},         // ::ffff:0:0/96, IPv4-mapped, RFC 4291 section 2.5.5.2
	{span{word{0x64ff9b << 32, 0}, word{0x64ff9b << 32, 0xffffffff}}, 96, false},       // 64:ff9b::/96, NAT64, RFC 6052 section 2.1
	{span{word{0x20010000 << 32, 0}, word{0x20010000_ffffffff, ^uint64(0)}}, 96, true}, // 2001::/32, Teredo, RFC 4380 section 4
	{span{word{0x2002 << 48, 0}, word{0x2002ffff_ffffffff, ^uint64(0)}}, 16, false},    // 2002::/16, 6to4, RFC 3056 section 2
}

// embeddingSpans are the prefixes alone, in order.
func embeddingSpans() []span {
	spans := make([]span, len(embeddings))
	for i, e := range embeddings {
		spans[i] = e.span
	}
	return spans
}

// extract is the IPv4 address that an IPv6 address carries.
func extract(x word) (a uint32, shift int, ok bool) {
	for i := range embeddings {
		e := &embeddings[i]
		if x.less(e.first) || !x.atMost(e.last) {
			continue
		}
		if e.shift == 16 {
			return uint32(x.hi >> 16), 16, true
		}
		a = uint32(x.lo)
		if e.flipped {
			a = ^a
		}
		return a, e.shift, true
	}
	return 0, 0, false
}

// Normalize gives the IPv4 address that an IPv6 address carries, when bits (the
// SOURCE PREFIX-LENGTH of an EDNS Client Subnet option, 128 for a whole
// address) covers all 32 bits of it: IPv4-mapped (::ffff:0:0/96), NAT64
// (64:ff9b::/96), Teredo (2001::/32, the flipped client address in the last 32
// bits) and 6to4 (2002::/16). It then answers a length of 32, and shift is what to
// add to a length in IPv4 to say it in the IPv6 address: 96, 96, 96 and 16.
// Any other address comes back as it is, with its bits and a shift of 0.
//
// [Classes.Lookup] and [Table.Lookup] agree with it and need no call of it.
// It is for what else looks at the client: whether it is private, or what "sticky" hashes on.
func Normalize(a netip.Addr, bits int) (addr netip.Addr, length, shift int) {
	if !a.Is6() {
		return a, bits, 0
	}
	x, shift, ok := extract(wordOf(a))
	if !ok || bits < shift+32 {
		return a, bits, 0
	}
	return addr4(x), 32, shift
}

func addr4(x uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], x)
	return netip.AddrFrom4(b)
}

func wordOf(a netip.Addr) word {
	b := a.As16()
	return word{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func number4(a netip.Addr) uint32 {
	b := a.As4()
	return binary.BigEndian.Uint32(b[:])
}
