package main

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/web"
	"github.com/meridian-gtm/meridian/web/api"
)

func TestDrainWaits(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	node := loadedNode(t)
	s := httptest.NewServer(web.New(web.Config{Node: node, Log: slog.New(slog.DiscardHandler)}))
	defer s.Close()
	before := stayIncomplete
	defer func() { stayIncomplete = before }()
	stayIncomplete = func(api.Window) time.Duration { return 0 }

	out, code := cli(t, s.URL, "drain region/us-east --reason x --wait", "")
	if code != 0 || !strings.HasSuffix(out, "drained: no resolver that abides by TTLs hands it out any more\n") {
		t.Errorf("%d: %s", code, out)
	}
	cli(t, s.URL, "undrain region/us-east", "")
	node.CutOff("ns3", true)
	out, code = cli(t, s.URL, "drain region/us-east --reason x --wait", "")
	if code != 1 || !strings.Contains(out, "incomplete: ns3 cannot be asked\n") || !strings.Contains(out, "Error: whether ns3 answer without it is not known") {
		t.Errorf("%d: %s", code, out)
	}
	if out, code = cli(t, s.URL, "drain region/us-east --reason x --wait --in 1h", ""); code != 1 || !strings.Contains(out, "--wait goes with a drain that begins at once") {
		t.Errorf("%d: %s", code, out)
	}
}

func TestWindowTexts(t *testing.T) {
	node := func(name string, reachable, published bool) api.NodeWindow {
		n := api.NodeWindow{Node: name, Reachable: reachable}
		if published {
			n.PublishedAt, n.JournalledAt = time.Unix(1, 0), time.Unix(1, 0)
		}
		return n
	}
	for _, c := range []struct {
		w    api.Window
		live bool
		want string
	}{
		{api.Window{State: "publishing", Nodes: []api.NodeWindow{node("ns1", true, true), node("ns2", true, false)}}, false, "publishing: ns2 still to follow"},
		{api.Window{State: "incomplete", Nodes: []api.NodeWindow{node("ns1", false, true), node("ns2", false, false)}}, false, "incomplete: ns2 cannot be asked"},
		{api.Window{State: "draining", ClosesAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), MaxTTL: 30}, false, "draining: closes at 2026-01-02 03:04:05Z (largest TTL 30 s)"},
		{api.Window{State: "draining", ClosesAt: time.Unix(1, 0), MaxTTL: 30}, true, "draining: closes in 0s (largest TTL 30 s)"},
		{api.Window{State: "draining", StillServed: []string{"endpoint/web/a"}}, true, "draining: still answered, endpoint/web/a; nothing else is left, or another control says so"},
	} {
		if got := windowText(c.w, c.live); got != c.want {
			t.Errorf("%q, not %q", got, c.want)
		}
	}
}
