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
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

func TestCauses(t *testing.T) {
	to := &Target{Check: policy.Check{Host: "a.test", Monitor: policy.Monitor{Timeout: policy.Duration(time.Second)}}}
	dial := func(err error) error {
		return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", err)}
	}
	for _, c := range []struct {
		err    error
		cause  policy.Cause
		detail uint16
		text   string
	}{
		{refuse("refused: private"), policy.CauseNotSent, 0, "refused: private"},
		{fmt.Errorf("reading: %w", context.DeadlineExceeded), policy.CauseTimeout, 0, "timeout after 1s"},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, policy.CauseTimeout, 0, "timeout after 1s"},
		{fail(policy.CauseStatus, 503, "status %d", 503), policy.CauseStatus, 503, "status 503"},
		{fmt.Errorf("the answer: %w", fail(policy.CauseReset, 0, "cut")), policy.CauseReset, 0, "cut"},
		{&net.DNSError{IsNotFound: true}, policy.CauseDNS, 0, "no address for a.test"},
		{&net.DNSError{Err: "server misbehaving"}, policy.CauseDNS, 0, "cannot resolve a.test"},
		{dial(syscall.ECONNREFUSED), policy.CauseRefused, 0, "connection refused"},
		{dial(syscall.ECONNRESET), policy.CauseReset, 0, "connection reset"},
		{dial(syscall.ENETUNREACH), policy.CauseUnreachable, 0, "network unreachable"},
		{dial(syscall.EHOSTUNREACH), policy.CauseUnreachable, 0, "no route to host"},
		{dial(syscall.EMFILE), policy.CauseNotSent, 0, "this node has too many open files; raise its limit"},
		{dial(syscall.EINVAL), policy.CauseOther, 0, "invalid argument"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, policy.CauseCertificate, 0, "certificate signed by an unknown authority"},
		{&tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}}, policy.CauseCertificate, 0, "certificate has expired or is not yet valid"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, policy.CauseTLS, 0, "the answer is not TLS"},
		{&net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, policy.CauseTLS, 0, "tls: handshake failure"},
		{errors.New("tls: server selected unsupported protocol version 301"), policy.CauseTLS, 0, "tls: server selected unsupported protocol version 301"},
		{io.ErrClosedPipe, policy.CauseOther, 0, "io: read/write on closed pipe"},
	} {
		if got := explain(c.err, to); got != (failure{c.cause, c.detail, c.text}) {
			t.Errorf("%v: %v %d %q, want %v %d %q", c.err, got.cause, got.detail, got.text, c.cause, c.detail, c.text)
		}
	}
	if got := explain(errors.New(strings.Repeat("x", 500)), to); len(got.text) != health.MaxError {
		t.Errorf("a text of %d octets", len(got.text))
	}
}
