package peer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

const testToken = "mj_7f3a9c1e5b2d8064"

func joinable(t *testing.T) (*Port, *Authority, *atomic.Int32) {
	t.Helper()
	a := must(NewAuthority("c1"))
	p := startPort(t, identity(t, a, "n1"))
	var served atomic.Int32
	p.ServeJoin(func(_ context.Context, r JoinRequest) (JoinReply, error) {
		served.Add(1)
		if string(r.Key) != string(JoinKey(testToken)) {
			t.Error("the request does not carry the key that was proved")
		}
		if r.NodeLabel == "taken" {
			return JoinReply{}, policy.Errorf(policy.Conflict, "the label is taken")
		}
		cert, err := a.Issue(r.CSR, r.NodeID)
		return JoinReply{ClusterID: "c1", CA: a.Certificate, Certificate: cert, ClusterKey: []byte("kek"),
			Members: []policy.Member{{ID: "n1", Node: "first", Cluster: p.Addr().String()}}}, err
	}, func() [][]byte { return [][]byte{JoinKey("another"), nil, JoinKey(testToken)} })
	return p, a, &served
}

func TestJoin(t *testing.T) {
	server, _, _ := joinable(t)
	server.Handle("echo", echo)
	key := must(NewKey())
	request := JoinRequest{NodeID: "n2", NodeLabel: "second", CSR: must(NewRequest(key, "n2"))}
	reply, err := Join(t.Context(), server.Addr().String(), testToken, request)
	if err != nil {
		t.Fatal(err)
	}
	id, err := NewIdentity("n2", reply.ClusterID, reply.CA, reply.Certificate, key)
	if err != nil || string(reply.ClusterKey) != "kek" || len(reply.Members) != 1 {
		t.Fatalf("reply %+v, %v", reply, err)
	}
	if left := time.Until(id.Expires()); left < NodeLifetime-time.Hour || left > NodeLifetime {
		t.Errorf("the certificate is good for %v", left)
	}
	p := startPort(t, nil)
	if _, err := p.Call(t.Context(), server.Addr().String(), "echo", nil); policy.KindOf(err) != policy.Unavailable {
		t.Errorf("a call before joining: %v", err)
	}
	if _, err := server.Call(t.Context(), p.Addr().String(), "echo", nil); err == nil {
		t.Error("a node that has not joined answers calls")
	}
	p.SetIdentity(id)
	got, err := p.Call(t.Context(), server.Addr().String(), "echo", []byte("in"))
	if err != nil || string(got) != "n2:in" {
		t.Errorf("after joining: %q, %v", got, err)
	}
	request.NodeLabel = "taken"
	if _, err := Join(t.Context(), server.Addr().String(), testToken, request); policy.KindOf(err) != policy.Conflict {
		t.Errorf("a refused join: %v", err)
	}
}

func TestJoinWithWrongTokenLearnsNothingAndIsLimited(t *testing.T) {
	server, _, served := joinable(t)
	addr := server.Addr().String()
	for range maxFailures {
		if _, err := Join(t.Context(), addr, "wrong", JoinRequest{NodeID: "n2"}); policy.KindOf(err) != policy.Invalid {
			t.Fatalf("a wrong token: %v", err)
		}
	}
	if _, err := Join(t.Context(), addr, testToken, JoinRequest{NodeID: "n2"}); err == nil {
		t.Error("an address that guesses is listened to")
	}
	if served.Load() != 0 {
		t.Error("the request was served")
	}
	server.join.mu.Lock()
	server.join.now = func() time.Time { return time.Now().Add(2 * failureWindow) }
	server.join.mu.Unlock()
	_, err := Join(t.Context(), addr, testToken, JoinRequest{NodeID: "n2"})
	if err == nil || served.Load() != 1 { // the request is empty, so it is served and then refused
		t.Errorf("after the window: %v, served %d", err, served.Load())
	}

	// On the wire: with a wrong proof, not one octet comes back.
	conn := must(tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protoJoin}}))
	_, _ = conn.Write(make([]byte, 64))
	if b, _ := io.ReadAll(conn); len(b) != 0 {
		t.Errorf("a wrong proof is answered with %d octets", len(b))
	}
	_ = conn.Close()
}

