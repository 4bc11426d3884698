package answer

import (
	"net/netip"

	"github.com/meridian-gtm/meridian/dnsserver/cookie"
	"github.com/meridian-gtm/meridian/dnsserver/limit"
	"github.com/meridian-gtm/meridian/dnsserver/wire"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// MaxText is the longest NSID and text of Chaos, in octets: they go to clients
// whose address may be forged.
const MaxText = 64

// Options are what a server says of itself in its responses.
type Options struct {
	UDPSize   uint16 // the largest UDP response, and what OPT says this server takes
	NSID      []byte // told to who asks (RFC 5001); nil for none
	Keepalive uint16 // idle timeout of connections in units of 100 ms (RFC 7828); 0 says nothing
	Chaos     Chaos
	// Amplification is how many times larger than the query, as IP packets, a
	// UDP response stays if the client's address may be forged; 3 or more, or 0 for no such limit.
	Amplification int
}

// Request is one query and where it came from.
type Request struct {
	Packet []byte
	Client netip.Addr // the resolver; unmapped
	TCP    bool       // a stream: over TLS too
	// Encrypted says that nobody on the way can read the response; only then is padding of use.
	Encrypted bool
	MaxUDP    uint16 // further limit on a UDP response, for a path that takes no more; 0 for none
	Rand      uint64 // uniformly random

	Now     uint32       // Unix time in seconds, modulo 2^32
	Mono    int64        // monotonic time in nanoseconds, above 0
	Keys    *cookie.Keys // nil: without cookies
	Trusted bool         // the address is not forged, cookie or not
}

// Responder answers queries, one at a time; each worker has its own. Buffers
// that have wire.Slack octets to spare beyond the limit never grow.
type Responder struct {
	Options

	// What the last response was; Outcome is false when there was none.
	Outcome struct {
		Answered, Truncated bool
		Verified            bool // the query had a good server cookie
		Rcode               uint16
		Class               limit.Class
		Zone                uint64 // a hash of the name of the zone that the question led to; 0 for none
	}

	view  *View
	req   *Request
	q     wire.Query
	b     wire.Builder
	extra wire.Extra
	baked [cookie.Size]byte // extra.Cookie
	key   key
	glue  key

	rcode    uint16
	flags    uint16
	scope    uint8
	asked    snapshot.Query // Client and Bits of it are the same for a whole chain
	withheld uint8          // scope of a service's having nothing for this client
	hidden   bool           // the client is the resolver though the query names a subnet

	links  [maxChain]int           // where the owners of a chain stand in the message
	dnames [maxChain]*policy.RRset // in the answer already
	given  int                     // how many of them
	made   [2][policy.MaxName]byte // synthesised names, in turns
	turn   int

	leads struct { // the answer's SVCB or HTTPS RRset; data is nil for none
		name wire.Ref
		data [][]byte
	}
	seen   [maxVisited][]byte // names looked at for additional data
	visits int
}

// Respond appends the response to dst, or gives dst back when there is none
// to give. It panics on nothing that a client can send; servers recover all the same.
func (r *Responder) Respond(v *View, dst []byte, req *Request) []byte {
	r.Outcome.Answered, r.Outcome.Truncated, r.Outcome.Verified = true, false, false
	r.Outcome.Rcode, r.Outcome.Zone = wire.NoError, 0
	verdict := r.q.Parse(req.Packet)
	switch verdict {
	case wire.Drop:
		r.Outcome.Answered = false
		return dst
	case wire.Malformed:
		return r.headerOnly(dst, wire.FormErr)
	case wire.OtherOpcode:
		if r.q.Opcode == wire.OpcodeNotify || r.q.Opcode == wire.OpcodeUpdate {
			return r.headerOnly(dst, wire.Refused) // D-27, D-28
		}
		return r.headerOnly(dst, wire.NotImp)
	case wire.NoQuestion:
		if req.Keys == nil {
			return r.headerOnly(dst, wire.FormErr)
		}
	}
	r.begin(v, dst, req, verdict)
	if rcode := r.refusal(verdict); rcode != wire.NoError {
		r.rcode = rcode
	} else if text := r.chaosText(); text != "" {
		r.chaos(text)
	} else if verdict != wire.NoQuestion {
		r.client()
		r.resolve()
		r.additional()
	}
	return r.finish()
}

// padTo is the block that responses are padded to, in octets (RFC 8467 section 4.1).
const padTo = 468

func (r *Responder) headerOnly(dst []byte, rcode uint16) []byte {
	r.Outcome.Rcode, r.Outcome.Class = rcode, limit.Error
	return wire.HeaderOnly(dst, &r.q, rcode)
}

// begin starts the response message.
func (r *Responder) begin(v *View, dst []byte, req *Request, verdict wire.Verdict) {
	r.view, r.req = v, req
	r.rcode, r.flags, r.scope, r.withheld, r.hidden = wire.NoError, r.q.Flags&wire.FlagRD, 0, 0, false
	q := &r.q
	limit, reserve := wire.MinUDP, 0
	if req.TCP {
		limit = wire.MaxTCP
	}
	if q.EDNS {
		if !req.TCP {
			limit = max(wire.MinUDP, int(min(q.UDPSize, r.UDPSize)))
		}
		r.extra = wire.Extra{Size: r.UDPSize, DO: q.DO, EDELimit: wire.MaxTCP}
		r.cookie(verdict)
		if r.forgeable() {
			r.extra.EDELimit = len(req.Packet)
		}
		if req.TCP {
			// RFC 7828 section 3.3.2 lets a server tell whoever sent an OPT; RFC 8906
			// section 8.2.1 wants no options that were not asked for. So it is told who asks.
			if q.Keepalive {
				r.extra.Keepalive = r.Keepalive
			}
			if q.Padding && req.Encrypted {
				r.extra.PadTo = padTo
			}
		}
		if q.NSID {
			r.extra.NSID = r.NSID
		}
		if q.Subnet.Present {
			r.extra.Subnet = &q.Subnet
		}
		reserve = r.extra.Reserve()
	}
	if req.MaxUDP > 0 && !req.TCP {
		limit = min(limit, int(req.MaxUDP))
	}
	limit = r.amplified(limit)
	r.b.Start(dst, q, limit, reserve)
}

// refusal is the RCODE of a query that is not looked up at all, or NoError.
func (r *Responder) refusal(verdict wire.Verdict) uint16 {
	q := &r.q
	if q.EDNS && q.Version != 0 {
		// Nothing is echoed: what the options and flags of another version mean is unknown.
		return wire.BadVers
	}
	if verdict == wire.BadOption {
		return wire.FormErr
	}
	switch {
	case verdict == wire.NoQuestion:
		return r.cookieOnly()
	case q.Type == typeMAILA || q.Type == typeMAILB:
		r.extra.EDE = wire.NotSupported
		return wire.NotImp
	case q.Type == typeAXFR || q.Type == typeIXFR:
		r.extra.EDE = wire.Prohibited
		return wire.Refused
	case q.Type == typeOPT || q.Type >= firstMeta && q.Type < typeIXFR:
		return wire.FormErr
	case q.Class != wire.ClassIN && r.chaosText() == "":
		r.extra.EDE = wire.NotSupported
		return wire.Refused
	}
	return wire.NoError
}

// The types that are questions only (RFC 6895 section 3.1): 128 to 255, and OPT.
const (
	typeOPT   = 41
	firstMeta = 128
	typeIXFR  = 251
	typeAXFR  = 252
	typeMAILB = 253
	typeMAILA = 254
)

// finish writes the header and the OPT record.
func (r *Responder) finish() []byte {
	r.Outcome.Rcode = r.rcode
	r.Outcome.Truncated = r.flags&wire.FlagTC != 0
	if r.Outcome.Class = r.classify(); r.Outcome.Class == limit.Error {
		r.Outcome.Zone = 0 // errors are counted for the client alone
	}
	if !r.q.EDNS {
		return r.b.Finish(r.flags, r.rcode, nil)
	}
	r.trim()
	r.extra.Scope = r.scopeToTell()
	return r.b.Finish(r.flags, r.rcode, &r.extra)
}
