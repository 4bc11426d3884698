package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unicode"

	"github.com/meridian-gtm/meridian/web/api"
)

const defaultAddr = "http://127.0.0.1:8080"

// globals are the flags that every client command has.
type globals struct {
	addr, token, ca, output, context string

	reason   string   // of what the command changes
	override []string // safety rules that it may break

	conn *client // made once
}

// client talks to the API of one node or another.
type client struct {
	*api.Client
	rotation *rotation
}

// connect gives the client that flags, environment and context ask for. It opens no connection yet.
func (g *globals) connect() (*client, error) {
	if g.conn != nil {
		return g.conn, nil
	}
	if err := g.checkOutput(); err != nil {
		return nil, err
	}
	s, err := g.settings()
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(g.reason, unicode.IsControl) {
		return nil, errors.New("the --reason has to be one line")
	}
	r := &rotation{token: s.token, reason: g.reason, override: strings.Join(g.override, ","), patience: 10 * time.Second}
	if r.token == "" {
		return nil, errors.New("no API token: set MERIDIAN_TOKEN or --token, or keep one in a context (meridian context add --help)." + s.unused +
			"\nThe first admin token is in admin.token in the data directory of the node that bootstrapped the cluster; meridian demo prints its own")
	}
	if r.bases, err = apiAddresses(s.addr); err != nil {
		return nil, err
	}
	if s.ca != "" {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, fmt.Errorf("the certificate authority (--ca or MERIDIAN_CA): %w", err)
		}
		r.roots = x509.NewCertPool()
		if !r.roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM (--ca or MERIDIAN_CA)", s.ca)
		}
	}
	c, err := api.NewClient("http://node/api/v1", api.WithHTTPClient(r)) // the rotation puts the real address in
	g.conn = &client{c, r}
	return g.conn, err
}

func (g *globals) checkOutput() error {
	switch g.output {
	case "table", "json", "yaml":
		return nil
	}
	return fmt.Errorf("-o %q is not table, json or yaml", g.output)
}

// apiAddresses reads one address of an API, or several with commas between.
func apiAddresses(text string) (list []*url.URL, _ error) {
	for a := range strings.SplitSeq(text, ",") {
		a = strings.TrimSpace(a)
		if !strings.Contains(a, "://") {
			a = "http://" + a
		}
		u, err := url.Parse(a)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("%q is not the address of an API, such as %s (--addr or MERIDIAN_ADDR)", a, defaultAddr)
		}
		list = append(list, u)
	}
	return list, nil
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// rotation sends a request to the first address that can serve it, beginning with
// the one that did last. Writes carry an Idempotency-Key, so that one that got lost
// on the way to an answer can be sent again.
type rotation struct {
	bases    []*url.URL
	token    string
	reason   string // that goes with every write
	override string // likewise: safety rules
	roots    *x509.CertPool
	patience time.Duration // until an answer begins, at each address

	once sync.Once
	http *http.Client
	last atomic.Int32 // which address served the last request

	withhold bool // writes are noted instead of sent
	withheld *withheld
}

// long makes calls of the client patient, once an address is found that answers
// at all: a node that hangs would be waited for as long.
func (c *client) long(ctx context.Context, patience time.Duration) {
	if len(c.rotation.bases) > 1 {
		_, _ = read(c.GetCluster(ctx)) // what is wrong the call itself will say
	}
	c.rotation.patience = patience
	c.rotation.once = sync.Once{}
}

