package node

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/meridian-gtm/meridian/cmd/meridian/node/history"
	"github.com/meridian-gtm/meridian/cmd/meridian/node/journal"
	"github.com/meridian-gtm/meridian/cmd/meridian/node/notify"
	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/probes"
	"github.com/meridian-gtm/meridian/raftstore"
	"github.com/meridian-gtm/meridian/raftstore/peer"
	"github.com/meridian-gtm/meridian/web"
)

// Options are what a node is given besides its configuration file.
type Options struct {
	Token   string // MERIDIAN_TOKEN: the admin token at bootstrap, and the proof when joining; "" makes a random one
	Version string // of the binary
	Log     *slog.Logger
	Notify  func(line string) // one line for the person who started it: the admin token at first start
}

// Node is one running node.
type Node struct {
	cfg  Config
	opts Options
	log  *slog.Logger

	registry   *prometheus.Registry
	keeper     *keeper
	journal    *journal.Journal
	journalled *policy.State // what the journal held at the start, or nil
	sockets    *dnsserver.Sockets
	dns        *dnsserver.Server
	publisher  *publisher
	events     *events
	hearing    *hearing
	checks     checkCache
	probing    *checkList // that the prober has, and as which vantage
	probingAs  string
	watched    []*watched   // files that are read again when they change
	apiCert    *certificate // nil without TLS
	cookies    cookieJar
	beacons    beacons
	left       *tracker
	leftFile   *windowKeeper
	watches    *windowWatches
	onlooker   *onlooker

	windowsKnown knownWindows
	observed     observations
	traffic      *traffic
	counted      counted
	past         *history.Store
	tap          *tap
	delegations  atomic.Int32 // that are being looked at

	glass    *breakGlass
	notifier *notify.Notifier

	announcements seldom
	port          *peer.Port
	api           net.Listener
	cluster       net.Listener
	prober        *probes.Prober
	references    *probes.References

	store    atomic.Pointer[raftstore.Store]
	serverID atomic.Pointer[string]
	trouble  atomic.Pointer[string]

	wall func() time.Time // time.Now, but for tests

	leaderMu sync.Mutex
	leaderAt time.Time // when a leader was last known
	leader   string
	ledLast  string // the last leader that was known
}

// New opens everything a node needs: its directory, its sockets, its
// geographic data. Nothing runs until Run; an error leaves nothing open.
func New(cfg Config, opts Options) (_ *Node, err error) {
	n := &Node{ // not the result, which an error makes nil before the listeners are closed
		cfg: cfg, opts: opts, log: opts.Log.With("node", cfg.Node), registry: prometheus.NewRegistry(),
		keeper: &keeper{dir: cfg.DataDir}, events: newEvents(cfg.Node), hearing: newHearing(), leaderAt: time.Now(), wall: time.Now,
	}
	defer func() {
		if err != nil {
			n.closeListeners()
		}
	}()
	n.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("the data directory: %w", err)
	}
	if err := n.keeper.load(); err != nil {
		return nil, err
	}
	if id, err := n.keeper.read(nodeIDFile); err == nil && id != nil {
		if identity, err := n.keeper.identity(string(id)); err == nil && identity != nil && identity.Agent {
			return nil, fmt.Errorf("%s is the data directory of an agent; give the node one of its own", cfg.DataDir)
		}
	}
	if n.journal, n.journalled, err = journal.Open(n.keeper.path(journalDir), n.log); err != nil {
		return nil, err
	}
	if err := n.openDNS(); err != nil {
		return nil, err
	}
	n.cookies = cookieJar{open: n.keeper.open, set: n.dns.SetCookieKeys, log: n.log}
	n.publisher = newPublisher(cfg.Node, n.dns, n.events, n.log)
	n.traffic = newTraffic(n.dns.Totals, time.Now())
	n.tap = &tap{set: n.dns.SetSampling, samples: n.dns.Samples, country: n.countryOf, node: cfg.Node}
	n.left = newTracker(time.Now)
	n.leftFile = newWindowKeeper(n.left, cfg.DataDir, machineClock, n.log)
	n.watches = newWindowWatches(n.Window, n.events.tell)
	n.onlooker = newOnlooker(n.cfg.Node, n.State)
	n.publisher.base, n.publisher.saw = n.journalled, n.sawLeave
	n.glass = &breakGlass{
		acts: acts{dir: cfg.DataDir}, label: cfg.Node, keeper: n.keeper, log: n.log, now: time.Now, state: n.State, leader: n.leaderLabel, publish: n.publisher.setControls,
	}
	if err := n.glass.load(); err != nil {
		return nil, err
	}
	n.publisher.change(func(l *snapshot.Local) { l.Controls = n.glass.Controls() })
	n.beacons = beacons{propose: n.Propose, state: n.State, actor: "node/" + cfg.Node, log: n.log}
	files, err := openGeo(cfg.Geo, n.publisher.setGeo, n.log)
	if err != nil {
		return nil, err
	}
	n.watched = append(n.watched, files...)
	if t := cfg.API.TLS; t != nil {
		var w *watched
		if n.apiCert, w, err = openCertificate("api.tls", "api", t.Cert, t.Key, n.log, n.registry); err != nil {
			return nil, err
		}
		n.watched = append(n.watched, w)
	}
	if n.api, err = net.Listen("tcp", cfg.API.Listen); err != nil {
		return nil, fmt.Errorf("the API: %w; is another node running, or api.listen wrong?", err)
	}
	if n.cluster, err = net.Listen("tcp", cfg.Cluster.Listen); err != nil {
		return nil, fmt.Errorf("the cluster port: %w; is another node running, or cluster.listen wrong?", err)
	}
	if n.port, err = peer.New(peer.Config{Listener: n.cluster, Logger: n.log, Refuse: n.removed, Agent: n.agentAt}); err != nil {
		return nil, err
	}
	n.answerPeers()
	n.answerWindows()
	n.answerHistory()
	n.answerQueries()
	if n.prober, n.references, err = openVantage(cfg, n.secret, n.sampled, n.log, n.registry); err != nil {
		return nil, err
	}
	n.notifier = n.newNotifier()
	n.registerMetrics()
	n.past = history.Open(n.keeper.path(historyDir), n.log)
	n.events.keep = n.past.Edge
	return n, nil
}

