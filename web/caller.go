package web

import (
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
)

// callerKey is where a request's caller is, in gin's context.
const callerKey = "caller"

// caller is who makes a call, and what they may.
type caller struct {
	actor   string // in State and in the audit
	who     string // in messages: "the token 0a1b2c3d"
	role    string
	session string        // id of the session that the call came with, or "" with a token
	glass   bool          // with the break-glass token: it reads everything, and drains on this node alone
	scopes  policy.Scopes // what may be changed; none: whatever the role may
}

func (who caller) set(c *gin.Context) {
	c.Set(callerKey, who)
	c.Set(actorKey, who.actor)
}

// toBecome says how a caller comes by a role.
func (who caller) toBecome(role string) string {
	if name, ok := strings.CutPrefix(who.actor, "user/"); ok {
		return "meridian user set " + name + " --role " + role + ", by an admin"
	}
	if strings.HasPrefix(who.actor, "oidc/") {
		return "an admin gives it to one of your groups at the provider, or to your address: meridian oidc show, and set"
	}
	if who.glass {
		return "with a token or a log-in; by break-glass one reads, and drains at this node alone"
	}
	return "meridian token create NAME --role " + role + ", by an admin"
}

func callerOf(c *gin.Context) caller {
	who, _ := c.Get(callerKey)
	known, _ := who.(caller)
	return known
}

// scopedCalls are the calls that callers with scopes may make beside those that only read. Each is a
// change, whose scopes are held against what it changes where it is applied (policy/change/scope.go),
// or asks within.
var scopedCalls = map[string]bool{
	"PUT /config": true, "POST /changes": true, "PUT /zones/:zone": true, "DELETE /zones/:zone": true,
	"PUT /zones/:zone/rrsets/:name/:type": true, "DELETE /zones/:zone/rrsets/:name/:type": true,
	"PUT /regions/:name": true, "DELETE /regions/:name": true, "PUT /pools/:name": true, "DELETE /pools/:name": true,
	"PUT /services/:name": true, "DELETE /services/:name": true,
	"POST /controls": true, "DELETE /controls/:id": true, "POST /health/:endpoint/resume": true, "POST /health/:endpoint/probe": true,
	"PUT /latency": true, "PUT /load": true, "PUT /signals/:name": true, "DELETE /signals/:name": true, "POST /beacons": true,
}

// within refuses a call about objects beyond the caller's scopes, when the call makes no change that would be refused itself.
func (s *server) within(c *gin.Context, objects ...string) bool {
	who, state := callerOf(c), s.cfg.Node.State()
	for _, o := range objects {
		if !who.scopes.Allow(state, o) {
			s.refuse(c, policy.Errorf(forbidden, "this is about %s; %s may act on %s only", o, who.who, strings.Join(who.scopes, ", ")))
			return false
		}
	}
	return true
}
