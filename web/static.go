package web

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// maxNamed is how many records a warning names.
const maxNamed = 20

// staticWarnings says which records of the zones name an address of what a
// control takes out of answers: they go on being answered as they stand. It looks
// at every record, so it is no part of bringing the control in.
func staticWarnings(s *policy.State, c policy.Control) []string {
	addresses := map[string]bool{} // as RDATA holds them
	for _, id := range s.WindowOf(c, 0).Endpoints {
		for _, name := range s.NamesOf(id) {
			if a, err := netip.ParseAddr(name); err == nil {
				addresses[string(a.AsSlice())] = true
			}
		}
	}
	if len(addresses) == 0 {
		return nil
	}
	var named []string
	total := 0
	for _, z := range s.Zones.All {
		for key, o := range z.Owners.All {
			for i := range o.RRsets {
				if set := &o.RRsets[i]; holds(set, addresses) {
					if total++; len(named) < maxNamed {
						named = append(named, policy.NameOfKey(key).String()+" "+addressTypes[set.Type])
					}
				}
			}
		}
	}
	if total == 0 {
		return nil
	}
	text := fmt.Sprintf("%d records of the zones name an address of %s and are answered as they stand, whatever is drained: %s", total, c.Target, strings.Join(named, ", "))
	if total == 1 {
		text = fmt.Sprintf("a record of the zones names an address of %s and is answered as it stands, whatever is drained: %s", c.Target, named[0])
	}
	if total > len(named) {
		text += fmt.Sprintf(" and %d more", total-len(named))
	}
	return []string{text}
}

var addressTypes = map[uint16]string{policy.TypeA: "A", policy.TypeAAAA: "AAAA", policy.TypeSVCB: "SVCB", policy.TypeHTTPS: "HTTPS"}

// holds says whether an RRset has one of the addresses: as its data, or as a hint.
func holds(set *policy.RRset, addresses map[string]bool) bool {
	switch set.Type {
	case policy.TypeA, policy.TypeAAAA:
		for _, d := range set.Data {
			if addresses[string(d)] {
				return true
			}
		}
	case policy.TypeSVCB, policy.TypeHTTPS:
		for _, d := range set.Data {
			_, _, params := policy.ReadSVCB(d)
			for _, hint := range []struct {
				key  uint16
				size int
			}{{policy.ParamIPv4Hint, 4}, {policy.ParamIPv6Hint, 16}} {
				for v, _ := policy.Param(params, hint.key); len(v) >= hint.size; v = v[hint.size:] {
					if addresses[string(v[:hint.size])] {
						return true
					}
				}
			}
		}
	}
	return false
}
