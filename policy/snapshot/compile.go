package snapshot

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Local is what only this node knows; it is outside State and its hash.
type Local struct {
	Geo        *geo.Table      // nil: no client has a place
	Down       map[string]bool // checks that this node holds to be down while it has no leader
	Generation uint64          // grows when anything in Local changes at the same index
}

// MaxVariants is how many different answers one class of clients may get.
// Beyond it the least likely ones are left out.
const MaxVariants = 256

// Compile makes a state ready for queries. It takes over from prev (which may
// be nil) whatever has not changed: geography is computed anew only when
// places or the geographic data change, a service only when its own
// specification or a pool of its own does.
func Compile(prev *Snapshot, state *policy.State, local Local) (*Snapshot, error) {
	if prev == nil {
		prev = &Snapshot{}
	}
	s := &Snapshot{
		Position: policy.Position{Epoch: state.Epoch, Index: state.Index, Generation: local.Generation},
		State:    state, geo: local.Geo, local: local,
		pools: make(map[string]*steer.Pool, state.Pools.Len()),
		byID:  make(map[string]*Service, state.Services.Len()),
		maps:  map[string]*geography{},
	}
	for name, o := range state.Pools.All {
		p := steer.NewPool(state, &o.Spec, s.answers(prev, &o.Spec), local.Down)
		if old := prev.pools[name]; old != nil && old.Equal(p) {
			p = old
		}
		s.pools[name] = p
	}
	for id, o := range state.Services.All {
		svc, err := s.service(prev, id, o)
		if err != nil {
			return nil, fmt.Errorf("service %s: %w", id, err)
		}
		s.byID[id] = svc
		s.Services = append(s.Services, svc)
	}
	s.overlayZones(prev)
	return s, nil
}

// service compiles a service, or takes over the one that prev has.
func (s *Snapshot) service(prev *Snapshot, id string, o policy.Object[policy.Service]) (*Service, error) {
	old := prev.byID[id]
	if old != nil && old.spec.Rev == o.Rev && prev.geo == s.geo && !slices.ContainsFunc(old.tree.Pools, func(p *steer.Pool) bool { return s.pools[p.Name] != p }) {
		s.maps[old.geo.key] = old.geo
		return old, nil
	}
	tree, err := steer.Build(&o.Spec, func(name string) *steer.Pool { return s.pools[name] })
	if err != nil {
		return nil, err
	}
	svc := &Service{ID: id, TTL: o.Spec.TTLSeconds(), spec: o, tree: tree, geo: s.geography(prev, tree)}
	for _, p := range tree.Pools {
		svc.aliases = svc.aliases || slices.ContainsFunc(p.Answers, func(a steer.Answers) bool { return a.CNAME != "" })
	}
	known := map[setKey]int32{}
	for k := range policy.AnswerKinds {
		if !tree.Serves[k] {
			continue
		}
		svc.classes[k] = make([]outcome, len(svc.geo.orders))
		for class, orders := range svc.geo.orders {
			svc.classes[k][class] = svc.outcome(tree.Evaluate(k, orders, o.Spec.Families != "independent", nil), k, known)
		}
	}
	return svc, nil
}

type setKey struct {
	pool   *steer.Pool
	member int
	kind   policy.AnswerKind
}

// outcome is a finished distribution: which sets, and up to which value of Query.Rand each of them reaches.
type outcome struct {
	sets  []int32
	until []uint64 // until[i] > Rand picks sets[i]; the last is MaxUint64
	probs []float64
	tier  steer.Tier
}

// outcome turns an evaluation into thresholds, adding the answer sets it needs.
func (svc *Service) outcome(r steer.Result, k policy.AnswerKind, known map[setKey]int32) outcome {
	picks := r.Picks
	if len(picks) > MaxVariants {
		picks = slices.Clone(picks)
		slices.SortStableFunc(picks, func(a, b steer.Pick) int { return cmp.Compare(b.Probability, a.Probability) })
		picks = picks[:MaxVariants]
	}
	total := 0.0
	for _, p := range picks {
		total += p.Probability
	}
	o := outcome{tier: r.Tier}
	reached := 0.0
	for i, p := range picks {
		key := setKey{p.Pool, p.Member, k}
		at, ok := known[key]
		if !ok {
			at = int32(len(svc.Sets))
			known[key] = at
			svc.Sets = append(svc.Sets, answerSet(p, k, svc.TTL))
		}
		reached += p.Probability / total
		until := uint64(math.MaxUint64)
		if i < len(picks)-1 {
			until = uint64(min(reached, 1-0x1p-53) * 0x1p64)
		}
		o.sets = append(o.sets, at)
		o.until = append(o.until, until)
		o.probs = append(o.probs, p.Probability/total)
	}
	return o
}

func answerSet(p steer.Pick, k policy.AnswerKind, ttl uint32) AnswerSet {
	m, own := &p.Pool.Members[p.Member], &p.Pool.Answers[p.Member]
	a := AnswerSet{Endpoint: m.ID, Region: m.Region, Type: k.Type(), TTL: ttl, CNAME: own.CNAME}
	if set := own.Find(k); set != nil {
		a.TTL, a.Data = min(ttl, set.TTL), set.Data
	}
	return a
}

// Decide picks the answer to a query for a steered name. It is a pure function
// of the snapshot and the query, takes no lock and allocates nothing.
func (s *Snapshot) Decide(q Query) Decision {
	svc := s.Services[q.Service]
	if !svc.tree.Serves[q.Kind] {
		return Decision{Set: -1, TTL: svc.TTL}
	}
	class, scope := svc.geo.lookup(q.Client, q.Bits)
	o := &svc.classes[q.Kind][class]
	i := 0
	for i < len(o.until)-1 && q.Rand >= o.until[i] {
		i++
	}
	if i >= len(o.sets) {
		return Decision{Set: -1, TTL: svc.TTL, Scope: scope}
	}
	return Decision{Set: o.sets[i], TTL: svc.Sets[o.sets[i]].TTL, Scope: scope}
}

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
	for i, svc := range s.Services {
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
				seen[svc.Sets[i].Region] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
