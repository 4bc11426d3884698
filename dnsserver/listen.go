package dnsserver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"
)

// Sockets are what a server answers on.
type Sockets struct {
	UDP []*net.UDPConn // each has a worker of its own
	TCP []*net.TCPListener
}

// Listen opens the sockets of a Config: on every address one TCP listener, and
// for UDP one socket for each processor (GOMAXPROCS) where the system shares
// packets out among sockets (SO_REUSEPORT). With port 0 the system chooses one port
// for both. Either all are opened or none.
func Listen(config Config) (*Sockets, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.WithDefaults()
	s := &Sockets{}
	for _, text := range config.Listen {
		addrs, err := parseListen(text)
		if err == nil {
			err = s.open(addrs, config.ReadBuffer)
		}
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("cannot listen for DNS on %s: %w", text, err)
		}
	}
	return s, nil
}

// Close closes all sockets.
func (s *Sockets) Close() {
	for _, c := range s.UDP {
		c.Close()
	}
	for _, l := range s.TCP {
		l.Close()
	}
}

// Addrs are the addresses that are listened on, each once.
func (s *Sockets) Addrs() []net.Addr {
	list := make([]net.Addr, len(s.TCP))
	for i, l := range s.TCP {
		list[i] = l.Addr()
	}
	return list
}

// open opens the sockets of one element of Config.Listen. Of the two wildcard
// addresses one is enough, on a system that has only one family.
func (s *Sockets) open(addrs []netip.AddrPort, buffer int) error {
	var missing error
	opened := 0
	for _, a := range addrs {
		switch err := s.openAddr(a, buffer); {
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

func (s *Sockets) openAddr(addr netip.AddrPort, buffer int) error {
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

func openPair(addr netip.AddrPort, buffer int) (*Sockets, error) {
	family := "6"
	if addr.Addr().Is4() {
		family = "4"
	}
	s := &Sockets{}
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp"+family, addr.String())
	if err != nil {
		return nil, err
	}
	s.TCP = append(s.TCP, l.(*net.TCPListener))
	addr = netip.AddrPortFrom(addr.Addr(), l.Addr().(*net.TCPAddr).AddrPort().Port())
	config.Control = func(_, _ string, c syscall.RawConn) error { return prepareUDP(c, addr.Addr(), buffer) }
	for range udpSocketsEach() {
		c, err := config.ListenPacket(context.Background(), "udp"+family, addr.String())
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
