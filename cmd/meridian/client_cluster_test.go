package main

import (
	"slices"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web/api"
)

func TestWhatIsAmissWithMembers(t *testing.T) {
	end := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	member := func(node, version string) api.MemberStatus {
		return api.MemberStatus{Node: node, Version: version, Certificate: &api.NodeCertificate{Expires: end}, Clock: &api.ClockDifference{Difference: "1.2ms", Uncertainty: "400µs"}}
	}
	old := api.MemberStatus{Node: "ns9"} // of a version that says nothing
	if got := membersAmiss(api.ClusterStatus{Node: "ns1", Members: []api.MemberStatus{member("ns1", "v1"), member("ns2", "v1"), old}}); got != nil {
		t.Errorf("nothing is amiss: %q", got)
	}
	off, ending := member("ns2", "v1"), member("ns3", "v2")
	off.Clock = &api.ClockDifference{Difference: "-3.21s", Uncertainty: "40ms", Off: true}
	ending.Certificate.Soon = true
	got := membersAmiss(api.ClusterStatus{Node: "ns1", Members: []api.MemberStatus{member("ns1", "v1"), off, ending}, Authority: &api.NodeCertificate{Expires: end, Soon: true}})
	want := []string{
		"the clock of ns2 is -3.21s off that of ns1 (40ms either way): see that both keep time (NTP)",
		"the certificate of ns3 runs out on 2026-01-02 03:04:05Z and has not been renewed; its log says why",
		"versions are mixed: v1 on ns1, ns2; v2 on ns3",
		"the cluster's authority runs out on 2026-01-02 03:04:05Z; no certificate is good beyond that",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
