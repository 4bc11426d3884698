package answer

import (
	"bytes"
	"hash/maphash"

	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// zoneSeed is of Outcome.Zone.
var zoneSeed = maphash.MakeSeed()

// maxChain is how many CNAMEs, written or synthesised, one answer may have.
const maxChain = 16

// place is where a name stands.
type place struct {
	zone  *snapshot.Zone // nil: outside all zones
	top   int            // labels of the zone's name
	owner *policy.Owner
	depth int // labels of the owner's name, or of what a wildcard stands for
	kind  kind
	wild  bool // owner is a wildcard that stands for the name
}

type kind uint8

const (
	exists     kind = iota // owner is the name itself, or the wildcard that stands for it
	nothing                // neither
	delegated              // owner is a zone cut at or above the name
	redirected             // owner has a DNAME and is above the name
)

// resolve looks the question up and follows where it leads (RFC 1034 section 4.3.2).
func (r *Responder) resolve() {
	name := wire.Ref{Name: r.q.Name, Off: wire.HeaderLen}
	r.links[0], r.given, r.leads.data = name.Off, 0, nil
	for link := 0; ; {
		r.key.set(name.Name)
		p := r.find(&r.key)
		if link == 0 && p.zone != nil {
			r.Outcome.Zone = maphash.Bytes(zoneSeed, r.key.at(p.top))
		}
		if p.zone == nil || p.kind == delegated {
			switch {
			case p.kind == delegated:
				r.referral(&p, name, link == 0)
			case link == 0: // a chain that leads out of all zones ends as it stands
				r.rcode, r.extra.EDE = wire.Refused, wire.NotAuthoritative
			}
			return
		}
		if p.zone.SOA == nil { // broken: nothing can be said of what it lacks (D-35)
			if link == 0 {
				r.rcode, r.extra.EDE = wire.ServFail, wire.InvalidData
			}
			return
		}
		r.flags |= wire.FlagAA
		target, off := r.step(&p, name)
		if link++; target == nil || off == 0 || link == maxChain || r.visited(link, target) {
			return
		}
		r.links[link], name = off, wire.Ref{Name: target, Off: off}
	}
}

// step writes what there is at a name. If that is an alias it gives the name to
// go on with, and where that stands in the message.
func (r *Responder) step(p *place, name wire.Ref) (target []byte, off int) {
	switch p.kind {
	case nothing:
		r.rcode = wire.NXDomain
		r.negative(p, name)
		return nil, 0
	case redirected:
		return r.redirect(p, name)
	}
	return r.data(p, name)
}

// visited says whether the chain has been at a name before.
func (r *Responder) visited(links int, name []byte) bool {
	for _, off := range r.links[:links] {
		if r.b.Same(off, name) {
			return true
		}
	}
	return false
}

// find is the place of the name in k.
func (r *Responder) find(k *key) place {
	zone, top := r.zoneOf(k, k.n)
	if r.q.Type == policy.TypeDS && zone != nil && top == k.n {
		// A DS stands above the cut; only without the parent is its absence for the child to tell (RFC 4035 section 3.1.4.1).
		if parent, t := r.zoneOf(k, k.n-1); parent != nil {
			zone, top = parent, t
		}
	}
	if zone == nil {
		return place{}
	}
	p := place{zone: zone, top: top, owner: zone.Apex, depth: top}
	for ; ; p.depth++ {
		if p.depth > top && p.owner.Find(policy.TypeNS) != nil && (p.depth < k.n || r.q.Type != policy.TypeDS) {
			p.kind = delegated
			return p
		}
		if p.depth == k.n {
			return p
		}
		if p.owner.Find(policy.TypeDNAME) != nil {
			p.kind = redirected
			return p
		}
		next, ok := zone.Owners.Get(k.text(p.depth + 1))
		if !ok {
			// The closest encloser is here; a wildcard counts only directly below it (RFC 4592 section 3.3.1).
			if p.owner, ok = zone.Owners.Get(k.wildcard(p.depth)); !ok {
				p.kind = nothing
			}
			p.depth, p.wild = k.n, ok
			return p
		}
		p.owner = next
	}
}

// zoneOf is the zone with the longest name among the ancestors of the name in
// k that have at most so many labels, and how many it has.
func (r *Responder) zoneOf(k *key, labels int) (*snapshot.Zone, int) {
	for ; labels >= 0; labels-- {
		if z := r.view.snapshot.Zone(k.at(labels)); z != nil {
			return z, labels
		}
	}
	return nil, 0
}

// data answers from the owner of a name that exists.
func (r *Responder) data(p *place, name wire.Ref) (target []byte, off int) {
	if p.owner.Service > 0 {
		if target, off, done := r.steered(p, name); done {
			return target, off
		}
	}
	if r.q.Type == policy.TypeANY && len(p.owner.RRsets) > 0 {
		set := &p.owner.RRsets[0]
		r.answer(name, set)
		return nil, 0
	}
	if set := p.owner.Find(r.q.Type); set != nil {
		// A chain may lead to the DNAME that it came through.
		if set.Type != policy.TypeDNAME || p.wild || !r.again(set) {
			r.answer(name, set)
		}
		return nil, 0
	}
	if set := p.owner.Find(policy.TypeCNAME); set != nil {
		return r.alias(name, set.TTL, set.Data[0])
	}
	r.negative(p, name)
	return nil, 0
}

// answer writes an RRset of the answer.
func (r *Responder) answer(name wire.Ref, set *policy.RRset) bool {
	return r.answered(name, r.b.RRset(wire.Answer, name, set.Type, set.TTL, set.Data), set.Type, set.Data)
}

// required sets TC if something the response may not be without did not fit (RFC 2181 section 9).
func (r *Responder) required(fits bool) bool {
	if !fits {
		r.flags |= wire.FlagTC
	}
	return fits
}

// alias writes a CNAME and gives the name to go on with, unless it is the answer itself.
func (r *Responder) alias(name wire.Ref, ttl uint32, target []byte) ([]byte, int) {
	off, fits := r.b.Record(wire.Answer, name, policy.TypeCNAME, ttl, target)
	if !r.required(fits) || r.q.Type == policy.TypeCNAME || r.q.Type == policy.TypeANY {
		return nil, 0
	}
	return target, off
}

// redirect answers below a DNAME (RFC 6672 section 3.2).
func (r *Responder) redirect(p *place, name wire.Ref) (target []byte, off int) {
	set := p.owner.Find(policy.TypeDNAME)
	owner := r.ancestor(name, p.depth)
	if !r.again(set) && !r.answer(owner, set) {
		return nil, 0
	}
	prefix, to := name.Name[:len(name.Name)-len(owner.Name)], set.Data[0]
	if len(prefix)+len(to) > policy.MaxName {
		r.rcode = wire.YXDomain
		return nil, 0
	}
	r.turn ^= 1 // name may be what was made last
	made := append(append(r.made[r.turn][:0], prefix...), to...)
	target, off = r.alias(name, set.TTL, made)
	if r.glue.set(to); bytes.HasPrefix(r.glue.at(r.glue.n), r.key.at(p.depth)) {
		return nil, 0 // it leads below itself: there is no end to that, so one link will do
	}
	return target, off
}

// again says whether a DNAME is in the response already; no record is there twice.
func (r *Responder) again(set *policy.RRset) bool {
	for _, d := range r.dnames[:r.given] {
		if d == set {
			return true
		}
	}
	r.dnames[r.given] = set
	r.given++
	return false
}

// negative writes the SOA that says for how long there is no such data (RFC
// 2308 section 3). For a steered name that is never longer than its own TTL.
func (r *Responder) negative(p *place, name wire.Ref) {
	ttl := p.zone.NegativeTTL
	if p.kind == exists && p.owner.Service > 0 {
		ttl = min(ttl, r.view.services.At(p.owner.Service-1).service.TTL)
	}
	soa := p.zone.SOA
	r.required(r.b.RRset(wire.Authority, r.ancestor(name, p.top), soa.Type, ttl, soa.Data))
}

// ancestor is the ancestor of the name in r.key that has so many labels.
func (r *Responder) ancestor(name wire.Ref, labels int) wire.Ref {
	if labels == r.key.n {
		return name
	}
	a := wire.Ref{Name: ancestor(name.Name, r.key.n, labels)}
	if name.Off == wire.HeaderLen && labels > 0 {
		a.Off = wire.HeaderLen + len(name.Name) - len(a.Name) // the question's name is there in full
	}
	return a
}

// referral writes a delegation: its NS records, and the addresses that the
// zone has of them. Those within the delegated name are required, because nobody
// else has them (RFC 9471 section 3.1); the rest is left out when there is no
// room, as is all of it where it only says how a chain goes on.
func (r *Responder) referral(p *place, name wire.Ref, alone bool) {
	ns := p.owner.Find(policy.TypeNS)
	cut := r.ancestor(name, p.depth)
	if fits := r.b.RRset(wire.Authority, cut, ns.Type, ns.TTL, ns.Data); !fits {
		r.required(!alone)
		return
	}
	for _, within := range [...]bool{true, false} {
		for _, target := range ns.Data {
			r.glue.set(target)
			key := r.glue.at(r.glue.n)
			if !bytes.HasPrefix(key, r.key.at(p.top)) || within != bytes.HasPrefix(key, r.key.at(p.depth)) {
				continue
			}
			if owner := r.glueAt(p); owner != nil {
				r.addresses(target, owner, within && alone)
			}
		}
	}
}

// glueAt is the owner of a name server's addresses: the name in r.glue itself,
// hidden by a cut or not, or a wildcard that stands for it.
func (r *Responder) glueAt(p *place) *policy.Owner {
	k := &r.glue
	if owner, ok := p.zone.Owners.Get(k.text(k.n)); ok {
		return owner
	}
	for depth := k.n; depth >= p.top; depth-- {
		if depth > p.top && r.view.snapshot.Zone(k.at(depth)) != nil {
			return nil // another zone's name, which no wildcard of this one stands for
		}
		if _, ok := p.zone.Owners.Get(k.text(depth)); ok {
			owner, _ := p.zone.Owners.Get(k.wildcard(depth))
			return owner
		}
	}
	return nil
}

func (r *Responder) addresses(name []byte, owner *policy.Owner, required bool) {
	for _, typ := range [...]uint16{policy.TypeA, policy.TypeAAAA} {
		if set := owner.Find(typ); set != nil {
			fits := r.b.RRset(wire.Additional, wire.Ref{Name: name}, typ, set.TTL, set.Data)
			if required {
				r.required(fits)
			}
		}
	}
}
