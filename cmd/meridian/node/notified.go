package node

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/cmd/meridian/node/notify"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/probes"
)

// silence is how long a member is not heard until receivers are told.
const silence = 10 * time.Second

func (n *Node) newNotifier() *notify.Notifier {
	allow := slices.Concat(n.cfg.Probing.Allow, n.cfg.Notifications.Allow)
	return notify.New(notify.Config{
		Node: n.cfg.Node, State: n.State, Secret: n.secret, Log: n.log, Allow: allow, Check: probes.Guard{Allow: allow, Own: ownPorts(n.cfg)}.Check,
		Note: func(ctx context.Context, upto map[string]uint64) error {
			out, err := n.Propose(ctx, change.Change{Actor: "node/" + n.cfg.Node, Body: change.PutNotified{Upto: upto}})
			if err == nil && out.Refused != nil {
				err = out.Refused
			}
			return err
		},
	})
}

// watchMembers looks who is not heard any more. While there is no leader nobody is told, and the next one looks anew.
func (n *Node) watchMembers(s *policy.State) {
	if s.Receivers.Len() == 0 || n.leaderless() > 0 {
		return
	}
	n.leaderMu.Lock()
	leads := n.leader == n.id()
	n.leaderMu.Unlock()
	for id, age := range n.hearing.ages() {
		if m, ok := s.Members.Get(id); ok && id != n.id() {
			n.notifier.Lost(m.Node, time.Duration(age) > silence, leads, time.Duration(age))
		}
	}
}

// answerNotified registers what other nodes ask of the one that leads.
func (n *Node) answerNotified() {
	n.port.Handle("notified", func(context.Context, string, []byte) ([]byte, error) { return json.Marshal(n.notifier.Standing()) })
	n.port.Handle("notify", func(ctx context.Context, _ string, body []byte) ([]byte, error) {
		var name string
		if err := json.Unmarshal(body, &name); err != nil {
			return nil, policy.Errorf(policy.Invalid, "a request that cannot be read: %v", err)
		}
		d, err := n.notifier.Test(ctx, name)
		if err != nil {
			return nil, err
		}
		return json.Marshal(d)
	})
}

// delivers is the member that delivers notifications; self says that it is this node.
func (n *Node) delivers() (m policy.Member, self bool, err error) {
	store := n.store.Load()
	if store == nil {
		return m, false, policy.Errorf(policy.Unavailable, "this node has no leader to ask: %s", n.problem())
	}
	m, ok := n.State().Members.Get(store.Status().Leader)
	if !ok {
		return m, false, policy.Errorf(policy.Unavailable, "there is no leader, so nobody delivers notifications")
	}
	return m, m.ID == n.id(), nil
}

// Notifications is how receivers fare, as the node that leads knows it.
func (n *Node) Notifications(ctx context.Context) (out policy.Notifications, err error) {
	m, self, err := n.delivers()
	if err != nil || self {
		return n.notifier.Standing(), err
	}
	err = n.call(ctx, m.Cluster, "notified", struct{}{}, &out)
	return out, err
}

// TestNotification sends a receiver a test from the node that leads.
func (n *Node) TestNotification(ctx context.Context, name string) (d policy.Delivery, err error) {
	if !n.State().Receivers.Has(name) {
		return d, policy.Errorf(policy.NotFound, "there is no notification %q", name)
	}
	m, self, err := n.delivers()
	if err != nil {
		return d, err
	}
	if self {
		return n.notifier.Test(ctx, name)
	}
	err = n.call(ctx, m.Cluster, "notify", name, &d)
	return d, err
}
