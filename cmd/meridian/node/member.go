package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/raftstore"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// authorityKey is the name under which the cluster authority's key is sealed.
const authorityKey = "cluster-ca"

// runStore makes this node part of its cluster and keeps it there until ctx ends.
func (n *Node) runStore(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bootstrap, joined, err := n.enter(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	store, err := raftstore.Open(raftstore.Config{
		Dir: n.keeper.path(raftDir), ServerID: n.id(), LocalAddr: n.cfg.Cluster.Advertise,
		Streams: n.port.Streams(), Calls: n.port, Logger: n.log, Registry: n.registry,
		Bootstrap: bootstrap, Initial: n.journalled, Joined: joined, Multiplier: n.cfg.Cluster.RaftMultiplier,
		OnCommit:  func(c raftstore.Commit) { n.journal.Append(c.Index, c.Data, c.State) },
		OnRestore: n.journal.Replace,
	})
	if err != nil {
		return err
	}
	n.store.Store(store)
	done := make(chan error, 1)
	go func() { done <- store.Run(ctx) }()
	led := make(chan error, 1)
	go func() { led <- store.Lead(ctx, n.lead) }()
	changed := store.Watch(ctx)
	serving := false
	for {
		n.adopt(store.State())
		if !serving && n.State().Cluster.ID != "" { // before that there is nothing to join, and no token to know
			n.port.ServeJoin(n.join, n.joinKeys)
			serving = true
		}
		select {
		case <-changed:
		case err := <-done:
			cancel()
			return errors.Join(err, <-led)
		}
	}
}

// report sends this node's opinions to the others, from when it has an identity.
func (n *Node) report(ctx context.Context) error {
	r := reporter{
		octets: reportOctets(n.registry), members: n.others, changed: n.prober.Changed(), take: n.hearing.take,
		table: func() policy.Report {
			r := n.prober.Report()
			r.Vantage = n.id()
			return r
		},
		send: func(ctx context.Context, addr string, body []byte) error {
			_, err := n.port.Call(ctx, addr, "report", body)
			return err
		},
	}
	return r.Run(ctx)
}

// lead is the leader's duties.
func (n *Node) lead(ctx context.Context, _ uint64) {
	store := n.store.Load()
	d := duties{
		actor: "node/" + n.cfg.Node, state: store.State, clock: store.Clock, propose: store.Propose, hearing: n.hearing,
		checks: &n.checks, promote: n.promote, beat: store.Beat, seal: n.keeper.Seal, log: n.log,
	}
	var told sync.WaitGroup
	defer told.Wait()
	told.Go(func() { d.drills(ctx, n) })
	told.Go(func() { n.notifier.Lead(ctx, n.Changed) })
	d.run(ctx)
}

// promote gives a vote to nodes that have caught up, and follows those that have moved.
func (n *Node) promote(ctx context.Context) error {
	if err := n.relocate(ctx); err != nil {
		return err
	}
	store := n.store.Load()
	s := store.State()
	for _, server := range store.PromoteReady(ctx) {
		m, ok := s.Members.Get(server.ID)
		if !ok {
			continue
		}
		if err := store.AddVoter(ctx, m.ID, m.Cluster); err != nil {
			return err
		}
		n.log.Info("a node has caught up and votes now", "member", m.Node)
	}
	voters := map[string]bool{}
	for _, server := range store.Status().Servers {
		voters[server.ID] = server.Voter
	}
	for id, m := range s.Members.All {
		if m.Voter || !voters[id] {
			continue
		}
		m.Voter = true
		if _, err := store.Propose(ctx, change.Change{Actor: "node/" + n.cfg.Node, Body: change.PutMember{Member: m}}); err != nil {
			return err
		}
	}
	return nil
}

// enter gives the node its identity: the one it has, a new cluster's, or one
// from the nodes it joins. It does not return before it has one.
func (n *Node) enter(ctx context.Context) (bootstrap *change.Change, joined bool, err error) {
	id, err := n.keeper.read(idFile)
	if err != nil {
		return nil, false, err
	}
	if id != nil {
		identity, err := n.keeper.identity(string(id))
		if err != nil {
			return nil, false, err
		}
		if identity != nil {
			n.assume(identity)
			return nil, false, nil
		}
	}
	fresh := id == nil && n.journalled == nil && n.keeper.seal == nil
	if n.cfg.Cluster.Bootstrap && fresh {
		bootstrap, err = n.found()
		return bootstrap, false, err
	}
	if !fresh && id == nil {
		n.bereft()
	}
	return nil, true, n.seek(ctx, string(id))
}

// assume makes an identity this node's own.
func (n *Node) assume(id *peer.Identity) {
	n.serverID.Store(&id.NodeID)
	n.port.SetIdentity(id)
}

// bereft says that Raft's directory is gone: the node serves what its journal
// holds, and may not vote under its old id.
func (n *Node) bereft() {
	text := fmt.Sprintf("Raft's directory (%s) is gone, so this node may not vote any more; it answers DNS from its journal. "+
		"It joins again as a new member when MERIDIAN_TOKEN is set and a node of the cluster can be reached", n.keeper.path(raftDir))
	n.trouble.Store(&text)
	n.log.Error(text)
	// Until then it goes on under its old certificate: it is the same machine, and its reports still count.
	if old, err := n.keeper.read(nodeIDFile); err == nil && old != nil {
		if identity, err := n.keeper.identity(string(old)); err == nil && identity != nil {
			n.assume(identity)
		}
	}
}

// found makes a new cluster of this node alone.
func (n *Node) found() (*change.Change, error) {
	if err := n.empty(); err != nil {
		return nil, err
	}
	clusterID, seal := randomID(), random(32)
	token, record, err := newToken(n.opts.Token)
	if err != nil {
		return nil, err
	}
	authority, err := peer.NewAuthority(clusterID)
	if err != nil {
		return nil, err
	}
	id := randomID()
	key, csr, err := newRequest(id)
	if err != nil {
		return nil, err
	}
	cert, err := authority.Issue(csr, id)
	if err != nil {
		return nil, err
	}
	if err := n.keeper.keep(id, clusterID, authority.Certificate, cert, key, seal); err != nil {
		return nil, err
	}
	sealedCA, err := n.keeper.Seal(authorityKey, authority.Key)
	if err != nil {
		return nil, err
	}
	joinKey, err := n.keeper.Seal("join/"+record.ID, peer.JoinKey(token))
	if err != nil {
		return nil, err
	}
	if err := n.keeper.write(tokenFile, []byte(token+"\n")); err != nil {
		return nil, err
	}
	if err := n.keeper.write(idFile, []byte(id)); err != nil {
		return nil, err
	}
	identity, err := n.keeper.identity(id)
	if err != nil {
		return nil, err
	}
	n.assume(identity)
	if n.opts.Token == "" && n.opts.Notify != nil {
		n.opts.Notify(fmt.Sprintf("admin token (kept in %s): %s", n.keeper.path(tokenFile), token))
	}
	member := n.self()
	member.Voter = true
	return &change.Change{
		Request: "init-" + clusterID, Actor: "node/" + n.cfg.Node, Clock: time.Now().UnixNano(),
		Body: change.InitCluster{
			Cluster: policy.Cluster{ID: clusterID, CA: authority.Certificate, CAKey: sealedCA, JoinKeys: map[string][]byte{record.ID: joinKey}},
			Member:  member, Token: record, Feature: policy.FeatureLevel,
		},
	}, nil
}

// empty refuses to make a cluster where there may have been one.
func (n *Node) empty() error {
	list, err := os.ReadDir(n.cfg.DataDir)
	if err != nil {
		return err
	}
	for _, f := range list {
		if !slices.Contains([]string{journalDir, historyDir, glassTokenFile, actsFile, "lost+found"}, f.Name()) { // what a start makes, whatever comes of it
			return policy.Errorf(policy.Conflict, "bootstrap: true starts a cluster only in an empty data directory, but %s holds %s; to begin anew move it away, to go on with the old cluster restore it whole", n.cfg.DataDir, f.Name())
		}
	}
	return nil
}

// self is what this node says of itself to the cluster.
func (n *Node) self() policy.Member {
	return policy.Member{
		ID: n.id(), Node: n.cfg.Node, Region: n.cfg.Region, Cluster: n.cfg.Cluster.Advertise, API: n.cfg.API.Listen,
		DNS: n.cfg.DNS.Listen, Feature: policy.FeatureLevel, Budget: n.cfg.Probing.Budget,
	}
}
