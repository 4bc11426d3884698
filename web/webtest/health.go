package webtest

import (
	"context"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// Certificates are those of endpoints whose monitor asks for one, in the order of checks.
func (n *Node) Certificates() []policy.SeenCertificate {
	var list []policy.SeenCertificate
	for i, c := range n.State().Checks() {
		list = append(list, policy.SeenCertificate{Check: c.ID, Endpoint: c.Endpoint, Monitor: c.Monitor.Name, Expires: time.Unix(1800000000-int64(i), 0).UTC(), Seen: time.Unix(1700000000, 0).UTC()})
	}
	return list
}

// Health is the verdicts of the state, with one report that agrees.
func (n *Node) Health(take func(*policy.EndpointHealth) bool) []policy.EndpointHealth {
	s := n.State()
	checks := s.Checks()
	var list []policy.EndpointHealth
	for _, o := range s.Pools.All {
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			v := s.Health(&o.Spec, e, nil)
			h := policy.EndpointHealth{
				Endpoint: policy.EndpointID(o.Spec.Name, e.Name), Pool: o.Spec.Name, Region: e.RegionOr(&o.Spec),
				Measured: v.Status, Effective: v.Status.String(), Checks: []policy.CheckHealth{},
			}
			for i := range checks {
				if checks[i].Endpoint == h.Endpoint {
					c := s.HealthOf(&checks[i], s.Clock)
					if checks[i].Monitor.Signal != nil {
						h.Checks = append(h.Checks, c)
						continue
					}
					c.Reports = append(c.Reports, policy.HealthVoice{Vantage: "ns1", Status: v.Status, Fresh: true, Latency: policy.Duration(12 * time.Millisecond), Age: policy.Duration(time.Second)})
					h.Checks = append(h.Checks, c)
				}
			}
			f := s.Forces("").On(&o.Spec, e)
			switch h.Controls = f.IDs(); {
			case f.Drained != "":
				h.Effective = "drained"
			case f.Up != "":
				h.Effective = policy.Up.String()
			case f.Down != "":
				h.Effective = policy.Down.String()
			}
			if h.Judge(); take(&h) {
				list = append(list, h)
			}
		}
	}
	return list
}

// seen is a probe that took 12 ms.
func seen(down bool) policy.Evidence {
	const ms = policy.Duration(time.Millisecond)
	e := policy.Evidence{At: Start, OK: true, Took: 12 * ms, Phases: policy.Phases{Connect: 4 * ms, FirstByte: 7 * ms}, Address: "192.0.2.11:8080"}
	if down {
		e = policy.Evidence{At: Start, Cause: policy.CauseRefused, Error: "connection refused", Took: 12 * ms}
	}
	return e
}

// Evidence adds one sample of ns1 and the edge that made the verdict; ns2 cannot be asked, ns3 has seen nothing.
func (n *Node) Evidence(_ context.Context, id string) (policy.EndpointHealth, error) {
	named := func(h *policy.EndpointHealth) bool {
		return h.Endpoint == "endpoint/"+strings.TrimPrefix(id, "endpoint/")
	}
	for _, h := range n.Health(named) {
		for i := range h.Checks {
			c := &h.Checks[i]
			if h.Measured != policy.Unknown {
				c.History = []policy.VerdictEdge{{Edge: policy.Edge{Verdict: c.Verdict}, Circuit: c.Circuit, Index: 9, At: Start}}
			}
			if len(c.Reports) > 0 && strings.HasPrefix(c.Reports[0].Vantage, policy.SignalVoice) {
				continue
			}
			c.Samples = []policy.VantageEvidence{
				{Vantage: "ns1", Samples: []policy.Evidence{seen(h.Measured == policy.Down)}},
				{Vantage: "ns2", Error: "cannot be asked: no answer", Samples: []policy.Evidence{}},
				{Vantage: "ns3", Samples: []policy.Evidence{}},
			}
		}
		return h, nil
	}
	return policy.EndpointHealth{}, policy.Errorf(policy.NotFound, "there is no endpoint %q; write POOL/ENDPOINT, as meridian get health lists them", id)
}

