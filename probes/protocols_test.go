package probes

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/probes/peertest"
)

// certificate makes a self-signed one for www.example.com that expires after a while.
func certificate(t *testing.T, left time.Duration) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"www.example.com"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(left), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := x509.ParseCertificate(der)
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// secured starts a server that does nothing but handshakes.
func secured(t *testing.T, cert tls.Certificate, alpn ...string) string {
	return talk(t, func(c net.Conn) {
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: alpn})
		if s.Handshake() == nil {
			waitClosed(s)
		}
	})
}

func TestTLS(t *testing.T) {
	good, roots := certificate(t, 240*time.Hour)
	gone, goneRoots := certificate(t, -time.Hour)
	for _, c := range []struct {
		what  string
		cert  tls.Certificate
		roots *x509.CertPool
		check policy.TLSCheck
		want  string
	}{
		{"right", good, roots, policy.TLSCheck{SNI: "{service}", MinDaysLeft: 9}, ""},
		{"soon over", good, roots, policy.TLSCheck{SNI: "{service}", MinDaysLeft: 11}, "certificate expires in 10.0 days, want 11 or more"},
		{"soon over, insecure", good, x509.NewCertPool(), policy.TLSCheck{Insecure: true, MinDaysLeft: 11}, "certificate expires in 10.0 days, want 11 or more"},
		{"wrong name", good, roots, policy.TLSCheck{SNI: "other.test"}, "certificate is not valid for other.test"},
		{"unknown", good, x509.NewCertPool(), policy.TLSCheck{SNI: "{service}"}, "certificate signed by an unknown authority"},
		{"expired", gone, goneRoots, policy.TLSCheck{SNI: "{service}"}, "certificate has expired or is not yet valid"},
		{"expired, insecure", gone, x509.NewCertPool(), policy.TLSCheck{Insecure: true}, ""},
		{"alpn", good, roots, policy.TLSCheck{SNI: "{service}", ALPN: []string{"h2", "imap"}}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			to := target(t, secured(t, c.cert, "imap"), policy.Monitor{TLS: &c.check})
			to.Roots, to.Trace = c.roots, new(Trace)
			s := once(t, to)
			if c.want == "" {
				wantOK(t, s)
			} else {
				wantError(t, s, c.want)
			}
			if left := time.Until(to.Trace.TLSExpiry); to.Trace.TLSExpiry.IsZero() || left > 241*time.Hour {
				t.Errorf("the expiry noted is %v, also of a certificate that is not accepted", to.Trace.TLSExpiry)
			}
		})
	}
	to := target(t, secured(t, good), policy.Monitor{TLS: &policy.TLSCheck{Insecure: true, ALPN: []string{"h2"}}})
	wantError(t, once(t, to), "the server chose none of the protocols h2")
}

func TestGRPC(t *testing.T) {
	cert, roots := certificate(t, time.Hour)
	h := health.NewServer()
	h.SetServingStatus("down", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	start := func(with *health.Server, o ...grpc.ServerOption) string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := grpc.NewServer(o...)
		if with != nil {
			grpc_health_v1.RegisterHealthServer(s, with)
		}
		go s.Serve(l)
		t.Cleanup(s.Stop)
		return l.Addr().String()
	}
	plain, none := start(h), start(nil)
	secure := start(h, grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	for _, c := range []struct {
		at    string
		check policy.GRPCCheck
		want  string
	}{
		{plain, policy.GRPCCheck{}, ""},
		{plain, policy.GRPCCheck{Service: "down"}, "the service is NOT_SERVING"},
		{plain, policy.GRPCCheck{Service: "no"}, `the server does not know the service "no"`},
		{none, policy.GRPCCheck{}, "the server has no health service (grpc.health.v1.Health)"},
		{secure, policy.GRPCCheck{TLS: true, SNI: "{service}"}, ""},
		{secure, policy.GRPCCheck{TLS: true, SNI: "other.test"}, "certificate is not valid for other.test"},
		{closed(t), policy.GRPCCheck{}, "connection refused"},
		{talk(t, func(c net.Conn) { _, _ = c.Write([]byte("SSH-2.0-hunter2\r\n")); waitClosed(c) }), policy.GRPCCheck{}, notHTTP2},
	} {
		to := target(t, c.at, policy.Monitor{GRPC: &c.check})
		to.Roots = roots
		if s := once(t, to); c.want == "" {
			wantOK(t, s)
		} else {
			wantError(t, s, c.want)
		}
	}
}

func TestUDP(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 2048)
		for {
			n, from, err := l.ReadFrom(buf)
			if err != nil {
				return
			}
			if string(buf[:n]) != "quiet" {
				_, _ = l.WriteTo(append([]byte("got "), buf[:n]...), from)
			}
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	for _, c := range []struct {
		at    string
		check policy.UDPCheck
		want  string
	}{
		{"", policy.UDPCheck{Send: "ping", Expect: "got ping"}, ""},
		{"", policy.UDPCheck{SendHex: "00ff", ExpectHex: "2000ff"}, ""},
		{"", policy.UDPCheck{Send: "ping", Matches: "^got p[a-z]+$"}, ""},
		{"", policy.UDPCheck{Send: "ping", Expect: "pong"}, "the answer is not the one that is wanted"},
		{"", policy.UDPCheck{Send: "quiet", Expect: "x"}, "timeout after 100ms"},
		{closed(t), policy.UDPCheck{Send: "ping", Expect: "x"}, "connection refused"},
	} {
		m := policy.Monitor{UDP: &c.check}
		if c.check.Send == "quiet" {
			m.Interval, m.Timeout = policy.Duration(time.Second), policy.Duration(100*time.Millisecond)
		}
		if c.at == "" {
			c.at = l.LocalAddr().String()
		}
		if s := once(t, target(t, c.at, m)); c.want == "" {
			wantOK(t, s)
		} else {
			wantError(t, s, c.want)
		}
	}
}

func TestDNS(t *testing.T) {
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		switch q.Question[0].Name {
		case "www.example.com.":
			alias, _ := dns.NewRR("www.example.com. 5 IN CNAME a.example.com.")
			rr, _ := dns.NewRR("a.example.com. 5 IN A 192.0.2.1")
			m.Answer = []dns.RR{alias, rr}
			m.Truncated = w.LocalAddr().Network() == "udp" && q.RecursionDesired
			if m.Truncated {
				m.Answer = nil
			}
		case "no.example.com.":
			m.Rcode = dns.RcodeNameError
		case "stray.example.com.":
			stray := m.Copy()
			stray.Id++
			_ = w.WriteMsg(stray)
		}
		_ = w.WriteMsg(m)
	})
	var at [2]string
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at[0], at[1] = pc.LocalAddr().String(), l.Addr().String()
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: handler}, {Listener: l, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go s.ActivateAndServe()
		<-started
		t.Cleanup(func() { s.Shutdown() })
	}
	for _, c := range []struct {
		check policy.DNSCheck
		want  string
	}{
		{policy.DNSCheck{Name: "{service}"}, ""},
		{policy.DNSCheck{Name: "{service}", Answers: []string{"192.0.2.9", "192.0.2.1"}}, ""},
		{policy.DNSCheck{Name: "{service}", Answers: []string{"192.0.2.9"}}, "none of the 1 A records in the answer is wanted"},
		{policy.DNSCheck{Name: "{service}", Type: "CNAME", Answers: []string{"A.example.com."}}, ""},
		{policy.DNSCheck{Name: "no.example.com"}, "NXDOMAIN, want NOERROR"},
		{policy.DNSCheck{Name: "no.example.com", RCode: []string{"NOERROR", "NXDOMAIN"}}, ""},
		{policy.DNSCheck{Name: "stray.example.com"}, ""},
	} {
		for i, protocol := range []string{"udp", "tcp"} {
			c.check.Protocol = protocol
			s := once(t, target(t, at[i], policy.Monitor{DNS: &c.check}))
			if protocol == "tcp" && strings.HasPrefix(c.check.Name, "stray") {
				wantError(t, s, notDNS)
			} else if c.want == "" {
				wantOK(t, s)
			} else {
				wantError(t, s, c.want)
			}
		}
	}
	cut := policy.DNSCheck{Name: "{service}", Recursion: true, Answers: []string{"192.0.2.1"}}
	wantError(t, once(t, target(t, at[0], policy.Monitor{DNS: &cut})), "the answer is truncated; use protocol: tcp")
	bad := policy.DNSCheck{Name: "{service}", Answers: []string{"not an address"}}
	if s := once(t, target(t, at[0], policy.Monitor{DNS: &bad})); !s.Refused {
		t.Errorf("%+v", s)
	}
}

