package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// departureTold is one of a node's departures, with ages as windowTold has them.
type departureTold struct {
	Service  string         `json:"service"`
	Endpoint string         `json:"endpoint"`
	Cause    string         `json:"cause"`
	By       string         `json:"by,omitempty"`
	Index    uint64         `json:"index"`
	Decided  int64          `json:"decided,omitempty"`
	Applied  *time.Duration `json:"applied,omitempty"`
	Left     time.Duration  `json:"left"`
	TTL      uint32         `json:"ttl"`
	ToGo     time.Duration  `json:"toGo"`
	Last     *time.Duration `json:"last,omitempty"`
}

// tellDepartures is what left this node's answers, oldest first.
func (n *Node) tellDepartures() []departureTold {
	latest, now := n.left.latest(), time.Now()
	list := make([]departureTold, 0, len(latest))
	for _, e := range latest {
		d := departureTold{
			Service: e.service, Endpoint: e.endpoint, Cause: e.cause, By: e.by, Index: e.index, Decided: e.decided,
			Left: now.Sub(e.left), TTL: e.ttl, ToGo: e.until.Add(time.Duration(policy.WindowSlack)).Sub(now),
		}
		for _, t := range []struct {
			at time.Time
			to **time.Duration
		}{{e.applied, &d.Applied}, {e.last, &d.Last}} {
			if !t.at.IsZero() {
				age := now.Sub(t.at)
				*t.to = &age
			}
		}
		list = append(list, d)
	}
	return list
}

// Departures asks every node what left its answers of late, and joins what was one decision.
func (n *Node) Departures(ctx context.Context) policy.Departures {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	members := nodesOf(n.State(), "")
	told, got, failed := make([][]departureTold, len(members)), make([]time.Time, len(members)), make([]bool, len(members))
	outside := make([][]outlookTold, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			if m.ID == n.id() {
				told[i], outside[i] = n.tellDepartures(), n.onlooker.told()
			} else if failed[i] = n.call(ctx, m.Cluster, "departures", struct{}{}, &told[i]) != nil; !failed[i] {
				_ = n.call(ctx, m.Cluster, "outside", struct{}{}, &outside[i]) // a node of the version before has nothing to say
			}
			got[i] = time.Now()
		})
	}
	all.Wait()
	var out policy.Departures
	j := joiner{by: map[string]*policy.Departure{}}
	for i, m := range members {
		if failed[i] {
			out.Missing = append(out.Missing, m.Node)
			continue
		}
		for _, d := range told[i] {
			j.add(m.Node, d, got[i])
		}
		for _, t := range outside[i] {
			out.Outside = append(out.Outside, t.by(got[i]))
		}
	}
	out.Items = j.list()
	return out
}

// joiner puts what several nodes tell of one decision together.
type joiner struct{ by map[string]*policy.Departure }

func (j *joiner) add(node string, t departureTold, now time.Time) {
	key := fmt.Sprint(t.Service, "\n", t.Endpoint, "\n", t.Cause, "\n", t.By, "\n", t.Decided)
	if t.Decided == 0 {
		key += "\n" + node // of this node alone
	}
	d := j.by[key]
	if d == nil {
		d = &policy.Departure{Service: t.Service, Endpoint: t.Endpoint, Cause: t.Cause, By: t.By, Index: t.Index}
		if t.Decided != 0 {
			d.DecidedAt = time.Unix(0, t.Decided).UTC()
		}
		j.by[key] = d
	}
	n := policy.NodeDeparture{Node: node, Index: t.Index, PublishedAt: now.Add(-t.Left), MaxTTL: t.TTL, ClosesAt: now.Add(t.ToGo)}
	if t.Last != nil {
		n.LastAnswer = now.Add(-*t.Last)
	}
	if t.Applied != nil {
		if at := now.Add(-*t.Applied); d.CommittedAt.IsZero() || at.Before(d.CommittedAt) {
			d.CommittedAt = at
		}
	}
	d.Index, d.MaxTTL = min(d.Index, t.Index), max(d.MaxTTL, t.TTL)
	d.PublishedAt, d.ClosesAt, d.LastAnswer = later(d.PublishedAt, n.PublishedAt), later(d.ClosesAt, n.ClosesAt), later(d.LastAnswer, n.LastAnswer)
	d.Nodes = append(d.Nodes, n)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// list is the newest first.
func (j *joiner) list() []policy.Departure {
	list := make([]policy.Departure, 0, len(j.by))
	for _, d := range j.by {
		slices.SortFunc(d.Nodes, func(a, b policy.NodeDeparture) int { return cmp.Compare(a.Node, b.Node) })
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b policy.Departure) int {
		return cmp.Or(b.PublishedAt.Compare(a.PublishedAt), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Endpoint, b.Endpoint))
	})
	return list[:min(len(list), keepDepartures)]
}

// failedOver is when anything left this node's answers last because it was found down; zero: never.
func (n *Node) failedOver() (newest time.Time) {
	for _, e := range n.left.latest() {
		if e.cause == policy.LeftVerdict {
			newest = later(newest, e.left)
		}
	}
	return newest
}
