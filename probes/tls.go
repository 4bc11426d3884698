package probes

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// probeTLS is satisfied with a handshake, and a certificate that is good for long enough.
func probeTLS(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.TLS
	conn, err := t.dial(ctx, c.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	secure, err := t.handshake(ctx, conn, t.serverName(c.SNI, ""), !c.Insecure, c.ALPN...)
	if err != nil {
		return err
	}
	if chosen := secure.ConnectionState().NegotiatedProtocol; len(c.ALPN) > 0 && !slices.Contains(c.ALPN, chosen) {
		return fail(policy.CauseTLS, 0, "the server chose none of the protocols %s", strings.Join(c.ALPN, ", "))
	}
	if left := time.Until(t.Trace.TLSExpiry); c.MinDaysLeft > 0 && left < time.Duration(c.MinDaysLeft)*24*time.Hour {
		return fail(policy.CauseCertificate, 0, "certificate expires in %.1f days, want %d or more", left.Hours()/24, c.MinDaysLeft)
	}
	return nil
}

// handshake makes a TLS connection of a connection.
func (t *Target) handshake(ctx context.Context, conn net.Conn, name string, verify bool, alpn ...string) (*tls.Conn, error) {
	cfg := t.tlsConfig(name, verify)
	cfg.NextProtos = alpn
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, handshakeError(err)
	}
	return secure, nil
}

// tlsConfig is for a client that verifies a certificate after taking note of it,
// so that a certificate that has expired is evidence too.
func (t *Target) tlsConfig(name string, verify bool) *tls.Config {
	return &tls.Config{
		ServerName: name, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // VerifyConnection does it, in the same way
		VerifyConnection: func(s tls.ConnectionState) error {
			t.Trace.TLS += time.Since(t.Trace.connected)
			t.Trace.TLSVersion = tls.VersionName(s.Version)
			if len(s.PeerCertificates) == 0 {
				return fail(policy.CauseTLS, 0, "the server has no certificate")
			}
			leaf := s.PeerCertificates[0]
			t.Trace.TLSExpiry = leaf.NotAfter
			if !verify {
				return nil
			}
			between := x509.NewCertPool()
			for _, c := range s.PeerCertificates[1:] {
				between.AddCert(c)
			}
			_, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: t.Roots, Intermediates: between})
			return err
		},
	}
}

// handshakeError hides what is quoted of certificates that cannot be read.
func handshakeError(err error) error {
	text := err.Error()
	if !strings.HasPrefix(text, "tls: ") || strings.ContainsAny(text, `"`) || strings.Contains(text, "x509") {
		text = "the TLS handshake failed"
	}
	return known(err, policy.CauseTLS, text)
}

func (t *Target) serverName(sni, host string) string {
	for _, name := range []string{sni, host} {
		if name = t.expand(name); name == "" {
			continue
		}
		if h, _, err := net.SplitHostPort(name); err == nil {
			name = h
		}
		return strings.Trim(strings.TrimSuffix(name, "."), "[]")
	}
	return t.Check.Host
}
