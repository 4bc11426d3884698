package steer

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"pgregory.net/rapid"
)

// The oracle evaluates a service as DESIGN section 4 says it, on the nouns
// alone, one rule after the other and with no regard to cost. It was written
// from the text, not from the code. Two things the text leaves open are taken as the
// package's words have them: minAvailable is waived before anything that is
// down is served, and of what is drained the part that is not down goes first.
type oracle struct {
	s        *policy.State
	domains  map[string]string // failure domains that count as down
	svc      *policy.Service
	family   policy.AnswerKind
	level    int                // 1 available; 2 with those without a verdict; 3 minAvailable waived; 4 undrained though down; 5 drained, not down; 6 drained and down
	regions  map[string]bool    // families: together keeps to these; nil for all
	orders   map[string][]uint8 // of branches whose order depends on the client, by where they stand
	good     int64              // at level 4: what went down before this does not count
	withheld bool               // some branch wants to give no data
}

type endpoint struct{ pool, name string }

func (o *oracle) measured(p *policy.Pool, e *policy.Endpoint) policy.Status {
	if p.Monitor == "" {
		return policy.Unknown
	}
	v, _ := o.s.Verdicts.Get(p.Name + "/" + e.Name + "@" + p.Monitor)
	return v.Status
}

// status is what a control forces, or what is measured, unless a failure domain of the endpoint counts as down.
func (o *oracle) status(p *policy.Pool, e *policy.Endpoint) policy.Status {
	if forced := o.forced(p, e); forced != policy.Unknown {
		return forced
	}
	r, _ := o.s.Regions.Get(o.region(p, e))
	for _, id := range []string{"az/" + r.Spec.Name + "/" + e.AZ, "region/" + r.Spec.Name, "provider/" + r.Spec.Provider} {
		if o.domains[id] != "" {
			return policy.Down
		}
	}
	return o.measured(p, e)
}

// covering are the controls on an endpoint that do anything, the one that counts first ahead.
func (o *oracle) covering(p *policy.Pool, e *policy.Endpoint) (list []policy.Control) {
	r, hasRegion := o.s.Regions.Get(o.region(p, e))
	for _, c := range o.s.Controls.All {
		covers := false
		switch c.Target {
		case "pool/" + p.Name, "endpoint/" + p.Name + "/" + e.Name, "service/" + o.svc.ID():
			covers = true
		case "region/" + r.Spec.Name, "provider/" + r.Spec.Provider, "az/" + r.Spec.Name + "/" + e.AZ:
			covers = hasRegion
		case "label/tier=" + e.Labels["tier"]:
			covers = e.Labels["tier"] != ""
		}
		if covers && c.Phase != policy.Planned && c.Phase != policy.Near && c.Phase != policy.Refused {
			list = append(list, c)
		}
	}
	source := map[policy.Source]int{policy.ByOperator: 0, policy.ByDrill: 1, policy.ByAutomation: 2}
	slices.SortFunc(list, func(a, b policy.Control) int {
		return cmp.Or(source[a.Source]-source[b.Source], cmp.Compare(b.CreatedAt, a.CreatedAt), strings.Compare(b.ID, a.ID))
	})
	return list
}

func moving(c policy.Control) bool {
	return c.Phase == policy.Ramping || c.Phase == policy.Paused || c.Phase == policy.Returning
}

func kept(c policy.Control) int {
	switch {
	case c.Ramp != nil && c.Ramp.Done == 0:
		return 100
	case c.Ramp != nil:
		return c.Ramp.Steps[c.Ramp.Done-1]
	}
	return c.Share // of a drain 0
}

// forced is the status that a control gives an endpoint; unknown is none. A force-up counts only where nothing
// that outranks it takes the endpoint out.
func (o *oracle) forced(p *policy.Pool, e *policy.Endpoint) policy.Status {
	out := o.outs(p, e)
	for _, c := range o.covering(p, e) {
		switch c.Action {
		case policy.ForceUp:
			if len(out) == 0 {
				return policy.Up
			}
			return policy.Unknown
		case policy.ForceDown:
			return policy.Down
		}
	}
	return policy.Unknown
}

