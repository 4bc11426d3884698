package dnsserver

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

func dial(t testing.TB, to net.Addr, from string) *net.TCPConn {
	t.Helper()
	d := net.Dialer{Timeout: patience}
	if from != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	conn, err := d.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

// socketOf is the socket below TLS, or without it.
func socketOf(conn net.Conn) *net.TCPConn {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return conn.(*net.TCPConn)
}

func message(q *dns.Msg) []byte {
	packet, err := q.Pack()
	if err != nil {
		panic(err)
	}
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...)
}

func receive(conn net.Conn) (*dns.Msg, error) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, b); err != nil {
		return nil, err
	}
	m := new(dns.Msg)
	return m, m.Unpack(b)
}

// answered asks over an open connection and says whether the answer came.
func answered(t testing.TB, conn net.Conn, name string) bool {
	t.Helper()
	if _, err := conn.Write(message(query(name, dns.TypeA))); err != nil {
		return false
	}
	m, err := receive(conn)
	return err == nil && len(m.Answer) > 0
}

// hungUp says whether the server has closed the connection, and fails if it never does.
func hungUp(t testing.TB, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the connection is still open (%v)", err)
	}
}

func TestTCPPipelining(t *testing.T) {
	streams(t, TCPConfig{}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		conn := dial("")
		const n = 500
		var all []byte
		for i := range n {
			q := query([]string{"www.example.test", "huge.example.test", "none.example.test"}[i%3], []uint16{dns.TypeA, dns.TypeTXT, dns.TypeA}[i%3])
			q.Id = uint16(i)
			all = append(all, message(q)...)
		}
		go conn.Write(all)
		seen := map[uint16]bool{}
		for range n {
			m, err := receive(conn)
			if err != nil {
				t.Fatalf("after %d answers: %v", len(seen), err)
			}
			if want := []int{1, 200, 0}[m.Id%3]; len(m.Answer) != want || seen[m.Id] {
				t.Fatalf("answer %d has %d records, want %d; seen before: %v", m.Id, len(m.Answer), want, seen[m.Id])
			}
			seen[m.Id] = true
		}
	})
}

// A message may come in any pieces (RFC 7766 section 8).
func TestTCPPieces(t *testing.T) {
	streams(t, TCPConfig{}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		conn := dial("")
		for _, b := range message(query("www.example.test", dns.TypeA)) {
			if _, err := conn.Write([]byte{b}); err != nil {
				t.Fatal(err)
			}
		}
		if m, err := receive(conn); err != nil || len(m.Answer) != 1 {
			t.Errorf("%v\n%v", err, m)
		}
		if !answered(t, conn, "www.example.test") {
			t.Error("the connection takes no second query")
		}
	})
}

// A long query: the read buffer grows.
func TestTCPLongQuery(t *testing.T) {
	streams(t, TCPConfig{}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		conn := dial("")
		for range 2 {
			q := query("www.example.test", dns.TypeA)
			q.SetEdns0(1232, false)
			q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_LOCAL{Code: 65001, Data: make([]byte, 60000)})
			if _, err := conn.Write(message(q)); err != nil {
				t.Fatal(err)
			}
			if m, err := receive(conn); err != nil || len(m.Answer) != 1 {
				t.Fatalf("%v\n%v", err, m)
			}
		}
	})
}

func TestTCPKeepalive(t *testing.T) {
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{IdleTimeout: policy.Duration(7 * time.Second)}}))
	q := query("www.example.test", dns.TypeA)
	q.SetEdns0(1232, false)
	q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
	for _, network := range []string{"tcp", "tcp-tls"} {
		m := exchange(t, network, s.addr(network), q)
		if o := m.IsEdns0().Option; len(o) != 1 || o[0].(*dns.EDNS0_TCP_KEEPALIVE).Timeout != 70 {
			t.Errorf("%s: options are %v, want a keepalive of 7 s", network, o)
		}
		if m := exchange(t, network, s.addr(network), query("www.example.test", dns.TypeA)); m.IsEdns0() != nil {
			t.Errorf("%s: OPT for a query without", network)
		}
	}
	if m := exchange(t, "udp", s.Addrs()[0].String(), q); len(m.IsEdns0().Option) != 0 {
		t.Errorf("over UDP options are %v (RFC 7828 section 3.2.2)", m.IsEdns0().Option)
	}
}

