package dnsserver

import (
	"crypto/tls"
	"encoding/binary"
	"github.com/meridian-gtm/meridian/policy"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// openFiles is how many descriptors this process has open.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("needs /proc: %v", err)
	}
	return len(list)
}

// S-06: well over a thousand clients that send an octet now and then, over TCP,
// in a handshake and over TLS, keep no new client out; files and goroutines stay bounded.
func TestSlowClients(t *testing.T) {
	const all, each, slow = 1000, 30, 1500
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*slow {
		t.Skipf("needs %d open files, may have %d (%v)", 2*slow, limit.Cur, err)
	}
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{MaxConns: all, MaxConnsPerClient: each, IdleTimeout: policy.Duration(time.Hour)}}))
	files, goroutines := openFiles(t), runtime.NumGoroutine()
	conns := make(chan net.Conn, slow)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := worker; i < slow; i += 4 {
				from := netip.AddrFrom4([4]byte{127, 2, byte(i / each >> 4), byte(1 + i/each&15)}).String()
				switch i % 3 {
				case 0:
					conns <- dial(t, s.Addrs()[0], from)
				case 1:
					conns <- dial(t, s.TLSAddrs()[0], from)
				case 2:
					conn := tls.Client(dial(t, s.TLSAddrs()[0], from), trusting(theCertificate()))
					if err := conn.Handshake(); err != nil {
						t.Errorf("the handshake of client %d: %v", i, err)
					}
					conns <- conn
				}
			}
		})
	}
	wg.Wait()
	close(conns)
	stop := make(chan struct{})
	wg.Go(func() {
		var open []net.Conn
		for conn := range conns {
			open = append(open, conn)
		}
		record := []byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3} // a ClientHello begins so
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			for i, conn := range open {
				octet := []byte{0} // of a long message
				if _, ok := conn.(*net.TCPConn); ok && i%2 == 0 && n < len(record) {
					octet[0] = record[n]
				}
				conn.Write(octet) // errors are those of connections that had to make room
			}
			select {
			case <-stop:
				return
			case <-tick.C:
			}
		}
	})
	defer wg.Wait()
	defer close(stop)
	eventually(t, "the server is full", func() bool { return s.metric(t, "meridian_dns_tcp_connections", "") == all })
	for range 20 {
		q := query("www.example.test", dns.TypeA)
		exchange(t, "udp", s.addr("udp"), q)
		exchange(t, "tcp", s.addr("tcp"), q)
		exchange(t, "tcp-tls", s.addr("tcp-tls"), q)
	}
	if n := s.metric(t, "meridian_dns_tcp_connections", ""); n > all {
		t.Errorf("%v connections are open, more than %d", n, all)
	}
	// This process has the clients' files too; they hold no goroutine.
	if n := openFiles(t) - files; n > slow+all+50 {
		t.Errorf("%d files were opened, more than %d of clients and %d", n, slow, all)
	}
	if n := runtime.NumGoroutine() - goroutines; n > all+50 {
		t.Errorf("%d goroutines were started, for at most %d connections", n, all)
	}
	if n := s.metric(t, "meridian_dns_tcp_closed_early_total", "idle"); n < slow-all {
		t.Errorf("%v connections made room, want at least %d", n, slow-all)
	}
}

// Large queries that never come whole have a budget; queries of usual size need none of it.
func TestUnfinishedLargeQueries(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{IdleTimeout: policy.Duration(time.Hour), MaxConnsPerClient: 1000}})
	part := binary.BigEndian.AppendUint16(nil, 65535)
	part = append(part, make([]byte, 65000)...)
	var conns []net.Conn
	for range maxGrown/(maxRead-firstRead) + 20 {
		conn := dial(t, s.Addrs()[0], "")
		conn.Write(part) // an error is that of a connection that was ended
		conns = append(conns, conn)
	}
	eventually(t, "the budget is used up", func() bool { return s.metric(t, "meridian_dns_tcp_closed_early_total", "buffer") > 0 })
	if n := s.tcp.grown.Load(); n > maxGrown {
		t.Errorf("%d octets are held", n)
	}
	if !answered(t, dial(t, s.Addrs()[0], "127.0.0.2"), "www.example.test") {
		t.Error("a query of usual size is not answered")
	}
	for _, conn := range conns {
		conn.Close()
	}
	eventually(t, "all of it is given back", func() bool { return s.tcp.grown.Load() == 0 })
	large := query("www.example.test", dns.TypeA)
	large.SetEdns0(1232, false)
	large.IsEdns0().Option = append(large.IsEdns0().Option, &dns.EDNS0_LOCAL{Code: 65001, Data: make([]byte, 60000)})
	conn := dial(t, s.Addrs()[0], "")
	conn.Write(message(large))
	if m, err := receive(conn); err != nil || len(m.Answer) != 1 {
		t.Fatalf("%v\n%v", err, m)
	}
	eventually(t, "a large query that was answered holds nothing", func() bool { return s.tcp.grown.Load() == 0 })
}

// A client that sends no more still gets its answers; one that resets the connection is gone at once.
func TestHalfClosedAndReset(t *testing.T) {
	streams(t, TCPConfig{IdleTimeout: policy.Duration(time.Hour)}, func(t *testing.T, s *started, dial func(from string) net.Conn) {
		conn := dial("")
		packet := message(query("www.example.test", dns.TypeA))
		if _, err := conn.Write(append(packet, packet...)); err != nil {
			t.Fatal(err)
		}
		if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if m, err := receive(conn); err != nil || len(m.Answer) != 1 {
				t.Fatalf("%v\n%v", err, m)
			}
		}
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the end is %d, %v", n, err)
		}
		for range 10 {
			conn := dial("")
			if !answered(t, conn, "www.example.test") {
				t.Fatal("not served")
			}
			socketOf(conn).SetLinger(0)
			socketOf(conn).Close()
		}
		eventually(t, "no connection is open", func() bool { return s.metric(t, "meridian_dns_tcp_connections", "") == 0 })
	})
}

// However many answers a client has asked for and does not take, they hold the
// view for one write: the answers after it are of the new view.
func TestSlowReaderAndNewView(t *testing.T) {
	s := serving(t, Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{WriteTimeout: policy.Duration(30 * time.Second)}})
	conn := dial(t, s.Addrs()[0], "")
	conn.SetReadBuffer(64 << 10)
	large := query("www.example.test", dns.TypeA) // makes the server read all that follows at once
	large.SetEdns0(1232, false)
	large.IsEdns0().Option = append(large.IsEdns0().Option, &dns.EDNS0_LOCAL{Code: 65001, Data: make([]byte, 34000)})
	const n = 600 // answers of 13 KiB
	all := message(large)
	for range n {
		all = append(all, message(query("huge.example.test", dns.TypeTXT))...)
	}
	if _, err := conn.Write(all); err != nil {
		t.Fatal(err)
	}
	var busy *tcpConn
	eventually(t, "the server is stuck writing", func() bool {
		s.tcp.each(func(c *tcpConn) { busy = c })
		return busy != nil && stuck(s, busy)
	})
	const smaller = 100
	left, ok := s.Publish(viewAt(t, strings.Replace(exampleZone, "1-200", "1-100", 1), 2))
	if !ok || closed(left) {
		t.Fatalf("published %v, left %v", ok, closed(left))
	}
	old := 0
	for range 1 + n {
		m, err := receive(conn)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Answer) == 200 {
			old++
		} else if len(m.Answer) == smaller {
			if !closed(left) {
				<-left // the switch rings a bell first
			}
			break
		}
	}
	if old == n {
		t.Error("every answer is of the old view")
	}
}
