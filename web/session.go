package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

// touchAfter is how old what State has of a session's use may grow while it is in use.
const touchAfter = policy.SessionIdle / 6

// cookieName is that of the session's cookie. Browsers take the prefix only with Secure, and so only
// over TLS, or from a proxy that has it; on this machine plain HTTP will do.
func cookieName(r *http.Request) (name string, secure bool) {
	if r.TLS == nil && loopbackHost(r.Host) && local(r) {
		return "meridian", false
	}
	return "__Host-meridian", true
}

func loopbackHost(host string) bool {
	if ap, err := netip.ParseAddrPort(host); err == nil {
		return ap.Addr().IsLoopback()
	}
	name, _, _ := strings.Cut(host, ":")
	a, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return name == "localhost" || err == nil && a.IsLoopback()
}

// setCookie gives the browser a session, or with "" takes it back.
func setCookie(c *gin.Context, value string) {
	name, secure := cookieName(c.Request)
	k := &http.Cookie{Name: name, Value: value, Path: "/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	if value == "" {
		k.MaxAge = -1
	}
	http.SetCookie(c.Writer, k)
}

func sessionID(value string) string {
	h := sha256.Sum256([]byte(value))
	return hex.EncodeToString(h[:])
}

// inUse remembers on this node when sessions were last used, so that State is written only now and then.
type inUse struct {
	mu      sync.Mutex
	seen    map[string]int64
	writing bool
}

// see notes a use, and gives the sessions that State is to be told of, if nobody is telling it.
func (u *inUse) see(id string, now int64, state *policy.State) (due []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.seen[id] = now
	if u.writing {
		return nil
	}
	for id, at := range u.seen {
		s, ok := state.Sessions.Get(id)
		switch {
		case !ok:
			delete(u.seen, id)
		case at-s.SeenAt >= int64(touchAfter):
			due = append(due, id)
		}
	}
	u.writing = len(due) > 0
	return due
}

func (u *inUse) last(id string) int64 {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen[id]
}

// sessionCaller is who a session stands for now: a user's role and scopes are those of this moment.
func (s *server) sessionCaller(id string) (who caller, session policy.Session, refusal *policy.Error) {
	state, now := s.cfg.Node.State(), s.clock()
	session, ok := state.Sessions.Get(id)
	if !ok || session.Ends(s.uses.last(id)) <= now || state.CheckSession(session) != nil {
		return who, session, policy.Errorf(unauthenticated, "the session is over; log in again (POST %s/session)", base)
	}
	who = caller{actor: session.Actor(), session: id}
	switch {
	case session.User != "":
		u, _ := state.Users.Get(session.User)
		who.who, who.role, who.scopes = "the user "+u.Name, u.Role, u.Scopes
	case session.Token != "":
		t, _ := state.Tokens.Get(session.Token)
		if t.Expired(now) {
			return who, session, policy.Errorf(unauthenticated, "the token %s, with which the session was begun, has expired", t.ID)
		}
		who.who, who.role, who.scopes = "the token "+t.ID, t.Role, t.Scopes
	default:
		who.who, who.role, who.scopes = session.Subject, session.Role, session.Scopes
	}
	return who, session, nil
}

// fromCookie is who a request's cookie stands for. Whether the page that asks is one of ours has been seen to before.
func (s *server) fromCookie(c *gin.Context) (who caller, there bool, refusal *policy.Error) {
	name, _ := cookieName(c.Request)
	k, err := c.Request.Cookie(name)
	if err != nil || k.Value == "" {
		return who, false, nil
	}
	id := sessionID(k.Value)
	if who, _, refusal = s.sessionCaller(id); refusal == nil {
		s.use(id)
	}
	return who, true, refusal
}

// use notes that a session is in use, and tells State of it once in a while.
func (s *server) use(id string) {
	due := s.uses.see(id, s.clock(), s.cfg.Node.State())
	if len(due) == 0 {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if _, err := s.cfg.Node.Propose(ctx, change.Change{Body: change.TouchSessions{IDs: due}}); err != nil {
			s.cfg.Log.Debug("it could not be noted that sessions are in use", "error", err)
		}
		s.uses.mu.Lock()
		s.uses.writing = false
		s.uses.mu.Unlock()
	}()
}

// begin makes a session, sets its cookie, and gives its id.
func (s *server) begin(c *gin.Context, session policy.Session) (id string, ok bool) {
	random := make([]byte, 32)
	rand.Read(random) // never fails (crypto/rand, Go 1.24)
	value := base64.RawURLEncoding.EncodeToString(random)
	session.ID = sessionID(value)
	out, ok := s.propose(c, change.Change{Actor: session.Actor(), Body: change.PutSession{Session: session}}, 0)
	if !ok {
		return "", false
	}
	s.cfg.Node.Settle(context.WithoutCancel(c.Request.Context()), out.Index) // after it every node that can be reached knows the session
	setCookie(c, value)
	return session.ID, true
}

// show answers who a session is.
func (s *server) show(c *gin.Context, status int, id string) {
	who, session, refusal := s.sessionCaller(id)
	if refusal != nil {
		s.refuse(c, refusal)
		return
	}
	ends := time.Unix(0, session.Ends(s.clock())).UTC()
	s.render(c, status, api.Session{Actor: who.actor, Role: api.Role(who.role), Scopes: who.scopes, ExpiresAt: time.Unix(0, session.CreatedAt+int64(policy.SessionLife)).UTC(), IdleUntil: ends})
}

// GetSession says who the caller is, by whatever credential.
func (s *server) GetSession(c *gin.Context) {
	who := callerOf(c)
	if who.session != "" {
		s.show(c, http.StatusOK, who.session)
		return
	}
	shown := api.Session{Actor: who.actor, Role: api.Role(who.role), Scopes: who.scopes}
	if t, ok := s.cfg.Node.State().Tokens.Get(who.actor); ok && t.ExpiresAt != 0 {
		shown.ExpiresAt = time.Unix(0, t.ExpiresAt).UTC()
	}
	s.render(c, http.StatusOK, shown)
}

// EndSession logs out.
func (s *server) EndSession(c *gin.Context) {
	who := callerOf(c)
	if who.session == "" {
		s.refuse(c, policy.Errorf(policy.Conflict, "this call was made with a token and not with a session; a token ends by being revoked (DELETE %s/tokens/%s)", base, who.actor))
		return
	}
	out, ok := s.propose(c, change.Change{Actor: who.actor, Body: change.DeleteSession{ID: who.session}}, 0)
	if !ok {
		return
	}
	setCookie(c, "")
	s.render(c, http.StatusOK, s.settle(c, out))
}
