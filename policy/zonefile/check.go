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
// served and is most likely not meant: missing glue, delegations that need each
// other, data that a delegation or DNAME hides, targets that are aliases or have
// no address, a single name server, DS without NS, an RRset too large for one
// UDP answer.
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

// Mistakes is what forbids a zone to be served because of one of its names: a
// zone has no other mistakes than those of its names, so that an edit of some
// has to be held against these alone. It takes no longer for a large zone.
//
// Changes are applied by these rules on every node, so a rule may only be
// altered together with the feature level.
func Mistakes(z *policy.Zone, name policy.Name) []string {
	c := checker{z: z}
	o := z.Owner(name)
	if o == nil {
		o = &policy.Owner{}
	}
	for _, set := range o.RRsets {
		c.set(name, set)
	}
	if name == z.Name {
		c.apex(o)
	}
	c.alone(name, o)
	return messages(c.errs)
}

// Warnings is what Check would warn of because of some names of a zone, as far
// as those names and what is above them show it: whether an address below a
// delegation is glue takes the whole zone, and so do cycles.
func Warnings(z *policy.Zone, names ...policy.Name) []string {
	c := checker{z: z}
	for _, name := range names {
		o := z.Owner(name)
		if o == nil {
			continue
		}
		for _, set := range o.RRsets {
			c.set(name, set)
		}
		if name == z.Name {
			c.apex(o)
		}
		c.cover, c.coverType = c.above(name)
		c.owner(name, o)
	}
	return messages(c.warnings)
}

func messages(list []finding) []string {
	var out []string
	for _, f := range list {
		out = append(out, f.msg)
	}
	return out
}

// inspect runs all rules, in canonical order of names. It stops when there
// is more trouble than can be listed.
func inspect(z *policy.Zone) (errs, warnings []finding) {
	c := checker{z: z, nsTargets: map[policy.Name]bool{}, hides: map[policy.Name]uint16{}}
	for key, o := range z.Owners.All {
		name := nameOf(key)
		for _, set := range o.RRsets {
			c.note(name, set)
			c.set(name, set)
		}
	}
	apex := z.Owner(z.Name)
	if apex == nil {
		apex = &policy.Owner{}
	}
	c.apex(apex)
	for key, o := range z.Owners.All {
		if len(c.errs) > maxProblems || len(c.warnings) > maxProblems {
			break
		}
		c.owner(nameOf(key), o)
	}
	c.cycles()
	return c.errs, c.warnings
}

type checker struct {
	z         *policy.Zone
	nsTargets map[policy.Name]bool   // of every NS record; nil when only some names are looked at
	hides     map[policy.Name]uint16 // every delegation and DNAME, with its type; nil likewise
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

// note remembers delegations, DNAME and name servers.
func (c *checker) note(name policy.Name, set policy.RRset) {
	if set.Type == policy.TypeDNAME || set.Type == policy.TypeNS && name != c.z.Name {
		c.hides[name] = set.Type
	}
	if set.Type == policy.TypeNS {
		for _, d := range set.Data {
			c.nsTargets[target(set.Type, d)] = true
		}
	}
}

// set holds the rules of one RRset by itself.
func (c *checker) set(name policy.Name, set policy.RRset) {
	f := finding{name: name, typ: set.Type}
	if err := ttlInRange(set.TTL); err != nil {
		c.errorf(f, "%s %s: %v", name, TypeString(set.Type), err)
	}
	if err := Storable(set.Type); err != nil {
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
	if n := AnswerSize(c.z.Name, name, set); n > SafeAnswer {
		f.nth = len(set.Data) - 1
		c.warnf(f, "%s %s makes an answer of about %d octets; over %d it goes by TCP, or in fragments that get lost (RFC 9715)", name, TypeString(set.Type), n, SafeAnswer)
	}
}

// SafeAnswer is the largest UDP answer that is not fragmented on the way, in octets (RFC 9715 section 3.2).
const SafeAnswer = 1232

// AnswerSize is how large the unsigned answer to a question for an RRset is, in
// octets: header, question, the records with their owners compressed, and OPT.
// A name in the data that ends as the zone does counts as compressed to there.
func AnswerSize(apex, name policy.Name, set policy.RRset) int {
	n := 12 + len(name) + 4 + 11
	for _, d := range set.Data {
		n += 2 + 10 + len(d)
		if t := target(set.Type, d); t != "" && set.Type != policy.TypeSRV && set.Type != policy.TypeDNAME && t.Under(apex) {
			n -= len(apex) - 2
		}
	}
	return n
}

func (c *checker) apex(o *policy.Owner) {
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
			if c.coverType == policy.TypeNS && (c.nsTargets == nil || c.nsTargets[name]) {
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
		_, hidden := c.hider(t)
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

// cut is the type with which a name hides what is below it, or 0: a delegation hides the name itself too.
func (c *checker) cut(name policy.Name) uint16 {
	if c.hides != nil {
		return c.hides[name]
	}
	o := c.z.Owner(name)
	switch {
	case o == nil:
	case name != c.z.Name && o.Find(policy.TypeNS) != nil:
		return policy.TypeNS
	case o.Find(policy.TypeDNAME) != nil:
		return policy.TypeDNAME
	}
	return 0
}

// above is the topmost delegation or DNAME above a name, with its type, or 0.
func (c *checker) above(name policy.Name) (top policy.Name, typ uint16) {
	if c.hides != nil && len(c.hides) == 0 {
		return "", 0
	}
	for n := name; n != c.z.Name; {
		n = n.Parent()
		if t := c.cut(n); t != 0 {
			top, typ = n, t
		}
	}
	return top, typ
}

// hider is the topmost delegation or DNAME that hides a name, with its type, or 0.
func (c *checker) hider(name policy.Name) (policy.Name, uint16) {
	if top, typ := c.above(name); typ != 0 {
		return top, typ
	}
	if c.cut(name) == policy.TypeNS {
		return name, policy.TypeNS
	}
	return "", 0
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
