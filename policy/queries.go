package policy

import (
	"net/netip"
	"time"
)

// Bounds on samples of queries.
const (
	MaxSampling = Duration(time.Hour) // that one call may ask for
	MaxSampled  = 1000                // queries that a node keeps, and that one answer has
	MaxTop      = 20                  // of each table of an answer
)

// SampleRequest turns sampling on, or off with Every 0.
type SampleRequest struct {
	Every int      `json:"every"` // one of so many queries
	For   Duration `json:"for"`
}

// SampledQuery is one query that was answered.
type SampledQuery struct {
	At      time.Time    `json:"at"`
	Node    string       `json:"node"`
	Name    string       `json:"name"`
	Type    string       `json:"type"`
	Client  netip.Prefix `json:"client"` // a /24 of IPv4 or a /48 of IPv6: the client's network by EDNS Client Subnet, else the resolver's
	Country string       `json:"country,omitempty"`
	Answers []string     `json:"answers"` // data of the first 8 records
	Rcode   string       `json:"rcode"`
	Scope   int          `json:"scope"` // of RFC 7871; 0 without EDNS Client Subnet
}

// Tally is how often something was among the samples: at the most, and at the least Count - Over.
type Tally struct {
	Key   string `json:"key"`
	Count uint64 `json:"count"`
	Over  uint64 `json:"over,omitempty"`
}

// QuerySample is what was sampled, of one node or of all.
type QuerySample struct {
	Every     int            `json:"every"`          // one of so many queries; 0: sampling is off
	Until     time.Time      `json:"until,omitzero"` // when it ends
	Sampled   uint64         `json:"sampled"`        // since it began
	Dropped   uint64         `json:"dropped"`        // for want of room
	Items     []SampledQuery `json:"items"`          // newest first
	Names     []Tally        `json:"names"`          // most first, likewise the others
	Countries []Tally        `json:"countries"`      //
	Answers   []Tally        `json:"answers"`        //
	Missing   []string       `json:"missing"`        // labels of nodes that could not be asked
	Ago       Duration       `json:"ago,omitempty"`  // between nodes: the newest item's age
	ToGo      Duration       `json:"toGo,omitempty"` // between nodes: until it ends
}

// SampledClient is as much of a client's address as samples keep.
func SampledClient(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 48
	if a.Is4() {
		bits = 24
	}
	p, _ := a.Prefix(bits) // no address is no prefix
	return p
}
