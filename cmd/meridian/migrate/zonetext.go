package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// zoneRecord is a record that is not for the zone but becomes a service.
type zoneRecord struct {
	at    place
	owner policy.Name
	ttl   string // as written, "" when it is not
	typ   string
	data  []word
}

type word struct {
	text   string
	quoted bool
}

// entry is a record or a directive of a master file, which may go over several lines.
type entry struct {
	line   int
	raw    []byte
	blank  bool // it begins with white space: the owner is that of the record before
	tokens []word
}

// entries cuts a master file at the ends of its records. What is wrong in it
// zonefile.Parse finds afterwards.
func entries(text []byte) (list []entry) {
	for line := 1; len(text) > 0; {
		e, n := cutEntry(text)
		e.line = line
		e.raw = text[:n]
		line += bytes.Count(e.raw, []byte("\n"))
		text = text[n:]
		list = append(list, e)
	}
	return list
}

func cutEntry(text []byte) (e entry, n int) {
	depth := 0
	e.blank = text[0] == ' ' || text[0] == '\t'
	for n < len(text) {
		switch c := text[n]; {
		case c == '\n':
			n++
			if depth == 0 {
				return e, n
			}
		case c == ' ' || c == '\t' || c == '\r':
			n++
		case c == ';':
			for n < len(text) && text[n] != '\n' {
				n++
			}
		case c == '(':
			depth, n = depth+1, n+1
		case c == ')':
			depth, n = max(0, depth-1), n+1
		default:
			w, size := cutWord(text[n:])
			e.tokens = append(e.tokens, w)
			n += size
		}
	}
	return e, n
}

func cutWord(text []byte) (w word, n int) {
	var b strings.Builder
	if text[0] == '"' {
		w.quoted, n = true, 1
	}
	for n < len(text) {
		c := text[n]
		switch {
		case w.quoted && c == '"':
			w.text = b.String()
			return w, n + 1
		case !w.quoted && strings.IndexByte(" \t\r\n;()\"", c) >= 0:
			w.text = b.String()
			return w, n
		case c == '\\' && n+1 < len(text):
			if w.quoted && (text[n+1] == '"' || text[n+1] == '\\') {
				b.WriteByte(text[n+1])
			} else {
				b.Write(text[n : n+2])
			}
			n += 2
			continue
		}
		b.WriteByte(c)
		n++
	}
	w.text = b.String()
	return w, n
}

var (
	ttlWord   = regexp.MustCompile(`^[0-9][0-9A-Za-z/]*$`)
	classWord = regexp.MustCompile(`^(?i)(IN|CH|HS)$`)
)

// splitZone takes the records of some types out of a master file, whose lines
// keep their numbers, and reads the rest as a zone. What is wrong with the rest is noted, and there is no zone then.
func (b *builder) splitZone(text []byte, apex policy.Name, file string, ttl policy.Seconds, steered func(typ string) bool) []zoneRecord {
	origin := apex
	var owner policy.Name
	var list []zoneRecord
	var rest bytes.Buffer
	lost := false // the owner of the records that follow went with a record taken out
	for _, e := range entries(text) {
		at := place{file, e.line}
		gone := bytes.Repeat([]byte("\n"), bytes.Count(e.raw, []byte("\n")))
		switch {
		case len(e.tokens) == 0:
			rest.Write(e.raw)
			continue
		case strings.EqualFold(e.tokens[0].text, "$INCLUDE"):
			b.left(at, "$INCLUDE: put the file's content into %s", file)
			rest.Write(gone)
			continue
		case strings.HasPrefix(e.tokens[0].text, "$"):
			if strings.EqualFold(e.tokens[0].text, "$ORIGIN") && len(e.tokens) > 1 {
				if n, err := absolute(e.tokens[1].text, origin); err == nil {
					origin = n
				}
			}
			rest.Write(e.raw)
			continue
		}
		words := e.tokens
		if !e.blank {
			owner, _ = absolute(words[0].text, origin) // a mistake is found where the zone is read, or where it is used
			words = words[1:]
		}
		r := zoneRecord{at: at, owner: owner}
		for len(words) > 0 && !words[0].quoted && (ttlWord.MatchString(words[0].text) || classWord.MatchString(words[0].text)) {
			if !classWord.MatchString(words[0].text) {
				r.ttl = words[0].text
			}
			words = words[1:]
		}
		if len(words) > 0 && steered(strings.ToUpper(words[0].text)) {
			r.typ, r.data = strings.ToUpper(words[0].text), words[1:]
			if r.owner == "" {
				b.left(at, "%s record without an owner that can be read; name the zone with --name, or write $ORIGIN", r.typ)
			} else {
				list = append(list, r)
			}
			lost = lost || !e.blank
			rest.Write(gone)
			continue
		}
		if e.blank && lost && owner != "" {
			rest.WriteString(owner.FQDN())
		}
		lost = lost && e.blank
		rest.Write(e.raw)
	}
	b.zone(rest.Bytes(), apex, file, ttl)
	return list
}

// zone reads a master file, or notes its mistakes. A ttl other than 0 is that of
// its records before any $TTL.
func (b *builder) zone(text []byte, apex policy.Name, file string, ttl policy.Seconds) {
	before := 0
	if ttl > 0 {
		text, before = append(fmt.Appendf(nil, "$TTL %d\n", ttl), text...), 1
	}
	zone, _, err := zonefile.Parse(bytes.NewReader(text), apex, file, zonefile.Limits{})
	var e *policy.Error
	switch {
	case err == nil:
		b.zones = append(b.zones, zone)
	case errors.As(err, &e) && len(e.Problems) > 0:
		for _, p := range e.Problems {
			b.left(place{p.File, max(0, p.Line-before)}, "the zone is not written: %s", p.Message)
		}
	default:
		b.left(place{file: file}, "the zone is not written: %v", err)
	}
}

func absolute(text string, origin policy.Name) (policy.Name, error) {
	switch {
	case text == "@" && origin != "":
		return origin, nil
	case strings.HasSuffix(text, ".") || origin == policy.Root:
		return policy.ParseName(text)
	case origin == "":
		return "", errors.New("a relative name before any $ORIGIN")
	}
	return policy.ParseName(text + "." + origin.FQDN())
}
