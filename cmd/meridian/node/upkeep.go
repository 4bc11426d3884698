package node

import (
	"context"
	"encoding/json"
	"reflect"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

const (
	upkeepEvery = 5 * time.Second
	renewAt     = peer.NodeLifetime / 3 // what is left of a certificate when another is made
)

// keepUp sees to it, until ctx ends, that the cluster knows this node as it is
// now, and that its certificate does not run out.
func (n *Node) keepUp(ctx context.Context) error {
	return every(ctx, upkeepEvery, func() {
		if err := n.announce(ctx); err != nil && ctx.Err() == nil {
			n.log.Warn("telling the cluster what has changed at this node; it is tried again", "error", err)
		}
		if err := n.renew(time.Now()); err != nil {
			n.log.Error("renewing this node's certificate; it is tried again", "error", err)
		}
	})
}

// announce tells the cluster when addresses, region or feature level in the
// node's record are not what the node was started with. A leader that looks for
// this node where it was does not reach it, so that it knows none: then any other node brings the news in.
func (n *Node) announce(ctx context.Context) error {
	record, ok := n.State().Members.Get(n.id())
	next := n.self()
	next.Voter = record.Voter
	if n.State().Feature < policy.FeatureHealth {
		next.Budget = 0 // some node could not read it
	}
	if n.store.Load() == nil || !ok || reflect.DeepEqual(record, next) {
		return nil
	}
	if n.leaderless() == 0 {
		return n.record(ctx, next)
	}
	body, err := json.Marshal(next)
	if err != nil {
		return err
	}
	for _, m := range n.others() {
		if _, err = n.port.Call(ctx, m.Cluster, "announce", body); err == nil {
			return nil
		}
	}
	return err
}

// announced takes what a node says of itself.
func (n *Node) announced(ctx context.Context, from string, body []byte) ([]byte, error) {
	var m policy.Member
	if len(body) > maxAnnouncement {
		return nil, policy.Errorf(policy.Invalid, "a member of %d octets; %d may be", len(body), maxAnnouncement)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return nil, policy.Errorf(policy.Invalid, "a member that cannot be read: %v", err)
	}
	record, ok := n.State().Members.Get(from)
	if !ok || m.ID != from || n.leaderless() > 0 {
		return nil, policy.Errorf(policy.Unavailable, "node %s cannot be recorded here now", from)
	}
	m.Voter, m.Agent = record.Voter, record.Agent // not theirs to say
	if m.Agent {
		m.Node, m.API, m.DNS = record.Node, "", nil
	}
	if reflect.DeepEqual(m, record) {
		return nil, nil
	}
	if !n.announcements.allow(from, time.Now()) {
		return nil, policy.Errorf(policy.TooMany, "a member may announce itself once in %v", upkeepEvery)
	}
	return nil, n.record(ctx, m)
}

// maxAnnouncement is more than what any member has to say of itself, in octets.
const maxAnnouncement = 64 << 10

// seldom lets each member do something once in upkeepEvery.
type seldom struct {
	mu   sync.Mutex
	last map[string]time.Time
}

func (s *seldom) allow(id string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.last[id]) < upkeepEvery*9/10 {
		return false
	}
	if s.last == nil || len(s.last) > 10_000 {
		s.last = map[string]time.Time{}
	}
	s.last[id] = now
	return true
}

// record puts a member's record into State.
func (n *Node) record(ctx context.Context, m policy.Member) error {
	store := n.store.Load()
	if store == nil {
		return policy.Errorf(policy.Unavailable, "Raft is not running here")
	}
	out, err := store.Propose(ctx, change.Change{Actor: "node/" + m.Node, Body: change.PutMember{Member: m}})
	if err == nil && out.Refused != nil {
		err = out.Refused
	}
	if err == nil {
		n.log.Info("a node is recorded as it is now", "member", m.Node, "cluster", m.Cluster, "api", m.API, "dns", m.DNS, "region", m.Region)
	}
	return err
}

// renew makes another certificate for the same key while the old one is good.
// Every node can: the authority's key is in State, sealed with the cluster's key.
func (n *Node) renew(now time.Time) error {
	id, s := n.port.Identity(), n.State()
	if id == nil || id.NodeID != n.id() || id.Expires().Sub(now) > renewAt || s.Cluster.CAKey == nil || !s.Members.Has(id.NodeID) {
		return nil
	}
	authority, err := n.authority(s, func() time.Time { return now })
	if err != nil {
		return err
	}
	next, err := n.keeper.renew(id.NodeID, func(csr []byte) ([]byte, error) { return authority.Issue(csr, id.NodeID) })
	if err != nil {
		return err
	}
	n.port.SetIdentity(next)
	n.log.Info("this node has renewed its certificate of the cluster port", "expires", next.Expires())
	return nil
}

// relocate gives Raft the addresses that members have announced. It is a duty of the leader.
func (n *Node) relocate(ctx context.Context) error {
	store := n.store.Load()
	s := store.State()
	for _, server := range store.Status().Servers {
		m, ok := s.Members.Get(server.ID)
		if !ok || m.Cluster == server.Addr {
			continue
		}
		move := store.AddNonvoter
		if server.Voter {
			move = store.AddVoter
		}
		if err := move(ctx, m.ID, m.Cluster); err != nil {
			return err
		}
		n.log.Info("a node has moved", "member", m.Node, "from", server.Addr, "to", m.Cluster)
	}
	return nil
}

// replaces is the id under which this node was a member before it lost Raft's directory, or "".
func (n *Node) replaces() string {
	old, err := n.keeper.read(nodeIDFile)
	if err != nil {
		return ""
	}
	return string(old)
}

// inUse is how long a node that is told that another has its label goes on
// trying: the other may be itself, killed and wiped a moment ago, and still heard of.
const inUse = 30 * time.Second

// hopeless says whether joining has failed for good, for a node that serves nothing meanwhile.
func (n *Node) hopeless(err error, began time.Time) bool {
	return n.journalled == nil && hopeless(err, began)
}

// hopeless says whether joining has failed for good.
func hopeless(err error, began time.Time) bool {
	kind := policy.KindOf(err)
	return kind == policy.Invalid || kind == policy.Conflict && time.Since(began) > inUse
}
