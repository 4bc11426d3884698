package policy

// What a Delegation says.
const (
	DelegationOK      = "ok"
	DelegationWrong   = "warnings"
	DelegationUnknown = "unknown" // nobody could be asked
)

// Delegation is how a zone's parent delegates it, held against the zone.
type Delegation struct {
	Zone     string            `json:"zone"`
	Parent   string            `json:"parent,omitempty"` // "" is the root, or not known
	State    string            `json:"state"`
	Problem  string            `json:"problem,omitempty"` // why it is unknown
	Wanted   []string          `json:"wanted"`            // the zone's own NS
	Parents  []ParentServer    `json:"parents"`
	Servers  []DelegatedServer `json:"servers"`
	Warnings []string          `json:"warnings"` // each with what to do
}

// ParentServer is what one server of the parent says.
type ParentServer struct {
	Name  string              `json:"name"`
	NS    []string            `json:"ns"`
	Glue  map[string][]string `json:"glue"` // addresses by name
	DS    []string            `json:"ds"`
	Error string              `json:"error,omitempty"`
}

// DelegatedServer is a server that the parent sends clients to.
type DelegatedServer struct {
	Name      string   `json:"name"`
	Addresses []string `json:"addresses"`
	Answers   bool     `json:"answers"` // for the zone, with authority
	Serial    uint32   `json:"serial,omitempty"`
	Error     string   `json:"error,omitempty"`
}
