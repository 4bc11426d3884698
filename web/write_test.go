package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

func TestZoneGoesInAndComesOutTheSame(t *testing.T) {
	r := newRig(t)
	w := into[api.WriteResult](r.call("PUT", "/zones/example.com.", webtest.Zone, "Content-Type", "text/dns").is(201))
	if len(w.Nodes) != 3 || len(w.Unpublished) != 0 || w.Revision == 0 {
		t.Errorf("the write answered %+v", w)
	}
	first := r.call("GET", "/zones/example.com", "", "Accept", "text/dns").is(200)
	if ct := first.header.Get("Content-Type"); ct != "text/dns" {
		t.Errorf("Content-Type %q", ct)
	}
	if want := fmt.Sprintf(`"%d"`, w.Revision); first.header.Get("ETag") != want {
		t.Errorf("ETag %s, want %s", first.header.Get("ETag"), want)
	}
	again := into[api.WriteResult](r.call("PUT", "/zones/example.com", string(first.body), "Content-Type", "text/dns; charset=utf-8").is(200))
	if again.Revision != w.Revision {
		t.Errorf("the same zone made revision %d of %d", again.Revision, w.Revision)
	}
	asJSON := r.call("GET", "/zones/example.com", "").is(200)
	z := into[api.Zone](asJSON)
	if z.Records != 6 || len(z.Rrsets) != 5 || z.Rrsets[0].Name != "example.com." {
		t.Errorf("the zone in JSON is %+v", z)
	}
	back := into[api.WriteResult](r.call("PUT", "/zones/example.com", string(asJSON.body), "Content-Type", "application/json").is(200))
	if back.Revision != w.Revision {
		t.Errorf("the zone's own JSON changed it: revision %d of %d", back.Revision, w.Revision)
	}
	if list := into[api.ZoneList](r.call("GET", "/zones", "").is(200)); len(list.Items) != 1 || list.Items[0].Name != "example.com" {
		t.Errorf("the list is %+v", list)
	}
	r.call("DELETE", "/zones/example.com", "").is(200)
	r.call("GET", "/zones/example.com", "").refused(404, "not-found")
}

func TestZoneIsRefusedWholeWithLines(t *testing.T) {
	r := newRig(t)
	broken := strings.Replace(webtest.Zone, "192.0.2.2", "192.0.2.256", 1)
	p := r.call("PUT", "/zones/example.com", broken, "Content-Type", "text/dns").refused(422, "invalid")
	if len(p.Problems) != 1 || p.Problems[0].Line != 7 {
		t.Errorf("the problems are %+v", p.Problems)
	}
	p = r.call("PUT", "/zones/example.org", webtest.Zone, "Content-Type", "text/dns").refused(422, "invalid")
	r.call("GET", "/zones", "").is(200)
	if r.node.State().Zones.Len() != 0 {
		t.Error("something of a refused zone went in")
	}
	for body, want := range map[string]string{
		`{"rrsets":[{"name":"example.com.","type":"A","ttl":1,"records":["nonsense"]}]}`:                   "/rrsets/0/records/0",
		`{"rrsets":[{"name":"example.org.","type":"A","ttl":1,"records":["192.0.2.1"]}]}`:                  "/rrsets/0/name",
		`{"rrsets":[{"name":"example.com.","type":"A2","ttl":1,"records":["192.0.2.1"]}]}`:                 "/rrsets/0/type",
		`{"rrsets":[{"name":"example.com.","type":"A","ttl":1,"records":[]}]}`:                             "/rrsets/0/records",
		`{"rrsets":[{"name":"example.com.","type":"A","ttl":1,"records":["192.0.2.1\nwww A 192.0.2.2"]}]}`: "/rrsets/0/records/0",
		`{"rrset":[]}`:                            "/rrset",
		`{"name":"example.org","rrsets":[]}`:      "/name",
		`{"rrsets":[{"name":"example.com."},{}]}`: "/rrsets/0/type",
	} {
		p := r.call("PUT", "/zones/example.com", body, "Content-Type", "application/json").refused(422, "invalid")
		if len(p.Problems) == 0 || p.Problems[0].Pointer != want || p.Problems[0].Line != 1 {
			t.Errorf("%s: the problems are %+v, want the first at %s", body, p.Problems, want)
		}
	}
}

