package policy

import "time"

// User is somebody who logs in with a password.
type User struct {
	Name     string `json:"name"`
	Password []byte `json:"password"` // the argon2id hash as a PHC string, sealed like a Secret named "user/NAME"
	Role     string `json:"role"`
	Scopes   Scopes `json:"scopes,omitempty"`
	Disabled bool   `json:"disabled,omitempty"`
	// State's clock, and the actor.
	CreatedAt  int64  `json:"createdAt,omitempty"`
	CreatedBy  string `json:"createdBy,omitempty"`
	PasswordAt int64  `json:"passwordAt,omitempty"` // when the password was last set
}

// Bounds of users and their sessions.
const (
	MaxUsers        = 1000
	MinPassword     = 12   // characters
	MaxPassword     = 1024 // octets
	MaxSessions     = 10_000
	MaxSessionsEach = 10 // of one user or token: the one that was idle for longest gives way
	SessionIdle     = Duration(time.Hour)
	SessionLife     = Duration(12 * time.Hour)
)

// Session is a log-in with a browser. Only a hash of its 256 random bits is kept.
type Session struct {
	ID    string `json:"id"` // the hash, in hex
	User  string `json:"user,omitempty"`
	Token string `json:"token,omitempty"` // id of the token that it was begun with
	// Of a log-in by OIDC: who it is, and what the mapping of groups gave.
	Subject string `json:"subject,omitempty"`
	Role    string `json:"role,omitempty"`
	Scopes  Scopes `json:"scopes,omitempty"`
	// State's clock.
	CreatedAt int64 `json:"createdAt,omitempty"`
	SeenAt    int64 `json:"seenAt,omitempty"` // near to when it was last used
}

// Actor is who a session's changes are made by.
func (s Session) Actor() string {
	switch {
	case s.User != "":
		return "user/" + s.User
	case s.Subject != "":
		return "oidc/" + s.Subject
	}
	return s.Token
}

// CheckSession says why a session is good no more, its time aside, or nil.
func (s *State) CheckSession(x Session) error {
	switch {
	case x.User != "":
		if u, ok := s.Users.Get(x.User); !ok || u.Disabled {
			return Errorf(NotFound, "there is no user %q, or it is disabled", x.User)
		}
	case x.Token != "":
		if t, ok := s.Tokens.Get(x.Token); !ok || t.Expired(s.Clock) || t.Role == RoleNode {
			return Errorf(NotFound, "there is no token %q, or it has expired or lets nobody log in", x.Token)
		}
	case x.Subject != "":
		if s.Cluster.OIDC == nil {
			return Errorf(NotFound, "there is no log-in by OIDC any more")
		}
		return CheckScopes(x.Role, x.Scopes)
	default:
		return Errorf(Invalid, "a session of nobody")
	}
	return nil
}

// Ends is when a session ends if it was used at seen and is not again, at a time of State's clock.
func (s Session) Ends(seen int64) int64 {
	return min(s.CreatedAt+int64(SessionLife), max(s.SeenAt, seen)+int64(SessionIdle))
}
