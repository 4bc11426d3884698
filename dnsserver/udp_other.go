//go:build !linux

package dnsserver

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

const (
	maxQuery     = 4096
	workersEach  = 4 // of a socket, which all share
	receivePause = 10 * time.Millisecond
)

// packetConn reads and writes packets with the local address of each.
type packetConn interface {
	read(b []byte) (n int, local net.IP, from *net.UDPAddr, err error)
	write(b []byte, local net.IP, to *net.UDPAddr) error
}

type conn4 struct{ *ipv4.PacketConn }

func (c conn4) read(b []byte) (int, net.IP, *net.UDPAddr, error) {
	n, cm, from, err := c.ReadFrom(b)
	if err != nil || cm == nil {
		return n, nil, udpAddr(from), err
	}
	return n, cm.Dst, udpAddr(from), nil
}

func (c conn4) write(b []byte, local net.IP, to *net.UDPAddr) error {
	var cm *ipv4.ControlMessage
	if local != nil {
		cm = &ipv4.ControlMessage{Src: local}
	}
	_, err := c.WriteTo(b, cm, to)
	return err
}

type conn6 struct{ *ipv6.PacketConn }

func (c conn6) read(b []byte) (int, net.IP, *net.UDPAddr, error) {
	n, cm, from, err := c.ReadFrom(b)
	if err != nil || cm == nil {
		return n, nil, udpAddr(from), err
	}
	return n, cm.Dst, udpAddr(from), nil
}

func (c conn6) write(b []byte, local net.IP, to *net.UDPAddr) error {
	var cm *ipv6.ControlMessage
	if local != nil {
		cm = &ipv6.ControlMessage{Src: local}
	}
	_, err := c.WriteTo(b, cm, to)
	return err
}

func udpAddr(a net.Addr) *net.UDPAddr {
	u, _ := a.(*net.UDPAddr)
	return u
}

// packets wraps a socket; one with a wildcard address tells where packets came in.
func packets(conn *net.UDPConn) packetConn {
	local := conn.LocalAddr().(*net.UDPAddr).IP
	if local.To4() != nil {
		c := conn4{ipv4.NewPacketConn(conn)}
		if local.IsUnspecified() {
			c.SetControlMessage(ipv4.FlagDst, true)
		}
		return c
	}
	c := conn6{ipv6.NewPacketConn(conn)}
	if local.IsUnspecified() {
		c.SetControlMessage(ipv6.FlagDst, true)
	}
	return c
}

// serveUDP answers what comes in at a socket until it is closed, on systems
// without recvmmsg: one packet for each system call.
func (s *Server) serveUDP(conn *net.UDPConn) {
	var wg sync.WaitGroup
	for range workersEach {
		wg.Go(func() { s.serveUDPWorker(packets(conn)) })
	}
	wg.Wait()
}

func (s *Server) serveUDPWorker(conn packetConn) {
	w, slot, counters := s.newWorker(udp), s.views.join(), s.metrics.newUDPCounters()
	defer s.views.part(slot)
	query, buffer := make([]byte, maxQuery), make([]byte, 0, wire.Slack+1536)
	for {
		n, local, from, err := conn.read(query)
		if s.ended(err) {
			return
		}
		if err != nil {
			time.Sleep(receivePause)
			continue
		}
		client, _ := netip.AddrFromSlice(from.IP)
		w.look()
		view := s.views.enter(slot)
		if out := w.respond(view, buffer, query[:n], client.Unmap()); len(out) > 0 {
			if conn.write(out, local, from) != nil {
				w.tally.unsent++
			}
		}
		s.views.leave(slot)
		counters.take(&w.tally)
	}
}
