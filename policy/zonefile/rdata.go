package zonefile

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// ParseRData turns the presentation form of one record's data into
// uncompressed wire form. Relative names are completed with origin ("" refuses
// them); names keep their case. The form \# of RFC 3597 works for every type.
// Errors are *policy.Error of kind Invalid.
func ParseRData(typ uint16, text string, origin policy.Name) ([]byte, error) {
	l := newTextLexer(text)
	e, f := l.next()
	var wire []byte
	if f == nil {
		wire, f = encode(typ, e.tokens, []byte(origin), 1)
	}
	if f == nil {
		if e, f = l.next(); len(e.tokens) > 0 {
			f = e.tokens[0].faultf("only one record's data can stand here")
		}
	}
	if f != nil {
		return nil, f.invalid(TypeString(typ)+" data", "")
	}
	return wire, nil
}

// encode turns the tokens of an RDATA into wire form. line is where to place
// the fault when there are no tokens.
func encode(typ uint16, tokens []token, origin []byte, line int) ([]byte, *fault) {
	if len(tokens) > 0 && tokens[0].text == `\#` && !tokens[0].quoted {
		return encodeGeneric(typ, tokens)
	}
	if len(tokens) == 0 && typ != dns.TypeAPL { // RFC 3123 section 4: no item is fine
		return nil, faultf(line, 0, "the %s record has no data", TypeString(typ))
	}
	c := cursor{typ: typ, tokens: tokens, origin: origin}
	switch typ {
	case policy.TypeA, policy.TypeAAAA:
		c.addr(typ == policy.TypeA)
	case policy.TypeNS, policy.TypeCNAME, policy.TypeDNAME, dns.TypePTR:
		c.name()
	case policy.TypeMX:
		c.uint16("preference")
		c.name()
	case policy.TypeSRV:
		c.uint16("priority")
		c.uint16("weight")
		c.uint16("port")
		c.name()
	case policy.TypeSOA:
		c.soa()
	case policy.TypeTXT, dns.TypeSPF:
		c.strings()
	case dns.TypeCAA:
		c.caa()
	case dns.TypeURI:
		c.uint16("priority")
		c.uint16("weight")
		c.text("target")
	default:
		return encodeOther(typ, tokens, origin, line)
	}
	return c.done()
}

// cursor encodes the plain types, field by field; the first fault stays.
type cursor struct {
	typ    uint16
	tokens []token
	origin []byte
	at     int
	out    []byte
	fault  *fault
}

// word is the next field; quoted strings are none.
func (c *cursor) word(what string) (token, bool) {
	switch {
	case c.fault != nil:
		return token{}, false
	case c.at == len(c.tokens):
		last := c.tokens[c.at-1]
		c.fault = last.faultf("the %s record lacks its %s", TypeString(c.typ), what)
		return token{}, false
	case c.tokens[c.at].quoted:
		c.fault = c.tokens[c.at].faultf("the %s of type %s stands without quotes", what, TypeString(c.typ))
		return token{}, false
	}
	c.at++
	return c.tokens[c.at-1], true
}

func (c *cursor) check(t token, err error) {
	if err != nil {
		c.fault = t.faultf("%v", err)
	}
}

func (c *cursor) addr(v4 bool) {
	t, ok := c.word("address")
	if !ok {
		return
	}
	a, err := netip.ParseAddr(t.text)
	if err != nil || a.Is4() != v4 || a.Zone() != "" {
		want := "IPv6 address like 2001:db8::1"
		if v4 {
			want = "IPv4 address like 192.0.2.1"
		}
		c.fault = t.faultf("bad address %q: the %s record needs an %s", shorten(t.text), TypeString(c.typ), want)
		return
	}
	c.out = append(c.out, a.AsSlice()...)
}

func (c *cursor) name() {
	if t, ok := c.word("name"); ok {
		out, err := appendName(c.out, t.text, c.origin)
		c.check(t, err)
		c.out = out
	}
}

