package health

import (
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// claim is what was judged of a check whose monitor is exclusive.
type claim struct {
	check   int
	prev, v policy.Verdict
	claims  bool // the vantages agree that it is up
}

// settle lets at most one endpoint of a pool be up by an exclusive monitor
// (fencing). Who is up stays up while it claims to be; others that claim the same
// wait, and all of them name their rivals. Of several that claim it
// while nobody is up none is let up: there is no telling which is right.
func settle(checks []policy.Check, claims []claim, box *ballotBox, now int64) (edges []policy.Edge) {
	for len(claims) > 0 {
		group := claims[:1]
		of := func(c claim) (pool, monitor string) {
			pool, _, _ = strings.Cut(checks[c.check].ID, "/")
			return pool, checks[c.check].Monitor.Name
		}
		pool, monitor := of(group[0])
		var rest []claim
		for _, c := range claims[1:] {
			if p, m := of(c); p == pool && m == monitor {
				group = append(group[:len(group):len(group)], c)
			} else {
				rest = append(rest, c)
			}
		}
		claims = rest
		edges = append(edges, settleGroup(checks, group, box, now)...)
	}
	return edges
}

func settleGroup(checks []policy.Check, group []claim, box *ballotBox, now int64) (edges []policy.Edge) {
	holder, claiming := -1, 0 // the one who was up first, if any is
	for i, c := range group {
		if c.prev.Status == policy.Up && c.v.Status == policy.Up && (holder < 0 || c.prev.Since < group[holder].prev.Since) {
			holder = i
		}
		if c.claims {
			claiming++
		}
	}
	for i, c := range group {
		v := c.v
		if v.Status == policy.Up && i != holder && (holder >= 0 || claiming > 1) {
			v = c.prev
			v.Waits, v.Revision = policy.WaitsForRival, c.v.Revision
			if v.Status != policy.Down {
				v.Status, v.Since = policy.Down, now
			}
		}
		if !c.claims && v.Waits == policy.WaitsForRival {
			v.Waits = ""
		}
		v.Rivals = nil
		for j, other := range group {
			if j != i && c.claims && other.claims {
				v.Rivals = append(v.Rivals, checks[other.check].Endpoint)
			}
		}
		if changed(c.prev, v) {
			v.Ballots = cast(box.of(c.check)) // not those of prev, which is frozen
			edges = append(edges, box.edge(c.check, c.prev, v))
		}
	}
	return edges
}
