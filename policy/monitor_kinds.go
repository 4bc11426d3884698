package policy

import "strings"

// TCPCheck is a connection that must be accepted.
type TCPCheck struct {
	Port int `json:"port"`
}

func (c *TCPCheck) text() string                 { return portText(c.Port) }
func (c *TCPCheck) secret() (string, *SecretRef) { return "", nil }

// TLSCheck is a handshake that must succeed, with a certificate that is valid for
// the name and for long enough.
type TLSCheck struct {
	Port        int      `json:"port,omitempty"`        // default 443
	SNI         string   `json:"sni,omitempty"`         // name asked for and verified; "{service}" is the service's name; default the endpoint's own
	Insecure    bool     `json:"insecure,omitempty"`    // do not verify the certificate's name and chain
	MinDaysLeft int      `json:"minDaysLeft,omitempty"` // fail when the certificate expires sooner; 0 to 3650, default 0
	ALPN        []string `json:"alpn,omitempty"`        // protocols offered, of which the server must choose one
}

func (c *TLSCheck) withDefaults() *TLSCheck {
	if c == nil || c.Port != 0 {
		return c
	}
	d := *c
	d.Port = 443
	return &d
}

func (c *TLSCheck) text() string                 { return strings.TrimSpace(portText(c.Port) + " " + c.SNI) }
func (c *TLSCheck) secret() (string, *SecretRef) { return "", nil }

// ICMPCheck is an echo request that must be answered.
type ICMPCheck struct{}

func (c *ICMPCheck) text() string                 { return "" }
func (c *ICMPCheck) secret() (string, *SecretRef) { return "", nil }

// DNSCheck is a query that must be answered with one of the response codes, and
// with one of the answers when any are given.
type DNSCheck struct {
	Port      int      `json:"port,omitempty"`      // default 53
	Protocol  string   `json:"protocol,omitempty"`  // "udp" (default) or "tcp"
	Name      string   `json:"name"`                // "{service}" is the service's name
	Type      string   `json:"type,omitempty"`      // one of DNSTypes, default A
	RCode     []string `json:"rcode,omitempty"`     // of DNSRCodes, default [NOERROR]
	Answers   []string `json:"answers,omitempty"`   // data of records of the type as in a master file, with absolute names
	Recursion bool     `json:"recursion,omitempty"` // ask for it
}

