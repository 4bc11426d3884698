package notify

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

func TestMain(m *testing.M) {
	gather, retryFirst, retryMost, resendEvery = 20*time.Millisecond, 10*time.Millisecond, 20*time.Millisecond, 200*time.Millisecond
	os.Exit(m.Run())
}

// peer is a receiver that keeps what it gets, and answers as it is told.
type peer struct {
	*httptest.Server
	mu     sync.Mutex
	bodies []string
	heads  []http.Header
	paths  []string
	answer []int // of the next requests; 202 afterwards
}

func newPeer(t *testing.T, answer ...int) *peer {
	p := &peer{answer: answer}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.bodies, p.heads, p.paths = append(p.bodies, string(b)), append(p.heads, r.Header.Clone()), append(p.paths, r.URL.Path)
		code := http.StatusAccepted
		if len(p.answer) > 0 {
			code, p.answer = p.answer[0], p.answer[1:]
		}
		w.WriteHeader(code)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *peer) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.bodies...)
}

// world is a cluster in memory whose states one notifier, or two, see.
type world struct {
	t         *testing.T
	mu        sync.Mutex
	state     *policy.State
	moved     chan struct{}
	notifiers []*Notifier
	secrets   map[string]string
}

func newWorld(t *testing.T, endpoints int, receivers ...policy.Receiver) *world {
	w := &world{t: t, state: policy.NewState(), moved: make(chan struct{}), secrets: map[string]string{}}
	hash := sha256.Sum256([]byte("t"))
	w.do(change.InitCluster{Cluster: policy.Cluster{ID: "test"}, Member: policy.Member{ID: "1", Node: "ns1", Cluster: "192.0.2.1:7300", Feature: policy.FeatureLevel, Voter: true}, Token: policy.Token{ID: "t", Hash: hash[:], Role: "admin"}})
	w.do(change.RaiseFeature{Level: policy.FeatureLevel})
	for _, name := range []string{"key", "url", "hook"} {
		w.do(change.PutSecret{Secret: policy.Secret{Name: name, Sealed: []byte{1}}})
	}
	c := policy.Config{Regions: []policy.Region{{Name: "us"}, {Name: "eu"}}, Monitors: []policy.Monitor{{Name: "web", TCP: &policy.TCPCheck{Port: 80}}}}
	for i := 0; i < endpoints; i++ {
		pool, region := fmt.Sprintf("us%d", i/200), "us"
		if i%200 == 0 {
			c.Pools = append(c.Pools, policy.Pool{Name: pool, Region: region, Monitor: "web"})
		}
		p := &c.Pools[len(c.Pools)-1]
		p.Endpoints = append(p.Endpoints, policy.Endpoint{Name: fmt.Sprintf("e%d", i), Address: netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)})})
	}
	c.Pools = append(c.Pools, policy.Pool{Name: "eu", Region: "eu", Monitor: "web", Endpoints: []policy.Endpoint{{Name: "a", Address: netip.MustParseAddr("203.0.113.1")}}})
	c.Notifications = receivers
	w.do(change.PutConfig{Config: c})
	return w
}

func (w *world) State() *policy.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.state
}

func (w *world) changed() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.moved
}

func (w *world) do(b change.Body) {
	w.t.Helper()
	w.mu.Lock()
	old := w.state
	next, out, err := change.Apply(old, old.Index+1, change.Change{Actor: "t", Reason: "why", Clock: int64(old.Index+1) * int64(time.Second), Body: b})
	if err != nil || out.Refused != nil && out.Refused.Kind != policy.Unsafe {
		w.mu.Unlock()
		w.t.Fatal(err, out.Refused)
	}
	w.state = next
	close(w.moved)
	w.moved = make(chan struct{})
	list := w.notifiers
	w.mu.Unlock()
	for _, n := range list {
		n.Saw(old, next)
	}
}

// verdicts puts endpoints up or down.
func (w *world) verdicts(status policy.Status, checks ...string) {
	var edges []policy.Edge
	for _, c := range checks {
		edges = append(edges, policy.Edge{Verdict: policy.Verdict{Check: c, Status: status, Since: w.State().Clock + 1, Ramp: 100,
			Ballots: []policy.Ballot{{Vantage: "ns1", Status: status, Error: "connection refused"}}}})
	}
	w.do(change.RecordVerdicts{Edges: edges})
}

