package dnsserver

import (
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	sampleSlots    = 256  // samples that wait to be taken away; beyond them samples are dropped
	sampleQuery    = 512  // octets of a query that are kept
	sampleResponse = 1232 // and of a response
)

// Sample is a query and its response, as they were on the wire but for what is cut off at their ends.
type Sample struct {
	At              time.Time
	Client          netip.Addr
	Query, Response []byte // good until the next
}

// sampling is where workers leave samples. It is made when sampling is turned on and never grows. A worker takes
// a slot or drops its sample; nobody waits for anybody.
type sampling struct {
	every   uint32
	next    atomic.Uint32
	dropped atomic.Uint64
	slots   [sampleSlots]sampleSlot
}

// sampleSlot is empty, being written, or full.
type sampleSlot struct {
	state        atomic.Uint32
	at           int64 // by Server.now
	client       netip.Addr
	q, r         int
	queryData    [sampleQuery]byte
	responseData [sampleResponse]byte
}

const (
	slotEmpty = iota
	slotWriting
	slotFull
)

// SetSampling has every so-manieth query of each worker kept for Samples; 0 ends it.
func (s *Server) SetSampling(every int) {
	if every <= 0 {
		s.sampling.Store(nil)
		return
	}
	s.sampling.Store(&sampling{every: uint32(every)})
}

// sample leaves a query and its response, if it is this one's turn.
func (w *worker) sample(packet, response []byte, client netip.Addr) {
	t := w.sampling
	if w.asked++; w.asked%t.every != 0 {
		return
	}
	slot := &t.slots[t.next.Add(1)%sampleSlots]
	if !slot.state.CompareAndSwap(slotEmpty, slotWriting) {
		t.dropped.Add(1)
		return
	}
	slot.at, slot.client = w.now, client
	slot.q, slot.r = copy(slot.queryData[:], packet), copy(slot.responseData[:], response)
	slot.state.Store(slotFull)
}

// Samples takes away what workers have left, and says how many they had to drop since sampling began. One caller at a time.
func (s *Server) Samples(yield func(Sample)) (dropped uint64) {
	t := s.sampling.Load()
	if t == nil {
		return 0
	}
	for i := range t.slots {
		slot := &t.slots[i]
		if slot.state.Load() == slotFull {
			yield(Sample{At: s.epoch.Add(time.Duration(slot.at)), Client: slot.client, Query: slot.queryData[:slot.q], Response: slot.responseData[:slot.r]})
			slot.state.Store(slotEmpty)
		}
	}
	return t.dropped.Load()
}
