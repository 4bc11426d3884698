package probes

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// maxSession bounds what is read from a database server, in octets: its drivers
// would take in whatever they are sent.
const maxSession = 1 << 20

// session is the one connection of a probe of a database. Drivers are given its
// dial, so that they can neither resolve a name nor connect to anything else.
type session struct {
	t    *Target
	port int
	conn net.Conn // nil before the first call of dial
	left int
}

// dial makes the connection, once: a driver that wants another one is refused it.
func (s *session) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	if s.conn != nil {
		return nil, fail(policy.CauseOther, 0, "a probe has one connection")
	}
	conn, err := s.t.dial(ctx, s.port)
	if err != nil {
		return nil, err
	}
	s.conn, s.left = conn, maxSession
	return &sessionConn{Conn: conn, s: s}, nil
}

// close cuts the connection, if it was made.
func (s *session) close() {
	if s.conn != nil {
		s.conn.Close()
	}
}

type sessionConn struct {
	net.Conn
	s *session
}

func (c *sessionConn) Read(b []byte) (int, error) {
	if c.s.left <= 0 {
		return 0, errTooMuch
	}
	n, err := c.Conn.Read(b[:min(len(b), c.s.left)])
	c.s.left -= n
	return n, err
}

var errTooMuch = fail(policy.CauseProtocol, 0, "the server sends more than %d KiB", maxSession>>10)

// sessionTLS is what a monitor says of TLS: nil to do without.
func (t *Target) sessionTLS(mode, sni string) *tls.Config {
	if mode == policy.TLSDisable {
		return nil
	}
	return t.tlsConfig(t.serverName(sni, ""), mode == policy.TLSVerify)
}

var errNoTLS = fail(policy.CauseTLS, 0, "the server does not speak TLS; set tls: disable if the way to it is safe without")

// standing is what a database server says of itself.
type standing struct {
	replica  bool
	why      string // it takes no writes though it is no replica; or, of a replica, why its lag is not known
	lag      time.Duration
	lagKnown bool
}

// judge says what is wrong with the role that a server is in.
func (s standing) judge(role string, maxLag policy.Duration) error {
	switch {
	case role == policy.RolePrimary && s.replica:
		return fail(policy.CauseRole, 0, "is a replica, want the primary")
	case role == policy.RolePrimary && s.why != "":
		return fail(policy.CauseRole, 0, "%s, want the primary", s.why)
	case role == policy.RoleReplica && !s.replica:
		return fail(policy.CauseRole, 0, "is a primary, want a replica")
	case role != policy.RoleReplica || maxLag == 0:
		return nil
	case !s.lagKnown:
		return fail(policy.CauseLag, 0, "lag not known: %s", s.why)
	case s.lag > time.Duration(maxLag):
		return fail(policy.CauseLag, 0, "lag %v, at most %v", s.lag.Round(100*time.Millisecond), maxLag)
	}
	return nil
}
