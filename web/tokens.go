package web

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

// ListTokens lists the tokens, without anything of what they are.
func (s *server) ListTokens(c *gin.Context) {
	state := s.cfg.Node.State()
	list := api.TokenList{Items: []api.Token{}}
	for _, t := range state.Tokens.All {
		list.Items = append(list.Items, s.token(t))
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

func (s *server) token(t policy.Token) api.Token {
	shown := api.Token{Id: t.ID, Name: t.Name, Role: api.Role(t.Role), Scopes: t.Scopes, CreatedBy: t.CreatedBy, Expired: t.Expired(s.clock())}
	for at, to := range map[int64]*time.Time{t.CreatedAt: &shown.CreatedAt, t.ExpiresAt: &shown.ExpiresAt} {
		if at != 0 {
			*to = time.Unix(0, at).UTC()
		}
	}
	return shown
}

// clock is State's, or this node's if that is later: State's stands still while nothing is written.
func (s *server) clock() int64 { return max(s.cfg.Node.State().Clock, s.cfg.Now().UnixNano()) }

// CreateToken makes a token and shows it, this once.
func (s *server) CreateToken(c *gin.Context, params api.CreateTokenParams) {
	var in struct { // api.TokenWrite with what its strings mean
		Name      string          `json:"name"`
		Role      string          `json:"role"`
		Scopes    *policy.Scopes  `json:"scopes"`
		ExpiresIn policy.Duration `json:"expiresIn"`
	}
	data, err := readJSON(c, maxSmall, &in)
	var ch change.Change
	var scopes policy.Scopes
	if err == nil {
		scopes, err = readScopes(in.Scopes)
	}
	if err == nil {
		ch, err = s.envelope(c, "", params.IdempotencyKey, sum(data))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	random := make([]byte, 32)
	rand.Read(random) // never fails (crypto/rand, Go 1.24)
	secret := "mer_" + base64.RawURLEncoding.EncodeToString(random)
	hash := sha256.Sum256([]byte(secret))
	body := change.PutToken{
		Token:     policy.Token{ID: hex.EncodeToString(hash[:4]), Name: in.Name, Hash: hash[:], Role: in.Role, Scopes: scopes, CreatedBy: c.GetString(actorKey)},
		ExpiresIn: in.ExpiresIn,
	}
	if body.Token.Joins() {
		if body.JoinKey, err = s.cfg.Node.SealJoinKey(body.ID, secret); err != nil {
			s.refuse(c, err)
			return
		}
	}
	ch.Body = body
	out, ok := s.propose(c, ch, 0)
	switch {
	case !ok:
	case out.Replayed:
		s.refuse(c, policy.Errorf(policy.Conflict, "this token was made by an earlier call with the same Idempotency-Key, and is shown once only; if that answer was lost, revoke %s (meridian token list) and make another", in.Name))
	default:
		written := s.settle(c, out) // after it this node's state has the token
		made, _ := s.cfg.Node.State().Tokens.Get(body.ID)
		s.render(c, http.StatusCreated, api.TokenMade{Token: secret, Id: body.ID, ExpiresAt: s.token(made).ExpiresAt, Written: written})
	}
}

// readScopes refuses an empty list, which whoever wrote it may take for "nothing", while no scopes are no limit.
func readScopes(in *policy.Scopes) (policy.Scopes, error) {
	if in == nil {
		return nil, nil
	}
	if len(*in) == 0 {
		return nil, &policy.Error{Kind: policy.Invalid, Message: "the scopes are not valid", Problems: []policy.Problem{{Pointer: "/scopes",
			Message: "the list is empty; name what may be changed, or leave scopes out to limit nothing"}}}
	}
	return *in, nil
}

// RevokeToken ends a token on every node.
func (s *server) RevokeToken(c *gin.Context, id string, params api.RevokeTokenParams) {
	ch, err := s.envelope(c, "", params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.DeleteToken{ID: id}
	s.put(c, http.StatusOK, ch, 0)
}
