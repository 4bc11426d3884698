package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
	"github.com/meridian-gtm/meridian/web/webtest"
)

func TestWindowOfADrain(t *testing.T) {
	r := loaded(t)
	published := webtest.Start.Add(time.Duration(r.node.State().Index+1)*time.Second + 10*time.Millisecond)
	r.node.At(published.Add(time.Second))
	c := into[api.ControlCreated](r.drain(drainUSEast).is(201))
	w := c.Window
	if w.State != api.WindowStateDraining || !w.PublishedAt.Equal(published) || w.MaxTTL != 30 || !w.ClosesAt.Equal(published.Add(31*time.Second)) ||
		!w.DecidedAt.Equal(c.CreatedAt) || w.CommittedAt.IsZero() || w.CommittedAt.After(published) || w.LastAnswerAt.After(published) || w.LastAnswerAt.IsZero() {
		t.Errorf("the window is %+v", w)
	}
	for _, n := range w.Nodes {
		if n.MaxTTL != 30 || !n.ClosesAt.Equal(w.ClosesAt) || n.LastAnswerAt.IsZero() {
			t.Errorf("of node %s it is %+v", n.Node, n)
		}
	}
	list := into[api.DepartureList](r.call("GET", "/windows", "").is(200))
	if len(list.Items) == 0 || list.Items[0].Cause != "drain" || list.Items[0].By != "control/"+c.Id || len(list.Items[0].Nodes) != 3 || len(list.Missing) != 0 {
		t.Errorf("the windows are %+v", list)
	}
	r.node.At(published.Add(31*time.Second - time.Millisecond))
	if w := into[api.Control](r.call("GET", "/controls/"+c.Id, "").is(200)).Window; w.State != api.WindowStateDraining {
		t.Errorf("a moment before it closes it is %s", w.State)
	}
	r.node.At(published.Add(31 * time.Second))
	if w := into[api.ControlList](r.call("GET", "/controls", "").is(200)).Items[0].Window; w.State != api.WindowStateDrained {
		t.Errorf("when it closes it is %s", w.State)
	}
}

func TestJoinWindow(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	node := func(name string, reachable bool, published, closes time.Duration, served ...string) policy.NodeWindow {
		n := policy.NodeWindow{Publication: policy.Publication{Node: name, ID: name, Reachable: reachable}, StillServed: served, MaxTTL: 30}
		if published != 0 {
			n.PublishedAt, n.JournalledAt = now.Add(published), now.Add(published)
		}
		if closes != 0 {
			n.ClosesAt = now.Add(closes)
		}
		return n
	}
	for _, c := range []struct {
		what  string
		nodes []policy.NodeWindow
		state policy.WindowState
		ends  time.Duration
	}{
		{"nobody", nil, policy.WindowPublishing, 0},
		{"one is to follow", []policy.NodeWindow{node("a", true, -1, 5), node("b", true, 0, 0)}, policy.WindowPublishing, 0},
		{"one is to follow and one is lost", []policy.NodeWindow{node("a", false, 0, 0), node("b", true, 0, 0)}, policy.WindowPublishing, 0},
		{"one is lost", []policy.NodeWindow{node("a", true, -1, -5), node("b", false, 0, 0)}, policy.WindowIncomplete, 0},
		{"one is lost that had published", []policy.NodeWindow{node("a", true, -1, 5), node("b", false, -1, 7)}, policy.WindowDraining, 7},
		{"all are through", []policy.NodeWindow{node("a", true, -9, -5), node("b", true, -9, -7)}, policy.WindowDrained, -5},
		{"one still answers", []policy.NodeWindow{node("a", true, -9, -5), node("b", true, -9, 0, "endpoint/web/a")}, policy.WindowDraining, 0},
	} {
		w := policy.JoinWindow(policy.WindowQuery{}, c.nodes, now)
		want := time.Time{}
		if c.ends != 0 {
			want = now.Add(c.ends)
		}
		if w.State != c.state || !w.ClosesAt.Equal(want) {
			t.Errorf("%s: %s, closes %v", c.what, w.State, w.ClosesAt)
		}
	}
}

// Records that go on naming what is drained are named, as many as a person reads.
func TestADrainWarnsOfStaticRecords(t *testing.T) {
	r := loaded(t)
	target := "region/us-east"
	var address netip.Addr
	for _, o := range r.node.State().Pools.All {
		for i := range o.Spec.Endpoints {
			if e := &o.Spec.Endpoints[i]; e.RegionOr(&o.Spec) == "us-east" && len(e.Addrs()) > 0 {
				address = e.Addrs()[0]
			}
		}
	}
	warned := func() string {
		c := into[api.ControlCreated](r.drain(`{"target":"` + target + `","action":"drain","reason":"x"}`).is(201))
		r.call("DELETE", "/controls/"+c.Id, "").is(200)
		return strings.Join(c.Warnings, "\n")
	}
	if text := warned(); strings.Contains(text, "records of the zones") {
		t.Errorf("it warns of nothing: %s", text)
	}
	r.call("PUT", "/zones/example.com/rrsets/direct.example.com/A", fmt.Sprintf(`{"ttl":300,"records":[%q]}`, address), "Content-Type", "application/json").is(201)
	if text := warned(); !strings.Contains(text, "a record of the zones names an address of region/us-east") || !strings.Contains(text, "direct.example.com A") {
		t.Errorf("it warns: %q", text)
	}
	r.call("PUT", "/zones/example.com/rrsets/hint.example.com/HTTPS", fmt.Sprintf(`{"ttl":300,"records":["1 . ipv4hint=192.0.2.250,%s"]}`, address), "Content-Type", "application/json").is(201)
	for i := range 30 {
		r.call("PUT", fmt.Sprintf("/zones/example.com/rrsets/n%d.example.com/A", i), fmt.Sprintf(`{"ttl":300,"records":["192.0.2.251",%q]}`, address), "Content-Type", "application/json").is(201)
	}
	text := warned()
	if !strings.Contains(text, "32 records of the zones") || !strings.Contains(text, "hint.example.com HTTPS") || !strings.HasSuffix(text, "and 12 more") {
		t.Errorf("it warns: %q", text)
	}
}

