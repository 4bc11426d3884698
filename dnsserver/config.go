package dnsserver

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver/answer"
	"github.com/meridian-gtm/meridian/policy"
)

// Config is what an operator may set: the part "dns" of a node's file. The zero
// value of each field is its default.
type Config struct {
	// Listen is the addresses to serve UDP and TCP on, each ADDRESS:PORT with
	// an IP address, or :PORT for all addresses of both families. Default [":53"].
	Listen []string `json:"listen"`
	// UDPSize is the largest UDP response, in octets, and the size of query that
	// EDNS offers: 512 to 1400 (RFC 9715), default 1232.
	UDPSize int `json:"udpSize,omitempty"`
	// NSID is told to resolvers that ask who answered (RFC 5001); at most 64
	// octets. Default none.
	NSID string `json:"nsid,omitempty"`
	// ReadBuffer is the kernel's buffer for each UDP socket, in octets: 64 KiB
	// to 1 GiB, default 4 MiB. Without CAP_NET_ADMIN the kernel's own limit applies too.
	ReadBuffer int         `json:"readBuffer,omitempty"`
	TCP        TCPConfig   `json:"tcp,omitempty"`
	TLS        TLSConfig   `json:"tls,omitzero"`
	RateLimit  RateLimit   `json:"rateLimit,omitempty"`
	Chaos      ChaosConfig `json:"chaos,omitempty"`
}

// TCPConfig is the limits of TCP, with TLS and without (RFC 7766, RFC 9210).
type TCPConfig struct {
	// IdleTimeout ends a connection that has brought no whole query for so long;
	// 100ms to 1h, default 10s. Parts of a query do not count, nor does a TLS
	// handshake. Clients that ask (RFC 7828) are told.
	IdleTimeout policy.Duration `json:"idleTimeout,omitempty"`
	// WriteTimeout ends a connection whose client does not take an answer for
	// so long; 100ms to 1m, default 2s.
	WriteTimeout policy.Duration `json:"writeTimeout,omitempty"`
	// MaxConns is how many connections there may be; 1 to 1,000,000, default
	// 5000. Beyond it the one that has been idle for long makes room for a new one.
	MaxConns int `json:"maxConns,omitempty"`
	// MaxConnsPerClient is how many of them one client may have: an IPv4 address
	// or an IPv6 /64. 1 to 1,000,000, default 100 (at most MaxConns). More are closed at once.
	MaxConnsPerClient int `json:"maxConnsPerClient,omitempty"`
}

// RateLimit is what bounds responses over UDP to clients whose address may be
// forged: those without a good DNS cookie (S-01). TCP and who has one are never limited.
type RateLimit struct {
	// ResponsesPerSecond is how many responses go to one network (an IPv4 /24
	// or an IPv6 /56) of each class (answer, no data, no such name, referral,
	// error) from each zone, in a second; a whole second's may go at once. 1 to
	// 1,000,000, 0 for no limit, default 500; package limit says why.
	ResponsesPerSecond *int `json:"responsesPerSecond,omitempty"`
	// Slip is which of the responses beyond that is sent all the same,
	// truncated, so that a resolver asks over TCP: every Slip-th. 1 to 10, 0 for
	// none, default 2. The others are dropped. Errors, which are no larger than their queries, are not truncated.
	Slip *int `json:"slip,omitempty"`
	// Amplification is how many times larger than the query a response may not
	// get, both counted with their IP and UDP headers; larger ones are truncated. 3 to 100, 0 for
	// no such limit, default 4: a query of 44 octets then gets up to 259, 13 IPv4 addresses.
	Amplification *int `json:"amplification,omitempty"`
	// Exempt is the networks whose addresses nobody can forge from outside,
	// for whom neither limit holds; at most 100. Default 127.0.0.0/8 and ::1/128. An empty list exempts nobody.
	Exempt []netip.Prefix `json:"exempt,omitempty"`
}

