package node

import (
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// causeOf says why an endpoint left the answers of a service: a control that
// has come in force, or else its own health, or what was declared, or else that others are preferred now.
func causeOf(old, next *snapshot.Snapshot, d snapshot.Departure) (cause, by string, decided int64) {
	was, is := old.State, next.State
	pool, name, _ := strings.Cut(strings.TrimPrefix(d.Endpoint, "endpoint/"), "/")
	o, ok := is.Pools.Get(pool)
	e := find(&o.Spec, name)
	svc, there := is.Services.Get(d.Service)
	if !ok || e == nil || !there {
		return policy.LeftConfiguration, "", is.Clock
	}
	var newest policy.Control
	for id, c := range is.Controls.All {
		if c.Phase != policy.InForce || c.Action == policy.ForceUp || c.CreatedAt < newest.CreatedAt {
			continue
		}
		if before, known := was.Controls.Get(id); known && before.Phase == policy.InForce {
			continue
		}
		if t, err := policy.ParseTarget(c.Target); err == nil && t.Covers(is.Region(e.RegionOr(&o.Spec)), &o.Spec, e) {
			newest = c
		}
	}
	if newest.ID != "" {
		return string(newest.Action), "control/" + newest.ID, max(newest.CreatedAt, newest.StartsAt)
	}
	before, _, _ := old.Effective(pool, name)
	now, _, _ := next.Effective(pool, name)
	if now != before && now != policy.Up {
		if next.Islanded(pool, name) && !old.Islanded(pool, name) {
			return policy.LeftIsland, "", 0
		}
		if v, ok := is.Telling(&o.Spec, e, nil); ok && v.Since > 0 {
			return policy.LeftVerdict, "check/" + v.Check, v.Since
		}
		return policy.LeftVerdict, "", is.Clock
	}
	oldPool, _ := was.Pools.Get(pool)
	oldService, _ := was.Services.Get(d.Service)
	if oldPool.Rev != o.Rev || oldService.Rev != svc.Rev {
		return policy.LeftConfiguration, "", is.Clock
	}
	return policy.LeftSteering, "", is.Clock
}

func find(p *policy.Pool, name string) *policy.Endpoint {
	for i := range p.Endpoints {
		if p.Endpoints[i].Name == name {
			return &p.Endpoints[i]
		}
	}
	return nil
}
