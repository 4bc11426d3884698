package node

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// hearing is the last report of every vantage that this node has heard, itself included.
type hearing struct {
	mu    sync.Mutex
	last  map[string]*heard // by member id
	fresh chan struct{}     // a report with a new opinion came in
}

type heard struct {
	report policy.Report // as it came
	at     time.Time     // monotonic

	// opinions are the report's, in order of the checks of list: made when they
	// are asked for, and anew when the checks have changed.
	list     *checkList
	opinions []policy.Opinion
}

func newHearing() *hearing {
	return &hearing{last: map[string]*heard{}, fresh: make(chan struct{}, 1)}
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
	h.last[r.Vantage] = &heard{report: r, at: time.Now()}
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
		if x.Key != y.Key || x.Status != y.Status {
			return false
		}
	}
	return true
}

// all lists what was heard on the checks of a list, with ages; labels come from the members of the state.
func (h *hearing) all(s *policy.State, checks *checkList) []health.Heard {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := make([]health.Heard, 0, len(h.last))
	var ignored []string
	if s.Drills.Len() > 0 {
		ignored = s.IgnoredVantages(time.Now().UnixNano())
	}
	for id, v := range h.last {
		m, ok := s.Members.Get(id)
		if !ok { // removed, or not known here yet: then its next report comes in a moment
			delete(h.last, id)
			continue
		}
		if slices.Contains(ignored, m.Node) { // a drill feigns that it is not heard
			continue
		}
		if v.list != checks {
			v.list, v.opinions = checks, checks.align(v.report.Opinions)
		}
		list = append(list, health.Heard{
			Vantage: id, Node: m.Node, Age: policy.Duration(time.Since(v.at)), Abstaining: v.report.Abstaining, Opinions: v.opinions,
		})
	}
	return list
}

// ages says how long ago each vantage was heard, by member id.
func (h *hearing) ages() map[string]policy.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	ages := make(map[string]policy.Duration, len(h.last))
	for id, v := range h.last {
		ages[id] = policy.Duration(time.Since(v.at))
	}
	return ages
}

// lately says which of the assigned vantages were heard lately, by their places.
func lately(list []health.Assigned, voices []health.Heard) []bool {
	heard := make([]bool, len(list))
	for i, a := range list {
		for _, v := range voices {
			heard[i] = heard[i] || v.Vantage == a.ID && v.Age <= health.DefaultFreshFor
		}
	}
	return heard
}

// checkList is the checks of one configuration, in order of their ids, and where each is.
type checkList struct {
	checks []policy.Check
	index  map[uint64]int   // by Check.Key
	of     map[string][]int // by endpoint id: the places of its checks

	ranged    []bool // by check: a service with a range of TTLs rests on it
	anyRanged bool

	vantages []health.Assigned
	assigned [][]int32 // by check: those of the vantages that probe it; nil: all
}

func listOf(s *policy.State) *checkList {
	checks := s.Checks()
	l := &checkList{checks: checks, index: make(map[uint64]int, len(checks)), of: make(map[string][]int, len(checks))}
	for i := range checks {
		l.of[checks[i].Endpoint] = append(l.of[checks[i].Endpoint], i)
		l.index[checks[i].Key] = i
	}
	l.ranged, l.anyRanged = ranged(s, checks)
	l.vantages = health.Vantages(s)
	l.assigned = health.Assign(s, checks, l.vantages)
	return l
}

// ranged says which checks a service with a range of TTLs rests on.
func ranged(s *policy.State, checks []policy.Check) (of []bool, any bool) {
	pools := map[string]bool{}
	for _, o := range s.Services.All {
		if !o.Spec.TTLRange().Fixed() {
			for name := range s.PoolsOf(&o.Spec) {
				pools[name] = true
			}
		}
	}
	of = make([]bool, len(checks))
	for i := range checks {
		pool, _, _ := strings.Cut(checks[i].ID, "/")
		of[i] = pools[pool]
	}
	return of, len(pools) > 0
}

// rule is how the opinions of the assigned vantages become verdicts.
func (l *checkList) rule(reachable bool) health.Rule {
	return health.Rule{Assigned: l.vantages, Of: l.assigned, Reachable: reachable}
}

// mine lists the checks that a vantage is assigned to.
func (l *checkList) mine(id string) []policy.Check {
	me := int32(slices.IndexFunc(l.vantages, func(a health.Assigned) bool { return a.ID == id }))
	var list []policy.Check
	for i := range l.checks {
		if who := l.assigned[i]; who == nil || slices.Contains(who, me) {
			list = append(list, l.checks[i])
		}
	}
	return list
}

// align puts opinions in order of the checks. What is of no check of the list, or
// of another revision of it, is left out.
func (l *checkList) align(opinions []policy.Opinion) []policy.Opinion {
	aligned := make([]policy.Opinion, len(l.checks))
	for i := range opinions {
		o := &opinions[i]
		at := i // of the same configuration: nothing has to be looked up
		if i >= len(aligned) || l.checks[i].Key != o.Key {
			var ok bool
			if at, ok = l.index[o.Key]; !ok {
				continue
			}
		}
		aligned[at] = *o
	}
	return aligned
}

// find is where a check is in the list, or -1.
func (l *checkList) find(id string) int {
	i, ok := slices.BinarySearchFunc(l.checks, id, func(c policy.Check, id string) int { return strings.Compare(c.ID, id) })
	if !ok {
		return -1
	}
	return i
}

// get is a check, or nil.
func (l *checkList) get(id string) *policy.Check {
	if at := l.find(id); at >= 0 {
		return &l.checks[at]
	}
	return nil
}

// checkCache keeps the list of checks for as long as the configuration and the members stand.
type checkCache struct {
	mu       sync.Mutex
	revision uint64
	epoch    uint64
	members  uint64
	list     *checkList
}

func (c *checkCache) of(s *policy.State) *checkList {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.list == nil || c.revision != s.ConfigRevision || c.epoch != s.Epoch || c.members != s.Members.Sum() {
		c.list, c.revision, c.epoch, c.members = listOf(s), s.ConfigRevision, s.Epoch, s.Members.Sum()
	}
	return c.list
}
