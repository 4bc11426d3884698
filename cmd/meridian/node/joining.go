package node

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// seek asks the nodes of the cluster, one after the other, to be taken in, until one does.
func (n *Node) seek(ctx context.Context, id string) error {
	addrs := append([]string(nil), n.cfg.Cluster.Join...)
	for _, m := range n.others() {
		addrs = append(addrs, m.Cluster)
	}
	switch {
	case len(addrs) == 0 && n.journalled == nil:
		return policy.Errorf(policy.Invalid, "this node is in no cluster: set cluster.bootstrap: true to start one here, or cluster.join to the cluster ports of its nodes")
	case n.opts.Token == "" && n.journalled == nil:
		return policy.Errorf(policy.Invalid, "joining %s needs the cluster's token in MERIDIAN_TOKEN; it is in admin.token of the first node's data directory", strings.Join(addrs, ", "))
	case len(addrs) == 0 || n.opts.Token == "":
		<-ctx.Done() // it serves what its journal holds; bereft has said what to do
		return ctx.Err()
	}
	if id == "" {
		var err error
		if id, err = n.keeper.reserve(); err != nil {
			return err
		}
	}
	began := time.Now()
	return joining(ctx, addrs, func(addr string) (final bool, err error) {
		if err = n.joinAt(ctx, addr, id); err == nil {
			n.trouble.Store(nil)
			return true, nil
		}
		err = fmt.Errorf("joining at %s: %w", addr, err)
		if n.hopeless(err, began) {
			return true, err
		}
		text := err.Error()
		n.trouble.Store(&text)
		n.log.Warn("this node has not joined yet; it goes on trying", "error", err)
		return false, err
	})
}

// joining tries addresses one after the other, and again, until one try is final.
func joining(ctx context.Context, addrs []string, try func(addr string) (final bool, err error)) error {
	for wait := 250 * time.Millisecond; ; wait = min(2*wait, 5*time.Second) {
		for _, addr := range addrs {
			if final, err := try(addr); final {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait/2 + jitter(wait/2)):
		}
	}
}

// reserve makes an id under which to join, the same one until that is done.
func (k *keeper) reserve() (string, error) {
	b, err := k.read(nextIDFile)
	if err != nil || b != nil {
		return string(b), err
	}
	id := randomID()
	return id, k.write(nextIDFile, []byte(id))
}

