package probes

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/probes/peertest"
)

// TestNginx probes HTTP/1.1, HTTP/2 in clear and over TLS, and redirects.
func TestNginx(t *testing.T) {
	program, dir := peertest.Program(t, "nginx"), peertest.Dir(t, "")
	cert, roots := certificate(t, time.Hour)
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	one, clear2, secure := peertest.Port(t), peertest.Port(t), peertest.Port(t)
	conf := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
  access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server {
    listen %[2]s:%[3]d; listen %[2]s:%[5]d ssl http2; ssl_certificate %[1]s/cert; ssl_certificate_key %[1]s/key;
    location / { add_header X-State "ready 7" always; return 200 '{"checks":[{"state":"ok","n":7,"up":true}]}'; }
    location /echo { if ($http_x_token != "t") { return 403; } if ($request_method != POST) { return 405; } return 200 $request_method; }
    location /missing { return 404; }
    location /here { return 302 /; }
    location /loop { return 302 /loop; }
    location /name { return 301 http://www.example.com:%[3]d/; }
    location /up { return 307 https://www.example.com:%[5]d/; }
    location /down { return 302 http://www.example.com:%[3]d/; }
    location /inside { return 302 http://127.0.0.53:%[3]d/; }
    location /ftp { return 302 ftp://www.example.com/; }
  }
  server { listen %[2]s:%[4]d http2; location / { return 200 ok; } }
}`, dir, peertest.Host, one, clear2, secure)
	for name, text := range map[string][]byte{
		"conf": []byte(conf),
		"cert": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		"key":  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	peertest.Start(t, peertest.Command(t, "", dir, program, "-p", dir, "-c", filepath.Join(dir, "conf"), "-e", "stderr"), syscall.SIGTERM)
	peertest.AwaitPort(t, secure)

	type check = policy.HTTPCheck
	json := func(path, equals string) *policy.BodyCheck {
		return &policy.BodyCheck{JSON: &policy.JSONCheck{Path: path, Equals: equals}}
	}
	ranged := func(text string) []policy.StatusRange {
		var r policy.StatusRange
		if err := r.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		return []policy.StatusRange{r}
	}
	for _, c := range []struct {
		what, scheme string
		port         int
		check        check
		want         string
	}{
		{"plain", "http", one, check{}, ""},
		{"a range", "http", one, check{Path: "/missing", Status: ranged("400-499")}, ""},
		{"out of a range", "http", one, check{Path: "/missing", Status: ranged("200-299")}, "status 404, want 200-299"},
		{"h2 in clear", "http", clear2, check{Version: "2"}, ""},
		{"h2 to who does not", "http", one, check{Version: "2"}, notHTTP2},
		{"1.1 over TLS", "https", secure, check{SNI: "www.example.com"}, ""},
		{"h2 over TLS", "https", secure, check{SNI: "www.example.com", Version: "2", Body: json("$.checks[0].state", "ok")}, ""},
		{"h2, another name", "https", secure, check{SNI: "other.test", Version: "2"}, "certificate is not valid for other.test"},
		{"head", "http", one, check{Method: "HEAD"}, ""},
		{"options", "http", one, check{Method: "OPTIONS"}, ""},
		{"post", "http", one, check{Path: "/echo", Method: "POST", RequestBody: "x", RequestHeaders: map[string]string{"X-Token": "t"}, Body: &policy.BodyCheck{Matches: "^POST$"}}, ""},
		{"post by h2", "https", secure, check{SNI: "www.example.com", Version: "2", Path: "/echo", Method: "POST", RequestBody: "x", RequestHeaders: map[string]string{"X-Token": "t"}}, ""},
		{"post without its header", "http", one, check{Path: "/echo", Method: "POST"}, "status 403, want 200"},
		{"header", "http", one, check{Headers: map[string]string{"X-State": `^ready \d+$`}}, ""},
		{"another header", "http", one, check{Headers: map[string]string{"X-State": `^sad`}}, "header X-State does not match"},
		{"no header", "http", one, check{Headers: map[string]string{"X-None": ``}}, "header X-None is missing"},
		{"contains", "http", one, check{Body: &policy.BodyCheck{Contains: `"ok"`}}, ""},
		{"does not contain", "http", one, check{Body: &policy.BodyCheck{Contains: "sad"}}, "the body does not contain the text that is wanted"},
		{"json number", "http", one, check{Body: json(`$["checks"][0].n`, "7")}, ""},
		{"json truth", "http", one, check{Body: json(`$.checks[0].up`, "true")}, ""},
		{"json other", "http", one, check{Body: json(`$.checks[0].n`, "8")}, `$.checks[0].n in the body is not "8"`},
		{"json nowhere", "http", one, check{Body: json(`$.checks[1].n`, "8")}, "the body has no $.checks[1].n"},
		{"json object", "http", one, check{Body: json(`$.checks[0]`, "8")}, `$.checks[0] in the body is not "8"`},
		{"redirect not followed", "http", one, check{Path: "/here"}, "status 302, want 200"},
		{"redirect", "http", one, check{Path: "/here", FollowRedirects: 1, Body: json("$.checks[0].state", "ok")}, ""},
		{"redirect without end", "http", one, check{Path: "/loop", FollowRedirects: 5}, "status 302, want 200"},
		{"to the name probed", "http", one, check{Path: "/name", Host: "www.example.com", FollowRedirects: 1}, ""},
		{"up to https", "http", one, check{Path: "/up", Host: "www.example.com", FollowRedirects: 1}, ""},
		{"down to http", "https", secure, check{Path: "/down", Host: "www.example.com", FollowRedirects: 1}, "redirected from https to http, which is not followed"},
		{"to another scheme", "http", one, check{Path: "/ftp", FollowRedirects: 1}, "redirected to what is no URL of http or https"},
		{"latency", "http", one, check{MaxLatency: 1}, "answered after"},
	} {
		t.Run(c.what, func(t *testing.T) {
			m := policy.Monitor{HTTP: &c.check}
			if c.scheme == "https" {
				m = policy.Monitor{HTTPS: &c.check}
			}
			to := target(t, net.JoinHostPort(peertest.Host, strconv.Itoa(c.port)), m)
			to.Roots = roots
			s := once(t, to)
			switch {
			case c.want == "":
				wantOK(t, s)
			case c.what == "latency":
				if s.OK || s.Error[:len(c.want)] != c.want {
					t.Errorf("%+v", s)
				}
			default:
				wantError(t, s, c.want)
			}
		})
	}
	// Where a redirect leads is judged like any target.
	m := policy.Monitor{HTTP: &check{Path: "/inside", FollowRedirects: 1}}
	to := target(t, net.JoinHostPort(peertest.Host, strconv.Itoa(one)), m)
	to.Guard.Allow = nil
	to.Guard.Allow = append(to.Guard.Allow, hostPrefix(t))
	if s := once(t, to); !s.Refused || s.Error != "refused: 127.0.0.53 is loopback; add it to probing.allow in the node's configuration" {
		t.Errorf("%+v", s)
	}
}

// hostPrefix is where servers of peertest listen, and nothing else.
func hostPrefix(t *testing.T) netip.Prefix {
	t.Helper()
	return netip.PrefixFrom(netip.MustParseAddr(peertest.Host), 32)
}
