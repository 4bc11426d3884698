package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// as makes a call with a token. A body that is not JSON says what it is by its first letter.
func as(s *server, token, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, base+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	media := "application/json"
	switch {
	case strings.HasPrefix(body, "$ORIGIN"):
		media = "text/dns"
	case strings.HasPrefix(body, "regions:"):
		media = "application/yaml"
	}
	r.Header.Set("Content-Type", media)
	return serve(s, r)
}

// limited is a server with a configuration, and the token "ci" of an editor whose scopes are these.
func limited(t *testing.T, scopes ...string) *server {
	t.Helper()
	s := testServer()
	s.cfg.Registry = nil // each call has an engine of its own
	for path, body := range map[string]string{"/zones/example.com": webtest.Zone} {
		if w := as(s, webtest.Token, "PUT", path, body); w.Code != http.StatusCreated {
			t.Fatal(w.Body)
		}
	}
	if w := as(s, webtest.Token, "PUT", "/config", webtest.Document); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
	node := s.cfg.Node.(*webtest.Node)
	if out, err := node.Do(change.Change{Reason: "because", Body: change.PutControl{Target: "pool/web-eu", Action: policy.Drain}}); err != nil || out.Refused != nil {
		t.Fatal(err, out.Refused)
	}
	if out, err := node.Do(change.Change{Body: change.PutSignal{Name: "billing", Status: policy.Up}}); err != nil || out.Refused != nil {
		t.Fatal(err, out.Refused)
	}
	if out, err := node.Do(change.Change{Body: change.PutToken{Token: policy.Token{ID: "c1c1c1c1", Name: "ci", Hash: sum([]byte("ci")), Role: policy.RoleEditor, Scopes: scopes}}}); err != nil || out.Refused != nil {
		t.Fatal(err, out.Refused)
	}
	return s
}

// TestScopesOnEveryRoute makes each call that changes something with scopes that do not reach it. A new
// route is refused to callers with scopes until it is in scopedCalls, and then fails here without a call of its own.
func TestScopesOnEveryRoute(t *testing.T) {
	control := ""
	for id := range limited(t, "region/none").cfg.Node.State().Controls.All {
		control = id
	}
	const rrset = `{"ttl":60,"records":["192.0.2.9"]}`
	calls := map[string][2]string{ // route: path and body
		"PUT /config":                            {"/config?merge=true", strings.Replace(webtest.Document, "ttl: 30", "ttl: 31", 1)},
		"POST /changes":                          {"/changes", `{"changes":[{"editZone":{"zone":"example.com","updates":[{"op":"deleteName","name":"mail.example.com"}]}}]}`},
		"PUT /zones/:zone":                       {"/zones/example.com", webtest.Zone + "x IN A 192.0.2.1\n"},
		"DELETE /zones/:zone":                    {"/zones/example.com", ""},
		"PUT /zones/:zone/rrsets/:name/:type":    {"/zones/example.com/rrsets/x.example.com/A", rrset},
		"DELETE /zones/:zone/rrsets/:name/:type": {"/zones/example.com/rrsets/mail.example.com/MX", ""},
		"PUT /regions/:name":                     {"/regions/us-east", `{"name":"us-east","provider":"gcp"}`},
		"DELETE /regions/:name":                  {"/regions/us-east", ""},
		"PUT /pools/:name":                       {"/pools/web-eu", `{"name":"web-eu","region":"eu-central","endpoints":[{"name":"a","address":"198.51.100.9"}]}`},
		"DELETE /pools/:name":                    {"/pools/web-eu", ""},
		"PUT /services/:name":                    {"/services/www.example.com", `{"name":"www.example.com","ttl":77,"steer":{"pool":"web-eu"}}`},
		"DELETE /services/:name":                 {"/services/www.example.com", ""},
		"POST /controls":                         {"/controls", `{"target":"region/us-east","action":"drain","reason":"x"}`},
		"DELETE /controls/:id":                   {"/controls/" + control, ""},
		"POST /health/:endpoint/resume":          {"/health/web-eu%2Fa/resume", `{"reason":"x"}`},
		"POST /health/:endpoint/probe":           {"/health/web-eu%2Fa/probe", `{}`},
		"PUT /latency":                           {"/latency", `{"measurements":[{"client":"192.0.2.0/24","region":"us-east","ms":5}]}`},
		"PUT /load":                              {"/load", `{"loads":[{"target":"pool/web-eu","value":3}]}`},
		"PUT /signals/:name":                     {"/signals/billing", `{"status":"up"}`},
		"DELETE /signals/:name":                  {"/signals/billing", ""},
		"POST /beacons":                          {"/beacons", `{"client":"91.10.3.77","measurements":[{"region":"us-east","ms":5}]}`},
	}
	for _, route := range testServer().engine().Routes() {
		call := route.Method + " " + strings.TrimPrefix(route.Path, base)
		least, ok := leastRoles[call]
		if !ok || least == policy.RoleViewer {
			continue
		}
		if !scopedCalls[call] {
			s := limited(t, "zone/*", "service/*", "region/*", "pool/*")
			if w := as(s, "ci", route.Method, strings.TrimPrefix(pathParameter.ReplaceAllString(route.Path, "x"), base), "{}"); w.Code != http.StatusForbidden {
				t.Errorf("%s with scopes: %d %s", call, w.Code, w.Body)
			}
			continue
		}
		c, ok := calls[call]
		if !ok {
			t.Errorf("%s is in scopedCalls, and no call here shows that it is limited", call)
			continue
		}
		s := limited(t, "zone/none.example", "service/none.example", "region/none", "pool/none")
		index := s.cfg.Node.State().Index
		if w := as(s, "ci", route.Method, c[0], c[1]); w.Code != http.StatusForbidden {
			t.Errorf("%s beyond its scopes: %d %s", call, w.Code, w.Body)
		}
		if got := s.cfg.Node.State().Index; got != index {
			t.Errorf("%s: a refused call went into the log", call)
		}
	}
	for call := range scopedCalls {
		if least, ok := leastRoles[call]; !ok || least == policy.RoleAdmin {
			t.Errorf("scopedCalls has %q, which needs %q", call, least)
		}
	}
}

