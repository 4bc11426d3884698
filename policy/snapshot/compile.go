package snapshot

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Local is what only this node knows; it is outside State and its hash.
type Local struct {
	Geo        *geo.Table                 // nil: no client has a place
	Down       map[string]bool            // checks that this node holds to be down while it has no leader
	Near       map[string]policy.Duration // how soon checks may change, of those that samples speak against (health.Near)
	Controls   []policy.Control           // in force on this node alone, beside those of the state
	Generation uint64                     // grows when anything in Local changes at the same index
}

// Compile makes a state ready for queries. It takes over from prev (which may
// be nil) whatever has not changed: geography is computed anew only when
// places or what is known of clients change, a service only when its own
// specification or a pool of its own does. A change of verdicts or of pools
// alone looks at nothing but what depends on them.
func Compile(prev *Snapshot, state *policy.State, local Local) (*Snapshot, error) {
	if prev == nil {
		prev = &Snapshot{State: policy.NewState()}
	}
	s, err := compileAs(prev, state, local, prev.folds)
	if errors.Is(err, errFolds) {
		s, err = compileAs(prev, state, local, !prev.folds)
	}
	return s, err
}

func compileAs(prev *Snapshot, state *policy.State, local Local, folds bool) (*Snapshot, error) {
	state = state.WithControls(local.Controls)
	s := &Snapshot{
		Position: policy.Position{Epoch: state.Epoch, Index: state.Index, Generation: local.Generation},
		State:    state, local: local, folds: folds,
	}
	s.domains = health.Domains(state, local.Down)
	if pools, ok := s.onlyPools(prev); ok && folds == prev.folds {
		return s, s.update(prev, pools)
	}
	s.world(prev)
	s.index = &index{own: controlled(state), pools: make(map[string]int32, state.Pools.Len()), services: make(map[string]int32, state.Services.Len())}
	var pools []*steer.Pool
	var services []*Service
	s.maps = map[string]*geography{}
	for name, o := range state.Pools.All {
		p := steer.NewPool(state, &o.Spec, s.answers(prev, &o.Spec), s.beside())
		if old := prev.pool(name); old != nil && old.Equal(p) {
			p = old
		}
		s.index.pools[name] = int32(len(pools))
		pools = append(pools, p)
	}
	s.pools = NewList(len(pools), func(i int32) *steer.Pool { return pools[i] })
	for _, r := range state.Regions.All {
		s.index.entangled = s.index.entangled || r.Spec.Capacity != nil
	}
	s.index.users = make([][]int32, len(pools))
	for id, o := range state.Services.All {
		n := int32(len(s.index.services))
		for name := range state.PoolsOf(&o.Spec) {
			if i, ok := s.index.pools[name]; ok {
				if users := s.index.users[i]; len(users) == 0 || users[len(users)-1] != n {
					s.index.users[i] = append(users, n)
				}
			}
		}
		s.index.services[id] = n
	}
	for id, o := range state.Services.All {
		svc, err := s.service(prev, id, o)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", id, err)
		}
		if services = append(services, svc); !folds && len(s.maps) > maxDivided {
			return nil, errFolds
		}
	}
	if folds && len(s.maps) <= maxDivided {
		return nil, errFolds
	}
	s.Services = NewList(len(services), func(i int32) *Service { return services[i] })
	s.overlayZones(prev)
	return s, nil
}

func (s *Snapshot) beside() steer.Beside {
	return steer.Beside{Down: s.local.Down, Near: s.local.Near, Domains: s.domains}
}

// index finds pools and services by name, and the services that a pool has a
// part in. It stands for as long as no service and no name of a pool changes.
type index struct {
	pools, services map[string]int32
	users           [][]int32       // by pool
	entangled       bool            // a pool may depend on others: they share a region's capacity
	own             map[string]bool // services with controls of their own
}

// controlled lists the services with controls of their own, by id; nil when there is none.
func controlled(s *policy.State) (own map[string]bool) {
	for _, c := range s.Controls.All {
		if t, err := policy.ParseTarget(c.Target); err == nil && t.Kind == "service" {
			if own == nil {
				own = map[string]bool{}
			}
			own[t.Name] = true
		}
	}
	return own
}

