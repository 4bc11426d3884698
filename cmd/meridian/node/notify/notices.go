package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// condition is whether a part of the world is down, and whom that is about.
type condition struct {
	down              bool
	since             int64
	severity          string
	regions, services []string
	text              string // of what is down
}

// picture is the condition of everything that is checked, by id. What nothing checks is in no picture.
type picture map[string]condition

// look makes the picture of a state.
func look(s *policy.State) picture {
	p := picture{}
	services := map[string][]string{} // by pool
	for _, o := range s.Services.All {
		for pool := range s.PoolsOf(&o.Spec) {
			if !slices.Contains(services[pool], o.Spec.ID()) {
				services[pool] = append(services[pool], o.Spec.ID())
			}
		}
	}
	type count struct {
		all, down int
		since     int64
		services  []string
	}
	inRegion := map[string]*count{}
	for _, o := range s.Pools.All {
		pool := &o.Spec
		total, down, since := 0, 0, int64(0)
		var regions []string
		for i := range pool.Endpoints {
			e := &pool.Endpoints[i]
			h := s.Health(pool, e, nil)
			region := e.RegionOr(pool)
			if region != "" && !slices.Contains(regions, region) {
				regions = append(regions, region)
			}
			total++
			if len(h.Checks) == 0 {
				continue
			}
			isDown := h.Status == policy.Down
			c := condition{down: isDown, since: h.Since, severity: policy.Warning, services: services[pool.Name]}
			if region != "" {
				c.regions = []string{region}
				if inRegion[region] == nil {
					inRegion[region] = &count{}
				}
				r := inRegion[region]
				r.all++
				if isDown {
					r.down++
					r.since = max(r.since, h.Since)
				}
				for _, svc := range services[pool.Name] {
					if !slices.Contains(r.services, svc) {
						r.services = append(r.services, svc)
					}
				}
			}
			if isDown {
				down++
				since = max(since, h.Since)
				if v, ok := s.Telling(pool, e, nil); ok {
					c.text = seen(v)
				}
			}
			p[policy.EndpointID(pool.Name, e.Name)] = c
		}
		if total == 0 {
			continue
		}
		p["pool/"+pool.Name] = condition{
			down: down > 0 && total-down < pool.MinAvailable.Of(total), since: since, severity: policy.Critical, regions: regions, services: services[pool.Name],
			text: fmt.Sprintf("%d of its %d endpoints are down", down, total),
		}
	}
	domains := health.Domains(s, nil)
	for name, r := range inRegion {
		why, ruled := domains["region/"+name]
		c := condition{down: ruled || r.down == r.all, since: r.since, severity: policy.Critical, regions: []string{name}, services: r.services,
			text: fmt.Sprintf("%d of its %d endpoints are down", r.down, r.all)}
		if ruled {
			c.text = why
		}
		p["region/"+name] = c
	}
	for _, o := range s.Services.All {
		c := condition{down: true, severity: policy.Critical, services: []string{o.Spec.ID()}, text: "every pool of it is down"}
		known := false
		for pool := range s.PoolsOf(&o.Spec) {
			one, ok := p["pool/"+pool]
			known = known || ok
			c.down = c.down && one.down
			c.since = max(c.since, one.since)
			for _, r := range one.regions {
				if !slices.Contains(c.regions, r) {
					c.regions = append(c.regions, r)
				}
			}
		}
		if known {
			p["service/"+o.Spec.ID()] = c
		}
	}
	return p
}

// seen is what the vantages that hold a check to be down saw, as one of them put it.
func seen(v policy.Verdict) string {
	agreed, saw := 0, ""
	for _, b := range v.Ballots {
		if b.Absent == "" && b.Status == policy.Down {
			agreed++
			if saw == "" {
				saw = b.Error
			}
		}
	}
	text := fmt.Sprintf("%d of %d vantages", agreed, len(v.Ballots))
	if saw != "" {
		text += ": " + saw
	}
	return text
}

// firing are the notices of all that is down, in order of keys.
func (p picture) firing(s *policy.State) (list []policy.Notice) {
	for key, c := range p {
		if c.down {
			list = append(list, c.notice(s, key))
		}
	}
	slices.SortFunc(list, func(a, b policy.Notice) int { return strings.Compare(a.Key, b.Key) })
	return list
}

func (c condition) notice(s *policy.State, key string) policy.Notice {
	event, name, _ := strings.Cut(key, "/")
	n := policy.Notice{Event: event, What: "down", Firing: true, Severity: c.severity, Key: key, Regions: c.regions, Services: c.services,
		Text: fmt.Sprintf("%s %s is down: %s", event, name, c.text)}
	if !c.down {
		n.What, n.Firing, n.Resolves = "up", false, true
		n.Text = fmt.Sprintf("%s %s is up again", event, name)
	}
	return finish(s, n, c.since)
}

