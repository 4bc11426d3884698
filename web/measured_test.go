package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// pointersOf are the places of a problem's mistakes.
func pointersOf(p api.Problem) (list []string) {
	for _, m := range p.Problems {
		list = append(list, m.Pointer)
	}
	return list
}

func TestLatencyGoesInAndComesOut(t *testing.T) {
	r := loaded(t)
	before := r.node.State()
	const body = `{"measurements":[
		{"client":"192.0.2.77/24","region":"us-east","ms":12.5},{"client":"2001:db8::/48","region":"us-east","ms":0.25},
		{"country":"DE","region":"eu-central","ms":9},{"asn":64500,"region":"eu-central","ms":10},{"asn":64500,"region":"us-east","ms":90}],"maxAge":"2h"}`
	w := into[api.WriteResult](r.send("PUT", "/latency", body, "Idempotency-Key", "k").is(200))
	if w.Revision != before.Revision || r.node.State().Revision != before.Revision || w.Index != before.Index+1 {
		t.Errorf("it is answered with %+v after revision %d", w, before.Revision)
	}
	if again := into[api.WriteResult](r.send("PUT", "/latency", body, "Idempotency-Key", "k").is(200)); !again.Replayed || again.Index != w.Index {
		t.Errorf("the retry gave %+v", again)
	}
	page := into[api.LatencyPage](r.call("GET", "/latency", "").is(200))
	var got []string
	for _, l := range page.Items {
		for _, v := range l.Regions {
			got = append(got, fmt.Sprint(l.Subject, " ", v.Region, " ", v.Ms, " ", v.Samples))
			if !v.At.Equal(webtest.Start.Add(time.Duration(w.Index)*time.Second)) || v.ExpiresAt.Sub(v.At) != 2*time.Hour {
				t.Errorf("%s: at %v until %v", l.Subject, v.At, v.ExpiresAt)
			}
			if d, err := time.ParseDuration(v.Age); err != nil || d < 0 {
				t.Errorf("%s: the age is %q", l.Subject, v.Age)
			}
		}
	}
	want := []string{"192.0.2.0/24 us-east 12.5 1", "2001:db8::/48 us-east 0.25 1", "asn/64500 eu-central 10 1", "asn/64500 us-east 90 1", "country/DE eu-central 9 1"}
	if !slices.Equal(got, want) || page.Next != "" {
		t.Errorf("there are %q, next %q", got, page.Next)
	}
	r.send("PUT", "/latency", `{"measurements":[{"asn":64500},{"country":"FR"}]}`).is(200)
	if page := into[api.LatencyPage](r.call("GET", "/latency?subject=asn/64500", "").is(200)); len(page.Items) != 0 {
		t.Errorf("what was taken out is there: %+v", page)
	}
	if page := into[api.LatencyPage](r.call("GET", "/latency?subject=192.0.2.9/24", "").is(200)); len(page.Items) != 1 || page.Items[0].Subject != "192.0.2.0/24" {
		t.Errorf("one subject: %+v", page)
	}
}

func TestLatencyPages(t *testing.T) {
	r := loaded(t)
	var m []string
	for i := range 250 {
		m = append(m, fmt.Sprintf(`{"asn":%d,"region":"us-east","ms":5}`, i+1))
	}
	r.send("PUT", "/latency", `{"measurements":[`+strings.Join(m, ",")+`]}`).is(200)
	seen := map[string]bool{}
	var sizes []int
	for after := ""; ; {
		page := into[api.LatencyPage](r.call("GET", "/latency?limit=100&after="+after, "").is(200))
		for _, l := range page.Items {
			seen[l.Subject] = true
		}
		sizes = append(sizes, len(page.Items))
		if after = page.Next; after == "" {
			break
		}
	}
	if len(seen) != 250 || !slices.Equal(sizes, []int{100, 100, 50}) {
		t.Errorf("%d subjects in pages of %v", len(seen), sizes)
	}
	for _, path := range []string{"/latency?limit=0", "/latency?limit=1001", "/latency?limit=x", "/latency?after=x", "/latency?subject=1.2.3.4", "/latency?region=us-east"} {
		r.call("GET", path, "").refused(400, "bad-request")
	}
}

