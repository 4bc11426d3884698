package probes

import (
	"cmp"
	"container/heap"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// SetChecks replaces what is probed. A check whose revision stands keeps its
// track, and its place in the schedule unless its interval or timeout has changed.
// What is new starts at a random moment within its first interval (or within 30 s
// when that is longer), so that nodes and checks that start together do not probe
// together (I-19).
func (p *Prober) SetChecks(checks []policy.Check) {
	checks = slices.Clone(checks)
	slices.SortFunc(checks, func(a, b policy.Check) int { return strings.Compare(a.ID, b.ID) })
	checks = slices.CompactFunc(checks, func(a, b policy.Check) bool { return a.ID == b.ID })

	p.mu.Lock()
	defer p.mu.Unlock()
	old, works := p.order, p.works
	for _, w := range works {
		w.tasks = nil // what is left without any is not probed any more
	}
	p.order, p.works = make([]*task, len(checks)), make(map[workKey]*work, len(works))
	p.answers, p.schedule = answers{}, p.schedule[:0]
	var fresh []*work
	for i, c := range checks {
		for len(old) > 0 && old[0].check.ID < c.ID {
			old = old[1:]
		}
		t := &task{}
		if len(old) > 0 && old[0].check.ID == c.ID && old[0].check.Revision == c.Revision {
			t = old[0]
		}
		t.check = c
		p.order[i] = t
		key := keyOf(&c)
		w, shared := p.works[key]
		switch {
		case shared:
		case works[key] != nil:
			w = works[key]
			p.take(w)
		default:
			w = &work{key: key, invert: c.Monitor.Invert}
			p.take(w)
			fresh = append(fresh, w)
		}
		if t.work == nil && !w.next.IsZero() { // it waits no longer than it would for a target of its own
			w.next = time.Time{}
			fresh = append(fresh, w)
		}
		t.work, w.tasks = w, append(w.tasks, t)
	}
	p.spread(fresh, time.Now())
	heap.Init(&p.schedule)
	signal(p.wake)
}

// take brings a target into the schedule.
func (p *Prober) take(w *work) {
	p.works[w.key] = w
	p.schedule = append(p.schedule, w)
	p.answers.add(w, 1)
}

// spread gives targets the times of their first probes. Those of one interval get
// a stratum of it each, in an order that differs from node to node, and a random
// moment within: full jitter for each, and no window in which many come together.
func (p *Prober) spread(list []*work, now time.Time) {
	order := func(w *work) uint64 { return scatter(w.key.revision ^ p.cfg.Boot) }
	slices.SortFunc(list, func(a, b *work) int {
		return cmp.Or(cmp.Compare(a.key.interval, b.key.interval), cmp.Compare(order(a), order(b)), cmp.Compare(a.key.timeout, b.key.timeout))
	})
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].key.interval == list[0].key.interval {
			n++
		}
		interval := time.Duration(list[0].key.interval)
		for i, w := range list[:n] {
			share := (float64(i) + p.cfg.Rand()) / float64(n)
			w.next, w.settles = now.Add(time.Duration(share*float64(min(interval, maxPhase)))), 0
			if interval > maxPhase {
				w.settles = share
			}
		}
		list = list[n:]
	}
}

// scatter is the finalizer of murmur3: neighbours in, strangers out.
func scatter(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// Run probes until ctx ends, and returns nil when every probe has. It is run once at a time.
func (p *Prober) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait()
	p.begin()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due, wait := p.due(time.Now())
		for _, d := range due {
			select {
			case p.slots <- struct{}{}:
			case <-ctx.Done():
				return nil
			}
			running.Go(func() {
				defer func() { <-p.slots }()
				p.probe(ctx, d.work, d.check)
			})
		}
		if len(due) > 0 {
			continue // time has passed, perhaps a lot of it while waiting for slots
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return nil
		case <-p.wake:
		case <-timer.C:
		}
	}
}

// begin readies the schedule for Run. What was due before gets a new random
// phase, or all of it would be probed at once.
func (p *Prober) begin() {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	var overdue []*work
	for _, w := range p.schedule {
		w.running = false
		if w.next.Before(now) {
			overdue = append(overdue, w)
		}
	}
	p.spread(overdue, now)
	heap.Init(&p.schedule)
}

// start is a probe to be started now, with the check as it was decided.
type start struct {
	work  *work
	check policy.Check
}

// due takes what is due out of the schedule, puts it back for its next turn, and
// says how long there is nothing else to do.
//
// Turns are whole intervals apart from the first one. A prober that has fallen
// behind leaves out turns instead of making up for them in a burst.
func (p *Prober) due(now time.Time) (list []start, wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.schedule) > 0 {
		w := p.schedule[0]
		if w.next.After(now) {
			return list, w.next.Sub(now)
		}
		missed := w.advance(now)
		heap.Fix(&p.schedule, 0)
		if missed || w.running {
			p.metrics.skipped.Inc()
		}
		if !w.running {
			w.running = true
			list = append(list, start{w, w.tasks[0].check})
		}
	}
	return list, time.Hour
}

// advance sets the next turn after now, and says whether turns were left out.
func (w *work) advance(now time.Time) (missed bool) {
	interval := max(time.Duration(w.key.interval), time.Millisecond)
	if w.settles > 0 {
		// The early turns came within maxPhase; from here on they spread over the whole interval.
		w.next = w.next.Add(time.Duration(w.settles * float64(interval-maxPhase)))
		w.settles = 0
		if w.next.After(now) {
			return false
		}
	}
	left := now.Sub(w.next) / interval
	w.next = w.next.Add((left + 1) * interval)
	return left > 0
}

// schedule is a heap of targets, the next one to be probed first.
type schedule []*work

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].next.Before(s[j].next) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push completes heap.Interface; SetChecks makes the heap as a whole.
func (s *schedule) Push(w any) { *s = append(*s, w.(*work)) }

// Pop completes heap.Interface.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	w := (*s)[last]
	*s = (*s)[:last]
	return w
}