func TestICMP(t *testing.T) {
	m := policy.Monitor{ICMP: &policy.ICMPCheck{}}
	for _, host := range []string{"127.0.0.1", "::1"} {
		s := once(t, target(t, net.JoinHostPort(host, "0"), m))
		if s.Refused && strings.Contains(s.Error, "ping_group_range") {
			t.Skip(s.Error)
		}
		if host == "::1" && !s.OK {
			t.Skipf("no IPv6 on loopback: %+v", s)
		}
		wantOK(t, s)
	}
	to := target(t, "127.0.0.1:0", m)
	to.Guard = Guard{}
	if s := once(t, to); !s.Refused || !strings.Contains(s.Error, "probing.allow") {
		t.Errorf("%+v", s)
	}
}

func TestExec(t *testing.T) {
	script := filepath.Join(peertest.Dir(t, ""), "check")
	mark := filepath.Join(t.TempDir(), "mark")
	text := `#!/bin/sh
case "$1" in
good) test "$MERIDIAN_HOST:$MERIDIAN_ADDRESS:$MERIDIAN_PORT:$MERIDIAN_ENDPOINT" = "127.0.0.1:127.0.0.1:7:endpoint/web/a" && test -z "$HOME" ;;
bad) printf '\nsad\tnews\nmore\n' >&2; exit 3 ;;
hang) sleep 60 & echo $! >"$2"; wait ;;
leave) sleep 60 & echo $! >"$2"; exit 0 ;;
esac
`
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	probe := func(allow bool, words ...string) policy.Sample {
		t.Helper()
		m := policy.Monitor{Exec: &policy.ExecCheck{Command: append([]string{"check"}, words...)}}
		if words[0] == "hang" {
			m.Interval, m.Timeout = policy.Duration(2*time.Second), policy.Duration(time.Second)
		}
		to := target(t, "127.0.0.1:7", m)
		to.Check.Endpoint = "endpoint/web/a"
		if allow {
			to.Exec = map[string]string{"check": script}
		}
		return once(t, to)
	}
	t.Setenv("HOME", "/nowhere")
	wantOK(t, probe(true, "good"))
	wantError(t, probe(true, "bad"), "check ended with status 3: sad news")
	if s := probe(false, "good"); !s.Refused || !strings.Contains(s.Error, "probing.exec") {
		t.Errorf("%+v", s)
	}
	wantError(t, probe(true, "hang", mark), "timeout after 1s")
	awaitGone(t, mark)
	wantOK(t, probe(true, "leave", mark))
	awaitGone(t, mark)
}

// awaitGone waits until the process whose number is in a file has ended.
func awaitGone(t *testing.T, file string) {
	t.Helper()
	pid, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	peertest.Await(t, "the child has ended", func() error {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return nil
		}
		return os.ErrExist
	})
}
