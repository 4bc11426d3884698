package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/policy"
)

// parseText makes the tree of a text; nil when there is nothing in it. JSON
// has a reader of its own: nearly every JSON text is YAML too, but not those
// with characters outside the basic plane escaped, or with very long keys.
func parseText(data []byte) (*yaml.Node, *policy.Problem) {
	if len(data) > MaxSize {
		return nil, &policy.Problem{Message: fmt.Sprintf("the document is %d bytes long; %d is the most", len(data), MaxSize)}
	}
	if json.Valid(data) && utf8.Valid(data) {
		return parseJSON(data), nil
	}
	if p := checkText(data); p != nil {
		return nil, p
	}
	return parseYAML(data)
}

// checkText finds what YAML does not allow in a text (YAML 1.2 section 5.1). The YAML scanner would refuse it too, without saying where.
func checkText(data []byte) *policy.Problem {
	line, column := 1, 1
	for i := 0; i < len(data); {
		c, size := rune(data[i]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRune(data[i:])
		}
		switch {
		case c == utf8.RuneError && size == 1:
			return &policy.Problem{Line: line, Column: column, Message: fmt.Sprintf("byte 0x%02x is not UTF-8 text", data[i])}
		case c < ' ' && c != '\t' && c != '\n' && c != '\r', c >= 0x7f && c < 0xa0 && c != 0x85, c == 0xfffe, c == 0xffff:
			return &policy.Problem{Line: line, Column: column, Message: fmt.Sprintf("control character %U; write it as an escape in double quotes", c)}
		}
		i += size
		column++
		if c == '\n' {
			line, column = line+1, 1
		}
	}
	return nil
}

func parseYAML(data []byte) (*yaml.Node, *policy.Problem) {
	lines := &lineReader{rest: data}
	dec := yaml.NewDecoder(lines)
	var doc, next yaml.Node
	if err := dec.Decode(&doc); errors.Is(err, io.EOF) {
		return nil, nil
	} else if err != nil {
		return nil, syntaxProblem(err, lines.given, data)
	}
	if err := dec.Decode(&next); err == nil {
		return nil, &policy.Problem{Line: next.Line, Column: next.Column, Message: "a second document begins here; put everything into one"}
	} else if !errors.Is(err, io.EOF) {
		return nil, syntaxProblem(err, lines.given, data)
	}
	return doc.Content[0], nil
}

// lineReader hands out a line at a time, so that after a syntax error it is
// known how far the scanner had come. The scanner itself names only the line
// where the block began, which may be hundreds of lines before the mistake.
type lineReader struct {
	rest  []byte
	given int
}

func (r *lineReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	line := r.rest
	if i := bytes.IndexByte(line, '\n'); i >= 0 {
		line = line[:i+1]
	}
	n := copy(p, line)
	if n == len(line) {
		r.given++
	}
	r.rest = r.rest[n:]
	return n, nil
}

var (
	yamlError     = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxProblem says what is wrong with a text that is not YAML, and on which line.
func syntaxProblem(err error, reached int, data []byte) *policy.Problem {
	m := yamlError.FindStringSubmatch(err.Error())
	if m == nil {
		return &policy.Problem{Message: err.Error()}
	}
	line, _ := strconv.Atoi(m[1]) // absent on the first line
	msg := m[2]
	if a := unknownAnchor.FindStringSubmatch(msg); a != nil {
		p := &policy.Problem{Message: fmt.Sprintf("alias *%s: %s", a[1], noAnchors)}
		if i := bytes.Index(data, []byte("*"+a[1])); i >= 0 {
			p.Line = 1 + bytes.Count(data[:i], []byte("\n"))
			p.Column = 1 + utf8.RuneCount(data[bytes.LastIndexByte(data[:i], '\n')+1:i])
		}
		return p
	}
	// The library counts the lines of its parser from 0, those of its scanner from 1.
	// At the end of the text both see one line more.
	reached = max(reached, 1)
	begun := min(max(line, 1), reached)
	if strings.HasPrefix(msg, "did not find expected") && line > 0 {
		begun = min(line+1, reached)
	}
	switch {
	case strings.Contains(msg, "',' or"):
		return &policy.Problem{Line: begun, Message: "a bracket that opens here is not closed, or a comma is missing in it: " + msg + " by line " + strconv.Itoa(reached)}
	case strings.HasPrefix(msg, "did not find expected key"), strings.HasPrefix(msg, "did not find expected '-'"):
		return &policy.Problem{Line: reached, Message: fmt.Sprintf("%s: this line does not go on with the block that begins on or before line %d; check the indentation", msg, begun)}
	case strings.Contains(msg, "cannot start any token"):
		return &policy.Problem{Line: begun, Message: msg + ": put the value in quotes, and indent with spaces, not tabs"}
	case strings.HasPrefix(msg, "mapping values are not allowed"):
		return &policy.Problem{Line: begun, Message: msg + ": check the indentation, and put a value with \": \" in it in quotes"}
	case strings.HasPrefix(msg, "found unexpected end of stream"):
		return &policy.Problem{Line: begun, Message: msg + ": a quote that is opened is not closed"}
	}
	return &policy.Problem{Line: begun, Message: msg}
}

// jsonTree reads JSON that is known to be valid into the tree that YAML is read into.
type jsonTree struct {
	data         []byte
	dec          *json.Decoder
	at           int // where line and column stand
	line, column int
}

func parseJSON(data []byte) *yaml.Node {
	t := &jsonTree{data: data, dec: json.NewDecoder(bytes.NewReader(data)), line: 1, column: 1}
	t.dec.UseNumber()
	n, _ := t.next()
	return n
}

// next is the next value; ok is false at a closing bracket.
func (t *jsonTree) next() (n *yaml.Node, ok bool) {
	end := int(t.dec.InputOffset())
	token, err := t.dec.Token()
	if err != nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}, false // not after json.Valid
	}
	for end < len(t.data) && strings.IndexByte(" \t\r\n,:", t.data[end]) >= 0 {
		end++
	}
	t.advance(end)
	n = &yaml.Node{Kind: yaml.ScalarNode, Line: t.line, Column: t.column}
	switch v := token.(type) {
	case json.Delim:
		switch v {
		case '{':
			n.Kind, n.Tag = yaml.MappingNode, "!!map"
		case '[':
			n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		default:
			return nil, false
		}
		n.Style = yaml.FlowStyle
		for child, ok := t.next(); ok; child, ok = t.next() {
			n.Content = append(n.Content, child)
		}
	case string:
		n.Tag, n.Value, n.Style = "!!str", v, yaml.DoubleQuotedStyle
	case json.Number:
		n.Value = v.String()
		if n.Tag = n.ShortTag(); n.Tag != "!!int" { // as YAML sees it, so that it can be written as YAML
			n.Tag = "!!float"
		}
	case bool:
		n.Tag, n.Value = "!!bool", strconv.FormatBool(v)
	default:
		n.Tag, n.Value = "!!null", "null"
	}
	return n, true
}

func (t *jsonTree) advance(to int) {
	for t.at < to {
		c, size := utf8.DecodeRune(t.data[t.at:])
		t.at += size
		t.column++
		if c == '\n' {
			t.line, t.column = t.line+1, 1
		}
	}
}
