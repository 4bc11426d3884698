package web

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

const annas = "correct horse battery"

// withAnna is a server with a user, an editor of one zone.
func withAnna(t *testing.T) *server {
	t.Helper()
	s := testServer()
	registry := s.cfg.Registry
	s.cfg.Registry = nil
	w := as(s, webtest.Token, "POST", "/users", `{"name":"anna","role":"editor","scopes":["zone/example.com"],"password":"`+annas+`"}`)
	if w.Code != http.StatusCreated {
		t.Fatal(w.Body)
	}
	_ = registry
	return s
}

func TestASession(t *testing.T) {
	s := withAnna(t)
	node := s.cfg.Node.(*webtest.Node)
	b := newBrowser(t, s)
	b.wants(401, "GET", "/session", "")
	w := b.logIn("anna", annas)
	var shown api.Session
	if w.Code != 201 || json.Unmarshal(w.Body.Bytes(), &shown) != nil || shown.Actor != "user/anna" || shown.Role != "editor" || len(shown.Scopes) != 1 || shown.ExpiresAt.Sub(shown.IdleUntil) != 11*time.Hour {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	k := b.cookies["meridian"]
	if k == nil || !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Path != "/" || k.Domain != "" || len(k.Value) != 43 {
		t.Fatalf("%+v", b.cookies)
	}
	applied := node.Applied()
	b.wants(200, "GET", "/regions", "")
	b.wants(200, "GET", "/session", "")
	b.wants(403, "GET", "/tokens", "")
	b.wants(403, "DELETE", "/zones/example.org", "") // there is none, but first of all it is not hers
	if got := node.Applied(); got != applied {
		t.Errorf("%d writes for requests that read", got-applied)
	}
	// Another node knows the session as well; its role is that of this moment.
	other := newBrowser(t, newServer(Config{Node: node, Log: s.cfg.Log, Now: s.cfg.Now}))
	other.cookies = b.cookies
	other.wants(200, "GET", "/session", "")
	if w := as(s, webtest.Token, "PATCH", "/users/anna", `{"role":"viewer"}`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	if w := other.wants(200, "GET", "/session", ""); strings.Contains(w.Body.String(), "scopes") || !strings.Contains(w.Body.String(), "viewer") {
		t.Errorf("%s", w.Body)
	}
	// A cookie is nothing that may be sent as a token, nor a token as a cookie.
	if w := as(s, k.Value, "GET", "/session", ""); w.Code != 401 {
		t.Errorf("the cookie as a token: %d", w.Code)
	}
	b.wants(200, "DELETE", "/session", "")
	if len(b.cookies) != 0 {
		t.Errorf("after logging out: %v", b.cookies)
	}
	other.cookies = map[string]*http.Cookie{"meridian": k}
	other.wants(401, "GET", "/session", "")
	other.cookies = map[string]*http.Cookie{"meridian": {Name: "meridian", Value: webtest.Token}}
	other.wants(401, "GET", "/session", "")
}

// TestWhatEndsASession: everything that should, does so on every node and at once.
func TestWhatEndsASession(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, s *server, b *browser){
		"idle": func(t *testing.T, s *server, b *browser) {
			s.cfg.Now = func() time.Time { return time.Unix(0, s.cfg.Node.State().Clock).Add(time.Hour + time.Second) }
		},
		"disabled": func(t *testing.T, s *server, b *browser) {
			as(s, webtest.Token, "PATCH", "/users/anna", `{"disabled":true}`)
		},
		"removed": func(t *testing.T, s *server, b *browser) { as(s, webtest.Token, "DELETE", "/users/anna", "") },
		"another password": func(t *testing.T, s *server, b *browser) {
			as(s, webtest.Token, "PATCH", "/users/anna", `{"password":"another password"}`)
		},
		"eleven others": func(t *testing.T, s *server, b *browser) {
			for range policy.MaxSessionsEach {
				newBrowser(t, s).logIn("anna", annas)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := withAnna(t)
			b := newBrowser(t, s)
			if w := b.logIn("anna", annas); w.Code != 201 {
				t.Fatal(w.Body)
			}
			b.wants(200, "GET", "/session", "")
			end(t, s, b)
			b.wants(401, "GET", "/session", "")
		})
	}
	t.Run("twelve hours", func(t *testing.T) {
		s := withAnna(t)
		b := newBrowser(t, s)
		b.logIn("anna", annas)
		start := time.Unix(0, s.cfg.Node.State().Clock)
		now := start
		s.cfg.Now = func() time.Time { return now }
		for now.Sub(start) < 12*time.Hour-time.Minute { // it is used all the time
			b.wants(200, "GET", "/session", "")
			now = now.Add(30 * time.Minute)
		}
		b.wants(401, "GET", "/session", "")
	})
}

// A token lets the first admin in by the UI, and takes the session with it.
func TestATokensSession(t *testing.T) {
	s := withAnna(t)
	grant(t, s, "second", policy.RoleAdmin, 0)
	grant(t, s, "joiner", policy.RoleNode, 0)
	b := newBrowser(t, s)
	if w := b.wants(201, "POST", "/session/token", `{"token":"`+webtest.Token+`"}`); strings.Contains(w.Body.String()+w.Header().Get("Set-Cookie"), webtest.Token) {
		t.Error("the token is shown, or in the cookie")
	}
	b.wants(200, "GET", "/tokens", "")
	if w := as(s, "second", "DELETE", "/tokens/testtoke", ""); w.Code != 200 {
		t.Fatal(w.Body)
	}
	b.wants(401, "GET", "/tokens", "")
	for _, bad := range []string{webtest.Token, "", "joiner"} {
		if w := newBrowser(t, s).do("POST", "/session/token", `{"token":"`+bad+`"}`); w.Code != 401 && w.Code != 403 {
			t.Errorf("%q: %d", bad, w.Code)
		}
	}
}

// TestOfPagesElsewhere: what another site's page makes a browser send counts for nothing (S-14).
func TestOfPagesElsewhere(t *testing.T) {
	s := withAnna(t)
	b := newBrowser(t, s)
	b.logIn("anna", annas)
	for _, c := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", "", "Origin", "https://evil.example"}} {
		b.wants(403, "DELETE", "/session", "", c...)
		b.wants(403, "PUT", "/session/password", `{"old":"`+annas+`","new":"another password"}`, c...)
		newBrowser(t, s).wants(403, "POST", "/session", `{"user":"anna","password":"`+annas+`"}`, c...)
	}
	b.wants(200, "GET", "/session", "")
	// Over TLS, or from elsewhere, only the cookie with the prefix counts, and it is Secure.
	for _, c := range []struct {
		peer, host string
		tls        bool
		name       string
	}{
		{"127.0.0.1:1", "localhost:8080", false, "meridian"}, {"[::1]:1", "[::1]:8080", false, "meridian"},
		{"127.0.0.1:1", "localhost:8080", true, "__Host-meridian"}, {"127.0.0.1:1", "gtm.example.com", false, "__Host-meridian"}, // a proxy on this machine
		{"192.0.2.7:1", "127.0.0.1:8080", false, "__Host-meridian"}, {"192.0.2.7:1", "gtm.example.com", true, "__Host-meridian"},
	} {
		b := newBrowser(t, s)
		b.peer, b.host, b.tls = c.peer, c.host, c.tls
		b.logIn("anna", annas)
		k := b.cookies[c.name]
		if k == nil || len(b.cookies) != 1 || k.Secure != (c.name != "meridian") {
			t.Errorf("%+v: %v", c, b.cookies)
			continue
		}
		b.wants(200, "GET", "/session", "")
		other := *k
		other.Name = map[bool]string{true: "__Host-meridian", false: "meridian"}[c.name == "meridian"]
		b.cookies = map[string]*http.Cookie{other.Name: &other}
		b.wants(401, "GET", "/session", "")
	}
}

