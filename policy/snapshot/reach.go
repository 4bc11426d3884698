package snapshot

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Reach is who answers whom now, country by country. Each country weighs by its part of the IPv4 addresses that have a place.
type Reach struct {
	Service   string         `json:"service,omitempty"`
	Type      string         `json:"type,omitempty"` // the RR type of the answers
	Services  int            `json:"services"`       // how many were added up, each counting the same
	LeftOut   int            `json:"leftOut"`        // services beyond what one call may take
	Countries []CountryReach `json:"countries"`      // the heaviest first
	Regions   []ReachShare   `json:"regions"`        // the largest first
	Endpoints []ReachShare   `json:"endpoints,omitempty"`
	More      int            `json:"more,omitempty"` // endpoints that are not listed
	Nothing   float64        `json:"nothing"`        // share of the world that gets no answer
	Assumed   []string       `json:"assumed,omitempty"`
	Index     uint64         `json:"index"`
}

// CountryReach is who answers the clients of one country.
type CountryReach struct {
	Country      string       `json:"country"` // ISO 3166-1; "" where it is not known
	Weight       float64      `json:"weight"`  // share of the world, 0 to 1
	Distribution []ReachShare `json:"distribution"`
	More         int          `json:"more,omitempty"` // of the distribution, not listed
}

// ReachShare is a part that an endpoint or a region has in answers. Several endpoints in one answer have equal parts of it.
type ReachShare struct {
	Endpoint    string  `json:"endpoint,omitempty"`
	Region      string  `json:"region"`
	Probability float64 `json:"probability"`
}

// Bounds on what one Reach says, and on what work it may be.
const (
	maxReachShares    = 32        // of a country
	maxReachEndpoints = 200       // of the world
	maxReachWork      = 4_000_000 // answers looked at, about 0.2 s
)

// Reach says who answers each country for one service, if need be under
// assumptions as of an ExplainQuery. It also gives the service that it looked at, for [Snapshot.ReachFrom].
func (s *Snapshot) Reach(service string, typ uint16, assume []string) (*Reach, *Service, error) {
	svc := s.serviceByID(service)
	if svc == nil {
		return nil, nil, policy.Errorf(policy.NotFound, "there is no service %q", service)
	}
	if len(assume) > 0 {
		tree, err := s.assume(svc, assume)
		if err != nil {
			return nil, nil, err
		}
		other := *svc
		other.tree, other.Sets, other.classes = tree, nil, [policy.AnswerKinds][]outcome{}
		s.evaluate(&other)
		svc = &other
	}
	r := &Reach{Service: service, Services: 1, Assumed: assume, Index: s.State.Index}
	k, ok := svc.Kind(typ)
	if !ok {
		return nil, nil, policy.Errorf(policy.Invalid, "service %s has no answer of that type for anybody; its endpoints have none", service)
	}
	r.Type = k.TypeName()
	w := newTally()
	s.reach(w, svc.geo, []reached{{svc, k}}, true)
	w.into(r, s.census.total)
	return r, svc, nil
}

// ReachFrom says whose answers of a type differ from those of a service of the same id in another snapshot, as plans do.
func (s *Snapshot) ReachFrom(before *Snapshot, is *Service, typ uint16) Effect {
	k, _ := is.Kind(typ)
	return effectOn(is.ID, before.serviceByID(is.ID), is, k, s.sample())
}

// World adds up who answers each country over all services, each counting the same. Which endpoint it is is not said.
func (s *Snapshot) World() *Reach {
	r := &Reach{Index: s.State.Index}
	groups := map[*geography][]reached{}
	var order []*geography
	work := 0
	for _, svc := range s.Services.All() {
		k := svc.firstKind()
		if k == policy.AnswerKinds {
			continue
		}
		for i := range svc.classes[k] {
			work += 1 + len(svc.classes[k][i].sets)
		}
		if work > maxReachWork {
			r.LeftOut++
			continue
		}
		if groups[svc.geo] == nil {
			order = append(order, svc.geo)
		}
		groups[svc.geo] = append(groups[svc.geo], reached{svc, k})
		r.Services++
	}
	w := newTally()
	for _, g := range order {
		s.reach(w, g, groups[g], false)
	}
	w.into(r, s.census.of(s.geo).total*float64(max(1, r.Services)))
	return r
}

