package web_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

const asJSON = "application/json"

func (r *rig) send(method, path, body string, headers ...string) answer {
	r.t.Helper()
	return r.call(method, path, body, append([]string{"Content-Type", asJSON}, headers...)...)
}

func TestRRsetGoesInAndComesOutTheSame(t *testing.T) {
	r := loaded(t)
	const mail = "/zones/example.com/rrsets/mail.example.com/MX"
	tag := r.call("GET", mail, "").is(200).header.Get("ETag")
	w := into[api.WriteResult](r.send("PUT", mail, `{"ttl":60,"records":["20 b.example.net.","10 A.example.net.","10 a.example.net."]}`, "If-Match", tag).is(200))
	got := r.call("GET", mail, "").is(200)
	if got.header.Get("ETag") != fmt.Sprintf(`"%d"`, w.Revision) || got.header.Get("ETag") == tag {
		t.Errorf("ETag %s of revision %d, before %s", got.header.Get("ETag"), w.Revision, tag)
	}
	rr := into[api.RRset](got)
	if rr.Name != "mail.example.com." || rr.Type != "MX" || rr.Ttl != 60 || strings.Join(rr.Records, "|") != "10 A.example.net.|20 b.example.net." {
		t.Errorf("the RRset is %+v", rr)
	}
	r.send("PUT", mail, `{"ttl":1,"records":["10 a."]}`, "If-Match", tag).refused(412, "stale")
	back := into[api.WriteResult](r.send("PUT", mail, string(got.body)).is(200))
	if again := r.call("GET", mail, "").is(200); string(again.body) != string(got.body) || back.Revision != w.Revision {
		t.Errorf("putting back what was read changed it: revision %d of %d\n%s", back.Revision, w.Revision, again.body)
	}
	// The same RRset under every spelling of its path.
	for _, path := range []string{"MAIL.example.com./mx", "mail.example.com/TYPE15", "mail.example.com./MX"} {
		if same := r.call("GET", "/zones/example.com./rrsets/"+path, "").is(200); string(same.body) != string(got.body) {
			t.Errorf("%s is %s", path, same.body)
		}
	}
	r.call("GET", "/zones/example.com/rrsets/@/SOA", "").is(200)
	slash := "/zones/example.com/rrsets/" + url.PathEscape("0/25.example.com") + "/TXT"
	r.send("PUT", slash, `{"ttl":60,"records":["\"x\""]}`).is(201)
	r.call("GET", slash, "").is(200)
	first := into[api.WriteResult](r.call("DELETE", slash, "", "Idempotency-Key", "k").is(200))
	if again := into[api.WriteResult](r.call("DELETE", slash, "", "Idempotency-Key", "k").is(200)); !again.Replayed || again.Index != first.Index {
		t.Errorf("the retry gave %+v", again)
	}
	r.call("GET", slash, "").refused(404, "not-found")
	r.call("DELETE", slash, "").refused(404, "not-found")
	r.call("GET", "/zones/example.org/rrsets/example.org/A", "").refused(404, "not-found")
	r.send("PUT", "/zones/example.org/rrsets/example.org/A", `{"ttl":1,"records":["192.0.2.1"]}`).refused(404, "not-found")
}

func TestRRsetIsRefusedWithPointers(t *testing.T) {
	r := loaded(t)
	before := r.node.State().Revision
	for _, c := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"x.example.com/A", `{"ttl":60,"records":["nonsense","192.0.2.1","::1"]}`, 422, "/records/0 /records/2"},
		{"x.example.com/A", `{"records":[]}`, 422, "/ttl /records"},
		{"x.example.com/A", `{"ttl":2147483648,"records":["192.0.2.1"]}`, 422, "/ttl"},
		{"x.example.com/A", `{"ttl":1,"records":["192.0.2.1"],"name":"y.example.com","type":"AAAA"}`, 422, "/name /type"},
		{"x.example.com/A", `{"ttl":1,"record":["192.0.2.1"]}`, 422, "/record"},
		{"x.example.com/CNAME", `{"ttl":1,"records":["relative"]}`, 422, "/records/0"},
		{"x.example.com/ANY", `{"ttl":1,"records":["x"]}`, 400, ""},
		{"@/CNAME", `{"ttl":1,"records":["x."]}`, 409, ""},
		{"mail.example.com/CNAME", `{"ttl":1,"records":["x."]}`, 409, ""},
		{"www.example.com/A", `{"ttl":1,"records":["192.0.2.1"]}`, 409, ""},
	} {
		p := into[api.Problem](r.send("PUT", "/zones/example.com/rrsets/"+c.path, c.body).is(c.status))
		var at []string
		for _, m := range p.Problems {
			at = append(at, m.Pointer)
		}
		if strings.Join(at, " ") != c.want {
			t.Errorf("%s %s: %+v, want %s", c.path, c.body, p.Problems, c.want)
		}
	}
	r.send("PUT", "/zones/example.com/rrsets/www/A", `{"ttl":1,"records":["192.0.2.1"]}`).refused(400, "bad-request")
	r.send("PUT", "/zones/example.com/rrsets/@/NONSENSE", `{"ttl":1,"records":["192.0.2.1"]}`).refused(400, "bad-request")
	r.send("PUT", "/zones/example.com/rrsets/@/TXT", `{"ttl":1,"records":["`+strings.Repeat("x", 1<<20)+`"]}`).refused(413, "too-large")
	r.call("DELETE", "/zones/example.com/rrsets/@/SOA", "").refused(409, "conflict")
	r.call("DELETE", "/zones/example.com/rrsets/@/NS", "").refused(409, "conflict")
	if r.node.State().Revision != before {
		t.Error("a refused call changed something")
	}
	w := into[api.WriteResult](r.send("PUT", "/zones/example.com/rrsets/@/NS", `{"ttl":1,"records":["alias.example.com."]}`).is(200))
	if len(w.Warnings) != 2 {
		t.Errorf("a single name server without an address is answered with %q", w.Warnings)
	}
}