// outs are the controls that take an endpoint out and that no force-up outranks.
func (o *oracle) outs(p *policy.Pool, e *policy.Endpoint) (list []policy.Control) {
	shares := 0
	for _, c := range o.covering(p, e) {
		switch {
		case c.Action == policy.ForceUp:
			return list
		case c.Action == policy.ForceDown, c.Action == policy.Drain && kept(c) == 0, c.Action == policy.Share && kept(c) == 0 && shares == 0:
			list = append(list, c)
		}
		if c.Action == policy.Share && !moving(c) {
			shares++
		}
	}
	return list
}

// share is what controls let an endpoint keep of its clients: what the first settled share says, or less
// by what outranks it and is on its way.
func (o *oracle) shareOf(p *policy.Pool, e *policy.Endpoint) float64 {
	if o.drained(p, e) {
		return 1
	}
	keeps, settled, up := 100, false, false
	for _, c := range o.covering(p, e) {
		up = up || c.Action == policy.ForceUp
		switch {
		case kept(c) == 0 || c.Action == policy.ForceUp || c.Action == policy.ForceDown:
		case c.Action == policy.Drain && !up, c.Action == policy.Share && !settled:
			keeps = min(keeps, kept(c))
		}
		settled = settled || c.Action == policy.Share && !moving(c) && (kept(c) > 0 || !up)
	}
	return float64(keeps) / 100
}

// panics says whether health may not remove anything from a pool: too few of
// those that count are up, and one of those that are asked for is.
func (o *oracle) panics(p *policy.Pool, of func(*policy.Endpoint) bool) bool {
	all, up, wanted := 0.0, 0.0, false
	for i := range p.Endpoints {
		if e := &p.Endpoints[i]; o.weighed(p, e) {
			if all++; o.status(p, e) == policy.Up {
				up++
				wanted = wanted || of(e)
			}
		}
	}
	return p.PanicThreshold > 0 && wanted && up/all < float64(p.PanicThreshold)/100
}

// weighed says whether an endpoint counts for a panic: it has a weight and a verdict or is forced, and is not drained.
func (o *oracle) weighed(p *policy.Pool, e *policy.Endpoint) bool {
	return weightOf(e.Weight) > 0 && !o.drained(p, e) && (o.measured(p, e) != policy.Unknown || o.forced(p, e) != policy.Unknown)
}

func (o *oracle) region(p *policy.Pool, e *policy.Endpoint) string {
	if e.Region != "" {
		return e.Region
	}
	return p.Region
}

func (o *oracle) drained(p *policy.Pool, e *policy.Endpoint) bool {
	return slices.ContainsFunc(o.outs(p, e), func(c policy.Control) bool { return c.Action != policy.ForceDown })
}

func serves(e *policy.Endpoint, f policy.AnswerKind) bool {
	if f != policy.IPv4 && f != policy.IPv6 {
		return len(e.Records[f.String()]) > 0
	}
	if e.Hostname != "" {
		return true
	}
	return slices.ContainsFunc(e.Addrs(), func(a netip.Addr) bool { return a.Is4() == (f == policy.IPv4) })
}

// usable are the endpoints of a pool that may serve at the oracle's level,
// among those that `of` admits, by the rules for siblings.
func (o *oracle) usable(p *policy.Pool, of func(*policy.Endpoint) bool) []*policy.Endpoint {
	var list []*policy.Endpoint
	panics := o.panics(p, of)
	for i := range p.Endpoints {
		e := &p.Endpoints[i]
		down := o.status(p, e) == policy.Down && !(panics && o.weighed(p, e))
		if since, fell := o.fell(p, e); fell && since < o.good {
			continue
		}
		pending := p.Monitor != "" && o.measured(p, e) == policy.Unknown && o.forced(p, e) == policy.Unknown
		ok := map[int]bool{1: !down && !pending, 2: !down, 3: !down, 4: true, 5: !down, 6: true}[o.level]
		if of(e) && ok && (o.level >= 5 || !o.drained(p, e)) {
			list = append(list, e)
		}
	}
	asIfHealthy := o.level == 4 || o.level == 6
	if anyUp := slices.ContainsFunc(list, func(e *policy.Endpoint) bool { return o.status(p, e) == policy.Up }); anyUp && !asIfHealthy {
		list = slices.DeleteFunc(list, func(e *policy.Endpoint) bool { return o.status(p, e) == policy.Unknown })
	}
	if slices.ContainsFunc(list, func(e *policy.Endpoint) bool { return weightOf(e.Weight) > 0 }) {
		list = slices.DeleteFunc(list, func(e *policy.Endpoint) bool { return weightOf(e.Weight) == 0 })
	}
	return list
}

