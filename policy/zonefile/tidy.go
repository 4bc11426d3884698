package zonefile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// fewest is how many fields the data of a type has at least, where miekg/dns
// lets the last one be missing.
var fewest = map[uint16]int{
	dns.TypeHINFO: 2, dns.TypeSSHFP: 3, dns.TypeTLSA: 4, dns.TypeSMIMEA: 4, dns.TypeZONEMD: 4, dns.TypeCERT: 4,
	dns.TypeDS: 4, dns.TypeCDS: 4, dns.TypeDLV: 4, dns.TypeTA: 4, dns.TypeDNSKEY: 4, dns.TypeCDNSKEY: 4, dns.TypeRRSIG: 9, dns.TypeNSEC3PARAM: 4,
}

// tidy writes fields in the one spelling that miekg/dns reads, where BIND, NSD
// and Knot DNS all read more, and finds what it passes over.
func tidy(typ uint16, tokens []token) ([]token, *fault) {
	if n := fewest[typ]; len(tokens) < n {
		return nil, tokens[len(tokens)-1].faultf("type %s has %d fields, and here are %d", TypeString(typ), n, len(tokens))
	}
	tokens = slices.Clone(tokens)
	switch typ {
	case dns.TypeHINFO:
		if len(tokens) > 2 {
			return nil, tokens[2].faultf("type HINFO has 2 fields, and here are %d", len(tokens))
		}
	case dns.TypeNAPTR:
		quote(tokens, 2, 5)
	case dns.TypeIPSECKEY:
		if len(tokens) > 1 && !slices.Contains([]string{"0", "1", "2", "3"}, tokens[1].text) {
			return nil, tokens[1].faultf("bad gateway type %q: 0 to 3 exist (RFC 4025 section 2.3)", shorten(tokens[1].text))
		}
	case dns.TypeNID, dns.TypeL64:
		if len(tokens) > 1 {
			text, ok := padGroups(tokens[1].text)
			if !ok {
				return nil, tokens[1].faultf("bad locator %q: four groups of up to four hex digits are needed, like 2001:db8:1140:1000", shorten(tokens[1].text))
			}
			tokens[1].text = text
		}
	case dns.TypeAPL:
		for i, t := range tokens {
			tokens[i].text = maskPrefix(t.text)
		}
	case dns.TypeLOC:
		tokens = padAngles(tokens)
	case dns.TypeDNSKEY, dns.TypeCDNSKEY, dns.TypeKEY:
		if len(tokens) > 2 {
			if v, ok := dns.StringToAlgorithm[strings.ToUpper(tokens[2].text)]; ok {
				tokens[2].text = strconv.Itoa(int(v))
			}
		}
	case dns.TypeRRSIG, dns.TypeSIG:
		if _, err := ParseType(tokens[0].text); err != nil {
			return nil, tokens[0].faultf("%v", err)
		}
	case dns.TypeNSEC, dns.TypeNXT:
		return sortTypes(tokens, 1)
	case dns.TypeCSYNC:
		return sortTypes(tokens, 2)
	case dns.TypeNSEC3:
		return sortTypes(tokens, 5)
	}
	return tokens, nil
}

func quote(tokens []token, from, to int) {
	for i := from; i < min(to, len(tokens)); i++ {
		tokens[i].quoted = true
	}
}

// maskPrefix clears the bits behind the prefix length of an APL item (RFC 3123
// section 5), which the other servers let stand and miekg/dns refuses.
func maskPrefix(text string) string {
	family, prefix, ok := strings.Cut(text, ":")
	if p, err := netip.ParsePrefix(prefix); ok && err == nil {
		return family + ":" + p.Masked().String()
	}
	return text
}

// padGroups writes the four groups of a 64-bit locator with four digits each.
func padGroups(text string) (string, bool) {
	groups := strings.Split(text, ":")
	for i, g := range groups {
		v, err := strconv.ParseUint(g, 16, 16)
		if err != nil || len(g) > 4 {
			return "", false
		}
		groups[i] = fmt.Sprintf("%04x", v)
	}
	return strings.Join(groups, ":"), len(groups) == 4
}

// padAngles puts in the minutes and seconds that RFC 1876 section 3 lets one leave out.
func padAngles(tokens []token) []token {
	var out []token
	numbers, angles := 0, 0
	for _, t := range tokens {
		switch {
		case angles < 2 && len(t.text) == 1 && strings.Contains("NSEWnsew", t.text):
			for ; numbers < 3; numbers++ {
				zero := t
				zero.text = "0"
				out = append(out, zero)
			}
			numbers = 0
			angles++
		default:
			numbers++
		}
		out = append(out, t)
	}
	return out
}

