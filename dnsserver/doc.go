// Package dnsserver answers DNS over UDP, TCP and TLS from a View.
//
// It owns the life of a query and nothing else: sockets are handed to it
// (Listen opens them), Views are published to it, and the answers come from
// the room dnsserver/answer, whose wire form is dnsserver/wire. The path of a query
// takes no lock, waits for nobody but the socket, and over UDP allocates nothing.
//
// UDP has a fixed number of workers, each with a socket of its own
// (SO_REUSEPORT) and never a goroutine for a packet (S-07). On Linux a worker
// takes and sends up to 32 packets with one system call.
//
// A connection is one goroutine, with TLS or without (RFC 7766, RFC 7858): what a
// client sends is bounded by the connections one client and all may have, by an idle timer that
// only a whole query starts anew, and by a deadline for each write; when all places
// are taken, a connection that has long been idle makes room (RFC 9210, S-06). Queries
// may be pipelined. They are answered in the order they came, because every
// answer is made in memory, so that none is ready before the one ahead of it.
//
// Server stands in place of the dns.Server of miekg/dns, which starts a
// goroutine for each packet, has no cap on TCP connections and no write deadline;
// wire.Query.Parse stands in place of its MsgAcceptFunc: what is dropped, what is refused
// by its header alone, and what is looked at further is decided there, alike for every transport.
//
// Over UDP a client's address may be forged. Who proves his own by a DNS cookie
// (dnsserver/cookie) or uses TCP is answered without limits; to the rest responses are limited in
// number (dnsserver/limit) and in size (Config.RateLimit). A worker looks at the
// clock and at the cookies' keys once for each batch of queries.
//
// Nothing that goes wrong inside Meridian closes a listener (I-07): only the
// end of Run's context does.
package dnsserver
