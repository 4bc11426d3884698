package node

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
)

const (
	drainEvery  = 200 * time.Millisecond
	sampleKept  = 10 * time.Minute // after sampling has ended
	maxAnswers  = 8
	sketchSlots = 100
)

// tap is the sample of queries on this node: none until somebody asks for it, and forgotten 10 minutes after its end.
// What is more of a client's address than its network never gets here.
type tap struct {
	set     func(every int)
	samples func(func(dnsserver.Sample)) uint64
	country func(netip.Addr) string
	node    string

	mu      sync.Mutex
	every   int
	until   time.Time
	sampled uint64
	dropped uint64
	items   []policy.SampledQuery // oldest first
	top     [3]sketch             // names, countries, answers
}

// turn turns sampling on or off.
func (t *tap) turn(r policy.SampleRequest, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(r.Every)
	if t.every = r.Every; r.Every == 0 {
		t.until = now
		return
	}
	t.until, t.sampled, t.dropped, t.items, t.top = now.Add(time.Duration(r.For)), 0, 0, nil, [3]sketch{}
}

// Run takes samples away until ctx ends.
func (t *tap) Run(ctx context.Context) error {
	return every(ctx, drainEvery, func() { t.step(time.Now()) })
}

func (t *tap) step(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.every == 0 {
		if len(t.items) > 0 && now.Sub(t.until) > sampleKept {
			t.items, t.top = nil, [3]sketch{}
		}
		return
	}
	t.dropped = t.samples(func(s dnsserver.Sample) {
		if q, ok := readSample(s, t.country); ok {
			q.Node = t.node
			t.take(q)
		}
	})
	if !now.Before(t.until) {
		t.every = 0
		t.set(0)
	}
}

func (t *tap) take(q policy.SampledQuery) {
	t.sampled++
	if t.items = append(t.items, q); len(t.items) >= 2*policy.MaxSampled {
		t.items = append(t.items[:0:0], t.items[policy.MaxSampled:]...)
	}
	t.top[0].add(q.Name)
	if q.Country != "" {
		t.top[1].add(q.Country)
	}
	if len(q.Answers) > 0 {
		t.top[2].add(strings.Join(q.Answers, ", "))
	}
}

// readSample makes a sample readable. What is no query is left out.
func readSample(s dnsserver.Sample, country func(netip.Addr) string) (q policy.SampledQuery, ok bool) {
	var asked, told dns.Msg
	if asked.Unpack(s.Query) != nil || len(asked.Question) != 1 {
		return q, false
	}
	_ = told.Unpack(s.Response) // of one that was cut off there is at least the beginning
	client := s.Client
	subnet := func(m *dns.Msg) *dns.EDNS0_SUBNET {
		if o := m.IsEdns0(); o != nil {
			for _, e := range o.Option {
				if e, ok := e.(*dns.EDNS0_SUBNET); ok {
					return e
				}
			}
		}
		return nil
	}
	if e := subnet(&asked); e != nil && e.SourceNetmask > 0 {
		if a, ok := netip.AddrFromSlice(e.Address); ok {
			client = a.Unmap()
		}
	}
	name := asked.Question[0]
	q = policy.SampledQuery{
		At: s.At, Name: strings.ToLower(strings.TrimSuffix(name.Name, ".")), Type: dns.Type(name.Qtype).String(), Client: policy.SampledClient(client),
		Country: country(client), Rcode: dns.RcodeToString[told.Rcode], Answers: []string{},
	}
	q.Name = cmp.Or(q.Name, ".")
	if e := subnet(&told); e != nil {
		q.Scope = int(e.SourceScope)
	}
	for _, rr := range told.Answer[:min(len(told.Answer), maxAnswers)] {
		q.Answers = append(q.Answers, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return q, true
}

// tell is what there is, with times as ages.
func (t *tap) tell(limit int, now time.Time) policy.QuerySample {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := policy.QuerySample{Every: t.every, Sampled: t.sampled, Dropped: t.dropped, Items: []policy.SampledQuery{}}
	if t.every > 0 {
		out.ToGo = policy.Duration(t.until.Sub(now))
	}
	last := t.items[max(0, len(t.items)-min(limit, policy.MaxSampled)):]
	out.Items = append(out.Items, last...)
	slices.Reverse(out.Items)
	if len(out.Items) > 0 {
		out.Ago = policy.Duration(now.Sub(out.Items[0].At))
	}
	out.Names, out.Countries, out.Answers = t.top[0].list(), t.top[1].list(), t.top[2].list()
	return out
}

// sketch counts what there is most of in 100 places (Metwally, Agrawal and El Abbadi 2005: Space-Saving).
type sketch struct{ of map[string]*policy.Tally }

func (s *sketch) add(key string) {
	if s.of == nil {
		s.of = make(map[string]*policy.Tally, sketchSlots)
	}
	c := s.of[key]
	if c == nil {
		c = &policy.Tally{Key: key}
		if len(s.of) >= sketchSlots {
			least := (*policy.Tally)(nil)
			for _, x := range s.of {
				if least == nil || x.Count < least.Count || x.Count == least.Count && x.Key < least.Key {
					least = x
				}
			}
			delete(s.of, least.Key)
			c.Count, c.Over = least.Count, least.Count
		}
		s.of[key] = c
	}
	c.Count++
}

func (s *sketch) list() []policy.Tally {
	list := make([]policy.Tally, 0, len(s.of))
	for _, c := range s.of {
		list = append(list, *c)
	}
	return topOf(list)
}

func topOf(list []policy.Tally) []policy.Tally {
	slices.SortFunc(list, func(a, b policy.Tally) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Key, b.Key))
	})
	return list
}

