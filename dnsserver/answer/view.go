package answer

import (
	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// View is everything a query needs: a snapshot, and the answers of its
// services packed as records. It never changes.
type View struct {
	snapshot *snapshot.Snapshot
	services []*packed // as Snapshot.Services
	maxTTL   map[string]uint32
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
	v := &View{snapshot: s, services: make([]*packed, len(s.Services)), maxTTL: map[string]uint32{}}
	kept := map[*snapshot.Service]*packed{}
	if prev != nil {
		for _, p := range prev.services {
			kept[p.service] = p
		}
	}
	for i, service := range s.Services {
		p := kept[service]
		if p == nil {
			p = pack(service)
		}
		v.services[i] = p
		for _, set := range service.Sets {
			if ttl, ok := v.maxTTL[set.Region]; !ok || set.TTL > ttl {
				v.maxTTL[set.Region] = set.TTL
			}
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
func (v *View) MaxTTL(region string) uint32 { return v.maxTTL[region] }
