package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Result is what an importer made of its input.
type Result struct {
	Config *policy.Config
	Zones  []*policy.Zone
	Notes  []Note
}

// Note tells of something that could not be translated, or works otherwise now.
type Note struct {
	File    string
	Line    int // 0: of the file as a whole
	Left    bool
	Message string
}

// String is the note as one line.
func (n Note) String() string {
	what := "note: "
	if n.Left {
		what = "not translated: "
	}
	return policy.Problem{File: n.File, Line: n.Line, Message: what + n.Message}.String()
}

// LeftOut says whether something could not be translated.
func (r *Result) LeftOut() bool {
	return slices.ContainsFunc(r.Notes, func(n Note) bool { return n.Left })
}

// place is where in the input something stands.
type place struct {
	file string
	line int
}

// builder collects a configuration. Pools, monitors and regions that no service
// comes to use do not get into it.
type builder struct {
	regions  []policy.Region
	monitors []policy.Monitor
	pools    []policy.Pool
	services []candidate
	zones    []*policy.Zone
	notes    []Note
}

// candidate is a service that has not been checked yet.
type candidate struct {
	at   place
	spec policy.Service
}

func (b *builder) say(at place, left bool, format string, args ...any) {
	n := Note{File: at.file, Line: at.line, Left: left, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(b.notes, n) {
		b.notes = append(b.notes, n)
	}
}

// left notes what could not be translated.
func (b *builder) left(at place, format string, args ...any) { b.say(at, true, format, args...) }

// note notes what works otherwise now.
func (b *builder) note(at place, format string, args ...any) { b.say(at, false, format, args...) }

// label makes an object's name of any text, by the rules of policy.CheckLabel.
func label(text string) string {
	name := strings.Map(func(r rune) rune {
		if r < 0x80 && policy.CheckLabel("x"+string(r)) == nil {
			return r
		}
		return '-'
	}, text)
	name = strings.TrimRight(strings.TrimLeft(name, "-._"), "-._")
	if len(name) > 56 { // leaves room for a number
		name = strings.TrimRight(name[:56], "-._")
	}
	return cmp.Or(name, "unnamed")
}

// put adds an object under its name, or under its name with a number when
// another has that. The same object again is found again.
func put[T any](list *[]T, spec T, name func(*T) *string) string {
	base := label(*name(&spec))
	for i := 1; ; i++ {
		n := base
		if i > 1 {
			n = fmt.Sprintf("%s-%d", base, i)
		}
		*name(&spec) = n
		at := slices.IndexFunc(*list, func(o T) bool { return *name(&o) == n })
		if at < 0 {
			*list = append(*list, spec)
			return n
		}
		if reflect.DeepEqual((*list)[at], spec) {
			return n
		}
	}
}

func (b *builder) monitor(m policy.Monitor) string {
	return put(&b.monitors, m, func(m *policy.Monitor) *string { return &m.Name })
}

// pool adds a pool, whose endpoints' names are made good and different.
func (b *builder) pool(p policy.Pool) string {
	var named []policy.Endpoint
	for _, e := range p.Endpoints {
		put(&named, e, func(e *policy.Endpoint) *string { return &e.Name })
	}
	p.Endpoints = named
	if p.MinAvailable.Count == 1 {
		p.MinAvailable.Count = 0 // the default
	}
	return put(&b.pools, p, func(p *policy.Pool) *string { return &p.Name })
}

// region adds a region, or finds it; the first to give it a place decides.
func (b *builder) region(name string, at *policy.Place) string {
	name = label(name)
	for i := range b.regions {
		if r := &b.regions[i]; r.Name == name {
			r.Place = cmp.Or(r.Place, at)
			return name
		}
	}
	b.regions = append(b.regions, policy.Region{Name: name, Place: at})
	return name
}

func (b *builder) findPool(name string) *policy.Pool {
	for i := range b.pools {
		if b.pools[i].Name == name {
			return &b.pools[i]
		}
	}
	return nil
}

func (b *builder) service(at place, s policy.Service) {
	if s.Answers == 1 {
		s.Answers = 0 // the default
	}
	b.services = append(b.services, candidate{at, s})
}

// finish checks the services one by one and makes the configuration of those that are in order.
func (b *builder) finish() (*Result, error) {
	c := &policy.Config{}
	owners := map[policy.Name]bool{}
	used := map[string]bool{}
	for _, s := range b.services {
		if !b.inOrder(s, owners) {
			continue
		}
		for _, n := range s.spec.Owners() {
			owners[n] = true
		}
		for pool := range poolsOf(&s.spec.Steer) {
			used[pool] = true
		}
		if v4, v6 := b.families(&s.spec); v4 && v6 {
			s.spec.Families = "independent" // as each of the other servers has it
		}
		if len(s.spec.Names) == 1 {
			s.spec.Name, s.spec.Names = s.spec.Names[0], nil
		}
		c.Services = append(c.Services, s.spec)
	}
	monitors, regions := map[string]bool{}, map[string]bool{}
	for _, p := range b.pools {
		if used[p.Name] {
			c.Pools = append(c.Pools, p)
			monitors[p.Monitor], regions[p.Region] = true, true
		}
	}
	for _, m := range b.monitors {
		if monitors[m.Name] {
			c.Monitors = append(c.Monitors, m)
		}
	}
	for _, r := range b.regions {
		if regions[r.Name] {
			c.Regions = append(c.Regions, r)
		}
	}
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("the translation has a mistake that is not the input's: %w", err)
	}
	slices.SortStableFunc(b.notes, func(x, y Note) int {
		return cmp.Or(strings.Compare(x.File, y.File), x.Line-y.Line)
	})
	return &Result{Config: c, Zones: b.zones, Notes: b.notes}, nil
}

