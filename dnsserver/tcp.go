package dnsserver

import (
	"encoding/binary"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

const (
	firstRead  = 1 << 10  // octets of a connection's first read buffer; a longer query makes it grow
	flushAt    = 4 << 10  // octets of responses that are written at once
	keepBuffer = 32 << 10 // larger write buffers are not kept for later
	// acceptPause is how long accepting rests after an error, such as having no file descriptor left.
	acceptPause = 50 * time.Millisecond
)

// tcpConns is the open connections, and how many each client has.
type tcpConns struct {
	mu      sync.Mutex
	open    map[*tcpConn]struct{}
	clients map[netip.Prefix]int
	workers sync.Pool // of *tcpWorker, so that idle connections hold none
}

// tcpConn is one connection. Its queries are answered in the order they came,
// and what has come in together is answered together.
type tcpConn struct {
	*net.TCPConn
	server *Server
	slot   *slot
	from   netip.Addr
	client netip.Prefix
	last   atomic.Int64 // when it opened or brought its last whole query, by Server.now
	in     []byte       // what has been read and not answered
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

// acceptTCP takes connections until the listener is closed.
func (s *Server) acceptTCP(l *net.TCPListener, wg *sync.WaitGroup) {
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
		s.metrics.connsAccepted.Add(1)
		if c := s.admit(conn); c != nil {
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

// admit makes room for a connection and notes it, or closes it and gives nil.
func (s *Server) admit(conn *net.TCPConn) *tcpConn {
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap().WithZone("")
	c := &tcpConn{TCPConn: conn, server: s, from: from, client: clientOf(from)}
	c.last.Store(s.now())
	t := &s.tcp
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.clients[c.client] >= s.config.TCP.MaxConnsPerClient {
		s.metrics.connsRefused.Add(1)
		conn.Close()
		return nil
	}
	if len(t.open) >= s.config.TCP.MaxConns {
		s.metrics.connsEvicted.Add(1)
		t.remove(t.idlest())
	}
	c.slot = s.views.join()
	t.open[c] = struct{}{}
	t.clients[c.client]++
	s.metrics.conns.Store(int64(len(t.open)))
	return c
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

// remove closes a connection and forgets it. The caller holds mu.
func (t *tcpConns) remove(c *tcpConn) {
	c.Close()
	if _, ok := t.open[c]; !ok {
		return // it had to make room
	}
	delete(t.open, c)
	if t.clients[c.client]--; t.clients[c.client] == 0 {
		delete(t.clients, c.client)
	}
}

// serve answers a connection's queries until it ends.
func (c *tcpConn) serve() {
	s := c.server
	defer func() {
		s.views.part(c.slot)
		s.tcp.mu.Lock()
		s.tcp.remove(c)
		s.metrics.conns.Store(int64(len(s.tcp.open)))
		s.tcp.mu.Unlock()
	}()
	c.in = make([]byte, 0, firstRead)
	for c.await() {
		for !c.whole() {
			if !c.read() {
				return
			}
		}
		if !c.answer() {
			return
		}
	}
}

// await starts the idle timer, which only a whole query starts anew (RFC 9210 section 4.5).
func (c *tcpConn) await() bool {
	c.SetReadDeadline(time.Now().Add(time.Duration(c.server.config.TCP.IdleTimeout)))
	return !c.server.closing.Load() // which sets a deadline of its own after this became true
}

// whole says whether the read buffer begins with a whole message.
func (c *tcpConn) whole() bool {
	return len(c.in) >= 2 && len(c.in) >= 2+int(binary.BigEndian.Uint16(c.in))
}

// read takes in what there is. Its buffer grows with what has come, not with
// what was announced, so that announcing costs an attacker as much as us.
func (c *tcpConn) read() bool {
	if len(c.in) == cap(c.in) {
		c.in = append(make([]byte, 0, 2*cap(c.in)), c.in...)
	}
	n, err := c.Read(c.in[len(c.in):cap(c.in)])
	c.in = c.in[:len(c.in)+n]
	return n > 0 || err == nil
}

// answer answers all whole messages in the read buffer. It is false when the
// connection is to end: the client does not take its answers, or sends what is no query.
func (c *tcpConn) answer() bool {
	w := c.server.tcpWorker()
	defer c.server.tcpWorkerDone(w)
	w.look()
	view := c.server.views.enter(c.slot)
	defer c.server.views.leave(c.slot)
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
		if len(w.out) >= flushAt && !c.flush(w) {
			return false
		}
	}
	if cap(c.in) > keepBuffer && len(rest) < firstRead {
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
	}
	return err == nil
}

func (s *Server) tcpWorker() *tcpWorker {
	if w, ok := s.tcp.workers.Get().(*tcpWorker); ok {
		return w
	}
	return &tcpWorker{worker: *s.newWorker(tcp), out: make([]byte, 0, flushAt+2+wire.MinUDP+wire.Slack)}
}

func (s *Server) tcpWorkerDone(w *tcpWorker) {
	s.metrics.tcp.take(&w.tally)
	if w.out = w.out[:0]; cap(w.out) <= keepBuffer {
		s.tcp.workers.Put(w)
	}
}
