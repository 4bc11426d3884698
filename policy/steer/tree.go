// Package steer evaluates a service's steering tree: from candidates with
// their health, and the order of places a class of clients has, to a
// distribution of endpoints, with the reasons.
package steer

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

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
