package wire

import (
	"encoding/binary"
)

// Section is where a record goes.
type Section uint8

// The sections that records are written to, in this order.
const (
	Answer Section = iota
	Authority
	Additional
)

// Slack is how much larger than the limit a buffer's capacity should be: a
// Builder then never makes it grow, because it sees only after writing a
// record with compressed names whether the record fits.
const Slack = 1024

// Builder writes one response at a time; the zero value is ready for Start.
// Each worker has its own.
type Builder struct {
	buf    []byte
	start  int // of the message in buf
	class  uint16
	limit  int // the message's largest size without what Finish adds
	counts [3]uint16
	names  [48]suffix
	n      int // of names in use
	target int // what name gave for the last name in RDATA
}

// suffix is a name, or the end of one, that later names can point to.
type suffix struct {
	off uint16 // in the message; below 0x4000
	len uint8  // in wire form, uncompressed
}

// Mark is a point to go back to.
type Mark struct {
	len    int
	counts [3]uint16
	n      int
}

// Ref is a name to own records. Off is where it already stands in the
// message, or 0; the question's name stands at HeaderLen.
type Ref struct {
	Name []byte
	Off  int
}

// Start begins a response to q after what dst holds, with the question copied
// bit by bit; what is not packed ahead is of the question's class. limit is the largest size of the message, reserve how much of it Finish needs.
func (b *Builder) Start(dst []byte, q *Query, limit, reserve int) {
	b.buf, b.start, b.limit = dst, len(dst), limit-reserve
	b.counts, b.n, b.class = [3]uint16{}, 0, q.Class
	b.buf = append(b.buf, byte(q.ID>>8), byte(q.ID), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	if len(q.Question) == 0 {
		return
	}
	b.buf[b.start+5] = 1
	b.buf = append(b.buf, q.Question...)
	for i := 0; q.Name[i] != 0; i += 1 + int(q.Name[i]) {
		b.remember(HeaderLen+i, len(q.Name)-i)
	}
}

// Len is the size of the message so far.
func (b *Builder) Len() int { return len(b.buf) - b.start }

// Room is how many octets still fit before what Finish adds.
func (b *Builder) Room() int { return b.limit - b.Len() }

// Records is how many records a section has.
func (b *Builder) Records(s Section) int { return int(b.counts[s]) }

// Mark is the present point.
func (b *Builder) Mark() Mark { return Mark{len(b.buf), b.counts, b.n} }

// Back forgets what was written after the mark.
func (b *Builder) Back(m Mark) { b.buf, b.counts, b.n = b.buf[:m.len], m.counts, m.n }

// RRset writes all records of a set, or, if they do not fit, none, and says
// which. A set is never split (RFC 2181 section 9). data is uncompressed RDATA.
func (b *Builder) RRset(s Section, owner Ref, typ uint16, ttl uint32, data [][]byte) bool {
	m := b.Mark()
	for _, d := range data {
		if !b.record(s, &owner, typ, ttl, d) {
			b.Back(m)
			return false
		}
	}
	return true
}

// Record writes one record, or none if it does not fit. target is where the
// last name in its RDATA can be pointed at, or 0 if that is out of reach.
func (b *Builder) Record(s Section, owner Ref, typ uint16, ttl uint32, data []byte) (target int, ok bool) {
	m := b.Mark()
	if !b.record(s, &owner, typ, ttl, data) {
		b.Back(m)
		return 0, false
	}
	return b.target, true
}

func (b *Builder) record(s Section, owner *Ref, typ uint16, ttl uint32, data []byte) bool {
	form := rdataForm[0]
	if int(typ) < len(rdataForm) {
		form = rdataForm[typ]
	}
	if form.names == 0 && b.Room() < 2+10+len(data) {
		return false // no need to copy what cannot fit
	}
	b.owner(owner)
	h := len(b.buf)
	b.buf = append(b.buf, byte(typ>>8), byte(typ), byte(b.class>>8), byte(b.class),
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), 0, 0)
	if typ == typeDNAME {
		// Not compressed itself (RFC 6672 section 2.5), but the CNAME made of it ends with it.
		for i := 0; i < len(data) && data[i] != 0; i += 1 + int(data[i]) {
			b.remember(b.Len()+i, len(data)-i)
		}
	}
	b.rdata(form, data)
	binary.BigEndian.PutUint16(b.buf[h+8:], uint16(len(b.buf)-h-10))
	b.counts[s]++
	return b.Room() >= 0
}

