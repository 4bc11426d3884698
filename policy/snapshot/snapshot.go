// Package snapshot compiles a policy.State into what DNS queries need: zones
// with the steered names laid over them, and for each service, client class
// and kind of answer a finished distribution. A Snapshot never changes;
// Decide is a pure function of it and allocates nothing.
package snapshot

import (
	"net/netip"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/steer"
)

// Snapshot is a State compiled for queries.
type Snapshot struct {
	Position policy.Position
	State    *policy.State
	Services List[*Service] // by Owner.Service - 1

	zones  map[string]*Zone // by Name.Key
	geo    *geo.Table
	local  Local
	census *census // of geo
	rtt    *latencies
	// domains are the failure domains that count as down, as targets, with why.
	domains map[string]string
	// What the next compilation takes over as it is:
	pools    List[*steer.Pool]
	index    *index
	maps     map[string]*geography // by the places asked for
	folds    bool                  // there are many geographies, and they are folded
	borrowed bool                  // maps is the one of the compilation before
}

// Zone is a zone with its steered names laid over it.
type Zone struct {
	Name        policy.Name
	Owners      *policy.Tree[*policy.Owner] // by Name.Key; Owner.Service is set on steered names
	Apex        *policy.Owner
	SOA         *policy.RRset
	NegativeTTL uint32 // of the SOA in a negative answer (RFC 2308 section 3)

	static   *policy.Zone
	overlaid []overlay // the steered names laid over static
}

// Effective is the status that an endpoint of a pool is answered by, its drains
// aside, and why when that is not its verdicts alone: its failure domain, its
// pool's panic, or that the node judges by itself. Not ok: the snapshot has no such endpoint.
func (s *Snapshot) Effective(pool, endpoint string) (status policy.Status, why string, ok bool) {
	p := s.pool(pool)
	if p == nil {
		return 0, "", false
	}
	id := policy.EndpointID(pool, endpoint)
	for i := range p.Members {
		if m := &p.Members[i]; m.ID == id {
			if why = m.Why; p.Panic != "" {
				why = p.Panic
			}
			return m.Status, why, true
		}
	}
	return 0, "", false
}

// Zone is the zone whose apex has exactly this sort key, or nil. It does not allocate.
func (s *Snapshot) Zone(key []byte) *Zone { return s.zones[string(key)] }

// Service is a compiled service.
type Service struct {
	ID   string
	TTL  uint32      // the most
	Sets []AnswerSet // the variants; Decision.Set is an index into them

	minTTL   uint32
	spec     policy.Object[policy.Service]
	tree     *steer.Tree
	geo      *geography
	sticky   *policy.Sticky                // with its defaults; nil: a draw for each query
	measured bool                          // round-trip times have a part in it
	aliases  bool                          // some endpoint is answered as a CNAME
	classes  [policy.AnswerKinds][]outcome // by class
}

// Kind is the kind of answer that decides about queries of a type: the type's own
// where any endpoint has it. Otherwise it is that of addresses where some
// endpoint is answered as a CNAME, which answers every type for who gets it, and
// for ANY the first kind there is. Not ok: the service has no part in the type.
func (s *Service) Kind(typ uint16) (k policy.AnswerKind, ok bool) {
	if k, ok := policy.AnswerKindOf(typ); ok && s.tree.Serves[k] {
		return k, true
	}
	if typ != policy.TypeANY && !s.aliases {
		return 0, false
	}
	for k := range policy.AnswerKinds {
		if s.tree.Serves[k] {
			return k, true
		}
	}
	return 0, false
}

// Spec is the service as declared.
func (s *Service) Spec() *policy.Service { return &s.spec.Spec }

// AnswerSet is one of the answers a service may give: records of one type, or a CNAME.
type AnswerSet struct {
	Endpoints []string // "endpoint/web-us-east/a"
	Regions   []string // that they are in
	Type      uint16
	TTL       uint32      // the service's, or what a flattened host name allows if that is less
	Data      [][]byte    // RDATA, in a fixed order
	CNAME     policy.Name // not "": the answer is this, for every type
}

// Query is what a decision depends on, besides the snapshot.
type Query struct {
	Service int32             // index into Snapshot.Services
	Kind    policy.AnswerKind // as Service.Kind gives it for the type asked for
	Client  netip.Addr        // EDNS Client Subnet's address if usable, else the resolver's
	Bits    int               // how many bits of Client are known: ECS SOURCE, else 32 or 128
	Rand    uint64            // uniformly random: picks from the distribution
}

// Decision is which answer set to give and what to say about it.
type Decision struct {
	Set   int32  // index into Service.Sets; -1: no data
	TTL   uint32 // seconds
	Scope uint8  // of RFC 7871, in bits of Query.Client's family: the widest prefix with one class
}
