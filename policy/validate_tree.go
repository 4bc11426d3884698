package policy

import (
	"fmt"
	"strings"
)

// trees checks services and the templates that they share.
type trees struct {
	c         *Config
	p         *Problems
	pools     map[string]int
	templates map[string]int
	measured  map[string]extent // templates by name
	path      []string          // of templates, on the way to the one that is measured
}

// extent is how big a tree is with its templates put in.
type extent struct{ depth, branches int }

func newTrees(c *Config, pools map[string]int, p *Problems) *trees {
	t := &trees{c: c, p: p, pools: pools, measured: map[string]extent{}}
	t.templates = index(p, "/templates", c.Templates, func(o Template) string { return o.Name }, CheckLabel)
	for i := range c.Templates {
		at := fmt.Sprintf("/templates/%d", i)
		t.branch(at+"/steer", &c.Templates[i].Steer, 1)
		t.template(at, c.Templates[i].Name)
	}
	return t
}

// template measures a template, and refuses one that leads back to itself.
func (t *trees) template(at, name string) extent {
	if e, ok := t.measured[name]; ok {
		return e
	}
	for i, n := range t.path {
		if n == name {
			t.p.Add(at, "templates lead in a circle: %s", strings.Join(append(t.path[i:len(t.path):len(t.path)], name), " -> "))
			t.measured[name] = extent{1, 1}
			return extent{1, 1}
		}
	}
	i, ok := t.templates[name]
	if !ok {
		return extent{1, 1} // said where it is named
	}
	t.path = append(t.path, name)
	e := t.extent(at, &t.c.Templates[i].Steer)
	t.path = t.path[:len(t.path)-1]
	t.measured[name] = e
	return e
}

func (t *trees) extent(at string, s *Steering) extent {
	if s.Template != "" {
		return t.template(at, s.Template)
	}
	e := extent{1, 1}
	add := func(s *Steering) {
		in := t.extent(at, s)
		e.depth = max(e.depth, in.depth+1)
		e.branches = min(e.branches+in.branches, 2*MaxBranches)
	}
	_, children := s.Kind()
	for i := range children {
		add(&children[i].Steering)
	}
	if s.LastResort != nil && s.LastResort.Mode == "" {
		add(&s.LastResort.Steering)
	}
	return e
}

func (t *trees) service(at string, s *Service) {
	p := t.p
	if len(s.Owners()) == 0 {
		p.Add(at, "a service needs a name, or names")
	}
	seen := map[Name]bool{}
	for _, n := range s.Owners() {
		if seen[n] {
			p.Add(at, "%s is listed twice", n)
		}
		seen[n] = true
	}
	switch ttl := s.TTLRange(); {
	case ttl.Max > 86400:
		p.Add(at+"/ttl", "a TTL of %d s would keep clients on a failed region for over a day; 86400 is the most", ttl.Max)
	case !ttl.Fixed() && ttl.Min == 0:
		p.Add(at+"/ttl", "ttl: {max, min} needs both; max is %d s, and min is missing or 0", ttl.Max)
	case ttl.Min > ttl.Max:
		p.Add(at+"/ttl", "the least TTL (min) of %d s is above the most (max), %d s", ttl.Min, ttl.Max)
	}
	if s.Families != "" && s.Families != "together" && s.Families != "independent" {
		p.Add(at+"/families", "families %q is not known; together and independent are", s.Families)
	}
	if k := s.Sticky; k != nil {
		if d := k.WithDefaults(); d.IPv4 < 1 || d.IPv4 > 32 || d.IPv6 < 1 || d.IPv6 > 128 {
			p.Add(at+"/sticky", "the prefixes of sticky, /%d and /%d, are not within 1 to 32 for IPv4 and 1 to 128 for IPv6", d.IPv4, d.IPv6)
		}
		if s.Answers > 1 {
			p.Add(at, "sticky keeps a client at one endpoint, and answers: %d gives it several; take one of them out", s.Answers)
		}
	}
	if s.Answers < 0 || s.Answers > MaxAnswers {
		p.Add(at+"/answers", "answers of %d is not within 1 to %d", s.Answers, MaxAnswers)
	}
	t.branch(at+"/steer", &s.Steer, 1)
	t.resort(at+"/lastResort", s.LastResort, 1)
	if s.LastResort != nil && s.Steer.LastResort != nil {
		p.Add(at+"/lastResort", "lastResort stands at the service and at its topmost branch, which is the same; take one of them out")
	}
	e := t.extent(at+"/steer", &s.Steer)
	if e.depth > MaxDepth {
		p.Add(at+"/steer", "the steering tree is more than %d branches deep", MaxDepth)
	}
	if e.branches > MaxBranches {
		p.Add(at+"/steer", "the steering tree has more than %d branches, its templates put in", MaxBranches)
	}
}

func (t *trees) resort(at string, r *LastResort, depth int) {
	if r != nil && r.Mode == "" {
		t.branch(at, &r.Steering, depth+1)
	}
}

