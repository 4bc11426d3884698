package node

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// backlog is how many events a node keeps for those who connect again.
const backlog = 1024

// events is a node's bounded history of what happened, and those who watch it.
type events struct {
	node string

	mu    sync.Mutex
	seq   uint64
	ring  []policy.Event                  // oldest first; the last backlog count
	added chan struct{}                   // closed when the ring grows
	edges map[string][]policy.VerdictEdge // by check, newest first, edgesKept at most

	keep func(policy.VerdictEdge) // on the disk, without waiting for it; nil: nowhere
}

// edgesKept is how many changes of a check's verdict a node remembers.
const edgesKept = 8

func newEvents(node string) *events {
	// Sequence numbers go on growing across restarts, so that a watcher that comes back misses nothing new.
	return &events{node: node, seq: uint64(time.Now().UnixMilli()) << 10, added: make(chan struct{}), edges: map[string][]policy.VerdictEdge{}}
}

// tell adds an event.
func (e *events) tell(ev policy.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seq++
	ev.Seq, ev.At, ev.Node = e.seq, time.Now(), e.node
	if e.ring = append(e.ring, ev); len(e.ring) >= 2*backlog { // not each time: a storm of verdicts must not copy it with every one
		e.ring = append(e.ring[:0:0], e.ring[len(e.ring)-backlog:]...)
	}
	close(e.added)
	e.added = make(chan struct{})
}

// since gives the events after seq, and a channel that closes when there are more.
func (e *events) since(seq uint64) ([]policy.Event, <-chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i, first := len(e.ring), max(0, len(e.ring)-backlog)
	for i > first && e.ring[i-1].Seq > seq {
		i--
	}
	return append([]policy.Event(nil), e.ring[i:]...), e.added
}

