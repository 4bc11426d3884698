package policy

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
)

// The RR types that Meridian itself treats specially (IANA DNS parameters).
const (
	TypeA     uint16 = 1
	TypeNS    uint16 = 2
	TypeCNAME uint16 = 5
	TypeSOA   uint16 = 6
	TypeMX    uint16 = 15
	TypeTXT   uint16 = 16
	TypeAAAA  uint16 = 28
	TypeSRV   uint16 = 33
	TypeDNAME uint16 = 39
	TypeDS    uint16 = 43
	TypeSVCB  uint16 = 64
	TypeHTTPS uint16 = 65
	TypeANY   uint16 = 255
)

// MaxTTL is the largest TTL, in seconds (RFC 2181 section 8).
const MaxTTL = 1<<31 - 1

// MaxData is the longest RDATA, in octets (RFC 1035 section 3.2.1).
const MaxData = 1<<16 - 1

// RRset is the records of one type at one name: one TTL (RFC 2181 section
// 5.2) and the RDATA in uncompressed wire form, sorted and without duplicates.
type RRset struct {
	Type uint16
	TTL  uint32
	Data [][]byte
}

// Owner is a name in a zone with its RRsets, by type. A name that exists only
// because something is below it (an empty non-terminal, RFC 4592 section
// 2.2.2) is an Owner without RRsets.
type Owner struct {
	RRsets   []RRset
	Children int32 // owners exactly one label below
	// Service is one more than the service's place in a compiled snapshot; 0 in State, always.
	Service int32
}

// Find is the RRset of a type, or nil.
func (o *Owner) Find(typ uint16) *RRset {
	for i := range o.RRsets {
		if o.RRsets[i].Type == typ {
			return &o.RRsets[i]
		}
	}
	return nil
}

// Zone is a DNS zone: an apex and a tree of owners in canonical order.
type Zone struct {
	Name    Name
	ID      uint32
	Rev     uint64
	Owners  *Tree[*Owner] // by Name.Key
	Records int           // resource records in all
}

// NewZone makes a zone without any record.
func NewZone(name Name) *Zone {
	return &Zone{Name: name, Owners: NewTree(hashOwner)}
}

// Copy is a zone that may be changed.
func (z *Zone) Copy() *Zone {
	c := *z
	c.Owners = z.Owners.Copy()
	return &c
}

func hashOwner(key string, o *Owner) uint64 {
	if len(o.RRsets) == 0 {
		return 0
	}
	var b []byte
	for _, set := range o.RRsets {
		b = AppendRRset(b, set)
	}
	return hashBytes(key, b)
}

// Owner finds a name of the zone.
func (z *Zone) Owner(n Name) *Owner {
	o, _ := z.Owners.Get(n.Key())
	return o
}

// SOA is the start of authority record set at the apex, or nil.
func (z *Zone) SOA() *RRset {
	if o := z.Owner(z.Name); o != nil {
		return o.Find(TypeSOA)
	}
	return nil
}

// Set puts an RRset at a name, in place of one of the same type; one without
// data is taken out. Empty non-terminals come and go as needed.
func (z *Zone) Set(name Name, set RRset) error {
	if !name.Under(z.Name) {
		return fmt.Errorf("%s is not in the zone %s", name, z.Name)
	}
	if set.TTL > MaxTTL {
		return fmt.Errorf("%s has a TTL of %d; %d is the most (RFC 2181 section 8)", name, set.TTL, MaxTTL)
	}
	for _, d := range set.Data {
		if len(d) > MaxData {
			return fmt.Errorf("%s has a record of %d octets; %d is the most", name, len(d), MaxData)
		}
	}
	set.Data = slices.Clone(set.Data)
	slices.SortFunc(set.Data, bytes.Compare)
	set.Data = slices.CompactFunc(set.Data, bytes.Equal)
	key := name.Key()
	old, _ := z.Owners.Get(key)
	next := &Owner{}
	if old != nil {
		next.Children = old.Children
		for _, s := range old.RRsets {
			if s.Type == set.Type {
				z.Records -= len(s.Data)
			} else {
				next.RRsets = append(next.RRsets, s)
			}
		}
	}
	if len(set.Data) > 0 {
		next.RRsets = append(next.RRsets, set)
		z.Records += len(set.Data)
		slices.SortFunc(next.RRsets, func(a, b RRset) int { return int(a.Type) - int(b.Type) })
	}
	if len(next.RRsets) > 0 || next.Children > 0 {
		z.Owners.Set(key, next)
		if old == nil {
			Adopt(z.Owners, z.Name, name)
		}
	} else if old != nil {
		z.Owners.Delete(key)
		z.orphan(name)
	}
	return nil
}

