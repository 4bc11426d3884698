package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"
	"golang.org/x/oauth2"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

const (
	flowLife     = 10 * time.Minute // from the redirect to the provider until its answer
	flowName     = "oidc-flow"      // that flows are sealed for
	providerLife = time.Hour        // for which what a provider says of itself is kept
	maxAnswer    = 1 << 20          // octets of an answer of a provider
	maxReplays   = 10_000
)

// flow is a log-in under way. The browser keeps it, sealed under the cluster's key, so that any node may end it.
type flow struct {
	State, Nonce, Verifier string
	Expires                int64
}

// replays remembers the states that have come back, for as long as they would be good.
type replays struct {
	mu   sync.Mutex
	used map[string]int64
}

// use says whether a state is used for the first time on this node.
func (r *replays) use(state string, expires, now int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used == nil {
		r.used = map[string]int64{}
	}
	for k, until := range r.used {
		if until <= now {
			delete(r.used, k)
		}
	}
	if _, again := r.used[state]; again || len(r.used) >= maxReplays {
		return false
	}
	r.used[state] = expires
	return true
}

// oidcProviders keeps what the provider says of itself.
type oidcProviders struct {
	mu       sync.Mutex
	of       *policy.OIDC
	at       time.Time
	provider *oidc.Provider
}

// bounded cuts off answers that are longer than any honest one.
type bounded struct{ http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxAnswer), res.Body}
	}
	return res, err
}

// providerClient asks providers: for 10 s at most, past no proxy, and where no redirect leads.
var providerClient = &http.Client{
	Timeout:       10 * time.Second,
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	Transport:     bounded{&http.Transport{TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute}},
}

func (p *oidcProviders) get(cfg *policy.OIDC, now time.Time) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.provider != nil && p.of == cfg && now.Sub(p.at) < providerLife {
		return p.provider, nil
	}
	// The provider's keys are asked for by this context later on, too.
	provider, err := oidc.NewProvider(oidc.ClientContext(context.Background(), providerClient), cfg.Issuer)
	if err != nil {
		return nil, policy.Errorf(policy.Unavailable, "the OIDC provider %s cannot be asked: %v; log in with a password or a token meanwhile", cfg.Issuer, err)
	}
	p.of, p.at, p.provider = cfg, now, provider
	return provider, nil
}

// client is what is needed to speak with the provider, unless there is none.
func (s *server) oidcClient() (*policy.OIDC, *oidc.Provider, *oauth2.Config, error) {
	state := s.cfg.Node.State()
	cfg := state.Cluster.OIDC
	if cfg == nil {
		return nil, nil, nil, policy.Errorf(policy.NotFound, "there is no log-in by OIDC; an admin sets it up (PUT %s/access/oidc)", base)
	}
	secret := ""
	if ref := cfg.ClientSecret; ref != nil {
		sealed, _ := state.Secrets.Get(ref.Secret)
		clear, err := s.cfg.Node.Open(ref.Secret, sealed.Sealed)
		if err != nil {
			return nil, nil, nil, err
		}
		secret = string(clear)
	}
	provider, err := s.logins.oidc.get(cfg, s.cfg.Now())
	if err != nil {
		return nil, nil, nil, err
	}
	scopes := cfg.Scopes
	if len(scopes) == 0 {
		scopes = []string{oidc.ScopeOpenID, "email", "profile"}
	} else if !slices.Contains(scopes, oidc.ScopeOpenID) {
		scopes = append([]string{oidc.ScopeOpenID}, scopes...)
	}
	return cfg, provider, &oauth2.Config{ClientID: cfg.ClientID, ClientSecret: secret, Endpoint: provider.Endpoint(), RedirectURL: cfg.RedirectURL, Scopes: scopes}, nil
}

// flowCookie holds the log-in under way. It comes back with a redirect from the provider's site, so it is Lax where the session's is Strict.
func flowCookie(c *gin.Context, value string, age time.Duration) {
	name, secure := cookieName(c.Request)
	k := &http.Cookie{Name: name + "-login", Value: value, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: int(age / time.Second)}
	if value == "" {
		k.MaxAge = -1
	}
	http.SetCookie(c.Writer, k)
}

// BeginOIDC sends the browser to the provider.
func (s *server) BeginOIDC(c *gin.Context) {
	if !s.logins.account.allow("oidc\x00" + peer(c.Request)) {
		s.refuse(c, policy.Errorf(policy.TooMany, "too many log-ins from this address"))
		return
	}
	_, _, client, err := s.oidcClient()
	if err != nil {
		s.refuse(c, err)
		return
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Expires: s.cfg.Now().Add(flowLife).UnixNano()}
	data, err := json.Marshal(f)
	var sealed []byte
	if err == nil {
		sealed, err = s.cfg.Node.Seal(flowName, data)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	flowCookie(c, base64.RawURLEncoding.EncodeToString(sealed), flowLife)
	c.Redirect(http.StatusFound, client.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)))
}

// readFlow is the log-in under way that a callback is about, once.
func (s *server) readFlow(c *gin.Context, state string) (f flow, err error) {
	const again = "begin again at " + base + "/auth/oidc/login"
	name, _ := cookieName(c.Request)
	k, err := c.Request.Cookie(name + "-login")
	if err != nil {
		return f, policy.Errorf(unauthenticated, "this browser has no log-in under way: %s", again)
	}
	flowCookie(c, "", 0)
	sealed, err := base64.RawURLEncoding.DecodeString(k.Value)
	var data []byte
	if err == nil {
		data, err = s.cfg.Node.Open(flowName, sealed)
	}
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	now := s.cfg.Now().UnixNano()
	switch {
	case err != nil:
		return f, policy.Errorf(unauthenticated, "the log-in under way is not one of this cluster's: %s", again)
	case f.Expires <= now:
		return f, policy.Errorf(unauthenticated, "the log-in took more than %v: %s", flowLife, again)
	case subtle.ConstantTimeCompare([]byte(f.State), []byte(state)) != 1:
		return f, policy.Errorf(unauthenticated, "the provider's answer is to another log-in (state): %s", again)
	case !s.logins.replay.use(f.State, f.Expires, now):
		return f, policy.Errorf(unauthenticated, "this answer of the provider was used already (state): %s", again)
	}
	return f, nil
}

