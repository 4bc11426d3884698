package node

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// fails starts a node that must end by itself, and gives the reason.
func fails(t *testing.T, cfg Config, token string) error {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	n, err := New(cfg, Options{Token: token, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := n.Run(ctx); err == nil {
		t.Fatalf("it went on for %v; its problem is %q", patience, n.Cluster(t.Context()).Problem)
	} else {
		return err
	}
	return nil
}

// Each wrong start ends with a reason that says what to do, and leaves the cluster as it was.
func TestWrongStarts(t *testing.T) {
	first := nodeConfig(t, "ns1")
	n1, _ := runs(t, first)
	eventually(t, "the cluster is there and hears itself", func() bool {
		m, ok := memberOf(n1, "ns1")
		return ok && n1.hears(m.ID)
	})
	for name, c := range map[string]struct {
		cfg   func() Config
		token string
		kind  policy.Kind
		want  string
	}{
		"another token":     {func() Config { return nodeConfig(t, "ns2", first.Cluster.Listen) }, "wrong-token-0123456789", policy.Invalid, "does not accept this join token"},
		"no token":          {func() Config { return nodeConfig(t, "ns2", first.Cluster.Listen) }, "", policy.Invalid, "MERIDIAN_TOKEN"},
		"neither way":       {func() Config { c := nodeConfig(t, "ns2"); c.Cluster.Bootstrap = false; return c }, testToken, policy.Invalid, "set cluster.bootstrap: true"},
		"a token too short": {func() Config { return nodeConfig(t, "ns9") }, "short", "", "at least 8"},
		"a directory not empty": {func() Config {
			c := nodeConfig(t, "ns9")
			if err := os.WriteFile(filepath.Join(c.DataDir, "notes.txt"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return c
		}, testToken, policy.Conflict, "notes.txt"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := c.cfg()
			err := fails(t, cfg, c.token)
			if !strings.Contains(err.Error(), c.want) || c.kind != "" && policy.KindOf(err) != c.kind {
				t.Errorf("%v (%v), want %q", err, policy.KindOf(err), c.want)
			}
			if c.token != "" && strings.Contains(err.Error(), c.token) {
				t.Error("the reason repeats the token")
			}
			for _, f := range []string{idFile, clusterFile, sealFile} {
				if _, err := os.Stat(filepath.Join(cfg.DataDir, f)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("it has left %s behind", f)
				}
			}
		})
	}
	t.Run("a label in use", func(t *testing.T) {
		n, stop := runs(t, nodeConfig(t, "ns1", first.Cluster.Listen)) // it may be ns1 itself, wiped: so it goes on for a while
		eventually(t, "it says why it does not join", func() bool {
			return strings.Contains(n.Cluster(t.Context()).Problem, `a node "ns1" is in the cluster and alive`)
		})
		err := policy.Errorf(policy.Conflict, "in use")
		if n.hopeless(err, time.Now()) || !n.hopeless(err, time.Now().Add(-inUse-time.Second)) {
			t.Error("it gives up at once, or never")
		}
		if n.Ready() == nil || n.store.Load() != nil {
			t.Error("it acts as a member")
		}
		stop()
	})
	if s := n1.State(); s.Members.Len() != 1 {
		t.Errorf("the cluster has %d members after that", s.Members.Len())
	}
}

// What was a member of one cluster serves what it has and does not go over to another.
func TestSecondClusterIsRefused(t *testing.T) {
	first, second := nodeConfig(t, "ns1"), nodeConfig(t, "other")
	n1, stop := runs(t, first)
	n2, _ := runs(t, second)
	eventually(t, "both clusters are there", func() bool { return n1.Ready() == nil && n2.Ready() == nil && n1.State().Cluster.ID != "" })
	was := n1.State()
	at := was.Index
	if _, err := n1.journal.Wait(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := os.RemoveAll(n1.keeper.path(raftDir)); err != nil {
		t.Fatal(err)
	}
	first.Cluster.Bootstrap, first.Cluster.Join = false, []string{second.Cluster.Listen}
	n1, _ = runs(t, first)
	eventually(t, "it says why it does not join", func() bool {
		return strings.Contains(n1.Cluster(t.Context()).Problem, "journal is of cluster "+was.Cluster.ID)
	})
	if s := n1.State(); s.Cluster.ID != was.Cluster.ID || s.Index < at || n1.Ready() != nil {
		t.Errorf("it serves cluster %s at %d, %v", s.Cluster.ID, s.Index, n1.Ready())
	}
	b, err := n1.keeper.read(clusterFile)
	if err != nil || string(b) != was.Cluster.ID {
		t.Errorf("its keys are of cluster %s now, %v", b, err)
	}
}

// A write's answer says of every node whether it has published and journalled the change, and names who cannot be asked.
func TestSettleNamesWhoIsMissing(t *testing.T) {
	first := nodeConfig(t, "ns1")
	n1, _ := runs(t, first)
	n2, stop := runs(t, nodeConfig(t, "ns2", first.Cluster.Listen))
	eventually(t, "both know each other", func() bool {
		_, ok := memberOf(n2, "ns2")
		return ok && n1.State().Members.Len() == 2
	})
	index := n2.State().Index
	for _, p := range n1.Settle(t.Context(), index) {
		if !p.Reachable || p.Error != "" || p.PublishedAt.IsZero() || p.JournalledAt.IsZero() {
			t.Errorf("%s has change %d: %+v", p.Node, index, p)
		}
	}
	for _, p := range n1.Settle(t.Context(), index+1000) {
		if p.Reachable && !strings.Contains(p.Error, "not published yet") {
			t.Errorf("nobody has that change: %+v", p)
		}
	}
	stop()
	found := map[string]bool{}
	for _, p := range n1.Settle(t.Context(), index) {
		found[p.Node] = true
		if here := p.Node == "ns1"; p.Reachable != here || (p.Error == "") != here {
			t.Errorf("one node is gone: %+v", p)
		}
	}
	if len(found) != 2 {
		t.Errorf("told of %v", found)
	}
}

// Only tokens that are good, and that are for joining, let nodes join.
func TestJoinKeys(t *testing.T) {
	s := stateWith(1)
	n := seeing(t, s)
	n.keeper = &keeper{seal: random(32)}
	s.Cluster.JoinKeys = map[string][]byte{}
	for id, token := range map[string]policy.Token{
		"good": {Role: policy.RoleNode}, "later": {Role: policy.RoleAdmin, ExpiresAt: time.Now().Add(time.Hour).UnixNano()},
		"expired": {Role: policy.RoleNode, ExpiresAt: time.Now().Add(-time.Second).UnixNano()}, "viewer": {Role: policy.RoleViewer}, "revoked": {},
	} {
		var err error
		if s.Cluster.JoinKeys[id], err = n.keeper.Seal("join/"+id, []byte(id)); err != nil {
			t.Fatal(err)
		}
		if token.ID = id; id != "revoked" {
			s.Tokens.Set(id, token)
		}
	}
	var got []string
	for _, key := range n.joinKeys() {
		got = append(got, string(key))
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"good", "later"}) {
		t.Errorf("tokens that let nodes join: %q", got)
	}
}
