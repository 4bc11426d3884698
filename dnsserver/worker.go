package dnsserver

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver/answer"
	"github.com/meridian-gtm/meridian/dnsserver/limit"
)

// worker answers one query at a time.
type worker struct {
	server    *Server
	responder answer.Responder
	request   answer.Request
	tally     tally

	now  int64 // when it last looked, by Server.now
	over int   // responses beyond the rate limit

	silent bool // a drill wants no query answered

	sampling *sampling // nil: nobody wants samples
	asked    uint32    // queries, for their turns
}

func (s *Server) newWorker(transport transport) *worker {
	w := &worker{server: s}
	w.responder.Options = s.options()
	w.serves(transport)
	return w
}

// serves says what transport the next queries come over.
func (w *worker) serves(t transport) {
	w.request.TCP, w.request.Encrypted = t != udp, t == dot
}

// look reads what is not of the query: the clock, the cookies' keys and whether to answer at all. It is
// once for all queries that came in together.
func (w *worker) look() {
	t := time.Now()
	w.now, w.request.Now = int64(t.Sub(w.server.epoch)), uint32(t.Unix())
	w.request.Mono = w.now
	w.request.Keys = w.server.cookies.Load()
	w.silent = w.server.silent.Load()
	w.sampling = w.server.sampling.Load()
}

// respond appends the response to dst; what it gives back is dst itself when
// there is none. No query can do more harm than to lose its own response.
func (w *worker) respond(v *View, dst, packet []byte, client netip.Addr) (out []byte) {
	defer func() {
		if cause := recover(); cause != nil {
			out = dst
			w.tally.panics++
			w.server.logPanic(cause)
		}
	}()
	w.tally.queries++
	if w.silent {
		return dst
	}
	w.request.Packet, w.request.Client, w.request.Rand = packet, client, rand.Uint64()
	w.request.Trusted = !w.request.TCP && w.server.exempt(client)
	out = w.responder.Respond(v, dst, &w.request)
	if w.limited() {
		return w.limit(dst, out)
	}
	w.tally.count(&w.responder)
	if w.sampling != nil {
		w.sample(packet, out[len(dst):], client)
	}
	return out
}

// exempt says whether an address is taken for granted.
func (s *Server) exempt(client netip.Addr) bool {
	for i := range s.config.RateLimit.Exempt {
		if s.config.RateLimit.Exempt[i].Contains(client) {
			return true
		}
	}
	return false
}

// limited says whether the response is one too many for an address that may be forged.
func (w *worker) limited() bool {
	o := &w.responder.Outcome
	if w.server.limiter == nil || w.request.TCP || w.request.Trusted || o.Verified || !o.Answered {
		return false
	}
	return !w.server.limiter.Take(limit.Key{Client: w.request.Client, Zone: o.Zone, Class: o.Class}, w.now)
}

// limit gives what is sent in place of a response that is one too many, or dst.
func (w *worker) limit(dst, out []byte) []byte {
	w.over++
	if slip := *w.server.config.RateLimit.Slip; slip == 0 || w.over%slip != 0 {
		w.tally.limited++
		return dst
	}
	w.tally.slipped++
	if w.responder.Outcome.Class != limit.Error {
		out = w.responder.Slip(dst)
	}
	w.tally.count(&w.responder)
	return out
}

// panicLogEvery is how often a panic is logged; the metric counts them all (S-08).
const panicLogEvery = time.Minute

func (s *Server) logPanic(cause any) {
	last, now := s.panicLogged.Load(), s.now()
	if now-last < int64(panicLogEvery) || !s.panicLogged.CompareAndSwap(last, now) {
		return
	}
	s.log.Error("a DNS query could not be answered because of a bug; please report this",
		"panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
}
