package web

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/policy/snapshot"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

func (s *server) Explain(c *gin.Context, params api.ExplainParams) {
	media, ok := s.accept(c, mediaJSON, mediaText)
	if !ok {
		return
	}
	snap, err := s.cfg.Node.Snapshot()
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.explain(c, media, snap, params.Name, params.Type, params.Client, params.Assume)
}

// ExplainDraft explains as if the document in the body were merged into the configuration.
func (s *server) ExplainDraft(c *gin.Context, params api.ExplainDraftParams) {
	media, ok := s.accept(c, mediaJSON, mediaText)
	if !ok {
		return
	}
	doc, data, err := readDocument(c)
	if err == nil {
		err = document.Locate(data, "", checkAlone(doc, true))
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	next, _, err := s.would(change.Change{Body: change.PutConfig{Config: *doc, Merge: true, Force: true}})
	if err != nil {
		s.refuse(c, locate(err, data, doc, s.cfg.Node.State().Config(), true))
		return
	}
	snap, err := s.cfg.Node.Draft(next)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.explain(c, media, snap, params.Name, params.Type, params.Client, params.Assume)
}

func (s *server) explain(c *gin.Context, media string, snap *snapshot.Snapshot, name, typ, who string, assume []string) {
	q := snapshot.ExplainQuery{Type: policy.TypeA, Assume: assume}
	var err error
	if q.Name, err = policy.ParseName(name); err != nil {
		s.refuse(c, policy.Errorf(badRequest, "the parameter name: %v", err))
		return
	}
	if typ != "" {
		if q.Type, err = zonefile.ParseType(typ); err != nil {
			s.refuse(c, policy.Errorf(badRequest, "the parameter type: %v", err))
			return
		}
	}
	if strings.HasPrefix(who, "country/") || strings.HasPrefix(who, "asn/") {
		q.Somebody, err = policy.ParseSubject(who)
	} else {
		q.Client, err = client(who, c.Request)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	x, err := snap.Explain(q)
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
	return netip.Prefix{}, policy.Errorf(badRequest, "the parameter client: %q is neither an address nor a prefix (91.10.0.1, 91.10.0.0/24, 2001:db8::/48), and not country/DE or asn/64500", text)
}

func (s *server) LookupPlace(c *gin.Context, params api.LookupPlaceParams) {
	a, err := netip.ParseAddr(params.Address)
	if err != nil || a.Zone() != "" {
		s.refuse(c, policy.Errorf(badRequest, "the parameter address: %q is no address (91.10.0.1, 2001:db8::1)", params.Address))
		return
	}
	snap, err := s.cfg.Node.Snapshot()
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, snap.Where(a))
}

// ListPoints gives the coordinates of regions, so that whoever draws them needs no table of airports.
func (s *server) ListPoints(c *gin.Context) {
	state := s.cfg.Node.State()
	list := []api.RegionPoint{}
	for name, r := range state.Regions.All {
		if lat, lon, ok := r.Spec.Place.Coordinates(); ok {
			list = append(list, api.RegionPoint{Region: name, Lat: lat, Lon: lon})
		}
	}
	c.Header("ETag", entityTag(state.ConfigRevision))
	s.render(c, http.StatusOK, api.PointList{Items: list})
}

func (s *server) GetCluster(c *gin.Context) {
	status := s.cfg.Node.Cluster(c.Request.Context())
	if status.Members == nil {
		status.Members = []policy.MemberStatus{}
	}
	c.Header("X-Index", strconv.FormatUint(s.cfg.Node.State().Index, 10))
	s.render(c, http.StatusOK, status)
}

// GetStats says how busy the nodes are.
func (s *server) GetStats(c *gin.Context) {
	stats := s.cfg.Node.Stats(c.Request.Context())
	c.Header("X-Index", strconv.FormatUint(stats.Index, 10))
	s.render(c, http.StatusOK, stats)
}
