package policy

import (
	"slices"
	"time"
)

const halfOpen = "half-open"

// Circuit is a verdict as a circuit breaker: "closed" is up with all of its
// weight, "half-open" up with a part of it, "open" down. It is "" while unknown.
func (v *Verdict) Circuit() string {
	switch {
	case v.Status == Down:
		return "open"
	case v.Status == Up && v.Ramp < 100:
		return halfOpen
	case v.Status == Up:
		return "closed"
	}
	return ""
}

// EndpointHealth is all there is to know of an endpoint's health on the node that is asked.
type EndpointHealth struct {
	Endpoint  string        `json:"endpoint"` // "endpoint/web/a"
	Pool      string        `json:"pool"`
	Region    string        `json:"region"`
	Measured  Status        `json:"measured"`       // what the verdicts say
	Effective string        `json:"effective"`      // "up", "down", "unknown" or "drained"
	State     string        `json:"state"`          // Effective, or "degraded"; see Judge
	Why       string        `json:"why,omitempty"`  // when Effective does not follow from the verdicts alone
	Since     time.Time     `json:"since,omitzero"` // of the measured status
	Controls  []string      `json:"controls,omitempty"`
	Checks    []CheckHealth `json:"checks"` // none when nothing checks it
}

// Judge sets the state: what answers go by, or degraded where that is up with a part of the weight, or with a check that is down.
func (h *EndpointHealth) Judge() {
	h.State = h.Effective
	if h.Effective == Up.String() && slices.ContainsFunc(h.Checks, func(c CheckHealth) bool { return c.Verdict.Status == Down || c.Circuit == halfOpen }) {
		h.State = "degraded"
	}
}

// SeenCertificate is the certificate that an endpoint showed to this node's own probes.
type SeenCertificate struct {
	Check    string    `json:"check"`
	Endpoint string    `json:"endpoint"`
	Monitor  string    `json:"monitor"`
	Expires  time.Time `json:"expires"`
	Seen     time.Time `json:"seen"`
}

// CheckHealth is what is known of one check of an endpoint. Samples and History
// are there only when one endpoint is asked about.
type CheckHealth struct {
	Check   string            `json:"check"`
	Monitor string            `json:"monitor"`
	Verdict Verdict           `json:"verdict"`
	Circuit string            `json:"circuit,omitempty"`
	Reports []HealthVoice     `json:"reports"`
	Samples []VantageEvidence `json:"samples,omitempty"`
	History []VerdictEdge     `json:"history,omitempty"` // newest first
}

// HealthOf is what the state says of a check at a time of its clock; who probes and
// reports what on it is for others to add.
func (s *State) HealthOf(c *Check, now int64) CheckHealth {
	v, ok := s.Verdicts.Get(c.ID)
	if !ok {
		v = Verdict{Check: c.ID, Ramp: 100}
	}
	h := CheckHealth{Check: c.ID, Monitor: c.Monitor.Name, Verdict: v, Circuit: v.Circuit(), Reports: []HealthVoice{}}
	if c.Monitor.Signal != nil {
		r := s.ReadSignal(&c.Monitor, now)
		h.Reports = append(h.Reports, r.Voice())
	}
	return h
}

// HealthVoice is one vantage's present opinion.
type HealthVoice struct {
	Vantage    string   `json:"vantage"`
	Status     Status   `json:"status"`
	Fresh      bool     `json:"fresh"`
	Abstaining bool     `json:"abstaining,omitempty"`
	Against    uint8    `json:"against,omitempty"` // samples in a row that speak against the status
	Cause      Cause    `json:"cause,omitempty"`
	Error      string   `json:"error,omitempty"`
	Latency    Duration `json:"latency,omitempty"`
	Age        Duration `json:"age"`
}

// VantageEvidence is the last samples of one vantage.
type VantageEvidence struct {
	Vantage string     `json:"vantage"`
	Error   string     `json:"error,omitempty"` // why it could not be asked
	Samples []Evidence `json:"samples"`         // newest first
}

// Evidence is one sample as people see it.
type Evidence struct {
	At         time.Time `json:"at"` // when the probe began, by the vantage's wall clock
	OK         bool      `json:"ok"`
	Refused    bool      `json:"refused,omitempty"` // not sent: this says nothing of the target
	Cause      Cause     `json:"cause,omitempty"`
	Detail     uint16    `json:"detail,omitempty"`
	Error      string    `json:"error,omitempty"`
	Took       Duration  `json:"took"`
	Phases     Phases    `json:"phases"`
	Address    string    `json:"address,omitempty"` // that was connected to
	TLSExpiry  time.Time `json:"tlsExpiry,omitzero"`
	TLSVersion string    `json:"tlsVersion,omitempty"` // of a probe that was asked for
	Status     string    `json:"status,omitempty"`     // what the protocol answered; of a probe that was asked for
}

// Evidence is the sample for people, with the time it was taken at.
func (s *Sample) Evidence(at time.Time) Evidence {
	e := Evidence{
		At: at.Round(0), OK: s.OK, Refused: s.Refused, Cause: s.Cause, Detail: s.Detail, Error: s.Error, Took: s.Took, Phases: s.Phases, Address: s.Address,
	}
	if s.TLSExpiry != 0 {
		e.TLSExpiry = time.Unix(s.TLSExpiry, 0).UTC()
	}
	return e
}

// ProbeResult is one probe that somebody asked for.
type ProbeResult struct {
	Endpoint string   `json:"endpoint"`
	Check    string   `json:"check"`
	Monitor  string   `json:"monitor"`
	Kind     string   `json:"kind"`
	Vantage  string   `json:"vantage"`
	Evidence Evidence `json:"evidence"`
}

// VerdictEdge is a change of a verdict, as it is told and remembered.
type VerdictEdge struct {
	Edge
	Circuit string    `json:"circuit,omitempty"`
	Index   uint64    `json:"index"` // of the state that brought it
	At      time.Time `json:"at"`    // of the change, by the cluster's clock
}
