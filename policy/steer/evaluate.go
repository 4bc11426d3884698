package steer

import (
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
	LastResort                  // not drained, though down: as lastResort says, all as if healthy by default
	Drained                     // drained, since nothing else exists: those that are not down
	DrainedDown                 // drained and down: all as if healthy
	Nothing                     // there is no endpoint with such an answer for the client
	Withheld                    // nothing is available, and lastResort asks for no data then
)

// drained says whether the tier serves what is drained, and asIfHealthy whether it serves what is down.
func (t Tier) drained() bool     { return t == Drained || t == DrainedDown }
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
	case Withheld:
		return "no data: nothing is available, and lastResort: nodata asks for none then"
	}
	return "no endpoint has such an answer"
}

// Pick is an endpoint and how likely it is to be the answer.
type Pick struct {
	Pool        *Pool
	Member      int // index into Pool.Members
	Probability float64
}

// Share is an entry of a list of which one is drawn, by Part: an endpoint, or a list of its own.
type Share struct {
	Name   string  // of the endpoint or branch, the same in every evaluation
	Part   float64 // above 0
	Pool   *Pool   // of the endpoint
	Member int
	Of     []Share // not nil: draw from these
}

// Result is an evaluation's distribution.
type Result struct {
	Picks  []Pick  // probabilities add up to 1, each endpoint once, in order of first mention
	Shares []Share // the same, as the tree draws it
	Tier   Tier
	// Together says that the answers were kept in regions that have both families.
	Together bool
	// Resort is the lastResort that the topmost branch acted by, "" for all as if healthy.
	Resort string
	// Need is how long it takes, at the least, until a verdict can change that this rests on; 0 if none can.
	Need policy.Duration
}

// Class is what an evaluation knows of the clients it is for.
type Class struct {
	// Orders holds, for each of Tree.Ordered, the children that serve the class, best first.
	Orders [][]uint8
	// Shed says of pools that are short of capacity what share of the class goes elsewhere, 0 to 1.
	Shed map[string]float64
}

// Evaluate gives the distribution for a kind of answer and a class of clients. With
// together, and a service of both families, both are kept to regions that have both, and so is
// everything else that can be had there; it never moves the addresses. A non-nil
// trace collects the steps of the evaluation that led to the result.
func (t *Tree) Evaluate(k policy.AnswerKind, class Class, together bool, trace *[]Step) Result {
	if !t.Serves[k] {
		return Result{Tier: Nothing}
	}
	for tier := Available; tier < Nothing; tier++ {
		e := evaluation{tree: t, tier: tier, class: class, whole: t.whole(k)}
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
		if e.withheld {
			r := e.result(k, trace)
			r.Tier = Withheld
			return r
		}
	}
	e := evaluation{tree: t, tier: DrainedDown, class: class}
	r := e.result(k, trace)
	r.Tier = Nothing
	return r
}

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
	tree     *Tree
	tier     Tier
	only     map[string]bool // regions to keep to; nil for all
	class    Class
	good     int64 // at LastResort: what is down counts only if it has been since then, or later
	withheld bool  // a branch asked for no data
	whole    bool  // at LastResort: a safety rule has all served, whatever lastResort says
	trace    *[]Step
}

// alive says whether the tree has anything of a kind to give.
func (e *evaluation) alive(k policy.AnswerKind) bool {
	e.withheld = false
	shed := e.class.Shed
	e.class.Shed = nil // who is full is not dead
	shares, _ := e.branch(e.tree.Root, k)
	e.class.Shed = shed
	return len(shares) > 0
}

func (e *evaluation) result(k policy.AnswerKind, trace *[]Step) Result {
	e.trace = trace
	r := Result{Tier: e.tier, Together: e.only != nil}
	r.Shares, r.Need = e.branch(e.tree.Root, k)
	if r.Shares = scaled(r.Shares); e.class.Shed != nil {
		r.Shares = scaled(pruned(r.Shares, 1))
	}
	flatten(r.Shares, 1, &r.Picks)
	if at := e.tree.Root.Resort; e.tier == LastResort && at != nil && !e.whole {
		r.Resort = at.text()
	}
	return r
}

// flatten multiplies the parts out, each endpoint once.
func flatten(shares []Share, by float64, picks *[]Pick) {
	for _, s := range shares {
		if s.Of != nil {
			flatten(s.Of, by*s.Part, picks)
			continue
		}
		i := slices.IndexFunc(*picks, func(q Pick) bool { return q.Pool == s.Pool && q.Member == s.Member })
		if i >= 0 {
			(*picks)[i].Probability += by * s.Part
		} else {
			*picks = append(*picks, Pick{s.Pool, s.Member, by * s.Part})
		}
	}
}

// pruned leaves out what next to nobody gets: all of it is shed.
func pruned(shares []Share, by float64) []Share {
	var kept []Share
	for _, s := range shares {
		if by*s.Part < 1e-6 {
			continue
		}
		if s.Of != nil {
			s.Of = scaled(pruned(s.Of, by*s.Part))
		}
		kept = append(kept, s)
	}
	return kept
}

