package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

func TestObjectsAreRead(t *testing.T) {
	r := loaded(t)
	for _, path := range []string{"/regions", "/monitors", "/pools", "/services", "/health", "/cluster", "/controls", "/secrets", "/zones", "/providers", "/templates", "/safety-rules", "/places"} {
		a := r.call("GET", path, "").is(200)
		if a.header.Get("X-Index") == "" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %v", path, a.header)
		}
		r.call("GET", path+"?limits=1", "").refused(400, "bad-request")
	}
	if p := into[api.Pool](r.call("GET", "/pools/web-us-east", "").is(200)); len(p.Endpoints) != 2 {
		t.Errorf("the pool is %+v", p)
	}
	for _, name := range []string{"www.example.com", "WWW.example.com.", "www%2Eexample.com"} {
		if s := into[api.Service](r.call("GET", "/services/"+name, "").is(200)); s.Ttl != 30.0 {
			t.Errorf("%s is %+v", name, s)
		}
	}
	for _, path := range []string{"/regions/x", "/monitors/x", "/pools/x", "/services/x", "/zones/x", "/health/x", "/controls/c0", "/safety-rules/x", "/places/x", "/nothing", "/"} {
		r.call("GET", path, "").refused(404, "not-found")
	}
	r.call("POST", "/config", "").refused(405, "method-not-allowed")
	r.call("GET", "/zones/a..b", "").refused(400, "bad-request")
	r.call("GET", "/config", "", "Accept", "image/png").refused(406, "not-acceptable")
	r.raw("GET", "/nothing", "").refused(404, "not-found")
}

func TestHealthOfOneEndpoint(t *testing.T) {
	r := loaded(t)
	r.node.Verdict("web-eu/a@web", policy.Down)
	c := into[api.Control](r.drain(drainUSEast).is(201))
	for _, path := range []string{"/health/web-eu/a", "/health/web-eu%2Fa", "/health/endpoint/web-eu/a", "/health/endpoint%2Fweb-eu%2Fa"} {
		h := into[api.EndpointHealth](r.call("GET", path, "").is(200))
		if h.Endpoint != "endpoint/web-eu/a" || h.Measured != "down" || h.Effective != "down" || len(h.Checks) != 1 || len(h.Checks[0].Verdict.Ballots) != 3 || h.Checks[0].Circuit != "open" ||
			len(h.Checks[0].Samples) != 3 || h.Checks[0].Samples[0].Samples[0].Cause != "refused" || h.Checks[0].Samples[1].Error == "" || len(h.Checks[0].History) != 1 {
			t.Errorf("%s: %+v", path, h)
		}
	}
	h := into[api.EndpointHealth](r.call("GET", "/health/web-us-east/b", "").is(200))
	if h.Measured != "unknown" || h.Effective != "drained" || len(h.Controls) != 1 || h.Controls[0] != c.Id {
		t.Errorf("the drained one: %+v", h)
	}
}

func TestProbeNow(t *testing.T) {
	r := loaded(t)
	r.node.Verdict("web-eu/a@web", policy.Down)
	post := func(path, body string) answer { return r.call("POST", path, body, "Content-Type", "application/json") }
	for _, path := range []string{"/health/web-us-east/b/probe", "/health/web-us-east%2Fb/probe", "/health/endpoint/web-us-east/b/probe"} {
		p := into[api.ProbeResult](post(path, `{"vantage":"ns1","monitor":"web"}`).is(200))
		if p.Endpoint != "endpoint/web-us-east/b" || !p.Evidence.Ok || p.Evidence.Phases.Connect != "4ms" {
			t.Errorf("%s: %+v", path, p)
		}
	}
	if p := into[api.ProbeResult](post("/health/web-eu/a/probe", `{}`).is(200)); p.Evidence.Ok || p.Evidence.Error == "" {
		t.Errorf("a failed probe: %+v", p)
	}
	post("/health/web-us-east/x/probe", `{}`).refused(404, "not-found")
	post("/health/web-us-east/b/probe", `{"vantage":"ns9"}`).refused(422, "invalid")
	post("/health/web-us-east/b/probe", `{"target":"169.254.169.254"}`).refused(422, "invalid")
	r.call("GET", "/health/web-us-east/probe", "").refused(404, "not-found") // an endpoint of that name
}

