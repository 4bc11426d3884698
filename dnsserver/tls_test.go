package dnsserver

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// newCertificate is a certificate for ns1.example.test and 127.0.0.1 that signs itself.
func newCertificate(t testing.TB, serial int64) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "ns1.example.test"}, DNSNames: []string{"ns1.example.test"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

var theCertificate = sync.OnceValue(func() *tls.Certificate { return newCertificate(noTest{}, 1) })

// noTest stands for a test where none can fail yet.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(args) }

// trusting is the settings of a client that trusts a certificate and speaks DNS over TLS.
func trusting(c *tls.Certificate) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(c.Leaf)
	return &tls.Config{RootCAs: pool, ServerName: "ns1.example.test", NextProtos: []string{"dot"}}
}

// withTLS adds a listener for DNS over TLS on every address that has one without.
func withTLS(c Config) Config {
	c.TLS.Listen = c.Listen
	c.TLS.Certificate = theCertificate
	return c
}

// streams runs a test over TCP and over TLS; from "" is any address.
func streams(t *testing.T, limits TCPConfig, test func(t *testing.T, s *started, dial func(from string) net.Conn)) {
	for _, secure := range []bool{false, true} {
		t.Run(map[bool]string{false: "TCP", true: "TLS"}[secure], func(t *testing.T) {
			s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}, TCP: limits}))
			test(t, s, func(from string) net.Conn {
				if !secure {
					return dial(t, s.Addrs()[0], from)
				}
				return tls.Client(dial(t, s.TLSAddrs()[0], from), trusting(theCertificate()))
			})
		})
	}
}

func TestTLSMistakes(t *testing.T) {
	c := Config{Listen: []string{"127.0.0.1:5300", ":853"}, TLS: TLSConfig{Listen: []string{"127.0.0.1:53", "localhost:853", "127.0.0.1:5300", "[::1]:853", "[::1]:853"}}}
	var e *policy.Error
	if !errors.As(c.Validate(), &e) || e.Kind != policy.Invalid {
		t.Fatalf("%v", c.Validate())
	}
	var at []string
	for _, p := range e.Problems {
		at = append(at, p.Pointer)
	}
	want := "/dns/listen/1 /dns/tls/listen/0 /dns/tls/listen/1 /dns/tls/listen/4 /dns/tls/listen/2 /dns/tls"
	if got := strings.Join(at, " "); got != want {
		t.Errorf("mistakes at\n%s, want\n%s", got, want)
	}
}

func TestTLSVersionsAndProtocols(t *testing.T) {
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}}))
	for _, c := range []struct {
		what    string
		change  func(c *tls.Config)
		version uint16 // 0 if there is to be no connection
	}{
		{"TLS 1.3 where the client has it", func(*tls.Config) {}, tls.VersionTLS13},
		{"TLS 1.2", func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }, tls.VersionTLS12},
		{"TLS 1.1", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, 0},
		{"no ALPN", func(c *tls.Config) { c.NextProtos = nil }, tls.VersionTLS13},
		{"ALPN of somebody else", func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }, 0},
	} {
		config := trusting(theCertificate())
		c.change(config)
		conn := tls.Client(dial(t, s.TLSAddrs()[0], ""), config)
		ok := answered(t, conn, "www.example.test")
		state := conn.ConnectionState()
		if ok != (c.version != 0) || ok && state.Version != c.version {
			t.Errorf("%s: answered %v in version %x", c.what, ok, state.Version)
		}
		if want := strings.Join(config.NextProtos, ""); ok && state.NegotiatedProtocol != want {
			t.Errorf("%s: the protocol is %q", c.what, state.NegotiatedProtocol)
		}
	}
	eventually(t, "handshakes are counted by how they ended", func() bool {
		return s.metric(t, "meridian_dns_tls_handshakes_total", "full") == 3 &&
			s.metric(t, "meridian_dns_tls_handshake_failures_total", "protocol") == 2
	})
}

// D-60: where TLS is spoken nothing else is.
func TestTLSRefusesCleartext(t *testing.T) {
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}}))
	conn := dial(t, s.TLSAddrs()[0], "")
	if _, err := conn.Write(message(query("www.example.test", dns.TypeA))); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(conn) // an alert, or nothing
	if len(got) > 7 || bytes.Contains(got, []byte{192, 0, 2, 80}) {
		t.Errorf("answered %x", got)
	}
	eventually(t, "it is counted", func() bool {
		return s.metric(t, "meridian_dns_tls_handshake_failures_total", "cleartext") == 1 && s.metric(t, "meridian_dns_queries_total", "") == 0
	})
}

