package answer

import (
	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
)

// Bounds on the additional data of one response, so that no RRset makes a query dear.
const (
	maxTargets = 8 // of an SVCB or HTTPS RRset, whose targets are looked up
	maxVisited = 16
)

// answered notes that an RRset of the answer has been written, or does not
// fit. What an SVCB or HTTPS RRset leads to is added once the answer is whole.
func (r *Responder) answered(name wire.Ref, fits bool, typ uint16, data [][]byte) bool {
	if fits && (typ == policy.TypeSVCB || typ == policy.TypeHTTPS) && r.q.Type == typ {
		r.leads.name, r.leads.data = name, data
	}
	return r.required(fits)
}

// additional adds, for an answer of SVCB or HTTPS records, the addresses of
// the targets that are in the zones here, and for AliasMode the target's own records of
// the type (RFC 9460 section 4.1), with the CNAMEs between. All of it can be
// done without: what does not fit is left out and TC stays as it is. A steered
// target has the addresses that this very client would be given.
func (r *Responder) additional() {
	if len(r.leads.data) > 0 && r.flags&wire.FlagTC == 0 {
		r.visits = 0
		r.targets(r.leads.name, r.leads.data)
	}
}

// targets adds what the records of an SVCB or HTTPS RRset lead to.
func (r *Responder) targets(owner wire.Ref, data [][]byte) {
	for _, d := range data[:min(len(data), maxTargets)] {
		priority, target, _ := policy.ReadSVCB(d)
		switch {
		case len(target) > 1:
			r.target(wire.Ref{Name: target}, priority == 0)
		case priority > 0: // the owner; in AliasMode it says that there is no service (RFC 9460 section 2.5.1)
			r.target(owner, false)
		}
	}
}

// target adds what there is at a target, following CNAMEs; alias says that an AliasMode record led there.
func (r *Responder) target(name wire.Ref, alias bool) {
	for len(name.Name) > 0 && r.visit(name.Name) {
		r.glue.set(name.Name)
		p := r.find(&r.glue)
		if p.zone == nil || p.kind != exists {
			return
		}
		var bindings [][]byte
		if alias && !sameName(name.Name, r.leads.name.Name) {
			a := r.add(&p, name, r.q.Type)
			if a.cname != nil {
				name = wire.Ref{Name: a.cname, Off: a.off}
				continue
			}
			bindings = a.data
		}
		a := r.add(&p, name, policy.TypeA)
		if a.cname == nil {
			a = r.add(&p, name, policy.TypeAAAA)
		}
		r.targets(name, bindings)
		name = wire.Ref{Name: a.cname, Off: a.off}
	}
}

// visit says whether a name has not been looked at for this response, and may be.
func (r *Responder) visit(name []byte) bool {
	for _, n := range r.seen[:r.visits] {
		if sameName(n, name) {
			return false
		}
	}
	if r.visits == maxVisited {
		return false
	}
	r.seen[r.visits] = name
	r.visits++
	return true
}

// added is what was written: records, or a CNAME and where its target stands.
type added struct {
	data  [][]byte
	cname []byte
	off   int
}

// add writes the records of a type at a place, or the CNAME there, if they fit.
func (r *Responder) add(p *place, name wire.Ref, typ uint16) added {
	if p.owner.Service > 0 {
		if set, ttl, scope := r.decide(p, typ); set != nil {
			a := r.write(name, typ, ttl, set.data, set.cname)
			if a.data != nil || a.cname != nil {
				r.scope = max(r.scope, scope)
			}
			return a
		}
	}
	if set := p.owner.Find(typ); set != nil {
		return r.write(name, typ, set.TTL, set.Data, nil)
	}
	if set := p.owner.Find(policy.TypeCNAME); set != nil {
		return r.write(name, typ, set.TTL, nil, set.Data[0])
	}
	return added{}
}

func (r *Responder) write(name wire.Ref, typ uint16, ttl uint32, data [][]byte, cname []byte) (a added) {
	if cname != nil {
		if off, fits := r.b.Record(wire.Additional, name, policy.TypeCNAME, ttl, cname); fits {
			a.cname, a.off = cname, off
		}
	} else if r.b.RRset(wire.Additional, name, typ, ttl, data) {
		a.data = data
	}
	return a
}
