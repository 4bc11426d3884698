package steer

import (
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// members lists the members of a pool that the tier lets serve, by the rules
// for unknown endpoints and reserves. A nil filter takes every region; what it
// takes out still counts as a sibling, so that it makes no reserve serve.
func (e *evaluation) members(p *Pool, k policy.AnswerKind, only map[string]bool) []int {
	list := e.choose(p, func(m *Member) bool { return m.Has[k] })
	if only != nil {
		list = slices.DeleteFunc(list, func(i int) bool { return !only[p.Members[i].Region] })
	}
	return list
}

func (e *evaluation) choose(p *Pool, want func(*Member) bool) []int {
	var candidates []int
	up, weighted := false, false
	panics := p.panics(want)
	for i := range p.Members {
		m := &p.Members[i]
		down := m.Status == policy.Down && !(panics && m.counts())
		if !want(m) || !e.tier.drained() && m.Drained != "" || !e.tier.asIfHealthy() && down || e.tier == Available && m.Pending || m.stale(e.good) {
			continue
		}
		up = up || m.Status == policy.Up
		candidates = append(candidates, i)
	}
	if up && !e.tier.asIfHealthy() {
		candidates = slices.DeleteFunc(candidates, func(i int) bool { return p.Members[i].Status == policy.Unknown })
	}
	for _, i := range candidates {
		weighted = weighted || p.Members[i].Weight > 0
	}
	if weighted {
		candidates = slices.DeleteFunc(candidates, func(i int) bool { return p.Members[i].Weight == 0 })
	}
	return candidates
}

// stale says whether a member has been down too long to be among the last good ones, which are those since then.
func (m *Member) stale(good int64) bool { return m.fallen() && m.Fell < good }

func (e *evaluation) pool(n *Node, k policy.AnswerKind) (shares []Share, need policy.Duration) {
	p := n.Pool
	members := e.members(p, k, e.only)
	at := e.begin(n)
	if e.tier <= Unjudged {
		if n := len(e.choose(p, func(*Member) bool { return true })); n < p.Min {
			if n > 0 {
				e.drop(at, "pool %s: %d of its endpoints are available, %d needed", p.Name, n, p.Min)
			}
			members = nil
		}
	}
	parts, kept := e.parts(p, k, members)
	shed := min(e.class.Shed[p.Name], 1-1e-9) // what sheds everything is still there for those whom nobody else has room for
	for j, i := range members {
		shares = append(shares, Share{Name: p.Members[i].ID, Part: parts[j] * (1 - shed) * kept, Pool: p, Member: i})
	}
	for i := range p.Members {
		if m := &p.Members[i]; m.Has[k] && (m.Drained == "" || e.tier.drained()) {
			need = sooner(need, m.need())
		}
	}
	if shed > 0 && len(shares) > 0 {
		e.drop(at, "pool %s: sheds %.1f %% of these clients, for it is short of capacity", p.Name, shed*100)
	}
	if len(members) > 0 && kept < 1 {
		e.drop(at, "pool %s: keeps %.0f %% of these clients by control %s, while there is somewhere else for the rest", p.Name, kept*100, p.Members[members[0]].Shared)
	}
	e.toldPool(at, p, k, members)
	return shares, need
}

// parts divides a pool's clients among those of its members that serve, by weight and by what controls let each
// keep. kept is the part of them that stays in the pool: as much as the member keeps that keeps most.
func (e *evaluation) parts(p *Pool, k policy.AnswerKind, members []int) (parts []float64, kept float64) {
	weight := (*Member).weight
	if e.tier.asIfHealthy() || p.Panics(k) {
		weight = func(m *Member) int { return m.Weight } // a ramp is for what has recovered
	}
	total, most := 0, 0
	for _, i := range members {
		total += weight(&p.Members[i])
		most = max(most, p.Members[i].Share)
	}
	parts = make([]float64, len(members))
	sum := 0.0
	for j, i := range members {
		m := &p.Members[i]
		if parts[j] = 1; total > 0 {
			parts[j] = float64(weight(m))
		}
		if m.Share != most {
			parts[j] *= float64(m.Share) / float64(most)
		}
		sum += parts[j]
	}
	for j := range parts {
		parts[j] /= sum
	}
	return parts, float64(most) / 100
}

// lastGoodSpan is how much earlier than the last one something may have gone
// down and still be among the last good ones: a region does not fail in one instant.
const lastGoodSpan = int64(time.Minute)

// resort gives what a branch serves when nothing in the tree is available.
func (e *evaluation) resort(n *Node, k policy.AnswerKind) (shares []Share, need policy.Duration) {
	outer := e.good
	defer func() { e.good = outer }()
	e.good = 0
	at := e.begin(n)
	e.drop(at, "%s: nothing is available in the whole tree: lastResort is %s", n.Path, n.Resort.text())
	switch {
	case n.Resort.Branch != nil:
		tier := e.tier
		defer func() { e.tier = tier }()
		for e.tier = Available; e.tier <= tier; e.tier++ {
			if shares, need = e.branch(n.Resort.Branch, k); len(shares) > 0 {
				return shares, need
			}
		}
		e.tier = tier // the branch has nothing that is not drained
		return e.inner(n, k)
	case n.Resort.Mode == policy.ResortNoData:
		trace := e.trace
		e.trace = nil
		shares, need = e.inner(n, k)
		e.trace = trace
		e.withheld = e.withheld || len(shares) > 0
		return nil, need
	case n.Resort.Mode == policy.ResortLastGood:
		newest := n.newest(k)
		e.good = newest - min(newest, lastGoodSpan)
	}
	return e.inner(n, k)
}

// newest is when the last of a branch's endpoints went down.
func (n *Node) newest(k policy.AnswerKind) (since int64) {
	if n.Pool != nil {
		for i := range n.Pool.Members {
			if m := &n.Pool.Members[i]; m.Has[k] && m.Drained == "" && m.fallen() {
				since = max(since, m.Fell)
			}
		}
	}
	for _, c := range n.Children {
		since = max(since, c.newest(k))
	}
	return since
}

// text is what lastResort is, as a document has it.
func (r *Resort) text() string {
	if r.Branch != nil {
		return r.Branch.Path
	}
	return r.Mode
}