func TestConfigIsByteStable(t *testing.T) {
	r := loaded(t)
	for _, media := range []string{"application/json", "application/yaml"} {
		first := r.call("GET", "/config", "", "Accept", media).is(200)
		w := into[api.ConfigResult](r.call("PUT", "/config", string(first.body), "Content-Type", media).is(200))
		if want := first.header.Get("ETag"); fmt.Sprintf(`"%d"`, w.Revision) != want {
			t.Errorf("%s: putting back what was read made revision %d of %s", media, w.Revision, want)
		}
		if second := r.call("GET", "/config", "", "Accept", media); string(second.body) != string(first.body) {
			t.Errorf("%s: the bytes changed:\n%s\n%s", media, first.body, second.body)
		}
	}
}

func TestPlanChangesNothingAndSaysEverything(t *testing.T) {
	r := loaded(t)
	before := r.node.State()
	next := strings.Replace(webtest.Document, "ttl: 30", "ttl: 20", 1)
	plan := into[api.ConfigResult](r.call("PUT", "/config?dryRun=true", next, "Content-Type", "application/yaml").is(200))
	if !plan.DryRun || plan.Revision != before.ConfigRevision || len(plan.Changes) != 1 {
		t.Fatalf("the plan is %+v", plan)
	}
	if c := plan.Changes[0]; c.Op != "change" || c.Object != "service/www.example.com" || c.Field != "ttl" || c.Old != "30" || c.New != "20" {
		t.Errorf("the change is %+v", c)
	}
	if r.node.State() != before {
		t.Error("a dry run changed the state")
	}
	r.call("PUT", "/config?dryRun=true", next, "Content-Type", "application/yaml", "If-Match", `"1"`).refused(412, "stale")
	gone := strings.Replace(webtest.Document, "pool: web-eu}", "pool: web-oz}", 1)
	r.call("PUT", "/config?dryRun=true", gone, "Content-Type", "application/yaml").refused(422, "invalid")
	// A parameter that is not known is refused: as a misspelling of dryRun it would be a write.
	r.call("PUT", "/config?dryrun=true", next, "Content-Type", "application/yaml").refused(400, "bad-request")
	r.call("PUT", "/config?dryRun=perhaps", next, "Content-Type", "application/yaml").refused(400, "bad-request")
	r.call("PUT", "/config?dryRun=true&dryRun=false", next, "Content-Type", "application/yaml").refused(400, "bad-request")
	if r.node.State() != before {
		t.Error("a refused call changed the state")
	}
}

func TestWarningsAreAnswered(t *testing.T) {
	r := loaded(t)
	doc := strings.Replace(webtest.Document, "regions:\n", "regions:\n  - {name: us-west, place: {iata: SFO}}\n", 1)
	doc = strings.Replace(doc, "pools:\n", "pools:\n  - {name: west, region: us-west, monitor: web, endpoints: [{name: a, address: 192.0.2.21}]}\n", 1)
	doc = strings.Replace(doc, "nearest:\n", "nearest:\n        - {pool: west, bias: -99}\n", 1)
	for _, path := range []string{"/config?dryRun=true", "/config"} {
		w := into[api.ConfigResult](r.call("PUT", path, doc, "Content-Type", "application/yaml").is(200))
		if len(w.Warnings) == 0 || !strings.Contains(strings.Join(w.Warnings, "\n"), "City database") {
			t.Errorf("%s warned of %q", path, w.Warnings)
		}
	}
}

