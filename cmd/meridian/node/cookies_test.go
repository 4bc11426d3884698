package node

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

// fakeCluster applies what a leader proposes, as every node does, and keeps its bytes.
type fakeCluster struct {
	t     *testing.T
	state *policy.State
	now   int64
	log   bytes.Buffer
	steps []policy.CookieStep
}

func (f *fakeCluster) propose(_ context.Context, c change.Change) (policy.Outcome, error) {
	b, err := change.Encode(c)
	if err != nil {
		f.t.Fatal(err)
	}
	f.log.Write(b)
	if c, err = change.Decode(b); err != nil {
		f.t.Fatal(err)
	}
	next, out, err := change.Apply(f.state, f.state.Index+1, c)
	if err != nil || out.Refused != nil {
		f.t.Fatalf("%v %v", err, out.Refused)
	}
	f.state = next
	if r, ok := c.Body.(*change.RollCookies); ok {
		f.steps = append(f.steps, r.Step)
	}
	return out, nil
}

func newFakeCluster(t *testing.T) *fakeCluster {
	f := &fakeCluster{t: t, state: policy.NewState(), now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano()}
	f.state.Cluster.ID, f.state.Feature = "c", policy.FeatureCookies
	return f
}

func (f *fakeCluster) leader(k *keeper) *duties {
	return &duties{actor: "node/ns1", state: func() *policy.State { return f.state }, clock: func() int64 { return f.now },
		propose: f.propose, seal: k.Seal, log: slog.New(slog.DiscardHandler)}
}

// jar is a node's, and the keys it put in use last.
func jar(k *keeper) (*cookieJar, func() *dnsserver.CookieKeys) {
	var keys *dnsserver.CookieKeys
	return &cookieJar{open: k.open, set: func(k *dnsserver.CookieKeys) { keys = k }, log: slog.New(slog.DiscardHandler)},
		func() *dnsserver.CookieKeys { return keys }
}

// Over a week no key signs for more than 26 hours, and whichever step of the
// rollover two nodes have heard of, they accept each other's cookies. A second leader goes on where the first stopped.
func TestCookieRollover(t *testing.T) {
	f := newFakeCluster(t)
	seal := random(32)
	leaders := []*duties{f.leader(&keeper{seal: seal}), f.leader(&keeper{seal: seal})}
	ahead, aheadKeys := jar(&keeper{seal: seal})
	behind, behindKeys := jar(&keeper{seal: seal})
	signs, since := "", f.now
	client, asked := netip.MustParseAddr("192.0.2.1"), []byte("12345678")
	for end := f.now + int64(7*24*time.Hour); f.now < end; f.now += int64(time.Minute) {
		steps := len(f.steps)
		leaders[f.now/int64(time.Minute)%2].roll(t.Context())
		if len(f.steps) == steps {
			continue
		}
		c := f.state.Cluster.Cookies
		ahead.take(c)
		if behindKeys() != nil {
			for _, pair := range [][2]*dnsserver.CookieKeys{{aheadKeys(), behindKeys()}, {behindKeys(), aheadKeys()}} {
				var reply, again [24]byte
				pair[0].Answer(&reply, asked, client, 1000)
				if !pair[1].Answer(&again, reply[:], client, 1001) {
					t.Fatalf("after %v a cookie of one node is not good on another", f.steps)
				}
			}
		}
		behind.take(c)
		if c.Signing != signs {
			if age := time.Duration(f.now - since); signs != "" && (age > 26*time.Hour || age < 20*time.Hour) {
				t.Errorf("key %s signed for %v", signs, age)
			}
			signs, since = c.Signing, f.now
		}
		for _, k := range c.Keys {
			b, err := (&keeper{seal: seal}).open(policy.CookieSealName(k.ID), k.Sealed)
			if err != nil {
				t.Fatal(err)
			}

			if bytes.Contains(f.log.Bytes(), b) {
				t.Fatal("a cookie key is in the log in clear")
			}
			var state bytes.Buffer
			if err := change.WriteState(&state, f.state); err != nil || bytes.Contains(state.Bytes(), b) {
				t.Fatalf("a cookie key is in the state in clear, or: %v", err)
			}
		}
	}
	if n := len(f.steps); n < 18 || n > 24 {
		t.Errorf("in a week there were %d steps: %v", n, f.steps)
	}
	want := policy.CookieLearn
	for i, step := range f.steps[1:] {
		if step != want {
			t.Fatalf("step %d is %s: %v", i+1, step, f.steps)
		}
		want = map[policy.CookieStep]policy.CookieStep{policy.CookieLearn: policy.CookieSign, policy.CookieSign: policy.CookieForget, policy.CookieForget: policy.CookieLearn}[want]
	}
}

// Nodes of an earlier version could not apply it.
func TestCookiesWaitForFeature(t *testing.T) {
	f := newFakeCluster(t)
	f.state.Feature = policy.FeatureCookies - 1
	f.leader(&keeper{seal: random(32)}).roll(t.Context())
	if len(f.steps) > 0 {
		t.Errorf("steps %v at feature level %d", f.steps, f.state.Feature)
	}
}

// A node that cannot open the keys leaves the server's own in place, and takes them once it can.
func TestCookieJarWithoutKey(t *testing.T) {
	f := newFakeCluster(t)
	seal := random(32)
	f.leader(&keeper{seal: seal}).roll(t.Context())
	k := &keeper{}
	j, keys := jar(k)
	j.take(nil)
	j.take(f.state.Cluster.Cookies)
	k.seal = random(32)
	j.take(f.state.Cluster.Cookies)
	if keys() != nil {
		t.Error("keys were put in use that cannot be opened")
	}
	k.seal = seal
	j.take(f.state.Cluster.Cookies)
	if keys() == nil {
		t.Error("the keys are not in use")
	}
}

// Everything that dns may say is read and checked, with the place of each mistake.
func TestDNSConfig(t *testing.T) {
	c, err := ParseConfig([]byte(`node: ns1
dataDir: /x
dns:
  listen: ["127.0.0.1:5300"]
  nsid: ns1.us-east
  tcp: {idleTimeout: 20s, maxConns: 10}
  rateLimit: {responsesPerSecond: 0, slip: 1, amplification: 10, exempt: []}
  chaos: {version: Meridian, id: ns1}
`), "node.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := c.DNS
	if d.NSID != "ns1.us-east" || d.TCP.IdleTimeout != policy.Duration(20*time.Second) || d.TCP.MaxConnsPerClient != 10 || *d.RateLimit.ResponsesPerSecond != 0 ||
		*d.RateLimit.Slip != 1 || *d.RateLimit.Amplification != 10 || d.RateLimit.Exempt == nil || len(d.RateLimit.Exempt) != 0 || d.Chaos.Version != "Meridian" || d.Chaos.ID != "ns1" {
		t.Errorf("read as %+v", d)
	}
	_, err = ParseConfig([]byte(`node: ns1
dataDir: /x
dns:
  listen: [localhost:5300]
  udpSize: 100
  rateLimit:
    slip: 11
    exempt: [10.0.0.1/8]
`), "node.yaml")
	for _, want := range []string{"node.yaml:4:", "node.yaml:5:", "node.yaml:7:", "node.yaml:8:", "write 10.0.0.0/8", "11 is not within 1 to 10"} {
		if err == nil || !bytes.Contains([]byte(err.Error()), []byte(want)) {
			t.Errorf("the mistakes are told as %v, without %q", err, want)
		}
	}
}
