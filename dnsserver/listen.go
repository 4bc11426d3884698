package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"syscall"
)

// Sockets are what a server answers on.
type Sockets struct {
	UDP []*net.UDPConn // each has a worker of its own
	TCP []*net.TCPListener
	TLS []*net.TCPListener // TCP that must begin with a TLS handshake
}

// Listen opens the sockets of a Config: on every address one TCP listener (for TLS
// that is all), and for UDP one socket for each processor (GOMAXPROCS) where the system shares
// packets out among sockets (SO_REUSEPORT). With port 0 the system chooses one port
// for both. Either all are opened or none.
func Listen(config Config) (*Sockets, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.WithDefaults()
	s := &Sockets{}
	for _, text := range config.Listen {
		if err := open(text, func(a netip.AddrPort) error { return s.openPlain(a, config.ReadBuffer) }); err != nil {
			s.Close()
			return nil, fmt.Errorf("cannot listen for DNS on %s: %w", text, err)
		}
	}
	for _, text := range config.TLS.Listen {
		if err := open(text, s.openTLS); err != nil {
			s.Close()
			return nil, fmt.Errorf("cannot listen for DNS over TLS on %s: %w", text, err)
		}
	}
	return s, nil
}

// Close closes all sockets.
func (s *Sockets) Close() {
	for _, c := range s.UDP {
		c.Close()
	}
	for _, l := range slices.Concat(s.TCP, s.TLS) {
		l.Close()
	}
}

// Addrs are the addresses that are listened on for UDP and TCP, each once.
func (s *Sockets) Addrs() []net.Addr { return addrsOf(s.TCP) }

// TLSAddrs are the addresses that are listened on for TLS.
func (s *Sockets) TLSAddrs() []net.Addr { return addrsOf(s.TLS) }

func addrsOf(listeners []*net.TCPListener) []net.Addr {
	list := make([]net.Addr, len(listeners))
	for i, l := range listeners {
		list[i] = l.Addr()
	}
	return list
}

// open calls openAddr for one element of a list of addresses. Of the two wildcard
// addresses one is enough, on a system that has only one family.
func open(text string, openAddr func(netip.AddrPort) error) error {
	addrs, err := parseListen(text)
	if err != nil {
		return err
	}
	var missing error
	opened := 0
	for _, a := range addrs {
		switch err := openAddr(a); {
		case err == nil:
			opened++
		case len(addrs) > 1 && (errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)):
			missing = err
		default:
			return err
		}
	}
	if opened == 0 {
		return missing
	}
	return nil
}

// portTries is how often another port is tried when the system's choice for TCP is taken for UDP.
const portTries = 20

func (s *Sockets) openPlain(addr netip.AddrPort, buffer int) error {
	for try := 1; ; try++ {
		opened, err := openPair(addr, buffer)
		if err == nil {
			s.UDP, s.TCP = append(s.UDP, opened.UDP...), append(s.TCP, opened.TCP...)
			return nil
		}
		if addr.Port() != 0 || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return err
		}
	}
}

func (s *Sockets) openTLS(addr netip.AddrPort) error {
	l, err := listenTCP(addr)
	if err != nil {
		return err
	}
	s.TLS = append(s.TLS, l)
	return nil
}

// family is what net calls the one family of an address.
func family(a netip.Addr) string {
	if a.Is4() {
		return "4"
	}
	return "6"
}

func listenTCP(addr netip.AddrPort) (*net.TCPListener, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp"+family(addr.Addr()), addr.String())
	if err != nil {
		return nil, err
	}
	return l.(*net.TCPListener), nil
}

func openPair(addr netip.AddrPort, buffer int) (*Sockets, error) {
	l, err := listenTCP(addr)
	if err != nil {
		return nil, err
	}
	s := &Sockets{TCP: []*net.TCPListener{l}}
	addr = netip.AddrPortFrom(addr.Addr(), l.Addr().(*net.TCPAddr).AddrPort().Port())
	config := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error { return prepareUDP(c, addr.Addr(), buffer) }}
	for range udpSocketsEach() {
		c, err := config.ListenPacket(context.Background(), "udp"+family(addr.Addr()), addr.String())
		if err != nil {
			s.Close()
			return nil, err
		}
		s.UDP = append(s.UDP, c.(*net.UDPConn))
	}
	return s, nil
}

func udpSocketsEach() int {
	if !sharesPort {
		return 1
	}
	return runtime.GOMAXPROCS(0)
}
