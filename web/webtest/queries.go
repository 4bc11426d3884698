package webtest

import (
	"context"
	"net/netip"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Sample notes what is sampled.
func (n *Node) Sample(ctx context.Context, r policy.SampleRequest) policy.QuerySample {
	n.mu.Lock()
	n.sampling = r
	n.mu.Unlock()
	return n.Queries(ctx, 0)
}

// Queries has, while sampling is on, one query more with each call, and three at the most in its list.
func (n *Node) Queries(_ context.Context, limit int) policy.QuerySample {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := policy.QuerySample{Every: n.sampling.Every, Items: []policy.SampledQuery{}, Names: []policy.Tally{}, Countries: []policy.Tally{}, Answers: []policy.Tally{}, Missing: []string{}}
	if out.Every == 0 {
		return out
	}
	n.sampled++
	out.Sampled, out.Until = n.sampled, Start.Add(time.Duration(n.sampling.For))
	for range min(limit, 3) {
		out.Items = append(out.Items, policy.SampledQuery{
			At: Start, Node: "ns1", Name: "www.example.com", Type: "A", Client: policy.SampledClient(netip.MustParseAddr("91.10.3.77")), Country: "DE", Answers: []string{"198.51.100.1"}, Rcode: "NOERROR", Scope: 16,
		})
	}
	out.Names = append(out.Names, policy.Tally{Key: "www.example.com", Count: n.sampled})
	return out
}

// Delegation is that of a zone whose parent names one server too few.
func (n *Node) Delegation(_ context.Context, zone policy.Name, resolver netip.Addr) (policy.Delegation, error) {
	if !n.State().Zones.Has(zone.Key()) {
		return policy.Delegation{}, policy.Errorf(policy.NotFound, "there is no zone %q", zone)
	}
	return policy.Delegation{
		Zone: zone.String(), Parent: "com", State: policy.DelegationWrong, Wanted: []string{"ns1.example.com", "ns2.example.com"},
		Parents:  []policy.ParentServer{{Name: "a.gtld-servers.net", NS: []string{"ns1.example.com"}, Glue: map[string][]string{"ns1.example.com": {"192.0.2.1"}}, DS: []string{}}},
		Servers:  []policy.DelegatedServer{{Name: "ns1.example.com", Addresses: []string{"192.0.2.1"}, Answers: true, Serial: 1}},
		Warnings: []string{"a.gtld-servers.net lacks ns2.example.com"},
	}, nil
}
