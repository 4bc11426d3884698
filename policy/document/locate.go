package document

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/policy"
)

// Locate fills in the file, line and column of mistakes that only say where
// they are by a JSON pointer, as those of policy.Config.Validate do, by looking
// the pointers up in the text the configuration was read from. A pointer to
// what the text does not have (a missing name) gives the place of what should
// have it. Mistakes that have a line keep it.
//
// The result is a copy of the *policy.Error in err; any other error, and nil,
// comes back as it is. The pointers must be of that very text: those of a
// merged configuration are not.
func Locate(data []byte, file string, err error) error {
	var e *policy.Error
	if !errors.As(err, &e) {
		return err
	}
	root, _ := parseText(data)
	found := *e
	found.Problems = slices.Clone(e.Problems)
	for i := range found.Problems {
		p := &found.Problems[i]
		if p.File == "" {
			p.File = file
		}
		if p.Line == 0 && p.Pointer != "" && root != nil {
			if n := find(root, p.Pointer); n != nil {
				p.Line, p.Column = n.Line, n.Column
			}
		}
	}
	return &found
}

// find is the node where a mistake at a pointer is shown: the value itself if
// it is a scalar or an element of a list, otherwise its key, which stands
// before a block. It is nil if nothing on the way is there.
func find(root *yaml.Node, pointer string) *yaml.Node {
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	var shown *yaml.Node
	n := root
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		key, value := child(n, unescape.Replace(token))
		if value == nil {
			break
		}
		n, shown = value, value
		if key != nil && (value.Kind != yaml.ScalarNode || isNull(value)) {
			shown = key
		}
	}
	return shown
}

// child is the member of a mapping, or the element of a list, that a token of
// a pointer means. What a branch has under "to" counts as its own.
func child(n *yaml.Node, token string) (key, value *yaml.Node) {
	switch n.Kind {
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(token); err == nil && i >= 0 && i < len(n.Content) {
			return nil, n.Content[i]
		}
	case yaml.MappingNode:
		var to *yaml.Node
		for i := 0; i+1 < len(n.Content); i += 2 {
			switch n.Content[i].Value {
			case token:
				return n.Content[i], n.Content[i+1]
			case "to":
				to = n.Content[i+1]
			}
		}
		if to != nil && to.Kind == yaml.MappingNode {
			return child(to, token)
		}
	}
	return nil, nil
}
