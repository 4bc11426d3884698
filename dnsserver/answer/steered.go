package answer

import (
	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
)

// decide gives what the service at a place answers a type with, or nil where
// it has no part in it: records of the type, or the CNAME of an endpoint that is
// a host name. ANY gets one RRset. The decision is the same for one client and
// one query, however often it is asked; whoever uses it owns its scope.
func (r *Responder) decide(p *place, typ uint16) (set *packedSet, ttl uint32, scope uint8) {
	service := r.view.services.At(p.owner.Service - 1)
	kind, ok := service.service.Kind(typ)
	if !ok {
		return nil, 0, 0
	}
	r.asked.Service, r.asked.Kind = p.owner.Service-1, kind
	d := r.view.snapshot.Decide(r.asked)
	if d.Set < 0 {
		r.withheld = max(r.withheld, d.Scope)
		return nil, 0, 0 // no data, which static data of the type cannot contradict
	}
	set = &service.sets[d.Set]
	if set.cname == nil && set.typ != typ && typ != policy.TypeANY {
		return nil, 0, 0 // a CNAME would have been an answer, and this client gets none
	}
	set.given(r.req.Mono)
	return set, d.TTL, d.Scope
}

// steered answers what the service at the name decides, if it decides about
// the type asked for.
func (r *Responder) steered(p *place, name wire.Ref) (target []byte, off int, done bool) {
	set, ttl, scope := r.decide(p, r.q.Type)
	if set == nil {
		return nil, 0, false
	}
	r.scope = max(r.scope, scope)
	switch {
	case set.cname != nil:
		target, off = r.alias(name, ttl, set.cname)
		return target, off, true
	case name.Off > 0 && set.stride > 0:
		r.required(r.b.Packed(name, ttl, set.records, set.stride))
	default:
		r.answered(name, r.b.RRset(wire.Answer, name, set.typ, ttl, set.data), set.typ, set.data)
	}
	return nil, 0, true
}
