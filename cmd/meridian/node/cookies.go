package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

// How the key of DNS cookies rolls over. RFC 7873 section 7.1 wants a key to be
// in use for a day and not for more than 26 hours, and its end hard to foretell:
// this comes to 23 to 25 hours. RFC 9018 section 5 wants a new key known to all servers
// before one signs with it, which takes less than a second here, but for a
// node that is cut off: it has an hour to come back. And it wants the old
// key to be good for as long as its cookies are, which is an hour, whatever the zones' TTLs;
// another hour is for nodes that hear late of the new one.
const (
	cookieLearning   = time.Hour
	cookieForgetting = 2 * time.Hour
	cookieResting    = 20 * time.Hour // and up to cookieJitter more
	cookieJitter     = 2 * time.Hour
)

// roll takes the next step in the rollover of the cookie key when it is due.
// Whatever is random is drawn here, so that applying it is not.
func (d *duties) roll(ctx context.Context) {
	s := d.state()
	c, now := s.Cluster.Cookies, d.clock()
	if s.Cluster.ID == "" || s.Feature < policy.FeatureCookies || c != nil && now < c.Due {
		return
	}
	b := change.RollCookies{Step: c.Next()}
	wait := cookieResting + rand.N(cookieJitter)
	if c != nil {
		b.From = c.Signing
	}
	switch {
	case b.Step == policy.CookieLearn:
		b.Key.ID = randomID()
		var key dnsserver.CookieKey
		copy(key[:], random(len(key)))
		var err error
		if b.Key.Sealed, err = d.seal(policy.CookieSealName(b.Key.ID), key[:]); err != nil {
			d.log.Warn("no new key for DNS cookies can be made; it is tried again", "error", err)
			return
		}
		if c != nil {
			wait = cookieLearning
		}
	case b.Step == policy.CookieSign:
		wait = cookieForgetting
	}
	b.Due = now + int64(wait)
	d.do(ctx, b)
}

// cookieJar hands the cluster's cookie keys to the DNS server. Without them,
// because there are none yet or this node has no cluster key, the server goes on with what it has.
type cookieJar struct {
	open   func(name string, sealed []byte) ([]byte, error)
	set    func(*dnsserver.CookieKeys)
	log    *slog.Logger
	inUse  *policy.Cookies
	failed *policy.Cookies // what has been complained about
}

// take puts keys in use.
func (j *cookieJar) take(c *policy.Cookies) {
	if c == nil || c == j.inUse {
		return
	}
	keys, err := j.opened(c)
	if err == nil {
		j.set(keys)
		j.inUse = c
	} else if c != j.failed {
		j.failed = c
		j.log.Warn("the cluster's key for DNS cookies cannot be used; cookies from here are not good elsewhere until it can", "error", err)
	}
}

func (j *cookieJar) opened(c *policy.Cookies) (*dnsserver.CookieKeys, error) {
	var sign *dnsserver.CookieKey
	var verify []dnsserver.CookieKey
	for _, k := range c.Keys {
		b, err := j.open(policy.CookieSealName(k.ID), k.Sealed)
		if err != nil {
			return nil, err
		}
		var key dnsserver.CookieKey
		if len(b) != len(key) {
			return nil, fmt.Errorf("cookie key %s has %d octets, not %d", k.ID, len(b), len(key))
		}
		copy(key[:], b)
		if k.ID == c.Signing {
			sign = &key
		} else {
			verify = append(verify, key)
		}
	}
	if sign == nil {
		return nil, errors.New("no cookie key signs")
	}
	return dnsserver.NewCookieKeys(*sign, verify...), nil
}
