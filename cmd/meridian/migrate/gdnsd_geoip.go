package migrate

import (
	"path/filepath"
	"regexp"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// meta translates a resource of metafo or geoip, or one datacenter of it.
func (g *gdnsd) meta(plugin, name, dc string, s scope) (resource, bool) {
	m := &metaResource{g: g, name: name, plugin: plugin, scope: s, dcs: map[string]resource{}}
	dcmap := s[0].get("dcmap")
	if dcmap == nil {
		g.left(s[0].at, "%s resource %s has no dcmap", plugin, name)
		return resource{}, false
	}
	if plugin == "geoip" {
		m.conf = s[1].get("maps").get(s[0].get("map").str())
		if m.conf == nil {
			g.left(s[0].at, "geoip resource %s: there is no map %q", name, s[0].get("map").str())
			return resource{}, false
		}
	}
	order := s[0].get("datacenters").strs()
	if plugin == "geoip" {
		order = m.conf.get("datacenters").strs()
	}
	for _, d := range order {
		if v := dcmap.get(d); v != nil && (dc == "" || dc == d) {
			if r, ok := m.datacenter(d, v); ok {
				m.dcs[d] = r
			}
		}
	}
	if dc != "" {
		r, ok := m.dcs[dc]
		if !ok {
			g.left(s[0].at, "%s resource %s has no datacenter %q that can be translated", plugin, name, dc)
		}
		return r, ok
	}
	if len(m.dcs) == 0 {
		return resource{}, false // each datacenter has said why
	}
	if v := s.get("skip_first"); v.truth() {
		m.skip = true
		if plugin == "geoip" && m.conf.get("auto_dc_coords") != nil {
			g.left(v.at, "skip_first of %s: the nearest cannot be skipped here; lists lose their first", name)
		}
	}
	r := m.combined()
	if plugin == "metafo" {
		list, ok := m.list(s[0].at, order)
		r.steer = list
		return r, ok
	}
	var ok bool
	r.steer, ok = m.mapped(order)
	return r, ok
}

type metaResource struct {
	g            *gdnsd
	plugin, name string
	scope        scope
	conf         *value // of the map of geoip
	dcs          map[string]resource
	skip         bool
}

// combined is what the datacenters have in common as to how many endpoints answers have.
func (m *metaResource) combined() (r resource) {
	for _, d := range m.dcs {
		if r.answers > 0 && d.answers > 0 && r.answers != d.answers {
			m.g.note(m.scope[0].at, "%s resource %s: some datacenters answer with one endpoint and others with several; all answer with up to %d here", m.plugin, m.name, max(r.answers, d.answers))
		}
		r.answers = max(r.answers, d.answers)
	}
	return r
}

// datacenter translates an entry of dcmap, in a region of its name.
func (m *metaResource) datacenter(dc string, v *value) (resource, bool) {
	g := m.g
	var where *policy.Place
	if lat, lon, ok := coordinates(m.conf.get("auto_dc_coords").get(dc)); ok {
		where = at(lat, lon)
	}
	name := m.name + "-" + dc
	inner := m.scope.in(v)
	plugin := "multifo"
	if p := inner.get("plugin"); p != nil {
		plugin = p.str()
	}
	switch {
	case v.kind == 's' && strings.Contains(v.text, "!"):
		ref := v.text
		if strings.HasPrefix(ref, "!") {
			ref = plugin + ref
		}
		return g.reference(v.at, ref)
	case v.kind == 's':
		e, err := endpointAt("1", v.text)
		if err != nil {
			g.left(v.at, "datacenter %s of %s: %v", dc, m.name, err)
			return resource{}, false
		}
		p := policy.Pool{Name: name, Region: g.region(dc, where), Endpoints: []policy.Endpoint{e}}
		if e.Hostname == "" {
			p.Monitor = g.monitorOf(inner)
		}
		return resource{steer: inPool(g.pool(p))}, true
	case v.kind == '[':
		plugin = "multifo"
	case plugin == "metafo":
		return g.meta(plugin, name, "", inner)
	}
	return g.simple(plugin, name, inner, g.region(dc, where))
}

// list is a failover over datacenters, those that are left out left out.
func (m *metaResource) list(where place, names []string) (policy.Steering, bool) {
	var list []policy.Steering
	for _, n := range names {
		if r, ok := m.dcs[n]; ok {
			list = append(list, r.steer)
		} else if m.scope[0].get("dcmap").get(n) == nil && !m.scope.get("undefined_datacenters_ok").truth() {
			m.g.left(where, "%s resource %s has no datacenter %q", m.plugin, m.name, n)
		}
	}
	if m.skip && len(list) > 1 {
		list = list[1:]
	}
	if len(list) == 0 {
		return policy.Steering{}, false
	}
	return failover(list), true
}

// mapped is the tree of a geoip resource: by its map and its nets, else the default.
func (m *metaResource) mapped(order []string) (policy.Steering, bool) {
	g := m.g
	auto := m.conf.get("auto_dc_coords") != nil
	places := m.conf.get("map")
	fallback := &value{at: m.conf.at, kind: '['}
	for _, o := range order {
		fallback.list = append(fallback.list, &value{kind: 's', text: o})
	}
	if auto {
		fallback = &value{at: m.conf.at, kind: 's', text: "auto"}
	}
	if d := places.get("default"); d != nil {
		fallback = d
	}
	geo := policy.Steering{Geo: []policy.Branch{}, Fence: true}
	found := map[string]int{} // branches by the datacenters they have
	add := func(v *value, put func(*policy.Match)) {
		if v.kind == '[' && len(v.list) == 0 {
			g.left(v.at, "an empty list gives some clients no data, which only the default of a whole map can here; they have the default")
			return
		}
		key := strings.Join(v.strs(), "\x00")
		if i, ok := found[key]; ok {
			put(geo.Geo[i].Match)
			return
		}
		if tree, ok := m.choice(v, order); ok {
			b := policy.Branch{Steering: tree, Match: &policy.Match{}}
			put(b.Match)
			found[key] = len(geo.Geo)
			geo.Geo = append(geo.Geo, b)
		}
	}
	m.nets(add)
	m.places(places, nil, add)
	tree, ok := m.choice(fallback, order)
	empty := fallback.kind == '[' && len(fallback.list) == 0
	switch {
	case len(geo.Geo) == 0 && empty:
		g.left(fallback.at, "geoip resource %s: its map gives nobody any data", m.name)
		return policy.Steering{}, false
	case len(geo.Geo) == 0:
		return tree, ok
	case ok:
		geo.Default = &tree
	}
	return geo, ok || empty
}

// choice is the tree for a list of datacenters, or for "auto".
func (m *metaResource) choice(v *value, order []string) (policy.Steering, bool) {
	coords := m.conf.get("auto_dc_coords")
	if v.kind != 's' || v.text != "auto" || coords == nil {
		return m.list(v.at, v.strs())
	}
	if limit := m.conf.get("auto_dc_limit"); limit != nil {
		m.g.note(limit.at, "auto_dc_limit %s: the three nearest come in order of their distance here, and then all others", limit.str())
	}
	near := policy.Steering{Nearest: []policy.Branch{}}
	for _, o := range order {
		lat, lon, ok := coordinates(coords.get(o))
		r, known := m.dcs[o]
		if ok && known {
			near.Nearest = append(near.Nearest, policy.Branch{Steering: r.steer, Place: at(lat, lon)})
		}
	}
	if len(near.Nearest) == 0 {
		m.g.left(coords.at, "geoip resource %s: no datacenter of it has coordinates", m.name)
		return policy.Steering{}, false
	}
	return near, true
}

func (m *metaResource) nets(add func(*value, func(*policy.Match))) {
	nets := m.conf.get("nets")
	if nets != nil && nets.kind == 's' {
		file := nets.text
		if !filepath.IsAbs(file) {
			file = filepath.Join(m.g.dir, "geoip", file)
		}
		read, err := readVSCF(file, 0)
		if err != nil {
			m.g.left(nets.at, "nets: %v", err)
			return
		}
		nets = read
	}
	if nets == nil {
		return
	}
	for _, k := range nets.keys {
		p, ok := network(k)
		if !ok {
			m.g.left(nets.items[k].at, "%q is not a network", k)
			continue
		}
		add(nets.items[k], func(match *policy.Match) { match.CIDRs = append(match.CIDRs, p) })
	}
}

var subdivision = regexp.MustCompile(`^[A-Z0-9]{1,3}$`)

// places goes through a level of a map. path are the codes on the way to it.
func (m *metaResource) places(level *value, path []string, add func(*value, func(*policy.Match))) {
	if level == nil {
		return
	}
	for _, k := range level.keys {
		v := level.items[k]
		here := append(path[:len(path):len(path)], k)
		if k == "default" {
			if len(path) > 0 {
				m.place(v, path, add)
			}
			continue
		}
		if v.kind == '{' {
			m.places(v, here, add)
			continue
		}
		m.place(v, here, add)
	}
}

func (m *metaResource) place(v *value, path []string, add func(*value, func(*policy.Match))) {
	code := path[len(path)-1]
	switch {
	case len(path) == 1:
		add(v, func(match *policy.Match) { match.Continents = append(match.Continents, code) })
	case len(path) == 2:
		add(v, func(match *policy.Match) { match.Countries = append(match.Countries, code) })
	case subdivision.MatchString(code):
		add(v, func(match *policy.Match) { match.Subdivisions = append(match.Subdivisions, path[1]+"-"+code) })
	default:
		m.g.left(v.at, "the city %s cannot be matched; countries, subdivisions, networks and AS numbers can", strings.Join(path, " "))
	}
}
