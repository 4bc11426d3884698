package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/drill"
	"github.com/meridian-gtm/meridian/web/webtest"
)

// example is a call of an operation that succeeds on a rig made by loaded, after what happens before it.
type example struct {
	path   string
	body   string
	media  string // of the body; "": JSON
	before func(*rig)
	status int  // 0: 200
	lax    bool // query parameters that are not in the contract are passed over: others put them there
}

func sent(method, path, body string) func(*rig) {
	return func(r *rig) { r.send(method, path, body) }
}

const tenEndpoints = `{"region":"us-east","name":"spare","endpoints":[{"name":"a","address":"192.0.2.77","weight":2,"labels":{"tier":"gold"}}]}`

const aDraft = `{"title":"t","changes":[{"putObject":{"region":{"name":"sa"}}}]}`

// examples has one of every operation of the contract.
var examples = map[string]example{
	"listZones": {path: "/zones"},
	"getZone":   {path: "/zones/example.com"},
	"putZone":   {path: "/zones/example.org", body: `{"rrsets":[{"name":"example.org.","type":"SOA","ttl":300,"records":["ns1.example.com. host.example.com. 1 2 3 4 5"]},{"name":"example.org.","type":"NS","ttl":300,"records":["ns1.example.com."]}]}`, status: 201},
	"deleteZone": {path: "/zones/example.org", before: func(r *rig) {
		r.call("PUT", "/zones/example.org", strings.ReplaceAll(webtest.Zone, "example.com", "example.org"), "Content-Type", "text/dns").is(201)
	}},
	"getDelegation":      {path: "/zones/example.com/delegation"},
	"listRRsets":         {path: "/zones/example.com/rrsets?type=MX&limit=1"},
	"getRRset":           {path: "/zones/example.com/rrsets/mail.example.com/MX"},
	"putRRset":           {path: "/zones/example.com/rrsets/new.example.com/A", body: `{"ttl":300,"records":["192.0.2.9"]}`, status: 201},
	"deleteRRset":        {path: "/zones/example.com/rrsets/mail.example.com/MX"},
	"postChanges":        {path: "/changes", body: `{"reason":"r","changes":[{"ifMatch":0,"putObject":{"region":{"name":"sa"}}},{"editZone":{"zone":"example.com","prerequisites":[{"require":"rrsetAbsent","name":"x.example.com","type":"A"}],"updates":[{"op":"add","name":"x.example.com","type":"A","ttl":5,"records":["192.0.2.7"]}]}}]}`},
	"getConfig":          {path: "/config"},
	"putConfig":          {path: "/config?merge=true", body: `{"monitors":[{"name":"m","https":{"port":443,"status":[200,"300-302"],"headers":{"X-A":"b"},"body":{"contains":"ok"}},"interval":"5s","quorum":{"agree":"majority","regions":1}}],"places":[{"cidr":"192.0.2.0/24","place":{"lat":1.5,"lon":2}}]}`},
	"listRegions":        {path: "/regions"},
	"getRegion":          {path: "/regions/us-east"},
	"putRegion":          {path: "/regions/sa", body: `{"name":"sa","place":{"lat":1.5,"lon":2},"provider":"aws","continent":"SA","azs":["a"],"capacity":{"limit":10,"low":0.5,"high":0.9},"downWhen":{"az":"50%","region":"60%"}}`, status: 201},
	"deleteRegion":       {path: "/regions/sa", before: sent("PUT", "/regions/sa", `{"name":"sa"}`)},
	"listProviders":      {path: "/providers"},
	"getProvider":        {path: "/providers/aws", before: sent("PUT", "/providers/aws", `{"name":"aws","downWhen":"50%"}`)},
	"putProvider":        {path: "/providers/aws", body: `{"name":"aws","downWhen":"50%"}`, status: 201},
	"deleteProvider":     {path: "/providers/aws", before: sent("PUT", "/providers/aws", `{"name":"aws","downWhen":"50%"}`)},
	"listMonitors":       {path: "/monitors"},
	"getMonitor":         {path: "/monitors/web"},
	"putMonitor":         {path: "/monitors/db", body: `{"name":"db","postgres":{"user":"u","role":"primary"},"interval":"5s","timeout":"1s","fall":3,"rise":2,"holdDown":"1m","vantages":{"nearest":2}}`, status: 201},
	"deleteMonitor":      {path: "/monitors/db", before: sent("PUT", "/monitors/db", `{"name":"db","tcp":{"port":5432}}`)},
	"listPools":          {path: "/pools"},
	"getPool":            {path: "/pools/web-eu"},
	"putPool":            {path: "/pools/spare", body: tenEndpoints, status: 201},
	"deletePool":         {path: "/pools/spare", before: sent("PUT", "/pools/spare", tenEndpoints)},
	"listTemplates":      {path: "/templates"},
	"getTemplate":        {path: "/templates/far", before: sent("PUT", "/templates/far", `{"name":"far","steer":{"pool":"web-eu"}}`)},
	"putTemplate":        {path: "/templates/far", body: `{"name":"far","steer":{"failover":[{"pool":"web-eu"},{"to":{"pool":"web-us-east"}}]}}`, status: 201},
	"deleteTemplate":     {path: "/templates/far", before: sent("PUT", "/templates/far", `{"name":"far","steer":{"pool":"web-eu"}}`)},
	"listServices":       {path: "/services"},
	"getService":         {path: "/services/www.example.com"},
	"putService":         {path: "/services/api.example.com", body: `{"name":"api.example.com","ttl":30,"sticky":{"ipv4":24},"lastResort":"all","steer":{"geo":[{"match":{"countries":["DE"]},"pool":"web-eu"}],"default":{"pool":"web-us-east"}}}`, status: 201},
	"deleteService":      {path: "/services/www.example.com"},
	"listSafetyRules":    {path: "/safety-rules"},
	"getSafetyRule":      {path: "/safety-rules/keep", before: sent("PUT", "/safety-rules/keep", `{"name":"keep","atLeast":{"regions":1}}`)},
	"putSafetyRule":      {path: "/safety-rules/keep", body: `{"name":"keep","service":"www.example.com","atLeast":{"regions":1},"appliesTo":["operator"]}`, status: 201},
	"deleteSafetyRule":   {path: "/safety-rules/keep", before: sent("PUT", "/safety-rules/keep", `{"name":"keep","atLeast":{"regions":1}}`)},
	"listPlaces":         {path: "/places"},
	"getPlace":           {path: "/places/AS64500", before: sent("PUT", "/places/AS64500", `{"asn":64500,"country":"DE"}`)},
	"putPlace":           {path: "/places/192.0.2.0%2F24", body: `{"cidr":"192.0.2.0/24","country":"DE","place":{"iata":"FRA"}}`, status: 201},
	"deletePlace":        {path: "/places/AS64500", before: sent("PUT", "/places/AS64500", `{"asn":64500,"country":"DE"}`)},
	"listNotifications":  {path: "/notifications", before: sent("PUT", "/notifications/ops", `{"name":"ops","webhook":{"url":"https://alerts.example.com/x"},"route":{"severities":["critical"]}}`)},
	"listDeliveries":     {path: "/notifications/deliveries", before: sent("PUT", "/notifications/ops", `{"name":"ops","webhook":{"url":"https://alerts.example.com/x"},"route":{"severities":["critical"]}}`)},
	"testNotification":   {path: "/notifications/ops/test", before: sent("PUT", "/notifications/ops", `{"name":"ops","webhook":{"url":"https://alerts.example.com/x"},"route":{"severities":["critical"]}}`)},
	"getNotification":    {path: "/notifications/ops", before: sent("PUT", "/notifications/ops", `{"name":"ops","webhook":{"url":"https://alerts.example.com/x"},"route":{"severities":["critical"]}}`)},
	"deleteNotification": {path: "/notifications/ops", before: sent("PUT", "/notifications/ops", `{"name":"ops","webhook":{"url":"https://alerts.example.com/x"},"route":{"severities":["critical"]}}`)},
	"putNotification":    {path: "/notifications/ops", body: `{"name":"ops","webhook":{"url":"https://alerts.example.com/x"},"route":{"severities":["critical"]}}`, status: 201},
	"explain":            {path: "/explain?name=www.example.com&client=192.0.2.1"},
	"explainDraft":       {path: "/explain?name=www.example.com&client=192.0.2.1", body: `{"regions":[{"name":"sa"}]}`},
	"getAnswers":         {path: "/answers?service=www.example.com&assume=down:region/us-east"},
	"lookupPlace":        {path: "/geo/lookup?address=91.10.0.1"},
	"listPoints":         {path: "/geo/points"},
	"listControls":       {path: "/controls", before: sent("POST", "/controls", drainUSEast)},
	"createControl":      {path: "/controls", body: drainUSEast, status: 201},
	"getControl":         {path: "/controls/c6", before: sent("POST", "/controls", drainUSEast)},
	"deleteControl":      {path: "/controls/c6", before: sent("POST", "/controls", drainUSEast)},
	"listWindows":        {path: "/windows", before: sent("POST", "/controls", drainUSEast)},
	"putObservations":    {path: "/observations", body: `{"observations":[{"client":"91.10.3.77","endpoint":"192.0.2.10","count":3,"source":"nginx"}]}`, status: 202},
	"getResidual":        {path: "/residual?control=c6", before: sent("POST", "/controls", drainUSEast)},
	"listLatency":        {path: "/latency?limit=1"},
	"putLatency":         {path: "/latency", body: `{"measurements":[{"client":"192.0.2.0/24","region":"us-east","ms":12.5},{"country":"DE","region":"eu-central","ms":9}],"maxAge":"1h"}`},
	"listLoad":           {path: "/load"},
	"putLoad":            {path: "/load", body: `{"loads":[{"target":"pool/web-us-east","value":850,"maxAge":"1m"}]}`},
	"getSafety":          {path: "/safety"},
	"listSwitches":       {path: "/switches"},
	"putSwitch":          {path: "/switches/window", body: `{"on":true,"reason":"CHG-1"}`},
	"deleteSwitch":       {path: "/switches/window", before: sent("PUT", "/switches/window", `{"on":true,"reason":"CHG-1"}`)},
	"listSignals":        {path: "/signals"},
	"getSignal":          {path: "/signals/ok", before: sent("PUT", "/signals/ok", `{"status":"up","maxAge":"5m"}`)},
	"putSignal":          {path: "/signals/ok", body: `{"status":"down","maxAge":"5m","reason":"why"}`},
	"deleteSignal":       {path: "/signals/ok", before: sent("PUT", "/signals/ok", `{"status":"up","maxAge":"5m"}`)},
	"postBeacon":         {path: "/beacons", body: `{"client":"91.10.3.77","measurements":[{"region":"us-east","ms":43.2}]}`, status: 202},
	"listHealth":         {path: "/health"},
	"listPoolHealth":     {path: "/pool-health"},
	"listCertificates":   {path: "/certificates?limit=2"},
	"getHealth":          {path: "/health/web-eu%2Fa"},
	"getHealthHistory":   {path: "/health/web-eu%2Fa/history?from=2026-01-02T03:00:00Z&step=1m", before: func(r *rig) { r.node.Verdict("web-eu/a@web", policy.Up) }},
	"probeEndpoint":      {path: "/health/web-eu%2Fa/probe", body: `{"vantage":"ns1","monitor":"web"}`, before: func(r *rig) { r.node.Verdict("web-eu/a@web", policy.Up) }},
	"resumeEndpoint": {path: "/health/web-eu%2Fa/resume", body: `{"reason":"data is checked"}`, before: func(r *rig) {
		r.send("PUT", "/monitors/web", `{"name":"web","tcp":{"port":80},"resume":"manual"}`).is(200)
		r.node.Verdict("web-eu/a@web", policy.Down)
		r.node.Hold("web-eu/a@web", policy.WaitsForOperator)
	}},
	"getQueries":      {path: "/queries?limit=5", before: sent("PUT", "/queries", `{"sample":"1/100","for":"10m"}`)},
	"putQueries":      {path: "/queries", body: `{"sample":"1/100","for":"10m"}`},
	"getStats":        {path: "/stats"},
	"getCluster":      {path: "/cluster"},
	"removeMember":    {path: "/cluster/members/ns3", before: func(r *rig) { r.node.CutOff("ns3", true) }},
	"streamEvents":    {path: "/events"},
	"listSecrets":     {path: "/secrets"},
	"putSecret":       {path: "/secrets/token", body: `{"value":"s3cret"}`, status: 201},
	"deleteSecret":    {path: "/secrets/token", before: sent("PUT", "/secrets/token", `{"value":"s3cret"}`)},
	"listTokens":      {path: "/tokens"},
	"createToken":     {path: "/tokens", body: `{"name":"ci","role":"viewer","expiresIn":"1h"}`, status: 201},
	"revokeToken":     {path: "/tokens/deadbeef", before: func(r *rig) { r.node.Grant("deadbeef", "another", policy.RoleViewer) }},
	"listReviewRules": {path: "/review-rules"},
	"getReviewRule": {path: "/review-rules/four", before: func(r *rig) {
		r.node.Grant("deadbeef", "another", policy.RoleEditor)
		r.send("PUT", "/review-rules/four", `{"name":"four","kinds":["place"]}`).is(201)
	}},
	"putReviewRule":   {path: "/review-rules/four", body: `{"name":"four","kinds":["place","zone"],"approvals":1}`, status: 201, before: func(r *rig) { r.node.Grant("deadbeef", "another", policy.RoleEditor) }},
	"listDrillPlans":  {path: "/drill-plans", before: putAway},
	"getDrillPlan":    {path: "/drill-plans/away", before: putAway},
	"putDrillPlan":    {path: "/drill-plans/away", body: away, status: 201},
	"deleteDrillPlan": {path: "/drill-plans/away", before: putAway},
	"preflightDrill":  {path: "/drill-plans/away/preflight", before: putAway},
	"listDrills":      {path: "/drills", before: startAway("op")},
	"startDrill":      {path: "/drills", body: `{"plan":"away","practice":true}`, status: 201, before: putAway},
	"getDrill":        {path: "/drills/d7", before: startAway("op")},
	"abortDrill":      {path: "/drills/d7/abort", before: startAway("op")},
	"approveDrill":    {path: "/drills/d7/approve", before: startAway("op")},
	"listReports":     {path: "/reports", before: reported},
	"getReport":       {path: "/reports/d7", before: reported},
	"listDrafts":      {path: "/drafts", before: sent("POST", "/drafts", aDraft)},
	"createDraft":     {path: "/drafts", body: aDraft, status: 201},
	"getDraft":        {path: "/drafts/d6", before: sent("POST", "/drafts", aDraft)},
	"putDraft":        {path: "/drafts/d6", body: `{"title":"t","changes":[{"putObject":{"region":{"name":"sb"}}}]}`, before: sent("POST", "/drafts", aDraft)},
	"withdrawDraft":   {path: "/drafts/d6", before: sent("POST", "/drafts", aDraft)},
	"reviewDraft":     {path: "/drafts/d6/reviews", body: `{"verdict":"reject","comment":"why"}`, before: sent("POST", "/drafts", aDraft)},
	"publishDraft":    {path: "/drafts/d6/publish", before: sent("POST", "/drafts", aDraft)},
	"startCanary":     {path: "/drafts/d6/canary", body: `{"nodes":["ns1"],"for":"1m","abortWhen":["down:pool/web-eu"],"hold":true}`, before: sent("POST", "/drafts", aDraft)},
	"endCanary": {path: "/drafts/d6/canary", before: func(r *rig) {
		r.send("POST", "/drafts", aDraft)
		r.send("POST", "/drafts/d6/canary", `{"nodes":["ns1"],"for":"1m"}`).is(200)
	}},
	"listRevisions":     {path: "/revisions?limit=1"},
	"getRevision":       {path: "/revisions/3"},
	"getRevisionConfig": {path: "/revisions/3/config"},
	"rollback":          {path: "/revisions/3/rollback", before: sent("PUT", "/regions/sa", `{"name":"sa"}`)},
	"listAudit":         {path: "/audit?limit=1"},
	"getContract":       {path: "/openapi.json"},
	"getDocs":           {path: "/docs"},
	"getDocsStyle":      {path: "/docs/style.css"},
	"listNodeAudit":     {path: "/audit/node"},
	"listUsers":         {path: "/users", before: makeAnna},
	"createUser":        {path: "/users", body: anna, status: 201},
	"updateUser":        {path: "/users/anna", body: `{"role":"operator","scopes":["pool/web-eu"],"disabled":true,"password":"another password"}`, before: makeAnna},
	"deleteUser":        {path: "/users/anna", before: makeAnna},
	"getSession":        {path: "/session", before: beAnna},
	"beginSession":      {path: "/session", body: `{"user":"anna","password":"correct horse battery"}`, before: makeAnna, status: 201},
	"endSession":        {path: "/session", before: beAnna},
	"beginTokenSession": {path: "/session/token", body: `{"token":"` + webtest.Token + `"}`, status: 201},
	"setOwnPassword":    {path: "/session/password", body: `{"old":"correct horse battery","new":"another password"}`, before: beAnna},
	"getOIDC":           {path: "/access/oidc", before: putOIDC},
	"putOIDC":           {path: "/access/oidc", body: oidc("https://id.example.com"), before: sent("PUT", "/secrets/oidc", `{"value":"s3cret"}`)},
	"deleteOIDC":        {path: "/access/oidc", before: putOIDC},
	"beginOIDC":         {path: "/auth/oidc/login", before: putOIDC, status: 302},
	// Without a log-in under way; TestLogInByOIDC has the whole way.
	"endOIDC": {path: "/auth/oidc/callback?code=c&state=s", status: 401, lax: true},
}

