package migrate

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// parameters are the keys of resources that are no labels of addresses.
var parameters = []string{"service_types", "up_thresh", "ignore_health", "multi", "plugin", "addrs_v4", "addrs_v6", "skip_first", "map", "dcmap", "datacenters"}

// families are the hashes of a resource that hold addresses: its addrs_v4 and addrs_v6, or itself.
func families(s scope) (list []scope) {
	for _, key := range []string{"addrs_v4", "addrs_v6"} {
		if v := s[0].get(key); v != nil {
			list = append(list, s.in(v))
		}
	}
	if len(list) == 0 {
		list = append(list, s)
	}
	return list
}

// monitorOfAll is that of a resource whose families are checked alike; it notes when they are not.
func (g *gdnsd) monitorOfAll(list []scope) string {
	m := g.monitorOf(list[0])
	for _, s := range list[1:] {
		if other := g.monitorOf(s); other != m {
			g.left(s[0].at, "a pool has one monitor: addresses of this family are checked as the others are, by %s", cmp.Or(m, "none"))
		}
	}
	return m
}

func (g *gdnsd) simplefo(name string, s scope, region string) (resource, bool) {
	list := families(s)
	monitor := g.monitorOfAll(list)
	var trees []policy.Steering
	for _, role := range []string{"primary", "secondary"} {
		pool := policy.Pool{Name: name + "-" + role, Region: region, Monitor: monitor}
		for i, f := range list {
			v := f[0].get(role)
			if v == nil {
				g.left(f[0].at, "simplefo resource %s has no %s", name, role)
				return resource{}, false
			}
			a, ok := g.address(v.at, v.str())
			if !ok {
				return resource{}, false
			}
			pool.Endpoints = append(pool.Endpoints, policy.Endpoint{Name: []string{role, role + "-v6"}[i], Address: a})
		}
		trees = append(trees, inPool(g.pool(pool)))
	}
	return resource{steer: failover(trees), answers: 1}, true
}

func (g *gdnsd) multifo(name string, s scope, region string) (resource, bool) {
	list := families(s)
	pool := policy.Pool{Name: name, Region: region, Monitor: g.monitorOfAll(list)}
	for _, f := range list {
		items, n := f[0].rest(parameters...), 0
		add := func(label string, v *value) {
			if a, ok := g.address(v.at, v.str()); ok {
				pool.Endpoints = append(pool.Endpoints, policy.Endpoint{Name: label, Address: a})
				n++
			}
		}
		for _, label := range items {
			add(label, f[0].items[label])
		}
		for i, v := range f[0].list {
			add(strconv.Itoa(i+1), v)
		}
		if f[0].kind == 's' {
			add("1", f[0])
		}
		least := int(math.Ceil(fraction(f.get("up_thresh"), 0.5)*float64(n) - 1e-9))
		switch {
		case pool.MinAvailable.Count == 0:
			pool.MinAvailable.Count = least
		case least != pool.MinAvailable.Count:
			g.note(f[0].at, "multifo resource %s: both families need %d available endpoints, the smaller of %d and %d", name, min(least, pool.MinAvailable.Count), pool.MinAvailable.Count, least)
			pool.MinAvailable.Count = min(least, pool.MinAvailable.Count)
		}
	}
	if v := s.get("ignore_health"); v.truth() {
		g.left(v.at, "ignore_health of %s: its endpoints are unchecked here, so nothing fails over from it either", name)
		pool.Monitor = ""
	}
	if len(pool.Endpoints) == 0 {
		g.left(s[0].at, "multifo resource %s has no address", name)
		return resource{}, false
	}
	return resource{steer: inPool(g.pool(pool)), answers: policy.MaxAnswers}, true
}

// weights is a group of a weighted resource.
type weights struct {
	endpoints []policy.Endpoint
	sum, most int
}

func (w *weights) add(e policy.Endpoint, weight int) {
	e.Weight = &weight
	w.endpoints = append(w.endpoints, e)
	w.sum += weight
	w.most = max(w.most, weight)
}

