// Package webtest is a node in memory for tests of the API and of its clients:
// real changes applied to a real state, explained by the real compiler, with no
// Raft, no DNS and no probes behind it. Nothing but tests may import it.
package webtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/drill"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// Token is an admin's.
const Token = "test-token-with-256-random-bits"

// Start is the clock of the first change; each change comes a second after the one before.
var Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// Node is a cluster of three of which this node, ns1, is the leader.
type Node struct {
	mu          sync.Mutex
	state       *policy.State
	outage      error
	unreachable map[string]bool
	events      []policy.Event
	forgotten   uint64 // events that are no longer told
	more        chan struct{}
	moved       chan struct{} // closed when state becomes another
	applied     int           // changes that were not replays
	beacons     []string
	said        map[string]policy.NodeWindow // what each member said of each change, while it could be reached
	observed    []policy.Observation
	sampling    policy.SampleRequest
	sampled     uint64
	now         func() time.Time
}

// New makes a node whose cluster has been initialised.
func New() *Node {
	n := &Node{state: policy.NewState(), unreachable: map[string]bool{}, more: make(chan struct{}), moved: make(chan struct{}), said: map[string]policy.NodeWindow{}, now: time.Now}
	hash := sha256.Sum256([]byte(Token))
	n.must(change.InitCluster{
		Cluster: policy.Cluster{ID: "test"}, Member: member(1),
		Token: policy.Token{ID: "testtoke", Name: "bootstrap", Hash: hash[:], Role: "admin"},
	})
	n.must(change.PutMember{Member: member(2)})
	n.must(change.PutMember{Member: member(3)})
	n.state = n.state.Clone()
	n.state.Feature = policy.FeatureLevel // as the leader raises it, without an entry that every test would have to count
	return n
}

func member(i int) policy.Member {
	return policy.Member{
		ID: fmt.Sprintf("id-%d", i), Node: fmt.Sprintf("ns%d", i), Region: []string{"", "us-east", "eu-central", "ap-southeast"}[i],
		Cluster: fmt.Sprintf("192.0.2.%d:7300", i), API: fmt.Sprintf("192.0.2.%d:8080", i), DNS: []string{fmt.Sprintf("192.0.2.%d:53", i)},
		Feature: policy.FeatureLevel, Voter: true,
	}
}

func (n *Node) must(b change.Body) {
	if out, err := n.Propose(context.Background(), change.Change{Body: b}); err != nil || out.Refused != nil {
		panic(fmt.Sprint(err, out.Refused))
	}
}

// Do brings in a change as another client would.
func (n *Node) Do(c change.Change) (policy.Outcome, error) {
	return n.Propose(context.Background(), c)
}

// Outage makes every write fail with err; nil ends it.
func (n *Node) Outage(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.outage = err
}

// CutOff makes a member unreachable, or reachable again.
func (n *Node) CutOff(node string, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unreachable[node] = cut
}

// Applied counts the changes that came in and were neither refused nor a retry.
func (n *Node) Applied() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.applied
}

// Beacon notes what a client has measured.
func (n *Node) Beacon(client netip.Addr, rtts []policy.RTT) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range rtts {
		n.beacons = append(n.beacons, fmt.Sprintf("%s %s %v", client, r.Region, r.Ms))
	}
}

// Beacons is what clients have measured: their address, the region, and milliseconds.
func (n *Node) Beacons() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.beacons)
}

// State is the state now.
func (n *Node) State() *policy.State {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.state
}

// Changed is closed when the state becomes another.
func (n *Node) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.moved
}

// Propose applies a change.
func (n *Node) Propose(_ context.Context, c change.Change) (policy.Outcome, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.outage != nil {
		return policy.Outcome{}, n.outage
	}
	index := n.state.Index + 1
	c.Clock = Start.Add(time.Duration(index) * time.Second).UnixNano()
	data, err := change.Encode(c) // as it travels
	if err == nil {
		c, err = change.Decode(data)
	}
	if err != nil {
		return policy.Outcome{}, policy.Errorf(policy.Invalid, "%v", err)
	}
	next, out, err := change.Apply(n.state, index, c)
	if err != nil {
		return out, err
	}
	n.state = next
	close(n.moved)
	n.moved = make(chan struct{})
	if out.Refused == nil && !out.Replayed {
		n.applied++
		n.tell(policy.Event{Type: "change", Index: index, Object: out.Made, Text: change.KindOf(c.Body)})
	}
	return out, nil
}

// Settle says that every member that is reachable has published an index 10 ms after it was made.
func (n *Node) Settle(_ context.Context, index uint64) []policy.Publication {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []policy.Publication
	for _, m := range n.state.Members.All {
		p := policy.Publication{Node: m.Node, ID: m.ID, Reachable: true}
		if n.unreachable[m.Node] {
			p.Reachable, p.Error = false, "no route to host"
		} else {
			p.PublishedAt = Start.Add(time.Duration(index)*time.Second + 10*time.Millisecond)
			p.JournalledAt = p.PublishedAt.Add(20 * time.Millisecond)
		}
		list = append(list, p)
	}
	return list
}

