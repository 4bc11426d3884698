package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// healthStates are those of an endpoint, as the contract has them.
var healthStates = []string{"up", "degraded", "down", "drained", "unknown"}

// healthFilter says which endpoints are wanted. What is empty is every.
type healthFilter struct {
	states, pools, words []string
	region, monitor      string
}

func newHealthFilter(p api.ListHealthParams) (f healthFilter, err error) {
	f = healthFilter{words: strings.Fields(strings.ToLower(p.Q)), region: p.Region, monitor: p.Monitor}
	if p.State != "" {
		f.states = strings.Split(p.State, ",")
	}
	if p.Pool != "" {
		f.pools = strings.Split(p.Pool, ",")
	}
	for _, state := range f.states {
		if !slices.Contains(healthStates, state) {
			return f, policy.Errorf(badRequest, "state is of %s, divided by commas, not %q", strings.Join(healthStates, ", "), state)
		}
	}
	return f, nil
}

// takes says whether an endpoint is wanted, but for its state.
func (f healthFilter) takes(h *policy.EndpointHealth) bool {
	switch {
	case f.pools != nil && !slices.Contains(f.pools, h.Pool),
		f.region != "" && f.region != h.Region,
		f.monitor != "" && !slices.ContainsFunc(h.Checks, func(c policy.CheckHealth) bool { return c.Monitor == f.monitor }):
		return false
	case len(f.words) == 0:
		return true
	}
	text := strings.ToLower(h.Endpoint + "\n" + h.Region + "\n" + h.State + "\n" + h.Why)
	for _, w := range f.words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// healthShown is an api.HealthList in our nouns.
type healthShown struct {
	Items  []policy.EndpointHealth `json:"items"`
	Counts api.HealthCounts        `json:"counts"`
	Next   string                  `json:"next,omitempty"`
}

// ListHealth shows endpoints, all or a page of them. All are counted, but what vantages report is looked up for the page alone.
func (s *server) ListHealth(c *gin.Context, params api.ListHealthParams) {
	f, err := newHealthFilter(params)
	paged := c.Query("limit") != ""
	if err == nil && paged && (params.Limit < 1 || params.Limit > maxPage) {
		err = policy.Errorf(badRequest, "limit is a number from 1 to %d", maxPage)
	}
	after := strings.TrimPrefix(params.After, "endpoint/")
	pool, name, ok := strings.Cut(after, "/")
	if err == nil && after != "" && !ok {
		err = policy.Errorf(badRequest, "after is the next of the page before, as in endpoint/web-us-east/a, not %q", params.After)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	if known, ok := s.cfg.Node.State().Pools.Get(pool); after != "" && (!ok || !slices.ContainsFunc(known.Spec.Endpoints, func(e policy.Endpoint) bool { return e.Name == name })) {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no endpoint %q any more to go on after; begin at the first page", after))
		return
	}
	shown, begun, last := healthShown{}, after == "", ""
	list := s.cfg.Node.Health(func(h *policy.EndpointHealth) bool {
		here := begun
		begun = begun || h.Endpoint == policy.EndpointID(pool, name)
		if !f.takes(h) {
			return false
		}
		*countOf(&shown.Counts, h.State)++
		switch {
		case !here, f.states != nil && !slices.Contains(f.states, h.State), shown.Next != "":
			return false
		case paged && params.Limit == 0:
			shown.Next = last
			return false
		}
		params.Limit--
		last = h.Endpoint
		return true
	})
	if shown.Items = list; list == nil {
		shown.Items = []policy.EndpointHealth{}
	}
	c.Header("X-Index", strconv.FormatUint(s.cfg.Node.State().Index, 10))
	s.render(c, http.StatusOK, shown)
}

func countOf(n *api.HealthCounts, state string) *int {
	switch state {
	case "up":
		return &n.Up
	case "degraded":
		return &n.Degraded
	case "down":
		return &n.Down
	case "drained":
		return &n.Drained
	}
	return &n.Unknown
}

// ListPoolHealth counts the endpoints of each pool by state.
func (s *server) ListPoolHealth(c *gin.Context) {
	list := []api.PoolHealth{}
	first := 0 // of the pool that is counted
	s.cfg.Node.Health(func(h *policy.EndpointHealth) bool {
		if len(list) > 0 && list[first].Pool != h.Pool {
			first = len(list)
		}
		at := first + slices.IndexFunc(list[first:], func(p api.PoolHealth) bool { return p.Region == h.Region })
		if at < first {
			at = len(list)
			list = append(list, api.PoolHealth{Pool: h.Pool, Region: h.Region})
		}
		p := &list[at]
		*countOf(&p.Counts, h.State)++
		if h.State == "unknown" && len(h.Checks) == 0 {
			p.Unchecked++
		}
		if h.State != "up" && h.Since.After(p.Since) {
			p.Since = h.Since
		}
		return false
	})
	c.Header("X-Index", strconv.FormatUint(s.cfg.Node.State().Index, 10))
	s.render(c, http.StatusOK, api.PoolHealthList{Items: list})
}

// ListCertificates shows what endpoints show to this node's own probes, what ends soonest first.
func (s *server) ListCertificates(c *gin.Context, params api.ListCertificatesParams) {
	limit, err := pageSize(c, params.Limit, maxPage)
	if err != nil {
		s.refuse(c, err)
		return
	}
	list := s.cfg.Node.Certificates()
	slices.SortStableFunc(list, func(a, b policy.SeenCertificate) int { return a.Expires.Compare(b.Expires) })
	more := max(len(list)-limit, 0)
	if list = list[:len(list)-more]; list == nil {
		list = []policy.SeenCertificate{}
	}
	s.render(c, http.StatusOK, certificatesShown{Items: list, More: more})
}

// certificatesShown is an api.CertificateList in our nouns.
type certificatesShown struct {
	Items []policy.SeenCertificate `json:"items"`
	More  int                      `json:"more,omitempty"`
}

func (s *server) GetHealth(c *gin.Context, _ string) {
	h, err := s.cfg.Node.Evidence(c.Request.Context(), c.Param("endpoint"))
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("X-Index", strconv.FormatUint(s.cfg.Node.State().Index, 10))
	s.render(c, http.StatusOK, h)
}

// ProbeEndpoint makes a probe at once. It changes nothing, so it waits for nothing but the probe.
func (s *server) ProbeEndpoint(c *gin.Context, _ string) {
	var in api.ProbeRequest
	if _, err := readJSON(c, maxSmall, &in); err != nil {
		s.refuse(c, err)
		return
	}
	if !s.within(c, "endpoint/"+strings.TrimPrefix(c.Param("endpoint"), "endpoint/")) {
		return
	}
	r, err := s.cfg.Node.Probe(c.Request.Context(), c.Param("endpoint"), in.Vantage, in.Monitor)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, r)
}

// GetHealthHistory shows an endpoint's health over a time.
func (s *server) GetHealthHistory(c *gin.Context, _ string, params api.GetHealthHistoryParams) {
	now := s.cfg.Now()
	q := policy.HistoryQuery{Endpoint: c.Param("endpoint"), From: params.From, To: params.To}
	if q.To.IsZero() {
		q.To = now
	}
	if q.From.IsZero() {
		q.From = q.To.Add(-24 * time.Hour)
	}
	if params.Step != "" {
		if err := q.Step.UnmarshalText([]byte(params.Step)); err != nil || q.Step < policy.HistoryFinest || q.Step > policy.HistorySpan {
			s.refuse(c, policy.Errorf(badRequest, "the parameter step: %q is not a time of 10s to 90d, as in 1m", params.Step))
			return
		}
	}
	switch {
	case !q.From.Before(q.To):
		s.refuse(c, policy.Errorf(badRequest, "from (%s) is not before to (%s)", q.From.UTC().Format(time.RFC3339), q.To.UTC().Format(time.RFC3339)))
		return
	case q.From.Before(now.Add(-time.Duration(policy.HistorySpan))) || q.To.After(now.Add(time.Minute)):
		s.refuse(c, policy.Errorf(badRequest, "history is kept for 90 days until now; from %s to %s is not within them", q.From.UTC().Format(time.RFC3339), q.To.UTC().Format(time.RFC3339)))
		return
	}
	h, err := s.cfg.Node.History(c.Request.Context(), q)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, h)
}
