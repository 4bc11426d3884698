package node

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// free is an address on loopback that was free a moment ago, and that nobody dials from.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.68.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// What a node's file says of DNS over TLS is what it does; a new certificate needs no restart.
func TestNodeServesDNSOverTLS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	end := time.Now().Add(time.Hour)
	writePair(t, cert, key, 1, end, true)
	secure := free(t)
	text := fmt.Sprintf(`node: ns1
dataDir: %q
dns:
  listen: ["127.0.0.1:0"]
  tls: {listen: [%q], cert: %q, key: %q}
api: {listen: %q}
cluster: {listen: %q, bootstrap: true}
`, filepath.Join(dir, "data"), secure, cert, key, free(t), free(t))
	cfg, err := ParseConfig([]byte(text), "node.yaml")
	if err != nil {
		t.Fatal(err)
	}
	n, err := New(*cfg, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	client := dns.Client{Net: "tcp-tls", Timeout: patience, TLSConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"dot"}}}
	serial := func() int64 {
		conn, err := client.Dial(secure)
		if err != nil {
			return 0
		}
		defer conn.Close()
		m, _, err := client.ExchangeWithConn(new(dns.Msg).SetQuestion("example.test.", dns.TypeSOA), conn)
		if err != nil || m.Rcode != dns.RcodeRefused { // a new node has no zone
			return 0
		}
		return conn.Conn.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	eventually(t, "DNS over TLS is served", func() bool { return serial() == 1 })
	writePair(t, cert, key, 2, end, true)
	eventually(t, "the new certificate is shown", func() bool { return serial() == 2 })
}

// An address that is taken is an error, and gives the others back.
func TestNewWithTakenAddress(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	secure := free(t)
	cfg := Config{Node: "ns1", DataDir: t.TempDir(), DNS: DNS{Listen: []string{secure}}, API: API{Listen: l.Addr().String()}}
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg, Options{Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), "api.listen") {
		t.Errorf("%v", err)
	}
	again, err := net.Listen("tcp", secure)
	if err != nil {
		t.Fatalf("the DNS listener is still open: %v", err)
	}
	again.Close()
}
