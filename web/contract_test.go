package web_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
)

// contract is openapi.yaml, by which every request and answer of these tests is checked.
var contract = sync.OnceValues(func() (*openapi3.T, error) {
	plain := func(r io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		b, err := io.ReadAll(r)
		return string(b), err
	}
	for _, t := range []string{"text/dns", "application/yaml", "text/event-stream", "application/x-ndjson", "text/html", "text/css"} {
		openapi3filter.RegisterBodyDecoder(t, plain)
	}
	data, err := os.ReadFile("openapi.yaml")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, err
	}
	return doc, doc.Validate(context.Background())
})

var router = sync.OnceValues(func() (routers.Router, error) {
	doc, err := contract()
	if err != nil {
		return nil, err
	}
	return legacy.NewRouter(doc)
})

func TestTheContractIsOpenAPI31(t *testing.T) {
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	if !doc.IsOpenAPI31OrLater() {
		t.Errorf("openapi.yaml is %s", doc.OpenAPI)
	}
}

// conforms checks an answer, and the request unless it is meant to be wrong, against the contract.
func conforms(t *testing.T, req *http.Request, sent []byte, res *http.Response, body []byte) {
	t.Helper()
	r, err := router()
	if err != nil {
		t.Fatal(err)
	}
	find := req.Clone(context.Background())
	find.URL = &url.URL{Path: req.URL.Path, RawQuery: req.URL.RawQuery}
	find.Host = ""
	if !strings.HasPrefix(req.URL.Path, "/api/") {
		return // /healthz and the like
	}
	if strings.HasPrefix(req.URL.Path, "/api/v1/health/") {
		find.URL.Path = "/api/v1/health/x" // this router does not know %2F
		if req.Method == http.MethodPost || strings.HasSuffix(req.URL.Path, "/a/history") {
			find.URL.Path += req.URL.Path[strings.LastIndexByte(req.URL.Path, '/'):]
		}
	}
	if strings.Contains(req.URL.Path, "/rrsets/") || strings.Contains(req.URL.Path, "/places/") {
		find.URL.Path = req.URL.EscapedPath() // likewise
	}
	find.Body = io.NopCloser(bytes.NewReader(sent))
	route, params, err := r.FindRoute(find)
	if err != nil {
		if res.StatusCode < 400 {
			t.Errorf("%s %s is answered and stands not in openapi.yaml: %v", req.Method, req.URL, err)
		}
		return
	}
	in := &openapi3filter.RequestValidationInput{
		Request: find, PathParams: params, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	}
	if res.StatusCode < 400 {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			t.Errorf("%s %s was accepted and does not conform to openapi.yaml: %v", req.Method, req.URL, err)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: res.StatusCode, Header: res.Header, Options: in.Options}
	out.SetBodyBytes(body)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		t.Errorf("%s %s: the answer does not conform to openapi.yaml: %v\n%s", req.Method, req.URL, err, body)
	}
}
