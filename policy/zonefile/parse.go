package zonefile

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// Parse reads a whole master file. apex is the zone's name; "" takes the owner
// of the file's SOA record. file is the name used in problems. Zero limits are
// the defaults.
//
// The warnings tell of a zone that can be served though something in it looks
// wrong. Any mistake refuses the file whole: the error is then a *policy.Error
// of kind Invalid whose Problems have File, Line and, where known, Column, in
// the order of the lines, at most a hundred.
//
// Relative names before any $ORIGIN are completed with apex. A record without
// a TTL takes $TTL's, else the last explicit one, else (RFC 1035 and BIND) the
// SOA's minimum. $INCLUDE is refused.
func Parse(r io.Reader, apex policy.Name, file string, limits Limits) (*policy.Zone, []policy.Problem, error) {
	if apex != "" && !apex.Valid() {
		return nil, nil, policy.Errorf(policy.Invalid, "the zone's name is malformed")
	}
	limits = limits.withDefaults()
	p := &parser{
		file:   file,
		limits: limits,
		lex:    newLexer(r, limits),
		apex:   apex,
		origin: []byte(apex),
		sets:   records{index: map[setKey]int{}},
	}
	p.read()
	var zone *policy.Zone
	if len(p.errs.list) == 0 {
		zone = p.zone()
	}
	warnings := p.warnings.sorted(file, "warnings")
	if errs := p.errs.sorted(file, "mistakes"); len(errs) > 0 {
		noun := "mistakes"
		if len(errs) == 1 {
			noun = "mistake"
		}
		message := fmt.Sprintf("the zone file has %d %s and is refused whole", len(errs), noun)
		return nil, warnings, &policy.Error{Kind: policy.Invalid, Message: message, Problems: errs}
	}
	return zone, warnings, nil
}

// ParseRR reads one record in presentation form, like "www 300 IN A 192.0.2.1".
// Relative names are completed with origin ("" refuses them); ttl is the TTL,
// in seconds, of a record that gives none. Errors are *policy.Error of kind
// Invalid.
func ParseRR(text string, origin policy.Name, ttl uint32) (policy.Name, policy.RRset, error) {
	p := &parser{
		limits: Limits{}.withDefaults(),
		lex:    newTextLexer(text),
		origin: []byte(origin),
		ttl:    &ttl,
		sets:   records{index: map[setKey]int{}},
		single: true,
	}
	p.read()
	if len(p.errs.list) == 0 && p.sets.count != 1 {
		p.fail(faultf(0, 0, "the text has %d records; exactly one is needed", p.sets.count))
	}
	if len(p.errs.list) > 0 {
		return "", policy.RRset{}, &policy.Error{Kind: policy.Invalid, Message: "the record cannot be read", Problems: p.errs.list}
	}
	s := p.sets.list[0]
	return s.name, policy.RRset{Type: s.typ, TTL: s.ttl, Data: s.data}, nil
}

// parser is the state of reading one file.
type parser struct {
	file     string
	limits   Limits
	lex      *lexer
	apex     policy.Name
	origin   []byte // wire form, case kept; empty while unknown
	owner    policy.Name
	badOwner bool    // the last owner could not be read: records that lean on it are passed over
	ttl      *uint32 // of $TTL
	lastTTL  *uint32 // the last explicit one
	single   bool    // one record, no directives
	stop     bool

	generated int   // records made by $GENERATE
	textLeft  int64 // octets that $GENERATE may still write

	sets           records
	errs, warnings findings
}

func (p *parser) fail(f *fault) { p.errs.add(f.problem(p.file)) }

func (p *parser) warn(f *fault) { p.warnings.add(f.problem(p.file)) }

func (p *parser) read() {
	p.textLeft = p.limits.Bytes
	for !p.stop && !p.errs.full() {
		e, f := p.lex.next()
		switch {
		case f != nil:
			p.fail(f)
		case len(e.tokens) == 0:
			return
		case isDirective(e):
			p.directive(e)
		default:
			p.entry(e)
		}
	}
}

func isDirective(e entry) bool {
	t := e.tokens[0]
	return !t.quoted && t.text[0] == '$'
}

