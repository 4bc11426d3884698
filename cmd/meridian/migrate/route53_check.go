package migrate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// goodStatuses are those of 2xx and 3xx that have a meaning: Route 53 takes them all for healthy.
var goodStatuses = []int{200, 201, 202, 203, 204, 205, 206, 207, 208, 226, 300, 301, 302, 303, 304, 305, 307, 308}

// check gives a pool the health check of its record set.
func (r *route53) check(s *recordSet, pool *policy.Pool) {
	if s.HealthCheckId == "" {
		return
	}
	h := r.checks[s.HealthCheckId]
	if h == nil {
		how := "it is not in " + r.given.ChecksName
		if r.given.HealthChecks == nil {
			how = "give it with --health-checks, from aws route53 list-health-checks"
		}
		r.left(s.at, "%s: health check %s: %s. The endpoint is unchecked", s.owner, s.HealthCheckId, how)
		return
	}
	c := &h.HealthCheckConfig
	m, ok := r.monitorFor(h)
	if !ok {
		return
	}
	pool.Monitor = r.monitor(m)
	e := &pool.Endpoints[0]
	probed, err := netip.ParseAddr(c.IPAddress)
	switch {
	case err == nil && !slices.Contains(e.Addrs(), probed):
		e.Probe = &policy.ProbeTarget{Address: probed}
		r.note(s.at, "%s: the health check %s is of %s, which is probed for %s here too", s.owner, h.Id, probed, e.Name)
	case err == nil && len(e.Addrs()) > 1:
		e.Probe = &policy.ProbeTarget{Address: probed}
	case err != nil && c.FullyQualifiedDomainName != "" && len(e.Records) == 0:
		r.note(h.at, "health check %s is of the host %s; here each endpoint that has it is probed at its own address", h.Id, c.FullyQualifiedDomainName)
	}
}

// monitorFor is the monitor of a health check.
func (r *route53) monitorFor(h *healthCheck) (m policy.Monitor, ok bool) {
	c := &h.HealthCheckConfig
	interval := max(c.RequestInterval, 10)
	n := max(c.FailureThreshold, 1)
	m = policy.Monitor{
		Interval: policy.Duration(time.Duration(interval) * time.Second), Timeout: policy.Duration(4 * time.Second), Fall: n, Rise: n,
	}
	switch {
	case c.Disabled:
		r.note(h.at, "health check %s is disabled; what had it is unchecked", h.Id)
		return m, false
	case c.Inverted:
		r.left(h.at, "health check %s is inverted; what had it is unchecked", h.Id)
		return m, false
	}
	kind, match, _ := strings.Cut(c.Type, "_")
	web := &policy.HTTPCheck{Port: c.Port, Path: c.ResourcePath, Host: c.FullyQualifiedDomainName, Status: policy.Statuses(goodStatuses...)}
	if web.Path != "" && !strings.HasPrefix(web.Path, "/") {
		web.Path = "/" + web.Path
	}
	switch kind {
	case "TCP":
		m.TCP = &policy.TCPCheck{Port: c.Port}
	case "HTTP":
		m.HTTP = web
	case "HTTPS":
		web.Insecure = true // Route 53 does not look at certificates
		if c.EnableSNI != nil && !*c.EnableSNI {
			r.note(h.at, "health check %s sends no server name; here it is sent", h.Id)
		}
		r.note(h.at, "health check %s takes any certificate, as in Route 53; take insecure out of the monitor to have it verified", h.Id)
		m.HTTPS = web
	default:
		r.left(h.at, "health check %s of type %s has nothing like it here; what had it is unchecked", h.Id, c.Type)
		return m, false
	}
	if match != "" {
		r.left(h.at, "health check %s wants %q in the body; here only the status counts", h.Id, c.SearchString)
	}
	m.Name = fmt.Sprintf("%s-%d", strings.ToLower(kind), c.Port)
	if c.Port == 0 {
		m.Name = strings.ToLower(kind)
	}
	return m, true
}
