package wire

import "encoding/binary"

// Extra is what the OPT record of a response says (RFC 6891 section 6.1). It
// is written only if the query had one.
type Extra struct {
	Size      uint16  // the largest UDP packet this server takes
	DO        bool    // copied from the query (RFC 3225 section 3)
	Subnet    *Subnet // the query's, echoed with Scope (RFC 7871 section 7.2.1); nil for none
	Scope     uint8   // SCOPE PREFIX-LENGTH, in bits
	NSID      []byte  // RFC 5001; nil for none
	Keepalive uint16  // idle timeout in units of 100 ms (RFC 7828); 0 for none
	Cookie    []byte  // client's and server's cookie (RFC 7873); nil for none
	// EDE is an extended error (RFC 8914), 0 for none. It is the first to go:
	// it is left out when it does not fit, or makes the message larger than EDELimit.
	EDE      uint16
	EDELimit int
	// PadTo makes the message a multiple of so many octets, as far as the limit lets
	// it (RFC 7830); 0 adds no padding. Records come before it: none is left out for it.
	PadTo int
}

// Reserve is how many octets Finish adds for the OPT record, without EDE and padding.
func (x *Extra) Reserve() int {
	n := 11
	if x.Subnet != nil {
		n += 4 + 4 + len(x.Subnet.raw)
	}
	if x.NSID != nil {
		n += 4 + len(x.NSID)
	}
	if x.Keepalive > 0 {
		n += 4 + 2
	}
	if x.Cookie != nil {
		n += 4 + len(x.Cookie)
	}
	return n
}

// Finish writes the header and the OPT record (x nil: none) and gives the
// whole of dst as handed to Start with the message after it. flags are the
// header bits besides QR and the RCODE, whose upper bits go into the OPT.
func (b *Builder) Finish(flags, rcode uint16, x *Extra) []byte {
	if x != nil {
		b.opt(rcode, x)
	}
	h := b.buf[b.start:]
	binary.BigEndian.PutUint16(h[2:], FlagQR|flags|rcode&0xf)
	binary.BigEndian.PutUint16(h[6:], b.counts[Answer])
	binary.BigEndian.PutUint16(h[8:], b.counts[Authority])
	binary.BigEndian.PutUint16(h[10:], b.counts[Additional])
	return b.buf
}

func (b *Builder) opt(rcode uint16, x *Extra) {
	end := b.limit + x.Reserve()
	var do byte
	if x.DO {
		do = 0x80
	}
	at := len(b.buf)
	b.buf = append(b.buf, 0, 0, typeOPT, byte(x.Size>>8), byte(x.Size), byte(rcode>>4), 0, do, 0, 0, 0)
	if s := x.Subnet; s != nil {
		b.option(optionECS, 4+len(s.raw))
		b.buf = append(b.buf, byte(s.Family>>8), byte(s.Family), s.Source, x.Scope)
		b.buf = append(b.buf, s.raw...)
	}
	if x.NSID != nil {
		b.option(optionNSID, len(x.NSID))
		b.buf = append(b.buf, x.NSID...)
	}
	if x.Keepalive > 0 {
		b.option(optionKeepalive, 2)
		b.buf = append(b.buf, byte(x.Keepalive>>8), byte(x.Keepalive))
	}
	if x.Cookie != nil {
		b.option(optionCookie, len(x.Cookie))
		b.buf = append(b.buf, x.Cookie...)
	}
	if x.EDE != 0 && b.Len()+6 <= min(end, x.EDELimit) {
		b.option(optionEDE, 2)
		b.buf = append(b.buf, byte(x.EDE>>8), byte(x.EDE))
	}
	if x.PadTo > 0 {
		b.pad(x.PadTo, end)
	}
	binary.BigEndian.PutUint16(b.buf[at+9:], uint16(len(b.buf)-at-11))
	b.counts[Additional]++
}

// pad adds the Padding option, which is the last thing in the message and all zeros (RFC 7830 section 3).
func (b *Builder) pad(block, end int) {
	bare := b.Len() + 4
	if bare > end {
		return
	}
	n := min((bare+block-1)/block*block, end) - bare
	b.option(optionPadding, n)
	b.buf = append(b.buf, make([]byte, n)...)
}

func (b *Builder) option(code, n int) {
	b.buf = append(b.buf, byte(code>>8), byte(code), byte(n>>8), byte(n))
}

// HeaderOnly appends a response of nothing but a header.
func HeaderOnly(dst []byte, q *Query, rcode uint16) []byte {
	flags := FlagQR | uint16(q.Opcode)<<11 | q.Flags&FlagRD | rcode
	return append(dst, byte(q.ID>>8), byte(q.ID), byte(flags>>8), byte(flags), 0, 0, 0, 0, 0, 0, 0, 0)
}

// Packed writes records that were packed ahead: each of stride octets, owned
// by a pointer to the question, as Pack made them. Owner and TTL are put right
// where they differ. Like RRset it writes all or none.
func (b *Builder) Packed(owner Ref, ttl uint32, packed []byte, stride int) bool {
	if owner.Off == 0 {
		return false // out of reach of pointers; the caller uses RRset
	}
	if b.Room() < len(packed) {
		return false
	}
	at := len(b.buf)
	b.buf = append(b.buf, packed...)
	for rr := b.buf[at:]; len(rr) >= stride; rr = rr[stride:] {
		rr[0], rr[1] = 0xc0|byte(owner.Off>>8), byte(owner.Off)
		binary.BigEndian.PutUint32(rr[6:], ttl)
		b.counts[Answer]++
	}
	return true
}

// Pack makes records for Packed out of RDATA of one length, and says how long each is.
func Pack(typ uint16, data [][]byte) (packed []byte, stride int) {
	for _, d := range data {
		stride = 12 + len(d)
		packed = append(packed, 0xc0, HeaderLen, byte(typ>>8), byte(typ), 0, byte(ClassIN), 0, 0, 0, 0, byte(len(d)>>8), byte(len(d)))
		packed = append(packed, d...)
	}
	return packed, stride
}
