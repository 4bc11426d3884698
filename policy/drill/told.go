package drill

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Controls are those that a run has made, "control/c17".
func Controls(r *policy.Drill) (ids []string) {
	for i := range r.Steps {
		for _, id := range r.Steps[i].Controls {
			ids = append(ids, "control/"+id)
		}
	}
	return ids
}

// Told adds to the report of a run what the nodes told of what left their answers by its controls.
func Told(v policy.EvacuationReport, r *policy.Drill, d policy.Departures) policy.EvacuationReport {
	by := map[string]bool{}
	for _, id := range Controls(r) {
		by[id] = true
	}
	var own []policy.Departure
	for _, gone := range d.Items {
		if by[gone.By] {
			own = append(own, gone)
		}
	}
	by["drill/"+r.ID] = true
	seen := slices.DeleteFunc(slices.Clone(d.Outside), func(o policy.Outlook) bool { return !by[o.By] })
	if len(own)+len(seen) > 0 {
		joined(&v, own, seen, d.Missing)
	}
	if len(own) > 0 {
		if v.At.Closed > v.At.Restored { // it was back before
			v.At.Closed = 0
		}
		unsure(&v, d.Missing)
		reach(&v)
	}
	return fit(v)
}

// After adds to a report who came although the window was closed.
func After(v policy.EvacuationReport, list []policy.Residual) policy.EvacuationReport {
	r := &policy.EvacuationResidual{Top: list[:min(len(list), maxNamed)]}
	clients := map[netip.Prefix]bool{}
	for _, one := range list {
		clients[one.Client] = true
		r.Count += one.Count
	}
	r.Clients = len(clients)
	v.Residual = r
	return fit(v)
}

// unsure takes back what is true of every node, where some could not be asked: they may have answered as before all the time.
func unsure(v *policy.EvacuationReport, missing []string) {
	if len(missing) > 0 {
		v.At.Published, v.At.Closed, v.Missing = 0, 0, missing
	}
}

// joined is when some departures were committed and published, on each node, until when clients may have known what left,
// and what the nodes saw of each other.
func joined(v *policy.EvacuationReport, list []policy.Departure, seen []policy.Outlook, missing []string) {
	nodes := map[string]policy.EvacuationNode{}
	for _, name := range missing {
		nodes[name] = policy.EvacuationNode{Node: name}
	}
	if len(list) > 0 {
		v.At.Committed, v.At.Published, v.At.Closed = 0, 0, 0
	}
	for _, gone := range list {
		if at := nanos(gone.CommittedAt); at != 0 && (v.At.Committed == 0 || at < v.At.Committed) {
			v.At.Committed = at
		}
		for _, n := range gone.Nodes {
			e := nodes[n.Node]
			e.Node, e.Reachable, e.MaxTTL = n.Node, true, max(e.MaxTTL, n.MaxTTL)
			e.Published, e.Closes, e.LastNamed = max(e.Published, nanos(n.PublishedAt)), max(e.Closes, nanos(n.ClosesAt)), max(e.LastNamed, nanos(n.LastAnswer))
			nodes[n.Node] = e
			v.At.Published, v.At.Closed = max(v.At.Published, e.Published), max(v.At.Closed, e.Closes)
		}
	}
	for _, o := range seen {
		e := nodes[o.Node]
		e.Reachable = e.Reachable || e.Node == "" // it may be silent; that it could not be asked is in missing
		e.Node, e.Asked, e.Answered, e.LastSeen = o.Node, e.Asked+o.Asked, e.Answered+o.Answered, max(e.LastSeen, nanos(o.Named))
		nodes[o.Node] = e
	}
	v.At.Committed = cmp.Or(v.At.Committed, v.At.Decided)
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		v.Nodes = append(v.Nodes, nodes[name])
	}
}

func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// Bounds of what makes one failover, and of what its report names.
const (
	maxTargets = 100
	maxNamed   = 4

	together  = int64(10 * time.Second) // what leaves within so long of the first is one failure
	waitsBack = int64(30 * time.Minute) // after its window for what failed to come back, before it is reported without
)

// Noted is what was seen of failures while they lasted, and is not known later.
type Noted struct {
	First map[int64]int64 // when the first probe failed, by when it was decided
	Rules []string        // what safety rules for automation did
}

// Failovers are the reports that are due: of what left answers because it was found down, when the window is closed and it
// is back, or has not come back for half an hour. pending says that there are others, which are not over yet.
func Failovers(s *policy.State, d policy.Departures, noted Noted, now int64) (due []policy.EvacuationReport, pending bool) {
	reported := func(first int64) bool { // by when it was decided, which all nodes tell alike; the first of very many may be forgotten
		for _, v := range s.Reports.All {
			if since := first - v.At.Decided; v.Kind == "failover" && since >= 0 && since <= together {
				return true
			}
		}
		return false
	}
	var list []policy.Departure
	for _, gone := range d.Items {
		if gone.Cause == policy.LeftVerdict && !gone.DecidedAt.IsZero() {
			list = append(list, gone)
		}
	}
	slices.SortStableFunc(list, func(a, b policy.Departure) int { return a.DecidedAt.Compare(b.DecidedAt) })
	for len(list) > 0 {
		first, n := list[0].DecidedAt.UnixNano(), 1
		for n < len(list) && list[n].DecidedAt.UnixNano()-first <= together {
			n++
		}
		one := list[:n]
		list = list[n:]
		if reported(first) {
			continue
		}
		if v, over := failover(s, one, d, noted, now); over {
			due = append(due, v)
		} else {
			pending = true
		}
	}
	return due, pending
}

