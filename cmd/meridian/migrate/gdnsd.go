package migrate

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// gdnsd is the state of one translation.
type gdnsd struct {
	*builder
	dir     string
	types   *value // service_types
	plugins *value
	way     []string // of the resources on the way to the one being translated
}

// resource is what a DYNA or DYNC record asks for.
type resource struct {
	steer   policy.Steering
	answers int // endpoints in one answer; 0: nobody has a say
}

// Gdnsd translates the configuration directory of gdnsd, or its file "config".
func Gdnsd(path string) (*Result, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "config")
	}
	root, err := readVSCF(path, 0)
	if err != nil {
		return nil, err
	}
	g := &gdnsd{builder: &builder{}, dir: filepath.Dir(path), types: root.get("service_types"), plugins: root.get("plugins")}
	if root.get("plugins") == nil {
		g.note(place{file: path}, "the configuration has no plugins, so nothing is steered")
	}
	zones, err := filepath.Glob(filepath.Join(g.dir, "zones", "*"))
	if err != nil {
		return nil, err
	}
	if len(zones) == 0 {
		g.left(place{file: filepath.Join(g.dir, "zones")}, "there are no zone files, and so no DYNA or DYNC record that says which names are steered")
	}
	ttl := seconds0(root.get("options").get("zones_default_ttl").str(), maxTTL)
	for _, z := range zones {
		if strings.HasPrefix(filepath.Base(z), ".") {
			continue
		}
		if err := g.zoneFile(z, ttl); err != nil {
			return nil, err
		}
	}
	return g.finish()
}

func seconds0(text string, fallback policy.Seconds) policy.Seconds {
	if s, ok := seconds(text); ok {
		return s
	}
	return fallback
}

var shortcutNames = regexp.MustCompile(`(?m)(^|[ \t.])@[ZF]([ \t\r]|$)`)

// zoneFile reads a zone whose name is its file's. Names that have the same
// resource and TTL become one service.
func (g *gdnsd) zoneFile(file string, ttl policy.Seconds) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	apex, err := policy.ParseName(strings.ReplaceAll(filepath.Base(file), "@", "/"))
	if err != nil {
		g.left(place{file: file}, "the file is not called as a zone: %v", err)
		return nil
	}
	text = shortcutNames.ReplaceAll(text, []byte("${1}"+apex.FQDN()+"${2}"))
	first := ttl
	if m := ttlLine.FindSubmatch(text); m != nil {
		ttl, first = seconds0(string(m[1]), ttl), 0
	}
	ours := map[string]int{}
	for _, r := range g.splitZone(text, apex, file, first, func(t string) bool { return t == "DYNA" || t == "DYNC" }) {
		longest, least, _ := strings.Cut(r.ttl, "/")
		t := policy.TTL{Max: seconds0(longest, ttl)}
		t.Min = max(min(5, t.Max), seconds0(least, t.Max/2))
		if len(r.data) != 1 {
			g.left(r.at, "%s: a %s record has one plugin!resource, not %d words", r.owner, r.typ, len(r.data))
			continue
		}
		ref := r.data[0].text
		key := fmt.Sprint(ref, t)
		if i, ok := ours[key]; ok {
			g.services[i].spec.Names = append(g.services[i].spec.Names, r.owner)
			continue
		}
		res, ok := g.reference(r.at, ref)
		if !ok { // the resource has said why
			g.left(r.at, "%s: there is nothing to steer it by", r.owner)
			continue
		}
		ours[key] = len(g.services)
		g.service(r.at, policy.Service{Names: []policy.Name{r.owner}, TTL: g.ttl(r.at, t.Max, t.Min), Steer: res.steer, Answers: res.answers})
	}
	return nil
}

// ttlLine is the first $TTL of a zone file.
var ttlLine = regexp.MustCompile(`(?mi)^\$TTL[ \t]+(\S+)`)

// reference resolves plugin!resource, or plugin!resource/datacenter.
func (g *gdnsd) reference(at place, ref string) (resource, bool) {
	plugin, name, ok := strings.Cut(strings.TrimPrefix(ref, "%"), "!")
	if !ok && plugin != "reflect" && plugin != "null" || plugin == "" {
		g.left(at, "%q is not a plugin and a resource of it, as in multifo!www", ref)
		return resource{}, false
	}
	key := plugin + "!" + name
	if slices.Contains(g.way, key) {
		g.left(at, "resources lead in a circle: %s", strings.Join(append(g.way, key), " -> "))
		return resource{}, false
	}
	g.way = append(g.way, key)
	defer func() { g.way = g.way[:len(g.way)-1] }()
	conf := g.plugins.get(plugin)
	if plugin == "reflect" || plugin == "null" {
		g.left(at, "plugin %s makes its answers up itself; there is nothing like it here", plugin)
		return resource{}, false
	}
	if conf == nil {
		g.left(at, "plugin %q is not configured", plugin)
		return resource{}, false
	}
	if plugin == "metafo" || plugin == "geoip" {
		name, dc, _ := strings.Cut(name, "/")
		res := conf.get("resources").get(name)
		if res == nil {
			g.left(at, "%s has no resource %q", plugin, name)
			return resource{}, false
		}
		return g.meta(plugin, name, dc, scope{res, conf})
	}
	res := conf.get(name)
	if res == nil {
		g.left(at, "plugin %s has no resource %q", plugin, name)
		return resource{}, false
	}
	return g.simple(plugin, name, scope{res, conf}, "")
}

