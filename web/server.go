package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

// base is where the API stands.
const base = "/api/v1"

// Config is what an API is made of.
type Config struct {
	Node     Node
	Local    Local // nil: there is no break-glass
	Log      *slog.Logger
	Registry *prometheus.Registry // shown at /metrics, and added to; nil: there is no such path
	Now      func() time.Time     // for rate limits; nil: time.Now
}

// server answers the routes of api.ServerInterface.
type server struct {
	cfg        Config
	writes     *limiter // by token
	failures   *limiter // of authentication, by peer
	refusals   *refusalLog
	logins     *logins
	uses       *inUse   // of sessions
	glassReads *limiter // lines of the record about reading with the break-glass token
	streams    atomic.Int64
	waiting    atomic.Int64 // calls that wait for news
	reaches    reaches
	plans      chan struct{} // a place for each plan that may be worked out at once: each takes memory by its document
}

var _ api.ServerInterface = (*server)(nil)

// Handler is an API, ready to be served.
type Handler struct {
	http.Handler
	log *slog.Logger
}

// New makes an API.
func New(cfg Config) *Handler {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Handler{compressed(slashes(newServer(cfg).engine())), cfg.Log}
}

func newServer(cfg Config) *server {
	if cfg.Local == nil {
		cfg.Local = nobodyLocal{}
	}
	return &server{
		cfg:      cfg,
		writes:   newLimiter(writesPerSecond, writesBurst, cfg.Now),
		failures: newLimiter(failuresPerSecond, failuresBurst, cfg.Now),
		refusals: newRefusalLog(cfg.Log, cfg.Now, cfg.Local),
		logins:   newLogins(cfg.Registry, cfg.Now), uses: &inUse{seen: map[string]int64{}},
		glassReads: newLimiter(1./60, 1, cfg.Now),
		plans:      make(chan struct{}, maxPlans),
	}
}

func (s *server) engine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	_ = e.SetTrustedProxies(nil) // nil cannot fail: nobody's X-Forwarded-For counts (S-13)
	e.HandleMethodNotAllowed = true
	e.RedirectTrailingSlash, e.RedirectFixedPath = false, false
	e.UseEscapedPath, e.UnescapePathValues = true, false // gin's unescaping takes a plus sign for a space
	cross := http.NewCrossOriginProtection()
	e.Use(s.observe(), s.recover, headers, func(c *gin.Context) {
		if err := cross.Check(c.Request); err != nil {
			s.refuse(c, policy.Errorf(forbidden, "a page of another site asked for this: %v", err))
		}
	}, deadlines, s.authenticate, s.limitWrites, s.checkRequest, s.poll)
	api.RegisterHandlersWithOptions(e, s, api.GinServerOptions{
		BaseURL:      base,
		ErrorHandler: func(c *gin.Context, err error, _ int) { s.refuse(c, unreadable(err)) },
	})
	e.GET("/healthz", s.healthz)
	e.GET("/readyz", s.readyz)
	if s.cfg.Registry != nil {
		e.GET("/metrics", gin.WrapH(promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{Registry: s.cfg.Registry})))
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		e.Handle(method, "/", s.uiPage)
		e.Handle(method, "/assets/*file", s.uiFile)
	}
	e.NoRoute(func(c *gin.Context) {
		if asksForPage(c.Request) {
			s.uiPage(c)
			return
		}
		s.refuse(c, policy.Errorf(policy.NotFound, "there is nothing at %s; the API is under %s, as its openapi.yaml says", c.Request.URL.Path, base))
	})
	e.NoMethod(func(c *gin.Context) {
		s.refuse(c, policy.Errorf(methodNotAllowed, "%s has no %s; it has %s", c.Request.URL.Path, c.Request.Method, c.Writer.Header().Get("Allow")))
	})
	return e
}

// routeOf is a request's route as the contract has it: "GET /zones/:zone".
func routeOf(c *gin.Context) string {
	return c.Request.Method + " " + strings.TrimPrefix(c.FullPath(), base)
}

// NewServer is an http.Server for an API, with the limits of S-23. Shutdown ends
// event streams and lets writes under way finish. The caller sets TLSConfig, if any, and serves.
func NewServer(h *Handler) *http.Server {
	ctx, cancel := context.WithCancel(context.Background())
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second, // a handler that takes big bodies asks for more
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
		ErrorLog:          slog.NewLogLogger(h.log.Handler(), slog.LevelDebug),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	srv.RegisterOnShutdown(cancel)
	return srv
}

// slashes lets an endpoint's id be written with its slashes in /health/{endpoint} and below.
func slashes(next http.Handler) http.Handler {
	const prefix = base + "/health/"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix); ok && strings.Contains(id, "/") {
			u := new(url.URL)
			*u = *r.URL
			id, end := id, ""
			for _, act := range []string{"/probe", "/resume"} {
				if before, ok := strings.CutSuffix(id, act); ok && r.Method == http.MethodPost { // else an endpoint of that name
					id, end = before, act
				}
			}
			if before, ok := strings.CutSuffix(id, "/history"); ok && r.Method == http.MethodGet {
				if name := strings.TrimPrefix(strings.ReplaceAll(before, "%2F", "/"), "endpoint/"); strings.Contains(name, "/") { // likewise
					id, end = before, "/history"
				}
			}
			u.RawPath = prefix + strings.ReplaceAll(id, "/", "%2F") + end
			r2 := *r
			r2.URL = u
			r = &r2
		}
		next.ServeHTTP(w, r)
	})
}

