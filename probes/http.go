package probes

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// Bounds on what is read of an answer, in octets.
const (
	maxHeader = 64 << 10
	maxBody   = 64 << 10 // more is left unread; the status has decided by then
)

const userAgent = "meridian-probe/1 (+health check)"

// probeHTTP makes a GET request in clear text.
func probeHTTP(ctx context.Context, t *Target) error {
	c := t.Check.Monitor.HTTP
	conn, err := t.dial(ctx, c.Port)
	if err != nil {
		return err
	}
	defer conn.Close()
	return t.get(ctx, conn, "http", c)
}

// get makes one request on a connection and judges the answer. It speaks
// HTTP/1.1 on a connection of its own: http.Transport goes on dialling after its
// request is given up, reads proxies from the environment unless told
// otherwise, and drains bodies. No redirect is followed.
func (t *Target) get(ctx context.Context, conn net.Conn, scheme string, c *policy.HTTPCheck) error {
	req, err := t.request(scheme, c)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := req.Write(conn); err != nil {
		return err
	}
	limit := &io.LimitedReader{R: conn, N: maxHeader}
	r := bufio.NewReader(limit)
	resp, err := http.ReadResponse(r, req)
	for hints := 0; err == nil && resp.StatusCode < 200 && hints < 5; hints++ { // 100, 103
		resp, err = http.ReadResponse(r, req)
	}
	if err != nil {
		if limit.N <= 0 {
			return fail(policy.CauseProtocol, 0, "response header over %d KiB", maxHeader>>10)
		}
		return answerError(err)
	}
	if !slices.Contains(c.Status, resp.StatusCode) {
		return fail(policy.CauseStatus, uint16(resp.StatusCode), "status %d, want %s", resp.StatusCode, either(c.Status))
	}
	// The body is not closed: that would read it to its end. The connection is, which ends all.
	limit.N = math.MaxInt64
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxBody)); err != nil {
		return answerError(err)
	}
	return nil
}

func (t *Target) request(scheme string, c *policy.HTTPCheck) (*http.Request, error) {
	u, err := url.ParseRequestURI(c.Path)
	if err != nil {
		return nil, refuse("not probed: the monitor's path is not valid")
	}
	u.Scheme, u.Host = scheme, t.Check.Host
	port := c.Port
	if t.Check.Port != 0 {
		port = t.Check.Port
	}
	if scheme == "http" && port != 80 || scheme == "https" && port != 443 {
		u.Host = net.JoinHostPort(t.Check.Host, strconv.Itoa(port))
	} else if strings.Contains(t.Check.Host, ":") {
		u.Host = "[" + t.Check.Host + "]"
	}
	req := &http.Request{
		Method: http.MethodGet, URL: u, Host: t.expand(c.Host), Close: true, // RFC 9112 section 9.6
		Header: http.Header{"User-Agent": {userAgent}, "Accept": {"*/*"}},
	}
	if c.Authorization != nil {
		// The error of Secret is not passed on: it is not known to be free of the value.
		if t.Secret == nil {
			return nil, refuse("not probed: this node opens no secrets")
		}
		value, err := t.Secret(c.Authorization.Secret)
		if err != nil {
			return nil, refuse("not probed: secret %q cannot be opened; set it again", c.Authorization.Secret)
		}
		req.Header.Set("Authorization", value)
	}
	return req, nil
}

// answerError hides what the parser quotes: an answer's text, which may be that
// of any service on any port, is nobody's business (S-16).
func answerError(err error) error {
	var network net.Error
	var op *net.OpError
	switch {
	case errors.As(err, &network), errors.As(err, &op):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fail(policy.CauseReset, 0, "connection closed before the end of the answer")
	}
	return fail(policy.CauseProtocol, 0, "the answer is not HTTP")
}

// either lists numbers as "200 or 204".
func either(list []int) string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = strconv.Itoa(n)
	}
	return strings.Join(text, " or ")
}
