package answer

import (
	"slices"
	"sync/atomic"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// View is everything a query needs: a snapshot, and the answers of its
// services packed as records. It never changes.
type View struct {
	snapshot *snapshot.Snapshot
	services snapshot.List[*packed] // as Snapshot.Services
}

// packed is the answers of one service.
type packed struct {
	service *snapshot.Service
	sets    []packedSet
}

// packedSet is a snapshot.AnswerSet as records, or else a CNAME's target.
type packedSet struct {
	records []byte // addresses only: what is written as it is
	stride  int
	typ     uint16
	data    [][]byte
	cname   []byte
	last    atomic.Int64 // about when it was given last, by Request.Mono; 0 never
}

// lastEvery is how exactly it is known when a set was given last, in
// nanoseconds: between two notes of it all workers share its cache line unchanged.
const lastEvery = 1e6

// given notes that the set is given now.
func (s *packedSet) given(now int64) {
	if now-s.last.Load() > lastEvery {
		s.last.Store(now)
	}
}

// NewView packs a snapshot. What was packed for prev (which may be nil) is
// used again where the service is the very same.
func NewView(prev *View, s *snapshot.Snapshot) *View {
	v := &View{snapshot: s}
	if prev == nil {
		v.services = snapshot.NewList(s.Services.Len(), func(i int32) *packed { return pack(s.Services.At(i)) })
		return v
	}
	if prev.services.Len() == s.Services.Len() {
		again := func(i int32) *packed {
			if p := prev.services.At(i); p.service == s.Services.At(i) {
				return p
			}
			return pack(s.Services.At(i))
		}
		v.services = prev.services.With(s.Services.Unshared(&prev.snapshot.Services), again)
		return v
	}
	kept := make(map[*snapshot.Service]*packed, prev.services.Len())
	for _, p := range prev.services.All() {
		kept[p.service] = p
	}
	v.services = snapshot.NewList(s.Services.Len(), func(i int32) *packed {
		if p := kept[s.Services.At(i)]; p != nil {
			return p
		}
		return pack(s.Services.At(i))
	})
	return v
}

func pack(service *snapshot.Service) *packed {
	p := &packed{service: service, sets: make([]packedSet, len(service.Sets))}
	for i, set := range service.Sets {
		out := &p.sets[i]
		if set.CNAME != "" {
			out.cname = []byte(set.CNAME)
			continue
		}
		out.typ, out.data = set.Type, set.Data
		if set.Type == policy.TypeA || set.Type == policy.TypeAAAA {
			out.records, out.stride = wire.Pack(set.Type, set.Data)
		}
	}
	return p
}

// Snapshot is what the view was made of.
func (v *View) Snapshot() *snapshot.Snapshot { return v.snapshot }

// Position orders views: a later one never gives way to an earlier one.
func (v *View) Position() policy.Position { return v.snapshot.Position }

// MaxTTL is the largest TTL, in seconds, that this view hands out for answers
// of a region, 0 if it has none. After the last worker has left the view, a
// resolver may use such an answer for that long, and up to a second more.
// It goes through all services.
func (v *View) MaxTTL(region string) (ttl uint32) {
	for _, p := range v.services.All() {
		for i := range p.service.Sets {
			if set := &p.service.Sets[i]; set.TTL > ttl && slices.Contains(set.Regions, region) {
				ttl = set.TTL
			}
		}
	}
	return ttl
}

// LastGiven calls yield for the endpoints in the answers of a service that the
// view, or one before it with the very same answers, has given, with when that
// was last, by Request.Mono, to about a millisecond.
func (v *View) LastGiven(service int32, yield func(endpoint string, at int64)) {
	p := v.services.At(service)
	for i := range p.sets {
		if at := p.sets[i].last.Load(); at != 0 {
			for _, e := range p.service.Sets[i].Endpoints {
				yield(e, at)
			}
		}
	}
}
