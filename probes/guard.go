package probes

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// Guard says which addresses may be probed. A service's configuration names the
// targets, so without it anybody who may configure services could make the nodes
// knock on the doors of their own networks (SSRF).
//
// An address is judged when the socket is about to connect, after any name was
// resolved, so that a name cannot show one address to a test and another to the
// probe. An address that embeds an IPv4 address (IPv4-mapped, NAT64, 6to4, Teredo
// and their like) is judged by the embedded one.
type Guard struct {
	// Allow lists what may be probed although it is not public: probing.allow in the
	// node's configuration. A cloud's metadata address must be listed alone (/32 or /128).
	Allow []netip.Prefix
	// Own are the node's own listeners, which are never probed. An unspecified
	// address stands for every loopback address.
	Own []netip.AddrPort
}

// A refusal is the reason why a probe was not sent at all. It says nothing about the target.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

func refuse(format string, args ...any) error { return &refusal{fmt.Sprintf(format, args...)} }

// metadata are the addresses at which clouds hand out credentials to the machines
// they run: AWS and most others, AWS by IPv6, Alibaba, Oracle, Google by IPv6, Azure.
var metadata = []netip.Addr{
	netip.MustParseAddr("169.254.169.254"), netip.MustParseAddr("fd00:ec2::254"), netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("192.0.0.192"), netip.MustParseAddr("fd20:ce::254"), netip.MustParseAddr("168.63.129.16"),
}

// special are the ranges of the IANA special-purpose registries (RFC 6890) from
// behind which something private can answer; the first that matches names it.
var special = []struct {
	prefix netip.Prefix
	is     string
}{
	{netip.MustParsePrefix("0.0.0.0/32"), "unspecified"},
	{netip.MustParsePrefix("0.0.0.0/8"), "of this network (0.0.0.0/8)"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared address space (100.64.0.0/10)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "for protocol assignments (192.0.0.0/24)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks (198.18.0.0/15)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("255.255.255.255/32"), "broadcast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("64:ff9b:1::/48"), "a local NAT64 prefix"},
	{netip.MustParsePrefix("100::/64"), "for discarding (100::/64)"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

// Check is nil when the address may be probed, and otherwise an error that says
// what it is and how to allow it.
func (g Guard) Check(to netip.AddrPort) error {
	addr := to.Addr().WithZone("")
	judged := append(embedded(addr), addr.Unmap())
	for _, a := range judged {
		if g.own(netip.AddrPortFrom(a, to.Port())) {
			return refuse("refused: %s is a listener of this node itself", to)
		}
	}
	for _, a := range judged {
		is := what(a)
		if is != "" && !g.allowed(a) && !g.allowed(addr) {
			return refuse("refused: %s is %s; add it to probing.allow in the node's configuration", addr, is)
		}
	}
	return nil
}

func (g Guard) own(to netip.AddrPort) bool {
	return slices.ContainsFunc(g.Own, func(o netip.AddrPort) bool {
		a := o.Addr().Unmap()
		return o.Port() == to.Port() && (a == to.Addr() || a.IsUnspecified() && (to.Addr().IsLoopback() || to.Addr().IsUnspecified()))
	})
}

func (g Guard) allowed(a netip.Addr) bool {
	whole := slices.Contains(metadata, a)
	return slices.ContainsFunc(g.Allow, func(p netip.Prefix) bool { return p.Contains(a) && (!whole || p.IsSingleIP()) })
}

// what names the special purpose of an address, or gives "" for a public one.
func what(a netip.Addr) string {
	if slices.Contains(metadata, a) {
		return "a cloud's metadata service"
	}
	for _, s := range special {
		if s.prefix.Contains(a) {
			return s.is
		}
	}
	return ""
}

var (
	compatible = netip.MustParsePrefix("::/96")           // RFC 4291 section 2.5.5.1, deprecated
	translated = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765
	nat64      = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	teredo     = netip.MustParsePrefix("2001::/32")       // RFC 4380
	sixToFour  = netip.MustParsePrefix("2002::/16")       // RFC 3056
)

// embedded lists the IPv4 addresses that packets to an IPv6 address may end up at.
// IPv4-mapped addresses are not here: Unmap makes them what they are.
func embedded(a netip.Addr) []netip.Addr {
	if !a.Is6() || a.Is4In6() {
		return nil
	}
	b := a.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(b[i : i+4])) }
	switch {
	case compatible.Contains(a):
		if binary.BigEndian.Uint32(b[12:]) <= 1 { // :: and ::1 are themselves
			return nil
		}
		return []netip.Addr{at(12)}
	case translated.Contains(a), nat64.Contains(a):
		return []netip.Addr{at(12)}
	case sixToFour.Contains(a):
		return []netip.Addr{at(2)}
	case teredo.Contains(a): // the server, and the client with all bits turned
		for i := 12; i < 16; i++ {
			b[i] ^= 0xff
		}
		return []netip.Addr{at(4), at(12)}
	case binary.BigEndian.Uint32(b[8:])&^0x02000000 == 0x00005efe: // ISATAP, RFC 5214
		return []netip.Addr{at(12)}
	}
	return nil
}