func TestLatencyIsRefusedWithPointers(t *testing.T) {
	r := loaded(t)
	r.send("PUT", "/latency", `{"measurements":[{"asn":1,"region":"us-east","ms":5}]}`).is(200)
	p := r.send("PUT", "/latency", `{"maxAge":"1ms","measurements":[
{"asn":1,"region":"us-east","ms":6},
{"asn":1,"country":"DE","region":"us-east","ms":6},
{"region":"us-east","ms":6},
{"client":"country/DE","region":"us-east","ms":6},
{"client":"192.0.2.1","region":"us-east","ms":6},
{"asn":-1,"region":"mars","ms":0},
{"country":"DE","region":"us-east"},
{"country":"FR","ms":0},
{"asn":1,"region":"us-east","ms":7}]}`).refused(422, "invalid")
	want := []string{"/maxAge", "/measurements/1", "/measurements/2", "/measurements/3", "/measurements/4", "/measurements/5", "/measurements/5/region", "/measurements/5/ms",
		"/measurements/6/ms", "/measurements/7/region", "/measurements/7/ms", "/measurements/8"}
	if !slices.Equal(pointersOf(p), want) {
		t.Errorf("the mistakes are at %q, want %q", pointersOf(p), want)
	}
	if m := p.Problems[4]; m.Line != 6 || !strings.Contains(m.Message, "as in 192.0.2.1/32") {
		t.Errorf("%+v", m)
	}
	if m := p.Problems[6].Message; !strings.Contains(m, `there is no region "mars"; there are `) || !strings.Contains(m, "us-east") {
		t.Errorf("%q", m)
	}
	if l, _ := r.node.State().Latencies.Get("asn/1"); l.Regions[0].Ms != 5 {
		t.Errorf("a refused write left %+v", l)
	}
	for _, body := range []string{`{"measurements":[]}`, `{}`} {
		r.send("PUT", "/latency", body).refused(422, "invalid")
	}
	r.send("PUT", "/latency", `{"measurements":[{"asn":1,"region":"us-east","ms":5,"rtt":7}]}`).refused(422, "invalid")
	r.send("PUT", "/latency", `{`).refused(400, "bad-request")
	r.call("PUT", "/latency", `x`, "Content-Type", "text/plain").refused(415, "unsupported-media")
	r.send("PUT", "/latency", `{"x":"`+strings.Repeat("x", 4<<20)+`"}`).refused(413, "too-large")
}

func TestLoadGoesInWholeOrNotAtAll(t *testing.T) {
	r := loaded(t)
	before := r.node.State().Revision
	w := into[api.WriteResult](r.send("PUT", "/load", `{"loads":[{"target":"pool/web-us-east","value":850},{"target":"service/www.example.com","value":0,"maxAge":"2m"},{"target":"region/eu-central","value":1.5,"maxAge":3600}]}`).is(200))
	if w.Revision != before {
		t.Errorf("it made revision %d after %d", w.Revision, before)
	}
	list := into[api.LoadList](r.call("GET", "/load", "").is(200)).Items
	var got []string
	for _, l := range list {
		got = append(got, fmt.Sprint(l.Target, " ", l.Value, " ", l.ExpiresAt.Sub(l.At)))
	}
	if want := []string{"pool/web-us-east 850 1m0s", "region/eu-central 1.5 1h0m0s", "service/www.example.com 0 2m0s"}; !slices.Equal(got, want) {
		t.Errorf("there are %q", got)
	}
	p := r.send("PUT", "/load", `{"loads":[{"target":"pool/web-us-east","value":900},{"target":"pool/mars","value":-1,"maxAge":"25h"},{"target":"pool/web-us-east"},{"target":"az/us-east/a","value":1e16}]}`).refused(422, "invalid")
	want := []string{"/loads/1/target", "/loads/1/value", "/loads/1/maxAge", "/loads/2/target", "/loads/2/value", "/loads/3/target", "/loads/3/value"}
	if !slices.Equal(pointersOf(p), want) {
		t.Errorf("the mistakes are at %q, want %q", pointersOf(p), want)
	}
	if l, _ := r.node.State().Loads.Get("pool/web-us-east"); l.Value != 850 {
		t.Errorf("the load is %v after a refusal", l.Value)
	}
}

