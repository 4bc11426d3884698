package probes

import (
	"container/heap"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// SetChecks replaces what is probed. A check whose revision stands keeps its
// track, and its place in the schedule unless its interval has changed; any other
// starts anew, at a random moment within its first interval (or within 30 s when
// that is longer), so that nodes and checks that start together do not probe
// together (I-19).
func (p *Prober) SetChecks(checks []policy.Check) {
	checks = slices.Clone(checks)
	slices.SortFunc(checks, func(a, b policy.Check) int { return strings.Compare(a.ID, b.ID) })
	checks = slices.CompactFunc(checks, func(a, b policy.Check) bool { return a.ID == b.ID })
	now := time.Now()

	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.order
	p.order = make([]*task, len(checks))
	p.answers = answers{}
	for i, c := range checks {
		for len(old) > 0 && old[0].check.ID < c.ID {
			old[0].gone = true
			old = old[1:]
		}
		var t *task
		if len(old) > 0 && old[0].check.ID == c.ID {
			t, old = old[0], old[1:]
			if t.check.Revision != c.Revision {
				t.gone = true
				t = nil
			}
		}
		switch {
		case t == nil:
			t = &task{last: Last{Check: c.ID}, next: now.Add(p.phase(c))}
		case t.check.Monitor.Interval != c.Monitor.Interval:
			t.next = now.Add(p.phase(c))
		}
		t.check = c
		p.order[i] = t
		p.answers.add(t.last, 1)
	}
	for _, t := range old {
		t.gone = true
	}
	p.schedule = slices.Clone(p.order)
	heap.Init(&p.schedule)
	signal(p.wake)
}

// phase is the wait before the first probe: full jitter.
func (p *Prober) phase(c policy.Check) time.Duration {
	return time.Duration(p.cfg.Rand() * float64(min(time.Duration(c.Monitor.Interval), maxPhase)))
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
				p.probe(ctx, d.task, d.check)
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
	for _, t := range p.schedule {
		t.running = false
		if t.next.Before(now) {
			t.next = now.Add(p.phase(t.check))
		}
	}
	heap.Init(&p.schedule)
}

// start is a probe to be started now, with the check as it was decided.
type start struct {
	task  *task
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
		t := p.schedule[0]
		if t.next.After(now) {
			return list, t.next.Sub(now)
		}
		interval := max(time.Duration(t.check.Monitor.Interval), time.Millisecond)
		missed := now.Sub(t.next) / interval
		t.next = t.next.Add((missed + 1) * interval)
		heap.Fix(&p.schedule, 0)
		if missed > 0 || t.running {
			p.metrics.skipped.Inc()
		}
		if !t.running {
			t.running = true
			list = append(list, start{t, t.check})
		}
	}
	return list, time.Hour
}

// schedule is a heap of tasks, the next one to be probed first.
type schedule []*task

func (s schedule) Len() int           { return len(s) }
func (s schedule) Less(i, j int) bool { return s[i].next.Before(s[j].next) }
func (s schedule) Swap(i, j int)      { s[i], s[j] = s[j], s[i] }

// Push completes heap.Interface; SetChecks makes the heap as a whole.
func (s *schedule) Push(t any) { *s = append(*s, t.(*task)) }

// Pop completes heap.Interface.
func (s *schedule) Pop() any {
	last := len(*s) - 1
	t := (*s)[last]
	*s = (*s)[:last]
	return t
}
