package policy

import (
	"net/netip"
	"strconv"
	"strings"
)

// Steering is a branch of the steering tree. Exactly one of Pool, Template,
// Failover, Weighted, Nearest, Latency and Geo is set.
type Steering struct {
	Pool     string   `json:"pool,omitempty"`
	Template string   `json:"template,omitempty"` // a tree of templates, in this place
	Failover []Branch `json:"failover,omitempty"`
	Weighted []Branch `json:"weighted,omitempty"`
	Nearest  []Branch `json:"nearest,omitempty"` // by great-circle distance
	Latency  []Branch `json:"latency,omitempty"` // by measured round-trip time, by distance where there is none
	Geo      []Branch `json:"geo,omitempty"`     // by where the client is; each branch has a match
	// Default is what geo gives to clients that no branch matches, and to those
	// whose branches have nothing available. After it the other branches are tried in their order.
	Default *Steering `json:"default,omitempty"`
	// Fence keeps the clients of geo in the branch that matches best, whatever its
	// health; who matches none has the default, and without one no data.
	Fence        bool        `json:"fence,omitempty"`
	MinAvailable int         `json:"minAvailable,omitempty"` // available children it takes to be available; default 1
	LastResort   *LastResort `json:"lastResort,omitempty"`   // what it serves when nothing in the whole tree is available; default all
}

// Branch is a child of a branch. A document may write the child under "to"
// or put its keys beside the others; the second form is the canonical one.
type Branch struct {
	Steering
	To     *Steering `json:"to,omitempty"`
	Weight *int      `json:"weight,omitempty"` // in weighted, and among children of one place in nearest and latency; 0 to 1,000,000, default 1
	Bias   int       `json:"bias,omitempty"`   // in nearest and latency: -99 to 99, Route 53's arithmetic
	Place  *Place    `json:"place,omitempty"`  // in nearest and latency: default the weighted middle of the child's pools
	Match  *Match    `json:"match,omitempty"`  // in geo: whom the branch is for
}

// Match says whom a branch of geo is for: everybody whom one of its entries
// holds. The most specific entry of all branches wins: the longest CIDR, then an
// AS number, a subdivision, a country, a continent.
type Match struct {
	CIDRs        []netip.Prefix `json:"cidrs,omitempty"`
	ASNs         []uint32       `json:"asns,omitempty"`
	Subdivisions []string       `json:"subdivisions,omitempty"` // ISO 3166-2: "US-CA"
	Countries    []string       `json:"countries,omitempty"`    // ISO 3166-1 alpha-2: "DE"
	Continents   []string       `json:"continents,omitempty"`   // AF AN AS EU NA OC SA
}

// Template is a tree that services share by name.
type Template struct {
	Name  string   `json:"name"`
	Steer Steering `json:"steer"`
}

// PlaceOverride says where a network is, whatever the geographic data says.
// A longer CIDR wins over a shorter one, and any CIDR over an AS number.
type PlaceOverride struct {
	CIDR        netip.Prefix `json:"cidr,omitzero"`
	ASN         uint32       `json:"asn,omitempty"`
	Place       *Place       `json:"place,omitempty"` // default the middle of the country
	Country     string       `json:"country,omitempty"`
	Continent   string       `json:"continent,omitempty"` // default the country's
	Subdivision string       `json:"subdivision,omitempty"`
	City        string       `json:"city,omitempty"`
}

// ID is what the override goes by: "192.0.2.0/24" or "AS64500".
func (o *PlaceOverride) ID() string {
	if o.CIDR.IsValid() {
		return o.CIDR.String()
	}
	return "AS" + strconv.FormatUint(uint64(o.ASN), 10)
}

// WeightOr1 is the weight, 1 by default.
func (b *Branch) WeightOr1() int {
	if b.Weight == nil {
		return 1
	}
	return *b.Weight
}

type branchKind struct {
	name string
	set  bool
}

// kinds are the ways to be a branch, each with whether it is set.
func (s *Steering) kinds() []branchKind {
	return []branchKind{
		{"pool", s.Pool != ""}, {"template", s.Template != ""}, {"failover", s.Failover != nil}, {"weighted", s.Weighted != nil},
		{"nearest", s.Nearest != nil}, {"latency", s.Latency != nil}, {"geo", s.Geo != nil},
	}
}

// Kind names the branch's kind and its children; a pool and a template have none.
// The default of geo is its last child, and the only one without a match.
func (s *Steering) Kind() (kind string, children []Branch) {
	for _, k := range s.kinds() {
		if k.set {
			kind = k.name
			break
		}
	}
	switch kind {
	case "failover":
		return kind, s.Failover
	case "weighted":
		return kind, s.Weighted
	case "nearest":
		return kind, s.Nearest
	case "latency":
		return kind, s.Latency
	case "geo":
		children = s.Geo
		if s.Default != nil {
			children = append(children[:len(children):len(children)], Branch{Steering: *s.Default})
		}
		return kind, children
	}
	return kind, nil
}

// kindNames is for messages: "pool, template, ... and geo".
func kindNames() string {
	var names []string
	for _, k := range new(Steering).kinds() {
		names = append(names, k.name)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
