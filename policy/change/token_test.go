package change

import (
	"bytes"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// TestTokens: what a token must be, what it brings along for joining, and that somebody can always get in.
func TestTokens(t *testing.T) {
	m := started(t).level(policy.FeatureAccess)
	first := ""
	for id := range m.s.Tokens.All {
		first = id
	}
	token := func(id, name, role string) policy.Token {
		return policy.Token{ID: id, Name: name, Role: role, Hash: bytes.Repeat([]byte(id[:1]), 32)}
	}
	m.ok(PutToken{Token: token("a1", "ci", policy.RoleEditor)})
	m.accepted(Change{Clock: m.s.Clock + 1, Body: PutToken{Token: token("b1", "join", policy.RoleNode), ExpiresIn: policy.Duration(time.Hour), JoinKey: []byte("key")}})
	made, _ := m.s.Tokens.Get("b1")
	if made.CreatedAt != m.s.Clock || made.ExpiresAt != m.s.Clock+int64(time.Hour) || made.Expired(m.s.Clock) || !made.Expired(made.ExpiresAt) || string(m.s.Cluster.JoinKeys["b1"]) != "key" {
		t.Errorf("%+v, %v", made, m.s.Cluster.JoinKeys)
	}
	m.refuse(policy.Conflict, `"ci" already, a1`, PutToken{Token: token("c1", "ci", policy.RoleViewer)})
	m.refuse(policy.Conflict, "token a1 already", PutToken{Token: token("a1", "other", policy.RoleViewer)})
	m.refuse(policy.Invalid, "is not a role", PutToken{Token: token("c1", "other", "king")})
	m.refuse(policy.Invalid, "have a join key", PutToken{Token: token("c1", "other", policy.RoleViewer), JoinKey: []byte("key")})
	m.refuse(policy.Invalid, "have a join key", PutToken{Token: token("c1", "other", policy.RoleAdmin)})
	m.refuse(policy.Invalid, "hash of 32 octets", PutToken{Token: policy.Token{ID: "c1", Name: "other", Role: policy.RoleViewer, Hash: []byte{1}}})
	m.refuse(policy.Invalid, "not within", PutToken{Token: token("c1", "other", policy.RoleViewer), ExpiresIn: policy.Duration(time.Second)})
	m.refuse(policy.Unsafe, "no admin token without an expiry would be left", DeleteToken{first})
	m.refuse(policy.NotFound, `no token "x"`, DeleteToken{"x"})
	before := m.s.Cluster.JoinKeys
	m.ok(DeleteToken{"b1"})
	if m.s.Cluster.JoinKeys["b1"] != nil || before["b1"] == nil {
		t.Errorf("the join key of a revoked token: %v, and in the state before: %v", m.s.Cluster.JoinKeys, before)
	}
	m.ok(PutToken{Token: token("d1", "second", policy.RoleAdmin), JoinKey: []byte("key")})
	m.ok(DeleteToken{first})

	// What has expired gives its name free, and is forgotten a month later.
	m.accepted(Change{Clock: m.s.Clock, Body: PutToken{Token: token("e1", "short", policy.RoleViewer), ExpiresIn: policy.Duration(time.Minute)}})
	m.accepted(Change{Clock: m.s.Clock + int64(2*time.Minute), Body: PutToken{Token: token("f1", "short", policy.RoleViewer)}})
	if !m.s.Tokens.Has("e1") {
		t.Error("it is forgotten at once")
	}
	m.accepted(Change{Clock: m.s.Clock + int64(31*24*time.Hour), Body: PutToken{Token: token("g1", "more", policy.RoleViewer)}})
	if m.s.Tokens.Has("e1") {
		t.Error("it is never forgotten")
	}
	started(t).refuse(policy.Conflict, "token.put needs feature level 5 on every node", PutToken{Token: token("a1", "ci", policy.RoleEditor)})
}
