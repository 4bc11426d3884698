package snapshot

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// geography is how a set of nearest branches divides the world: every address
// to its class, and every class to the order it puts each branch's children in.
// Services that ask for the same places share one.
type geography struct {
	key     string
	classes *geo.Classes // nil when there is one class only
	orders  [][][]uint8  // by class, then by nearest branch
	first   [][]bool     // by nearest branch and child: is it nearest for any place that clients have
}

// key names the places that a tree's nearest branches ask for.
func geographyKey(t *steer.Tree) string {
	var b strings.Builder
	for _, n := range t.Nearest {
		for _, c := range n.Children {
			fmt.Fprintf(&b, "%v,%v,%v,%v;", c.Place.Located, c.Place.Point.Lat, c.Place.Point.Lon, c.Place.Bias)
		}
		b.WriteByte('|')
	}
	return b.String()
}

func (s *Snapshot) geography(prev *Snapshot, t *steer.Tree) *geography {
	key := geographyKey(t)
	if g := s.maps[key]; g != nil {
		return g
	}
	g := prev.maps[key]
	if g == nil || prev.geo != s.geo {
		g = newGeography(key, t, s.geo)
	}
	s.maps[key] = g
	return g
}

func newGeography(key string, t *steer.Tree, table *geo.Table) *geography {
	g := &geography{key: key}
	places := []geo.Place{{}} // place 0: no place
	if table != nil && len(t.Nearest) > 0 {
		places = table.Places()
	}
	candidates := make([][]geo.Candidate, len(t.Nearest))
	for i, n := range t.Nearest {
		for _, c := range n.Children {
			candidates[i] = append(candidates[i], c.Place)
		}
		g.first = append(g.first, make([]bool, len(n.Children)))
	}
	known := map[string]uint16{}
	classOf := make([]uint16, len(places))
	for i, p := range places {
		orders := make([][]uint8, len(candidates))
		var name []byte
		for j, c := range candidates {
			orders[j] = geo.Order(p.Point, p.Located, c, geo.DefaultNearest)
			name = append(name, orders[j]...)
			if p.Located && len(orders[j]) > 0 {
				g.first[j][orders[j][0]] = true
			}
		}
		class, ok := known[string(name)]
		if !ok && len(known) < 1<<16-1 {
			class = uint16(len(g.orders))
			known[string(name)] = class
			g.orders = append(g.orders, orders)
		}
		classOf[i] = class // beyond 65,535 classes: class 0, the document's order
	}
	if len(g.orders) > 1 {
		g.classes = table.Classify(classOf)
	}
	return g
}

// lookup gives a client's class and the widest prefix around it that has one class.
func (g *geography) lookup(client netip.Addr, bits int) (class uint16, scope uint8) {
	if g.classes == nil || !client.IsValid() {
		return 0, 0
	}
	addr, _, shift := geo.Normalize(client, bits)
	class, length := g.classes.Lookup(addr)
	return class, uint8(length + shift)
}
