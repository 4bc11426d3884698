package migrate

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// setAddresses writes one address as such and several as a list.
func setAddresses(e *policy.Endpoint, addrs ...netip.Addr) {
	e.Address, e.Addresses = netip.Addr{}, nil
	var list []netip.Addr
	for _, a := range addrs {
		known := false
		for _, b := range list {
			known = known || a == b
		}
		if !known {
			list = append(list, a)
		}
	}
	if len(list) == 1 {
		e.Address = list[0]
	} else {
		e.Addresses = list
	}
}

// endpointAt is an endpoint by an address, or by a host name, which ends in a dot or has letters.
func endpointAt(name, text string) (policy.Endpoint, error) {
	e := policy.Endpoint{Name: name}
	if a, err := netip.ParseAddr(text); err == nil {
		e.Address = a.Unmap()
		return e, nil
	}
	n, err := policy.ParseName(text)
	e.Hostname = n
	return e, err
}

// seconds reads a TTL as master files have it: 300, 30M, 1h30m.
func seconds(text string) (policy.Seconds, bool) {
	total, n, digits := uint64(0), uint64(0), false
	for _, c := range strings.ToLower(text) {
		unit := map[rune]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[c]
		switch {
		case c >= '0' && c <= '9':
			n, digits = n*10+uint64(c-'0'), true
		case unit > 0 && digits:
			total, n, digits = total+n*unit, 0, false
		default:
			return 0, false
		}
		if n > policy.MaxTTL || total > policy.MaxTTL {
			return 0, false
		}
	}
	total += n
	return policy.Seconds(total), text != "" && total <= policy.MaxTTL
}

// maxTTL is the longest that a service's answers may be kept.
const maxTTL = 86400

// ttl is a service's, cut to what is allowed.
func (b *builder) ttl(at place, longest, least policy.Seconds) *policy.TTL {
	if longest > maxTTL {
		b.note(at, "a TTL of %d s is cut to %d s, the most that a steered name may have", longest, maxTTL)
	}
	longest = min(longest, maxTTL)
	least = min(least, longest)
	if least == 0 && longest > 0 {
		least = 1
	}
	return &policy.TTL{Max: longest, Min: least}
}

func atoi(text string, fallback int) int {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return fallback
}
