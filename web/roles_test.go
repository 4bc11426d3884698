package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// grant puts a token with a role into a node's state, past the API.
func grant(t *testing.T, s *server, token, role string, life time.Duration) {
	t.Helper()
	hash := sha256.Sum256([]byte(token))
	body := change.PutToken{Token: policy.Token{ID: hex.EncodeToString(hash[:4]), Name: "t-" + token, Hash: hash[:], Role: role}, ExpiresIn: policy.Duration(life)}
	if body.Token.Joins() {
		body.JoinKey = []byte("key")
	}
	if out, err := s.cfg.Node.Propose(t.Context(), change.Change{Actor: "test", Body: body}); err != nil || out.Refused != nil {
		t.Fatal(err, out.Refused)
	}
}

// TestEveryRouteHasARule goes by the router: a new route that nobody thought of fails here, and is
// nobody's in production. Each role is held against each route (S-12).
func TestEveryRouteHasARule(t *testing.T) {
	s := testServer()
	open := maps.Clone(open)
	open["/metrics"] = true
	seen := map[string]bool{planCall: true}
	for _, route := range s.engine().Routes() {
		if open[route.Path] {
			continue
		}
		call := route.Method + " " + strings.TrimPrefix(route.Path, base)
		least, ok := leastRoles[call]
		if !ok {
			t.Errorf("%s has no rule in leastRoles", call)
			continue
		}
		seen[call] = true
		if read := route.Method == http.MethodGet; read != (least == policy.RoleViewer) && call != "GET /tokens" && call != "POST /explain" {
			t.Errorf("%s needs %s", call, least)
		}
		for _, role := range policy.Roles {
			s := testServer()
			grant(t, s, "tok-"+role, role, 0)
			r := httptest.NewRequest(route.Method, pathParameter.ReplaceAllString(route.Path, "x"), strings.NewReader("{}"))
			r.Header.Set("Authorization", "Bearer tok-"+role)
			ctx, cancel := contextFor(t)
			w := serve(s, r.WithContext(ctx))
			cancel()
			if denied := w.Code == http.StatusForbidden; denied == policy.Permits(role, least) {
				t.Errorf("%s as %s: %d, and it needs %s: %s", call, role, w.Code, least, w.Body)
			}
		}
	}
	for call := range leastRoles {
		if !seen[call] {
			t.Errorf("leastRoles has %q, which is no route", call)
		}
	}
}

func TestPermits(t *testing.T) {
	for _, c := range []struct {
		role, least string
		want        bool
	}{
		{"viewer", "viewer", true}, {"viewer", "operator", false}, {"operator", "viewer", true}, {"editor", "operator", true}, {"editor", "admin", false},
		{"admin", "viewer", true}, {"node", "viewer", false}, {"admin", "node", false}, {"", "viewer", false}, {"root", "viewer", false}, {"admin", "", false},
	} {
		if got := policy.Permits(c.role, c.least); got != c.want {
			t.Errorf("%q where %q is needed: %v", c.role, c.least, got)
		}
	}
}

// A token is shown once, does what its role may until it expires or is revoked, and is nowhere in the state.
func TestTokens(t *testing.T) {
	s := testServer()
	e := s.engine()
	call := func(token, method, path, body string, headers ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, base+path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		return w
	}
	made := call(webtest.Token, "POST", "/tokens", `{"name":"ci","role":"viewer","expiresIn":"1h"}`, "Idempotency-Key", "k1")
	var m api.TokenMade
	if made.Code != http.StatusCreated || json.Unmarshal(made.Body.Bytes(), &m) != nil || !strings.HasPrefix(m.Token, "mer_") || len(m.Token) != 47 {
		t.Fatalf("%d %s", made.Code, made.Body)
	}
	if again := call(webtest.Token, "POST", "/tokens", `{"name":"ci","role":"viewer","expiresIn":"1h"}`, "Idempotency-Key", "k1"); again.Code != http.StatusConflict || !strings.Contains(again.Body.String(), "shown once") {
		t.Errorf("made again: %d %s", again.Code, again.Body)
	}
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"GET", "/regions", "", 200},
		{"GET", "/tokens", "", 403},
		{"PUT", "/config?dryRun=true", "{}", 200},
		{"PUT", "/config?dryRun=false", "{}", 403},
		{"PUT", "/config", "{}", 403},
		{"POST", "/controls", "{}", 403},
		{"GET", "/nothing", "", 404},
	} {
		if w := call(m.Token, c.method, c.path, c.body); w.Code != c.want {
			t.Errorf("%s %s as a viewer: %d, want %d: %s", c.method, c.path, w.Code, c.want, w.Body)
		}
	}
	var state bytes.Buffer
	if err := change.WriteState(&state, s.cfg.Node.State()); err != nil || strings.Contains(state.String(), m.Token) || strings.Contains(state.String(), m.Token[4:]) {
		t.Errorf("the token is in the state (%v)", err)
	}
	for body, want := range map[string]string{
		`{"name":"ci","role":"admin"}`:                         "there is a token \\\"ci\\\" already",
		`{"name":"x","role":"king"}`:                           "is not a role",
		`{"name":"","role":"viewer"}`:                          "name is missing",
		`{"name":"x","role":"viewer","expiresIn":"1s"}`:        "not within",
		`{"name":"x","role":"viewer","expiresIn":"-1h"}`:       "",
		`{"name":"x","role":"viewer","token":"mer_of-my-own"}`: "token",
	} {
		if w := call(webtest.Token, "POST", "/tokens", body); w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %q", body, w.Code, w.Body, want)
		}
	}
	if w := call(webtest.Token, "DELETE", "/tokens/testtoke", ""); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "no admin token without an expiry would be left") {
		t.Errorf("the last admin's: %d %s", w.Code, w.Body)
	}
	later := webtest.Start.Add(time.Hour + time.Minute)
	s.cfg.Now = func() time.Time { return later }
	if w := call(m.Token, "GET", "/regions", ""); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "has expired") {
		t.Errorf("after its time: %d %s", w.Code, w.Body)
	}
	if w := call(webtest.Token, "GET", "/tokens", ""); !strings.Contains(w.Body.String(), `"expired": true`) || strings.Contains(w.Body.String(), "hash") {
		t.Errorf("%s", w.Body)
	}
	grant(t, s, "second", policy.RoleAdmin, 0)
	if w := call("second", "DELETE", "/tokens/testtoke", ""); w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := call(webtest.Token, "GET", "/regions", ""); w.Code != http.StatusUnauthorized {
		t.Errorf("revoked, and it is good for %d", w.Code)
	}
}

// contextFor ends soon, so that streams do.
func contextFor(t *testing.T) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), 100*time.Millisecond)
}