// recover answers 500 for a panic and keeps the process alive.
func (s *server) recover(c *gin.Context) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if v == http.ErrAbortHandler {
			panic(v)
		}
		s.cfg.Log.Error("a request panicked", "method", c.Request.Method, "path", c.Request.URL.Path, "panic", v, "stack", string(debug.Stack()))
		if c.Writer.Written() {
			panic(http.ErrAbortHandler)
		}
		s.refuse(c, policy.Errorf(internal, "an internal error; the node's log has the rest"))
	}()
	c.Next()
}

// observe counts requests, and logs them at level debug. A route is counted by its pattern, never by what a client wrote.
func (s *server) observe() gin.HandlerFunc {
	count := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "meridian_api_requests_total", Help: "API requests answered, by route, method and status.",
	}, []string{"route", "method", "status"})
	if s.cfg.Registry != nil {
		s.cfg.Registry.MustRegister(count)
	}
	return func(c *gin.Context) {
		start := time.Now()
		c.Next()
		route, method := c.FullPath(), c.Request.Method
		if route == "" {
			route, method = "none", "any"
		}
		count.WithLabelValues(route, method, strconv.Itoa(c.Writer.Status())).Inc()
		s.cfg.Log.Debug("request", "method", c.Request.Method, "path", c.Request.URL.Path, "status", c.Writer.Status(),
			"took", time.Since(start), "actor", c.GetString(actorKey), "peer", c.Request.RemoteAddr)
	}
}

// headers are sent with every answer (S-15).
func headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// deadlines gives a zone's transfer the time it may take; all else has the server's own.
func deadlines(c *gin.Context) {
	if c.FullPath() == base+"/zones/:zone" {
		rc := http.NewResponseController(c.Writer)
		_ = rc.SetReadDeadline(time.Now().Add(5 * time.Minute)) // not every ResponseWriter has deadlines; the server's has
		_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Minute))
	}
}

// checkRequest unescapes path values and refuses query parameters that the route does not have.
func (s *server) checkRequest(c *gin.Context) {
	for i := range c.Params {
		v, err := url.PathUnescape(c.Params[i].Value)
		if err != nil {
			s.refuse(c, policy.Errorf(badRequest, "the path cannot be read: %v", err))
			return
		}
		c.Params[i].Value = v
	}
	if c.FullPath() == "" || !strings.HasPrefix(c.FullPath(), base) {
		return
	}
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		s.refuse(c, policy.Errorf(badRequest, "the query cannot be read: %v", err))
		return
	}
	allowed := queryOf(routeOf(c))
	for name, values := range query {
		switch {
		case c.FullPath() == base+"/auth/oidc/callback" && !slices.Contains(allowed, name): // providers add their own
		case !slices.Contains(allowed, name):
			s.refuse(c, policy.Errorf(badRequest, "there is no parameter %q here%s", name, known(allowed)))
			return
		case len(values) > 1 && name != "assume":
			s.refuse(c, policy.Errorf(badRequest, "the parameter %q is there %d times", name, len(values)))
			return
		}
	}
}

// queryOf are the parameters that a route takes.
func queryOf(route string) []string {
	allowed := queryParameters[route]
	if wakes[route] != nil {
		allowed = append(slices.Clip(allowed), "wait", "index")
	}
	if method, path, _ := strings.Cut(route, " "); method != http.MethodGet && slices.ContainsFunc(kinds, func(k objectKind) bool { return "/"+k.path+"/:name" == path }) {
		allowed = append(slices.Clip(allowed), "force")
	}
	return allowed
}

// queryParameters are those of each route; routes without any are not here. A
// test compares it with openapi.yaml. An unknown parameter is refused, since a
// misspelled dryRun would be a write.
var queryParameters = map[string][]string{
	"PUT /config":    {"dryRun", "merge", "force"},
	"POST /controls": {"dryRun"},
	"GET /explain":   {"name", "type", "client", "assume"},
	"POST /explain":  {"name", "type", "client", "assume"},

	"GET /answers":                  {"service", "type", "assume", "draft"},
	"GET /health":                   {"state", "pool", "region", "monitor", "q", "after", "limit"},
	"GET /certificates":             {"limit"},
	"GET /health/:endpoint/history": {"from", "to", "step"},

	"GET /zones/:zone/delegation": {"resolver"},

	"GET /queries": {"limit", "wait"},

	"GET /geo/lookup": {"address"},
	"GET /residual":   {"control", "target", "since"},

	"DELETE /controls/:id": {"over"},

	"GET /auth/oidc/callback": {"code", "state", "error"},

	"GET /zones/:zone/rrsets": {"name", "type", "after", "limit"},
	"GET /latency":            {"subject", "after", "limit"},

	"GET /revisions":                     {"before", "limit"},
	"GET /revisions/:revision":           {"from"},
	"POST /revisions/:revision/rollback": {"dryRun", "force"},
	"GET /audit":                         {"actor", "object", "kind", "request", "since", "until", "refused", "before", "limit"},
}

func known(allowed []string) string {
	if len(allowed) == 0 {
		return "; this call takes none"
	}
	return "; there are " + strings.Join(allowed, ", ")
}

func (s *server) healthz(c *gin.Context) {
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte("ok\n"))
}

func (s *server) readyz(c *gin.Context) {
	if err := s.cfg.Node.Ready(); err != nil {
		c.Header("Retry-After", "1")
		c.Data(http.StatusServiceUnavailable, "text/plain; charset=utf-8", []byte("not ready: "+err.Error()+"\n"))
		return
	}
	c.Data(http.StatusOK, "text/plain; charset=utf-8", []byte("ready\n"))
}
