package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// oneNode is a node with break-glass, in memory.
type oneNode struct {
	controls []policy.Control
	acts     []policy.Act
}

func (*oneNode) Node() string                 { return "ns1" }
func (*oneNode) Is(token string) bool         { return token == "glass" }
func (n *oneNode) Controls() []policy.Control { return n.controls }
func (n *oneNode) Drain(_ context.Context, c policy.Control, _ policy.Duration) (policy.Control, error) {
	c.ID, c.Action = policy.LocalID("ABC"), policy.Drain
	c.CreatedAt, c.ExpiresAt = webtest.Start.UnixNano(), webtest.Start.UnixNano()+int64(policy.LocalDrainLife)
	n.controls = append(n.controls, c)
	return c, nil
}
func (n *oneNode) Lift(context.Context, string) error { n.controls = nil; return nil }
func (n *oneNode) Note(a policy.Act) error            { n.acts = append(n.acts, a); return nil }
func (n *oneNode) Acts() ([]policy.Act, error)        { return n.acts, nil }

func glassCall(s *server, peer, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, base+path, strings.NewReader(body))
	r.RemoteAddr = peer
	r.Header.Set("Authorization", "Bearer glass")
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return serve(s, r)
}

// TestBreakGlassOnEveryRoute: it reads everything, and changes nothing but the drains of its node.
func TestBreakGlassOnEveryRoute(t *testing.T) {
	for _, route := range testServer().engine().Routes() {
		call := route.Method + " " + strings.TrimPrefix(route.Path, base)
		if _, ok := leastRoles[call]; !ok {
			continue
		}
		local := &oneNode{}
		s := testServer()
		s.cfg.Registry, s.cfg.Local = nil, local
		if w := serve(s, httptest.NewRequest("GET", base+"/tokens", nil)); w.Code != http.StatusUnauthorized {
			t.Fatal(w.Code)
		}
		ctx, cancel := contextFor(t)
		r := httptest.NewRequest(route.Method, pathParameter.ReplaceAllString(route.Path, "x"), strings.NewReader("{}"))
		r.RemoteAddr = "127.0.0.1:5"
		r.Header.Set("Authorization", "Bearer glass")
		w := serve(s, r.WithContext(ctx))
		cancel()
		reads := route.Method == http.MethodGet || call == "POST /explain" || call == "DELETE /session" || call == "PUT /session/password" // which it has none of
		allowed := reads || call == "POST /controls"
		if (w.Code == http.StatusForbidden) == allowed {
			t.Errorf("%s: %d %s", call, w.Code, w.Body)
		}
		if s.cfg.Node.(*webtest.Node).Applied() != 3 { // what made the cluster
			t.Errorf("%s went into Raft", call)
		}
	}
}

func TestBreakGlassIsOfThisMachine(t *testing.T) {
	for _, c := range []struct {
		peer   string
		header []string
		want   int
	}{
		{"127.0.0.1:9", nil, 200}, {"[::1]:9", nil, 200}, {"[::ffff:127.0.0.1]:9", nil, 200},
		{"192.0.2.7:9", nil, 401}, {"192.0.2.7:9", []string{"X-Forwarded-For", "127.0.0.1"}, 401},
		{"127.0.0.1:9", []string{"X-Forwarded-For", "203.0.113.9"}, 401}, {"127.0.0.1:9", []string{"Forwarded", "for=203.0.113.9"}, 401},
	} {
		s := testServer()
		s.cfg.Local = &oneNode{}
		if w := glassCall(s, c.peer, "GET", "/tokens", "", c.header...); w.Code != c.want {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
}

func TestBreakGlassDrains(t *testing.T) {
	s, local := testServer(), &oneNode{}
	var limited api.TokenMade
	s.cfg.Registry, s.cfg.Local = nil, local
	s.refusals = newRefusalLog(s.cfg.Log, s.cfg.Now, local)
	const me = "127.0.0.1:9"
	if w := as(s, webtest.Token, "POST", "/tokens", `{"name":"eu","role":"operator","scopes":["region/eu-central"]}`); w.Code != 201 {
		t.Fatal(w.Body)
	} else if err := json.Unmarshal(w.Body.Bytes(), &limited); err != nil {
		t.Fatal(err)
	}
	s.cfg.Node.(*webtest.Node).Outage(policy.Errorf(policy.Unavailable, "no leader"))
	if w := glassCall(s, me, "POST", "/controls", `{"target":"region/us-east","action":"drain","reason":"cut off","startsIn":"1h"}`); w.Code != 422 {
		t.Errorf("planned: %d", w.Code)
	}
	w := glassCall(s, me, "POST", "/controls", `{"target":"region/us-east","action":"drain","reason":"cut off"}`)
	if w.Code != 201 || !strings.Contains(w.Body.String(), `"local": true`) || !strings.Contains(w.Body.String(), `"actor": "break-glass/ns1"`) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, path := range []string{"/controls", "/controls/local-abc"} {
		if w := as(s, webtest.Token, "GET", path, ""); !strings.Contains(w.Body.String(), `"local": true`) {
			t.Errorf("%s: %s", path, w.Body)
		}
	}
	if w := glassCall(s, me, "DELETE", "/controls/c1", ""); w.Code != 403 {
		t.Errorf("a control of the cluster's: %d", w.Code)
	}
	if w := as(s, limited.Token, "DELETE", "/controls/local-abc", ""); w.Code != 403 || len(local.controls) != 1 {
		t.Errorf("beyond the scopes of who lifts it: %d", w.Code)
	}
	if w := as(s, webtest.Token, "DELETE", "/controls/local-abc", ""); w.Code != 200 || len(local.controls) != 0 {
		t.Errorf("an admin lifts it: %d %s", w.Code, w.Body)
	}
	as(s, "nobody's", "GET", "/regions", "")
	text := as(s, webtest.Token, "GET", "/audit/node", "").Body.String()
	for _, want := range []string{`"kind": "break-glass"`, "drain of region/us-east: cut off", "lift of local-abc", `"actor": "testtoke"`, `"kind": "refused"`, `"text": "unauthenticated"`} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not on record: %s", want, text)
		}
	}
	if strings.Contains(text, "nobody's") || strings.Contains(text, `"glass"`) {
		t.Errorf("a token is on record: %s", text)
	}
}
