package web

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/web/api"
)

// ListUsers lists the users, without anything of their passwords.
func (s *server) ListUsers(c *gin.Context) {
	state := s.cfg.Node.State()
	list := api.UserList{Items: []api.User{}}
	open := map[string]int{}
	for _, v := range state.Sessions.All {
		if v.User != "" && v.Ends(0) > s.clock() {
			open[v.User]++
		}
	}
	for _, u := range state.Users.All {
		list.Items = append(list.Items, api.User{
			Name: u.Name, Role: api.Role(u.Role), Scopes: u.Scopes, Disabled: u.Disabled, CreatedBy: u.CreatedBy, Sessions: open[u.Name],
			CreatedAt: time.Unix(0, u.CreatedAt).UTC(), PasswordAt: time.Unix(0, u.PasswordAt).UTC(),
		})
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// userWrite is an api.UserWrite or an api.UserUpdate in our nouns.
type userWrite struct {
	Name     string         `json:"name"`
	Role     string         `json:"role"`
	Scopes   *policy.Scopes `json:"scopes"`
	Disabled *bool          `json:"disabled"`
	Password *string        `json:"password"`
}

// readUser reads one. name is that of the path, or "". The password is out of what tells requests apart.
func (s *server) readUser(c *gin.Context, name, key string) (in userWrite, ch change.Change, scopes policy.Scopes, sealed []byte, err error) {
	if _, err = readJSON(c, maxSmall, &in); err != nil {
		return
	}
	if name != "" && in.Name != "" && in.Name != name {
		err = policy.Errorf(policy.Invalid, "the path says %q and the body %q", name, in.Name)
		return
	}
	if name == "" {
		name = in.Name
	}
	if e := policy.CheckLabel(name); e != nil {
		err = policy.Errorf(policy.Invalid, "%v", e)
		return
	}
	if scopes, err = readScopes(in.Scopes); err != nil {
		return
	}
	if in.Password != nil {
		if err = checkPassword("/password", *in.Password); err != nil {
			return
		}
	}
	shown := in
	shown.Password = nil
	if ch, err = s.envelope(c, "", key, encode(shown)); err != nil || in.Password == nil {
		return
	}
	sealed, err = s.sealPassword(c, name, *in.Password)
	return
}

// CreateUser makes a user.
func (s *server) CreateUser(c *gin.Context, params api.CreateUserParams) {
	in, ch, scopes, sealed, err := s.readUser(c, "", params.IdempotencyKey)
	if err == nil && in.Password == nil {
		err = checkPassword("/password", "")
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.PutUser{User: policy.User{Name: in.Name, Password: sealed, Role: in.Role, Scopes: scopes, Disabled: in.Disabled != nil && *in.Disabled}}
	s.put(c, http.StatusCreated, ch, 0)
}

// UpdateUser changes what the body names.
func (s *server) UpdateUser(c *gin.Context, name string, params api.UpdateUserParams) {
	in, ch, scopes, sealed, err := s.readUser(c, name, params.IdempotencyKey)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.UpdateUser{Name: name, Role: in.Role, Scopes: scopes, Disabled: in.Disabled, Password: sealed}
	s.put(c, http.StatusOK, ch, 0)
}

// DeleteUser removes a user and ends the sessions.
func (s *server) DeleteUser(c *gin.Context, name string, params api.DeleteUserParams) {
	ch, err := s.envelope(c, "", params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.DeleteUser{Name: name}
	s.put(c, http.StatusOK, ch, 0)
}