// poolsOf gives the pools as a service uses them: those of everybody, or where it has controls of
// its own such as are made for it alone. What they say of verdicts is the same, so that one of its own looks otherwise
// only when everybody's does.
func (s *Snapshot) poolsOf(old *Service, id string, spec *policy.Service) func(name string) *steer.Pool {
	if !s.index.own[id] {
		return s.pool
	}
	pools := map[string]*steer.Pool{}
	for name := range s.State.PoolsOf(spec) {
		o, ok := s.State.Pools.Get(name)
		if pools[name] != nil || !ok {
			continue
		}
		by := s.beside()
		by.Service = id
		p := steer.NewPool(s.State, &o.Spec, s.pool(name).Answers, by)
		if old != nil {
			if i := slices.IndexFunc(old.tree.Pools, p.Equal); i >= 0 {
				p = old.tree.Pools[i]
			}
		}
		pools[name] = p
	}
	return func(name string) *steer.Pool { return pools[name] }
}

func (s *Snapshot) pool(name string) *steer.Pool {
	if s.index != nil {
		if i, ok := s.index.pools[name]; ok {
			return s.pools.At(i)
		}
	}
	return nil
}

func (s *Snapshot) serviceByID(id string) *Service {
	if s.index != nil {
		if i, ok := s.index.services[id]; ok {
			return s.Services.At(i)
		}
	}
	return nil
}

// sharers counts the services that use a pool.
func (s *Snapshot) sharers(pool string) int { return len(s.index.users[s.index.pools[pool]]) }

// world settles what is known of clients: the geographic data under the
// overrides of the document, and the measured round-trip times.
func (s *Snapshot) world(prev *Snapshot) {
	s.geo, s.census = prev.geo, prev.census
	if s.geo == nil || prev.local.Geo != s.local.Geo || prev.State.Places.Sum() != s.State.Places.Sum() {
		if s.geo = s.local.Geo; s.geo == nil {
			s.geo = geo.Nowhere()
		}
		if list := overrides(s.State); len(list) > 0 {
			s.geo = s.geo.Override(list)
		}
		s.census = new(census)
	}
	if s.rtt = prev.rtt; s.rtt == nil || s.rtt.sum != s.State.Latencies.Sum() {
		s.rtt = &latencies{sum: s.State.Latencies.Sum(), of: make(map[string][]policy.RTT, s.State.Latencies.Len())}
		for subject, l := range s.State.Latencies.All {
			s.rtt.of[subject] = l.Regions
		}
	}
}

func overrides(s *policy.State) (list []geo.Override) {
	for _, o := range s.Places.All {
		p := geo.Place{Country: o.Spec.Country, Continent: o.Spec.Continent, Subdivision: o.Spec.Subdivision, City: o.Spec.City}
		if lat, lon, ok := o.Spec.Place.Coordinates(); ok {
			p.Point, p.Located = geo.Point{Lat: lat, Lon: lon}, true
		}
		list = append(list, geo.Override{Prefix: o.Spec.CIDR, ASN: o.Spec.ASN, Place: p})
	}
	return list
}

// service compiles a service, or takes over the one that prev has.
func (s *Snapshot) service(prev *Snapshot, id string, o policy.Object[policy.Service]) (*Service, error) {
	old := prev.serviceByID(id)
	pool := s.poolsOf(old, id, &o.Spec)
	if old != nil && !s.kept(&o.Spec) && old.spec.Rev == o.Rev && s.likewise(prev) && (prev.rtt == s.rtt || !old.measured) &&
		prev.State.Templates.Sum() == s.State.Templates.Sum() && (!old.tree.Bounded() || prev.load(id) == s.load(id)) &&
		!slices.ContainsFunc(old.tree.Pools, func(p *steer.Pool) bool { return pool(p.Name) != p }) {
		s.keep(old.geo)
		return old, nil
	}
	tree, err := steer.Build(&o.Spec, pool, s.State.Template)
	if err != nil {
		return nil, err
	}
	ttl := o.Spec.TTLRange()
	tree.Keep(s.State, &o.Spec)
	svc := &Service{ID: id, TTL: uint32(ttl.Max), minTTL: uint32(ttl.Min), spec: o, tree: tree, geo: s.geography(prev, tree)}
	if o.Spec.Sticky != nil {
		k := o.Spec.Sticky.WithDefaults()
		svc.sticky = &k
	}
	svc.measured = slices.ContainsFunc(tree.Ordered, func(n *steer.Node) bool { return n.Kind == "latency" })
	for _, p := range tree.Pools {
		svc.aliases = svc.aliases || slices.ContainsFunc(p.Answers, func(a steer.Answers) bool { return a.CNAME != "" })
	}
	s.evaluate(svc)
	return svc, nil
}

// evaluate works out what each class of a service's clients is answered.
func (s *Snapshot) evaluate(svc *Service) {
	b := outcomes{svc: svc, known: map[setKey]int32{}}
	classes := s.crowds(svc)
	for k := range policy.AnswerKinds {
		if !svc.tree.Serves[k] {
			continue
		}
		svc.classes[k] = make([]outcome, len(classes))
		for i := range classes {
			svc.classes[k][i] = b.outcome(svc.tree.Evaluate(k, classes[i].Class, svc.together(), nil), k)
		}
	}
}

