package zonefile

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-gtm/meridian/policy"
)

// Check holds a zone against the rules of serving it. Errors forbid it: no SOA
// or several, an SOA below the apex, no NS at the apex, a CNAME beside other
// data, several CNAME or DNAME at a name, NS beside DNAME below the apex, NS at
// a wildcard, a TTL over 2^31-1, a type that no zone can hold. Warnings tell of what can be
// served and is most likely not meant: missing glue, data that a delegation or
// DNAME hides, targets that are aliases or have no address, a single name
// server, DS without NS.
//
// A zone value has no lines, so the problems have only messages, at most a
// hundred of each sort. Parse runs the same rules, with lines.
func Check(z *policy.Zone) (errs, warnings []policy.Problem) {
	e, w := inspect(z)
	var fe, fw findings
	for _, f := range e {
		fe.add(policy.Problem{Message: f.msg})
	}
	for _, f := range w {
		fw.add(policy.Problem{Message: f.msg})
	}
	return fe.sorted("", "mistakes"), fw.sorted("", "warnings")
}

// finding is a broken rule and the RRset it is about.
type finding struct {
	name policy.Name
	typ  uint16
	nth  int    // which differing record of the RRset, from 0, in the order of a file
	data []byte // or the record itself
	with uint16 // another type at the name that has part in it, or 0
	msg  string
}

// fault places a finding: at the record that completed the trouble.
func (f finding) fault(r *records) *fault {
	line := r.line(f.name, f.typ, f.nth)
	if f.data != nil {
		line = r.lineOf(f.name, f.typ, f.data)
	}
	if f.with != 0 {
		line = max(line, r.line(f.name, f.with, 0))
	}
	return &fault{line: line, msg: f.msg}
}

// inspect runs all rules, in canonical order of names. It stops when there
// is more trouble than can be listed.
func inspect(z *policy.Zone) (errs, warnings []finding) {
	c := checker{z: z, nsTargets: map[policy.Name]bool{}, hides: map[policy.Name]uint16{}}
	for key, o := range z.Owners.All {
		name := nameOf(key)
		for _, set := range o.RRsets {
			c.set(name, set)
		}
	}
	c.apex()
	for key, o := range z.Owners.All {
		if len(c.errs) > maxProblems || len(c.warnings) > maxProblems {
			break
		}
		c.owner(nameOf(key), o)
	}
	return c.errs, c.warnings
}

type checker struct {
	z         *policy.Zone
	nsTargets map[policy.Name]bool   // of every NS record
	hides     map[policy.Name]uint16 // every delegation and DNAME, with its type
	cover     policy.Name            // the one of them that the walk is at or below
	coverType uint16

	errs, warnings []finding
}

func (c *checker) errorf(f finding, format string, args ...any) {
	if len(c.errs) <= maxProblems {
		f.msg = fmt.Sprintf(format, args...)
		c.errs = append(c.errs, f)
	}
}

func (c *checker) warnf(f finding, format string, args ...any) {
	if len(c.warnings) <= maxProblems {
		f.msg = fmt.Sprintf(format, args...)
		c.warnings = append(c.warnings, f)
	}
}

// set holds the rules of one RRset by itself, and notes delegations and DNAME.
func (c *checker) set(name policy.Name, set policy.RRset) {
	if set.Type == policy.TypeDNAME || set.Type == policy.TypeNS && name != c.z.Name {
		c.hides[name] = set.Type
	}
	if set.Type == policy.TypeNS {
		for _, d := range set.Data {
			c.nsTargets[target(set.Type, d)] = true
		}
	}
	f := finding{name: name, typ: set.Type}
	if err := ttlInRange(set.TTL); err != nil {
		c.errorf(f, "%s %s: %v", name, TypeString(set.Type), err)
	}
	if err := storable(set.Type); err != nil {
		c.errorf(f, "%s: %v", name, err)
	}
	if n := len(set.Data); n > 1 && (set.Type == policy.TypeCNAME || set.Type == policy.TypeDNAME || set.Type == policy.TypeSOA) {
		f.nth = 1
		c.errorf(f, "%s has %d %s records; a name has one at most", name, n, TypeString(set.Type))
	}
	if set.Type == policy.TypeSOA && name != c.z.Name {
		c.errorf(f, "%s has an SOA record, and the zone's apex is %s; a zone of its own is imported by itself", name, c.z.Name)
	}
	if set.Type == policy.TypeNS && name.Wildcard() {
		c.errorf(f, "%s has NS records; a wildcard cannot be delegated (RFC 4592 section 4.2)", name)
	}
}

func (c *checker) apex() {
	o := c.z.Owner(c.z.Name)
	if o == nil {
		o = &policy.Owner{}
	}
	f := finding{name: c.z.Name, typ: policy.TypeSOA}
	if o.Find(policy.TypeSOA) == nil {
		c.errorf(f, "%s has no SOA record; a zone needs one at its apex", c.z.Name)
	}
	switch ns := o.Find(policy.TypeNS); {
	case ns == nil:
		c.errorf(f, "%s has no NS record; a zone needs its name servers at its apex", c.z.Name)
	case len(ns.Data) == 1:
		f.typ = policy.TypeNS
		c.warnf(f, "%s has a single name server; two or more keep it reachable (RFC 2182 section 5)", c.z.Name)
	}
	if o.Find(policy.TypeDS) != nil {
		f.typ = policy.TypeDS
		c.warnf(f, "%s has a DS record; DS is asked of the parent zone (RFC 4035 section 2.4)", c.z.Name)
	}
}

