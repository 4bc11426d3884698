package policy

import (
	"net/netip"
	"strconv"
	"strings"
)

// Subject is whom a measured round-trip time is of: a network, a country or an AS number.
type Subject struct {
	Prefix  netip.Prefix
	Country string
	ASN     uint32
}

// String is "192.0.2.0/24", "country/DE" or "asn/64500".
func (s Subject) String() string {
	switch {
	case s.Country != "":
		return "country/" + s.Country
	case s.ASN != 0:
		return "asn/" + strconv.FormatUint(uint64(s.ASN), 10)
	}
	return s.Prefix.String()
}

// ParseSubject reads what String writes.
func ParseSubject(text string) (s Subject, err error) {
	kind, rest, _ := strings.Cut(text, "/")
	switch kind {
	case "country":
		if !upper(rest, 2, 2) {
			return s, Errorf(Invalid, "%q is not a country; they are written as in ISO 3166-1: country/DE", text)
		}
		s.Country = rest
		return s, nil
	case "asn":
		n, err := strconv.ParseUint(rest, 10, 32)
		if err != nil || n == 0 {
			return s, Errorf(Invalid, "%q is not an AS number; they are written asn/64500, from 1 to 4294967295", text)
		}
		s.ASN = uint32(n)
		return s, nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return s, Errorf(Invalid, "%q is no network, country or AS number; write 192.0.2.0/24, country/DE or asn/64500", text)
	}
	var problems Problems
	if !checkCIDR("", p, &problems) {
		return s, &Error{Kind: Invalid, Message: problems[0].Message}
	}
	s.Prefix = p
	return s, nil
}

// Latency is the measured round-trip times of a subject.
type Latency struct {
	Subject string `json:"subject"`
	Regions []RTT  `json:"regions"` // sorted by region
}

// RTT is a measured round-trip time to a region.
type RTT struct {
	Region  string  `json:"region"`
	Ms      float64 `json:"ms"`
	At      int64   `json:"at"` // State clock
	Samples int     `json:"samples,omitempty"`
}

// Load is what a target carries.
type Load struct {
	Target string   `json:"target"` // "endpoint/web/a", "pool/web", "region/us-east" or "service/www.example.com"
	Value  float64  `json:"value"`  // in the unit that capacity is declared in
	At     int64    `json:"at"`     // State clock
	MaxAge Duration `json:"maxAge"`
}