func TestResidual(t *testing.T) {
	r := loaded(t)
	c := into[api.ControlCreated](r.drain(drainUSEast).is(201))
	closes := c.Window.ClosesAt
	var id, address string
	for _, o := range r.node.State().Pools.All {
		for i := range o.Spec.Endpoints {
			if e := &o.Spec.Endpoints[i]; e.RegionOr(&o.Spec) == "us-east" && len(e.Addrs()) > 0 {
				id, address = policy.EndpointID(o.Spec.Name, e.Name), e.Addrs()[0].String()
			}
		}
	}
	now := closes.Add(10 * time.Second).UTC()
	for i, body := range []string{
		fmt.Sprintf(`{"observations":[{"client":"91.10.3.77","endpoint":%q,"count":3,"source":"nginx","at":%q}]}`, address, now.Format(time.RFC3339)),
		fmt.Sprintf(`{"observations":[{"client":"2003:a:b:cdef::1","endpoint":%q,"at":%q}]}`, id, now.Format(time.RFC3339)),
		`{"observations":[{"client":"91.10.3.77","endpoint":"192.0.2.254"}]}`,
		fmt.Sprintf(`{"observations":[{"client":"91.10.3.77","endpoint":%q}]}`, address), // before it closed
	} {
		if got := into[api.ObservationsTaken](r.call("PUT", "/observations", body, "Content-Type", "application/json").is(202)); got.Observations != 1 {
			t.Errorf("%d: %d were taken in", i, got.Observations)
		}
	}
	list := into[api.ResidualList](r.call("GET", "/residual?control="+c.Id, "").is(200))
	if !list.Since.Equal(closes) || list.Total != 2 || len(list.Items) != 2 || list.Items[0].Client != "91.10.3.0/24" || list.Items[1].Client != "2003:a:b:cd00::/56" || list.Items[0].Count != 3 {
		t.Errorf("%+v", list)
	}
	if list := into[api.ResidualList](r.call("GET", "/residual?target=region/us-east&since="+now.Add(time.Hour).Format(time.RFC3339), "").is(200)); list.Total != 0 {
		t.Errorf("%+v", list)
	}
	for query, want := range map[string]int{
		"": 400, "?control=c1&target=region/us-east": 400, "?control=c99999": 404, "?target=region/us-east": 400, "?target=x&since=2026-01-02T03:04:05Z": 400,
		"?target=service/nope.example.com&since=2026-01-02T03:04:05Z": 404,
	} {
		r.call("GET", "/residual"+query, "").is(want)
	}
}

func TestObservationsAreChecked(t *testing.T) {
	r := loaded(t)
	for _, c := range []struct{ body, pointer string }{
		{`{"observations":[]}`, "/observations"},
		{`{"observations":[{"client":"nobody","endpoint":"192.0.2.1"}]}`, "/observations/0/client"},
		{`{"observations":[{"client":"192.0.2.1"}]}`, "/observations/0"},
		{`{"observations":[{"client":"192.0.2.1","endpoint":"192.0.2.1","count":0}]}`, "/observations/0/count"},
		{`{"observations":[{"client":"192.0.2.1","endpoint":"192.0.2.1","at":"2020-01-02T03:04:05Z"}]}`, "/observations/0/at"},
		{`{"observations":[{"client":"192.0.2.1","endpoint":"192.0.2.1","source":"` + strings.Repeat("x", 65) + `"}]}`, "/observations/0/source"},
	} {
		a := r.call("PUT", "/observations", c.body, "Content-Type", "application/json")
		if a.status < 400 || a.status > 499 || !strings.Contains(string(a.body), c.pointer) {
			t.Errorf("%s: %d %s", c.body, a.status, a.body)
		}
	}
	lines := "{\"client\":\"192.0.2.1\",\"endpoint\":\"192.0.2.1\"}\n\n{\"client\":\"192.0.2.0/23\",\"service\":\"www.example.com\"}\n"
	a := r.call("PUT", "/observations", lines, "Content-Type", "application/x-ndjson")
	if a.status != http.StatusAccepted || !strings.Contains(string(a.body), `"observations": 2`) && !strings.Contains(string(a.body), `"observations":2`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestClientPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77/32": "192.0.2.0/24", "192.0.2.0/23": "192.0.2.0/23", "2001:db8:1:2ff::1/128": "2001:db8:1:200::/56", "2001:db8::/32": "2001:db8::/32", "::ffff:192.0.2.77/128": "192.0.2.0/24",
	} {
		if got := policy.ClientPrefix(netip.MustParsePrefix(in)).String(); got != want {
			t.Errorf("%s is kept as %s, not %s", in, got, want)
		}
	}
}