// TestWhoGuessesPasswords: the answer is one and the same whatever is wrong, and soon there is none; a user whose
// name is tried from elsewhere gets in (S-11).
func TestWhoGuessesPasswords(t *testing.T) {
	s := withAnna(t)
	now := webtest.Start
	s.cfg.Now = func() time.Time { return now }
	s.logins = newLogins(prometheus.NewRegistry(), s.cfg.Now)
	as(s, webtest.Token, "POST", "/users", `{"name":"gone","role":"viewer","disabled":true,"password":"`+annas+`"}`)
	attacker, anna := newBrowser(t, s), newBrowser(t, s)
	attacker.peer = "203.0.113.9:99"
	var said string
	for _, c := range [][2]string{{"anna", "wrong"}, {"anna", ""}, {"anna", strings.Repeat("x", 5000)}, {"nobody", annas}, {"gone", annas}, {"no such name!", annas}, {"", ""}} {
		w := attacker.logIn(c[0], c[1])
		if w.Code != 401 || said != "" && said != w.Body.String() || len(attacker.cookies) > 0 {
			t.Errorf("%q: %d %s", c, w.Code, w.Body)
		}
		said = w.Body.String()
	}
	attacker.logIn("anna", "wrong")
	attacker.logIn("anna", "wrong")
	attacker.peer = "203.0.113.9:100"
	for _, password := range []string{"wrong", annas} {
		if w := attacker.logIn("anna", password); w.Code != 429 || w.Header().Get("Retry-After") == "" {
			t.Errorf("one guess too many: %d", w.Code)
		}
	}
	if w := anna.logIn("anna", annas); w.Code != 201 {
		t.Errorf("she is kept out by who guesses elsewhere: %d %s", w.Code, w.Body)
	}
	for range 2 * guessesBurst { // what succeeds counts for nothing
		if w := newBrowser(t, s).logIn("anna", annas); w.Code != 201 {
			t.Fatal(w.Code)
		}
	}
	now = now.Add(time.Minute)
	if w := attacker.logIn("anna", annas); w.Code != 201 {
		t.Errorf("after a minute: %d", w.Code)
	}
	for outcome, want := range map[string]float64{"ok": 2 + 2*guessesBurst, "refused": 9, "limited": 2} {
		if got := testutil.ToFloat64(s.logins.count.WithLabelValues("password", outcome)); got != want {
			t.Errorf("%s: counted %v, want %v", outcome, got, want)
		}
	}
}

