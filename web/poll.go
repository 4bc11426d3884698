package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
)

// The bounds on calls that wait for news.
const (
	maxWait    = 5 * time.Minute
	maxWaiting = 4096 // calls at once
)

// wakes says for each route that can be waited at which part of the state it shows: what changes elsewhere, above all
// verdicts, wakes nobody who does not look at it.
var wakes = func() map[string]func(*policy.State) uint64 {
	config := func(s *policy.State) uint64 { return s.ConfigRevision }
	zones := func(s *policy.State) uint64 { return s.Zones.Sum() }
	health := func(s *policy.State) uint64 {
		return s.Verdicts.Sum() + s.Controls.Sum() + s.Signals.Sum() + s.ConfigRevision
	}
	signals := func(s *policy.State) uint64 { return s.Signals.Sum() }
	controls := func(s *policy.State) uint64 { return s.Controls.Sum() }
	table := map[string]func(*policy.State) uint64{
		"GET /zones": zones, "GET /zones/:zone": zones, "GET /zones/:zone/rrsets": zones, "GET /zones/:zone/rrsets/:name/:type": zones,
		"GET /config": config, "GET /controls": controls, "GET /controls/:id": controls,
		"GET /latency": func(s *policy.State) uint64 { return s.Latencies.Sum() }, "GET /load": func(s *policy.State) uint64 { return s.Loads.Sum() },
		"GET /signals": signals, "GET /signals/:name": signals, "GET /health": health, "GET /pool-health": health, "GET /health/:endpoint": health,
		"GET /cluster": func(s *policy.State) uint64 { return s.Members.Sum() }, "GET /secrets": func(s *policy.State) uint64 { return s.Secrets.Sum() },
		"GET /drafts": func(s *policy.State) uint64 { return s.Drafts.Sum() }, "GET /drafts/:id": func(s *policy.State) uint64 { return s.Drafts.Sum() + s.Revision },
		"GET /reports": func(s *policy.State) uint64 { return s.Reports.Sum() },
		"GET /drills":  func(s *policy.State) uint64 { return s.Drills.Sum() }, "GET /drills/:id": func(s *policy.State) uint64 { return s.Drills.Sum() },
		"GET /switches": func(s *policy.State) uint64 { return s.Switches.Sum() + s.ConfigRevision },
		"GET /safety":   func(s *policy.State) uint64 { return health(s) + s.Switches.Sum() + s.Paces.Sum() },
		"GET /tokens":   func(s *policy.State) uint64 { return s.Tokens.Sum() },
	}
	for _, k := range kinds { // notifications are listed with how they fare, which is no part of the state
		table["GET /"+k.path], table["GET /"+k.path+"/:name"] = config, config
	}
	delete(table, "GET /notifications")
	return table
}()

// poll lets a call that asks for news wait for it, as long as it says. One whose token was revoked meanwhile is refused.
func (s *server) poll(c *gin.Context) {
	shown := wakes[routeOf(c)]
	if shown == nil || !c.Request.URL.Query().Has("wait") && !c.Request.URL.Query().Has("index") {
		return
	}
	var wait policy.Duration
	index, err := strconv.ParseUint(c.Query("index"), 10, 64)
	if err != nil {
		s.refuse(c, policy.Errorf(badRequest, "wait goes with index, the X-Index of the answer before (wait=30s&index=17), not index=%q", c.Query("index")))
		return
	}
	if err := wait.UnmarshalText([]byte(c.Query("wait"))); err != nil || wait < 0 || time.Duration(wait) > maxWait {
		s.refuse(c, policy.Errorf(badRequest, "wait is a time of at most %v, as in wait=30s, not %q", maxWait, c.Query("wait")))
		return
	}
	if s.waiting.Add(1) > maxWaiting {
		s.waiting.Add(-1)
		s.refuse(c, policy.Errorf(policy.Unavailable, "this node has %d calls waiting for news, which is its limit; ask another", maxWaiting))
		return
	}
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(time.Duration(wait) + time.Minute)) // as deadlines does
	s.news(c, index, time.Duration(wait), shown)
	s.waiting.Add(-1)
	s.authenticate(c)
}

// news waits until the state is later than index and shows something else, at most so long. Where the index is one
// before the state's nobody knows what the caller has seen, so there is no wait.
func (s *server) news(c *gin.Context, index uint64, wait time.Duration, shown func(*policy.State) uint64) {
	over := time.NewTimer(wait)
	defer over.Stop()
	changed := s.cfg.Node.Changed() // before the state is looked at, so that none is missed
	first := s.cfg.Node.State()
	for state := first; state.Index <= index || shown(state) == shown(first); state = s.cfg.Node.State() {
		if first.Index > index {
			return
		}
		select {
		case <-changed:
			changed = s.cfg.Node.Changed()
		case <-over.C:
			return
		case <-c.Request.Context().Done():
			return
		}
	}
}