// An HTTPS record whose hints lead past steering is told of where it comes in, and with the configuration (D-48).
func TestHintsPastSteeringAreToldOf(t *testing.T) {
	r := loaded(t)
	const want = "the HTTPS record of www.example.com hints at 192.0.2.99 for www.example.com, which service www.example.com steers"
	w := into[api.WriteResult](r.call("PUT", "/zones/example.com", webtest.Zone+"www IN HTTPS 1 . ipv4hint=192.0.2.99\n", "Content-Type", "text/dns").is(200))
	if !strings.Contains(strings.Join(w.Warnings, "\n"), want) {
		t.Errorf("the import warned of %q", w.Warnings)
	}
	c := into[api.ConfigResult](r.call("PUT", "/config?dryRun=true", webtest.Document, "Content-Type", "application/yaml").is(200))
	if !strings.Contains(strings.Join(c.Warnings, "\n"), want) {
		t.Errorf("the plan warned of %q", c.Warnings)
	}
	// An endpoint's own record beside it clashes; without the zone's it comes out as it went in.
	doc := strings.Replace(webtest.Document, "{name: a, address: 198.51.100.1}", "{name: a, address: 198.51.100.1, records: {HTTPS: [1 . alpn=h2 ipv4hint=198.51.100.1]}}", 1)
	r.call("PUT", "/config", doc, "Content-Type", "application/yaml").refused(422, "invalid")
	r.call("PUT", "/zones/example.com", webtest.Zone, "Content-Type", "text/dns").is(200)
	r.call("PUT", "/config", doc, "Content-Type", "application/yaml").is(200)
	if got := string(r.call("GET", "/config", "", "Accept", "application/yaml").is(200).body); !strings.Contains(got, `records: {HTTPS: ["1 . alpn=h2 ipv4hint=198.51.100.1"]}`) {
		t.Errorf("the configuration is\n%s", got)
	}
}

// TestTTLsAndSizesAreWarnedOf is D-93 and A-12.
func TestTTLsAndSizesAreWarnedOf(t *testing.T) {
	r := loaded(t)
	var list []string
	for i := range 80 {
		list = append(list, fmt.Sprintf("203.0.113.%d", i))
	}
	many := "addresses: [" + strings.Join(list, ", ") + "]}"
	for what, c := range map[string]struct{ old, next, want string }{
		"usual":     {"ttl: 30", "ttl: 300", ""},
		"long":      {"ttl: 30", "ttl: 301", "service www.example.com: resolvers keep a failed endpoint for up to its TTL of 301 s"},
		"short":     {"ttl: 30", "ttl: 29", "service www.example.com: with a TTL of 29 s"},
		"unchecked": {"monitor: web\n", "minAvailable: 1\n", ""},
		"large":     {"address: 198.51.100.1}", many, "endpoint/web-eu/a has 80 A records, which make an answer of about 1324 octets for www.example.com; over 1232"},
	} {
		doc := strings.ReplaceAll(webtest.Document, c.old, c.next)
		if what == "unchecked" {
			doc = strings.Replace(doc, "ttl: 30", "ttl: 3600", 1)
		}
		w := into[api.ConfigResult](r.call("PUT", "/config?dryRun=true", doc, "Content-Type", "application/yaml").is(200))
		all := strings.Join(w.Warnings, "\n")
		if c.want == "" && (strings.Contains(all, "TTL") || strings.Contains(all, "octets")) || !strings.Contains(all, c.want) {
			t.Errorf("%s: warned of %q, want %q", what, w.Warnings, c.want)
		}
	}
}

