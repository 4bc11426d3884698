package web

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/web/api"
)

// browser is somebody at a browser, in front of one node.
type browser struct {
	t       *testing.T
	handler http.Handler
	peer    string
	tls     bool
	host    string
	cookies map[string]*http.Cookie
}

func newBrowser(t *testing.T, s *server) *browser {
	s.cfg.Registry = nil
	return &browser{t: t, handler: s.engine(), peer: "127.0.0.1:4711", host: "127.0.0.1:8080", cookies: map[string]*http.Cookie{}}
}

func (b *browser) do(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	r := httptest.NewRequest(method, base+path, strings.NewReader(body))
	r.RemoteAddr, r.Host, r.TLS = b.peer, b.host, nil
	if b.tls {
		r.TLS = &tls.ConnectionState{}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	for _, k := range b.cookies {
		r.AddCookie(k)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	for _, k := range w.Result().Cookies() {
		if k.MaxAge < 0 {
			delete(b.cookies, k.Name)
		} else {
			b.cookies[k.Name] = k
		}
	}
	return w
}

func (b *browser) wants(status int, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	w := b.do(method, path, body, headers...)
	if w.Code != status {
		b.t.Fatalf("%s %s: %d, want %d: %s", method, path, w.Code, status, w.Body)
	}
	return w
}

func (b *browser) logIn(user, password string) *httptest.ResponseRecorder {
	b.t.Helper()
	return b.do("POST", "/session", string(line(api.LogIn{User: user, Password: password})))
}