// ChaosConfig is the texts of class CH (RFC 4892); at most 64 octets each.
// Without one its names are REFUSED, which is the default.
type ChaosConfig struct {
	Version string `json:"version,omitempty"` // of version.bind and version.server
	ID      string `json:"id,omitempty"`      // of id.server and hostname.bind
}

// maxExempt bounds what is looked through for each query.
const maxExempt = 100

// WithDefaults fills in what was left out.
func (c Config) WithDefaults() Config {
	if len(c.Listen) == 0 {
		c.Listen = []string{":53"}
	}
	setDefault(&c.UDPSize, 1232)
	setDefault(&c.ReadBuffer, 4<<20)
	setDefault(&c.TCP.IdleTimeout, policy.Duration(10*time.Second))
	setDefault(&c.TCP.WriteTimeout, policy.Duration(2*time.Second))
	setDefault(&c.TCP.MaxConns, 5000)
	setDefault(&c.TCP.MaxConnsPerClient, min(100, c.TCP.MaxConns))
	setDefault(&c.RateLimit.ResponsesPerSecond, new(500))
	setDefault(&c.RateLimit.Slip, new(2))
	setDefault(&c.RateLimit.Amplification, new(4))
	if c.RateLimit.Exempt == nil {
		c.RateLimit.Exempt = []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{127}), 8), netip.PrefixFrom(netip.IPv6Loopback(), 128)}
	}
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
	inRange(&problems, "/dns/tcp/idleTimeout", c.TCP.IdleTimeout, policy.Duration(100*time.Millisecond), policy.Duration(time.Hour))
	inRange(&problems, "/dns/tcp/writeTimeout", c.TCP.WriteTimeout, policy.Duration(100*time.Millisecond), policy.Duration(time.Minute))
	inRange(&problems, "/dns/tcp/maxConns", c.TCP.MaxConns, 1, 1_000_000)
	inRange(&problems, "/dns/tcp/maxConnsPerClient", c.TCP.MaxConnsPerClient, 1, 1_000_000)
	if c.TCP.MaxConnsPerClient > c.TCP.MaxConns {
		problems.Add("/dns/tcp/maxConnsPerClient", "%d connections for one client are more than the %d of maxConns for all", c.TCP.MaxConnsPerClient, c.TCP.MaxConns)
	}
	short(&problems, "/dns/nsid", c.NSID)
	c.RateLimit.check(&problems)
	short(&problems, "/dns/chaos/version", c.Chaos.Version)
	short(&problems, "/dns/chaos/id", c.Chaos.ID)
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

func (r RateLimit) check(problems *policy.Problems) {
	for _, f := range []struct {
		at          string
		v           int
		least, most int
	}{
		{"/dns/rateLimit/responsesPerSecond", *r.ResponsesPerSecond, 1, 1_000_000},
		{"/dns/rateLimit/slip", *r.Slip, 1, 10},
		{"/dns/rateLimit/amplification", *r.Amplification, 3, 100},
	} {
		if f.v != 0 {
			inRange(problems, f.at, f.v, f.least, f.most)
		}
	}
	if len(r.Exempt) > maxExempt {
		problems.Add("/dns/rateLimit/exempt", "has %d networks; %d are the most", len(r.Exempt), maxExempt)
	}
	for i, p := range r.Exempt {
		switch {
		case !p.IsValid():
			problems.Add(fmt.Sprintf("/dns/rateLimit/exempt/%d", i), "is not a network; write one as 192.0.2.0/24")
		case p != p.Masked():
			problems.Add(fmt.Sprintf("/dns/rateLimit/exempt/%d", i), "%s has bits set beyond its length; write %s", p, p.Masked())
		}
	}
}

// short wants a text that responses have room for.
func short(problems *policy.Problems, at, text string) {
	if len(text) > answer.MaxText {
		problems.Add(at, "has %d octets; %d is the most", len(text), answer.MaxText)
	}
}

func inRange[T int | policy.Duration](problems *policy.Problems, at string, v, lowest, highest T) {
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