func TestExplain(t *testing.T) {
	r := loaded(t)
	for check := range map[string]bool{"web-eu/a@web": true, "web-us-east/a@web": true, "web-us-east/b@web": true} {
		r.node.Verdict(check, policy.Up)
	}
	const berlin, virginia = "91.10.0.1", "8.8.8.0/24"
	if x := into[api.Explanation](r.call("GET", "/explain?name=www.example.com&client="+berlin, "").is(200)); len(x.Distribution) != 1 || x.Distribution[0].Answers[0] != "198.51.100.1" || x.Ttl != 30 {
		t.Errorf("for %s: %+v", berlin, x)
	}
	if x := into[api.Explanation](r.call("GET", "/explain?name=www.example.com&type=a&client="+virginia, "").is(200)); len(x.Distribution) != 2 || x.Distribution[0].Probability != 0.5 {
		t.Errorf("for %s: %+v", virginia, x)
	}
	x := into[api.Explanation](r.call("GET", "/explain?name=www.example.com&client="+berlin+"&assume=down:region/eu-central&assume=drain:endpoint/web-us-east/a", "").is(200))
	if len(x.Distribution) != 1 || x.Distribution[0].Answers[0] != "192.0.2.12" {
		t.Errorf("if the region were down: %+v", x)
	}
	text := r.call("GET", "/explain?name=www.example.com&client="+berlin, "", "Accept", "text/plain").is(200)
	if !strings.Contains(string(text.body), "198.51.100.1") {
		t.Errorf("the text is %s", text.body)
	}
	r.call("GET", "/explain?name=www.example.com", "").is(200) // the caller's own address
	r.call("GET", "/explain", "").refused(400, "bad-request")
	r.call("GET", "/explain?name=a..b", "").refused(400, "bad-request")
	r.call("GET", "/explain?name=www.example.com&type=NONSENSE", "").refused(400, "bad-request")
	r.call("GET", "/explain?name=www.example.com&client=Berlin", "").refused(400, "bad-request")
	r.call("GET", "/explain?name=www.example.com&client=::1%25eth0", "").refused(400, "bad-request")
	r.call("GET", "/explain?name=www.example.com&assume=nonsense", "").refused(422, "invalid")
	for _, typ := range []string{"MX", "AAAA", "TYPE65534", "ANY"} {
		r.call("GET", "/explain?name=www.example.com&client=2001:db8::/32&type="+typ, "").is(200)
	}
}

// TestListPoints asks where regions are whose places are written in one way and another, or not at all.
func TestListPoints(t *testing.T) {
	r := newRig(t)
	r.call("PUT", "/config", "regions:\n  - {name: b, place: {iata: FRA}}\n  - {name: a, place: {lat: 0, lon: 0}}\n  - {name: c}\n", "Content-Type", "application/yaml").is(200)
	got := r.call("GET", "/geo/points", "").is(200)
	points := into[api.PointList](got).Items
	if len(points) != 2 || points[0] != (api.RegionPoint{Region: "a"}) || points[1].Region != "b" || int(points[1].Lat) != 50 || int(points[1].Lon) != 8 {
		t.Errorf("%s", got.body)
	}
	if want := r.call("GET", "/regions", "").header.Get("ETag"); got.header.Get("ETag") != want {
		t.Errorf("the ETag is %s and that of the regions %s", got.header.Get("ETag"), want)
	}
}

