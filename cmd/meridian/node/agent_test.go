package node

import (
	"crypto/sha256"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
)

var loopbackOnly = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// agentConfig is an agent's that joins at a node.
func agentConfig(t *testing.T, name, join string) Config {
	c := nodeConfig(t, name, join)
	c.Role, c.DNS, c.Region = RoleAgent, DNS{}, "us-east"
	return c
}

func probesFrom(t *testing.T, cfg Config, token string) (*Agent, func()) {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	a, err := NewAgent(cfg, Options{Token: token, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return a, background(t, a)
}

// TestAgent: an agent joins, is given its checks and their secrets, is heard and
// counted, can be asked what it saw, may do nothing that is for nodes, comes back under its
// name, and is out of every quorum when it is removed.
func TestAgent(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	go func() {
		for {
			c, err := target.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	first := nodeConfig(t, "ns1")
	first.Probing.Allow = loopbackOnly
	n, _ := runs(t, first)
	eventually(t, "the feature level is raised", func() bool { return n.State().Feature == policy.FeatureLevel })
	_, port, _ := net.SplitHostPort(target.Addr().String())
	doc, err := document.Decode([]byte(`
regions: [{name: us-east, provider: aws}]
monitors:
  - {name: tcp, tcp: {port: `+port+`}, interval: 200ms, timeout: 150ms, fall: 2, rise: 1}
  - {name: cache, redis: {port: 1, password: {secret: pw}}, interval: 1m, vantages: {sameRegion: true}}
pools:
  - {name: web, region: us-east, monitor: tcp, endpoints: [{name: a, address: 127.0.0.1}]}
  - {name: cache, region: us-east, monitor: cache, endpoints: [{name: a, address: 127.0.0.1}]}
`), "doc")
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := n.Seal("pw", []byte("s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	// It joins by a token that is good for nothing else.
	const joinToken = "join-token-0123456789"
	hash := sha256.Sum256([]byte(joinToken))
	joinKey, err := n.SealJoinKey("join", joinToken)
	if err != nil {
		t.Fatal(err)
	}
	joiner := change.PutToken{Token: policy.Token{ID: "join", Name: "join", Hash: hash[:], Role: policy.RoleNode}, JoinKey: joinKey}
	for _, b := range []change.Body{joiner, change.PutSecret{Secret: policy.Secret{Name: "pw", Sealed: sealed}}, change.PutConfig{Config: *doc}} {
		if out, err := n.Propose(t.Context(), change.Change{Actor: "test", Body: b}); err != nil || out.Refused != nil {
			t.Fatal(err, out.Refused)
		}
	}
	cfg := agentConfig(t, "probe1", first.Cluster.Listen)
	cfg.Probing.Allow, cfg.Probing.Budget = loopbackOnly, 100
	a, stop := probesFrom(t, cfg, joinToken)
	eventually(t, "both vantages agree", func() bool {
		h, err := n.Evidence(t.Context(), "web/a")
		return err == nil && h.Measured == policy.Up && len(h.Checks) == 1 && len(h.Checks[0].Reports) == 2 &&
			len(h.Checks[0].Samples) == 2 && len(h.Checks[0].Samples[1].Samples) > 0 && h.Checks[0].Samples[1].Vantage == "probe1"
	})
	if v, err := a.secret("pw"); err != nil || v != "s3cret" {
		t.Errorf("the agent's secret: %q, %v", v, err)
	}
	if r, err := n.Probe(t.Context(), "web/a", "probe1", ""); err != nil || !r.Evidence.OK || r.Vantage != "probe1" {
		t.Errorf("probed now from the agent: %+v, %v", r, err)
	}
	m, _ := memberOf(n, "probe1")
	if !m.Agent || m.Voter || m.Budget != 100 {
		t.Errorf("recorded as %+v", m)
	}
	for _, p := range n.Settle(t.Context(), n.State().Index) {
		if p.Node == "probe1" {
			t.Error("a write waits for the agent")
		}
	}

	// It has no state, no key of the cluster and no secret on its disk, and may not ask what nodes may.
	_ = filepath.WalkDir(cfg.DataDir, func(path string, d os.DirEntry, _ error) error {
		if d.IsDir() {
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(content), "s3cret") || strings.Contains(path, "raft") || strings.Contains(path, "cluster.key") {
			t.Errorf("the agent has %s (%v)", path, err)
		}
		return nil
	})
	for _, name := range []string{"settle", "status", "evidence", "probe", "raft.propose", "raft.member"} {
		if _, err := a.port.Call(t.Context(), first.Cluster.Listen, name, []byte("{}")); err == nil || !strings.Contains(err.Error(), "is for nodes") {
			t.Errorf("an agent's call %q: %v", name, err)
		}
	}
	if c, err := a.port.Streams().Dial(first.Cluster.Listen, time.Second); err == nil {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("an agent has a stream of Raft")
		}
		_ = c.Close()
	}

	// It cannot say that it is a node, nor that it is where one is, nor where it answers DNS.
	told := a.self()
	told.Agent, told.Voter, told.DNS, told.API = false, true, []string{"192.0.2.1:53"}, "192.0.2.1:80"
	if err := callJSON(t.Context(), a.port, first.Cluster.Listen, "announce", told, nil); err != nil {
		t.Fatal(err)
	}
	if is, _ := memberOf(n, "probe1"); !is.Agent || is.Voter || len(is.DNS) > 0 || is.API != "" {
		t.Errorf("an agent has made itself %+v", is)
	}
	told.Cluster = first.Cluster.Listen
	if err := callJSON(t.Context(), a.port, first.Cluster.Listen, "announce", told, nil); policy.KindOf(err) != policy.Conflict {
		t.Errorf("an agent at a node's address: %v", err)
	}

	// Nor may a node's directory serve an agent.
	wrong := agentConfig(t, "probe2", first.Cluster.Listen)
	wrong.DataDir = first.DataDir
	if err := wrong.Complete(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewAgent(wrong, Options{Log: quiet()}); err == nil || !strings.Contains(err.Error(), "directory of a node") {
		t.Errorf("an agent in a node's directory: %v", err)
	}

	// It comes back under its name at another address.
	stop()
	again := cfg
	again.Cluster.Listen = free(t)
	again.Cluster.Advertise, again.API.Listen = "", "127.0.0.1:0"
	b, _ := probesFrom(t, again, "")
	eventually(t, "it comes back under its name, elsewhere", func() bool {
		is, _ := memberOf(n, "probe1")
		return is.ID == m.ID && is.Cluster == again.Cluster.Listen && is.Agent
	})
	page := func(path string) int {
		r, err := http.Get("http://" + b.pages.Addr().String() + path)
		if err != nil {
			return 0
		}
		r.Body.Close()
		return r.StatusCode
	}
	eventually(t, "it is ready", func() bool { return page("/readyz") == 200 && page("/metrics") == 200 })
	cert, err := b.port.Call(t.Context(), first.Cluster.Listen, "renew", []byte("no request"))
	if err == nil {
		t.Errorf("a certificate for no request: %x", cert)
	}
	was := b.port.Identity().Certificate.Leaf.SerialNumber
	if err := b.renew(t.Context(), first.Cluster.Listen); err != nil || b.port.Identity().Certificate.Leaf.SerialNumber.Cmp(was) == 0 || !b.port.Identity().Agent {
		t.Errorf("renewed: %v", err)
	}

	// Thrown out while it runs, by its id, it counts no more, may call no more, and knows it.
	if _, err := n.Expel(t.Context(), "nobody", change.Change{Actor: "test"}); policy.KindOf(err) != policy.NotFound {
		t.Errorf("removed nobody: %v", err)
	}
	if _, err := n.Expel(t.Context(), m.ID, change.Change{Actor: "test"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it knows that it was removed", func() bool { return b.task.Load() == nil && page("/readyz") == http.StatusServiceUnavailable })
	if err := callJSON(t.Context(), b.port, first.Cluster.Listen, "assignment", assignmentRequest{}, nil); err == nil {
		t.Error("it is answered still")
	}
	eventually(t, "the node decides alone again", func() bool {
		_, ok := memberOf(n, "probe1")
		return !ok && len(n.checks.of(n.State()).vantages) == 1
	})
}

func TestAgentConfig(t *testing.T) {
	_, err := ParseConfig([]byte(`
node: probe1
role: agent
dataDir: /tmp/x
dns: {listen: ["127.0.0.1:5300"]}
geo: {database: x.mmdb}
api: {tls: {cert: a, key: b}}
cluster: {listen: "127.0.0.1:7300", bootstrap: true}
probing: {budget: -1}
`), "agent.yaml")
	for _, want := range []string{"agent.yaml:5:1: ", "answers no DNS", "no use for geographic data", "leave api.tls out", "cannot start a cluster", "needs the cluster ports", "-1 is not within"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	if _, err := ParseConfig([]byte("node: a\nrole: prober\ndataDir: x\n"), "x"); err == nil || !strings.Contains(err.Error(), `"prober" is not a role`) {
		t.Error(err)
	}
}
