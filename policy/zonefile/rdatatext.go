package zonefile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// FormatRData is the presentation form of uncompressed wire RDATA, with
// absolute names. ParseRData gives the same octets for it: where a type's own
// form would not, it is the \# form of RFC 3597. Malformed data of a type that
// is known is refused with a *policy.Error of kind Invalid.
func FormatRData(typ uint16, rdata []byte) (string, error) {
	rr, err := unpack(typ, rdata)
	if err != nil {
		return "", asPolicy(err)
	}
	if text, ok := plainText(typ, rdata); ok {
		return text, nil
	}
	// miekg/dns takes time in the square of a HIP record's length to write it.
	if rr != nil && typ != dns.TypeNULL && (typ != dns.TypeHIP || len(rdata) <= 4096) {
		text := plainKeys(typ, strings.TrimSpace(strings.TrimPrefix(rr.String(), rr.Header().String())))
		if again, err := ParseRData(typ, text, policy.Root); err == nil && bytes.Equal(again, rdata) {
			return text, nil
		}
	}
	return strings.TrimSpace(`\# ` + strconv.Itoa(len(rdata)) + " " + hex.EncodeToString(rdata)), nil
}

// plainKeys writes a service parameter without a value as its key alone: Knot
// DNS refuses no-default-alpn="".
func plainKeys(typ uint16, text string) string {
	if typ != dns.TypeSVCB && typ != dns.TypeHTTPS {
		return text
	}
	fields, ok := fieldsOf(text)
	if !ok {
		return text
	}
	for i, f := range fields {
		fields[i] = strings.TrimSuffix(f, `=""`)
	}
	return strings.Join(fields, " ")
}

// plainText is the text of the types that encode does itself, for data that is known to be right.
func plainText(typ uint16, d []byte) (string, bool) {
	u16 := func(at int) string { return strconv.Itoa(int(binary.BigEndian.Uint16(d[at:]))) }
	switch typ {
	case policy.TypeA:
		return netip.AddrFrom4([4]byte(d)).String(), true
	case policy.TypeAAAA:
		return netip.AddrFrom16([16]byte(d)).String(), true
	case policy.TypeNS, policy.TypeCNAME, policy.TypeDNAME, dns.TypePTR:
		return nameText(d), true
	case policy.TypeMX:
		return u16(0) + " " + nameText(d[2:]), true
	case policy.TypeSRV:
		return u16(0) + " " + u16(2) + " " + u16(4) + " " + nameText(d[6:]), true
	case policy.TypeSOA:
		fields, numbers := soaText(d)
		return strings.Join(append(fields, numbers...), " "), true
	case policy.TypeTXT, dns.TypeSPF:
		return stringsText(d), true
	case dns.TypeCAA:
		tag := 2 + int(d[1])
		return strconv.Itoa(int(d[0])) + " " + string(d[2:tag]) + " " + quoted(d[tag:]), true
	case dns.TypeURI:
		return u16(0) + " " + u16(2) + " " + quoted(d[4:]), true
	}
	return "", false
}

// soaText is the two names and the five numbers of an SOA.
func soaText(d []byte) (names, numbers []string) {
	for range 2 {
		n := nameLen(d)
		names = append(names, nameText(d[:n]))
		d = d[n:]
	}
	for ; len(d) >= 4; d = d[4:] {
		numbers = append(numbers, strconv.FormatUint(uint64(binary.BigEndian.Uint32(d)), 10))
	}
	return names, numbers
}

// stringsText is character-strings in quotes.
func stringsText(d []byte) string {
	var b strings.Builder
	for len(d) > 0 {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		n := min(1+int(d[0]), len(d))
		b.WriteString(quoted(d[1:n]))
		d = d[n:]
	}
	return b.String()
}

// quoted is a string in quotes.
func quoted(d []byte) string {
	b := make([]byte, 0, len(d)+2)
	b = append(b, '"')
	for _, c := range d {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f:
			b = fmt.Appendf(b, "\\%03d", c)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}
