package change

import (
	"fmt"

	"github.com/meridian-gtm/meridian/policy"
)

// PutZone creates a zone, or replaces the whole of it.
type PutZone struct {
	Zone *policy.Zone
}

// MarshalBinary is the zone's wire form.
func (b PutZone) MarshalBinary() ([]byte, error) {
	if b.Zone == nil {
		return nil, policy.Errorf(policy.Invalid, "there is no zone to put")
	}
	return b.Zone.MarshalBinary()
}

// UnmarshalBinary reads MarshalBinary.
func (b *PutZone) UnmarshalBinary(data []byte) (err error) {
	b.Zone, err = policy.ParseZone(data)
	return err
}

func (b PutZone) apply(d *making) error {
	if b.Zone == nil {
		return policy.Errorf(policy.Invalid, "there is no zone to put")
	}
	z := b.Zone.Copy()
	old, existed := d.Zones.Get(z.Name.Key())
	if err := d.matchZone(z.Name); err != nil {
		return err
	}
	soa := z.SOA()
	if soa == nil || len(soa.Data) != 1 {
		return policy.Errorf(policy.Invalid, "zone %s needs exactly one SOA record at its apex", z.Name)
	}
	if existed && old.Owners.Sum() == z.Owners.Sum() {
		d.outcome.Revision = old.Rev // the same content: nothing to do
		return nil
	}
	if _, err := d.clashes(z, nil); err != nil {
		return err
	}
	return d.putZone(z)
}

// putZone puts in a zone whose records were found good, unless endpoints have their addresses from others.
func (d *making) putZone(z *policy.Zone) error {
	if err := d.keepFlattened(func(after *policy.State) { after.Zones.Set(z.Name.Key(), z) }); err != nil {
		return err
	}
	z.ID = d.id("zone/" + z.Name.String())
	z.Rev = d.revise()
	d.Zones.Set(z.Name.Key(), z)
	return nil
}

// clashes is the first steered name that cannot stand beside the records of a
// zone, of those that only holds, or with nil of all. It takes time by the number of services.
func (d *making) clashes(z *policy.Zone, only map[policy.Name]int) (policy.Name, error) {
	for _, o := range d.Services.All {
		for _, n := range o.Spec.Owners() {
			if _, ok := only[n]; only != nil && !ok || !n.Under(z.Name) || d.zoneOf(n, z) != z {
				continue
			}
			if err := d.clash(&o.Spec, n, z); err != nil {
				return n, err
			}
		}
	}
	return "", nil
}

// zoneOf is the zone that a name falls in once z is there.
func (d *making) zoneOf(n policy.Name, z *policy.Zone) *policy.Zone {
	if cur := d.ZoneFor(n); cur != nil && cur.Name.Labels() > z.Name.Labels() {
		return cur
	}
	return z
}

// clash refuses a steered name that cannot stand beside the records of the zone at that name.
func (d *making) clash(s *policy.Service, n policy.Name, z *policy.Zone) error {
	o := z.Owner(n)
	if o == nil {
		return nil
	}
	if o.Find(policy.TypeCNAME) != nil {
		return policy.Errorf(policy.Conflict, "%s is a CNAME in the zone %s and steered by service %s; a CNAME stands alone (RFC 2181 section 10.1): take one of them out", n, z.Name, s.ID())
	}
	for k := range policy.AnswerKinds {
		if o.Find(k.Type()) != nil && d.any(s, func(e *policy.Endpoint) bool { return e.Has(k) || e.Flattens() && k.Family() }) {
			return policy.Errorf(policy.Conflict, "%s has %s records in the zone %s and is steered by service %s, which has %s endpoints; take one of them out", n, k.TypeName(), z.Name, s.ID(), k)
		}
	}
	switch {
	case !d.any(s, (*policy.Endpoint).Alias):
	case n == z.Name:
		return policy.Errorf(policy.Conflict, "%s is the apex of its zone, where no CNAME may stand (RFC 1034 section 3.6.2), but a pool of service %s has an endpoint with a hostname; give it addresses, or resolve: flatten if a zone here holds the hostname", n, s.ID())
	case len(o.RRsets) > 0 && o.Find(policy.TypeNS) == nil: // a delegation wins anyway
		return policy.Errorf(policy.Conflict, "%s has records in the zone %s and is steered by service %s, which has an endpoint with a hostname; it is answered as a CNAME, which stands alone (RFC 2181 section 10.1): give the endpoint addresses, or resolve: flatten if a zone here holds the hostname", n, z.Name, s.ID())
	}
	return nil
}

// any says whether any endpoint of a service is so. A flattened host name may
// come to have addresses of either family, whatever it has now.
func (d *making) any(s *policy.Service, is func(*policy.Endpoint) bool) bool {
	for name := range d.PoolsOf(s) {
		if p, ok := d.Pools.Get(name); ok {
			for i := range p.Spec.Endpoints {
				if is(&p.Spec.Endpoints[i]) {
					return true
				}
			}
		}
	}
	return false
}

// DeleteZone takes a zone out. One that still holds steered names is kept (I-04).
type DeleteZone struct {
	Name policy.Name `json:"name"`
}

func (b DeleteZone) apply(d *making) error {
	if !d.Zones.Has(b.Name.Key()) {
		return policy.Errorf(policy.NotFound, "there is no zone %s", b.Name)
	}
	if err := d.matchZone(b.Name); err != nil {
		return err
	}
	if err := d.keepFlattened(func(after *policy.State) { after.Zones.Delete(b.Name.Key()) }); err != nil {
		return err
	}
	d.Zones.Delete(b.Name.Key())
	for _, o := range d.Services.All {
		for _, n := range o.Spec.Owners() {
			if !n.Under(b.Name) {
				continue
			}
			parent := d.ZoneFor(n)
			if parent == nil {
				return policy.Errorf(policy.Conflict, "service %s steers %s in zone %s; delete the service first", o.Spec.ID(), n, b.Name)
			}
			if err := d.clash(&o.Spec, n, parent); err != nil {
				return err
			}
		}
	}
	d.revise()
	d.IDs.Delete("zone/" + b.Name.String())
	return nil
}

// checkServices refuses services outside every zone, or that clash with records.
func (d *making) checkServices(services []policy.Service) error {
	var p policy.Problems
	for i := range services {
		s := &services[i]
		for _, n := range s.Owners() {
			z := d.ZoneFor(n)
			if z == nil {
				p.Add(fmt.Sprintf("/services/%d", i), "no zone holds %s; import its zone first (meridian zone import FILE)", n)
			} else if err := d.clash(s, n, z); err != nil {
				p.Add(fmt.Sprintf("/services/%d", i), "%v", err)
			}
		}
	}
	return p.Err("the configuration does not fit the zones")
}
