package probes

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
)

// probeHTTPS makes a GET request over TLS. The certificate must be valid for the
// server name asked for, which is the monitor's sni, host, or the endpoint's own
// host or address, unless the monitor is insecure.
func probeHTTPS(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.HTTPS
	conn, err := t.dial(ctx, c.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	secure := tls.Client(conn, &tls.Config{
		ServerName: t.serverName(c.SNI, c.Host), RootCAs: t.Roots, InsecureSkipVerify: c.Insecure, MinVersion: tls.VersionTLS12,
	})
	if err := secure.HandshakeContext(ctx); err != nil {
		return err
	}
	return t.get(ctx, secure, "https", c)
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
