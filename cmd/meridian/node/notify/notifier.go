package notify

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// The bounds of what a node keeps.
const (
	maxNotices    = 20_000 // that are derived and may still have to be told
	maxDeliveries = 500    // in the log
)

// Config is what a Notifier needs of its node.
type Config struct {
	Node   string
	State  func() *policy.State
	Secret func(name string) (string, error)
	Note   func(ctx context.Context, upto map[string]uint64) error // replicates how far receivers were told
	Check  func(netip.AddrPort) error                              // nil where a connection may go
	Allow  []netip.Prefix                                          // hosts to which plain HTTP may go
	Log    *slog.Logger
}

// Notifier derives notices on every node, and delivers them on the one that leads.
type Notifier struct {
	cfg Config

	mu         sync.Mutex
	notices    []policy.Notice // oldest first
	first      int             // sequence number of notices[0]
	more       chan struct{}   // closed when there are more
	pic        picture         // of the newest state; nil while there is no receiver
	picOf      *policy.State
	lost       map[string]policy.Notice // members that cannot be heard, by key
	deliveries []policy.Delivery        // newest last
	told       map[string]uint64        // that is to be replicated
	receivers  map[string]policy.ReceiverStatus
}

// New makes a notifier.
func New(cfg Config) *Notifier {
	return &Notifier{cfg: cfg, more: make(chan struct{}), lost: map[string]policy.Notice{}, told: map[string]uint64{}, receivers: map[string]policy.ReceiverStatus{}}
}

// Saw derives what there is to tell when one state follows another. It is called with each state in turn.
func (n *Notifier) Saw(old, next *policy.State) {
	if next.Receivers.Len() == 0 {
		n.mu.Lock()
		n.pic, n.picOf = nil, nil
		n.mu.Unlock()
		return
	}
	n.mu.Lock()
	was := n.pic
	n.mu.Unlock()
	if was == nil && old.Receivers.Len() == 0 { // there was nobody to tell before; or this node has just started
		n.mu.Lock()
		n.pic, n.picOf = look(next), next
		n.mu.Unlock()
		return
	}
	if was == nil {
		was = look(old)
	}
	is := was
	if old.Verdicts.Sum() != next.Verdicts.Sum() || old.ConfigRevision != next.ConfigRevision || n.picOf == nil {
		is = look(next)
	}
	list := differences(old, next, was, is)
	n.mu.Lock()
	n.pic, n.picOf = is, next
	n.mu.Unlock()
	n.add(list...)
}

func (n *Notifier) add(list ...policy.Notice) {
	if len(list) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notices = append(n.notices, list...)
	if over := len(n.notices) - maxNotices; over > maxNotices/4 { // not each time
		n.notices = append(n.notices[:0:0], n.notices[over:]...)
		n.first += over
	}
	close(n.more)
	n.more = make(chan struct{})
}

// Lost notes that a member is not heard any more, or again, and tells it if this node leads.
func (n *Notifier) Lost(node string, lost, leads bool, silent time.Duration) {
	s := n.cfg.State()
	if s.Receivers.Len() == 0 {
		return
	}
	key := "member/" + node
	v := policy.Notice{Event: "member", What: "lost", Firing: true, Severity: policy.Critical, Key: key, Text: fmt.Sprintf("%s was not heard for %v", node, silent.Round(time.Second))}
	if !lost {
		v.What, v.Firing, v.Resolves, v.Text = "back", false, true, node+" is heard again"
	}
	v = finish(s, v, 0)
	n.mu.Lock()
	_, was := n.lost[key]
	if lost {
		n.lost[key] = v
	} else {
		delete(n.lost, key)
	}
	n.mu.Unlock()
	if was != lost && leads {
		n.add(v)
	}
}

// Leads tells that this node leads now, and who did before.
func (n *Notifier) Leads(before string, term uint64) {
	s := n.cfg.State()
	if s.Receivers.Len() == 0 || before == "" || before == n.cfg.Node {
		return
	}
	n.add(finish(s, policy.Notice{Event: "leader", What: "changed", Severity: policy.Warning, Key: "leader",
		Text: fmt.Sprintf("%s leads in term %d; %s did before", n.cfg.Node, term, before)}, 0))
}

// since gives the notices from a sequence number, the number after the last, how many were there and are forgotten, and
// a channel that is closed when there are more.
func (n *Notifier) since(seq int) (list []policy.Notice, next, forgotten int, more <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	forgotten = max(0, n.first-seq)
	at := max(seq, n.first) - n.first
	return append([]policy.Notice(nil), n.notices[at:]...), n.first + len(n.notices), forgotten, n.more
}

// after is the sequence number of the first notice of an index above one.
func (n *Notifier) after(index uint64) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range n.notices {
		if n.notices[i].Index > index {
			return n.first + i
		}
	}
	return n.first + len(n.notices)
}

// firing is all that is wrong now.
func (n *Notifier) firing() []policy.Notice {
	n.mu.Lock()
	pic, of := n.pic, n.picOf
	list := make([]policy.Notice, 0, len(n.lost))
	for _, v := range n.lost {
		list = append(list, v)
	}
	n.mu.Unlock()
	if of != nil {
		list = append(list, pic.firing(of)...)
	}
	return list
}

// upto notes how far a receiver was told.
func (n *Notifier) upto(receiver string, index uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told[receiver] = max(n.told[receiver], index)
}

// record puts a delivery into the log, in the place of what was said of it before.
func (n *Notifier) record(d policy.Delivery) {
	n.mu.Lock()
	defer n.mu.Unlock()
	st := n.receivers[d.Receiver]
	st.Name = d.Receiver
	switch d.Status {
	case policy.Delivered:
		st.LastSuccess, st.Failing = d.At, ""
	case policy.Failed, policy.Retrying:
		st.LastFailure, st.Failing = d.At, d.Error
	}
	n.receivers[d.Receiver] = st
	for i := len(n.deliveries) - 1; i >= 0; i-- {
		if n.deliveries[i].ID == d.ID && n.deliveries[i].Receiver == d.Receiver { // a retry, or what still fires
			n.deliveries[i] = d
			return
		}
	}
	if n.deliveries = append(n.deliveries, d); len(n.deliveries) > maxDeliveries {
		n.deliveries = append(n.deliveries[:0:0], n.deliveries[1:]...)
	}
}

// Standing is what this node knows of the deliveries that it made, newest first, and of the receivers.
func (n *Notifier) Standing() policy.Notifications {
	s := n.cfg.State()
	n.mu.Lock()
	defer n.mu.Unlock()
	out := policy.Notifications{Node: n.cfg.Node, Receivers: []policy.ReceiverStatus{}, Deliveries: []policy.Delivery{}}
	for name, o := range s.Receivers.All {
		st := n.receivers[name]
		st.Name, st.Kind = name, o.Spec.Kind()
		out.Receivers = append(out.Receivers, st)
	}
	for i := len(n.deliveries) - 1; i >= 0; i-- {
		out.Deliveries = append(out.Deliveries, n.deliveries[i])
	}
	return out
}
