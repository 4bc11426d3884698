package migrate

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/policy"
)

// octoRecord is a record of octoDNS's YAML, with what matters here.
type octoRecord struct {
	Type    string
	TTL     *uint32
	Value   yaml.Node
	Values  yaml.Node
	Geo     yaml.Node
	Dynamic *struct {
		Pools map[string]octoPool
		Rules []yaml.Node
	}
	Octodns struct {
		Healthcheck *octoCheck
		Ignored     bool
	}

	at    place
	owner policy.Name
}

type octoPool struct {
	Fallback string
	Values   []struct {
		Value, Status string
		Weight        *int
	}
}

type octoRule struct {
	Pool          string
	Geos, Subnets []string
}

type octoCheck struct {
	Host, Path, Protocol string
	Port                 int
}

// octoTTL is that of a record that states none.
const octoTTL = 3600

// octodns is the state of one translation.
type octodns struct {
	*builder
	apex policy.Name
	zone *policy.Zone
}

// Octodns translates a zone's file, "example.com.yaml". name is the zone's, by default the file's.
func Octodns(text []byte, file string, name policy.Name) (*Result, error) {
	if name == "" {
		n, err := policy.ParseName(strings.TrimSuffix(strings.TrimSuffix(filepath.Base(file), ".yaml"), ".yml"))
		if err != nil || file == "-" {
			return nil, fmt.Errorf("%s: octoDNS calls a file as its zone, example.com.yaml; say the zone with --name", file)
		}
		name = n
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s: a mapping of names to records is needed", file)
	}
	o := &octodns{builder: &builder{}, apex: name, zone: policy.NewZone(name)}
	steered := map[policy.Name]*policy.Service{}
	var order []*octoRecord
	top := root.Content[0].Content
	for i := 0; i+1 < len(top); i += 2 {
		list := []*yaml.Node{top[i+1]}
		if top[i+1].Kind == yaml.SequenceNode {
			list = top[i+1].Content
		}
		for _, n := range list {
			r := &octoRecord{at: place{file, n.Line}}
			if err := n.Decode(r); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			owner, err := absolute(cmp.Or(top[i].Value, "@"), name)
			if err != nil {
				o.left(r.at, "%v", err)
				continue
			}
			r.owner = owner
			order = append(order, r)
		}
	}
	for _, r := range order {
		switch {
		case r.Octodns.Ignored:
			o.note(r.at, "%s %s is marked as ignored, and is", r.owner, r.Type)
		case r.Dynamic != nil:
			o.dynamic(r, steered)
		case !r.Geo.IsZero():
			o.left(r.at, "%s %s: geo is octoDNS's old form; write it as dynamic. Its values are in the zone", r.owner, r.Type)
			fallthrough
		default:
			o.plain(r)
		}
	}
	o.authority(place{file: file})
	for _, r := range order {
		if s := steered[r.owner]; s != nil {
			o.service(r.at, *s)
			delete(steered, r.owner)
		}
	}
	return o.finish()
}

// authority gives the zone the SOA record that octoDNS leaves to the provider.
func (o *octodns) authority(at place) {
	server := policy.MustName("ns1." + o.apex.FQDN())
	if len(o.apex)+4 > policy.MaxName {
		server = o.apex
	}
	if owner := o.zone.Owner(o.apex); owner != nil && owner.Find(policy.TypeNS) != nil {
		server = policy.Name(owner.Find(policy.TypeNS).Data[0])
	} else {
		o.left(at, "zone %s has no NS record: add those of your nodes before you import it", o.apex)
	}
	soa := fmt.Sprintf("%s hostmaster.%s 1 7200 1800 1209600 300", server.FQDN(), o.apex.FQDN())
	if err := addRecords(o.zone, o.apex, "SOA", 3600, []string{soa}); err != nil {
		o.left(at, "%v", err)
	}
	o.note(at, "octoDNS has no SOA record; the zone was given one: %s", soa)
	o.addZone(at, o.zone)
}

func (o *octodns) plain(r *octoRecord) {
	ttl := uint32(octoTTL)
	if r.TTL != nil {
		ttl = *r.TTL
	}
	data, err := octoData(r)
	if err == nil {
		err = addRecords(o.zone, r.owner, r.Type, ttl, data)
	}
	if err != nil {
		o.left(r.at, "%s %s: %v", r.owner, r.Type, err)
	}
}

// dynamic makes a service of a record, or merges it into that of another family.
func (o *octodns) dynamic(r *octoRecord, steered map[policy.Name]*policy.Service) {
	if !slices.Contains([]string{"A", "AAAA", "CNAME"}, r.Type) {
		o.left(r.at, "%s: a dynamic record of type %s; octoDNS has A, AAAA and CNAME", r.owner, r.Type)
		return
	}
	steer, ok := o.tree(r)
	if !ok {
		return
	}
	if s := steered[r.owner]; s != nil {
		if err := o.merge(&s.Steer, &steer); err != nil {
			o.left(r.at, "the %s record of %s is steered otherwise than the one before it, and a name has one tree: %v", r.Type, r.owner, err)
		}
		return
	}
	ttl := policy.Seconds(octoTTL)
	if r.TTL != nil {
		ttl = policy.Seconds(*r.TTL)
	}
	steered[r.owner] = &policy.Service{Names: []policy.Name{r.owner}, TTL: o.ttl(r.at, ttl, ttl), Steer: steer}
}

