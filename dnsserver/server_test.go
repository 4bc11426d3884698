package dnsserver

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const exampleZone = `$TTL 300
@ IN SOA ns1 hostmaster 7 3600 600 86400 60
@ IN NS ns1
@ IN NS ns2
ns1 IN A 192.0.2.53
ns2 IN A 198.51.100.53
www IN A 192.0.2.80
www IN AAAA 2001:db8::80
WWW IN TXT "text"
$GENERATE 1-40 big IN A 10.0.0.$
$GENERATE 1-200 huge IN TXT "record number $ of a set that no UDP packet has room for"
`

// viewAt is a view of the zone example.test at an index.
func viewAt(t testing.TB, zone string, index uint64) *View {
	t.Helper()
	state := policy.NewState()
	state.Index = index
	z := zoneOf(t, zone)
	state.Zones.Set(z.Name.Key(), z)
	s, err := snapshot.Compile(nil, state, snapshot.Local{})
	if err != nil {
		t.Fatal(err)
	}
	return NewView(nil, s)
}

// zoneOf is the zone example.test.
func zoneOf(t testing.TB, text string) *policy.Zone {
	t.Helper()
	z, _, err := zonefile.Parse(strings.NewReader(text), policy.MustName("example.test"), "example.test", zonefile.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// started is a server that runs until the test ends.
type started struct {
	*Server
	registry *prometheus.Registry
}

func start(t testing.TB, config Config) *started {
	t.Helper()
	sockets, err := Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, config, sockets)
}

func startOn(t testing.TB, config Config, sockets *Sockets) *started {
	t.Helper()
	var err error
	s := &started{registry: prometheus.NewPedanticRegistry()}
	if s.Server, err = New(config, sockets, slog.New(slog.NewTextHandler(io.Discard, nil)), s.registry); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(patience):
			t.Error("Run did not return")
		}
	})
	return s
}

func serving(t testing.TB, config Config) *started {
	s := start(t, config)
	if _, ok := s.Publish(viewAt(t, exampleZone, 1)); !ok {
		t.Fatal("the first view was not taken")
	}
	return s
}

// metric is the sum of a metric's values that have a label value, or of all for "".
func (s *started) metric(t testing.TB, name, label string) (sum float64) {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			has := label == ""
			for _, l := range m.GetLabel() {
				has = has || l.GetValue() == label
			}
			if has {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

// addr is the first address to ask at over a network, as miekg/dns names it.
func (s *started) addr(network string) string {
	if network == "tcp-tls" {
		return s.TLSAddrs()[0].String()
	}
	return s.Addrs()[0].String()
}

// eventually waits for something that another goroutine does.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !f() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("it never came about that %s", what)
		}
	}
}

// withIPv6 adds the IPv6 loopback where there is one.
func withIPv6(t testing.TB, listen ...string) []string {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Logf("without IPv6: %v", err)
		return listen
	}
	l.Close()
	return append(listen, "[::1]:0")
}

// patience is how long tests wait for what must happen.
const patience = 20 * time.Second

func query(name string, typ uint16) *dns.Msg {
	q := new(dns.Msg)
	q.SetQuestion(dns.Fqdn(name), typ)
	return q
}

func exchange(t testing.TB, network, addr string, q *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: network, Timeout: patience, UDPSize: 4096, TLSConfig: trusting(theCertificate())}
	m, _, err := c.Exchange(q, addr)
	if err != nil {
		t.Fatalf("%s %s to %s: %v", network, q.Question[0].String(), addr, err)
	}
	return m
}

func TestEveryTransport(t *testing.T) {
	listen := withIPv6(t, "127.0.0.1:0", "127.1.2.3:0")
	s := serving(t, withTLS(Config{Listen: listen}))
	if len(s.Addrs()) != len(listen) || len(s.TLSAddrs()) != len(listen) {
		t.Fatalf("listening on %v, with TLS on %v", s.Addrs(), s.TLSAddrs())
	}
	asked := 0
	for _, at := range s.everywhere() {
		for range 20 {
			m := exchange(t, at.network, at.addr, query("www.example.test", dns.TypeA))
			asked++
			if len(m.Answer) != 1 || m.Answer[0].(*dns.A).A.String() != "192.0.2.80" || !m.Authoritative {
				t.Fatalf("%v answered\n%v", at, m)
			}
		}
	}
	eventually(t, "every query is counted", func() bool {
		return s.metric(t, "meridian_dns_queries_total", "") == float64(asked) &&
			s.metric(t, "meridian_dns_responses_total", "NOERROR") == float64(asked) &&
			s.metric(t, "meridian_dns_queries_total", "dot") == float64(asked/3) && s.metric(t, "meridian_dns_tcp_accepted_total", "dot") == float64(asked/3)
	})
	if v := s.metric(t, "meridian_dns_view_index", ""); v != 1 {
		t.Errorf("meridian_dns_view_index is %v", v)
	}
}