// kept says whether a safety rule for automation is about a service: then more decides than its pools.
func (s *Snapshot) kept(svc *policy.Service) bool {
	for _, o := range s.State.SafetyRules.All {
		if o.Spec.Binds(policy.ForAutomation) && o.Spec.Guards(svc) {
			return true
		}
	}
	return false
}

// crowds are a service's classes, with what pools that are short of capacity shed of each.
func (s *Snapshot) crowds(svc *Service) []steer.Crowd {
	g := svc.geo
	list := make([]steer.Crowd, len(g.orders))
	for i := range list {
		list[i] = steer.Crowd{Class: steer.Class{Orders: g.orders[i]}, Weight: g.weight[i], Extra: g.extra[i]}
	}
	if svc.tree.Bounded() {
		for k := range policy.AnswerKinds {
			if svc.tree.Serves[k] { // one kind decides for all, so that they stay together
				svc.tree.Shed(list, k, svc.together(), s.demand(svc.ID))
				break
			}
		}
	}
	return list
}

// demand is a service's part in the load of its pools.
func (s *Snapshot) demand(service string) steer.Demand {
	l := s.load(service)
	return steer.Demand{Load: l.Value, Known: l.Target != "", Sharers: s.sharers}
}

// load is what was told of a service's own load; the zero Load is nothing.
func (s *Snapshot) load(service string) policy.Load {
	l, _ := s.State.Loads.Get("service/" + service)
	l.At, l.MaxAge = 0, 0 // the age is for expiry alone
	return l
}

func (svc *Service) together() bool { return svc.spec.Spec.Families != "independent" }

// overlay is a steered name as it is laid over a zone.
type overlay struct {
	name  policy.Name
	index int32
}

// overlayZones lays the steered names over their zones, keeping the zones of
// prev where neither records nor steered names have changed. A zone of which one
// record was edited takes time by its steered names, not by its records: its tree is shared, and only they are put in.
func (s *Snapshot) overlayZones(prev *Snapshot) {
	s.zones = make(map[string]*Zone, s.State.Zones.Len())
	steered := map[policy.Name][]overlay{}
	for i, svc := range s.Services.All() {
		for _, n := range svc.spec.Spec.Owners() {
			if z := s.State.ZoneFor(n); z != nil {
				steered[z.Name] = append(steered[z.Name], overlay{n, int32(i) + 1})
			}
		}
	}
	for key, static := range s.State.Zones.All {
		over := steered[static.Name]
		if old := prev.zones[key]; old != nil && old.static == static && slices.Equal(old.overlaid, over) {
			s.zones[key] = old
			continue
		}
		s.zones[key] = newZone(static, over)
	}
}

func newZone(static *policy.Zone, over []overlay) *Zone {
	z := &Zone{Name: static.Name, Owners: static.Owners, static: static, overlaid: over}
	if len(over) > 0 {
		z.Owners = static.Owners.Copy()
		for _, o := range over {
			key := o.name.Key()
			old, ok := z.Owners.Get(key)
			next := &policy.Owner{Service: o.index}
			if ok {
				*next = *old
				next.Service = o.index
			}
			z.Owners.Set(key, next)
			if !ok {
				policy.Adopt(z.Owners, z.Name, o.name)
			}
		}
	}
	if z.Apex, _ = z.Owners.Get(z.Name.Key()); z.Apex != nil {
		if z.SOA = z.Apex.Find(policy.TypeSOA); z.SOA != nil {
			z.NegativeTTL = min(z.SOA.TTL, soaMinimum(z.SOA.Data[0]))
		}
	}
	return z
}

// soaMinimum is the MINIMUM field, the last of the RDATA (RFC 1035 section 3.3.13).
func soaMinimum(rdata []byte) uint32 {
	if len(rdata) < 4 {
		return 0
	}
	m := rdata[len(rdata)-4:]
	return uint32(m[0])<<24 | uint32(m[1])<<16 | uint32(m[2])<<8 | uint32(m[3])
}

// Geographies counts the distinct maps of places in use, for metrics and tests.
func (s *Snapshot) Geographies() int { return len(s.maps) }

// Regions lists the regions that a service's present answers lie in, for every class and kind, sorted.
func (svc *Service) Regions() []string {
	seen := map[string]bool{}
	for k := range svc.classes {
		for _, o := range svc.classes[k] {
			for _, i := range o.sets {
				for _, r := range svc.Sets[i].Regions {
					seen[r] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
