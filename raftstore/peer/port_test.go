package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meridian-gtm/meridian/policy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// identity makes a node's identity; names, when given, replace the names that Issue would sign.
func identity(t *testing.T, a *Authority, node string, names ...string) *Identity {
	t.Helper()
	key := must(NewKey())
	csr := must(NewRequest(key, node))
	var cert []byte
	if names == nil {
		cert = must(a.Issue(csr, node))
	} else {
		cert = must(a.issue(csr, node, names))
	}
	id := &Identity{NodeID: node, ClusterID: a.ClusterID, CA: x509.NewCertPool()}
	id.CA.AddCert(must(x509.ParseCertificate(a.Certificate)))
	id.Certificate = tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: must(parseKey(key)), Leaf: must(x509.ParseCertificate(cert))}
	return id
}

// startPort runs a port on loopback until the test ends.
func startPort(t *testing.T, id *Identity, change ...func(*Config)) *Port {
	t.Helper()
	cfg := Config{Listener: must(net.Listen("tcp", "127.0.0.1:0")), Identity: id, Logger: quiet()}
	for _, c := range change {
		c(&cfg)
	}
	p := must(New(cfg))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return p
}

func echo(_ context.Context, from string, body []byte) ([]byte, error) {
	return []byte(from + ":" + string(body)), nil
}

func TestCalls(t *testing.T) {
	a := must(NewAuthority("c1"))
	p1, p2 := startPort(t, identity(t, a, "n1")), startPort(t, identity(t, a, "n2"))
	p2.Handle("echo", echo)
	p2.Handle("refuse", func(context.Context, string, []byte) ([]byte, error) {
		return nil, &policy.Error{Kind: policy.Invalid, Message: "no", Problems: policy.Problems{{Pointer: "/a", Message: "b"}}}
	})
	p2.Handle("plain", func(context.Context, string, []byte) ([]byte, error) { return nil, errors.New("plain") })
	p2.Handle("panic", func(context.Context, string, []byte) ([]byte, error) { panic("handler") })
	ctx, addr := t.Context(), p2.Addr().String()

	for range 3 { // the second and third over the same connection
		got, err := p1.Call(ctx, addr, "echo", []byte("hello"))
		if err != nil || string(got) != "n1:hello" {
			t.Fatalf("echo: %q, %v", got, err)
		}
	}
	_, err := p1.Call(ctx, addr, "refuse", nil)
	var refusal *policy.Error
	if !errors.As(err, &refusal) || refusal.Kind != policy.Invalid || len(refusal.Problems) != 1 || refusal.Problems[0].Pointer != "/a" {
		t.Errorf("a refusal came back as %#v", err)
	}
	for name, want := range map[string]policy.Kind{"plain": policy.Unavailable, "panic": policy.Unavailable, "unknown": policy.NotFound} {
		if _, err := p1.Call(ctx, addr, name, nil); policy.KindOf(err) != want || Unsent(err) {
			t.Errorf("%s: %v (kind %q, unsent %v), want kind %q", name, err, policy.KindOf(err), Unsent(err), want)
		}
	}
	if _, err := p1.Call(ctx, addr, "echo", make([]byte, MaxBody+1)); policy.KindOf(err) != policy.Invalid {
		t.Errorf("a call over the limit: %v", err)
	}
	big := must(p1.Call(ctx, addr, "echo", make([]byte, MaxBody-3)))
	if len(big) != MaxBody {
		t.Errorf("a call of the full size answered %d octets", len(big))
	}
}

// A caller waits no longer than its context, whatever the other end does.
func TestCallEndsWithContext(t *testing.T) {
	a := must(NewAuthority("c1"))
	p1, p2 := startPort(t, identity(t, a, "n1")), startPort(t, identity(t, a, "n2"))
	entered := make(chan struct{})
	ended := make(chan struct{})
	p2.Handle("hang", func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
		close(entered)
		<-ctx.Done()
		close(ended)
		return nil, ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-entered; cancel() }()
	_, err := p1.Call(ctx, p2.Addr().String(), "hang", nil)
	if policy.KindOf(err) != policy.Unavailable || Unsent(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("the call ended with %v", err)
	}
	<-ended // the other end is told

	l := must(net.Listen("tcp", "127.0.0.1:0"))
	closed := l.Addr().String()
	_ = l.Close()
	if _, err := p1.Call(t.Context(), closed, "hang", nil); policy.KindOf(err) != policy.Unavailable || !Unsent(err) {
		t.Errorf("calling a closed port: %v, unsent %v", err, Unsent(err))
	}
}

// A connection that died while idle does not fail the next call.
func TestCallAfterRestartOfOtherNode(t *testing.T) {
	a := must(NewAuthority("c1"))
	p1 := startPort(t, identity(t, a, "n1"))
	addr := "127.66.0.1:0" // nobody dials from here, so the port stays free between two starts
	for i := range 3 {
		p2 := must(New(Config{Listener: must(net.Listen("tcp", addr)), Identity: identity(t, a, "n2"), Logger: quiet()}))
		p2.Handle("echo", echo)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p2.Run(ctx) }()
		addr = p2.Addr().String()
		var err error
		for range 3 { // net/http may meet the dead connection before its reader does
			if _, err = p1.Call(t.Context(), addr, "echo", []byte("x")); err == nil {
				break
			}
		}
		if err != nil {
			t.Fatalf("after %d restarts: %v", i, err)
		}
		cancel()
		<-done
	}
}

