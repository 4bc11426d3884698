package node

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/probes"
)

// evidenceWithin is how long another node has to say what it saw.
const evidenceWithin = time.Second

// Health lists the endpoints that take wants, in order of pools, as this node knows them. take sees all but the reports. It asks nobody.
func (n *Node) Health(take func(*policy.EndpointHealth) bool) []policy.EndpointHealth {
	v := n.view()
	var list []policy.EndpointHealth
	for _, o := range v.state.Pools.All {
		for i := range o.Spec.Endpoints {
			if h := v.of(&o.Spec, &o.Spec.Endpoints[i]); take(&h) {
				v.report(&h)
				list = append(list, h)
			}
		}
	}
	return list
}

// Certificates are those that endpoints showed to this node's own probes.
func (n *Node) Certificates() []policy.SeenCertificate { return n.prober.Certificates() }

// view is what the health of endpoints is read from, at one time.
type view struct {
	state  *policy.State
	snap   *snapshot.Snapshot // may be nil
	forces policy.Forces
	checks *checkList
	now    int64
	voices func() []health.Heard // none are asked for where no endpoint is taken
}

func (n *Node) view() *view {
	s := n.State()
	checks := n.checks.of(s)
	_, local := n.publisher.given()
	return &view{
		state: s, snap: n.publisher.snapshot(), forces: s.WithControls(local.Controls).Forces(""), checks: checks, now: max(s.Clock, time.Now().UnixNano()),
		voices: sync.OnceValue(func() []health.Heard { return n.hearing.all(s, checks) }),
	}
}

// of is an endpoint's health without the reports of vantages.
func (v *view) of(pool *policy.Pool, e *policy.Endpoint) policy.EndpointHealth {
	is := v.state.Health(pool, e, nil)
	h := policy.EndpointHealth{
		Endpoint: policy.EndpointID(pool.Name, e.Name), Pool: pool.Name, Region: e.RegionOr(pool),
		Measured: is.Status, Effective: is.Status.String(), Checks: []policy.CheckHealth{},
	}
	if is.Since != 0 {
		h.Since = time.Unix(0, is.Since)
	}
	for _, at := range v.checks.of[h.Endpoint] {
		h.Checks = append(h.Checks, v.state.HealthOf(&v.checks.checks[at], v.now))
	}
	if v.snap != nil {
		if status, why, ok := v.snap.Effective(pool.Name, e.Name); ok {
			h.Effective, h.Why = status.String(), why
		}
	}
	f := v.forces.On(pool, e)
	if h.Controls = f.IDs(); f.Drained != "" {
		h.Effective = "drained"
	}
	h.Judge()
	return h
}

// report adds what vantages say.
func (v *view) report(h *policy.EndpointHealth) {
	for i, at := range v.checks.of[h.Endpoint] {
		h.Checks[i].Reports = append(h.Checks[i].Reports, voicesOn(v.voices(), at)...)
	}
}

// voicesOn lists what vantages hold of the check at a place in the list of checks.
func voicesOn(voices []health.Heard, check int) []policy.HealthVoice {
	var list []policy.HealthVoice
	for _, v := range voices {
		o := &v.Opinions[check]
		if *o == (policy.Opinion{}) {
			continue
		}
		list = append(list, policy.HealthVoice{
			Vantage: v.Node, Status: o.Status, Fresh: v.Age <= health.DefaultFreshFor, Abstaining: v.Abstaining, Against: o.Against,
			Cause: o.Cause, Error: o.Cause.Text(o.Detail), Latency: o.Took(), Age: v.Age,
		})
	}
	slices.SortFunc(list, func(a, b policy.HealthVoice) int { return strings.Compare(a.Vantage, b.Vantage) })
	return list
}

// endpoint finds an endpoint by its id, "endpoint/POOL/NAME" or without the prefix.
func endpoint(s *policy.State, id string) (*policy.Pool, *policy.Endpoint, error) {
	pool, name, _ := strings.Cut(strings.TrimPrefix(id, "endpoint/"), "/")
	if o, ok := s.Pools.Get(pool); ok {
		for i := range o.Spec.Endpoints {
			if o.Spec.Endpoints[i].Name == name {
				return &o.Spec, &o.Spec.Endpoints[i], nil
			}
		}
	}
	return nil, nil, policy.Errorf(policy.NotFound, "there is no endpoint %q; write POOL/ENDPOINT, as meridian get health lists them", id)
}

// Evidence is all there is to know of one endpoint's health: what Health says,
// the samples of every vantage that answers within a second, and the last edges
// of the verdicts that this node has seen.
func (n *Node) Evidence(ctx context.Context, id string) (policy.EndpointHealth, error) {
	v := n.view()
	pool, e, err := endpoint(v.state, id)
	if err != nil {
		return policy.EndpointHealth{}, err
	}
	h := v.of(pool, e)
	v.report(&h)
	var ask evidenceRequest
	for _, at := range v.checks.of[h.Endpoint] {
		if c := &v.checks.checks[at]; c.Monitor.Signal == nil { // else nobody takes samples
			ask.Checks = append(ask.Checks, c.ID)
		}
	}
	var answers []gathered
	if len(ask.Checks) > 0 {
		answers = n.gather(ctx, v.state, ask)
	}
	for i := range h.Checks {
		c := &h.Checks[i]
		c.History = n.events.edgesOf(c.Check)
		if !slices.Contains(ask.Checks, c.Check) {
			continue
		}
		for _, a := range answers {
			seen := policy.VantageEvidence{Vantage: a.vantage, Error: a.err, Samples: a.samples[c.Check]}
			if seen.Samples == nil {
				seen.Samples = []policy.Evidence{}
			}
			c.Samples = append(c.Samples, seen)
		}
	}
	return h, nil
}

// evidenceRequest asks a vantage what it saw of checks; evidenceAnswer says it, by check.
type evidenceRequest struct {
	Checks []string `json:"checks"`
}
type evidenceAnswer map[string][]policy.Evidence

type gathered struct {
	vantage, err string
	samples      evidenceAnswer
}

// gather asks all members at once, this node among them, and lists their answers in order of labels.
func (n *Node) gather(ctx context.Context, s *policy.State, ask evidenceRequest) []gathered {
	ctx, cancel := context.WithTimeout(ctx, evidenceWithin)
	defer cancel()
	var members []policy.Member
	for _, m := range s.Members.All {
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b policy.Member) int {
		return cmp.Or(strings.Compare(a.Node, b.Node), strings.Compare(a.ID, b.ID))
	})
	list := make([]gathered, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			list[i].vantage = m.Node
			if m.ID == n.id() {
				list[i].samples = evidence(n.prober, ask)
			} else if err := n.call(ctx, m.Cluster, "evidence", ask, &list[i].samples); err != nil {
				list[i].err = unreachable(err)
			}
		})
	}
	all.Wait()
	return list
}

// unreachable says in short why a vantage gave no answer.
func unreachable(err error) string { return health.Clip("cannot be asked: " + err.Error()) }

// evidence is what a prober saw of checks.
func evidence(p *probes.Prober, ask evidenceRequest) evidenceAnswer {
	answer := evidenceAnswer{}
	for _, check := range ask.Checks {
		answer[check] = p.Evidence(check)
	}
	return answer
}

func askedEvidence(p *probes.Prober, body []byte) ([]byte, error) {
	var ask evidenceRequest
	if err := json.Unmarshal(body, &ask); err != nil {
		return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
	}
	return json.Marshal(evidence(p, ask))
}