// TestLookupPlace asks for what the embedded country data knows.
func TestLookupPlace(t *testing.T) {
	r := loaded(t)
	w := into[api.Where](r.call("GET", "/geo/lookup?address=91.10.0.1", "").is(200))
	if w.Address != "91.10.0.1" || w.Country != "DE" || w.Continent != "EU" || w.Point == nil || w.Asn != 0 || w.Override != "" ||
		w.Database.Kind != "country" || w.Database.Link != "https://db-ip.com" || w.AsnDatabase.Name != "" {
		t.Errorf("%+v", w)
	}
	if p, err := netip.ParsePrefix(w.Network); err != nil || !p.Contains(netip.MustParseAddr("91.10.0.1")) {
		t.Errorf("the network is %q", w.Network)
	}
	if w := into[api.Where](r.call("GET", "/geo/lookup?address=2002:5b0a:1::1", "").is(200)); w.Country != "DE" { // 6to4 of 91.10.0.1
		t.Errorf("%+v", w)
	}
	if w := into[api.Where](r.call("GET", "/geo/lookup?address=10.0.0.1", "").is(200)); w.Country != "" || w.Point != nil {
		t.Errorf("%+v", w)
	}
	for _, query := range []string{"", "?address=", "?address=Berlin", "?address=91.10.0.0/24", "?address=fe80::1%25eth0", "?address=91.10.0.1&client=x"} {
		r.call("GET", "/geo/lookup"+query, "").refused(400, "bad-request")
	}
}

func TestBodiesAreLimited(t *testing.T) {
	r := loaded(t)
	before := r.node.State()
	small := strings.Repeat("x", 65<<10)
	r.drain(`{"target":"region/us-east","action":"drain","reason":"`+small+`"}`).refused(413, "too-large")
	r.drain(`{"target":"region/us-east","action":"drain","reason":"`+small[:2000]+`"}`).refused(422, "invalid")
	r.call("PUT", "/secrets/s", `{"value":"`+small+`"}`, "Content-Type", "application/json").refused(413, "too-large")
	big := "# " + strings.Repeat("x", document.MaxSize)
	r.call("PUT", "/config", big, "Content-Type", "application/yaml").refused(413, "too-large")
	r.call("PUT", "/zones/example.com", big, "Content-Type", "application/json").refused(413, "too-large")
	if r.node.State() != before {
		t.Error("a refused call changed the state")
	}
}

// TestBodiesAreReadStrictly sends what fuzzers send: never 5xx, and nothing changes.
func TestBodiesAreReadStrictly(t *testing.T) {
	r := loaded(t)
	before := r.node.State()
	bodies := map[string]int{
		``: 400, `{`: 400, `null`: 422, `[]`: 422, `"x"`: 422, `17`: 422, `{}`: 0, `{"target":17}`: 422, `{"target":null}`: 422,
		`{"target":"region/us-east","action":"drain","reason":"x","reason":"y"}`: 422, `{"Target":"region/us-east"}`: 422,
		`{"target":"region/us-east","action":"drain","reason":"x"} {}`: 400, "target: region/us-east\n": 400,
		strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000): 422, strings.Repeat(`{"a":`, 200) + `1` + strings.Repeat(`}`, 200): 422,
		`{"target":"region/us-east","action":"drain","reason":"x","expiresIn":-5}`: 422, `{"target":"region/us-east","action":"drain","reason":"x","expiresIn":"soon"}`: 422,
		"{\"target\":\"\xff\xfe\"}": 422,
	}
	for body, want := range bodies {
		for _, route := range []string{"POST /controls", "PUT /secrets/s", "PUT /config?merge=true", "PUT /zones/example.com"} {
			method, path, _ := strings.Cut(route, " ")
			if body == "{}" && strings.HasPrefix(path, "/config") {
				continue // nothing to merge is no mistake
			}
			a := r.call(method, path, body, "Content-Type", "application/json")
			if a.status < 400 || a.status >= 500 || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s %.60q: %d %s", route, body, a.status, a.body)
			}
			if route == "POST /controls" && want != 0 && a.status != want {
				t.Errorf("%s %.60q: %d, want %d", route, body, a.status, want)
			}
		}
	}
	for _, ct := range []string{"", "application/x-www-form-urlencoded", "text/html", "application/json; charset=utf-16", "nonsense/"} {
		r.call("POST", "/controls", drainUSEast, "Content-Type", ct).refused(415, "unsupported-media")
		r.call("PUT", "/zones/example.com", webtest.Zone, "Content-Type", ct).refused(415, "unsupported-media")
	}
	r.drain(drainUSEast, "Content-Encoding", "gzip").refused(415, "unsupported-media")
	if r.node.State().Revision != before.Revision {
		t.Error("a refused call changed the state")
	}
}

