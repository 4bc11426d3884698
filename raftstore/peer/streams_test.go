package peer

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"
)

// pair opens a stream from one port to another and gives both ends.
func pair(t *testing.T, from, to *Port) (out, in net.Conn) {
	t.Helper()
	accepted := make(chan net.Conn, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() {
		c, _ := to.Streams().Accept(ctx)
		accepted <- c
	}()
	out, err := from.Streams().Dial(to.Addr().String(), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if in = <-accepted; in == nil {
		t.Fatal("the stream did not arrive")
	}
	return out, in
}

func TestStreamsCutAndMend(t *testing.T) {
	a := must(NewAuthority("c1"))
	p1, p2 := startPort(t, identity(t, a, "n1")), startPort(t, identity(t, a, "n2"))
	p1.Handle("echo", echo)
	out, in := pair(t, p1, p2)
	in2, out2 := pair(t, p2, p1)
	if _, err := out.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := in.Read(b); err != nil || b[0] != 'x' {
		t.Fatalf("read %q, %v", b, err)
	}

	p1.Streams().Cut()
	for name, c := range map[string]net.Conn{"dialed, here": out, "dialed, there": in, "accepted, here": out2, "accepted, there": in2} {
		if _, err := c.Read(b); err == nil {
			t.Errorf("%s: the stream is open after Cut", name)
		}
	}
	if _, err := p1.Streams().Dial(p2.Addr().String(), time.Second); !errors.Is(err, ErrCut) {
		t.Errorf("Dial after Cut: %v", err)
	}
	if c, err := p2.Streams().Dial(p1.Addr().String(), time.Second); err == nil {
		if _, err := c.Read(b); err == nil {
			t.Error("a stream to a node that is cut stays open")
		}
		_ = c.Close()
	}
	if _, err := p2.Call(t.Context(), p1.Addr().String(), "echo", nil); err != nil {
		t.Errorf("Cut took the calls along: %v", err)
	}

	p1.Streams().Mend()
	out, in = pair(t, p1, p2)
	_ = out.Close()
	if _, err := in.Read(b); err == nil {
		t.Error("a closed stream is open")
	}
	_ = in.Close()
}

// a stream ends with the certificate of the other end.
func TestStreamsEndWithTheCertificate(t *testing.T) {
	a := must(NewAuthority("c1"))
	short := *a
	short.Now = func() time.Time { return time.Now().Add(2*time.Second - NodeLifetime) }
	p1, p2 := startPort(t, identity(t, a, "n1")), startPort(t, identity(t, &short, "n2"))
	out, in := pair(t, p1, p2)
	if _, err := out.Read(make([]byte, 1)); err == nil {
		t.Error("the dialing side keeps the stream")
	}
	_ = in.Close()
	_ = out.Close()
}
