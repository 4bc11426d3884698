package answer

import (
	"unsafe"

	"github.com/meridian-gtm/meridian/policy"
)

// maxKey is the longest sort key: escapes at most double a name's octets.
const maxKey = 2 * policy.MaxName

// key is the sort key of a name with the places where its labels end, so that
// the key of each ancestor is at hand: ends[d] octets of it, for depth d.
type key struct {
	buf  [maxKey + 2]byte // room for the wildcard label
	ends [129]uint16
	n    int // labels
}

func (k *key) set(name []byte) {
	b := policy.AppendKey(k.buf[:0], name)
	k.n = 0
	for i, c := range b {
		if c == 0 { // labels hold no zero octet in a key, it is escaped
			k.n++
			k.ends[k.n] = uint16(i + 1)
		}
	}
}

// at is the key of the ancestor at a depth (0 is the root, n the name itself).
func (k *key) at(depth int) []byte { return k.buf[:k.ends[depth]] }

// text is at(depth) as a string that shares the key's memory. It is only for
// looking things up, and ends with the next set.
func (k *key) text(depth int) string {
	return unsafe.String(&k.buf[0], int(k.ends[depth]))
}

// wildcard is the key of the wildcard name below the ancestor at a depth. It
// writes over the labels below, which nobody needs after finding that they do not exist.
func (k *key) wildcard(depth int) string {
	end := int(k.ends[depth])
	k.buf[end], k.buf[end+1] = '*', 0
	return unsafe.String(&k.buf[0], end+2)
}

// ancestor is the suffix of a wire name that has n labels of the k it has itself.
func ancestor(name []byte, k, n int) []byte {
	for ; k > n; k-- {
		name = name[1+int(name[0]):]
	}
	return name
}

// sameName says whether two wire names are the same, whatever the case of letters.
func sameName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i, x := range a {
		if y := b[i]; x != y && (x|0x20 != y|0x20 || x|0x20 < 'a' || x|0x20 > 'z') {
			return false
		}
	}
	return true
}
