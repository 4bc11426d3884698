package snapshot

import (
	"slices"
	"strings"
)

// Handed calls yield for each endpoint that the service may hand out to some
// client, with the largest TTL in seconds that it may hand out with it. All
// kinds of answers count, flattened names and CNAMEs too; where the name stands
// in a response makes no difference, because glue of static records carries the TTL decided here.
func (svc *Service) Handed(yield func(endpoint string, ttl uint32)) {
	for endpoint, ttl := range svc.handed() {
		yield(endpoint, ttl)
	}
}

func (svc *Service) handed() map[string]uint32 {
	most := make([]uint32, len(svc.Sets)) // TTL+1 of each set that some class gets
	for k := range svc.classes {
		for i := range svc.classes[k] {
			o := &svc.classes[k][i]
			for _, set := range o.sets {
				most[set] = max(most[set], min(o.ttl, svc.Sets[set].TTL)+1)
			}
			for _, c := range o.draw {
				if c.set >= 0 {
					most[c.set] = max(most[c.set], min(o.ttl, svc.Sets[c.set].TTL)+1)
				}
			}
		}
	}
	found := map[string]uint32{}
	for i, m := range most {
		if m == 0 {
			continue
		}
		for _, e := range svc.Sets[i].Endpoints {
			if ttl, ok := found[e]; !ok || m-1 > ttl {
				found[e] = m - 1
			}
		}
	}
	return found
}

// Departure is an endpoint that one snapshot hands out for a service, and the
// next one does not, or with a lower TTL.
type Departure struct {
	Service  string // "www.example.com"
	Endpoint string // "endpoint/web/a"
	TTL      uint32 // the largest it was handed out with
	Stays    bool   // it is still handed out, with a lower TTL
	At       int32  // the service, in the earlier snapshot
}

// Left lists what left the answers from prev to s. It looks at no service that
// both have the very same of.
func (s *Snapshot) Left(prev *Snapshot) (list []Departure) {
	compare := func(i int32, old, svc *Service) {
		if old == svc {
			return
		}
		var now map[string]uint32
		if svc != nil {
			now = svc.handed()
		}
		for endpoint, ttl := range old.handed() {
			left, stays := now[endpoint]
			if !stays || left < ttl {
				list = append(list, Departure{Service: old.ID, Endpoint: endpoint, TTL: ttl, Stays: stays, At: i})
			}
		}
	}
	if prev.index == s.index { // the same services in the same places
		for _, i := range s.Services.Unshared(&prev.Services) {
			compare(i, prev.Services.At(i), s.Services.At(i))
		}
		return list
	}
	for i, old := range prev.Services.All() {
		compare(int32(i), old, s.serviceByID(old.ID))
	}
	return list
}

// Serving calls yield for each service that hands out some of the endpoints now, with the largest TTL.
func (s *Snapshot) Serving(endpoints map[string]bool, yield func(at int32, service, endpoint string, ttl uint32)) {
	var users []int32
	pools := map[string]bool{}
	for id := range endpoints {
		pool, _, _ := strings.Cut(strings.TrimPrefix(id, "endpoint/"), "/")
		if at, ok := s.index.pools[pool]; ok && !pools[pool] {
			pools[pool] = true
			users = append(users, s.index.users[at]...)
		}
	}
	slices.Sort(users)
	for _, i := range slices.Compact(users) {
		svc := s.Services.At(i)
		for endpoint, ttl := range svc.handed() {
			if endpoints[endpoint] {
				yield(i, svc.ID, endpoint, ttl)
			}
		}
	}
}

// Islanded says whether this node alone holds an endpoint to be down.
func (s *Snapshot) Islanded(pool, endpoint string) bool {
	for check := range s.local.Down {
		if id, _, _ := strings.Cut(check, "@"); id == pool+"/"+endpoint {
			return true
		}
	}
	return false
}