func (n *Node) openDNS() error {
	cfg := n.cfg.DNS
	var err error
	if t := cfg.TLS; len(t.Listen) > 0 {
		cert, w, err := openCertificate("dns.tls", "dns", t.Cert, t.Key, n.log, n.registry)
		if err != nil {
			return err
		}
		n.watched = append(n.watched, w)
		cfg.TLS.Certificate = cert.current
	}
	if n.sockets, err = dnsserver.Listen(cfg); err != nil {
		return fmt.Errorf("DNS: %w", err)
	}
	n.dns, err = dnsserver.New(cfg, n.sockets, n.log, n.registry)
	return err
}

// openVantage makes what a node and an agent probe with; who is told of samples may be nobody.
func openVantage(cfg Config, secret func(name string) (string, error), told func(check string, s policy.Sample, before, after policy.Opinion), log *slog.Logger, registry *prometheus.Registry) (prober *probes.Prober, references *probes.References, err error) {
	references, err = probes.NewReferences(probes.ReferencesConfig{
		Targets: cfg.Probing.Reference, Log: log, Answers: func() (int, int) { return prober.Answers() },
	})
	if err != nil {
		return nil, nil, err
	}
	prober, err = probes.New(probes.Config{
		Vantage: cfg.Node, Guard: probes.Guard{Allow: cfg.Probing.Allow, Own: ownPorts(cfg)}, Exec: cfg.Probing.Exec, Secret: secret, OnSample: told,
		Abstaining: references.Abstaining, Log: log, Registry: registry,
	})
	return prober, references, err
}

// ownPorts are the node's own listeners, which no probe may reach (S-16).
func ownPorts(c Config) []netip.AddrPort {
	var list []netip.AddrPort
	for _, l := range slices.Concat([]string{c.API.Listen, c.Cluster.Listen}, c.DNS.Listen, c.DNS.TLS.Listen) {
		host, port, err := net.SplitHostPort(l)
		if err != nil {
			continue
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			continue
		}
		ip, err := netip.ParseAddr(host)
		if err != nil {
			ip = netip.IPv6Unspecified()
		}
		list = append(list, netip.AddrPortFrom(ip, uint16(number)))
	}
	return list
}

// secret opens a credential of the cluster, for a probe.
func (n *Node) secret(name string) (string, error) {
	s, ok := n.State().Secrets.Get(name)
	if !ok {
		return "", fmt.Errorf("there is no secret %q", name)
	}
	v, err := n.keeper.open(name, s.Sealed)
	return string(v), err
}

// removed says whether a node is no longer a member, so that it is turned away.
func (n *Node) removed(id string) bool { return n.State().Removed.Has(id) }

func (n *Node) closeListeners() {
	for _, l := range []net.Listener{n.api, n.cluster} {
		if l != nil {
			l.Close()
		}
	}
	if n.sockets != nil {
		n.sockets.Close()
	}
}

func (n *Node) id() string {
	if p := n.serverID.Load(); p != nil {
		return *p
	}
	return ""
}