const away = `{"name":"away","title":"us-east is away","evacuate":["region/us-east"],"hold":"5m","lowerTTL":false,"expires":"1h","abortWhen":["down:pool/web-eu"],"blocked":[{"days":["fri"],"from":"22:00","to":"06:00"}],"approvals":1,"rto":"90s","schedule":{"cron":"0 9 * * 2","jitter":"30m"}}`

func putAway(r *rig) { r.send("PUT", "/drill-plans/away", away).is(201) }

// startAway has somebody start the drill, which waits for an approval then.
func startAway(actor string) func(*rig) {
	return func(r *rig) {
		putAway(r)
		for _, body := range []change.Body{change.StartDrill{Plan: "away"}, change.StepDrill{ID: "d7"}} {
			if out, err := r.node.Propose(context.Background(), change.Change{Actor: actor, Body: body}); err != nil || out.Refused != nil {
				panic(fmt.Sprint(err, out.Refused))
			}
		}
	}
}

// reported has a drill aborted, and a report of it.
func reported(r *rig) {
	startAway("op")(r)
	r.send("POST", "/drills/d7/abort", "").is(200)
	run, _ := r.node.State().Drills.Get("d7")
	if out, err := r.node.Propose(context.Background(), change.Change{Body: change.PutReport{Report: drill.Report(&run)}}); err != nil || out.Refused != nil {
		panic(fmt.Sprint(err, out.Refused))
	}
}

