package snapshot

import (
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/steer"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// answers are what a pool's endpoints answer with. Those of prev are taken over
// while the state holds the very same list, unless zones have part in them.
func (s *Snapshot) answers(prev *Snapshot, pool *policy.Pool) []steer.Answers {
	fixed := true
	for i := range pool.Endpoints {
		fixed = fixed && !pool.Endpoints[i].Flattens()
	}
	if old := prev.pool(pool.Name); old != nil && fixed {
		was, ok := prev.State.Pools.Get(pool.Name)
		if n := len(pool.Endpoints); ok && n > 0 && n == len(was.Spec.Endpoints) && &was.Spec.Endpoints[0] == &pool.Endpoints[0] {
			return old.Answers
		}
	}
	list := make([]steer.Answers, len(pool.Endpoints))
	for i := range list {
		list[i] = endpointAnswers(s.State, &pool.Endpoints[i])
	}
	return list
}

func endpointAnswers(s *policy.State, e *policy.Endpoint) steer.Answers {
	if e.Alias() {
		return steer.Answers{CNAME: e.Hostname}
	}
	var a steer.Answers
	addresses := [2]policy.RRset{e.AddressSet(policy.IPv4), e.AddressSet(policy.IPv6)}
	if e.Flattens() {
		addresses, _ = s.Flatten(e.Hostname) // without any, the endpoint is no candidate; Warnings says why
	}
	for _, set := range addresses {
		if len(set.Data) > 0 {
			a.Sets = append(a.Sets, set)
		}
	}
	records, _ := zonefile.Records(e) // checked where they came in; Warnings tells of what this version cannot read
	a.Sets = append(a.Sets, records...)
	return a
}
