package probes

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http/httptrace"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Target is a check with all that a probe of it needs.
type Target struct {
	Check policy.Check
	Guard Guard
	// Secret opens a credential that the check refers to. Its value goes into the
	// request and nowhere else.
	Secret func(name string) (string, error)
	// Resolver looks up host names. Nil stands for the system's configuration, read by Go's own resolver.
	Resolver *net.Resolver
	// Roots verify certificates of https targets. Nil stands for the system's.
	Roots *x509.CertPool
	// Trace takes what the probe finds out on its way. Nil: nobody wants to know.
	Trace *Trace
}

// Kind is one kind of probe. It makes one attempt on a fresh connection, ends
// when ctx does, and leaves nothing behind. It leaves Sample.Started to its caller.
type Kind func(ctx context.Context, t Target) policy.Sample

// Kinds is the table of all kinds of probes, by their key in a monitor.
func Kinds() map[string]Kind {
	return map[string]Kind{
		"http":  timed(probeHTTP),
		"https": timed(probeHTTPS),
		"tcp":   timed(probeTCP),
	}
}

// kindOf is the key of the kind of probe that a monitor asks for.
func kindOf(m policy.Monitor) string {
	switch {
	case m.HTTP != nil:
		return "http"
	case m.HTTPS != nil:
		return "https"
	case m.TCP != nil:
		return "tcp"
	}
	return "none"
}

// timed makes a Kind of a function that says what was wrong.
func timed(probe func(context.Context, *Target) error) Kind {
	return func(ctx context.Context, t Target) policy.Sample {
		if t.Trace == nil {
			t.Trace = new(Trace)
		}
		start := time.Now()
		err := probe(ctx, &t)
		s := policy.Sample{OK: err == nil, Took: policy.Duration(time.Since(start))}
		t.Trace.into(&s)
		if err != nil {
			s.Refused = ours(err)
			if !s.Refused && errors.Is(ctx.Err(), context.DeadlineExceeded) {
				err = ctx.Err() // rather than what the cut connection looked like
			}
			f := explain(err, &t)
			s.Cause, s.Detail, s.Error = f.cause, f.detail, f.text
		}
		return s
	}
}

// ours says whether the cause lies with this node, so that the target is not to blame.
func ours(err error) bool {
	var r *refusal
	return errors.As(err, &r) || errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// dial connects to the check's host, whose name is resolved here and nowhere
// else. Every address is judged at the moment its socket is about to connect.
// The connection is cut when ctx ends.
func (t *Target) dial(ctx context.Context, port int) (net.Conn, error) {
	var attempted atomic.Bool // addresses of a name are tried side by side
	d := net.Dialer{
		Resolver: t.Resolver, KeepAlive: -1,
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
	if d.Resolver == nil {
		d.Resolver = &net.Resolver{PreferGo: true}
	}
	if t.Check.Port != 0 {
		port = t.Check.Port
	}
	start, resolved := time.Now(), time.Duration(0)
	watched := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		DNSDone: func(httptrace.DNSDoneInfo) { resolved = time.Since(start) },
	})
	conn, err := d.DialContext(watched, "tcp", net.JoinHostPort(t.Check.Host, strconv.Itoa(port)))
	t.Trace.DNS += resolved
	t.Trace.connected = time.Now()
	if err != nil {
		var r *refusal
		if errors.As(err, &r) && attempted.Load() {
			return nil, fail(policy.CauseUnreachable, 0, "no address of %s that may be probed answers", t.Check.Host)
		}
		return nil, err
	}
	t.Trace.Connect += t.Trace.connected.Sub(start) - resolved
	if to, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		t.Trace.Address = to.AddrPort()
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

// expand puts the service's name where a monitor says "{service}". A wildcard
// stands for any label, so a label of ours takes its place.
func (t *Target) expand(text string) string {
	service := strings.TrimSuffix(t.Check.Service, ".")
	if rest, ok := strings.CutPrefix(service, "*."); ok {
		service = "meridian-probe." + rest
	}
	return strings.ReplaceAll(text, "{service}", service)
}
