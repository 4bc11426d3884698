package migrate

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// value is one of gdnsd's configuration language, vscf: a string, an array or an
// ordered hash.
type value struct {
	at    place
	kind  byte // 's', '[' or '{'
	text  string
	list  []*value
	keys  []string
	items map[string]*value
}

const (
	maxNesting  = 64
	maxIncludes = 16 // deep
)

// vscfReader reads one file.
type vscfReader struct {
	file    string
	text    []byte
	pos     int
	line    int
	depth   int
	include func(path string) ([]*value, error) // nil: there is no including
}

// readVSCF reads a file with those that it includes.
func readVSCF(file string, depth int) (*value, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parseVSCF(text, file, func(path string) ([]*value, error) {
		if depth >= maxIncludes {
			return nil, fmt.Errorf("$include is nested more than %d deep", maxIncludes)
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(file), path)
		}
		pattern := path
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			pattern = filepath.Join(path, "*")
		}
		files, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		if len(files) == 0 && pattern == path {
			return nil, fmt.Errorf("$include{%s}: there is no such file", path)
		}
		var list []*value
		for _, f := range files {
			v, err := readVSCF(f, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	})
}

// parseVSCF reads a text: a hash without braces, or an array.
func parseVSCF(text []byte, file string, include func(string) ([]*value, error)) (*value, error) {
	r := &vscfReader{file: file, text: text, line: 1, include: include}
	r.space()
	v, err := &value{}, error(nil)
	if r.peek() == '[' {
		v, err = r.value()
	} else {
		v, err = r.hash(0, r.here())
	}
	r.space()
	if err == nil && r.pos < len(r.text) {
		err = r.fail("%q stands here where the file should end", r.text[r.pos])
	}
	return v, err
}

func (r *vscfReader) fail(format string, args ...any) error {
	p := policy.Problem{File: r.file, Line: r.line, Message: fmt.Sprintf(format, args...)}
	return &policy.Error{Kind: policy.Invalid, Problems: []policy.Problem{p}}
}

func (r *vscfReader) here() place { return place{r.file, r.line} }

// peek is the next octet, 0 at the end.
func (r *vscfReader) peek() byte {
	if r.pos < len(r.text) {
		return r.text[r.pos]
	}
	return 0
}

// space goes over white space and comments.
func (r *vscfReader) space() {
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; {
		case c == '\n':
			r.line++
		case c == ' ' || c == '\t' || c == '\r':
		case c == '#' || c == ';':
			for r.pos+1 < len(r.text) && r.text[r.pos+1] != '\n' {
				r.pos++
			}
		default:
			return
		}
	}
}

// comma goes over a comma, which may stand after any item.
func (r *vscfReader) comma() {
	r.space()
	if r.peek() == ',' {
		r.pos++
		r.space()
	}
}

func (r *vscfReader) value() (*value, error) {
	if r.depth++; r.depth > maxNesting {
		return nil, r.fail("nested more than %d deep", maxNesting)
	}
	defer func() { r.depth-- }()
	at := r.here()
	switch c := r.peek(); {
	case c == '{':
		r.pos++
		r.space()
		return r.hash('}', at)
	case c == '[':
		r.pos++
		v := &value{at: at, kind: '['}
		for r.space(); r.peek() != ']'; r.comma() {
			if r.pos == len(r.text) {
				r.line = at.line
				return nil, r.fail("a [ that opens here is not closed")
			}
			item, err := r.value()
			if err != nil {
				return nil, err
			}
			v.list = append(v.list, item)
		}
		r.pos++
		return v, nil
	case r.including():
		list, err := r.included()
		if err == nil && len(list) != 1 {
			err = r.fail("$include in the place of a value takes one file, not %d", len(list))
		}
		if err != nil {
			return nil, err
		}
		return list[0], nil
	}
	text, err := r.word()
	return &value{at: at, kind: 's', text: text}, err
}