func TestMistakesAreAtLinesOfTheDocumentThatWasSent(t *testing.T) {
	r := loaded(t)
	// In order of names, web-eu comes before web-us-east; here it is the other
	// way round, and a merged document is a part of the whole.
	doc := "pools:\n  - {name: web-zz, region: nowhere, endpoints: []}\n  - {name: web-aa, region: eu-central, monitor: web, endpoints: [{name: a, address: 192.0.2.9}]}\n"
	p := r.call("PUT", "/config?merge=true", doc, "Content-Type", "application/yaml").refused(422, "invalid")
	if len(p.Problems) == 0 || p.Problems[0].Pointer != "/pools/0/region" || p.Problems[0].Line != 2 {
		t.Errorf("the problems are %+v", p.Problems)
	}
	p = r.call("PUT", "/config?merge=true", "monitors:\n  - {name: x, tcp: {port: 1}}\n  - {name: x, tcp: {port: 2}}\n", "Content-Type", "application/yaml").refused(422, "invalid")
	if len(p.Problems) != 1 || p.Problems[0].Pointer != "/monitors/1" || p.Problems[0].Line != 3 {
		t.Errorf("the problems are %+v", p.Problems)
	}
	p = r.call("PUT", "/config", "regions: []\npools:\n  - {name: x, regiom: y}\n", "Content-Type", "application/yaml").refused(422, "invalid")
	if len(p.Problems) == 0 || p.Problems[0].Line != 3 || p.Problems[0].Column == 0 {
		t.Errorf("the problems are %+v", p.Problems)
	}
	// A zone that has to be there first: the state's mistake, at the service's line.
	p = r.call("PUT", "/config?merge=true", "services:\n  - {name: www.example.org, steer: {pool: web-eu}}\n", "Content-Type", "application/yaml").refused(422, "invalid")
	if len(p.Problems) != 1 || p.Problems[0].Pointer != "/services/0" || p.Problems[0].Line != 2 {
		t.Errorf("the problems are %+v", p.Problems)
	}
}

// TestMergeKeepsWhatItDoesNotName is how apply works.
func TestMergeKeepsWhatItDoesNotName(t *testing.T) {
	r := loaded(t)
	r.call("PUT", "/config?merge=true", "regions: [{name: ap-southeast, place: {iata: SIN}}]", "Content-Type", "application/yaml").is(200)
	if n := r.node.State().Regions.Len(); n != 3 {
		t.Errorf("%d regions after a merge, want 3", n)
	}
	if n := len(into[api.RegionList](r.call("GET", "/regions", "").is(200)).Items); n != 3 {
		t.Errorf("the list has %d", n)
	}
}

// TestIfMatchIsCheckedWhereTheChangeIsApplied is I-03: a delayed old write fails.
func TestIfMatchIsCheckedWhereTheChangeIsApplied(t *testing.T) {
	r := loaded(t)
	tag := r.call("GET", "/config", "").header.Get("ETag")
	mine := strings.Replace(webtest.Document, "ttl: 30", "ttl: 20", 1)
	theirs := strings.Replace(webtest.Document, "ttl: 30", "ttl: 25", 1)
	r.call("PUT", "/config", theirs, "Content-Type", "application/yaml", "If-Match", tag).is(200)
	r.call("PUT", "/config", mine, "Content-Type", "application/yaml", "If-Match", tag).refused(412, "stale")
	if got := r.call("GET", "/config", "", "Accept", "application/yaml"); !strings.Contains(string(got.body), "ttl: 25") {
		t.Errorf("the later write was lost:\n%s", got.body)
	}
	zone := strings.Replace(webtest.Zone, " 1 7200", " 2 7200", 1)
	r.call("PUT", "/zones/example.com", zone, "Content-Type", "text/dns", "If-Match", `"0"`).refused(412, "stale")
	r.call("DELETE", "/zones/example.com", "", "If-Match", `"0"`).refused(412, "stale")
	r.drain(drainUSEast, "If-Match", `"1"`).refused(412, "stale")
	r.drain(drainUSEast, "If-Match", "yesterday").refused(400, "bad-request")
	control := into[api.Control](r.drain(drainUSEast).is(201))
	r.call("DELETE", "/controls/"+control.Id, "", "If-Match", `"1"`).refused(412, "stale")
	r.call("PUT", "/secrets/s", `{"value":"x"}`, "Content-Type", "application/json", "If-Match", `"1"`).refused(412, "stale")
}

