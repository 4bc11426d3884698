// Package limit bounds how many responses of one kind go to one network (S-01):
// response rate limiting, against the use of a server to flood somebody whose
// address the queries bear.
//
// What is counted together is a Key: the client's network (an IPv4 /24 or an
// IPv6 /56), the zone and the class of the response. The zone, not the name,
// because there is no end of names: random names, those under a wildcard among
// them, would escape. A client subnet in the query is never part of it: who
// sends queries can write there what he likes (D-77).
//
// # Default
//
// 500 responses a second for each Key. Behind one /24 of resolvers without
// cookies that is a cache entry used up every 2 ms; with a TTL of 30 s as many as
// 15,000 steered names and client subnets in steady use, more than public
// resolvers are known to ask of one zone from one /24. For the victim it is at
// most 500 datagrams a second of each class, and with the default limit on
// amplification about 1.2 Mbit/s. A full second's worth may come at once.
//
// A resolver is never shut out: every second response beyond the limit is sent
// truncated, so that it asks again over TCP, which is not limited and proves its address;
// and one that sends cookies is not limited from its second query on.
//
// # How
//
// A fixed table of cells, two of which, by a hash with a secret of this
// process, belong to a Key. Each cell holds the time until which what was let
// through is paid for (a token bucket, in the form that is one number), and the
// earlier of the two counts: a count-min sketch. What passes is paid for in both. So no Key
// gets more than its rate, but for one response for each other goroutine that takes at that very
// moment; and one gets less only if both its cells are shared with Keys that are
// beyond theirs, with N of those in a chance of about (N/65536)^2. There is no lock, nothing
// allocates, and memory stays at 1 MiB whatever comes in.
package limit

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/dchest/siphash"
)

// Class is the kind of a response.
type Class uint8

// The classes. Errors are limited per network alone.
const (
	Answer Class = iota
	NoData
	NXDomain
	Referral
	Error
)

// Key is what is counted together.
type Key struct {
	Client netip.Addr
	Zone   uint64 // a hash of the zone's name; 0 outside all zones
	Class  Class
}

const cells = 1 << 17

// Limiter is the table. Many goroutines may use one.
type Limiter struct {
	interval int64 // nanoseconds a response takes at the limit
	burst    int64
	k0, k1   uint64
	until    [cells]atomic.Int64
}

// New makes a limiter of so many responses a second for each Key; 1 to 1,000,000.
func New(perSecond int) *Limiter {
	return &Limiter{interval: int64(time.Second) / int64(perSecond), burst: int64(time.Second), k0: rand.Uint64(), k1: rand.Uint64()}
}

// Take says whether one more response with the key may go. now is monotonic
// time in nanoseconds, from any origin.
func (l *Limiter) Take(k Key, now int64) bool {
	a, b := l.cells(k)
	for {
		low, high := a, b
		was := low.Load()
		if other := high.Load(); other < was {
			low, high, was = high, low, other
		}
		paid := max(was, now) + l.interval
		if paid > now+l.burst {
			return false
		}
		if low.CompareAndSwap(was, paid) {
			l.pay(high, now)
			return true
		}
	}
}

// pay counts a response in a cell as well, which is never more in debt than the limit allows.
// It adds instead of copying what the other cell says: of two goroutines that took one each from the
// two cells both count.
func (l *Limiter) pay(cell *atomic.Int64, now int64) {
	for {
		was := cell.Load()
		paid := max(was, now) + l.interval
		if paid > now+l.burst || cell.CompareAndSwap(was, paid) {
			return
		}
	}
}

// cells are the two of a key.
func (l *Limiter) cells(k Key) (a, b *atomic.Int64) {
	var data [8 + 8 + 1]byte
	if k.Client.Is4() {
		ip := k.Client.As4()
		copy(data[1:], ip[:3]) // the first octet, 0, is no global IPv6 address's
	} else {
		ip := k.Client.As16()
		copy(data[:], ip[:7])
	}
	binary.LittleEndian.PutUint64(data[8:], k.Zone)
	data[16] = byte(k.Class)
	hash := siphash.Hash(l.k0, l.k1, data[:])
	return &l.until[hash%(cells/2)], &l.until[cells/2+hash>>32%(cells/2)]
}
