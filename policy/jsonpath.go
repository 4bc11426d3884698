package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// PathStep is one step of a JSON path: into the member of an object that has a
// name, or the element of a list at an index when Name is nil.
type PathStep struct {
	Name  *string
	Index int
}

// MaxPathSteps bounds JSON paths.
const MaxPathSteps = 32

// ParseJSONPath reads the part of RFC 9535 that leads to one value: $, .name,
// ["name"], ['name'] and [n] with n from 0.
func ParseJSONPath(text string) ([]PathStep, error) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return nil, fmt.Errorf("a JSON path begins with $, such as $.status or $.checks[0]")
	}
	var steps []PathStep
	for rest != "" {
		step, after, err := pathStep(rest)
		if err != nil {
			return nil, fmt.Errorf("JSON path %q: %w", text, err)
		}
		if steps = append(steps, step); len(steps) > MaxPathSteps {
			return nil, fmt.Errorf("a JSON path has %d steps at most", MaxPathSteps)
		}
		rest = after
	}
	return steps, nil
}

func pathStep(s string) (step PathStep, rest string, err error) {
	if name, ok := strings.CutPrefix(s, "."); ok {
		end := strings.IndexAny(name, ".[")
		if end < 0 {
			end = len(name)
		}
		if name, rest = name[:end], name[end:]; name == "" || strings.ContainsAny(name, `*"'] `) {
			return step, "", fmt.Errorf("after the dot there must be a name; write others in quotes and brackets ([\"a b\"])")
		}
		return PathStep{Name: &name}, rest, nil
	}
	inner, ok := strings.CutPrefix(s, "[")
	if !ok || inner == "" {
		return step, "", fmt.Errorf("a step is .name, [\"name\"] or [0], not %q", s)
	}
	if q := inner[:1]; q == `"` || q == "'" {
		name, rest, ok := strings.Cut(inner[1:], q+"]")
		if !ok || strings.Contains(name, `\`) {
			return step, "", fmt.Errorf("the name in %q does not end, or has a backslash in it", s)
		}
		return PathStep{Name: &name}, rest, nil
	}
	digits, rest, ok := strings.Cut(inner, "]")
	n, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil {
		return step, "", fmt.Errorf("in brackets there must be a number from 0 or a name in quotes, not %q", digits)
	}
	return PathStep{Index: int(n)}, rest, nil
}
