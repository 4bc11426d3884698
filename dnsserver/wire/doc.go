// Package wire reads DNS queries and writes DNS responses (RFC 1035 section 4,
// RFC 6891) without allocating: a Query points into the packet it was read
// from, and a Builder appends to a buffer of the caller's.
//
// It knows what a message looks like and nothing about zones.
package wire

// Header bits of the third and fourth octet (RFC 1035 section 4.1.1).
const (
	FlagQR uint16 = 1 << 15
	FlagAA uint16 = 1 << 10
	FlagTC uint16 = 1 << 9
	FlagRD uint16 = 1 << 8
)

// Opcodes (IANA DNS parameters).
const (
	OpcodeQuery  = 0
	OpcodeNotify = 4
	OpcodeUpdate = 5
)

// Response codes (IANA DNS parameters). BadVers and BadCookie are extended ones (RFC 6891 section 9).
const (
	NoError   uint16 = 0
	FormErr   uint16 = 1
	ServFail  uint16 = 2
	NXDomain  uint16 = 3
	NotImp    uint16 = 4
	Refused   uint16 = 5
	YXDomain  uint16 = 6
	BadVers   uint16 = 16
	BadCookie uint16 = 23
)

// The classes that Meridian tells apart.
const (
	ClassIN  uint16 = 1
	ClassCH  uint16 = 3
	ClassANY uint16 = 255
)

// EDNS option codes.
const (
	optionNSID      = 3
	optionECS       = 8  // RFC 7871
	optionCookie    = 10 // RFC 7873
	optionKeepalive = 11 // RFC 7828
	optionPadding   = 12 // RFC 7830
	optionEDE       = 15 // RFC 8914
)

// Extended DNS errors (RFC 8914 section 4).
const (
	Prohibited       = 18 // this server does not do that, for this client
	NotAuthoritative = 20 // a name outside all zones
	NotSupported     = 21 // an operation, a class or a meta type that Meridian does not know
	InvalidData      = 24 // a zone that cannot be served as it is
)

// HeaderLen is the length of a message header; a shorter packet is no DNS message.
const HeaderLen = 12

// MinUDP is the size every client takes over UDP (RFC 1035 section 4.2.1).
const MinUDP = 512

// MaxTCP is the largest message there is (RFC 1035 section 4.2.2).
const MaxTCP = 65535

const (
	typeDNAME = 39
	typeOPT   = 41
)