// queriesRequest asks a node for its sample.
type queriesRequest struct {
	Limit int `json:"limit"`
}

// Sample turns sampling on every node on or off, for a second at most, and says what is sampled then.
func (n *Node) Sample(ctx context.Context, r policy.SampleRequest) policy.QuerySample {
	n.log.Info("sampling of queries is turned", "oneOf", r.Every, "for", time.Duration(r.For))
	return n.askQueries(ctx, "sample", r, func() policy.QuerySample { return n.sampleHere(r) }, 0)
}

// Queries is what was sampled of late on every node, the newest first. Each is asked for a second at most.
func (n *Node) Queries(ctx context.Context, limit int) policy.QuerySample {
	return n.askQueries(ctx, "queries", queriesRequest{limit}, func() policy.QuerySample { return n.tap.tell(limit, time.Now()) }, limit)
}

func (n *Node) sampleHere(r policy.SampleRequest) policy.QuerySample {
	n.tap.turn(r, time.Now())
	return n.tap.tell(0, time.Now())
}

func (n *Node) askQueries(ctx context.Context, call string, ask any, here func() policy.QuerySample, limit int) policy.QuerySample {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	members := nodesOf(n.State(), "")
	told, failed, got := make([]policy.QuerySample, len(members)), make([]bool, len(members)), make([]time.Time, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			if m.ID == n.id() {
				told[i] = here()
			} else {
				failed[i] = n.call(ctx, m.Cluster, call, ask, &told[i]) != nil
			}
			got[i] = time.Now()
		})
	}
	all.Wait()
	out := policy.QuerySample{Items: []policy.SampledQuery{}, Missing: []string{}}
	for i, m := range members {
		if failed[i] {
			out.Missing = append(out.Missing, m.Node)
			continue
		}
		joinQueries(&out, told[i], got[i])
	}
	slices.SortStableFunc(out.Items, func(a, b policy.SampledQuery) int { return b.At.Compare(a.At) })
	out.Items = out.Items[:min(len(out.Items), limit)]
	for _, list := range []*[]policy.Tally{&out.Names, &out.Countries, &out.Answers} {
		*list = topOf(*list)
		*list = append([]policy.Tally{}, (*list)[:min(len(*list), policy.MaxTop)]...)
	}
	return out
}

// joinQueries adds what a node has told, with its times put by this node's clock.
func joinQueries(out *policy.QuerySample, told policy.QuerySample, now time.Time) {
	out.Sampled, out.Dropped = out.Sampled+told.Sampled, out.Dropped+told.Dropped
	if told.Every > 0 {
		out.Every = told.Every
		out.Until = later(out.Until, now.Add(time.Duration(told.ToGo)).Round(0).UTC())
	}
	for i := range told.Items {
		q := told.Items[i]
		q.At = now.Add(-time.Duration(told.Ago)).Add(q.At.Sub(told.Items[0].At)).Round(0).UTC()
		out.Items = append(out.Items, q)
	}
	for _, pair := range []struct {
		to   *[]policy.Tally
		from []policy.Tally
	}{{&out.Names, told.Names}, {&out.Countries, told.Countries}, {&out.Answers, told.Answers}} {
		for _, t := range pair.from {
			if i := slices.IndexFunc(*pair.to, func(x policy.Tally) bool { return x.Key == t.Key }); i >= 0 {
				(*pair.to)[i].Count += t.Count
				(*pair.to)[i].Over += t.Over
			} else {
				*pair.to = append(*pair.to, t)
			}
		}
	}
}

func (n *Node) answerQueries() {
	n.port.Handle("sample", func(_ context.Context, _ string, body []byte) ([]byte, error) {
		var r policy.SampleRequest
		if err := json.Unmarshal(body, &r); err != nil || r.Every < 0 || r.For > policy.MaxSampling {
			return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
		}
		return json.Marshal(n.sampleHere(r))
	})
	n.port.Handle("queries", func(_ context.Context, _ string, body []byte) ([]byte, error) {
		var r queriesRequest
		if err := json.Unmarshal(body, &r); err != nil || r.Limit < 0 {
			return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
		}
		return json.Marshal(n.tap.tell(r.Limit, time.Now()))
	})
}

// countryOf is where this node takes an address to be.
func (n *Node) countryOf(a netip.Addr) string {
	if snap := n.publisher.snapshot(); snap != nil {
		return snap.Where(a).Country
	}
	return ""
}
