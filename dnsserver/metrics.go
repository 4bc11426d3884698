package dnsserver

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meridian-gtm/meridian/dnsserver/answer"
	"github.com/meridian-gtm/meridian/dnsserver/wire"
)

type transport int

const (
	udp transport = iota
	tcp
	dot // DNS over TLS
	transports
)

var transportNames = [transports]string{"udp", "tcp", "dot"}

// rcodes is how many RCODEs are counted: 0 to BADCOOKIE.
const rcodes = int(wire.BadCookie) + 1

var rcodeNames = map[uint16]string{
	wire.NoError: "NOERROR", wire.FormErr: "FORMERR", wire.ServFail: "SERVFAIL", wire.NXDomain: "NXDOMAIN",
	wire.NotImp: "NOTIMP", wire.Refused: "REFUSED", wire.YXDomain: "YXDOMAIN", wire.BadVers: "BADVERS", wire.BadCookie: "BADCOOKIE",
}

// tally is what a worker has counted since it last handed in. It needs no
// atomic operation, because only the worker sees it.
type tally struct {
	queries, truncated, unanswerable, unsent, panics uint64
	limited, slipped, verified                       uint64
	responses                                        [rcodes]uint64
}

func (t *tally) count(r *answer.Responder) {
	o := &r.Outcome
	if !o.Answered {
		t.unanswerable++
		return
	}
	if int(o.Rcode) < rcodes {
		t.responses[o.Rcode]++
	}
	if o.Truncated {
		t.truncated++
	}
	if o.Verified {
		t.verified++
	}
}

// counters is what workers have handed in.
type counters struct {
	queries, truncated, unanswerable, unsent, panics atomic.Uint64
	limited, slipped, verified                       atomic.Uint64
	responses                                        [rcodes]atomic.Uint64
}

// take adds a tally and empties it.
func (c *counters) take(t *tally) {
	add := func(to *atomic.Uint64, n uint64) {
		if n > 0 {
			to.Add(n)
		}
	}
	add(&c.queries, t.queries)
	add(&c.truncated, t.truncated)
	add(&c.unanswerable, t.unanswerable)
	add(&c.unsent, t.unsent)
	add(&c.panics, t.panics)
	add(&c.limited, t.limited)
	add(&c.slipped, t.slipped)
	add(&c.verified, t.verified)
	for i, n := range t.responses {
		add(&c.responses[i], n)
	}
	*t = tally{}
}

// metrics sums the counters when it is asked to.
type metrics struct {
	server *Server

	streams [transports]counters // of all connections; none of UDP
	mu      sync.Mutex
	udp     []*counters // of each worker

	conns             [transports]connMetrics
	handshakesFull    atomic.Uint64
	handshakesResumed atomic.Uint64
	handshakesFailed  [handshakeFailures]atomic.Uint64
}

// connMetrics is the connections of one transport.
type connMetrics struct {
	open                                 atomic.Int64
	accepted, refused, evicted, oversize atomic.Uint64
}

func newMetrics(s *Server) *metrics { return &metrics{server: s} }

// newUDPCounters are the counters of one more worker.
func (m *metrics) newUDPCounters() *counters {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := new(counters)
	m.udp = append(m.udp, c)
	return c
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("meridian_dns_"+name, help, labels, nil)
}

