package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/web/webtest"
)

func testServer() *server {
	cfg := Config{Node: webtest.New(), Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Now: func() time.Time { return webtest.Start }}
	return newServer(cfg)
}

var pathParameter = regexp.MustCompile(`:\w+`)

// TestEveryRouteRefusesWithoutToken goes by the router, so that a new route cannot be forgotten (S-12).
func TestEveryRouteRefusesWithoutToken(t *testing.T) {
	e := testServer().engine()
	without := map[string]bool{}  // routes as the router has them
	for call := range openCalls { // whose own refusals are looked at in login_test.go and oidc_test.go
		_, path, _ := strings.Cut(call, " ")
		without[call[:len(call)-len(path)]+base+path] = true
	}
	routes := e.Routes()
	for _, route := range routes {
		if !open[route.Path] {
			continue
		}
		without[route.Method+" "+route.Path] = true
		if w := serve(testServer(), httptest.NewRequest(route.Method, route.Path, nil)); w.Code == http.StatusUnauthorized {
			t.Errorf("%s %s needs a token", route.Method, route.Path)
		}
	}
	if len(routes) < 25 {
		t.Fatalf("the router has only %d routes", len(routes))
	}
	for _, route := range routes {
		if without[route.Method+" "+route.Path] {
			continue
		}
		for _, header := range []string{"", "Bearer wrong", "Bearer ", "Basic " + webtest.Token, webtest.Token, "Bearer " + webtest.Token + "x"} {
			r := httptest.NewRequest(route.Method, pathParameter.ReplaceAllString(route.Path, "x"), strings.NewReader("{}"))
			r.RemoteAddr = "198.51.100.7:1234"
			if header != "" {
				r.Header.Set("Authorization", header)
			}
			w := httptest.NewRecorder()
			s := testServer() // or the failures would be limited
			s.engine().ServeHTTP(w, r)
			switch {
			case w.Code != http.StatusUnauthorized:
				t.Errorf("%s %s with Authorization %q: %d, want 401", route.Method, route.Path, header, w.Code)
			case w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(w.Body.String(), "MERIDIAN_TOKEN"):
				t.Errorf("%s %s: no hint: %s", route.Method, route.Path, w.Body)
			}
		}
	}
}