// Run serves until ctx ends, then stops in order: API, store, DNS last.
func (n *Node) Run(ctx context.Context) error {
	outer, stopOuter := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOuter()
	// Answers and the journal outlast everything that may still change State.
	lasting, lastingCtx := errgroup.WithContext(outer)
	lasting.Go(func() error { return n.dns.Run(lastingCtx) })
	lasting.Go(func() error { return n.journal.Run(lastingCtx) })
	lasting.Go(func() error { return n.publisher.Run(lastingCtx) })
	lasting.Go(func() error { return n.leftFile.Run(lastingCtx) })
	lasting.Go(func() error { return n.traffic.Run(lastingCtx) })
	lasting.Go(func() error { return n.tap.Run(lastingCtx) })
	if n.journalled != nil {
		n.adopt(n.journalled)
	}
	work, workCtx := errgroup.WithContext(ctx)
	work.Go(func() error { return n.port.Run(workCtx) })
	work.Go(func() error { return n.serveAPI(workCtx) })
	for _, w := range n.watched {
		work.Go(func() error { return w.Run(workCtx) })
	}
	work.Go(func() error { return n.prober.Run(workCtx) })
	work.Go(func() error { return n.references.Run(workCtx) })
	work.Go(func() error { return n.pulse(workCtx) })
	work.Go(func() error { return n.report(workCtx) })
	work.Go(func() error { return n.keepUp(workCtx) })
	work.Go(func() error { return n.beacons.Run(workCtx) })
	work.Go(func() error { return n.watches.Run(workCtx) })
	work.Go(func() error { return n.onlooker.Run(workCtx) })
	work.Go(func() error { return n.keepHistory(workCtx) })
	work.Go(func() error { return n.runStore(workCtx) })
	work.Go(func() error { // what lasts ends early only by failing, and takes the rest down with it
		select {
		case <-lastingCtx.Done():
			return errors.New("the DNS server, the journal or the publisher has ended")
		case <-workCtx.Done():
			return nil
		}
	})
	err := work.Wait()
	if ctx.Err() != nil {
		err = nil
	}
	stopOuter()
	if e := lasting.Wait(); e != nil && err == nil && ctx.Err() == nil {
		err = e
	}
	return err
}

// adopt takes a state for what depends on it.
func (n *Node) adopt(s *policy.State) {
	before := n.State()
	n.publisher.give(s)
	if s = n.State(); s != before {
		n.notifier.Saw(before, s)
	}
	n.cookies.take(s.Cluster.Cookies)
	if list, id := n.checks.of(s), n.id(); list != n.probing || id != n.probingAs {
		n.prober.SetChecks(list.mine(id))
		n.probing, n.probingAs = list, id
	}
	var others []string
	for _, m := range nodesOf(s, n.id()) {
		others = append(others, m.Cluster)
	}
	n.references.SetTargets(others)
}

// others lists the other nodes.
func (n *Node) others() []policy.Member { return nodesOf(n.State(), n.id()) }

func (n *Node) serveAPI(ctx context.Context) error {
	handler := web.New(web.Config{Node: n, Local: n.glass, Log: n.log, Registry: n.registry})
	server := web.NewServer(handler)
	stop := context.AfterFunc(ctx, func() {
		limit, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		if server.Shutdown(limit) != nil {
			server.Close() // event streams end only so
		}
	})
	defer stop()
	var err error
	if n.apiCert != nil {
		server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return n.apiCert.current(), nil }}
		err = server.ServeTLS(n.api, "", "")
	} else {
		err = server.Serve(n.api)
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("the API: %w", err)
}

const pulseEvery = 100 * time.Millisecond

// pulse looks at what changes with time alone: the leader, and island mode.
func (n *Node) pulse(ctx context.Context) error {
	isle := island{grace: time.Duration(n.cfg.Cluster.Grace)}
	var near countdown
	tick := time.NewTicker(pulseEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n.watchLeader()
		n.glass.step(ctx)
		s := n.State()
		n.watchMembers(s)
		list := n.checks.of(s)
		if near.step(s, list, n.hearing, n.leaderless() == 0, time.Now()) {
			n.publisher.setNear(near.of)
		}
		down, changed := isle.step(s, list, n.hearing.all(s, list), n.leaderless(), n.references.Abstaining(), time.Now())
		if !changed {
			continue
		}
		n.publisher.setDown(down)
		names := make([]string, 0, len(down))
		for check := range down {
			names = append(names, endpointOf(check))
		}
		text := "this node follows the cluster's verdicts again"
		if len(down) > 0 {
			text = fmt.Sprintf("no leader: this node leaves out by its own judgement %s", strings.Join(names, ", "))
		}
		n.log.Warn(text)
		n.events.tell(policy.Event{Type: "island", Index: s.Index, Text: text, Data: names})
	}
}