// failover is the report of one failure, and whether it is over.
func failover(s *policy.State, list []policy.Departure, d policy.Departures, noted Noted, now int64) (v policy.EvacuationReport, over bool) {
	endpoints, regions, services := map[string]bool{}, map[string]bool{}, map[string]bool{}
	index, back, up := list[0].Index, int64(0), true
	for _, gone := range list {
		index = min(index, gone.Index)
		endpoints[gone.Endpoint], services[gone.Service] = true, true
		region, since, ok := risen(s, gone.Endpoint)
		regions[cmp.Or(region, gone.Endpoint)] = true
		if up = up && ok; ok {
			back = max(back, since)
		}
	}
	v.Targets = slices.Sorted(maps.Keys(endpoints))
	if len(v.Targets) > maxTargets {
		v.Targets, v.Cut = v.Targets[:maxTargets], true
	}
	v.ID, v.Kind, v.Result = fmt.Sprintf("f%d", index), "failover", "recovered"
	v.Title = fmt.Sprintf("%s failed: %d of its endpoints left the answers of %s", some(regions), len(endpoints), some(services))
	v.At.Decided = list[0].DecidedAt.UnixNano()
	decided := map[int64]bool{}
	for _, gone := range list {
		at := gone.DecidedAt.UnixNano()
		if first := noted.First[at]; first != 0 && first <= v.At.Decided && (v.At.First == 0 || first < v.At.First) {
			v.At.First = first
		}
		decided[at] = true
	}
	seen := slices.DeleteFunc(slices.Clone(d.Outside), func(o policy.Outlook) bool { return o.Cause != policy.LeftVerdict || !decided[o.Decided] })
	joined(&v, list, seen, d.Missing)
	for _, text := range noted.Rules {
		v.Checks = append(v.Checks, policy.DrillCheck{Name: CheckSafety, Result: policy.CheckWarn, Text: text})
	}
	if len(noted.Rules) == 0 {
		v.Checks = []policy.DrillCheck{{Name: CheckSafety, Result: policy.CheckOK, Text: "no safety rule had to say what is served"}}
	}
	switch {
	case now < v.At.Closed:
		return v, false
	case up:
		v.At.Restored, v.At.Ended = back, max(back, v.At.Closed)
	case now-v.At.Closed >= waitsBack:
		v.Result, v.At.Ended = "ended", now
		v.Problem = "not all of it had come back half an hour after its window had closed"
	default:
		return v, false
	}
	if v.At.First != 0 {
		v.Timeline = append(v.Timeline, policy.DrillNote{At: v.At.First, Phase: "failing", Text: "the first probe of it failed"})
	}
	v.Timeline = append(v.Timeline, []policy.DrillNote{
		{At: v.At.Decided, Phase: "down", Text: some(endpoints) + " found down"},
		{At: v.At.Published, Phase: "published", Text: "the last node that could be asked answered without it"},
		{At: v.At.Closed, Phase: "closed", Text: "the TTL window"},
	}...)
	if up && back != 0 && back < v.At.Closed { // nobody was without it for so long
		v.At.Closed = 0
	}
	unsure(&v, d.Missing)
	reach(&v)
	v.Timeline = slices.DeleteFunc(v.Timeline, func(n policy.DrillNote) bool { return n.Phase == "closed" && v.At.Closed == 0 })
	if up && back != 0 { // else it is not declared any more
		v.Timeline = append(v.Timeline, policy.DrillNote{At: back, Phase: "up", Text: "all of it was up again"})
		slices.SortStableFunc(v.Timeline, func(a, b policy.DrillNote) int { return cmp.Compare(a.At, b.At) })
	}
	return fit(v), true
}

// some names a few of a set.
func some(set map[string]bool) string {
	list := slices.Sorted(maps.Keys(set))
	if len(list) > maxNamed {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:maxNamed], ", "), len(list)-maxNamed)
	}
	return strings.Join(list, ", ")
}

// risen is the region of an endpoint, and since when it has been up again; one that is not declared any more is no matter.
func risen(s *policy.State, id string) (region string, since int64, up bool) {
	pool, name, _ := strings.Cut(strings.TrimPrefix(id, "endpoint/"), "/")
	o, ok := s.Pools.Get(pool)
	if !ok {
		return "", 0, true
	}
	for i := range o.Spec.Endpoints {
		e := &o.Spec.Endpoints[i]
		if e.Name != name {
			continue
		}
		v, known := s.Telling(&o.Spec, e, nil)
		return e.RegionOr(&o.Spec), v.Since, !known || v.Status == policy.Up
	}
	return "", 0, true
}
