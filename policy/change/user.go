package change

import (
	"cmp"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// PutUser makes a user. The node that took the password has hashed and sealed it.
type PutUser struct {
	policy.User
}

func (b PutUser) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if err := policy.CheckLabel(b.Name); err != nil {
		return policy.Errorf(policy.Invalid, "%v", err)
	}
	if err := checkPerson(b.Role, b.Scopes); err != nil {
		return err
	}
	if err := checkSealed(b.Password); err != nil {
		return err
	}
	if d.Users.Has(b.Name) {
		return policy.Errorf(policy.Conflict, "there is a user %q already", b.Name)
	}
	if d.Users.Len() >= policy.MaxUsers {
		return policy.Errorf(policy.Conflict, "there are %d users, which is the most; remove some", policy.MaxUsers)
	}
	u := b.User
	u.CreatedAt, u.PasswordAt, u.CreatedBy = d.Clock, d.Clock, d.change.Actor
	d.revise()
	d.Users.Set(u.Name, u)
	return nil
}

func checkPerson(role string, scopes policy.Scopes) error {
	if err := policy.CheckRole(role); err != nil {
		return err
	}
	if role == policy.RoleNode {
		return policy.Errorf(policy.Invalid, "the role %s is for joining alone, with a token; a user has another", role)
	}
	return policy.CheckScopes(role, scopes)
}

func checkSealed(password []byte) error {
	if len(password) == 0 || len(password) > 1024 {
		return policy.Errorf(policy.Invalid, "a sealed password has 1 to 1024 octets, not %d", len(password))
	}
	return nil
}

// UpdateUser changes what it names of a user. A role brings its scopes along; without them there are none.
type UpdateUser struct {
	Name     string        `json:"name"`
	Role     string        `json:"role,omitempty"`
	Scopes   policy.Scopes `json:"scopes,omitempty"`
	Disabled *bool         `json:"disabled,omitempty"`
	Password []byte        `json:"password,omitempty"` // sealed; the user's sessions end with it
	Keep     string        `json:"keep,omitempty"`     // but for this one, in which it was changed
}

func (b UpdateUser) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	u, ok := d.Users.Get(b.Name)
	if !ok {
		return policy.Errorf(policy.NotFound, "there is no user %q", b.Name)
	}
	if b.Role != "" {
		if err := checkPerson(b.Role, b.Scopes); err != nil {
			return err
		}
		u.Role, u.Scopes = b.Role, b.Scopes
	} else if len(b.Scopes) > 0 {
		return policy.Errorf(policy.Invalid, "scopes come with a role; say which the user is to have")
	}
	if b.Disabled != nil {
		u.Disabled = *b.Disabled
	}
	if b.Password != nil {
		if err := checkSealed(b.Password); err != nil {
			return err
		}
		u.Password, u.PasswordAt = b.Password, d.Clock
	}
	d.revise()
	d.Users.Set(u.Name, u)
	if u.Disabled || b.Password != nil {
		d.endSessions(func(s policy.Session) bool { return s.User == u.Name && (u.Disabled || s.ID != b.Keep) })
	}
	return nil
}

// DeleteUser removes a user, whose sessions end.
type DeleteUser struct {
	Name string `json:"name"`
}

func (b DeleteUser) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if !d.Users.Delete(b.Name) {
		return policy.Errorf(policy.NotFound, "there is no user %q", b.Name)
	}
	d.revise()
	d.endSessions(func(s policy.Session) bool { return s.User == b.Name })
	return nil
}

// PutSession begins a session. Its life begins with the change; those that are over are forgotten.
type PutSession struct {
	policy.Session
}

func (b PutSession) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	s := b.Session
	s.CreatedAt, s.SeenAt = d.Clock, d.Clock
	if len(s.ID) != 64 || d.Sessions.Has(s.ID) {
		return policy.Errorf(policy.Invalid, "a session needs a hash of 32 octets in hex, of its own")
	}
	if err := d.CheckSession(s); err != nil {
		return err
	}
	d.endSessions(func(s policy.Session) bool { return s.Ends(0) <= d.Clock })
	var mine []policy.Session
	for _, o := range d.Sessions.All {
		if o.Actor() == s.Actor() {
			mine = append(mine, o)
		}
	}
	slices.SortFunc(mine, func(a, b policy.Session) int { return cmp.Or(cmp.Compare(a.SeenAt, b.SeenAt), cmp.Compare(a.ID, b.ID)) })
	for len(mine) >= policy.MaxSessionsEach {
		d.Sessions.Delete(mine[0].ID)
		mine = mine[1:]
	}
	if d.Sessions.Len() >= policy.MaxSessions {
		return policy.Errorf(policy.TooMany, "there are %d sessions, which is the most; some end within %v", policy.MaxSessions, policy.SessionIdle)
	}
	d.Sessions.Set(s.ID, s)
	return nil
}

// endSessions ends those that which says.
func (d *making) endSessions(which func(policy.Session) bool) {
	var gone []string
	for id, s := range d.Sessions.All {
		if which(s) {
			gone = append(gone, id)
		}
	}
	for _, id := range gone {
		d.Sessions.Delete(id)
	}
}

// TouchSessions notes that sessions are in use, once in a while for each.
type TouchSessions struct {
	IDs []string `json:"ids"`
}

func (b TouchSessions) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	for _, id := range b.IDs {
		if s, ok := d.Sessions.Get(id); ok {
			s.SeenAt = d.Clock
			d.Sessions.Set(id, s)
		}
	}
	return nil
}

// DeleteSession ends a session.
type DeleteSession struct {
	ID string `json:"id"`
}

func (b DeleteSession) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	d.Sessions.Delete(b.ID)
	return nil
}

// PutOIDC sets how people log in with a provider, or with nil that they do not. Sessions that were begun so end.
type PutOIDC struct {
	OIDC *policy.OIDC `json:"oidc"`
}

func (b PutOIDC) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if err := d.match("the state", d.base.Revision); err != nil {
		return err
	}
	if b.OIDC == nil && d.Cluster.OIDC == nil {
		return policy.Errorf(policy.NotFound, "there is no log-in by OIDC")
	}
	if b.OIDC != nil {
		if err := b.OIDC.Check(); err != nil {
			return err
		}
		if ref := b.OIDC.ClientSecret; ref != nil && !d.Secrets.Has(ref.Secret) {
			return policy.Errorf(policy.Invalid, "there is no secret %q; put it first (PUT /api/v1/secrets/%s)", ref.Secret, ref.Secret)
		}
	}
	d.revise()
	d.Cluster.OIDC = b.OIDC
	d.endSessions(func(s policy.Session) bool { return s.Subject != "" })
	return nil
}
