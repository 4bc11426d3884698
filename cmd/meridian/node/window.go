package node

import (
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

const (
	keepDepartures = 1000   // that are told of, however old
	maxDepartures  = 10_000 // that are kept while resolvers may hold them
)

// departed is an endpoint that left the answers of a service on this node.
// Times have a monotonic part, so that a wall clock that is set moves none of them.
type departed struct {
	service, endpoint string
	cause, by         string
	index             uint64
	decided           int64     // State clock; 0 when it is not known
	applied           time.Time // when this node applied the change; zero when it is not known
	left              time.Time // the last worker had left the answers with it
	ttl               uint32    // the largest that until is made of
	until             time.Time // from then on no resolver that abides by TTLs holds it, but for policy.WindowSlack
	last              time.Time // answer that named it; zero: none that this node knows of
	stays             bool      // it is still handed out, with a lower TTL
}

// tracker knows what left this node's answers and until when resolvers may
// hold it. What it costs follows what changes between two snapshots.
type tracker struct {
	now func() time.Time

	mu      sync.Mutex
	list    []departed // in order of left
	dropped departed   // stands for what the list had no room for: the longest until of them
	at      policy.Position
	settled *snapshot.Snapshot // the latest that nobody uses one before of
	entries int                // how often the list has changed, for the file
	ring    func()
}

func newTracker(now func() time.Time) *tracker {
	return &tracker{now: now, ring: func() {}}
}

// leaving is one swap of answers, seen when nobody uses those before any more.
type leaving struct {
	old, next *snapshot.Snapshot // old is nil for the first
	applied   time.Time
	last      func(service int32, yield func(endpoint string, at time.Time)) // of the answers before
}

// see notes what a swap took out of answers, and gives what is gone.
func (t *tracker) see(l leaving) (gone []departed) {
	now := t.now()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at, t.settled = l.next.Position, l.next
	defer t.ring()
	if l.old == nil {
		return nil
	}
	last := map[int32]map[string]time.Time{}
	list := l.next.Left(l.old)
	before := t.longest(len(list))
	for _, d := range list {
		e := departed{
			service: d.Service, endpoint: d.Endpoint, index: l.next.Position.Index, applied: l.applied, left: now,
			ttl: d.TTL, until: now.Add(time.Duration(d.TTL) * time.Second), stays: d.Stays,
		}
		if !d.Stays {
			e.cause, e.by, e.decided = causeOf(l.old, l.next, d)
			if last[d.At] == nil {
				last[d.At] = map[string]time.Time{}
				l.last(d.At, func(endpoint string, at time.Time) {
					if at.After(last[d.At][endpoint]) {
						last[d.At][endpoint] = at
					}
				})
			}
			e.last = last[d.At][d.Endpoint]
		}
		t.add(e, before)
		if !d.Stays {
			gone = append(gone, t.list[len(t.list)-1])
		}
	}
	t.prune(now)
	return gone
}

// longest is until when resolvers may hold what left before, by service and endpoint; nothing where nothing leaves now.
func (t *tracker) longest(leaving int) map[[2]string]departed {
	if leaving == 0 {
		return nil
	}
	by := make(map[[2]string]departed, len(t.list))
	for _, e := range t.list {
		if key := [2]string{e.service, e.endpoint}; e.until.After(by[key].until) {
			by[key] = e
		}
	}
	return by
}

// add appends a departure. What resolvers hold from before with a longer TTL counts on.
func (t *tracker) add(e departed, before map[[2]string]departed) {
	if o := before[[2]string{e.service, e.endpoint}]; o.until.After(e.until) {
		e.until, e.ttl = o.until, o.ttl
	}
	t.list = append(t.list, e)
	t.entries++
}

// prune forgets what no resolver holds and is not among the latest.
func (t *tracker) prune(now time.Time) {
	if len(t.list) <= keepDepartures {
		return
	}
	old := len(t.list) - keepDepartures
	kept := t.list[:0:0]
	for i, e := range t.list {
		if i >= old || e.until.Add(time.Duration(policy.WindowSlack)).After(now) {
			kept = append(kept, e)
		}
	}
	for len(kept) > maxDepartures {
		if kept[0].until.After(t.dropped.until) {
			t.dropped = kept[0]
		}
		kept = kept[1:]
	}
	t.list = kept
}

// cover counts every endpoint of every service that a snapshot does not hand
// out as handed out until now, with the service's largest TTL: what the process
// before did is not known. Without a snapshot those that it would hand out count too.
func (t *tracker) cover(s *policy.State, now *snapshot.Snapshot) {
	at := t.now()
	served := map[[2]string]bool{}
	if now != nil {
		for _, svc := range now.Services.All() {
			svc.Handed(func(endpoint string, _ uint32) { served[[2]string{svc.ID, endpoint}] = true })
		}
	}
	for id, o := range s.Services.All {
		ttl := uint32(o.Spec.TTLRange().Max)
		for name := range s.PoolsOf(&o.Spec) {
			pool, ok := s.Pools.Get(name)
			if !ok {
				continue
			}
			for i := range pool.Spec.Endpoints {
				e := policy.EndpointID(name, pool.Spec.Endpoints[i].Name)
				if !served[[2]string{id, e}] {
					served[[2]string{id, e}] = true // a service may have a pool twice
					t.list = append(t.list, departed{
						service: id, endpoint: e, cause: policy.LeftRestart, index: s.Index, left: at, ttl: ttl, until: at.Add(time.Duration(ttl) * time.Second),
					})
				}
			}
		}
	}
	t.entries++
	t.prune(at)
}

// held is what is known of some endpoints.
type held struct {
	ttl     uint32
	until   time.Time // zero: none was ever handed out
	left    time.Time // of those that left at an index or later: when each first did, the latest of it
	applied time.Time
	last    time.Time
	served  map[string]bool // those that are handed out, or were until a moment ago
}

// held gives until when resolvers may hold endpoints; services are ids, none for all.
func (t *tracker) held(endpoints map[string]bool, services []string, index uint64) (h held) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	h.served = map[string]bool{}
	if t.settled != nil {
		t.settled.Serving(endpoints, func(_ int32, service, endpoint string, ttl uint32) {
			if of(services, service) {
				h.served[endpoint] = true
				h.ttl = max(h.ttl, ttl)
			}
		})
	}
	first := map[[2]string]bool{}
	for i := range t.list {
		e := &t.list[i]
		if !endpoints[e.endpoint] || !of(services, e.service) {
			continue
		}
		// Windows that closed before the change are none of its own.
		if e.index < index && !e.until.Add(time.Duration(policy.WindowSlack)).After(now) {
			continue
		}
		if e.until.After(h.until) {
			h.until = e.until
		}
		h.ttl = max(h.ttl, e.ttl)
		if e.last.After(h.last) {
			h.last = e.last
		}
		if pair := [2]string{e.service, e.endpoint}; !e.stays && e.index >= index && !first[pair] {
			first[pair] = true
			if e.left.After(h.left) {
				h.left, h.applied = e.left, e.applied
			}
		}
	}
	if d := &t.dropped; len(endpoints) > 0 && d.until.After(now) && d.until.After(h.until) {
		h.until, h.ttl = d.until, max(h.ttl, d.ttl)
	}
	return h
}

// by are the endpoints that left by some controls.
func (t *tracker) by(controls []string) (endpoints []string) {
	if len(controls) == 0 {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.list {
		if e := &t.list[i]; slices.Contains(controls, e.by) {
			endpoints = append(endpoints, e.endpoint)
		}
	}
	return endpoints
}

// of says whether a service is one of a list, which has all when it is empty.
func of(services []string, service string) bool {
	return len(services) == 0 || slices.Contains(services, service)
}

// latest is the departures that are told of, oldest first.
func (t *tracker) latest() (list []departed) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.list) - 1; i >= 0 && len(list) < keepDepartures; i-- {
		if e := t.list[i]; !e.stays && e.cause != policy.LeftRestart {
			list = append(list, e)
		}
	}
	slices.Reverse(list)
	return list
}
