package probes

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http/httptrace"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// dial connects to the check's host by TCP.
func (t *Target) dial(ctx context.Context, port int) (net.Conn, error) {
	return t.dialTo(ctx, "tcp", t.Check.Host, t.port(port))
}

// dialTo connects to a host, whose name is resolved here and nowhere else. Every
// address is judged at the moment its socket is about to connect. The connection
// is cut at the deadline of ctx.
func (t *Target) dialTo(ctx context.Context, network, host string, port int) (net.Conn, error) {
	var attempted atomic.Bool // addresses of a name are tried side by side
	d := net.Dialer{
		Resolver: t.resolver(), KeepAlive: -1,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return refuse("refused: %s is not an address", address)
			}
			if err := t.Guard.Check(to); err != nil {
				return err
			}
			attempted.Store(true)
			return nil
		},
	}
	start, looked := time.Now(), atomic.Int64{}
	watched := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) { looked.CompareAndSwap(0, int64(time.Since(start))) },
	})
	once := func(ctx context.Context) (net.Conn, error) {
		return d.DialContext(ctx, network, net.JoinHostPort(host, strconv.Itoa(port)))
	}
	conn, err := again(watched, once)
	resolved := time.Duration(looked.Load())
	t.Trace.DNS += resolved
	t.Trace.connected = time.Now()
	if err != nil {
		var r *refusal
		if errors.As(err, &r) && attempted.Load() {
			return nil, fail(policy.CauseUnreachable, 0, "no address of %s that may be probed answers", host)
		}
		return nil, err
	}
	t.Trace.Connect += t.Trace.connected.Sub(start) - resolved
	if to, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err == nil {
		t.Trace.Address = to
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// again connects, and begins anew beside the first attempt when nothing has come
// back in a third of the time there is: a lost SYN, which the kernel sends again
// only after a second (RFC 6298 section 2), is not a target that is down. Whatever
// answers first counts, a refusal as well as a connection.
func again(ctx context.Context, dial func(context.Context) (net.Conn, error)) (net.Conn, error) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return dial(ctx)
	}
	first, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var over bool // the first attempt's answer has been taken
	var second net.Conn
	var failed error // of the second attempt
	retry := time.AfterFunc(time.Until(deadline)/3, func() {
		conn, err := dial(first)
		mu.Lock()
		defer mu.Unlock()
		if over {
			if err == nil {
				conn.Close()
			}
			return
		}
		if err != nil && !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, syscall.ECONNRESET) {
			return // that is no answer of the target's: the first attempt may have one yet
		}
		second, failed = conn, err
		cancel()
	})
	conn, err := dial(first)
	retry.Stop()
	mu.Lock()
	defer mu.Unlock()
	over = true
	switch {
	case err == nil && second != nil:
		second.Close()
	case err != nil && second != nil:
		return second, nil
	case err != nil && failed != nil && ctx.Err() == nil:
		return nil, failed // the first was cut short for it
	}
	return conn, err
}

// cutAtEnd closes a connection when ctx ends, until stop is called. The connection is
// the one given, whatever the caller's variable holds by then.
func cutAtEnd(ctx context.Context, conn io.Closer) (stop func() bool) {
	return context.AfterFunc(ctx, func() { conn.Close() })
}