// TestScopesLetThrough: within its scopes a caller does what its role may, and it reads whatever that may.
func TestScopesLetThrough(t *testing.T) {
	s := limited(t, "zone/example.com", "service/www.example.com", "region/us-east")
	for _, c := range []struct {
		method, path, body string
		want               int
	}{
		{"PUT", "/zones/example.com/rrsets/x.example.com/A", `{"ttl":60,"records":["192.0.2.9"]}`, 201},
		{"PUT", "/config", webtest.Document, 200}, // nothing differs
		{"PUT", "/config?dryRun=true", strings.Replace(webtest.Document, "ttl: 30", "ttl: 31", 1), 200},
		{"PUT", "/config", strings.Replace(webtest.Document, "ttl: 30", "ttl: 31", 1), 200},
		{"PUT", "/config", strings.Replace(strings.Replace(webtest.Document, "ttl: 30", "ttl: 31", 1), "198.51.100.1", "198.51.100.9", 1), 403},
		{"PUT", "/config?dryRun=true", strings.Replace(webtest.Document, "198.51.100.1", "198.51.100.9", 1), 403},
		{"POST", "/controls", `{"target":"endpoint/web-us-east/a","action":"drain","reason":"x"}`, 201},
		{"POST", "/controls", `{"target":"pool/web-us-east","action":"drain","reason":"x"}`, 403},
		{"POST", "/health/web-us-east%2Fa/probe", `{}`, 200},
		{"POST", "/health/web-eu%2Fa/probe", `{}`, 403},
		{"GET", "/pools/web-eu", "", 200},
		{"GET", "/explain?name=www.example.com", "", 200},
		{"GET", "/tokens", "", 403},
	} {
		if w := as(s, "ci", c.method, c.path, c.body); w.Code != c.want {
			t.Errorf("%s %s: %d, want %d: %s", c.method, c.path, w.Code, c.want, w.Body)
		}
	}
	for body, want := range map[string]int{
		`{"name":"a","role":"editor","scopes":["zone/example.com"]}`: 201,
		`{"name":"b","role":"editor","scopes":[]}`:                   422,
		`{"name":"c","role":"admin","scopes":["zone/example.com"]}`:  422,
		`{"name":"d","role":"editor","scopes":["monitor/web"]}`:      422,
	} {
		if w := as(s, webtest.Token, "POST", "/tokens", body); w.Code != want {
			t.Errorf("%s: %d, want %d: %s", body, w.Code, want, w.Body)
		}
	}
	if w := as(s, webtest.Token, "GET", "/tokens", ""); !strings.Contains(w.Body.String(), `"zone/example.com"`) {
		t.Errorf("%s", w.Body)
	}
}
