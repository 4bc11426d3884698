package change

import (
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func cookieKeyOf(id string) policy.CookieKey {
	return policy.CookieKey{ID: id, Sealed: []byte("sealed " + id)}
}

// A rollover is learn, sign, forget, and at no time does a node sign with a key
// that the state one step before, or after, does not verify.
func TestRollCookies(t *testing.T) {
	m := started(t)
	revision, config := m.s.Revision, m.s.ConfigRevision
	m.ok(RollCookies{policy.CookieLearn, cookieKeyOf("a"), "", 10})
	before := m.s.Cluster.Cookies
	mustEqual(t, "the first key signs: it", before.Signing, "a")
	for i, step := range []struct {
		body    RollCookies
		signing string
		keys    []string
	}{
		{RollCookies{policy.CookieLearn, cookieKeyOf("b"), "a", 20}, "a", []string{"a", "b"}},
		{RollCookies{Step: policy.CookieSign, From: "a", Due: 30}, "b", []string{"a", "b"}},
		{RollCookies{Step: policy.CookieForget, From: "b", Due: 40}, "b", []string{"b"}},
		{RollCookies{policy.CookieLearn, cookieKeyOf("c"), "b", 50}, "b", []string{"b", "c"}},
		{RollCookies{Step: policy.CookieSign, From: "b", Due: 60}, "c", []string{"b", "c"}},
		{RollCookies{Step: policy.CookieForget, From: "c", Due: 70}, "c", []string{"c"}},
	} {
		was := m.s.Cluster.Cookies
		m.ok(step.body)
		now := m.s.Cluster.Cookies
		var ids []string
		for _, k := range now.Keys {
			ids = append(ids, k.ID)
		}
		mustList(t, "keys", ids, step.keys...)
		mustEqual(t, "the signing key", now.Signing, step.signing)
		mustEqual(t, "the next step's time", now.Due, step.body.Due)
		for _, pair := range [][2]*policy.Cookies{{was, now}, {now, was}} {
			known := false
			for _, k := range pair[1].Keys {
				known = known || k.ID == pair[0].Signing
			}
			if !known {
				t.Errorf("step %d: a node at %+v makes cookies that one at %+v refuses", i, pair[0], pair[1])
			}
		}
		m.refuse(policy.Conflict, "another leader has taken this step", step.body) // a second time
		m.s = roundTrip(t, m.s)
	}
	mustEqual(t, "the operators' revision", m.s.Revision, revision)
	mustEqual(t, "the configuration's revision", m.s.ConfigRevision, config)
}

func TestRollCookiesRefused(t *testing.T) {
	m := started(t)
	m.refuse(policy.Conflict, `is at "learn"`, RollCookies{Step: policy.CookieSign})
	m.refuse(policy.Conflict, `is at "learn"`, RollCookies{Step: "nonsense"})
	m.refuse(policy.Invalid, "needs an id of its own", RollCookies{policy.CookieLearn, policy.CookieKey{Sealed: []byte{1}}, "", 1})
	m.refuse(policy.Invalid, `"a" has 0`, RollCookies{policy.CookieLearn, policy.CookieKey{ID: "a"}, "", 1})
	m.refuse(policy.Invalid, `"a" has 1025`, RollCookies{policy.CookieLearn, policy.CookieKey{ID: "a", Sealed: make([]byte, 1025)}, "", 1})
	m.ok(RollCookies{policy.CookieLearn, cookieKeyOf("a"), "", 1})
	m.refuse(policy.Conflict, `with key "a" signing`, RollCookies{policy.CookieLearn, cookieKeyOf("b"), "", 1})
	m.refuse(policy.Invalid, "needs an id of its own", RollCookies{policy.CookieLearn, cookieKeyOf("a"), "a", 1})
}