// fell is when an endpoint went down, by what is measured or by a control.
func (o *oracle) fell(p *policy.Pool, e *policy.Endpoint) (since int64, fell bool) {
	switch o.forced(p, e) {
	case policy.Up:
		return 0, false
	case policy.Down:
		for _, c := range o.covering(p, e) {
			if c.Action == policy.ForceDown {
				return c.CreatedAt, true
			}
		}
	}
	v, _ := o.s.Verdicts.Get(p.Name + "/" + e.Name + "@" + p.Monitor)
	return v.Since, o.measured(p, e) == policy.Down
}

func weightOf(w *int) float64 {
	if w == nil {
		return 1
	}
	return float64(*w)
}

// mix puts weighted distributions together; when all weights are 0 they count alike. What some of
// them do not keep of their clients, those get that keep all of theirs.
func mix(parts []map[endpoint]float64, weights []float64) map[endpoint]float64 {
	total := 0.0
	for _, w := range weights {
		total += w
	}
	shares := make([]float64, len(parts))
	left, whole := 0.0, 0.0
	for i, part := range parts {
		shares[i] = 1 / float64(len(parts))
		if total > 0 {
			shares[i] = weights[i] / total
		}
		if k := all(part); k < 1-1e-9 {
			left += shares[i] * (1 - k)
		} else {
			whole += shares[i]
		}
	}
	out := map[endpoint]float64{}
	for i, part := range parts {
		share := shares[i]
		if all(part) > 1-1e-9 && whole > 0 {
			share += left * share / whole
		}
		for e, p := range part {
			if share > 0 {
				out[e] += share * p
			}
		}
	}
	return out
}

// all is the part of its clients that a distribution keeps.
func all(d map[endpoint]float64) (total float64) {
	for _, e := range slices.SortedFunc(maps.Keys(d), func(a, b endpoint) int {
		return cmp.Or(strings.Compare(a.pool, b.pool), strings.Compare(a.name, b.name))
	}) {
		total += d[e]
	}
	return total
}

// next adds to what some clients get what the rest of them get.
func next(d, then map[endpoint]float64) map[endpoint]float64 {
	out, left := maps.Clone(d), 1-all(d)
	if len(d) == 0 {
		return then
	}
	for e, p := range then {
		if left >= 1e-6 { // what next to nobody gets is nobody's
			out[e] += left * p
		}
	}
	return out
}

// eval is the distribution of a branch, nil when the branch is not available.
func (o *oracle) eval(s *policy.Steering, path string) map[endpoint]float64 {
	last := s.LastResort
	if s.Template != "" {
		t, _ := o.s.Templates.Get(s.Template)
		in := t.Spec.Steer
		if last != nil {
			in.LastResort = last
		}
		return o.eval(&in, path+" template")
	}
	if last == nil || o.level != 4 {
		d := o.inner(s, path)
		if len(d) == 0 && o.level > 4 && last != nil && last.Mode == "" {
			return o.eval(&last.Steering, path+" resort")
		}
		return d
	}
	outer := o.good
	defer func() { o.good = outer }()
	o.good = 0
	switch last.Mode {
	case policy.ResortNoData:
		d := o.inner(s, path) // which may hold back something itself
		o.withheld = o.withheld || len(d) > 0
		return nil
	case policy.ResortLastGood:
		var newest int64
		for name := range o.s.PoolsOf(&policy.Service{Steer: o.bare(*s)}) {
			p, _ := o.s.Pools.Get(name)
			for i := range p.Spec.Endpoints {
				e := &p.Spec.Endpoints[i]
				if since, fell := o.fell(&p.Spec, e); fell && serves(e, o.family) && !o.drained(&p.Spec, e) {
					newest = max(newest, since)
				}
			}
		}
		o.good = max(0, newest-int64(time.Minute))
	case "":
		for o.level = 1; o.level <= 4; o.level++ {
			if d := o.eval(&last.Steering, path+" resort"); len(d) > 0 {
				o.level = 4
				return d
			}
		}
		o.level = 4
	}
	return o.inner(s, path)
}

// bare is a tree, its templates put in, without what it serves as a last resort.
func (o *oracle) bare(s policy.Steering) policy.Steering {
	if s.Template != "" {
		t, _ := o.s.Templates.Get(s.Template)
		return o.bare(t.Spec.Steer)
	}
	s.LastResort = nil
	for _, list := range []*[]policy.Branch{&s.Failover, &s.Weighted, &s.Nearest, &s.Latency, &s.Geo} {
		*list = slices.Clone(*list)
		for i := range *list {
			(*list)[i].Steering = o.bare((*list)[i].Steering)
		}
	}
	if s.Default != nil {
		d := o.bare(*s.Default)
		s.Default = &d
	}
	return s
}

