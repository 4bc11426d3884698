package node

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

const (
	sampleEvery  = 5 * time.Second
	samplesKept  = int(10*time.Minute/sampleEvery) + 1 // an interval is between two
	rateInterval = 2                                   // samples that the present rates go back
)

// traffic keeps what the counters of the DNS server were of late. They are read
// every 5 seconds; whoever answers queries does nothing for it.
type traffic struct {
	totals func() dnsserver.Totals
	began  time.Time

	mu      sync.Mutex
	samples []trafficSample // oldest first
}

type trafficSample struct {
	at time.Time // with its monotonic clock
	dnsserver.Totals
}

func newTraffic(totals func() dnsserver.Totals, now time.Time) *traffic {
	t := &traffic{totals: totals, began: now}
	t.take(now)
	return t
}

// Run takes samples until ctx ends.
func (t *traffic) Run(ctx context.Context) error {
	return every(ctx, sampleEvery, func() { t.take(time.Now()) })
}

func (t *traffic) take(now time.Time) {
	totals := t.totals()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.samples) == samplesKept {
		t.samples = slices.Delete(t.samples, 0, 1)
	}
	t.samples = append(t.samples, trafficSample{now, totals})
}

// tell is what the samples say at a time.
func (t *traffic) tell(now time.Time) policy.NodeStats {
	t.mu.Lock()
	samples := slices.Clone(t.samples)
	t.mu.Unlock()
	s := policy.NodeStats{Uptime: policy.Duration(now.Sub(t.began)), History: []policy.TrafficInterval{}}
	last := samples[len(samples)-1]
	s.Age = policy.Duration(now.Sub(last.at))
	from := samples[max(0, len(samples)-1-rateInterval)]
	rate := func(a, b uint64) float64 { return perSecond(from, last, a, b) }
	s.Queries = rate(from.Queries(), last.Queries())
	s.ByTransport = policy.TransportRates{UDP: rate(from.UDP, last.UDP), TCP: rate(from.TCP, last.TCP), DoT: rate(from.DoT, last.DoT)}
	s.Answers = policy.AnswerRates{
		NoError: rate(from.NoError, last.NoError), NXDomain: rate(from.NXDomain, last.NXDomain), Refused: rate(from.Refused, last.Refused),
		ServFail: rate(from.ServFail, last.ServFail), Other: rate(from.Other, last.Other),
	}
	s.Dropped = rate(from.Dropped, last.Dropped)
	for i := 1; i < len(samples); i++ {
		a, b := samples[i-1], samples[i]
		s.History = append(s.History, policy.TrafficInterval{
			Until:   b.at.Round(0).UTC(),
			Queries: perSecond(a, b, a.Queries(), b.Queries()), NXDomain: perSecond(a, b, a.NXDomain, b.NXDomain), Refused: perSecond(a, b, a.Refused, b.Refused),
		})
	}
	return s
}

func perSecond(from, to trafficSample, a, b uint64) float64 {
	if d := to.at.Sub(from.at).Seconds(); d > 0 {
		return float64(b-a) / d
	}
	return 0
}

// counted is what was counted in a snapshot, for as long as that is the one in use.
type counted struct {
	mu        sync.Mutex
	of        *snapshot.Snapshot
	endpoints policy.EndpointCount
	services  policy.ServiceCount
}

func (c *counted) in(s *snapshot.Snapshot) (policy.EndpointCount, policy.ServiceCount) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of != s {
		c.endpoints, c.services = s.Count()
		c.of = s
	}
	return c.endpoints, c.services
}

// tellStats is this node's own part.
func (n *Node) tellStats() policy.NodeStats {
	s := n.traffic.tell(time.Now())
	s.Node, s.ID = n.cfg.Node, n.id()
	return s
}

// Stats asks every node how busy it is, for a second at most.
func (n *Node) Stats(ctx context.Context) policy.Stats {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	state := n.State()
	members := nodesOf(state, "")
	told, failed := make([]policy.NodeStats, len(members)), make([]bool, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			if m.ID == n.id() {
				told[i] = n.tellStats()
				return
			}
			failed[i] = n.call(ctx, m.Cluster, "stats", struct{}{}, &told[i]) != nil
			byClock(&told[i], time.Now())
		})
	}
	all.Wait()
	out := policy.Stats{Nodes: []policy.NodeStats{}, Missing: []string{}, Index: state.Index, Services: policy.ServiceCount{Items: []policy.ServiceShort{}}}
	for i, m := range members {
		if failed[i] {
			out.Missing = append(out.Missing, m.Node)
			continue
		}
		out.Queries += told[i].Queries
		out.Nodes = append(out.Nodes, told[i])
	}
	slices.SortFunc(out.Nodes, func(a, b policy.NodeStats) int { return strings.Compare(a.Node+a.ID, b.Node+b.ID) })
	slices.Sort(out.Missing)
	if snap := n.publisher.snapshot(); snap != nil {
		out.Index = snap.State.Index
		out.Endpoints, out.Services = n.counted.in(snap)
	}
	return out
}

// byClock puts the times of what another node told by this one's clock: no wall clock of another plays a part (I-21).
func byClock(s *policy.NodeStats, now time.Time) {
	if len(s.History) == 0 {
		return
	}
	ahead := now.Add(-time.Duration(s.Age)).Sub(s.History[len(s.History)-1].Until)
	for i := range s.History {
		s.History[i].Until = s.History[i].Until.Add(ahead).UTC()
	}
}
