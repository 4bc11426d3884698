package document

import (
	"encoding"
	"encoding/base64"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/policy"
)

const noAnchors = "anchors (&), aliases (*) and merge keys (<<) are not read; write the value out"

var (
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
	branchType = reflect.TypeFor[policy.Branch]()
)

// reader walks a tree and a Go value side by side, and collects mistakes.
type reader struct {
	file     string
	problems policy.Problems
	more     int // mistakes beyond MaxProblems
	types    map[reflect.Type][]field
}

func newReader(file string) *reader {
	return &reader{file: file, types: map[reflect.Type][]field{}}
}

// parse makes the tree; not ok when the text is no document at all.
func (r *reader) parse(data []byte) (root *yaml.Node, ok bool) {
	root, p := parseText(data)
	if p != nil {
		p.File = r.file
		r.problems = append(r.problems, *p)
	}
	return root, p == nil
}

func (r *reader) err() error {
	if r.more > 0 {
		r.problems = append(r.problems, policy.Problem{File: r.file, Message: fmt.Sprintf("and %d more mistakes", r.more)})
	}
	return r.problems.Err("the document cannot be read")
}

// add notes a mistake at a node, or about the whole document.
func (r *reader) add(n *yaml.Node, at, format string, args ...any) {
	if len(r.problems) >= MaxProblems {
		r.more++
		return
	}
	p := policy.Problem{Pointer: at, File: r.file, Message: fmt.Sprintf(format, args...)}
	if n != nil {
		p.Line, p.Column = n.Line, n.Column
	}
	r.problems = append(r.problems, p)
}

// value reads n into v. The key is the node of its key in a mapping, if it has one.
func (r *reader) value(n, key *yaml.Node, at string, v reflect.Value, depth int) {
	if !r.plain(n, at, depth) {
		return
	}
	isText := reflect.PointerTo(v.Type()).Implements(textType)
	if isNull(n) {
		r.null(n, key, at, v, isText)
		return
	}
	switch {
	case isText && (n.Kind != yaml.MappingNode || !r.long(v.Type())):
		r.text(n, at, v)
		return
	case v.Type() == reflect.TypeFor[[]byte]():
		r.bytes(n, at, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		r.value(n, key, at, v.Elem(), depth)
	case reflect.Struct:
		r.structure(n, at, v, depth)
	case reflect.Slice:
		r.list(n, at, v, depth)
	case reflect.Map:
		r.mapping(n, at, v, depth)
	default:
		r.scalar(n, at, v)
	}
}

// long says whether a type that reads itself from a word has a form as a mapping too.
func (r *reader) long(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && len(r.fields(t)) > 0
}

// plain refuses what is not plain YAML, and what is nested too deep.
func (r *reader) plain(n *yaml.Node, at string, depth int) bool {
	switch {
	case n.Kind == yaml.AliasNode:
		r.add(n, at, "alias *%s: %s", n.Value, noAnchors)
	case n.Anchor != "":
		r.add(n, at, "anchor &%s: %s", n.Anchor, noAnchors)
	case n.Style&yaml.TaggedStyle != 0:
		r.add(n, at, "tag %s: tags are not read; leave it out", n.Tag)
	case depth > MaxDepth:
		r.add(n, at, "the document is nested more than %d deep", MaxDepth)
	default:
		return true
	}
	return false
}

// null reads a key without a value. Only a list or mapping may be left empty
// so: a heading whose entries are all commented out.
func (r *reader) null(n, key *yaml.Node, at string, v reflect.Value, isText bool) {
	switch {
	case key == nil:
		r.add(n, at, "this element has no value")
	case isText || v.Kind() != reflect.Slice && v.Kind() != reflect.Map:
		r.add(key, at, "%q has no value; give it one or remove the key", key.Value)
	}
}

func (r *reader) structure(n *yaml.Node, at string, v reflect.Value, depth int) {
	fields := r.fields(v.Type())
	if n.Kind != yaml.MappingNode {
		r.add(n, at, "a mapping is needed here (its keys are %s), not %s", names(fields), describe(n))
		return
	}
	given := map[string]*yaml.Node{}
	r.members(n, at, func(key, value *yaml.Node) {
		given[key.Value] = key
		at := at + "/" + escape(key.Value)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			r.add(key, at, "unknown key %q; %s", key.Value, suggest(key.Value, fields))
			return
		}
		r.value(value, key, at, fields[i].of(v), depth+1)
	})
	if v.Type() == branchType {
		r.takeApart(v.Addr().Interface().(*policy.Branch), given, at)
	}
}

