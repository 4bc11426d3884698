package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/policy"
)

// Format is the notation of a document.
type Format int

// The notations.
const (
	YAML Format = iota
	JSON
)

// Encode writes a configuration in its canonical form, ending in a line feed:
// keys in the order of the structs, lists in the order they have, a branch's
// child beside its other keys. The same configuration gives the same bytes,
// and what Decode has read, it reads again from here. A nil configuration is
// an empty one.
func Encode(c *policy.Config, f Format) ([]byte, error) { return EncodeValue(canonical(c), f) }

// EncodeValue writes any value by its json tags in the same form: one object
// of a configuration, or a list of them. It fails when encoding/json does.
func EncodeValue(v any, f Format) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if f == JSON {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("writing the document: %w", err)
	}
	if f == JSON {
		return b.Bytes(), nil
	}
	root := parseJSON(b.Bytes())
	layOut(root, 0, 0)
	root.Style &^= yaml.FlowStyle
	b.Reset()
	y := yaml.NewEncoder(&b)
	y.SetIndent(2)
	if err := y.Encode(root); err != nil {
		return nil, fmt.Errorf("writing the document: %w", err)
	}
	if err := y.Close(); err != nil {
		return nil, fmt.Errorf("writing the document: %w", err)
	}
	return b.Bytes(), nil
}

// canonical is a copy of a configuration with its branches in the form that
// policy.Branch calls canonical, and with lists where their keys are always written.
func canonical(c *policy.Config) *policy.Config {
	if c == nil {
		return new(policy.Config)
	}
	d := *c
	d.Pools = slices.Clone(c.Pools)
	for i := range d.Pools {
		if d.Pools[i].Endpoints == nil {
			d.Pools[i].Endpoints = []policy.Endpoint{}
		}
	}
	d.Templates = slices.Clone(c.Templates)
	for i := range d.Templates {
		d.Templates[i].Steer = canonicalSteering(d.Templates[i].Steer)
	}
	d.Services = slices.Clone(c.Services)
	for i := range d.Services {
		d.Services[i].Steer = canonicalSteering(d.Services[i].Steer)
		d.Services[i].LastResort = canonicalResort(d.Services[i].LastResort)
	}
	return &d
}

func canonicalSteering(s policy.Steering) policy.Steering {
	for _, list := range []*[]policy.Branch{&s.Failover, &s.Weighted, &s.Nearest, &s.Latency, &s.Geo} {
		*list = slices.Clone(*list)
		for i := range *list {
			b := &(*list)[i]
			if kind, _ := b.Kind(); b.To != nil && kind == "" && b.MinAvailable == 0 && b.LastResort == nil {
				b.Steering, b.To = *b.To, nil
			}
			b.Steering = canonicalSteering(b.Steering)
		}
	}
	if s.Default != nil {
		d := canonicalSteering(*s.Default)
		s.Default = &d
	}
	s.LastResort = canonicalResort(s.LastResort)
	return s
}

func canonicalResort(r *policy.LastResort) *policy.LastResort {
	if r == nil || r.Mode != "" {
		return r
	}
	return &policy.LastResort{Steering: canonicalSteering(r.Steering)}
}

// width is how long a line is before its flow mapping is broken up.
const width = 100

// layOut chooses how each value is written: lists of scalars, and mappings with
// nothing longer in them, stay on one line. The value would begin at a column
// on one line, and at indent as a block.
func layOut(n *yaml.Node, column, indent int) {
	if n.Kind == yaml.ScalarNode {
		if n.Tag == "!!str" && bare(n.Value) {
			n.Style = 0
		}
		return
	}
	if long, ok := flat(n); ok && column+long <= width {
		n.Style = yaml.FlowStyle
	} else {
		n.Style = 0
	}
	for i, c := range n.Content {
		at := indent + 2
		if n.Kind == yaml.MappingNode && i%2 == 1 {
			at = indent + len(n.Content[i-1].Value) + len(": ")
		}
		layOut(c, at, indent+2)
	}
}

// flat is the length of a value on one line; not ok when it has a list of
// lists or mappings in it, which are read better below each other.
func flat(n *yaml.Node) (long int, ok bool) {
	if n.Kind == yaml.ScalarNode {
		long = utf8.RuneCountInString(n.Value)
		if n.Tag == "!!str" && !bare(n.Value) {
			long += len(`""`)
		}
		return long, true
	}
	for _, c := range n.Content {
		if n.Kind == yaml.SequenceNode && c.Kind != yaml.ScalarNode {
			return 0, false
		}
		l, ok := flat(c)
		if !ok || long > width {
			return 0, false
		}
		long += l + len(", ")
	}
	return max(long, len("{}")), true
}

var (
	bareText = regexp.MustCompile(`^[A-Za-z0-9_/][A-Za-z0-9_./-]*$`)
	// What older readers of YAML take for a truth value or nothing.
	oldWords = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
)

// bare says whether a text can stand without quotes and be a text to every reader.
func bare(s string) bool {
	if !bareText.MatchString(s) || slices.Contains(oldWords, strings.ToLower(s)) {
		return false
	}
	n := yaml.Node{Kind: yaml.ScalarNode, Value: s}
	return n.ShortTag() == "!!str"
}