// Parts of a query do not keep a connection open (RFC 9210 section 4.5).
func TestTCPIdle(t *testing.T) {
	streams(t, TCPConfig{IdleTimeout: policy.Duration(300 * time.Millisecond)}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		silent, dripping := dial(""), dial("")
		stop := make(chan struct{})
		defer close(stop)
		go func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					dripping.Write([]byte{1})
				}
			}
		}()
		hungUp(t, silent)
		hungUp(t, dripping)
		eventually(t, "no connection is open", func() bool { return s.metric(t, "meridian_dns_tcp_connections", "") == 0 })
	})
}

func TestTCPNoQuery(t *testing.T) {
	streams(t, TCPConfig{IdleTimeout: policy.Duration(time.Minute)}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		response := query("www.example.test", dns.TypeA)
		response.Response = true
		for _, b := range [][]byte{{0, 0}, {0, 3, 1, 2, 3}, message(response)} {
			conn := dial("")
			if _, err := conn.Write(b); err != nil {
				t.Fatal(err)
			}
			hungUp(t, conn)
		}
	})
}

func TestTCPPerClient(t *testing.T) {
	streams(t, TCPConfig{MaxConnsPerClient: 3, IdleTimeout: policy.Duration(time.Minute)}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		var conns []net.Conn
		for range 3 {
			conn := dial("127.0.0.2")
			if !answered(t, conn, "www.example.test") {
				t.Fatal("a connection within the limit is not served")
			}
			conns = append(conns, conn)
		}
		hungUp(t, dial("127.0.0.2"))
		if !answered(t, dial("127.0.0.3"), "www.example.test") {
			t.Error("another client is not served")
		}
		if !answered(t, conns[0], "www.example.test") {
			t.Error("a connection that was there before is not served any more")
		}
		conns[1].Close()
		eventually(t, "a closed connection makes room", func() bool {
			conn := dial("127.0.0.2")
			defer conn.Close()
			return answered(t, conn, "www.example.test")
		})
		if n := s.metric(t, "meridian_dns_tcp_closed_early_total", "client"); n < 1 {
			t.Errorf("%v refused connections are counted", n)
		}
	})
}

// S-06: connections that never finish a query do not keep others out.
func TestTCPSlowloris(t *testing.T) {
	const all = 64
	streams(t, TCPConfig{MaxConns: all, MaxConnsPerClient: 16, IdleTimeout: policy.Duration(time.Hour)}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		for i := range 2 * all {
			conn := dial(netip.AddrFrom4([4]byte{127, 2, 0, byte(1 + i/10)}).String())
			conn.Write([]byte{0})
		}
		eventually(t, "the server is full", func() bool { return s.metric(t, "meridian_dns_tcp_connections", "") == all })
		for i := range 20 {
			if !answered(t, dial("127.3.0.1"), "www.example.test") {
				t.Fatalf("fresh client %d is not served over TCP", i)
			}
			if i == 15 {
				break // its own limit
			}
		}
		exchange(t, "udp", s.Addrs()[0].String(), query("www.example.test", dns.TypeA))
		if n := s.metric(t, "meridian_dns_tcp_connections", ""); n > all {
			t.Errorf("%v connections are open, more than %d", n, all)
		}
	})
}

// A client that does not take its answers is cut off.
func TestTCPWriteTimeout(t *testing.T) {
	streams(t, TCPConfig{WriteTimeout: policy.Duration(100 * time.Millisecond), IdleTimeout: policy.Duration(time.Hour)}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		conn := dial("")
		socketOf(conn).SetReadBuffer(4 << 10)
		m := message(query("huge.example.test", dns.TypeTXT))
		eventually(t, "writing fails", func() bool {
			_, err := conn.Write(m)
			return err != nil && !errors.Is(err, os.ErrDeadlineExceeded)
		})
		eventually(t, "the connection is gone", func() bool { return s.metric(t, "meridian_dns_tcp_connections", "") == 0 })
	})
}

func TestRunEndsConnections(t *testing.T) {
	streams(t, TCPConfig{IdleTimeout: policy.Duration(time.Hour)}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		for range 5 {
			if !answered(t, dial(""), "www.example.test") {
				t.Fatal("not served")
			}
		}
		// The cleanup of serving fails if Run does not return although connections are open.
	})
}
