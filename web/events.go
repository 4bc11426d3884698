package web

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

const (
	maxStreams  = 4096             // event streams open at once
	heartbeat   = 15 * time.Second // of a stream on which nothing happens, so that proxies keep it and dead peers are found
	streamWrite = 10 * time.Second // for which a listener may stop reading
)

// StreamEvents sends events as they happen, by the server-sent events of the HTML standard.
func (s *server) StreamEvents(c *gin.Context, params api.StreamEventsParams) {
	if s.streams.Add(1) > maxStreams {
		s.streams.Add(-1)
		s.refuse(c, policy.Errorf(policy.Unavailable, "this node has %d event streams open, which is its limit; ask another", maxStreams))
		return
	}
	defer s.streams.Add(-1)
	ctx, cancel := context.WithCancel(c.Request.Context())
	defer cancel()
	events := s.cfg.Node.Events(ctx, 0)
	seen := readEventID(params.LastEventID)
	w := stream{c.Writer, http.NewResponseController(c.Writer)}
	c.Header("Content-Type", "text/event-stream")
	c.Header("X-Accel-Buffering", "no") // or nginx collects what should come at once
	c.Status(http.StatusOK)
	if w.write("retry: 1000\n\n") != nil {
		return
	}
	tick := time.NewTicker(heartbeat)
	defer tick.Stop()
	for {
		var text string
		select {
		case <-ctx.Done():
			return
		case ev, ok := <-events:
			if !ok {
				return // the client comes back with the last id it has seen
			}
			if seen.covers(ev) {
				continue
			}
			if gap := seen.gap(ev); gap != "" {
				if w.write(gap) != nil {
					return
				}
			}
			seen = eventID{}
			text = fmt.Sprintf("id: %s:%d\nevent: %s\ndata: %s\n\n", ev.Node, ev.Seq, ev.Type, line(ev))
		case <-tick.C:
			text = ": nothing new\n\n"
		}
		if t, ok := s.cfg.Node.State().Tokens.Get(c.GetString(actorKey)); !ok || t.Expired(s.clock()) {
			return // revoked meanwhile
		}
		if w.write(text) != nil {
			return
		}
	}
}

// eventID is the id of an event: sequence numbers mean something on one node only.
type eventID struct {
	node string
	seq  uint64
}

// readEventID reads a Last-Event-ID. What is none is before every event.
func readEventID(text string) eventID {
	i := strings.LastIndexByte(text, ':')
	if i < 0 {
		return eventID{}
	}
	seq, err := strconv.ParseUint(text[i+1:], 10, 64)
	if err != nil {
		return eventID{}
	}
	return eventID{text[:i], seq}
}

// covers says whether whoever saw id has seen the event too. An id of another
// node says nothing, so that its holder gets all that this one remembers rather than too little.
func (id eventID) covers(ev policy.Event) bool { return ev.Node == id.node && ev.Seq <= id.seq }

// gap tells whoever has seen id that events between it and the next one are forgotten; it is empty when none are.
func (id eventID) gap(next policy.Event) string {
	if id.node == "" || id.node == next.Node && next.Seq <= id.seq+1 {
		return ""
	}
	told := policy.Event{Seq: next.Seq - 1, Type: "gap", At: next.At, Node: next.Node,
		Text: fmt.Sprintf("what happened between %s:%d and %s:%d is no longer known here; read the state anew", id.node, id.seq, next.Node, next.Seq)}
	return fmt.Sprintf("id: %s:%d\nevent: gap\ndata: %s\n\n", told.Node, told.Seq, line(told))
}

// stream writes pieces of an answer as they come.
type stream struct {
	w  io.Writer
	rc *http.ResponseController
}

func (s stream) write(text string) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(streamWrite)) // a recorder in a test has none
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.rc.Flush()
}
