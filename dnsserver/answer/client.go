package answer

import (
	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy/geo"
)

// client settles who the answer is for: the subnet that the query names if it
// is of any use, or else the resolver (RFC 7871 section 7.2.1).
func (r *Responder) client() {
	r.asked.Client, r.asked.Bits, r.asked.Rand = r.req.Client, r.req.Client.BitLen(), r.req.Rand
	s := &r.q.Subnet
	if !s.Present || s.Source == 0 {
		return
	}
	if geo.Unroutable(s.Addr, int(s.Source)) {
		r.hidden = true
		return
	}
	r.asked.Client, r.asked.Bits = s.Addr, int(s.Source)
}

// scopeToTell is the SCOPE PREFIX-LENGTH. 0 where nothing looked at the
// client, for delegations and negative answers (RFC 7871 section 7.4), and
// without a SOURCE. Only where a service has no data for this client and may have
// some for another, the scope holds for the negative answer too. Where an
// answer is for the resolver, though the query names a private subnet, it must
// not be kept for anybody else: SCOPE is SOURCE.
func (r *Responder) scopeToTell() uint8 {
	s, scope := &r.q.Subnet, r.withheld
	if r.b.Records(wire.Answer) > 0 {
		scope = max(scope, r.scope)
	}
	switch {
	case !s.Present || s.Source == 0 || scope == 0:
		return 0
	case r.hidden:
		return s.Source
	}
	return scope
}
