package raftstore

import (
	"sync"
	"time"
)

// Reading is a look at the two clocks of a machine: the wall clock, which can be
// set, and the monotonic one, which only runs.
type Reading struct {
	Wall int64         // nanoseconds of Unix time
	Mono time.Duration // since some moment that is the same for all readings of a process
}

// reader gives readings of this machine from now on.
func reader() func() Reading {
	began := time.Now()
	return func() Reading {
		now := time.Now()
		return Reading{Wall: now.UnixNano(), Mono: now.Sub(began)}
	}
}

// Timekeeper is what one process knows of the State clock, so that it goes on from
// where it is when this process leads. Setting the wall clock while processes run
// moves it neither ahead, which would end drains early, nor holds it back (I-21).
type Timekeeper struct {
	mu     sync.Mutex
	opened Reading
	clock  int64         // that of a state seen
	at     time.Duration // the monotonic clock when it was
}

// NewTimekeeper is one of a process that begins now.
func NewTimekeeper(now Reading) *Timekeeper { return &Timekeeper{opened: now, at: now.Mono} }

// Saw notes the clock of a state that has come up. By the time it came the State
// clock was there or beyond; so that of all states seen which leads furthest counts.
func (k *Timekeeper) Saw(clock int64, now Reading) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if clock > k.runs(now) {
		k.clock, k.at = clock, now.Mono
	}
}

// runs is the State clock by the states seen and the monotonic time since.
func (k *Timekeeper) runs(now Reading) int64 { return k.clock + int64(now.Mono-k.at) }

// Begin is the State clock at which a leader begins now.
//
// What was seen says how late it is at least. It lags when this process was not
// there while time went by; the wall clock tells of that. A wall clock that was
// set since the process began is taken for what it says, or for what it would
// say had nobody set it, whichever is less: there is no telling which is right, and
// nothing must end early. A process that begins with a wrong wall clock is believed.
func (k *Timekeeper) Begin(now Reading) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	unset := k.opened.Wall + int64(now.Mono-k.opened.Mono)
	return max(k.runs(now), min(now.Wall, unset))
}
