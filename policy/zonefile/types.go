package zonefile

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// TypeString is a type's mnemonic, or TYPE123 where it has none (RFC 3597 section 5).
func TypeString(t uint16) string {
	if s, ok := dns.TypeToString[t]; ok && t != dns.TypeNone && t != dns.TypeReserved {
		return s
	}
	return "TYPE" + strconv.Itoa(int(t))
}

// ParseType reads a mnemonic or TYPE123, in any case. Whether records of the
// type can be in a zone is not its concern.
func ParseType(s string) (uint16, error) {
	upper := strings.ToUpper(s)
	if t, ok := dns.StringToType[upper]; ok && t != dns.TypeNone && t != dns.TypeReserved {
		return t, nil
	}
	if digits, ok := strings.CutPrefix(upper, "TYPE"); ok && digits != "" {
		if v, err := strconv.ParseUint(digits, 10, 16); err == nil {
			return uint16(v), nil
		}
		return 0, fmt.Errorf("bad record type %q: TYPE0 to TYPE65535 exist", shorten(s))
	}
	return 0, fmt.Errorf("unknown record type %q; write TYPE and its number for one without a name", shorten(s))
}

// Storable says why records of a type cannot be in a zone, or nil.
func Storable(t uint16) error {
	// RFC 6895 section 3.1: 128 to 255 are questions and other meta-types.
	if t == 0 || t == dns.TypeOPT || 128 <= t && t <= 255 {
		return fmt.Errorf("%s is not a type that a zone can hold", TypeString(t))
	}
	return nil
}

// layout says where the names are in the RDATA of types whose names compare
// without regard to case: after skip octets, count names in a row.
type layout struct{ skip, count int }

var layouts = map[uint16]layout{
	policy.TypeNS: {0, 1}, dns.TypeMD: {0, 1}, dns.TypeMF: {0, 1}, policy.TypeCNAME: {0, 1},
	policy.TypeSOA: {0, 2}, dns.TypeMB: {0, 1}, dns.TypeMG: {0, 1}, dns.TypeMR: {0, 1},
	dns.TypePTR: {0, 1}, dns.TypeMINFO: {0, 2}, policy.TypeMX: {2, 1}, dns.TypeRP: {0, 2},
	dns.TypeAFSDB: {2, 1}, dns.TypeRT: {2, 1}, dns.TypePX: {2, 2}, dns.TypeKX: {2, 1},
	policy.TypeSRV: {6, 1}, policy.TypeDNAME: {0, 1},
}

// Canonical is the RDATA for comparing: embedded names in lower case (RFC 4034 section 6.2).
func Canonical(typ uint16, rdata []byte) []byte {
	l, ok := layouts[typ]
	if !ok || len(rdata) < l.skip {
		return rdata
	}
	end := l.skip
	for range l.count {
		end += nameLen(rdata[end:])
	}
	out := append([]byte(nil), rdata...)
	copy(out[l.skip:end], lowered(out[l.skip:end]))
	return out
}

// target is the name that an RDATA with one name ends in, in lower case; "" for other types.
func target(typ uint16, rdata []byte) policy.Name {
	l, ok := layouts[typ]
	if !ok || l.count != 1 || len(rdata) <= l.skip || nameLen(rdata[l.skip:]) != len(rdata)-l.skip {
		return ""
	}
	return ownerName(rdata[l.skip:])
}