func (o *oracle) inner(s *policy.Steering, path string) map[endpoint]float64 {
	if s.Pool != "" {
		return o.pool(s)
	}
	kind, children := s.Kind()
	order := make([]int, len(children))
	for i := range order {
		order[i] = i
	}
	if given, ok := o.orders[path]; ok {
		order = nil
		for _, j := range given {
			order = append(order, int(j))
		}
	}
	dist := make([]map[endpoint]float64, len(children))
	available := 0
	for _, i := range order {
		if dist[i] = o.eval(&children[i].Steering, fmt.Sprintf("%s %d", path, i)); len(dist[i]) > 0 {
			available++
		}
	}
	if o.level <= 2 && available < max(1, s.MinAvailable) {
		return nil
	}
	switch kind {
	case "failover", "geo":
		var d map[endpoint]float64
		for _, i := range order {
			d = next(d, dist[i])
		}
		return d
	case "nearest", "latency":
		var d map[endpoint]float64
		seen := map[int]bool{}
		for _, i := range order {
			if len(dist[i]) == 0 || seen[i] {
				continue
			}
			equals := func(j int) bool {
				a, b := &children[i], &children[j]
				return j == i || !seen[j] && (kind == "nearest" && o.samePlace(a, b) || kind == "latency" && a.Bias == b.Bias && o.place(a) == o.place(b) &&
					o.regionsOf(a) == o.regionsOf(b) && (o.place(a) != "" || o.regionsOf(a) != "[]"))
			}
			group := map[int]bool{}
			for j := range children {
				group[j] = equals(j)
			}
			weighed := 0.0 // a reserve among them serves only when they have nothing else, and then comes after them
			for j := range children {
				if group[j] && len(dist[j]) > 0 {
					weighed += weightOf(children[j].Weight)
				}
			}
			for j := range children {
				seen[j] = seen[j] || group[j] && (weighed == 0 || weightOf(children[j].Weight) > 0)
			}
			d = next(d, o.share(children, dist, func(j int) bool { return group[j] }))
		}
		return d
	case "weighted":
		return o.share(children, dist, func(int) bool { return true })
	}
	return nil
}

func (o *oracle) share(children []policy.Branch, dist []map[endpoint]float64, in func(int) bool) map[endpoint]float64 {
	var parts []map[endpoint]float64
	var weights []float64
	for i := range children {
		if len(dist[i]) > 0 && in(i) {
			parts = append(parts, dist[i])
			weights = append(weights, weightOf(children[i].Weight))
		}
	}
	return mix(parts, weights)
}

// samePlace compares given places, and those of single pools in single regions; the generator makes no others.
func (o *oracle) samePlace(a, b *policy.Branch) bool {
	x, y := o.place(a), o.place(b)
	return x != "" && x == y && a.Bias == b.Bias
}

func (o *oracle) place(b *policy.Branch) string {
	if b.Place != nil {
		return b.Place.IATA
	}
	if b.Pool == "" {
		return ""
	}
	p, _ := o.s.Pools.Get(b.Pool)
	for i := range p.Spec.Endpoints {
		if r, ok := o.s.Regions.Get(o.region(&p.Spec, &p.Spec.Endpoints[i])); ok && r.Spec.Place != nil {
			return r.Spec.Place.IATA
		}
	}
	return ""
}

// regionsOf are the regions in a branch, as text.
func (o *oracle) regionsOf(b *policy.Branch) string {
	seen := map[string]bool{}
	for name := range o.s.PoolsOf(&policy.Service{Steer: o.bare(b.Steering)}) {
		p, _ := o.s.Pools.Get(name)
		for i := range p.Spec.Endpoints {
			if r := o.region(&p.Spec, &p.Spec.Endpoints[i]); r != "" {
				seen[r] = true
			}
		}
	}
	return fmt.Sprint(slices.Sorted(maps.Keys(seen)))
}

// needed is how many available endpoints a pool takes.
func (o *oracle) needed(p *policy.Pool) int {
	if share := p.MinAvailable.Share; share > 0 {
		return int(math.Ceil(float64(share) * float64(len(p.Endpoints)) / 100))
	}
	return max(1, p.MinAvailable.Count)
}