// watch sends the events after seq, then each new one, until ctx ends.
func (e *events) watch(ctx context.Context, seq uint64) <-chan policy.Event {
	out := make(chan policy.Event)
	go func() {
		defer close(out)
		for {
			list, more := e.since(seq)
			for _, ev := range list {
				select {
				case out <- ev:
					seq = ev.Seq
				case <-ctx.Done():
					return
				}
			}
			select {
			case <-more:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

// controlText is a control that was made, or that has come to another phase.
func controlText(c policy.Control) string {
	switch c.Phase {
	case policy.Planned:
		return fmt.Sprintf("planned %s: %s by %s at %s: %s", c.Action, c.Target, c.Actor, time.Unix(0, c.StartsAt).UTC().Format(time.RFC3339), c.Reason)
	case policy.Near:
		return fmt.Sprintf("%s of %s is near: services with a range of TTLs hand out their least", c.Action, c.Target)
	case policy.Refused:
		return fmt.Sprintf("planned %s of %s is refused: %s", c.Action, c.Target, c.Problem)
	}
	return fmt.Sprintf("%s: %s by %s: %s", actionText(c), c.Target, c.Actor, c.Reason)
}

// actionText is what a control does, in a few words.
func actionText(c policy.Control) string {
	if c.Action == policy.Share && !c.OnItsWay() {
		return fmt.Sprintf("share of %d %%", c.Kept())
	}
	return string(c.Action)
}

// stepText is a control that has gone a step, or is held or turned back.
func stepText(c, was policy.Control) string {
	switch {
	case c.Phase == policy.Paused:
		return fmt.Sprintf("%s of %s is paused, and keeps %d %%: %s", c.Action, c.Target, c.Kept(), c.Problem)
	case c.Phase == policy.Returning && was.Phase != policy.Returning && c.Problem != "":
		return fmt.Sprintf("%s of %s is turned back, and keeps %d %%: %s", c.Action, c.Target, c.Kept(), c.Problem)
	case c.Phase == policy.Returning:
		return fmt.Sprintf("%s of %s is on its way back, and keeps %d %%", c.Action, c.Target, c.Kept())
	case c.Phase == policy.Ramping && was.Phase == policy.Paused && was.Kept() == c.Kept():
		return fmt.Sprintf("%s of %s goes on: what held it is over", c.Action, c.Target)
	}
	return fmt.Sprintf("%s of %s keeps %d %% (step %d of %d)", c.Action, c.Target, c.Kept(), c.Ramp.Done, len(c.Ramp.Steps))
}

// tellControls tells of controls that were made, moved on, or are gone.
func (e *events) tellControls(old, next *policy.State) {
	for id, c := range next.Controls.All {
		was, ok := old.Controls.Get(id)
		text := ""
		switch {
		case !ok || was.Phase != c.Phase && c.Ramp == nil || c.Ramp != nil && (was.Phase == policy.Planned || was.Phase == policy.Near):
			text = controlText(c)
		case was.Phase != c.Phase || was.Kept() != c.Kept():
			text = stepText(c, was)
		case was.Problem != c.Problem && c.Problem != "":
			text = fmt.Sprintf("%s of %s: %s", c.Action, c.Target, c.Problem)
		}
		if text != "" {
			e.tell(policy.Event{Type: "control", Index: next.Index, Object: "control/" + id, Data: c, Text: text})
		}
	}
	for id, c := range old.Controls.All {
		if next.Controls.Has(id) {
			continue
		}
		why := "lifted"
		switch {
		case c.ExpiresAt != 0 && c.ExpiresAt <= next.Clock:
			why = "expired"
		case c.Phase == policy.Returning && c.Problem != "":
			why = "lifted, for it was turned back: " + c.Problem
		}
		e.tell(policy.Event{Type: "control", Index: next.Index, Object: "control/" + id, Data: c,
			Text: fmt.Sprintf("%s of %s is %s", c.Action, c.Target, why)})
	}
}

// tellChanges tells what differs between two states that were published one after the other.
func (e *events) tellChanges(old, next *policy.State) {
	if old.Verdicts.Sum() != next.Verdicts.Sum() {
		e.tellVerdicts(old, next)
	}
	if old.Controls.Sum() != next.Controls.Sum() {
		e.tellControls(old, next)
	}
	if old.Drills.Sum() != next.Drills.Sum() {
		e.tellDrills(old, next)
	}
	if old.Signals.Sum() != next.Signals.Sum() {
		e.tellSignals(old, next)
	}
	if old.ConfigRevision != next.ConfigRevision {
		e.tell(policy.Event{Type: "config", Index: next.Index, Text: fmt.Sprintf("configuration revision %d", next.ConfigRevision)})
	}
	if old.Zones.Sum() != next.Zones.Sum() {
		e.tellZones(old, next)
	}
	if old.Members.Sum() != next.Members.Sum() {
		for id, m := range next.Members.All {
			if was, ok := old.Members.Get(id); !ok {
				e.tell(policy.Event{Type: "member", Index: next.Index, Object: "member/" + m.Node, Data: m, Text: fmt.Sprintf("node %s has joined", m.Node)})
			} else if was.Voter != m.Voter {
				e.tell(policy.Event{Type: "member", Index: next.Index, Object: "member/" + m.Node, Data: m, Text: fmt.Sprintf("node %s votes: %v", m.Node, m.Voter)})
			}
		}
		for id, m := range old.Members.All {
			if !next.Members.Has(id) {
				e.tell(policy.Event{Type: "member", Index: next.Index, Object: "member/" + m.Node, Data: m, Text: fmt.Sprintf("node %s was removed", m.Node)})
			}
		}
	}
}

// tellDrills tells of runs that are new, go into another phase, or have more in their timeline.
func (e *events) tellDrills(old, next *policy.State) {
	for id, r := range next.Drills.All {
		was, _ := old.Drills.Get(id)
		if was.Seq == r.Seq && was.Phase == r.Phase {
			continue
		}
		text := fmt.Sprintf("drill %s (%s) is %s", id, r.Plan.Name, r.Phase)
		if n := len(r.Timeline); n > 0 {
			if said := strings.TrimPrefix(strings.TrimPrefix(r.Timeline[n-1].Text, string(r.Phase)), ": "); said != "" {
				text += ": " + said
			}
		}
		e.tell(policy.Event{Type: "drill", Index: next.Index, Object: "drill/" + id, Text: text})
	}
}

// tellSignals tells of signals that say something else, have become stale, are fresh again, or are gone.
func (e *events) tellSignals(old, next *policy.State) {
	tell := func(v policy.Signal, format string, args ...any) {
		e.tell(policy.Event{Type: "signal", Index: next.Index, Object: policy.SignalVoice + v.Name, Data: v, Text: fmt.Sprintf("signal "+v.Name+" "+format, args...)})
	}
	for name, v := range next.Signals.All {
		was, ok := old.Signals.Get(name)
		switch {
		case v.Stale && !was.Stale:
			tell(v, "is stale: it was last given at %s and counts for %v", time.Unix(0, v.At).UTC().Format(time.RFC3339), v.MaxAge)
		case v.Stale:
		case !ok:
			tell(v, "is %s, given for the first time by %s%s", v.Status, v.Actor, because(v.Reason))
		case v.Status != was.Status:
			tell(v, "is %s, was %s, by %s%s", v.Status, was.Status, v.Actor, because(v.Reason))
		case was.Stale:
			tell(v, "is given again by %s, and %s%s", v.Actor, v.Status, because(v.Reason))
		}
	}
	for name, v := range old.Signals.All {
		if !next.Signals.Has(name) {
			tell(v, "was deleted")
		}
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// tellVerdicts tells of changes of status, and of circuits that close; the steps of a ramp are no news.
func (e *events) tellVerdicts(old, next *policy.State) {
	for id, v := range next.Verdicts.All {
		was, _ := old.Verdicts.Get(id)
		if v.Resumed && !was.Resumed {
			e.tell(policy.Event{Type: "verdict", Index: next.Index, Object: endpointOf(id), Data: v,
				Text: fmt.Sprintf("%s is resumed: it comes up when the vantages agree", endpointOf(id))})
		}
		if was.Status == v.Status && was.Circuit() == v.Circuit() {
			continue
		}
		edge := policy.VerdictEdge{Edge: policy.Edge{Verdict: v, Was: was.Status}, Circuit: v.Circuit(), Index: next.Index, At: time.Unix(0, next.Clock).UTC()}
		endpoint := endpointOf(id)
		text := fmt.Sprintf("%s has all of its weight back: circuit %s", endpoint, v.Circuit())
		if was.Status != v.Status {
			edge.At = time.Unix(0, v.Since).UTC()
			text = fmt.Sprintf("%s is %s, was %s: circuit %s (%s)", endpoint, v.Status, was.Status, orUnknown(v.Circuit()), ballots(v))
		}
		e.remember(edge)
		e.tell(policy.Event{Type: "verdict", Index: next.Index, Object: endpoint, Data: edge, Text: text})
	}
	if old.Verdicts.Len() > next.Verdicts.Len() {
		e.mu.Lock()
		maps.DeleteFunc(e.edges, func(id string, _ []policy.VerdictEdge) bool { return !next.Verdicts.Has(id) })
		e.mu.Unlock()
	}
}

func orUnknown(circuit string) string {
	if circuit == "" {
		return "unknown"
	}
	return circuit
}

func (e *events) remember(edge policy.VerdictEdge) {
	if e.keep != nil {
		e.keep(edge)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := e.edges[edge.Check]
	e.edges[edge.Check] = append([]policy.VerdictEdge{edge}, kept[:min(len(kept), edgesKept-1)]...)
}

// edgesOf is the last changes of a check's verdict that this node has seen since it started, newest first.
func (e *events) edgesOf(check string) []policy.VerdictEdge {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.edges[check] // remember makes a new list each time
}

func (e *events) tellZones(old, next *policy.State) {
	for key, z := range next.Zones.All {
		if was, ok := old.Zones.Get(key); !ok || was.Rev != z.Rev {
			e.tell(policy.Event{Type: "zone", Index: next.Index, Object: "zone/" + z.Name.String(),
				Text: fmt.Sprintf("zone %s is at revision %d with %d records", z.Name, z.Rev, z.Records)})
		}
	}
	for key, z := range old.Zones.All {
		if !next.Zones.Has(key) {
			e.tell(policy.Event{Type: "zone", Index: next.Index, Object: "zone/" + z.Name.String(), Text: fmt.Sprintf("zone %s was deleted", z.Name)})
		}
	}
}

func endpointOf(check string) string {
	endpoint, _, _ := strings.Cut(check, "@")
	return "endpoint/" + endpoint
}

// ballots says how many of the assigned vantages agreed, and what one that found it
// down saw, or which signal it was.
func ballots(v policy.Verdict) string {
	if b, ok := policy.SignalBallot(v.Ballots); ok {
		return b.Vantage + because(b.Error)
	}
	agreed, saw := 0, ""
	for _, b := range v.Ballots {
		if b.Absent == "" && b.Status == v.Status {
			agreed++
			if saw == "" && v.Status == policy.Down {
				saw = b.Error
			}
		}
	}
	text := fmt.Sprintf("%d of %d vantages", agreed, len(v.Ballots))
	if saw != "" {
		text += ": " + saw
	}
	return text
}
