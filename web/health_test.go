package web_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// crowded is a rig with a pool of five endpoints of two regions more, of which one is down and one drained.
func crowded(t *testing.T) *rig {
	r := loaded(t)
	var endpoints []string
	for i := range 5 {
		endpoints = append(endpoints, fmt.Sprintf(`{"name":"e%d","address":"192.0.2.%d","region":"%s"}`, i, 100+i, []string{"us-east", "eu-central"}[i/3]))
	}
	r.call("PUT", "/pools/many", `{"name":"many","region":"us-east","monitor":"web","endpoints":[`+strings.Join(endpoints, ",")+`]}`, "Content-Type", "application/json").is(201)
	for i := range 4 {
		r.node.Verdict(fmt.Sprintf("many/e%d@web", i), []policy.Status{policy.Up, policy.Down, policy.Up, policy.Up}[i])
	}
	r.call("POST", "/controls", `{"target":"endpoint/many/e3","action":"drain","reason":"r"}`, "Content-Type", "application/json").is(201)
	return r
}

func healthAt(r *rig, query string) (ids string, list api.HealthList) {
	r.t.Helper()
	list = into[api.HealthList](r.call("GET", "/health"+query, "").is(200))
	var names []string
	for _, h := range list.Items {
		names = append(names, strings.TrimPrefix(h.Endpoint, "endpoint/"))
		if len(h.Checks) == 0 || len(h.Checks[0].Reports) == 0 {
			r.t.Errorf("%s has no evidence", h.Endpoint)
		}
	}
	return strings.Join(names, " "), list
}

func TestHealthIsFiltered(t *testing.T) {
	r := crowded(t)
	for query, want := range map[string]string{
		"?pool=many":                      "many/e0 many/e1 many/e2 many/e3 many/e4",
		"?pool=many&state=down":           "many/e1",
		"?pool=many&state=drained,down":   "many/e1 many/e3",
		"?pool=many&region=eu-central":    "many/e3 many/e4",
		"?pool=many,web-eu&q=E1":          "many/e1",
		"?q=many%20unknown":               "many/e4",
		"?pool=many&monitor=web&region=x": "",
		"?pool=many&monitor=x":            "",
	} {
		if got, _ := healthAt(r, query); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	if _, list := healthAt(r, "?pool=many&state=down&limit=1"); list.Counts != (api.HealthCounts{Up: 2, Down: 1, Drained: 1, Unknown: 1}) || list.Next != "" {
		t.Errorf("of all states there are %+v, next %q", list.Counts, list.Next)
	}
}

func TestHealthComesPageByPage(t *testing.T) {
	r := crowded(t)
	whole, _ := healthAt(r, "")
	for limit := 1; limit <= 9; limit++ {
		var got []string
		for after, pages := "", 0; ; pages++ {
			ids, list := healthAt(r, fmt.Sprintf("?limit=%d&after=%s", limit, after))
			got = append(got, ids)
			if n := len(list.Items); n > limit || n == 0 {
				t.Fatalf("%d endpoints on a page of %d", n, limit)
			}
			if after = list.Next; after == "" {
				break
			}
		}
		if strings.Join(got, " ") != whole {
			t.Errorf("pages of %d: %v, want %s", limit, got, whole)
		}
	}
	if ids, list := healthAt(r, "?pool=many&limit=2&after=endpoint/many/e2"); ids != "many/e3 many/e4" || list.Next != "" || list.Counts.Up != 2 {
		t.Errorf("the last page has %s, next %q, %+v", ids, list.Next, list.Counts)
	}
}

func TestHealthIsAskedForWrongly(t *testing.T) {
	r := crowded(t)
	r.quiet = true
	for query, says := range map[string]string{
		"?state=sick": `"sick"`, "?limit=0": "1 to 1000", "?limit=1001": "1 to 1000", "?after=many": "endpoint/web-us-east/a", "?limit=x": "limit",
	} {
		if p := r.call("GET", "/health"+query, "").refused(400, "bad-request"); !strings.Contains(p.Detail, says) {
			t.Errorf("%s: %s", query, p.Detail)
		}
	}
	r.call("GET", "/health?after=endpoint/many/gone", "").refused(404, "not-found")
}

func TestHealthOfPools(t *testing.T) {
	r := crowded(t)
	var many []api.PoolHealth
	for _, p := range into[api.PoolHealthList](r.call("GET", "/pool-health", "").is(200)).Items {
		if p.Pool == "many" {
			many = append(many, p)
		}
	}
	if len(many) != 2 || many[0].Region != "us-east" || many[0].Counts != (api.HealthCounts{Up: 2, Down: 1}) ||
		many[1].Region != "eu-central" || many[1].Counts != (api.HealthCounts{Drained: 1, Unknown: 1}) || many[1].Unchecked != 0 {
		t.Errorf("%+v", many)
	}
	r.call("PUT", "/pools/bare", `{"name":"bare","endpoints":[{"name":"a","address":"192.0.2.200"}]}`, "Content-Type", "application/json").is(201)
	if p := into[api.PoolHealthList](r.call("GET", "/pool-health", "").is(200)).Items[0]; p.Pool != "bare" || p.Unchecked != 1 || p.Region != "" {
		t.Errorf("what nothing checks: %+v", p)
	}
}

func TestCertificates(t *testing.T) {
	r := loaded(t)
	all := into[api.CertificateList](r.call("GET", "/certificates", "").is(200))
	if len(all.Items) < 3 || all.More != 0 || !slices.IsSortedFunc(all.Items, func(a, b api.SeenCertificate) int { return a.Expires.Compare(b.Expires) }) {
		t.Fatalf("not what ends soonest first: %+v", all)
	}
	two := into[api.CertificateList](r.call("GET", "/certificates?limit=2", "").is(200))
	if !slices.Equal(two.Items, all.Items[:2]) || two.More != len(all.Items)-2 {
		t.Errorf("the first two are %+v", two)
	}
	r.call("GET", "/certificates?limit=0", "").is(400)
}
