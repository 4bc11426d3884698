package node

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/probes"
)

// seeing is a node, m1, of a state, with a prober that never runs.
func seeing(t *testing.T, s *policy.State) *Node {
	t.Helper()
	p, err := probes.New(probes.Config{Kinds: map[string]probes.Kind{"tcp": func(context.Context, probes.Target) policy.Sample {
		return policy.Sample{OK: true, Took: 7}
	}}})
	if err != nil {
		t.Fatal(err)
	}
	n := &Node{hearing: newHearing(), events: newEvents("ns1"), prober: p, publisher: newPublisher("ns1", nil, nil, quiet())}
	n.publisher.state = s
	id := "m1"
	n.serverID.Store(&id)
	return n
}

func TestHealthAsksNobody(t *testing.T) {
	s := judged(stateWith(3), map[string]policy.Status{"web/a@tcp": up, "web/b@tcp": down})
	n := seeing(t, s)
	n.hearing.take(saying(s, "m2", 1, up, down, unknown))
	list := n.Health(func(*policy.EndpointHealth) bool { return true })
	var got []string
	for _, h := range list {
		for _, c := range h.Checks {
			got = append(got, fmt.Sprint(h.Endpoint, " ", c.Monitor, " ", c.Verdict.Status, " ", c.Circuit, " ", len(c.Reports), " ", c.Reports[0].Vantage, " ", c.Reports[0].Error))
		}
	}
	want := "endpoint/web/a tcp up closed 1 ns2 connection refused|endpoint/web/b tcp down open 1 ns2 connection refused|endpoint/web/c tcp unknown  1 ns2 connection refused"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestProbeIsRefused(t *testing.T) {
	s := stateWith(2)
	loose := policy.Pool{Name: "loose", Endpoints: []policy.Endpoint{{Name: "a"}}}
	s.Pools.Set("loose", policy.Object[policy.Pool]{Spec: loose})
	n := seeing(t, s)
	for name, c := range map[string]struct {
		endpoint, vantage, monitor string
		kind                       policy.Kind
		says                       string
	}{
		"no such pool":        {"x/a", "", "", policy.NotFound, "meridian get health lists"},
		"no such endpoint":    {"endpoint/web/x", "", "", policy.NotFound, "web/x"},
		"not monitored":       {"loose/a", "", "", policy.Conflict, "no monitor checks endpoint/loose/a"},
		"another monitor":     {"web/a", "", "http", policy.Invalid, "it is checked by tcp"},
		"no such vantage":     {"web/a", "ns9", "", policy.Invalid, "there are ns1, ns2"},
		"asked twice at once": {"web/b", "ns1", "", policy.TooMany, "less than 1s ago"},
	} {
		if c.kind == policy.TooMany {
			r, err := n.Probe(t.Context(), c.endpoint, c.vantage, c.monitor)
			if err != nil || !r.Evidence.OK || r.Vantage != "ns1" || r.Check != "web/b@tcp" {
				t.Errorf("the first: %+v, %v", r, err)
			}
		}
		if _, err := n.Probe(t.Context(), c.endpoint, c.vantage, c.monitor); policy.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Another node names a check at a revision; it cannot name a target.
func TestAskedProbe(t *testing.T) {
	s := stateWith(2)
	n := seeing(t, s)
	c := s.Checks()[0]
	ask := func(r probeRequest) ([]byte, error) {
		body, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		return askedProbe(t.Context(), n.prober, n.checks.of(n.State()).get, body)
	}
	if _, err := ask(probeRequest{c.ID, c.Key + 1}); policy.KindOf(err) != policy.Conflict {
		t.Errorf("at another revision: %v", err)
	}
	if _, err := ask(probeRequest{"web/x@tcp", c.Key}); policy.KindOf(err) != policy.Conflict {
		t.Errorf("of no check: %v", err)
	}
	answer, err := ask(probeRequest{c.ID, c.Key})
	var r policy.ProbeResult
	if err != nil || json.Unmarshal(answer, &r) != nil || r.Check != c.ID || !r.Evidence.OK {
		t.Errorf("%s, %v", answer, err)
	}
}

// A node remembers the last edges of each verdict, with ballots, and forgets checks that are gone.
func TestEdgesAreRemembered(t *testing.T) {
	e := newEvents("ns1")
	s := stateWith(1)
	for i := range 20 {
		next := at(s, s.Index+1)
		next.Verdicts.Set("web/a@tcp", policy.Verdict{
			Check: "web/a@tcp", Status: []policy.Status{down, up}[i%2], Ramp: 100, Since: int64(i), Ballots: []policy.Ballot{{Vantage: "ns1"}},
		})
		e.tellChanges(s, next)
		s = next
	}
	list := e.edgesOf("web/a@tcp")
	if len(list) != edgesKept || list[0].Status != up || list[0].Was != down || list[0].Circuit != "closed" || list[0].Index != s.Index || len(list[7].Ballots) != 1 || list[7].Since != 12 {
		t.Errorf("%+v", list)
	}
	next := at(s, s.Index+1)
	next.Verdicts.Delete("web/a@tcp")
	e.tellChanges(s, next)
	if len(e.edges) != 0 {
		t.Errorf("a check that is gone is remembered: %v", e.edges)
	}
}
