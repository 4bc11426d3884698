package change

import "github.com/meridian-gtm/meridian/policy"

// RollCookies takes one step in the rollover of the key of DNS cookies. All
// that is random in it was drawn by the leader that proposed it.
type RollCookies struct {
	Step policy.CookieStep `json:"step"`
	Key  policy.CookieKey  `json:"key,omitzero"`   // to learn
	From string            `json:"from,omitempty"` // id of the key that signs before; "" when there is none yet
	Due  int64             `json:"due"`            // clock from which the step after this one is due
}

func (b RollCookies) apply(d *making) error {
	c := d.Cluster.Cookies
	signing := ""
	if c != nil {
		signing = c.Signing
	}
	if b.Step != c.Next() || b.From != signing {
		return policy.Errorf(policy.Conflict, "the rollover of the cookie key is at %q with key %q signing, not at %q with %q; another leader has taken this step", c.Next(), signing, b.Step, b.From)
	}
	if b.Step == policy.CookieLearn {
		if b.Key.ID == "" || b.Key.ID == signing || len(b.Key.Sealed) == 0 || len(b.Key.Sealed) > 1<<10 {
			return policy.Errorf(policy.Invalid, "a cookie key needs an id of its own, and 1 to 1024 octets; %q has %d", b.Key.ID, len(b.Key.Sealed))
		}
	}
	d.Cluster.Cookies = c.Step(b.Key, b.Due)
	return nil
}