func (w *world) notifier() *Notifier {
	n := New(Config{Node: "ns1", State: w.State, Log: slog.New(slog.DiscardHandler), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Secret: func(name string) (string, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if v, ok := w.secrets[name]; ok {
				return v, nil
			}
			return "", errors.New("no such secret")
		},
		Check: func(netip.AddrPort) error { return nil },
		Note: func(_ context.Context, upto map[string]uint64) error {
			w.do(change.PutNotified{Upto: upto})
			return nil
		}})
	w.mu.Lock()
	w.notifiers = append(w.notifiers, n)
	w.mu.Unlock()
	w.do(change.ExpireControls{}) // from here on it sees
	return n
}

// lead makes a notifier deliver, until the function is called.
func (w *world) lead(n *Notifier) (stop func()) {
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { n.Lead(ctx, w.changed); close(done) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	w.t.Cleanup(stop)
	eventually(w.t, "it delivers", func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return len(n.told) == w.State().Receivers.Len()
	})
	return stop
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it did not come to pass: " + what)
		}
	}
}

func joined(p *peer) string { return strings.Join(p.got(), "\n") }

func TestAWebhookIsSignedAndRetried(t *testing.T) {
	p := newPeer(t, 503, 429)
	w := newWorld(t, 2, policy.Receiver{Name: "ops", Webhook: &policy.WebhookReceiver{URL: p.URL + "/x", Secret: &policy.SecretRef{Secret: "hook"}}, Route: &policy.Route{Events: []string{"pool"}}})
	w.secrets["hook"] = "s3cret"
	n := w.notifier()
	w.verdicts(policy.Up, "us0/e0@web", "us0/e1@web", "eu/a@web")
	w.lead(n)
	w.verdicts(policy.Down, "eu/a@web")
	eventually(t, "three attempts", func() bool {
		return len(p.got()) >= 3 && len(n.Standing().Deliveries) == 1 && n.Standing().Deliveries[0].Status == policy.Delivered
	})
	var body webhookBody
	if err := json.Unmarshal([]byte(p.got()[2]), &body); err != nil {
		t.Fatal(err)
	}
	if len(body.Notices) != 1 || body.Notices[0].Key != "pool/eu" || body.Notices[0].What != "down" || body.Notices[0].Severity != policy.Critical || body.Cluster != "test" {
		t.Errorf("%+v", body)
	}
	if a, b := p.got()[0], p.got()[2]; a != b {
		t.Errorf("a retry is another message:\n%s\n%s", a, b)
	}
	var at int64
	sig := p.heads[2].Get("X-Meridian-Signature")
	if _, err := fmt.Sscanf(sig, "t=%d,", &at); err != nil || sig != Sign("s3cret", time.Unix(at, 0), []byte(p.got()[2])) || sig == Sign("other", time.Unix(at, 0), []byte(p.got()[2])) {
		t.Errorf("the signature is %q", sig)
	}
	d := n.Standing().Deliveries[0]
	if d.Attempts != 3 || d.Code != 202 || d.ID != body.ID || p.heads[2].Get("X-Meridian-Id") != body.ID {
		t.Errorf("%+v", d)
	}
}

// A mass failure is one message (and not one for each endpoint).
func TestAMassFailureIsOneMessage(t *testing.T) {
	hook, duty := newPeer(t), newPeer(t)
	w := newWorld(t, 2000, policy.Receiver{Name: "hook", Webhook: &policy.WebhookReceiver{URL: hook.URL}},
		policy.Receiver{Name: "duty", PagerDuty: &policy.PagerDutyReceiver{RoutingKey: policy.SecretRef{Secret: "key"}, URL: duty.URL}})
	w.secrets["key"] = "k3y"
	n := w.notifier()
	w.lead(n)
	var all []string
	for i := range 2000 {
		all = append(all, fmt.Sprintf("us%d/e%d@web", i/200, i))
	}
	w.verdicts(policy.Down, all...)
	eventually(t, "both are told", func() bool {
		return strings.Contains(joined(hook), "endpoint/us") && strings.Contains(joined(duty), "/many")
	})
	var body webhookBody
	if err := json.Unmarshal([]byte(hook.got()[len(hook.got())-1]), &body); err != nil || len(body.Notices) != mostListed || body.More != 2011-mostListed {
		t.Errorf("%v: %d notices and %d more", err, len(body.Notices), body.More)
	}
	if k := body.Notices[0].Key; k != "region/us" { // what matters most
		t.Errorf("the first is %s", k)
	}
	if got := len(duty.got()); got != mostSingles+1 {
		t.Errorf("%d incidents", got)
	}
	w.verdicts(policy.Up, all...)
	eventually(t, "all incidents end", func() bool { return strings.Count(joined(duty), `"resolve"`) == mostSingles+1 })
}

