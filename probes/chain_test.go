package probes

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// From a real server that breaks and heals to the verdict, over real sockets.
func TestFromServerToVerdict(t *testing.T) {
	broken := new(atomic.Bool)
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	c := target(t, at, policy.Monitor{
		HTTP: &policy.HTTPCheck{}, Interval: policy.Duration(20 * time.Millisecond), Timeout: policy.Duration(10 * time.Second), Fall: 3, Rise: 2,
	}).Check
	c.Revision = 1

	p, err := New(Config{Vantage: "v1", Guard: loopback})
	if err != nil {
		t.Fatal(err)
	}
	p.SetChecks([]policy.Check{c})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()

	s := policy.NewState()
	rule := health.Rule{Assigned: []health.Assigned{{ID: "v1", Label: "ns1"}}, Reachable: true}
	clock := int64(time.Hour)
	verdict := func() policy.Edge {
		t.Helper()
		select {
		case <-p.Changed():
		case <-ctx.Done():
			t.Fatal("no opinion changed for a minute")
		}
		clock++
		edges := health.Step(s, []policy.Check{c}, []health.Heard{{Vantage: "v1", Opinions: p.Report().Opinions}}, rule, clock)
		if len(edges) != 1 {
			t.Fatalf("%d edges: %+v", len(edges), edges)
		}
		s.Verdicts.Set(c.ID, edges[0].Verdict)
		return edges[0]
	}
	if e := verdict(); e.Was != policy.Unknown || e.Status != policy.Up {
		t.Errorf("first: %+v", e)
	}
	broken.Store(true)
	if e := verdict(); e.Was != policy.Up || e.Status != policy.Down || e.Ballots[0].Error != "status 503" {
		t.Errorf("broken: %+v", e)
	}
	broken.Store(false)
	if e := verdict(); e.Was != policy.Down || e.Status != policy.Up {
		t.Errorf("healed: %+v", e)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func BenchmarkHTTPProbe(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	host, _, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	to := Target{Guard: loopback, Check: policy.Check{
		Host: host, Port: s.Listener.Addr().(*net.TCPAddr).Port,
		Monitor: policy.Monitor{HTTP: &policy.HTTPCheck{}, Interval: policy.Duration(20 * time.Second)}.WithDefaults(),
	}}
	probe := Kinds()["http"]
	b.ReportAllocs()
	for b.Loop() {
		if s := probe(b.Context(), to); !s.OK {
			b.Fatal(s.Error)
		}
	}
}

func BenchmarkTCPProbe(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	to := Target{Guard: loopback, Check: policy.Check{
		Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port,
		Monitor: policy.Monitor{TCP: &policy.TCPCheck{}, Interval: policy.Duration(20 * time.Second)}.WithDefaults(),
	}}
	probe := Kinds()["tcp"]
	b.ReportAllocs()
	for b.Loop() {
		if s := probe(b.Context(), to); !s.OK {
			b.Fatal(s.Error)
		}
	}
}
