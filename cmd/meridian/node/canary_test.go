package node

import (
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// trying is a state in which ns1 tries a draft of a region for a minute.
func trying(t *testing.T, hold bool, abort ...string) (s *policy.State, draft string) {
	t.Helper()
	s = policy.NewState()
	s.Feature, s.Cluster.ID = policy.FeatureLevel, "c"
	s.Members.Set("1", policy.Member{ID: "1", Node: "ns1", Feature: policy.FeatureLevel})
	s.Members.Set("2", policy.Member{ID: "2", Node: "ns2", Feature: policy.FeatureLevel})
	s.Tokens.Set("anna", policy.Token{ID: "anna", Role: policy.RoleEditor})
	body, err := change.EncodeBody(change.Batch{Parts: []change.Part{{Body: change.PutObject{Config: policy.Config{Regions: []policy.Region{{Name: "sa"}}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	do := func(b change.Body) policy.Outcome {
		t.Helper()
		next, out, err := change.Apply(s, s.Index+1, change.Change{Actor: "anna", Body: b})
		if err != nil || out.Refused != nil {
			t.Fatalf("%s: %v, %v", change.KindOf(b), err, out.Refused)
		}
		s = next
		return out
	}
	do(change.PutSignal{Name: "slo", Status: policy.Up, MaxAge: policy.Duration(30 * time.Second)})
	draft = do(change.PutDraft{Title: "a region", Body: body}).Made
	do(change.StartCanary{ID: draft, Nodes: []string{"ns1"}, For: policy.Duration(time.Minute), Hold: hold, AbortWhen: abort})
	return s, draft
}

func TestDutiesEndCanaries(t *testing.T) {
	for name, c := range map[string]struct {
		hold      bool
		abort     []string
		spoil     func(*policy.State)
		at        time.Duration // when it has ended
		published bool
		state     string
	}{
		"passed": {at: time.Minute, published: true, state: policy.CanaryPassed},
		"held":   {hold: true, at: time.Minute, state: policy.CanaryPassed},
		"stale":  {abort: []string{"signal:slo"}, at: 30 * time.Second, state: policy.CanaryAborted}, // which nobody gives again
		"no place": {spoil: func(s *policy.State) {
			s.ReviewRules.Set("r", policy.Object[policy.ReviewRule]{Spec: policy.ReviewRule{Name: "r", Kinds: []string{"region"}}})
		}, at: time.Minute, state: policy.CanaryAborted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, id := trying(t, c.hold, c.abort...)
				if c.spoil != nil {
					s = s.Clone()
					c.spoil(s)
				}
				l := lead(t, s)
				l.refusals = true
				defer l.start(t)()
				look := func() policy.Draft { v, _ := l.now().Drafts.Get(id); return v }
				time.Sleep(c.at - 2*time.Second)
				if v := look(); !v.Running("ns1") {
					t.Fatalf("ended too early: %+v", v.Canary)
				}
				time.Sleep(4 * time.Second)
				v := look()
				if v.Canary.State != c.state || (v.Closed == policy.DraftPublished) != c.published || l.now().Regions.Has("sa") != c.published {
					t.Fatalf("%+v with the canary %+v", v, v.Canary)
				}
				if c.state == policy.CanaryAborted && v.Canary.Problem == "" {
					t.Fatal("it does not say why")
				}
			})
		})
	}
}

// A verdict reaches the answers of a node that tries a draft, though the draft is not made anew for it.
func TestVerdictReachesCanary(t *testing.T) {
	s, id := trying(t, false)
	s = s.Clone()
	v, _ := s.Drafts.Get(id)
	v.Canary.EndsAt = time.Now().Add(time.Hour).UnixNano()
	s.Drafts.Set(id, v)
	s.Pools.Set("p", policy.Object[policy.Pool]{Spec: policy.Pool{Name: "p", Monitor: "web", Endpoints: []policy.Endpoint{{Name: "a", Region: "sa", Address: netip.MustParseAddr("192.0.2.1")}}}})
	s.Monitors.Set("web", policy.Object[policy.Monitor]{Spec: policy.Monitor{Name: "web", TCP: &policy.TCPCheck{Port: 80}}})
	cfg := dnsserver.Config{Listen: []string{"127.0.0.1:0"}}
	sockets, err := dnsserver.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server, err := dnsserver.New(cfg, sockets, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- server.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	p := newPublisher("ns1", server, newEvents("ns1"), slog.New(slog.DiscardHandler))
	served := func() *policy.State {
		p.publish(p.snapshot(), s, snapshot.Local{})
		return p.snapshot().State
	}
	first := served()
	if !first.Regions.Has("sa") {
		t.Fatal("the draft is not in use")
	}
	s, _, err = change.Apply(s, s.Index+1, change.Change{Body: change.RecordVerdicts{Edges: []policy.Edge{{Verdict: policy.Verdict{Check: "p/a@web", Status: policy.Down}}}}})
	if err != nil {
		t.Fatal(err)
	}
	second := served()
	if v, _ := second.Verdicts.Get("p/a@web"); v.Status != policy.Down || second.Regions != first.Regions {
		t.Fatalf("the verdict is %+v, and the draft was made anew: %v", v, second.Regions != first.Regions)
	}
	s, _, err = change.Apply(s, s.Index+1, change.Change{Body: change.EndCanary{ID: id}})
	if err != nil {
		t.Fatal(err)
	}
	if served().Regions.Has("sa") {
		t.Fatal("the draft is in use after its end")
	}
}
