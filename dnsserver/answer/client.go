package answer

import (
	"net/netip"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// client settles who the answer is for: the subnet that the query names if it
// is of any use, or else the resolver (RFC 7871 section 7.2.1).
func (r *Responder) client() {
	r.asked.Client, r.asked.Bits, r.asked.Rand = r.req.Client, r.req.Client.BitLen(), r.req.Rand
	s := &r.q.Subnet
	if !s.Present || s.Source == 0 {
		return
	}
	if unroutable(s.Addr, int(s.Source)) {
		r.hidden = true
		return
	}
	r.asked.Client, r.asked.Bits = s.Addr, int(s.Source)
}

// scopeToTell is the SCOPE PREFIX-LENGTH. 0 where nothing looked at the
// client, for delegations and negative answers (RFC 7871 section 7.4), and
// without a SOURCE. Only where a service has no data for this client and may have
// some for another, the scope holds for the negative answer too. Where an
// answer is for the resolver, though the query names a private subnet, it must
// not be kept for anybody else: SCOPE is SOURCE.
func (r *Responder) scopeToTell() uint8 {
	s, scope := &r.q.Subnet, r.withheld
	if r.b.Records(wire.Answer) > 0 {
		scope = max(scope, r.scope)
	}
	switch {
	case !s.Present || s.Source == 0 || scope == 0:
		return 0
	case r.hidden:
		return s.Source
	}
	return scope
}

// notGlobal are the prefixes that no route leads to from outside: what RFC
// 6890 and the IANA registries that it made do not call global, and multicast.
var notGlobal = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
		"192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4",
		"::/127", "64:ff9b:1::/48", "100::/64", "2001:2::/48", "2001:10::/28", "2001:db8::/32", "3fff::/20",
		"5f00::/16", "fc00::/7", "fe80::/10", "ff00::/8",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

// unroutable says whether all of a subnet lies where no route leads, looking
// through IPv6 addresses that carry an IPv4 address.
func unroutable(a netip.Addr, bits int) bool {
	a, bits, _ = geo.Normalize(a, bits)
	for i := range notGlobal {
		if p := &notGlobal[i]; p.Bits() <= bits && p.Contains(a) {
			return true
		}
	}
	return false
}
