package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// ErrCut says that the streams are cut off from other nodes.
var ErrCut = errors.New("the Raft streams of this node are cut")

const (
	acceptWait = 5 * time.Second  // for somebody to take a stream that came in
	stallLimit = 30 * time.Second // between two reads within one message of a stream that came in
)

// Streams makes and takes the connections that carry Raft. Cut closes all of
// them and lets no new one through until Mend: that is how a leader whose disk
// hangs is made to look dead to the others (it would keep heartbeating).
type Streams struct {
	port     *Port
	incoming chan net.Conn

	mu    sync.Mutex
	conns map[*stream]struct{}
	whole context.Context // ends with Cut
	cut   context.CancelFunc
}

func newStreams(p *Port) *Streams {
	s := &Streams{port: p, incoming: make(chan net.Conn), conns: map[*stream]struct{}{}}
	s.whole, s.cut = context.WithCancel(context.Background())
	return s
}

// Cut closes every stream, fails what is being dialed, and refuses all new ones until Mend.
func (s *Streams) Cut() {
	s.mu.Lock()
	s.cut()
	conns := s.conns
	s.conns = map[*stream]struct{}{}
	s.mu.Unlock()
	for c := range conns {
		c.abort()
	}
}

// Mend undoes Cut.
func (s *Streams) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole.Err() != nil {
		s.whole, s.cut = context.WithCancel(context.Background())
	}
}

// Accept gives the next stream that another node opened. It waits while the
// streams are cut, and fails when ctx ends.
func (s *Streams) Accept(ctx context.Context) (net.Conn, error) {
	for {
		select {
		case conn := <-s.incoming:
			if c := s.add(conn, true); c != nil {
				return c, nil
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Dial opens a stream to the node at addr within timeout, 3 s at most.
func (s *Streams) Dial(addr string, timeout time.Duration) (net.Conn, error) {
	s.mu.Lock()
	whole := s.whole
	s.mu.Unlock()
	if whole.Err() != nil {
		return nil, ErrCut
	}
	ctx, cancel := context.WithTimeout(whole, timeout)
	defer cancel()
	conn, expires, err := s.port.dial(ctx, addr, protoRaft)
	if err != nil {
		return nil, err
	}
	c := s.add(conn, false)
	if c == nil {
		return nil, ErrCut
	}
	c.closeAt(expires)
	return c, nil
}

// offer hands over a stream that came in, and closes it when nobody takes it.
func (s *Streams) offer(ctx context.Context, conn *tls.Conn) {
	s.mu.Lock()
	whole := s.whole
	s.mu.Unlock()
	wait := time.NewTimer(acceptWait)
	defer wait.Stop()
	if whole.Err() == nil {
		select {
		case s.incoming <- conn:
			return
		case <-wait.C:
		case <-whole.Done():
		case <-ctx.Done():
		}
	}
	_ = conn.NetConn().Close()
}

// add notes a stream, or closes it and gives nil when the streams are cut.
func (s *Streams) add(conn net.Conn, accepted bool) *stream {
	c := &stream{Conn: conn, owner: s, accepted: accepted}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.whole.Err() != nil {
		c.abort()
		return nil
	}
	s.conns[c] = struct{}{}
	return c
}

// stream is one connection of Raft.
type stream struct {
	net.Conn
	owner    *Streams
	accepted bool
	inside   bool // a message has begun to come in and was not answered yet; only of accepted streams, which one goroutine reads and writes
	timer    *time.Timer
}

// Read bounds the wait for the rest of a message: a sender that stops in the
// middle of a snapshot would otherwise hold up Raft's main loop for ever.
// Between messages a stream may be silent for as long as it likes.
func (c *stream) Read(b []byte) (int, error) {
	if c.accepted {
		var limit time.Time
		if c.inside {
			limit = time.Now().Add(stallLimit)
		}
		if err := c.SetReadDeadline(limit); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(b)
	if c.accepted && n > 0 {
		c.inside = true
	}
	return n, err
}

// Write sends; on an accepted stream that is the answer, which ends a message.
func (c *stream) Write(b []byte) (int, error) {
	if c.accepted {
		c.inside = false
	}
	return c.Conn.Write(b)
}

func (c *stream) closeAt(t time.Time) {
	c.owner.mu.Lock()
	defer c.owner.mu.Unlock()
	if _, open := c.owner.conns[c]; open {
		c.timer = time.AfterFunc(time.Until(t), c.abort)
	}
}

// Close ends the stream.
func (c *stream) Close() error {
	c.owner.mu.Lock()
	delete(c.owner.conns, c)
	if c.timer != nil {
		c.timer.Stop()
	}
	c.owner.mu.Unlock()
	c.abort()
	return nil
}

// abort closes at once: a TLS goodbye could wait for a dead peer.
func (c *stream) abort() {
	if t, ok := c.Conn.(*tls.Conn); ok {
		_ = t.NetConn().Close()
		return
	}
	_ = c.Conn.Close()
}
