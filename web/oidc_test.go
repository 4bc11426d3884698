package web

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// provider is an OpenID Connect provider over real HTTP, that signs with RS256.
type provider struct {
	t      *testing.T
	key    *rsa.PrivateKey
	server *httptest.Server

	mu     sync.Mutex
	claims map[string]any                     // over those that are right
	sign   func(header, claims []byte) string // nil: with the key
	codes  map[string]url.Values              // what each was asked with
	asked  int
}

var providerKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func newProvider(t *testing.T) *provider {
	p := &provider{t: t, key: providerKey(), claims: map[string]any{}, codes: map[string]url.Values{}}
	mux := http.NewServeMux()
	p.server = httptest.NewServer(mux)
	t.Cleanup(p.server.Close)
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		p.asked++
		p.mu.Unlock()
		answer(w, map[string]any{"issuer": p.server.URL, "authorization_endpoint": p.server.URL + "/authorize", "token_endpoint": p.server.URL + "/token", "jwks_uri": p.server.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k1", "n": b64(p.key.N.Bytes()), "e": b64(big.NewInt(int64(p.key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		q := r.URL.Query()
		code := fmt.Sprintf("code-%d", len(p.codes)+1)
		p.codes[code] = q
		http.Redirect(w, r, q.Get("redirect_uri")+"?iss="+url.QueryEscape(p.server.URL)+"&code="+code+"&state="+url.QueryEscape(q.Get("state")), http.StatusFound)
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		r.ParseForm()
		q, ok := p.codes[r.Form.Get("code")]
		delete(p.codes, r.Form.Get("code"))
		sum := sha256.Sum256([]byte(r.Form.Get("code_verifier")))
		id, secret, _ := r.BasicAuth()
		secret, _ = url.QueryUnescape(secret) // RFC 6749 section 2.3.1
		if secret == "" {
			id, secret = r.Form.Get("client_id"), r.Form.Get("client_secret")
		}
		if !ok || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") != b64(sum[:]) || id != "meridian" || secret != "the client's secret" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		claims := map[string]any{"iss": p.server.URL, "aud": "meridian", "sub": "1234", "nonce": q.Get("nonce"), "iat": webtest.Start.Unix(), "exp": webtest.Start.Add(time.Hour).Unix(),
			"email": "anna@example.com", "email_verified": true, "groups": []string{"staff", "dns-team"}}
		for k, v := range p.claims {
			claims[k] = v
		}
		body, _ := json.Marshal(claims)
		sign := p.sign
		if sign == nil {
			sign = p.signed
		}
		answer(w, map[string]any{"access_token": "x", "token_type": "Bearer", "id_token": sign([]byte(`{"alg":"RS256","kid":"k1"}`), body)})
	})
	return p
}

func (p *provider) signed(header, claims []byte) string { return signedBy(p.t, p.key, header, claims) }

func signedBy(t *testing.T, key *rsa.PrivateKey, header, claims []byte) string {
	text := b64(header) + "." + b64(claims)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Error(err)
	}
	return text + "." + b64(sig)
}

// withOIDC is a server that people log in to with a provider.
func withOIDC(t *testing.T, p *provider) *server {
	t.Helper()
	s := testServer()
	s.cfg.Registry = nil
	if w := as(s, webtest.Token, "PUT", "/secrets/oidc", `{"value":"the client's secret"}`); w.Code != 201 {
		t.Fatal(w.Body)
	}
	if w := as(s, webtest.Token, "PUT", "/access/oidc", `{"issuer":"`+p.server.URL+`","clientID":"meridian","clientSecret":{"secret":"oidc"},"redirectURL":"http://127.0.0.1:8080/api/v1/auth/oidc/callback",
		"domains":["example.com"],"roles":[{"email":"boss@example.com","role":"admin"},{"group":"dns-team","role":"editor","limits":["zone/example.com"]}]}`); w.Code != 200 {
		t.Fatal(w.Body)
	}
	return s
}

// toCallback goes to the provider and gives what the browser is sent back to, without its base.
func (b *browser) toCallback() string {
	b.t.Helper()
	to := b.wants(302, "GET", "/auth/oidc/login", "").Header().Get("Location")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(to)
	if err != nil {
		b.t.Fatal(err)
	}
	res.Body.Close()
	_, path, ok := strings.Cut(res.Header.Get("Location"), base)
	if !ok {
		b.t.Fatal(res.Header)
	}
	return path
}

