package node

import (
	"cmp"
	"container/list"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// observeSlot is how finely an observation's time is kept.
const observeSlot = 10 * time.Second

// observationKey is what is counted together.
type observationKey struct {
	client      netip.Prefix
	to, service string
	source      string
	slot        int64 // of observeSlot, since 1970
}

type observationCell struct {
	key         observationKey
	count       int
	first, last time.Time // by the clock of who observed
	heard       time.Time // by this node's, monotonic
}

// observations are who was seen to come where, on this node alone: they are not
// replicated and end with the process. There are policy.MaxObservations cells;
// beyond that, and after policy.ObservationsKept, what was heard first goes.
type observations struct {
	mu    sync.Mutex
	cells map[observationKey]*list.Element
	order list.List // of *observationCell, the one heard first ahead
}

// Observe takes observations in.
func (n *Node) Observe(batch []policy.Observation) { n.observed.take(batch, time.Now()) }

func (o *observations) take(batch []policy.Observation, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.cells == nil {
		o.cells = map[observationKey]*list.Element{}
	}
	o.forget(now)
	for _, b := range batch {
		k := observationKey{policy.ClientPrefix(b.Client), b.Endpoint, b.Service, b.Source, b.At.UnixNano() / int64(observeSlot)}
		if e, ok := o.cells[k]; ok {
			c := e.Value.(*observationCell)
			c.count += b.Count
			c.last = later(c.last, b.At)
			if b.At.Before(c.first) {
				c.first = b.At
			}
			continue
		}
		if len(o.cells) >= policy.MaxObservations {
			o.drop(o.order.Front())
		}
		o.cells[k] = o.order.PushBack(&observationCell{key: k, count: b.Count, first: b.At, last: b.At, heard: now})
	}
}

func (o *observations) drop(e *list.Element) {
	delete(o.cells, o.order.Remove(e).(*observationCell).key)
}

func (o *observations) forget(now time.Time) {
	for e := o.order.Front(); e != nil && now.Sub(e.Value.(*observationCell).heard) > time.Duration(policy.ObservationsKept); e = o.order.Front() {
		o.drop(e)
	}
}

// find lists who came after a time. Of a cell that began before it only the last is known to have come after.
func (o *observations) find(q policy.ResidualQuery) []policy.Residual {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.forget(time.Now())
	found, named, used := map[observationKey]*policy.Residual{}, map[string]bool{}, map[string]bool{}
	for _, n := range q.Names {
		named[n] = true
	}
	for _, n := range q.Services {
		used[n] = true
	}
	for e := o.order.Front(); e != nil; e = e.Next() {
		c := e.Value.(*observationCell)
		k := c.key
		if !c.last.After(q.Since) || !named[k.to] && (k.to != "" || !used[k.service]) {
			continue
		}
		first, last, count := c.first, c.last, c.count
		if !q.Until.IsZero() && !last.Before(q.Until) { // of those only the first is known to have come before
			if last, count = first, 1; !last.Before(q.Until) || !last.After(q.Since) {
				continue
			}
		}
		if !first.After(q.Since) {
			first, count = last, 1
		}
		k.slot = 0
		r := found[k]
		if r == nil {
			r = &policy.Residual{Client: k.client, To: cmp.Or(k.to, "service/"+k.service), Source: k.source, First: first}
			found[k] = r
		}
		r.Count += count
		r.Last = later(r.Last, last)
		if first.Before(r.First) {
			r.First = first
		}
	}
	items := make([]policy.Residual, 0, len(found))
	for _, r := range found {
		items = append(items, *r)
	}
	return sortResidual(items)
}

// sortResidual puts who comes most ahead.
func sortResidual(items []policy.Residual) []policy.Residual {
	slices.SortFunc(items, func(a, b policy.Residual) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), a.Client.Addr().Compare(b.Client.Addr()), cmp.Compare(a.To, b.To), cmp.Compare(a.Source, b.Source))
	})
	return items
}

// Residual asks every node who came after a time to something that was drained, and says where they are.
func (n *Node) Residual(ctx context.Context, q policy.ResidualQuery) (out policy.Residuals) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	members := nodesOf(n.State(), "")
	told, failed := make([][]policy.Residual, len(members)), make([]bool, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			if m.ID == n.id() {
				told[i] = n.observed.find(q)
			} else {
				failed[i] = n.call(ctx, m.Cluster, "residual", q, &told[i]) != nil
			}
		})
	}
	all.Wait()
	sum := map[observationKey]*policy.Residual{}
	for i, m := range members {
		if failed[i] {
			out.Missing = append(out.Missing, m.Node)
		}
		for _, r := range told[i] {
			k := observationKey{client: r.Client, to: r.To, source: r.Source}
			have := sum[k]
			if have == nil {
				sum[k] = &r
				continue
			}
			have.Count += r.Count
			have.Last = later(have.Last, r.Last)
			if r.First.Before(have.First) {
				have.First = r.First
			}
		}
	}
	snap := n.publisher.snapshot()
	for _, r := range sum {
		if snap != nil {
			w := snap.Where(r.Client.Addr())
			r.Country, r.ASN = w.Country, w.ASN
		}
		out.Items = append(out.Items, *r)
	}
	out.Items = sortResidual(out.Items)
	return out
}
