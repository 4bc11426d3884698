package zonefile

import (
	"fmt"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// appendName appends a name's wire form, its case kept. A relative name and @
// are completed with origin, a wire name; without one they are refused.
func appendName(dst []byte, text string, origin []byte) ([]byte, error) {
	if text == "." {
		return append(dst, 0), nil
	}
	base := len(dst)
	relative := true
	if text == "@" {
		text = ""
	}
	for i := 0; i < len(text); {
		start := len(dst)
		dst = append(dst, 0)
		relative = true
		for ; i < len(text) && relative; i++ {
			c := text[i]
			switch c {
			case '.':
				relative = false
				continue
			case '\\':
				v, n, err := unescape(text[i:])
				if err != nil {
					return nil, fmt.Errorf("name %q has %w", text, err)
				}
				c, i = v, i+n-1
			}
			dst = append(dst, c)
		}
		switch n := len(dst) - start - 1; {
		case n == 0:
			return nil, fmt.Errorf("name %q has an empty label", text)
		case n > 63:
			return nil, fmt.Errorf("name %q has a label of %d octets; 63 is the most", shorten(text), n)
		default:
			dst[start] = byte(n)
		}
	}
	switch {
	case !relative:
		dst = append(dst, 0)
	case len(origin) == 0:
		return nil, fmt.Errorf("name %q is relative and no origin is known; end it with a dot, or put $ORIGIN before it", or(text, "@"))
	default:
		dst = append(dst, origin...)
	}
	if n := len(dst) - base; n > policy.MaxName {
		return nil, fmt.Errorf("name %q is %d octets long with its origin; %d is the most", shorten(text), n, policy.MaxName)
	}
	return dst, nil
}

// unescape reads \DDD or \X at the start of text: the octet, and how much text it takes.
func unescape(text string) (byte, int, error) {
	if len(text) < 2 {
		return 0, 0, fmt.Errorf("a backslash at its end")
	}
	if !isDigit(text[1]) {
		return text[1], 2, nil
	}
	if len(text) < 4 || !isDigit(text[2]) || !isDigit(text[3]) {
		return 0, 0, fmt.Errorf("a bad escape %q; use three digits", text[:min(4, len(text))])
	}
	v := int(text[1]-'0')*100 + int(text[2]-'0')*10 + int(text[3]-'0')
	if v > 255 {
		return 0, 0, fmt.Errorf("an escape %q over 255", text[:4])
	}
	return byte(v), 4, nil
}

// ownerName is a wire name as the key it is in a zone.
func ownerName(wire []byte) policy.Name { return policy.Name(lowered(wire)) }

// nameOf is the name that policy.Name.Key made a sort key of.
func nameOf(key string) policy.Name {
	var wire [policy.MaxName]byte
	at := len(wire) - 1 // the root's octet; labels go in before it
	for len(key) > 0 {
		var label [63]byte
		n := 0
		i := 0
		for ; key[i] != 0; i++ {
			c := key[i]
			if c == 1 { // an escape: 0 and 1 stand as 1 and one more
				i++
				c = key[i] - 1
			}
			label[n] = c
			n++
		}
		key = key[i+1:]
		at -= n
		copy(wire[at:], label[:n])
		at--
		wire[at] = byte(n)
	}
	return policy.Name(wire[at:])
}

// lowered is a copy in lower case. Length octets are below 'A' and stay.
func lowered(wire []byte) []byte {
	out := make([]byte, len(wire))
	for i, c := range wire {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		out[i] = c
	}
	return out
}

// nameLen is the length of the wire name at the start of b, or 0.
func nameLen(b []byte) int {
	for i := 0; i < len(b) && i < policy.MaxName && b[i] <= 63; i += 1 + int(b[i]) {
		if b[i] == 0 {
			return i + 1
		}
	}
	return 0
}

// nameText is a wire name in absolute presentation form, its case kept.
func nameText(wire []byte) string { return policy.Name(wire).FQDN() }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}

// shorten keeps messages readable when the text is absurdly long.
func shorten(s string) string {
	if len(s) <= 80 {
		return s
	}
	return strings.ToValidUTF8(s[:77], "") + "..."
}
