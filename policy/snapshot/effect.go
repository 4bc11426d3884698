package snapshot

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Effect is what a change does to the answers for one name, for clients all over
// the world: each part of the IPv4 address space that has a place counts by its size.
type Effect struct {
	Service string  `json:"service"`
	Type    string  `json:"type"`           // the RR type that was compared, "A" where the service has it
	Moved   float64 `json:"moved"`          // share of all clients whose answer changes, 0 to 1
	Moves   []Move  `json:"moves"`          // the largest first
	More    int     `json:"more,omitempty"` // moves that are not listed
}

// Move is clients of a country that go from one place to another.
type Move struct {
	Country   string  `json:"country"`   // ISO 3166-1; "" where it is not known
	From      string  `json:"from"`      // region, or endpoint where the region is the same; "nothing" for no answer
	To        string  `json:"to"`        //
	Share     float64 `json:"share"`     // of all clients
	OfCountry float64 `json:"ofCountry"` // of the country's clients
}

// Bounds on effects, so that no plan takes minutes.
const (
	maxEffects = 100 // services that are compared
	maxMoves   = 30  // of one service
)

// world is a sample of the address space: one address of each /18 that has a place.
type world struct {
	addresses []netip.Addr
	countries []string
	of        map[string]float64 // how many samples a country has
}

// inWorld goes through the addresses of the sample, each with the number of its place.
func (s *Snapshot) inWorld(yield func(addr netip.Addr, place int) bool) {
	for i := range uint32(1 << 18) {
		a := i<<14 | uint32(mix(uint64(i)))>>18 // anywhere in it, and always there
		addr := netip.AddrFrom4([4]byte{byte(a >> 24), byte(a >> 16), byte(a >> 8), byte(a)})
		if at, _ := s.geo.Lookup(addr); at != 0 && !yield(addr, int(at)) {
			return
		}
	}
}

// Client is one of the sample, and what kind of answer it asks for.
type Client struct {
	Address netip.Addr
	Kind    policy.AnswerKind
}

// ClientOf is a client of the sample that is answered with an endpoint of a service.
func (s *Snapshot) ClientOf(service, endpoint string) (c Client, ok bool) {
	svc := s.serviceByID(service)
	if svc == nil {
		return c, false
	}
	for k := range policy.AnswerKinds {
		if !svc.tree.Serves[k] {
			continue
		}
		given := make([]bool, len(svc.classes[k]))
		any := false
		for class := range svc.classes[k] {
			for _, at := range svc.classes[k][class].sets {
				given[class] = given[class] || slices.Contains(svc.Sets[at].Endpoints, endpoint)
			}
			any = any || given[class]
		}
		if !any {
			continue
		}
		for addr := range s.inWorld {
			if class, _ := svc.geo.lookup(addr, 32); given[class] {
				return Client{addr, k}, true
			}
		}
	}
	return c, false
}

func (s *Snapshot) sample() *world {
	w := &world{of: map[string]float64{}}
	places := s.geo.Places()
	for addr, at := range s.inWorld {
		w.addresses = append(w.addresses, addr)
		w.countries = append(w.countries, places[at].Country)
		w.of[places[at].Country]++
	}
	if len(w.addresses) == 0 { // no data: everybody is one
		w.addresses, w.countries = []netip.Addr{netip.AddrFrom4([4]byte{})}, []string{""}
		w.of[""] = 1
	}
	return w
}

// EffectsFrom says whose answers differ from those of another snapshot, service by
// service. more is how many services differ beyond those that were compared.
func (s *Snapshot) EffectsFrom(before *Snapshot) (list []Effect, more int) {
	var w *world
	for _, id := range s.Differing(before) {
		if len(list) == maxEffects {
			more++
			continue
		}
		if w == nil {
			w = s.sample()
		}
		if e := effect(id, before.serviceByID(id), s.serviceByID(id), w); e.Moved > 0 {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b Effect) int { return cmp.Compare(b.Moved, a.Moved) })
	return list, more
}