// stream reads events until want of them came.
func (r *rig) stream(ctx context.Context, last string, want int) (ids, types []string) {
	r.t.Helper()
	req, _ := http.NewRequestWithContext(ctx, "GET", r.url+"/api/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+webtest.Token)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		r.t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	lines := bufio.NewScanner(res.Body)
	for len(types) < want && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			ids = append(ids, id)
		}
		if typ, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
			types = append(types, typ)
		}
	}
	return ids, types
}

func TestEventsGoOnWhereTheyStopped(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ids, _ := r.stream(ctx, "", 3) // of the three changes that made the cluster
	if len(ids) != 3 || ids[2] != "ns1:3" {
		t.Fatalf("the first events are %q", ids)
	}
	r.node.Tell(policy.Event{Type: "verdict", Text: "endpoint/web/a is down"})
	r.node.Tell(policy.Event{Type: "leader", Text: "line one\nline two"})
	ids, types := r.stream(ctx, ids[2], 2)
	if fmt.Sprint(ids, types) != "[ns1:4 ns1:5] [verdict leader]" {
		t.Errorf("after a resume came %q %q", ids, types)
	}
	if ids, types := r.stream(ctx, "ns2:900", 5); ids[1] != "ns1:1" || types[0] != "gap" { // another node's id must not hide events
		t.Errorf("with an id of another node came %q %q", ids, types)
	}
	if ids, _ := r.stream(ctx, "nonsense", 5); ids[0] != "ns1:1" {
		t.Errorf("with a nonsense id came %q", ids)
	}
	r.node.Forget(3)
	if ids, types := r.stream(ctx, "ns1:1", 3); fmt.Sprint(ids, types) != "[ns1:3 ns1:4 ns1:5] [gap verdict leader]" {
		t.Errorf("where the next events are forgotten came %q %q", ids, types)
	}
	if _, types := r.stream(ctx, "ns1:3", 2); types[0] != "verdict" {
		t.Errorf("where none is missing came %q", types)
	}
}

// A thousand listeners at once are all told.
func TestManyListen(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	const listeners = 1000
	readers := make([]*bufio.Scanner, listeners)
	for i := range readers {
		req, _ := http.NewRequestWithContext(ctx, "GET", r.url+"/api/v1/events", nil)
		req.Header.Set("Authorization", "Bearer "+webtest.Token)
		res, err := client.Do(req)
		if err != nil {
			t.Fatalf("listener %d: %v", i, err)
		}
		defer res.Body.Close()
		if res.StatusCode != 200 {
			t.Fatalf("listener %d: %d", i, res.StatusCode)
		}
		readers[i] = bufio.NewScanner(res.Body)
	}
	r.node.Tell(policy.Event{Type: "leader", Text: "news"})
	for i, lines := range readers {
		told := false
		for !told && lines.Scan() {
			told = lines.Text() == "event: leader"
		}
		if !told {
			t.Fatalf("listener %d was not told: %v", i, lines.Err())
		}
	}
}

func TestShutdownEndsStreams(t *testing.T) {
	r := newRig(t)
	ended := make(chan int, 1)
	req, _ := http.NewRequest("GET", r.url+"/api/v1/events", nil)
	req.Header.Set("Authorization", "Bearer "+webtest.Token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	go func() {
		n, _ := io.Copy(io.Discard, res.Body)
		ended <- int(n)
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.server.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	select {
	case <-ended:
	case <-ctx.Done():
		t.Error("the stream did not end")
	}
}

// TestServerHasItsLimits is S-23, as far as it can be seen without waiting.
func TestServerHasItsLimits(t *testing.T) {
	r := newRig(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Big: %s\r\n\r\n", strings.Repeat("x", 64<<10))
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err == nil && res.StatusCode != 431 {
		t.Errorf("64 KiB of headers: %d", res.StatusCode)
	}
	r.raw("GET", "/healthz", "").is(200)
	r.raw("GET", "/readyz", "").is(200)
}