func (c *cursor) uint16(what string) {
	if t, ok := c.word(what); ok {
		v, err := parseUint16(t.text, what)
		c.check(t, err)
		c.out = binary.BigEndian.AppendUint16(c.out, v)
	}
}

func (c *cursor) soa() {
	c.name()
	c.name()
	if t, ok := c.word("serial"); ok {
		v, err := strconv.ParseUint(t.text, 10, 32)
		if err != nil {
			err = fmt.Errorf("bad serial %q: a number from 0 to 4294967295 is needed", shorten(t.text))
		}
		c.check(t, err)
		c.out = binary.BigEndian.AppendUint32(c.out, uint32(v))
	}
	for _, what := range []string{"refresh", "retry", "expire", "minimum"} {
		if t, ok := c.word(what); ok {
			v, err := parseSeconds(t.text)
			if err != nil {
				err = fmt.Errorf("bad %s: %w", what, err)
			}
			c.check(t, err)
			c.out = binary.BigEndian.AppendUint32(c.out, v)
		}
	}
}

// strings encodes character-strings (RFC 1035 section 3.3) up to the end.
func (c *cursor) strings() {
	for _, t := range c.tokens {
		start := len(c.out)
		c.out = append(c.out, 0)
		c.octets(t)
		n := len(c.out) - start - 1
		if c.fault == nil && n > 255 {
			c.fault = t.faultf("the string is %d octets long; 255 is the most, so write several strings", n)
		}
		if c.fault != nil {
			return
		}
		c.out[start] = byte(n)
	}
	c.at = len(c.tokens)
}

// octets encodes a word or a quoted string without its length.
func (c *cursor) octets(t token) {
	for i := 0; i < len(t.text); i++ {
		b := t.text[i]
		if b == '\\' {
			v, n, err := unescape(t.text[i:])
			if err != nil {
				c.fault = t.faultf("the string has %v", err)
				return
			}
			b, i = v, i+n-1
		}
		c.out = append(c.out, b)
	}
}

// text encodes a string that takes up the rest of the data, in quotes or not.
func (c *cursor) text(what string) {
	if c.fault != nil {
		return
	}
	if c.at == len(c.tokens) {
		c.fault = c.tokens[c.at-1].faultf("the %s record lacks its %s", TypeString(c.typ), what)
		return
	}
	c.octets(c.tokens[c.at])
	c.at++
}

// caa is RFC 8659 section 4.1.
func (c *cursor) caa() {
	if t, ok := c.word("flags"); ok {
		v, err := strconv.ParseUint(t.text, 10, 8)
		if err != nil {
			err = fmt.Errorf("bad flags %q: a number from 0 to 255 is needed", shorten(t.text))
		}
		c.check(t, err)
		c.out = append(c.out, byte(v))
	}
	if c.fault == nil && c.at < len(c.tokens) && c.tokens[c.at].quoted {
		c.tokens = slices.Clone(c.tokens)
		c.tokens[c.at].quoted = false // Knot DNS and NSD take the tag so
	}
	if t, ok := c.word("tag"); ok {
		if !caaTag([]byte(t.text)) {
			c.fault = t.faultf("bad tag %q: 1 to 255 letters and digits are needed", shorten(t.text))
			return
		}
		c.out = append(append(c.out, byte(len(t.text))), t.text...)
	}
	c.text("value")
}

func caaTag(tag []byte) bool {
	for _, c := range tag {
		if l := c | 0x20; !isDigit(c) && (l < 'a' || l > 'z') {
			return false
		}
	}
	return len(tag) > 0 && len(tag) <= 255
}

func (c *cursor) done() ([]byte, *fault) {
	switch {
	case c.fault != nil:
		return nil, c.fault
	case c.at < len(c.tokens):
		t := c.tokens[c.at]
		return nil, t.faultf("%q is more than the data of one %s record", shorten(t.text), TypeString(c.typ))
	case len(c.out) > policy.MaxData:
		return nil, c.tokens[0].faultf("the data is %d octets long; %d is the most", len(c.out), policy.MaxData)
	}
	return c.out, nil
}