// unreserve forgets the id: the member has joined under it.
func (k *keeper) unreserve() error {
	if err := os.Remove(k.path(nextIDFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// newRequest makes a key, and a certificate request with it.
func newRequest(id string) (key, csr []byte, err error) {
	if key, err = peer.NewKey(); err != nil {
		return nil, nil, err
	}
	csr, err = peer.NewRequest(key, id)
	return key, csr, err
}

func jitter(d time.Duration) time.Duration {
	var b [1]byte
	rand.Read(b[:])
	return d * time.Duration(b[0]) / 255
}

func (n *Node) joinAt(ctx context.Context, addr, id string) error {
	key, csr, err := newRequest(id)
	if err != nil {
		return err
	}
	m := n.self()
	reply, err := peer.Join(ctx, addr, n.opts.Token, peer.JoinRequest{
		NodeID: id, NodeLabel: m.Node, Region: m.Region, ClusterAddr: m.Cluster, APIAddr: m.API, DNS: m.DNS, CSR: csr, Feature: m.Feature,
		Budget: m.Budget, Replaces: n.replaces(),
	})
	if err != nil {
		return err
	}
	if n.journalled != nil && n.journalled.Cluster.ID != "" && n.journalled.Cluster.ID != reply.ClusterID {
		return policy.Errorf(policy.Conflict, "%s is in cluster %s, but this node's journal is of cluster %s; empty its data directory to change clusters", addr, reply.ClusterID, n.journalled.Cluster.ID)
	}
	if err := n.keeper.keep(id, reply.ClusterID, reply.CA, reply.Certificate, key, reply.ClusterKey); err != nil {
		return err
	}
	if err := n.keeper.write(idFile, []byte(id)); err != nil {
		return err
	}
	if err := n.keeper.unreserve(); err != nil {
		return err
	}
	identity, err := n.keeper.identity(id)
	if err != nil {
		return err
	}
	n.assume(identity)
	n.log.Info("this node has joined the cluster", "cluster", reply.ClusterID, "at", addr)
	return nil
}

// joinKeys are the verifiers of the tokens that a joining node may use.
func (n *Node) joinKeys() [][]byte {
	var keys [][]byte
	s := n.State()
	now := max(s.Clock, time.Now().UnixNano())
	for id, sealed := range s.Cluster.JoinKeys {
		if t, ok := s.Tokens.Get(id); !ok || t.Expired(now) || !t.Joins() {
			continue
		}
		if key, err := n.keeper.open("join/"+id, sealed); err == nil {
			keys = append(keys, key)
		}
	}
	return keys
}

// join takes a node in that has proved to know a token: as a member without a vote, until it has caught up.
func (n *Node) join(ctx context.Context, r peer.JoinRequest) (peer.JoinReply, error) {
	store := n.store.Load()
	s := store.State()
	if err := policy.CheckLabel(r.NodeLabel); err != nil {
		return peer.JoinReply{}, policy.Errorf(policy.Invalid, "%v", err)
	}
	actor := "node/" + n.cfg.Node
	next := policy.Member{
		ID: r.NodeID, Node: r.NodeLabel, Region: r.Region, Cluster: r.ClusterAddr, API: r.APIAddr, DNS: r.DNS, Feature: r.Feature, Agent: r.Agent, Budget: r.Budget,
	}
	if !next.Agent && s.Feature < policy.FeatureHealth {
		next.Budget = 0 // told later
	}
	body := change.PutMember{Member: next}
	if err := next.Check(); err != nil {
		return peer.JoinReply{}, err
	}
	if err := change.Admit(s, body); err != nil { // the joiner tries again: the level may be about to be raised
		return peer.JoinReply{}, err
	}
	if was, ok := s.Members.Get(r.NodeID); ok && (was.Agent != r.Agent || was.Node != r.NodeLabel || n.hears(was.ID)) {
		return peer.JoinReply{}, policy.Errorf(policy.Conflict, "the id %s is another member's; start with an empty data directory", r.NodeID)
	}
	for id, m := range s.Members.All {
		if id == r.NodeID || m.Node != r.NodeLabel {
			continue
		}
		if m.Agent != r.Agent {
			return peer.JoinReply{}, policy.Errorf(policy.Conflict, "%q is the label of a member of another role; start this one with another label, or remove that one (meridian cluster remove %s)", m.Node, m.Node)
		}
		if m.Agent && n.hears(id) {
			return peer.JoinReply{}, policy.Errorf(policy.Conflict, "an agent %q is in the cluster and alive at %s; start this one with another label", m.Node, m.Cluster)
		}
		if id != r.Replaces && n.hears(id) {
			return peer.JoinReply{}, policy.Errorf(policy.Conflict, "a node %q is in the cluster and alive at %s; start this one with another label", m.Node, m.Cluster)
		}
		n.log.Warn("a node comes back with an empty directory; its old membership is removed", "member", m.Node, "old", id, "new", r.NodeID)
		if _, err := n.expel(ctx, m, change.Change{Actor: actor}); err != nil {
			return peer.JoinReply{}, err
		}
	}
	authority, err := n.authority(s, nil)
	if err != nil {
		return peer.JoinReply{}, err
	}
	issue := authority.Issue
	if r.Agent {
		issue = authority.IssueAgent
	}
	cert, err := issue(r.CSR, r.NodeID)
	if err != nil {
		return peer.JoinReply{}, err
	}
	out, err := store.Propose(ctx, change.Change{Actor: actor, Body: body})
	if err != nil {
		return peer.JoinReply{}, err
	}
	if out.Refused != nil {
		return peer.JoinReply{}, out.Refused
	}
	if r.Agent {
		return peer.JoinReply{ClusterID: s.Cluster.ID, CA: s.Cluster.CA, Certificate: cert}, nil
	}
	if err := store.AddNonvoter(ctx, next.ID, next.Cluster); err != nil {
		return peer.JoinReply{}, err
	}
	reply := peer.JoinReply{ClusterID: s.Cluster.ID, CA: s.Cluster.CA, Certificate: cert, ClusterKey: n.keeper.seal}
	for _, m := range store.State().Members.All {
		reply.Members = append(reply.Members, m)
	}
	return reply, nil
}

// authority is the cluster's, with its key opened. now is nil for the time as it is.
func (n *Node) authority(s *policy.State, now func() time.Time) (*peer.Authority, error) {
	key, err := n.keeper.open(authorityKey, s.Cluster.CAKey)
	if err != nil {
		return nil, err
	}
	return &peer.Authority{ClusterID: s.Cluster.ID, Certificate: s.Cluster.CA, Key: key, Now: now}, nil
}

// expel takes a member out for good: of Raft first, so that it has no vote when its record goes.
func (n *Node) expel(ctx context.Context, m policy.Member, c change.Change) (policy.Outcome, error) {
	store := n.store.Load()
	if store == nil {
		return policy.Outcome{}, policy.Errorf(policy.Unavailable, "this node cannot take writes: %s", n.problem())
	}
	if !m.Agent {
		if err := store.Remove(ctx, m.ID); err != nil {
			return policy.Outcome{}, err
		}
	}
	c.Body = change.DeleteMember{ID: m.ID}
	return store.Propose(ctx, c)
}

// Expel takes a member out for good, by its label or id. A node must be stopped: one that runs would go on with the answers of its last state.
func (n *Node) Expel(ctx context.Context, label string, c change.Change) (policy.Outcome, error) {
	m, ok := n.State().Members.Get(label) // an id says whom, whatever it calls itself
	if !ok {
		m, _ = member(n.State(), label, "")
	}
	switch {
	case m.ID == "":
		return policy.Outcome{}, policy.Errorf(policy.NotFound, "there is no member %q; meridian cluster status lists them", label)
	case m.ID == n.id():
		return policy.Outcome{}, policy.Errorf(policy.Conflict, "%s is the node that you ask; stop it, and ask another one", label)
	case !m.Agent && n.hears(m.ID): // an agent has no vote and answers nobody: it may be thrown out
		return policy.Outcome{}, policy.Errorf(policy.Conflict, "%s was heard of in the last %v, so it runs: stop it first", label, 2*health.DefaultFreshFor)
	}
	out, err := n.expel(ctx, m, c)
	if err == nil && out.Refused == nil {
		n.log.Info("a member was taken out of the cluster", "member", m.Node, "id", m.ID, "by", c.Actor)
		limit, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, _ = n.publisher.wait(limit, out.Index) // so that nobody waits for it any more
	}
	return out, err
}

// hears says whether a member has reported lately.
func (n *Node) hears(id string) bool {
	age, ok := n.hearing.ages()[id]
	return ok && age <= 2*health.DefaultFreshFor
}
