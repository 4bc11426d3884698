package policy

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds on what is measured.
const (
	MaxLatencies      = 100_000 // subjects in State
	MaxLatencyRegions = 64      // of one subject
	MaxLoads          = 10_000  // targets in State
	MaxMs             = 60_000  // of a round trip
	MaxLoad           = 1e15    // beyond it a float64 no longer counts by ones

	DefaultLatencyAge = Duration(24 * time.Hour)
	DefaultLoadAge    = Duration(time.Minute)
	MinMeasuredAge    = Duration(time.Second)
	MaxLatencyAge     = Duration(30 * 24 * time.Hour)
	MaxLoadAge        = Duration(24 * time.Hour)
)

// Latency is the round trips measured between some clients and regions.
type Latency struct {
	Subject string `json:"subject"` // whose: a Subject as text
	Regions []RTT  `json:"regions"` // in order of names, each once
}

// RTT is the round trip between a subject and a region.
type RTT struct {
	Region  string   `json:"region"`
	Ms      float64  `json:"ms"`      // milliseconds, above 0 and at most MaxMs
	At      int64    `json:"at"`      // State's clock when it came in
	Samples int      `json:"samples"` // measurements behind it; 1 for what an operator puts
	MaxAge  Duration `json:"maxAge,omitempty"`
}

// Due is the clock from which the round trip is too old.
func (r RTT) Due() int64 {
	if r.MaxAge == 0 {
		return r.At + int64(DefaultLatencyAge)
	}
	return r.At + int64(r.MaxAge)
}

// Region finds a region's round trip.
func (l Latency) Region(name string) (RTT, bool) {
	i, ok := slices.BinarySearchFunc(l.Regions, name, func(r RTT, name string) int { return strings.Compare(r.Region, name) })
	if !ok {
		return RTT{}, false
	}
	return l.Regions[i], true
}

// With is the latency with another round trip, in its place; l itself is left alone.
func (l Latency) With(r RTT) Latency {
	i, ok := slices.BinarySearchFunc(l.Regions, r.Region, func(r RTT, name string) int { return strings.Compare(r.Region, name) })
	l.Regions = slices.Clone(l.Regions)
	if ok {
		l.Regions[i] = r
	} else {
		l.Regions = slices.Insert(l.Regions, i, r)
	}
	return l
}

