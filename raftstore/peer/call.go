package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// MaxBody bounds a call's request and answer, in octets.
const MaxBody = 16 << 20

// idleTimeout closes a connection for calls that is not used.
const idleTimeout = 30 * time.Second

const callPath = "/call/"

// Handler answers a call. from is the id of the calling node, taken from its certificate.
type Handler func(ctx context.Context, from string, body []byte) ([]byte, error)

type callerKey struct{}

// caller is who calls, by its certificate.
type caller struct {
	id    string
	agent bool
}

type calls struct {
	port   *Port
	client *http.Transport

	mu       sync.RWMutex
	handlers map[string]Handler
	open     map[string]bool // that agents may call, too
}

func (c *calls) init(p *Port) {
	c.port, c.handlers, c.open = p, map[string]Handler{}, map[string]bool{}
	c.client = &http.Transport{
		DialTLSContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			conn, _, err := p.dial(ctx, addr, protoCall)
			if err != nil {
				return nil, &unsentError{err}
			}
			return &callConn{Conn: conn}, nil // the wrapper keeps net/http from looking at the ALPN
		},
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        idleTimeout,
		DisableCompression:     true,
		MaxResponseHeaderBytes: 16 << 10,
	}
}

func (c *calls) close() { c.client.CloseIdleConnections() }

// Handle registers what answers a call. Registering a name again replaces it,
// and nil takes it away.
func (p *Port) Handle(name string, fn Handler) {
	p.calls.mu.Lock()
	defer p.calls.mu.Unlock()
	p.calls.handlers = maps.Clone(p.calls.handlers)
	if fn == nil {
		delete(p.calls.handlers, name)
		return
	}
	p.calls.handlers[name] = fn
}

// HandleAll registers what answers a call that agents may make, too.
func (p *Port) HandleAll(name string, fn Handler) {
	p.Handle(name, fn)
	p.calls.mu.Lock()
	defer p.calls.mu.Unlock()
	p.calls.open = maps.Clone(p.calls.open)
	p.calls.open[name] = true
}

// Call asks the node at addr. A refusal by the other node comes back as its
// policy.Error; a call that got no answer is policy.Unavailable, and then
// Unsent tells whether the other node can have seen it. It takes no longer
// than ctx; connecting takes 3 s at most.
func (p *Port) Call(ctx context.Context, addr, name string, body []byte) ([]byte, error) {
	if len(body) > MaxBody {
		return nil, policy.Errorf(policy.Invalid, "a call of %d octets is over the limit of %d", len(body), MaxBody)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+addr+callPath+name, bytes.NewReader(body))
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "the address %q of a node is malformed: %v", addr, err)
	}
	res, err := p.calls.client.RoundTrip(req)
	if err != nil {
		return nil, &CallError{Addr: addr, Name: name, Err: err}
	}
	defer func() { _ = res.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(res.Body, MaxBody+1))
	if err != nil {
		return nil, &CallError{Addr: addr, Name: name, Err: err}
	}
	if len(answer) > MaxBody {
		return nil, &CallError{Addr: addr, Name: name, Err: fmt.Errorf("the answer is over %d octets", MaxBody)}
	}
	if res.StatusCode == http.StatusOK {
		return answer, nil
	}
	var refusal policy.Error
	if json.Unmarshal(answer, &refusal) == nil && refusal.Kind != "" {
		return nil, &refusal
	}
	return nil, &CallError{Addr: addr, Name: name, Err: fmt.Errorf("status %s", res.Status)}
}

// CallError is a call that got no answer. Its kind is policy.Unavailable.
type CallError struct {
	Addr, Name string
	Err        error
}

func (e *CallError) Error() string {
	return fmt.Sprintf("call %s to the node at %s got no answer: %v", e.Name, e.Addr, e.Err)
}

// Unwrap gives both the cause and the kind.
func (e *CallError) Unwrap() []error {
	return []error{policy.Errorf(policy.Unavailable, "%s", e.Error()), e.Err}
}

// Unsent says that a call failed before the other node can have seen it, so
// that it may be made again without a second thought.
func Unsent(err error) bool { return errors.As(err, new(*unsentError)) }

type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// serve is the HTTP handler of calls coming in.
func (c *calls) serve(w http.ResponseWriter, r *http.Request) {
	name, ok := strings.CutPrefix(r.URL.Path, callPath)
	c.mu.RLock()
	handlers, open := c.handlers, c.open
	c.mu.RUnlock()
	fn := handlers[name]
	if !ok || fn == nil || r.Method != http.MethodPost {
		refuse(w, policy.Errorf(policy.NotFound, "this node answers no call %q; it may run an older version or be starting", name))
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if err != nil {
		refuse(w, policy.Errorf(policy.Invalid, "the call %q could not be read: %v", name, err))
		return
	}
	from, _ := r.Context().Value(callerKey{}).(caller)
	if c.port.cfg.Refuse != nil && c.port.cfg.Refuse(from.id) { // removed since it connected
		refuse(w, policy.Errorf(policy.Conflict, "%s is not a member any more", from.id))
		return
	}
	if from.agent && !open[name] {
		refuse(w, policy.Errorf(policy.Conflict, "%s is an agent, and the call %q is for nodes", from.id, name))
		return
	}
	answer, err := c.answer(r.Context(), fn, from.id, name, body)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(answer) // the caller is gone if this fails
}

// answer keeps a handler's panic from the node: it becomes the call's error.
func (c *calls) answer(ctx context.Context, fn Handler, from, name string, body []byte) (answer []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			c.port.log.Error("a call's handler panicked; this is a bug", "call", name, "from", from, "panic", r)
			err = policy.Errorf(policy.Unavailable, "call %s failed inside the other node; see its log", name)
		}
	}()
	return fn(ctx, from, body)
}

func refuse(w http.ResponseWriter, err error) {
	var refusal *policy.Error
	if !errors.As(err, &refusal) {
		refusal = policy.Errorf(policy.Unavailable, "%v", err)
	}
	body, err := json.Marshal(refusal)
	if err != nil { // strings always encode
		body = []byte(`{"kind":"unavailable","message":"an error that cannot be shown"}`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(http.StatusConflict)
	_, _ = w.Write(body)
}
