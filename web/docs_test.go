package web_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v3"

	"github.com/meridian-gtm/meridian/web/api"
)

func TestTheContractIsServedToEverybody(t *testing.T) {
	r := newRig(t)
	got := r.raw("GET", "/api/v1/openapi.json", "").is(200)
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var want, have any
	if err := yaml.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got.body, &have); err != nil {
		t.Fatal(err)
	}
	if mustJSON(t, want) != mustJSON(t, have) {
		t.Error("web/api/openapi.json is not openapi.yaml any more: go generate ./web/api")
	}
	r.raw("POST", "/api/v1/docs", "").is(401)
	r.call("POST", "/docs", "").refused(405, "method-not-allowed")
}

// The page names every call and every schema, links to what is there, and needs nothing that its policy forbids.
func TestTheContractCanBeRead(t *testing.T) {
	r := newRig(t)
	page := r.raw("GET", "/api/v1/docs", "").is(200)
	csp := page.header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'; style-src 'self'") || strings.Contains(csp, "script") || strings.Contains(csp, "unsafe") {
		t.Errorf("the policy is %q", csp)
	}
	html := string(page.body)
	for _, no := range []string{"<script", "style=", "onclick", "http://fonts", "javascript:"} {
		if strings.Contains(html, no) {
			t.Errorf("the page has %s in it", no)
		}
	}
	if css := r.raw("GET", "/api/v1/docs/style.css", "").is(200); !strings.HasPrefix(css.header.Get("Content-Type"), "text/css") {
		t.Errorf("the style is %v", css.header)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(pathsOnly(t), &doc); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if ids[m[1]] {
			t.Errorf("two things have the id %s", m[1])
		}
		ids[m[1]] = true
	}
	for path, methods := range doc.Paths {
		for _, op := range methods {
			if op.OperationID != "" && !ids[op.OperationID] {
				t.Errorf("the page has no %s (%s)", op.OperationID, path)
			}
		}
	}
	for name := range doc.Components.Schemas {
		if !ids["schema-"+name] {
			t.Errorf("the page has no schema %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(html, -1) {
		if !ids[m[1]] {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
}

// pathsOnly is the document with nothing but operations under its paths.
func pathsOnly(t *testing.T) []byte {
	var doc map[string]any
	if err := json.Unmarshal(api.Document(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, item := range doc["paths"].(map[string]any) {
		delete(item.(map[string]any), "parameters")
	}
	return []byte(mustJSON(t, doc))
}

// TestTheContractIsDescribed: every schema, field, parameter and answer says what it is, and every object shows one that
// its own schema allows.
func TestTheContractIsDescribed(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(api.Document(), &doc); err != nil {
		t.Fatal(err)
	}
	spec, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	components := doc["components"].(map[string]any)
	for name, s := range components["schemas"].(map[string]any) {
		schema := s.(map[string]any)
		described(t, name, schema, true)
		examples, _ := schema["examples"].([]any)
		if schema["type"] == "object" && len(examples) == 0 {
			t.Errorf("%s has no example", name)
		}
		for _, v := range examples {
			if err := spec.Components.Schemas[name].Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
				t.Errorf("the example of %s is not one: %v", name, err)
			}
		}
	}
	for name, p := range components["parameters"].(map[string]any) {
		if p := p.(map[string]any); p["description"] == nil || p["example"] == nil {
			t.Errorf("the parameter %s has no description or no example", name)
		}
	}
	for path, item := range spec.Paths.Map() {
		for method, op := range item.Operations() {
			if op.Summary == "" || len(op.Tags) == 0 {
				t.Errorf("%s %s has no summary or no tag", method, path)
			}
			for _, p := range append(op.Parameters, item.Parameters...) {
				if p.Value.Description == "" {
					t.Errorf("%s %s: the parameter %s has no description", method, path, p.Value.Name)
				}
			}
		}
	}
}

func described(t *testing.T, at string, s map[string]any, wanted bool) {
	text, _ := s["description"].(string)
	if wanted && s["$ref"] == nil && strings.TrimSpace(text) == "" {
		t.Errorf("%s has no description", at)
	}
	if fields, ok := s["properties"].(map[string]any); ok {
		for name, f := range fields {
			described(t, at+"."+name, f.(map[string]any), true)
		}
	}
	for _, key := range []string{"oneOf", "allOf", "anyOf"} {
		list, _ := s[key].([]any)
		for _, one := range list {
			described(t, at, one.(map[string]any), false)
		}
	}
	if items, ok := s["items"].(map[string]any); ok {
		described(t, at+"[]", items, false)
	}
}