func (o *oracle) pool(s *policy.Steering) map[endpoint]float64 {
	obj, _ := o.s.Pools.Get(s.Pool)
	p := &obj.Spec
	if o.level <= 2 && len(o.usable(p, func(*policy.Endpoint) bool { return true })) < o.needed(p) {
		return nil
	}
	panics := o.panics(p, func(e *policy.Endpoint) bool { return serves(e, o.family) })
	var list []*policy.Endpoint
	for _, e := range o.usable(p, func(e *policy.Endpoint) bool { return serves(e, o.family) }) {
		if o.regions == nil || o.regions[o.region(p, e)] {
			list = append(list, e)
		}
	}
	weight := func(e *policy.Endpoint) float64 {
		w := weightOf(e.Weight)
		if v, ok := o.s.Verdicts.Get(p.Name + "/" + e.Name + "@" + p.Monitor); ok && o.level != 4 && o.level != 6 && !panics && o.forced(p, e) == policy.Unknown {
			w *= float64(v.Ramp) / 100
		}
		return w
	}
	keeps := 0.0 // what the member keeps that keeps most
	reserves := !slices.ContainsFunc(list, func(e *policy.Endpoint) bool { return weight(e) > 0 })
	for _, e := range list {
		keeps = max(keeps, o.shareOf(p, e))
	}
	total, d := 0.0, map[endpoint]float64{}
	for _, e := range list {
		w := weight(e)
		if reserves {
			w = 1
		}
		d[endpoint{p.Name, e.Name}] = w * o.shareOf(p, e) / keeps
		total += w * o.shareOf(p, e) / keeps
	}
	for e := range d {
		d[e] *= keeps / total
	}
	return d
}

// scaledUp divides what no one keeps among those who keep something: there is nowhere else to go.
func scaledUp(d map[endpoint]float64) map[endpoint]float64 {
	total := all(d)
	for e := range d {
		d[e] /= total
	}
	return d
}

// answer goes through the levels, best first.
func answer(w *world, svc *policy.Service, f policy.AnswerKind, orders map[string][]uint8) (map[endpoint]float64, int) {
	s := w.s
	of := map[policy.AnswerKind]bool{}
	for name := range s.PoolsOf(svc) {
		p, _ := s.Pools.Get(name)
		for i := range p.Spec.Endpoints {
			for k := range policy.AnswerKinds {
				of[k] = of[k] || serves(&p.Spec.Endpoints[i], k)
			}
		}
	}
	if !of[f] {
		return nil, 7
	}
	for level := 1; level <= 6; level++ {
		withheld := false
		run := func(f policy.AnswerKind, regions map[string]bool) map[endpoint]float64 {
			o := &oracle{s: s, domains: w.domains, svc: svc, family: f, level: level, regions: regions, orders: orders}
			d := o.eval(&svc.Steer, "")
			withheld = o.withheld
			return d
		}
		if svc.Families != "independent" && of[policy.IPv4] && of[policy.IPv6] {
			both := map[string]bool{}
			count := map[string][2]bool{}
			for name := range s.PoolsOf(svc) {
				p, _ := s.Pools.Get(name)
				for _, family := range []policy.AnswerKind{policy.IPv4, policy.IPv6} {
					o := &oracle{s: s, domains: w.domains, svc: svc, level: level, family: family}
					for _, e := range o.usable(&p.Spec, func(e *policy.Endpoint) bool { return serves(e, family) }) {
						r := o.region(&p.Spec, e)
						c := count[r]
						c[family] = true
						count[r] = c
						if both[r] = c[0] && c[1] && r != ""; !both[r] {
							delete(both, r)
						}
					}
				}
			}
			// Other types follow the addresses where they can, and never move them.
			if len(both) > 0 && len(run(policy.IPv4, both)) > 0 && len(run(policy.IPv6, both)) > 0 && len(run(f, both)) > 0 {
				return scaledUp(run(f, both)), level
			}
		}
		if d := run(f, nil); len(d) > 0 {
			return scaledUp(d), level
		}
		if withheld {
			return nil, 8
		}
	}
	return nil, 7
}

