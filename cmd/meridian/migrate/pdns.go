package migrate

import (
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// pdns is the state of one translation.
type pdns struct {
	*builder
	record zoneRecord // the one being translated
	base   string     // its pools' names begin with it
}

// luaService is what the service of a name has besides its tree.
type luaService struct {
	steer   policy.Steering
	answers int
	sticky  bool
}

// PowerDNS translates a zone's master file with LUA records. name is the zone's,
// when the names in the file are relative to it.
func PowerDNS(text []byte, file string, name policy.Name) (*Result, error) {
	p := &pdns{builder: &builder{}}
	made := map[policy.Name]int{}
	for _, r := range p.splitZone(text, name, file, 0, func(t string) bool { return t == "LUA" }) {
		p.record = r
		if len(r.data) < 2 {
			p.left(r.at, "%s: a LUA record has a type and a text", r.owner)
			continue
		}
		typ := strings.ToUpper(r.data[0].text)
		if typ != "A" && typ != "AAAA" && typ != "CNAME" {
			p.left(r.at, "%s: LUA %s: the Lua of A, AAAA and CNAME records is translated", r.owner, typ)
			continue
		}
		p.base = r.owner.String()
		s, err := p.translate(r.data[1:])
		if err != nil {
			p.left(r.at, "%s: LUA %s: %v", r.owner, typ, err)
			continue
		}
		if i, ok := made[r.owner]; ok {
			p.second(&p.services[i].spec, s, typ)
			continue
		}
		ttl := seconds0(r.ttl, p.usual(r.owner, text))
		made[r.owner] = len(p.services)
		service := policy.Service{Names: []policy.Name{r.owner}, TTL: p.ttl(r.at, ttl, ttl), Steer: s.steer, Answers: s.answers}
		if s.sticky {
			service.Sticky = &policy.Sticky{}
		}
		p.service(r.at, service)
	}
	return p.finish()
}

// second merges another record of a name, of another type, into its service.
func (p *pdns) second(first *policy.Service, s luaService, typ string) {
	err := p.merge(&first.Steer, &s.steer)
	if err == nil && (s.sticky != (first.Sticky != nil) || max(s.answers, 1) != max(first.Answers, 1)) {
		err = fmt.Errorf("they choose in different ways")
	}
	if err != nil {
		p.left(p.record.at, "the LUA %s record of %s is steered otherwise than the one before it, and a name has one tree: %v", typ, p.record.owner, err)
	}
}

// usual is the TTL of a record that states none.
func (p *pdns) usual(owner policy.Name, text []byte) policy.Seconds {
	if m := ttlLine.FindSubmatch(text); m != nil {
		return seconds0(string(m[1]), octoTTL)
	}
	for _, z := range p.zones {
		if soa := z.SOA(); soa != nil && owner.Under(z.Name) {
			return policy.Seconds(soa.TTL)
		}
	}
	return octoTTL
}

func (p *pdns) translate(words []word) (s luaService, err error) {
	var b strings.Builder
	for _, w := range words {
		b.WriteString(w.text)
	}
	if strings.Contains(b.String(), "ifurlextup") {
		return s, fmt.Errorf("ifurlextup checks each address by another URL; write a pool and a monitor for each")
	}
	prog, err := parseLua(b.String())
	if err != nil {
		return s, err
	}
	s.steer, err = p.program(prog, &s)
	return s, err
}

func (p *pdns) program(prog *program, s *luaService) (policy.Steering, error) {
	if prog.expr != nil {
		return p.expr(prog.expr, s)
	}
	tree := policy.Steering{Geo: []policy.Branch{}}
	for i, a := range prog.arms {
		child, err := p.program(a.result, s)
		if err != nil {
			return tree, err
		}
		if a.test == nil {
			tree.Default = &child
			continue
		}
		m, err := luaMatch(a.test)
		if err != nil {
			return tree, err
		}
		tree.Geo = append(tree.Geo, policy.Branch{Steering: child, Match: m})
		if i > 0 {
			p.note(p.record.at, "%s: of the tests of an if the first that holds wins in Lua, and here the most specific: network, AS number, subdivision, country, continent", p.record.owner)
		}
	}
	tree.Fence = true // Lua looks at no other branch when this one is down
	if tree.Default == nil {
		p.note(p.record.at, "%s: without an else, who meets no test has no data, as in Lua", p.record.owner)
	}
	return tree, nil
}

// luaMatch translates country('DE'), continent({'EU', 'NA'}), asnum(64500), netmask({'192.0.2.0/24'}).
func luaMatch(e *expr) (*policy.Match, error) {
	if e.kind != 'c' || len(e.items) != 1 {
		return nil, fmt.Errorf("a test is country, continent, asnum or netmask, with one argument")
	}
	list := e.items[0].items
	if e.items[0].kind != '{' {
		list = e.items[:1]
	}
	m := &policy.Match{}
	for _, v := range list {
		text := strings.ToUpper(v.text)
		switch e.text {
		case "country", "countryCode":
			m.Countries = append(m.Countries, text)
		case "continent", "continentCode":
			m.Continents = append(m.Continents, text)
		case "asnum":
			n, err := strconv.ParseUint(strings.TrimPrefix(text, "AS"), 10, 32)
			if err != nil {
				return nil, fmt.Errorf("%q is not an AS number", v.text)
			}
			m.ASNs = append(m.ASNs, uint32(n))
		case "netmask":
			n, err := netip.ParsePrefix(v.text)
			if err != nil {
				return nil, err
			}
			m.CIDRs = append(m.CIDRs, n.Masked())
		default:
			return nil, fmt.Errorf("%s(): the tests that are translated are country, continent, asnum and netmask", e.text)
		}
	}
	return m, nil
}

// expr translates what a record, or an arm of an if, returns.
func (p *pdns) expr(e *expr, s *luaService) (policy.Steering, error) {
	switch {
	case e.kind == 's' || e.kind == '{':
		if e.kind == '{' {
			s.answers = policy.MaxAnswers
		}
		return p.poolOf(e, "", nil)
	case e.kind != 'c':
		return policy.Steering{}, fmt.Errorf("%s is not an address", e.text)
	}
	arg := func(i int) *expr {
		if i < len(e.items) {
			return &e.items[i]
		}
		return &expr{}
	}
	switch e.text {
	case "pickrandom", "pickhashed":
		s.sticky = s.sticky || e.text == "pickhashed"
		return p.poolOf(arg(0), "", nil)
	case "pickwrandom", "pickwhashed":
		s.sticky = s.sticky || e.text == "pickwhashed"
		return p.weighted(arg(0))
	case "pickrandomsample":
		n, err := strconv.Atoi(arg(0).text)
		if err != nil || n < 1 {
			return policy.Steering{}, fmt.Errorf("pickrandomsample: %q is not a number", arg(0).text)
		}
		s.answers = max(s.answers, n)
		return p.poolOf(arg(1), "", nil)
	case "all":
		s.answers = policy.MaxAnswers
		return p.poolOf(arg(0), "", nil)
	case "pickclosest":
		return p.closest(arg(0), "")
	case "ifportup":
		port, err := strconv.Atoi(arg(0).text)
		if err != nil {
			return policy.Steering{}, fmt.Errorf("ifportup: %q is not a port", arg(0).text)
		}
		m := p.monitorOf(arg(2))
		m.Name, m.TCP = fmt.Sprintf("tcp-%d", port), &policy.TCPCheck{Port: port}
		return p.checked(m, arg(1), arg(2), s)
	case "ifurlup":
		m, err := p.urlMonitor(arg(0).text, arg(2))
		if err != nil {
			return policy.Steering{}, err
		}
		return p.checked(m, arg(1), arg(2), s)
	}
	return policy.Steering{}, fmt.Errorf("the function %s is not translated", e.text)
}

// monitorOf is PowerDNS's way to check: every 5 s, for 2 s, and one failure is enough.
func (p *pdns) monitorOf(options *expr) policy.Monitor {
	m := policy.Monitor{Interval: policy.Duration(5 * time.Second), Timeout: policy.Duration(2 * time.Second), Fall: 1, Rise: 1}
	for key, to := range map[string]*policy.Duration{"interval": &m.Interval, "timeout": &m.Timeout} {
		if n, err := strconv.Atoi(options.keys[key].text); err == nil && n > 0 {
			*to = policy.Duration(time.Duration(min(n, 3600)) * time.Second)
		}
	}
	m.Timeout = min(m.Timeout, m.Interval)
	if n, err := strconv.Atoi(options.keys["minimumFailures"].text); err == nil && n > 0 {
		m.Fall = min(n, 100)
	}
	return m
}

func (p *pdns) urlMonitor(text string, options *expr) (m policy.Monitor, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return m, fmt.Errorf("ifurlup: %q is not a URL of http or https", text)
	}
	m = p.monitorOf(options)
	c := &policy.HTTPCheck{Path: u.RequestURI(), Host: u.Hostname()}
	if u.Port() != "" {
		c.Port, _ = strconv.Atoi(u.Port()) // url.Parse takes nothing but digits
	}
	m.Name = label(u.Scheme + "-" + u.Host)
	if status, ok := options.keys["httpcode"]; ok {
		c.Status = policy.Statuses(atoi(status.text, 200))
	}
	if u.Scheme == "http" {
		m.HTTP = c
	} else {
		m.HTTPS = c
	}
	return m, nil
}

