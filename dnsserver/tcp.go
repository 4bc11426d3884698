package dnsserver

import (
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

const (
	firstRead  = 1 << 10 // octets of a connection's first read buffer; a longer query makes it grow
	maxRead    = 2 + wire.MaxTCP
	maxGrown   = 16 << 20 // octets that all read buffers together may have beyond their first
	flushAt    = 4 << 10  // octets of responses that are written at once
	keepBuffer = 32 << 10 // larger write buffers are not kept for later
	// acceptPause is how long accepting rests after an error, such as having no file descriptor left.
	acceptPause = 50 * time.Millisecond
)

// tcpConns is the open connections with TLS and without, and how many each client has.
type tcpConns struct {
	mu      sync.Mutex
	open    map[*tcpConn]struct{}
	clients map[netip.Prefix]int
	workers sync.Pool    // of *tcpWorker, so that idle connections hold none
	grown   atomic.Int64 // octets of read buffers beyond their first
}

// tcpConn is one connection. Its queries are answered in the order they came,
// and what has come in together is answered together.
type tcpConn struct {
	net.Conn  // the socket, or the TLS on it
	socket    *net.TCPConn
	transport transport
	server    *Server
	slot      *slot
	from      netip.Addr
	client    netip.Prefix
	last      atomic.Int64 // when it opened or brought its last whole query, by Server.now
	in        []byte       // what has been read and not answered
}

type tcpWorker struct {
	worker
	out []byte
}

func (t *tcpConns) init() {
	t.open, t.clients = map[*tcpConn]struct{}{}, map[netip.Prefix]int{}
}

// each calls f for every open connection.
func (t *tcpConns) each(f func(c *tcpConn)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.open {
		f(c)
	}
}

// acceptTCP takes connections until the listener is closed; secure is nil for
// DNS without TLS. Handshakes are left to the connections.
func (s *Server) acceptTCP(l *net.TCPListener, secure *tls.Config, wg *sync.WaitGroup) {
	for {
		conn, err := l.AcceptTCP()
		if s.ended(err) {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil {
			time.Sleep(acceptPause)
			continue
		}
		c := &tcpConn{Conn: conn, socket: conn, transport: tcp, server: s}
		if secure != nil {
			c.Conn, c.transport = tls.Server(conn, secure), dot
		}
		s.metrics.conns[c.transport].accepted.Add(1)
		if s.admit(c) {
			wg.Go(c.serve)
		}
	}
}

// clientOf is what counts as one client: an IPv4 address or an IPv6 /64.
func clientOf(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

// admit makes room for a connection and notes it, or closes it and is false.
func (s *Server) admit(c *tcpConn) bool {
	c.from = c.socket.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	c.client = clientOf(c.from)
	c.last.Store(s.now())
	t := &s.tcp
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.clients[c.client] >= s.config.TCP.MaxConnsPerClient {
		s.metrics.conns[c.transport].refused.Add(1)
		c.socket.Close()
		return false
	}
	if len(t.open) >= s.config.TCP.MaxConns {
		idlest := t.idlest()
		s.metrics.conns[idlest.transport].evicted.Add(1)
		t.remove(idlest)
	}
	c.slot = s.views.join()
	t.open[c] = struct{}{}
	t.clients[c.client]++
	s.metrics.conns[c.transport].open.Add(1)
	return true
}

// evictAmong is how many connections, picked at random, are compared for the
// one that has been idle for longest. Looking at all would make an attacker's work ours.
const evictAmong = 16

// idlest is a connection that has been idle for long. The caller holds mu.
func (t *tcpConns) idlest() (oldest *tcpConn) {
	n := 0
	for c := range t.open { // a map's order is random
		if oldest == nil || c.last.Load() < oldest.last.Load() {
			oldest = c
		}
		if n++; n == evictAmong {
			break
		}
	}
	return oldest
}

// remove closes a connection's socket, without a word of TLS that might block,
// and forgets the connection. The caller holds mu.
func (t *tcpConns) remove(c *tcpConn) {
	c.socket.Close()
	if _, ok := t.open[c]; !ok {
		return // it had to make room
	}
	delete(t.open, c)
	c.server.metrics.conns[c.transport].open.Add(-1)
	if t.clients[c.client]--; t.clients[c.client] == 0 {
		delete(t.clients, c.client)
	}
}

// serve answers a connection's queries until it ends.
func (c *tcpConn) serve() {
	defer c.end()
	if !c.await() || !c.handshake() {
		return
	}
	c.in = make([]byte, 0, firstRead)
	for {
		for !c.whole() {
			if !c.read() {
				return
			}
		}
		if !c.answer() || !c.await() {
			return
		}
	}
}

// end hangs up. TLS says goodbye first, so that the client knows that nothing was
// cut off (RFC 8446 section 6.1); that may take no longer than an answer may.
func (c *tcpConn) end() {
	s := c.server
	s.views.part(c.slot)
	if c.transport == dot {
		giveUp := time.AfterFunc(time.Duration(s.config.TCP.WriteTimeout), func() { c.socket.Close() })
		c.Close()
		giveUp.Stop()
	}
	s.tcp.grown.Add(-c.grown())
	s.tcp.mu.Lock()
	s.tcp.remove(c)
	s.tcp.mu.Unlock()
}

// await starts the idle timer, which only a whole query starts anew (RFC 9210
// section 4.5). It is for writing too, because TLS may write in a read.
func (c *tcpConn) await() bool {
	c.SetDeadline(time.Now().Add(time.Duration(c.server.config.TCP.IdleTimeout)))
	return !c.server.closing.Load() // which sets a deadline of its own after this became true
}

// whole says whether the read buffer begins with a whole message.
func (c *tcpConn) whole() bool {
	return len(c.in) >= 2 && len(c.in) >= 2+int(binary.BigEndian.Uint16(c.in))
}

// read takes in what there is. Its buffer grows with what has come, not with
// what was announced, so that announcing costs an attacker as much as us.
func (c *tcpConn) read() bool {
	if len(c.in) == cap(c.in) && !c.grow() {
		return false
	}
	n, err := c.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	return n > 0 || err == nil
}

// grow doubles the read buffer, unless all connections together hold too much
// of unfinished large queries: then this one goes, and queries of usual size stay served.
func (c *tcpConn) grow() bool {
	size := min(2*cap(c.in), maxRead)
	more := int64(size - cap(c.in))
	if c.server.tcp.grown.Add(more) > maxGrown {
		c.server.tcp.grown.Add(-more)
		c.server.metrics.conns[c.transport].oversize.Add(1)
		return false
	}
	c.in = append(make([]byte, 0, size), c.in...)
	return true
}

// grown is how much larger the read buffer is than at first.
func (c *tcpConn) grown() int64 { return int64(max(0, cap(c.in)-firstRead)) }

// answer answers all whole messages in the read buffer. It is false when the
// connection is to end: the client does not take its answers, or sends what is no query.
func (c *tcpConn) answer() bool {
	w := c.server.tcpWorker(c.transport)
	defer c.server.tcpWorkerDone(w, c.transport)
	w.look()
	views := &c.server.views
	view := views.enter(c.slot)
	defer views.leave(c.slot)
	rest := c.in
	asked := false
	for len(rest) >= 2 {
		n := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+n {
			break
		}
		at := len(w.out)
		out := w.respond(view, append(w.out, 0, 0), rest[2:2+n], c.from)
		rest = rest[2+n:]
		if len(out) == at+2 {
			continue // nothing to answer
		}
		binary.BigEndian.PutUint16(out[at:], uint16(len(out)-at-2))
		w.out, asked = out, true
		if len(w.out) < flushAt {
			continue
		}
		if !c.flush(w) {
			return false
		}
		// However slowly a client takes its answers, it holds a view for no longer than one write.
		views.leave(c.slot)
		view = views.enter(c.slot)
	}
	if cap(c.in) > firstRead && len(rest) <= firstRead {
		c.server.tcp.grown.Add(-c.grown())
		c.in = make([]byte, 0, firstRead)
	}
	c.in = append(c.in[:0], rest...)
	if !asked {
		return false
	}
	c.last.Store(c.server.now())
	return c.flush(w)
}

// flush writes the responses: length and message of each in one segment (RFC 7766 section 8).
func (c *tcpConn) flush(w *tcpWorker) bool {
	if len(w.out) == 0 {
		return true
	}
	c.SetWriteDeadline(time.Now().Add(time.Duration(c.server.config.TCP.WriteTimeout)))
	_, err := c.Write(w.out)
	w.out = w.out[:0]
	if err != nil {
		w.tally.unsent++
		c.socket.Close() // so that there is no goodbye to wait for
	}
	return err == nil
}

func (s *Server) tcpWorker(t transport) *tcpWorker {
	if w, ok := s.tcp.workers.Get().(*tcpWorker); ok {
		w.serves(t)
		return w
	}
	return &tcpWorker{worker: *s.newWorker(t), out: make([]byte, 0, flushAt+2+wire.MinUDP+wire.Slack)}
}

func (s *Server) tcpWorkerDone(w *tcpWorker, t transport) {
	s.metrics.streams[t].take(&w.tally)
	if w.out = w.out[:0]; cap(w.out) <= keepBuffer {
		s.tcp.workers.Put(w)
	}
}
