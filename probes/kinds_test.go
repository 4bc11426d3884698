package probes

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

var loopback = Guard{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

// target is a check of a listener on loopback that may be probed.
func target(t *testing.T, address string, m policy.Monitor) Target {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	if m.Timeout == 0 {
		m.Interval, m.Timeout = policy.Duration(time.Minute), policy.Duration(20*time.Second)
	}
	return Target{
		Guard: loopback,
		Check: policy.Check{ID: "web/a@m", Host: host, Port: n, Service: "www.example.com.", Monitor: m.WithDefaults()},
	}
}

// once makes one probe.
func once(t *testing.T, to Target) policy.Sample {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(to.Check.Monitor.Timeout))
	defer cancel()
	return Kinds()[kindOf(to.Check.Monitor)](ctx, to)
}

func wantOK(t *testing.T, s policy.Sample) {
	t.Helper()
	if !s.OK || s.Error != "" || s.Took <= 0 {
		t.Errorf("%+v, want success", s)
	}
}

func wantError(t *testing.T, s policy.Sample, text string) {
	t.Helper()
	if s.OK || s.Refused || s.Error != text {
		t.Errorf("%+v, want the failure %q", s, text)
	}
}

// serve starts an HTTP server and gives its address.
func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// talk starts a TCP server that does as told with each connection.
func talk(t *testing.T, with func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			with(c)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// closed is an address on which nothing listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

var httpCheck = policy.Monitor{HTTP: &policy.HTTPCheck{}}

func TestTCP(t *testing.T) {
	tcp := policy.Monitor{TCP: &policy.TCPCheck{}}
	wantOK(t, once(t, target(t, talk(t, func(net.Conn) {}), tcp)))
	wantError(t, once(t, target(t, closed(t), tcp)), "connection refused")
	v6, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 on loopback")
	}
	defer v6.Close()
	wantOK(t, once(t, target(t, v6.Addr().String(), tcp)))
}

func TestHTTPStatus(t *testing.T) {
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		w.WriteHeader(n)
	})
	for _, c := range []struct {
		path string
		want []int
		err  string
	}{
		{"/200", nil, ""},
		{"/204", []int{200, 204}, ""},
		{"/503", nil, "status 503, want 200"},
		{"/200", []int{204, 206}, "status 200, want 204 or 206"},
		{"/401", []int{401}, ""},
	} {
		s := once(t, target(t, at, policy.Monitor{HTTP: &policy.HTTPCheck{Path: c.path, Status: policy.Statuses(c.want...)}}))
		if c.err == "" {
			wantOK(t, s)
		} else {
			wantError(t, s, c.err)
		}
	}
	wantError(t, once(t, target(t, closed(t), httpCheck)), "connection refused")
}

func TestHTTPRequest(t *testing.T) {
	got := make(chan *http.Request, 1)
	at := serve(t, func(w http.ResponseWriter, r *http.Request) { got <- r })
	probe := func(c policy.HTTPCheck, service string) *http.Request {
		t.Helper()
		to := target(t, at, policy.Monitor{HTTP: &c})
		to.Check.Service = service
		to.Secret = func(name string) (string, error) { return "Bearer value-of-" + name, nil }
		wantOK(t, once(t, to))
		return <-got
	}
	r := probe(policy.HTTPCheck{Path: "/healthz?deep=1"}, "www.example.com.")
	if r.Method != "GET" || r.RequestURI != "/healthz?deep=1" || r.Host != at || r.UserAgent() != "meridian-probe/1 (+health check)" || !r.Close {
		t.Errorf("the request: %+v", r)
	}
	if len(r.Header["Authorization"]) != 0 {
		t.Error("credentials that nobody asked for")
	}
	if r := probe(policy.HTTPCheck{Host: "{service}"}, "www.example.com."); r.Host != "www.example.com" {
		t.Errorf("host %q", r.Host)
	}
	if r := probe(policy.HTTPCheck{Host: "{service}:8443"}, "*.app.example.com."); r.Host != "meridian-probe.app.example.com:8443" {
		t.Errorf("host %q for a wildcard", r.Host)
	}
	if r := probe(policy.HTTPCheck{Authorization: &policy.SecretRef{Secret: "probe"}}, ""); r.Header.Get("Authorization") != "Bearer value-of-probe" {
		t.Errorf("authorization %q", r.Header.Get("Authorization"))
	}
	if r := probe(policy.HTTPCheck{Path: "//elsewhere.example/x"}, ""); r.RequestURI != "//elsewhere.example/x" || r.Host != at {
		t.Errorf("a path with two slashes went to %s of %s", r.RequestURI, r.Host)
	}
}

