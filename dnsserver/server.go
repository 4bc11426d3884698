package dnsserver

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/dnsserver/answer"
	"github.com/meridian-gtm/meridian/dnsserver/cookie"
	"github.com/meridian-gtm/meridian/dnsserver/limit"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// View is everything a query needs: a snapshot and its packed answers.
type View = answer.View

// NewView packs a snapshot for serving. What prev (which may be nil) has packed
// is used again where a service has not changed.
func NewView(prev *View, s *snapshot.Snapshot) *View { return answer.NewView(prev, s) }

// Server answers DNS on the sockets it was given. Its metrics are at the registry.
type Server struct {
	config  Config
	sockets *Sockets
	log     *slog.Logger
	views   views
	metrics *metrics
	tcp     tcpConns
	closing atomic.Bool
	epoch   time.Time // what monotonic stamps count from
	limiter *limit.Limiter
	cookies atomic.Pointer[cookie.Keys]
	silent  atomic.Bool

	sampling atomic.Pointer[sampling] // nil: nobody wants samples

	panicLogged atomic.Int64 // nanoseconds since epoch of the last panic that was logged
}

// New makes a server for sockets, which it owns from now on. Metrics whose
// names begin with meridian_dns_ are registered at reg; nil leaves that out.
// A wrong Config is an error of kind policy.Invalid, and leaves the sockets to the caller.
func New(config Config, sockets *Sockets, log *slog.Logger, reg prometheus.Registerer) (*Server, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if len(sockets.TLS) > 0 && config.TLS.Certificate == nil {
		return nil, errors.New("DNS over TLS was given sockets and no certificate")
	}
	s := &Server{config: config.WithDefaults(), sockets: sockets, log: log, epoch: time.Now()}
	if n := *s.config.RateLimit.ResponsesPerSecond; n > 0 {
		s.limiter = limit.New(n)
	}
	s.SetCookieKeys(cookie.NewKeys(ownCookieKey()))
	s.panicLogged.Store(-int64(time.Hour))
	s.views.init()
	s.tcp.init()
	s.metrics = newMetrics(s)
	if reg != nil {
		if err := reg.Register(s.metrics); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Publish makes v the view that queries are answered from, and says whether it
// did: a view whose position is not later than the present one's is passed over (I-02).
// left is closed when the last worker, TCP answers on their way out included, has left every earlier view.
func (s *Server) Publish(v *View) (left <-chan struct{}, ok bool) { return s.views.publish(v) }

// LastGiven calls yield for the endpoints in the answers of a service of a view
// that were given, with when that was last, to about a millisecond. For a view that
// every worker has left (Publish) it is final.
func (s *Server) LastGiven(v *View, service int32, yield func(endpoint string, at time.Time)) {
	v.LastGiven(service, func(endpoint string, at int64) { yield(endpoint, s.epoch.Add(time.Duration(at))) })
}

// CookieKey is a secret of DNS cookies.
type CookieKey = cookie.Key

// CookieKeys is the secrets that a server makes and verifies DNS cookies with.
type CookieKeys = cookie.Keys

// NewCookieKeys gives keys of which the first makes cookies, and all are good to verify them.
func NewCookieKeys(sign CookieKey, verify ...CookieKey) *CookieKeys {
	return cookie.NewKeys(sign, verify...)
}

// SetCookieKeys makes a server share its cookies with others that have the same
// keys (RFC 9018 section 5). Until then it has a random one of its own.
func (s *Server) SetCookieKeys(k *CookieKeys) { s.cookies.Store(k) }

func ownCookieKey() (k CookieKey) {
	rand.Read(k[:]) // never fails (crypto/rand, Go 1.24)
	return k
}

// SetSilent has a server drop every query, as one that is gone, or answer again.
func (s *Server) SetSilent(silent bool) { s.silent.Store(silent) }

// View is the present view, or nil before the first.
func (s *Server) View() *View { return s.views.current.Load() }

// Addrs are the addresses that are served over UDP and TCP.
func (s *Server) Addrs() []net.Addr { return s.sockets.Addrs() }

// TLSAddrs are the addresses that are served over TLS.
func (s *Server) TLSAddrs() []net.Addr { return s.sockets.TLSAddrs() }

// Run answers queries until ctx ends, and returns when everything it started
// has ended and the sockets are closed. Queries wait in the kernel until the first view is published.
func (s *Server) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	stop := context.AfterFunc(ctx, s.close)
	defer stop()
	select {
	case <-s.views.ready:
	case <-ctx.Done():
	}
	for _, conn := range s.sockets.UDP {
		wg.Go(func() { s.serveUDP(conn) })
	}
	for _, l := range s.sockets.TCP {
		wg.Go(func() { s.acceptTCP(l, nil, &wg) })
	}
	secure := s.config.TLS.tlsConfig()
	for _, l := range s.sockets.TLS {
		wg.Go(func() { s.acceptTCP(l, secure, &wg) })
	}
	wg.Wait()
	return nil
}

// close ends all reading; answers on their way out still go.
func (s *Server) close() {
	s.closing.Store(true)
	s.sockets.Close()
	s.tcp.each(func(c *tcpConn) {
		c.SetReadDeadline(time.Unix(1, 0))
		c.SetWriteDeadline(time.Now().Add(time.Duration(s.config.TCP.WriteTimeout))) // TLS may be writing in a read, or in its handshake
	})
}

// ended says whether an error on a socket means that Run is to end.
func (s *Server) ended(err error) bool { return s.closing.Load() || errors.Is(err, net.ErrClosed) }

// now is monotonic, in nanoseconds.
func (s *Server) now() int64 { return int64(time.Since(s.epoch)) }

// options are what responders say of the server.
func (s *Server) options() answer.Options {
	o := answer.Options{
		UDPSize:   uint16(s.config.UDPSize),
		Keepalive: uint16(min(time.Duration(s.config.TCP.IdleTimeout)/(100*time.Millisecond), 0xffff)),
		Chaos:     answer.Chaos(s.config.Chaos),

		Amplification: *s.config.RateLimit.Amplification,
	}
	if s.config.NSID != "" {
		o.NSID = []byte(s.config.NSID)
	}
	return o
}

// position is where the present view stands; zero before the first.
func (s *Server) position() policy.Position {
	if v := s.View(); v != nil {
		return v.Position()
	}
	return policy.Position{}
}