func TestARetryIsDoneOnce(t *testing.T) {
	r := loaded(t)
	first := into[api.ControlCreated](r.drain(drainUSEast, "Idempotency-Key", "one").is(201))
	before := r.node.Applied()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			again := into[api.ControlCreated](r.drain(drainUSEast, "Idempotency-Key", "one").is(201))
			if again.Id != first.Id || !again.Replayed {
				t.Errorf("the retry made %+v", again)
			}
		})
	}
	all.Wait()
	if r.node.Applied() != before {
		t.Errorf("%d retries were done", r.node.Applied()-before)
	}
	other := strings.Replace(drainUSEast, "us-east", "eu-central", 1)
	r.drain(other, "Idempotency-Key", "one").refused(422, "invalid")
	r.drain(other, "Idempotency-Key", "a key with spaces").refused(400, "bad-request")
	if r.node.State().Controls.Len() != 1 {
		t.Error("a refused call made a control")
	}
}

func TestControlIsFollowed(t *testing.T) {
	r := loaded(t)
	r.node.CutOff("ns3", true)
	made := r.drain(drainUSEast).is(201)
	c := into[api.ControlCreated](made)
	if made.header.Get("Location") != "/api/v1/controls/"+c.Id {
		t.Errorf("Location %q", made.header.Get("Location"))
	}
	if c.Actor != "testtoke" || c.Window.State != "incomplete" || len(c.Unpublished) != 1 || c.Unpublished[0] != "ns3" || !c.Window.PublishedAt.IsZero() {
		t.Errorf("the control is %+v", c)
	}
	if got := c.ExpiresAt.Sub(c.CreatedAt); got.Hours() != 2 {
		t.Errorf("it expires after %v", got)
	}
	r.node.CutOff("ns3", false)
	v := into[api.Control](r.call("GET", "/controls/"+c.Id, "").is(200))
	if v.Window.State != "drained" || v.Window.PublishedAt.IsZero() || len(v.Window.Nodes) != 3 {
		t.Errorf("the window is %+v", v.Window)
	}
	r.node.CutOff("ns2", true) // what it said once stands
	if list := into[api.ControlList](r.call("GET", "/controls", "").is(200)); len(list.Items) != 1 || list.Items[0].Window.State != "drained" {
		t.Errorf("the list is %+v", list)
	}
	r.call("DELETE", "/controls/"+c.Id, "").is(200)
	r.call("GET", "/controls/"+c.Id, "").refused(404, "not-found")
	r.call("DELETE", "/controls/"+c.Id, "").refused(404, "not-found")
	r.call("DELETE", "/controls", "").refused(405, "method-not-allowed") // I-05: nothing means all
	r.call("DELETE", "/controls/", "").refused(404, "not-found")
}

func TestADrainThatLeavesNothingIsRefused(t *testing.T) {
	r := loaded(t)
	r.drain(drainUSEast).is(201)
	before := r.node.State().Revision
	p := r.drain(strings.Replace(drainUSEast, "us-east", "eu-central", 1)).refused(409, "unsafe")
	if len(p.Problems) != 1 || !strings.Contains(p.Problems[0].Message, "www.example.com") || r.node.State().Revision != before {
		t.Errorf("the problem is %+v, the revision %d of %d", p, r.node.State().Revision, before)
	}
	r.drain(`{"target":"region/us-east","action":"drain","reason":" "}`).refused(422, "invalid")
	r.drain(`{"target":"region/mars","action":"drain","reason":"x"}`).refused(404, "not-found")
	r.drain(`{"target":"mars","action":"drain","reason":"x"}`).refused(422, "invalid")
	r.drain(`{"target":"region/us-east","action":"explode","reason":"x"}`).refused(422, "invalid")
}

