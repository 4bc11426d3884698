package zonefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// encodeOther has miekg/dns encode the RDATA of a type that is not plain. The
// tokens are written out as one clean line, so that none of its lexer's
// weaknesses (see DESIGN.md) can matter, and its faults are put back where the
// token stands in the file.
func encodeOther(typ uint16, tokens []token, origin []byte, line int) ([]byte, *fault) {
	newRR, known := dns.TypeToRR[typ]
	if !known || typ == dns.TypeNULL {
		return nil, tokens[0].faultf(`data of type %s is written as \# LENGTH HEX (RFC 3597)`, TypeString(typ))
	}
	if _, private := newRR().(*dns.PrivateRR); private {
		return nil, tokens[0].faultf("type %s is private", TypeString(typ))
	}
	tokens, f := tidy(typ, tokens)
	if f != nil {
		return nil, f
	}
	tokens, params, f := ownParams(typ, tokens)
	if f != nil {
		return nil, f
	}
	text, starts := oneLine(typ, tokens)
	originText := ""
	if len(origin) > 0 {
		originText = nameText(origin)
	}
	zp := dns.NewZoneParser(strings.NewReader(text), originText, "")
	zp.SetDefaultTTL(0)
	rr, _ := zp.Next()
	if err := zp.Err(); err != nil {
		return nil, otherFault(typ, err, tokens, starts, line)
	}
	if rr == nil || rr.Header().Rrtype != typ {
		return nil, faultf(line, 0, "the %s record cannot be read", TypeString(typ))
	}
	rr.Header().Name = "."
	addParams(rr, params)
	wire, err := pack(rr, len(text))
	if err == nil {
		err = validate(typ, wire)
	}
	if err != nil {
		f := faultf(line, 0, "bad %s record: %s", TypeString(typ), strings.TrimPrefix(err.Error(), "dns: "))
		if len(tokens) > 0 {
			f.line, f.col = tokens[0].line, tokens[0].col
		}
		return nil, f
	}
	return wire, nil
}

// oneLine writes a record of the root with the tokens as its data, and says
// where each starts.
func oneLine(typ uint16, tokens []token) (string, []int) {
	var b strings.Builder
	b.WriteString(". IN " + TypeString(typ))
	starts := make([]int, len(tokens))
	for i, t := range tokens {
		// Only SVCB's key="value" is one word; elsewhere a quote starts a field.
		if !t.glued || typ != dns.TypeSVCB && typ != dns.TypeHTTPS {
			b.WriteByte(' ')
		}
		starts[i] = b.Len()
		if t.quoted {
			b.WriteString(`"` + t.text + `"`)
		} else {
			b.WriteString(t.text)
		}
	}
	b.WriteByte('\n')
	return b.String(), starts
}

// otherFault turns `dns: bad X: "token" at line: 1:23` into our words and place.
func otherFault(typ uint16, err error, tokens []token, starts []int, line int) *fault {
	msg := err.Error()
	f := faultf(line, 0, "bad %s record: %s", TypeString(typ), strings.TrimPrefix(msg, "dns: "))
	var parse *dns.ParseError
	at := strings.LastIndex(msg, " at line: ")
	if !errors.As(err, &parse) || at < 0 || len(tokens) == 0 {
		return f
	}
	var l, col int
	if _, err := fmt.Sscanf(msg[at:], " at line: %d:%d", &l, &col); err != nil {
		return f
	}
	k := 0
	for k+1 < len(tokens) && starts[k+1] < col {
		k++
	}
	msg = strings.TrimPrefix(msg[:at], "dns: ")
	msg = strings.TrimSuffix(msg, `: "\n"`)
	return tokens[k].faultf("bad %s record: %s", TypeString(typ), shorten(msg))
}
