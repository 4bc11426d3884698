package geo

import (
	"cmp"
	"encoding/binary"
	"math/bits"
)

// word is an IPv6 address as a number.
type word struct{ hi, lo uint64 }

var lastWord = word{^uint64(0), ^uint64(0)}

func (w word) less(x word) bool { return w.hi < x.hi || w.hi == x.hi && w.lo < x.lo }

func (w word) atMost(x word) bool { return w.hi < x.hi || w.hi == x.hi && w.lo <= x.lo }

func (w word) compare(x word) int { return cmp.Or(cmp.Compare(w.hi, x.hi), cmp.Compare(w.lo, x.lo)) }

func (w word) plus(x word) word {
	lo, carry := bits.Add64(w.lo, x.lo, 0)
	return word{w.hi + x.hi + carry, lo}
}

func (w word) minus(x word) word {
	lo, borrow := bits.Sub64(w.lo, x.lo, 0)
	return word{w.hi - x.hi - borrow, lo}
}

func (w word) next() word { return w.plus(word{0, 1}) }

func (w word) previous() word { return w.minus(word{0, 1}) }

// commonLength is the length of the longest prefix that two addresses share.
func (w word) commonLength(x word) int {
	if d := w.hi ^ x.hi; d != 0 {
		return bits.LeadingZeros64(d)
	}
	return 64 + bits.LeadingZeros64(w.lo^x.lo)
}

func (w word) trailingZeros() int {
	if w.lo != 0 {
		return bits.TrailingZeros64(w.lo)
	}
	return 64 + bits.TrailingZeros64(w.hi)
}

func (w word) shiftRight(n int) word {
	if n >= 64 {
		return word{0, w.hi >> (n - 64)}
	}
	return word{w.hi >> n, w.lo>>n | w.hi<<(64-n)}
}

func (w word) shiftLeft(n int) word {
	if n >= 64 {
		return word{w.lo << (n - 64), 0}
	}
	return word{w.hi<<n | w.lo>>(64-n), w.lo << n}
}

// appendDelta writes a number as a byte that counts its trailing zeros, for
// prefixes end in long rows of them, and what is left of it without them. The
// byte's top bit says that this has a high half, which then comes first.
func appendDelta(b []byte, w word) []byte {
	zeros := 0
	if w != (word{}) {
		zeros = w.trailingZeros()
	}
	w = w.shiftRight(zeros)
	b = append(b, byte(zeros))
	if w.hi != 0 {
		b[len(b)-1] |= 0x80
		b = binary.AppendUvarint(b, w.hi)
	}
	return binary.AppendUvarint(b, w.lo)
}

// delta reads what appendDelta wrote.
func (d *decoder) delta() word {
	zeros := d.take(1)
	if d.bad {
		return word{}
	}
	var w word
	if zeros[0]&0x80 != 0 {
		w.hi = d.uvarint()
	}
	w.lo = d.uvarint()
	return w.shiftLeft(int(zeros[0] & 0x7f))
}
