package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Limits of the port. They hold before anything about the other end is known.
const (
	handshakeTimeout = 10 * time.Second
	maxPerAddress    = 256  // open connections from one IP address
	maxConnections   = 4096 // in all
	dialTimeout      = 3 * time.Second
	identityWait     = 2 * time.Second // for the identity of a node that is being taken in
)

// Config is what a port is made of.
type Config struct {
	Listener net.Listener // handed in, closed by Run
	Identity *Identity    // nil while the node has not joined: see SetIdentity
	Logger   *slog.Logger

	// Expect names the node that must answer at an address; "" or a nil func
	// takes any node of the cluster.
	Expect func(addr string) (nodeID string)
	// Refuse says which nodes are turned away although their certificate is
	// good, because they were removed. It is asked for each connection coming in. Nil refuses none.
	Refuse func(nodeID string) bool
	// Agent says that an agent, and not a node, must answer at an address. Nil: nowhere.
	Agent func(addr string) bool
}

// Port is the cluster port of a node.
type Port struct {
	cfg      Config
	log      *slog.Logger
	identity atomic.Pointer[Identity]
	known    chan struct{} // closed when identity is there
	streams  *Streams
	calls    calls
	join     joinServer

	mu      sync.Mutex
	open    map[*counted]struct{}
	perAddr map[netip.Addr]int
	closed  bool
	told    map[string]time.Time // when the refusal of each id was last logged
	running sync.WaitGroup
}

// New makes a port. Nothing is accepted until Run.
func New(cfg Config) (*Port, error) {
	if cfg.Listener == nil || cfg.Logger == nil {
		return nil, errors.New("peer: a port needs a listener and a logger")
	}
	p := &Port{cfg: cfg, log: cfg.Logger, known: make(chan struct{}), open: map[*counted]struct{}{}, perAddr: map[netip.Addr]int{}}
	if cfg.Identity != nil {
		p.SetIdentity(cfg.Identity)
	}
	p.streams = newStreams(p)
	p.calls.init(p)
	p.join.init()
	return p, nil
}

// SetIdentity gives the port its identity, or another one after a renewal.
// Connections that are open stay as they are.
func (p *Port) SetIdentity(id *Identity) {
	if p.identity.Swap(id) == nil {
		close(p.known)
	}
}

// Identity is the current one, or nil.
func (p *Port) Identity() *Identity { return p.identity.Load() }

// Addr is the address the port listens on.
func (p *Port) Addr() net.Addr { return p.cfg.Listener.Addr() }

// Streams is the part of the port that carries Raft.
func (p *Port) Streams() *Streams { return p.streams }

// Run accepts connections until ctx ends, and returns when all of them are closed.
func (p *Port) Run(ctx context.Context) error {
	listener := newHandoff(p.cfg.Listener.Addr())
	server := &http.Server{
		Handler:           http.HandlerFunc(p.calls.serve),
		ReadHeaderTimeout: handshakeTimeout,
		ReadTimeout:       2 * time.Minute, // a request of 16 MiB over a slow line
		IdleTimeout:       2 * idleTimeout, // the calling side closes first
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, c.(*callConn).caller)
		},
	}
	p.running.Go(func() { _ = server.Serve(listener) })
	stop := context.AfterFunc(ctx, p.close)
	defer stop()
	err := p.accept(ctx, listener)
	p.close()
	_ = server.Close()
	p.running.Wait()
	return err
}

// close ends the listener, every connection and every call going out.
func (p *Port) close() {
	_ = p.cfg.Listener.Close()
	p.mu.Lock()
	p.closed = true
	open := make([]*counted, 0, len(p.open))
	for c := range p.open {
		open = append(open, c)
	}
	p.mu.Unlock()
	for _, c := range open {
		_ = c.Close()
	}
	p.streams.Cut()
	p.calls.close()
}

func (p *Port) accept(ctx context.Context, listener *handoff) error {
	delay := time.Duration(0)
	for {
		raw, err := p.cfg.Listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			if errors.Is(err, net.ErrClosed) {
				return fmt.Errorf("the cluster port was closed from outside: %w", err)
			}
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			p.log.Error("the cluster port cannot accept connections; trying again", "error", err, "in", delay)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(delay):
			}
			continue
		}
		delay = 0
		c := p.count(raw)
		if c == nil {
			_ = raw.Close()
			continue
		}
		p.running.Go(func() { p.route(ctx, c, listener) })
	}
}

