package policy

import (
	"fmt"
	"strings"
)

// Name is an absolute DNS name in lower-case, uncompressed wire form
// (RFC 1035 section 3.1): length-prefixed labels, ending with the root's zero
// octet. The zero value "" is no name at all. Wire form makes a look-up from a
// packet free of parsing; String gives the text.
type Name string

// Root is the name of the DNS root.
const Root Name = "\x00"

// MaxName is the longest a name may be in wire form, in octets (RFC 1035 section 2.3.4).
const MaxName = 255

// ParseName reads a name in presentation form. A missing final dot is
// supplied: names here are always absolute. Escapes are those of RFC 1035
// section 5.1 (\. and \DDD).
func ParseName(text string) (Name, error) {
	if text == "" {
		return "", fmt.Errorf("empty name")
	}
	if text == "." {
		return Root, nil
	}
	wire := make([]byte, 1, len(text)+2)
	start := 0
	end := func() error {
		n := len(wire) - start - 1
		if n == 0 {
			return fmt.Errorf("name %q has an empty label", text)
		}
		if n > 63 {
			return fmt.Errorf("name %q has a label of %d octets; 63 is the most", text, n)
		}
		wire[start] = byte(n)
		start = len(wire)
		wire = append(wire, 0)
		return nil
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '.':
			if err := end(); err != nil {
				return "", err
			}
			continue
		case c == '\\' && i+3 < len(text) && digits(text[i+1:i+4]):
			v := int(text[i+1]-'0')*100 + int(text[i+2]-'0')*10 + int(text[i+3]-'0')
			if v > 255 {
				return "", fmt.Errorf("name %q has an escape over 255", text)
			}
			c, i = byte(v), i+3
		case c == '\\':
			if i+1 >= len(text) {
				return "", fmt.Errorf("name %q ends in a backslash", text)
			}
			if digits(text[i+1 : i+2]) {
				return "", fmt.Errorf("name %q has an escape of fewer than three digits", text)
			}
			i++
			c = text[i]
		}
		wire = append(wire, lower(c))
	}
	if len(wire)-start > 1 {
		if err := end(); err != nil {
			return "", err
		}
	}
	if len(wire) > MaxName {
		return "", fmt.Errorf("name %q is %d octets long; %d is the most", text, len(wire), MaxName)
	}
	return Name(wire), nil
}

// MustName is ParseName for names known to be right; it panics otherwise.
func MustName(text string) Name {
	n, err := ParseName(text)
	if err != nil {
		panic(err)
	}
	return n
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// Valid says whether the bytes are a whole, lower-case wire name.
func (n Name) Valid() bool {
	if len(n) == 0 || len(n) > MaxName {
		return false
	}
	for i := 0; ; {
		l := int(n[i])
		if l == 0 {
			return i == len(n)-1
		}
		if l > 63 || i+1+l >= len(n) {
			return false
		}
		for _, c := range []byte(n[i+1 : i+1+l]) {
			if lower(c) != c {
				return false
			}
		}
		i += 1 + l
	}
}

// String is the name in presentation form without the final dot ("." for the root).
func (n Name) String() string {
	if n == "" {
		return ""
	}
	if n == Root {
		return "."
	}
	var b strings.Builder
	for i := 0; i < len(n) && n[i] != 0; {
		l := int(n[i])
		if i > 0 {
			b.WriteByte('.')
		}
		for _, c := range []byte(n[i+1 : i+1+l]) {
			switch {
			case c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c <= ' ' || c >= 0x7f:
				fmt.Fprintf(&b, "\\%03d", c)
			default:
				b.WriteByte(c)
			}
		}
		i += 1 + l
	}
	return b.String()
}

// FQDN is the name in presentation form with the final dot.
func (n Name) FQDN() string {
	if n == Root {
		return "."
	}
	return n.String() + "."
}

// MarshalText gives String.
func (n Name) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText is ParseName.
func (n *Name) UnmarshalText(text []byte) error {
	v, err := ParseName(string(text))
	if err == nil {
		*n = v
	}
	return err
}

// Labels counts the labels; the root has none.
func (n Name) Labels() int {
	k := 0
	for i := 0; i < len(n) && n[i] != 0; i += 1 + int(n[i]) {
		k++
	}
	return k
}

// Parent is the name without its first label; the root's parent is "".
func (n Name) Parent() Name {
	if n == Root || n == "" {
		return ""
	}
	return n[1+int(n[0]):]
}

// Under says whether n is zone or a name below it.
func (n Name) Under(zone Name) bool {
	for m := n; len(m) >= len(zone) && m != ""; m = m.Parent() {
		if m == zone {
			return true
		}
	}
	return false
}

// Wildcard says whether the first label is a lone asterisk (RFC 4592 section 2.1.1).
func (n Name) Wildcard() bool { return len(n) > 2 && n[0] == 1 && n[1] == '*' }

// Key is the name as a sort key: labels from the root down, each ended by a
// zero octet, so that plain byte order is the canonical order of RFC 4034
// section 6.1 and every name's key is a prefix of the keys below it.
func (n Name) Key() string { return string(AppendKey(make([]byte, 0, len(n)+4), []byte(n))) }

// AppendKey appends the sort key of a wire name (any case) to dst.
func AppendKey(dst, wire []byte) []byte {
	var starts [128]uint8
	k := 0
	for i := 0; i < len(wire) && wire[i] != 0 && k < len(starts); i += 1 + int(wire[i]) {
		starts[k] = uint8(i)
		k++
	}
	for k--; k >= 0; k-- {
		i := int(starts[k])
		for _, c := range wire[i+1 : i+1+int(wire[i])] {
			switch {
			case c <= 1:
				dst = append(dst, 1, c+1)
			case 'A' <= c && c <= 'Z':
				dst = append(dst, c+'a'-'A')
			default:
				dst = append(dst, c)
			}
		}
		dst = append(dst, 0)
	}
	return dst
}
