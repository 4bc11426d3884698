package policy

import (
	"strings"
	"time"
)

// What one node does alone, in an emergency.
const (
	LocalDrainLife    = Duration(time.Hour) // of a drain that says nothing of its own
	MaxLocalDrainLife = Duration(24 * time.Hour)
	localPrefix       = "local-"
)

// LocalID makes the id of a control that is in force on one node alone.
func LocalID(random string) string { return localPrefix + strings.ToLower(random) }

// Local says whether the control is in force on one node alone, and is in no State.
func (c Control) Local() bool { return strings.HasPrefix(c.ID, localPrefix) }

// WithControls is the state with more controls in force. It shares everything else.
func (s *State) WithControls(more []Control) *State {
	if len(more) == 0 {
		return s
	}
	c := *s
	c.Controls = s.Controls.Copy()
	for _, v := range more {
		c.Controls.Set(v.ID, v)
	}
	return &c
}

// Act is something that a node alone has on record: a refused call, or what was done by break-glass.
type Act struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`            // "refused" or "break-glass"
	Actor  string    `json:"actor,omitempty"` // "" for whoever was not known
	Call   string    `json:"call"`            // method and path
	Peer   string    `json:"peer,omitempty"`  // address that the call came from
	Text   string    `json:"text,omitempty"`
	Missed int       `json:"missed,omitempty"` // refusals before this one that there were too many of to record
}

// The kinds of acts.
const (
	ActRefused    = "refused"
	ActBreakGlass = "break-glass"
)
