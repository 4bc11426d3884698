package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// assignmentRequest is an agent's question what it has to probe.
type assignmentRequest struct {
	Have string `json:"have,omitempty"` // the digest of what it has
}

// assignment is all that an agent has of the cluster.
type assignment struct {
	Same    bool              `json:"same,omitempty"` // as the agent has it; nothing else is told then
	Digest  string            `json:"digest,omitempty"`
	At      policy.Position   `json:"at"`
	Self    policy.Member     `json:"self"`    // the agent as it is recorded
	Nodes   []policy.Member   `json:"nodes"`   // to report to
	Checks  []policy.Check    `json:"checks"`  // in order of ids
	Secrets map[string]string `json:"secrets"` // that its checks need, opened; they never touch its disk
}

// assigned answers an agent.
func (n *Node) assigned(_ context.Context, from string, body []byte) ([]byte, error) {
	var ask assignmentRequest
	if err := json.Unmarshal(body, &ask); err != nil {
		return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
	}
	s := n.State()
	self, ok := s.Members.Get(from)
	if !ok {
		return nil, policy.Errorf(policy.Unavailable, "this node knows no member %s (yet)", from)
	}
	digest := fmt.Sprintf("%x-%x-%x-%x", s.Epoch, s.ConfigRevision, s.Members.Sum(), s.Secrets.Sum())
	if digest == ask.Have {
		return json.Marshal(assignment{Same: true, At: position(s)})
	}
	a := assignment{
		Digest: digest, At: position(s), Self: self, Nodes: nodesOf(s, ""), Checks: n.checks.of(s).mine(from), Secrets: map[string]string{},
	}
	for i := range a.Checks {
		for _, ref := range a.Checks[i].Monitor.Secrets() {
			if _, ok := a.Secrets[ref.Secret]; ok {
				continue
			}
			value, err := n.secret(ref.Secret)
			if err != nil {
				n.log.Warn("an agent goes without a secret", "agent", self.Node, "secret", ref.Secret, "error", err)
				continue
			}
			a.Secrets[ref.Secret] = value
		}
	}
	return json.Marshal(a)
}

// renewed gives an agent another certificate: it cannot make one itself, as nodes do.
func (n *Node) renewed(_ context.Context, from string, csr []byte) ([]byte, error) {
	s := n.State()
	if m, ok := s.Members.Get(from); !ok || !m.Agent {
		return nil, policy.Errorf(policy.Conflict, "%s is no agent of this cluster", from)
	}
	authority, err := n.authority(s, nil)
	if err != nil {
		return nil, err
	}
	return authority.IssueAgent(csr, from)
}

// nodesOf lists the members that are nodes, but for one.
func nodesOf(s *policy.State, but string) []policy.Member {
	var list []policy.Member
	for id, m := range s.Members.All {
		if id != but && !m.Agent {
			list = append(list, m)
		}
	}
	return list
}

// agentAt says whether an agent, and no node, is at an address of the cluster.
func (n *Node) agentAt(addr string) (agent bool) {
	for _, m := range n.State().Members.All {
		if m.Cluster == addr {
			if !m.Agent {
				return false
			}
			agent = true
		}
	}
	return agent
}

// callJSON asks another member something. out may be nil.
func callJSON(ctx context.Context, p *peer.Port, addr, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := p.Call(ctx, addr, name, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

// servePages serves what a supervisor and Prometheus ask of an agent.
func servePages(ctx context.Context, l net.Listener, registry *prometheus.Registry, ready func() bool) error {
	pages := http.NewServeMux()
	pages.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	pages.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready() {
			http.Error(w, "no node has said yet what is to be probed", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	pages.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	server := &http.Server{Handler: pages, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(l); err != nil && ctx.Err() == nil {
		return fmt.Errorf("the status pages: %w", err)
	}
	return nil
}
