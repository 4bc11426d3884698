//go:build !linux

package dnsserver

import (
	"net/netip"
	"syscall"
)

// sharesPort: elsewhere SO_REUSEPORT gives all packets to one of the sockets, or does not exist.
const sharesPort = false

func prepareUDP(syscall.RawConn, netip.Addr, int) error { return nil }
