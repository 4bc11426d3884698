package probes

import "context"

// probeHTTPS makes an HTTP request over TLS. The certificate must be valid for the
// server name asked for, which is the monitor's sni, host, or the endpoint's own
// host or address, unless the monitor is insecure.
func probeHTTPS(ctx context.Context, t *Target) error {
	return t.http(ctx, "https", t.Check.Monitor.HTTPS)
}
