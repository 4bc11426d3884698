package probes

import (
	"context"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Bounds on probes that somebody asks for: they must not become a way to load a target (S-17).
const (
	nowEvery  = time.Second // at least, between two of one endpoint
	nowAtOnce = 10          // of one node
)

// asked counts the probes that somebody asked for.
type asked struct {
	mu      sync.Mutex
	running int
	last    map[string]time.Time // by endpoint; those within nowEvery
}

// begin takes a turn, or says why there is none.
func (a *asked) begin(endpoint string, now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id, at := range a.last {
		if now.Sub(at) >= nowEvery {
			delete(a.last, id)
		}
	}
	if _, soon := a.last[endpoint]; soon {
		return policy.Errorf(policy.TooMany, "%s was probed by request less than %v ago; try again", endpoint, nowEvery)
	}
	if a.running >= nowAtOnce {
		return policy.Errorf(policy.TooMany, "this vantage makes %d probes by request already; try again when they are done", a.running)
	}
	if a.last == nil {
		a.last = map[string]time.Time{}
	}
	a.last[endpoint] = now
	a.running++
	return nil
}

func (a *asked) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
}

// Now makes one probe of a check at once, under the same Guard as all others. It
// counts for no opinion and is not remembered. It fails with TooMany when the
// endpoint was probed so within the last second, or ten such probes are running.
func (p *Prober) Now(ctx context.Context, check policy.Check) (policy.ProbeResult, error) {
	if err := p.asked.begin(check.Endpoint, time.Now()); err != nil {
		return policy.ProbeResult{}, err
	}
	defer p.asked.end()
	var trace Trace
	at := time.Now()
	s := p.sample(ctx, check, &trace)
	if ctx.Err() != nil {
		return policy.ProbeResult{}, policy.Errorf(policy.Unavailable, "the probe was given up before it was done")
	}
	r := policy.ProbeResult{
		Endpoint: check.Endpoint, Check: check.ID, Monitor: check.Monitor.Name, Kind: kindOf(check.Monitor), Evidence: s.Evidence(at),
	}
	r.Evidence.TLSVersion, r.Evidence.Status = trace.TLSVersion, trace.Status
	return r, nil
}
