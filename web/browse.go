package web

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
	"github.com/meridian-gtm/meridian/web/api"
)

// pager collects one page of a zone's RRsets. Whatever the zone's size, a page
// costs no more than its limits.
type pager struct {
	name  policy.Name // "": all
	typ   uint16      // 0: all
	after policy.Name // with afterType: the RRset that the page comes after; "": from the start
	last  uint16
	limit int

	page   api.RRsetPage
	walked int
	text   int
	err    error
}

func (s *server) ListRRsets(c *gin.Context, _ string, params api.ListRRsetsParams) {
	apex, ok := s.apex(c)
	if !ok {
		return
	}
	p, err := newPager(apex, c, params)
	if err != nil {
		s.refuse(c, err)
		return
	}
	state := s.cfg.Node.State()
	z, ok := state.Zones.Get(apex.Key())
	if !ok {
		s.refuse(c, noZone(apex))
		return
	}
	start := p.after
	if start == "" {
		start = z.Name
	}
	if p.name != "" && p.name.Key() > start.Key() {
		start = p.name
	}
	z.SetsFrom(start, p.take)
	if p.err != nil {
		s.refuse(c, p.err)
		return
	}
	read(c, state, z.Rev)
	s.render(c, http.StatusOK, p.page)
}

func newPager(apex policy.Name, c *gin.Context, params api.ListRRsetsParams) (*pager, error) {
	p := &pager{limit: params.Limit, page: api.RRsetPage{Items: []api.RRset{}}}
	if c.Query("limit") == "" {
		p.limit = defaultPage
	}
	if p.limit < 1 || p.limit > maxPage {
		return nil, policy.Errorf(badRequest, "limit is a number from 1 to %d", maxPage)
	}
	var err error
	if params.Name != "" {
		if p.name, err = ownerIn(apex, params.Name); err != nil {
			return nil, policy.Errorf(badRequest, "name: %v", err)
		}
	}
	if params.Type != "" {
		if p.typ, err = zonefile.ParseType(params.Type); err != nil {
			return nil, policy.Errorf(badRequest, "type: %v", err)
		}
	}
	if params.After != "" {
		i := strings.LastIndexByte(params.After, '/')
		if i >= 0 {
			p.after, err = ownerIn(apex, params.After[:i])
		}
		if i >= 0 && err == nil {
			p.last, err = zonefile.ParseType(params.After[i+1:])
		}
		if i < 0 || err != nil {
			return nil, policy.Errorf(badRequest, "after is the next of the page before, as in mail.example.com./MX, not %q", params.After)
		}
	}
	return p, nil
}

// take puts an RRset on the page, and says whether to go on.
func (p *pager) take(name policy.Name, set policy.RRset) bool {
	switch {
	case name == p.after && set.Type <= p.last:
		return true
	case p.name != "" && name != p.name:
		return false // they are in order
	}
	wanted := p.typ == 0 || set.Type == p.typ
	if p.walked == maxPageWalk || wanted && (len(p.page.Items) == p.limit || p.text >= maxPageText) {
		p.page.Next = p.after.FQDN() + "/" + zonefile.TypeString(p.last)
		return false
	}
	p.after, p.last = name, set.Type
	p.walked++
	if !wanted {
		return true
	}
	rr, err := renderRRset(name, set)
	if err != nil {
		p.err = err
		return false
	}
	for _, text := range rr.Records {
		p.text += len(text)
	}
	p.page.Items = append(p.page.Items, rr)
	return true
}
