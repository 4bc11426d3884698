package answer

import (
	"github.com/meridian-gtm/meridian/dnsserver/cookie"
	"github.com/meridian-gtm/meridian/dnsserver/limit"
	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

// ipHeaders is what IPv4 and UDP add to a message, in octets; IPv6 adds more.
const ipHeaders = 28

// cookie settles whether the client's address is its own, and what cookie it
// gets. A query with a bad server cookie is answered all the same, with a good one:
// an answer within amplification is worth no more than BADCOOKIE to an attacker, and a round trip to everybody else.
func (r *Responder) cookie(verdict wire.Verdict) {
	q, keys := &r.q, r.req.Keys
	if q.Cookie == nil || keys == nil || verdict == wire.BadOption {
		return
	}
	r.Outcome.Verified = keys.Answer(&r.baked, q.Cookie, r.req.Client, r.req.Now)
	r.extra.Cookie = r.baked[:]
}

// cookieOnly is the RCODE of a query without a question, which asks for a
// server cookie or whether it has a good one (RFC 7873 section 5.4).
func (r *Responder) cookieOnly() uint16 {
	if len(r.q.Cookie) > cookie.ClientSize && !r.Outcome.Verified {
		return wire.BadCookie
	}
	return wire.NoError
}

// forgeable says whether the client may not be who it seems.
func (r *Responder) forgeable() bool { return !r.req.TCP && !r.Outcome.Verified }

// amplified is the largest response for a client whose address may be forged:
// what he whose address it is gets is less than Amplification times what was
// sent, counted as IP packets. It is never below what a response without records needs.
func (r *Responder) amplified(limit int) int {
	if r.Amplification == 0 || r.req.Trusted || !r.forgeable() {
		return limit
	}
	return min(limit, r.Amplification*(ipHeaders+len(r.req.Packet))-ipHeaders-1)
}

// trim takes from an error what would make it larger than the query, if the
// address may be forged (S-01). Only BADCOOKIE keeps the cookie that it is about.
func (r *Responder) trim() {
	if r.Outcome.Class != limit.Error || !r.forgeable() || r.rcode == wire.BadCookie {
		return
	}
	if r.b.Len()+r.extra.Reserve() > len(r.req.Packet) {
		r.extra.NSID, r.extra.Cookie = nil, nil
	}
}

// classify is the class of the response for rate limiting.
func (r *Responder) classify() limit.Class {
	switch {
	case r.rcode == wire.NXDomain:
		return limit.NXDomain
	case r.rcode != wire.NoError:
		return limit.Error
	case r.b.Records(wire.Answer) > 0 || r.flags&wire.FlagTC != 0:
		return limit.Answer
	case r.flags&wire.FlagAA == 0 && r.b.Records(wire.Authority) > 0:
		return limit.Referral
	}
	return limit.NoData
}

// Slip appends, in place of the response that Respond gave last, one that
// says no more than to ask over TCP. Errors have nothing to leave out: for them it must not be called.
func (r *Responder) Slip(dst []byte) []byte {
	r.Outcome.Truncated, r.Outcome.Rcode = true, wire.NoError
	r.extra.NSID, r.extra.EDE, r.extra.Scope = nil, 0, 0
	r.b.Start(dst, &r.q, wire.MinUDP, 0)
	extra := &r.extra
	if !r.q.EDNS {
		extra = nil
	}
	return r.b.Finish(r.q.Flags&wire.FlagRD|wire.FlagTC, wire.NoError, extra)
}