// branch checks a branch by itself, and those in it.
func (t *trees) branch(at string, s *Steering, depth int) {
	p := t.p
	if depth > MaxDepth {
		p.Add(at, "the steering tree is more than %d branches deep", MaxDepth)
		return
	}
	set := 0
	for _, k := range s.kinds() {
		if k.set {
			set++
		}
	}
	if set != 1 {
		p.Add(at, "a branch is exactly one of %s; this one is %d of them", kindNames(), set)
		return
	}
	kind, children := s.Kind()
	if kind != "geo" && (s.Default != nil || s.Fence) {
		p.Add(at, "default and fence belong to geo, not to %s", kind)
	}
	t.resort(at+"/lastResort", s.LastResort, depth)
	switch kind {
	case "pool":
		if _, ok := t.pools[s.Pool]; !ok {
			p.Add(at+"/pool", "there is no pool %q", s.Pool)
		}
		if s.MinAvailable != 0 {
			p.Add(at+"/minAvailable", "a pool's minAvailable belongs to the pool itself")
		}
		return
	case "template":
		if _, ok := t.templates[s.Template]; !ok {
			p.Add(at+"/template", "there is no template %q", s.Template)
		}
		if s.MinAvailable != 0 {
			p.Add(at+"/minAvailable", "minAvailable belongs to the template's own branches")
		}
		return
	}
	if len(children) == 0 || len(children) > MaxChildren {
		p.Add(at+"/"+kind, "%s has %d branches; 1 to %d may be", kind, len(children), MaxChildren)
	}
	if s.MinAvailable < 0 || s.MinAvailable > len(children) {
		p.Add(at+"/minAvailable", "minAvailable of %d is not within 0 to the %d branches", s.MinAvailable, len(children))
	}
	taken := map[string]string{}
	for i := range children {
		c, at := &children[i], fmt.Sprintf("%s/%s/%d", at, kind, i)
		if i >= len(s.Geo) && kind == "geo" {
			at = strings.TrimSuffix(at, fmt.Sprintf("/geo/%d", i)) + "/default"
		} else if kind == "geo" {
			c.Match.validate(at+"/match", taken, p)
		}
		t.options(at, kind, c)
		if c.To != nil {
			p.Add(at+"/to", "a child under \"to\" is for documents; here its keys stand beside the branch's own")
			continue
		}
		t.branch(at, &c.Steering, depth+1)
	}
}

// options checks what a branch is to its parent.
func (t *trees) options(at, parent string, c *Branch) {
	p := t.p
	if w := c.WeightOr1(); w < 0 || w > MaxWeight {
		p.Add(at+"/weight", "weight %d is not within 0 to %d", w, MaxWeight)
	}
	if c.Weight != nil && (parent == "failover" || parent == "geo") {
		p.Add(at+"/weight", "a branch of %s has no weight: its order decides", parent)
	}
	if c.Bias < -99 || c.Bias > 99 {
		p.Add(at+"/bias", "bias %d is not within -99 to 99", c.Bias)
	}
	if parent != "nearest" && parent != "latency" && (c.Bias != 0 || c.Place != nil) {
		p.Add(at, "bias and place are for branches of nearest and latency, not of %s", parent)
	}
	if parent != "geo" && c.Match != nil {
		p.Add(at+"/match", "match is for branches of geo, not of %s", parent)
	}
	c.Place.validate(at+"/place", p)
}

// aliasAlone refuses a service that would be a CNAME for one client and have
// records of other types for another: resolvers keep a CNAME for every type.
// A CNAME is also alone in its answer.
func (t *trees) aliasAlone(at string, s *Service) {
	alias, records := "", ""
	for name := range poolsOf(s, t.find) {
		i, ok := t.pools[name]
		if !ok {
			continue
		}
		for j := range t.c.Pools[i].Endpoints {
			switch e := &t.c.Pools[i].Endpoints[j]; {
			case e.Alias() && alias == "":
				alias = EndpointID(name, e.Name)
			case len(e.Records) > 0 && records == "":
				records = EndpointID(name, e.Name)
			}
		}
	}
	if alias != "" && records != "" {
		t.p.Add(at, "service %s has %s, a hostname that is answered as a CNAME, and %s, which has records; a CNAME stands alone (RFC 2181 section 10.1): write resolve: flatten at the hostname, or take the records out", s.ID(), alias, records)
	}
	if alias != "" && s.Answers > 1 {
		t.p.Add(at+"/answers", "service %s gives %d endpoints in one answer, and %s is a hostname that is answered as a CNAME, which stands alone; write resolve: flatten at it, or answers: 1", s.ID(), s.Answers, alias)
	}
}

func (t *trees) find(name string) *Steering {
	if i, ok := t.templates[name]; ok {
		return &t.c.Templates[i].Steer
	}
	return nil
}
