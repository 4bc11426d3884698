package dnsserver

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime/debug"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver/answer"
)

// worker answers one query at a time.
type worker struct {
	server    *Server
	responder answer.Responder
	request   answer.Request
	tally     tally
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
	w.request.Packet, w.request.Client, w.request.Rand = packet, client, rand.Uint64()
	out = w.responder.Respond(v, dst, &w.request)
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