// finish gives a notice its time and its id, which goes by what happened and when, whoever tells it.
func finish(s *policy.State, n policy.Notice, at int64) policy.Notice {
	if at == 0 {
		at = s.Clock
	}
	n.At, n.Index = time.Unix(0, at).UTC(), s.Index
	h := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %d", s.Cluster.ID, n.Key, n.What, at))
	n.ID = hex.EncodeToString(h[:12])
	return n
}

// differences are the notices of what differs between two states that were applied one after the other.
func differences(old, next *policy.State, was, is picture) (list []policy.Notice) {
	for key, c := range is {
		if before, ok := was[key]; c.down != before.down && (ok || c.down) {
			list = append(list, c.notice(next, key))
		}
	}
	for key, before := range was {
		if _, ok := is[key]; !ok && before.down { // nothing tells of it any more
			before.down, before.since = false, 0
			n := before.notice(next, key)
			n.Text = strings.Replace(n.Text, "is up again", "is no longer there", 1)
			list = append(list, n)
		}
	}
	slices.SortFunc(list, func(a, b policy.Notice) int { return strings.Compare(a.Key, b.Key) })
	add := func(event, what, key, severity, text string, at int64) {
		list = append(list, finish(next, policy.Notice{Event: event, What: what, Severity: severity, Key: key, Text: text}, at))
	}
	for id, c := range next.Controls.All {
		before, ok := old.Controls.Get(id)
		switch {
		case c.Phase == policy.Refused && before.Phase != policy.Refused:
			add("safety", "refused", "control/"+id, policy.Warning, fmt.Sprintf("the planned %s of %s is refused: %s", c.Action, c.Target, c.Problem), 0)
		case c.Phase == policy.Paused && before.Phase != policy.Paused && ok, c.Phase == policy.Returning && c.Problem != "" && before.Phase != policy.Returning:
			what, word := "paused", "paused"
			if c.Phase == policy.Returning {
				what, word = "returning", "turned back"
			}
			add("control", what, "control/"+id, policy.Warning, fmt.Sprintf("the %s of %s is %s, and keeps %d %%: %s", c.Action, c.Target, word, c.Kept(), c.Problem), 0)
		case !ok:
			add("control", "put", "control/"+id, policy.Info, fmt.Sprintf("%s of %s by %s: %s", c.Action, c.Target, c.Actor, c.Reason), c.CreatedAt)
		}
	}
	for id, c := range old.Controls.All {
		if next.Controls.Has(id) {
			continue
		}
		what := "lifted"
		if c.ExpiresAt != 0 && c.ExpiresAt <= next.Clock {
			what = "expired"
		}
		add("control", what, "control/"+id, policy.Info, fmt.Sprintf("%s of %s is %s", c.Action, c.Target, what), 0)
	}
	next.RequestLog.From(fmt.Sprintf("%016x", old.Index+1), func(_ string, request string) bool {
		if o, ok := next.Requests.Get(request); ok && o.Refused != nil && o.Refused.Kind == policy.Unsafe {
			add("safety", "refused", fmt.Sprintf("refusal/%d", o.Index), policy.Warning, "a change is refused: "+o.Refused.Message, int64(o.Index))
			list[len(list)-1].At = time.Unix(0, next.Clock).UTC()
		}
		return true
	})
	for id, r := range next.Drills.All {
		before, known := old.Drills.Get(id)
		text := fmt.Sprintf("the drill %s (%s)", id, r.Plan.Name)
		switch {
		case r.Practice:
		case r.Over() && !(known && before.Over()):
			severity := policy.Info
			if r.Phase != policy.DrillDone {
				severity = policy.Warning
				text += fmt.Sprintf(" is %s (%s): %s", r.Phase, r.Code, r.Problem)
			} else {
				text += " is done"
			}
			add("drill", r.Phase, "drill/"+id, severity, text, r.EndedAt)
		case !known:
			add("drill", "put", "drill/"+id, policy.Info, fmt.Sprintf("%s is started by %s", text, r.Actor), r.CreatedAt)
		}
	}
	if old.ConfigRevision != next.ConfigRevision {
		add("config", "changed", "config", policy.Info, fmt.Sprintf("the configuration is at revision %d", next.ConfigRevision), 0)
	}
	for id, m := range next.Members.All {
		if !old.Members.Has(id) {
			add("member", "joined", "member/"+m.Node, policy.Info, fmt.Sprintf("%s has joined", m.Node), 0)
		}
	}
	for id, m := range old.Members.All {
		if !next.Members.Has(id) {
			n := policy.Notice{Event: "member", What: "removed", Resolves: true, Severity: policy.Critical, Key: "member/" + m.Node, Text: m.Node + " was removed"}
			list = append(list, finish(next, n, 0))
		}
	}
	return list
}