// hashLatency hashes bits and no JSON: a change may touch every subject at once, each with many regions.
func hashLatency(key string, l Latency) uint64 {
	b := append(make([]byte, 0, 64+48*len(l.Regions)), l.Subject...)
	for _, r := range l.Regions {
		b = append(b, 0)
		b = append(b, r.Region...)
		b = append(b, 0)
		for _, v := range [...]uint64{math.Float64bits(r.Ms), uint64(r.At), uint64(r.Samples), uint64(r.MaxAge)} {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
	}
	return hashBytes(key, b)
}

// Load is how busy something is now.
type Load struct {
	Target string   `json:"target"` // "endpoint/web/a", "pool/web", "region/us-east" or "service/www.example.com"
	Value  float64  `json:"value"`  // 0 to MaxLoad, in the unit that its capacity is declared in
	At     int64    `json:"at"`     // State's clock when it came in
	MaxAge Duration `json:"maxAge"`
}

// Due is the clock from which the load is too old.
func (l Load) Due() int64 { return l.At + int64(l.MaxAge) }

// PoolLoad is a pool's load: what was told of it, or else the sum of its endpoints'.
func (s *State) PoolLoad(spec *Pool) (load float64, known bool) {
	if l, ok := s.Loads.Get("pool/" + spec.Name); ok {
		return l.Value, true
	}
	for i := range spec.Endpoints {
		if l, ok := s.Loads.Get(EndpointID(spec.Name, spec.Endpoints[i].Name)); ok {
			load, known = load+l.Value, true
		}
	}
	return load, known
}

// RegionLoad is a region's load: what was told of it, or else the sum of its pools'.
func (s *State) RegionLoad(region string) (load float64, known bool) {
	if l, ok := s.Loads.Get("region/" + region); ok {
		return l.Value, true
	}
	for _, o := range s.Pools.All {
		if o.Spec.Region == region {
			if l, ok := s.PoolLoad(&o.Spec); ok {
				load, known = load+l, true
			}
		}
	}
	return load, known
}

// Median is the middle of the round trips between clients and a region, in milliseconds, each subject once.
func (s *State) Median(region string) (ms float64, known bool) {
	var list []float64
	for _, l := range s.Latencies.All {
		if r, ok := l.Region(region); ok {
			list = append(list, r.Ms)
		}
	}
	if len(list) == 0 {
		return 0, false
	}
	slices.Sort(list)
	n := len(list)
	return (list[(n-1)/2] + list[n/2]) / 2, true
}

// Loadable says whether a load may be about an object of this id, if there is one.
func Loadable(id string) error {
	kind, rest, _ := strings.Cut(id, "/")
	switch kind {
	case "endpoint", "pool", "region", "service":
		if rest != "" {
			return nil
		}
	}
	return fmt.Errorf("%q is nothing that has a load; write endpoint/POOL/NAME, pool/NAME, region/NAME or service/NAME", id)
}

// Measurable checks a round trip in milliseconds.
func Measurable(ms float64) error {
	if !(ms > 0 && ms <= MaxMs) {
		return fmt.Errorf("a round trip of %v ms is not above 0 and at most %d ms", ms, MaxMs)
	}
	return nil
}

// Bearable checks the value of a load.
func Bearable(v float64) error {
	if !(v >= 0 && v <= MaxLoad) || math.IsInf(v, 0) {
		return fmt.Errorf("a load of %v is not within 0 to %g", v, float64(MaxLoad))
	}
	return nil
}

// Subject is whose round trips a Latency holds: those of the clients in a network, a country, or an
// autonomous system. Exactly one of the three is set.
type Subject struct {
	Prefix  netip.Prefix
	Country string // ISO 3166-1 alpha-2, in capitals
	ASN     uint32
}

// String is the subject as State keys it: "192.0.2.0/24", "country/DE" or "asn/64500".
func (s Subject) String() string {
	switch {
	case s.Prefix.IsValid():
		return s.Prefix.String()
	case s.Country != "":
		return "country/" + s.Country
	}
	return "asn/" + strconv.FormatUint(uint64(s.ASN), 10)
}

const subjects = "write a network (192.0.2.0/24, 2001:db8::/48), country/DE or asn/64500"

// ParseSubject reads what String gives. A network comes out with its host bits
// cleared, and IPv4 inside IPv6 (::ffff:192.0.2.0/120) as the IPv4 network it stands for.
func ParseSubject(text string) (Subject, error) {
	switch kind, rest, _ := strings.Cut(text, "/"); kind {
	case "":
		return Subject{}, fmt.Errorf("%q names no clients; %s", text, subjects)
	case "country":
		code := strings.ToUpper(rest)
		if len(code) != 2 || code[0] < 'A' || code[0] > 'Z' || code[1] < 'A' || code[1] > 'Z' {
			return Subject{}, fmt.Errorf("%q is not a country; write the two letters of ISO 3166-1, as in country/DE", text)
		}
		return Subject{Country: code}, nil
	case "asn":
		n, err := strconv.ParseUint(rest, 10, 32)
		if err != nil || n == 0 || rest[0] == '+' {
			return Subject{}, fmt.Errorf("%q is not an autonomous system; write its number, 1 to 4294967295, as in asn/64500", text)
		}
		return Subject{ASN: uint32(n)}, nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			return Subject{}, fmt.Errorf("%q is an address without a length; write the network, as in %s", text, netip.PrefixFrom(a, a.BitLen()))
		}
		return Subject{}, fmt.Errorf("%q names no clients; %s", text, subjects)
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return Subject{}, fmt.Errorf("%q is IPv4 inside IPv6 and more; write the IPv4 network, as in %s", text, netip.PrefixFrom(a.Unmap(), 24).Masked())
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return Subject{Prefix: p.Masked()}, nil
}