// away are the headers of a redirect from the provider's site.
var away = []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}

func TestLogInByOIDC(t *testing.T) {
	p := newProvider(t)
	s := withOIDC(t, p)
	b := newBrowser(t, s)
	callback := b.toCallback()
	if k := b.cookies["meridian-login"]; k == nil || !k.HttpOnly || k.SameSite != http.SameSiteLaxMode || k.MaxAge != 600 {
		t.Fatalf("%v", b.cookies)
	}
	// It ends on another node, which has never heard of it.
	other := newBrowser(t, newServer(Config{Node: s.cfg.Node, Log: s.cfg.Log, Now: s.cfg.Now}))
	other.cookies = b.cookies
	flow := *b.cookies["meridian-login"]
	w := other.wants(302, "GET", callback, "", away...)
	if k := other.cookies["meridian"]; w.Header().Get("Location") != "/" || k == nil || k.SameSite != http.SameSiteStrictMode || other.cookies["meridian-login"] != nil {
		t.Fatalf("%v %v", w.Header(), other.cookies)
	}
	if w := other.wants(200, "GET", "/session", ""); !strings.Contains(w.Body.String(), `"actor": "oidc/anna@example.com"`) || !strings.Contains(w.Body.String(), "zone/example.com") {
		t.Errorf("%s", w.Body)
	}
	other.wants(403, "DELETE", "/zones/example.org", "")
	other.wants(403, "GET", "/users", "")
	other.wants(409, "PUT", "/session/password", `{"old":"x","new":"another password"}`)

	other.cookies["meridian-login"] = &flow
	if w := other.wants(401, "GET", callback, "", away...); !strings.Contains(w.Body.String(), "used already") {
		t.Errorf("a state that comes again: %s", w.Body)
	}
	other.wants(200, "GET", "/session", "") // the session is not the worse for it

	var state bytes.Buffer
	if err := change.WriteState(&state, s.cfg.Node.State()); err != nil || strings.Contains(state.String(), "the client's secret") || strings.Contains(state.String(), other.cookies["meridian"].Value) {
		t.Errorf("a credential is in the state (%v)", err)
	}
	if w := as(s, webtest.Token, "DELETE", "/secrets/oidc", ""); w.Code != 409 {
		t.Errorf("the secret that is used: %d", w.Code)
	}
	// Another mapping ends what the one before let in.
	if w := as(s, webtest.Token, "DELETE", "/access/oidc", ""); w.Code != 200 {
		t.Fatal(w.Body)
	}
	other.wants(401, "GET", "/session", "")
	b.wants(404, "GET", "/auth/oidc/login", "")
}

