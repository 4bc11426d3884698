package probes

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// http2 makes one request by HTTP/2 on a connection of its own, which ends with
// it: the transport has no other to dial, since the one it is given is all there is.
func (t *Target) http2(ctx context.Context, conn net.Conn, req *http.Request) (*http.Response, error) {
	cc, err := h2(ctx, conn, req.URL.Host)
	if err != nil {
		return nil, err
	}
	req.Close = false // a header of HTTP/1.1
	sent := time.Now()
	resp, err := cc.RoundTrip(req.WithContext(ctx))
	if err != nil {
		return nil, known(err, policy.CauseProtocol, notHTTP2)
	}
	t.Trace.FirstByte += time.Since(sent)
	return resp, nil
}

const notHTTP2 = "the answer is not HTTP/2"

// h2 speaks HTTP/2 on a connection. It ends when the connection is closed.
func h2(ctx context.Context, conn net.Conn, address string) (*http.ClientConn, error) {
	scheme := "http"
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // with prior knowledge: RFC 9113 section 3.3
	if secure, ok := conn.(*tls.Conn); ok {
		if secure.ConnectionState().NegotiatedProtocol != "h2" {
			return nil, fail(policy.CauseProtocol, 0, "the server does not speak HTTP/2 (ALPN)")
		}
		scheme = "https"
		protocols = new(http.Protocols)
		protocols.SetHTTP2(true)
	}
	given := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	tr := &http.Transport{
		DialContext: given, DialTLSContext: given, Protocols: protocols,
		DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
	}
	cc, err := tr.NewClientConn(ctx, scheme, address)
	if err != nil {
		return nil, known(err, policy.CauseProtocol, notHTTP2)
	}
	return cc, nil
}