func TestPagerDutyTriggersAndResolves(t *testing.T) {
	p := newPeer(t)
	w := newWorld(t, 2, policy.Receiver{Name: "duty", PagerDuty: &policy.PagerDutyReceiver{RoutingKey: policy.SecretRef{Secret: "key"}, URL: p.URL}, Route: &policy.Route{Events: []string{"region"}}})
	w.secrets["key"] = "k3y"
	n := w.notifier()
	w.lead(n)
	w.verdicts(policy.Down, "eu/a@web")
	eventually(t, "a trigger", func() bool { return len(p.got()) == 1 })
	w.verdicts(policy.Up, "eu/a@web")
	eventually(t, "a resolve", func() bool { return len(p.got()) == 2 })
	for i, want := range []string{"trigger", "resolve"} {
		var e struct {
			RoutingKey  string `json:"routing_key"`
			EventAction string `json:"event_action"`
			DedupKey    string `json:"dedup_key"`
			Payload     struct{ Summary, Source, Severity string }
		}
		if err := json.Unmarshal([]byte(p.got()[i]), &e); err != nil || e.EventAction != want || e.DedupKey != "meridian/test/region/eu" || e.RoutingKey != "k3y" || (want == "trigger") != (e.Payload.Severity == "critical") {
			t.Errorf("%v %s", err, p.got()[i])
		}
	}
}

func TestSlackKeepsItsURLToItself(t *testing.T) {
	p := newPeer(t)
	p.Close() // nobody is there
	live := newPeer(t)
	w := newWorld(t, 2, policy.Receiver{Name: "chat", Slack: &policy.SlackReceiver{URL: policy.SecretRef{Secret: "url"}}})
	w.secrets["url"] = p.URL + "/T000/hidden"
	n := w.notifier()
	w.lead(n)
	w.verdicts(policy.Down, "eu/a@web")
	eventually(t, "it fails", func() bool { d := n.Standing().Deliveries; return len(d) > 0 && d[0].Attempts > 2 })
	text, _ := json.Marshal(n.Standing())
	if strings.Contains(string(text), "hidden") || !strings.Contains(string(text), "refused") || n.Standing().Receivers[0].Failing == "" {
		t.Errorf("%s", text)
	}
	w.mu.Lock()
	w.secrets["url"] = live.URL + "/T000/hidden"
	w.mu.Unlock()
	d, err := n.Test(t.Context(), "chat")
	if err != nil || d.Status != policy.Delivered || !strings.Contains(joined(live), "mrkdwn") || !strings.Contains(joined(live), "this is a test") {
		t.Errorf("%+v %v %s", d, err, joined(live))
	}
	if _, err := n.Test(t.Context(), "nobody"); policy.KindOf(err) != policy.NotFound {
		t.Error(err)
	}
}

func TestAlertmanagerIsToldAgain(t *testing.T) {
	p := newPeer(t)
	w := newWorld(t, 2, policy.Receiver{Name: "am", Alertmanager: &policy.AlertmanagerReceiver{URL: p.URL}, Route: &policy.Route{Severities: []string{policy.Critical}}})
	n := w.notifier()
	w.lead(n)
	w.verdicts(policy.Down, "eu/a@web")
	eventually(t, "it is told again", func() bool { return len(p.got()) >= 3 })
	type alert struct {
		Labels           map[string]string
		StartsAt, EndsAt string
	}
	var list []alert
	if err := json.Unmarshal([]byte(p.got()[1]), &list); err != nil || len(list) != 2 || p.paths[0] != "/api/v2/alerts" { // a pool and a region
		t.Fatalf("%v %s %v", err, p.got()[1], p.paths)
	}
	if list[0].Labels["object"] != "pool/eu" || list[0].Labels["alertname"] != "MeridianPool" || list[0].StartsAt >= list[0].EndsAt {
		t.Errorf("%+v", list[0])
	}
	w.verdicts(policy.Up, "eu/a@web")
	eventually(t, "the end is told", func() bool {
		got := p.got()
		return !strings.Contains(got[len(got)-1], "startsAt")
	})
}

