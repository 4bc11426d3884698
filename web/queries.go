package web

import (
	"cmp"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

const (
	maxTail      = 30 * time.Second
	tailEvery    = 500 * time.Millisecond
	sampledByDef = 100 // queries of an answer
	maxEvery     = 1_000_000
)

// PutQueries turns sampling on or off.
func (s *server) PutQueries(c *gin.Context) {
	var in struct {
		Sample string          `json:"sample"`
		For    policy.Duration `json:"for"`
	}
	_, err := readJSON(c, maxSmall, &in)
	if err != nil {
		s.refuse(c, err)
		return
	}
	var p policy.Problems
	r := policy.SampleRequest{For: cmp.Or(in.For, policy.Duration(10*time.Minute))}
	if in.Sample != "off" {
		text, ok := strings.CutPrefix(in.Sample, "1/")
		if r.Every, err = strconv.Atoi(text); !ok || err != nil || r.Every < 1 || r.Every > maxEvery {
			p.Add("/sample", "%q is neither 1/N, with N from 1 to 1,000,000, nor off", in.Sample)
		}
	}
	if r.For < policy.Duration(time.Second) || r.For > policy.MaxSampling {
		p.Add("/for", "%v is not within 1s and 1h", r.For)
	}
	if err := p.Err("sampling is as it was"); err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, s.cfg.Node.Sample(c.Request.Context(), r))
}

// GetQueries shows what was sampled.
func (s *server) GetQueries(c *gin.Context, params api.GetQueriesParams) {
	limit := cmp.Or(params.Limit, sampledByDef)
	var wait policy.Duration
	if params.Wait != "" {
		if err := wait.UnmarshalText([]byte(params.Wait)); err != nil || wait < 0 || time.Duration(wait) > maxTail {
			s.refuse(c, policy.Errorf(badRequest, "the parameter wait: %q is not a time of at most 30s", params.Wait))
			return
		}
	}
	if limit < 1 || limit > policy.MaxSampled {
		s.refuse(c, policy.Errorf(badRequest, "the parameter limit: %d is not within 1 and 1000", limit))
		return
	}
	if wait > 0 && s.waiting.Add(1) > maxWaiting {
		s.waiting.Add(-1)
		s.refuse(c, policy.Errorf(policy.Unavailable, "this node has %d calls waiting for news, which is its limit; ask another", maxWaiting))
		return
	}
	ctx := c.Request.Context()
	out := s.cfg.Node.Queries(ctx, limit)
	if wait > 0 {
		first, over := out.Sampled, time.NewTimer(time.Duration(wait))
		look := time.NewTicker(tailEvery)
		for waiting := true; waiting && out.Sampled == first && out.Every > 0; {
			select {
			case <-look.C:
				out = s.cfg.Node.Queries(ctx, limit)
			case <-over.C:
				waiting = false
			case <-ctx.Done():
				waiting = false
			}
		}
		look.Stop()
		over.Stop()
		s.waiting.Add(-1)
	}
	s.render(c, http.StatusOK, out)
}

// GetDelegation asks a zone's parent how it delegates the zone.
func (s *server) GetDelegation(c *gin.Context, _ string, params api.GetDelegationParams) {
	apex, ok := s.apex(c)
	if !ok {
		return
	}
	var resolver netip.Addr
	if params.Resolver != "" {
		var err error
		if resolver, err = netip.ParseAddr(params.Resolver); err != nil || resolver.Zone() != "" {
			s.refuse(c, policy.Errorf(badRequest, "the parameter resolver: %q is no address (9.9.9.9); it is asked at port 53", params.Resolver))
			return
		}
	}
	d, err := s.cfg.Node.Delegation(c.Request.Context(), apex, resolver)
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, d)
}
