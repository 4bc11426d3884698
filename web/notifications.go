package web

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/web/api"
)

// GetNotification, PutNotification and DeleteNotification answer the routes of their names.
func (s *server) GetNotification(c *gin.Context, _ string) { receivers.get(s, c) }
func (s *server) PutNotification(c *gin.Context, _ string, p api.PutNotificationParams) {
	receivers.put(s, c, objectPut(p))
}
func (s *server) DeleteNotification(c *gin.Context, _ string, p api.DeleteNotificationParams) {
	receivers.delete(s, c, objectDelete(p))
}

// ListNotifications says how receivers fare.
func (s *server) ListNotifications(c *gin.Context) {
	n, err := s.cfg.Node.Notifications(c.Request.Context())
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, map[string]any{"node": n.Node, "items": n.Receivers})
}

// ListDeliveries gives the log of deliveries.
func (s *server) ListDeliveries(c *gin.Context) {
	n, err := s.cfg.Node.Notifications(c.Request.Context())
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, map[string]any{"node": n.Node, "items": n.Deliveries})
}

// TestNotification sends a test, which fails as any delivery may: that is its answer.
func (s *server) TestNotification(c *gin.Context, _ string) {
	d, err := s.cfg.Node.TestNotification(c.Request.Context(), c.Param("name"))
	if err != nil {
		s.refuse(c, err)
		return
	}
	s.render(c, http.StatusOK, d)
}
