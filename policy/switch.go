package policy

// MaxSwitches is how many switches there may be.
const MaxSwitches = 1000

// Switch is what gates of safety rules go by. One that was never thrown is off.
type Switch struct {
	Name   string `json:"name"`
	On     bool   `json:"on,omitempty"`
	Reason string `json:"reason"`
	Actor  string `json:"actor"` // who threw it last
	At     int64  `json:"at"`    // State's clock then
}

// Gates are the names of the safety rules that go by a switch, in order.
func (s *State) Gates(name string) (rules []string) {
	for rule, o := range s.SafetyRules.All {
		if o.Spec.Gate == name {
			rules = append(rules, rule)
		}
	}
	return rules
}

// MayOverride says whether an actor may change something against a safety rule still: a token
// or a user with the role admin, or somebody who is logged in by OIDC with it.
func (s *State) MayOverride(actor string) bool { return s.hasRole(actor, RoleAdmin) }
