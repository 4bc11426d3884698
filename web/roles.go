package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
)

// leastRoles is which role each call needs at the least. A route that is not here is nobody's (S-12).
var leastRoles = func() map[string]string {
	rules := map[string]string{}
	for role, calls := range map[string][]string{
		policy.RoleViewer: {
			"GET /zones", "GET /zones/:zone", "GET /zones/:zone/delegation", "GET /zones/:zone/rrsets", "GET /zones/:zone/rrsets/:name/:type",
			"GET /config", "GET /regions", "GET /regions/:name", "GET /monitors", "GET /monitors/:name", "GET /pools", "GET /pools/:name",
			"GET /services", "GET /services/:name", "GET /explain", "POST /explain", "GET /answers", "GET /stats", "GET /queries", "GET /geo/lookup", "GET /controls", "GET /controls/:id", "GET /safety", "GET /windows", "GET /residual", "GET /switches", "GET /latency", "GET /load",
			"GET /signals", "GET /signals/:name", "GET /health", "GET /pool-health", "GET /certificates", "GET /health/:endpoint", "GET /health/:endpoint/history", "GET /cluster", "GET /events", "GET /secrets",
			"GET /revisions", "GET /revisions/:revision", "GET /revisions/:revision/config", "GET /audit",
			"GET /providers", "GET /providers/:name", "GET /templates", "GET /templates/:name", "GET /safety-rules", "GET /safety-rules/:name",
			"GET /places", "GET /places/:name", "GET /review-rules", "GET /review-rules/:name", "GET /drafts", "GET /drafts/:id",
			"GET /drill-plans", "GET /drill-plans/:name", "GET /drill-plans/:name/preflight", "GET /drills", "GET /drills/:id", "GET /reports", "GET /reports/:id",
			planCall, "GET /geo/points", "GET /session", "DELETE /session", "PUT /session/password", "GET /notifications", "GET /notifications/:name", "GET /notifications/deliveries",
		},
		policy.RoleOperator: {
			"POST /controls", "DELETE /controls/:id", "POST /health/:endpoint/probe", "POST /health/:endpoint/resume",
			"PUT /latency", "PUT /load", "PUT /signals/:name", "DELETE /signals/:name", "POST /beacons", "PUT /observations",
			"POST /notifications/:name/test", "POST /drills", "POST /drills/:id/abort", "POST /drills/:id/approve",
		},
		policy.RoleEditor: {
			"PUT /config", "PUT /zones/:zone", "DELETE /zones/:zone", "PUT /zones/:zone/rrsets/:name/:type", "DELETE /zones/:zone/rrsets/:name/:type", "POST /changes",
			"POST /revisions/:revision/rollback",
			"PUT /regions/:name", "DELETE /regions/:name", "PUT /providers/:name", "DELETE /providers/:name",
			"PUT /monitors/:name", "DELETE /monitors/:name", "PUT /pools/:name", "DELETE /pools/:name",
			"PUT /templates/:name", "DELETE /templates/:name", "PUT /services/:name", "DELETE /services/:name",
			"PUT /safety-rules/:name", "DELETE /safety-rules/:name", "PUT /places/:name", "DELETE /places/:name", "PUT /review-rules/:name", "PUT /drill-plans/:name", "DELETE /drill-plans/:name",
			"PUT /switches/:name", "DELETE /switches/:name", // who may drain is not to open the gate alone
			"POST /drafts", "PUT /drafts/:id", "DELETE /drafts/:id", "POST /drafts/:id/reviews", "POST /drafts/:id/publish", "POST /drafts/:id/canary", "DELETE /drafts/:id/canary",
			"PUT /notifications/:name", "DELETE /notifications/:name",
		},
		policy.RoleAdmin: {
			"PUT /queries", "PUT /secrets/:name", "DELETE /secrets/:name", "DELETE /cluster/members/:node", "GET /tokens", "POST /tokens", "DELETE /tokens/:id",
			"GET /audit/node", "GET /users", "POST /users", "PATCH /users/:name", "DELETE /users/:name", "GET /access/oidc", "PUT /access/oidc", "DELETE /access/oidc",
		},
	} {
		for _, c := range calls {
			rules[c] = role
		}
	}
	return rules
}()

// planCall is a PUT /config that changes nothing: whoever may see may plan.
const planCall = "PUT /config?dryRun"

// permit says why a caller may not make a call, or nil.
func permit(c *gin.Context, who caller) *policy.Error {
	call := routeOf(c)
	switch {
	case c.FullPath() == "": // there is nothing there, whoever asks
		return nil
	case c.FullPath() == "/metrics":
		call = "GET /cluster"
	case call == "PUT /config":
		if dry, err := strconv.ParseBool(c.Query("dryRun")); err == nil && dry {
			call = planCall
		}
	}
	least, ok := leastRoles[call]
	switch {
	case ok && who.glass && (c.Request.Method == http.MethodGet || glassCalls[call]):
		return nil
	case !ok:
		return policy.Errorf(forbidden, "no role may call %s; this is a bug", call)
	case !policy.Permits(who.role, least):
		return policy.Errorf(forbidden, "%s has the role %s; this needs %s (%s)", who.who, who.role, least, who.toBecome(least))
	case len(who.scopes) > 0 && least != policy.RoleViewer && !scopedCalls[call]:
		return policy.Errorf(forbidden, "%s has scopes (%s), and no scope reaches %s", who.who, strings.Join(who.scopes, ", "), call)
	}
	return nil
}