const anna = `{"name":"anna","role":"editor","scopes":["zone/example.com"],"password":"correct horse battery"}`

func makeAnna(r *rig) { r.send("POST", "/users", anna).is(201) }

// beAnna makes the calls that follow with a session of hers.
func beAnna(r *rig) {
	makeAnna(r)
	r.cookie, _, _ = strings.Cut(r.send("POST", "/session", `{"user":"anna","password":"correct horse battery"}`).is(201).header.Get("Set-Cookie"), ";")
}

func oidc(issuer string) string {
	return `{"issuer":"` + issuer + `","clientID":"meridian","clientSecret":{"secret":"oidc"},"redirectURL":"https://gtm.example.com/api/v1/auth/oidc/callback","scopes":["openid"],"groupsClaim":"teams",
		"domains":["example.com"],"roles":[{"group":"dns","role":"editor","limits":["zone/example.com"]},{"email":"boss@example.com","role":"admin"}]}`
}

// putOIDC sets the log-in with a provider that says where it is, and no more.
func putOIDC(r *rig) {
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"authorization_endpoint":"%s/authorize","token_endpoint":"%[2]s/token","jwks_uri":"%[2]s/keys"}`, s.URL, s.URL)
	}))
	r.t.Cleanup(s.Close)
	r.send("PUT", "/secrets/oidc", `{"value":"s3cret"}`).is(201)
	r.send("PUT", "/access/oidc", oidc(s.URL)).is(200)
}

// operations goes through the contract; one that has no example fails the test.
func operations(t *testing.T, do func(t *testing.T, method, path string, op *openapi3.Operation, ex example)) {
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			ex, ok := examples[op.OperationID]
			if !ok {
				t.Errorf("%s %s (%s) is not exercised: give it an example", method, path, op.OperationID)
				continue
			}
			seen[op.OperationID] = true
			if ex.media == "" {
				ex.media = asJSON
			}
			if ex.status == 0 {
				ex.status = 200
			}
			t.Run(op.OperationID, func(t *testing.T) { do(t, method, path, op, ex) })
		}
	}
	for id := range examples {
		if !seen[id] {
			t.Errorf("there is an example of %s, which is no operation", id)
		}
	}
}

// ready is a rig on which the example succeeds.
func (ex example) ready(t *testing.T) *rig {
	r := loaded(t)
	if ex.before != nil {
		ex.before(r)
	}
	return r
}

func (ex example) call(r *rig, method string, headers ...string) answer {
	if ex.body != "" {
		headers = append([]string{"Content-Type", ex.media}, headers...)
	}
	return r.call(method, ex.path, ex.body, headers...)
}

// lacks is a method that the contract has not at a path.
func lacks(t *testing.T, path string) string {
	doc, err := contract()
	if err != nil {
		t.Fatal(err)
	}
	if doc.Paths.Value(path).Patch == nil {
		return http.MethodPatch
	}
	return http.MethodPut
}

// TestEveryRouteSucceeds holds a success of every operation against the contract: status, media type, schema.
func TestEveryRouteSucceeds(t *testing.T) {
	operations(t, func(t *testing.T, method, path string, op *openapi3.Operation, ex example) {
		r := ex.ready(t)
		if op.OperationID == "streamEvents" { // it does not end
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			r.stream(ctx, "", 1)
			return
		}
		ex.call(r, method).is(ex.status)
	})
}

// TestEveryRouteRefuses holds every kind of refusal that a call can meet for what it is, not for what it is about,
// against each operation. State is the same after each.
func TestEveryRouteRefuses(t *testing.T) {
	placeholder := regexp.MustCompile(`\{\w+\}`)
	operations(t, func(t *testing.T, method, path string, op *openapi3.Operation, ex example) {
		r := ex.ready(t)
		before := r.node.State().Revision
		open := op.Security != nil && len(*op.Security) == 0
		write := method != http.MethodGet
		has := func(header string) bool { return op.Parameters.GetByInAndName("header", header) != nil }
		if !open {
			r.raw(method, "/api/v1"+ex.path, ex.body, "Content-Type", ex.media).refused(401, "unauthenticated")
			r.raw(method, "/api/v1"+ex.path, ex.body, "Content-Type", ex.media, "Authorization", "Bearer nobody's").refused(401, "unauthenticated")
		}
		and := "?"
		if strings.Contains(ex.path, "?") {
			and = "&"
		}
		if !ex.lax {
			ex2 := ex
			ex2.path += and + "nonsense=1"
			ex2.call(r, method).refused(400, "bad-request")
		}
		r.call(lacks(t, path), ex.path, "").refused(405, "method-not-allowed")
		if write {
			r.call(method, ex.path, ex.body, "Content-Type", ex.media, "Sec-Fetch-Site", "cross-site").refused(403, "forbidden")
		}
		if has("If-Match") {
			ex.call(r, method, "If-Match", "nonsense").refused(400, "bad-request")
			ex.call(r, method, "If-Match", `"999999"`).refused(412, "stale")
		}
		if has("Idempotency-Key") {
			ex.call(r, method, "Idempotency-Key", "two words").refused(400, "bad-request")
			r.node.Outage(policy.Errorf(policy.Unavailable, "there is no quorum"))
			if p := ex.call(r, method, "Idempotency-Key", "k1").refused(503, "unavailable"); p.Request != "k1" {
				t.Errorf("%s does not say with which key to retry: %+v", path, p)
			}
			r.node.Outage(policy.Errorf(policy.NotLeader, "the leader is elsewhere"))
			ex.call(r, method).refused(503, "not-leader")
			r.node.Outage(nil)
		}
		if op.RequestBody != nil {
			r.call(method, ex.path, ex.body, "Content-Type", "image/png").refused(415, "unsupported-media")
			r.call(method, ex.path, ex.body, "Content-Type", ex.media, "Content-Encoding", "gzip").refused(415, "unsupported-media")
			switch op.OperationID {
			case "postChanges", "explainDraft", "createDraft", "putDraft": // as large as a document may be, or near; one is enough
			case "putConfig":
				r.call(method, ex.path, `{"a":"`+strings.Repeat("x", document.MaxSize)+`"}`, "Content-Type", ex.media).refused(413, "too-large")
			default:
				r.call(method, ex.path, `{"a":"`+strings.Repeat("x", 5<<20)+`"}`, "Content-Type", ex.media).refused(413, "too-large")
			}
			r.call(method, ex.path, `{"unknown-key":1}`, "Content-Type", ex.media).refused(422, "invalid")
		}
		if ok := op.Responses.Value("200"); ok != nil && len(ok.Value.Content) > 1 {
			r.call(method, ex.path, ex.body, "Accept", "image/png").refused(406, "not-acceptable")
		}
		if placeholder.MatchString(path) && (method == http.MethodGet || method == http.MethodDelete) {
			none := "/api/v1" + placeholder.ReplaceAllString(path, "none")
			if strings.Contains(path, "/rrsets/{") {
				none = "/api/v1/zones/example.com/rrsets/none.example.com/A"
			}
			none = strings.ReplaceAll(none, "revisions/none", "revisions/999999") // it is a number
			r.call(method, none, "").refused(404, "not-found")
		}
		if after := r.node.State(); after.Revision != before {
			t.Errorf("a refused %s has made revision %d of %d", op.OperationID, after.Revision, before)
		}
	})
}
