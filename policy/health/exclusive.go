package health

import (
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// claim is what was judged of a check whose monitor is exclusive.
type claim struct {
	check   int
	prev, v policy.Verdict
	changed bool
	claims  bool // the vantages agree that it is up
}

// settle lets at most one endpoint of a pool be up by an exclusive monitor
// (fencing). Who is up stays up while it claims to be; others that claim the same
// wait, and all of them name their rivals. Of several that claim it
// while nobody is up none is let up: there is no telling which is right.
func settle(checks []policy.Check, claims []claim, box *ballotBox) (edges []policy.Edge) {
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
		edges = append(edges, settleGroup(checks, group, box)...)
	}
	return edges
}

func settleGroup(checks []policy.Check, group []claim, box *ballotBox) (edges []policy.Edge) {
	holder, claiming := -1, 0
	for i, c := range group {
		if c.prev.Status == policy.Up && c.v.Status == policy.Up {
			holder = i
		}
		if c.claims {
			claiming++
		}
	}
	for i, c := range group {
		var rivals []string
		if c.claims && claiming > 1 {
			for j, other := range group {
				if j != i && other.claims {
					rivals = append(rivals, checks[other.check].Endpoint)
				}
			}
		}
		v := c.v
		if v.Status == policy.Up && c.prev.Status != policy.Up && (holder >= 0 || claiming > 1) {
			ballots := v.Ballots
			v = c.prev
			v.Waits, v.Revision, v.Ballots = policy.WaitsForRival, c.v.Revision, ballots
			if v.Status == policy.Unknown {
				v.Status, v.Since = policy.Down, c.v.Since
			}
		}
		if !c.claims && v.Waits == policy.WaitsForRival {
			v.Waits = ""
		}
		v.Rivals = rivals
		if v.Status != c.prev.Status || v.Revision != c.prev.Revision || v.Ramp != c.prev.Ramp || v.Waits != c.prev.Waits || !slices.Equal(v.Rivals, c.prev.Rivals) {
			if len(v.Ballots) == 0 {
				v.Ballots = slices.Clone(box.of(c.check))
			}
			edges = append(edges, box.edge(c.check, c.prev, v))
		}
	}
	return edges
}
