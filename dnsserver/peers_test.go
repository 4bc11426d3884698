package dnsserver

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"github.com/meridian-gtm/meridian/policy"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// peer finds a real client's program, or skips the test and says so.
func peer(t *testing.T, name, debian string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin") {
		if file := filepath.Join(dir, name); exec.Command("test", "-x", file).Run() == nil {
			return file
		}
	}
	t.Skipf("%s is not installed (Debian: apt-get install %s)", name, debian)
	return ""
}

// authority writes the server's certificate where clients can find it.
func authority(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := &pem.Block{Type: "CERTIFICATE", Bytes: theCertificate().Certificate[0]}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// run gives what a program prints; it fails the test only if the program cannot be run at all.
func run(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if _, failed := err.(*exec.ExitError); err != nil && !failed {
		t.Fatalf("%s: %v", name, err)
	}
	return string(out)
}

func TestKdig(t *testing.T) {
	kdig := peer(t, "kdig", "knot-dnsutils")
	s := serving(t, withTLS(Config{Listen: withIPv6(t, "127.0.0.1:0")}))
	for _, at := range s.everywhere() {
		host, port, _ := net.SplitHostPort(at.addr)
		args := []string{"@" + host, "-p", port} // what stands before the questions holds for both
		switch at.network {
		case "tcp":
			args = append(args, "+tcp", "+keepopen")
		case "tcp-tls": // strict: the name in the certificate is checked (RFC 8310 section 8.1)
			args = append(args, "+tls", "+tls-ca="+authority(t), "+tls-hostname=ns1.example.test", "+padding", "+keepopen")
		}
		out := run(t, "", kdig, append(args, "www.example.test", "A", "huge.example.test", "TXT")...)
		want := []string{"192.0.2.80", `"record" "number" "200"`}
		if at.network == "tcp-tls" {
			want = append(want, "TLS1.3", "PADDING: ", "Received 468 B")
		}
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%v: without %q kdig says\n%.2000s", at, text, out)
			}
		}
		if strings.Contains(out, ";; ERROR") || at.network != "udp" && strings.Contains(out, ";; WARNING") {
			t.Errorf("%v: kdig says\n%.2000s", at, out)
		}
	}
}

func TestDig(t *testing.T) {
	dig := peer(t, "dig", "bind9-dnsutils")
	if !strings.Contains(run(t, "", dig, "-h"), "+[no]tls ") {
		t.Skip("this dig is too old for DNS over TLS")
	}
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}}))
	host, port, _ := net.SplitHostPort(s.addr("tcp-tls"))
	args := []string{"@" + host, "-p", port, "www.example.test", "A", "+tls-ca=" + authority(t), "+tls-hostname=ns1.example.test"}
	if out := run(t, "", dig, args...); !strings.Contains(out, "192.0.2.80") || !strings.Contains(out, "(TLS)") || strings.Contains(out, ";; Warning") {
		t.Errorf("dig says\n%s", out)
	}
	// Without TLS the same port has nothing to say.
	if out := run(t, "", dig, "@"+host, "-p", port, "+tcp", "+tries=1", "+timeout=2", "www.example.test", "A"); strings.Contains(out, "192.0.2.80") {
		t.Errorf("without TLS dig says\n%s", out)
	}
}

func TestOpenSSL(t *testing.T) {
	openssl := peer(t, "openssl", "openssl")
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}, TCP: TCPConfig{IdleTimeout: policy.Duration(300 * time.Millisecond)}}))
	session := filepath.Join(t.TempDir(), "session")
	args := []string{"s_client", "-connect", s.addr("tcp-tls"), "-alpn", "dot", "-CAfile", authority(t), "-verify_return_error", "-servername", "ns1.example.test"}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		// The query brings out the session ticket of TLS 1.3, which comes after the handshake.
		with := append(args[:len(args):len(args)], version, "-quiet")
		out := run(t, string(message(query("www.example.test", dns.TypeA))), openssl, append(with, "-sess_out", session)...)
		if !bytes.Contains([]byte(out), []byte{192, 0, 2, 80}) {
			t.Errorf("%s: openssl says\n%q", version, out)
		}
		if out := run(t, "", openssl, append(args[:len(args):len(args)], version, "-sess_in", session)...); !strings.Contains(out, "Reused, TLSv1") {
			t.Errorf("%s: not resumed: openssl says\n%s", version, out)
		}
	}
	if out := run(t, "", openssl, append(args[:len(args):len(args)], "-tls1_2")...); !strings.Contains(out, "ALPN protocol: dot") || !strings.Contains(out, "Secure Renegotiation IS supported") {
		t.Errorf("openssl says\n%s", out)
	}
	if out := run(t, "", openssl, append(args[:len(args):len(args)], "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")...); !strings.Contains(out, "alert protocol version") {
		t.Errorf("with TLS 1.1 openssl says\n%s", out)
	}
}

// unbound asks over TLS only, checks the name in the certificate, and keeps its connection.
func TestUnboundOverTLS(t *testing.T) {
	unbound := peer(t, "unbound", "unbound")
	s := serving(t, withTLS(Config{Listen: []string{"127.0.0.1:0"}}))
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := free.LocalAddr().String()
	free.Close()
	host, port, _ := net.SplitHostPort(at)
	serverHost, serverPort, _ := net.SplitHostPort(s.addr("tcp-tls"))
	dir := t.TempDir()
	file := filepath.Join(dir, "unbound.conf")
	text := fmt.Sprintf(`server:
  interface: %s
  port: %s
  username: ""
  chroot: ""
  directory: %q
  pidfile: ""
  use-syslog: no
  local-zone: "test." nodefault
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  access-control: 127.0.0.0/8 allow
  tls-cert-bundle: %q
remote-control:
  control-enable: no
forward-zone:
  name: "example.test"
  forward-tls-upstream: yes
  forward-addr: %s@%s#ns1.example.test
`, host, port, dir, authority(t), serverHost, serverPort)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(unbound, "-d", "-c", file)
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("log of unbound:\n%s", log.String())
		}
	}()
	ask := func(name string, typ uint16) *dns.Msg {
		for _, network := range []string{"udp", "tcp"} {
			m, _, err := (&dns.Client{Net: network, Timeout: patience}).Exchange(query(name, typ), at)
			if err != nil {
				return new(dns.Msg)
			}
			if !m.Truncated {
				return m
			}
		}
		return new(dns.Msg)
	}
	eventually(t, "unbound has the answer", func() bool { return len(ask("www.example.test", dns.TypeA).Answer) == 1 })
	if m := ask("huge.example.test", dns.TypeTXT); len(m.Answer) != 200 {
		t.Errorf("unbound answers\n%v", m)
	}
	if m := ask("none.example.test", dns.TypeA); m.Rcode != dns.RcodeNameError {
		t.Errorf("unbound answers\n%v", m)
	}
	if plain := s.metric(t, "meridian_dns_queries_total", "udp") + s.metric(t, "meridian_dns_queries_total", "tcp"); plain != 0 {
		t.Errorf("unbound asked %v times without TLS", plain)
	}
}
