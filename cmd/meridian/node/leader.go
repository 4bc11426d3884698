package node

import (
	"fmt"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// watchLeader notes who leads, and tells of a change.
func (n *Node) watchLeader() {
	store := n.store.Load()
	if store == nil {
		return
	}
	st := store.Status()
	n.leaderMu.Lock()
	defer n.leaderMu.Unlock()
	if st.Leader != "" {
		n.leaderAt = time.Now().Add(-st.LastContact)
	}
	if st.Leader == n.leader {
		return
	}
	if st.Leader != "" {
		if m, ok := n.State().Members.Get(n.ledLast); ok && st.Leader == n.id() {
			n.notifier.Leads(m.Node, st.Term)
		}
		n.ledLast = st.Leader
	}
	n.leader = st.Leader
	text, label := "there is no leader", ""
	if m, ok := n.State().Members.Get(st.Leader); ok {
		label = m.Node
		text = fmt.Sprintf("%s leads in term %d", label, st.Term)
	}
	n.events.tell(policy.Event{Type: "leader", Index: n.State().Index, Object: label, Text: text})
}

// leaderLabel is the leader's label, or "" when this node has none.
func (n *Node) leaderLabel() string {
	n.leaderMu.Lock()
	defer n.leaderMu.Unlock()
	if n.leader == "" {
		return ""
	}
	if m, ok := n.State().Members.Get(n.leader); ok {
		return m.Node
	}
	return n.leader
}

// leaderless is how long this node has had no leader.
func (n *Node) leaderless() time.Duration {
	n.leaderMu.Lock()
	defer n.leaderMu.Unlock()
	if n.leader != "" {
		return 0
	}
	return time.Since(n.leaderAt)
}
