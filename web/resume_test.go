package web_test

import (
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

func TestResume(t *testing.T) {
	r := loaded(t)
	conf := r.node.State().Config()
	conf.Monitors[0].Resume = policy.Manual
	if out, err := r.node.Do(change.Change{Body: change.PutConfig{Config: *conf, Merge: true}}); err != nil || out.Refused != nil {
		t.Fatal(err, out.Refused)
	}
	post := func(path, body string, headers ...string) answer {
		return r.call("POST", path, body, append([]string{"Content-Type", "application/json"}, headers...)...)
	}
	const why = `{"reason":"data is checked"}`
	post("/health/web-eu/a/resume", why).refused(409, "conflict") // not down
	for _, path := range []string{"/health/web-eu/a/resume", "/health/web-eu%2Fa/resume", "/health/endpoint/web-eu/a/resume"} {
		r.node.Verdict("web-eu/a@web", policy.Up)
		r.node.Verdict("web-eu/a@web", policy.Down)
		r.node.Hold("web-eu/a@web", policy.WaitsForOperator, "endpoint/web-eu/b")
		h := into[api.EndpointHealth](r.call("GET", "/health/web-eu/a", "").is(200))
		if v := h.Checks[0].Verdict; v.Waits != "operator" || v.Resumed || len(v.Rivals) != 1 || v.Rivals[0] != "endpoint/web-eu/b" {
			t.Errorf("before %s: %+v", path, v)
		}
		if w := into[api.WriteResult](post(path, why).is(200)); len(w.Nodes) != 3 || w.Revision == 0 {
			t.Errorf("%s: %+v", path, w)
		}
		h = into[api.EndpointHealth](r.call("GET", "/health/web-eu/a", "").is(200))
		if v := h.Checks[0].Verdict; !v.Resumed {
			t.Errorf("after %s: %+v", path, v)
		}
	}
	applied := r.node.Applied()
	post("/health/web-eu/a/resume", why, "Idempotency-Key", "one").is(200)
	if w := into[api.WriteResult](post("/health/web-eu/a/resume", why, "Idempotency-Key", "one").is(200)); !w.Replayed || r.node.Applied() != applied+1 {
		t.Errorf("a retry: %+v, %d changes more", w, r.node.Applied()-applied)
	}
	post("/health/web-eu/a/resume", why, "If-Match", `"1"`).refused(412, "stale")
	post("/health/web-eu/a/resume", `{}`).refused(422, "invalid")
	post("/health/web-eu/a/resume", `{"reason":" "}`).refused(422, "invalid")
	post("/health/web-eu/a/resume", `{"reason":"x","status":"up"}`).refused(422, "invalid")
	post("/health/web-eu/z/resume", why).refused(404, "not-found")
	post("/health/web-eu/resume", why).refused(422, "invalid") // no endpoint
}
