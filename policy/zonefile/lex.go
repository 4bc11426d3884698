package zonefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// A fault is one mistake and where it stands; line 0 means unknown.
type fault struct {
	line, col int
	msg       string
}

func faultf(line, col int, format string, args ...any) *fault {
	return &fault{line: line, col: col, msg: fmt.Sprintf(format, args...)}
}

// token is a word or a quoted string of a record, escapes untouched.
type token struct {
	text      string
	quoted    bool
	glued     bool // no white space before it: key="value" is a word and a glued string
	line, col int
}

func (t token) faultf(format string, args ...any) *fault {
	return faultf(t.line, t.col, format, args...)
}

// entry is a record or directive: everything up to a line end outside parentheses.
type entry struct {
	tokens []token
	blank  bool // starts with white space: the owner is the one before
	line   int
}

// lexer cuts a master file into entries.
type lexer struct {
	r         *bufio.Reader
	lineBytes int
	bytesLeft int64
	bytes     int64 // the limit, for the message
	line      int
	ended     bool

	depth     int    // open parentheses
	open      *fault // the outermost open one, as the fault it will be at the file's end
	entryText int
	tokens    []token // of the last entry; their room is used again
}

func newLexer(r io.Reader, limits Limits) *lexer {
	return &lexer{
		r:         bufio.NewReaderSize(r, limits.LineBytes+3),
		lineBytes: limits.LineBytes,
		bytesLeft: limits.Bytes,
		bytes:     limits.Bytes,
	}
}

// newTextLexer reads a short text, with a buffer of its size.
func newTextLexer(text string) *lexer {
	n := max(1, len(text))
	return newLexer(strings.NewReader(text), Limits{Bytes: int64(n), LineBytes: min(n, maxEntry)})
}

// next is the next entry that is not empty. A fault concerns only that entry,
// unless the lexer has ended: then nothing after it can be read. At the end of
// the file next gives neither tokens nor a fault. The tokens hold until the
// following call.
func (l *lexer) next() (entry, *fault) {
	e := entry{tokens: l.tokens[:0]}
	for !l.ended {
		text, f := l.readLine()
		if f != nil {
			l.ended, l.depth = true, 0
			return entry{}, f
		}
		if l.depth == 0 {
			e = entry{tokens: e.tokens[:0], line: l.line, blank: text != "" && isSpace(text[0])}
			l.entryText = 0
		}
		if e.tokens, f = l.cut(e.tokens, text); f != nil {
			// Inside parentheses there is no telling where the next record starts.
			l.ended = l.ended || l.depth > 0
			l.depth = 0
			return entry{}, f
		}
		if l.depth == 0 && len(e.tokens) > 0 {
			l.tokens = e.tokens
			return e, nil
		}
	}
	return entry{}, l.unclosed()
}

// unclosed is the fault of a parenthesis still open at the end, told once.
func (l *lexer) unclosed() *fault {
	if l.depth == 0 {
		return nil
	}
	l.depth = 0
	return l.open
}

// readLine is the next line without its end; at the end of the file it sets ended.
func (l *lexer) readLine() (string, *fault) {
	raw, err := l.r.ReadSlice('\n')
	l.line++
	if l.bytesLeft -= int64(len(raw)); l.bytesLeft < 0 {
		return "", faultf(l.line, 0, "the file is larger than the limit of %d bytes; raise the limit or split the zone", l.bytes)
	}
	switch {
	case err == nil:
		raw = raw[:len(raw)-1]
		if n := len(raw); n > 0 && raw[n-1] == '\r' {
			raw = raw[:n-1]
		}
	case err == io.EOF:
		l.ended = true
	case !errors.Is(err, bufio.ErrBufferFull):
		return "", faultf(l.line, 0, "the file cannot be read any further: %v", err)
	}
	if len(raw) > l.lineBytes {
		return "", faultf(l.line, 0, "the line is longer than the limit of %d bytes; break the record over several lines with parentheses", l.lineBytes)
	}
	text := string(raw)
	if l.line == 1 {
		text = strings.TrimPrefix(text, "\ufeff") // editors on Windows put one there
	}
	return text, nil
}

// cut appends the tokens of one line, minding parentheses that are open.
func (l *lexer) cut(tokens []token, text string) ([]token, *fault) {
	glued := false
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case isSpace(c):
			glued = false
			i++
		case c == ';':
			return tokens, nil
		case c == '(':
			if l.depth == 0 {
				l.open = faultf(l.line, i+1, "this parenthesis is never closed")
			}
			l.depth++
			glued = false
			i++
		case c == ')':
			if l.depth == 0 {
				return tokens, faultf(l.line, i+1, "this parenthesis closes nothing")
			}
			l.depth--
			glued = false
			i++
		default:
			t, n, f := word(text, i)
			if f != nil {
				f.line = l.line
				return tokens, f
			}
			t.glued, t.line = glued, l.line
			tokens = append(tokens, t)
			if l.entryText += len(t.text) + 1; l.entryText > maxEntry {
				l.ended = true
				return tokens, t.faultf("the record has more than %d bytes of text; no RDATA needs that", maxEntry)
			}
			glued = true
			i += n
		}
	}
	return tokens, nil
}

// word is the word or quoted string at text[at:], and how many bytes it takes up.
func word(text string, at int) (token, int, *fault) {
	t := token{col: at + 1, quoted: text[at] == '"'}
	start, i := at, at
	if t.quoted {
		start, i = at+1, at+1
	}
	for ; i < len(text); i++ {
		c := text[i]
		if c == '\\' {
			if i++; i == len(text) {
				return t, 0, faultf(0, i, "a backslash ends the line; write \\\\ for a backslash itself")
			}
			continue
		}
		if t.quoted && c == '"' {
			t.text = text[start:i]
			return t, i + 1 - at, nil
		}
		if !t.quoted && (isSpace(c) || c == ';' || c == '(' || c == ')' || c == '"') {
			break
		}
	}
	if t.quoted {
		return t, 0, faultf(0, at+1, "this quote is not closed on its line")
	}
	t.text = text[start:i]
	return t, i - at, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' }
