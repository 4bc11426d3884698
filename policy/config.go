package policy

import "time"

// Config is the replicated configuration document. Zones are objects of their own.
type Config struct {
	Regions     []Region     `json:"regions,omitempty"`
	Providers   []Provider   `json:"providers,omitempty"`
	Monitors    []Monitor    `json:"monitors,omitempty"`
	Pools       []Pool       `json:"pools,omitempty"`
	Templates   []Template   `json:"templates,omitempty"`
	Services    []Service    `json:"services,omitempty"`
	SafetyRules []SafetyRule `json:"safetyRules,omitempty"`
	// Places say where networks are, whatever the geographic data says.
	Places []PlaceOverride `json:"places,omitempty"`
}

// Region is a failure domain with a place, a provider and availability zones.
type Region struct {
	Name      string    `json:"name"`
	Place     *Place    `json:"place,omitempty"`
	Provider  string    `json:"provider,omitempty"`
	Continent string    `json:"continent,omitempty"` // for quorums that ask for several: AF, AN, AS, EU, NA, OC or SA
	AZs       []string  `json:"azs,omitempty"`
	Capacity  *Capacity `json:"capacity,omitempty"`
	DownWhen  *DownWhen `json:"downWhen,omitempty"`
}

// Monitor says how to check an endpoint. Exactly one of HTTP, HTTPS and TCP is set.
type Monitor struct {
	Name     string     `json:"name"`
	HTTP     *HTTPCheck `json:"http,omitempty"`
	HTTPS    *HTTPCheck `json:"https,omitempty"`
	TCP      *TCPCheck  `json:"tcp,omitempty"`
	Interval Duration   `json:"interval,omitempty"` // between starts of probes; 200ms to 1h, default 10s
	Timeout  Duration   `json:"timeout,omitempty"`  // of one probe; default half the interval, at most 5s
	Fall     int        `json:"fall,omitempty"`     // failures in a row until a vantage says down; 1 to 100, default 3
	Rise     int        `json:"rise,omitempty"`     // successes in a row until a vantage says up again; 1 to 100, default 2
	Quorum   Quorum     `json:"quorum,omitzero"`    // what it takes to say down; "majority" by default
	HoldDown Duration   `json:"holdDown,omitempty"` // least time down before up; 0 to 24h, default 0
	Ramp     Duration   `json:"ramp,omitempty"`     // time over which weight comes back after recovery; 0 to 24h, default 0

	Vantages  VantageRule  `json:"vantages,omitzero"`   // which vantages probe; all by default
	Target    *ProbeTarget `json:"target,omitempty"`    // probed instead of the endpoint
	Invert    bool         `json:"invert,omitempty"`    // a probe that fails is a success
	Exclusive bool         `json:"exclusive,omitempty"` // at most one endpoint of a pool may be up by it (fencing)
	Resume    string       `json:"resume,omitempty"`    // "manual": what was down stays down until an operator resumes it
}

// Manual is the value of Monitor.Resume that waits for an operator.
const Manual = "manual"

// HTTPCheck is a GET that must be answered with one of the statuses.
type HTTPCheck struct {
	Port          int        `json:"port,omitempty"`   // default 80, or 443 for https
	Path          string     `json:"path,omitempty"`   // default /
	Host          string     `json:"host,omitempty"`   // Host header; "{service}" is the service's name; default the address
	SNI           string     `json:"sni,omitempty"`    // https: server name asked for and verified; "{service}" as above; default host
	Status        []int      `json:"status,omitempty"` // default [200]
	Insecure      bool       `json:"insecure,omitempty"`
	Authorization *SecretRef `json:"authorization,omitempty"` // value of the Authorization header
}

// TCPCheck is a connection that must be accepted.
type TCPCheck struct {
	Port int `json:"port"`
}

// SecretRef names a secret that the cluster keeps encrypted. A document never holds the value.
type SecretRef struct {
	Secret string `json:"secret"`
}

// WithDefaults fills in what the document left out.
func (m Monitor) WithDefaults() Monitor {
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
	return m
}

func (c *HTTPCheck) withDefaults(port int) *HTTPCheck {
	if c == nil {
		return nil
	}
	d := *c
	if d.Port == 0 {
		d.Port = port
	}
	if d.Path == "" {
		d.Path = "/"
	}
	if len(d.Status) == 0 {
		d.Status = []int{200}
	}
	if d.SNI == "" {
		d.SNI = d.Host
	}
	return &d
}

// SafetyRule is what no operator's change and no drill may break.
type SafetyRule struct {
	Name      string   `json:"name"`
	Service   Name     `json:"service,omitempty"`   // default every service
	AtLeast   *AtLeast `json:"atLeast,omitempty"`   // what must stay undrained
	AppliesTo []string `json:"appliesTo,omitempty"` // "operator" and "drill" (default both)
}

// AtLeast is a floor under what a service keeps.
type AtLeast struct {
	Regions int `json:"regions,omitempty"` // regions with an undrained endpoint
}
