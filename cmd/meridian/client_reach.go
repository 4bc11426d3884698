package main

import (
	"fmt"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// reach is what of the configuration a target covers, and who is answered by it.
type reach struct {
	target    string
	endpoints []string // POOL/ENDPOINT
	pools     []string // that have one of them
	services  []string // that use one of those
}

// reachOf finds what a target covers.
func reachOf(cfg *policy.Config, target string) (r reach, err error) {
	t, err := policy.ParseTarget(target)
	if err != nil {
		return r, err
	}
	if t.Kind == "service" {
		return reachOfService(cfg, target, t.Name), nil
	}
	return reachWhere(cfg, target, t.Covers), nil
}

// reachOfService is what one service uses, and no other service.
func reachOfService(cfg *policy.Config, target, id string) reach {
	used := map[string]bool{}
	for i := range cfg.Services {
		if s := &cfg.Services[i]; s.ID() == id {
			for pool := range cfg.PoolsOf(s) {
				used[pool] = true
			}
		}
	}
	r := reachWhere(cfg, target, func(_ *policy.Region, p *policy.Pool, _ *policy.Endpoint) bool { return used[p.Name] })
	if r.services = nil; len(used) > 0 {
		r.services = []string{id}
	}
	return r
}

// reachWhere finds the endpoints that a condition holds for.
func reachWhere(cfg *policy.Config, target string, covers func(*policy.Region, *policy.Pool, *policy.Endpoint) bool) reach {
	r := reach{target: target}
	regions, pools := map[string]*policy.Region{}, map[string]bool{}
	for i := range cfg.Regions {
		regions[cfg.Regions[i].Name] = &cfg.Regions[i]
	}
	for i := range cfg.Pools {
		p := &cfg.Pools[i]
		for j := range p.Endpoints {
			e := &p.Endpoints[j]
			if !covers(regions[e.RegionOr(p)], p, e) {
				continue
			}
			r.endpoints = append(r.endpoints, p.Name+"/"+e.Name)
			if !pools[p.Name] {
				pools[p.Name] = true
				r.pools = append(r.pools, p.Name)
			}
		}
	}
	for i := range cfg.Services {
		s := &cfg.Services[i]
		for pool := range cfg.PoolsOf(s) {
			if pools[pool] {
				r.services = append(r.services, s.ID())
				break
			}
		}
	}
	return r
}

// String says it in a sentence without its end.
func (r reach) String() string {
	if len(r.endpoints) == 0 {
		return r.target + " covers no endpoint"
	}
	text := fmt.Sprintf("%s covers %s (%s) of %s", r.target, count(len(r.endpoints), "endpoint"), some(r.endpoints), count(len(r.pools), "pool"))
	if len(r.services) == 0 {
		return text + ", which no service uses"
	}
	return text + ", used by " + some(r.services)
}

// covers says whether a target covers an endpoint of this reach.
func (r reach) covers(endpoint string) bool {
	for _, e := range r.endpoints {
		if e == strings.TrimPrefix(endpoint, "endpoint/") {
			return true
		}
	}
	return false
}