// simple translates a resource of a plugin that has addresses itself.
func (g *gdnsd) simple(plugin, name string, s scope, region string) (resource, bool) {
	switch plugin {
	case "simplefo":
		return g.simplefo(name, s, region)
	case "multifo":
		return g.multifo(name, s, region)
	case "weighted":
		return g.weighted(name, s, region)
	case "static":
		e, err := endpointAt("a", s[0].str())
		if err != nil {
			g.left(s[0].at, "static resource %s: %v", name, err)
			return resource{}, false
		}
		return resource{steer: inPool(g.pool(policy.Pool{Name: name, Region: region, Endpoints: []policy.Endpoint{e}}))}, true
	}
	g.left(s[0].at, "there is nothing like the plugin %q here", plugin)
	return resource{}, false
}

// scope are the hashes in which a parameter is looked for, the innermost first.
type scope []*value

func (s scope) get(key string) *value {
	for _, v := range s {
		if i := v.get(key); i != nil {
			return i
		}
	}
	return nil
}

// in is the scope with another hash innermost.
func (s scope) in(v *value) scope { return append(scope{v}, s...) }

// monitorOf translates the service types of a scope: the name of a monitor, or "" for none.
func (g *gdnsd) monitorOf(s scope) string {
	types := s.get("service_types")
	name := ""
	for _, t := range types.strs() {
		if t == "up" {
			continue
		}
		if t == "down" {
			g.left(types.at, "service type down: drain the pool once it is here (meridian drain)")
			continue
		}
		m, ok := g.serviceType(t, types.at)
		switch {
		case !ok:
		case name != "":
			g.left(types.at, "a pool has one monitor: it is checked by %s, and not by %s", name, t)
		default:
			name = g.builder.monitor(m)
		}
	}
	return name
}

func (g *gdnsd) serviceType(name string, at place) (m policy.Monitor, ok bool) {
	t := g.types.get(name)
	if t == nil {
		g.left(at, "there is no service type %q", name)
		return m, false
	}
	number := func(key string, fallback, most int) int {
		v := t.get(key)
		n := atoi(v.str(), fallback)
		if n > most {
			g.note(v.at, "%s of %d is cut to %d, the most that may be", key, n, most)
			n = most
		}
		return max(n, 1)
	}
	interval := number("interval", 10, 3600)
	m = policy.Monitor{
		Name: name, Interval: policy.Duration(time.Duration(interval) * time.Second),
		Timeout: policy.Duration(time.Duration(interval) * time.Second / 2),
		Fall:    number("down_thresh", 10, 100), Rise: number("up_thresh", 20, 100),
	}
	m.Timeout = min(m.Timeout, policy.Duration(time.Minute))
	if v := t.get("timeout"); v != nil {
		m.Timeout = policy.Duration(time.Duration(min(number("timeout", 5, 60), interval)) * time.Second)
	}
	if v := t.get("ok_thresh"); v != nil {
		g.note(v.at, "ok_thresh: failures count in a row here, any success between them starts anew")
	}
	switch plugin := t.get("plugin").str(); plugin {
	case "http_status":
		c := &policy.HTTPCheck{Port: atoi(t.get("port").str(), 0), Path: t.get("url_path").str(), Host: t.get("vhost").str()}
		for _, code := range t.get("ok_codes").strs() {
			c.Status = append(c.Status, policy.Statuses(atoi(code, 0))...)
		}
		m.HTTP = c
	case "tcp_connect":
		m.TCP = &policy.TCPCheck{Port: atoi(t.get("port").str(), 0)}
	case "extmon", "extfile":
		g.left(t.at, "service type %s: %s runs or reads something of the machine's own; write an http, https or tcp monitor instead. What it checked is unchecked", name, plugin)
		return m, false
	default:
		g.left(t.at, "service type %s: there is nothing like the plugin %q here. What it checked is unchecked", name, plugin)
		return m, false
	}
	return m, true
}

// address reads an address of a hash or an array.
func (g *gdnsd) address(at place, text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		g.left(at, "%q is not an address", text)
	}
	return a.Unmap(), err == nil
}

func fraction(v *value, fallback float64) float64 {
	if f, err := strconv.ParseFloat(v.str(), 64); err == nil && f > 0 && f <= 1 {
		return f
	}
	return fallback
}