// drawWorld makes a random state with one service.
func drawWorld(t *rapid.T) (*world, *policy.Service) {
	w := newWorld()
	families := rapid.SampledFrom([][]string{{"4"}, {"6"}, {"4", "6", "46"}, {"4", "46", "46"}, {"cname", "4"}, {"46+MX", "46", "4+MX+TXT"}, {"+HTTPS", "4", "6+HTTPS"}, {"46+TXT"}, {"+MX", "+SRV"}}).Draw(t, "families")
	statuses := rapid.SampledFrom([][]string{{"up"}, {"down"}, {"unknown"}, {"up", "down", "unknown"}, {"up", "up", "down"}}).Draw(t, "statuses")
	drains := rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "drains")
	names := []string{"p", "q", "r", "s"}[:rapid.IntRange(1, 4).Draw(t, "pools")]
	for _, name := range names {
		region := rapid.SampledFrom([]string{"us", "us2", "eu", "ap", "nowhere", ""}).Draw(t, "region")
		n := rapid.IntRange(1, 4).Draw(t, "endpoints")
		var list []string
		for i := range n {
			status := rapid.SampledFrom(statuses).Draw(t, "status")
			text := fmt.Sprintf("%c %s %s", 'a'+i, status, rapid.SampledFrom(families).Draw(t, "family"))
			if w := rapid.SampledFrom([]string{"", "", "0", "1", "3"}).Draw(t, "weight"); w != "" {
				text += " w=" + w
			}
			if status == "up" {
				text += rapid.SampledFrom([]string{"", "", " ramp=10", " ramp=50"}).Draw(t, "ramp")
			}
			if status == "down" {
				text += rapid.SampledFrom([]string{"", " since=100", " since=130", " since=200"}).Draw(t, "since")
			}
			if region == "us" || region == "us2" { // at the very same place
				text += rapid.SampledFrom([]string{"", " in=us", " in=us2"}).Draw(t, "in")
			}
			text += rapid.SampledFrom([]string{"", "", " gold"}).Draw(t, "label")
			if drains > 0 {
				text += rapid.SampledFrom([]string{"", "", " drained"}).Draw(t, "drained")
			}
			list = append(list, text)
		}
		w.pool(name, region, rapid.SampledFrom([]int{0, 0, 1, 2, n}).Draw(t, "min"), list...)
		o, _ := w.s.Pools.Get(name)
		if rapid.IntRange(0, 7).Draw(t, "monitor") == 0 {
			o.Spec.Monitor = ""
		}
		o.Spec.PanicThreshold = policy.Percent(rapid.SampledFrom([]int{0, 0, 34, 50, 100}).Draw(t, "panic"))
		if share := rapid.SampledFrom([]int{0, 0, 0, 1, 34, 50, 100}).Draw(t, "share"); share > 0 {
			o.Spec.MinAvailable = policy.Amount{Share: policy.Percent(share)}
		}
		w.s.Pools.Set(name, o)
	}
	for range drains {
		w.drain(rapid.SampledFrom([]string{"region/us", "region/eu", "region/ap", "provider/cloud-us2", "pool/p", "pool/q"}).Draw(t, "target"))
	}
	drawControls(t, w)
	if id := rapid.SampledFrom([]string{"", "", "region/us", "region/eu", "provider/cloud-us2"}).Draw(t, "out"); id != "" {
		w.domains = map[string]string{id: id + " counts as down"}
	}
	for i, name := range []string{"one", "two"} {
		tree := drawSteering(t, names, []string{"one"}[:i], 2)
		w.s.Templates.Set(name, policy.Object[policy.Template]{Spec: policy.Template{Name: name, Steer: tree}})
	}
	svc := &policy.Service{Name: policy.MustName("www.example.com"), Steer: drawSteering(t, names, []string{"one", "two"}, 3)}
	svc.Families = rapid.SampledFrom([]string{"", "independent"}).Draw(t, "families option")
	return w, svc
}

