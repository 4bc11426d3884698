package dnsserver

import "github.com/meridian-gtm/meridian/dnsserver/wire"

// Totals is what a server has taken in and answered since it began. No counter ever goes back.
type Totals struct {
	UDP, TCP, DoT                               uint64 // queries
	NoError, NXDomain, Refused, ServFail, Other uint64 // responses
	Dropped                                     uint64 // queries without a response
}

// Queries is all that were taken in.
func (t Totals) Queries() uint64 { return t.UDP + t.TCP + t.DoT }

// Totals reads the counters that workers have handed in. It holds up nobody who answers.
func (s *Server) Totals() (t Totals) {
	for transport, queries := range map[transport]*uint64{udp: &t.UDP, tcp: &t.TCP, dot: &t.DoT} {
		sum := s.metrics.sum(transport)
		*queries = sum.queries
		t.Dropped += sum.unanswerable + sum.unsent + sum.panics + sum.limited
		for code, n := range sum.responses {
			switch uint16(code) {
			case wire.NoError:
				t.NoError += n
			case wire.NXDomain:
				t.NXDomain += n
			case wire.Refused:
				t.Refused += n
			case wire.ServFail:
				t.ServFail += n
			default:
				t.Other += n
			}
		}
	}
	return t
}
