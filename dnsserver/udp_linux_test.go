package dnsserver

import (
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// The whole way of a UDP query, from one system call to the next, allocates nothing.
func TestUDPAllocatesNothing(t *testing.T) {
	for _, listen := range withIPv6(t, "127.0.0.1:0", "0.0.0.0:0") {
		sockets, err := Listen(Config{Listen: []string{listen}})
		if err != nil {
			t.Fatal(err)
		}
		defer sockets.Close()
		s, err := New(Config{}, sockets, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.Publish(viewAt(t, exampleZone, 1))
		for _, extra := range sockets.UDP[1:] {
			extra.Close() // so that all packets come to the first
		}
		w, err := s.newUDPWorker(sockets.UDP[0])
		if err != nil {
			t.Fatal(err)
		}
		defer s.views.part(w.slot)
		to := sockets.UDP[0].LocalAddr().(*net.UDPAddr)
		if to.IP.IsUnspecified() {
			to = &net.UDPAddr{IP: net.IPv4(127, 0, 0, 5), Port: to.Port}
		}
		client, err := net.DialUDP("udp", nil, to)
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		client.SetDeadline(time.Now().Add(patience))
		packet, _ := query("www.example.test", dns.TypeA).Pack()
		buf := make([]byte, 1500)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := client.Write(packet); err != nil {
				t.Fatal(err)
			}
			if !w.turn() {
				t.Fatal("the socket is closed")
			}
			if n, err := client.Read(buf); err != nil || n < len(packet) {
				t.Fatalf("%d octets, %v", n, err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a query", listen, n)
		}
	}
}

// D-53: over IPv6 a response is never sent in fragments; where it is too large
// for the path it goes out again with TC.
func TestTooLargeForPath(t *testing.T) {
	var zone strings.Builder
	zone.WriteString("$TTL 300\n@ IN SOA ns1 h 7 3600 600 86400 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n")
	for i := range 82 { // 16 octets each
		fmt.Fprintf(&zone, "many IN A 10.0.0.%d\n", i)
	}
	view := viewAt(t, zone.String(), 1)
	var skip error
	var sockets *Sockets
	var client *net.UDPConn
	done := make(chan struct{})
	config := Config{Listen: []string{"[::1]:0"}, UDPSize: 1400}
	go func() { // in a network namespace of its own, that ends with its thread and its sockets
		defer close(done)
		runtime.LockOSThread()
		if skip = smallLoopback(); skip != nil {
			return
		}
		if sockets, skip = Listen(config); skip != nil {
			return
		}
		client, skip = net.DialUDP("udp6", nil, sockets.UDP[0].LocalAddr().(*net.UDPAddr))
	}()
	if <-done; skip != nil {
		t.Skipf("needs a network namespace with IPv6: %v", skip)
	}
	s := startOn(t, config, sockets)
	s.Publish(view)
	defer client.Close()
	client.SetDeadline(time.Now().Add(patience))
	for _, c := range []struct {
		size uint16
		tc   bool
	}{{1400, true}, {1232, true}, {512, true}} {
		q := query("many.example.test", dns.TypeA)
		q.SetEdns0(c.size, false)
		packet, _ := q.Pack()
		if _, err := client.Write(packet); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 2000)
		n, err := client.Read(buf)
		if err != nil {
			t.Fatalf("size %d: %v", c.size, err)
		}
		m := new(dns.Msg)
		if err := m.Unpack(buf[:n]); err != nil || m.Truncated != c.tc || m.IsEdns0() == nil {
			t.Errorf("size %d: %v\n%v", c.size, err, m)
		}
	}
	eventually(t, "each query and its response are counted once", func() bool {
		return s.metric(t, "meridian_dns_queries_total", "udp") == 3 && s.metric(t, "meridian_dns_responses_total", "udp") == 3
	})
}

// smallLoopback puts the thread into a network namespace whose loopback takes the least that IPv6 allows.
func smallLoopback() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint32(1280)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFMTU, lo); err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo)
}

// D-54 over IPv6: a response comes from the address that was asked, whichever the host would choose itself.
func TestWildcardAddressIPv6(t *testing.T) {
	ip, err := exec.LookPath("ip")
	if err != nil {
		t.Skip("ip is not installed (Debian: apt-get install iproute2)")
	}
	hosts := []string{"fd00::1", "fd00::2", "fd00::3"}
	var skip error
	var sockets *Sockets
	var client *net.UDPConn
	done := make(chan struct{})
	config := Config{Listen: []string{"[::]:0"}}
	go func() { // in a network namespace of its own, that ends with its thread and its sockets
		defer close(done)
		runtime.LockOSThread()
		if skip = smallLoopback(); skip != nil {
			return
		}
		for _, h := range hosts {
			if out, err := exec.Command(ip, "-6", "address", "add", h+"/128", "dev", "lo", "nodad").CombinedOutput(); err != nil {
				skip = fmt.Errorf("%w: %s", err, out)
				return
			}
		}
		if sockets, skip = Listen(config); skip != nil {
			return
		}
		client, skip = net.ListenUDP("udp6", nil) // not connected, so that it takes packets from anywhere
	}()
	if <-done; skip != nil {
		t.Skipf("needs a network namespace with IPv6: %v", skip)
	}
	s := startOn(t, config, sockets)
	s.Publish(viewAt(t, exampleZone, 1))
	defer client.Close()
	packet, _ := query("www.example.test", dns.TypeA).Pack()
	for _, h := range hosts {
		to := netip.AddrPortFrom(netip.MustParseAddr(h), s.Addrs()[0].(*net.TCPAddr).AddrPort().Port())
		eventually(t, "there is an answer from "+h, func() bool { // a namespace just made loses a packet now and then
			if _, err := client.WriteToUDPAddrPort(packet, to); err != nil {
				t.Fatal(err)
			}
			client.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
			_, from, err := client.ReadFromUDPAddrPort(make([]byte, 1500))
			return err == nil && from == to
		})
	}
}
