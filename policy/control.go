package policy

// Action is what a control does.
type Action string

// The actions. All but Drain came with FeatureDrill.
const (
	Drain     Action = "drain"      // takes what it targets out of answers while anything else is left
	ForceUp   Action = "force-up"   // answers as if every verdict of it were up
	ForceDown Action = "force-down" // answers as if they were down
	Share     Action = "share"      // leaves it so much of the clients that it would have
)

// Source is on whose behalf a control is in force. Where several cover an endpoint an
// operator's counts before a drill's and that before automation's, and then the newest.
type Source string

// The sources, the one that counts first ahead.
const (
	ByOperator   Source = ""
	ByDrill      Source = "drill"
	ByAutomation Source = "automation"
)

// Phase is how far a control is that was planned ahead, or that goes in steps.
type Phase string

// The phases. A control that was not planned is in force from the start.
const (
	InForce   Phase = ""
	Planned   Phase = "planned"   // it does nothing yet
	Near      Phase = "near"      // services with a range of TTLs hand out their least already
	Refused   Phase = "refused"   // its time came, and it would have hurt; it does nothing
	Ramping   Phase = "ramping"   // it is on its way, step by step
	Paused    Phase = "paused"    // on its way, and held where it is by Problem
	Returning Phase = "returning" // it is on its way back, and is lifted when it is there
)

// Control is a forced state on part of the world.
type Control struct {
	ID        string `json:"id"`
	Target    string `json:"target"` // as ParseTarget reads it
	Action    Action `json:"action"`
	Reason    string `json:"reason"`
	Actor     string `json:"actor"`
	CreatedAt int64  `json:"createdAt"`           // State clock, nanoseconds; near Unix time
	StartsAt  int64  `json:"startsAt,omitempty"`  // State clock; 0 at once
	ExpiresAt int64  `json:"expiresAt,omitempty"` // State clock; 0 never
	Phase     Phase  `json:"phase,omitempty"`
	Problem   string `json:"problem,omitempty"` // why it is refused, paused or on its way back
	Source    Source `json:"source,omitempty"`
	Drill     string `json:"drill,omitempty"` // id of the drill that made it
	// Override are the safety rules that it was let break, by name.
	Override []string `json:"override,omitempty"`
	Share    int      `json:"share,omitempty"` // of the action share: percent of its usual clients that the target keeps
	Ramp     *Ramp    `json:"ramp,omitempty"`  // nil: at once. Never changed, only replaced
	// Moved is the index of the change that last took it on: a planned start, or a step of its ramp.
	// 0: the one that made it.
	Moved uint64 `json:"moved,omitempty"`
}

// Acts says whether the control does anything now.
func (c *Control) Acts() bool {
	switch c.Phase {
	case InForce, Ramping, Paused, Returning:
		return true
	}
	return false
}

// At says whether a control is where another is: on the same step, for the same reason.
func (c *Control) At(o Control) bool {
	return c.Phase == o.Phase && c.Problem == o.Problem && c.Ramp == o.Ramp
}

// OnItsWay says whether the control has steps to go.
func (c *Control) OnItsWay() bool {
	return c.Phase == Ramping || c.Phase == Paused || c.Phase == Returning
}

// Kept is the share of its usual clients that a control leaves its target when it acts, in percent.
// What a control of another action than drain or share forces is not a matter of shares.
func (c *Control) Kept() int {
	switch {
	case c.Action != Drain && c.Action != Share:
		return 100
	case c.Ramp != nil:
		return c.Ramp.Kept()
	case c.Action == Share:
		return c.Share
	}
	return 0
}

// Since is when a control came into force, by State's clock.
func (c *Control) Since() int64 {
	if c.StartsAt != 0 {
		return c.StartsAt
	}
	return c.CreatedAt
}

// Next is what becomes of a control at a time of State's clock: its phase, or
// that it is over. ahead is how long before its start it is near.
func (c Control) Next(now int64, ahead Duration) (next Phase, over bool) {
	switch {
	case c.ExpiresAt != 0 && c.ExpiresAt <= now:
		return c.Phase, true
	case c.Phase != Planned && c.Phase != Near:
		return c.Phase, false
	case c.StartsAt <= now:
		return InForce, false
	case c.StartsAt-int64(ahead) <= now:
		return Near, false
	}
	return c.Phase, false
}

// Ahead is how long before a planned control answers must be short-lived, so
// that when it begins no longer-lived one is left: the longest TTL of a service that has a range of them.
func (s *State) Ahead() Duration {
	var most Seconds
	for _, o := range s.Services.All {
		if t := o.Spec.TTLRange(); !t.Fixed() {
			most = max(most, t.Max)
		}
	}
	return Duration(most) * Duration(1e9)
}