// families says of which address families a service has endpoints.
func (b *builder) families(s *policy.Service) (v4, v6 bool) {
	for pool := range poolsOf(&s.Steer) {
		for _, e := range b.findPool(pool).Endpoints {
			v4 = v4 || !e.Alias() && e.Has(policy.IPv4)
			v6 = v6 || !e.Alias() && e.Has(policy.IPv6)
		}
	}
	return v4, v6
}

// inOrder checks a service with what it uses, as apply would, and notes why not.
func (b *builder) inOrder(s candidate, owners map[policy.Name]bool) bool {
	name := s.spec.ID()
	for _, n := range s.spec.Owners() {
		if owners[n] {
			b.left(s.at, "%s is steered already, by what stands before it", n)
			return false
		}
	}
	trial := policy.Config{Regions: b.regions, Monitors: b.monitors, Services: []policy.Service{s.spec}}
	alias := false
	for pool := range poolsOf(&s.spec.Steer) {
		if p := b.findPool(pool); p != nil && !slices.ContainsFunc(trial.Pools, func(o policy.Pool) bool { return o.Name == pool }) {
			trial.Pools = append(trial.Pools, *p)
			alias = alias || slices.ContainsFunc(p.Endpoints, func(e policy.Endpoint) bool { return e.Alias() })
		}
	}
	var e *policy.Error
	if errors.As(trial.Validate(), &e) {
		for _, p := range e.Problems {
			b.left(s.at, "service %s: %s", name, p.Message)
		}
		return false
	}
	for _, n := range s.spec.Owners() {
		if what := b.beside(n); alias && what != "" {
			b.left(s.at, "%s would be answered with a CNAME, which cannot stand %s (RFC 2181 section 10.1); give its endpoints addresses, or a hostname of a zone here with resolve: flatten", n, what)
			return false
		}
	}
	return true
}

// beside says what forbids a CNAME at a name.
func (b *builder) beside(n policy.Name) string {
	for _, z := range b.zones {
		if n == z.Name {
			return "at the apex of a zone"
		}
		if o := z.Owner(n); o != nil && len(o.RRsets) > 0 {
			return "beside the records that the zone has at the name"
		}
	}
	return ""
}

// poolsOf goes through the pools of a tree, with repetition.
func poolsOf(s *policy.Steering) func(func(string) bool) {
	return func(yield func(string) bool) { eachPool(s, yield) }
}

func eachPool(s *policy.Steering, yield func(string) bool) bool {
	if s.Pool != "" {
		return yield(s.Pool)
	}
	_, children := s.Kind()
	for i := range children {
		if !eachPool(&children[i].Steering, yield) {
			return false
		}
	}
	return true
}

// inPool is the branch that is a pool.
func inPool(name string) policy.Steering { return policy.Steering{Pool: name} }

// failover is a branch that takes the first available of several, or the one there is.
func failover(list []policy.Steering) policy.Steering {
	if len(list) == 1 {
		return list[0]
	}
	s := policy.Steering{Failover: []policy.Branch{}}
	for _, child := range list {
		s.Failover = append(s.Failover, policy.Branch{Steering: child})
	}
	return s
}

func ptr[T any](v T) *T { return &v }

// at is a point on the globe.
func at(lat, lon float64) *policy.Place { return &policy.Place{Lat: &lat, Lon: &lon} }
