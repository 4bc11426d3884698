package node

import (
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// hearing is the last report of every vantage that this node has heard, itself included.
type hearing struct {
	mu    sync.Mutex
	last  map[string]heard // by member id
	fresh chan struct{}    // a report with a new opinion came in
}

type heard struct {
	report policy.Report
	at     time.Time // monotonic
}

func newHearing() *hearing {
	return &hearing{last: map[string]heard{}, fresh: make(chan struct{}, 1)}
}

// take notes a report, unless a later one of the same process is there.
func (h *hearing) take(r policy.Report) {
	if r.Vantage == "" {
		return // a node that has not joined yet has no voice
	}
	h.mu.Lock()
	old, ok := h.last[r.Vantage]
	if ok && old.report.Boot == r.Boot && old.report.Seq >= r.Seq {
		h.mu.Unlock()
		return
	}
	h.last[r.Vantage] = heard{r, time.Now()}
	h.mu.Unlock()
	if ok && sameOpinions(old.report, r) {
		return // nothing to judge anew; the judge's own tick sees to ages
	}
	select {
	case h.fresh <- struct{}{}:
	default:
	}
}

func sameOpinions(a, b policy.Report) bool {
	if a.Abstaining != b.Abstaining || len(a.Opinions) != len(b.Opinions) {
		return false
	}
	for i := range a.Opinions {
		x, y := &a.Opinions[i], &b.Opinions[i]
		if x.Check != y.Check || x.Revision != y.Revision || x.Status != y.Status {
			return false
		}
	}
	return true
}

// all lists what was heard, with ages; labels come from the members of the state.
func (h *hearing) all(s *policy.State) []health.Heard {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]health.Heard, 0, len(h.last))
	for id, v := range h.last {
		m, _ := s.Members.Get(id)
		list = append(list, health.Heard{Vantage: id, Node: m.Node, Age: policy.Duration(time.Since(v.at)), Report: v.report})
	}
	return list
}

// assigned is every member: each node is a vantage that should vote.
func assigned(s *policy.State) []health.Assigned {
	var list []health.Assigned
	for id, m := range s.Members.All {
		list = append(list, health.Assigned{ID: id, Label: m.Node})
	}
	return list
}

// within keeps the assigned vantages that were heard lately.
func within(list []health.Assigned, voices []health.Heard) []health.Assigned {
	var kept []health.Assigned
	for _, a := range list {
		for _, v := range voices {
			if v.Vantage == a.ID && v.Age <= health.DefaultFreshFor {
				kept = append(kept, a)
			}
		}
	}
	return kept
}

// checkCache keeps the list of checks for as long as the configuration stands.
type checkCache struct {
	mu       sync.Mutex
	revision uint64
	epoch    uint64
	list     []policy.Check
}

func (c *checkCache) of(s *policy.State) []policy.Check {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil || c.revision != s.ConfigRevision || c.epoch != s.Epoch {
		c.list, c.revision, c.epoch = s.Checks(), s.ConfigRevision, s.Epoch
	}
	return c.list
}