var (
	descQueries    = describe("queries_total", "Packets and messages taken in; dot is DNS over TLS.", "transport")
	descResponses  = describe("responses_total", "Responses by response code.", "transport", "rcode")
	descTruncated  = describe("responses_truncated_total", "Responses with the TC bit.", "transport")
	descDropped    = describe("dropped_total", "Queries without a response: unanswerable (shorter than a header, or responses themselves), send (the network refused it), panic (a bug), limit (too many to a network whose addresses may be forged).", "transport", "reason")
	descSlipped    = describe("slipped_total", "Responses beyond the rate limit that were sent truncated, or as the error they were, so that the client may ask over TCP.")
	descVerified   = describe("cookies_verified_total", "Queries with a good DNS server cookie.", "transport")
	descPanics     = describe("panics_total", "Queries that met a bug and were dropped.")
	descConns      = describe("tcp_connections", "TCP connections open now; dot is DNS over TLS.", "transport")
	descAccepted   = describe("tcp_accepted_total", "TCP connections accepted.", "transport")
	descConnsEnded = describe("tcp_closed_early_total", "TCP connections closed for want of room: client (its own limit reached), idle (made room for another), buffer (parts of large queries filled the memory for them).", "transport", "reason")
	descHandshakes = describe("tls_handshakes_total", "TLS handshakes that ended well: full, or resumed from an earlier session.", "kind")
	descNoShake    = describe("tls_handshake_failures_total", "TLS handshakes that came to nothing: cleartext (the client spoke no TLS), timeout, closed (by the client, or to make room), protocol (no version, cipher or ALPN in common, or an alert).", "reason")
	descIndex      = describe("view_index", "Raft index of the state that queries are answered from.")
	descEpoch      = describe("view_epoch", "Epoch of the state that queries are answered from.")
	descGeneration = describe("view_generation", "Generation of the view at its index.")
	descAge        = describe("view_age_seconds", "Time since the present view was published.")
)

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descQueries, descResponses, descTruncated, descDropped, descSlipped, descVerified, descPanics, descConns, descAccepted, descConnsEnded,
		descHandshakes, descNoShake, descIndex, descEpoch, descGeneration, descAge,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	panics := uint64(0)
	for t, name := range transportNames {
		sum := m.sum(transport(t))
		panics += sum.panics
		counter(descQueries, sum.queries, name)
		counter(descTruncated, sum.truncated, name)
		counter(descDropped, sum.unanswerable, name, "unanswerable")
		counter(descDropped, sum.unsent, name, "send")
		counter(descDropped, sum.panics, name, "panic")
		counter(descVerified, sum.verified, name)
		if transport(t) == udp { // nothing else is limited
			counter(descDropped, sum.limited, name, "limit")
			counter(descSlipped, sum.slipped)
		}
		for code, text := range rcodeNames {
			counter(descResponses, sum.responses[code], name, text)
		}
		if transport(t) == udp {
			continue
		}
		conns := &m.conns[t]
		gauge(descConns, float64(conns.open.Load()), name)
		counter(descAccepted, conns.accepted.Load(), name)
		counter(descConnsEnded, conns.refused.Load(), name, "client")
		counter(descConnsEnded, conns.evicted.Load(), name, "idle")
		counter(descConnsEnded, conns.oversize.Load(), name, "buffer")
	}
	counter(descPanics, panics)
	counter(descHandshakes, m.handshakesFull.Load(), "full")
	counter(descHandshakes, m.handshakesResumed.Load(), "resumed")
	for i, reason := range handshakeFailureNames {
		counter(descNoShake, m.handshakesFailed[i].Load(), reason)
	}
	if m.server.View() == nil {
		return
	}
	p := m.server.position()
	gauge(descIndex, float64(p.Index))
	gauge(descEpoch, float64(p.Epoch))
	gauge(descGeneration, float64(p.Generation))
	gauge(descAge, m.server.views.age().Seconds())
}

// sum adds up the counters of a transport.
func (m *metrics) sum(t transport) (sum tally) {
	all := []*counters{&m.streams[t]}
	if t == udp {
		m.mu.Lock()
		all = slices.Clone(m.udp)
		m.mu.Unlock()
	}
	for _, c := range all {
		sum.queries += c.queries.Load()
		sum.truncated += c.truncated.Load()
		sum.unanswerable += c.unanswerable.Load()
		sum.unsent += c.unsent.Load()
		sum.panics += c.panics.Load()
		sum.limited += c.limited.Load()
		sum.slipped += c.slipped.Load()
		sum.verified += c.verified.Load()
		for i := range c.responses {
			sum.responses[i] += c.responses[i].Load()
		}
	}
	return sum
}
