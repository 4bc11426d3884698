package node

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/dnsserver"
	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/document"
)

// Config is a node's own configuration file. It is not replicated.
type Config struct {
	Node    string  `json:"node"`             // label, unique in the cluster
	Role    string  `json:"role,omitempty"`   // node (default), or agent: a vantage alone, without DNS, API and Raft
	Region  string  `json:"region,omitempty"` // where this node stands, as a vantage
	DataDir string  `json:"dataDir"`
	DNS     DNS     `json:"dns"`
	API     API     `json:"api"`
	Cluster Cluster `json:"cluster"`
	Geo     Geo     `json:"geo,omitempty"`
	Probing Probing `json:"probing,omitempty"`

	Notifications Notifications `json:"notifications,omitempty"`
}

// Notifications is where receivers of notifications may be.
type Notifications struct {
	// Allow are loopback and private hosts that may be told, beside those of probing.allow. Only to hosts of either list
	// may notifications go in plain HTTP.
	Allow []netip.Prefix `json:"allow,omitempty"`
}

// DNS is where and how queries are answered.
type DNS = dnsserver.Config

// API is where the REST API listens.
type API struct {
	Listen   string `json:"listen"`             // default 127.0.0.1:8080
	TLS      *TLS   `json:"tls,omitempty"`      // serve HTTPS
	Insecure bool   `json:"insecure,omitempty"` // allow plain HTTP on an address that is not loopback
}

// TLS is a certificate and its key, as PEM files.
type TLS struct {
	Cert string `json:"cert"`
	Key  string `json:"key"`
}

// Cluster is how this node finds the others.
type Cluster struct {
	Listen    string          `json:"listen"`              // default 0.0.0.0:7300
	Advertise string          `json:"advertise,omitempty"` // what others dial; default listen, which then must name an address
	Bootstrap bool            `json:"bootstrap,omitempty"` // start a cluster of one, only in an empty data directory
	Join      []string        `json:"join,omitempty"`      // cluster ports of nodes to join
	Grace     policy.Duration `json:"grace,omitempty"`     // without a leader until this node judges by itself; 1s to 1h, default 10s
	// RaftMultiplier stretches Raft's timeouts for slow lines: 1 (the default) is for
	// round trips up to 50 ms, 3 for 150 ms, 5 for 300 ms; 1 to 20, the same on every node.
	RaftMultiplier float64 `json:"raftMultiplier,omitempty"`
}

// Geo is where clients' places come from.
type Geo struct {
	Database string `json:"database,omitempty"` // MaxMind City or Country file; read again when it changes; default the embedded country data
	ASN      string `json:"asn,omitempty"`      // ASN file in the same format, for the AS numbers of clients; read again when it changes; default none are known
}

// Probing is what this node may probe, and how it knows that it is not cut off itself.
type Probing struct {
	Allow     []netip.Prefix `json:"allow,omitempty"`     // loopback and private targets that may be probed all the same
	Reference []string       `json:"reference,omitempty"` // "tcp://ADDRESS:PORT"; when none answers the node abstains
	// Exec are the programs that exec monitors may run here: absolute paths by the names that monitors use.
	Exec map[string]string `json:"exec,omitempty"`
	// Budget is how many probes a second this vantage is given at the most; 0, the default, is any number, up to 1000000.
	Budget int `json:"budget,omitempty"`
}

// Roles of what "meridian serve" runs.
const (
	RoleNode  = "node"
	RoleAgent = "agent"
)

// LoadConfig reads a node's configuration file.
func LoadConfig(file string) (*Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading the node's configuration: %w", err)
	}
	return ParseConfig(data, file)
}

// ParseConfig reads a node's configuration; every mistake is reported with its line and column.
func ParseConfig(data []byte, file string) (*Config, error) {
	var c Config
	if err := document.DecodeInto(data, file, &c); err != nil {
		return nil, err
	}
	c.defaults()
	if err := c.Validate(); err != nil {
		return nil, document.Locate(data, file, err)
	}
	return &c, nil
}

func (c *Config) defaults() {
	if c.Role == "" {
		c.Role = RoleNode
	}
	if c.Role != RoleAgent {
		c.DNS = c.DNS.WithDefaults()
		if c.API.Listen == "" {
			c.API.Listen = "127.0.0.1:8080"
		}
	}
	if c.Cluster.Listen == "" {
		c.Cluster.Listen = "0.0.0.0:7300"
	}
	if c.Cluster.Advertise == "" {
		c.Cluster.Advertise = c.Cluster.Listen
	}
	if c.Cluster.Grace == 0 {
		c.Cluster.Grace = policy.Duration(10 * time.Second)
	}
	if c.Cluster.RaftMultiplier == 0 {
		c.Cluster.RaftMultiplier = 1
	}
}

