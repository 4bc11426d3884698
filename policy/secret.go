package policy

import (
	"strings"
	"time"
)

// Secret is a credential at rest: sealed by the node that took the request,
// opened only by nodes that use it, never by the state machine.
type Secret struct {
	Name   string `json:"name"`
	Sealed []byte `json:"sealed"` // nonce and XChaCha20-Poly1305 ciphertext under the cluster's key, with the name as associated data
}

// Cluster is what the first node wrote when it made the cluster.
type Cluster struct {
	ID    string `json:"id"`              // random, checked on every connection between nodes
	CA    []byte `json:"ca,omitempty"`    // certificate of the cluster's authority, DER
	CAKey []byte `json:"caKey,omitempty"` // its private key, sealed like a Secret named "cluster-ca"
	// JoinKeys are sealed verifiers of the tokens a joining node may use, by token id.
	JoinKeys map[string][]byte `json:"joinKeys,omitempty"`
	// Cookies is the keys of DNS cookies; nil before the first. It is never changed, only replaced.
	Cookies *Cookies `json:"cookies,omitempty"`
	// OIDC is how people log in with a provider; nil: they do not. It is never changed, only replaced.
	OIDC *OIDC `json:"oidc,omitempty"`
}

// Member is a node of the cluster, which is also a vantage, or an agent, which is nothing else.
type Member struct {
	ID      string   `json:"id"`   // random Raft server id
	Node    string   `json:"node"` // label from the node's configuration
	Region  string   `json:"region,omitempty"`
	Cluster string   `json:"cluster"` // address of the cluster port
	API     string   `json:"api,omitempty"`
	DNS     []string `json:"dns,omitempty"`
	Feature int      `json:"feature"` // highest feature level the node can apply
	Voter   bool     `json:"voter"`
	Agent   bool     `json:"agent,omitempty"`  // a vantage alone: no DNS, no API, no part in Raft
	Budget  int      `json:"budget,omitempty"` // probes a second that it is given at the most; 0: any
}

// Check says what is wrong with what a member says of itself.
func (m Member) Check() error {
	if err := CheckLabel(m.Node); err != nil {
		return Errorf(Invalid, "the member's label: %v", err)
	}
	if m.Region != "" {
		if err := CheckLabel(m.Region); err != nil {
			return Errorf(Invalid, "the member's region: %v", err)
		}
	}
	for _, addr := range append([]string{m.Cluster, m.API}, m.DNS...) {
		if len(addr) > 300 || strings.ContainsFunc(addr, func(r rune) bool { return r <= ' ' || r > '~' }) {
			return Errorf(Invalid, "the member's address %.40q is no address", addr)
		}
	}
	if m.Agent && !strings.Contains(m.Cluster, ":") {
		return Errorf(Invalid, "the agent's cluster port %q is no address and port", m.Cluster)
	}
	if len(m.DNS) > 100 || m.Budget < 0 {
		return Errorf(Invalid, "the member has %d addresses for DNS and a budget of %d", len(m.DNS), m.Budget)
	}
	return nil
}

// ClusterStatus is what one node knows of the cluster now.
type ClusterStatus struct {
	Node     string         `json:"node"`
	ID       string         `json:"id"`
	Role     string         `json:"role"`             // leader, follower, candidate, or none while Raft is not running
	Leader   string         `json:"leader,omitempty"` // label of the leader's node
	Term     uint64         `json:"term"`
	Commit   uint64         `json:"commit"`
	Applied  uint64         `json:"applied"`
	Problem  string         `json:"problem,omitempty"`  // why Raft is not running or not applying
	Warnings []string       `json:"warnings,omitempty"` // what an operator should look at: what this node does alone, and what is amiss with members
	StateAge Duration       `json:"stateAge"`           // since this node last heard of a leader
	Members  []MemberStatus `json:"members"`
	// Authority is that of the cluster's own, which signs the certificates of its members.
	Authority *NodeCertificate `json:"authority,omitempty"`
}

// MemberStatus is a member as seen from the node that was asked.
type MemberStatus struct {
	Member
	Reachable bool     `json:"reachable"`
	Applied   uint64   `json:"applied,omitempty"`
	Published Position `json:"published,omitzero"`
	Hash      string   `json:"hash,omitempty"` // of the state at Applied, to compare (I-15)
	LastHeard Duration `json:"lastHeard"`      // since its last report
	// What follows a member of an earlier version does not say.
	Version     string           `json:"version,omitempty"` // of the binary it runs
	Clock       *ClockDifference `json:"clock,omitempty"`   // nil for the node that was asked
	Certificate *NodeCertificate `json:"certificate,omitempty"`
}

// ClockDifference is how far a member's wall clock is ahead of that of the node that was asked.
type ClockDifference struct {
	Difference  Duration `json:"difference"`  // under zero when it is behind
	Uncertainty Duration `json:"uncertainty"` // half of the round trip: the difference is within it either way
	Off         bool     `json:"off"`         // it is more than clocks may differ, whatever the uncertainty
}

// NodeCertificate is when a certificate of the cluster port runs out.
type NodeCertificate struct {
	Expires time.Time `json:"expires"`
	Soon    bool      `json:"soon"` // sooner than it would if all went well
}

// Position orders views: a later one never gives way to an earlier one.
type Position struct {
	Epoch      uint64 `json:"epoch"`
	Index      uint64 `json:"index"`
	Generation uint64 `json:"generation"`
}

// Before says whether p is older than q.
func (p Position) Before(q Position) bool {
	if p.Epoch != q.Epoch {
		return p.Epoch < q.Epoch
	}
	if p.Index != q.Index {
		return p.Index < q.Index
	}
	return p.Generation < q.Generation
}
