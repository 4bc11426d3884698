package peer

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// counted is a connection that came in and holds a place within the port's limits until it is closed.
type counted struct {
	net.Conn
	port  *Port
	from  netip.Addr
	once  sync.Once
	timer *time.Timer // closes it at the end of the peer's certificate
}

// count takes a connection in, or gives nil when there are too many.
func (p *Port) count(raw net.Conn) *counted {
	var from netip.Addr
	if ap, err := netip.ParseAddrPort(raw.RemoteAddr().String()); err == nil {
		from = ap.Addr().Unmap()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.open) >= maxConnections || p.perAddr[from] >= maxPerAddress {
		return nil
	}
	c := &counted{Conn: raw, port: p, from: from}
	p.open[c] = struct{}{}
	p.perAddr[from]++
	return c
}

// closeAt closes the connection when the other end's certificate has expired.
func (c *counted) closeAt(t time.Time) {
	c.port.mu.Lock()
	defer c.port.mu.Unlock()
	if _, open := c.port.open[c]; open {
		c.timer = time.AfterFunc(time.Until(t), func() { _ = c.Close() })
	}
}

// Close closes the connection and gives its place back.
func (c *counted) Close() error {
	c.once.Do(func() {
		c.port.mu.Lock()
		defer c.port.mu.Unlock()
		if c.timer != nil {
			c.timer.Stop()
		}
		delete(c.port.open, c)
		if c.port.perAddr[c.from]--; c.port.perAddr[c.from] == 0 {
			delete(c.port.perAddr, c.from)
		}
	})
	return c.Conn.Close()
}

// callConn is a connection for calls. It hides that it is TLS from net/http,
// which would look for its own protocols in the ALPN.
type callConn struct {
	net.Conn
	caller caller // who is at the other end; of calls coming in
}

// handoff is a listener whose connections come from the port's router.
type handoff struct {
	addr net.Addr
	ch   chan net.Conn
	once sync.Once
	done chan struct{}
}

func newHandoff(addr net.Addr) *handoff {
	return &handoff{addr: addr, ch: make(chan net.Conn), done: make(chan struct{})}
}

func (h *handoff) offer(ctx context.Context, c net.Conn) {
	select {
	case h.ch <- c:
	case <-h.done:
		_ = c.Close()
	case <-ctx.Done():
		_ = c.Close()
	}
}

// Accept waits for the next connection.
func (h *handoff) Accept() (net.Conn, error) {
	select {
	case c := <-h.ch:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (h *handoff) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr is the port's address.
func (h *handoff) Addr() net.Addr { return h.addr }
