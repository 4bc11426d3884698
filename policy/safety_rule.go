package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Whom safety rules bind (SafetyRule.AppliesTo).
const (
	ForOperator   = "operator"
	ForDrill      = "drill"
	ForAutomation = "automation" // from FeatureDrill
)

// Bounds of safety rules.
const (
	MaxSafetyRules = 1000
	MaxMinBetween  = Duration(24 * time.Hour)
)

// SafetyRule is what no operator's change and no drill may break. It may ask for
// several things; each is asked for. All but AtLeast.Regions came with FeatureDrill.
type SafetyRule struct {
	Name    string `json:"name"`
	Service Name   `json:"service,omitempty"` // default every service
	// Overall has AtLeast count what all services have together, instead of each by itself.
	Overall bool     `json:"overall,omitempty"`
	AtLeast *AtLeast `json:"atLeast,omitempty"` // what must stay undrained
	AtMost  *AtMost  `json:"atMost,omitempty"`  // what may be drained at once
	// NeverTogether are targets of which never more than one is drained.
	NeverTogether []string `json:"neverTogether,omitempty"`
	// Gate is a switch: controls that the rule is about change only while it is on.
	Gate string `json:"gate,omitempty"`
	// TwoPeople asks that somebody else has thrown the switch than who changes the control.
	TwoPeople bool `json:"twoPeople,omitempty"`
	// MinBetween is the time between changes of controls that the rule is about.
	MinBetween Duration `json:"minBetween,omitempty"`
	// Freeze are windows in which no control that the rule is about begins.
	Freeze []Freeze `json:"freeze,omitempty"`
	// Targets narrow down which controls Gate, MinBetween and Freeze are about: those that
	// share an endpoint with one of them. Default all, or those that share one with Service.
	Targets   []string `json:"targets,omitempty"`
	AppliesTo []string `json:"appliesTo,omitempty"` // default ForOperator and ForDrill
}

// AtLeast is a floor under what a service keeps.
type AtLeast struct {
	Regions   int `json:"regions,omitempty"`   // regions with an undrained endpoint
	Providers int `json:"providers,omitempty"` // providers of regions with one
	// Capacity is the undrained share of the declared capacity of its pools and regions; of
	// the weights of its endpoints when some has no declared capacity.
	Capacity Percent `json:"capacity,omitempty"`
}

// AtMost is a bound on what is drained at once. A thing is drained when each of its endpoints is.
type AtMost struct {
	Drained int    `json:"drained"`
	Of      string `json:"of,omitempty"` // "region" (default), "provider", "az" or "pool"
}

// OfOrRegion is what is counted.
func (a *AtMost) OfOrRegion() string {
	if a.Of == "" {
		return "region"
	}
	return a.Of
}

// Freeze is a window of time, in UTC: from one moment to another, or from one time of
// day to another on some days of the week.
type Freeze struct {
	From string   `json:"from"`           // RFC 3339, or HH:MM
	To   string   `json:"to"`             // likewise; a time of day that is not after From is on the day after
	Days []string `json:"days,omitempty"` // "mon" to "sun", that the window begins on; default every day
}

// weekdays are the days of Freeze.Days, as time.Weekday counts them.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// timeOfDay reads HH:MM, up to 24:00.
func timeOfDay(text string) (time.Duration, bool) {
	var h, m int
	if n, err := fmt.Sscanf(text, "%02d:%02d", &h, &m); n != 2 || err != nil || len(text) != 5 || h < 0 || m < 0 || m > 59 || h*60+m > 24*60 {
		return 0, false
	}
	return time.Duration(h)*time.Hour + time.Duration(m)*time.Minute, true
}

// Until is when the window ends that a moment is in.
func (f Freeze) Until(at time.Time) (end time.Time, in bool) {
	at = at.UTC()
	from, daily := timeOfDay(f.From)
	to, _ := timeOfDay(f.To)
	if !daily {
		begin, err := time.Parse(time.RFC3339, f.From)
		end, err2 := time.Parse(time.RFC3339, f.To)
		return end.UTC(), err == nil && err2 == nil && !at.Before(begin) && at.Before(end)
	}
	if to <= from {
		to += 24 * time.Hour
	}
	today := at.Truncate(24 * time.Hour) // days of UTC have 24 hours
	for _, day := range []time.Time{today, today.Add(-24 * time.Hour)} {
		if len(f.Days) > 0 && !slices.Contains(f.Days, weekdays[day.Weekday()]) {
			continue
		}
		if !at.Before(day.Add(from)) && at.Before(day.Add(to)) {
			return day.Add(to), true
		}
	}
	return time.Time{}, false
}

// String is the window in words.
func (f Freeze) String() string {
	text := f.From + " to " + f.To
	if _, daily := timeOfDay(f.From); !daily {
		return text
	}
	if len(f.Days) == 0 {
		return text + " UTC every day"
	}
	return text + " UTC on " + strings.Join(f.Days, ", ")
}

// Binds says whether the rule is for somebody: ForOperator, ForDrill or ForAutomation.
func (r *SafetyRule) Binds(who string) bool {
	if len(r.AppliesTo) == 0 {
		return who == ForOperator || who == ForDrill
	}
	return slices.Contains(r.AppliesTo, who)
}

// Guards says whether the rule is about a service.
func (r *SafetyRule) Guards(s *Service) bool {
	return r.Service == "" || slices.Contains(s.Owners(), r.Service)
}

// Wants is what the rule asks for, in words: a clause for each thing.
func (r *SafetyRule) Wants() []string {
	var list []string
	add := func(format string, args ...any) { list = append(list, fmt.Sprintf(format, args...)) }
	if a := r.AtLeast; a != nil {
		for _, c := range []struct {
			text string
			is   bool
		}{
			{plural(a.Regions, "undrained region"), a.Regions > 0}, {plural(a.Providers, "undrained provider"), a.Providers > 0},
			{fmt.Sprintf("%v of the capacity", a.Capacity), a.Capacity > 0},
		} {
			if c.is {
				add("at least %s", c.text)
			}
		}
	}
	if a := r.AtMost; a != nil {
		add("at most %s drained", plural(a.Drained, a.OfOrRegion()))
	}
	if len(r.NeverTogether) > 0 {
		add("never %s drained together", strings.Join(r.NeverTogether, " and "))
	}
	if r.Gate != "" && r.TwoPeople {
		add("the switch %s on, by somebody else", r.Gate)
	} else if r.Gate != "" {
		add("the switch %s on", r.Gate)
	}
	if r.MinBetween > 0 {
		add("%v between changes", r.MinBetween)
	}
	for _, f := range r.Freeze {
		add("nothing taken out from %v", f)
	}
	return list
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// later says whether the rule has anything in it that came with FeatureDrill.
func (r *SafetyRule) later() bool {
	return r.Overall || r.AtMost != nil || len(r.NeverTogether) > 0 || r.Gate != "" || r.TwoPeople || r.MinBetween != 0 || len(r.Freeze) > 0 ||
		len(r.Targets) > 0 || slices.Contains(r.AppliesTo, ForAutomation) || r.AtLeast != nil && (r.AtLeast.Providers != 0 || r.AtLeast.Capacity != 0)
}