// D-54: a response comes from the address that was asked.
func TestWildcardAddress(t *testing.T) {
	s := serving(t, Config{Listen: []string{":0"}}) // both families, where there are both
	for _, addr := range s.Addrs() {
		port := addr.(*net.TCPAddr).AddrPort().Port()
		hosts := []string{"127.0.0.1", "127.9.8.7", "127.77.0.1"}
		if addr.(*net.TCPAddr).IP.To4() == nil {
			hosts = []string{"::1"}
		}
		for _, host := range hosts {
			to := netip.AddrPortFrom(netip.MustParseAddr(host), port)
			conn, err := net.ListenUDP("udp", nil) // not connected, so that it takes packets from anywhere
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			packet, _ := query("www.example.test", dns.TypeA).Pack()
			if _, err := conn.WriteToUDPAddrPort(packet, to); err != nil {
				t.Fatal(err)
			}
			conn.SetReadDeadline(time.Now().Add(patience))
			_, from, err := conn.ReadFromUDPAddrPort(make([]byte, 1500))
			if err != nil {
				t.Fatal(err)
			}
			if got := netip.AddrPortFrom(from.Addr().Unmap(), from.Port()); got != to {
				t.Errorf("asked %v, answered from %v", to, got)
			}
			exchange(t, "tcp", to.String(), query("www.example.test", dns.TypeA))
		}
	}
}

func TestTruncationThenTCP(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}})
	addr := s.Addrs()[0].String()
	for _, c := range []struct {
		name  string
		size  uint16 // EDNS; 0 without
		limit int
		whole bool
	}{
		{"big.example.test", 0, 512, false},      // 40 addresses take 665 octets
		{"big.example.test", 100, 512, false},    // a size below 512 is 512
		{"big.example.test", 700, 700, true},     // 676 with OPT
		{"big.example.test", 670, 670, false},    // the OPT counts
		{"huge.example.test", 4096, 1232, false}, // our own limit
	} {
		q := query(c.name, dns.TypeA)
		if strings.HasPrefix(c.name, "huge") {
			q = query(c.name, dns.TypeTXT)
		}
		if c.size > 0 {
			q.SetEdns0(c.size, false)
		}
		m := exchange(t, "udp", addr, q)
		m.Compress = true // for Len
		if m.Truncated == c.whole || (len(m.Answer) > 0) != c.whole || m.Len() > c.limit {
			t.Errorf("%s with %d: TC=%v, %d answers, %d octets", c.name, c.size, m.Truncated, len(m.Answer), m.Len())
		}
		if (m.IsEdns0() != nil) != (c.size > 0) {
			t.Errorf("%s with %d: OPT is %v", c.name, c.size, m.IsEdns0())
		}
		whole := exchange(t, "tcp", addr, q)
		if want := map[string]int{"big": 40, "huge": 200}[strings.SplitN(c.name, ".", 2)[0]]; whole.Truncated || len(whole.Answer) != want {
			t.Errorf("%s over TCP: TC=%v, %d answers, want %d", c.name, whole.Truncated, len(whole.Answer), want)
		}
	}
	eventually(t, "truncation is counted", func() bool { return s.metric(t, "meridian_dns_responses_truncated_total", "udp") == 4 })
}

func TestManyAtOnce(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}})
	conn, err := net.Dial("udp", s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const n = 100
	for i := range n {
		q := query("www.example.test", dns.TypeA)
		q.Id = uint16(i)
		packet, _ := q.Pack()
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	seen := map[uint16]bool{}
	buf := make([]byte, 1500)
	for len(seen) < n {
		k, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%d of %d answered: %v", len(seen), n, err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(buf[:k]); err != nil || len(m.Answer) != 1 {
			t.Fatalf("%v\n%v", err, m)
		}
		seen[m.Id] = true
	}
}

// Nothing is answered for a packet that is no query, and the server goes on (D-20 to D-25).
func TestGarbage(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}})
	addr := s.Addrs()[0].String()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	response, _ := query("www.example.test", dns.TypeA).Pack()
	response[2] |= 0x80
	for _, packet := range [][]byte{{}, {1}, make([]byte, 11), response} {
		if _, err := conn.Write(packet); err != nil {
			t.Fatal(err)
		}
	}
	question, _ := query("www.example.test", dns.TypeA).Pack()
	if _, err := conn.Write(append(question[:12:12], 0xc0, 12, 0, 1, 0, 1)); err != nil { // a name that points at itself
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 1500)
	n, err := conn.Read(buf)
	if err != nil || n != 12 || buf[3]&0xf != dns.RcodeFormatError {
		t.Errorf("the first response is %x (%v), want FORMERR with a header only", buf[:n], err)
	}
	exchange(t, "udp", addr, query("www.example.test", dns.TypeA))
	eventually(t, "four packets are counted as unanswerable", func() bool {
		return s.metric(t, "meridian_dns_dropped_total", "unanswerable") == 4
	})
}

func TestPanicLosesOneQuery(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}})
	w := s.newWorker(udp)
	packet, _ := query("www.example.test", dns.TypeA).Pack()
	before := []byte("before")
	if out := w.respond(nil, before, packet, netip.MustParseAddr("192.0.2.1")); string(out) != "before" { // there is no view: a nil pointer
		t.Errorf("a query that panics answers %q", out)
	}
	if w.tally.panics != 1 {
		t.Errorf("%d panics counted", w.tally.panics)
	}
	if out := w.respond(s.View(), nil, packet, netip.MustParseAddr("192.0.2.1")); len(out) < 12 {
		t.Errorf("after a panic the worker answers %x", out)
	}
}
