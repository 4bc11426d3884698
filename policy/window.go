package policy

import (
	"slices"
	"time"
)

// WindowSlack is by how much a resolver may outstay a TTL: it counts whole
// seconds (unbound serves a TTL of 5 for up to 6.0 s). It is in every ClosesAt and is all that is.
const WindowSlack = Duration(time.Second)

// WindowState is how far a window is.
type WindowState string

// The states of a window.
const (
	WindowPublishing WindowState = "publishing" // nodes that can be reached are still to follow
	WindowDraining   WindowState = "draining"   // every node has published, and resolvers may still hold what they gave before
	WindowDrained    WindowState = "drained"    // no resolver that abides by TTLs holds any of it
	WindowIncomplete WindowState = "incomplete" // some node cannot be asked whether it has published
)

// WindowQuery asks how long resolvers may give out endpoints that a change takes out of answers.
type WindowQuery struct {
	Index       uint64    `json:"index"`     // of the change
	Endpoints   []string  `json:"endpoints"` // "endpoint/web/a"
	Services    []string  `json:"services,omitempty"`
	By          []string  `json:"by,omitempty"` // controls ("control/c17"): what left by them counts too, whatever they cover now
	DecidedAt   time.Time `json:"decidedAt,omitzero"`
	CommittedAt time.Time `json:"committedAt,omitzero"` // known already; else the nodes are asked
}

// Window is what a query comes to.
type Window struct {
	State       WindowState  `json:"state"`
	DecidedAt   time.Time    `json:"decidedAt,omitzero"`   // State clock of the change
	CommittedAt time.Time    `json:"committedAt,omitzero"` // when the first node, which is the leader, applied it
	PublishedAt time.Time    `json:"publishedAt,omitzero"` // when the last node had; only when all have
	MaxTTL      uint32       `json:"maxTTL"`               // the largest that any node handed out, in seconds
	ClosesAt    time.Time    `json:"closesAt,omitzero"`    // only when all nodes have published and none hands any of it out
	LastAnswer  time.Time    `json:"lastAnswerAt,omitzero"`
	StillServed []string     `json:"stillServed,omitempty"` // of the endpoints, on some node
	Nodes       []NodeWindow `json:"nodes"`
}

// NodeWindow is one node's part of a window. All times are by the clock of the node that asked.
type NodeWindow struct {
	Publication
	MaxTTL      uint32    `json:"maxTTL"`                // the largest it handed out with any of the endpoints, in seconds
	ClosesAt    time.Time `json:"closesAt,omitzero"`     // zero while it has not published, or hands some of it out
	LastAnswer  time.Time `json:"lastAnswerAt,omitzero"` // the last that named one of the endpoints, as far as this process knows
	StillServed []string  `json:"stillServed,omitempty"`
	AppliedAt   time.Time `json:"-"`
}

// JoinWindow makes a window of what the nodes said of it.
func JoinWindow(q WindowQuery, nodes []NodeWindow, now time.Time) Window {
	w := Window{State: WindowDrained, DecidedAt: q.DecidedAt, CommittedAt: q.CommittedAt, Nodes: nodes}
	waiting, lost := len(nodes) == 0, false
	var published, closes time.Time
	for i := range nodes {
		n := &nodes[i]
		w.MaxTTL = max(w.MaxTTL, n.MaxTTL)
		if n.LastAnswer.After(w.LastAnswer) {
			w.LastAnswer = n.LastAnswer
		}
		if q.CommittedAt.IsZero() && !n.AppliedAt.IsZero() && (w.CommittedAt.IsZero() || n.AppliedAt.Before(w.CommittedAt)) {
			w.CommittedAt = n.AppliedAt
		}
		w.StillServed = append(w.StillServed, n.StillServed...)
		switch {
		case n.Done():
			if n.PublishedAt.After(published) {
				published = n.PublishedAt
			}
			if n.ClosesAt.After(closes) {
				closes = n.ClosesAt
			}
		case n.Reachable:
			waiting = true
		default:
			lost = true
		}
	}
	slices.Sort(w.StillServed)
	w.StillServed = slices.Compact(w.StillServed)
	switch {
	case waiting:
		w.State = WindowPublishing
		return w
	case lost:
		w.State = WindowIncomplete
		return w
	}
	w.PublishedAt = published
	if len(w.StillServed) > 0 {
		w.State = WindowDraining
		return w
	}
	w.ClosesAt = closes
	if now.Before(closes) {
		w.State = WindowDraining
	}
	return w
}