// owner holds the rules of one name, in canonical order of names.
func (c *checker) owner(name policy.Name, o *policy.Owner) {
	c.alone(name, o)
	if c.cover != "" && name != c.cover && name.Under(c.cover) {
		c.hidden(name, o)
		return
	}
	c.cover = ""
	ns, dname := o.Find(policy.TypeNS), o.Find(policy.TypeDNAME)
	switch {
	case ns != nil && name != c.z.Name:
		c.cover, c.coverType = name, policy.TypeNS
		c.hidden(name, o)
	case dname != nil:
		c.cover, c.coverType = name, policy.TypeDNAME
	}
	if ns == nil && o.Find(policy.TypeDS) != nil && name != c.z.Name {
		c.warnf(finding{name: name, typ: policy.TypeDS}, "%s has DS records and no NS; DS belongs to a delegation", name)
	}
	for _, set := range o.RRsets {
		switch set.Type {
		case policy.TypeNS, policy.TypeMX, policy.TypeSRV:
			c.targets(name, set)
		case policy.TypeSVCB, policy.TypeHTTPS:
			c.bindings(name, set)
		}
	}
}

// alone holds the rules of CNAME and DNAME beside other types.
func (c *checker) alone(name policy.Name, o *policy.Owner) {
	if o.Find(policy.TypeCNAME) != nil {
		var others []string
		f := finding{name: name, typ: policy.TypeCNAME}
		for _, s := range o.RRsets {
			switch s.Type {
			case policy.TypeCNAME, dns.TypeRRSIG, dns.TypeNSEC, dns.TypeKEY, dns.TypeSIG, dns.TypeNXT:
			default:
				if f.with == 0 {
					f.with = s.Type
				}
				if len(others) < 5 {
					others = append(others, TypeString(s.Type))
				}
			}
		}
		switch {
		case name == c.z.Name:
			c.errorf(finding{name: name, typ: policy.TypeCNAME}, "%s is the zone's apex and cannot be a CNAME; use addresses or a service there (RFC 2181 section 10.1)", name)
		case len(others) > 0:
			c.errorf(f, "%s has a CNAME and also %s; a CNAME stands alone (RFC 2181 section 10.1)", name, strings.Join(others, ", "))
		}
	}
	if name != c.z.Name && o.Find(policy.TypeDNAME) != nil && o.Find(policy.TypeNS) != nil {
		c.errorf(finding{name: name, typ: policy.TypeDNAME, with: policy.TypeNS}, "%s has DNAME and NS; a name is redirected or delegated, not both (RFC 6672 section 2.3)", name)
	}
}

// hidden warns of data that is never answered: at a delegation or below it all
// but the delegation itself and glue, and everything below a DNAME.
func (c *checker) hidden(name policy.Name, o *policy.Owner) {
	for _, set := range o.RRsets {
		switch set.Type {
		case policy.TypeNS, policy.TypeDS:
			if name == c.cover {
				continue
			}
		case policy.TypeA, policy.TypeAAAA:
			if c.coverType == policy.TypeNS && c.nsTargets[name] {
				continue
			}
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3:
			continue
		}
		kind := "delegation"
		if c.coverType == policy.TypeDNAME {
			kind = "DNAME"
		}
		c.warnf(finding{name: name, typ: set.Type}, "%s %s is never answered: the %s at %s hides it", name, TypeString(set.Type), kind, c.cover)
		return
	}
}

// targets warns of NS, MX and SRV records that lead nowhere inside the zone.
func (c *checker) targets(name policy.Name, set policy.RRset) {
	seen := map[policy.Name]bool{}
	for _, d := range set.Data {
		t := target(set.Type, d)
		if t == "" || t == policy.Root || seen[t] || !t.Under(c.z.Name) {
			continue
		}
		seen[t] = true
		if len(c.warnings) > maxProblems {
			return
		}
		f := finding{name: name, typ: set.Type, data: d}
		hidden := c.hiding(t)
		o := c.find(t, hidden != 0)
		addresses := o != nil && (o.Find(policy.TypeA) != nil || o.Find(policy.TypeAAAA) != nil)
		typ := TypeString(set.Type)
		switch {
		case hidden != 0 && (set.Type != policy.TypeNS || hidden != policy.TypeNS):
			// another zone's business
		case o != nil && o.Find(policy.TypeCNAME) != nil:
			c.warnf(f, "%s %s leads to %s, which is an alias (CNAME); it must be a name with addresses (RFC 2181 section 10.3)", name, typ, t)
		case addresses || set.Type == policy.TypeSRV:
		case hidden != 0:
			c.warnf(f, "%s NS leads to %s, which is below a delegation and has no glue: add its A or AAAA record", name, t)
		default:
			c.warnf(f, "%s %s leads to %s, which has no address in the zone", name, typ, t)
		}
	}
}

// hiding is the type of the topmost delegation or DNAME that hides a name, or 0.
func (c *checker) hiding(name policy.Name) uint16 {
	top := uint16(0)
	for n := name; len(c.hides) > 0; n = n.Parent() {
		if typ := c.hides[n]; typ == policy.TypeNS || n != name && typ != 0 {
			top = typ
		}
		if n == c.z.Name {
			break
		}
	}
	return top
}

// find is the owner that answers for a name, a wildcard perhaps (RFC 4592
// section 3.3), or nil. Hidden names are only ever found themselves.
func (c *checker) find(name policy.Name, hidden bool) *policy.Owner {
	if o := c.z.Owner(name); o != nil || hidden {
		return o
	}
	for name = name.Parent(); ; name = name.Parent() {
		if c.z.Owner(name) != nil {
			return c.z.Owner("\x01*" + name)
		}
		if name == c.z.Name {
			return nil
		}
	}
}
