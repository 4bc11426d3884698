package policy

import "slices"

// Cookies is the secrets of the DNS cookies that all nodes share, and where
// their rollover stands (RFC 9018 section 5). There are one or two keys, the older first.
// With two, while the older one signs, the newer one is being learned; once the newer
// one signs, the older one is on its way to be forgotten.
type Cookies struct {
	Keys    []CookieKey `json:"keys"`
	Signing string      `json:"signing"` // id of the key that new cookies are made with; all are good to verify them
	Due     int64       `json:"due"`     // clock from which the next step is due, as the leader drew it
}

// CookieKey is a secret of DNS cookies at rest, sealed like a Secret.
type CookieKey struct {
	ID     string `json:"id"`     // random
	Sealed []byte `json:"sealed"` // under CookieSealName(ID)
}

// CookieSealName is what a cookie key is sealed as.
func CookieSealName(id string) string { return "dns-cookie/" + id }

// CookieStep is a step of the rollover.
type CookieStep string

// The steps, in the order they are taken. The first key of all signs from when it is learned.
const (
	CookieLearn  CookieStep = "learn"
	CookieSign   CookieStep = "sign"
	CookieForget CookieStep = "forget"
)

// Next is the step that comes next. A nil Cookies has no key yet.
func (c *Cookies) Next() CookieStep {
	switch {
	case c == nil || len(c.Keys) < 2:
		return CookieLearn
	case c.Signing == c.Keys[0].ID:
		return CookieSign
	}
	return CookieForget
}

// Step gives the keys after the next step, which c itself does not change by:
// key is the one to learn, due the clock from which the step after it is due.
func (c *Cookies) Step(key CookieKey, due int64) *Cookies {
	next := &Cookies{Due: due, Signing: key.ID}
	if c != nil {
		next.Keys, next.Signing = slices.Clone(c.Keys), c.Signing
	}
	switch c.Next() {
	case CookieLearn:
		next.Keys = append(next.Keys, key)
	case CookieSign:
		next.Signing = next.Keys[1].ID
	case CookieForget:
		next.Keys = next.Keys[1:]
	}
	return next
}