func (o *octodns) tree(r *octoRecord) (policy.Steering, bool) {
	var list []policy.Branch
	var fallback *policy.Steering
	for i := range r.Dynamic.Rules {
		n := &r.Dynamic.Rules[i]
		at := place{r.at.file, n.Line}
		var rule octoRule
		if err := n.Decode(&rule); err != nil {
			o.left(at, "%s: the rule cannot be read: %v", r.owner, err)
			return policy.Steering{}, false
		}
		tree, ok := o.chain(r, at, rule.Pool)
		switch {
		case !ok:
			return policy.Steering{}, false
		case len(rule.Geos)+len(rule.Subnets) == 0:
			fallback = &tree
			continue
		}
		m := &policy.Match{}
		for _, g := range rule.Geos {
			o.geo(at, g, m)
		}
		for _, s := range rule.Subnets {
			if p, err := netip.ParsePrefix(s); err == nil {
				m.CIDRs = append(m.CIDRs, p.Masked())
			} else {
				o.left(at, "%v", err)
			}
		}
		list = append(list, policy.Branch{Steering: tree, Match: m})
	}
	switch {
	case len(list) > 0:
		return policy.Steering{Geo: list, Default: fallback}, true
	case fallback != nil:
		return *fallback, true
	}
	o.left(r.at, "%s: the dynamic record has no rules", r.owner)
	return policy.Steering{}, false
}

var octoGeo = regexp.MustCompile(`^([A-Z]{2})(?:-([A-Z]{2})(?:-([A-Z0-9]{1,3}))?)?$`)

// geo adds "EU", "EU-DE" or "NA-US-CA" to a match.
func (o *octodns) geo(at place, code string, m *policy.Match) {
	p := octoGeo.FindStringSubmatch(code)
	switch {
	case p == nil:
		o.left(at, "%q is not a continent, or a country or subdivision in one", code)
	case p[3] != "":
		m.Subdivisions = append(m.Subdivisions, p[2]+"-"+p[3])
	case p[2] != "":
		m.Countries = append(m.Countries, p[2])
	default:
		m.Continents = append(m.Continents, p[1])
	}
}

// chain is a pool and those it falls back to.
func (o *octodns) chain(r *octoRecord, at place, name string) (policy.Steering, bool) {
	var list []policy.Steering
	seen := []string{}
	for ; name != ""; name = r.Dynamic.Pools[name].Fallback {
		if slices.Contains(seen, name) {
			o.left(at, "%s: the fallbacks of pool %s lead back to %s", r.owner, seen[0], name)
			return policy.Steering{}, false
		}
		seen = append(seen, name)
		p, ok := r.Dynamic.Pools[name]
		if !ok {
			o.left(at, "%s: there is no pool %q", r.owner, name)
			return policy.Steering{}, false
		}
		pool, ok := o.octoPool(r, at, name, p)
		if !ok {
			return policy.Steering{}, false
		}
		list = append(list, inPool(pool))
	}
	if len(list) == 0 {
		o.left(at, "%s: the rule names no pool", r.owner)
		return policy.Steering{}, false
	}
	return failover(list), true
}

func (o *octodns) octoPool(r *octoRecord, at place, name string, p octoPool) (string, bool) {
	pool := policy.Pool{Name: r.owner.String() + "-" + name}
	always := 0
	for i, v := range p.Values {
		e, err := endpointAt(fmt.Sprint(i+1), v.Value)
		if err != nil || (e.Hostname != "") != (r.Type == "CNAME") {
			o.left(at, "%s: pool %s: %q is not a value of a %s record", r.owner, name, v.Value, r.Type)
			return "", false
		}
		if e.Weight = v.Weight; v.Weight != nil && *v.Weight == 1 {
			e.Weight = nil // the default
		}
		switch v.Status {
		case "down":
			o.left(at, "%s: %s is set to be down: it is left out of pool %s", r.owner, v.Value, name)
			continue
		case "up":
			always++
		}
		pool.Endpoints = append(pool.Endpoints, e)
	}
	switch {
	case len(pool.Endpoints) == 0:
		o.left(at, "%s: pool %s has nothing left in it", r.owner, name)
		return "", false
	case always < len(pool.Endpoints):
		if always > 0 {
			o.left(at, "%s: pool %s: status up, which a pool has for all its endpoints or none; they are all checked", r.owner, name)
		}
		pool.Monitor = o.monitorOf(r)
	}
	return o.pool(pool), true
}

// monitorOf is a record's health check: octoDNS's own is HTTPS, /_dns, of the record's name.
func (o *octodns) monitorOf(r *octoRecord) string {
	c := octoCheck{}
	if r.Octodns.Healthcheck != nil {
		c = *r.Octodns.Healthcheck
	} else {
		o.note(r.at, "%s has no health check of its own; octoDNS's default is taken: GET https://%s/_dns", r.owner, r.owner)
	}
	protocol := strings.ToUpper(cmp.Or(c.Protocol, "HTTPS"))
	port := cmp.Or(c.Port, 443)
	m := policy.Monitor{Name: strings.ToLower(fmt.Sprintf("%s-%d", protocol, port)), Interval: policy.Duration(10 * time.Second)}
	web := &policy.HTTPCheck{Port: port, Path: cmp.Or(c.Path, "/_dns"), Host: cmp.Or(c.Host, "{service}")}
	switch protocol {
	case "HTTP":
		m.HTTP = web
	case "HTTPS":
		m.HTTPS = web
	case "TCP":
		m.TCP = &policy.TCPCheck{Port: port}
	default:
		o.left(r.at, "%s: health checks by %s are not done here; the endpoints are unchecked", r.owner, protocol)
		return ""
	}
	return o.monitor(m)
}
