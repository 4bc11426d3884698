package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/document"
	"github.com/meridian-gtm/meridian/web/api"
)

// signalPut is an api.SignalPut in our nouns.
type signalPut struct {
	Status policy.Status   `json:"status"`
	MaxAge policy.Duration `json:"maxAge"`
	Reason string          `json:"reason"`
}

func (s *server) ListSignals(c *gin.Context) {
	state, now := s.cfg.Node.State(), s.cfg.Now()
	list := api.SignalList{Items: make([]api.Signal, 0, state.Signals.Len())}
	for _, v := range state.Signals.All {
		list.Items = append(list.Items, renderSignal(v, now))
	}
	c.Header("X-Index", strconv.FormatUint(state.Index, 10))
	s.render(c, http.StatusOK, list)
}

func (s *server) GetSignal(c *gin.Context, _ string) {
	state, name := s.cfg.Node.State(), c.Param("name")
	v, ok := state.Signals.Get(name)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no signal %q; it was never given, or was deleted", name))
		return
	}
	c.Header("X-Index", strconv.FormatUint(state.Index, 10))
	s.render(c, http.StatusOK, renderSignal(v, s.cfg.Now()))
}

func (s *server) PutSignal(c *gin.Context, _ string, params api.PutSignalParams) {
	var in signalPut
	data, err := readJSON(c, maxSmall, &in)
	name := c.Param("name")
	if wrong := policy.CheckLabel(name); err == nil && wrong != nil {
		err = policy.Errorf(policy.Invalid, "%v", wrong)
	}
	var ch change.Change
	if err == nil {
		ch, err = s.envelope(c, "", params.IdempotencyKey, sum(data))
	}
	var out policy.Outcome
	if err == nil {
		ch.Reason, ch.Body = strings.TrimSpace(in.Reason), change.PutSignal{Name: name, Status: in.Status, MaxAge: in.MaxAge}
		out, err = s.try(c, ch, 0)
	}
	if err != nil {
		s.refuse(c, document.Locate(data, "", err))
		return
	}
	w := s.settle(c, out)
	v, ok := s.cfg.Node.State().Signals.Get(name)
	if !ok {
		s.refuse(c, policy.Errorf(policy.Conflict, "the signal %s was given at index %d and has been deleted since", name, out.Index))
		return
	}
	s.render(c, http.StatusOK, api.SignalWritten{
		Revision: w.Revision, Index: w.Index, Warnings: w.Warnings, Nodes: w.Nodes, Unpublished: w.Unpublished, Replayed: w.Replayed,
		StaleAt: time.Unix(0, v.Due()).UTC(),
	})
}

func (s *server) DeleteSignal(c *gin.Context, _ string, params api.DeleteSignalParams) {
	ch, err := s.envelope(c, "", params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.DeleteSignal{Name: c.Param("name")}
	s.put(c, http.StatusOK, ch, 0)
}

func renderSignal(v policy.Signal, now time.Time) api.Signal {
	return api.Signal{
		Name: v.Name, Status: api.SignalStatus(v.Status.String()), Reason: v.Reason, Actor: v.Actor, At: time.Unix(0, v.At).UTC(),
		MaxAge: v.MaxAge.String(), StaleAt: time.Unix(0, v.Due()).UTC(), Stale: v.Stale || now.UnixNano() >= v.Due(), Age: age(v.At, now),
	}
}
