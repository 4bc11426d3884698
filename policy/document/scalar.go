package document

import (
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

var (
	wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	jsonNumber  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// text reads a scalar into a type that reads itself. A number may stand
// without quotes for a type that is not made of text (a duration, a TTL).
func (r *reader) text(n *yaml.Node, at string, v reflect.Value) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.add(n, at, "one value is needed here, not %s", describe(n))
		return
	case n.Tag == "!!bool", v.Kind() == reflect.String && numeric(n):
		r.add(n, at, "%s is not text; put it in quotes: %q", describe(n), n.Value)
		return
	case n.Tag == "!!int" && !wholeNumber.MatchString(n.Value):
		r.add(n, at, "%s is not written as a plain decimal number", clip(n.Value))
		return
	case n.Value == "":
		r.add(n, at, "the text is empty; give a value or remove the key")
		return
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(n.Value)); err != nil {
		r.add(n, at, "%v", err)
	}
}

func numeric(n *yaml.Node) bool { return n.Tag == "!!int" || n.Tag == "!!float" }

// scalar reads a bool, a number or a string.
func (r *reader) scalar(n *yaml.Node, at string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		if n.Tag != "!!bool" {
			r.add(n, at, "true or false is needed here, not %s%s", describe(n), unquote(n, n.Value == "true" || n.Value == "false"))
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case reflect.String:
		switch {
		case n.Kind != yaml.ScalarNode:
			r.add(n, at, "text is needed here, not %s", describe(n))
		case n.Tag != "!!str" && n.Tag != "!!timestamp":
			r.add(n, at, "%s is not text; put it in quotes: %q", describe(n), n.Value)
		default:
			v.SetString(n.Value)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		r.whole(n, at, v.Type().Bits(), func(s string, bits int) error {
			i, err := strconv.ParseInt(s, 10, bits)
			v.SetInt(i)
			return err
		})
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		r.whole(n, at, v.Type().Bits(), func(s string, bits int) error {
			i, err := strconv.ParseUint(s, 10, bits)
			v.SetUint(i)
			return err
		})
	case reflect.Float32, reflect.Float64:
		r.float(n, at, v)
	default:
		r.add(n, at, "this program cannot read a %s", v.Type())
	}
}

// whole reads a whole number in decimal. YAML has 0x10, 010, 1_000 and 0o17
// as well, and its versions disagree on them, so they are refused.
func (r *reader) whole(n *yaml.Node, at string, bits int, set func(string, int) error) {
	switch {
	case !numeric(n):
		r.add(n, at, "a whole number is needed here, not %s%s", describe(n), unquote(n, wholeNumber.MatchString(n.Value)))
	case !wholeNumber.MatchString(n.Value):
		r.add(n, at, "a whole number in plain decimal (such as 10) is needed here, not %s", clip(n.Value))
	default:
		if err := set(n.Value, bits); err != nil {
			r.add(n, at, "the number %s is out of range", clip(n.Value))
		}
	}
}

func (r *reader) float(n *yaml.Node, at string, v reflect.Value) {
	if !numeric(n) || !jsonNumber.MatchString(n.Value) {
		r.add(n, at, "a number in plain decimal (such as 50.11) is needed here, not %s%s", describe(n), unquote(n, jsonNumber.MatchString(n.Value)))
		return
	}
	f, err := strconv.ParseFloat(n.Value, v.Type().Bits())
	if err != nil {
		r.add(n, at, "the number %s is out of range", clip(n.Value))
		return
	}
	v.SetFloat(f)
}

// unquote is the advice for a value that is right but for its quotes.
func unquote(n *yaml.Node, right bool) string {
	if right && n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		return "; take the quotes off"
	}
	return ""
}

// describe says what a node is, for a message.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "nothing"
	case n.Tag == "!!bool":
		return "the truth value " + n.Value
	case numeric(n):
		return "the number " + clip(n.Value)
	}
	return fmt.Sprintf("the text %q", clip(n.Value))
}

// clip keeps a value in a message short.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
