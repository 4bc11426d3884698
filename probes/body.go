package probes

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"

	"github.com/meridian-gtm/meridian/policy"
)

// judgeHeaders wants each of the headers to have a value that matches.
func judgeHeaders(got http.Header, want map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(want)) {
		re, err := regexp.Compile(want[name])
		if err != nil {
			return refuse("not probed: the regular expression of header %s is not valid", name)
		}
		values := got.Values(name)
		if len(values) == 0 {
			return fail(policy.CauseContent, 0, "header %s is missing", name)
		}
		if !slices.ContainsFunc(values, re.MatchString) {
			return fail(policy.CauseContent, 0, "header %s does not match", name)
		}
	}
	return nil
}

func judgeBody(text []byte, c *policy.BodyCheck) error {
	if !bytes.Contains(text, []byte(c.Contains)) {
		return fail(policy.CauseContent, 0, "the body does not contain the text that is wanted")
	}
	if c.Matches != "" {
		re, err := regexp.Compile(c.Matches)
		if err != nil {
			return refuse("not probed: the regular expression of the body is not valid")
		}
		if !re.Match(text) {
			return fail(policy.CauseContent, 0, "the body does not match")
		}
	}
	if c.JSON != nil {
		return judgeJSON(text, c.JSON)
	}
	return nil
}

func judgeJSON(text []byte, c *policy.JSONCheck) error {
	steps, err := policy.ParseJSONPath(c.Path)
	if err != nil {
		return refuse("not probed: the JSON path is not valid")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return fail(policy.CauseContent, 0, "the body is not JSON of at most %d KiB", maxBody>>10)
	}
	for _, s := range steps {
		ok := false
		switch in := v.(type) {
		case map[string]any:
			if s.Name != nil {
				v, ok = in[*s.Name]
			}
		case []any:
			if ok = s.Name == nil && s.Index < len(in); ok {
				v = in[s.Index]
			}
		}
		if !ok {
			return fail(policy.CauseContent, 0, "the body has no %s", c.Path)
		}
	}
	if got, ok := scalar(v); !ok || got != c.Equals {
		return fail(policy.CauseContent, 0, "%s in the body is not %q", c.Path, c.Equals)
	}
	return nil
}

// scalar is a JSON value that is no object and no list, as text.
func scalar(v any) (text string, ok bool) {
	switch v := v.(type) {
	case nil:
		return "null", true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), true
	case string:
		return v, true
	}
	return "", false
}