// firstKind is the first kind of answer that a service has, or policy.AnswerKinds.
func (svc *Service) firstKind() (k policy.AnswerKind) {
	for k < policy.AnswerKinds && !svc.tree.Serves[k] {
		k++
	}
	return k
}

// reached is a service, by the kind of answer that is looked at.
type reached struct {
	svc  *Service
	kind policy.AnswerKind
}

// reachTally adds up addresses by country and by who answers them.
type reachTally struct {
	countries map[string]map[ReachShare]float64 // Probability is 0 in the keys
	weight    map[string]float64
}

func newTally() *reachTally {
	return &reachTally{countries: map[string]map[ReachShare]float64{}, weight: map[string]float64{}}
}

// reach adds up services of one geography.
func (s *Snapshot) reach(w *reachTally, g *geography, services []reached, endpoints bool) {
	parcels, _ := s.parcelsIn(g)
	for i := 0; i < len(parcels); {
		class, from := parcels[i].class, i
		for i < len(parcels) && parcels[i].class == class {
			i++
		}
		sum := map[ReachShare]float64{}
		for _, r := range services {
			r.svc.shares(r.kind, class, endpoints, sum)
		}
		for _, p := range parcels[from:i] {
			into := w.countries[p.country]
			if into == nil {
				into = map[ReachShare]float64{}
				w.countries[p.country] = into
			}
			for _, key := range slices.SortedFunc(maps.Keys(sum), orderShares) { // sums of fractions depend on their order
				into[key] += sum[key] * p.addresses
			}
			w.weight[p.country] += p.addresses * float64(len(services))
		}
	}
}

// shares adds who answers a class of a service's clients.
func (svc *Service) shares(k policy.AnswerKind, class uint16, endpoints bool, sum map[ReachShare]float64) {
	o := &svc.classes[k][class]
	for i, at := range o.sets {
		set := &svc.Sets[at]
		if !endpoints {
			for _, region := range set.Regions {
				sum[ReachShare{Region: region}] += o.probs[i] / float64(len(set.Regions))
			}
			continue
		}
		for _, e := range set.Endpoints {
			sum[ReachShare{Endpoint: e, Region: svc.regionOf(e)}] += o.probs[i] / float64(len(set.Endpoints))
		}
	}
}

func (svc *Service) regionOf(endpoint string) string {
	for _, p := range svc.tree.Pools {
		for i := range p.Members {
			if p.Members[i].ID == endpoint {
				return p.Members[i].Region
			}
		}
	}
	return ""
}

// into lists what was added up, of a total weight.
func (w *reachTally) into(r *Reach, total float64) {
	regions, all := map[ReachShare]float64{}, map[ReachShare]float64{}
	r.Countries, r.Nothing = []CountryReach{}, 1
	for _, country := range slices.Sorted(maps.Keys(w.weight)) {
		c := CountryReach{Country: country, Weight: min(w.weight[country]/total, 1)}
		for _, key := range slices.SortedFunc(maps.Keys(w.countries[country]), orderShares) {
			n := w.countries[country][key]
			regions[ReachShare{Region: key.Region}] += n / total
			r.Nothing -= n / total
			if key.Endpoint != "" {
				all[key] += n / total
			}
		}
		c.Distribution, c.More = listShares(w.countries[country], w.weight[country], maxReachShares)
		r.Countries = append(r.Countries, c)
	}
	slices.SortStableFunc(r.Countries, func(a, b CountryReach) int { return cmp.Compare(b.Weight, a.Weight) })
	if r.Nothing < 1e-9 { // what adding up fractions leaves
		r.Nothing = 0
	}
	r.Regions, _ = listShares(regions, 1, len(regions))
	r.Endpoints, r.More = listShares(all, 1, maxReachEndpoints)
}

func listShares(of map[ReachShare]float64, total float64, most int) (list []ReachShare, more int) {
	list = []ReachShare{}
	for key, n := range of {
		key.Probability = min(n/total, 1) // adding up fractions leaves crumbs
		list = append(list, key)
	}
	slices.SortFunc(list, func(a, b ReachShare) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), orderShares(a, b))
	})
	if more = max(0, len(list)-most); more > 0 {
		list = list[:most]
	}
	return list, more
}

func orderShares(a, b ReachShare) int {
	return cmp.Or(strings.Compare(a.Region, b.Region), strings.Compare(a.Endpoint, b.Endpoint))
}
