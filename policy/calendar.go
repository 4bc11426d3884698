package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// TimeWindow is a span of time by the clock of UTC: every week on some days from one hour to another, which may be past
// midnight, or once from one instant to another.
type TimeWindow struct {
	Days []string `json:"days,omitempty"` // "mon" to "sun", on which it begins; default every day
	From string   `json:"from"`           // "22:00", or RFC 3339
	To   string   `json:"to"`             // likewise; not in it any more
}

// Weekdays are what a TimeWindow may name, Sunday first as time.Weekday counts.
var Weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// MaxWindows is how many a list may have.
const MaxWindows = 50

// Holds says whether a time is in the window.
func (w TimeWindow) Holds(at time.Time) bool {
	at = at.UTC()
	if from, err := time.Parse(time.RFC3339, w.From); err == nil {
		to, err := time.Parse(time.RFC3339, w.To)
		return err == nil && !at.Before(from) && at.Before(to)
	}
	from, err1 := clockOf(w.From)
	to, err2 := clockOf(w.To)
	if err1 != nil || err2 != nil {
		return false
	}
	day := func(back int) bool {
		name := Weekdays[(int(at.Weekday())-back+7)%7]
		return len(w.Days) == 0 || slices.Contains(w.Days, name)
	}
	now := time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute + time.Duration(at.Second())*time.Second
	if from < to {
		return day(0) && from <= now && now < to
	}
	return day(0) && now >= from || day(1) && now < to
}

// String is the window as a document has it, on one line.
func (w TimeWindow) String() string {
	if len(w.Days) == 0 {
		return w.From + " to " + w.To + " UTC"
	}
	return strings.Join(w.Days, ", ") + " " + w.From + " to " + w.To + " UTC"
}

// clockOf is "22:30" as the time since midnight; "24:00" is the day's end.
func clockOf(text string) (time.Duration, error) {
	if text == "24:00" {
		return 24 * time.Hour, nil
	}
	t, err := time.Parse("15:04", text)
	if err != nil || len(text) != 5 {
		return 0, fmt.Errorf("%q is no time of day; write 22:00 (UTC)", text)
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, nil
}

// ValidateWindows notes what is wrong with a list of windows.
func ValidateWindows(p *Problems, at string, list []TimeWindow) {
	if len(list) > MaxWindows {
		p.Add(at, "there are %d windows; %d are the most", len(list), MaxWindows)
	}
	for i, w := range list {
		w.validate(p, fmt.Sprintf("%s/%d", at, i))
	}
}

func (w TimeWindow) validate(p *Problems, at string) {
	for i, d := range w.Days {
		if !slices.Contains(Weekdays, d) {
			p.Add(fmt.Sprintf("%s/days/%d", at, i), "%q is no day; %s are", d, strings.Join(Weekdays, ", "))
		}
	}
	if from, err := time.Parse(time.RFC3339, w.From); err == nil {
		to, err := time.Parse(time.RFC3339, w.To)
		switch {
		case err != nil:
			p.Add(at+"/to", "%q is no instant like the window's beginning; write 2026-12-24T00:00:00Z", w.To)
		case !from.Before(to):
			p.Add(at+"/to", "the window ends at %s, which is not after %s", w.To, w.From)
		case len(w.Days) > 0:
			p.Add(at+"/days", "days go with times of day, and this window is once")
		}
		return
	}
	from, err := clockOf(w.From)
	if err != nil {
		p.Add(at+"/from", "%v, or an instant (2026-12-24T00:00:00Z)", err)
		return
	}
	to, err := clockOf(w.To)
	if err != nil {
		p.Add(at+"/to", "%v", err)
	} else if from == to {
		p.Add(at+"/to", "the window ends when it begins; for a whole day write from: \"00:00\", to: \"24:00\"")
	}
}
