package node

import (
	"container/list"
	"context"
	"log/slog"
	"math"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// How beacons become latencies. What clients send never goes through Raft one
// by one: each node gathers what comes to it, for a minute.
const (
	beaconEvery    = time.Minute
	beaconPlaces   = 50_000    // networks with a region each that a node gathers for at once; the one not heard of for longest goes
	beaconSamples  = 16        // of a place that are kept: the latest
	beaconHalfLife = time.Hour // in which an old value loses half its weight
	beaconRenew    = time.Hour // before its end a value that has not moved is put again
	beaconMinMs    = 2         // a median that is nearer than this, or than a tenth, has not moved
)

// beaconPlace is what is measured: from where, and to where.
type beaconPlace struct {
	network netip.Prefix
	region  string
}

// beaconCell is what a minute has brought for one place.
type beaconCell struct {
	place  beaconPlace
	latest [beaconSamples]float64 // a ring, in milliseconds
	count  int                    // of all that came
}

func (c *beaconCell) add(ms float64) {
	c.latest[c.count%beaconSamples] = ms
	c.count++
}

// median is the middle of the latest samples.
func (c *beaconCell) median() float64 {
	s := slices.Sorted(slices.Values(c.latest[:min(c.count, beaconSamples)]))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// beacons gathers what clients have measured, and brings what has moved into State.
type beacons struct {
	propose func(context.Context, change.Change) (policy.Outcome, error)
	state   func() *policy.State
	actor   string
	log     *slog.Logger

	mu    sync.Mutex
	cells map[beaconPlace]*list.Element
	order list.List // of *beaconCell, the one heard of last at the back
}

// hear takes in what one client has measured.
func (b *beacons) hear(client netip.Addr, rtts []policy.RTT) {
	network := beaconNetwork(client)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range rtts {
		b.cell(beaconPlace{network, r.Region}).add(r.Ms)
	}
}

// beaconNetwork is the /24 or /48 that stands for a client. IPv4 inside IPv6 counts as IPv4.
func beaconNetwork(client netip.Addr) netip.Prefix {
	a, _, _ := geo.Normalize(client.WithZone(""), client.BitLen())
	bits := 48
	if a.Is4() {
		bits = 24
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// cell finds the place's cell or makes room for it.
func (b *beacons) cell(p beaconPlace) *beaconCell {
	if e, ok := b.cells[p]; ok {
		b.order.MoveToBack(e)
		return e.Value.(*beaconCell)
	}
	if len(b.cells) >= beaconPlaces {
		oldest := b.order.Remove(b.order.Front()).(*beaconCell)
		delete(b.cells, oldest.place)
	}
	c := &beaconCell{place: p}
	if b.cells == nil {
		b.cells = map[beaconPlace]*list.Element{}
	}
	b.cells[p] = b.order.PushBack(c)
	return c
}

// take gives what has been gathered, that of longest ago first, and begins anew.
func (b *beacons) take() []*beaconCell {
	b.mu.Lock()
	defer b.mu.Unlock()
	cells := make([]*beaconCell, 0, len(b.cells))
	for e := b.order.Front(); e != nil; e = e.Next() {
		cells = append(cells, e.Value.(*beaconCell))
	}
	b.cells = nil
	b.order.Init()
	return cells
}

// giveBack keeps for the next minute what could not be brought in, as far as there is room.
func (b *beacons) giveBack(cells []*beaconCell) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range slices.Backward(cells) {
		if _, ok := b.cells[c.place]; ok || len(b.cells) >= beaconPlaces {
			continue // there is something newer
		}
		if b.cells == nil {
			b.cells = map[beaconPlace]*list.Element{}
		}
		b.cells[c.place] = b.order.PushFront(c)
	}
}

// Run brings what has moved into State, once a minute, until ctx ends.
func (b *beacons) Run(ctx context.Context) error {
	return every(ctx, beaconEvery, func() { b.bring(ctx) })
}

// bring proposes one change with what has moved, or none.
func (b *beacons) bring(ctx context.Context) {
	cells := b.take()
	if len(cells) == 0 {
		return
	}
	s := b.state()
	m := moved(s, max(s.Clock, time.Now().UnixNano()), cells) // another node's State has the clock of the last change
	b.giveBack(m.later)
	if m.full > 0 {
		b.log.Warn("the table of latencies has no room for more networks, so that their beacons are left out; take some out, or put latencies of wider networks", "most", policy.MaxLatencies, "left out", m.full)
	}
	if len(m.put) == 0 {
		return
	}
	limit, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	out, err := b.propose(limit, change.Change{Actor: b.actor, Body: change.PutLatency{Measurements: m.put}})
	if err == nil && out.Refused != nil {
		err = out.Refused
	}
	if err != nil && ctx.Err() == nil {
		b.giveBack(m.from)
		b.log.Warn("what beacons have measured could not be brought in; it is tried again in a minute", "measurements", len(m.put), "error", err)
	}
}

// movement is what becomes of the cells of a minute.
type movement struct {
	put   []change.Measurement
	from  []*beaconCell // what put was made of
	later []*beaconCell // what one change has no room for
	full  int           // places that State has no room for
}

// moved finds the medians to bring in: those of new places, those that are off
// by more than a tenth and by more than beaconMinMs, and those whose entry is
// about to expire. What is put is the old value and the median, blended by the old one's age.
func moved(s *policy.State, now int64, cells []*beaconCell) (m movement) {
	subjects := map[string]int{} // regions that each would have
	room := policy.MaxLatencies - s.Latencies.Len()
	for _, c := range cells {
		if !s.Regions.Has(c.place.region) {
			continue // it has gone meanwhile
		}
		key := c.place.network.String()
		l, known := s.Latencies.Get(key)
		old, ok := l.Region(c.place.region)
		median := c.median()
		if ok && math.Abs(median-old.Ms) <= max(beaconMinMs, old.Ms/10) && old.Due()-now > int64(beaconRenew) {
			continue
		}
		if len(m.put) == change.MaxMeasured {
			m.later = append(m.later, c)
			continue
		}
		n, met := subjects[key]
		if !met {
			n = len(l.Regions)
		}
		switch {
		case ok:
		case !known && !met && room == 0, n == policy.MaxLatencyRegions:
			m.full++
			continue
		default:
			if !known && !met {
				room--
			}
			n++
		}
		subjects[key] = n
		next := change.Measurement{Subject: key, Region: c.place.region, Ms: median, Samples: min(c.count, change.MaxSamples)}
		if ok {
			next.Ms = blend(old.Ms, time.Duration(now-old.At), median)
			next.Samples = min(old.Samples+c.count, change.MaxSamples)
		}
		next.Ms = max(0.01, math.Round(next.Ms*100)/100)
		m.put = append(m.put, next)
		m.from = append(m.from, c)
	}
	return m
}

// blend is an old value and a fresh one; the old one's weight halves with every half-life of its age.
func blend(old float64, age time.Duration, fresh float64) float64 {
	w := math.Exp2(-max(0, age.Seconds()) / beaconHalfLife.Seconds())
	return old*w + fresh*(1-w)
}
