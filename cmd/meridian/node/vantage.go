package node

import (
	"context"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// reportEvery is the constant rate at which a vantage sends its table.
const reportEvery = time.Second

// reporter sends this vantage's table to every node: at a constant rate, and
// at once when an opinion changes. A node that does not take one in time does
// not hold up the others, and gets the newest next.
type reporter struct {
	members func() []policy.Member // the other nodes
	table   func() policy.Report
	changed <-chan struct{}
	take    func(policy.Report) // this node's own hearing
	send    func(ctx context.Context, addr string, body []byte) error

	mu      sync.Mutex
	sending map[string]bool // by address; true: something newer is waiting
	latest  []byte
	running sync.WaitGroup
}

// Run reports until ctx ends.
func (r *reporter) Run(ctx context.Context) error {
	r.sending = map[string]bool{}
	tick := time.NewTicker(reportEvery)
	defer tick.Stop()
	defer r.running.Wait()
	for {
		report := r.table()
		r.take(report)
		body, err := report.MarshalBinary()
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.latest = body
		r.mu.Unlock()
		for _, m := range r.members() {
			r.start(ctx, m.Cluster)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-r.changed:
		}
	}
}

// start sends the latest table to an address, unless that is going on already: then it goes next.
func (r *reporter) start(ctx context.Context, addr string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, busy := r.sending[addr]; busy {
		r.sending[addr] = true
		return
	}
	r.sending[addr] = false
	r.running.Go(func() {
		for again := true; again && ctx.Err() == nil; {
			r.mu.Lock()
			body := r.latest
			r.mu.Unlock()
			limit, cancel := context.WithTimeout(ctx, reportEvery)
			_ = r.send(limit, addr, body) // who is not heard from shows in the status; the next table comes in a second
			cancel()
			r.mu.Lock()
			if again = r.sending[addr]; again {
				r.sending[addr] = false
			} else {
				delete(r.sending, addr)
			}
			r.mu.Unlock()
		}
		r.mu.Lock()
		delete(r.sending, addr)
		r.mu.Unlock()
	})
}