// A client that comes again need not go through the whole handshake (RFC 7858 section 3.4),
// even if the certificate has changed; one that has not been here sees the new one.
func TestTLSResumption(t *testing.T) {
	var certificate atomic.Pointer[tls.Certificate]
	first, second := theCertificate(), newCertificate(t, 2)
	certificate.Store(first)
	config := withTLS(Config{Listen: []string{"127.0.0.1:0"}})
	config.TLS.Certificate = certificate.Load
	s := serving(t, config)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		certificate.Store(first)
		client := trusting(first)
		client.MaxVersion, client.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
		for i := range 3 {
			conn := tls.Client(dial(t, s.TLSAddrs()[0], ""), client)
			if !answered(t, conn, "www.example.test") || conn.ConnectionState().DidResume != (i > 0) {
				t.Errorf("version %x, connection %d: %+v", version, i, conn.ConnectionState())
			}
			conn.Close()
			certificate.Store(second)
		}
		if !answered(t, tls.Client(dial(t, s.TLSAddrs()[0], ""), trusting(second)), "www.example.test") {
			t.Error("a new client does not see the new certificate")
		}
	}
	eventually(t, "resumed handshakes are counted", func() bool { return s.metric(t, "meridian_dns_tls_handshakes_total", "resumed") == 4 })
}

// A handshake that stalls ends as a query that stalls does, and meanwhile nobody else waits.
func TestTLSStalledHandshake(t *testing.T) {
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{IdleTimeout: policy.Duration(500 * time.Millisecond), MaxConnsPerClient: 3}}))
	var stalled []net.Conn
	for _, start := range []string{"", "\x16\x03\x01", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"} {
		conn := dial(t, s.TLSAddrs()[0], "127.0.0.2")
		if _, err := conn.Write([]byte(start)); err != nil {
			t.Fatal(err)
		}
		stalled = append(stalled, conn)
	}
	eventually(t, "all are open", func() bool { return s.metric(t, "meridian_dns_tcp_connections", "dot") == 3 })
	hungUp(t, dial(t, s.TLSAddrs()[0], "127.0.0.2")) // they count as connections,
	hungUp(t, dial(t, s.Addrs()[0], "127.0.0.2"))    // with TLS and without
	if !answered(t, tls.Client(dial(t, s.TLSAddrs()[0], "127.0.0.3"), trusting(theCertificate())), "www.example.test") {
		t.Error("another client is not served")
	}
	for _, conn := range stalled {
		hungUp(t, conn)
	}
	eventually(t, "they are counted", func() bool {
		return s.metric(t, "meridian_dns_tls_handshake_failures_total", "timeout") == 3 && s.metric(t, "meridian_dns_tcp_connections", "") == 0
	})
}

// counted counts what is read from a connection.
type counted struct {
	net.Conn
	n int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.n += n
	return n, err
}

// The server says goodbye, so that the client can tell an end from a cut. crypto/tls
// does not tell them apart between two records, so the octets of the alert are looked for.
func TestTLSGoodbye(t *testing.T) {
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{IdleTimeout: policy.Duration(200 * time.Millisecond)}}))
	below := &counted{Conn: dial(t, s.TLSAddrs()[0], "")}
	conn := tls.Client(below, trusting(theCertificate()))
	if !answered(t, conn, "www.example.test") {
		t.Fatal("not served")
	}
	before := below.n
	if n, err := conn.Read(make([]byte, 1)); err != io.EOF || below.n == before {
		t.Errorf("the end is %d, %v after %d octets", n, err, below.n-before)
	}
}

// D-59: padding over TLS for who asks, and for nobody elsewhere.
func TestTLSPadding(t *testing.T) {
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}}))
	for _, c := range []struct {
		network string
		asks    bool
	}{{"udp", true}, {"tcp", true}, {"tcp-tls", true}, {"tcp-tls", false}} {
		q := query("www.example.test", dns.TypeA)
		q.SetEdns0(1232, false)
		if c.asks {
			q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_PADDING{Padding: make([]byte, 40)})
		}
		padded := false
		for _, o := range exchange(t, c.network, s.addr(c.network), q).IsEdns0().Option {
			p, ok := o.(*dns.EDNS0_PADDING)
			padded = padded || ok && len(p.Padding) > 300
		}
		if padded != (c.asks && c.network == "tcp-tls") {
			t.Errorf("%s, asked %v: padded %v", c.network, c.asks, padded)
		}
	}
}