func TestRRsetsAreBrowsedInPages(t *testing.T) {
	r := newRig(t)
	var zone strings.Builder
	zone.WriteString(webtest.Zone)
	for i := range 2500 {
		fmt.Fprintf(&zone, "h%d A 192.0.2.1\nh%d TXT x\n", i, i)
	}
	r.call("PUT", "/zones/example.com", zone.String(), "Content-Type", "text/dns").is(201)
	whole := into[api.Zone](r.call("GET", "/zones/example.com", "").is(200))
	browse := func(query string) (list []string, pages int) {
		next := ""
		for pages = 1; ; pages++ {
			page := into[api.RRsetPage](r.call("GET", "/zones/example.com/rrsets?"+query+"&after="+url.QueryEscape(next), "").is(200))
			for _, rr := range page.Items {
				list = append(list, rr.Name+" "+rr.Type)
			}
			if next = page.Next; next == "" {
				return list, pages
			}
		}
	}
	var want []string
	for _, rr := range whole.Rrsets {
		want = append(want, rr.Name+" "+rr.Type)
	}
	for query, n := range map[string]int{"limit=1000": 6, "": 51, "limit=333": 16} {
		if list, pages := browse(query); strings.Join(list, "|") != strings.Join(want, "|") || pages != n {
			t.Errorf("%s: %d RRsets of %d on %d pages", query, len(list), len(want), pages)
		}
	}
	if list, pages := browse("type=mx&limit=1"); strings.Join(list, "|") != "mail.example.com. MX" || pages != 1 {
		t.Errorf("the MX are %q on %d pages", list, pages)
	}
	if list, _ := browse("name=@&limit=1"); strings.Join(list, "|") != "example.com. NS|example.com. SOA" {
		t.Errorf("the apex has %q", list)
	}
	if list, _ := browse("name=h7.example.com&type=TXT"); strings.Join(list, "|") != "h7.example.com. TXT" {
		t.Errorf("h7 has %q", list)
	}
	for _, query := range []string{"limit=0", "limit=1001", "name=example.org", "type=NONSENSE", "after=x", "after=x.example.com./NONSENSE", "offset=3"} {
		r.call("GET", "/zones/example.com/rrsets?"+query, "").refused(400, "bad-request")
	}
	r.call("GET", "/zones/example.org/rrsets", "").refused(404, "not-found")
}

func TestChangesAreOneOrNone(t *testing.T) {
	r := loaded(t)
	before := r.node.State()
	tag := r.call("GET", "/zones", "").is(200).header.Get("ETag")
	body := `{"reason":"moving mail","changes":[
 {"putZone":{"zone":"example.net","text":"$TTL 60\n@ SOA a. b. 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"}},
 {"putZone":{"zone":"example.org","rrsets":[{"name":"example.org.","type":"SOA","ttl":60,"records":["a. b. 1 2 3 4 5"]},{"name":"example.org.","type":"NS","ttl":60,"records":["ns.example.net."]}]}},
 {"ifMatch":2,"editZone":{"zone":"example.com","prerequisites":[{"require":"rrsetEquals","name":"mail.example.com","type":"MX","records":["10 mx1.example.net."]},{"require":"nameNotInUse","name":"new.example.com"}],
  "updates":[{"op":"replace","name":"mail.example.com","type":"MX","ttl":60,"records":["10 new.example.com."]},{"op":"add","name":"new.example.com","type":"A","ttl":0,"records":["192.0.2.7"]}]}},
 {"config":{"document":{"regions":[{"name":"sa-east"}]},"merge":true}},
 {"putControl":{"target":"region/us-east","action":"drain","expiresIn":"1h"}}]}`
	zone, _ := before.Zones.Get("com\x00example\x00")
	body = strings.Replace(body, `"ifMatch":2`, fmt.Sprintf(`"ifMatch":%d`, zone.Rev), 1)
	r.send("POST", "/changes", body, "If-Match", `"1"`).refused(412, "stale")
	w := into[api.ChangesResult](r.send("POST", "/changes", body, "If-Match", tag, "Idempotency-Key", "one").is(200))
	state := r.node.State()
	if w.Revision != before.Revision+1 || state.Revision != w.Revision || w.Index != before.Index+2 || len(w.Made) != 1 || state.Zones.Len() != 3 || state.Regions.Len() != 3 {
		t.Errorf("the answer is %+v; the state has %d zones", w, state.Zones.Len())
	}
	if c, _ := state.Controls.Get(w.Made[0]); c.Reason != "moving mail" {
		t.Errorf("the control is %+v", c)
	}
	if again := into[api.ChangesResult](r.send("POST", "/changes", body, "If-Match", tag, "Idempotency-Key", "one").is(200)); !again.Replayed || again.Made[0] != w.Made[0] {
		t.Errorf("the retry gave %+v", again)
	}
	if len(w.Warnings) == 0 {
		t.Error("a zone with one name server is not warned of")
	}
}

