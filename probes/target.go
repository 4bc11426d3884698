package probes

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strings"
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
	// Roots verify certificates. Nil stands for the system's.
	Roots *x509.CertPool
	// Exec are the programs that exec monitors may run: their absolute paths by the
	// names that monitors call them by. It is probing.exec in the node's configuration.
	Exec map[string]string
	// Trace takes what the probe finds out on its way. Nil: nobody wants to know.
	Trace *Trace
}

// Kind is one kind of probe. It makes one attempt on a fresh connection, ends
// when ctx does, and leaves nothing behind. It leaves Sample.Started to its caller.
type Kind func(ctx context.Context, t Target) policy.Sample

// Kinds is the table of all kinds of probes, by their key in a monitor.
func Kinds() map[string]Kind {
	return map[string]Kind{
		"http":     timed(probeHTTP),
		"https":    timed(probeHTTPS),
		"tcp":      timed(probeTCP),
		"tls":      timed(probeTLS),
		"icmp":     timed(probeICMP),
		"dns":      timed(probeDNS),
		"grpc":     timed(probeGRPC),
		"udp":      timed(probeUDP),
		"postgres": timed(probePostgres),
		"mysql":    timed(probeMySQL),
		"redis":    timed(probeRedis),
		"exec":     timed(probeExec),
	}
}

// kindOf is the key of the kind of probe that a monitor asks for.
func kindOf(m policy.Monitor) string { return m.Kind() }

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

// port is the endpoint's own port, or else the monitor's.
func (t *Target) port(monitors int) int {
	if t.Check.Port != 0 {
		return t.Check.Port
	}
	return monitors
}

func (t *Target) resolver() *net.Resolver {
	if t.Resolver == nil {
		return &net.Resolver{PreferGo: true}
	}
	return t.Resolver
}

// resolve gives the first address of the check's host that may be probed, for
// what does not connect. Nothing resolves the name again after it.
func (t *Target) resolve(ctx context.Context, port int) (netip.Addr, error) {
	start := time.Now()
	list, err := t.resolver().LookupNetIP(ctx, "ip", t.Check.Host)
	if err != nil {
		return netip.Addr{}, err
	}
	t.Trace.DNS = time.Since(start)
	var refused error
	for _, a := range list {
		a = a.Unmap()
		if err := t.Guard.Check(netip.AddrPortFrom(a, uint16(port))); err == nil {
			t.Trace.Address = netip.AddrPortFrom(a, uint16(port))
			return a, nil
		} else if refused == nil {
			refused = err
		}
	}
	return netip.Addr{}, refused
}

// open gives the value of a credential. The error of Secret is not passed on: it is
// not known to be free of the value. Without a reference the value is empty.
func (t *Target) open(ref *policy.SecretRef) (string, error) {
	if ref == nil {
		return "", nil
	}
	if t.Secret == nil {
		return "", refuse("not probed: this node opens no secrets")
	}
	value, err := t.Secret(ref.Secret)
	if err != nil {
		return "", refuse("not probed: secret %q cannot be opened; set it again", ref.Secret)
	}
	return value, nil
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
