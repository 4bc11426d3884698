package probes

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/icmp"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// probeICMP sends an echo request and waits for its reply. Whoever may neither use
// the kernel's ping sockets nor raw ones cannot know, and says so.
func probeICMP(ctx context.Context, t *Target) error {
	addr, err := t.resolve(ctx, 0)
	if err != nil {
		return err
	}
	conn, raw, err := listenICMP(addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer cutAtEnd(ctx, conn)()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	token := make([]byte, 24)
	_, _ = rand.Read(token) // never fails: it ends the program rather
	id := int(token[0])<<8 | int(token[1])
	m := icmp.Message{Type: ipv4.ICMPTypeEcho, Body: &icmp.Echo{ID: id, Seq: 1, Data: token}}
	protocol, reply := 1, icmp.Type(ipv4.ICMPTypeEchoReply)
	if addr.Is6() {
		m.Type, protocol, reply = ipv6.ICMPTypeEchoRequest, 58, ipv6.ICMPTypeEchoReply
	}
	packet, err := m.Marshal(nil)
	if err != nil {
		return err
	}
	var to net.Addr = net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0))
	if raw {
		to = &net.IPAddr{IP: addr.AsSlice(), Zone: addr.Zone()}
	}
	sent := time.Now()
	if _, err := conn.WriteTo(packet, to); err != nil {
		return err
	}
	buf := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(buf)
		if err != nil {
			return err
		}
		// The token tells our reply from others': the kernel's ping sockets choose the id.
		got, err := icmp.ParseMessage(protocol, buf[:n])
		if err != nil || got.Type != reply {
			continue
		}
		if echo, ok := got.Body.(*icmp.Echo); ok && bytes.Equal(echo.Data, token) {
			t.Trace.FirstByte = time.Since(sent)
			return nil
		}
	}
}

// listenICMP opens a ping socket, or a raw one where only that is allowed.
func listenICMP(to netip.Addr) (conn *icmp.PacketConn, raw bool, err error) {
	ping, packets, any := "udp4", "ip4:icmp", "0.0.0.0"
	if to.Is6() {
		ping, packets, any = "udp6", "ip6:ipv6-icmp", "::"
	}
	if conn, err = icmp.ListenPacket(ping, any); err == nil {
		return conn, false, nil
	}
	if conn, err = icmp.ListenPacket(packets, any); err == nil {
		return conn, true, nil
	}
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EPROTONOSUPPORT) {
		return nil, false, refuse("not probed: this node may not send ICMP; put its group into net.ipv4.ping_group_range, or give it CAP_NET_RAW")
	}
	return nil, false, err
}
