package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// mutation is a body that is wrong in one way.
type mutation struct {
	what string
	body string
}

// wrong are the values that are put in the place of each value of a body.
var wrong = []struct {
	what string
	json string
}{
	{"null", `null`}, {"true", `true`}, {"a string", `"\u0000<img onerror=x>"`}, {"an empty string", `""`}, {"a list", `[]`}, {"an object", `{}`},
	{"a list of lists", `[[[]]]`}, {"-1", `-1`}, {"a fraction", `1.5`}, {"too much", `1e400`}, {"too large", `18446744073709551616`},
	{"a long string", `"` + strings.Repeat("x", 70<<10) + `"`}, {"a long list", `[` + strings.Repeat(`0,`, 20_000) + `0]`},
}

// mutations are made of a body that is right: at every value, in every object, and of the text as a whole.
func mutations(body string) (list []mutation) {
	var v any
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		panic(err)
	}
	whole := func(at string, put func(raw json.RawMessage) any) {
		for _, w := range wrong {
			text, err := json.Marshal(put(json.RawMessage(w.json)))
			if err != nil {
				panic(err)
			}
			list = append(list, mutation{w.what + " at " + at, string(text)})
		}
	}
	var walk func(at string, v any, put func(any) any)
	walk = func(at string, v any, put func(any) any) {
		whole(at, func(raw json.RawMessage) any { return put(raw) })
		switch v := v.(type) {
		case map[string]any:
			more := maps.Clone(v)
			more["xUnknown"] = 1
			text, _ := json.Marshal(put(more))
			list = append(list, mutation{"an unknown key in " + at, string(text)})
			for _, key := range slices.Sorted(maps.Keys(v)) {
				walk(at+"/"+key, v[key], func(in any) any {
					other := maps.Clone(v)
					other[key] = in
					return put(other)
				})
				text, _ := json.Marshal(put(json.RawMessage(twice(v, key))))
				list = append(list, mutation{"twice the key " + at + "/" + key, string(text)})
			}
		case []any:
			for i := range v {
				walk(fmt.Sprintf("%s/%d", at, i), v[i], func(in any) any {
					other := slices.Clone(v)
					other[i] = in
					return put(other)
				})
			}
		}
	}
	walk("", v, func(in any) any { return in })
	for n := range 10 {
		list = append(list, mutation{"cut off", body[:len(body)*n/10]})
	}
	for what, text := range map[string]string{
		"a second document": body + body, "octets that are not UTF-8": strings.Replace(body, `":`, "\xff\":", 1), "a byte order mark": "\xef\xbb\xbf" + body,
		"objects 10,000 deep": strings.Repeat(`{"a":`, 10_000) + `1` + strings.Repeat(`}`, 10_000), "lists 10,000 deep": strings.Repeat(`[`, 10_000) + strings.Repeat(`]`, 10_000),
		"NaN": `{"a":NaN}`, "a lone surrogate": `{"\ud800":1}`, "a comment": "// x\n" + body, "nothing but blanks": "  \n ",
	} {
		list = append(list, mutation{what, text})
	}
	return list
}

// twice is an object as JSON with one of its keys there two times.
func twice(v map[string]any, key string) string {
	text, _ := json.Marshal(v)
	value, _ := json.Marshal(v[key])
	name, _ := json.Marshal(key)
	return strings.TrimSuffix(string(text), "}") + "," + string(name) + ":" + string(value) + "}"
}

