// Package document is the configuration document: the text, YAML or JSON, that
// an operator writes and `meridian get config` prints, to and from policy.Config.
//
// Reading is strict, because what is misread here is steered by afterwards: an
// unknown or repeated key, a value of the wrong type, an anchor, a second
// document is a mistake with a line and a column, and all mistakes come at once.
// YAML is read by its plain part only: what looks like a string is one (no, on
// and yes are not truth values), whole numbers are decimal, and nothing is
// shared, merged or tagged. Writing is canonical: the same configuration is
// always the same bytes.
//
// The package parses text and compares values. What a configuration means, and
// whether it is valid, is policy.Config.Validate's business; Locate then finds
// the lines of what that found. Only the data of records that endpoints carry is
// read here already, by policy/zonefile.
package document

import (
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// Bounds on a document. Parsing takes up to about a hundred bytes of memory
// for each byte of text, for the worst of texts.
const (
	MaxSize     = 32 << 20 // bytes of a document: some 400,000 endpoints
	MaxDepth    = 64       // mappings and lists within each other
	MaxProblems = 100      // mistakes that are reported one by one
)

// Decode reads a configuration document, YAML or JSON. The file's name only
// stands in the mistakes. A document that is empty, or whose every key is
// without a value, is refused: a template that produced nothing would
// otherwise delete everything. An explicit {} is an empty configuration.
//
// A branch's "to" is taken apart: its keys stand beside the branch's others,
// as policy.Branch says. Empty lists stay as written.
//
// The error is a *policy.Error of kind Invalid with a Problem for each mistake.
func Decode(data []byte, file string) (*policy.Config, error) {
	r := newReader(file)
	c := new(policy.Config)
	root, ok := r.parse(data)
	switch {
	case !ok:
	case root == nil || hollow(root):
		r.add(nil, "", "the document is empty: there is nothing to apply")
	default:
		r.value(root, nil, "", reflect.ValueOf(c).Elem(), 1)
	}
	if err := r.err(); err != nil {
		return nil, err
	}
	if err := CheckObjects(c); err != nil {
		return nil, Locate(data, file, err)
	}
	return c, nil
}

// CheckObjects reads the records of endpoints, as everybody will who compiles
// them. It is done here, where text comes in: what is in the log must not
// depend on how a version of this program reads texts. URLs of receivers, too: one with a credential in it must
// not get into the log. Decode does it by itself; who reads a configuration, or an
// object of one, with DecodeInto has to ask for it.
func CheckObjects(c *policy.Config) error {
	var p policy.Problems
	for i := range c.Pools {
		for j := range c.Pools[i].Endpoints {
			_, problems := zonefile.Records(&c.Pools[i].Endpoints[j])
			for _, found := range problems {
				p.Add(fmt.Sprintf("/pools/%d/endpoints/%d%s", i, j, found.Pointer), "%s", found.Message)
			}
		}
	}
	for i := range c.Notifications {
		where, text := c.Notifications[i].URL()
		if where == "" {
			continue
		}
		if err := policy.CheckReceiverURL(text); err != nil {
			p.Add(fmt.Sprintf("/notifications/%d%s", i, where), "%v", err)
		}
	}
	return p.Err("the document cannot be read")
}

// DecodeInto reads a document into what into points to, as strictly as Decode.
// It goes by json tags (embedded structs are inlined) and leaves alone what the
// document does not mention, so defaults may be there before. Types that
// implement encoding.TextUnmarshaler get the text of a scalar; otherwise it
// reads bools, numbers, strings, []byte (base64), structs, slices, maps with
// string keys, and pointers to these. After an error, into may be half written.
func DecodeInto(data []byte, file string, into any) error {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("document: DecodeInto needs a pointer to read into, not %T", into)
	}
	r := newReader(file)
	root, ok := r.parse(data)
	switch {
	case !ok:
	case root == nil || isNull(root):
		r.add(nil, "", "the document is empty")
	default:
		r.value(root, nil, "", v.Elem(), 1)
	}
	return r.err()
}

// hollow says whether a document has no value at all.
func hollow(root *yaml.Node) bool {
	if root.Kind != yaml.MappingNode {
		return isNull(root)
	}
	for i := 1; i < len(root.Content); i += 2 {
		if !isNull(root.Content[i]) {
			return false
		}
	}
	return len(root.Content) > 0
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }
