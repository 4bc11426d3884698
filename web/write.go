package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

// requestKey is where the Idempotency-Key of a write is, in gin's context.
const requestKey = "request"

// maxSmall bounds bodies that are one small object, maxObject those that are one of any size.
const (
	maxSmall  = 64 << 10
	maxObject = 4 << 20
)

// readBody reads a request's whole body, of one of the media types taken.
func readBody(c *gin.Context, limit int64, taken ...string) (data []byte, media string, err error) {
	if media, err = contentType(c.Request, taken...); err != nil {
		return nil, "", err
	}
	data, err = io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	var large *http.MaxBytesError
	if err != nil && !errors.As(err, &large) {
		err = policy.Errorf(badRequest, "the body did not come whole: %v", err)
	}
	return data, media, err
}

// readJSON reads a body that is one JSON object, strictly, into what into points to.
func readJSON(c *gin.Context, limit int64, into any) ([]byte, error) {
	data, _, err := readBody(c, limit, mediaJSON)
	if err != nil {
		return nil, err
	}
	if err := checkJSON(data); err != nil {
		return nil, err
	}
	return data, document.DecodeInto(data, "", into)
}

// checkJSON refuses what is not JSON, saying where it stops being so.
func checkJSON(data []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	read := data[:max(0, min(int(syntax.Offset)-1, len(data)))]
	return &policy.Error{Kind: badRequest, Message: "the body is not JSON", Problems: []policy.Problem{{
		Line: 1 + bytes.Count(read, []byte("\n")), Column: len(read) - bytes.LastIndexByte(read, '\n'), Message: syntax.Error(),
	}}}
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

// envelope makes the change that a write is, without its body. content is the
// hash of what was sent.
//
// The request id in State is the Idempotency-Key with a fingerprint of who sent
// what where, so that a key that is used again for something else is never
// answered with the outcome of the first. A secret's content is left out of it:
// State is no place for the hash of a secret.
func (s *server) envelope(c *gin.Context, ifMatch, key string, content []byte) (change.Change, error) {
	ch := change.Change{Actor: c.GetString(actorKey), From: address(c.Request), Scopes: callerOf(c).scopes, Reason: strings.TrimSpace(c.GetHeader("X-Reason"))}
	if !utf8.ValidString(ch.Reason) || strings.ContainsFunc(ch.Reason, unicode.IsControl) {
		return ch, policy.Errorf(badRequest, "X-Reason holds a control character, or is not UTF-8; write it as one line of text, or give the reason in the body where that has one")
	}
	if err := checkReason(ch.Reason); err != nil {
		return ch, err
	}
	var err error
	if ch.Override, err = overrides(c); err != nil {
		return ch, err
	}
	if ifMatch != "" {
		rev, err := parseRevision(ifMatch)
		if err != nil {
			return ch, err
		}
		ch.IfMatch = &rev
	}
	if key = strings.Trim(key, `"`); key == "" {
		key = rand.Text()
	} else if !keyForm.MatchString(key) {
		return ch, policy.Errorf(badRequest, "the Idempotency-Key has to be 1 to 128 letters, digits and any of ._:-")
	}
	c.Set(requestKey, key)
	h := sha256.New()
	for _, part := range []string{ch.Actor, c.Request.Method, c.Request.URL.Path, c.Request.URL.RawQuery, c.GetHeader("Content-Type"), ifMatch + c.GetHeader("X-Override")} {
		io.WriteString(h, part+"\x00")
	}
	h.Write(content)
	ch.Request = key + "#" + hex.EncodeToString(h.Sum(nil)[:12])
	var other string
	s.cfg.Node.State().Requests.From(key+"#", func(id string, _ policy.Outcome) bool {
		if strings.HasPrefix(id, key+"#") && id != ch.Request {
			other = id
		}
		return false
	})
	if other != "" {
		return ch, policy.Errorf(policy.Invalid, "the Idempotency-Key %q was used for another request; take a new one for each write", key)
	}
	return ch, nil
}

// parseRevision reads an entity tag: "17", with or without the quotes.
func parseRevision(tag string) (uint64, error) {
	t := strings.TrimPrefix(strings.TrimSpace(tag), "W/")
	if len(t) >= 2 && t[0] == '"' && t[len(t)-1] == '"' {
		t = t[1 : len(t)-1]
	}
	rev, err := strconv.ParseUint(t, 10, 64)
	if err != nil {
		return 0, policy.Errorf(badRequest, "If-Match has to be one revision, as the ETag of what was read gives it (\"17\"), not %s", tag)
	}
	return rev, nil
}

func entityTag(rev uint64) string { return `"` + strconv.FormatUint(rev, 10) + `"` }

// try brings a change in; a refusal is an error too. size is that of the body:
// a big one goes in in pieces and may take longer.
func (s *server) try(c *gin.Context, ch change.Change, size int) (policy.Outcome, error) {
	if err := change.Admit(s.cfg.Node.State(), ch.Body); err != nil {
		return policy.Outcome{}, err
	}
	if len(ch.Override) > 0 {
		if err := change.AdmitOverride(s.cfg.Node.State()); err != nil {
			return policy.Outcome{}, err
		}
	}
	if len(ch.Scopes) > 0 { // what they do not reach is refused here already, and costs the log nothing
		if _, _, err := s.would(ch); policy.KindOf(err) == forbidden {
			return policy.Outcome{}, err
		}
	}
	limit := 4500*time.Millisecond + time.Duration(size)*time.Second>>19 // two seconds for each MiB
	// A caller that goes away does not take its write back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), limit)
	defer cancel()
	out, err := s.cfg.Node.Propose(ctx, ch)
	if err == nil && out.Refused != nil {
		err = out.Refused
	}
	return out, err
}

// propose is try, and refuses the request unless the change was made.
func (s *server) propose(c *gin.Context, ch change.Change, size int) (policy.Outcome, bool) {
	out, err := s.try(c, ch, size)
	if err != nil {
		s.refuse(c, err)
	}
	return out, err == nil
}

// settle waits for the nodes and says what became of a write.
func (s *server) settle(c *gin.Context, out policy.Outcome) api.WriteResult {
	return written(c, out, s.cfg.Node.Settle(context.WithoutCancel(c.Request.Context()), out.Index))
}

func written(c *gin.Context, out policy.Outcome, nodes []policy.Publication) api.WriteResult {
	r := api.WriteResult{
		Revision: out.Revision, Index: out.Index, Replayed: out.Replayed,
		Warnings: append([]string{}, out.Warnings...), Nodes: renderPublications(nodes), Unpublished: []string{},
	}
	for _, n := range nodes {
		if !n.Done() {
			r.Unpublished = append(r.Unpublished, n.Node)
		}
	}
	c.Header("ETag", entityTag(r.Revision))
	c.Header("X-Index", strconv.FormatUint(r.Index, 10))
	return r
}

func renderPublications(nodes []policy.Publication) []api.Publication {
	list := make([]api.Publication, 0, len(nodes))
	for _, n := range nodes {
		list = append(list, api.Publication{
			Node: n.Node, Id: n.ID, Reachable: n.Reachable, PublishedAt: n.PublishedAt, JournalledAt: n.JournalledAt, Error: n.Error,
		})
	}
	return list
}

// put is a write whose change needs nothing after it.
func (s *server) put(c *gin.Context, status int, ch change.Change, size int) {
	if out, ok := s.propose(c, ch, size); ok {
		s.render(c, status, s.settle(c, out))
	}
}

func (s *server) render(c *gin.Context, status int, v any) { c.Data(status, mediaJSON, encode(v)) }

// read is what every answer from the state says about itself.
func read(c *gin.Context, state *policy.State, rev uint64) {
	c.Header("ETag", entityTag(rev))
	c.Header("X-Index", strconv.FormatUint(state.Index, 10))
}

func sum(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}
