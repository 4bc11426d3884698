// Package steer evaluates a service's steering tree: from candidates with
// their health, and the order of places a class of clients has, to a
// distribution of endpoints, with the reasons.
package steer

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"

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
	Forced   string        // the control that says what Status is, or ""
	Share    int           // percent of its usual clients that it keeps
	Shared   string        // the control that says so, or ""
	Ramp     int           // share of its weight it has back, in percent
	Since    int64         // State clock at the last change of Measured
	Fell     int64         // State clock since when it is fallen
	// Need is how long it takes until its verdict can change, at the least; 0 when it cannot.
	Need policy.Duration
	Near bool // a control is about to take more of it, or is on its way
}

// weight is the effective weight: the ramp scales it, but never to nothing.
func (m *Member) weight() int {
	switch {
	case m.Weight == 0:
		return 0
	case m.Forced != "": // as if it had been up for long
		return 100 * m.Weight
	}
	return max(1, m.Weight*m.Ramp)
}

// fallen says whether it is down by what is measured of it, or forced down.
func (m *Member) fallen() bool {
	if m.Forced != "" {
		return m.Status == policy.Down
	}
	return m.Measured == policy.Down
}

// need is how long it takes until what it is can change: next to nothing where a control is about to change it.
func (m *Member) need() policy.Duration {
	switch {
	case m.Near:
		return 1
	case m.Forced != "":
		return 0
	}
	return m.Need
}

