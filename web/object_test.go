package web_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// One object is read, changed and put back by its own revision (I-03).
func TestOneObjectIsPut(t *testing.T) {
	r := loaded(t)
	pool := r.call("GET", "/pools/web-eu", "").is(200)
	tag := pool.header.Get("ETag")
	r.send("PUT", "/regions/ap-southeast", `{"name":"ap-southeast","place":{"iata":"SIN"}}`, "If-None-Match", "*").is(201)
	if got := r.call("GET", "/regions/ap-southeast", ""); !strings.Contains(string(got.is(200).body), `"name": "ap-southeast"`) {
		t.Errorf("the region has no name: %s", got.body)
	}
	changed := strings.Replace(string(pool.body), `198.51.100.1`, `198.51.100.7`, 1)
	w := r.send("PUT", "/pools/web-eu", changed, "If-Match", tag).is(200) // though the configuration has another revision by now
	r.send("PUT", "/pools/web-eu", string(pool.body), "If-Match", tag).refused(412, "stale")
	if got := r.call("GET", "/pools/web-eu", "").is(200); got.header.Get("ETag") != w.header.Get("ETag") || string(got.body) != changed {
		t.Errorf("what was put is not what is read: %s", got.body)
	}
	r.send("PUT", "/pools/web-eu", changed, "If-None-Match", "*").refused(412, "stale")
	r.send("PUT", "/pools/web-eu", changed, "If-Match", "0").refused(412, "stale")
	r.send("PUT", "/pools/web-eu", changed, "If-None-Match", tag).refused(400, "bad-request")
	r.send("PUT", "/pools/web-eu", changed, "If-None-Match", "*", "If-Match", tag).refused(400, "bad-request")
}

func TestObjectsOfEveryKindArePutAndDeleted(t *testing.T) {
	r := loaded(t)
	for _, c := range []struct{ path, body string }{
		{"/regions/sa-east", `{"name":"sa-east","provider":"aws"}`},
		{"/providers/aws", `{"name":"aws","downWhen":"50%"}`},
		{"/monitors/port", `{"name":"port","tcp":{"port":25}}`},
		{"/pools/spare", `{"name":"spare","region":"us-east","endpoints":[{"name":"a","address":"192.0.2.77"}]}`},
		{"/templates/far", `{"name":"far","steer":{"pool":"web-eu"}}`},
		{"/services/API.example.com", `{"name":"api.example.com","steer":{"pool":"web-eu"}}`},
		{"/safety-rules/keep-one", `{"name":"keep-one","service":"www.example.com","atLeast":{"regions":1}}`},
		{"/places/192.0.2.0%2F24", `{"cidr":"192.0.2.0/24","country":"DE"}`},
		{"/places/as64500", `{"asn":64500,"place":{"iata":"SIN"}}`},
	} {
		r.send("PUT", c.path, c.body).is(201)
		got := r.call("GET", c.path, "").is(200)
		r.send("PUT", c.path, string(got.body), "If-Match", got.header.Get("ETag")).is(200)
		r.call("DELETE", c.path, "", "If-Match", `"1"`).refused(412, "stale")
		r.call("DELETE", c.path, "", "If-Match", got.header.Get("ETag")).is(200)
		r.call("GET", c.path, "").refused(404, "not-found")
		r.call("DELETE", c.path, "").refused(404, "not-found")
	}
}