// Probe finds what Evidence says the last sample found.
func (n *Node) Probe(ctx context.Context, id, vantage, monitor string) (policy.ProbeResult, error) {
	h, err := n.Evidence(ctx, id)
	switch {
	case err != nil:
		return policy.ProbeResult{}, err
	case len(h.Checks) == 0:
		return policy.ProbeResult{}, policy.Errorf(policy.Conflict, "no monitor checks %s; give its pool a monitor", h.Endpoint)
	case monitor != "" && monitor != h.Checks[0].Monitor:
		return policy.ProbeResult{}, policy.Errorf(policy.Invalid, "monitor %q does not check %s", monitor, h.Endpoint)
	case vantage != "" && vantage != "ns1":
		return policy.ProbeResult{}, policy.Errorf(policy.Invalid, "there is no vantage %q; there are ns1, ns2, ns3", vantage)
	}
	return policy.ProbeResult{
		Endpoint: h.Endpoint, Check: h.Checks[0].Check, Monitor: h.Checks[0].Monitor, Kind: "http", Vantage: "ns1", Evidence: h.Checks[0].Samples[0].Samples[0],
	}, nil
}

// Stats is that of a node that has answered 50 queries a second, and nothing else, for 10 seconds.
func (n *Node) Stats(context.Context) policy.Stats {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := policy.Stats{Nodes: []policy.NodeStats{}, Missing: []string{}, Index: n.state.Index, Services: policy.ServiceCount{Items: []policy.ServiceShort{}}}
	for _, m := range n.state.Members.All {
		if n.unreachable[m.Node] {
			out.Missing = append(out.Missing, m.Node)
			continue
		}
		s := policy.NodeStats{Node: m.Node, ID: m.ID, Uptime: policy.Duration(10 * time.Second), Queries: 50, ByTransport: policy.TransportRates{UDP: 50}, Answers: policy.AnswerRates{NoError: 50}, Age: policy.Duration(time.Second)}
		for i := range 2 {
			s.History = append(s.History, policy.TrafficInterval{Until: Start.Add(time.Duration(i) * 5 * time.Second), Queries: 50})
		}
		out.Queries += s.Queries
		out.Nodes = append(out.Nodes, s)
	}
	if snap, err := snapshot.Compile(nil, n.state, snapshot.Local{}); err == nil {
		out.Endpoints, out.Services = snap.Count()
	}
	return out
}

// History is a minute of each of an endpoint's checks, of which the last step was down, as ns1 saw it.
func (n *Node) History(ctx context.Context, q policy.HistoryQuery) (policy.EndpointHistory, error) {
	e, err := n.Evidence(ctx, q.Endpoint)
	h := policy.EndpointHistory{Endpoint: e.Endpoint, From: q.From, To: q.To, Step: max(q.Step, policy.HistoryFinest), Checks: []policy.CheckHistory{}, Missing: []string{}}
	for _, c := range e.Checks {
		past := policy.CheckHistory{Check: c.Check, Monitor: c.Monitor, Changes: []policy.VerdictEdge{}}
		v := policy.VantageHistory{Vantage: "ns1"}
		for i := range 6 {
			at := q.To.Add(time.Duration(i-6) * time.Duration(h.Step))
			down := float64(i / 5)
			past.Timeline = append(past.Timeline, policy.TimelinePoint{At: at, Status: policy.Up + policy.Status(i/5), Down: down})
			v.Points = append(v.Points, policy.VantagePoint{At: at, Latency: policy.Duration(20 * time.Millisecond), Max: policy.Duration(30 * time.Millisecond), Loss: down})
		}
		past.Vantages = []policy.VantageHistory{v}
		past.Changes = append(past.Changes, c.History...)
		h.Checks = append(h.Checks, past)
	}
	return h, err
}