// drawControls adds controls of every kind, in every phase and of every age.
func drawControls(t *rapid.T, w *world) {
	for i := range rapid.SampledFrom([]int{0, 0, 1, 2, 4}).Draw(t, "controls") {
		c := policy.Control{
			ID: fmt.Sprintf("x%d", i), CreatedAt: rapid.Int64Range(0, 2).Draw(t, "at") * 100e9,
			Target: rapid.SampledFrom([]string{"region/us", "region/eu", "provider/cloud-us2", "pool/p", "pool/q", "endpoint/p/a", "endpoint/p/b", "label/tier=gold",
				"service/www.example.com", "service/other.example.com"}).Draw(t, "target"),
			Action: rapid.SampledFrom([]policy.Action{policy.Drain, policy.ForceUp, policy.ForceDown, policy.Share, policy.Share}).Draw(t, "action"),
			Source: rapid.SampledFrom([]policy.Source{policy.ByOperator, policy.ByOperator, policy.ByDrill, policy.ByAutomation}).Draw(t, "source"),
			Phase:  rapid.SampledFrom([]policy.Phase{policy.InForce, policy.InForce, policy.InForce, policy.Planned, policy.Near, policy.Refused}).Draw(t, "phase"),
		}
		if c.Action == policy.Share {
			c.Share = rapid.SampledFrom([]int{0, 20, 50, 100}).Draw(t, "kept")
		}
		if (c.Action == policy.Share || c.Action == policy.Drain) && c.Share < 50 && rapid.Bool().Draw(t, "ramp") {
			c.Ramp = &policy.Ramp{Steps: []int{60, 50, c.Share}, Done: rapid.IntRange(0, 3).Draw(t, "done")}
			c.Phase = rapid.SampledFrom([]policy.Phase{policy.Ramping, policy.Paused, policy.Returning}).Draw(t, "moving")
			if c.Ramp.Done == 3 {
				c.Phase = policy.InForce
			}
		}
		w.s.Controls.Set(c.ID, c)
	}
}

func drawSteering(t *rapid.T, pools, templates []string, depth int) policy.Steering {
	kinds := []string{"pool", "template", "failover", "weighted", "nearest", "latency", "geo"}
	if depth == 0 {
		kinds = kinds[:2]
	}
	if len(templates) == 0 {
		kinds = slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k == "template" })
	}
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	var s policy.Steering
	switch kind {
	case "pool":
		s.Pool = rapid.SampledFrom(pools).Draw(t, "pool")
	case "template":
		s.Template = rapid.SampledFrom(templates).Draw(t, "template")
	default:
		s = drawBranches(t, kind, pools, templates, depth)
	}
	switch rapid.IntRange(0, 15).Draw(t, "lastResort") {
	case 0:
		s.LastResort = &policy.LastResort{Mode: policy.ResortLastGood}
	case 1:
		s.LastResort = &policy.LastResort{Mode: policy.ResortNoData}
	case 2:
		s.LastResort = &policy.LastResort{Mode: policy.ResortAll}
	case 3:
		s.LastResort = &policy.LastResort{Steering: drawSteering(t, pools, nil, min(depth, 1))}
	}
	return s
}

func drawBranches(t *rapid.T, kind string, pools, templates []string, depth int) policy.Steering {
	var children []policy.Branch
	for range rapid.IntRange(1, 4).Draw(t, "children") {
		b := policy.Branch{Steering: drawSteering(t, pools, templates, depth-1)}
		if kind != "failover" && kind != "geo" {
			b.Weight = rapid.SampledFrom([]*int{nil, nil, of(0), of(2), of(5)}).Draw(t, "weight")
		}
		if kind == "nearest" || kind == "latency" {
			b.Bias = rapid.SampledFrom([]int{0, 0, 0, 50}).Draw(t, "bias")
			if b.Pool == "" || rapid.IntRange(0, 3).Draw(t, "given") == 0 {
				b.Place = &policy.Place{IATA: rapid.SampledFrom([]string{"IAD", "FRA", "SIN"}).Draw(t, "place")}
			}
		}
		children = append(children, b)
	}
	s := policy.Steering{MinAvailable: rapid.SampledFrom([]int{0, 0, 1, 2, len(children)}).Draw(t, "branch min")}
	s.MinAvailable = min(s.MinAvailable, len(children))
	switch kind {
	case "failover":
		s.Failover = children
	case "weighted":
		s.Weighted = children
	case "nearest":
		s.Nearest = children
	case "latency":
		s.Latency = children
	case "geo":
		s.Geo = children
		if rapid.Bool().Draw(t, "default") {
			d := drawSteering(t, pools, templates, depth-1)
			s.Default = &d
		}
	}
	return s
}

