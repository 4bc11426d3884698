package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/web/api"
)

const mediaYAML, mediaJSON = "application/yaml", "application/json"

func (r *rig) putConfig(doc string, headers ...string) answer {
	return r.call("PUT", "/config?merge=true", doc, append([]string{"Content-Type", mediaYAML}, headers...)...)
}

// served is all that a rollback brings back, as clients and operators see it.
func (r *rig) served() string {
	r.t.Helper()
	all := string(r.call("GET", "/config", "", "Accept", mediaYAML).is(200).body) + string(r.call("GET", "/zones/example.com", "", "Accept", "text/dns").is(200).body)
	for _, client := range []string{"91.10.0.1", "8.8.8.8", "1.0.64.1"} {
		for _, name := range []string{"www.example.com", "n7.example.com"} {
			e := into[api.Explanation](r.call("GET", "/explain?name="+name+"&type=A&client="+client, "").is(200))
			all += fmt.Sprintf("\n%s %s %+v %d %d", name, client, e.Distribution, e.Ttl, e.Scope)
		}
	}
	return all
}

func TestARollbackOver100ChangesBringsBackEveryOctet(t *testing.T) {
	r := loaded(t)
	r.putConfig("regions: [{name: before, place: {iata: LHR}}]").is(200)
	rev := r.node.State().Revision
	was := r.served()
	for i := range 100 {
		switch i % 5 {
		case 0:
			r.putConfig(fmt.Sprintf("regions: [{name: r%d, place: {iata: JFK}}]", i)).is(200)
		case 1:
			r.putConfig(fmt.Sprintf("services: [{name: www.example.com, ttl: %d, steer: {pool: web-eu}}]", 30+i)).is(200)
		case 2:
			r.call("PUT", fmt.Sprintf("/zones/example.com/rrsets/n%d.example.com/A", i), fmt.Sprintf(`{"ttl":60,"records":["192.0.2.%d"]}`, i), "Content-Type", mediaJSON).is(201)
		case 3:
			r.call("PUT", fmt.Sprintf("/zones/z%d.example", i), fmt.Sprintf("@ 60 SOA ns.z. h.z. 1 2 3 4 5\n@ 60 NS ns.z%d.example.\nns 60 A 192.0.2.1\n", i), "Content-Type", "text/dns").is(201)
		case 4:
			r.call("DELETE", fmt.Sprintf("/zones/z%d.example", i-1), "").is(200)
		}
	}
	if r.served() == was {
		t.Fatal("nothing has changed")
	}
	plan := into[api.ConfigResult](r.call("POST", fmt.Sprintf("/revisions/%d/rollback?dryRun=true&force=true", rev), "").is(200))
	if !plan.DryRun || len(plan.Changes) < 20 || len(plan.Effects) == 0 {
		t.Errorf("the plan: %+v", plan)
	}
	unforced := into[api.ConfigResult](r.call("POST", fmt.Sprintf("/revisions/%d/rollback?dryRun=true", rev), "").is(200)) // to look needs no force
	if len(unforced.Changes) != len(plan.Changes) || !strings.Contains(strings.Join(unforced.Warnings, "\n"), "it is refused as it is: this would delete") {
		t.Errorf("the plan without force: %+v", unforced)
	}
	r.call("POST", fmt.Sprintf("/revisions/%d/rollback", rev), "").refused(409, "unsafe")
	r.call("POST", fmt.Sprintf("/revisions/%d/rollback?force=true", rev), "", "If-Match", `"3"`).refused(412, "stale")
	done := into[api.ConfigResult](r.call("POST", fmt.Sprintf("/revisions/%d/rollback?force=true", rev), "", "X-Reason", "back to before").is(200))
	if got := r.served(); got != was {
		t.Errorf("after the rollback:\n%s\nwant\n%s", got, was)
	}
	if done.Revision != r.node.State().Revision || done.Revision < rev+100 {
		t.Errorf("it made revision %d", done.Revision)
	}
	page := into[api.RevisionPage](r.call("GET", "/revisions?limit=2", "").is(200))
	if v := page.Items[0]; v.Kind != "revision.rollback" || v.Reason != "back to before" || v.ActorName != "bootstrap" || page.Next != page.Items[1].Revision {
		t.Errorf("%+v", page)
	}
	if text := r.call("GET", fmt.Sprintf("/revisions/%d/config", rev), "", "Accept", mediaYAML).is(200).body; !strings.HasPrefix(was, string(text)) {
		t.Errorf("the document of revision %d:\n%s", rev, text)
	}
}

