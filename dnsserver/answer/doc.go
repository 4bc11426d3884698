// Package answer is the answer logic of an authoritative name server: a
// function from a View, a query packet and where it came from to a response,
// with no socket, lock, clock or log, and without allocating.
//
// It follows RFC 1034 section 4.3.2 as RFC 2308, 4592, 6672, 6891, 7871, 7873, 8482
// and 9471 left it. Responses are minimal: an answer, or the SOA of a negative
// answer, or a referral with its glue; only answers of SVCB and HTTPS records
// bring what their targets have here, as far as there is room (RFC 9460 section
// 4.1). What Meridian chooses where those leave a choice:
//
//   - A name outside all zones is REFUSED, with extended error 20 if that does
//     not make the response larger than the query (or it is TCP).
//   - ANY is answered with one RRset (RFC 8482 section 4.1), over UDP and TCP.
//   - A chain of CNAMEs is followed through all zones of the View, 16 links at
//     most; where it loops or is too long it ends as it stands, NOERROR. A chain that
//     leads to a delegation ends with the referral, if there is room; a DNAME that
//     leads below itself makes one link.
//   - Classes other than IN are REFUSED, ANY included, but for the texts of class
//     CH that a server is told to give; AXFR and IXFR too. The
//     types OPT, TSIG, TKEY, NXNAME and others that cannot be data are FORMERR, MAILA and MAILB NOTIMP.
//   - CD, AD and the reserved bits of a query are not copied; RD and DO are.
//   - A query with a cookie (package cookie) gets one, and its answer, whether its
//     own was good or not. Over UDP, who has no good one gets no response that is
//     Options.Amplification times the query: it is truncated, and asks again over
//     TCP. His errors are never larger than his queries, even if that costs the cookie.
//   - Health never changes an RCODE.
package answer
