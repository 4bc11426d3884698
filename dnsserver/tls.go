package dnsserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/meridian-gtm/meridian/policy"
)

// TLSConfig is DNS over TLS (RFC 7858). It has the limits of TCPConfig, and
// its connections count together with those of TCP.
type TLSConfig struct {
	// Listen is the addresses to serve DNS over TLS on, written like Config.Listen.
	// Nothing else is spoken there. Default none; the port by convention is 853, and it may not be 53.
	Listen []string `json:"listen"`
	// Cert and Key are the certificate with its chain, and its key, as PEM files.
	// Whoever starts the server reads them.
	Cert string `json:"cert"`
	Key  string `json:"key"`
	// Certificate is asked for the certificate at every full handshake, so that it
	// can be replaced while connections are open. Sockets for TLS need it.
	Certificate func() *tls.Certificate `json:"-"`
}

const (
	portDNS = 53
	portDoT = 853
)

func (c Config) validateTLS(problems *policy.Problems) {
	validateListen(problems, "/dns/tls/listen", c.TLS.Listen, portDNS, "port 53 is for DNS without encryption (RFC 7858 section 3.1); use 853")
	for i, text := range c.TLS.Listen {
		if slices.Contains(c.Listen, text) && !strings.HasSuffix(text, ":0") {
			problems.Add(fmt.Sprintf("/dns/tls/listen/%d", i), "%s is in dns.listen too, and one address cannot serve DNS with and without TLS", text)
		}
	}
	switch files := c.TLS.Cert != "" || c.TLS.Key != ""; {
	case files && len(c.TLS.Listen) == 0:
		problems.Add("/dns/tls", "there is a certificate, but no address to serve DNS over TLS on; add listen: [\":853\"]")
	case (files || len(c.TLS.Listen) > 0 && c.TLS.Certificate == nil) && (c.TLS.Cert == "" || c.TLS.Key == ""):
		problems.Add("/dns/tls", "DNS over TLS needs both cert and key, the PEM files of a certificate and its key")
	}
}

// tlsConfig makes sessions resumable by tickets (RFC 5077, RFC 8446 section 2.2), whose keys
// crypto/tls changes every day. There is no early data, which could be replayed.
func (c TLSConfig) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"dot"}, // a client that names other protocols only is refused; one that names none is not
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.Certificate(), nil },
		// Length and message are to leave together (RFC 7766 section 8): up to 16 KiB in one record.
		DynamicRecordSizingDisabled: true,
	}
}

// handshake ends within the idle time that began when the connection was
// accepted. So a client that stalls in it costs what one that stalls in a query does.
func (c *tcpConn) handshake() bool {
	secure, ok := c.Conn.(*tls.Conn)
	if !ok {
		return true
	}
	m := c.server.metrics
	if err := secure.Handshake(); err != nil {
		m.handshakesFailed[failureOf(err)].Add(1)
		return false
	}
	if secure.ConnectionState().DidResume {
		m.handshakesResumed.Add(1)
	} else {
		m.handshakesFull.Add(1)
	}
	return true
}

// handshakeFailure is why a handshake came to nothing.
type handshakeFailure int

const (
	failedCleartext handshakeFailure = iota
	failedTimeout
	failedClosed
	failedProtocol
	handshakeFailures
)

var handshakeFailureNames = [handshakeFailures]string{"cleartext", "timeout", "closed", "protocol"}

func failureOf(err error) handshakeFailure {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return failedCleartext
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failedTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, net.ErrClosed):
		return failedClosed
	}
	return failedProtocol
}