// route makes the handshake and hands the connection to whom it is for.
func (p *Port) route(ctx context.Context, c *counted, listener *handoff) {
	conn := tls.Server(c, &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: p.configFor})
	hctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	err := conn.HandshakeContext(hctx)
	cancel()
	if err != nil {
		p.log.Debug("a connection to the cluster port was refused", "from", c.RemoteAddr(), "error", err)
		_ = c.Close()
		return
	}
	state := conn.ConnectionState()
	if state.NegotiatedProtocol == protoJoin {
		p.join.serve(ctx, conn, state)
		_ = conn.Close()
		return
	}
	from, expires, err := p.admit(state)
	if err == nil && from.agent && state.NegotiatedProtocol == protoRaft {
		err = fmt.Errorf("%s is an agent, and agents have no part in Raft", from.id)
	}
	if err != nil {
		level := slog.LevelDebug // who is turned away comes again at once
		if p.worthTelling(from.id, time.Now()) {
			level = slog.LevelWarn
		}
		p.log.Log(ctx, level, "a connection to the cluster port was refused", "from", c.RemoteAddr(), "error", err)
		_ = c.Close()
		return
	}
	c.closeAt(expires)
	switch state.NegotiatedProtocol {
	case protoRaft:
		p.streams.offer(ctx, conn)
	case protoCall:
		listener.offer(ctx, &callConn{Conn: conn, caller: from})
	default: // no ALPN at all
		_ = c.Close()
	}
}

// worthTelling is so once a minute for each id, of which there are as many as certificates were made.
func (p *Port) worthTelling(id string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.told[id]) < time.Minute {
		return false
	}
	if p.told == nil || len(p.told) > 1000 {
		p.told = map[string]time.Time{}
	}
	p.told[id] = now
	return true
}

func (p *Port) configFor(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	joining := len(hello.SupportedProtos) == 1 && hello.SupportedProtos[0] == protoJoin
	if !joining { // the leader calls as soon as it has taken this node in, a moment before this node has heard of that
		select {
		case <-p.known:
		case <-time.After(identityWait):
		case <-hello.Context().Done():
		}
	}
	id := p.identity.Load()
	if id == nil {
		return nil, errors.New("this node has not joined a cluster yet")
	}
	if joining {
		if fn, _ := p.join.handler(); fn == nil {
			return nil, errors.New("this node takes nobody in yet")
		}
		return id.joinConfig(), nil
	}
	return id.serverConfig(), nil
}

// admit names who is at the other end of a mutual connection.
func (p *Port) admit(state tls.ConnectionState) (from caller, expires time.Time, err error) {
	id := p.identity.Load()
	if id == nil || len(state.VerifiedChains) == 0 {
		return from, expires, errors.New("no certificate was shown")
	}
	cert := state.PeerCertificates[0]
	if from.id, from.agent, err = nodeOf(cert, id.ClusterID); err != nil {
		return from, expires, err
	}
	if p.cfg.Refuse != nil && p.cfg.Refuse(from.id) {
		return from, expires, fmt.Errorf("node %s is not a member any more", from.id)
	}
	return from, cert.NotAfter, nil
}

// dial opens a mutual connection to a node.
func (p *Port) dial(ctx context.Context, addr, proto string) (*tls.Conn, time.Time, error) {
	id := p.identity.Load()
	if id == nil {
		return nil, time.Time{}, policy.Errorf(policy.Unavailable, "this node has not joined a cluster yet")
	}
	expect := ""
	if p.cfg.Expect != nil {
		expect = p.cfg.Expect(addr)
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	raw, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, time.Time{}, err
	}
	conn := tls.Client(raw, id.clientConfig(proto, expect, p.cfg.Agent != nil && p.cfg.Agent(addr)))
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, time.Time{}, fmt.Errorf("the TLS handshake with %s failed: %w", addr, err)
	}
	return conn, conn.ConnectionState().PeerCertificates[0].NotAfter, nil
}

// dialer notices within about ten seconds that an idle connection is dead.
var dialer = &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 3}}
