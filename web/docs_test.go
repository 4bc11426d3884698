package web_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

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
