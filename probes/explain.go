package probes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// failure is an error of a probe that knows its cause. Its text never quotes what the target sent.
type failure struct {
	cause  policy.Cause
	detail uint16
	text   string
}

func (f *failure) Error() string { return f.text }

// fail makes an error of a known cause.
func fail(cause policy.Cause, detail uint16, format string, args ...any) error {
	return &failure{cause, detail, fmt.Sprintf(format, args...)}
}

// explain says why a probe failed: in a few words, and by its cause. It never
// quotes what the target sent, nor a credential.
func explain(err error, t *Target) failure {
	f := reason(err, t)
	f.text = health.Clip(f.text)
	return f
}

func reason(err error, t *Target) failure {
	if f, ok := plainly(err, t); ok {
		return f
	}
	text := err.Error()                   // one of ours: what libraries say goes through known first
	if strings.HasPrefix(text, "tls: ") { // crypto/tls has no type for what fails a handshake
		return failure{cause: policy.CauseTLS, text: text}
	}
	return failure{cause: policy.CauseOther, text: text}
}

// known is the error itself when there are words for it that quote nothing of the
// target's, and otherwise one that says otherwise. It is for libraries whose errors
// may have in them what the target sent.
func known(err error, cause policy.Cause, otherwise string) error {
	if _, ok := plainly(err, &Target{}); ok {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fail(policy.CauseReset, 0, "connection closed before the end of the answer")
	}
	return fail(cause, 0, "%s", otherwise)
}

// plainly has words for errors of ours, of the system, of the network and of certificates.
func plainly(err error, t *Target) (failure, bool) {
	var (
		ours      *failure
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
	of := func(cause policy.Cause, text string) (failure, bool) { return failure{cause: cause, text: text}, true }
	switch {
	case errors.As(err, &refused):
		return of(policy.CauseNotSent, refused.reason)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return of(policy.CauseTimeout, "timeout after "+t.Check.Monitor.Timeout.String())
	case errors.As(err, &ours):
		return *ours, true
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return of(policy.CauseDNS, "no address for "+t.Check.Host)
	case errors.As(err, &lookup):
		return of(policy.CauseDNS, "cannot resolve "+t.Check.Host)
	case errors.As(err, &errno):
		return plain(errno), true
	case errors.As(err, &authority):
		return of(policy.CauseCertificate, "certificate signed by an unknown authority")
	case errors.As(err, &hostname):
		return of(policy.CauseCertificate, "certificate is not valid for "+hostname.Host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return of(policy.CauseCertificate, "certificate has expired or is not yet valid")
	case errors.As(err, &invalid):
		return of(policy.CauseCertificate, "certificate is not valid")
	case errors.As(err, &record):
		return of(policy.CauseTLS, "the answer is not TLS")
	case errors.As(err, &op) && op.Err != nil:
		if text := op.Err.Error(); strings.HasPrefix(text, "tls: ") { // an alert
			return of(policy.CauseTLS, text)
		}
		return of(policy.CauseOther, op.Err.Error())
	}
	return failure{}, false
}

// plain words for the errors that operators meet.
func plain(e syscall.Errno) failure {
	switch e {
	case syscall.ECONNREFUSED:
		return failure{cause: policy.CauseRefused, text: "connection refused"}
	case syscall.ECONNRESET, syscall.EPIPE:
		return failure{cause: policy.CauseReset, text: "connection reset"}
	case syscall.ENETUNREACH:
		return failure{cause: policy.CauseUnreachable, text: "network unreachable"}
	case syscall.EHOSTUNREACH:
		return failure{cause: policy.CauseUnreachable, text: "no route to host"}
	case syscall.EMFILE, syscall.ENFILE:
		return failure{cause: policy.CauseNotSent, text: "this node has too many open files; raise its limit"}
	case syscall.EADDRNOTAVAIL:
		return failure{cause: policy.CauseOther, text: "this node has no free port or no source address for the target"}
	}
	return failure{cause: policy.CauseOther, text: e.Error()}
}
