package probes

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// redirects are the statuses that lead elsewhere.
var redirects = []int{301, 302, 303, 307, 308}

// hop is one request of a probe that may follow redirects.
type hop struct {
	method string
	url    *url.URL // what is asked for; its host is that of the Host header
	host   string   // where the connection goes
	port   int
	name   string // that a certificate must be valid for
	// origin says that this is the place the monitor itself asks: only there go its
	// credentials, headers and body.
	origin bool
	first  *hop // nil in the first itself
}

func (t *Target) firstHop(scheme string, c *policy.HTTPCheck) (hop, error) {
	u, err := url.ParseRequestURI(c.Path)
	if err != nil {
		return hop{}, refuse("not probed: the monitor's path is not valid")
	}
	port := t.port(c.Port)
	u.Scheme, u.Host = scheme, t.expand(c.Host)
	if u.Host == "" {
		u.Host = t.Check.Host
		if port != defaultPort(scheme) {
			u.Host = net.JoinHostPort(t.Check.Host, strconv.Itoa(port))
		} else if strings.Contains(t.Check.Host, ":") {
			u.Host = "[" + t.Check.Host + "]"
		}
	}
	return hop{method: cmp.Or(c.Method, http.MethodGet), url: u, host: t.Check.Host, port: port, name: t.serverName(c.SNI, c.Host), origin: true}, nil
}

func defaultPort(scheme string) int {
	if scheme == "https" {
		return 443
	}
	return 80
}

// next is the hop that a redirect leads to. A place under the name that the
// monitor asks for is asked of the endpoint itself: whatever else answers under that
// name is not what is probed.
func (h hop) next(t *Target, location string, status int) (*hop, error) {
	to, err := h.url.Parse(location)
	if err != nil || to.Host == "" || to.Scheme != "http" && to.Scheme != "https" {
		return nil, fail(policy.CauseContent, 0, "redirected to what is no URL of http or https")
	}
	if h.url.Scheme == "https" && to.Scheme == "http" {
		return nil, fail(policy.CauseContent, 0, "redirected from https to http, which is not followed")
	}
	first := &h
	if h.first != nil {
		first = h.first
	}
	n := hop{method: h.method, url: to, name: to.Hostname(), first: first}
	if status == http.StatusSeeOther || h.method == http.MethodPost && status < 303 {
		if n.method != http.MethodHead {
			n.method = http.MethodGet
		}
	}
	to.Fragment, to.User = "", nil
	switch {
	case sameOrigin(to, first.url):
		n.host, n.port, n.name, n.origin = first.host, first.port, first.name, true
	case sameOrigin(to, h.url):
		n.host, n.port = h.host, h.port
	default:
		n.host, n.port = to.Hostname(), defaultPort(to.Scheme)
		if p := to.Port(); p != "" {
			if n.port, err = strconv.Atoi(p); err != nil || n.port < 1 || n.port > 65535 {
				return nil, fail(policy.CauseContent, 0, "redirected to what is no URL of http or https")
			}
		}
		if strings.EqualFold(to.Hostname(), first.url.Hostname()) {
			n.host = t.Check.Host
		}
	}
	if !n.origin && n.method == http.MethodPost {
		return nil, fail(policy.CauseContent, 0, "redirected with its body to another place, which is not followed")
	}
	return &n, nil
}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Host, b.Host)
}