func (p *parser) directive(e entry) {
	name, args := e.tokens[0], e.tokens[1:]
	word := strings.ToUpper(name.text)
	switch {
	case p.single:
		p.fail(name.faultf("a single record is needed here, no directive"))
	case e.blank:
		p.fail(name.faultf("a directive starts in the first column of its line"))
	case word == "$INCLUDE":
		p.fail(name.faultf("$INCLUDE is not supported: put the text of the included file in its place"))
	case word == "$GENERATE":
		p.generate(name, args)
	case word != "$ORIGIN" && word != "$TTL":
		p.fail(name.faultf("unknown directive %s; $ORIGIN, $TTL and $GENERATE exist", shorten(name.text)))
	case len(args) != 1:
		p.fail(name.faultf("%s needs one value, and has %d", word, len(args)))
	case word == "$ORIGIN":
		origin, err := appendName(nil, args[0].text, p.origin)
		if err != nil {
			p.fail(args[0].faultf("bad $ORIGIN: %v", err))
			return
		}
		p.origin = origin
	default:
		ttl, err := parseTTL(args[0].text)
		if err != nil {
			p.fail(args[0].faultf("$TTL: %v", err))
		}
		p.ttl = &ttl
	}
}

// entry reads a record, its owner first.
func (p *parser) entry(e entry) {
	tokens := e.tokens
	if !e.blank {
		owner, f := p.parseOwner(tokens[0])
		p.owner, p.badOwner = owner, f != nil
		if f != nil {
			p.fail(f)
			return
		}
		tokens = tokens[1:]
	} else if p.owner == "" && !p.badOwner {
		p.fail(tokens[0].faultf("the record has no owner, and there is none before it to repeat"))
		p.badOwner = true
	}
	if p.badOwner {
		return
	}
	if len(tokens) == 0 {
		p.fail(e.tokens[0].faultf("the record has an owner and nothing else"))
		return
	}
	if f := p.record(p.owner, tokens); f != nil {
		p.fail(f)
	}
}

func (p *parser) parseOwner(t token) (policy.Name, *fault) {
	if t.quoted {
		return "", t.faultf("an owner stands without quotes")
	}
	wire, err := appendName(make([]byte, 0, len(t.text)+len(p.origin)+2), t.text, p.origin)
	if err != nil {
		return "", t.faultf("bad owner: %v", err)
	}
	return ownerName(wire), nil
}

// record reads [TTL] [class] type data and files it.
func (p *parser) record(owner policy.Name, tokens []token) *fault {
	h, f := parseHead(tokens)
	if f != nil {
		return f
	}
	rdata, f := encode(h.typ, h.rest, p.origin, tokens[0].line)
	if f != nil {
		return f
	}
	ttl, f := p.ttlOf(h, rdata, tokens[0])
	if f != nil {
		return f
	}
	if p.sets.count == p.limits.Records {
		p.stop = true
		return faultf(tokens[0].line, 0, "the file has more than the limit of %d records; raise the limit or split the zone", p.limits.Records)
	}
	if f := p.sets.add(owner, h.typ, ttl, rdata, tokens[0].line); f != nil {
		p.warn(f)
	}
	return nil
}

// head is what stands before a record's data.
type head struct {
	ttl  *uint32
	typ  uint16
	rest []token
}

// parseHead reads TTL and class, in either order and both optional, and the type.
func parseHead(tokens []token) (head, *fault) {
	var h head
	class := false
	for i, t := range tokens {
		if t.quoted || t.text == "" {
			return h, t.faultf("a TTL, class or record type is needed here, not a string")
		}
		upper := strings.ToUpper(t.text)
		switch {
		case isDigit(t.text[0]):
			if h.ttl != nil {
				return h, t.faultf("the record has two TTLs, %d and %s", *h.ttl, shorten(t.text))
			}
			ttl, err := parseTTL(t.text)
			if err != nil {
				return h, t.faultf("%v", err)
			}
			h.ttl = &ttl
		case upper == "IN" || upper == "CLASS1":
			if class {
				return h, t.faultf("the record has its class twice")
			}
			class = true
		case upper == "CH" || upper == "HS" || upper == "CS" || upper == "NONE" || strings.HasPrefix(upper, "CLASS"):
			return h, t.faultf("class %s is not served; only IN is", shorten(t.text))
		default:
			typ, err := ParseType(t.text)
			if err == nil {
				err = Storable(typ)
			}
			if err != nil {
				return h, t.faultf("%v", err)
			}
			h.typ, h.rest = typ, tokens[i+1:]
			return h, nil
		}
	}
	return h, tokens[len(tokens)-1].faultf("the record has no type")
}

