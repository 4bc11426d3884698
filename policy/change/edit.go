package change

import (
	"fmt"
	"maps"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// EditZone edits RRsets of a zone, all or nothing: first every prerequisite is
// held against the zone as it is, then the updates are made in their order, then
// each name that they touched is held against the rules of a whole zone.
//
// A pointer in a refusal says which one it is about: "/prerequisites/0",
// "/updates/2". Failed prerequisites and breaches of rules are of kind Conflict,
// what can never be right is Invalid. The zone's serial is the operator's: it
// changes when an update replaces the SOA, and never by itself.
//
// The time it takes grows with the edit and with the number of services and endpoints, not with the zone.
type EditZone struct {
	Zone          policy.Name    `json:"zone"`
	Prerequisites []Prerequisite `json:"prerequisites,omitempty"`
	Updates       []Update       `json:"updates,omitempty"`
}

// Require is what a Prerequisite asks for: the five forms of RFC 2136 section
// 2.4. They are about the zone's records; steered names are not records.
type Require string

// The prerequisites, with their sections and with the RCODE that a DNS UPDATE gets when they fail.
const (
	RRsetExists  Require = "rrsetExists"  // 2.4.1, NXRRSET
	RRsetEquals  Require = "rrsetEquals"  // 2.4.2, NXRRSET: these records and no others, whatever the TTL
	RRsetAbsent  Require = "rrsetAbsent"  // 2.4.3, YXRRSET
	NameInUse    Require = "nameInUse"    // 2.4.4, NXDOMAIN: an empty non-terminal is not in use
	NameNotInUse Require = "nameNotInUse" // 2.4.5, YXDOMAIN
)

// Prerequisite is what must be so for an edit to be made.
type Prerequisite struct {
	Require Require     `json:"require"`
	Name    policy.Name `json:"name"`
	Type    uint16      `json:"type,omitempty"` // of RRsetExists, RRsetEquals and RRsetAbsent
	Data    [][]byte    `json:"data,omitempty"` // of RRsetEquals
}

// Op is what an Update does: those of RFC 2136 section 2.5, and Replace.
type Op string

// The updates. What is not there is deleted without complaint.
const (
	// Add puts records into an RRset, whose TTL becomes that of the update (2.5.1). Of SOA,
	// CNAME and DNAME a name has one, which it replaces.
	Add           Op = "add"
	Replace       Op = "replace"       // an RRset, there already or not
	DeleteRRset   Op = "deleteRRset"   // 2.5.2
	DeleteName    Op = "deleteName"    // 2.5.3: every RRset of the name, at the apex all but SOA and NS
	DeleteRecords Op = "deleteRecords" // 2.5.4, by their data; the TTL does not matter
)

// Update is one edit.
type Update struct {
	Op   Op          `json:"op"`
	Name policy.Name `json:"name"`
	Type uint16      `json:"type,omitempty"` // not of DeleteName
	TTL  uint32      `json:"ttl,omitempty"`  // seconds; of Add and Replace
	Data [][]byte    `json:"data,omitempty"` // uncompressed RDATA; of Add, Replace and DeleteRecords
}

// Check finds what is wrong with an edit whatever the zone holds. RDATA is taken to be right for its type.
func (b EditZone) Check() policy.Problems {
	var p policy.Problems
	for i, q := range b.Prerequisites {
		at := fmt.Sprintf("/prerequisites/%d", i)
		switch q.Require {
		case RRsetExists, RRsetAbsent:
			b.shape(&p, at, q.Name, &q.Type, q.Data, false)
		case RRsetEquals:
			b.shape(&p, at, q.Name, &q.Type, q.Data, true)
		case NameInUse, NameNotInUse:
			b.shape(&p, at, q.Name, nil, q.Data, false)
			noType(&p, at, q.Type)
		default:
			p.Add(at+"/require", "%q is no prerequisite; there are %s, %s, %s, %s and %s", q.Require, RRsetExists, RRsetEquals, RRsetAbsent, NameInUse, NameNotInUse)
		}
	}
	for i, u := range b.Updates {
		at := fmt.Sprintf("/updates/%d", i)
		switch u.Op {
		case Add, Replace, DeleteRecords:
			b.shape(&p, at, u.Name, &u.Type, u.Data, true)
		case DeleteRRset:
			b.shape(&p, at, u.Name, &u.Type, u.Data, false)
		case DeleteName:
			b.shape(&p, at, u.Name, nil, u.Data, false)
			noType(&p, at, u.Type)
		default:
			p.Add(at+"/op", "%q is no update; there are %s, %s, %s, %s and %s", u.Op, Add, Replace, DeleteRRset, DeleteName, DeleteRecords)
		}
		if u.TTL > policy.MaxTTL {
			p.Add(at+"/ttl", "a TTL of %d is over %d, the largest there is (RFC 2181 section 8)", u.TTL, policy.MaxTTL)
		}
	}
	return p
}

// shape checks what prerequisites and updates have in common. typ is nil where no type is wanted.
func (b EditZone) shape(p *policy.Problems, at string, name policy.Name, typ *uint16, data [][]byte, wanted bool) {
	if !name.Valid() || !name.Under(b.Zone) {
		p.Add(at+"/name", "%s is not in the zone %s", name, b.Zone)
	}
	if typ != nil {
		if err := zonefile.Storable(*typ); err != nil {
			p.Add(at+"/type", "%v", err)
		}
	}
	switch {
	case wanted && len(data) == 0:
		p.Add(at+"/records", "there are no records")
	case !wanted && len(data) > 0:
		p.Add(at+"/records", "records have no place here")
	}
	for j, d := range data {
		if len(d) > policy.MaxData {
			p.Add(fmt.Sprintf("%s/records/%d", at, j), "a record of %d octets; %d is the most", len(d), policy.MaxData)
		}
	}
}

// noType refuses a type where the whole name is meant: whoever gave one meant less.
func noType(p *policy.Problems, at string, typ uint16) {
	if typ != 0 {
		p.Add(at+"/type", "a type has no place here: this is about every type of the name")
	}
}

func (b EditZone) apply(d *making) error {
	old, ok := d.Zones.Get(b.Zone.Key())
	if !ok {
		return policy.Errorf(policy.NotFound, "there is no zone %s", b.Zone)
	}
	if err := d.matchZone(b.Zone); err != nil {
		return err
	}
	if err := b.Check().Err("the edit of zone " + b.Zone.String() + " is not valid"); err != nil {
		return err
	}
	var failed policy.Problems
	for i, q := range b.Prerequisites {
		if why := q.failure(old); why != "" {
			failed.Add(fmt.Sprintf("/prerequisites/%d", i), "%s", why)
		}
	}
	if len(failed) > 0 {
		return &policy.Error{Kind: policy.Conflict, Message: fmt.Sprintf("zone %s is not as the change requires; nothing is changed", b.Zone), Problems: failed}
	}
	z := old.Copy()
	last := map[policy.Name]int{} // the last update of each name
	for i, u := range b.Updates {
		last[u.Name] = i
		if err := u.make(z); err != nil {
			return &policy.Error{Kind: policy.Invalid, Message: "the edit of zone " + b.Zone.String() + " is not valid", Problems: []policy.Problem{{Pointer: fmt.Sprintf("/updates/%d", i), Message: err.Error()}}}
		}
	}
	if z.Owners.Sum() == old.Owners.Sum() {
		d.outcome.Revision = old.Rev // the same content: nothing to do
		return nil
	}
	if err := d.edited(old, z, last); err != nil {
		return err
	}
	return d.putZone(z)
}

// edited refuses an edited zone that could not have been put as a whole.
func (d *making) edited(old, z *policy.Zone, last map[policy.Name]int) error {
	refusal := &policy.Error{Kind: policy.Conflict, Message: fmt.Sprintf("zone %s could not be served so; nothing is changed", z.Name)}
	add := func(name policy.Name, message string) {
		refusal.Problems = append(refusal.Problems, policy.Problem{Pointer: fmt.Sprintf("/updates/%d", last[name]), Message: message})
	}
	for _, name := range slices.SortedFunc(maps.Keys(last), func(a, b policy.Name) int { return last[a] - last[b] }) {
		for _, mistake := range zonefile.Mistakes(z, name) {
			add(name, mistake)
		}
	}
	if z.Records > zonefile.DefaultRecords && z.Records > old.Records {
		refusal.Problems = append(refusal.Problems, policy.Problem{Message: fmt.Sprintf("the zone would have %d records; %d are the most", z.Records, zonefile.DefaultRecords)})
	}
	if name, err := d.clashes(z, last); err != nil {
		add(name, err.Error())
	}
	if len(refusal.Problems) > 0 {
		return refusal
	}
	return nil
}
