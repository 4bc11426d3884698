// Package cookie makes and verifies DNS server cookies (RFC 7873, RFC 9018):
// values that only a client which receives what is sent to its address can
// know, so that its address is not forged.
//
// A server cookie is version 1 of RFC 9018: 16 octets of version, reserved,
// timestamp and SipHash-2-4 over the client's cookie, those, and the client's
// address. Servers that share a Key accept each other's. What the RFC leaves open:
//
//   - A cookie is good for one hour, and up to five minutes before its time,
//     for servers whose clocks differ (section 4.3).
//   - A good cookie that is at most half an hour old, and that the signing key
//     made, comes back as it is; a good one that is older, or of another key, is
//     replaced. Either way what comes back is good for another half hour at
//     least, and a resolver sees its cookie change twice an hour, not with each response.
//   - The reserved octets of a query's cookie count in the hash and mean
//     nothing; those of new cookies are zero.
//
// There is no clock here, nothing allocates, and everything may be used by many goroutines.
package cookie

import (
	"encoding/binary"
	"net/netip"

	"github.com/dchest/siphash"
)

// The sizes of a COOKIE option's data (RFC 7873 section 4), in octets.
const (
	ClientSize = 8  // the client's cookie alone
	Size       = 24 // with a server cookie of RFC 9018
)

const (
	version   = 1
	maxAge    = 60 * 60 // seconds, RFC 9018 section 4.3
	maxAhead  = 5 * 60
	renewFrom = 30 * 60
)

// KeySize is how many octets a server secret has.
const KeySize = 16

// Key is a server secret.
type Key [KeySize]byte

// Keys is the secrets that a server knows. It never changes; another takes its place.
type Keys struct {
	sign   Key
	verify []Key // besides sign
}

// NewKeys gives keys of which the first makes cookies, and all are good to verify them.
func NewKeys(sign Key, verify ...Key) *Keys { return &Keys{sign, verify} }

// String keeps secrets out of logs.
func (k *Keys) String() string { return "cookie keys" }

// GoString keeps them out of %#v too.
func (k *Keys) GoString() string { return "cookie keys" }

// Answer fills reply with the option's data to send to a client whose query had
// the option data asked, and says whether that held a good server cookie. now is
// Unix time in seconds, modulo 2^32. asked has at least ClientSize octets.
func (k *Keys) Answer(reply *[Size]byte, asked []byte, client netip.Addr, now uint32) (good bool) {
	var renew bool
	if good, renew = k.verified(asked, client, now); good && !renew {
		copy(reply[:], asked)
		return true
	}
	copy(reply[:ClientSize], asked)
	copy(reply[ClientSize:], []byte{version, 0, 0, 0})
	binary.BigEndian.PutUint32(reply[12:], now)
	binary.LittleEndian.PutUint64(reply[16:], k.sign.hash(reply[:16], client))
	return good
}

// verified says whether the option data holds a good server cookie, and whether it is to be replaced.
func (k *Keys) verified(asked []byte, client netip.Addr, now uint32) (good, renew bool) {
	if len(asked) != Size || asked[ClientSize] != version {
		return false, false
	}
	age := int32(now - binary.BigEndian.Uint32(asked[12:])) // serial arithmetic (RFC 1982)
	if age > maxAge || age < -maxAhead {
		return false, false
	}
	hash := binary.LittleEndian.Uint64(asked[16:])
	if k.sign.hash(asked[:16], client) == hash { // one comparison of 64 bits takes the same time whatever they are
		return true, age > renewFrom
	}
	for i := range k.verify {
		if k.verify[i].hash(asked[:16], client) == hash {
			return true, true
		}
	}
	return false, false
}

// hash is of the option data before the hash, and the client's address.
func (k *Key) hash(data []byte, client netip.Addr) uint64 {
	var b [16 + 16]byte
	n := copy(b[:], data)
	if client.Is4() {
		a := client.As4()
		n += copy(b[n:], a[:])
	} else {
		a := client.As16()
		n += copy(b[n:], a[:])
	}
	return siphash.Hash(binary.LittleEndian.Uint64(k[:]), binary.LittleEndian.Uint64(k[8:]), b[:n])
}
