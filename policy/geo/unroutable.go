package geo

import "net/netip"

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

// Unroutable says whether all of a subnet lies where no route leads, looking
// through IPv6 addresses that carry an IPv4 address. It allocates nothing.
func Unroutable(a netip.Addr, bits int) bool {
	a, bits, _ = Normalize(a, bits)
	for i := range notGlobal {
		if p := &notGlobal[i]; p.Bits() <= bits && p.Contains(a) {
			return true
		}
	}
	return false
}
