package probes

import (
	"net/netip"
	"time"
)

// Trace is what a probe found out on its way, also when it failed. A kind fills in
// what it has: a phase that it did not come to, or does not have, is zero. With
// redirects the phases are those of all hops together.
type Trace struct {
	DNS       time.Duration  // until the host name was resolved
	Connect   time.Duration  // from there until the connection stood
	TLS       time.Duration  // from there until the certificate was judged
	FirstByte time.Duration  // from the end of the request until the answer began
	Address   netip.AddrPort // that was connected to last
	TLSExpiry time.Time      // of the server's own certificate, whether or not it was accepted
	// TLSVersion is "TLS 1.3" or the like.
	TLSVersion string
	// Status is what the protocol answered, in our words: "503", "SERVFAIL", "NOT_SERVING".
	Status string

	connected time.Time
}
