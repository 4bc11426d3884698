package node

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
)

// A vantage sends its table at a constant rate: once in each period, which
// grows with the table so that no more than reportRate octets a second go to a node.
const (
	minReportPeriod = 200 * time.Millisecond
	maxReportPeriod = time.Second
	reportRate      = 384 << 10
)

func reportPeriod(octets int) time.Duration {
	return min(maxReportPeriod, max(minReportPeriod, time.Duration(octets)*time.Second/reportRate))
}

// reportOctets counts what a vantage sends, which is the same when all is well and when all fails.
func reportOctets(registry *prometheus.Registry) prometheus.Counter {
	c := prometheus.NewCounter(prometheus.CounterOpts{
		Namespace: "meridian", Subsystem: "probe", Name: "report_octets_total", Help: "Octets of the reports sent to other nodes. Their rate does not follow failures.",
	})
	registry.MustRegister(c)
	return c
}

// reporter sends this vantage's table to every node once in each period: at its
// end, or at once when an opinion changes. A node that does not take one in time
// does not hold up the others, and gets the newest next.
type reporter struct {
	members func() []policy.Member // the other nodes
	table   func() policy.Report
	changed <-chan struct{}
	take    func(policy.Report) // this node's own hearing
	send    func(ctx context.Context, addr string, body []byte) error
	octets  prometheus.Counter // sent

	mu      sync.Mutex
	sending map[string]bool // by address; true: something newer is waiting
	latest  []byte
	running sync.WaitGroup
}

// Run reports until ctx ends.
func (r *reporter) Run(ctx context.Context) error {
	r.sending = map[string]bool{}
	defer r.running.Wait()
	period := minReportPeriod
	end := time.NewTicker(period)
	defer end.Stop()
	sent := false
	for {
		changed := r.changed
		if sent { // what changes now waits for the next period
			changed = nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-end.C:
			if sent {
				sent = false
				continue
			}
		case <-changed:
			sent = true
		}
		octets, err := r.report(ctx)
		if err != nil {
			return err
		}
		if p := reportPeriod(octets); p != period {
			period = p
			end.Reset(period)
		}
	}
}

// report sends the table as it is now, and says how long it is.
func (r *reporter) report(ctx context.Context) (octets int, err error) {
	report := r.table()
	r.take(report)
	body, err := report.MarshalBinary()
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	r.latest = body
	r.mu.Unlock()
	for _, m := range r.members() {
		r.start(ctx, m.Cluster)
	}
	return len(body), nil
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
			limit, cancel := context.WithTimeout(ctx, maxReportPeriod)
			r.octets.Add(float64(len(body)))
			_ = r.send(limit, addr, body) // who is not heard from shows in the status; the next table comes within a second
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
