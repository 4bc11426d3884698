package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// names is what a list of signals has: their names and what they say.
func names(l api.SignalList) (list []string) {
	for _, v := range l.Items {
		list = append(list, v.Name+" "+string(v.Status))
	}
	return list
}

func TestSignalsGoInAndComeOut(t *testing.T) {
	r := loaded(t)
	before := r.node.State()
	const body = `{"status":"down","maxAge":"5m","reason":" error budget is spent "}`
	w := into[api.SignalWritten](r.send("PUT", "/signals/billing-ok", body, "Idempotency-Key", "k").is(200))
	v, _ := r.node.State().Signals.Get("billing-ok")
	if w.Revision != before.Revision || r.node.State().Revision != before.Revision || r.node.State().ConfigRevision != before.ConfigRevision || w.StaleAt.UnixNano() != v.At+int64(5*time.Minute) {
		t.Errorf("it is answered with %+v after revision %d", w, before.Revision)
	}
	if len(w.Warnings) != 1 || !strings.Contains(w.Warnings[0], "no monitor goes by the signal billing-ok yet") {
		t.Errorf("warnings %q", w.Warnings)
	}
	if again := into[api.SignalWritten](r.send("PUT", "/signals/billing-ok", body, "Idempotency-Key", "k").is(200)); !again.Replayed || again.Index != w.Index {
		t.Errorf("the retry gave %+v", again)
	}
	got := into[api.Signal](r.call("GET", "/signals/billing-ok", "").is(200))
	if got.Name != "billing-ok" || got.Status != "down" || got.Reason != "error budget is spent" || got.Actor == "" || got.MaxAge != "5m0s" || got.StaleAt.Sub(got.At) != 5*time.Minute {
		t.Errorf("%+v", got)
	}
	w = into[api.SignalWritten](r.send("PUT", "/signals/a", `{"status":"up"}`).is(200))
	if v, _ := r.node.State().Signals.Get("a"); v.MaxAge != policy.DefaultSignalAge || w.StaleAt.UnixNano() != v.Due() {
		t.Errorf("without a maximum age it is %+v", v)
	}
	if got := names(into[api.SignalList](r.call("GET", "/signals", "").is(200))); !slices.Equal(got, []string{"a up", "billing-ok down"}) {
		t.Errorf("the list is %q", got)
	}
	r.call("DELETE", "/signals/a", "").is(200)
	r.call("DELETE", "/signals/a", "").refused(404, "not-found")
	r.call("GET", "/signals/a", "").refused(404, "not-found")
	if got := names(into[api.SignalList](r.call("GET", "/signals", "").is(200))); !slices.Equal(got, []string{"billing-ok down"}) {
		t.Errorf("the list is %q", got)
	}
}

func TestSignalsAreRefused(t *testing.T) {
	r := loaded(t)
	p := r.send("PUT", "/signals/a", `{"status":"unknown",
"maxAge":"1ms","reason":"a\nb"}`).refused(422, "invalid")
	if want := []string{"/status", "/reason", "/maxAge"}; !slices.Equal(pointersOf(p), want) || p.Problems[2].Line != 2 {
		t.Errorf("the mistakes are at %q, want %q: %+v", pointersOf(p), want, p.Problems)
	}
	for _, body := range []string{`{}`, `{"status":"sideways"}`, `{"status":"up","since":1}`, `{"status":"up","maxAge":"721h"}`, fmt.Sprintf(`{"status":"up","reason":%q}`, strings.Repeat("x", 201))} {
		r.send("PUT", "/signals/a", body).refused(422, "invalid")
	}
	r.send("PUT", "/signals/a%20b", `{"status":"up"}`).refused(422, "invalid")
	r.send("PUT", "/signals/"+strings.Repeat("x", 64), `{"status":"up"}`).refused(422, "invalid")
	r.call("PUT", "/signals/a", `x`, "Content-Type", "text/plain").refused(415, "unsupported-media")
	for _, call := range []string{"GET /signals", "GET /signals/a", "PUT /signals/a", "DELETE /signals/a"} {
		method, path, _ := strings.Cut(call, " ")
		r.raw(method, "/api/v1"+path, `{"status":"up"}`, "Content-Type", asJSON).refused(401, "unauthenticated")
	}
	if n := r.node.State().Signals.Len(); n != 0 {
		t.Errorf("%d signals after refusals", n)
	}
}

// Health shows a signal in the place of what vantages report, and warnings tell of one that is missing.
func TestSignalInHealth(t *testing.T) {
	r := loaded(t)
	doc := `{"monitors":[{"name":"billing","signal":{"name":"billing-ok","whenStale":"down"}}],"pools":[{"name":"web-eu","region":"eu-central","monitor":"billing","endpoints":[{"name":"a","address":"198.51.100.1"}]}]}`
	c := into[api.ConfigResult](r.send("PUT", "/config?merge=true", doc).is(200))
	if !slices.ContainsFunc(c.Warnings, func(w string) bool {
		return strings.HasPrefix(w, "monitor billing: signal billing-ok was never given, so what it checks goes by whenStale: down")
	}) {
		t.Errorf("warnings %q", c.Warnings)
	}
	check := func() api.CheckHealth {
		h := into[api.EndpointHealth](r.call("GET", "/health/web-eu/a", "").is(200))
		if len(h.Checks) != 1 || len(h.Checks[0].Reports) != 1 {
			t.Fatalf("%+v", h)
		}
		return h.Checks[0]
	}
	if v := check().Reports[0]; v.Vantage != "signal/billing-ok" || v.Status != "unknown" || v.Fresh || v.Error != "never given; whenStale: down" {
		t.Errorf("%+v", v)
	}
	r.send("PUT", "/signals/billing-ok", `{"status":"up","reason":"all paid"}`).is(200)
	r.node.Record(policy.Edge{Verdict: policy.Verdict{Check: "web-eu/a@billing", Status: policy.Up, Ballots: []policy.Ballot{{Vantage: "signal/billing-ok", Status: policy.Up, Error: "all paid"}}, Ramp: 100}})
	c2 := check()
	if v := c2.Reports[0]; v.Status != "up" || !v.Fresh || v.Error != "all paid" {
		t.Errorf("%+v", v)
	}
	if v := c2.Verdict; v.Status != "up" || len(v.Ballots) != 1 || v.Ballots[0].Vantage != "signal/billing-ok" || v.Ballots[0].Error != "all paid" {
		t.Errorf("%+v", v)
	}
}