// encodeGeneric reads \# LENGTH HEX... (RFC 3597 section 5).
func encodeGeneric(typ uint16, tokens []token) ([]byte, *fault) {
	if len(tokens) < 2 {
		return nil, tokens[0].faultf(`\# needs the length of the data and the data in hex`)
	}
	n, err := parseUint16(tokens[1].text, "length")
	if err != nil {
		return nil, tokens[1].faultf("%v", err)
	}
	var digits strings.Builder
	for _, t := range tokens[2:] {
		if i := strings.IndexFunc(t.text, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF", r) }); i >= 0 || t.quoted {
			return nil, t.faultf("%q is not hex", shorten(t.text))
		}
		digits.WriteString(t.text)
	}
	if digits.Len() != 2*int(n) {
		return nil, tokens[1].faultf("the data has %d hex digits, and a length of %d octets needs %d", digits.Len(), n, 2*int(n))
	}
	wire, err := hex.DecodeString(digits.String())
	if err == nil {
		err = validate(typ, wire)
	}
	if err != nil {
		return nil, tokens[1].faultf("%v", err)
	}
	return wire, nil
}

// validate says whether the wire form is right for its type: whole, without
// compression pointers, and the very form that packing it again gives.
func validate(typ uint16, wire []byte) error {
	_, err := unpack(typ, wire)
	return err
}

func unpack(typ uint16, wire []byte) (dns.RR, error) {
	if len(wire) > policy.MaxData {
		return nil, fmt.Errorf("the data is %d octets long; %d is the most", len(wire), policy.MaxData)
	}
	switch _, known := dns.TypeToRR[typ]; {
	case !known:
		return nil, nil
	case typ == dns.TypeCAA || typ == dns.TypeURI: // miekg/dns packs them up to about 1,000 octets only
		good := len(wire) >= 4
		if typ == dns.TypeCAA {
			good = len(wire) > 2 && len(wire) >= 2+int(wire[1]) && caaTag(wire[2:2+int(wire[1])])
		}
		if !good {
			return nil, fmt.Errorf("the data is not that of type %s", TypeString(typ))
		}
		return nil, nil
	}
	if len(wire) == 0 && typ != dns.TypeAPL && typ != dns.TypeNULL {
		return nil, fmt.Errorf("the %s record has no data", TypeString(typ))
	}
	h := dns.RR_Header{Name: ".", Rrtype: typ, Class: dns.ClassINET, Rdlength: uint16(len(wire))}
	rr, off, err := dns.UnpackRRWithHeader(h, wire, 0)
	if err != nil || off != len(wire) || lacksName(reflect.ValueOf(rr).Elem()) {
		return nil, fmt.Errorf("the data is not that of type %s", TypeString(typ))
	}
	if err := consistent(rr); err != nil {
		return nil, err
	}
	if again, err := pack(rr, len(wire)); err != nil || !bytes.Equal(again, wire) {
		return nil, fmt.Errorf("the data is not that of type %s in uncompressed form", TypeString(typ))
	}
	return rr, nil
}

// lacksName says whether data ended where one of its names should be, which
// miekg/dns takes for an empty name and packs to nothing again.
func lacksName(rr reflect.Value) bool {
	for i := range rr.NumField() {
		f, v := rr.Type().Field(i), rr.Field(i)
		switch {
		case f.Anonymous && v.Kind() == reflect.Struct:
			if lacksName(v) {
				return true
			}
		case v.Kind() == reflect.String && strings.HasSuffix(f.Tag.Get("dns"), "domain-name") && v.Len() == 0:
			return true
		}
	}
	return false
}

// rrHead is the octets before the RDATA of a record owned by the root.
const rrHead = 1 + 10

// pack is the RDATA of a record owned by the root, uncompressed.
func pack(rr dns.RR, sizeHint int) ([]byte, error) {
	buf := make([]byte, rrHead+sizeHint+64)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil && len(buf) < rrHead+policy.MaxData {
		buf = make([]byte, rrHead+policy.MaxData)
		n, err = dns.PackRR(rr, buf, 0, nil, false)
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(buf[rrHead:n]), nil
}
