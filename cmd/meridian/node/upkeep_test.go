package node

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

const testToken = "upkeep-token-0123456789"

// runs starts a node with a configuration, and gives it with what stops it.
func runs(t *testing.T, cfg Config) (*Node, func()) {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	n, err := New(cfg, Options{Token: testToken, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return n, background(t, n)
}

// background runs a node or an agent until stop is called, or the test ends.
func background(t *testing.T, n interface{ Run(context.Context) error }) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func nodeConfig(t *testing.T, name string, join ...string) Config {
	return Config{
		Node: name, DataDir: t.TempDir(), DNS: DNS{Listen: []string{free(t)}}, API: API{Listen: free(t)},
		Cluster: Cluster{Listen: free(t), Bootstrap: len(join) == 0, Join: join},
	}
}

// memberOf is what a node's state says of the member with a label.
func memberOf(n *Node, label string) (policy.Member, bool) {
	for _, m := range n.State().Members.All {
		if m.Node == label {
			return m, true
		}
	}
	return policy.Member{}, false
}

// TestAMemberMovesRenewsAndComesBack goes through what happens to a node in a
// life: its addresses change, its certificate grows old, its Raft directory is lost.
func TestAMemberMovesRenewsAndComesBack(t *testing.T) {
	first := nodeConfig(t, "ns1")
	n1, _ := runs(t, first)
	second := nodeConfig(t, "ns2", first.Cluster.Listen)
	_, stop := runs(t, second)
	runs(t, nodeConfig(t, "ns3", first.Cluster.Listen)) // with two nodes there is no majority while one moves
	eventually(t, "all vote", func() bool {
		m2, ok2 := memberOf(n1, "ns2")
		m3, ok3 := memberOf(n1, "ns3")
		return ok2 && ok3 && m2.Voter && m3.Voter
	})
	old, _ := memberOf(n1, "ns2")

	stop()
	second.DNS.Listen, second.Cluster.Listen, second.Cluster.Advertise = []string{free(t)}, free(t), ""
	n2, stop := runs(t, second)
	eventually(t, "the cluster knows where ns2 is now", func() bool {
		m, ok := memberOf(n1, "ns2")
		return ok && m.ID == old.ID && m.Voter && slices.Equal(m.DNS, second.DNS.Listen) && m.Cluster == second.Cluster.Listen
	})
	eventually(t, "Raft reaches it there", func() bool {
		for _, s := range n1.store.Load().Status().Servers {
			if s.ID == old.ID && s.Addr == second.Cluster.Listen && s.Voter {
				m, _ := n2.State().Members.Get(old.ID)
				return m.Cluster == second.Cluster.Listen
			}
		}
		return false
	})

	before := n2.port.Identity()
	if err := n2.renew(before.Expires().Add(-renewAt - time.Hour)); err != nil || n2.port.Identity() != before {
		t.Errorf("a certificate with more than a third left is renewed: %v", err)
	}
	if err := n2.renew(before.Expires().Add(-renewAt + time.Hour)); err != nil {
		t.Fatal(err)
	}
	after := n2.port.Identity()
	if !after.Expires().After(before.Expires()) || after.NodeID != before.NodeID {
		t.Errorf("renewed from %v to %v", before.Expires(), after.Expires())
	}
	kept, err := n2.keeper.identity(old.ID)
	if err != nil || !kept.Expires().Equal(after.Expires()) {
		t.Errorf("what is on disk is not what was renewed: %v", err)
	}

	stop()
	if err := os.RemoveAll(n2.keeper.path(raftDir)); err != nil {
		t.Fatal(err)
	}
	runs(t, second) // at once: ns1 has just heard the old member's reports
	eventually(t, "ns2 is back under another id, and the old one is gone", func() bool {
		m, ok := memberOf(n1, "ns2")
		return ok && m.ID != old.ID && m.Voter && n1.State().Removed.Has(old.ID)
	})
}
