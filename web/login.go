package web

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

// Log-ins that fail, of one account from one address, and of one account from anywhere: the first stops
// who guesses, the second who guesses from many places, and neither keeps out a user whose name somebody
// else tries from one place. They are counted on each node.
const (
	guessesPerSecond = 1. / 60
	guessesBurst     = 5
	accountPerSecond = 1. / 10
	accountBurst     = 100
)

// logins is what people get in by, and what keeps others out.
type logins struct {
	hasher  *hasher
	guesses *limiter // by account and peer
	account *limiter // by account
	count   *prometheus.CounterVec
	replay  *replays // states of OIDC that were used
	oidc    oidcProviders
}

func newLogins(registry *prometheus.Registry, now func() time.Time) *logins {
	l := &logins{
		hasher: newHasher(), guesses: newLimiter(guessesPerSecond, guessesBurst, now), account: newLimiter(accountPerSecond, accountBurst, now), replay: &replays{},
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "meridian_api_logins_total", Help: "Log-ins that were tried, by method (password, token, oidc) and outcome (ok, refused, limited, failed).",
		}, []string{"method", "outcome"}),
	}
	for _, method := range []string{"password", "token", "oidc"} { // shown from the start
		for _, outcome := range []string{"ok", "refused", "limited", "failed"} {
			l.count.WithLabelValues(method, outcome)
		}
	}
	if registry != nil {
		registry.MustRegister(l.count)
	}
	return l
}

// outcome counts a log-in by what its answer was.
func (l *logins) outcome(c *gin.Context, method string) {
	outcome := "failed"
	switch code := c.Writer.Status(); {
	case code < 400:
		outcome = "ok"
	case code == http.StatusTooManyRequests:
		outcome = "limited"
	case code < 500:
		outcome = "refused"
	}
	l.count.WithLabelValues(method, outcome).Inc()
}

// wrong is all that is said of a log-in that fails: not whether there is such a user.
func wrong() *policy.Error {
	return policy.Errorf(unauthenticated, "the user or the password is wrong, or the user is disabled")
}

// holds says whether a password is a user's. It takes as long for users there are not, and refuses the call when it is not theirs.
func (s *server) holds(c *gin.Context, name, password string) bool {
	l := s.logins
	pair := name + "\x00" + peer(c.Request)
	if !l.guesses.allow(pair) || !l.account.allow(name) {
		refusal := policy.Errorf(policy.TooMany, "too many log-ins of this user have failed; wait a minute")
		s.refusals.note(c.Request, "", refusal)
		s.refuse(c, refusal)
		return false
	}
	phc, u := "", policy.User{}
	if found, ok := s.cfg.Node.State().Users.Get(name); ok && !found.Disabled {
		u = found
		clear, err := s.cfg.Node.Open("user/"+name, u.Password)
		if err != nil {
			s.refuse(c, err)
			return false
		}
		phc = string(clear)
	}
	if len(password) > policy.MaxPassword {
		password = ""
	}
	ok, err := l.hasher.matches(c.Request.Context(), phc, password)
	switch {
	case err != nil:
		s.refuse(c, err)
		return false
	case !ok:
		s.deny(c, wrong())
		return false
	}
	l.guesses.giveBack(pair)
	l.account.giveBack(name)
	return true
}

// BeginSession logs in with a password.
func (s *server) BeginSession(c *gin.Context) {
	defer s.logins.outcome(c, "password")
	var in api.LogIn
	if _, err := readJSON(c, maxSmall, &in); err != nil {
		s.refuse(c, err)
		return
	}
	if policy.CheckLabel(in.User) != nil {
		in.User = "" // nobody's, and nothing that a limit would remember
	}
	if s.holds(c, in.User, in.Password) {
		s.enter(c, policy.Session{User: in.User})
	}
}

// BeginTokenSession logs in with a token, for the time that it is good.
func (s *server) BeginTokenSession(c *gin.Context) {
	defer s.logins.outcome(c, "token")
	var in api.LogInToken
	if _, err := readJSON(c, maxSmall, &in); err != nil {
		s.refuse(c, err)
		return
	}
	token, ok := find(s.cfg.Node.State(), in.Token)
	switch {
	case !ok || token.Expired(s.clock()):
		s.deny(c, policy.Errorf(unauthenticated, "the token is not known, or has expired"))
	case token.Role == policy.RoleNode:
		s.deny(c, policy.Errorf(forbidden, "the token %s is for joining alone, and lets nobody log in", token.ID))
	default:
		s.enter(c, policy.Session{Token: token.ID})
	}
}

// enter begins a session and shows it.
func (s *server) enter(c *gin.Context, session policy.Session) {
	if id, ok := s.begin(c, session); ok {
		s.show(c, http.StatusCreated, id)
	}
}

// SetOwnPassword changes the caller's own password, and ends the other sessions.
func (s *server) SetOwnPassword(c *gin.Context) {
	var in api.PasswordChange
	_, err := readJSON(c, maxSmall, &in)
	who := callerOf(c)
	session, _ := s.cfg.Node.State().Sessions.Get(who.session)
	if err == nil && session.User == "" {
		err = policy.Errorf(policy.Conflict, "%s has no password here", who.who)
	}
	if err == nil {
		err = checkPassword("/new", in.New)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	if !s.holds(c, session.User, in.Old) {
		return
	}
	sealed, err := s.sealPassword(c, session.User, in.New)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.put(c, http.StatusOK, change.Change{Actor: who.actor, Body: change.UpdateUser{Name: session.User, Password: sealed, Keep: who.session}}, 0)
}

// sealPassword hashes a password and seals the hash, so that no log and no snapshot has what could be guessed at.
func (s *server) sealPassword(c *gin.Context, name, password string) ([]byte, error) {
	phc, err := s.logins.hasher.hash(c.Request.Context(), password)
	if err != nil {
		return nil, err
	}
	return s.cfg.Node.Seal("user/"+name, []byte(phc))
}