// Another leader goes on where the one before it stopped: what was delivered is not delivered again, what was not is.
func TestAnotherLeaderGoesOn(t *testing.T) {
	p := newPeer(t)
	w := newWorld(t, 2, policy.Receiver{Name: "ops", Webhook: &policy.WebhookReceiver{URL: p.URL}, Route: &policy.Route{Events: []string{"pool"}}})
	first, second := w.notifier(), w.notifier()
	w.verdicts(policy.Up, "us0/e0@web", "us0/e1@web", "eu/a@web")
	stop := w.lead(first)
	w.verdicts(policy.Down, "eu/a@web")
	eventually(t, "it is told and noted", func() bool {
		upto, _ := w.State().Notified.Get("ops")
		return len(p.got()) == 1 && upto >= w.State().Index-2
	})
	stop()
	w.verdicts(policy.Up, "eu/a@web") // while nobody leads
	w.lead2(second)
	eventually(t, "what happened in between is told", func() bool { return len(p.got()) == 2 })
	if a, b := p.got()[0], p.got()[1]; !strings.Contains(a, `"down"`) || strings.Contains(b, `"down"`) || !strings.Contains(b, `"up"`) {
		t.Errorf("%s\n%s", a, b)
	}
}

// lead2 is lead for a notifier that need not note anything.
func (w *world) lead2(n *Notifier) {
	ctx, cancel := context.WithCancel(w.t.Context())
	var all sync.WaitGroup
	all.Go(func() { n.Lead(ctx, w.changed) })
	w.t.Cleanup(func() { cancel(); all.Wait() })
}

// Where probes may not go, and in clear to hosts that nobody listed, no notification goes (S-16).
func TestNotificationsGoWhereTheyMay(t *testing.T) {
	p := newPeer(t)
	w := newWorld(t, 2, policy.Receiver{Name: "ops", Webhook: &policy.WebhookReceiver{URL: p.URL}})
	n := w.notifier()
	n.cfg.Allow = nil
	if d, err := n.Test(t.Context(), "ops"); err != nil || d.Status != policy.Failed || !strings.Contains(d.Error, "plain HTTP") {
		t.Errorf("%+v %v", d, err)
	}
	n.cfg.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	n.cfg.Check = func(netip.AddrPort) error { return errors.New("refused: it is private") }
	if d, err := n.Test(t.Context(), "ops"); err != nil || d.Status != policy.Failed || !strings.Contains(d.Error, "it is private") {
		t.Errorf("%+v %v", d, err)
	}
	n.cfg.Check = func(netip.AddrPort) error { return nil }
	away := httptest.NewServer(http.RedirectHandler(p.URL, http.StatusTemporaryRedirect))
	defer away.Close()
	w.do(change.PutObject{Config: policy.Config{Notifications: []policy.Receiver{{Name: "ops", Webhook: &policy.WebhookReceiver{URL: away.URL}}}}})
	if d, err := n.Test(t.Context(), "ops"); err != nil || d.Status != policy.Failed || d.Code != 307 {
		t.Errorf("%+v %v", d, err)
	}
	if len(p.got()) != 0 {
		t.Errorf("it was told: %s", joined(p))
	}
}

// Everything that is not health is told too.
func TestWhatIsTold(t *testing.T) {
	p := newPeer(t)
	w := newWorld(t, 2, policy.Receiver{Name: "ops", Webhook: &policy.WebhookReceiver{URL: p.URL}})
	n := w.notifier()
	w.lead(n)
	w.do(change.PutControl{Target: "region/us", Action: policy.Drain})
	for id := range w.State().Controls.All {
		w.do(change.DeleteControl{ID: id})
	}
	w.do(change.PutMember{Member: policy.Member{ID: "2", Node: "ns2", Cluster: "192.0.2.2:7300", Feature: policy.FeatureLevel}})
	n.Lost("ns2", true, true, 12*time.Second)
	n.Lost("ns2", true, true, 13*time.Second) // once
	n.Lost("ns2", false, true, 0)
	n.Leads("ns2", 7)
	w.do(change.PutConfig{Config: policy.Config{Regions: []policy.Region{{Name: "ap"}}}, Merge: true})
	for _, want := range []string{`"what":"put"`, `"what":"lifted"`, `"what":"joined"`, "ns2 was not heard for 12s", "ns2 is heard again", "ns1 leads in term 7; ns2 did before", "the configuration is at revision"} {
		eventually(t, want, func() bool { return strings.Contains(joined(p), want) })
	}
	if strings.Contains(joined(p), "for 13s") {
		t.Error("a lost member is told twice")
	}
}
