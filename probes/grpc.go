package probes

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/meridian-gtm/meridian/policy"
)

// healthPath is the method Check of the gRPC health checking protocol.
const healthPath = "/grpc.health.v1.Health/Check"

// probeGRPC calls Health/Check. It is one request of HTTP/2 with two messages of a
// single field each; gRPC's own client connects again by itself after a failure,
// and goes on with it after the call.
func probeGRPC(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.GRPC
	conn, err := t.dial(ctx, c.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer cutAtEnd(ctx, conn)()
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(t.Check.Host, strconv.Itoa(t.port(c.Port))), Path: healthPath}
	if c.TLS {
		name := t.serverName(c.SNI, "")
		if conn, err = t.handshake(ctx, conn, name, !c.Insecure, "h2"); err != nil {
			return err
		}
		u.Scheme = "https"
	}
	message := frame(protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), c.Service))
	req := &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, ContentLength: int64(len(message)), Body: io.NopCloser(bytes.NewReader(message)),
		Header: http.Header{"Content-Type": {"application/grpc"}, "Te": {"trailers"}, "User-Agent": {userAgent}},
	}
	resp, err := t.http2(ctx, conn, req)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fail(policy.CauseProtocol, 0, "HTTP status %d, want 200: it does not speak gRPC", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return known(err, policy.CauseProtocol, notHTTP2)
	}
	// Without a message the status stands in the header.
	if err := callError(cmp.Or(resp.Trailer.Get("Grpc-Status"), resp.Header.Get("Grpc-Status")), c.Service); err != nil {
		return err
	}
	return t.judgeServing(body)
}

// frame puts the prefix of gRPC before a message: not compressed, and its length.
func frame(message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// callError says what a gRPC status means. Its message is the target's, and is not shown.
func callError(status, service string) error {
	code, err := strconv.ParseUint(status, 10, 8)
	if err != nil {
		return fail(policy.CauseProtocol, 0, "the answer is not gRPC")
	}
	switch code {
	case 0:
		return nil
	case 5:
		return fail(policy.CauseContent, 0, "the server does not know the service %q", service)
	case 7, 16:
		return fail(policy.CauseContent, 0, "the server does not let the probe in (PERMISSION_DENIED or UNAUTHENTICATED)")
	case 12:
		return fail(policy.CauseProtocol, 0, "the server has no health service (grpc.health.v1.Health)")
	case 14:
		return fail(policy.CauseContent, 0, "the server says UNAVAILABLE")
	}
	return fail(policy.CauseContent, 0, "gRPC status %d", code)
}

// servings are the statuses of the protocol by number.
var servings = []string{"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"}

func (t *Target) judgeServing(body []byte) error {
	not := fail(policy.CauseProtocol, 0, "the answer is not one of the health service")
	if len(body) < 5 || body[0] != 0 || int64(binary.BigEndian.Uint32(body[1:])) != int64(len(body)-5) {
		return not
	}
	status := uint64(0) // a field of 0 is left out
	for m := body[5:]; len(m) > 0; {
		field, typ, n := protowire.ConsumeTag(m)
		if n < 0 {
			return not
		}
		m = m[n:]
		if field == 1 && typ == protowire.VarintType {
			status, _ = protowire.ConsumeVarint(m)
		}
		if n = protowire.ConsumeFieldValue(field, typ, m); n < 0 {
			return not
		}
		m = m[n:]
	}
	if status >= uint64(len(servings)) {
		return not
	}
	t.Trace.Status = servings[status]
	if t.Trace.Status != "SERVING" {
		return fail(policy.CauseContent, 0, "the service is %s", t.Trace.Status)
	}
	return nil
}
