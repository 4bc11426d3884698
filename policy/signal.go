package policy

import (
	"fmt"
	"strings"
	"time"
)

// Bounds on signals.
const (
	MaxSignals      = 1000 // in State
	MaxSignalReason = 200  // octets

	DefaultSignalAge = Duration(time.Minute)
	MinSignalAge     = Duration(time.Second)
	MaxSignalAge     = Duration(30 * 24 * time.Hour)
)

// Signal is what a program outside says of something, for monitors of kind signal to go by.
// It stays when it is stale, so that it can be told from one that was never given.
type Signal struct {
	Name   string   `json:"name"`
	Status Status   `json:"status"` // Up or Down
	Reason string   `json:"reason,omitempty"`
	Actor  string   `json:"actor,omitempty"` // who gave it
	At     int64    `json:"at"`              // State's clock when it was last given
	MaxAge Duration `json:"maxAge"`
	// Stale says that the leader has seen it grow too old. Due decides; this is for
	// those who look at a State and have no clock.
	Stale bool `json:"stale,omitempty"`
}

// Due is the clock from which the signal is stale.
func (s Signal) Due() int64 { return s.At + int64(s.MaxAge) }

// StaleSignals is how many signals are stale at a time of the clock.
func (s *State) StaleSignals(now int64) (n int) {
	for _, v := range s.Signals.All {
		if v.Due() <= now {
			n++
		}
	}
	return n
}

// Validate checks a signal that is given.
func (s Signal) Validate(p *Problems) {
	if err := CheckLabel(s.Name); err != nil {
		p.Add("/name", "%v", err)
	}
	if s.Status != Up && s.Status != Down {
		p.Add("/status", "the status of a signal is up or down; one that is not given again becomes stale by itself")
	}
	line(p, "/reason", "the reason", s.Reason, MaxSignalReason)
	between(p, "/maxAge", "a maximum age", s.MaxAge, MinSignalAge, MaxSignalAge)
}

// What a signal that is stale, or was never given, makes of a verdict (SignalCheck.WhenStale).
const (
	StaleKeep    = "keep"    // it stays as it is
	StaleUp      = "up"      // as if the monitor had said up
	StaleDown    = "down"    // likewise down
	StaleUnknown = "unknown" // nothing is known any more
)

// SignalCheck goes by a signal that is given from outside (PUT /signals/NAME). Nothing is probed.
type SignalCheck struct {
	Name      string `json:"name"`
	WhenStale string `json:"whenStale,omitempty"` // StaleKeep (default), StaleUp, StaleDown or StaleUnknown
}

func (c *SignalCheck) withDefaults() *SignalCheck {
	if c == nil || c.WhenStale != "" {
		return c
	}
	d := *c
	d.WhenStale = StaleKeep
	return &d
}

func (c *SignalCheck) text() string                 { return c.Name }
func (c *SignalCheck) secret() (string, *SecretRef) { return "", nil }

func (c *SignalCheck) validate(at, _ string, p *Problems) {
	if err := CheckLabel(c.Name); err != nil {
		p.Add(at+"/name", "%v", err)
	}
	if c.WhenStale != "" {
		oneOf(p, at+"/whenStale", "whenStale", c.WhenStale, StaleKeep, StaleUp, StaleDown, StaleUnknown)
	}
}

// validateSignal refuses what is of no use to a monitor that probes nothing.
func (m *Monitor) validateSignal(at string, p *Problems) {
	for _, k := range []struct {
		key string
		is  bool
	}{
		{"interval", m.Interval != 0}, {"timeout", m.Timeout != 0}, {"fall", m.Fall != 0}, {"rise", m.Rise != 0},
		{"quorum", !m.Quorum.IsZero()}, {"vantages", !m.Vantages.IsZero()}, {"target", m.Target != nil},
	} {
		if k.is {
			p.Add(at+"/"+k.key, "%s has no place beside signal: nobody probes, the signal is given", k.key)
		}
	}
	if m.Exclusive {
		p.Add(at+"/exclusive", "exclusive has no place beside signal: it says the same of every endpoint of a pool, so that all would be rivals")
	}
}

// Reading is what a monitor has of its signal at a time.
type Reading struct {
	Signal Signal // the zero Signal when it was never given
	Given  bool
	Fresh  bool
	Told   Status // what it says or said last, the other way round for a monitor that inverts
	Says   Status // what the monitor makes of it now; Unknown for what is kept, too
	Keep   bool   // the verdict is to stay as it is
	check  *SignalCheck
	now    int64
}

// ReadSignal is what a monitor of kind signal, with its defaults, has at a time of State's clock.
func (s *State) ReadSignal(m *Monitor, now int64) Reading {
	r := Reading{check: m.Signal, now: now}
	r.Signal, r.Given = s.Signals.Get(m.Signal.Name)
	r.Fresh = r.Given && now < r.Signal.Due()
	if r.Told = r.Signal.Status; r.Given && m.Invert {
		r.Told = Up + Down - r.Told
	}
	switch {
	case r.Fresh:
		r.Says = r.Told
	case m.Signal.WhenStale == StaleUp:
		r.Says = Up
	case m.Signal.WhenStale == StaleDown:
		r.Says = Down
	case m.Signal.WhenStale != StaleUnknown:
		r.Keep = true
	}
	return r
}

// SignalVoice is the prefix of a signal's name where the label of a vantage is expected.
const SignalVoice = "signal/"

// SignalBallot is what a signal said when a verdict was reached by one; not ok: vantages voted.
func SignalBallot(list []Ballot) (b Ballot, ok bool) {
	if len(list) == 1 && strings.HasPrefix(list[0].Vantage, SignalVoice) {
		return list[0], true
	}
	return b, false
}

// Vantage is what stands for the label of a vantage in ballots and reports.
func (r *Reading) Vantage() string { return SignalVoice + r.check.Name }

// Text says why the reading is what it is.
func (r *Reading) Text() string {
	stale := "; whenStale: " + r.check.WhenStale
	age := time.Duration(r.age()).Truncate(time.Second)
	switch {
	case !r.Given:
		return "never given" + stale
	case !r.Fresh:
		return fmt.Sprintf("stale: given %v ago, counts for %v%s", age, r.Signal.MaxAge, stale)
	case r.Signal.Reason == "":
		return fmt.Sprintf("%s was given", r.Signal.Status)
	}
	return r.Signal.Reason
}

// Voice is the reading in the place of a vantage's report.
func (r *Reading) Voice() HealthVoice {
	return HealthVoice{Vantage: r.Vantage(), Status: r.Told, Fresh: r.Fresh, Error: r.Text(), Age: r.age()}
}

func (r *Reading) age() Duration {
	if !r.Given {
		return 0
	}
	return Duration(max(0, r.now-r.Signal.At))
}