// Pool is a pool as an evaluation sees it.
type Pool struct {
	Name string
	Min  int // available members it takes
	// Threshold is the least share of Members that must be up for health to
	// remove any, 0: off. Panic says that fewer are, and how many.
	Threshold policy.Percent
	Panic     string
	Members   []Member
	Answers   []Answers     // the members', in the same order
	Place     geo.Candidate // weighted middle of its members' regions

	Pressure Pressure
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

// Beside is what a pool goes by beside the state.
type Beside struct {
	Service string                     // whose use of the pool it is; "": that of every service without controls of its own
	Down    map[string]bool            // checks that this node alone holds to be down (island mode)
	Near    map[string]policy.Duration // how soon checks may change, where that is sooner than without samples against them
	Domains map[string]string          // failure domains that count as down, with why
}

// NewPool resolves a pool against the state: verdicts, drains and places.
// answers are its members'.
func NewPool(s *policy.State, spec *policy.Pool, answers []Answers, by Beside) *Pool {
	p := &Pool{Name: spec.Name, Min: spec.MinAvailable.Of(len(spec.Endpoints)), Threshold: spec.PanicThreshold, Answers: answers}
	var middle middle
	forces := s.Forces(by.Service)
	for i := range spec.Endpoints {
		e := &spec.Endpoints[i]
		region := e.RegionOr(spec)
		h := s.Health(spec, e, by.Down)
		m := Member{
			ID: policy.EndpointID(spec.Name, e.Name), Region: region, Has: answers[i].has(),
			Weight: e.WeightOr1(), Measured: h.Status, Status: h.Status, Ramp: h.Ramp, Since: h.Since,
			Pending: len(h.Checks) > 0 && h.Status == policy.Unknown,
		}
		names, _ := spec.SetOf(e).Names()
		for _, name := range names {
			if o, ok := s.Monitors.Get(name); ok {
				m.Need = sooner(m.Need, needed(o.Spec.WithDefaults(), h.Status))
			}
			m.Need = sooner(m.Need, by.Near[policy.CheckID(spec, e, name)])
		}
		switch {
		case h.Own:
			m.Measured = s.Health(spec, e, nil).Status
			m.Why = "this node has no leader and judges by the vantages it hears"
		case len(h.Checks) == 0:
			m.Why = "no monitor checks it"
		}
		m.outage(s, spec, e, by.Domains)
		if m.Measured == policy.Down {
			m.Fell = m.Since
		}
		m.force(forces.On(spec, e))
		p.Members = append(p.Members, m)
		if r := s.Region(region); r != nil {
			middle.add(r.Place, float64(max(1, m.Weight)))
		}
	}
	p.Place = middle.candidate()
	p.Pressure = pressure(s, spec)
	p.Settle()
	return p
}

// outage counts a member as down when a failure domain it is in does.
func (m *Member) outage(s *policy.State, spec *policy.Pool, e *policy.Endpoint, domains map[string]string) {
	if len(domains) == 0 || m.Status == policy.Down {
		return
	}
	for _, id := range s.Domains(spec, e) {
		if why := domains[id]; why != "" {
			m.Status, m.Why = policy.Down, why
			return
		}
	}
}

// force is what controls make of a member. What is measured stays beside it.
func (m *Member) force(f policy.Force) {
	m.Drained, m.Share, m.Shared, m.Near = f.Drained, f.Share, f.Shared, f.Near
	if f.Up != "" {
		m.Status, m.Pending, m.Forced, m.Fell = policy.Up, false, f.Up, 0
		m.Why = "forced up by control " + f.Up + ", measured " + m.Measured.String()
	}
	if f.Down != "" {
		m.Status, m.Pending, m.Forced, m.Fell = policy.Down, false, f.Down, f.DownSince
		m.Why = "forced down by control " + f.Down + ", measured " + m.Measured.String()
	}
}

// Equal says whether two evaluations would see the same pool.
func (p *Pool) Equal(q *Pool) bool {
	return p.Name == q.Name && p.Min == q.Min && p.Threshold == q.Threshold && p.Place == q.Place && p.Pressure == q.Pressure && slices.Equal(p.Members, q.Members) &&
		slices.EqualFunc(p.Answers, q.Answers, Answers.equal)
}

// needed is how long a monitor takes at the least to change a verdict: so many
// more samples, an interval each (gdnsd's rule). A signal may change at any moment.
func needed(m policy.Monitor, status policy.Status) policy.Duration {
	if m.Signal != nil {
		return 1
	}
	if status == policy.Down {
		return m.Interval * policy.Duration(m.Rise)
	}
	return m.Interval * policy.Duration(m.Fall)
}

// Node is a branch of a compiled steering tree.
type Node struct {
	Kind     string // "pool", "failover", "weighted", "nearest", "latency" or "geo"
	Path     string // where in the tree: "nearest[1].failover[0]"
	Name     string // what it is called among its siblings, wherever it stands: "pool/web"
	Pool     *Pool
	Children []*Node
	Regions  []string // of its pools' members, sorted
	Min      int      // available children it takes
	Resort   *Resort  // nil: as the branch above
	Fence    bool     // of geo
	Default  bool     // of geo: its last child is the default

	// As a child of its parent:
	Weight int
	Place  geo.Candidate
	Group  int           // among the children of nearest and latency: those with the same Group share by weight
	Match  *policy.Match // of geo; nil for the default

	ordered int // index among the tree's ordered branches
	weight  float64
}

// Resort is what a branch serves at [LastResort].
type Resort struct {
	Mode   string // of policy.LastResort
	Branch *Node  // instead, when not nil
}

// Tree is a compiled steering tree.
type Tree struct {
	Root    *Node
	Ordered []*Node                    // the branches whose order of children depends on the client, each before those inside it
	Pools   []*Pool                    // every pool once, in order of first use
	Serves  [policy.AnswerKinds]bool   // is there any endpoint that has it
	Kept    [policy.AnswerKinds][]Kept // the safety rules for automation, as Keep has settled them
}

// builder makes a tree's nodes.
type builder struct {
	*Tree
	pools     func(name string) *Pool
	templates func(name string) *policy.Steering
}

// Build compiles a service's tree; pools gives the resolved pools by name, and templates the trees of templates.
func Build(s *policy.Service, pools func(name string) *Pool, templates func(name string) *policy.Steering) (*Tree, error) {
	t := &Tree{}
	b := builder{t, pools, templates}
	root, err := b.node(&s.Steer, "", 1)
	if err != nil {
		return nil, err
	}
	if t.Root = root; root.Resort == nil {
		if root.Resort, err = b.resort(s.LastResort, "", 1); err != nil {
			return nil, err
		}
	}
	for _, p := range t.Pools {
		for i := range p.Members {
			for k, has := range p.Members[i].Has {
				t.Serves[k] = t.Serves[k] || has
			}
		}
	}
	return t, nil
}

func (t builder) node(s *policy.Steering, path string, depth int) (*Node, error) {
	if depth > policy.MaxDepth {
		return nil, fmt.Errorf("the tree is more than %d branches deep", policy.MaxDepth)
	}
	kind, children := s.Kind()
	n := &Node{Kind: kind, Path: join(path, kind), Min: max(1, s.MinAvailable), Fence: s.Fence, Default: s.Default != nil, ordered: -1}
	switch kind {
	case "":
		return nil, fmt.Errorf("a branch without a kind")
	case "template":
		return t.template(s, path, depth)
	case "pool":
		n.Path = join(path, "pool "+s.Pool)
		if err := t.pool(n, s.Pool); err != nil {
			return nil, err
		}
	case "nearest", "latency", "geo":
		n.ordered = len(t.Ordered)
		t.Ordered = append(t.Ordered, n)
	}
	var m middle
	for i := range children {
		c, err := t.child(n, &children[i], childPath(n.Path, kind, i, s), depth)
		if err != nil {
			return nil, err
		}
		if c.Place.Located {
			m.addPoint(c.Place.Point, c.weight)
		}
	}
	if kind != "pool" {
		n.Place = m.candidate()
		n.group()
		n.name()
	}
	slices.Sort(n.Regions)
	n.Regions = slices.Compact(n.Regions)
	var err error
	n.Resort, err = t.resort(s.LastResort, n.Path, depth)
	return n, err
}

// template puts a template's tree in the place of its name.
func (t builder) template(s *policy.Steering, path string, depth int) (*Node, error) {
	tree := t.templates(s.Template)
	if tree == nil {
		return nil, fmt.Errorf("there is no template %q", s.Template)
	}
	n, err := t.node(tree.Under(s), join(path, "template "+s.Template), depth+1)
	if err != nil {
		return nil, err
	}
	n.Name = "template/" + s.Template
	return n, nil
}

func (t builder) pool(n *Node, name string) error {
	if n.Pool = t.pools(name); n.Pool == nil {
		return fmt.Errorf("there is no pool %q", name)
	}
	if !slices.Contains(t.Pools, n.Pool) {
		t.Pools = append(t.Pools, n.Pool)
	}
	n.Name, n.Place = "pool/"+name, n.Pool.Place
	for i := range n.Pool.Members {
		m := &n.Pool.Members[i]
		n.weight += float64(max(1, m.Weight))
		if m.Region != "" {
			n.Regions = append(n.Regions, m.Region)
		}
	}
	return nil
}

func (t builder) child(n *Node, b *policy.Branch, path string, depth int) (*Node, error) {
	c, err := t.node(&b.Steering, path, depth+1)
	if err != nil {
		return nil, err
	}
	c.Weight, c.Match = b.WeightOr1(), b.Match
	if b.Place != nil {
		var own middle
		own.add(b.Place, 1)
		c.Place = own.candidate()
	}
	c.Place.Bias = b.Bias
	n.Children = append(n.Children, c)
	n.Regions = append(n.Regions, c.Regions...)
	n.weight += c.weight
	return c, nil
}

func (t builder) resort(r *policy.LastResort, path string, depth int) (*Resort, error) {
	if r == nil {
		return nil, nil
	}
	if r.Mode != "" {
		return &Resort{Mode: r.Mode}, nil
	}
	n, err := t.node(&r.Steering, join(path, "lastResort"), depth+1)
	return &Resort{Branch: n}, err
}

// childPath is where the i-th child of a branch stands.
func childPath(path, kind string, i int, s *policy.Steering) string {
	if kind == "geo" && i == len(s.Geo) {
		return path + ".default"
	}
	return fmt.Sprintf("%s[%d]", path, i)
}

func join(path, s string) string {
	if path == "" {
		return s
	}
	return path + "." + s
}

// group finds the children that no client is nearer to than to another:
// those at the very same place with the same bias, or of latency in the same regions.
func (n *Node) group() {
	for i, c := range n.Children {
		c.Group = i
		for j, other := range n.Children[:i] {
			same := c.Place.Located && c.Place == other.Place
			if n.Kind == "latency" {
				same = (c.Place.Located || len(c.Regions) > 0) && c.Place == other.Place && slices.Equal(c.Regions, other.Regions)
			}
			if same {
				c.Group = j
				break
			}
		}
	}
}

// name calls a branch by its kind and what is in it, and tells its children of one name apart.
func (n *Node) name() {
	names := make([]string, len(n.Children))
	seen := map[string]int{}
	for i, c := range n.Children {
		names[i] = c.Name
		if seen[c.Name]++; seen[c.Name] > 1 {
			c.Name = fmt.Sprintf("%s#%d", c.Name, seen[c.Name])
		}
	}
	n.Name = n.Kind + "(" + strings.Join(names, ",") + ")"
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
