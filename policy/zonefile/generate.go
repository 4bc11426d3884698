package zonefile

import (
	"fmt"
	"strconv"
	"strings"
)

// generate does $GENERATE start-stop[/step] owner [TTL] [class] type data, the
// way BIND does: in the owner and everything after it, $ stands for the
// iterator, ${offset,width,base} for it changed and padded, \$ and $$ for a
// dollar. Data in quotes is the text of the data, as BIND has it; BIND needs
// the quotes where there is more than one field, and here they may be missing.
//
// The range is held against the limits before anything is made.
func (p *parser) generate(name token, args []token) {
	if len(args) < 4 {
		p.fail(name.faultf("$GENERATE needs a range, an owner, a type and data"))
		return
	}
	rng, f := parseRange(args[0])
	if f == nil && rng.count() > int64(p.limits.Generate-p.generated) {
		f = args[0].faultf("$GENERATE %s makes %d records; the limit is %d in all of the file, and %d are made before it",
			shorten(args[0].text), rng.count(), p.limits.Generate, p.generated)
	}
	if f != nil {
		p.fail(f)
		return
	}
	p.generated += int(rng.count())
	templates := make([]template, len(args)-1)
	for i, t := range args[1:] {
		if templates[i], f = parseTemplate(t); f != nil {
			p.fail(f)
			return
		}
	}
	for i := rng.start; i <= rng.stop && !p.stop; i += rng.step {
		if f := p.generateOne(name, templates, i); f != nil {
			f.msg += fmt.Sprintf(" (made by $GENERATE for %d)", i)
			p.fail(f)
			return // every further one would most likely fail alike
		}
	}
}

func (p *parser) generateOne(name token, templates []template, i int64) *fault {
	tokens := make([]token, len(templates))
	size := 0
	for k, t := range templates {
		var f *fault
		if tokens[k], f = t.expand(i, p.limits.LineBytes-size); f != nil {
			return f
		}
		size += len(tokens[k].text) + 1
	}
	if p.textLeft -= int64(size); p.textLeft < 0 {
		p.stop = true
		return name.faultf("$GENERATE makes more text than the limit of %d bytes", p.limits.Bytes)
	}
	owner, f := p.parseOwner(tokens[0])
	if f != nil {
		return f
	}
	if last := len(tokens) - 1; tokens[last].quoted {
		if h, f := parseHead(tokens[1:]); f == nil && len(h.rest) == 1 {
			if tokens, f = unquote(tokens); f != nil {
				return f
			}
		}
	}
	return p.record(owner, tokens[1:])
}

// unquote replaces the last token, a string, with the fields written in it.
func unquote(tokens []token) ([]token, *fault) {
	last := tokens[len(tokens)-1]
	inner := lexer{line: last.line}
	fields, f := inner.cut(nil, strings.ReplaceAll(last.text, `\"`, `"`))
	if f == nil && inner.depth > 0 {
		f = inner.open
	}
	if f != nil {
		return nil, last.faultf("%s", f.msg)
	}
	tokens = tokens[: len(tokens)-1 : len(tokens)-1]
	for _, t := range fields {
		t.col = last.col
		tokens = append(tokens, t)
	}
	return tokens, nil
}

// intRange is start, start+step, ... up to stop.
type intRange struct{ start, stop, step int64 }

func (r intRange) count() int64 { return (r.stop-r.start)/r.step + 1 }

func parseRange(t token) (intRange, *fault) {
	number := func(s string) (int64, bool) {
		v, err := strconv.ParseUint(s, 10, 31)
		return int64(v), err == nil
	}
	text, step, hasStep := strings.Cut(t.text, "/")
	start, stop, ok := strings.Cut(text, "-")
	r := intRange{step: 1}
	var ok1, ok2 bool
	r.start, ok1 = number(start)
	r.stop, ok2 = number(stop)
	ok3 := true
	if hasStep {
		r.step, ok3 = number(step)
	}
	if !ok || !ok1 || !ok2 || !ok3 || t.quoted || r.step < 1 || r.start > r.stop {
		return r, t.faultf("bad $GENERATE range %q: start-stop or start-stop/step is needed, start no larger than stop, all up to 2147483647", shorten(t.text))
	}
	return r, nil
}

// template is a token with places for the iterator.
type template struct {
	token
	parts []part
}

// part is fixed text, or the iterator in a form when verb is set.
type part struct {
	text   string
	offset int64
	width  int
	verb   byte // d o x X n N
}

func parseTemplate(t token) (template, *fault) {
	out := template{token: t}
	fixed := strings.Builder{}
	for i := 0; i < len(t.text); i++ {
		c := t.text[i]
		switch {
		case c == '\\' && i+1 < len(t.text):
			fixed.WriteString(t.text[i : i+2])
			i++
		case c != '$':
			fixed.WriteByte(c)
		case strings.HasPrefix(t.text[i:], "$$"):
			fixed.WriteByte('$')
			i++
		default:
			v := part{verb: 'd'}
			if strings.HasPrefix(t.text[i:], "${") {
				body, _, closed := strings.Cut(t.text[i+2:], "}")
				var ok bool
				if v, ok = parseModifier(body); !ok || !closed {
					return out, t.faultf("bad $GENERATE modifier %q: ${offset,width,base} is needed, width up to 255, base one of d o x X n N", shorten(t.text[i:]))
				}
				i += len(body) + 2
			}
			out.parts = append(out.parts, part{text: fixed.String()}, v)
			fixed.Reset()
		}
	}
	out.parts = append(out.parts, part{text: fixed.String()})
	return out, nil
}

func parseModifier(body string) (part, bool) {
	p := part{verb: 'd'}
	fields := strings.Split(body, ",")
	offset, err := strconv.ParseInt(fields[0], 10, 32)
	p.offset = offset
	if err != nil || len(fields) > 3 {
		return p, false
	}
	if len(fields) > 1 {
		w, err := strconv.ParseUint(fields[1], 10, 8)
		if err != nil {
			return p, false
		}
		p.width = int(w)
	}
	if len(fields) == 3 {
		if len(fields[2]) != 1 || !strings.Contains("doxXnN", fields[2]) {
			return p, false
		}
		p.verb = fields[2][0]
	}
	return p, true
}

// expand puts the iterator in; the text may have at most room octets.
func (t template) expand(i int64, room int) (token, *fault) {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.text)
		v := i + p.offset
		switch {
		case p.verb == 0:
		case v < 0 && p.verb != 'd':
			return token{}, t.faultf("the offset makes %d, which has no form in base %c", v, p.verb)
		case p.verb == 'n' || p.verb == 'N':
			b.WriteString(nibbles(v, p.width, p.verb))
		default:
			fmt.Fprintf(&b, "%0*"+string(p.verb), p.width, v)
		}
		if b.Len() > room {
			return token{}, t.faultf("the record is longer than the limit of a line")
		}
	}
	out := t.token
	out.text = b.String()
	return out, nil
}

// nibbles is v as hex digits from the lowest up, with dots between, as in
// ip6.arpa; width counts the characters, dots included.
func nibbles(v int64, width int, verb byte) string {
	digits := "0123456789abcdef"
	if verb == 'N' {
		digits = "0123456789ABCDEF"
	}
	var b []byte
	for {
		b = append(b, digits[v&15])
		v >>= 4
		if width--; width > 0 || v != 0 {
			b = append(b, '.')
			width--
		}
		if v == 0 && width <= 0 {
			return string(b)
		}
	}
}
