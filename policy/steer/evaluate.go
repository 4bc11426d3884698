package steer

import (
	"fmt"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Tier says how far an evaluation had to go to have an answer (DESIGN section 4).
type Tier int

// The tiers, best first.
const (
	Available   Tier = iota + 1 // available and not drained, with every minAvailable kept
	Unjudged                    // as before, with those that await their first verdict
	BelowMin                    // available and not drained, minAvailable waived
	LastResort                  // not drained, though down: all as if healthy
	Drained                     // drained, since nothing else exists: those that are not down
	DrainedDown                 // drained and down: all as if healthy
	Nothing                     // the service has no endpoint with such an answer
)

// drained says whether the tier serves what is drained, and asIfHealthy whether it serves what is down.
func (t Tier) drained() bool     { return t >= Drained }
func (t Tier) asIfHealthy() bool { return t == LastResort || t == DrainedDown }

// String is the tier in words.
func (t Tier) String() string {
	switch t {
	case Available:
		return "available endpoints"
	case Unjudged:
		return "endpoints that await their first verdict, since none that has one is available"
	case BelowMin:
		return "available endpoints, though fewer than minAvailable"
	case LastResort:
		return "last resort: nothing is available, so everything undrained is served as if healthy"
	case Drained:
		return "last resort: everything is drained, so the drained endpoints are served"
	case DrainedDown:
		return "last resort: everything is drained and down, so the drained endpoints are served as if healthy"
	}
	return "no endpoint has such an answer"
}

// Pick is an endpoint and how likely it is to be the answer.
type Pick struct {
	Pool        *Pool
	Member      int // index into Pool.Members
	Probability float64
}

// Result is an evaluation's distribution: probabilities add up to 1, each endpoint once, in order of first mention.
type Result struct {
	Picks []Pick
	Tier  Tier
	// Together says that the answers were kept in regions that have both families.
	Together bool
}

// Step is what one branch did, for explain.
type Step struct {
	Path    string   `json:"path"`
	Kind    string   `json:"kind"`
	Kept    []string `json:"kept,omitempty"`
	Dropped []string `json:"dropped,omitempty"` // each with the reason
}

// Evaluate gives the distribution for a kind of answer. orders holds, for each of
// t.Nearest, the order of its children for the class of clients. With together,
// and a service of both families, both are kept to regions that have both, and so is
// everything else that can be had there; it never moves the addresses. A non-nil
// trace collects the steps of the evaluation that led to the result.
func (t *Tree) Evaluate(k policy.AnswerKind, orders [][]uint8, together bool, trace *[]Step) Result {
	if !t.Serves[k] {
		return Result{Tier: Nothing}
	}
	for tier := Available; tier < Nothing; tier++ {
		e := evaluation{tree: t, tier: tier, orders: orders}
		if together && t.Serves[policy.IPv4] && t.Serves[policy.IPv6] {
			e.only = t.both(&e)
			if len(e.only) > 0 && e.alive(policy.IPv4) && e.alive(policy.IPv6) && e.alive(k) {
				return e.result(k, trace)
			}
			e.only = nil
		}
		if e.alive(k) {
			return e.result(k, trace)
		}
	}
	return Result{Tier: Nothing}
}

// alive says whether the tree has anything of a kind to give.
func (e *evaluation) alive(k policy.AnswerKind) bool { return len(e.branch(e.tree.Root, k)) > 0 }

// both lists the regions that have usable endpoints of both families.
func (t *Tree) both(e *evaluation) map[string]bool {
	has := map[string][2]bool{}
	for _, p := range t.Pools {
		for f := policy.IPv4; f <= policy.IPv6; f++ {
			for _, i := range e.members(p, f, nil) {
				m := &p.Members[i]
				h := has[m.Region]
				h[f] = true
				has[m.Region] = h
			}
		}
	}
	only := map[string]bool{}
	for region, h := range has {
		if region != "" && h[0] && h[1] {
			only[region] = true
		}
	}
	return only
}

// evaluation is one pass over the tree at one tier.
type evaluation struct {
	tree   *Tree
	tier   Tier
	only   map[string]bool // regions to keep to; nil for all
	orders [][]uint8
	trace  *[]Step
}

func (e *evaluation) result(k policy.AnswerKind, trace *[]Step) Result {
	e.trace = trace
	r := Result{Tier: e.tier, Together: e.only != nil}
	for _, p := range e.branch(e.tree.Root, k) {
		i := slices.IndexFunc(r.Picks, func(q Pick) bool { return q.Pool == p.Pool && q.Member == p.Member })
		if i >= 0 {
			r.Picks[i].Probability += p.Probability
		} else {
			r.Picks = append(r.Picks, p)
		}
	}
	return r
}

// branch gives a branch's distribution, empty when the branch is not available.
func (e *evaluation) branch(n *Node, k policy.AnswerKind) []Pick {
	if n.Kind == "pool" {
		return e.pool(n, k)
	}
	order := e.order(n)
	at := e.begin(n)
	alive := make([][]Pick, len(n.Children))
	count := 0
	for i, c := range n.Children {
		if alive[i] = e.branch(c, k); len(alive[i]) > 0 {
			count++
		}
	}
	if e.tier <= Unjudged && count < n.Min {
		if count > 0 {
			e.drop(at, "%s: %d of its branches are available, %d needed", n.Path, count, n.Min)
		}
		return nil
	}
	var share []int // the children that share, the rest is backed out of
	switch n.Kind {
	case "weighted":
		share = order
	default: // failover and nearest: the first that is alive, with its equals
		for _, i := range order {
			if len(alive[i]) == 0 {
				continue
			}
			for _, j := range order {
				if j == i || n.Kind == "nearest" && n.Children[j].Group == n.Children[i].Group {
					share = append(share, j)
				}
			}
			break
		}
	}
	picks, kept := e.mix(n, share, alive)
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
	return picks
}

func (e *evaluation) wanted(k policy.AnswerKind) string {
	what := "available"
	if e.tier >= LastResort {
		what = "to serve"
	}
	return what + " for " + k.String()
}

// order is the order in which a branch's children are considered.
func (e *evaluation) order(n *Node) []int {
	order := make([]int, 0, len(n.Children))
	if n.Kind == "nearest" && n.nearest < len(e.orders) {
		for _, i := range e.orders[n.nearest] {
			order = append(order, int(i))
		}
		return order
	}
	for i := range n.Children {
		order = append(order, i)
	}
	return order
}

// mix shares probability among children by weight. Weight 0 is a reserve: it counts only when nothing else is alive.
func (e *evaluation) mix(n *Node, share []int, alive [][]Pick) (picks []Pick, kept map[int]bool) {
	kept = map[int]bool{}
	total := 0
	for _, i := range share {
		if len(alive[i]) > 0 {
			total += n.Children[i].Weight
		}
	}
	reserves := 0
	for _, i := range share {
		if total == 0 && len(alive[i]) > 0 {
			reserves++
		}
	}
	for _, i := range share {
		if len(alive[i]) == 0 || total > 0 && n.Children[i].Weight == 0 {
			continue
		}
		part := 1.0
		switch {
		case n.Kind == "failover":
		case total > 0:
			part = float64(n.Children[i].Weight) / float64(total)
		default:
			part = 1 / float64(reserves)
		}
		kept[i] = true
		for _, p := range alive[i] {
			p.Probability *= part
			picks = append(picks, p)
		}
	}
	return picks, kept
}

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
	for i := range p.Members {
		m := &p.Members[i]
		if !want(m) || !e.tier.drained() && m.Drained != "" || !e.tier.asIfHealthy() && m.Status == policy.Down || e.tier == Available && m.Pending {
			continue
		}
		up = up || m.Status == policy.Up
		candidates = append(candidates, i)
	}
	if up && !e.tier.asIfHealthy() {
		candidates = slices.DeleteFunc(candidates, func(i int) bool { return p.Members[i].Status != policy.Up })
	}
	for _, i := range candidates {
		weighted = weighted || p.Members[i].Weight > 0
	}
	if weighted {
		candidates = slices.DeleteFunc(candidates, func(i int) bool { return p.Members[i].Weight == 0 })
	}
	return candidates
}

func (e *evaluation) pool(n *Node, k policy.AnswerKind) []Pick {
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
	weight := (*Member).weight
	if e.tier.asIfHealthy() {
		weight = func(m *Member) int { return m.Weight } // a ramp is for what has recovered
	}
	total := 0
	for _, i := range members {
		total += weight(&p.Members[i])
	}
	var picks []Pick
	for _, i := range members {
		part := 1 / float64(len(members))
		if total > 0 {
			part = float64(weight(&p.Members[i])) / float64(total)
		}
		picks = append(picks, Pick{p, i, part})
	}
	if at != nil {
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
	return picks
}

func (e *evaluation) whyNot(p *Pool, m *Member, k policy.AnswerKind) string {
	up := func(o Member) bool {
		return o.Has[k] && o.Status == policy.Up && (e.tier.drained() || o.Drained == "")
	}
	switch {
	case !m.Has[k]:
		return lacks(k)
	case !e.tier.drained() && m.Drained != "":
		return "drained by control " + m.Drained
	case !e.tier.asIfHealthy() && m.Status == policy.Down && m.Why != "":
		return "down: " + m.Why
	case !e.tier.asIfHealthy() && m.Status == policy.Down:
		return "down"
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
