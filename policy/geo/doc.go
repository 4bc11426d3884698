// Package geo says where an address is and how much of the address space
// around it is at the same place.
//
// A [Table] maps every address to a place. It comes from the country data that
// is embedded in the binary ([Embedded]) or from the bytes of a MaxMind City or
// Country file ([Load]); this package opens no files. [Table.Divide] folds the
// places into the classes that a steering policy tells apart, by AS numbers and
// prefixes too if it asks for any, and [Classes.Lookup] is the one call a DNS query
// makes: an address in, its class and the RFC 7871 scope out, without an allocation.
//
// AS numbers ([LoadASN]) and what the operator knows better ([Table.Override]) are
// laid over a table; [Table.Find] says what is known of an address and on whose word.
//
// Both keep the address space as runs: maximal stretches of neighbouring
// addresses with one value. The widest prefix around an address that lies in
// its run is the scope that RFC 7871 section 7.2.1 wants from a de-aggregated
// prefix tree, so that scopes never overlap: with 1.2.0.0/20 at A and
// 1.2.3.0/24 at B, the rest of A is answered as /23, /24, /22, /21.
//
// IPv6 addresses that carry an IPv4 address (see [Normalize]) are where their
// IPv4 address is. Lookup does that for whole addresses by itself, and counts
// them as places of their own when it says how wide a prefix around another IPv6 address is.
//
// [Distance], [Biased] and [Order] turn places into an order of candidates.
package geo
