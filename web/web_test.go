package web_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/web"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// rig is an API on a socket, in front of a node in memory.
type rig struct {
	t      *testing.T
	node   *webtest.Node
	url    string
	logs   *bytes.Buffer
	server *http.Server
	quiet  bool   // calls are not held against the contract
	cookie string // of a session, by which calls are made instead of with the token
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, node: webtest.New()}
	r.serve()
	return r
}

// serve puts the API on a socket.
func (r *rig) serve() {
	r.logs = new(bytes.Buffer)
	log := slog.New(slog.NewTextHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelInfo}))
	began := time.Now()
	now := func() time.Time { return webtest.Start.Add(time.Since(began)) } // near the clock of the state, so that sessions last
	h := web.New(web.Config{Node: r.node, Log: log, Registry: prometheus.NewRegistry(), Now: now})
	s := httptest.NewUnstartedServer(h)
	s.Config = web.NewServer(h)
	s.Start()
	r.t.Cleanup(s.Close)
	r.url, r.server = s.URL, s.Config
}

// loaded is a rig with a zone, a configuration and verdicts.
func loaded(t *testing.T) *rig {
	r := newRig(t)
	r.call("PUT", "/zones/example.com", webtest.Zone, "Content-Type", "text/dns").is(201)
	r.call("PUT", "/config", webtest.Document, "Content-Type", "application/yaml").is(200)
	return r
}

type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
	what   string
}

// call makes a request with the token and checks it and its answer against the contract.
func (r *rig) call(method, path, body string, headers ...string) answer {
	r.t.Helper()
	if !strings.HasPrefix(path, "/api/") {
		path = "/api/v1" + path
	}
	as := []string{"Authorization", "Bearer " + webtest.Token}
	if r.cookie != "" {
		as = []string{"Cookie", r.cookie}
	}
	return r.raw(method, path, body, append(as, headers...)...)
}

func (r *rig) raw(method, path, body string, headers ...string) answer {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(req) // which follows no redirects
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	if !r.quiet {
		conforms(r.t, req, []byte(body), res, got)
	}
	return answer{r.t, res.StatusCode, res.Header, got, method + " " + path}
}

func (a answer) is(status int) answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: %d, want %d\n%s", a.what, a.status, status, a.body)
	}
	return a
}

func (a answer) refused(status int, kind string) api.Problem {
	a.t.Helper()
	a.is(status)
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		a.t.Errorf("%s: Content-Type %q", a.what, got)
	}
	p := into[api.Problem](a)
	if p.Kind != kind || p.Status != status || p.Detail == "" || p.Title == "" {
		a.t.Errorf("%s: the problem is %+v, want kind %s", a.what, p, kind)
	}
	return p
}

func into[T any](a answer) (v T) {
	a.t.Helper()
	if err := json.Unmarshal(a.body, &v); err != nil {
		a.t.Fatalf("%s: %v\n%s", a.what, err, a.body)
	}
	return v
}

const drainUSEast = `{"target":"region/us-east","action":"drain","reason":"maintenance","expiresIn":"2h"}`

func (r *rig) drain(body string, headers ...string) answer {
	r.t.Helper()
	return r.call("POST", "/controls", body, append([]string{"Content-Type", "application/json"}, headers...)...)
}
