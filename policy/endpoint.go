package policy

import "net/netip"

// Pool is endpoints that serve the same thing.
type Pool struct {
	Name         string      `json:"name"`
	Region       string      `json:"region,omitempty"`
	Monitor      string      `json:"monitor,omitempty"`
	Monitors     *MonitorSet `json:"monitors,omitempty"`    // several, instead of Monitor
	MinAvailable Amount      `json:"minAvailable,omitzero"` // endpoints, or a share of them; default 1
	// PanicThreshold is the least share of its members that must be up for health to take any
	// out of answers: 1 to 100 percent, default off. With fewer up the whole pool is served, as long as any is up.
	PanicThreshold Percent    `json:"panicThreshold,omitempty"`
	Capacity       *Capacity  `json:"capacity,omitempty"`
	Endpoints      []Endpoint `json:"endpoints"`
}

// Endpoint is one machine: its IPv4 and IPv6 addresses, or a host name that is
// answered as a CNAME, or by the addresses it has (resolve: flatten). Records are
// what else is answered for it: by type (MX, TXT, SRV, SVCB, HTTPS), each
// record's data as in a master file, with absolute names.
type Endpoint struct {
	Name      string              `json:"name"`
	Address   netip.Addr          `json:"address,omitzero"`
	Addresses []netip.Addr        `json:"addresses,omitempty"`
	Hostname  Name                `json:"hostname,omitempty"`
	Resolve   string              `json:"resolve,omitempty"` // "flatten": answer with the host name's addresses
	Records   map[string][]string `json:"records,omitempty"`
	Region    string              `json:"region,omitempty"` // default the pool's
	AZ        string              `json:"az,omitempty"`
	Weight    *int                `json:"weight,omitempty"` // 0 to 1,000,000, default 1; 0 is a reserve
	Labels    map[string]string   `json:"labels,omitempty"`
	Probe     *ProbeTarget        `json:"probe,omitempty"`
	Monitor   string              `json:"monitor,omitempty"`  // instead of its pool's
	Monitors  *MonitorSet         `json:"monitors,omitempty"` // likewise, several
}

// ProbeTarget is where to probe an endpoint when not at its own address and the monitor's port.
type ProbeTarget struct {
	Address netip.Addr `json:"address,omitzero"`
	Port    int        `json:"port,omitempty"`
}

// Addrs are the endpoint's addresses, as written.
func (e *Endpoint) Addrs() []netip.Addr {
	if e.Address.IsValid() {
		return append([]netip.Addr{e.Address}, e.Addresses...)
	}
	return e.Addresses
}

// WeightOr1 is the weight, 1 by default.
func (e *Endpoint) WeightOr1() int {
	if e.Weight == nil {
		return 1
	}
	return *e.Weight
}

// RegionOr is the endpoint's region, by default its pool's.
func (e *Endpoint) RegionOr(pool *Pool) string {
	if e.Region != "" {
		return e.Region
	}
	return pool.Region
}

// Alias says whether the endpoint is answered as a CNAME.
func (e *Endpoint) Alias() bool { return e.Hostname != "" && e.Resolve == "" }

// Flattens says whether the addresses of the endpoint's host name are answered in its place.
func (e *Endpoint) Flattens() bool { return e.Hostname != "" && e.Resolve == "flatten" }

// Has says whether the endpoint itself has an answer of a kind. An alias
// stands in for both families; what a flattened host name has, only State.Has knows.
func (e *Endpoint) Has(k AnswerKind) bool {
	if !k.Family() {
		return len(e.Records[k.String()]) > 0
	}
	if e.Alias() {
		return true
	}
	for _, a := range e.Addrs() {
		if a.Is4() == (k == IPv4) {
			return true
		}
	}
	return false
}

// AddressSet is the endpoint's own addresses of a family as an RRset, in the
// order written; it has no data when there are none, and no TTL of its own.
func (e *Endpoint) AddressSet(k AnswerKind) RRset {
	set := RRset{Type: k.Type(), TTL: MaxTTL}
	for _, a := range e.Addrs() {
		if a.Is4() == (k == IPv4) {
			set.Data = append(set.Data, a.AsSlice())
		}
	}
	return set
}