// Draft compiles a state.
func (n *Node) Draft(state *policy.State) (*snapshot.Snapshot, error) {
	table, err := geo.Embedded()
	if err != nil {
		return nil, err
	}
	return snapshot.Compile(nil, state, snapshot.Local{Geo: table})
}

// Snapshot compiles the state.
func (n *Node) Snapshot() (*snapshot.Snapshot, error) { return n.Draft(n.State()) }

// Expel takes a member out, unless it is reachable.
func (n *Node) Expel(ctx context.Context, label string, c change.Change) (policy.Outcome, error) {
	for id, m := range n.State().Members.All {
		if m.Node == label {
			if n.mu.Lock(); !n.unreachable[label] {
				n.mu.Unlock()
				return policy.Outcome{}, policy.Errorf(policy.Conflict, "%s is alive: stop it first", label)
			}
			n.mu.Unlock()
			c.Body = change.DeleteMember{ID: id}
			return n.Propose(ctx, c)
		}
	}
	return policy.Outcome{}, policy.Errorf(policy.NotFound, "there is no member %q", label)
}

// Cluster is three members, of which the unreachable ones were last heard 9 s ago.
func (n *Node) Cluster(context.Context) policy.ClusterStatus {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.state
	c := policy.ClusterStatus{Node: "ns1", ID: "id-1", Role: "leader", Leader: "ns1", Term: 2, Commit: s.Index, Applied: s.Index}
	for _, m := range s.Members.All {
		st := policy.MemberStatus{Member: m, LastHeard: policy.Duration(9 * time.Second)}
		if !n.unreachable[m.Node] {
			st.Reachable, st.Applied, st.LastHeard = true, s.Index, policy.Duration(40*time.Millisecond)
			st.Published, st.Hash = policy.Position{Epoch: s.Epoch, Index: s.Index}, fmt.Sprintf("%016x", s.Hash())
			st.Version, st.Certificate = "v0.7.0", &policy.NodeCertificate{Expires: time.Date(2027, 1, 2, 3, 4, 5, 0, time.UTC)}
			if m.Node != "ns1" {
				st.Clock = &policy.ClockDifference{Difference: policy.Duration(-1200 * time.Microsecond), Uncertainty: policy.Duration(400 * time.Microsecond)}
			}
		}
		c.Members = append(c.Members, st)
	}
	return c
}

// SealJoinKey hides the token likewise.
func (n *Node) SealJoinKey(id, token string) ([]byte, error) {
	return n.Seal("join/"+id, []byte(token))
}

// Seal is no encryption: it says who it was sealed for and hides the value from a plain search.
func (n *Node) Seal(name string, value []byte) ([]byte, error) {
	sealed := []byte("sealed for " + name + ":")
	for _, b := range value {
		sealed = append(sealed, ^b)
	}
	return sealed, nil
}

// Open undoes Seal.
func (n *Node) Open(name string, sealed []byte) ([]byte, error) {
	rest, ok := bytes.CutPrefix(sealed, []byte("sealed for "+name+":"))
	if !ok {
		return nil, fmt.Errorf("it was not sealed for %s", name)
	}
	value := make([]byte, 0, len(rest))
	for _, b := range rest {
		value = append(value, ^b)
	}
	return value, nil
}

// Notifications is one delivery to each receiver.
func (n *Node) Notifications(context.Context) (policy.Notifications, error) {
	out := policy.Notifications{Node: "ns1", Receivers: []policy.ReceiverStatus{}, Deliveries: []policy.Delivery{}}
	for name, o := range n.State().Receivers.All {
		out.Receivers = append(out.Receivers, policy.ReceiverStatus{Name: name, Kind: o.Spec.Kind(), LastSuccess: Start})
		out.Deliveries = append(out.Deliveries, policy.Delivery{ID: "d1", Receiver: name, At: Start, Status: policy.Delivered, Attempts: 1, Notices: 1, Text: "pool web-eu is down", Code: 200})
	}
	return out, nil
}

// Preflight is what State says of a plan.
func (n *Node) Preflight(_ context.Context, plan *policy.DrillPlan) []policy.DrillCheck {
	return drill.Preflight(n.State(), plan, "", time.Now().UnixNano())
}

// TestNotification fails.
func (n *Node) TestNotification(_ context.Context, name string) (policy.Delivery, error) {
	if !n.State().Receivers.Has(name) {
		return policy.Delivery{}, policy.Errorf(policy.NotFound, "there is no notification %q", name)
	}
	return policy.Delivery{ID: "t1", Receiver: name, At: Start, Status: policy.Failed, Attempts: 1, Notices: 1, Text: "a test", Error: "connection refused", Test: true}, nil
}

// Ready is nil.
func (n *Node) Ready() error { return nil }
