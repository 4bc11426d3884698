package web

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gin-gonic/gin"
)

// built is a UI of one script, in the three ways a build leaves it.
var built = fstest.MapFS{
	"index.html":         {Data: []byte(`<meta name="csp-nonce" nonce="__NONCE__"><script type="module" src="/assets/a-1.js"></script>`)},
	"assets/a-1.js":      {Data: []byte("plain")},
	"assets/a-1.js.br":   {Data: []byte("brotli")},
	"assets/a-1.js.gz":   {Data: []byte("gzip")},
	"assets/style-2.css": {Data: []byte("style")},
}

// serveUI asks a server whose routes to the UI give a build that the test knows.
func serveUI(t *testing.T, method, target string, with ...string) *httptest.ResponseRecorder {
	t.Helper()
	u, err := readUI(built)
	if err != nil {
		t.Fatal(err)
	}
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.Use(headers)
	e.GET("/", u.servePage)
	e.GET("/assets/*file", func(c *gin.Context) {
		if !u.serveFile(c) {
			c.Status(http.StatusNotFound)
		}
	})
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(with); i += 2 {
		r.Header.Set(with[i], with[i+1])
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

// S-15: the page runs nothing but its own scripts, and styles made while it runs carry a nonce that is another each time.
func TestThePageOfTheUIHasAStrictPolicy(t *testing.T) {
	nonces := map[string]bool{}
	for range 2 {
		w := serveUI(t, "GET", "/")
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self'", "img-src 'self'", "font-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("the policy %q has no %s", policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "data:") {
			t.Errorf("the policy lets in too much: %s", policy)
		}
		m := regexp.MustCompile(`style-src 'self' 'nonce-([A-Z2-7]{26})'`).FindStringSubmatch(policy)
		if m == nil {
			t.Fatalf("no nonce in %q", policy)
		}
		if !strings.Contains(w.Body.String(), `nonce="`+m[1]+`"`) || strings.Contains(w.Body.String(), uiNonce) {
			t.Errorf("the page does not carry the nonce %s: %s", m[1], w.Body)
		}
		nonces[m[1]] = true
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-cache", "Content-Type": "text/html; charset=utf-8"} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	}
	if len(nonces) != 2 {
		t.Error("two loads of the page have the same nonce")
	}
}

func TestFilesOfTheUIAreKeptAndCompressed(t *testing.T) {
	for accepted, want := range map[string]string{"": "plain", "gzip, deflate, br": "brotli", "gzip": "gzip", "br;q=0, gzip;q=0.5": "gzip", "GZIP": "gzip", "identity": "plain", "brx": "plain"} {
		w := serveUI(t, "GET", "/assets/a-1.js", "Accept-Encoding", accepted)
		if w.Code != 200 || w.Body.String() != want {
			t.Errorf("Accept-Encoding %q: %d %q, want %q", accepted, w.Code, w.Body, want)
		}
		h := w.Header()
		if !strings.HasPrefix(h.Get("Content-Type"), "text/javascript") || !strings.Contains(h.Get("Cache-Control"), "immutable") || h.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: %v", accepted, h)
		}
		again := serveUI(t, "GET", "/assets/a-1.js", "Accept-Encoding", accepted, "If-None-Match", h.Get("ETag"))
		if h.Get("ETag") == "" || again.Code != http.StatusNotModified || again.Body.Len() != 0 {
			t.Errorf("Accept-Encoding %q with the ETag %q: %d, %d octets", accepted, h.Get("ETag"), again.Code, again.Body.Len())
		}
	}
	if w := serveUI(t, "GET", "/assets/style-2.css", "Accept-Encoding", "br"); w.Body.String() != "style" || w.Header().Get("Content-Encoding") != "" {
		t.Errorf("a file that was not compressed: %q, %v", w.Body, w.Header())
	}
	for _, packed := range []string{"/assets/a-1.js.br", "/assets/nothing.js", "/assets/../index.html", "/assets/"} {
		if w := serveUI(t, "GET", packed); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", packed, w.Code)
		}
	}
}

// A binary that was built without Node says so, and how it is built with it.
func TestWithoutABuildThereIsAPageThatSaysHow(t *testing.T) {
	u, err := readUI(fstest.MapFS{".gitkeep": {}})
	if err != nil {
		t.Fatal(err)
	}
	if page := string(u.page); !strings.Contains(page, "make ui") || !strings.Contains(page, "/api/v1/docs") || strings.Contains(page, "<script") || strings.Contains(page, "style=") {
		t.Errorf("the page is %s", page)
	}
}

// The page's address is what it shows, so every path that a browser goes to is the page; programs are told that there is nothing.
func TestWhoGetsThePage(t *testing.T) {
	const browser = "text/html,application/xhtml+xml,*/*;q=0.8"
	for _, c := range []struct {
		method, path, accept string
		status               int
		page                 bool
	}{
		{"GET", "/", "", 200, true},
		{"HEAD", "/", browser, 200, true},
		{"GET", "/services/www.example.com?q=a", browser, 200, true},
		{"GET", "/services", "application/json", 404, false},
		{"GET", "/services", "*/*", 404, false},
		{"POST", "/services", browser, 404, false},
		{"POST", "/", browser, 405, false},
		{"GET", "/assets/nothing-1.js", browser, 404, false},
		{"GET", "/api/v1/nothing", browser, 401, false},
		{"GET", "/api", browser, 404, false},
		{"GET", "/api/v2/x", browser, 401, false},
		{"GET", "/healthz/x", browser, 404, false},
		{"GET", "/metrics/x", browser, 404, false},
	} {
		r := httptest.NewRequest(c.method, c.path, nil)
		r.Header.Set("Accept", c.accept)
		w := serve(testServer(), r)
		media := w.Header().Get("Content-Type")
		if w.Code != c.status || strings.HasPrefix(media, "text/html") != c.page || !c.page && media != "application/problem+json" {
			t.Errorf("%s %s for %s: %d %s, want %d", c.method, c.path, c.accept, w.Code, media, c.status)
		}
	}
}
