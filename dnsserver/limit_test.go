package dnsserver

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// cookieQuery is a query with a COOKIE option; without a name it has no question.
func cookieQuery(name, cookie string) *dns.Msg {
	q := query(name, dns.TypeA)
	if name == "" {
		q.Question = nil
	}
	q.SetEdns0(1232, false)
	q.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie}}
	return q
}

// ask asks from an address.
func (s *started) ask(t testing.TB, network, from string, q *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: network, Timeout: patience, UDPSize: 4096, Dialer: &net.Dialer{Timeout: patience, LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}}
	if network == "tcp" {
		c.Dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	m, _, err := c.Exchange(q, s.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// learn is the whole cookie that a server gives to an address.
func (s *started) learn(t testing.TB, from string) string {
	t.Helper()
	m := s.ask(t, "tcp", from, cookieQuery("", "0102030405060708"))
	if o := m.IsEdns0(); o != nil && len(o.Option) == 1 {
		return o.Option[0].(*dns.EDNS0_COOKIE).Cookie
	}
	t.Fatalf("no cookie in\n%v", m)
	return ""
}

// Each server has a key of its own until it is given one; then those that share one accept each other's cookies.
func TestSharedCookies(t *testing.T) {
	config := Config{Listen: []string{"127.0.0.1:0"}}
	a, b := serving(t, config), serving(t, config)
	accepts := func(s *started, cookie string, want int) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			if m := s.ask(t, network, "127.0.0.1", cookieQuery("", cookie)); m.Rcode != want {
				t.Errorf("over %s the cookie is answered %s, want %s", network, dns.RcodeToString[m.Rcode], dns.RcodeToString[want])
			}
		}
	}
	own := a.learn(t, "127.0.0.1")
	accepts(a, own, dns.RcodeSuccess)
	accepts(b, own, dns.RcodeBadCookie)
	before, after := CookieKey{1}, CookieKey{2}
	a.SetCookieKeys(NewCookieKeys(before))
	b.SetCookieKeys(NewCookieKeys(after, before))
	accepts(a, own, dns.RcodeBadCookie)
	accepts(b, a.learn(t, "127.0.0.1"), dns.RcodeSuccess)
	accepts(a, b.learn(t, "127.0.0.1"), dns.RcodeBadCookie) // a has not learned what b signs with, which is why learning comes first
	a.SetCookieKeys(NewCookieKeys(before, after))
	accepts(a, b.learn(t, "127.0.0.1"), dns.RcodeSuccess)
	eventually(t, "good cookies are counted", func() bool { return a.metric(t, "meridian_dns_cookies_verified_total", "") == 4 })
}

// flood sends queries from an address without waiting, and gives the octets that went in and came out.
func (s *started) flood(t testing.TB, from string, packets [][]byte) (in, out, responses int) {
	t.Helper()
	to := s.Addrs()[0].(*net.TCPAddr)
	conn, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, &net.UDPAddr{IP: to.IP, Port: to.Port})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	asked := s.metric(t, "meridian_dns_queries_total", "udp")
	for i, p := range packets {
		if _, err := conn.Write(p); err != nil {
			t.Fatal(err)
		}
		in += len(p)
		if i%50 == 49 { // let the server come after, so that nothing is lost in between
			eventually(t, "the queries are taken in", func() bool { return s.metric(t, "meridian_dns_queries_total", "udp") >= asked+float64(i+1) })
		}
	}
	for b := make([]byte, 4096); ; responses++ {
		conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond)) // they are all here: the server counts after sending
		n, err := conn.Read(b)
		if err != nil {
			return in, out, responses
		}
		out += n
	}
}

func repeat(t testing.TB, n int, make func(i int) *dns.Msg) (packets [][]byte) {
	t.Helper()
	for i := range n {
		b, err := make(i).Pack()
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, b)
	}
	return packets
}

// limited is a server with a limit that the passing of a test's time does not shift by much.
func limited(t testing.TB, change func(r *RateLimit)) *started {
	r := RateLimit{ResponsesPerSecond: new(1), Exempt: []netip.Prefix{}}
	change(&r)
	return serving(t, Config{Listen: []string{"127.0.0.1:0"}, RateLimit: r})
}