// takeApart moves what a branch has under "to" beside its other keys.
func (r *reader) takeApart(b *policy.Branch, given map[string]*yaml.Node, at string) {
	to := given["to"]
	if to == nil || b.To == nil {
		return
	}
	var both []string
	for _, f := range r.fields(reflect.TypeFor[policy.Steering]()) {
		if given[f.name] != nil {
			both = append(both, fmt.Sprintf("%q", f.name))
		}
	}
	if both != nil {
		r.add(to, at+"/to", "a branch has either \"to\" or its keys beside the others; this one has \"to\" and %s", strings.Join(both, ", "))
		return
	}
	b.Steering, b.To = *b.To, nil
}

func (r *reader) list(n *yaml.Node, at string, v reflect.Value, depth int) {
	if n.Kind != yaml.SequenceNode {
		hint := ""
		if n.Kind == yaml.ScalarNode {
			hint = fmt.Sprintf("; write [%s]", clip(n.Value))
		}
		r.add(n, at, "a list is needed here, not %s%s", describe(n), hint)
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		r.value(item, nil, at+"/"+strconv.Itoa(i), list.Index(i), depth+1)
	}
	v.Set(list)
}

func (r *reader) mapping(n *yaml.Node, at string, v reflect.Value, depth int) {
	t := v.Type()
	if t.Key().Kind() != reflect.String {
		r.add(n, at, "this program cannot read a %s", t)
		return
	}
	if n.Kind != yaml.MappingNode {
		r.add(n, at, "a mapping is needed here (key: value), not %s", describe(n))
		return
	}
	m := reflect.MakeMapWithSize(t, len(n.Content)/2)
	r.members(n, at, func(key, value *yaml.Node) {
		e := reflect.New(t.Elem()).Elem()
		r.value(value, key, at+"/"+escape(key.Value), e, depth+1)
		m.SetMapIndex(reflect.ValueOf(key.Value).Convert(t.Key()), e)
	})
	v.Set(m)
}

// members goes through the pairs of a mapping whose keys are text and stand there once.
func (r *reader) members(n *yaml.Node, at string, each func(key, value *yaml.Node)) {
	seen := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Tag == "!!merge":
			r.add(key, at, "%s", noAnchors)
			continue
		case key.Kind == yaml.MappingNode || key.Kind == yaml.SequenceNode:
			r.add(key, at, "a key is text, not %s", describe(key))
			continue
		case !r.plain(key, at, 0):
			continue
		case key.Tag != "!!str" && key.Tag != "!!timestamp":
			r.add(key, at, "a key is text, not %s; put it in quotes", describe(key))
			continue
		}
		if line, ok := seen[key.Value]; ok {
			r.add(key, at+"/"+escape(key.Value), "key %q stands here twice; the first is on line %d", key.Value, line)
			continue
		}
		seen[key.Value] = key.Line
		each(key, value)
	}
}

func (r *reader) bytes(n *yaml.Node, at string, v reflect.Value) {
	b, err := base64.StdEncoding.DecodeString(n.Value)
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" || err != nil {
		r.add(n, at, "base64 text is needed here, not %s", describe(n))
		return
	}
	v.SetBytes(b)
}

// escape is a JSON pointer's reference token (RFC 6901 section 3).
func escape(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}
