package dnsserver

import (
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// sharesPort says that the system shares packets out among the sockets of one address.
const sharesPort = true

// prepareUDP sets the options of a UDP socket before it is bound.
func prepareUDP(raw syscall.RawConn, addr netip.Addr, buffer int) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		set := func(what string, level, option, value int) {
			if err := unix.SetsockoptInt(int(fd), level, option, value); err != nil && failed == nil {
				failed = fmt.Errorf("socket option %s: %w", what, err)
			}
		}
		set("SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		if unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil { // needs CAP_NET_ADMIN
			set("SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, buffer)
		}
		if addr.Is4() {
			// Path MTUs that anybody may have spoofed are not believed, and none is discovered (RFC 9715).
			set("IP_MTU_DISCOVER", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
			if addr.IsUnspecified() {
				set("IP_PKTINFO", unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
			}
			return
		}
		set("IPV6_MTU_DISCOVER", unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT)
		set("IPV6_DONTFRAG", unix.IPPROTO_IPV6, unix.IPV6_DONTFRAG, 1)
		if addr.IsUnspecified() {
			set("IPV6_RECVPKTINFO", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
		}
	})
	if err != nil {
		return err
	}
	return failed
}
