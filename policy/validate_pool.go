package policy

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

func (o *Pool) validate(at string, regions, monitors map[string]int, list []Region, p *Problems) {
	if o.Monitor != "" {
		if _, ok := monitors[o.Monitor]; !ok {
			p.Add(at+"/monitor", "there is no monitor %q", o.Monitor)
		}
	}
	if o.Monitor != "" && o.Monitors != nil {
		p.Add(at+"/monitors", "pool %q has both monitor (%s) and monitors; it takes one of them", o.Name, o.Monitor)
	}
	o.Monitors.validate(at+"/monitors", monitors, p)
	for i := range o.Endpoints {
		e, at := &o.Endpoints[i], fmt.Sprintf("%s/endpoints/%d", at, i)
		if _, ok := monitors[e.Monitor]; e.Monitor != "" && !ok {
			p.Add(at+"/monitor", "there is no monitor %q", e.Monitor)
		}
		if e.Monitor != "" && e.Monitors != nil {
			p.Add(at+"/monitors", "endpoint %q has both monitor (%s) and monitors; it takes one of them", e.Name, e.Monitor)
		}
		e.Monitors.validate(at+"/monitors", monitors, p)
	}
	if o.Region != "" {
		if _, ok := regions[o.Region]; !ok {
			p.Add(at+"/region", "there is no region %q", o.Region)
		}
	}
	if len(o.Endpoints) == 0 {
		p.Add(at+"/endpoints", "pool %q has no endpoint", o.Name)
	}
	if len(o.Endpoints) > MaxEndpoints {
		p.Add(at+"/endpoints", "pool %q has %d endpoints; %d is the most", o.Name, len(o.Endpoints), MaxEndpoints)
	}
	o.MinAvailable.validate(at+"/minAvailable", "minAvailable", len(o.Endpoints), p)
	if o.PanicThreshold != 0 {
		o.PanicThreshold.validate(at+"/panicThreshold", "panicThreshold", p)
		if !slices.ContainsFunc(o.Endpoints, func(e Endpoint) bool { return o.SetOf(&e) != nil }) {
			p.Add(at+"/panicThreshold", "pool %q has no monitor, so nothing is ever removed from it; give it one, or take panicThreshold out", o.Name)
		}
	}
	o.Capacity.validate(at+"/capacity", p)
	names := map[string]bool{}
	addrs := map[netip.Addr]string{}
	for i := range o.Endpoints {
		e, at := &o.Endpoints[i], fmt.Sprintf("%s/endpoints/%d", at, i)
		if err := CheckLabel(e.Name); err != nil {
			p.Add(at+"/name", "%v", err)
		} else if names[e.Name] {
			p.Add(at+"/name", "%q is the name of an earlier endpoint of pool %q", e.Name, o.Name)
		}
		names[e.Name] = true
		e.validate(at, o, regions, list, p)
		for _, a := range e.Addrs() {
			if other, ok := addrs[a]; ok {
				p.Add(at, "address %s is endpoint %q's already", a, other)
			}
			addrs[a] = e.Name
		}
	}
}

func (e *Endpoint) validate(at string, pool *Pool, regions map[string]int, list []Region, p *Problems) {
	addrs := e.Addrs()
	switch {
	case e.Hostname != "" && len(addrs) > 0:
		p.Add(at, "endpoint %q has both a hostname (%s) and an address (%s); it takes one of them", e.Name, e.Hostname, addrs[0])
	case e.Hostname == "" && len(addrs) == 0 && len(e.Records) == 0:
		p.Add(at, "endpoint %q has no address, no hostname and no records", e.Name)
	case e.Hostname == "" && len(addrs) == 0 && pool.SetOf(e) != nil && (e.Probe == nil || !e.Probe.Address.IsValid()):
		p.Add(at, "endpoint %q has only records, so its monitor has nowhere to probe; give it probe: {address: ...}, or put it in a pool without a monitor", e.Name)
	}
	switch {
	case e.Resolve != "" && e.Resolve != "flatten":
		p.Add(at+"/resolve", "resolve %q is not known; flatten is, and without it a hostname is answered as a CNAME", e.Resolve)
	case e.Resolve != "" && e.Hostname == "":
		p.Add(at+"/resolve", "resolve says how to answer a hostname, and endpoint %q has none", e.Name)
	}
	e.validateRecords(at+"/records", p)
	for _, a := range addrs {
		switch {
		case !a.IsValid() || a.Zone() != "":
			p.Add(at, "address %q cannot stand in an A or AAAA record", a)
		case a.Is4In6():
			p.Add(at, "address %s is IPv4 written as IPv6; write %s", a, a.Unmap())
		case a.IsUnspecified() || a.IsMulticast():
			p.Add(at, "address %s is no host's address", a)
		}
	}
	if w := e.WeightOr1(); w < 0 || w > MaxWeight {
		p.Add(at+"/weight", "weight %d is not within 0 to %d", w, MaxWeight)
	}
	name := e.RegionOr(pool)
	i, ok := regions[name]
	if e.Region != "" && !ok {
		p.Add(at+"/region", "there is no region %q", e.Region)
	}
	if e.AZ != "" && !ok && e.Region == "" && pool.Region == "" {
		p.Add(at+"/az", "endpoint %q has an availability zone but no region", e.Name)
	}
	if e.AZ != "" && ok && len(list[i].AZs) > 0 && !slices.Contains(list[i].AZs, e.AZ) {
		p.Add(at+"/az", "region %q has no availability zone %q; it has %s", name, e.AZ, strings.Join(list[i].AZs, ", "))
	}
	if e.Probe != nil && e.Probe.Port != 0 {
		port(p, at+"/probe/port", e.Probe.Port)
	}
}

// validateRecords checks what there is to check without reading the data,
// which is the business of policy/zonefile where a document comes in.
func (e *Endpoint) validateRecords(at string, p *Problems) {
	if e.Alias() && len(e.Records) > 0 {
		p.Add(at, "endpoint %q has a hostname, which is answered as a CNAME, and a CNAME stands alone (RFC 2181 section 10.1); write resolve: flatten, or take the records out", e.Name)
	}
	for _, key := range slices.Sorted(maps.Keys(e.Records)) {
		_, known := recordKind(key)
		n := len(e.Records[key])
		switch at := at + "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key); {
		case key == "A" || key == "AAAA":
			p.Add(at, "an endpoint's addresses are written as address or addresses, not as %s records", key)
		case key == "CNAME":
			p.Add(at, "an endpoint's CNAME is written as hostname")
		case !known:
			p.Add(at, "%q records cannot be steered; MX, TXT, SRV, SVCB and HTTPS can", key)
		case n < 1 || n > MaxRecords:
			p.Add(at, "there are %d %s records; 1 to %d may be", n, key, MaxRecords)
		}
	}
}
