package probes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/meridian-gtm/meridian/policy/health"
)

// explain says in a few words why a probe failed. It never quotes what the
// target sent, nor a credential.
func explain(err error, t *Target) string { return health.Clip(reason(err, t)) }

func reason(err error, t *Target) string {
	var (
		refused   *refusal
		lookup    *net.DNSError
		network   net.Error
		errno     syscall.Errno
		authority x509.UnknownAuthorityError
		hostname  x509.HostnameError
		invalid   x509.CertificateInvalidError
		record    tls.RecordHeaderError
		op        *net.OpError
	)
	switch {
	case errors.As(err, &refused):
		return refused.reason
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "timeout after " + t.Check.Monitor.Timeout.String()
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return "no address for " + t.Check.Host
	case errors.As(err, &lookup):
		return "cannot resolve " + t.Check.Host
	case errors.As(err, &errno):
		return plain(errno)
	case errors.As(err, &authority):
		return "certificate signed by an unknown authority"
	case errors.As(err, &hostname):
		return "certificate is not valid for " + hostname.Host
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "certificate has expired or is not yet valid"
	case errors.As(err, &invalid):
		return "certificate is not valid"
	case errors.As(err, &record):
		return "the answer is not TLS"
	case errors.As(err, &op) && op.Err != nil:
		return op.Err.Error() // of the system or of TLS
	}
	return err.Error()
}

// plain words for the errors that operators meet.
func plain(e syscall.Errno) string {
	switch e {
	case syscall.ECONNREFUSED:
		return "connection refused"
	case syscall.ECONNRESET, syscall.EPIPE:
		return "connection reset"
	case syscall.ENETUNREACH:
		return "network unreachable"
	case syscall.EHOSTUNREACH:
		return "no route to host"
	case syscall.EMFILE, syscall.ENFILE:
		return "this node has too many open files; raise its limit"
	case syscall.EADDRNOTAVAIL:
		return "this node has no free port or no source address for the target"
	}
	return e.Error()
}
