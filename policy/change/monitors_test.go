package change

import (
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// Monitors of the later kinds wait for their feature level, and the secrets that
// they name must be there and stay.
func TestLaterMonitors(t *testing.T) {
	m := started(t)
	c := policy.Config{Monitors: []policy.Monitor{{Name: "db", Postgres: &policy.DatabaseCheck{User: "m", Password: &policy.SecretRef{Secret: "db"}}}}}
	put := PutConfig{Config: c, Merge: true}
	for _, v := range m.s.Members.All {
		v.Feature = policy.FeatureHealth - 1
		m.ok(PutMember{v})
	}
	if err := Admit(m.s, put); policy.KindOf(err) != policy.Conflict {
		t.Errorf("below the level: %v", err)
	}
	for _, v := range m.s.Members.All {
		v.Feature = policy.FeatureHealth
		m.ok(PutMember{v})
	}
	m.ok(RaiseFeature{policy.FeatureHealth})
	if err := Admit(m.s, put); err != nil {
		t.Error(err)
	}
	m.refuse(policy.Invalid, `/monitors/0/postgres/password/secret: there is no secret "db"`, put)
	m.ok(PutSecret{policy.Secret{Name: "db", Sealed: []byte{1}}})
	m.ok(put)
	m.refuse(policy.Conflict, `monitor "db" uses the secret "db"`, DeleteSecret{Name: "db"})
}
