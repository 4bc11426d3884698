package zonefile

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Records turns the records that an endpoint carries into wire form, by type.
// Their names are absolute, and each set has the largest TTL there is: how long an
// answer holds is the service's affair. The problems point into the endpoint
// ("/records/MX/0"); a set with one is left out. What is no type that endpoints
// carry is left to policy.Config.Validate.
func Records(e *policy.Endpoint) (sets []policy.RRset, problems policy.Problems) {
	for _, key := range slices.Sorted(maps.Keys(e.Records)) {
		typ, err := ParseType(key)
		if err != nil {
			continue
		}
		set := policy.RRset{Type: typ, TTL: policy.MaxTTL}
		found := len(problems)
		for i, text := range e.Records[key] {
			at := fmt.Sprintf("/records/%s/%d", key, i)
			data, err := ParseRData(typ, text, "")
			if err != nil {
				problems.Add(at, "%s", withoutPlace(err))
				continue
			}
			if typ == policy.TypeSVCB || typ == policy.TypeHTTPS {
				checkHints(&problems, at, e, data)
			}
			set.Data = append(set.Data, data)
		}
		if len(problems) == found {
			slices.SortFunc(set.Data, bytes.Compare)
			set.Data = slices.CompactFunc(set.Data, bytes.Equal)
			sets = append(sets, set)
		}
	}
	return sets, problems
}

// withoutPlace is what is wrong with a text, without its line, which is always
// the first, and without advice that is for files.
func withoutPlace(err error) string {
	var e *policy.Error
	if errors.As(err, &e) && len(e.Problems) == 1 {
		return strings.TrimSuffix(e.Problems[0].Message, ", or put $ORIGIN before it")
	}
	return err.Error()
}

// checkHints sees to it that the address hints of an endpoint's SVCB or HTTPS
// record lead to that very endpoint: clients may connect to them without asking
// for addresses (RFC 9460 section 7.3), past all steering.
func checkHints(p *policy.Problems, at string, e *policy.Endpoint, data []byte) {
	own := e.Addrs()
	for _, a := range Hints(data) {
		if slices.Contains(own, a) {
			continue
		}
		has := "has no address of its own"
		if len(own) > 0 {
			var list []string
			for _, o := range own {
				list = append(list, o.String())
			}
			has = "has " + strings.Join(list, ", ")
		}
		p.Add(at, "the hint %s is no address of endpoint %q, which %s; clients would go there past all steering: take the hint out", a, e.Name, has)
	}
}

// Hints are the addresses in the ipv4hint and ipv6hint of an SVCB or HTTPS record.
func Hints(rdata []byte) []netip.Addr {
	_, _, params := policy.ReadSVCB(rdata)
	var list []netip.Addr
	for key, size := range map[uint16]int{policy.ParamIPv4Hint: 4, policy.ParamIPv6Hint: 16} {
		value, _ := policy.Param(params, key)
		for ; len(value) >= size; value = value[size:] {
			a, _ := netip.AddrFromSlice(value[:size])
			list = append(list, a)
		}
	}
	slices.SortFunc(list, netip.Addr.Compare)
	return list
}