// Adopt counts a new owner at its parent, making the empty non-terminals
// between it and the apex.
func Adopt(owners *Tree[*Owner], apex, name Name) {
	for name != apex {
		name = name.Parent()
		key := name.Key()
		old, ok := owners.Get(key)
		next := &Owner{Children: 1}
		if ok {
			*next = *old
			next.Children++
		}
		owners.Set(key, next)
		if ok {
			return
		}
	}
}

// orphan takes a gone owner off its parent's count, and the empty non-terminals that only it had kept.
func (z *Zone) orphan(name Name) {
	for name != z.Name {
		name = name.Parent()
		key := name.Key()
		old, ok := z.Owners.Get(key)
		if !ok {
			return
		}
		next := *old
		next.Children--
		if next.Children > 0 || len(next.RRsets) > 0 {
			z.Owners.Set(key, &next)
			return
		}
		z.Owners.Delete(key)
	}
}

// Sets goes through the zone's RRsets in canonical order of names, then by type.
func (z *Zone) Sets(yield func(name Name, set RRset) bool) { z.SetsFrom(z.Name, yield) }

// SetsFrom is Sets from a name on.
func (z *Zone) SetsFrom(start Name, yield func(name Name, set RRset) bool) {
	z.Owners.From(start.Key(), func(key string, o *Owner) bool {
		name := NameOfKey(key)
		for _, set := range o.RRsets {
			if !yield(name, set) {
				return false
			}
		}
		return true
	})
}

// NameOfKey turns a sort key back into the name.
func NameOfKey(key string) Name {
	var labels [][]byte
	label := make([]byte, 1, 16)
	for i := 0; i < len(key); i++ {
		switch key[i] {
		case 0:
			label[0] = byte(len(label) - 1)
			labels = append(labels, label)
			label = make([]byte, 1, 16)
		case 1:
			i++
			label = append(label, key[i]-1)
		default:
			label = append(label, key[i])
		}
	}
	slices.Reverse(labels)
	return Name(bytes.Join(labels, nil)) + Root
}

// The wire form of a zone in State, the log and the journal: the apex name,
// then each RRset as owner name, type, TTL, count, and length-prefixed RDATA.
// Integers are varints except type and TTL.

// AppendRRset appends an RRset's wire form.
func AppendRRset(b []byte, set RRset) []byte {
	b = binary.BigEndian.AppendUint16(b, set.Type)
	b = binary.BigEndian.AppendUint32(b, set.TTL)
	b = binary.AppendUvarint(b, uint64(len(set.Data)))
	for _, d := range set.Data {
		b = binary.AppendUvarint(b, uint64(len(d)))
		b = append(b, d...)
	}
	return b
}

// AppendBinary appends the zone's wire form.
func (z *Zone) AppendBinary(b []byte) ([]byte, error) {
	b = append(b, z.Name...)
	for name, set := range z.Sets {
		b = append(b, name...)
		b = AppendRRset(b, set)
	}
	return b, nil
}

// MarshalBinary is AppendBinary into a new slice.
func (z *Zone) MarshalBinary() ([]byte, error) { return z.AppendBinary(nil) }

// ParseZone reads what AppendBinary wrote.
func ParseZone(b []byte) (*Zone, error) {
	r := zoneReader{b: b}
	z := NewZone(r.name())
	for len(r.b) > 0 && r.err == nil {
		name := r.name()
		set := r.rrset()
		if r.err != nil {
			break
		}
		if err := z.Set(name, set); err != nil {
			return nil, err
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return z, nil
}

type zoneReader struct {
	b   []byte
	err error
}

func (r *zoneReader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.b)) {
		if r.err == nil {
			r.err = fmt.Errorf("zone data ends too soon")
		}
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

func (r *zoneReader) name() Name {
	for i := 0; i < len(r.b) && i < MaxName; i += 1 + int(r.b[i]) {
		if r.b[i] == 0 {
			if n := Name(r.take(uint64(i + 1))); n.Valid() {
				return n
			}
			break
		}
	}
	if r.err == nil {
		r.err = fmt.Errorf("zone data holds a malformed name")
	}
	return ""
}

func (r *zoneReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		n = len(r.b) + 1
	}
	r.take(uint64(n))
	return v
}

func (r *zoneReader) rrset() RRset {
	h := r.take(6)
	if h == nil {
		return RRset{}
	}
	set := RRset{Type: binary.BigEndian.Uint16(h), TTL: binary.BigEndian.Uint32(h[2:])}
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		set.Data = append(set.Data, r.take(r.uvarint()))
	}
	return set
}

// ParseRRset reads what AppendRRset wrote, and nothing more.
func ParseRRset(b []byte) (RRset, error) {
	r := zoneReader{b: b}
	set := r.rrset()
	if r.err == nil && len(r.b) > 0 {
		r.err = fmt.Errorf("zone data goes on too long")
	}
	return set, r.err
}