// S-01: a flood from a forged address brings the one it belongs to less than
// was sent, whatever is asked; who has a cookie, asks over TCP or lives elsewhere is answered as ever.
func TestFlood(t *testing.T) {
	for _, c := range []struct {
		what string
		ask  func(i int) *dns.Msg
	}{
		{"answers", func(int) *dns.Msg { return query("www.example.test", dns.TypeA) }},
		{"other names, no data", func(i int) *dns.Msg { return query([]string{"ns1", "ns2", "www"}[i%3]+".example.test", dns.TypeMX) }},
		{"random names", func(i int) *dns.Msg { return query(fmt.Sprintf("r%d.example.test", i), dns.TypeA) }},
		{"big sets", func(int) *dns.Msg { q := query("huge.example.test", dns.TypeTXT); q.SetEdns0(1232, true); return q }},
		{"ANY", func(int) *dns.Msg { q := query("big.example.test", dns.TypeANY); q.SetEdns0(1232, true); return q }},
		{"client's cookies", func(int) *dns.Msg { return cookieQuery("www.example.test", "0102030405060708") }},
		{"bad cookies", func(int) *dns.Msg {
			return cookieQuery("www.example.test", "0102030405060708010000006b0710ee208c04221a932fd2")
		}},
		{"REFUSED", func(i int) *dns.Msg { return query(fmt.Sprintf("r%d.example.org", i), dns.TypeA) }},
		{"cookies only", func(int) *dns.Msg { return cookieQuery("", "0102030405060708") }},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := limited(t, func(*RateLimit) {})
			const n = 300
			in, out, responses := s.flood(t, "127.1.2.3", repeat(t, n, c.ask))
			if ratio := float64(out) / float64(in); ratio >= 1.2 || responses < n/2-10 || responses > n*3/4 {
				t.Errorf("%d responses to %d queries; %d octets for %d: %.2f", responses, n, out, in, float64(out)/float64(in))
			}
			dropped, slipped := s.metric(t, "meridian_dns_dropped_total", "limit"), s.metric(t, "meridian_dns_slipped_total", "")
			if int(dropped) != n-responses || slipped < dropped-2 || slipped > dropped+2 {
				t.Errorf("%v dropped and %v slipped are counted", dropped, slipped)
			}
			if m := s.ask(t, "tcp", "127.1.2.3", query("www.example.test", dns.TypeA)); len(m.Answer) != 1 {
				t.Errorf("over TCP:\n%v", m)
			}
			if m := s.ask(t, "udp", "127.1.3.3", query("ns1.example.test", dns.TypeA)); len(m.Answer) != 1 || m.Truncated {
				t.Errorf("to another network:\n%v", m)
			}
			cookie := s.learn(t, "127.1.2.3")
			for range 50 {
				if m := s.ask(t, "udp", "127.1.2.3", cookieQuery("www.example.test", cookie)); len(m.Answer) != 1 || m.Truncated {
					t.Fatalf("with a good cookie:\n%v", m)
				}
			}
		})
	}
}

// Exemption, no limit, and the extremes of slip.
func TestFloodSettings(t *testing.T) {
	packets := repeat(t, 100, func(int) *dns.Msg { return query("www.example.test", dns.TypeA) })
	for _, c := range []struct {
		what        string
		change      func(r *RateLimit)
		least, most int
	}{
		{"loopback is exempt unless told otherwise", func(r *RateLimit) { r.Exempt = nil }, 100, 100},
		{"exempt", func(r *RateLimit) { r.Exempt = []netip.Prefix{netip.MustParsePrefix("127.1.0.0/16")} }, 100, 100},
		{"another is exempt", func(r *RateLimit) { r.Exempt = []netip.Prefix{netip.MustParsePrefix("127.2.0.0/16")} }, 40, 80},
		{"no limit", func(r *RateLimit) { r.ResponsesPerSecond = new(0) }, 100, 100},
		{"slip all", func(r *RateLimit) { r.Slip = new(1) }, 100, 100},
		{"slip none", func(r *RateLimit) { r.Slip = new(0) }, 1, 60},
	} {
		s := limited(t, c.change)
		if _, _, responses := s.flood(t, "127.1.2.3", packets); responses < c.least || responses > c.most {
			t.Errorf("%s: %d responses to 100 queries, want %d to %d", c.what, responses, c.least, c.most)
		}
	}
}

func quietWorker(t testing.TB, r RateLimit) *worker {
	t.Helper()
	sockets, err := Listen(Config{Listen: []string{"127.0.0.1:0"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sockets.Close)
	s, err := New(Config{RateLimit: r}, sockets, slog.New(slog.NewTextHandler(io.Discard, nil)), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := s.newWorker(udp)
	w.look()
	return w
}

// S-03: random names below a zone, from random networks, leave nothing behind.
func TestRandomNamesAreForgotten(t *testing.T) {
	w, view := quietWorker(t, RateLimit{}), viewAt(t, exampleZone+"*.wild IN A 192.0.2.1\n", 1)
	buf := make([]byte, 0, 4096)
	packet, err := query("r00000000.example.test", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	wild, err := query("r00000000.wild.example.test", dns.TypeA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	answered := 0
	flood := func(from, n int) {
		for i := from; i < from+n; i++ {
			p := packet
			if i%2 == 0 {
				p = wild
			}
			copy(p[12+2:], fmt.Sprintf("%08x", i))
			if len(w.respond(view, buf, p, netip.AddrFrom4([4]byte{byte(i * 7), byte(i >> 16), byte(i >> 8), byte(i)}))) > 0 {
				answered++
			}
		}
	}
	flood(0, 1000)
	before := heap()
	const names = 500_000
	flood(1000, names)
	if after := heap(); after > before+256<<10 {
		t.Errorf("the heap grew from %d to %d octets over %d names", before, after, names)
	}
	if answered < names/2 {
		t.Errorf("only %d were answered", answered)
	}
}

// Neither limits nor cookies make a worker allocate.
func TestWorkerNoAllocation(t *testing.T) {
	view := viewAt(t, exampleZone, 1)
	buf := make([]byte, 0, 4096)
	for what, q := range map[string]*dns.Msg{
		"plain": query("www.example.test", dns.TypeA), "cookie": cookieQuery("www.example.test", "0102030405060708"),
		"refused": query("example.org", dns.TypeA), "no question": cookieQuery("", "0102030405060708"),
	} {
		w := quietWorker(t, RateLimit{ResponsesPerSecond: new(1), Slip: new(2)})
		packet, err := q.Pack()
		if err != nil {
			t.Fatal(err)
		}
		client := netip.MustParseAddr("2001:db8::1")
		if n := testing.AllocsPerRun(100, func() { w.look(); w.respond(view, buf, packet, client) }); n != 0 {
			t.Errorf("%s: %v allocations a query", what, n)
		}
		if w.tally.limited == 0 || w.tally.slipped == 0 {
			t.Errorf("%s: nothing was limited: %+v", what, w.tally)
		}
	}
}
