package policy

import "time"

// Event is something that happened, as told to whoever watches.
type Event struct {
	Seq    uint64    `json:"seq"`  // grows on each node; not the same on two nodes
	Type   string    `json:"type"` // "verdict", "control", "config", "zone", "member", "leader", "published", "island"
	At     time.Time `json:"at"`   // the node's wall clock, for display
	Node   string    `json:"node"` // that tells it
	Index  uint64    `json:"index,omitempty"`
	Object string    `json:"object,omitempty"` // "endpoint/web/a", "control/c17", "zone/example.com"
	Text   string    `json:"text"`             // one line for a person
	Data   any       `json:"data,omitempty"`   // the noun itself
}

// Publication is when a node answered by a change.
type Publication struct {
	Node         string    `json:"node"`
	ID           string    `json:"id"`
	Reachable    bool      `json:"reachable"`
	PublishedAt  time.Time `json:"publishedAt,omitzero"`  // the last worker had left the older view; the node's wall clock
	JournalledAt time.Time `json:"journalledAt,omitzero"` // on disk, in the node's own journal
	Error        string    `json:"error,omitempty"`       // why it has not, when it has not
}

// Done says whether the node has published and journalled the change.
func (p Publication) Done() bool { return !p.PublishedAt.IsZero() && !p.JournalledAt.IsZero() }

// EndpointHealth is all there is to know of an endpoint's health on the node that is asked.
type EndpointHealth struct {
	Endpoint  string        `json:"endpoint"` // "endpoint/web/a"
	Pool      string        `json:"pool"`
	Region    string        `json:"region"`
	Monitor   string        `json:"monitor,omitempty"` // "" when nothing checks it
	Measured  Status        `json:"measured"`          // what the verdict says
	Effective string        `json:"effective"`         // "up", "down", "unknown" or "drained"
	Since     time.Time     `json:"since,omitzero"`    // of the measured status
	Controls  []string      `json:"controls,omitempty"`
	Verdict   *Verdict      `json:"verdict,omitempty"`
	Reports   []HealthVoice `json:"reports,omitempty"`
}

// HealthVoice is one vantage's present opinion.
type HealthVoice struct {
	Vantage    string   `json:"vantage"`
	Status     Status   `json:"status"`
	Fresh      bool     `json:"fresh"`
	Abstaining bool     `json:"abstaining,omitempty"`
	Error      string   `json:"error,omitempty"`
	Latency    Duration `json:"latency,omitempty"`
	Age        Duration `json:"age"`
}