// A request that was read at T0 and comes after 40 changes of others changes nothing (I-03).
func TestADelayedWriteIsRefused(t *testing.T) {
	r := loaded(t)
	read := r.call("GET", "/config", "", "Accept", mediaYAML).is(200)
	for i := range 40 {
		r.putConfig(fmt.Sprintf("services: [{name: www.example.com, ttl: %d, steer: {pool: web-eu}}]", 30+i)).is(200)
	}
	was := r.served()
	r.call("PUT", "/config", string(read.body), "Content-Type", mediaYAML, "If-Match", read.header.Get("ETag")).refused(412, "stale")
	if r.served() != was {
		t.Error("the refused write changed something")
	}
}

func TestRevisionsSayWhatDiffers(t *testing.T) {
	r := loaded(t)
	first := r.node.State().Revision
	r.putConfig("services: [{name: www.example.com, ttl: 77, steer: {pool: web-eu}}]", "X-Reason", "slower").is(200)
	r.call("PUT", "/zones/example.com/rrsets/n7.example.com/A", `{"ttl":60,"records":["192.0.2.7","192.0.2.8"]}`, "Content-Type", mediaJSON).is(201)
	diff := into[api.RevisionDiff](r.call("GET", fmt.Sprintf("/revisions/%d", first+1), "").is(200))
	if diff.Revision.Reason != "slower" || len(diff.Changes) == 0 || diff.Changes[0].Object != "service/www.example.com" {
		t.Errorf("%+v", diff)
	}
	diff = into[api.RevisionDiff](r.call("GET", fmt.Sprintf("/revisions/%d", first+2), "").is(200))
	if want := (api.Edit{Op: "add", Object: "zone/example.com", Field: "n7.example.com A", New: "60 192.0.2.7 | 192.0.2.8"}); len(diff.Changes) != 1 || diff.Changes[0] != want {
		t.Errorf("%+v", diff)
	}
	both := into[api.RevisionDiff](r.call("GET", fmt.Sprintf("/revisions/%d?from=%d", first+2, first), "").is(200))
	if len(both.Changes) < 2 || both.From != first || both.To != first+2 {
		t.Errorf("%+v", both)
	}
	r.call("GET", "/revisions/9999", "").refused(404, "not-found")
	r.call("GET", "/revisions/x", "").refused(400, "bad-request")
	r.call("GET", "/revisions?limit=0x", "").refused(400, "bad-request")
	r.call("GET", "/revisions?limit=5000", "").refused(400, "bad-request")
}

func TestTheAuditTellsAndCanBeChecked(t *testing.T) {
	r := loaded(t)
	r.drain(`{"target":"region/us-east","action":"drain","reason":"maintenance"}`, "Idempotency-Key", "k1").is(201)
	r.call("DELETE", "/controls/c9999", "").refused(404, "not-found")
	r.call("PUT", "/secrets/key", `{"value":"CANARY"}`, "Content-Type", mediaJSON).is(201)
	list := func(query string) []api.AuditEntry {
		t.Helper()
		return into[api.AuditPage](r.call("GET", "/audit?"+query, "").is(200)).Items
	}
	e := list("request=k1")
	if len(e) != 1 || e[0].Kind != "control.put" || e[0].Object != "region/us-east" || e[0].Reason != "maintenance" || e[0].From != "127.0.0.1" || e[0].ActorName != "bootstrap" || e[0].Revision == 0 {
		t.Errorf("%+v", e)
	}
	if e := list("refused=true"); len(e) != 1 || e[0].Object != "control/c9999" || e[0].Refused == "" || e[0].Revision != 0 {
		t.Errorf("%+v", e)
	}
	for query, some := range map[string]bool{
		"object=control/": true, "object=pool/web-eu": true, "object=pool/none": false, "kind=secret.put": true, "actor=nobody": false, "since=2200-01-01T00:00:00Z": false,
		"until=2200-01-01T00:00:00Z": true, "before=1": false,
	} {
		if got := len(list(query)) > 0; got != some {
			t.Errorf("%s: some are found: %v", query, got)
		}
	}
	all := string(r.call("GET", "/audit", "", "Accept", "application/x-ndjson").is(200).body)
	if strings.Contains(all, "CANARY") {
		t.Error("a secret is in the audit")
	}
	prev, n := "", 0
	for text := range strings.Lines(all) {
		var line struct {
			Hash, Prev string
			Entry      json.RawMessage
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(prev + "\n" + string(line.Entry)))
		if n++; line.Prev != prev || line.Hash != hex.EncodeToString(sum[:]) {
			t.Fatalf("line %d: %s", n, text)
		}
		prev = line.Hash
	}
	page := into[api.AuditPage](r.call("GET", "/audit?limit=1", "").is(200))
	if page.Head.Hash != prev || int(page.Head.Seq) != n || page.Next == 0 {
		t.Errorf("%d entries with the head %s, and %+v", n, prev, page)
	}
	r.call("GET", "/audit?"+url.Values{"since": {"yesterday"}}.Encode(), "").refused(400, "bad-request")
	r.call("GET", "/audit?refused=maybe", "").refused(400, "bad-request")
}