// TestWrongBodiesAreRefused goes by the contract: each operation that takes JSON is sent every mutation of its example.
// What the contract's schema does not allow is refused with 4xx and says where it is wrong, nothing is ever answered with
// 5xx, and what is refused leaves the state as it was.
func TestWrongBodiesAreRefused(t *testing.T) {
	operations(t, func(t *testing.T, method, path string, op *openapi3.Operation, ex example) {
		if op.RequestBody == nil {
			return
		}
		schema := op.RequestBody.Value.Content.Get(asJSON).Schema.Value
		r := ex.ready(t)
		for _, m := range mutations(ex.body) {
			before := r.node.State()
			res := r.plain(method, ex.path, m.body)
			if res.status >= 500 {
				t.Errorf("%s: %d\n%s", m.what, res.status, res.body)
				continue
			}
			if res.status < 400 {
				if err := allowed(schema, m.body); err != nil {
					t.Errorf("%s was taken, and the contract does not allow it: %v", m.what, err)
				}
				r = ex.ready(t)
				continue
			}
			var p api.Problem
			if err := json.Unmarshal(res.body, &p); err != nil || res.header.Get("Content-Type") != "application/problem+json" || p.Kind == "" {
				t.Errorf("%s: %v %s", m.what, res.header, res.body)
			}
			if p.Status == 422 && len(p.Problems) == 0 && p.Detail == "" {
				t.Errorf("%s: nothing says what is wrong: %s", m.what, res.body)
			}
			for _, mistake := range p.Problems {
				if mistake.Pointer == "" && mistake.Line == 0 && p.Kind == "bad-request" {
					t.Errorf("%s: nothing says where it is wrong: %+v", m.what, mistake)
				}
			}
			if after := r.node.State(); after.Revision != before.Revision || after.Zones.Sum() != before.Zones.Sum() || after.Controls.Sum() != before.Controls.Sum() ||
				mustJSON(t, after.Config()) != mustJSON(t, before.Config()) {
				t.Errorf("%s is refused and has changed the state", m.what)
			}
		}
	})
}

// plain is a call that is not held against the contract, for bodies that are meant to be wrong.
func (r *rig) plain(method, path, body string) answer {
	r.t.Helper()
	r.quiet = true
	defer func() { r.quiet = false }()
	return r.call(method, path, body, "Content-Type", asJSON)
}

// allowed says what the schema has against a body.
func allowed(schema *openapi3.Schema, body string) error {
	var v any
	dec := json.NewDecoder(bytes.NewReader([]byte(body)))
	if err := dec.Decode(&v); err != nil {
		return err
	}
	return schema.VisitJSON(said(v), openapi3.EnableJSONSchema2020())
}

// said is a value without the keys whose value is as none: null and the empty text.
func said(v any) any {
	switch v := v.(type) {
	case map[string]any:
		maps.DeleteFunc(v, func(_ string, in any) bool { return in == nil || in == "" })
		for key := range v {
			v[key] = said(v[key])
		}
	case []any:
		for i := range v {
			v[i] = said(v[i])
		}
	}
	return v
}

// FuzzAPIJSON sends anything to every operation that takes JSON.
func FuzzAPIJSON(f *testing.F) {
	doc, err := contract()
	if err != nil {
		f.Fatal(err)
	}
	type call struct{ method, path string }
	var calls []call
	for _, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if op.RequestBody != nil {
				calls = append(calls, call{method, examples[op.OperationID].path})
			}
		}
	}
	slices.SortFunc(calls, func(a, b call) int { return strings.Compare(a.method+a.path, b.method+b.path) })
	for i, c := range calls {
		for _, ex := range examples {
			if ex.path == c.path && ex.body != "" {
				f.Add(uint8(i), ex.body)
			}
		}
		f.Add(uint8(i), `{"changes":[{"putObject":{}}]}`)
	}
	var node *webtest.Node // that has changed nothing yet: making one takes longer than a call
	f.Fuzz(func(t *testing.T, n uint8, body string) {
		c := calls[int(n)%len(calls)]
		r := &rig{t: t, node: node}
		if node == nil {
			r = loaded(t)
			node = r.node
		} else {
			r.serve()
		}
		rev := node.State().Revision
		defer func() {
			if node.State().Revision != rev {
				node = nil
			}
		}()
		if a := r.plain(c.method, c.path, body); a.status >= 500 && a.status != http.StatusServiceUnavailable {
			t.Errorf("%s %s with %q: %d %s", c.method, c.path, body, a.status, a.body)
		}
	})
}
