package web

import (
	"context"
	"net/netip"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// Node is what the API needs of the node it stands in front of. All of it may be called at once from many goroutines.
type Node interface {
	// State is the state this node has applied. It is frozen.
	State() *policy.State

	// Changed gives a channel that is closed when State becomes another.
	Changed() <-chan struct{}

	// Propose brings a change into the replicated log, through the leader
	// wherever that is, and says what became of it. A refusal is in the outcome;
	// an error means that it could not be brought in, or that nobody knows
	// (policy.Unavailable). When it returns, this node's State is at the outcome's
	// index or later, unless ctx ended first.
	Propose(ctx context.Context, c change.Change) (policy.Outcome, error)

	// Settle waits until every reachable node has published and journalled an
	// index, for 2 seconds at most, and says how far each member is.
	Settle(ctx context.Context, index uint64) []policy.Publication

	// Window asks every node how far a change is that takes endpoints out of
	// answers, waiting for those that have yet to publish it as Settle does, and until when resolvers may hold them.
	Window(ctx context.Context, q policy.WindowQuery) policy.Window

	// Windows is Window of several changes, without the wait.
	Windows(ctx context.Context, list []policy.WindowQuery) []policy.Window

	// Departures asks every node what left its answers of late, for a second at most.
	Departures(ctx context.Context) policy.Departures

	// Observe takes in who was seen to come where, on this node alone.
	Observe(batch []policy.Observation)

	// Residual asks every node who was seen to come to some endpoints after a time, for a second at most.
	Residual(ctx context.Context, q policy.ResidualQuery) policy.Residuals

	// Snapshot is what this node answers queries from now.
	Snapshot() (*snapshot.Snapshot, error)

	// Draft is what this node would answer queries from if a state were
	// published, by the geographic data that it has.
	Draft(s *policy.State) (*snapshot.Snapshot, error)

	// Cluster is what this node knows of the cluster now.
	Cluster(ctx context.Context) policy.ClusterStatus

	// Expel takes a member that is stopped out of the cluster for good, by the label of its node.
	Expel(ctx context.Context, label string, c change.Change) (policy.Outcome, error)

	// Stats asks every node how busy it is, for a second at most.
	Stats(ctx context.Context) policy.Stats

	// Health is the health of the endpoints that take wants, in order of pools. take sees all but the reports of vantages. It asks no other node.
	Health(take func(*policy.EndpointHealth) bool) []policy.EndpointHealth

	// Certificates are those that endpoints showed to this node's own probes.
	Certificates() []policy.SeenCertificate

	// Evidence is all there is to know of one endpoint's health. It asks the other vantages, for a second at most.
	Evidence(ctx context.Context, endpoint string) (policy.EndpointHealth, error)

	// Sample turns sampling of queries on every node on or off, for a second at most, and says what is sampled then.
	Sample(ctx context.Context, r policy.SampleRequest) policy.QuerySample

	// Queries is the sample of every node, the newest queries first. It asks for a second at most.
	Queries(ctx context.Context, limit int) policy.QuerySample

	// Delegation asks a zone's parent how it delegates the zone, for 5 seconds at most. The zero resolver is the system's.
	Delegation(ctx context.Context, zone policy.Name, resolver netip.Addr) (policy.Delegation, error)

	// History asks every node what it kept of an endpoint's health, for two seconds at most.
	History(ctx context.Context, q policy.HistoryQuery) (policy.EndpointHistory, error)

	// Probe makes one probe of an endpoint at a vantage ("" is this node) by a monitor ("" is its only one).
	Probe(ctx context.Context, endpoint, vantage, monitor string) (policy.ProbeResult, error)

	// Events gives what happened after a sequence number, as far as it is
	// remembered, then what happens, until ctx ends. The channel is closed when
	// ctx ends, and when its reader is too slow.
	Events(ctx context.Context, after uint64) <-chan policy.Event

	// Seal encrypts a secret under the cluster's key.
	Seal(name string, value []byte) ([]byte, error)

	// Open decrypts what Seal made under the same name.
	Open(name string, sealed []byte) ([]byte, error)

	// SealJoinKey is the sealed verifier of a token with which nodes may join.
	SealJoinKey(id, token string) ([]byte, error)

	// Beacon gathers what a client has measured, to be brought into the state with what others have.
	Beacon(client netip.Addr, rtts []policy.RTT)

	// Notifications is how receivers fare, as the node that leads knows it.
	Notifications(ctx context.Context) (policy.Notifications, error)

	// TestNotification sends a receiver a test from the node that leads.
	TestNotification(ctx context.Context, name string) (policy.Delivery, error)

	// Preflight checks a drill plan as its run would do before it begins.
	Preflight(ctx context.Context, plan *policy.DrillPlan) []policy.DrillCheck

	// Ready is nil when the node has its state and answers DNS, else it says what is missing.
	Ready() error
}
