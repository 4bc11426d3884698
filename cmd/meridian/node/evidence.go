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
	"github.com/meridian-gtm/meridian/probes"
)

// evidenceWithin is how long another node has to say what it saw.
const evidenceWithin = time.Second

// Health is every endpoint's health as this node knows it, in order of pools. It asks nobody.
func (n *Node) Health() []policy.EndpointHealth {
	s := n.State()
	checks := n.checks.of(s)
	voices := n.hearing.all(s, checks)
	var list []policy.EndpointHealth
	for _, o := range s.Pools.All {
		for i := range o.Spec.Endpoints {
			list = append(list, n.healthOf(s, &o.Spec, &o.Spec.Endpoints[i], checks, voices))
		}
	}
	return list
}

func (n *Node) healthOf(s *policy.State, pool *policy.Pool, e *policy.Endpoint, checks *checkList, voices []health.Heard) policy.EndpointHealth {
	v := s.Health(pool, e, nil)
	h := policy.EndpointHealth{
		Endpoint: policy.EndpointID(pool.Name, e.Name), Pool: pool.Name, Region: e.RegionOr(pool),
		Measured: v.Status, Effective: v.Status.String(), Checks: []policy.CheckHealth{},
	}
	if v.Since != 0 {
		h.Since = time.Unix(0, v.Since)
	}
	for _, at := range checks.of[h.Endpoint] {
		c := s.HealthOf(&checks.checks[at], max(s.Clock, time.Now().UnixNano()))
		c.Reports = append(c.Reports, voicesOn(voices, at)...)
		h.Checks = append(h.Checks, c)
	}
	if snap := n.publisher.snapshot(); snap != nil {
		if status, why, ok := snap.Effective(pool.Name, e.Name); ok {
			h.Effective, h.Why = status.String(), why
		}
	}
	_, local := n.publisher.given()
	f := s.WithControls(local.Controls).Forces("").On(pool, e)
	if h.Controls = f.IDs(); f.Drained != "" {
		h.Effective = "drained"
	}
	return h
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
	s := n.State()
	pool, e, err := endpoint(s, id)
	if err != nil {
		return policy.EndpointHealth{}, err
	}
	checks := n.checks.of(s)
	h := n.healthOf(s, pool, e, checks, n.hearing.all(s, checks))
	var ask evidenceRequest
	for _, at := range checks.of[h.Endpoint] {
		if c := &checks.checks[at]; c.Monitor.Signal == nil { // else nobody takes samples
			ask.Checks = append(ask.Checks, c.ID)
		}
	}
	var answers []gathered
	if len(ask.Checks) > 0 {
		answers = n.gather(ctx, s, ask)
	}
	for i := range h.Checks {
		c := &h.Checks[i]
		c.History = n.events.edgesOf(c.Check)
		if !slices.Contains(ask.Checks, c.Check) {
			continue
		}
		for _, a := range answers {
			v := policy.VantageEvidence{Vantage: a.vantage, Error: a.err, Samples: a.samples[c.Check]}
			if v.Samples == nil {
				v.Samples = []policy.Evidence{}
			}
			c.Samples = append(c.Samples, v)
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
