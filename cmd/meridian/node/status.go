package node

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// What is pointed out to an operator.
const (
	// maxClockDifference is what a machine that keeps time is far within, and what a round trip around the world does not
	// hide. Beyond it what two nodes tell is in the wrong order, though times are shown to the second.
	maxClockDifference = 500 * time.Millisecond
	// certificateSoon is what a member's certificate has left when it has not been renewed for three months, though it was tried.
	certificateSoon = 30 * 24 * time.Hour
	// authoritySoon is when certificates begin to outlast the authority that signs them.
	authoritySoon = peer.NodeLifetime
)

// toldStatus is what a member says of itself to the node that asks.
type toldStatus struct {
	policy.MemberStatus
	At time.Time `json:"at"` // its wall clock, when it answers; an earlier version does not say
}

// standing is what this node says of itself to the others.
func (n *Node) standing() policy.MemberStatus {
	s := n.State()
	at, _, _ := n.publisher.position()
	m, _ := s.Members.Get(n.id())
	return policy.MemberStatus{
		Member: m, Reachable: true, Applied: s.Index, Published: at, Hash: fmt.Sprintf("%016x", s.Hash()),
		Version: n.opts.Version, Certificate: certificateOf(n.port.Identity(), time.Now()),
	}
}

// certificateOf is when an identity runs out; nil before there is one.
func certificateOf(id *peer.Identity, now time.Time) *policy.NodeCertificate {
	if id == nil {
		return nil
	}
	return &policy.NodeCertificate{Expires: id.Expires().UTC(), Soon: id.Expires().Sub(now) < certificateSoon}
}

// authorityOf is when the cluster's authority runs out; nil before there is one.
func authorityOf(c policy.Cluster, now time.Time) *policy.NodeCertificate {
	ca, err := x509.ParseCertificate(c.CA)
	if err != nil {
		return nil
	}
	return &policy.NodeCertificate{Expires: ca.NotAfter.UTC(), Soon: ca.NotAfter.Sub(now) < authoritySoon}
}

// clockDifference is by how much the clock that said at, in the answer to a call that began then and took so long, is
// ahead. It was read somewhere in between: so the middle is at most half of that off.
func clockDifference(began time.Time, took time.Duration, at time.Time) *policy.ClockDifference {
	ahead := at.Sub(began.Add(took / 2).Round(0)) // Round leaves out the monotonic clock
	return &policy.ClockDifference{
		Difference: policy.Duration(ahead), Uncertainty: policy.Duration(took / 2), Off: ahead.Abs()-took/2 > maxClockDifference,
	}
}

// Cluster is the cluster as this node sees it now.
func (n *Node) Cluster(ctx context.Context) policy.ClusterStatus {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	s := n.State()
	c := policy.ClusterStatus{Node: n.cfg.Node, ID: n.id(), Role: "none", Applied: s.Index, Authority: authorityOf(s.Cluster, time.Now())}
	if store := n.store.Load(); store != nil {
		st := store.Status()
		c.Role, c.Term, c.Commit, c.Problem = st.Role, st.Term, st.Commit, st.Problem
		c.StateAge = policy.Duration(n.leaderless())
		if m, ok := s.Members.Get(st.Leader); ok {
			c.Leader = m.Node
		}
	} else {
		c.Problem = n.problem()
	}
	ages := n.hearing.ages()
	var all sync.WaitGroup
	for _, m := range s.Members.All {
		c.Members = append(c.Members, policy.MemberStatus{Member: m})
	}
	for i := range c.Members {
		st := &c.Members[i]
		all.Go(func() {
			m := st.Member
			if m.ID == n.id() {
				*st = n.standing()
			} else {
				*st = n.askStatus(ctx, m)
			}
			st.Member, st.LastHeard = m, ages[m.ID]
		})
	}
	all.Wait()
	c.Warnings = slices.Concat(n.glass.warnings(), amiss(c))
	return c
}

// askStatus asks another member how it is, and looks at its clock by the way.
func (n *Node) askStatus(ctx context.Context, m policy.Member) policy.MemberStatus {
	var told toldStatus
	began := time.Now()
	if n.call(ctx, m.Cluster, "status", struct{}{}, &told) != nil {
		return policy.MemberStatus{}
	}
	if took := time.Since(began); !told.At.IsZero() {
		told.Clock = clockDifference(began, took, told.At)
	}
	return told.MemberStatus
}