// Differing are the services that differ from those of another snapshot, or may: the
// same compiled service was taken over when nothing that it rests on has changed.
func (s *Snapshot) Differing(before *Snapshot) (list []string) {
	names := map[string]bool{}
	for _, snap := range []*Snapshot{before, s} {
		for _, svc := range snap.Services.All() {
			names[svc.ID] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(names)) {
		if before.serviceByID(id) != s.serviceByID(id) {
			list = append(list, id)
		}
	}
	return list
}

// Healthy is how many endpoints of a service are up and not drained, and how many it has.
func (s *Snapshot) Healthy(service string) (up, all int) {
	svc := s.serviceByID(service)
	if svc == nil {
		return 0, 0
	}
	for _, p := range svc.tree.Pools {
		all += len(p.Members)
		for i := range p.Members {
			if m := &p.Members[i]; m.Status == policy.Up && m.Drained == "" {
				up++
			}
		}
	}
	return up, all
}

// effect compares one service, either of which may be nil.
func effect(id string, was, is *Service, w *world) Effect {
	k := policy.IPv4
	for k < policy.AnswerKinds && (was == nil || !was.tree.Serves[k]) && (is == nil || !is.tree.Serves[k]) {
		k++
	}
	if k == policy.AnswerKinds {
		return Effect{Service: id}
	}
	return effectOn(id, was, is, k, w)
}

func effectOn(id string, was, is *Service, k policy.AnswerKind, w *world) Effect {
	e := Effect{Service: id, Type: k.TypeName(), Moves: []Move{}}
	type pair struct {
		country  string
		was, now uint16
	}
	count := map[pair]float64{}
	for i, a := range w.addresses {
		p := pair{country: w.countries[i]}
		if was != nil {
			p.was, _ = was.geo.lookup(a, 32)
		}
		if is != nil {
			p.now, _ = is.geo.lookup(a, 32)
		}
		count[p]++
	}
	flows := map[Move]float64{}
	type classes struct{ was, now uint16 }
	known := map[classes]map[[2]string]float64{}
	order := func(a, b pair) int {
		return cmp.Or(strings.Compare(a.country, b.country), cmp.Compare(a.was, b.was), cmp.Compare(a.now, b.now))
	}
	for _, p := range slices.SortedFunc(maps.Keys(count), order) { // sums of fractions depend on their order
		n := count[p]
		c := classes{p.was, p.now}
		if known[c] == nil {
			known[c] = flow(was.mixture(k, p.was), is.mixture(k, p.now))
		}
		for move, part := range known[c] { // each once
			flows[Move{Country: p.country, From: move[0], To: move[1]}] += part * n
		}
	}
	for m, n := range flows {
		m.Share, m.OfCountry = min(n/float64(len(w.addresses)), 1), min(n/w.of[m.Country], 1)
		e.Moved = min(e.Moved+m.Share, 1) // adding up fractions leaves crumbs
		e.Moves = append(e.Moves, m)
	}
	slices.SortFunc(e.Moves, func(a, b Move) int {
		return cmp.Or(cmp.Compare(b.Share, a.Share), strings.Compare(a.Country, b.Country), strings.Compare(a.From+a.To, b.From+b.To))
	})
	if len(e.Moves) > maxMoves {
		e.More = len(e.Moves) - maxMoves
		e.Moves = e.Moves[:maxMoves]
	}
	return e
}

// answered is who answers, in which regions.
type answered struct{ endpoints, regions string }

// mixture is the distribution of a class.
func (svc *Service) mixture(k policy.AnswerKind, class uint16) map[answered]float64 {
	m := map[answered]float64{}
	if svc == nil || !svc.tree.Serves[k] || len(svc.classes[k][class].sets) == 0 {
		m[answered{"nothing", ""}] = 1
		return m
	}
	o := &svc.classes[k][class]
	for i, at := range o.sets {
		set := &svc.Sets[at]
		m[answered{strings.Join(set.Endpoints, "+"), strings.Join(set.Regions, "+")}] += o.probs[i]
	}
	return m
}

// flow is what goes from where to where when one distribution takes the place
// of another, by the fewest moves: what both have stays.
func flow(was, is map[answered]float64) map[[2]string]float64 {
	var from, to []answered
	loses, gains, total := map[answered]float64{}, map[answered]float64{}, 0.0
	order := func(a, b answered) int {
		return cmp.Or(strings.Compare(a.regions, b.regions), strings.Compare(a.endpoints, b.endpoints))
	}
	for _, a := range slices.SortedFunc(maps.Keys(was), order) {
		p := was[a]
		if d := p - is[a]; d > 1e-9 {
			from, loses[a] = append(from, a), d
			total += d
		}
	}
	for _, a := range slices.SortedFunc(maps.Keys(is), order) {
		p := is[a]
		if d := p - was[a]; d > 1e-9 {
			to, gains[a] = append(to, a), d
		}
	}
	moves := map[[2]string]float64{}
	for _, a := range from {
		for _, b := range to {
			x, y := cmp.Or(a.regions, a.endpoints), cmp.Or(b.regions, b.endpoints)
			if a.regions == b.regions {
				x, y = a.endpoints, b.endpoints
			}
			moves[[2]string{x, y}] += loses[a] * gains[b] / total
		}
	}
	return moves
}