// Validate lists every mistake at once.
func (c *Config) Validate() error {
	var p policy.Problems
	if err := policy.CheckLabel(c.Node); err != nil {
		p.Add("/node", "%v", err)
	}
	if c.Region != "" {
		if err := policy.CheckLabel(c.Region); err != nil {
			p.Add("/region", "%v", err)
		}
	}
	if c.DataDir == "" {
		p.Add("/dataDir", "a node needs a directory for its state (dataDir: /var/lib/meridian)")
	}
	switch c.Role {
	case RoleNode:
		var dns *policy.Error
		if errors.As(c.DNS.Validate(), &dns) {
			p = append(p, dns.Problems...)
		}
		c.exposes(&p, "tokens would cross the network in clear; set api.tls: {cert, key}, or api.insecure: true if something in front of it encrypts")
	case RoleAgent:
		c.validateAgent(&p)
	default:
		p.Add("/role", "%q is not a role; node and agent are", c.Role)
	}
	if t := c.API.TLS; t != nil && (t.Cert == "" || t.Key == "") {
		p.Add("/api/tls", "tls needs both cert and key")
	}
	address(&p, "/cluster/listen", c.Cluster.Listen)
	if ip, _ := address(&p, "/cluster/advertise", c.Cluster.Advertise); ip.IsUnspecified() && (len(c.Cluster.Join) > 0 || c.Cluster.Bootstrap) {
		p.Add("/cluster/advertise", "other nodes cannot dial %s; set cluster.advertise to this node's own address and port", c.Cluster.Advertise)
	}
	if c.Cluster.Bootstrap && len(c.Cluster.Join) > 0 {
		p.Add("/cluster", "bootstrap: true and join: %v exclude each other; the first node bootstraps, the others join it", c.Cluster.Join)
	}
	for i, j := range c.Cluster.Join {
		address(&p, fmt.Sprintf("/cluster/join/%d", i), j)
	}
	if g := time.Duration(c.Cluster.Grace); g < time.Second || g > time.Hour {
		p.Add("/cluster/grace", "a grace of %v is not within 1s to 1h", c.Cluster.Grace)
	}
	if m := c.Cluster.RaftMultiplier; m < 1 || m > 20 {
		p.Add("/cluster/raftMultiplier", "%v is not within 1 to 20", m)
	}
	if b := c.Probing.Budget; b < 0 || b > maxBudget {
		p.Add("/probing/budget", "%d is not within 0 to %d probes a second", b, maxBudget)
	}
	for i, r := range c.Probing.Reference {
		addr, ok := strings.CutPrefix(r, "tcp://")
		if !ok {
			p.Add(fmt.Sprintf("/probing/reference/%d", i), "%q is not a reference target; write tcp://ADDRESS:PORT", r)
			continue
		}
		address(&p, fmt.Sprintf("/probing/reference/%d", i), addr)
	}
	for i, a := range c.Probing.Allow {
		if a != a.Masked() {
			p.Add(fmt.Sprintf("/probing/allow/%d", i), "%s has bits set beyond its length; write %s", a, a.Masked())
		}
	}
	for i, a := range c.Notifications.Allow {
		if a != a.Masked() {
			p.Add(fmt.Sprintf("/notifications/allow/%d", i), "%s has bits set beyond its length; write %s", a, a.Masked())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Probing.Exec)) {
		if err := policy.CheckLabel(name); err != nil {
			p.Add("/probing/exec", "%v", err)
		}
		if path := c.Probing.Exec[name]; !filepath.IsAbs(path) {
			p.Add("/probing/exec/"+name, "%q is not an absolute path", path)
		}
	}
	return p.Err("the node's configuration is not valid")
}

// exposes refuses an API that others reach without encryption, unless that is meant.
func (c *Config) exposes(p *policy.Problems, why string) {
	if ip, ok := address(p, "/api/listen", c.API.Listen); ok && !ip.IsLoopback() && c.API.TLS == nil && !c.API.Insecure {
		p.Add("/api/listen", "%s is not loopback, and %s", c.API.Listen, why)
	}
}

const maxBudget = 1_000_000

// validateAgent refuses what an agent has no use for.
func (c *Config) validateAgent(p *policy.Problems) {
	if c.API.Listen != "" {
		c.exposes(p, "an agent shows /metrics to whoever asks; listen on loopback, or set api.insecure: true if only those who may see them get there")
	}
	if len(c.DNS.Listen) > 0 || len(c.DNS.TLS.Listen) > 0 {
		p.Add("/dns", "an agent answers no DNS; leave dns out, or write role: node")
	}
	if len(c.Notifications.Allow) > 0 {
		p.Add("/notifications", "an agent tells nobody; leave notifications out")
	}
	if c.Geo != (Geo{}) {
		p.Add("/geo", "an agent has no use for geographic data; leave geo out")
	}
	if c.API.TLS != nil {
		p.Add("/api/tls", "an agent serves /healthz, /readyz and /metrics in plain HTTP; leave api.tls out")
	}
	if c.Cluster.Bootstrap {
		p.Add("/cluster/bootstrap", "an agent cannot start a cluster; name nodes of one in cluster.join")
	}
	if len(c.Cluster.Join) == 0 {
		p.Add("/cluster/join", "an agent needs the cluster ports of some nodes (join: [192.0.2.53:7300])")
	}
}

// address checks "HOST:PORT" and gives the address when HOST is one. It is not
// valid for a name: what that stands for is not known here.
func address(p *policy.Problems, at, s string) (ip netip.Addr, ok bool) {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		p.Add(at, "%q is not an address and port (127.0.0.1:5300, [::1]:5300)", s)
		return netip.Addr{}, false
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		p.Add(at, "port %q is not within 1 to 65535", port)
		return netip.Addr{}, false
	}
	if host == "" {
		return netip.IPv6Unspecified(), true
	}
	if strings.EqualFold(host, "localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	ip, _ = netip.ParseAddr(host)
	return ip, true
}

// Complete fills in the defaults of a configuration made in code, and validates it.
func (c *Config) Complete() error {
	c.defaults()
	return c.Validate()
}