// S-18: who is refused, on either side, and that no byte passes.
func TestCertificateMatrix(t *testing.T) {
	a, other := must(NewAuthority("c1")), must(NewAuthority("c2"))
	impostor := must(NewAuthority("c1")) // same cluster id, another key
	past := *a
	past.Now = func() time.Time { return time.Now().Add(-2 * NodeLifetime) }
	good := identity(t, a, "n1")

	withCA := func(id *Identity) *Identity { id.CA = good.CA; id.ClusterID = "c1"; return id }
	bare := withCA(&Identity{NodeID: "n3"})
	cases := map[string]*Identity{
		"no certificate":           bare,
		"another authority":        withCA(identity(t, impostor, "n3")),
		"another cluster":          withCA(identity(t, other, "n3")),
		"another cluster, same CA": withCA(identity(t, a, "n3", roleName("c2"), nodeName("n3", "c2"))),
		"no server role":           withCA(identity(t, a, "n3", "prober.c1.meridian", nodeName("n3", "c1"))),
		"no node":                  withCA(identity(t, a, "n3", roleName("c1"))),
		"two nodes":                withCA(identity(t, a, "n3", roleName("c1"), nodeName("n3", "c1"), nodeName("n1", "c1"))),
		"expired":                  withCA(identity(t, &past, "n3")),
	}
	server := startPort(t, good)
	var called atomic.Int32
	server.Handle("echo", func(ctx context.Context, from string, body []byte) ([]byte, error) {
		called.Add(1)
		return echo(ctx, from, body)
	})
	friend := startPort(t, identity(t, a, "n2"))
	if _, err := friend.Call(t.Context(), server.Addr().String(), "echo", nil); err != nil {
		t.Fatalf("a good node is refused: %v", err)
	}
	called.Store(0)
	for name, id := range cases {
		t.Run(name, func(t *testing.T) {
			bad := startPort(t, id)
			if _, err := bad.Call(t.Context(), server.Addr().String(), "echo", nil); err == nil {
				t.Error("it may call")
			}
			if conn, err := bad.Streams().Dial(server.Addr().String(), time.Second); err == nil {
				if _, err := conn.Read(make([]byte, 1)); err == nil {
					t.Error("its stream is open")
				}
				_ = conn.Close()
			}
			if _, err := server.Call(t.Context(), bad.Addr().String(), "echo", nil); err == nil {
				t.Error("it may be called")
			}
			if conn, err := server.Streams().Dial(bad.Addr().String(), time.Second); err == nil {
				t.Error("a stream to it opens")
				_ = conn.Close()
			}
		})
	}
	if n := called.Load(); n != 0 {
		t.Errorf("%d calls of refused nodes reached the handler", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := server.Streams().Accept(ctx); err == nil {
		t.Error("a stream of a refused node reached Raft")
	}
}

func TestPlainAndForeignBytesAreRefused(t *testing.T) {
	a := must(NewAuthority("c1"))
	p := startPort(t, identity(t, a, "n1"))
	raw := must(net.Dial("tcp", p.Addr().String()))
	_, _ = raw.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	answer, _ := io.ReadAll(raw)
	_ = raw.Close()
	if strings.Contains(string(answer), "HTTP/1.1 200") {
		t.Errorf("plain HTTP was answered: %q", answer)
	}
	id := identity(t, a, "n2")
	for name, proto := range map[string][]string{"no ALPN": nil, "foreign ALPN": {"h2"}} {
		cfg := id.clientConfig(protoRaft, "", false)
		cfg.NextProtos, cfg.VerifyConnection = proto, nil
		conn, err := tls.Dial("tcp", p.Addr().String(), cfg)
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
			_ = conn.Close()
		}
		if err == nil {
			t.Errorf("%s: the connection is open", name)
		}
	}
	old := id.clientConfig(protoRaft, "", false)
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if conn, err := tls.Dial("tcp", p.Addr().String(), old); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.2 is accepted")
	}
}

func TestRefusedAndUnexpectedNodes(t *testing.T) {
	a := must(NewAuthority("c1"))
	server := startPort(t, identity(t, a, "n1"), func(c *Config) { c.Refuse = func(node string) bool { return node == "gone" } })
	server.Handle("echo", echo)
	gone := startPort(t, identity(t, a, "gone"))
	if _, err := gone.Call(t.Context(), server.Addr().String(), "echo", nil); err == nil {
		t.Error("a removed node may call")
	}
	picky := startPort(t, identity(t, a, "n2"), func(c *Config) { c.Expect = func(string) string { return "n9" } })
	if _, err := picky.Call(t.Context(), server.Addr().String(), "echo", nil); !Unsent(err) {
		t.Errorf("n1 answers for n9: %v", err)
	}
}

// The accept loop does not wait for a handshake that never comes.
func TestSilentConnectionsDoNotBlock(t *testing.T) {
	a := must(NewAuthority("c1"))
	server := startPort(t, identity(t, a, "n1"))
	server.Handle("echo", echo)
	for range 20 {
		raw := must(net.Dial("tcp", server.Addr().String()))
		defer func() { _ = raw.Close() }()
	}
	p := startPort(t, identity(t, a, "n2"))
	if _, err := p.Call(t.Context(), server.Addr().String(), "echo", nil); err != nil {
		t.Error(err)
	}
}

func TestConnectionsPerAddressAreBounded(t *testing.T) {
	server := startPort(t, identity(t, must(NewAuthority("c1")), "n1"))
	var conns []net.Conn
	for range maxPerAddress + 1 {
		conns = append(conns, must(net.Dial("tcp", server.Addr().String())))
	}
	// One of them is closed at once; the others wait for a handshake.
	closed := make(chan struct{}, len(conns))
	for _, c := range conns {
		go func() {
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := c.Read(make([]byte, 1)); errors.Is(err, io.EOF) || err != nil && strings.Contains(err.Error(), "reset") {
				closed <- struct{}{}
			}
		}()
	}
	<-closed
	for _, c := range conns {
		_ = c.Close()
	}
}
