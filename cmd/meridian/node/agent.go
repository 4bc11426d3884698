package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/probes"
	"github.com/meridian-gtm/meridian/raftstore/peer"
)

const (
	attendEvery      = time.Second      // how often an agent asks what it has to probe, one node after the other
	assignmentWithin = 30 * time.Second // it may be large, and the line slow
	lostAfter        = time.Minute
)

// Agent is a vantage alone: it probes what the cluster assigns to it and tells
// every node what it sees. It holds no state, no key of the cluster, and answers no DNS.
type Agent struct {
	cfg  Config
	opts Options
	log  *slog.Logger

	registry   *prometheus.Registry
	keeper     *keeper
	port       *peer.Port
	cluster    net.Listener
	pages      net.Listener // nil without api.listen
	prober     *probes.Prober
	references *probes.References

	id   atomic.Pointer[string]
	task atomic.Pointer[assignment] // nil until a node has given one
	turn int                        // whose turn it is to be asked

	mu       sync.Mutex
	asked    map[string]bool // the nodes that owe an answer
	attended time.Time       // when a node last answered, or that was last complained of
	removed  bool            // a node has said so; it is for good
	asking   sync.WaitGroup
}

// NewAgent opens everything an agent needs. Nothing runs until Run; an error leaves nothing open.
func NewAgent(cfg Config, opts Options) (_ *Agent, err error) {
	a := &Agent{cfg: cfg, opts: opts, log: opts.Log.With("agent", cfg.Node), registry: prometheus.NewRegistry(), keeper: &keeper{dir: cfg.DataDir}, attended: time.Now(), asked: map[string]bool{}}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory: %w", err)
	}
	if b, err := a.keeper.read(sealFile); err != nil || b != nil {
		return nil, errors.Join(err, fmt.Errorf("%s is the data directory of a node; give the agent one of its own", cfg.DataDir))
	}
	defer func() {
		if err != nil {
			a.close()
		}
	}()
	if a.cluster, err = net.Listen("tcp", cfg.Cluster.Listen); err != nil {
		return nil, fmt.Errorf("the cluster port: %w; is another node running, or cluster.listen wrong?", err)
	}
	if cfg.API.Listen != "" {
		if a.pages, err = net.Listen("tcp", cfg.API.Listen); err != nil {
			return nil, fmt.Errorf("the status pages: %w; is another node running, or api.listen wrong?", err)
		}
	}
	if a.port, err = peer.New(peer.Config{Listener: a.cluster, Logger: a.log}); err != nil {
		return nil, err
	}
	if a.prober, a.references, err = openVantage(cfg, a.secret, nil, a.log, a.registry); err != nil {
		return nil, err
	}
	a.port.Handle("evidence", func(_ context.Context, _ string, body []byte) ([]byte, error) { return askedEvidence(a.prober, body) })
	a.port.Handle("probe", func(ctx context.Context, _ string, body []byte) ([]byte, error) {
		return askedProbe(ctx, a.prober, a.find, body)
	})
	a.port.Handle("status", func(context.Context, string, []byte) ([]byte, error) {
		now := time.Now()
		return json.Marshal(toldStatus{policy.MemberStatus{
			Member: a.self(), Reachable: true, Version: a.opts.Version, Certificate: certificateOf(a.port.Identity(), now),
		}, now})
	})
	return a, nil
}

func (a *Agent) close() {
	for _, l := range []net.Listener{a.cluster, a.pages} {
		if l != nil {
			l.Close()
		}
	}
}

// Run probes until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return a.port.Run(ctx) })
	if a.pages != nil {
		work.Go(func() error { return servePages(ctx, a.pages, a.registry, func() bool { return a.task.Load() != nil }) })
	}
	work.Go(func() error {
		if err := a.enter(ctx); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		work.Go(func() error { return a.prober.Run(ctx) })
		work.Go(func() error { return a.references.Run(ctx) })
		work.Go(func() error { return a.report(ctx) })
		work.Go(func() error { return every(ctx, upkeepEvery, func() { a.keepUp(ctx) }) })
		defer a.asking.Wait()
		return every(ctx, attendEvery, func() { a.attend(ctx) })
	})
	return work.Wait()
}