// DNSTypes and DNSRCodes are what a DNSCheck may ask for and want.
var (
	DNSTypes  = []string{"A", "AAAA", "CAA", "CNAME", "DNSKEY", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SRV", "SVCB", "TLSA", "TXT"}
	DNSRCodes = []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"}
)

func (c *DNSCheck) withDefaults() *DNSCheck {
	if c == nil {
		return nil
	}
	d := *c
	if d.Port == 0 {
		d.Port = 53
	}
	if d.Protocol == "" {
		d.Protocol = "udp"
	}
	if d.Type == "" {
		d.Type = "A"
	}
	if len(d.RCode) == 0 {
		d.RCode = []string{"NOERROR"}
	}
	return &d
}

func (c *DNSCheck) text() string {
	return strings.TrimSpace(portText(c.Port) + " " + c.Name + " " + c.Type)
}
func (c *DNSCheck) secret() (string, *SecretRef) { return "", nil }

// GRPCCheck is a call of grpc.health.v1.Health/Check that must be answered with SERVING.
type GRPCCheck struct {
	Port     int    `json:"port"`
	Service  string `json:"service,omitempty"` // default "", the server as a whole
	TLS      bool   `json:"tls,omitempty"`
	SNI      string `json:"sni,omitempty"` // with tls: as for TLSCheck
	Insecure bool   `json:"insecure,omitempty"`
}

func (c *GRPCCheck) text() string                 { return strings.TrimSpace(portText(c.Port) + " " + c.Service) }
func (c *GRPCCheck) secret() (string, *SecretRef) { return "", nil }

// UDPCheck is a datagram whose answer must have something in it. One of Send and
// SendHex is set, and one of Expect, ExpectHex and Matches.
type UDPCheck struct {
	Port      int    `json:"port"`
	Send      string `json:"send,omitempty"`
	SendHex   string `json:"sendHex,omitempty"`
	Expect    string `json:"expect,omitempty"`    // text that the answer contains
	ExpectHex string `json:"expectHex,omitempty"` // octets that the answer contains
	Matches   string `json:"matches,omitempty"`   // regular expression (RE2)
}

func (c *UDPCheck) text() string                 { return portText(c.Port) }
func (c *UDPCheck) secret() (string, *SecretRef) { return "", nil }

// How TLS is used with a server that speaks clear text too.
const (
	TLSDisable = "disable"
	TLSRequire = "require" // encrypted, but the certificate is not looked at
	TLSVerify  = "verify"  // encrypted, and the certificate must be valid for the name; the default
)

// The roles that a database server may be wanted in.
const (
	RolePrimary = "primary" // takes writes
	RoleReplica = "replica"
)

// DatabaseCheck is a PostgreSQL or MySQL server that must let the user in, answer
// a query, and be in the role that is wanted, if any is.
type DatabaseCheck struct {
	Port     int        `json:"port,omitempty"`     // default 5432, 3306
	Database string     `json:"database,omitempty"` // default "postgres" for postgres, none for mysql
	User     string     `json:"user"`
	Password *SecretRef `json:"password,omitempty"`
	TLS      string     `json:"tls,omitempty"`    // TLSVerify (default), TLSRequire or TLSDisable
	SNI      string     `json:"sni,omitempty"`    // as for TLSCheck
	Role     string     `json:"role,omitempty"`   // RolePrimary or RoleReplica; default either
	MaxLag   Duration   `json:"maxLag,omitempty"` // of a replica; default any
}

func (c *DatabaseCheck) withDefaults(port int, database string) *DatabaseCheck {
	if c == nil {
		return nil
	}
	d := *c
	if d.Port == 0 {
		d.Port = port
	}
	if d.Database == "" {
		d.Database = database
	}
	if d.TLS == "" {
		d.TLS = TLSVerify
	}
	return &d
}

func (c *DatabaseCheck) text() string                 { return strings.TrimSpace(portText(c.Port) + " " + c.Role) }
func (c *DatabaseCheck) secret() (string, *SecretRef) { return "password", c.Password }

// RedisCheck is a Redis server that must answer a PING, and be in the role that is wanted, if any is.
type RedisCheck struct {
	Port     int        `json:"port,omitempty"` // default 6379
	User     string     `json:"user,omitempty"` // default Redis's own, "default"
	Password *SecretRef `json:"password,omitempty"`
	TLS      string     `json:"tls,omitempty"`    // TLSVerify (default), TLSRequire or TLSDisable
	SNI      string     `json:"sni,omitempty"`    // as for TLSCheck
	Role     string     `json:"role,omitempty"`   // RolePrimary or RoleReplica; default either
	MaxLag   Duration   `json:"maxLag,omitempty"` // since a replica last heard of its primary, which sends something every 10 s; default any
}

func (c *RedisCheck) withDefaults() *RedisCheck {
	if c == nil {
		return nil
	}
	d := *c
	if d.Port == 0 {
		d.Port = 6379
	}
	if d.TLS == "" {
		d.TLS = TLSVerify
	}
	return &d
}

func (c *RedisCheck) text() string                 { return strings.TrimSpace(portText(c.Port) + " " + c.Role) }
func (c *RedisCheck) secret() (string, *SecretRef) { return "password", c.Password }

// ExecCheck is a program of the node's that must end with status 0.
type ExecCheck struct {
	// Command is a name that probing.exec in the node's configuration gives a
	// program to, and the program's arguments.
	Command []string `json:"command"`
}

func (c *ExecCheck) text() string                 { return strings.Join(c.Command, " ") }
func (c *ExecCheck) secret() (string, *SecretRef) { return "", nil }