// A relay between joiner and server that ends TLS on both sides, without the
// token, learns nothing and cannot make either side go on.
func TestJoinThroughRelayFails(t *testing.T) {
	server, _, served := joinable(t)
	relay := identity(t, must(NewAuthority("c1")), "n1")
	l := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{relay.Certificate}, NextProtos: []string{protoJoin}}))
	defer func() { _ = l.Close() }()
	seen := make(chan string, 1)
	go func() {
		victim, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = victim.Close() }()
		up, err := tls.Dial("tcp", server.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{protoJoin}})
		if err != nil {
			return
		}
		var down strings.Builder
		back := make(chan struct{})
		go func() { _, _ = io.Copy(io.MultiWriter(victim, &down), up); _ = victim.Close(); close(back) }()
		var heard strings.Builder
		_, _ = io.Copy(io.MultiWriter(up, &heard), victim)
		_ = up.Close()
		<-back
		seen <- heard.String() + "|" + down.String()
	}()
	if _, err := Join(t.Context(), l.Addr().String(), testToken, JoinRequest{NodeID: "n2", NodeLabel: "secret-label"}); err == nil {
		t.Error("the join went through the relay")
	}
	if s := <-seen; len(s) != 64+1 || strings.Contains(s, "secret-label") {
		t.Errorf("the relay saw %d octets, want the joiner's proof alone", len(s)-1)
	}
	if served.Load() != 0 {
		t.Error("the server served the relay")
	}
}

// A server that does not know the token cannot make a joiner talk: it may replay the joiner's own proof.
func TestJoinerRefusesServerWithoutToken(t *testing.T) {
	fake := identity(t, must(NewAuthority("c1")), "n1")
	l := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{fake.Certificate}, NextProtos: []string{protoJoin}}))
	defer func() { _ = l.Close() }()
	rest := make(chan []byte, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = c.Close() }()
		hello := make([]byte, 64)
		_, _ = io.ReadFull(c, hello)
		_, _ = c.Write(hello)
		b, _ := io.ReadAll(c)
		rest <- b
	}()
	_, err := Join(t.Context(), l.Addr().String(), testToken, JoinRequest{NodeID: "n2"})
	if policy.KindOf(err) != policy.Invalid {
		t.Errorf("the joiner took it for a node: %v", err)
	}
	if b := <-rest; len(b) != 0 {
		t.Errorf("the joiner went on with %d octets", len(b))
	}
}

func TestJoinNowhere(t *testing.T) {
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	addr := l.Addr().String()
	_ = l.Close()
	if _, err := Join(t.Context(), addr, testToken, JoinRequest{}); policy.KindOf(err) != policy.Unavailable {
		t.Errorf("joining nowhere: %v", err)
	}
}

func TestIssueTakesOnlyTheKey(t *testing.T) {
	a := must(NewAuthority("c1"))
	key := must(NewKey())
	for _, id := range []string{"", "a.b", "UPPER", "-x", "x y", strings.Repeat("a", 64)} {
		if _, err := a.Issue(must(NewRequest(key, "n")), id); policy.KindOf(err) != policy.Invalid {
			t.Errorf("node id %q: %v", id, err)
		}
	}
	csr := must(NewRequest(key, "n2"))
	csr[len(csr)-1] ^= 1
	if _, err := a.Issue(csr, "n2"); policy.KindOf(err) != policy.Invalid {
		t.Errorf("a request with a broken signature: %v", err)
	}
	cert := must(a.Issue(must(NewRequest(key, "root")), "n2"))
	if _, err := NewIdentity("n3", "c1", a.Certificate, cert, key); err == nil {
		t.Error("the certificate of n2 passes for n3")
	}
	if _, err := NewIdentity("n2", "c1", a.Certificate, cert, must(NewKey())); err == nil {
		t.Error("a foreign key passes")
	}
	if _, err := json.Marshal(JoinRequest{Key: []byte("secret")}); err != nil {
		t.Error(err)
	}
}
