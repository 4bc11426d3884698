package web

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

func (s *server) Explain(c *gin.Context, params api.ExplainParams) {
	media, ok := s.accept(c, mediaJSON, mediaText)
	if !ok {
		return
	}
	q := snapshot.ExplainQuery{Type: policy.TypeA, Assume: params.Assume}
	var err error
	if q.Name, err = policy.ParseName(params.Name); err != nil {
		s.refuse(c, policy.Errorf(badRequest, "the parameter name: %v", err))
		return
	}
	if params.Type != "" {
		if q.Type, err = zonefile.ParseType(params.Type); err != nil {
			s.refuse(c, policy.Errorf(badRequest, "the parameter type: %v", err))
			return
		}
	}
	if q.Client, err = client(params.Client, c.Request); err != nil {
		s.refuse(c, err)
		return
	}
	x, err := s.cfg.Node.Explain(q)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Header("X-Index", strconv.FormatUint(x.Index, 10))
	if media == mediaText {
		c.Data(http.StatusOK, mediaText+"; charset=utf-8", []byte(x.Text()))
		return
	}
	s.render(c, http.StatusOK, x)
}

// client reads an address or a prefix; nothing is the caller's own address.
func client(text string, r *http.Request) (netip.Prefix, error) {
	if text == "" {
		ap, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return netip.Prefix{}, policy.Errorf(badRequest, "the parameter client is missing: an address or a prefix")
		}
		a := ap.Addr().Unmap().WithZone("")
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	if strings.Contains(text, "/") {
		if p, err := netip.ParsePrefix(text); err == nil {
			return p.Masked(), nil
		}
	} else if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.Prefix{}, policy.Errorf(badRequest, "the parameter client: %q is neither an address nor a prefix (91.10.0.1, 91.10.0.0/24, 2001:db8::/48)", text)
}

func (s *server) LookupPlace(c *gin.Context, params api.LookupPlaceParams) {
	a, err := netip.ParseAddr(params.Address)
	if err != nil || a.Zone() != "" {
		s.refuse(c, policy.Errorf(badRequest, "the parameter address: %q is no address (91.10.0.1, 2001:db8::1)", params.Address))
		return
	}
	w, err := s.cfg.Node.Where(a)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, w)
}

func (s *server) ListHealth(c *gin.Context) {
	list := s.cfg.Node.Health()
	if list == nil {
		list = []policy.EndpointHealth{}
	}
	c.Header("X-Index", strconv.FormatUint(s.cfg.Node.State().Index, 10))
	s.render(c, http.StatusOK, map[string]any{"items": list})
}

func (s *server) GetHealth(c *gin.Context, _ string) {
	id := c.Param("endpoint")
	whole := "endpoint/" + strings.TrimPrefix(id, "endpoint/")
	for _, h := range s.cfg.Node.Health() {
		if h.Endpoint == whole {
			c.Header("X-Index", strconv.FormatUint(s.cfg.Node.State().Index, 10))
			s.render(c, http.StatusOK, h)
			return
		}
	}
	s.refuse(c, policy.Errorf(policy.NotFound, "there is no endpoint %q; write POOL/ENDPOINT, as GET %s/health lists them", id, base))
}

func (s *server) GetCluster(c *gin.Context) {
	status := s.cfg.Node.Cluster(c.Request.Context())
	if status.Members == nil {
		status.Members = []policy.MemberStatus{}
	}
	c.Header("X-Index", strconv.FormatUint(s.cfg.Node.State().Index, 10))
	s.render(c, http.StatusOK, status)
}
