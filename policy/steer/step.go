package steer

import (
	"fmt"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Step is what one branch did, for explain.
type Step struct {
	Path    string   `json:"path"`
	Kind    string   `json:"kind"`
	Kept    []string `json:"kept,omitempty"`
	Dropped []string `json:"dropped,omitempty"` // each with the reason
}

// begin opens a branch's step in the trace; nil when nobody traces.
func (e *evaluation) begin(n *Node) *int {
	if e.trace == nil {
		return nil
	}
	*e.trace = append(*e.trace, Step{Path: n.Path, Kind: n.Kind})
	i := len(*e.trace) - 1
	return &i
}

func (e *evaluation) keep(at *int, what string) {
	if at != nil {
		(*e.trace)[*at].Kept = append((*e.trace)[*at].Kept, what)
	}
}

func (e *evaluation) drop(at *int, format string, args ...any) {
	if at != nil {
		(*e.trace)[*at].Dropped = append((*e.trace)[*at].Dropped, fmt.Sprintf(format, args...))
	}
}

// told says what became of each child of a branch.
func (e *evaluation) told(at *int, n *Node, k policy.AnswerKind, order []int, alive [][]Share, kept map[int]bool) {
	if at == nil {
		return
	}
	for _, i := range order {
		switch {
		case kept[i]:
			e.keep(at, n.Children[i].Path)
		case len(alive[i]) == 0:
			e.drop(at, "%s: nothing %s in it", n.Children[i].Path, e.wanted(k))
		case n.Kind == "weighted":
			e.drop(at, "%s: weight 0 is a reserve", n.Children[i].Path)
		default:
			e.drop(at, "%s: comes after one that is available", n.Children[i].Path)
		}
	}
	if n.Kind != "geo" {
		return
	}
	if len(order) == 0 {
		e.drop(at, "%s: no branch is for this client, and with fence and no default there is nothing else", n.Path)
	}
	for i, c := range n.Children {
		switch {
		case slices.Contains(order, i):
		case n.Fence:
			e.drop(at, "%s: not the best match, and the fence keeps the client from it", c.Path)
		default:
			e.drop(at, "%s: does not match the client", c.Path)
		}
	}
}

// toldPool says what became of each member of a pool.
func (e *evaluation) toldPool(at *int, p *Pool, k policy.AnswerKind, members []int) {
	if at == nil {
		return
	}
	usable := e.members(p, k, e.only)
	for i := range p.Members {
		switch m := &p.Members[i]; {
		case slices.Contains(members, i):
			e.keep(at, m.ID)
		case slices.Contains(usable, i):
			e.drop(at, "%s: available, but its pool is below minAvailable", m.ID)
		default:
			e.drop(at, "%s: %s", m.ID, e.whyNot(p, m, k))
		}
	}
}

func (e *evaluation) wanted(k policy.AnswerKind) string {
	what := "available"
	if e.tier >= LastResort {
		what = "to serve"
	}
	return what + " for " + k.String()
}

func (e *evaluation) whyNot(p *Pool, m *Member, k policy.AnswerKind) string {
	up := func(o Member) bool {
		return o.Has[k] && o.Status == policy.Up && (e.tier.drained() || o.Drained == "")
	}
	down := m.Status == policy.Down && !p.Spares(m, k)
	switch {
	case !m.Has[k]:
		return lacks(k)
	case !e.tier.drained() && m.Drained != "":
		return "drained by control " + m.Drained
	case !e.tier.asIfHealthy() && down && m.Why != "":
		return "down: " + m.Why
	case !e.tier.asIfHealthy() && down:
		return "down"
	case m.stale(e.good):
		return "was down before the last good ones were"
	case e.only != nil && !e.only[m.Region]:
		return "region " + m.Region + " does not have both families now (families: together)"
	case !e.tier.asIfHealthy() && m.Status == policy.Unknown && slices.ContainsFunc(p.Members, up):
		return "unknown, and a sibling is up"
	case e.tier == Available && m.Pending:
		return "awaits its first verdict"
	}
	return "weight 0 is a reserve"
}

func lacks(k policy.AnswerKind) string {
	if k.Family() {
		return "has no " + k.String() + " address"
	}
	return "has no " + k.String() + " record"
}