// hash reads up to the closing octet, which is 0 for the end of the file.
func (r *vscfReader) hash(closing byte, at place) (*value, error) {
	v := &value{at: at, kind: '{', items: map[string]*value{}}
	add := func(key string, item *value) error {
		if v.items[key] != nil {
			return r.fail("key %q stands here twice; the first is on line %d", key, v.items[key].at.line)
		}
		v.keys = append(v.keys, key)
		v.items[key] = item
		return nil
	}
	for ; r.pos < len(r.text) && (closing == 0 || r.peek() != closing); r.comma() {
		if r.including() {
			list, err := r.included()
			if err != nil {
				return nil, err
			}
			for _, in := range list {
				if in.kind != '{' {
					return nil, r.fail("the file included here is an array, and a hash is needed")
				}
				for _, k := range in.keys {
					if err := add(k, in.items[k]); err != nil {
						return nil, err
					}
				}
			}
			continue
		}
		key, err := r.word()
		if err != nil {
			return nil, err
		}
		r.space()
		if r.peek() != '=' {
			return nil, r.fail("after key %q there is no = or =>", key)
		}
		r.pos++
		if r.peek() == '>' {
			r.pos++
		}
		r.space()
		item, err := r.value()
		if err == nil {
			err = add(key, item)
		}
		if err != nil {
			return nil, err
		}
	}
	if closing != 0 {
		if r.pos == len(r.text) {
			r.line = v.at.line
			return nil, r.fail("a { that opens here is not closed")
		}
		r.pos++
	}
	return v, nil
}

const includeWord = "$include{"

func (r *vscfReader) including() bool {
	return strings.HasPrefix(string(r.text[r.pos:min(len(r.text), r.pos+len(includeWord))]), includeWord)
}

func (r *vscfReader) included() ([]*value, error) {
	r.pos += len(includeWord)
	r.space()
	path, err := r.word()
	if err != nil {
		return nil, err
	}
	r.space()
	if r.peek() != '}' {
		return nil, r.fail("$include{%s is not closed with }", path)
	}
	r.pos++
	if r.include == nil {
		return nil, r.fail("$include cannot stand here")
	}
	return r.include(path)
}

// word reads a string, quoted or not.
func (r *vscfReader) word() (string, error) {
	var b []byte
	quoted := r.peek() == '"'
	start, line := r.pos, r.line
	if quoted {
		r.pos++
	}
	for r.pos < len(r.text) {
		c := r.text[r.pos]
		switch {
		case quoted && c == '"':
			r.pos++
			return string(b), nil
		case !quoted && (strings.IndexByte(" \t\r\n][}{;#,\"=", c) >= 0 || c == '$' && r.pos == start):
			if r.pos == start {
				return "", r.fail("%q stands here, where a key or a value should", c)
			}
			return string(b), nil
		case c == '\\':
			escaped, n := unescape(r.text[r.pos+1:])
			if n == 0 {
				return "", r.fail("a backslash is followed by one character, or by three digits up to 255")
			}
			b = append(b, escaped)
			r.pos += 1 + n
			continue
		case c == '\n':
			r.line++
		}
		b = append(b, c)
		r.pos++
	}
	if quoted || r.pos == start {
		r.line = line
		return "", r.fail("the file ends within a value that begins here")
	}
	return string(b), nil
}

// unescape reads what follows a backslash and says how long it is, 0 when it is nothing.
func unescape(text []byte) (c byte, n int) {
	switch {
	case len(text) == 0:
		return 0, 0
	case text[0] < '0' || text[0] > '9':
		return text[0], 1
	case len(text) < 3 || text[1] < '0' || text[1] > '9' || text[2] < '0' || text[2] > '9':
		return 0, 0
	}
	v := int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 3
}

// get is an item of a hash, or nil; also when v is nil or no hash.
func (v *value) get(key string) *value {
	if v == nil {
		return nil
	}
	return v.items[key]
}

// str is a string's text.
func (v *value) str() string {
	if v == nil {
		return ""
	}
	return v.text
}

// strs are the strings of an array; one value counts as an array of itself.
func (v *value) strs() (list []string) {
	switch {
	case v == nil:
	case v.kind == '[':
		for _, i := range v.list {
			list = append(list, i.text)
		}
	default:
		list = append(list, v.text)
	}
	return list
}

// truth is a boolean's.
func (v *value) truth() bool { return v != nil && strings.EqualFold(v.text, "true") }

// rest are the keys of a hash but for some.
func (v *value) rest(without ...string) (keys []string) {
	for _, k := range v.keys {
		if !slices.Contains(without, k) {
			keys = append(keys, k)
		}
	}
	return keys
}