func TestSecretsStaySecret(t *testing.T) {
	hits := new(atomic.Int32)
	at := serve(t, func(w http.ResponseWriter, _ *http.Request) { hits.Add(1); w.WriteHeader(http.StatusUnauthorized) })
	m := policy.Monitor{HTTP: &policy.HTTPCheck{Authorization: &policy.SecretRef{Secret: "probe"}}}
	to := target(t, at, m)
	to.Secret = func(string) (string, error) { return "s3cr3t\r\nX-Injected: 1", nil }
	wantError(t, once(t, to), "status 401, want 200")

	to.Secret = func(string) (string, error) { return "", fmt.Errorf("cannot open %q", "s3cr3t") }
	s := once(t, to)
	if s.OK || !s.Refused || s.Error != `not probed: secret "probe" cannot be opened; set it again` {
		t.Errorf("%+v", s)
	}
	to.Secret = nil
	if s := once(t, to); s.OK || !s.Refused {
		t.Errorf("%+v", s)
	}
	if hits.Load() != 1 {
		t.Errorf("%d requests, want one: without its credential none is made", hits.Load())
	}
}

func TestEachProbeHasItsConnection(t *testing.T) {
	fresh := new(atomic.Int32)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			fresh.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	t.Setenv("HTTP_PROXY", "http://"+closed(t)) // must not be looked at
	for range 3 {
		wantOK(t, once(t, target(t, s.Listener.Addr().String(), httpCheck)))
	}
	if fresh.Load() != 3 {
		t.Errorf("%d connections for 3 probes", fresh.Load())
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	hits := new(atomic.Int32)
	inner := serve(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	at := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+inner+"/", http.StatusFound)
	})
	wantError(t, once(t, target(t, at, httpCheck)), "status 302, want 200")
	wantOK(t, once(t, target(t, at, policy.Monitor{HTTP: &policy.HTTPCheck{Status: policy.Statuses(302)}})))
	if hits.Load() != 0 {
		t.Errorf("%d requests reached the place a redirect points to", hits.Load())
	}
}

// skipRequest reads a request to its end.
func skipRequest(c net.Conn) {
	r := bufio.NewReader(c)
	for {
		line, err := r.ReadString('\n')
		if err != nil || line == "\r\n" {
			return
		}
	}
}

// waitClosed blocks until the other side gives up.
func waitClosed(c net.Conn) { io.Copy(io.Discard, c) }