func (a *Agent) self() policy.Member {
	m := policy.Member{
		Node: a.cfg.Node, Region: a.cfg.Region, Cluster: a.cfg.Cluster.Advertise, Feature: policy.FeatureLevel, Agent: true, Budget: a.cfg.Probing.Budget,
	}
	if id := a.id.Load(); id != nil {
		m.ID = *id
	}
	return m
}

// enter gives the agent its identity: the one it has, or one from a node that it joins at.
func (a *Agent) enter(ctx context.Context) error {
	id, err := a.keeper.read(nodeIDFile)
	if err != nil {
		return err
	}
	if id != nil {
		return a.assume(string(id))
	}
	if a.opts.Token == "" {
		return policy.Errorf(policy.Invalid, "joining needs a token of the cluster in MERIDIAN_TOKEN; an admin makes one with meridian token create %s --role node", a.cfg.Node)
	}
	reserved, err := a.keeper.reserve()
	if err != nil {
		return err
	}
	began := time.Now()
	return joining(ctx, a.cfg.Cluster.Join, func(addr string) (final bool, err error) {
		if err = a.joinAt(ctx, addr, reserved); err == nil {
			return true, nil
		}
		err = fmt.Errorf("joining at %s: %w", addr, err)
		if hopeless(err, began) {
			return true, err
		}
		a.log.Warn("this agent has not joined yet; it goes on trying", "error", err)
		return false, err
	})
}

func (a *Agent) joinAt(ctx context.Context, addr, id string) error {
	key, csr, err := newRequest(id)
	if err != nil {
		return err
	}
	m := a.self()
	reply, err := peer.Join(ctx, addr, a.opts.Token, peer.JoinRequest{
		NodeID: id, NodeLabel: m.Node, Region: m.Region, ClusterAddr: m.Cluster, CSR: csr, Feature: m.Feature, Agent: true, Budget: m.Budget,
	})
	if err != nil {
		return err
	}
	if err := a.keeper.keep(id, reply.ClusterID, reply.CA, reply.Certificate, key, nil); err != nil {
		return err
	}
	if err := a.assume(id); err != nil {
		return err
	}
	a.log.Info("this agent has joined the cluster", "cluster", reply.ClusterID, "at", addr)
	return a.keeper.unreserve()
}

func (a *Agent) assume(id string) error {
	identity, err := a.keeper.identity(id)
	if err != nil {
		return err
	}
	if identity == nil || !identity.Agent {
		return policy.Errorf(policy.Conflict, "%s is not the data directory of an agent; give this one an empty directory, and MERIDIAN_TOKEN", a.cfg.DataDir)
	}
	a.id.Store(&id)
	a.port.SetIdentity(identity)
	return nil
}

// nodes are the cluster ports to ask: those of the last assignment, and those of the configuration.
func (a *Agent) nodes() (addrs []string) {
	seen := map[string]bool{}
	add := func(addr string) {
		if !seen[addr] {
			seen[addr] = true
			addrs = append(addrs, addr)
		}
	}
	if t := a.task.Load(); t != nil {
		for _, m := range t.Nodes {
			add(m.Cluster)
		}
	}
	for _, addr := range a.cfg.Cluster.Join {
		add(addr)
	}
	return addrs
}

// attend asks the next node what there is to probe, unless that one still owes an answer: a node that hangs holds up nobody.
func (a *Agent) attend(ctx context.Context) {
	addrs := a.nodes()
	a.turn++
	addr := addrs[a.turn%len(addrs)]
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked[addr] || a.removed {
		return
	}
	a.asked[addr] = true
	ask := assignmentRequest{}
	if t := a.task.Load(); t != nil {
		ask.Have = t.Digest
	}
	a.asking.Go(func() {
		limit, cancel := context.WithTimeout(ctx, assignmentWithin)
		defer cancel()
		var next assignment
		err := callJSON(limit, a.port, addr, "assignment", ask, &next)
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.asked, addr)
		if ctx.Err() == nil {
			a.answered(addr, next, err)
		}
	})
}

