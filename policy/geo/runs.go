package geo

import (
	"math/bits"
	"slices"
	"sync"
)

// index narrows the search for a run down by the top 64 bits of the address,
// its key: by 16 bits, and then by as many more as there are runs to tell apart,
// for most of the space is empty and a few 16-bit prefixes are crowded.
type index struct {
	offset []uint32 // where in fine the entries of a 16-bit prefix begin; their number is a power of 2
	fine   []uint32 // the run in which an entry's first address is; one more for the last run
}

// oneRun is the index of a single run, which all single runs share.
var oneRun = sync.OnceValue(func() index { return buildIndex(1, nil) })

// newIndex makes the index of n runs; atMost says whether run i begins at or before the first address of a key.
func newIndex(n int, atMost func(i int, key uint64) bool) index {
	if n == 1 {
		return oneRun()
	}
	return buildIndex(n, atMost)
}

func buildIndex(n int, atMost func(i int, key uint64) bool) index {
	x := index{offset: make([]uint32, 1<<16+1)}
	run := 0
	for p := range uint64(1 << 16) {
		x.offset[p] = uint32(len(x.fine))
		for run+1 < n && atMost(run+1, p<<48) {
			run++
		}
		last := run // of the runs that begin before the next prefix
		for last+1 < n && atMost(last+1, p<<48|(1<<48-1)) {
			last++
		}
		width := max(bits.Len(uint(last-run))-1, 0)
		for q := range uint64(1) << width {
			for run+1 < n && atMost(run+1, p<<48|q<<(48-width)) {
				run++
			}
			x.fine = append(x.fine, uint32(run))
		}
	}
	x.offset[1<<16] = uint32(len(x.fine))
	x.fine = slices.Clip(append(x.fine, uint32(n-1)))
	return x
}

// around are the first and the last run that an address with this key can be in.
func (x *index) around(key uint64) (low, high int) {
	p := key >> 48
	first := x.offset[p]
	width := bits.Len32(x.offset[p+1]-first) - 1
	entry := first + uint32(key<<16>>(64-width))
	return int(x.fine[entry]), int(x.fine[entry+1])
}

func (x *index) bytes() int { return 4 * (len(x.offset) + len(x.fine)) }

// runs4 is the IPv4 address space as runs: run i has values[i] from starts[i]
// to the address before starts[i+1]. The first start is 0 and no two neighbours have one value.
type runs4[V uint16 | uint32] struct {
	starts []uint32
	values []V
	index  index
}

// append adds a run that begins at start, which is above every start before it.
func (r *runs4[V]) append(start uint32, v V) {
	if n := len(r.values); n == 0 || r.values[n-1] != v {
		r.starts = append(r.starts, start)
		r.values = append(r.values, v)
	}
}

// finish makes the index, after the last append.
func (r *runs4[V]) finish() {
	r.starts, r.values = slices.Clone(r.starts), slices.Clone(r.values) // gives back what append took in advance
	r.index = newIndex(len(r.starts), func(i int, key uint64) bool { return uint64(r.starts[i])<<32 <= key })
}

// lookup is the value at x and the length of the widest prefix around x inside its run.
func (r *runs4[V]) lookup(x uint32) (v V, length int) {
	low, high := r.index.around(uint64(x) << 32)
	for low < high { // the last run that begins at or before x
		middle := int(uint(low+high+1) >> 1)
		if r.starts[middle] <= x {
			low = middle
		} else {
			high = middle - 1
		}
	}
	// A prefix stays inside the run if it leaves out the address before the run and the one after it.
	if low > 0 {
		length = bits.LeadingZeros32(x^(r.starts[low]-1)) + 1
	}
	if low+1 < len(r.starts) {
		length = max(length, bits.LeadingZeros32(x^r.starts[low+1])+1)
	}
	return r.values[low], length
}

func (r *runs4[V]) bytes() int {
	var v V
	return 4*len(r.starts) + bits.Len64(uint64(^v))/8*len(r.values) + r.index.bytes()
}

// uniform says whether the whole space is one run, and of what.
func (r *runs4[V]) uniform() (v V, ok bool) { return r.values[0], len(r.values) == 1 }

// zip goes through the stretches of addresses in which each of two rows of runs
// has one value, in order. Both begin at the first address there is.
func zip[A any](less func(a, b A) bool, aStarts []A, a []uint32, bStarts []A, b []uint32, visit func(start A, a, b uint32)) {
	j := 0
	for i, start := range aStarts {
		if j+1 < len(bStarts) && !less(start, bStarts[j+1]) { // only at the same start: an earlier one was visited below
			j++
		}
		visit(start, a[i], b[j])
		for j+1 < len(bStarts) && (i+1 == len(aStarts) || less(bStarts[j+1], aStarts[i+1])) {
			j++
			visit(bStarts[j], a[i], b[j])
		}
	}
}

func zip4(a, b *runs4[uint32], visit func(start, a, b uint32)) {
	zip(func(a, b uint32) bool { return a < b }, a.starts, a.values, b.starts, b.values, visit)
}

func zip6(a, b *runs6[uint32], visit func(start word, a, b uint32)) {
	zip(word.less, a.starts, a.values, b.starts, b.values, visit)
}

// runs6 is runs4 for IPv6.
type runs6[V uint16 | uint32] struct {
	starts []word
	values []V
	index  index
}

func (r *runs6[V]) append(start word, v V) {
	if n := len(r.values); n == 0 || r.values[n-1] != v {
		r.starts = append(r.starts, start)
		r.values = append(r.values, v)
	}
}

func (r *runs6[V]) finish() {
	r.starts, r.values = slices.Clone(r.starts), slices.Clone(r.values) // gives back what append took in advance
	r.index = newIndex(len(r.starts), func(i int, key uint64) bool { return r.starts[i].atMost(word{hi: key}) })
}

func (r *runs6[V]) lookup(x word) (v V, length int) {
	low, high := r.index.around(x.hi)
	for low < high {
		middle := int(uint(low+high+1) >> 1)
		if r.starts[middle].atMost(x) {
			low = middle
		} else {
			high = middle - 1
		}
	}
	if low > 0 {
		length = x.commonLength(r.starts[low].previous()) + 1
	}
	if low+1 < len(r.starts) {
		length = max(length, x.commonLength(r.starts[low+1])+1)
	}
	return r.values[low], length
}

func (r *runs6[V]) bytes() int {
	var v V
	return 16*len(r.starts) + bits.Len64(uint64(^v))/8*len(r.values) + r.index.bytes()
}

// carve puts v at each of the spans, which are in order and do not touch, whatever was there.
func (r *runs6[V]) carve(spans []span, v V) runs6[V] {
	out := runs6[V]{starts: make([]word, 0, len(r.starts)+2*len(spans)), values: make([]V, 0, len(r.starts)+2*len(spans))}
	for i, start := range r.starts {
		end := lastWord
		if i+1 < len(r.starts) {
			end = r.starts[i+1].previous()
		}
		whole := false // the rest of the run is under a span
		for len(spans) > 0 && spans[0].first.atMost(end) && !whole {
			s := spans[0]
			if start.less(s.first) {
				out.append(start, r.values[i])
			}
			if start.atMost(s.first) {
				out.append(s.first, v)
			}
			if end.less(s.last) {
				whole = true
				continue
			}
			spans = spans[1:]
			start, whole = s.last.next(), s.last == end
		}
		if !whole {
			out.append(start, r.values[i])
		}
	}
	return out
}
