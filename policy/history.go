package policy

import "time"

// HistoryQuery asks for an endpoint's health over a time.
type HistoryQuery struct {
	Endpoint string
	From, To time.Time
	Step     Duration // at least; 0: as fine as it goes with 1000 points
}

// How far history goes back, and how finely it is kept.
const (
	HistorySpan   = Duration(90 * 24 * time.Hour)
	HistoryFinest = Duration(10 * time.Second)
	MaxChanges    = 1000 // of a verdict that a CheckHistory has
)

// EndpointHistory is what the nodes kept of an endpoint's health.
type EndpointHistory struct {
	Endpoint string         `json:"endpoint"`
	From     time.Time      `json:"from"`
	To       time.Time      `json:"to"`
	Step     Duration       `json:"step"`
	Checks   []CheckHistory `json:"checks"`
	Missing  []string       `json:"missing"` // labels of nodes that could not be asked
}

// CheckHistory is what they kept of one check. Steps of which nothing is known are left out.
type CheckHistory struct {
	Check    string           `json:"check"`
	Monitor  string           `json:"monitor"`
	Timeline []TimelinePoint  `json:"timeline"` // of the verdict, oldest first
	Vantages []VantageHistory `json:"vantages"` // those that have probed it, in order of labels
	Changes  []VerdictEdge    `json:"changes"`  // newest first
}

// TimelinePoint is a verdict over one step.
type TimelinePoint struct {
	At     time.Time `json:"at"`     // when the step began
	Status Status    `json:"status"` // at its worst
	Down   float64   `json:"down"`   // for how much of the step it was down, 0 to 1
}

// VantageHistory is what one vantage measured.
type VantageHistory struct {
	Vantage string         `json:"vantage"`
	Points  []VantagePoint `json:"points"` // oldest first
}

// VantagePoint is its samples of one step.
type VantagePoint struct {
	At      time.Time `json:"at"`
	Latency Duration  `json:"latency,omitempty"` // mean of those that succeeded; 0: none did
	Max     Duration  `json:"max,omitempty"`
	Loss    float64   `json:"loss"` // share that failed, 0 to 1
}

// HistoryPoint is both, as one node has it.
type HistoryPoint struct {
	At      time.Time `json:"at"`
	Judged  bool      `json:"judged,omitempty"`
	Status  Status    `json:"status"`
	Down    float64   `json:"down,omitempty"`
	Probed  bool      `json:"probed,omitempty"`
	Latency Duration  `json:"latency,omitempty"`
	Max     Duration  `json:"max,omitempty"`
	Loss    float64   `json:"loss,omitempty"`
}
