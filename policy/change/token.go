package change

import (
	"crypto/sha256"

	"github.com/meridian-gtm/meridian/policy"
)

// PutToken makes an API token. Its life begins with the change.
type PutToken struct {
	policy.Token
	ExpiresIn policy.Duration `json:"expiresIn,omitempty"` // 0: it does not expire
	// JoinKey is the sealed verifier by which nodes prove that they know the token, for those that let nodes join.
	JoinKey []byte `json:"joinKey,omitempty"`
}

func (b PutToken) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if err := policy.CheckRole(b.Role); err != nil {
		return err
	}
	if err := policy.CheckScopes(b.Role, b.Scopes); err != nil {
		return err
	}
	if err := policy.CheckLabel(b.Name); err != nil {
		return policy.Errorf(policy.Invalid, "%v", err)
	}
	if b.ID == "" || len(b.Hash) != sha256.Size {
		return policy.Errorf(policy.Invalid, "a token needs an id and a hash of %d octets", sha256.Size)
	}
	if b.ExpiresIn != 0 && (b.ExpiresIn < policy.MinTokenLife || b.ExpiresIn > policy.MaxTokenLife) {
		return policy.Errorf(policy.Invalid, "a token's life of %v is not within %v to %v", b.ExpiresIn, policy.MinTokenLife, policy.MaxTokenLife)
	}
	if b.Token.Joins() != (len(b.JoinKey) > 0) {
		return policy.Errorf(policy.Invalid, "tokens with the role %s or %s, and no others, have a join key", policy.RoleAdmin, policy.RoleNode)
	}
	for id, t := range d.Tokens.All {
		if id == b.ID {
			return policy.Errorf(policy.Conflict, "there is a token %s already; make another one", b.ID)
		}
		if t.Name == b.Name && !t.Expired(d.Clock) {
			return policy.Errorf(policy.Conflict, "there is a token %q already, %s; revoke it first, or take another name", t.Name, t.ID)
		}
	}
	d.forgetTokens()
	if d.Tokens.Len() >= policy.MaxTokens {
		return policy.Errorf(policy.Conflict, "there are %d tokens, which is the most; revoke some", policy.MaxTokens)
	}
	t := b.Token
	t.CreatedAt, t.ExpiresAt = d.Clock, 0
	if b.ExpiresIn > 0 {
		t.ExpiresAt = d.Clock + int64(b.ExpiresIn)
	}
	d.revise()
	d.Tokens.Set(t.ID, t)
	d.setJoinKey(t.ID, b.JoinKey)
	return nil
}

// forgetTokens takes out those that have been expired for long.
func (d *making) forgetTokens() {
	var gone []string
	for id, t := range d.Tokens.All {
		if t.Forgotten(d.Clock) {
			gone = append(gone, id)
		}
	}
	for _, id := range gone {
		d.Tokens.Delete(id)
		d.setJoinKey(id, nil)
	}
}

// setJoinKey replaces the map: states before this one have the old one still.
func (d *making) setJoinKey(id string, key []byte) {
	if _, ok := d.Cluster.JoinKeys[id]; !ok && key == nil {
		return
	}
	keys := map[string][]byte{}
	for k, v := range d.Cluster.JoinKeys {
		if k != id {
			keys[k] = v
		}
	}
	if key != nil {
		keys[id] = key
	}
	d.Cluster.JoinKeys = keys
}

// DeleteToken revokes a token. The last admin's that does not expire stays.
type DeleteToken struct {
	ID string `json:"id"`
}

func (b DeleteToken) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	if !d.Tokens.Has(b.ID) {
		return policy.Errorf(policy.NotFound, "there is no token %q", b.ID)
	}
	left := false
	for id, t := range d.Tokens.All {
		left = left || id != b.ID && t.Role == policy.RoleAdmin && t.ExpiresAt == 0
	}
	if !left {
		return policy.Errorf(policy.Unsafe, "no admin token without an expiry would be left; make another one first")
	}
	d.revise()
	d.Tokens.Delete(b.ID)
	d.setJoinKey(b.ID, nil)
	d.endSessions(func(s policy.Session) bool { return s.Token == b.ID })
	return nil
}
