package answer

import (
	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
)

// steered answers what the service at the name decides, if it decides about
// the type asked for: addresses, or the CNAME of an endpoint that is a host name. ANY
// gets the addresses of one family.
func (r *Responder) steered(p *place, name wire.Ref) (target []byte, off int, done bool) {
	service := r.view.services[p.owner.Service-1]
	family := policy.IPv4
	if r.q.Type == policy.TypeAAAA || r.q.Type == policy.TypeANY && !service.service.Has(policy.IPv4) {
		family = policy.IPv6
	}
	switch r.q.Type {
	case policy.TypeA, policy.TypeAAAA, policy.TypeANY, policy.TypeCNAME:
	default:
		return nil, 0, false
	}
	if !service.service.Has(family) {
		return nil, 0, false
	}
	r.asked.Service, r.asked.Family = p.owner.Service-1, family
	d := r.view.snapshot.Decide(r.asked)
	if d.Set < 0 {
		return nil, 0, false // no data, which static data of the type cannot contradict
	}
	set := &service.sets[d.Set]
	if set.cname == nil && r.q.Type == policy.TypeCNAME {
		return nil, 0, false
	}
	r.scope = max(r.scope, d.Scope)
	if set.cname != nil {
		target, off = r.alias(name, d.TTL, set.cname)
		return target, off, true
	}
	if name.Off > 0 {
		r.required(r.b.Packed(name, d.TTL, set.records, set.stride))
	} else {
		r.required(r.b.RRset(wire.Answer, name, set.typ, d.TTL, set.data))
	}
	return nil, 0, true
}
