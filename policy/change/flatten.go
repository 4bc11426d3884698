package change

import (
	"fmt"

	"github.com/meridian-gtm/meridian/policy"
)

// flattened goes through the endpoints that are answered by the addresses of
// their host name, with their places in the configuration document.
func flattened(s *policy.State, do func(e *policy.Endpoint, id, at string)) {
	i := 0
	for name, o := range s.Pools.All {
		for j := range o.Spec.Endpoints {
			if e := &o.Spec.Endpoints[j]; e.Flattens() {
				do(e, policy.EndpointID(name, e.Name), fmt.Sprintf("/pools/%d/endpoints/%d/hostname", i, j))
			}
		}
		i++
	}
}

// checkFlattened refuses host names to flatten whose addresses no zone here
// has, and those that are steered, whose addresses are not the same for everybody.
func (d *making) checkFlattened() error {
	var p policy.Problems
	flattened(d.State, func(e *policy.Endpoint, id, at string) {
		if s := d.steeredBy(e.Hostname); s != "" {
			p.Add(at, "%s flattens %s, which service %s steers; let that service steer this name too (names: [...]), or use its pools in the tree", id, e.Hostname, s)
		} else if _, err := d.Flatten(e.Hostname); err != nil {
			p.Add(at, "%s flattens %s, and %v; flatten takes addresses from the zones here: write the endpoint's own addresses, or leave resolve out for a CNAME", id, e.Hostname, err)
		}
	})
	return p.Err("the configuration does not fit the zones")
}

// keepFlattened refuses a change of zones that takes away all addresses of a
// host name that is flattened: no answer may go with a record that looks unused.
func (d *making) keepFlattened(change func(after *policy.State)) error {
	var p policy.Problems
	var after *policy.State
	flattened(d.State, func(e *policy.Endpoint, id, _ string) {
		if _, err := d.Flatten(e.Hostname); err != nil {
			return // it had none before
		}
		if after == nil {
			after = d.Clone()
			change(after)
		}
		if _, err := after.Flatten(e.Hostname); err != nil {
			p.Add("", "%s flattens %s, and then %v", id, e.Hostname, err)
		}
	})
	if len(p) == 0 {
		return nil
	}
	return &policy.Error{Kind: policy.Conflict, Message: "endpoints have their addresses from these records; change the endpoints first", Problems: p}
}

// steeredBy is the service that steers exactly this name, or "".
func (d *making) steeredBy(n policy.Name) string {
	for id, o := range d.Services.All {
		for _, owner := range o.Spec.Owners() {
			if owner == n {
				return id
			}
		}
	}
	return ""
}