func sum(shares []Share) (total float64) {
	for i := range shares {
		total += shares[i].Part
	}
	return total
}

// branch gives a branch's distribution, empty when the branch is not available;
// its parts add up to less than 1 when it sheds. need is how long this stands at the least.
func (e *evaluation) branch(n *Node, k policy.AnswerKind) (shares []Share, need policy.Duration) {
	if e.tier == LastResort && n.Resort != nil && !e.whole {
		return e.resort(n, k)
	}
	shares, need = e.inner(n, k)
	if len(shares) == 0 && e.tier >= LastResort && n.Resort != nil && n.Resort.Branch != nil {
		return e.branch(n.Resort.Branch, k) // drained as all else is, and all that there is of this kind (I-01)
	}
	return shares, need
}

func (e *evaluation) inner(n *Node, k policy.AnswerKind) (shares []Share, need policy.Duration) {
	if n.Kind == "pool" {
		return e.pool(n, k)
	}
	order := e.order(n)
	at := e.begin(n)
	alive := make([][]Share, len(n.Children))
	needs := make([]policy.Duration, len(n.Children))
	count := 0
	for _, i := range order {
		if alive[i], needs[i] = e.branch(n.Children[i], k); len(alive[i]) > 0 {
			count++
		}
		need = sooner(need, needs[i])
	}
	if e.tier <= Unjudged && count < n.Min {
		if count > 0 {
			e.drop(at, "%s: %d of its branches are available, %d needed", n.Path, count, n.Min)
		}
		return nil, need
	}
	kept := map[int]bool{}
	if n.Kind == "weighted" {
		shares = n.mix(order, alive, kept)
	} else {
		shares, need = e.inOrder(n, order, alive, needs, kept)
	}
	e.told(at, n, k, order, alive, kept)
	return shares, need
}

// sooner is the smaller of two times of which 0 is never.
func sooner(a, b policy.Duration) policy.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// inOrder takes the first child that is alive, with its equals; what they
// shed goes on to the next. Only what was tried has a part in need.
func (e *evaluation) inOrder(n *Node, order []int, alive [][]Share, needs []policy.Duration, kept map[int]bool) (shares []Share, need policy.Duration) {
	left := 1.0
	var stages []Share
	for at, i := range order {
		need = sooner(need, needs[i])
		if len(alive[i]) == 0 || kept[i] {
			continue
		}
		group := []int{i}
		for _, j := range order[at+1:] {
			if (n.Kind == "nearest" || n.Kind == "latency") && n.Children[j].Group == n.Children[i].Group {
				group = append(group, j)
				need = sooner(need, needs[j])
			}
		}
		list := n.mix(group, alive, kept)
		total := sum(list)
		stages = append(stages, Share{Name: n.Children[i].Name, Part: left * total, Of: list})
		if left *= 1 - total; left < 1e-6 {
			break
		}
	}
	if len(stages) == 1 {
		return stages[0].Of, need
	}
	for i := range stages {
		stages[i].Of = scaled(stages[i].Of)
	}
	return stages, need
}

// mix shares among children by weight. Weight 0 is a reserve: it counts only
// when nothing else is alive. What one of them sheds, those that shed nothing take.
func (n *Node) mix(among []int, alive [][]Share, kept map[int]bool) []Share {
	total, reserves := 0, 0
	for _, i := range among {
		if len(alive[i]) > 0 {
			total += n.Children[i].Weight
			reserves++
		}
	}
	var shares []Share
	shed, whole := 0.0, 0.0
	last := 0
	for _, i := range among {
		if len(alive[i]) == 0 || total > 0 && n.Children[i].Weight == 0 {
			continue
		}
		part := 1 / float64(reserves)
		if total > 0 {
			part = float64(n.Children[i].Weight) / float64(total)
		}
		kept[i], last = true, i
		stays := min(sum(alive[i]), 1)
		if shed += part * (1 - stays); stays > 1-1e-9 {
			whole += part
		}
		shares = append(shares, Share{Name: n.Children[i].Name, Part: part * stays, Of: alive[i]})
	}
	if len(shares) == 1 {
		return alive[last]
	}
	for i := range shares {
		s := &shares[i]
		if sum(s.Of) > 1-1e-9 && whole > 0 {
			s.Part += shed * s.Part / whole
		}
		s.Of = scaled(s.Of)
	}
	return shares
}

// scaled makes the parts of a list add up to 1.
func scaled(list []Share) []Share {
	total := sum(list)
	if total > 1-1e-12 && total < 1+1e-12 {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Part /= total
	}
	return list
}

// order is the order in which a branch's children are considered.
func (e *evaluation) order(n *Node) []int {
	order := make([]int, 0, len(n.Children))
	if n.ordered >= 0 && n.ordered < len(e.class.Orders) {
		for _, i := range e.class.Orders[n.ordered] {
			order = append(order, int(i))
		}
		return order
	}
	for i := range n.Children {
		order = append(order, i)
	}
	return order
}
