// Package dnsserver answers DNS over UDP and TCP from a View.
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
