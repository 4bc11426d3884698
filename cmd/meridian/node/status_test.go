package node

import (
	"log/slog"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

func TestClockDifference(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		took, at    time.Duration // at is what the other clock said, after the call began
		ahead, open time.Duration
		off         bool
	}{
		"the same clock, read in the middle": {took: 80 * time.Millisecond, at: 40 * time.Millisecond, open: 40 * time.Millisecond},
		"behind":                             {took: 80 * time.Millisecond, at: -2 * time.Second, ahead: -2040 * time.Millisecond, open: 40 * time.Millisecond, off: true},
		"ahead, and it may be the line":      {took: time.Second, at: 1400 * time.Millisecond, ahead: 900 * time.Millisecond, open: 500 * time.Millisecond},
		"ahead, whatever the line":           {took: time.Second, at: 1501 * time.Millisecond, ahead: 1001 * time.Millisecond, open: 500 * time.Millisecond, off: true},
	} {
		want := policy.ClockDifference{Difference: policy.Duration(c.ahead), Uncertainty: policy.Duration(c.open), Off: c.off}
		if got := clockDifference(began, c.took, began.Add(c.at)); *got != want {
			t.Errorf("%s: %+v, want %+v", name, *got, want)
		}
	}
}

func TestCertificatesThatEndSoon(t *testing.T) {
	authority, err := peer.NewAuthority("abc")
	if err != nil {
		t.Fatal(err)
	}
	c := policy.Cluster{CA: authority.Certificate}
	if a := authorityOf(c, time.Now()); a == nil || a.Soon {
		t.Errorf("a new authority: %+v", a)
	}
	if a := authorityOf(c, time.Now().Add(peer.AuthorityLifetime-peer.NodeLifetime+time.Hour)); a == nil || !a.Soon {
		t.Errorf("an authority with less than a year: %+v", a)
	}
	if a := authorityOf(policy.Cluster{}, time.Now()); a != nil {
		t.Errorf("no authority: %+v", a)
	}
	key, csr, err := newRequest("n1")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := authority.Issue(csr, "n1")
	if err != nil {
		t.Fatal(err)
	}
	id, err := peer.NewIdentity("n1", "abc", authority.Certificate, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	for before, soon := range map[time.Duration]bool{renewAt: false, certificateSoon + time.Hour: false, certificateSoon - time.Hour: true} {
		if got := certificateOf(id, id.Expires().Add(-before)); got.Soon != soon || !got.Expires.Equal(id.Expires()) {
			t.Errorf("%v before its end: %+v", before, got)
		}
	}
}

// A member says what it runs, and by which clock; the node that asks sees how far that is ahead of its own.
func TestMembersTellVersionAndClock(t *testing.T) {
	first := nodeConfig(t, "ns1")
	n1, _ := runs(t, first)
	second := nodeConfig(t, "ns2", first.Cluster.Listen)
	if err := second.Complete(); err != nil {
		t.Fatal(err)
	}
	n2, err := New(second, Options{Token: testToken, Version: "v9", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	n2.wall = func() time.Time { return time.Now().Add(-time.Hour) }
	background(t, n2)
	var c policy.ClusterStatus
	eventually(t, "ns1 reaches ns2", func() bool {
		c = n1.Cluster(t.Context())
		return len(c.Members) == 2 && c.Members[0].Reachable && c.Members[1].Reachable
	})
	for _, m := range c.Members {
		if m.Certificate == nil || m.Certificate.Soon || time.Until(m.Certificate.Expires) < renewAt {
			t.Errorf("%s has the certificate %+v", m.Node, m.Certificate)
		}
		if m.Node == "ns1" && (m.Clock != nil || m.Version != "") {
			t.Errorf("ns1 of itself: %+v, version %q", m.Clock, m.Version)
		}
		if m.Node == "ns2" && (m.Version != "v9" || m.Clock == nil || !m.Clock.Off || (time.Duration(m.Clock.Difference)+time.Hour).Abs() > time.Duration(m.Clock.Uncertainty)) {
			t.Errorf("ns2, an hour behind, of v9: %+v, version %q", m.Clock, m.Version)
		}
	}
	if c.Authority == nil || c.Authority.Soon {
		t.Errorf("the authority of a new cluster: %+v", c.Authority)
	}
}