func TestChangesAreRefusedWithPointers(t *testing.T) {
	r := loaded(t)
	before := r.node.State().Revision
	edit := func(rest string) string { return `{"editZone":{"zone":"example.com",` + rest + `}}` }
	for _, c := range []struct {
		changes string
		status  int
		want    string
	}{
		{``, 422, "/changes"},
		{`{}`, 422, "/changes/0"},
		{`{"deleteZone":{"zone":"x"},"deleteControl":{"id":"c1"}}`, 422, "/changes/0"},
		{`{"putSecret":{}}`, 422, "/changes/0/putSecret"},
		{edit(`"updates":[{"op":"add","name":"x.example.com","type":"A","records":["192.0.2.1"]},{"op":"add","name":"example.org","type":"AAAA","ttl":1,"records":["192.0.2.1"]}]`), 422,
			"/changes/0/editZone/updates/0/ttl /changes/0/editZone/updates/1/name /changes/0/editZone/updates/1/records/0"},
		{edit(`"updates":[{"op":"deleteName","name":"x.example.com","type":"A","ttl":3},{"op":"deleteRecords","name":"@","records":["x"]}]`), 422, "/changes/0/editZone/updates/0/ttl /changes/0/editZone/updates/1/type"},
		{edit(`"updates":[{"op":"deleteName","name":"x.example.com","type":"A"},{"op":"increment","name":"@"}]`) + `,` + edit(`"prerequisites":[{"require":"perhaps","name":"@"}]`), 422,
			"/changes/0/editZone/updates/0/type /changes/0/editZone/updates/1/op /changes/1/editZone/prerequisites/0/require"},
		{`{"putZone":{"zone":"example.net","text":"nonsense\n"}}`, 422, "/changes/0/putZone/text"},
		{`{"putZone":{"zone":"example.net"}}`, 422, "/changes/0/putZone"},
		{`{"putZone":{"zone":"example.net","rrsets":[{"name":"example.net.","type":"A","ttl":1,"records":["x"]}]}}`, 422, "/changes/0/putZone/rrsets/0/records/0"},
		// What only the state can tell: the first change that is refused, all of its mistakes.
		{`{"deleteControl":{"id":"c1"}}`, 404, "/changes/0/deleteControl"},
		{edit(`"updates":[{"op":"deleteRRset","name":"mail.example.com","type":"MX"}]`) + `,` + edit(`"prerequisites":[{"require":"rrsetExists","name":"mail.example.com","type":"MX"},{"require":"nameInUse","name":"none.example.com"}]`), 409,
			"/changes/1/editZone/prerequisites/0 /changes/1/editZone/prerequisites/1"},
		{edit(`"updates":[{"op":"add","name":"x.example.com","type":"A","ttl":1,"records":["192.0.2.1"]},{"op":"deleteRRset","name":"@","type":"NS"}]`), 409, "/changes/0/editZone/updates/1"},
		{`{"config":{"merge":true,"document":{"services":[{"name":"www.example.org","steer":{"pool":"web-eu"}}]}}}`, 422, "/changes/0/config/document/services/0"},
		{`{"putControl":{"target":"region/us-east","action":"drain"}}`, 422, "/changes/0/putControl"},
		{`{"ifMatch":1,"deleteZone":{"zone":"example.com"}}`, 412, "/changes/0/deleteZone"},
	} {
		p := into[api.Problem](r.send("POST", "/changes", `{"changes":[`+c.changes+`]}`).is(c.status))
		var at []string
		for _, m := range p.Problems {
			at = append(at, m.Pointer)
			if m.Line != 1 {
				t.Errorf("%s: no line: %+v", c.changes, m)
			}
		}
		if strings.Join(at, " ") != c.want {
			t.Errorf("%s: %+v, want %s", c.changes, p.Problems, c.want)
		}
	}
	if r.node.State().Revision != before {
		t.Error("a refused call changed something")
	}
}
