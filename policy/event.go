package policy

import "time"

// Event is something that happened, as told to whoever watches.
type Event struct {
	Seq    uint64    `json:"seq"`  // grows on each node; not the same on two nodes
	Type   string    `json:"type"` // "verdict", "control", "signal", "config", "zone", "member", "leader", "published", "island"
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