func (g *gdnsd) weighted(name string, s scope, region string) (resource, bool) {
	list := families(s)
	groups, order := map[string]*weights{}, []string{}
	into := func(group string) *weights {
		if groups[group] == nil {
			groups[group] = &weights{}
			order = append(order, group)
		}
		return groups[group]
	}
	for _, f := range list {
		for _, label := range f[0].rest(parameters...) {
			switch v := f[0].items[label]; v.kind {
			case '{':
				for _, member := range v.keys {
					g.weight(into(label), member, v.items[member])
				}
			default:
				g.weight(into(""), label, v)
			}
		}
	}
	if len(order) == 0 || slices.ContainsFunc(order, func(o string) bool { return len(groups[o].endpoints) == 0 }) {
		g.left(s[0].at, "weighted resource %s has no address that can be read", name)
		return resource{}, false
	}
	monitor := g.monitorOfAll(list)
	multi := list[0].get("multi").truth()
	thresh := fraction(list[0].get("up_thresh"), 0.5)
	var branches []policy.Branch
	for _, o := range order {
		w := groups[o]
		pool := policy.Pool{Name: strings.TrimSuffix(name+"-"+o, "-"), Region: region, Monitor: monitor, Endpoints: w.endpoints}
		if o == "" {
			pool.MinAvailable.Count = g.leastOf(s[0].at, name, w, len(list), thresh)
		}
		branches = append(branches, policy.Branch{Steering: inPool(g.pool(pool)), Weight: ptr(w.sum)})
	}
	res := resource{steer: policy.Steering{Weighted: branches}, answers: 1}
	switch w := groups[order[0]]; {
	case len(order) == 1:
		res.steer = branches[0].Steering
		if multi {
			res.answers = int(math.Round(float64(w.sum) / float64(w.most) / float64(len(list))))
			g.note(s[0].at, "weighted resource %s with multi: each answer has %d endpoints here, by weight; gdnsd draws for each whether it is in", name, res.answers)
		}
	case multi:
		res.answers = len(order)
		g.note(s[0].at, "weighted resource %s with multi and groups: each answer has %d endpoints, by weight, which may be of one group", name, res.answers)
	default:
		g.note(s[0].at, "weighted resource %s with groups: each answer has one endpoint of the group that is drawn; gdnsd gives several of it", name)
	}
	return res, true
}

// weight adds [address or host name, weight] to a group.
func (g *gdnsd) weight(w *weights, label string, v *value) {
	if v.kind != '[' || len(v.list) != 2 {
		g.left(v.at, "%s: [address, weight] is needed here", label)
		return
	}
	e, err := endpointAt(label, v.list[0].str())
	n, err2 := strconv.Atoi(v.list[1].str())
	if err != nil || err2 != nil {
		g.left(v.at, "%s: %q with weight %q cannot be read", label, v.list[0].str(), v.list[1].str())
		return
	}
	if n > policy.MaxWeight {
		g.note(v.at, "weight %d of %s is cut to %d", n, label, policy.MaxWeight)
	}
	w.add(e, min(n, policy.MaxWeight))
}

// leastOf is how many endpoints must be available for the weights to reach the
// threshold, the heaviest ones taken.
func (g *gdnsd) leastOf(at place, name string, w *weights, families int, thresh float64) int {
	var list []int
	for _, e := range w.endpoints {
		list = append(list, e.WeightOr1())
	}
	slices.SortFunc(list, func(a, b int) int { return b - a })
	need, n := int(math.Ceil(thresh*float64(w.sum)-1e-9)), 0
	for sum := 0; n < len(list) && sum < need; n++ {
		sum += list[n]
	}
	if list[0] != list[len(list)-1] {
		g.note(at, "weighted resource %s: up_thresh counts weights in gdnsd and endpoints here; %d must be available", name, max(1, n/families))
	}
	return max(1, n/families)
}

// coordinates are those of an array of latitude and longitude.
func coordinates(v *value) (lat, lon float64, ok bool) {
	list := v.strs()
	if len(list) != 2 {
		return 0, 0, false
	}
	lat, err := strconv.ParseFloat(list[0], 64)
	lon, err2 := strconv.ParseFloat(list[1], 64)
	return lat, lon, err == nil && err2 == nil
}

// network is a key of nets: IPv4-compatible IPv6 stands for IPv4 in gdnsd.
func network(text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, false
	}
	if a := p.Addr(); a.Is6() && p.Bits() >= 96 && a.As16()[0] == 0 && [12]byte(a.AsSlice()[:12]) == [12]byte{} {
		p = netip.PrefixFrom(netip.AddrFrom4([4]byte(a.AsSlice()[12:])), p.Bits()-96)
	}
	return p.Masked(), true
}