func TestObjectsAreRefused(t *testing.T) {
	r := loaded(t)
	before := r.node.State().Config()
	for _, c := range []struct{ path, body, pointer, text string }{
		{"/pools/web-eu", `{"name":"web-eu","region":"mars","endpoints":[]}`, "/region", "mars"},
		{"/pools/web-eu", `{"region":"us-east","endpoints":[]}`, "/name", "an object keeps its name"},
		{"/pools/web-eu", `{"name":"web-us","endpoints":[]}`, "/name", "an object keeps its name"},
		{"/pools/web-eu", `{"name":"web-eu","endpoints":[{"name":"a","address":"192.0.2.9","records":{"TXT":["\"open"]}}]}`, "/endpoints/0/records/TXT/0", ""},
		{"/pools/web-eu", `{"name":"web-eu","endpoints":[{"name":"a","adress":"192.0.2.9"}]}`, "/endpoints/0/adress", "address"},
		{"/regions/us-east", `{"name":"us-east","place":{"iata":"IAD"},"azs":["b"]}`, "", "pool/web-us-east: "}, // another object is wrong by it
		{"/services/www.example.com", `{"name":"www.example.com","ttl":30,"steer":{"pool":"gone"}}`, "/steer/pool", "gone"},
		{"/places/192.0.2.0%2F24", `{"country":"DE"}`, "/name", "the body"},
	} {
		p := r.send("PUT", c.path, c.body).refused(422, "invalid")
		if len(p.Problems) == 0 || p.Problems[0].Pointer != c.pointer || !strings.Contains(p.Problems[0].Message, c.text) {
			t.Errorf("%s %s: %+v", c.path, c.body, p.Problems)
		}
		if c.pointer != "" && c.pointer != "/name" && p.Problems[0].Line != 1 {
			t.Errorf("%s %s: on line %d", c.path, c.body, p.Problems[0].Line)
		}
	}
	for path, by := range map[string]string{
		"/pools/web-eu": "service/www.example.com", "/regions/us-east": "pool/web-us-east", "/monitors/web": "pool/web-eu, pool/web-us-east",
	} {
		if p := r.call("DELETE", path, "").refused(409, "conflict"); !strings.Contains(p.Detail, by) {
			t.Errorf("%s: %s", path, p.Detail)
		}
	}
	if a, b := mustJSON(t, before), mustJSON(t, r.node.State().Config()); a != b {
		t.Errorf("what was refused has changed the configuration:\n%s\n%s", a, b)
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestObjectsAreParts(t *testing.T) {
	r := loaded(t)
	post := func(body string) answer { return r.call("POST", "/changes", body, "Content-Type", asJSON) }
	tag := strings.Trim(r.call("GET", "/pools/web-eu", "").header.Get("ETag"), `"`)
	post(`{"changes":[{"ifMatch":0,"putObject":{"region":{"name":"sa"}}},{"ifMatch":0,"putObject":{"pool":{"name":"sa","region":"sa","endpoints":[{"name":"a","address":"192.0.2.77"}]}}},
	  {"ifMatch":` + tag + `,"putObject":{"pool":{"name":"web-eu","region":"sa","monitor":"web","endpoints":[{"name":"a","address":"198.51.100.1"}]}}}]}`).is(200)
	post(`{"changes":[{"ifMatch":`+tag+`,"deleteObject":{"object":"pool/web-eu"}}]}`).refused(412, "stale")
	p := post(`{"changes":[{"deleteObject":{"object":"pool/sa"}},{"putObject":{"pool":{"name":"web-eu","region":"mars","endpoints":[]}}}]}`).refused(422, "invalid")
	if len(p.Problems) == 0 || p.Problems[0].Pointer != "/changes/1/putObject/pool/region" || p.Problems[0].Line == 0 {
		t.Errorf("%+v", p.Problems)
	}
	for body, pointer := range map[string]string{
		`{"changes":[{"putObject":{}}]}`: "/changes/0/putObject",
		`{"changes":[{"putObject":{"region":{"name":"a"},"pool":{"name":"b","endpoints":[]}}}]}`:                                                                    "/changes/0/putObject",
		`{"changes":[{"putObject":{"pool":{"name":"x","endpoints":[{"name":"a","address":"192.0.2.1","records":{"TXT":["\"open"]}}]}}}]}`:                           "/changes/0/putObject/pool/endpoints/0/records/TXT/0",
		`{"changes":[{"config":{"merge":true,"document":{"pools":[{"name":"x","endpoints":[{"name":"a","address":"192.0.2.1","records":{"TXT":["\"open"]}}]}]}}}]}`: "/changes/0/config/document/pools/0/endpoints/0/records/TXT/0",
	} {
		if p := post(body).refused(422, "invalid"); p.Problems[0].Pointer != pointer {
			t.Errorf("%s: %+v", body, p.Problems)
		}
	}
	post(`{"changes":[{"deleteObject":{"object":"region/sa"}}]}`).refused(409, "conflict")
}

// A credential that was written into a URL is refused before it gets into the log, where it would stay.
func TestACredentialInAURLIsNotLogged(t *testing.T) {
	r := loaded(t)
	before := r.node.Applied()
	const hook = `{"name":"ops","webhook":{"url":"https://user:CANARY@alerts.example.com/x"}}`
	for _, c := range []struct{ method, path, body, media, pointer string }{
		{"PUT", "/notifications/ops", hook, "application/json", "/webhook/url"},
		{"PUT", "/config?merge=true", `{"notifications":[` + hook + `]}`, "application/json", "/notifications/0/webhook/url"},
		{"PUT", "/config", `{"notifications":[` + hook + `]}`, "application/json", "/notifications/0/webhook/url"},
		{"POST", "/changes", `{"changes":[{"putObject":{"notification":` + hook + `}}]}`, "application/json", "/changes/0/putObject/notification/webhook/url"},
		{"POST", "/drafts", `{"title":"t","changes":[{"config":{"merge":true,"document":{"notifications":[` + hook + `]}}}]}`, "application/json", "/changes/0/config/document/notifications/0/webhook/url"},
	} {
		p := r.call(c.method, c.path, c.body, "Content-Type", c.media).refused(422, "invalid")
		if len(p.Problems) == 0 || p.Problems[0].Pointer != c.pointer {
			t.Errorf("%s %s: %+v, want %s", c.method, c.path, p.Problems, c.pointer)
		}
	}
	if n := r.node.Applied(); n != before {
		t.Errorf("%d changes went into the log", n-before)
	}
}