// Unreachable lists the nodes that have not said that they published and cannot be asked.
func (w Window) Unreachable() (nodes []string) {
	for i := range w.Nodes {
		if n := &w.Nodes[i]; !n.Done() && !n.Reachable {
			nodes = append(nodes, n.Node)
		}
	}
	return nodes
}

// WindowOf is the query for what a control takes out of answers. index is of the change that put it in force.
func (s *State) WindowOf(c Control, index uint64) WindowQuery {
	q := WindowQuery{Index: index, DecidedAt: time.Unix(0, max(c.CreatedAt, c.StartsAt)).UTC(), Endpoints: []string{}}
	t, err := ParseTarget(c.Target)
	if err != nil || c.Action != ForceDown && (c.Action != Drain && c.Action != Share || c.Kept() > 0 && c.Ramp == nil) { // it leaves what it is about in answers
		return q
	}
	q.Index, q.By = max(index, c.Moved), []string{"control/" + c.ID}
	if t.Kind == "service" {
		q.Services = []string{t.Name}
	}
	q.Endpoints = append(q.Endpoints, s.EndpointsOf(t)...)
	return q
}

// EndpointsOf lists the endpoints within a target, by id.
func (s *State) EndpointsOf(t Target) (ids []string) {
	for pool, e := range s.Covered(t) {
		ids = append(ids, EndpointID(pool.Name, e.Name))
	}
	return ids
}

// Why endpoints leave answers, besides the actions of controls.
const (
	LeftVerdict       = "verdict"       // automatic failover
	LeftIsland        = "island"        // by the node's own judgement, without a leader
	LeftConfiguration = "configuration" // the document or a zone says so
	LeftSteering      = "steering"      // something else that is preferred came back, or latency, load or geography moved
	LeftRestart       = "restart"       // not known: the node was restarted, and this may have been in answers before
)

// Departure is an endpoint that left the answers of a service, for whatever cause.
type Departure struct {
	Service     string          `json:"service"`
	Endpoint    string          `json:"endpoint"`
	Cause       string          `json:"cause"`           // an action of a control, or one of the above
	By          string          `json:"by,omitempty"`    // "control/c17"
	Index       uint64          `json:"index,omitempty"` // of the state without it, where that was first
	DecidedAt   time.Time       `json:"decidedAt,omitzero"`
	CommittedAt time.Time       `json:"committedAt,omitzero"`
	PublishedAt time.Time       `json:"publishedAt"` // on the last node that has told of it
	MaxTTL      uint32          `json:"maxTTL"`
	ClosesAt    time.Time       `json:"closesAt"`
	LastAnswer  time.Time       `json:"lastAnswerAt,omitzero"`
	Nodes       []NodeDeparture `json:"nodes"`
}

// NodeDeparture is when one node was through with it.
type NodeDeparture struct {
	Node        string    `json:"node"`
	Index       uint64    `json:"index"`
	PublishedAt time.Time `json:"publishedAt"`
	MaxTTL      uint32    `json:"maxTTL"`
	ClosesAt    time.Time `json:"closesAt"`
	LastAnswer  time.Time `json:"lastAnswerAt,omitzero"`
}

// Departures is what the nodes that could be asked told, the newest first.
type Departures struct {
	Items   []Departure
	Outside []Outlook // what the nodes saw of each other's answers
	Missing []string  // nodes that could not be asked
}

// Outlook is what a node saw of another's answers, as a client of its DNS, while something left them or a drill had one silent.
type Outlook struct {
	Observer string    `json:"observer"`
	Node     string    `json:"node"` // that was asked
	Service  string    `json:"service"`
	Endpoint string    `json:"endpoint,omitempty"`
	Cause    string    `json:"cause,omitempty"`
	By       string    `json:"by"` // as a departure has it; "drill/ID" of one that had a node silent
	Decided  int64     `json:"decided,omitempty"`
	Asked    int       `json:"asked"`
	Answered int       `json:"answered"`
	Named    time.Time `json:"named,omitzero"`   // the last answer that named what left
	Without  time.Time `json:"without,omitzero"` // the first after that which did not
}
