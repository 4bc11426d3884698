package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
)

// The objects of the configuration, for reading. They are written with the document.

// ListRegions, and so on, answer the routes of their names.
func (s *server) ListRegions(c *gin.Context) {
	state := s.cfg.Node.State()
	list(s, c, state, state.Regions)
}
func (s *server) ListMonitors(c *gin.Context) {
	state := s.cfg.Node.State()
	list(s, c, state, state.Monitors)
}
func (s *server) ListPools(c *gin.Context) {
	state := s.cfg.Node.State()
	list(s, c, state, state.Pools)
}
func (s *server) ListServices(c *gin.Context) {
	state := s.cfg.Node.State()
	list(s, c, state, state.Services)
}

func (s *server) GetRegion(c *gin.Context, _ string) {
	state := s.cfg.Node.State()
	one(s, c, state, state.Regions, "region")
}

func (s *server) GetMonitor(c *gin.Context, _ string) {
	state := s.cfg.Node.State()
	one(s, c, state, state.Monitors, "monitor")
}

func (s *server) GetPool(c *gin.Context, _ string) {
	state := s.cfg.Node.State()
	one(s, c, state, state.Pools, "pool")
}

func (s *server) GetService(c *gin.Context, _ string) {
	state := s.cfg.Node.State()
	if n, err := policy.ParseName(c.Param("name")); err == nil {
		c.Params[0].Value = n.String() // the case and the final dot do not matter
	}
	one(s, c, state, state.Services, "service")
}

func list[T any](s *server, c *gin.Context, state *policy.State, tree *policy.Tree[policy.Object[T]]) {
	items := make([]T, 0, tree.Len())
	for _, o := range tree.All {
		items = append(items, o.Spec)
	}
	text, err := document.EncodeValue(map[string]any{"items": items}, document.JSON)
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, state.ConfigRevision)
	c.Data(http.StatusOK, mediaJSON, text)
}

func one[T any](s *server, c *gin.Context, state *policy.State, tree *policy.Tree[policy.Object[T]], what string) {
	name := c.Param("name")
	o, ok := tree.Get(name)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no %s %q", what, name))
		return
	}
	text, err := document.EncodeValue(o.Spec, document.JSON)
	if err != nil {
		s.refuse(c, err)
		return
	}
	read(c, state, o.Rev)
	c.Data(http.StatusOK, mediaJSON, text)
}