func TestHTTPAnswers(t *testing.T) {
	const soon = policy.Duration(100 * time.Millisecond)
	endless := func(c net.Conn, text string) {
		for {
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
	for _, c := range []struct {
		what    string
		timeout policy.Duration
		with    func(net.Conn)
		err     string
	}{
		{"never answers", soon, waitClosed, "timeout after 100ms"},
		{"stops in the header", soon, func(c net.Conn) { skipRequest(c); io.WriteString(c, "HTTP/1.1 200 OK\r\nX-A: "); waitClosed(c) }, "timeout after 100ms"},
		{"stops in the body", soon, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
			waitClosed(c)
		}, "timeout after 100ms"},
		{"a bad status does not wait for its body", 0, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\nhalf")
			waitClosed(c)
		}, "status 500, want 200"},
		{"a body without end is enough at 64 KiB", 0, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
			endless(c, strings.Repeat("x", 1000))
		}, ""},
		{"a header without end", 0, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n")
			endless(c, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
		}, "response header over 64 KiB"},
		{"a header of one endless line", 0, func(c net.Conn) { skipRequest(c); endless(c, "HTTP/1.1 200 OK") }, "response header over 64 KiB"},
		{"closes at once", 0, func(c net.Conn) { skipRequest(c) }, "connection closed before the end of the answer"},
		{"closes in the body", 0, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
		}, "connection closed before the end of the answer"},
		{"another protocol, whose banner is not shown", 0, func(c net.Conn) {
			io.WriteString(c, "SSH-2.0-OpenSSH_9.2 hunter2\r\n")
			waitClosed(c)
		}, "the answer is not HTTP"},
		{"a header that is none, which is not shown", 0, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nhunter2\r\n\r\n")
		}, "the answer is not HTTP"},
		{"hints come first", 0, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}, ""},
		{"nothing but hints", 0, func(c net.Conn) { skipRequest(c); endless(c, "HTTP/1.1 103 Early Hints\r\n\r\n") }, "status 103, want 200"},
		{"chunks", 0, func(c net.Conn) {
			skipRequest(c)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")
		}, ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := policy.Monitor{HTTP: &policy.HTTPCheck{}, Timeout: c.timeout}
			s := once(t, target(t, talk(t, c.with), m))
			if c.err == "" {
				wantOK(t, s)
			} else {
				wantError(t, s, c.err)
			}
		})
	}
}

func TestCancelCutsAProbe(t *testing.T) {
	reached := make(chan struct{})
	at := talk(t, func(c net.Conn) { skipRequest(c); close(reached); waitClosed(c) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	if s := Kinds()["http"](ctx, target(t, at, httpCheck)); s.OK {
		t.Errorf("%+v", s)
	}
}

func TestHTTPS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-SNI", r.TLS.ServerName)
		if want := r.URL.Query().Get("sni"); r.TLS.ServerName != want {
			w.WriteHeader(http.StatusMisdirectedRequest)
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of handshakes that are meant to fail
	s.StartTLS()
	defer s.Close()
	at := s.Listener.Addr().String()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate()) // for example.com, *.example.com, 127.0.0.1 and ::1
	probe := func(c policy.HTTPCheck, roots *x509.CertPool) policy.Sample {
		to := target(t, at, policy.Monitor{HTTPS: &c})
		to.Roots = roots
		return once(t, to)
	}
	q := func(sni string) string { return "/?sni=" + url.QueryEscape(sni) }
	wantOK(t, probe(policy.HTTPCheck{Path: q("")}, roots)) // by address: no SNI (RFC 6066 section 3)
	wantOK(t, probe(policy.HTTPCheck{Path: q("www.example.com"), Host: "{service}"}, roots))
	wantOK(t, probe(policy.HTTPCheck{Path: q("example.com"), Host: "other.test:8443", SNI: "example.com"}, roots))
	wantError(t, probe(policy.HTTPCheck{Host: "other.test"}, roots), "certificate is not valid for other.test")
	wantError(t, probe(policy.HTTPCheck{}, x509.NewCertPool()), "certificate signed by an unknown authority")
	wantOK(t, probe(policy.HTTPCheck{Path: q("other.test"), Host: "other.test", Insecure: true}, x509.NewCertPool()))

	plain := serve(t, func(http.ResponseWriter, *http.Request) {})
	wantError(t, once(t, target(t, plain, policy.Monitor{HTTPS: &policy.HTTPCheck{}})), "the answer is not TLS")
	silent := talk(t, waitClosed)
	m := policy.Monitor{HTTPS: &policy.HTTPCheck{}, Timeout: policy.Duration(100 * time.Millisecond)}
	wantError(t, once(t, target(t, silent, m)), "timeout after 100ms")
}
