package policy

// MaxReports and MaxReport bound what is kept of drills and failovers, in number and in octets of one.
const (
	MaxReports = 500
	MaxReport  = 64 << 10
)

// EvacuationReport is what is known of a drill or of a real failover when it is over.
type EvacuationReport struct {
	ID      string   `json:"id"`              // "d17", or "f17" of a failover
	Kind    string   `json:"kind"`            // "drill" or "failover"
	Title   string   `json:"title"`           // one line
	Drill   string   `json:"drill,omitempty"` // id of the run
	Plan    string   `json:"plan,omitempty"`
	Targets []string `json:"targets"` // what was evacuated or failed
	Result  string   `json:"result"`  // the phase in which a drill ended; "recovered" or "ended" of a failover
	Code    string   `json:"code,omitempty"`
	Problem string   `json:"problem,omitempty"`
	Actor   string   `json:"actor,omitempty"`
	Reason  string   `json:"reason,omitempty"`

	At      EvacuationTimes `json:"at"`
	RTO     Duration        `json:"rto,omitempty"`      // expected
	Reached Duration        `json:"achieved,omitempty"` // from the start to the last answer that named what was evacuated; 0 when nobody saw one
	Met     *bool           `json:"met,omitempty"`      // whether that is within what was expected

	Nodes    []EvacuationNode    `json:"nodes,omitempty"`
	Missing  []string            `json:"missing,omitempty"` // nodes that could not be asked: when all had published, and when the window closed, is not known
	Residual *EvacuationResidual `json:"residual,omitempty"`
	Checks   []DrillCheck        `json:"checks,omitempty"` // what preflight and the safety rules said
	Steps    []DrillStepRun      `json:"steps,omitempty"`
	Timeline []DrillNote         `json:"timeline,omitempty"`
	Cut      bool                `json:"cut,omitempty"` // something was left out, for its size
}

// EvacuationTimes are when it happened, by State's clock; 0 where that is not known.
type EvacuationTimes struct {
	First     int64 `json:"first,omitempty"`     // the first vantage reported it down
	Decided   int64 `json:"decided,omitempty"`   // the verdict, or the step of the drill
	Committed int64 `json:"committed,omitempty"` // in the log of a majority
	Published int64 `json:"published,omitempty"` // by the last node that could be asked
	Closed    int64 `json:"closed,omitempty"`    // no well-behaved client has an older answer from here on
	Restored  int64 `json:"restored,omitempty"`  // the change back, or the verdict up
	Recovered int64 `json:"recovered,omitempty"` // published everywhere again, and that window closed
	Ended     int64 `json:"ended,omitempty"`
}

// EvacuationNode is what one node did, by what it told.
type EvacuationNode struct {
	Node      string `json:"node"`
	Reachable bool   `json:"reachable"`
	Published int64  `json:"published,omitempty"`
	MaxTTL    uint32 `json:"maxTTL,omitempty"`
	Closes    int64  `json:"closes,omitempty"`
	LastNamed int64  `json:"lastNamed,omitempty"` // the last answer that named what was evacuated
	Asked     int    `json:"asked,omitempty"`     // questions that the nodes put to its DNS meanwhile
	Answered  int    `json:"answered,omitempty"`  // of them
	LastSeen  int64  `json:"lastSeen,omitempty"`  // the last answer to them that named it
}

// EvacuationResidual is who came to what was evacuated after its window had closed and before it was restored, by the observations that were handed in.
type EvacuationResidual struct {
	Clients int        `json:"clients"` // prefixes
	Count   int        `json:"count"`   // times
	Top     []Residual `json:"top,omitempty"`
}
