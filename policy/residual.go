package policy

import (
	"net/netip"
	"strings"
	"time"
)

// What a node remembers of who comes to which address: not in State, and not for long.
const (
	ObservationsKept = Duration(24 * time.Hour)
	MaxObservations  = 100_000 // cells that one node keeps: about 25 MiB
	MaxObserveBatch  = 10_000  // observations of one call
)

// Observation is that clients were seen to come to something.
type Observation struct {
	At       time.Time
	Client   netip.Prefix // a /24 of IPv4 or a /56 of IPv6, or wider
	Endpoint string       // "endpoint/web/a", an address or a host name; "": only the service is known
	Service  string       // "www.example.com"
	Count    int
	Source   string // whose log
}

// ClientPrefix is what is kept of a client: no more than a /24 of IPv4 or a /56 of IPv6.
func ClientPrefix(p netip.Prefix) netip.Prefix {
	a, bits := p.Addr().WithZone(""), p.Bits()
	if a.Is4In6() && bits >= 96 {
		a, bits = a.Unmap(), bits-96
	}
	if a.Is4() {
		bits = min(bits, 24)
	} else {
		bits = min(bits, 56)
	}
	return netip.PrefixFrom(a, bits).Masked()
}

// ResidualQuery asks who came after a time to something that was drained.
type ResidualQuery struct {
	Since    time.Time `json:"since"`          // by the wall clock, which logs go by
	Until    time.Time `json:"until,omitzero"` // zero: now
	Names    []string  `json:"names"`          // ids, addresses and host names of the endpoints
	Services []string  `json:"services"`       // that any client counts for; none: only what names an endpoint
}

// Residual is the clients of one prefix that came to one thing.
type Residual struct {
	Client  netip.Prefix `json:"client"`
	To      string       `json:"to"` // as it was observed
	Source  string       `json:"source"`
	Count   int          `json:"count"`
	First   time.Time    `json:"first"`
	Last    time.Time    `json:"last"`
	Country string       `json:"country,omitempty"`
	ASN     uint32       `json:"asn,omitempty"`
}

// Residuals is what the nodes that could be asked have seen.
type Residuals struct {
	Items   []Residual
	Missing []string
}

// NamesOf lists what observations may call an endpoint: its id, its addresses, its host name.
func (s *State) NamesOf(id string) (names []string) {
	names = append(names, id)
	pool, name, _ := strings.Cut(strings.TrimPrefix(id, "endpoint/"), "/")
	o, _ := s.Pools.Get(pool)
	for i := range o.Spec.Endpoints {
		e := &o.Spec.Endpoints[i]
		if e.Name != name {
			continue
		}
		for _, a := range e.Addrs() {
			names = append(names, a.String())
		}
		if e.Hostname != "" {
			names = append(names, e.Hostname.String())
		}
	}
	return names
}
