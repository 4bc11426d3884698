package node

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

// settleFor is how long an operator's write waits for nodes that can be reached.
const settleFor = 2 * time.Second

// State is the newest state this node has.
func (n *Node) State() *policy.State { return n.publisher.newest() }

// Changed is closed when State becomes another.
func (n *Node) Changed() <-chan struct{} { return n.publisher.another() }

// Propose puts a change through Raft, from whichever node it comes in at.
func (n *Node) Propose(ctx context.Context, c change.Change) (policy.Outcome, error) {
	store := n.store.Load()
	if store == nil {
		return policy.Outcome{}, policy.Errorf(policy.Unavailable, "this node cannot take writes: %s", n.problem())
	}
	if err := change.Admit(n.State(), c.Body); err != nil {
		return policy.Outcome{}, err
	}
	out, err := store.Propose(ctx, c)
	if err == nil {
		n.follow(ctx, out.Index)
	}
	return out, err
}

// follow waits until State is at an index or later: it is taken from the store beside whoever proposes.
func (n *Node) follow(ctx context.Context, index uint64) {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	for moved := n.Changed(); n.State().Index < index; moved = n.Changed() {
		select {
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// SealJoinKey is the sealed verifier of a token with which nodes may join.
func (n *Node) SealJoinKey(id, token string) ([]byte, error) {
	return n.keeper.Seal("join/"+id, peer.JoinKey(token))
}

// Beacon gathers what a client has measured, to be brought in with what others have.
func (n *Node) Beacon(client netip.Addr, rtts []policy.RTT) { n.beacons.hear(client, rtts) }

// problem says why Raft is not running on this node.
func (n *Node) problem() string {
	if p := n.trouble.Load(); p != nil {
		return *p
	}
	return "it is still starting; try again"
}

// settleRequest asks a node whether it answers by a change.
type settleRequest struct {
	Index uint64 `json:"index"`
}

// Settle waits until every node that can be reached has published and
// journalled the change at index, or for two seconds, and tells how each fared.
func (n *Node) Settle(ctx context.Context, index uint64) []policy.Publication {
	ctx, cancel := context.WithTimeout(ctx, settleFor)
	defer cancel()
	members := nodesOf(n.State(), "")
	list := make([]policy.Publication, len(members))
	var all sync.WaitGroup
	for i, m := range members {
		all.Go(func() {
			if m.ID == n.id() {
				list[i] = n.settled(ctx, index)
			} else {
				list[i] = n.askSettled(ctx, m, index)
			}
			list[i].Node, list[i].ID = m.Node, m.ID
		})
	}
	all.Wait()
	return list
}

// settled waits for this node alone.
func (n *Node) settled(ctx context.Context, index uint64) policy.Publication {
	p := policy.Publication{Reachable: true}
	var err error
	if p.PublishedAt, err = n.publisher.wait(ctx, index); err != nil {
		p.Error = fmt.Sprintf("not published yet: %v", err)
		return p
	}
	if p.JournalledAt, err = n.journal.Wait(ctx, index); err != nil {
		p.Error = fmt.Sprintf("published, but not on its disk yet: %v", err)
	}
	return p
}

func (n *Node) askSettled(ctx context.Context, m policy.Member, index uint64) policy.Publication {
	var p policy.Publication
	if err := n.call(ctx, m.Cluster, "settle", settleRequest{index}, &p); err != nil {
		return policy.Publication{Error: err.Error()}
	}
	return p
}

// call asks another member something, as JSON.
func (n *Node) call(ctx context.Context, addr, name string, in, out any) error {
	return callJSON(ctx, n.port, addr, name, in, out)
}

// answer registers what other nodes ask of this one.
func (n *Node) answerPeers() {
	n.port.HandleAll("report", func(_ context.Context, from string, body []byte) ([]byte, error) { return n.heardReport(from, body) })
	n.port.Handle("settle", func(ctx context.Context, _ string, body []byte) ([]byte, error) {
		var req settleRequest
		if err := json.Unmarshal(body, &req); err != nil {
			return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
		}
		ctx, cancel := context.WithTimeout(ctx, settleFor-100*time.Millisecond)
		defer cancel()
		return json.Marshal(n.settled(ctx, req.Index))
	})
	n.answerNotified()
	n.port.HandleAll("announce", n.announced)
	n.port.HandleAll("assignment", n.assigned)
	n.port.HandleAll("renew", n.renewed)
	n.port.Handle("evidence", func(_ context.Context, _ string, body []byte) ([]byte, error) { return askedEvidence(n.prober, body) })
	n.port.Handle("probe", func(ctx context.Context, _ string, body []byte) ([]byte, error) {
		return askedProbe(ctx, n.prober, n.checks.of(n.State()).get, body)
	})
	n.port.Handle("status", func(context.Context, string, []byte) ([]byte, error) {
		return json.Marshal(toldStatus{n.standing(), n.wall()})
	})
}

// heardReport takes another vantage's report.
func (n *Node) heardReport(from string, body []byte) ([]byte, error) {
	var r policy.Report
	if err := r.UnmarshalBinary(body); err != nil {
		return nil, err
	}
	if r.Vantage != from {
		return nil, policy.Errorf(policy.Invalid, "a report of vantage %s from node %s", r.Vantage, from)
	}
	n.hearing.take(r)
	return nil, nil
}

// Snapshot is what queries that come now are answered from.
func (n *Node) Snapshot() (*snapshot.Snapshot, error) {
	s := n.publisher.snapshot()
	if s == nil {
		return nil, policy.Errorf(policy.Unavailable, "this node has no state yet; it is still starting")
	}
	return s, nil
}

// Draft compiles a state on the side.
func (n *Node) Draft(s *policy.State) (*snapshot.Snapshot, error) {
	_, local := n.publisher.given()
	return snapshot.Compile(n.publisher.snapshot(), s, local)
}

// Events sends what happened after seq, then what happens, until ctx ends.
func (n *Node) Events(ctx context.Context, after uint64) <-chan policy.Event {
	return n.events.watch(ctx, after)
}

// Open decrypts what Seal made under the same name.
func (n *Node) Open(name string, sealed []byte) ([]byte, error) { return n.keeper.open(name, sealed) }

// Seal encrypts a value under the cluster's key.
func (n *Node) Seal(name string, value []byte) ([]byte, error) { return n.keeper.Seal(name, value) }

// Ready is nil once the node has its state and answers DNS.
func (n *Node) Ready() error {
	at, _, err := n.publisher.position()
	if err != nil {
		return fmt.Errorf("the newest state cannot be compiled: %w", err)
	}
	if at == (policy.Position{}) {
		return fmt.Errorf("no state is published yet: %s", n.problem())
	}
	return nil
}
