package wire

import (
	"encoding/binary"
	"net/netip"
)

// Verdict is what a packet is good for.
type Verdict uint8

// The verdicts. Together they take the place of the MsgAcceptFunc that servers
// built on miekg/dns have: it decides from the header before anything is unpacked.
const (
	// Drop is a packet that must not be answered: shorter than a header, or
	// itself a response, which answering would turn into ping-pong (D-20).
	Drop Verdict = iota
	// Malformed is answered FORMERR with nothing but a header: no question (and
	// no cookie) or several (RFC 9619), names or records that do not fit, a second OPT (D-21 to D-25).
	Malformed
	// OtherOpcode is answered with nothing but a header (D-07, D-27, D-28).
	OtherOpcode
	// BadOption is a whole query with an EDNS option that is wrong in itself: FORMERR with question and OPT (D-61, D-71).
	BadOption
	// NoQuestion is a query for nothing but a server cookie (RFC 7873 section 5.4, D-23).
	NoQuestion
	// OK is a query.
	OK
)

// Query is what a packet asks. Its slices point into the packet.
type Query struct {
	ID     uint16
	Flags  uint16 // the third and fourth octet
	Opcode uint8

	Name     []byte // of the question: wire form, letters as sent, never compressed
	Type     uint16
	Class    uint16
	Question []byte // name, type and class, bit by bit

	EDNS    bool // there is an OPT record
	UDPSize uint16
	Version uint8
	DO      bool

	Subnet    Subnet
	Cookie    []byte // the option's data: 8 or 16 to 40 octets (RFC 7873 section 4); nil without
	NSID      bool
	Keepalive bool
	Padding   bool // the option was there, of whatever length (RFC 7830)
}

// Subnet is an EDNS Client Subnet option (RFC 7871 section 6).
type Subnet struct {
	Present bool
	Family  uint16 // 1 IPv4, 2 IPv6; 0 only with Source 0
	Source  uint8  // SOURCE PREFIX-LENGTH, in bits
	Addr    netip.Addr
	raw     []byte // the address octets as sent
}

// Parse reads a packet into q, whatever q held before. Octets after the
// message are ignored (D-26). After Malformed and OtherOpcode only ID, Flags
// and Opcode of q mean something.
func (q *Query) Parse(msg []byte) Verdict {
	*q = Query{}
	if len(msg) < HeaderLen {
		return Drop
	}
	q.ID = binary.BigEndian.Uint16(msg)
	q.Flags = binary.BigEndian.Uint16(msg[2:])
	q.Opcode = uint8(q.Flags >> 11 & 0xf)
	if q.Flags&FlagQR != 0 {
		return Drop
	}
	if q.Opcode != OpcodeQuery {
		return OtherOpcode
	}
	switch binary.BigEndian.Uint16(msg[4:]) {
	case 0:
		if q.records(msg, HeaderLen) != OK || q.Cookie == nil {
			return Malformed
		}
		return NoQuestion
	case 1:
	default:
		return Malformed
	}
	off := questionName(msg)
	if off < 0 || off+4 > len(msg) {
		return Malformed
	}
	q.Name = msg[HeaderLen:off:off]
	q.Type = binary.BigEndian.Uint16(msg[off:])
	q.Class = binary.BigEndian.Uint16(msg[off+2:])
	q.Question = msg[HeaderLen : off+4 : off+4]
	return q.records(msg, off+4)
}

// records goes through what follows the question; all it wants is the OPT.
func (q *Query) records(msg []byte, off int) Verdict {
	before := int(binary.BigEndian.Uint16(msg[6:])) + int(binary.BigEndian.Uint16(msg[8:]))
	count := before + int(binary.BigEndian.Uint16(msg[10:]))
	verdict := OK
	for i := range count {
		start := off
		if off = skipName(msg, off); off < 0 || off+10 > len(msg) {
			return Malformed
		}
		h := msg[off:]
		end := off + 10 + int(binary.BigEndian.Uint16(h[8:]))
		if end > len(msg) {
			return Malformed
		}
		if binary.BigEndian.Uint16(h) == typeOPT {
			// At most one, in the additional section, owned by the root (RFC 6891 section 6.1.1).
			if q.EDNS || i < before || off != start+1 || msg[start] != 0 {
				return Malformed
			}
			q.EDNS = true
			q.UDPSize = binary.BigEndian.Uint16(h[2:])
			q.Version = h[5]
			q.DO = h[6]&0x80 != 0
			if verdict = q.options(msg[off+10 : end]); verdict == Malformed {
				return Malformed
			}
		}
		off = end
	}
	return verdict
}

