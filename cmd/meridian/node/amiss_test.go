package node

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

func TestWhatIsAmissWithMembers(t *testing.T) {
	end := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	member := func(node, version, hash string) policy.MemberStatus {
		return policy.MemberStatus{
			Member: policy.Member{Node: node, Feature: 6}, Reachable: true, Applied: 42, Hash: hash, Version: version, Certificate: &policy.NodeCertificate{Expires: end},
			Clock: &policy.ClockDifference{Difference: policy.Duration(1200 * time.Microsecond), Uncertainty: policy.Duration(400 * time.Microsecond)},
		}
	}
	old := policy.MemberStatus{Member: policy.Member{Node: "ns9", Feature: 6}} // of a version that says nothing
	behind := member("ns4", "v1", "other")
	behind.Applied = 41 // which is no difference: it is another index
	if got := amiss(policy.ClusterStatus{Node: "ns1", Members: []policy.MemberStatus{member("ns1", "v1", "a"), member("ns2", "v1", "a"), behind, old}}); got != nil {
		t.Errorf("nothing is amiss: %q", got)
	}
	off, ending := member("ns2", "v1", "a"), member("ns3", "v2", "b")
	off.Clock = &policy.ClockDifference{Difference: policy.Duration(-3210 * time.Millisecond), Uncertainty: policy.Duration(40 * time.Millisecond), Off: true}
	ending.Certificate.Soon, ending.Feature = true, 7
	got := amiss(policy.ClusterStatus{Node: "ns1", Members: []policy.MemberStatus{member("ns1", "v1", "a"), off, ending}, Authority: &policy.NodeCertificate{Expires: end, Soon: true}})
	want := []string{
		"nodes hold different states at index 42: ns1, ns2 against ns3; those that are fewer are wrong: take them out, and let them join anew with an empty data directory",
		"the clock of ns2 is 3.21s behind that of ns1 (40ms either way): see that both keep time (NTP); what they tell is in the wrong order, and a node that starts with a clock that is ahead ends drains early when it comes to lead",
		"the certificate of ns3 runs out on 2026-01-02 and has not been renewed, as it is by itself when a third of the year is left; its log says why",
		"the cluster's authority runs out on 2026-01-02; no certificate is good beyond that",
		"versions are mixed: v1 on ns1, ns2; v2 on ns3; what the newest can do is used once all can",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	alone := amiss(policy.ClusterStatus{Node: "ns1", Members: []policy.MemberStatus{member("ns1", "v1", "a"), member("ns2", "v1", "b")}})
	if len(alone) != 1 || !strings.Contains(alone[0], "who is wrong cannot be told") {
		t.Errorf("one against one: %q", alone)
	}
	ending.Version, ending.Hash, ending.Certificate.Soon = "v1", "a", false
	if got := amiss(policy.ClusterStatus{Node: "ns1", Members: []policy.MemberStatus{member("ns1", "v1", "a"), ending}}); !slices.Equal(got, []string{"nodes have different feature levels (6 7); what the newest can do is used once all can"}) {
		t.Errorf("%q", got)
	}
}