// TestWhomOIDCLetsNotIn has one thing wrong at a time.
func TestWhomOIDCLetsNotIn(t *testing.T) {
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		claims map[string]any
		sign   func(header, claims []byte) string
		break_ func(s *server, b *browser, callback string) string
		want   int
		says   string
	}{
		"nothing":                         {want: 302},
		"nonce":                           {claims: map[string]any{"nonce": "another"}, want: 401, says: "nonce"},
		"no nonce":                        {claims: map[string]any{"nonce": nil}, want: 401, says: "nonce"},
		"audience":                        {claims: map[string]any{"aud": "another"}, want: 401, says: "audience"},
		"expired":                         {claims: map[string]any{"exp": webtest.Start.Add(-time.Minute).Unix()}, want: 401, says: "expired"},
		"issuer":                          {claims: map[string]any{"iss": "https://evil.example"}, want: 401, says: "different provider"},
		"another's key":                   {sign: func(h, b []byte) string { return signedBy(t, stranger, h, b) }, want: 401, says: "signature"},
		"no signature":                    {sign: func(_, b []byte) string { return b64([]byte(`{"alg":"none"}`)) + "." + b64(b) + "." }, want: 401, says: "not good"},
		"no token":                        {sign: func(_, _ []byte) string { return "" }, want: 401, says: "not good"},
		"no group":                        {claims: map[string]any{"groups": []string{"staff"}}, want: 403, says: "none of your groups"},
		"groups that are something else":  {claims: map[string]any{"groups": map[string]any{"dns-team": true}}, want: 403, says: "none of your groups"},
		"a domain that is not ours":       {claims: map[string]any{"email": "anna@evil.example"}, want: 403, says: "example.com may log in"},
		"a domain that ends like ours":    {claims: map[string]any{"email": "anna@evil.example.com"}, want: 403, says: "example.com may log in"},
		"an address nobody has verified":  {claims: map[string]any{"email": "boss@example.com", "email_verified": false}, want: 403, says: "verified"},
		"an address that somebody claims": {claims: map[string]any{"email": "boss@example.com", "email_verified": "true"}, want: 403, says: "verified"},
		"state":                           {break_: func(_ *server, _ *browser, u string) string { return strings.Replace(u, "state=", "state=x", 1) }, want: 401, says: "state"},
		"no state":                        {break_: func(_ *server, _ *browser, u string) string { return "/auth/oidc/callback?code=code-1" }, want: 401, says: "state"},
		"another code":                    {break_: func(_ *server, _ *browser, u string) string { return strings.Replace(u, "code=", "code=x", 1) }, want: 401, says: "invalid_grant"},
		"the provider says no":            {break_: func(_ *server, _ *browser, u string) string { return u + "&error=access_denied" }, want: 401, says: "access_denied"},
		"no cookie":                       {break_: func(_ *server, b *browser, u string) string { clear(b.cookies); return u }, want: 401, says: "no log-in under way"},
		"another browser's code and state": {break_: func(s *server, b *browser, u string) string {
			o := newBrowser(t, s)
			o.toCallback()
			b.cookies = o.cookies
			return u
		}, want: 401, says: "another log-in"},
		"a cookie that is not sealed": {break_: func(_ *server, b *browser, u string) string {
			b.cookies["meridian-login"].Value = b64([]byte(`{"State":""}`))
			return u
		}, want: 401, says: "not one of this cluster's"},
		"too late": {break_: func(s *server, _ *browser, u string) string {
			s.cfg.Now = func() time.Time { return webtest.Start.Add(11 * time.Minute) }
			return u
		}, want: 401, says: "more than 10m"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			p.claims, p.sign = c.claims, c.sign
			s := withOIDC(t, p)
			b := newBrowser(t, s)
			callback := b.toCallback()
			if c.break_ != nil {
				callback = c.break_(s, b, callback)
			}
			w := b.do("GET", callback, "", away...)
			if w.Code != c.want || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%d %s, want %d with %q", w.Code, w.Body, c.want, c.says)
			}
			if _, in := b.cookies["meridian"]; in != (c.want == 302) || s.cfg.Node.State().Sessions.Len() > 0 != in {
				t.Errorf("a session: %v", in)
			}
		})
	}
}

// A provider that is down or floods is the log-in's trouble alone.
func TestAProviderInTrouble(t *testing.T) {
	p := newProvider(t)
	s := withOIDC(t, p)
	p.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"issuer":"`)
		for range 3 << 10 {
			if _, err := w.Write(bytes.Repeat([]byte("x"), 1<<10)); err != nil {
				return
			}
		}
	})
	newBrowser(t, s).wants(503, "GET", "/auth/oidc/login", "")
	p.server.Config.Handler = http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound)
	newBrowser(t, s).wants(503, "GET", "/auth/oidc/login", "")
	p.server.Close()
	newBrowser(t, s).wants(503, "GET", "/auth/oidc/login", "")
}

func TestOIDCIsChecked(t *testing.T) {
	p := newProvider(t)
	s := withOIDC(t, p)
	good := as(s, webtest.Token, "GET", "/access/oidc", "").Body.String()
	for old, new := range map[string]string{
		p.server.URL:             "http://id.example.com",
		"/auth/oidc/callback":    "/elsewhere",
		`"secret": "oidc"`:       `"secret": "none"`,
		`"role": "admin"`:        `"role": "node"`,
		"boss@example.com":       "boss",
		`"zone/example.com"`:     `"monitor/web"`,
		`"clientID": "meridian"`: `"clientID": ""`,
	} {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		if w := as(s, webtest.Token, "PUT", "/access/oidc", strings.Replace(good, old, new, 1)); w.Code != 422 {
			t.Errorf("%s for %s: %d %s", new, old, w.Code, w.Body)
		}
	}
	grant(t, s, "editors", "editor", 0)
	if w := as(s, "editors", "PUT", "/access/oidc", good); w.Code != 403 {
		t.Errorf("an editor says who is an admin: %d", w.Code)
	}
}