// TestOneHashForWhomeverThereIsNot: a log-in of nobody costs what that of somebody does.
func TestOneHashForWhomeverThereIsNot(t *testing.T) {
	h := newHasher()
	if ok, err := h.matches(t.Context(), "", "nobody's"); ok || err != nil {
		t.Errorf("%v %v: the hash of nobody lets somebody in", ok, err)
	}
	real, err := h.hash(t.Context(), annas)
	if err != nil {
		t.Fatal(err)
	}
	cost := func(phc string) string { return strings.Join(strings.Split(phc, "$")[:4], "$") }
	if cost(real) != "$argon2id$v=19$m=19456,t=2,p=1" || cost(h.none) != cost(real) {
		t.Errorf("%s and %s", cost(real), cost(h.none))
	}
	if ok, _ := h.matches(t.Context(), real, annas); !ok {
		t.Error("the right password")
	}
	if ok, _ := h.matches(t.Context(), real, annas+"x"); ok {
		t.Error("the wrong password")
	}
	for _, damaged := range []string{"x", "$argon2i$v=19$m=1,t=1,p=1$c2FsdA$c3Vt", strings.Replace(real, "m=19456", "m=999999999", 1), strings.Replace(real, "p=1", "p=0", 1), real[:len(real)-30]} {
		if ok, err := h.matches(t.Context(), damaged, annas); ok || err == nil {
			t.Errorf("%s: %v %v", damaged, ok, err)
		}
	}
	for range hashesAtOnce {
		h.slots <- struct{}{}
	}
	if _, err := h.hash(t.Context(), annas); policy.KindOf(err) != policy.TooMany {
		t.Errorf("with all slots taken: %v", err)
	}
}

func TestOnesOwnPassword(t *testing.T) {
	s := withAnna(t)
	b, elsewhere := newBrowser(t, s), newBrowser(t, s)
	b.logIn("anna", annas)
	elsewhere.logIn("anna", annas)
	b.wants(422, "PUT", "/session/password", `{"old":"`+annas+`","new":"short"}`)
	b.wants(401, "PUT", "/session/password", `{"old":"wrong","new":"another password"}`)
	b.wants(200, "PUT", "/session/password", `{"old":"`+annas+`","new":"another password"}`)
	b.wants(200, "GET", "/session", "")
	elsewhere.wants(401, "GET", "/session", "")
	if w := elsewhere.logIn("anna", annas); w.Code != 401 {
		t.Errorf("with the old password: %d", w.Code)
	}
	if w := elsewhere.logIn("anna", "another password"); w.Code != 201 {
		t.Errorf("with the new one: %d", w.Code)
	}
	if w := as(s, webtest.Token, "PUT", "/session/password", `{"old":"`+annas+`","new":"another password"}`); w.Code != 409 {
		t.Errorf("a token's: %d %s", w.Code, w.Body)
	}
}

