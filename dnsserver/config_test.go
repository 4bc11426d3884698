package dnsserver

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/meridian-gtm/meridian/policy"
)

func TestConfigDefaults(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Errorf("the zero Config: %v", err)
	}
	c := Config{}.WithDefaults()
	if c.UDPSize != 1232 || c.TCP.IdleTimeout != policy.Duration(10*time.Second) || c.TCP.MaxConns != 5000 || c.TCP.MaxConnsPerClient != 100 || c.Listen[0] != ":53" {
		t.Errorf("defaults are %+v", c)
	}
	if r := c.RateLimit; *r.ResponsesPerSecond != 500 || *r.Slip != 2 || *r.Amplification != 4 || len(r.Exempt) != 2 {
		t.Errorf("defaults are %+v", r)
	}
	// What is switched off stays off, and nobody exempt is nobody.
	c.RateLimit = RateLimit{ResponsesPerSecond: new(0), Slip: new(0), Amplification: new(0), Exempt: []netip.Prefix{}}
	if r := c.WithDefaults().RateLimit; *r.ResponsesPerSecond != 0 || *r.Slip != 0 || *r.Amplification != 0 || len(r.Exempt) != 0 || c.Validate() != nil {
		t.Errorf("what was switched off is %+v", r)
	}
}

func TestConfigMistakes(t *testing.T) {
	c := Config{
		Listen: []string{"127.0.0.1:53", "localhost:53", "127.0.0.1", "1.2.3.4:70000", "127.0.0.1:53", "[::1]:0", "[::1]:0"}, UDPSize: 1401, NSID: strings.Repeat("x", 65),
		ReadBuffer: 1, TCP: TCPConfig{IdleTimeout: policy.Duration(time.Millisecond), WriteTimeout: policy.Duration(time.Hour), MaxConns: 10, MaxConnsPerClient: 11},
		RateLimit: RateLimit{ResponsesPerSecond: new(-1), Slip: new(11), Amplification: new(2), Exempt: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("10.0.0.1/8"), {}}},
		Chaos:     ChaosConfig{Version: strings.Repeat("x", 65), ID: strings.Repeat("x", 64)},
	}
	var e *policy.Error
	if !errors.As(c.Validate(), &e) || e.Kind != policy.Invalid {
		t.Fatalf("%v", c.Validate())
	}
	var at []string
	for _, p := range e.Problems {
		at = append(at, p.Pointer)
	}
	want := "/dns/listen/1 /dns/listen/2 /dns/listen/3 /dns/listen/4 /dns/udpSize /dns/readBuffer /dns/tcp/idleTimeout /dns/tcp/writeTimeout /dns/tcp/maxConnsPerClient /dns/nsid " +
		"/dns/rateLimit/responsesPerSecond /dns/rateLimit/slip /dns/rateLimit/amplification /dns/rateLimit/exempt/1 /dns/rateLimit/exempt/2 /dns/chaos/version"
	if got := strings.Join(at, " "); got != want {
		t.Errorf("mistakes at\n%s, want\n%s", got, want)
	}
}

func TestListenTaken(t *testing.T) {
	s, err := Listen(Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	taken := s.Addrs()[0].String()
	if _, err := Listen(Config{Listen: []string{"127.0.0.1:0", taken}}); err == nil || !strings.Contains(err.Error(), taken) {
		t.Errorf("listening on a taken address: %v", err)
	}
}

// Before the first view queries wait; Run ends all the same when its context does.
func TestNoView(t *testing.T) {
	s := start(t, Config{Listen: []string{"127.0.0.1:0"}})
	answers := make(chan *dns.Msg, 1)
	go func() {
		c := dns.Client{Timeout: patience}
		m, _, _ := c.Exchange(query("www.example.test", dns.TypeA), s.Addrs()[0].String())
		answers <- m
	}()
	s.Publish(viewAt(t, exampleZone, 1))
	if m := <-answers; m == nil || len(m.Answer) != 1 {
		t.Errorf("a query that came before the first view is answered %v", m)
	}
	idle := start(t, Config{Listen: []string{"127.0.0.1:0"}})
	if idle.View() != nil {
		t.Error("there is a view from nowhere")
	}
}

func TestRunWithEndedContext(t *testing.T) {
	sockets, err := Listen(Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{}, sockets, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}

func TestMetricNames(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}})
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