// owner writes the owner name and notes where it stands, for the next record of the set.
func (b *Builder) owner(r *Ref) {
	if r.Off == 0 {
		r.Off = b.name(r.Name)
		return
	}
	b.buf = append(b.buf, 0xc0|byte(r.Off>>8), byte(r.Off))
}

// form says where in RDATA names stand that may be compressed: only the types
// of RFC 1035 have any (RFC 3597 section 4).
type form struct {
	skip  uint8 // octets before the first name
	names uint8
}

var rdataForm = [16]form{
	2:  {0, 1}, // NS
	3:  {0, 1}, // MD
	4:  {0, 1}, // MF
	5:  {0, 1}, // CNAME
	6:  {0, 2}, // SOA
	7:  {0, 1}, // MB
	8:  {0, 1}, // MG
	9:  {0, 1}, // MR
	12: {0, 1}, // PTR
	14: {0, 2}, // MINFO
	15: {2, 1}, // MX
}

func (b *Builder) rdata(f form, data []byte) {
	if f.names == 0 || len(data) < int(f.skip) {
		b.buf = append(b.buf, data...)
		return
	}
	b.buf = append(b.buf, data[:f.skip]...)
	data = data[f.skip:]
	for range f.names {
		n := WireName(data)
		if n == nil {
			break // not what the type says; it goes out as it is
		}
		b.target = b.name(n)
		data = data[len(n):]
	}
	b.buf = append(b.buf, data...)
}

// WireName is the uncompressed name that data begins with, or nil.
func WireName(data []byte) []byte {
	for i := 0; i < len(data) && i < 255; i += 1 + int(data[i]) {
		if data[i] == 0 {
			return data[:i+1]
		}
		if data[i] > 63 {
			break
		}
	}
	return nil
}

// name writes a name, compressed, and gives the offset where all of it can be
// pointed at, or 0 if it is out of reach of pointers.
func (b *Builder) name(n []byte) int {
	at := len(b.buf) - b.start
	for i := 0; n[i] != 0; i += 1 + int(n[i]) {
		if off := b.find(n[i:]); off > 0 {
			b.buf = append(b.buf, 0xc0|byte(off>>8), byte(off))
			if i == 0 {
				return off
			}
			return b.reach(at)
		}
		b.remember(len(b.buf)-b.start, len(n)-i)
		b.buf = append(b.buf, n[i:i+1+int(n[i])]...)
	}
	b.buf = append(b.buf, 0)
	return b.reach(at)
}

func (b *Builder) reach(at int) int {
	if at >= 0x4000 {
		return 0
	}
	return at
}

func (b *Builder) remember(off, length int) {
	if b.n < len(b.names) && off < 0x4000 {
		b.names[b.n] = suffix{uint16(off), uint8(length)}
		b.n++
	}
}

// find is where a name stands already, or 0.
func (b *Builder) find(n []byte) int {
	for i := range b.names[:b.n] {
		if s := b.names[i]; int(s.len) == len(n) && b.Same(int(s.off), n) {
			return int(s.off)
		}
	}
	return 0
}

// Same says whether the name in the message at off is n, whatever the case of letters.
func (b *Builder) Same(off int, n []byte) bool {
	msg := b.buf[b.start:]
	for i := 0; ; {
		l := int(msg[off])
		if l >= 0xc0 {
			off = l&0x3f<<8 | int(msg[off+1])
			continue
		}
		if l != int(n[i]) {
			return false
		}
		if l == 0 {
			return true
		}
		for j := 1; j <= l; j++ {
			if x, y := msg[off+j], n[i+j]; x != y && fold(x) != fold(y) {
				return false
			}
		}
		off += 1 + l
		i += 1 + l
	}
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