// luaOptions are those of ifportup and ifurlup that have a counterpart, or make no difference here.
var luaOptions = []string{"selector", "interval", "timeout", "minimumFailures", "httpcode", "useragent", "backupSelector"}

// checked is a tree of checked addresses: a list of them, or lists, the first with one up.
func (p *pdns) checked(m policy.Monitor, addrs, options *expr, s *luaService) (policy.Steering, error) {
	for _, k := range slices.Sorted(maps.Keys(options.keys)) {
		if !slices.Contains(luaOptions, k) {
			p.left(p.record.at, "%s: the option %s", p.record.owner, k)
		}
	}
	selector := options.keys["selector"].text
	switch selector {
	case "", "random", "pickclosest":
	case "all":
		s.answers = policy.MaxAnswers
	case "hashed":
		s.sticky = true
	default:
		return policy.Steering{}, fmt.Errorf("the selector %q is not translated", selector)
	}
	if b, ok := options.keys["backupSelector"]; ok && b.text != "random" && b.text != "all" {
		p.left(p.record.at, "%s: backupSelector %s: when all are down, all are answered as if they were up", p.record.owner, b.text)
	}
	monitor := p.monitor(m)
	var trees []policy.Steering
	groups := []expr{*addrs}
	if len(addrs.items) > 0 && addrs.items[0].kind == '{' {
		groups = addrs.items
	}
	for i := range groups {
		tree, err := p.poolOf(&groups[i], monitor, nil)
		if selector == "pickclosest" {
			tree, err = p.closest(&groups[i], monitor)
		}
		if err != nil {
			return tree, err
		}
		trees = append(trees, tree)
	}
	return failover(trees), nil
}