// drawOrders makes an order for each branch that takes one: of all children, or of some for geo. They
// come in the tree's order, and by where the branches stand, as the oracle wants them.
func drawOrders(t *rapid.T, s *policy.State, svc *policy.Service) (orders [][]uint8, at map[string][]uint8) {
	at = map[string][]uint8{}
	var walk func(b *policy.Steering, path string)
	walk = func(b *policy.Steering, path string) {
		if b.Template != "" {
			tree, _ := s.Templates.Get(b.Template)
			inner := tree.Spec.Steer
			if b.LastResort != nil {
				inner.LastResort = b.LastResort
			}
			walk(&inner, path+" template")
			return
		}
		kind, children := b.Kind()
		if kind == "nearest" || kind == "latency" || kind == "geo" {
			order := make([]uint8, len(children))
			for i := range order {
				order[i] = uint8(i)
			}
			order = rapid.Permutation(order).Draw(t, "order")
			if kind == "geo" {
				order = order[:rapid.IntRange(0, len(order)).Draw(t, "matches")]
			}
			orders = append(orders, order)
			at[path] = order
		}
		for i := range children {
			walk(&children[i].Steering, fmt.Sprintf("%s %d", path, i))
		}
		if r := b.LastResort; r != nil && r.Mode == "" {
			walk(&r.Steering, path+" resort")
		}
	}
	walk(&svc.Steer, "")
	return orders, at
}

// plain says whether a tree always has an answer: nothing in it keeps some clients from some of it.
func plain(n *Node) bool {
	if n.Kind == "geo" || n.Resort != nil && n.Resort.Mode != policy.ResortAll {
		return false
	}
	return !slices.ContainsFunc(n.Children, func(c *Node) bool { return !plain(c) })
}

// TestAgainstOracle: the evaluation is what DESIGN section 4 says, and what
// REQUIREMENTS I-01 asks of any answer holds: never empty, no drained endpoint
// while an undrained one with such an answer exists, no endpoint that is down beside one that is not.
func TestAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, svc := drawWorld(t)
		tree := w.treeOf(t, svc)
		orders, at := drawOrders(t, w.s, svc)
		if len(orders) != len(tree.Ordered) {
			t.Fatalf("%d branches have an order, not %d", len(tree.Ordered), len(orders))
		}
		for f := range policy.AnswerKinds {
			want, level := answer(w, svc, f, at)
			r := tree.Evaluate(f, Class{Orders: orders}, svc.Families != "independent", nil)
			ids := map[string]float64{}
			for e, p := range want {
				ids[e.pool+"/"+e.name] = p
			}
			if got := shares(r); int(r.Tier) != level || !close2(got, ids) {
				t.Fatalf("%s: tier %d: %s\nthe oracle: tier %d: %s", f, r.Tier, text(got), level, text(ids))
			}
			checkInvariants(t, tree, f, r)
		}
	})
}

func checkInvariants(t *rapid.T, tree *Tree, f policy.AnswerKind, r Result) {
	exists, undrained := false, false
	for _, p := range tree.Pools {
		for i := range p.Members {
			exists = exists || p.Members[i].Has[f]
			undrained = undrained || p.Members[i].Has[f] && p.Members[i].Drained == ""
		}
	}
	always := plain(tree.Root)
	if exists != (len(r.Picks) > 0) && always {
		t.Fatalf("%s: %d picks, though endpoints that have it exist: %v", f, len(r.Picks), exists)
	}
	sum, live, down := 0.0, 0, 0
	seen := map[string]bool{}
	for _, p := range r.Picks {
		m := &p.Pool.Members[p.Member]
		sum += p.Probability
		if p.Probability <= 0 || seen[m.ID] || !m.Has[f] {
			t.Fatalf("%s: the pick %s of %v is there twice, impossible or of no use", f, m.ID, p.Probability)
		}
		seen[m.ID] = true
		if m.Drained != "" && undrained && always {
			t.Fatalf("%s: %s is served though drained, and not all is", f, m.ID)
		}
		if m.Status == policy.Down && !p.Pool.Spares(m, f) {
			down++
		} else {
			live++
		}
	}
	if len(r.Picks) > 0 && (sum < 1-1e-9 || sum > 1+1e-9) {
		t.Fatalf("%s: probabilities add up to %v", f, sum)
	}
	if live > 0 && down > 0 && always {
		t.Fatalf("%s: %s: what is down stands beside what is not", f, text(shares(r)))
	}
	if down > 0 && always { // then nothing of the same standing is left
		for _, p := range tree.Pools {
			for i := range p.Members {
				if m := &p.Members[i]; m.Has[f] && m.Status != policy.Down && (m.Drained == "" || !undrained) {
					t.Fatalf("%s: %s is left out for endpoints that are down", f, m.ID)
				}
			}
		}
	}
}
