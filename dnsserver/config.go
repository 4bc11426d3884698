package dnsserver

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Config is what an operator may set. The zero value of each field is its default.
type Config struct {
	// Listen is the addresses to serve UDP and TCP on, each ADDRESS:PORT with
	// an IP address, or :PORT for all addresses of both families. Default [":53"].
	Listen []string
	// UDPSize is the largest UDP response, in octets, and the size of query that
	// EDNS offers: 512 to 1400 (RFC 9715), default 1232.
	UDPSize int
	// NSID is told to resolvers that ask who answered (RFC 5001); at most 64
	// octets. Default none.
	NSID string
	// ReadBuffer is the kernel's buffer for each UDP socket, in octets: 64 KiB
	// to 1 GiB, default 4 MiB. Without CAP_NET_ADMIN the kernel's own limit applies too.
	ReadBuffer int
	TCP        TCPConfig
	TLS        TLSConfig
}

// TCPConfig is the limits of TCP, with TLS and without (RFC 7766, RFC 9210).
type TCPConfig struct {
	// IdleTimeout ends a connection that has brought no whole query for so long;
	// 100ms to 1h, default 10s. Parts of a query do not count, nor does a TLS
	// handshake. Clients that ask (RFC 7828) are told.
	IdleTimeout time.Duration
	// WriteTimeout ends a connection whose client does not take an answer for
	// so long; 100ms to 1m, default 2s.
	WriteTimeout time.Duration
	// MaxConns is how many connections there may be; 1 to 1,000,000, default
	// 5000. Beyond it the one that has been idle for long makes room for a new one.
	MaxConns int
	// MaxConnsPerClient is how many of them one client may have: an IPv4 address
	// or an IPv6 /64. 1 to 1,000,000, default 100 (at most MaxConns). More are closed at once.
	MaxConnsPerClient int
}

// WithDefaults fills in what was left out.
func (c Config) WithDefaults() Config {
	if len(c.Listen) == 0 {
		c.Listen = []string{":53"}
	}
	setDefault(&c.UDPSize, 1232)
	setDefault(&c.ReadBuffer, 4<<20)
	setDefault(&c.TCP.IdleTimeout, 10*time.Second)
	setDefault(&c.TCP.WriteTimeout, 2*time.Second)
	setDefault(&c.TCP.MaxConns, 5000)
	setDefault(&c.TCP.MaxConnsPerClient, min(100, c.TCP.MaxConns))
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate tells every mistake at once, as a *policy.Error of kind Invalid
// with pointers below /dns.
func (c Config) Validate() error {
	c = c.WithDefaults()
	var problems policy.Problems
	validateListen(&problems, "/dns/listen", c.Listen, portDoT, "port 853 is for DNS over TLS only (RFC 7858 section 3.1); list it in dns.tls.listen")
	c.validateTLS(&problems)
	inRange(&problems, "/dns/udpSize", c.UDPSize, 512, 1400)
	inRange(&problems, "/dns/readBuffer", c.ReadBuffer, 64<<10, 1<<30)
	inRange(&problems, "/dns/tcp/idleTimeout", c.TCP.IdleTimeout, 100*time.Millisecond, time.Hour)
	inRange(&problems, "/dns/tcp/writeTimeout", c.TCP.WriteTimeout, 100*time.Millisecond, time.Minute)
	inRange(&problems, "/dns/tcp/maxConns", c.TCP.MaxConns, 1, 1_000_000)
	inRange(&problems, "/dns/tcp/maxConnsPerClient", c.TCP.MaxConnsPerClient, 1, 1_000_000)
	if c.TCP.MaxConnsPerClient > c.TCP.MaxConns {
		problems.Add("/dns/tcp/maxConnsPerClient", "%d connections for one client are more than the %d of maxConns for all", c.TCP.MaxConnsPerClient, c.TCP.MaxConns)
	}
	if len(c.NSID) > 64 {
		problems.Add("/dns/nsid", "has %d octets; 64 is the most", len(c.NSID))
	}
	return problems.Err("the dns settings are not right")
}

// validateListen checks a list of addresses; refused is a port that must not be in it.
func validateListen(problems *policy.Problems, at string, list []string, refused uint16, why string) {
	seen := map[string]bool{}
	for i, text := range list {
		at := fmt.Sprintf("%s/%d", at, i)
		addrs, err := parseListen(text)
		switch {
		case err != nil:
			problems.Add(at, "%v", err)
		case addrs[0].Port() == refused:
			problems.Add(at, "%s", why)
		case seen[text] && !strings.HasSuffix(text, ":0"):
			problems.Add(at, "%s is listed twice", text)
		}
		seen[text] = true
	}
}

func inRange[T int | time.Duration](problems *policy.Problems, at string, v, lowest, highest T) {
	if v < lowest || v > highest {
		problems.Add(at, "%v is not within %v to %v", v, lowest, highest)
	}
}

// parseListen reads an element of Config.Listen into one address, or into the
// two wildcard addresses for ":PORT".
func parseListen(text string) ([]netip.AddrPort, error) {
	host, port, ok := cutLast(text, ":")
	number, err := strconv.ParseUint(port, 10, 16)
	if !ok || err != nil {
		return nil, fmt.Errorf("%q is not an address to listen on; write ADDRESS:PORT, [IPV6]:PORT or :PORT", text)
	}
	if host == "" {
		return []netip.AddrPort{
			netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(number)),
			netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(number)),
		}, nil
	}
	addr, err := netip.ParseAddrPort(text)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address to listen on (a DNS server cannot look up host names); write ADDRESS:PORT, [IPV6]:PORT or :PORT", text)
	}
	return []netip.AddrPort{netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}