// ttlOf chooses the TTL as BIND does.
func (p *parser) ttlOf(h head, rdata []byte, at token) (uint32, *fault) {
	switch {
	case h.ttl != nil:
		p.lastTTL = h.ttl
		return *h.ttl, nil
	case p.ttl != nil:
		return *p.ttl, nil
	case p.lastTTL != nil:
		return *p.lastTTL, nil
	case h.typ != policy.TypeSOA:
		return 0, at.faultf("the record has no TTL, and neither $TTL nor a record before it gives one; put $TTL at the top")
	}
	minimum := binary.BigEndian.Uint32(rdata[len(rdata)-4:])
	if err := ttlInRange(minimum); err != nil {
		return 0, at.faultf("the SOA's minimum stands in for its TTL: %v", err)
	}
	p.ttl = &minimum
	p.warn(faultf(at.line, 0, "no TTL is given; the SOA's minimum, %d, is used", minimum))
	return minimum, nil
}

// setKey names an RRset.
type setKey struct {
	name policy.Name
	typ  uint16
}

// recordSet is an RRset in the making.
type recordSet struct {
	name   policy.Name
	key    string // of the name, for sorting
	typ    uint16
	ttl    uint32
	warned bool // that its TTLs differ
	data   [][]byte
	lines  []int32 // of each datum
}

// records is what has been read so far.
type records struct {
	index map[setKey]int
	list  []recordSet
	count int
}

// add files a record; the fault is a warning. The first TTL of an RRset holds
// for all of it, as in BIND.
func (r *records) add(name policy.Name, typ uint16, ttl uint32, rdata []byte, line int) *fault {
	r.count++
	k, ok := r.index[setKey{name, typ}]
	if !ok {
		k = len(r.list)
		r.index[setKey{name, typ}] = k
		r.list = append(r.list, recordSet{name: name, typ: typ, ttl: ttl})
	}
	s := &r.list[k]
	s.data = append(s.data, rdata)
	s.lines = append(s.lines, int32(line))
	// Signatures have the TTL of what they cover, each (RFC 4034 section 3).
	if s.ttl == ttl || s.warned || typ == dns.TypeRRSIG || typ == dns.TypeSIG {
		return nil
	}
	s.warned = true
	return faultf(line, 0, "TTL %d differs from TTL %d of line %d in the same RRset, %s %s; %d is used for all of it (RFC 2181 section 5.2)",
		ttl, s.ttl, s.lines[0], name, TypeString(typ), s.ttl)
}

// line is where the nth (from 0) differing record of an RRset stands, or 0.
func (r *records) line(name policy.Name, typ uint16, nth int) int {
	if s := r.find(name, typ); s != nil && nth < len(s.lines) {
		return int(s.lines[nth])
	}
	return 0
}

// find is an RRset by plain search, for the few that problems are about.
func (r *records) find(name policy.Name, typ uint16) *recordSet {
	for i := range r.list {
		if r.list[i].typ == typ && r.list[i].name == name {
			return &r.list[i]
		}
	}
	return nil
}

// lineOf is where a record stands, or 0.
func (r *records) lineOf(name policy.Name, typ uint16, rdata []byte) int {
	if s := r.find(name, typ); s != nil {
		for i, d := range s.data {
			if bytes.Equal(d, rdata) {
				return int(s.lines[i])
			}
		}
	}
	return 0
}

// asPolicy makes any error of the room's own functions an Invalid one.
func asPolicy(err error) error {
	var e *policy.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return policy.Errorf(policy.Invalid, "%v", err)
}