func TestBeaconsAreTakenIn(t *testing.T) {
	r := loaded(t)
	index := r.node.State().Index
	taken := into[api.BeaconTaken](r.send("POST", "/beacons", `{"client":"91.10.3.77","measurements":[{"region":"us-east","ms":43.2},{"region":"eu-central","ms":8}]}`).is(202))
	if taken.Client != "91.10.3.77" || taken.Measurements != 2 {
		t.Errorf("%+v", taken)
	}
	r.send("POST", "/beacons", `{"client":"2a02:8100::1","measurements":[{"region":"us-east","ms":1}]}`).is(202)
	if got, want := r.node.Beacons(), []string{"91.10.3.77 us-east 43.2", "91.10.3.77 eu-central 8", "2a02:8100::1 us-east 1"}; !slices.Equal(got, want) {
		t.Errorf("the node has %q", got)
	}
	if r.node.State().Index != index {
		t.Error("a beacon went through Raft by itself")
	}
	// The call comes from loopback here, which is nobody's address on the Internet.
	p := r.send("POST", "/beacons", `{"measurements":[{"region":"us-east","ms":1}]}`).refused(422, "invalid")
	if !slices.Equal(pointersOf(p), []string{"/client"}) || !strings.Contains(p.Problems[0].Message, "the address that the call comes from, 127.0.0.1, is one that no route leads to") {
		t.Errorf("%+v", p)
	}
	for _, client := range []string{"10.1.2.3", "fd00::1", "::ffff:192.168.1.1", "64:ff9b::10.0.0.1", "fe80::1%eth0", "91.10.0.0/16", "nobody"} {
		p := r.send("POST", "/beacons", `{"client":"`+client+`","measurements":[{"region":"mars","ms":0}]}`).refused(422, "invalid")
		if !slices.Equal(pointersOf(p), []string{"/client", "/measurements/0/region", "/measurements/0/ms"}) {
			t.Errorf("%s: the mistakes are at %q", client, pointersOf(p))
		}
	}
	for _, body := range []string{`{"client":"91.10.3.77","measurements":[]}`, `{"client":"91.10.3.77","measurements":[` + strings.Repeat(`{"region":"us-east","ms":1},`, 64) + `{"region":"us-east","ms":1}]}`} {
		r.send("POST", "/beacons", body).refused(422, "invalid")
	}
	if n := len(r.node.Beacons()); n != 3 {
		t.Errorf("the node has %d, with what was refused", n)
	}
}

func TestMeasuredNeedsTokenAndFeatureLevel(t *testing.T) {
	r := loaded(t)
	for path, body := range map[string]string{
		"PUT /latency": `{"measurements":[{"asn":1,"region":"us-east","ms":5}]}`, "PUT /load": `{"loads":[{"target":"pool/web-us-east","value":1}]}`,
		"POST /beacons": `{"client":"91.10.3.77","measurements":[{"region":"us-east","ms":1}]}`, "GET /latency": "", "GET /load": "",
	} {
		method, path, _ := strings.Cut(path, " ")
		r.raw(method, "/api/v1"+path, body, "Content-Type", asJSON).refused(401, "unauthenticated")
	}
	old := policy.NewState()
	old.Members.Set("m", policy.Member{Node: "ns9", Feature: policy.FeatureSteering - 1})
	if err := change.Admit(old, change.PutLoad{}); policy.KindOf(err) != policy.Conflict || !strings.Contains(err.Error(), "node ns9 is at 2: upgrade it") {
		t.Errorf("%v", err)
	}
}
