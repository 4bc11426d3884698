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

// tidy writes fields in the one spelling that miekg/dns reads, where BIND, NSD
// and Knot DNS all read more.
func tidy(typ uint16, tokens []token) []token {
	tokens = slices.Clone(tokens)
	switch typ {
	case dns.TypeNAPTR:
		quote(tokens, 2, 5)
	case dns.TypeNID, dns.TypeL64:
		if len(tokens) > 1 {
			tokens[1].text = padGroups(tokens[1].text)
		}
	case dns.TypeAPL:
		for i, t := range tokens {
			tokens[i].text = maskPrefix(t.text)
		}
	case dns.TypeLOC:
		return padAngles(tokens)
	case dns.TypeDNSKEY, dns.TypeCDNSKEY, dns.TypeKEY:
		if len(tokens) > 2 {
			if v, ok := dns.StringToAlgorithm[strings.ToUpper(tokens[2].text)]; ok {
				tokens[2].text = strconv.Itoa(int(v))
			}
		}
	case dns.TypeNSEC:
		return sortTypes(tokens, 1)
	case dns.TypeCSYNC:
		return sortTypes(tokens, 2)
	case dns.TypeNSEC3:
		return sortTypes(tokens, 5)
	}
	return tokens
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
func padGroups(text string) string {
	groups := strings.Split(text, ":")
	for i, g := range groups {
		if len(g) == 0 || len(g) > 4 {
			return text
		}
		groups[i] = strings.Repeat("0", 4-len(g)) + g
	}
	return strings.Join(groups, ":")
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

// sortTypes puts the types of a bitmap in order, each once. With a word that
// is no type the tokens stay, for the fault to be found there.
func sortTypes(tokens []token, from int) []token {
	if len(tokens) <= from {
		return tokens
	}
	number := map[string]uint16{}
	for _, t := range tokens[from:] {
		v, err := ParseType(t.text)
		if err != nil || t.quoted {
			return tokens
		}
		number[t.text] = v
	}
	types := tokens[from:]
	slices.SortStableFunc(types, func(a, b token) int { return cmp.Compare(number[a.text], number[b.text]) })
	types = slices.CompactFunc(types, func(a, b token) bool { return number[a.text] == number[b.text] })
	return tokens[:from+len(types)]
}

// numberedParams takes the service parameters out that are written key1=...
// though their keys have names: their values are raw octets (RFC 9460 section
// 2.1), and miekg/dns refuses them.
func numberedParams(typ uint16, tokens []token) ([]token, []*dns.SVCBLocal, *fault) {
	if typ != dns.TypeSVCB && typ != dns.TypeHTTPS {
		return tokens, nil, nil
	}
	var params []*dns.SVCBLocal
	var rest []token
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		name, value, _ := strings.Cut(t.text, "=")
		digits, isKey := strings.CutPrefix(name, "key")
		key, err := strconv.ParseUint(digits, 10, 16)
		if i < 2 || t.quoted || !isKey || err != nil || digits != strconv.Itoa(int(key)) || !namedKey(dns.SVCBKey(key)) {
			rest = append(rest, t)
			continue
		}
		if i+1 < len(tokens) && tokens[i+1].glued {
			i++
			value += tokens[i].text
		}
		var data []byte
		for k := 0; k < len(value); k++ {
			c := value[k]
			if c == '\\' {
				v, n, err := unescape(value[k:])
				if err != nil {
					return nil, nil, t.faultf("the value of %s has %v", name, err)
				}
				c, k = v, k+n-1
			}
			data = append(data, c)
		}
		params = append(params, &dns.SVCBLocal{KeyCode: dns.SVCBKey(key), Data: data})
	}
	return rest, params, nil
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