// Do is api.HttpRequestDoer.
func (r *rotation) Do(req *http.Request) (*http.Response, error) {
	if r.withhold && req.Method != http.MethodGet {
		var err error
		if r.withheld, err = withhold(req); err != nil {
			return nil, err
		}
		r.withheld.Reason = r.reason
		return nil, errWithheld
	}
	r.once.Do(func() {
		r.http = &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
				TLSClientConfig: &tls.Config{RootCAs: r.roots}, TLSHandshakeTimeout: 5 * time.Second,
				ResponseHeaderTimeout: r.patience, ForceAttemptHTTP2: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token is for this address only
		}
	})
	req.Header.Set("Authorization", "Bearer "+r.token)
	req.Header.Set("User-Agent", "meridian")
	if req.Method != http.MethodGet {
		req.Header.Set("Idempotency-Key", rand.Text())
		if r.reason != "" {
			req.Header.Set("X-Reason", r.reason)
		}
		if r.override != "" {
			req.Header.Set("X-Override", r.override)
		}
	}
	var failed []error
	begin := int(r.last.Load())
	for i := range r.bases {
		at := (begin + i) % len(r.bases)
		base := r.bases[at]
		attempt := req.Clone(req.Context())
		attempt.URL.Scheme, attempt.URL.Host, attempt.Host = base.Scheme, base.Host, ""
		if p := strings.TrimSuffix(base.Path, "/"); p != "" {
			attempt.URL.Path, attempt.URL.RawPath = p+attempt.URL.Path, ""
		}
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return nil, err
			}
			attempt.Body = body
		}
		res, err := r.http.Do(attempt)
		ours := err == nil && strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json")
		if err == nil && (res.StatusCode != http.StatusServiceUnavailable || ours && i == len(r.bases)-1) {
			r.last.Store(int32(at))
			return res, nil
		}
		if err == nil {
			if err = fmt.Errorf("%s answered %s, which is no answer of Meridian's API", base, res.Status); ours {
				_, err = read(res, nil)
				err = fmt.Errorf("%s: %w", base, err)
			}
			res.Body.Close()
		} else if err = unreachable(base, err); req.Context().Err() != nil {
			return nil, err
		}
		failed = append(failed, err)
	}
	return nil, errors.Join(failed...)
}

// unreachable says what happened at an address and what to do.
func unreachable(base *url.URL, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: start a node there (meridian serve, meridian demo), or say where one is with --addr or MERIDIAN_ADDR", base)
	case errors.Is(err, context.Canceled):
		return err
	}
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("%s does not answer in time: give other nodes too, with commas between, in --addr or MERIDIAN_ADDR", base)
	}
	return fmt.Errorf("%s cannot be reached: %w (--addr or MERIDIAN_ADDR says where the API is)", base, err)
}

// reply is an answer that is no refusal.
type reply struct {
	header http.Header
	body   []byte
}

// revision is what the answer's ETag says, as If-Match wants it.
func (r *reply) revision() string { return r.header.Get("ETag") }

// refusal is a problem that the API answered.
type refusal struct {
	api.Problem
	file string // that was sent, for the lines of mistakes
}

func (r *refusal) Error() string {
	var b strings.Builder
	b.WriteString(r.Detail)
	for _, p := range r.Problems {
		b.WriteString("\n")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%s:%d:", first(p.File, r.file, "line"), p.Line)
			if p.Column > 0 {
				fmt.Fprintf(&b, "%d:", p.Column)
			}
			b.WriteByte(' ')
		} else if p.Pointer != "" {
			b.WriteString(p.Pointer + ": ")
		}
		b.WriteString(p.Message)
	}
	if r.Kind == "unsafe" {
		b.WriteString(overrideHint(r.Problems))
	}
	return b.String()
}

// isKind says whether an error is a refusal of a kind.
func isKind(err error, kind string) bool {
	var r *refusal
	return errors.As(err, &r) && r.Kind == kind
}

// in gives the mistakes of a refusal the name of the file that was sent.
func in(file string, err error) error {
	var r *refusal
	if errors.As(err, &r) {
		r.file = file
	}
	return err
}

// read takes in what a call of api.Client gave.
func read(res *http.Response, err error) (*reply, error) {
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, fmt.Errorf("the answer did not come whole: %w", err)
	}
	if res.StatusCode < 300 {
		return &reply{res.Header, body}, nil
	}
	r := &refusal{}
	if json.Unmarshal(body, &r.Problem) != nil || r.Kind == "" {
		return nil, fmt.Errorf("%s answered %s, which is no answer of Meridian's API; does --addr or MERIDIAN_ADDR lead to something else?", res.Request.URL.Host, res.Status)
	}
	return nil, r
}

// decode reads an answer's JSON.
func decode[T any](r *reply, err error) (v T, _ *reply, _ error) {
	if err != nil {
		return v, nil, err
	}
	if err := json.Unmarshal(r.body, &v); err != nil {
		return v, nil, fmt.Errorf("an answer that cannot be read (is the node of another version?): %w", err)
	}
	return v, r, nil
}

// header sets a header of one call.
func header(name, value string) api.RequestEditorFn {
	return func(_ context.Context, req *http.Request) error {
		req.Header.Set(name, value)
		return nil
	}
}