func TestUsers(t *testing.T) {
	s := withAnna(t)
	for body, want := range map[string]string{
		`{"name":"anna","role":"viewer","password":"` + annas + `"}`:                  "there is a user",
		`{"name":"b","role":"viewer","password":"elevenchars"}`:                       "12 are the least",
		`{"name":"b","role":"viewer"}`:                                                "12 are the least",
		`{"name":"b","role":"node","password":"` + annas + `"}`:                       "a user has another",
		`{"name":"b","role":"admin","scopes":["zone/*"],"password":"` + annas + `"}`:  "has none",
		`{"name":"b c","role":"admin","password":"` + annas + `"}`:                    "letters, digits",
		`{"name":"b","role":"viewer","hash":"x","password":"` + annas + `"}`:          "hash",
		`{"name":"b","role":"viewer","password":"` + strings.Repeat("x", 1025) + `"}`: "1024 are the most",
	} {
		if w := as(s, webtest.Token, "POST", "/users", body); w.Code < 400 || w.Code >= 500 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%.80s: %d %s, want %q", body, w.Code, w.Body, want)
		}
	}
	for _, c := range []struct {
		body string
		want int
	}{{`{"scopes":["zone/*"]}`, 422}, {`{"name":"bert"}`, 422}, {`{"disabled":true}`, 200}, {`{"disabled":false}`, 200}} {
		if w := as(s, webtest.Token, "PATCH", "/users/anna", c.body); w.Code != c.want {
			t.Errorf("%s: %d %s", c.body, w.Code, w.Body)
		}
	}
	newBrowser(t, s).logIn("anna", annas)
	w := as(s, webtest.Token, "GET", "/users", "")
	if !strings.Contains(w.Body.String(), `"sessions": 1`) || !strings.Contains(w.Body.String(), `"createdBy": "testtoke"`) || strings.Contains(w.Body.String(), `assword":`) {
		t.Errorf("%s", w.Body)
	}
	if w := as(s, webtest.Token, "DELETE", "/users/nobody", ""); w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}

// TestNothingOfACredentialIsKept plants passwords, cookies and tokens and looks for them in the state and the log (S-19).
func TestNothingOfACredentialIsKept(t *testing.T) {
	var log bytes.Buffer
	s := withAnna(t)
	s.cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.refusals = newRefusalLog(s.cfg.Log, s.cfg.Now, s.cfg.Local)
	b := newBrowser(t, s)
	b.logIn("anna", "the wrong canary")
	if w := b.logIn("anna", annas); w.Code != 201 {
		t.Fatal(w.Body)
	}
	b.wants(201, "POST", "/session/token", `{"token":"`+webtest.Token+`"}`)
	phc := ""
	if u, ok := s.cfg.Node.State().Users.Get("anna"); ok {
		clear, err := s.cfg.Node.Open("user/anna", u.Password)
		if err != nil {
			t.Fatal(err)
		}
		phc = string(clear)
	}
	var state bytes.Buffer
	if err := change.WriteState(&state, s.cfg.Node.State()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "/session") || !strings.HasPrefix(phc, "$argon2id$") {
		t.Fatalf("the search is broken: %q, %s", phc, log.String())
	}
	for what, canary := range map[string]string{"a password": annas, "a wrong password": "the wrong canary", "a token": webtest.Token, "a cookie": b.cookies["meridian"].Value, "a hash": phc, "a salt": strings.Split(phc, "$")[4]} {
		if strings.Contains(state.String(), canary) {
			t.Errorf("%s is in the state", what)
		}
		if strings.Contains(log.String(), canary) {
			t.Errorf("%s is in the log", what)
		}
	}
}

// State hears of a session's use once in ten minutes, however often it is used.
func TestUseIsWrittenNowAndThen(t *testing.T) {
	s := withAnna(t)
	b := newBrowser(t, s)
	b.logIn("anna", annas)
	id := sessionID(b.cookies["meridian"].Value)
	seen := func() int64 { v, _ := s.cfg.Node.State().Sessions.Get(id); return v.SeenAt }
	first, applied := seen(), s.cfg.Node.(*webtest.Node).Applied()
	now := time.Unix(0, first)
	s.cfg.Now = func() time.Time { return now }
	for range 9 {
		now = now.Add(time.Minute)
		b.wants(200, "GET", "/session", "")
	}
	if got := s.cfg.Node.(*webtest.Node).Applied(); got != applied {
		t.Errorf("%d writes within ten minutes", got-applied)
	}
	now = now.Add(2 * time.Minute)
	b.wants(200, "GET", "/session", "")
	for deadline := time.Now().Add(10 * time.Second); seen() == first; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is never written")
		}
	}
}
