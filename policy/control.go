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

// Phase is how far a control is that was planned ahead.
type Phase string

// The phases. A control that was not planned is in force from the start.
const (
	InForce Phase = ""
	Planned Phase = "planned" // it does nothing yet
	Near    Phase = "near"    // services with a range of TTLs hand out their least already
	Refused Phase = "refused" // its time came, and it would have hurt; it does nothing
)

// Control is an operator's forced state on part of the world.
type Control struct {
	ID        string `json:"id"`
	Target    string `json:"target"` // "region/us-east", "provider/aws", "az/us-east/a", "pool/web", "endpoint/web/a"
	Action    Action `json:"action"`
	Reason    string `json:"reason"`
	Actor     string `json:"actor"`
	CreatedAt int64  `json:"createdAt"`           // State clock, nanoseconds; near Unix time
	StartsAt  int64  `json:"startsAt,omitempty"`  // State clock; 0 at once
	ExpiresAt int64  `json:"expiresAt,omitempty"` // State clock; 0 never
	Phase     Phase  `json:"phase,omitempty"`
	Problem   string `json:"problem,omitempty"` // why it is refused
	Source    Source `json:"source,omitempty"`
	Drill     string `json:"drill,omitempty"` // id of the drill that made it
	// Overrides are the safety rules that it was let break, by name.
	Overrides []string `json:"overrides,omitempty"`
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

// Drains lists the controls that drain an endpoint.
func (s *State) Drains(pool *Pool, e *Endpoint) []Control {
	return s.covering(pool, e, func(c *Control) bool { return c.Action == Drain && c.Phase == InForce })
}

// Nearing says whether a drain of an endpoint is about to begin.
func (s *State) Nearing(pool *Pool, e *Endpoint) bool {
	return len(s.covering(pool, e, func(c *Control) bool { return c.Action == Drain && c.Phase == Near })) > 0
}

func (s *State) covering(pool *Pool, e *Endpoint, which func(*Control) bool) []Control {
	if s.Controls.Len() == 0 {
		return nil
	}
	var found []Control
	region := s.Region(e.RegionOr(pool))
	for _, c := range s.Controls.All {
		if !which(&c) {
			continue
		}
		if t, err := ParseTarget(c.Target); err == nil && t.Covers(region, pool, e) {
			found = append(found, c)
		}
	}
	return found
}
