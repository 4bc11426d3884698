package probes

import (
	"bufio"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Bounds on what is read of an answer, in octets.
const (
	maxHeader = 64 << 10
	maxBody   = 64 << 10 // more is left unread; what is wanted must be in it
)

const userAgent = "meridian-probe/1 (+health check)"

// probeHTTP makes a request in clear text.
func probeHTTP(ctx context.Context, t *Target) error {
	return t.http(ctx, "http", t.Check.Monitor.HTTP)
}

// http makes a request, and those that redirects lead to, each on a connection of
// its own, and judges the last answer.
func (t *Target) http(ctx context.Context, scheme string, c *policy.HTTPCheck) error {
	start := time.Now()
	h, err := t.firstHop(scheme, c)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		next, err := t.visit(ctx, h, c, n < c.FollowRedirects)
		if err != nil {
			return err
		}
		if next == nil {
			break
		}
		h = *next
	}
	if took := time.Since(start); c.MaxLatency > 0 && took > time.Duration(c.MaxLatency) {
		return fail(policy.CauseContent, 0, "answered after %v, want %v at most", took.Round(time.Millisecond), c.MaxLatency)
	}
	return nil
}

// visit makes one request. It gives the next hop when a redirect is to be
// followed, and otherwise judges the answer.
func (t *Target) visit(ctx context.Context, h hop, c *policy.HTTPCheck, follow bool) (*hop, error) {
	conn, err := t.dialTo(ctx, "tcp", h.host, h.port)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer cutAtEnd(ctx, conn)()
	req, err := t.request(h, c)
	if err != nil {
		return nil, err
	}
	exchange := t.http1
	if c.Version == "2" {
		exchange = t.http2
	}
	if h.url.Scheme == "https" {
		var alpn []string
		if c.Version == "2" {
			alpn = []string{"h2"}
		}
		if conn, err = t.handshake(ctx, conn, h.name, !c.Insecure, alpn...); err != nil {
			return nil, err
		}
	}
	resp, err := exchange(ctx, conn, req)
	if err != nil {
		return nil, err
	}
	t.Trace.Status = strconv.Itoa(resp.StatusCode)
	if to := resp.Header.Get("Location"); follow && to != "" && slices.Contains(redirects, resp.StatusCode) {
		return h.next(t, to, resp.StatusCode)
	}
	return nil, judge(resp, c)
}

// http1 speaks HTTP/1.1 by hand: http.Transport goes on dialling after its
// request is given up, and drains bodies.
func (t *Target) http1(_ context.Context, conn net.Conn, req *http.Request) (*http.Response, error) {
	if err := req.Write(conn); err != nil {
		return nil, err
	}
	sent := time.Now()
	limit := &io.LimitedReader{R: conn, N: maxHeader}
	r := bufio.NewReader(limit)
	if _, err := r.Peek(1); err == nil {
		t.Trace.FirstByte += time.Since(sent)
	}
	resp, err := http.ReadResponse(r, req)
	for hints := 0; err == nil && resp.StatusCode < 200 && hints < 5; hints++ { // 100, 103
		resp, err = http.ReadResponse(r, req)
	}
	if err != nil {
		if limit.N <= 0 {
			return nil, fail(policy.CauseProtocol, 0, "response header over %d KiB", maxHeader>>10)
		}
		return nil, known(err, policy.CauseProtocol, "the answer is not HTTP")
	}
	// The body is not closed: that would read it to its end. The connection is, which ends all.
	limit.N = math.MaxInt64
	return resp, nil
}

func (t *Target) request(h hop, c *policy.HTTPCheck) (*http.Request, error) {
	req := &http.Request{
		Method: h.method, URL: h.url, Host: h.url.Host, Close: true, // RFC 9112 section 9.6
		Header: http.Header{"User-Agent": {userAgent}, "Accept": {"*/*"}},
	}
	if !h.origin {
		return req, nil
	}
	for name, value := range c.RequestHeaders {
		req.Header.Set(name, value)
	}
	if h.method == http.MethodPost {
		req.ContentLength = int64(len(c.RequestBody))
		req.Body = io.NopCloser(strings.NewReader(c.RequestBody))
	}
	value, err := t.open(c.Authorization)
	if err != nil {
		return nil, err
	}
	if c.Authorization != nil {
		req.Header.Set("Authorization", value)
	}
	return req, nil
}

// judge says what is wrong with an answer.
func judge(resp *http.Response, c *policy.HTTPCheck) error {
	if !slices.ContainsFunc(c.Status, func(r policy.StatusRange) bool { return r.Has(resp.StatusCode) }) {
		return fail(policy.CauseStatus, uint16(resp.StatusCode), "status %d, want %s", resp.StatusCode, either(c.Status))
	}
	if err := judgeHeaders(resp.Header, c.Headers); err != nil {
		return err
	}
	body := io.LimitReader(resp.Body, maxBody)
	if c.Body == nil {
		_, err := io.Copy(io.Discard, body)
		return answerError(err)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return answerError(err)
	}
	return judgeBody(text, c.Body)
}

// answerError hides what the parser quotes: an answer's text, which may be that
// of any service on any port, is nobody's business (S-16).
func answerError(err error) error {
	if err == nil {
		return nil
	}
	return known(err, policy.CauseProtocol, "the answer is not HTTP")
}

// either lists statuses as "200 or 204".
func either(list []policy.StatusRange) string {
	text := make([]string, len(list))
	for i, r := range list {
		text[i] = r.String()
	}
	return strings.Join(text, " or ")
}