// TestTheRouterIsTheContract holds the routes and their query parameters against openapi.yaml.
func TestTheRouterIsTheContract(t *testing.T) {
	data, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	var want, got []string
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			route := method + " " + regexp.MustCompile(`\{(\w+)\}`).ReplaceAllString(path, ":$1")
			want = append(want, route)
			var query []string
			for _, p := range op.Parameters {
				if p.Value.In == "query" {
					query = append(query, p.Value.Name)
				}
			}
			slices.Sort(query)
			have := slices.Sorted(slices.Values(queryOf(route)))
			if !slices.Equal(query, have) {
				t.Errorf("%s has the query parameters %q in openapi.yaml and %q in queryParameters", route, query, have)
			}
			if op.Description == "" && op.Summary == "" {
				t.Errorf("%s has no description", route)
			}
		}
	}
	for _, r := range testServer().engine().Routes() {
		if p, ok := strings.CutPrefix(r.Path, base); ok {
			got = append(got, r.Method+" "+p)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(want, got) {
		t.Errorf("openapi.yaml has %q\nthe router has %q", want, got)
	}
}

func serve(s *server, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.engine().ServeHTTP(w, r)
	return w
}

func TestMetricsAreOpenToLoopbackOnly(t *testing.T) {
	s := testServer()
	e := s.engine()
	for _, c := range []struct {
		peer, header, value string
		want                int
	}{
		{"127.0.0.1:9", "", "", 200},
		{"[::1]:9", "", "", 200},
		{"[::ffff:127.0.0.1]:9", "", "", 200},
		{"127.0.0.1:9", "X-Forwarded-For", "203.0.113.9", 401},
		{"203.0.113.9:9", "", "", 401},
		{"203.0.113.9:9", "X-Forwarded-For", "127.0.0.1", 401},
		{"203.0.113.9:9", "Authorization", "Bearer " + webtest.Token, 200},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = c.peer
		if c.header != "" {
			r.Header.Set(c.header, c.value)
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("from %s with %s %s: %d, want %d", c.peer, c.header, c.value, w.Code, c.want)
		}
		if w.Code == 200 && !strings.Contains(w.Body.String(), "go_") && !strings.Contains(w.Body.String(), "promhttp") {
			t.Errorf("no metrics: %s", w.Body)
		}
	}
}

func TestWhoGuessesTokensIsSlowedDown(t *testing.T) {
	now := webtest.Start
	s := testServer()
	s.failures = newLimiter(failuresPerSecond, failuresBurst, func() time.Time { return now })
	e := s.engine()
	try := func(peer, forwarded, token string) int {
		r := httptest.NewRequest("GET", base+"/cluster", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", forwarded)
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w.Code
	}
	for i := range failuresBurst {
		if code := try("203.0.113.9:9", "", "wrong"); code != 401 {
			t.Fatalf("guess %d: %d", i, code)
		}
	}
	if code := try("203.0.113.9:10", "192.0.2.77", "wrong"); code != 429 { // another port, and an X-Forwarded-For, change nothing (S-13)
		t.Errorf("one guess too many: %d", code)
	}
	if code := try("203.0.113.9:9", "", webtest.Token); code != 200 {
		t.Errorf("the right token from that address: %d", code)
	}
	if code := try("203.0.113.10:9", "", "wrong"); code != 401 {
		t.Errorf("another address: %d", code)
	}
	now = now.Add(time.Second)
	if code := try("203.0.113.9:9", "", "wrong"); code != 401 {
		t.Errorf("a second later: %d", code)
	}
}

func TestWritesAreLimited(t *testing.T) {
	s := testServer()
	s.writes = newLimiter(1, 2, s.cfg.Now)
	e := s.engine()
	var codes []int
	for range 3 {
		r := httptest.NewRequest("DELETE", base+"/controls/c1", nil)
		r.Header.Set("Authorization", "Bearer "+webtest.Token)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		codes = append(codes, w.Code)
	}
	if !slices.Equal(codes, []int{404, 404, 429}) {
		t.Errorf("the writes were answered %v", codes)
	}
}

func TestLimiterForgetsOnlyWhenItMust(t *testing.T) {
	now := webtest.Start
	l := newLimiter(1, 1, func() time.Time { return now })
	if !l.allow("a") || l.allow("a") {
		t.Error("a bucket of one gave none or two")
	}
	for i := range maxBuckets * 2 {
		l.allow(string(rune(0x4e00 + i)))
	}
	if len(l.buckets) > maxBuckets {
		t.Errorf("%d buckets", len(l.buckets))
	}
}

func TestRefusedCallsAreLoggedWithinBounds(t *testing.T) {
	var text strings.Builder
	s := testServer()
	s.refusals = newRefusalLog(slog.New(slog.NewTextHandler(&text, nil)), s.cfg.Now, s.cfg.Local)
	e := s.engine()
	for range 500 {
		e.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", base+"/config", nil))
	}
	if n := strings.Count(text.String(), "\n"); n == 0 || n > 20 {
		t.Errorf("500 refused calls made %d lines", n)
	}
	if strings.Contains(text.String(), webtest.Token) {
		t.Error("a token is in the log")
	}
}

func TestPagesOfOtherSitesMayNotWrite(t *testing.T) {
	for header, value := range map[string]string{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"} {
		r := httptest.NewRequest("DELETE", base+"/controls/c1", nil)
		r.Header.Set("Authorization", "Bearer "+webtest.Token)
		r.Header.Set(header, value)
		if w := serve(testServer(), r); w.Code != 403 || !strings.Contains(w.Body.String(), `"forbidden"`) {
			t.Errorf("with %s: %s: %d %s", header, value, w.Code, w.Body)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	for _, path := range []string{"/nothing", "/healthz", base + "/config", base + "/nothing"} {
		h := serve(testServer(), httptest.NewRequest("GET", path, nil)).Header()
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// TestAPanicIsOneRequestsTrouble looks at what a mistake of ours does.
func TestAPanicIsOneRequestsTrouble(t *testing.T) {
	s := testServer()
	s.cfg.Node = nil // State panics
	r := httptest.NewRequest("GET", base+"/config", nil)
	r.Header.Set("Authorization", "Bearer x")
	w := serve(s, r)
	if w.Code != 500 || w.Header().Get("Content-Type") != "application/problem+json" || strings.Contains(w.Body.String(), "nil pointer") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestQuality(t *testing.T) {
	for _, c := range []struct {
		header, offer string
		want          float64
	}{
		{"*/*", mediaZone, 1}, {"text/*;q=0.5", mediaZone, 0.5}, {"text/*;q=0.5, text/dns;q=0", mediaZone, 0},
		{"text/dns;q=0, */*", mediaZone, 0}, {"text/yaml", mediaYAML, 1}, {"nonsense", mediaYAML, 0}, {"application/json;q=nan", mediaJSON, 0},
	} {
		if got := quality(c.header, c.offer); got != c.want {
			t.Errorf("quality(%q, %s) = %v, want %v", c.header, c.offer, got, c.want)
		}
	}
}
