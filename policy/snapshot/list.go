package snapshot

import (
	"iter"
	"slices"
)

// List is a list in chunks, so that a copy with one other element shares the
// rest: what a flip costs does not follow how much there is. Its zero value is empty.
type List[T any] struct {
	chunks []*chunk[T]
	length int
}

const chunkBits = 8

type chunk[T any] [1 << chunkBits]T

// Len is how many elements there are.
func (l *List[T]) Len() int { return l.length }

// At is an element.
func (l *List[T]) At(i int32) T { return l.chunks[i>>chunkBits][i&(1<<chunkBits-1)] }

// All goes through the elements.
func (l *List[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i := range l.length {
			if !yield(i, l.At(int32(i))) {
				return
			}
		}
	}
}

// NewList makes a list of what at gives for 0 to n-1.
func NewList[T any](n int, at func(int32) T) List[T] {
	l := List[T]{length: n, chunks: make([]*chunk[T], (n+1<<chunkBits-1)>>chunkBits)}
	for i := range n {
		if i&(1<<chunkBits-1) == 0 {
			l.chunks[i>>chunkBits] = new(chunk[T])
		}
		l.chunks[i>>chunkBits][i&(1<<chunkBits-1)] = at(int32(i))
	}
	return l
}

// With is a list with other elements at some places, which are in order. It shares all other chunks.
func (l List[T]) With(places []int32, at func(int32) T) List[T] {
	l.chunks = slices.Clone(l.chunks)
	last := int32(-1)
	for _, i := range places {
		if c := i >> chunkBits; c != last {
			last = c
			own := *l.chunks[c]
			l.chunks[c] = &own
		}
		l.chunks[i>>chunkBits][i&(1<<chunkBits-1)] = at(i)
	}
	return l
}

// Unshared lists the places whose chunks two lists of the same length do not share.
func (l *List[T]) Unshared(other *List[T]) (places []int32) {
	for c := range l.chunks {
		if l.chunks[c] == other.chunks[c] {
			continue
		}
		for i := c << chunkBits; i < min(l.length, (c+1)<<chunkBits); i++ {
			places = append(places, int32(i))
		}
	}
	return places
}