// poolOf makes a pool of a string or a table of strings, with weights or without.
func (p *pdns) poolOf(e *expr, monitor string, weights []int) (policy.Steering, error) {
	list := e.items
	if e.kind == 's' {
		list = []expr{*e}
	}
	pool := policy.Pool{Name: p.base, Monitor: monitor}
	for i, v := range list {
		end, err := endpointAt(strconv.Itoa(i+1), v.text)
		switch isCNAME := strings.EqualFold(p.record.data[0].text, "CNAME"); {
		case v.kind != 's' || err != nil:
			return policy.Steering{}, fmt.Errorf("addresses are strings in a table, as in {'192.0.2.1', '192.0.2.2'}")
		case (end.Hostname != "") != isCNAME:
			return policy.Steering{}, fmt.Errorf("%q is no data of a %s record", v.text, strings.ToUpper(p.record.data[0].text))
		}
		if weights != nil && weights[i] != 1 {
			end.Weight = &weights[i]
		}
		pool.Endpoints = append(pool.Endpoints, end)
	}
	if len(pool.Endpoints) == 0 {
		return policy.Steering{}, fmt.Errorf("there is no address")
	}
	return inPool(p.pool(pool)), nil
}

// weighted makes a pool of {{weight, address}, ...}.
func (p *pdns) weighted(e *expr) (policy.Steering, error) {
	plain := &expr{kind: '{'}
	weights := []int{}
	for _, pair := range e.items {
		if len(pair.items) != 2 {
			return policy.Steering{}, fmt.Errorf("weights are written as {{10, '192.0.2.1'}, {20, '192.0.2.2'}}")
		}
		n, err := strconv.Atoi(pair.items[0].text)
		if err != nil {
			return policy.Steering{}, fmt.Errorf("%q is not a weight", pair.items[0].text)
		}
		weights = append(weights, n)
		plain.items = append(plain.items, pair.items[1])
	}
	return p.poolOf(plain, "", weights)
}

// closest makes a branch of a pool for each address, at the place where
// geographic data has it, which is how PowerDNS does it too.
func (p *pdns) closest(e *expr, monitor string) (policy.Steering, error) {
	table, err := geo.Embedded()
	if err != nil {
		return policy.Steering{}, err
	}
	s := policy.Steering{Nearest: []policy.Branch{}}
	for i := range e.items {
		tree, err := p.poolOf(&e.items[i], monitor, nil)
		if err != nil {
			return s, err
		}
		b := policy.Branch{Steering: tree}
		a, err := netip.ParseAddr(e.items[i].text)
		var found geo.Place
		if err == nil {
			n, _ := table.Lookup(a)
			found = table.Places()[n]
		}
		if found.Located {
			b.Place = at(found.Point.Lat, found.Point.Lon)
			p.note(p.record.at, "%s: %s is taken to be in the middle of %s; write its place", p.record.owner, e.items[i].text, found.Country)
		} else {
			p.left(p.record.at, "%s: where %s is cannot be found out; give its branch a place, as in {iata: FRA}", p.record.owner, e.items[i].text)
		}
		s.Nearest = append(s.Nearest, b)
	}
	if len(s.Nearest) == 0 {
		return s, fmt.Errorf("there is no address")
	}
	return s, nil
}
