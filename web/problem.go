package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// The kinds of refusal that HTTP adds to those of policy.
const (
	badRequest       policy.Kind = "bad-request"
	unauthenticated  policy.Kind = "unauthenticated"
	forbidden                    = policy.Forbidden
	methodNotAllowed policy.Kind = "method-not-allowed"
	notAcceptable    policy.Kind = "not-acceptable"
	tooLarge         policy.Kind = "too-large"
	unsupportedMedia policy.Kind = "unsupported-media"
	internal         policy.Kind = "internal"
)

// statuses is the one place where a kind of refusal becomes an HTTP status.
var statuses = map[policy.Kind]struct {
	status int
	title  string
}{
	policy.NotFound:    {http.StatusNotFound, "Not found"},
	policy.Invalid:     {http.StatusUnprocessableEntity, "Invalid"},
	policy.Conflict:    {http.StatusConflict, "Conflict"},
	policy.Stale:       {http.StatusPreconditionFailed, "Based on an older revision"},
	policy.Unsafe:      {http.StatusConflict, "Unsafe"},
	policy.NotLeader:   {http.StatusServiceUnavailable, "Not the leader"},
	policy.Unavailable: {http.StatusServiceUnavailable, "Unavailable"},
	policy.Unsupported: {http.StatusNotImplemented, "Not supported by this version"},
	badRequest:         {http.StatusBadRequest, "Bad request"},
	unauthenticated:    {http.StatusUnauthorized, "No valid token"},
	forbidden:          {http.StatusForbidden, "Forbidden"},
	methodNotAllowed:   {http.StatusMethodNotAllowed, "Method not allowed"},
	notAcceptable:      {http.StatusNotAcceptable, "Not acceptable"},
	tooLarge:           {http.StatusRequestEntityTooLarge, "Body too large"},
	unsupportedMedia:   {http.StatusUnsupportedMediaType, "Unsupported media type"},
	policy.TooMany:     {http.StatusTooManyRequests, "Too many requests"},
	internal:           {http.StatusInternalServerError, "Internal error"},
}

// refuse answers with the problem that an error is, and ends the handling of the request.
func (s *server) refuse(c *gin.Context, err error) {
	p, known := problemOf(err)
	if !known {
		s.cfg.Log.Error("a request failed", "method", c.Request.Method, "path", c.Request.URL.Path, "error", err)
	}
	if request := c.GetString(requestKey); request != "" && p.Status == http.StatusServiceUnavailable {
		p.Request = request
	}
	writeProblem(c, p)
	c.Abort()
}

// problemOf turns an error into a problem. An error of no kind we know is
// internal: known is false, and its text is for the log only.
func problemOf(err error) (p api.Problem, known bool) {
	var refusal *policy.Error
	var large *http.MaxBytesError
	known = true
	switch {
	case errors.As(err, &refusal):
	case errors.As(err, &large):
		refusal = policy.Errorf(tooLarge, "the body is over the limit of %s", size(large.Limit))
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		refusal = policy.Errorf(policy.Unavailable, "it took too long, and whether it was done is not known; retry with the same Idempotency-Key")
	default:
		known = false
	}
	if known {
		_, known = statuses[refusal.Kind]
	}
	if !known {
		refusal = policy.Errorf(internal, "an internal error; the node's log has the rest")
	}
	entry := statuses[refusal.Kind]
	p = api.Problem{
		Type: "urn:meridian:problem:" + string(refusal.Kind), Title: entry.title, Status: entry.status,
		Detail: refusal.Message, Kind: string(refusal.Kind),
	}
	for _, m := range refusal.Problems {
		p.Problems = append(p.Problems, api.Mistake{Pointer: m.Pointer, File: m.File, Line: m.Line, Column: m.Column, Rule: m.Rule, Message: m.Message})
	}
	return p, known
}

// unreadable is the refusal of a parameter that the generated code could not read. Its own text tells of Go's parsers.
func unreadable(err error) *policy.Error {
	name, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "Invalid format for parameter "), ":")
	var number *strconv.NumError
	var moment *time.ParseError
	switch {
	case errors.As(err, &number) && number.Func == "ParseBool":
		return policy.Errorf(badRequest, "%s is true or false, not %q", name, number.Num)
	case errors.As(err, &number) && number.Func == "ParseUint":
		return policy.Errorf(badRequest, "%s is a whole number from 0 to %d, not %q", name, uint64(math.MaxUint64), number.Num)
	case errors.As(err, &number):
		return policy.Errorf(badRequest, "%s is a whole number from %d to %d, not %q", name, math.MinInt64, math.MaxInt64, number.Num)
	case errors.As(err, &moment):
		return policy.Errorf(badRequest, "%s is a moment as RFC 3339 has it (2026-01-02T03:04:05Z), not %q", name, moment.Value)
	}
	return policy.Errorf(badRequest, "%v", err)
}

func writeProblem(c *gin.Context, p api.Problem) {
	switch p.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		c.Header("Retry-After", "1")
	case http.StatusUnauthorized:
		c.Header("WWW-Authenticate", `Bearer realm="meridian"`)
	case http.StatusRequestEntityTooLarge:
		c.Header("Connection", "close") // the rest of the body is not read
	}
	c.Header("ETag", "")
	c.Data(p.Status, "application/problem+json", encode(p))
}

// encode is a value as JSON for people and programs alike: indented, keys in a fixed order, a line feed at the end.
func encode(v any) []byte {
	var b bytes.Buffer
	enc := newEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		panic("web: a value that cannot be encoded: " + err.Error()) // the recovery answers 500; a test encodes every noun
	}
	return b.Bytes()
}

func newEncoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // nothing of ours is sent as HTML
	return enc
}

// size is a number of octets for people.
func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
