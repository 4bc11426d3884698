package answer

import (
	"slices"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// View is everything a query needs: a snapshot, and the answers of its
// services packed as records. It never changes.
type View struct {
	snapshot *snapshot.Snapshot
	services []*packed // as Snapshot.Services
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
}

// NewView packs a snapshot. What was packed for prev (which may be nil) is
// used again where the service is the very same.
func NewView(prev *View, s *snapshot.Snapshot) *View {
	v := &View{snapshot: s, services: make([]*packed, len(s.Services))}
	var kept map[*snapshot.Service]*packed // of prev, once a service has moved
	for i, service := range s.Services {
		switch {
		case prev != nil && i < len(prev.services) && prev.services[i].service == service:
			v.services[i] = prev.services[i]
			continue
		case prev != nil && len(prev.services) != len(s.Services) && kept == nil:
			kept = make(map[*snapshot.Service]*packed, len(prev.services))
			for _, p := range prev.services {
				kept[p.service] = p
			}
		}
		if v.services[i] = kept[service]; v.services[i] == nil {
			v.services[i] = pack(service)
		}
	}
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
	for _, p := range v.services {
		for i := range p.service.Sets {
			if set := &p.service.Sets[i]; set.TTL > ttl && slices.Contains(set.Regions, region) {
				ttl = set.TTL
			}
		}
	}
	return ttl
}
