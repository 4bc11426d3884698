package policy

import (
	"fmt"
	"iter"
	"strings"
	"time"
)

// Monitor says how to check an endpoint. Exactly one of its kinds is set.
type Monitor struct {
	Name     string         `json:"name"`
	HTTP     *HTTPCheck     `json:"http,omitempty"`
	HTTPS    *HTTPCheck     `json:"https,omitempty"`
	TCP      *TCPCheck      `json:"tcp,omitempty"`
	TLS      *TLSCheck      `json:"tls,omitempty"`
	ICMP     *ICMPCheck     `json:"icmp,omitempty"`
	DNS      *DNSCheck      `json:"dns,omitempty"`
	GRPC     *GRPCCheck     `json:"grpc,omitempty"`
	UDP      *UDPCheck      `json:"udp,omitempty"`
	Postgres *DatabaseCheck `json:"postgres,omitempty"`
	MySQL    *DatabaseCheck `json:"mysql,omitempty"`
	Redis    *RedisCheck    `json:"redis,omitempty"`
	Exec     *ExecCheck     `json:"exec,omitempty"`
	Signal   *SignalCheck   `json:"signal,omitempty"`

	Interval Duration `json:"interval,omitempty"` // between starts of probes; 200ms to 1h, default 10s
	Timeout  Duration `json:"timeout,omitempty"`  // of one probe; default half the interval, at most 5s
	Fall     int      `json:"fall,omitempty"`     // failures in a row until a vantage says down; 1 to 100, default 3
	Rise     int      `json:"rise,omitempty"`     // successes in a row until a vantage says up again; 1 to 100, default 2
	Quorum   Quorum   `json:"quorum,omitzero"`    // what it takes to say down; "majority" by default
	HoldDown Duration `json:"holdDown,omitempty"` // least time down before up; 0 to 24h, default 0
	Ramp     Duration `json:"ramp,omitempty"`     // time over which weight comes back after recovery; 0 to 24h, default 0

	Vantages  VantageRule  `json:"vantages,omitzero"`   // which vantages probe; all by default
	Target    *ProbeTarget `json:"target,omitempty"`    // probed instead of the endpoint
	Invert    bool         `json:"invert,omitempty"`    // a probe that fails is a success
	Exclusive bool         `json:"exclusive,omitempty"` // at most one endpoint of a pool may be up by it (fencing)
	Resume    string       `json:"resume,omitempty"`    // "manual": what was down stays down until an operator resumes it
}

// Manual is the value of Monitor.Resume that waits for an operator.
const Manual = "manual"

// SecretRef names a secret that the cluster keeps encrypted. A document never holds the value.
type SecretRef struct {
	Secret string `json:"secret"`
}

// checkSpec is what a monitor says under the key of its kind.
type checkSpec interface {
	validate(at, key string, p *Problems)
	// text says on one line what is asked of whom, after the kind's key.
	text() string
	// secret is the credential it names, or nil, and its key.
	secret() (key string, ref *SecretRef)
}

type monitorKind struct {
	key   string
	spec  checkSpec
	later bool // came with FeatureHealth
}

// kinds are the kinds that are set: one in a valid monitor.
func (m *Monitor) kinds() []monitorKind {
	var list []monitorKind
	add := func(is bool, key string, spec checkSpec, later bool) {
		if is {
			list = append(list, monitorKind{key, spec, later})
		}
	}
	add(m.HTTP != nil, "http", m.HTTP, false)
	add(m.HTTPS != nil, "https", m.HTTPS, false)
	add(m.TCP != nil, "tcp", m.TCP, false)
	add(m.TLS != nil, "tls", m.TLS, true)
	add(m.ICMP != nil, "icmp", m.ICMP, true)
	add(m.DNS != nil, "dns", m.DNS, true)
	add(m.GRPC != nil, "grpc", m.GRPC, true)
	add(m.UDP != nil, "udp", m.UDP, true)
	add(m.Postgres != nil, "postgres", m.Postgres, true)
	add(m.MySQL != nil, "mysql", m.MySQL, true)
	add(m.Redis != nil, "redis", m.Redis, true)
	add(m.Exec != nil, "exec", m.Exec, true)
	add(m.Signal != nil, "signal", m.Signal, true)
	return list
}

// Kind is the key of the monitor's kind, or "none".
func (m *Monitor) Kind() string {
	if set := m.kinds(); len(set) > 0 {
		return set[0].key
	}
	return "none"
}

// Text is the monitor's kind and what it asks for on one line: "http :80/healthz".
func (m *Monitor) Text() string {
	if set := m.kinds(); len(set) > 0 {
		return strings.TrimSpace(set[0].key + " " + set[0].spec.text())
	}
	return "-"
}

// Secrets are the credentials that the monitor names, each with the JSON pointer
// of its name within the monitor.
func (m *Monitor) Secrets() iter.Seq2[string, *SecretRef] {
	return func(yield func(string, *SecretRef) bool) {
		for _, k := range m.kinds() {
			if key, ref := k.spec.secret(); ref != nil && !yield("/"+k.key+"/"+key+"/secret", ref) {
				return
			}
		}
	}
}

// isLater says whether the monitor is of a kind, or has keys, that came with FeatureHealth.
func (m *Monitor) isLater() bool {
	for _, k := range m.kinds() {
		if k.later {
			return true
		}
	}
	return m.HTTP.isLater() || m.HTTPS.isLater()
}

// WithDefaults fills in what the document left out. A signal has no use for what says how to probe.
func (m Monitor) WithDefaults() Monitor {
	if m.Signal != nil {
		m.Signal = m.Signal.withDefaults()
		return m
	}
	if m.Interval == 0 {
		m.Interval = Duration(10 * time.Second)
	}
	if m.Timeout == 0 {
		m.Timeout = min(m.Interval/2, Duration(5*time.Second))
	}
	if m.Fall == 0 {
		m.Fall = 3
	}
	if m.Rise == 0 {
		m.Rise = 2
	}
	m.HTTP, m.HTTPS = m.HTTP.withDefaults(80), m.HTTPS.withDefaults(443)
	m.TLS, m.DNS = m.TLS.withDefaults(), m.DNS.withDefaults()
	m.Postgres, m.MySQL = m.Postgres.withDefaults(5432, "postgres"), m.MySQL.withDefaults(3306, "")
	m.Redis = m.Redis.withDefaults()
	return m
}

// portText is ":PORT".
func portText(n int) string { return fmt.Sprintf(":%d", n) }