// sortTypes puts the types of a bitmap in order, each once. miekg/dns takes
// any word that ends in digits for a type.
func sortTypes(tokens []token, from int) ([]token, *fault) {
	if len(tokens) <= from {
		return tokens, nil
	}
	number := map[string]uint16{}
	for _, t := range tokens[from:] {
		v, err := ParseType(t.text)
		if err != nil {
			return nil, t.faultf("%v", err)
		}
		number[t.text] = v
	}
	types := tokens[from:]
	slices.SortStableFunc(types, func(a, b token) int { return cmp.Compare(number[a.text], number[b.text]) })
	types = slices.CompactFunc(types, func(a, b token) bool { return number[a.text] == number[b.text] })
	return tokens[:from+len(types)], nil
}

// ownParams takes the service parameters out that miekg/dns misreads, and
// gives them encoded: those written key1=... though their keys have names, with
// raw octets for a value (RFC 9460 section 2.1), and alpn, whose value is
// escaped twice (appendix A.1).
func ownParams(typ uint16, tokens []token) ([]token, []*dns.SVCBLocal, *fault) {
	if typ != dns.TypeSVCB && typ != dns.TypeHTTPS {
		return tokens, nil, nil
	}
	var params []*dns.SVCBLocal
	var rest []token
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		name, value, valued := strings.Cut(t.text, "=")
		key, ok := ownKey(name)
		if i < 2 || t.quoted || !ok {
			rest = append(rest, t)
			continue
		}
		if i+1 < len(tokens) && tokens[i+1].glued {
			if i++; !valued || value != "" || !tokens[i].quoted {
				return nil, nil, t.faultf("bad parameter %s: key=value or key=\"value\" is needed", shorten(t.text))
			}
			value = tokens[i].text
		}
		c := cursor{}
		c.octets(token{text: value, line: t.line, col: t.col})
		if c.fault == nil && name == "alpn" {
			if c.out, ok = alpnList(c.out); !ok {
				c.fault = t.faultf("bad alpn: protocols of 1 to 255 octets are needed, with commas between")
			}
		}
		if c.fault != nil {
			return nil, nil, c.fault
		}
		params = append(params, &dns.SVCBLocal{KeyCode: key, Data: c.out})
	}
	return rest, params, nil
}

// ownKey says whether ownParams encodes a key, and its number.
func ownKey(name string) (dns.SVCBKey, bool) {
	if name == "alpn" {
		return dns.SVCB_ALPN, true
	}
	digits, ok := strings.CutPrefix(name, "key")
	key, err := strconv.ParseUint(digits, 10, 16)
	return dns.SVCBKey(key), ok && err == nil && digits == strconv.Itoa(int(key)) && namedKey(dns.SVCBKey(key))
}

// alpnList makes length-prefixed strings of a list with commas, in which a
// backslash keeps the octet behind it.
func alpnList(value []byte) ([]byte, bool) {
	var out []byte
	start := 0
	end := func() bool {
		n := len(out) - start - 1
		if n < 1 || n > 255 {
			return false
		}
		out[start] = byte(n)
		return true
	}
	out = append(out, 0)
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == ',':
			if !end() {
				return nil, false
			}
			start = len(out)
			out = append(out, 0)
		case c == '\\' && i+1 < len(value):
			i++
			out = append(out, value[i])
		default:
			out = append(out, c)
		}
	}
	return out, end()
}

// namedKey says whether miekg/dns has a name of its own for a service parameter.
func namedKey(k dns.SVCBKey) bool { return !strings.HasPrefix(k.String(), "key") && k.String() != "" }

func addParams(rr dns.RR, params []*dns.SVCBLocal) {
	for _, p := range params {
		switch rr := rr.(type) {
		case *dns.SVCB:
			rr.Value = append(rr.Value, p)
		case *dns.HTTPS:
			rr.Value = append(rr.Value, p)
		}
	}
}

// consistent holds the rules of RFC 9460 section 8 that miekg/dns leaves open.
func consistent(rr dns.RR) error {
	var values []dns.SVCBKeyValue
	switch rr := rr.(type) {
	case *dns.SVCB:
		values = rr.Value
	case *dns.HTTPS:
		values = rr.Value
	}
	for _, v := range values {
		if alpn, ok := v.(*dns.SVCBAlpn); ok && (len(alpn.Alpn) == 0 || slices.Contains(alpn.Alpn, "")) {
			return fmt.Errorf("alpn needs at least one protocol, and no empty one")
		}
		mandatory, ok := v.(*dns.SVCBMandatory)
		if !ok {
			continue
		}
		for i, key := range mandatory.Code {
			present := slices.ContainsFunc(values, func(v dns.SVCBKeyValue) bool { return v.Key() == key })
			if !present || key == dns.SVCB_MANDATORY || slices.Contains(mandatory.Code[:i], key) {
				return fmt.Errorf("mandatory names %s, which must be another parameter of the record, once", key)
			}
		}
	}
	return nil
}
