package geo

import (
	"math/bits"
	"slices"
)

// runs4 is the IPv4 address space as runs: run i has values[i] from starts[i]
// to the address before starts[i+1]. The first start is 0 and no two neighbours have one value.
type runs4[V uint16 | uint32] struct {
	starts []uint32
	values []V
	index  []uint32 // index[p] is the run of the first address with the top 16 bits p; one more for the last run
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
	r.starts, r.values = slices.Clip(r.starts), slices.Clip(r.values)
	r.index = make([]uint32, 1<<16+1)
	run := 0
	for p := range 1 << 16 {
		for run+1 < len(r.starts) && r.starts[run+1] <= uint32(p)<<16 {
			run++
		}
		r.index[p] = uint32(run)
	}
	r.index[1<<16] = uint32(len(r.starts) - 1)
}

// lookup is the value at x and the length of the widest prefix around x inside its run.
func (r *runs4[V]) lookup(x uint32) (v V, length int) {
	low, high := int(r.index[x>>16]), int(r.index[x>>16+1])
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
	return 4*len(r.starts) + bits.Len64(uint64(^v))/8*len(r.values) + 4*len(r.index)
}

// uniform says whether the whole space is one run, and of what.
func (r *runs4[V]) uniform() (v V, ok bool) { return r.values[0], len(r.values) == 1 }

// runs6 is runs4 for IPv6.
type runs6[V uint16 | uint32] struct {
	starts []word
	values []V
	index  []uint32
}

func (r *runs6[V]) append(start word, v V) {
	if n := len(r.values); n == 0 || r.values[n-1] != v {
		r.starts = append(r.starts, start)
		r.values = append(r.values, v)
	}
}

func (r *runs6[V]) finish() {
	r.starts, r.values = slices.Clip(r.starts), slices.Clip(r.values)
	r.index = make([]uint32, 1<<16+1)
	run := 0
	for p := range 1 << 16 {
		for run+1 < len(r.starts) && r.starts[run+1].atMost(word{hi: uint64(p) << 48}) {
			run++
		}
		r.index[p] = uint32(run)
	}
	r.index[1<<16] = uint32(len(r.starts) - 1)
}

func (r *runs6[V]) lookup(x word) (v V, length int) {
	low, high := int(r.index[x.hi>>48]), int(r.index[x.hi>>48+1])
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
	return 16*len(r.starts) + bits.Len64(uint64(^v))/8*len(r.values) + 4*len(r.index)
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
