package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
)

// actorKey is where a request's authenticated actor is, in gin's context.
const actorKey = "actor"

// open are the routes that need no token. Every other one does, and so does
// every unknown path under the API's.
var open = map[string]bool{
	"/healthz": true, "/readyz": true,
	"/": true, "/assets/*file": true, // the UI, which asks for a token itself
	base + "/openapi.json": true, base + "/docs": true, base + "/docs/style.css": true, // the contract is no secret
}

// openCalls are those of the API by which people get in.
var openCalls = map[string]bool{"POST /session": true, "POST /session/token": true, "GET /auth/oidc/login": true, "GET /auth/oidc/callback": true}

// tokenHint is said to whoever comes without a valid token.
const tokenHint = "send the header \"Authorization: Bearer TOKEN\" (meridian's commands take it from MERIDIAN_TOKEN); the first admin token is in dataDir/admin.token of the node that bootstrapped the cluster"

// authenticate lets in who has a token, and denies all others.
func (s *server) authenticate(c *gin.Context) {
	path := c.FullPath()
	if open[path] || openCalls[routeOf(c)] || path == "" && !strings.HasPrefix(c.Request.URL.Path, "/api/") || path == "/metrics" && local(c.Request) {
		return
	}
	if c.GetHeader("Authorization") == "" {
		if who, there, refusal := s.fromCookie(c); refusal != nil {
			s.deny(c, refusal)
			return
		} else if there {
			s.admit(c, who)
			return
		}
	}
	presented, ok := bearer(c.Request)
	if !ok {
		s.deny(c, policy.Errorf(unauthenticated, "this call needs a token: %s", tokenHint))
		return
	}
	if s.cfg.Local.Is(presented) {
		s.breakGlass(c)
		return
	}
	state := s.cfg.Node.State()
	if state.Tokens.Len() == 0 {
		s.refuse(c, policy.Errorf(policy.Unavailable, "this node has no state yet, so it knows no token; it has to join its cluster first"))
		return
	}
	token, ok := find(state, presented)
	switch {
	case !ok:
		s.deny(c, policy.Errorf(unauthenticated, "the token is not known: %s", tokenHint))
	case token.Expired(s.clock()):
		s.deny(c, policy.Errorf(unauthenticated, "the token %s has expired; an admin makes another one (meridian token create)", token.ID))
	default:
		s.admit(c, caller{actor: token.ID, who: "the token " + token.ID, role: token.Role, scopes: token.Scopes})
	}
}

// breakGlass lets in whoever has the node's own token, from this machine only.
func (s *server) breakGlass(c *gin.Context) {
	if !local(c.Request) {
		s.deny(c, policy.Errorf(unauthenticated, "the break-glass token is taken from this machine only: use it on the node itself, at its loopback address"))
		return
	}
	s.admit(c, caller{actor: "break-glass/" + s.cfg.Local.Node(), who: "the break-glass token", role: policy.RoleViewer, glass: true})
	if !c.IsAborted() && s.glassReads.allow("") && c.Request.Method == http.MethodGet {
		s.note(c, "the token is in use")
	}
}

// admit lets a caller do what it may.
func (s *server) admit(c *gin.Context, who caller) {
	who.set(c)
	if refusal := permit(c, who); refusal != nil {
		s.refusals.note(c.Request, who.actor, refusal)
		s.refuse(c, refusal)
	}
}

// still says whether a caller's credential is good yet.
func (s *server) still(who caller) bool {
	if who.glass {
		return true
	}
	if who.session != "" {
		_, _, refusal := s.sessionCaller(who.session)
		return refusal == nil
	}
	t, ok := s.cfg.Node.State().Tokens.Get(who.actor)
	return ok && !t.Expired(s.clock())
}

func bearer(r *http.Request) (string, bool) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	return token, strings.EqualFold(scheme, "Bearer") && token != ""
}

// find is the token that was presented, in a time that depends on the number of tokens only.
func find(state *policy.State, presented string) (found policy.Token, ok bool) {
	sum := sha256.Sum256([]byte(presented))
	for _, t := range state.Tokens.All {
		if subtle.ConstantTimeCompare(sum[:], t.Hash) == 1 {
			found, ok = t, true
		}
	}
	return found, ok
}

// deny refuses a caller, notes it, and slows down who keeps trying.
func (s *server) deny(c *gin.Context, refusal *policy.Error) {
	s.refusals.note(c.Request, c.GetString(actorKey), refusal)
	if !s.failures.allow(peer(c.Request)) {
		refusal = policy.Errorf(policy.TooMany, "too many calls without a valid token from this address")
	}
	s.refuse(c, refusal)
}

// limitWrites bounds the writes of each token (S-22).
func (s *server) limitWrites(c *gin.Context) {
	switch c.Request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return
	}
	if !s.writes.allow(c.GetString(actorKey)) {
		s.refuse(c, policy.Errorf(policy.TooMany, "more than %d writes a second with one token", writesPerSecond))
	}
}

// local says whether a request comes from this machine and from no proxy on it.
func local(r *http.Request) bool {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !ap.Addr().Unmap().IsLoopback() {
		return false
	}
	for name := range r.Header {
		if name == "Forwarded" || name == "Via" || name == "X-Real-Ip" || strings.HasPrefix(name, "X-Forwarded-") {
			return false
		}
	}
	return true
}

// address is the real peer's address, whatever headers say (S-13).
func address(r *http.Request) string {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	return ap.Addr().Unmap().String()
}

// peer is the address that limits go by: the real peer's, of IPv6 its /64, whatever headers say (S-13).
func peer(r *http.Request) string {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return ""
	}
	a := ap.Addr().Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