// EndOIDC takes the provider's answer and begins a session.
func (s *server) EndOIDC(c *gin.Context, params api.EndOIDCParams) {
	defer s.logins.outcome(c, "oidc")
	f, err := s.readFlow(c, params.State)
	if err == nil && (params.Error != "" || params.Code == "") {
		err = policy.Errorf(unauthenticated, "the provider lets nobody in: %.200q", params.Error)
	}
	var session policy.Session
	if err == nil {
		session, err = s.whoLogsIn(c.Request.Context(), f, params.Code)
	}
	var refusal *policy.Error
	switch {
	case errors.As(err, &refusal) && (refusal.Kind == unauthenticated || refusal.Kind == forbidden):
		s.deny(c, refusal)
	case err != nil:
		s.refuse(c, err)
	default:
		if _, ok := s.begin(c, session); ok {
			c.Redirect(http.StatusFound, "/")
		}
	}
}

// whoLogsIn exchanges the code, checks the ID token, and finds the role.
func (s *server) whoLogsIn(ctx context.Context, f flow, code string) (session policy.Session, err error) {
	cfg, provider, client, err := s.oidcClient()
	if err != nil {
		return session, err
	}
	got, err := client.Exchange(oidc.ClientContext(ctx, providerClient), code, oauth2.VerifierOption(f.Verifier))
	var refused *oauth2.RetrieveError
	switch {
	case errors.As(err, &refused):
		return session, policy.Errorf(unauthenticated, "the provider does not take the code: %.200s", refused.ErrorCode)
	case err != nil:
		return session, policy.Errorf(policy.Unavailable, "the OIDC provider %s cannot be asked; log in with a password or a token meanwhile", cfg.Issuer)
	}
	raw, _ := got.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: cfg.ClientID, Now: s.cfg.Now}).Verify(oidc.ClientContext(ctx, providerClient), raw)
	if err != nil {
		return session, policy.Errorf(unauthenticated, "the provider's ID token is not good: %v", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return session, policy.Errorf(unauthenticated, "the provider's ID token is of another log-in (nonce)")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return session, policy.Errorf(unauthenticated, "the provider's ID token cannot be read")
	}
	// An address that the provider has not verified is whatever somebody typed.
	email, _ := claims["email"].(string)
	if verified, _ := claims["email_verified"].(bool); !verified {
		email = ""
	}
	_, domain, _ := strings.Cut(email, "@")
	if len(cfg.Domains) > 0 && !slices.ContainsFunc(cfg.Domains, func(d string) bool { return email != "" && strings.EqualFold(d, domain) }) {
		return session, policy.Errorf(forbidden, "only verified e-mail addresses of %s may log in", strings.Join(cfg.Domains, ", "))
	}
	claim := cfg.GroupsClaim
	if claim == "" {
		claim = "groups"
	}
	role, ok := cfg.Match(email, texts(claims[claim]))
	if !ok {
		return session, policy.Errorf(forbidden, "you are known to the provider, but none of your groups (claim %s) has a role here; an admin adds one to the log-in by OIDC", claim)
	}
	session = policy.Session{Subject: email, Role: role.Role, Scopes: role.Limits}
	if email == "" {
		session.Subject = "sub/" + id.Subject
	}
	if len(session.Subject) > 255 || strings.ContainsFunc(session.Subject, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return session, policy.Errorf(forbidden, "the provider's name for you is over 255 octets, or has spaces in it")
	}
	return session, nil
}

// texts are the strings of a claim, which may be one or a list.
func texts(v any) (list []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, x := range v {
			if t, ok := x.(string); ok {
				list = append(list, t)
			}
		}
	}
	return list
}

// GetOIDC shows how people log in with a provider. The client's secret is a name only.
func (s *server) GetOIDC(c *gin.Context) {
	state := s.cfg.Node.State()
	if state.Cluster.OIDC == nil {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no log-in by OIDC"))
		return
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, state.Cluster.OIDC)
}

// PutOIDC sets it.
func (s *server) PutOIDC(c *gin.Context, params api.PutOIDCParams) {
	var in policy.OIDC
	data, media, err := readBody(c, maxSmall, mediaYAML, mediaJSON)
	if err == nil && media == mediaJSON {
		err = checkJSON(data)
	}
	if err == nil {
		err = document.DecodeInto(data, "", &in)
	}
	if err == nil {
		err = in.Check() // as it was written: on its way an empty list becomes none
	}
	s.changeOIDC(c, params.IfMatch, params.IdempotencyKey, data, &in, err)
}

// DeleteOIDC ends it.
func (s *server) DeleteOIDC(c *gin.Context, params api.DeleteOIDCParams) {
	s.changeOIDC(c, params.IfMatch, params.IdempotencyKey, nil, nil, nil)
}

func (s *server) changeOIDC(c *gin.Context, ifMatch, key string, data []byte, to *policy.OIDC, err error) {
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, ifMatch, key, sum(data))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.PutOIDC{OIDC: to}
	s.put(c, http.StatusOK, ch, 0)
}
