package policy

import (
	"slices"
	"strings"
	"time"
)

// Roles of tokens, each with all that those before it may do, but for RoleNode.
const (
	RoleViewer   = "viewer"   // sees everything but tokens
	RoleOperator = "operator" // drains, resumes, probes now, feeds loads, latencies and signals
	RoleEditor   = "editor"   // changes the document and zones
	RoleAdmin    = "admin"    // tokens, secrets and members; its token lets nodes and agents join
	RoleNode     = "node"     // lets nodes and agents join, and nothing else
)

// Roles lists them all, the least first.
var Roles = []string{RoleNode, RoleViewer, RoleOperator, RoleEditor, RoleAdmin}

// Bounds of tokens.
const (
	MaxTokens     = 1000
	MinTokenLife  = Duration(time.Minute)
	MaxTokenLife  = Duration(10 * 365 * 24 * time.Hour)
	forgetExpired = Duration(30 * 24 * time.Hour) // after that an expired token is not listed any more
)

// Token is an API credential. Only a hash of its 256 random bits is kept.
type Token struct {
	ID        string `json:"id"`             // the first characters of the hash, shown to tell tokens apart
	Name      string `json:"name,omitempty"` // what it is for
	Hash      []byte `json:"hash"`
	Role      string `json:"role"`
	Scopes    Scopes `json:"scopes,omitempty"`    // what it may change; none: whatever its role may
	CreatedAt int64  `json:"createdAt,omitempty"` // State's clock
	CreatedBy string `json:"createdBy,omitempty"` // id of the token that made it
	ExpiresAt int64  `json:"expiresAt,omitempty"` // State's clock; 0: never
}

// Expired says whether the token is good no more at a time of State's clock.
func (t Token) Expired(clock int64) bool { return t.ExpiresAt != 0 && clock >= t.ExpiresAt }

// Forgotten says whether it has been so for long.
func (t Token) Forgotten(clock int64) bool {
	return t.ExpiresAt != 0 && clock-t.ExpiresAt >= int64(forgetExpired)
}

// Joins says whether nodes and agents may join with the token.
func (t Token) Joins() bool { return t.Role == RoleAdmin || t.Role == RoleNode }

// Permits says whether a role may do what another one is the least for.
func Permits(role, least string) bool {
	has, needs := slices.Index(Roles, role), slices.Index(Roles, least)
	return has >= 0 && needs >= 0 && has >= needs && (role == RoleNode) == (least == RoleNode)
}

// CheckRole says whether there is such a role.
func CheckRole(role string) error {
	if !slices.Contains(Roles, role) {
		return Errorf(Invalid, "%q is not a role; %s are", role, strings.Join(Roles, ", "))
	}
	return nil
}