// options reads the options of the OPT record.
func (q *Query) options(data []byte) Verdict {
	verdict := OK
	for len(data) > 0 {
		if len(data) < 4 {
			return Malformed
		}
		code, n := binary.BigEndian.Uint16(data), int(binary.BigEndian.Uint16(data[2:]))
		if 4+n > len(data) {
			return Malformed
		}
		value := data[4 : 4+n : 4+n]
		data = data[4+n:]
		if q.Version != 0 {
			continue // what options mean in another version is not for us to say
		}
		switch code {
		case optionECS:
			if q.Subnet.Present || !q.Subnet.parse(value) {
				verdict = BadOption
			}
		case optionCookie:
			if q.Cookie != nil {
				break // all but the first are ignored (RFC 7873 section 5.2)
			}
			if n != 8 && (n < 16 || n > 40) {
				verdict = BadOption
			}
			q.Cookie = value
		case optionNSID:
			q.NSID = true
		case optionKeepalive:
			q.Keepalive = true
		case optionPadding:
			q.Padding = true
		}
	}
	return verdict
}

// parse reads the option of a query. Family 0 goes with SOURCE 0 only: it is
// what dig's +subnet=0 sends, and BIND takes it too.
func (s *Subnet) parse(value []byte) bool {
	if len(value) < 4 || value[3] != 0 {
		return false // SCOPE must be 0 in queries (RFC 7871 section 6)
	}
	s.Family, s.Source, s.raw = binary.BigEndian.Uint16(value), value[2], value[4:]
	var size int
	switch s.Family {
	case 0:
		size = 0
	case 1:
		size = 32
	case 2:
		size = 128
	default:
		return false
	}
	n := (int(s.Source) + 7) / 8
	if int(s.Source) > size || len(s.raw) != n {
		return false
	}
	if rest := s.Source % 8; rest != 0 && s.raw[n-1]<<rest != 0 {
		return false // bits beyond SOURCE must be 0
	}
	var a [16]byte
	copy(a[:], s.raw)
	switch s.Family {
	case 1:
		s.Addr = netip.AddrFrom4([4]byte(a[:4]))
	case 2:
		s.Addr = netip.AddrFrom16(a)
	}
	s.Present = true
	return true
}

// questionName is where the name at the start of the question ends, or -1.
// It may not be compressed: there is nothing before it to point at.
func questionName(msg []byte) int {
	for off := HeaderLen; off < len(msg); {
		l := int(msg[off])
		if l == 0 {
			return off + 1
		}
		off += 1 + l
		if l > 63 || off-HeaderLen >= 255 {
			return -1
		}
	}
	return -1
}

// maxHops is how many compression pointers a name may follow; each must lead
// further back than the last, and no name has more labels than this.
const maxHops = 127

// skipName is where the name at off ends, or -1 if it is malformed.
func skipName(msg []byte, off int) int {
	end, hops, length := -1, 0, 1
	floor := off // pointers must lead before the start of what was read last
	for off < len(msg) {
		l := int(msg[off])
		switch {
		case l == 0:
			if end < 0 {
				end = off + 1
			}
			return end
		case l < 64:
			off += 1 + l
			if length += 1 + l; length > 255 {
				return -1
			}
		case l >= 0xc0 && off+1 < len(msg):
			to := l&0x3f<<8 | int(msg[off+1])
			if end < 0 {
				end = off + 2
			}
			if hops++; to >= floor || to < HeaderLen || hops > maxHops {
				return -1
			}
			off, floor = to, to
		default:
			return -1
		}
	}
	return -1
}
