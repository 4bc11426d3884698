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
	Blind   bool     // the vantage abstained while it was taken: a failure may be its own, and says nothing about the target either
	Cause   Cause    // why not, in one word
	Detail  uint16   // of the cause: an HTTP status, an exit code
	Error   string   // why not; short, without secrets
	Started int64    // nanoseconds on the node's monotonic clock
	Took    Duration // from start to verdict
	Phases  Phases   // where the time went

	TLSExpiry int64  // Unix seconds when the certificate it showed expires; 0: it showed none
	Address   string // that was connected to, with the port
}

// Phases are the parts of a probe's time. A part that the probe does not have, or did not come to, is 0.
type Phases struct {
	DNS       Duration `json:"dns,omitempty"`
	Connect   Duration `json:"connect,omitempty"`
	TLS       Duration `json:"tls,omitempty"`
	FirstByte Duration `json:"firstByte,omitempty"` // from the request sent to the first octet of the answer
}

// Ballot is a vantage's part in a verdict.
type Ballot struct {
	Vantage string `json:"vantage"` // label of the node
	Status  Status `json:"status"`
	// Absent says why the vantage did not vote: "silent", "abstains", "pending" (it has
	// no settled opinion of the check as it is now), or "" when it did.
	Absent string `json:"absent,omitempty"`
	Error  string `json:"error,omitempty"`
	// Where the vantage is, while the ballots are counted.
	Region    string `json:"-"`
	Provider  string `json:"-"`
	Continent string `json:"-"`
}

// What a verdict that is down waits for, though the vantages agree that the target is up (Verdict.Waits).
const (
	WaitsForOperator = "operator" // the monitor's resume is manual
	WaitsForRival    = "rival"    // another endpoint of the pool is up by an exclusive monitor
)

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
	// Waits says what it waits for, when it is down and the vantages agree that the target is up.
	Waits string `json:"waits,omitempty"`
	// Resumed says that an operator lets it come up again.
	Resumed bool `json:"resumed,omitempty"`
	// Rivals are the other endpoints of the pool that claim what an exclusive monitor grants to one.
	Rivals []string `json:"rivals,omitempty"`
}

// Edge is a verdict that differs from the one in State.
type Edge struct {
	Verdict
	Was Status `json:"was"`
}