// answered takes what a node has said. What an earlier state said is passed over: nodes may be behind.
func (a *Agent) answered(addr string, next assignment, err error) {
	old := a.task.Load()
	switch {
	case a.removed: // a node that is behind does not bring it back
		return
	case policy.KindOf(err) == policy.Conflict: // said by a node: this agent is none of the cluster's any more
		a.removed = true
		a.log.Error("this agent was removed from the cluster; it stops probing. To take it back, start it with an empty data directory and MERIDIAN_TOKEN", "said by", addr)
		a.task.Store(nil)
		a.prober.SetChecks(nil)
		return
	case err != nil:
		if time.Since(a.attended) > lostAfter {
			a.attended = time.Now()
			a.log.Warn("no node has said for a while what is to be probed; was this agent removed (meridian cluster status)?", "last asked", addr, "error", err)
		}
		return
	}
	a.attended = time.Now()
	if next.Same || old != nil && next.At.Before(old.At) {
		return
	}
	if old == nil || old.Digest != next.Digest {
		a.log.Info("what is to be probed", "checks", len(next.Checks), "nodes", len(next.Nodes), "index", next.At.Index)
	}
	a.task.Store(&next)
	a.prober.SetChecks(next.Checks)
	targets := make([]string, len(next.Nodes))
	for i, m := range next.Nodes {
		targets[i] = m.Cluster
	}
	a.references.SetTargets(targets)
}

func (a *Agent) report(ctx context.Context) error {
	r := reporter{
		octets: reportOctets(a.registry),
		members: func() []policy.Member {
			if t := a.task.Load(); t != nil {
				return t.Nodes
			}
			return nil
		},
		changed: a.prober.Changed(), take: func(policy.Report) {},
		table: func() policy.Report {
			r := a.prober.Report()
			r.Vantage = *a.id.Load()
			return r
		},
		send: func(ctx context.Context, addr string, body []byte) error {
			_, err := a.port.Call(ctx, addr, "report", body)
			return err
		},
	}
	return r.Run(ctx)
}

// keepUp tells the cluster what has changed at this agent, and has its certificate renewed in time.
func (a *Agent) keepUp(ctx context.Context) {
	t := a.task.Load()
	if t == nil {
		return
	}
	if m := a.self(); !reflect.DeepEqual(m, t.Self) {
		a.anywhere(ctx, "telling the cluster what has changed at this agent", func(ctx context.Context, addr string) error {
			return callJSON(ctx, a.port, addr, "announce", m, nil)
		})
	}
	if time.Until(a.port.Identity().Expires()) <= renewAt {
		a.anywhere(ctx, "renewing this agent's certificate", a.renew)
	}
}

// anywhere does something at the first node that lets it.
func (a *Agent) anywhere(ctx context.Context, what string, do func(ctx context.Context, addr string) error) {
	var err error
	for _, addr := range a.nodes() {
		limit, cancel := context.WithTimeout(ctx, 5*time.Second)
		err = do(limit, addr)
		cancel()
		if err == nil || ctx.Err() != nil {
			return
		}
	}
	a.log.Warn(what+"; it is tried again", "error", err)
}

func (a *Agent) renew(ctx context.Context, addr string) error {
	next, err := a.keeper.renew(*a.id.Load(), func(csr []byte) ([]byte, error) { return a.port.Call(ctx, addr, "renew", csr) })
	if err == nil {
		a.port.SetIdentity(next)
	}
	return err
}

func (a *Agent) secret(name string) (string, error) {
	if t := a.task.Load(); t != nil {
		if v, ok := t.Secrets[name]; ok {
			return v, nil
		}
	}
	return "", fmt.Errorf("there is no secret %q", name)
}

// find is a check as this agent probes it, or nil.
func (a *Agent) find(id string) *policy.Check {
	if t := a.task.Load(); t != nil {
		for i := range t.Checks {
			if t.Checks[i].ID == id {
				return &t.Checks[i]
			}
		}
	}
	return nil
}
