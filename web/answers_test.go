package web_test

import (
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

func TestAnswersByCountry(t *testing.T) {
	r := loaded(t)
	for _, check := range []string{"web-eu/a@web", "web-us-east/a@web", "web-us-east/b@web"} {
		r.node.Verdict(check, policy.Up)
	}
	share := func(a api.Answers, region string) (p float64) {
		for _, g := range a.Regions {
			if g.Region == region {
				p += g.Probability
			}
		}
		return p
	}
	ask := func(query string) api.Answers { return into[api.Answers](r.call("GET", "/answers"+query, "").is(200)) }
	now := ask("?service=WWW.example.com.")
	if eu := share(now, "eu-central"); eu < 0.1 || eu > 0.9 || len(now.Countries) < 200 || now.Type != "A" || now.Difference.Moved != 0 {
		t.Errorf("now: %+v", now.Regions)
	}
	without := ask("?service=www.example.com&assume=down:region/eu-central")
	if share(without, "us-east") < 0.999 || without.Difference.Moved < share(now, "eu-central")-0.05 || len(without.Assumed) != 1 {
		t.Errorf("without eu-central: %+v, moved %v", without.Regions, without.Difference.Moved)
	}
	r.send("POST", "/drafts", `{"title":"t","changes":[{"deleteObject":{"object":"service/www.example.com"}},{"putObject":{"service":{"name":"api.example.com","steer":{"pool":"web-eu"}}}}]}`).is(201)
	var draft string
	for _, v := range r.node.State().Drafts.All {
		draft = v.ID
	}
	if next := ask("?service=api.example.com&draft=" + draft); share(next, "eu-central") < 0.999 || next.Difference.Moved < 0.999 || next.Draft != draft {
		t.Errorf("by the draft: %+v", next)
	}
	r.call("GET", "/answers?service=www.example.com&draft="+draft, "").refused(404, "not-found")
	if all := ask("?draft=" + draft); all.Services != 1 || share(all, "eu-central") < 0.999 {
		t.Errorf("all by the draft: %+v", all.Regions)
	}
	if all := ask(""); all.Services != 1 || share(all, "us-east") != share(now, "us-east") || len(all.Endpoints) != 0 {
		t.Errorf("all: %+v", all.Regions)
	}
	r.send("DELETE", "/drafts/"+draft, "").is(200)
	r.call("GET", "/answers?draft="+draft, "").refused(409, "conflict")
	r.call("GET", "/answers?draft=none", "").refused(404, "not-found")
	r.call("GET", "/answers?service=api.example.com", "").refused(404, "not-found")
	r.call("GET", "/answers?service=a..b", "").refused(400, "bad-request")
	r.call("GET", "/answers?service=www.example.com&type=NONSENSE", "").refused(400, "bad-request")
	r.call("GET", "/answers?service=www.example.com&type=MX", "").refused(422, "invalid")
	r.call("GET", "/answers?service=www.example.com&assume=nonsense", "").refused(422, "invalid")
	r.call("GET", "/answers?assume=down:region/us-east", "").refused(400, "bad-request")
}

func TestStats(t *testing.T) {
	r := loaded(t)
	r.node.Verdict("web-eu/a@web", policy.Up)
	r.node.Verdict("web-us-east/a@web", policy.Down)
	r.node.CutOff("ns3", true)
	s := into[api.Stats](r.call("GET", "/stats", "").is(200))
	if len(s.Nodes) != 2 || len(s.Missing) != 1 || s.Missing[0] != "ns3" || s.Queries != 100 || len(s.Nodes[0].History) != 2 {
		t.Errorf("%+v", s)
	}
	if e := s.Endpoints; e.Up != 1 || e.Down != 1 || e.Unknown != 1 || s.Services.Short != 1 || s.Services.Items[0].Up != 1 {
		t.Errorf("%+v", s)
	}
}

func TestHealthHistory(t *testing.T) {
	r := loaded(t)
	r.node.At(webtest.Start)
	r.node.Verdict("web-eu/a@web", policy.Up)
	for _, path := range []string{"/health/web-eu/a/history", "/health/web-eu%2Fa/history", "/health/endpoint%2Fweb-eu%2Fa/history", "/health/endpoint/web-eu/a/history"} {
		h := into[api.EndpointHistory](r.call("GET", path+"?step=1m", "").is(200))
		if h.Endpoint != "endpoint/web-eu/a" || h.Step != "1m0s" || len(h.Checks) != 1 || len(h.Checks[0].Timeline) != 6 || h.Checks[0].Timeline[5].Status != "down" ||
			h.Checks[0].Vantages[0].Points[0].Latency != "20ms" || h.To.Sub(h.From) != 24*time.Hour {
			t.Errorf("%s: %+v", path, h)
		}
	}
	for _, query := range []string{"from=yesterday", "step=1s", "step=91d", "step=x", "from=2025-01-02T03:04:05Z", "to=2027-01-02T03:04:05Z", "from=2026-01-02T03:00:00Z&to=2026-01-02T02:00:00Z"} {
		r.call("GET", "/health/web-eu%2Fa/history?"+query, "").refused(400, "bad-request")
	}
	r.call("GET", "/health/web-eu%2Fnone/history", "").refused(404, "not-found")
	r.send("PUT", "/pools/spare", `{"region":"us-east","name":"spare","endpoints":[{"name":"history","address":"192.0.2.77"}]}`).is(201)
	if h := into[api.EndpointHealth](r.call("GET", "/health/spare/history", "").is(200)); h.Endpoint != "endpoint/spare/history" {
		t.Errorf("an endpoint that is called history: %+v", h)
	}
}

func TestQueries(t *testing.T) {
	r := loaded(t)
	if q := into[api.QuerySample](r.call("GET", "/queries?wait=20s", "").is(200)); q.Every != 0 || len(q.Items) != 0 {
		t.Errorf("nobody has turned it on: %+v", q)
	}
	r.node.Grant("op", "operator-token", policy.RoleOperator)
	r.call("PUT", "/queries", `{"sample":"1/10"}`, "Content-Type", asJSON, "Authorization", "Bearer operator-token").refused(403, "forbidden")
	if q := into[api.QuerySample](r.send("PUT", "/queries", `{"sample":"1/10"}`).is(200)); q.Every != 10 || !q.Until.Equal(webtest.Start.Add(10*time.Minute)) {
		t.Errorf("turned on: %+v", q)
	}
	q := into[api.QuerySample](r.call("GET", "/queries?limit=2&wait=20s", "").is(200))
	if len(q.Items) != 2 || q.Items[0].Client != "91.10.3.0/24" || q.Sampled != 3 { // one of the PUT, and one that was not new
		t.Errorf("%+v", q)
	}
	for body, at := range map[string]string{`{"sample":"1/0"}`: "/sample", `{"sample":"1/2000000"}`: "/sample", `{"sample":"10"}`: "/sample", `{"sample":"1/10","for":"2h"}`: "/for", `{}`: "/sample"} {
		if p := r.plain("PUT", "/queries", body).refused(422, "invalid"); len(p.Problems) != 1 || p.Problems[0].Pointer != at {
			t.Errorf("%s: %+v", body, p)
		}
	}
	for _, query := range []string{"limit=0x", "limit=1001", "limit=-1", "wait=1h", "wait=x"} {
		r.call("GET", "/queries?"+query, "").refused(400, "bad-request")
	}
	if q := into[api.QuerySample](r.send("PUT", "/queries", `{"sample":"off"}`).is(200)); q.Every != 0 {
		t.Errorf("turned off: %+v", q)
	}
}
