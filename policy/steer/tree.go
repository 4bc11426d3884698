// Package steer evaluates a service's steering tree: from candidates with
// their health, and the order of places a class of clients has, to a
// distribution of endpoints, with the reasons.
package steer

import (
	"bytes"
	"fmt"
	"math"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// Member is an endpoint as an evaluation sees it.
type Member struct {
	ID       string // "endpoint/web/a"
	Region   string
	Has      [policy.AnswerKinds]bool
	Weight   int // as configured
	Measured policy.Status
	Status   policy.Status // effective, drains aside
	Pending  bool          // a monitor checks it, and there has been no verdict yet
	Why      string        // why Status is what it is, when that is not the verdict
	Drained  string        // the control that drains it, or ""
	Ramp     int           // share of its weight it has back, in percent
}

// weight is the effective weight: the ramp scales it, but never to nothing.
func (m *Member) weight() int {
	if m.Weight == 0 {
		return 0
	}
	return max(1, m.Weight*m.Ramp)
}

// Pool is a pool as an evaluation sees it.
type Pool struct {
	Name    string
	Min     int // available members it takes
	Members []Member
	Answers []Answers     // the members', in the same order
	Place   geo.Candidate // weighted middle of its members' regions
}

// Answers is what a member answers with.
type Answers struct {
	CNAME policy.Name    // not "": the member is an alias, and this is all
	Sets  []policy.RRset // of each kind that it has; their TTLs are the most that an answer may have
}

// Find is the member's own answer of a kind, or nil.
func (a *Answers) Find(k policy.AnswerKind) *policy.RRset {
	for i := range a.Sets {
		if a.Sets[i].Type == k.Type() {
			return &a.Sets[i]
		}
	}
	return nil
}

func (a *Answers) has() (has [policy.AnswerKinds]bool) {
	for k := range policy.AnswerKinds {
		has[k] = a.CNAME != "" && k.Family() || a.Find(k) != nil
	}
	return has
}

func (a Answers) equal(b Answers) bool {
	return a.CNAME == b.CNAME && slices.EqualFunc(a.Sets, b.Sets, func(x, y policy.RRset) bool {
		return x.Type == y.Type && x.TTL == y.TTL && slices.EqualFunc(x.Data, y.Data, bytes.Equal)
	})
}

// NewPool resolves a pool against the state: verdicts, drains and places.
// answers are its members', down names checks that this node alone holds to be down (island mode).
func NewPool(s *policy.State, spec *policy.Pool, answers []Answers, down map[string]bool) *Pool {
	p := &Pool{Name: spec.Name, Min: max(1, spec.MinAvailable), Answers: answers}
	var middle middle
	for i := range spec.Endpoints {
		e := &spec.Endpoints[i]
		region := e.RegionOr(spec)
		v, monitored := s.Verdict(spec, e)
		m := Member{
			ID: policy.EndpointID(spec.Name, e.Name), Region: region, Has: answers[i].has(),
			Weight: e.WeightOr1(), Measured: v.Status, Status: v.Status, Ramp: v.Ramp,
			Pending: monitored && v.Status == policy.Unknown,
		}
		switch {
		case down[v.Check] && v.Status != policy.Down:
			m.Status, m.Why = policy.Down, "this node has no leader and judges by the vantages it hears"
		case !monitored:
			m.Why = "no monitor checks it"
		}
		if drains := s.Drains(spec, e); len(drains) > 0 {
			m.Drained = drains[0].ID
		}
		p.Members = append(p.Members, m)
		if r := s.Region(region); r != nil {
			middle.add(r.Place, float64(max(1, m.Weight)))
		}
	}
	p.Place = middle.candidate()
	return p
}

// Equal says whether two evaluations would see the same pool.
func (p *Pool) Equal(q *Pool) bool {
	return p.Name == q.Name && p.Min == q.Min && p.Place == q.Place && slices.Equal(p.Members, q.Members) &&
		slices.EqualFunc(p.Answers, q.Answers, Answers.equal)
}

// Node is a branch of a compiled steering tree.
type Node struct {
	Kind     string // "pool", "failover", "weighted" or "nearest"
	Path     string // where in the tree: "nearest[1].failover[0]"
	Pool     *Pool
	Children []*Node
	Min      int // available children it takes

	// As a child of its parent:
	Weight int
	Place  geo.Candidate
	Group  int // among the children of nearest: those with the same Group share by weight

	nearest int // index among the tree's nearest branches
	weight  float64
}

// Tree is a compiled steering tree.
type Tree struct {
	Root    *Node
	Nearest []*Node                  // the nearest branches, each before those inside it
	Pools   []*Pool                  // every pool once, in order of first use
	Serves  [policy.AnswerKinds]bool // is there any endpoint that has it
}

// Build compiles a service's tree; pools gives the resolved pools by name.
func Build(s *policy.Service, pools func(name string) *Pool) (*Tree, error) {
	t := &Tree{}
	root, err := t.node(&s.Steer, "", pools)
	if err != nil {
		return nil, err
	}
	t.Root = root
	for _, p := range t.Pools {
		for i := range p.Members {
			for k, has := range p.Members[i].Has {
				t.Serves[k] = t.Serves[k] || has
			}
		}
	}
	return t, nil
}

func (t *Tree) node(s *policy.Steering, path string, pools func(string) *Pool) (*Node, error) {
	kind, children := s.Kind()
	n := &Node{Kind: kind, Path: path, Min: max(1, s.MinAvailable), nearest: -1}
	switch kind {
	case "":
		return nil, fmt.Errorf("a branch without a kind")
	case "pool":
		n.Path = join(path, "pool "+s.Pool)
		if n.Pool = pools(s.Pool); n.Pool == nil {
			return nil, fmt.Errorf("there is no pool %q", s.Pool)
		}
		if !slices.Contains(t.Pools, n.Pool) {
			t.Pools = append(t.Pools, n.Pool)
		}
		n.Place = n.Pool.Place
		for i := range n.Pool.Members {
			n.weight += float64(max(1, n.Pool.Members[i].Weight))
		}
		return n, nil
	case "nearest":
		n.nearest = len(t.Nearest)
		t.Nearest = append(t.Nearest, n)
	}
	n.Path = join(path, kind)
	var m middle
	for i := range children {
		b := &children[i]
		c, err := t.node(&b.Steering, fmt.Sprintf("%s[%d]", n.Path, i), pools)
		if err != nil {
			return nil, err
		}
		if c.Weight = b.WeightOr1(); b.Place != nil {
			var own middle
			own.add(b.Place, 1)
			c.Place = own.candidate()
		}
		c.Place.Bias = b.Bias
		n.Children = append(n.Children, c)
		n.weight += c.weight
		if c.Place.Located {
			m.addPoint(c.Place.Point, c.weight)
		}
	}
	n.Place = m.candidate()
	n.group()
	return n, nil
}

func join(path, s string) string {
	if path == "" {
		return s
	}
	return path + "." + s
}

// group finds the children of nearest that stand at the very same place with
// the same bias: no client is nearer to one of them than to another.
func (n *Node) group() {
	for i, c := range n.Children {
		c.Group = i
		for j, other := range n.Children[:i] {
			if c.Place.Located && c.Place == other.Place {
				c.Group = j
				break
			}
		}
	}
}

// middle is the weighted mean of points on the globe, as unit vectors. Equal
// points give exactly that point, so that "the very same place" stays the same.
type middle struct {
	x, y, z float64
	first   geo.Point
	n       int
	mixed   bool
}

func (m *middle) add(p *policy.Place, weight float64) {
	if lat, lon, ok := p.Coordinates(); ok {
		m.addPoint(geo.Point{Lat: lat, Lon: lon}, weight)
	}
}

func (m *middle) addPoint(p geo.Point, weight float64) {
	if m.n == 0 {
		m.first = p
	}
	m.mixed = m.mixed || p != m.first
	m.n++
	lat, lon := p.Lat*math.Pi/180, p.Lon*math.Pi/180
	m.x += weight * math.Cos(lat) * math.Cos(lon)
	m.y += weight * math.Cos(lat) * math.Sin(lon)
	m.z += weight * math.Sin(lat)
}

func (m *middle) candidate() geo.Candidate {
	if m.n == 0 {
		return geo.Candidate{}
	}
	p := m.first
	if m.mixed {
		p = geo.Point{
			Lat: math.Atan2(m.z, math.Hypot(m.x, m.y)) * 180 / math.Pi,
			Lon: math.Atan2(m.y, m.x) * 180 / math.Pi,
		}
	}
	return geo.Candidate{Point: p, Located: true}
}

// Left is what of a service no control drains.
type Left struct {
	Endpoints [policy.AnswerKinds]int
	Regions   []string // with an undrained endpoint, sorted
}

// Undrained counts what of a service no control drains; health plays no part.
func Undrained(s *policy.State, svc *policy.Service) Left {
	var l Left
	seen := map[string]bool{}
	for name := range svc.Steer.Pools {
		o, ok := s.Pools.Get(name)
		if !ok || seen[name] {
			continue
		}
		seen[name] = true
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			if len(s.Drains(&o.Spec, e)) > 0 {
				continue
			}
			for k := range policy.AnswerKinds {
				if s.Has(e, k) {
					l.Endpoints[k]++
				}
			}
			if r := e.RegionOr(&o.Spec); r != "" && !slices.Contains(l.Regions, r) {
				l.Regions = append(l.Regions, r)
			}
		}
	}
	slices.Sort(l.Regions)
	return l
}
