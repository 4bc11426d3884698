package policy

import "fmt"

// Status is an opinion of an endpoint: unknown is a value.
type Status uint8

// The statuses.
const (
	Unknown Status = iota
	Up
	Down
)

var statusNames = [...]string{"unknown", "up", "down"}

// String is "unknown", "up" or "down".
func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return fmt.Sprintf("status(%d)", uint8(s))
}

// MarshalText gives String.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads String.
func (s *Status) UnmarshalText(text []byte) error {
	for i, n := range statusNames {
		if n == string(text) {
			*s = Status(i)
			return nil
		}
	}
	return fmt.Errorf("%q is not a status (up, down, unknown)", text)
}

// Sample is the result of one probe.
type Sample struct {
	OK      bool
	Refused bool     // not sent: this node may not or cannot probe the target, which says nothing about the target
	Error   string   // why not; short, without secrets
	Started int64    // nanoseconds on the node's monotonic clock
	Took    Duration // from start to verdict
}

// Opinion is what a vantage holds of one check, after rise and fall.
type Opinion struct {
	Check    string   `json:"check"`
	Revision uint64   `json:"revision"` // of the check it probed by
	Status   Status   `json:"status"`
	Error    string   `json:"error,omitempty"`   // of the last failure
	Latency  Duration `json:"latency,omitempty"` // of the last success
}

// Report is a vantage's whole table of opinions. It has one entry for every
// check, whatever their state, so that its size does not follow the failures.
type Report struct {
	Vantage    string    `json:"vantage"` // member id
	Boot       uint64    `json:"boot"`    // random, of the process that sends it
	Seq        uint64    `json:"seq"`     // grows with each report of a boot
	Abstaining bool      `json:"abstaining"`
	Opinions   []Opinion `json:"opinions"`
}

// Ballot is a vantage's part in a verdict.
type Ballot struct {
	Vantage string `json:"vantage"` // label of the node
	Status  Status `json:"status"`
	// Absent says why the vantage did not vote: "silent", "abstains", "pending" (it has
	// no settled opinion of the check as it is now), or "" when it did.
	Absent string `json:"absent,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Verdict is the cluster's opinion of one check.
type Verdict struct {
	Check    string   `json:"check"`
	Status   Status   `json:"status"`
	Since    int64    `json:"since"`    // State clock at the last change of status
	Revision uint64   `json:"revision"` // of the check that was judged
	Ballots  []Ballot `json:"ballots,omitempty"`
	// Penalty is how long a recovery must wait; it doubles with each flap and halves with time.
	Penalty   Duration `json:"penalty,omitempty"`
	PenaltyAt int64    `json:"penaltyAt,omitempty"` // State clock when Penalty was last set
	// Ramp is the share of its weight the endpoint has back, in percent: 100 when healthy for long.
	Ramp int `json:"ramp"`
}

// Edge is a verdict that differs from the one in State.
type Edge struct {
	Verdict
	Was Status `json:"was"`
}