// TestSecretsDoNotComeOut looks for a planted value wherever an answer, the state or the log could have it (S-19).
func TestSecretsDoNotComeOut(t *testing.T) {
	r := loaded(t)
	const canary = "Bearer canary-0f2a9c"
	body, _ := json.Marshal(map[string]string{"value": canary})
	r.call("PUT", "/secrets/probe", string(body), "Content-Type", "application/json").is(201)
	r.call("PUT", "/secrets/probe", string(body), "Content-Type", "application/json").is(200)
	r.call("PUT", "/secrets/probe", `{"value":""}`, "Content-Type", "application/json").refused(422, "invalid")
	r.call("PUT", "/secrets/pro%2Fbe", string(body), "Content-Type", "application/json").refused(422, "invalid")
	list := r.call("GET", "/secrets", "").is(200)
	if l := into[api.SecretList](list); len(l.Items) != 1 || l.Items[0].Name != "probe" {
		t.Errorf("the list is %+v", l)
	}
	sealed, _ := r.node.State().Secrets.Get("probe")
	for where, text := range map[string]string{"the list": string(list.body), "the state": string(sealed.Sealed), "the log": r.logs.String()} {
		if strings.Contains(text, "canary") {
			t.Errorf("%s has the secret", where)
		}
	}
	using := "monitors: [{name: web, http: {port: 8080, authorization: {secret: probe}}}]"
	r.call("PUT", "/config?merge=true", using, "Content-Type", "application/yaml").is(200)
	r.call("DELETE", "/secrets/probe", "").refused(409, "conflict")
	r.call("PUT", "/config?merge=true", "monitors: [{name: web, http: {port: 8080}}]", "Content-Type", "application/yaml").is(200)
	r.call("DELETE", "/secrets/probe", "").is(200)
}

// TestGuardedDeletes is I-04.
func TestGuardedDeletes(t *testing.T) {
	r := newRig(t)
	var many strings.Builder
	many.WriteString("regions:\n")
	for i := range 12 {
		fmt.Fprintf(&many, "  - {name: r%d}\n", i)
	}
	r.call("PUT", "/config", many.String(), "Content-Type", "application/yaml").is(200)
	r.call("PUT", "/config", "{}", "Content-Type", "application/yaml").refused(409, "unsafe")
	r.call("PUT", "/config", "", "Content-Type", "application/yaml").refused(422, "invalid")
	r.call("PUT", "/config?force=true", "{}", "Content-Type", "application/yaml").is(200)
	if n := r.node.State().Regions.Len(); n != 0 {
		t.Errorf("%d regions are left", n)
	}
	d := loaded(t)
	d.call("DELETE", "/zones/example.com", "").refused(409, "conflict")
}

func TestEveryKindOfRefusalHasItsStatus(t *testing.T) {
	r := loaded(t)
	for kind, status := range map[policy.Kind]int{
		policy.NotFound: 404, policy.Invalid: 422, policy.Conflict: 409, policy.Stale: 412, policy.Unsafe: 409,
		policy.NotLeader: 503, policy.Unavailable: 503, policy.Unsupported: 501,
	} {
		r.node.Outage(policy.Errorf(kind, "because"))
		a := r.drain(drainUSEast, "Idempotency-Key", "k-"+string(kind))
		p := a.refused(status, string(kind))
		if p.Detail != "because" {
			t.Errorf("%s: detail %q", kind, p.Detail)
		}
		if status == 503 && (a.header.Get("Retry-After") == "" || p.Request != "k-"+string(kind)) {
			t.Errorf("%s: Retry-After %q, request %q", kind, a.header.Get("Retry-After"), p.Request)
		}
	}
	r.node.Outage(fmt.Errorf("disk 0x2f is on fire"))
	if p := r.drain(drainUSEast).refused(500, "internal"); strings.Contains(p.Detail, "fire") {
		t.Errorf("an internal error was told: %+v", p)
	}
	if !strings.Contains(r.logs.String(), "on fire") {
		t.Error("an internal error is not in the log")
	}
}
