package policy

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Duration is a span of time that a document writes as "500ms", "30s", "2h" or as an integer of seconds.
type Duration time.Duration

// String is the duration in Go's notation ("1.5s").
func (d Duration) String() string { return time.Duration(d).String() }

// Brief is String with about three digits, which are enough for a person.
func (d Duration) Brief() string {
	v := time.Duration(d)
	for unit := time.Nanosecond; unit <= time.Hour; unit *= 10 {
		if v.Abs() < 1000*unit {
			return v.Round(unit).String()
		}
	}
	return v.Round(time.Minute).String()
}

// MarshalText gives String.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads either form.
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n < -1<<33 || n > 1<<33 {
			return fmt.Errorf("a duration of %d seconds is out of range", n)
		}
		*d = Duration(time.Duration(n) * time.Second)
		return nil
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return fmt.Errorf("%q is not a duration; write seconds (30) or a number with a unit (500ms, 30s, 2h)", s)
	}
	*d = Duration(v)
	return nil
}

// UnmarshalJSON reads a string or a number of seconds.
func (d *Duration) UnmarshalJSON(b []byte) error { return textOrNumber(b, d.UnmarshalText) }

// Seconds is a TTL: whole seconds, written as an integer or as "30s".
type Seconds uint32

// UnmarshalText reads either form.
func (s *Seconds) UnmarshalText(text []byte) error {
	var d Duration
	if err := d.UnmarshalText(text); err != nil {
		return err
	}
	v := time.Duration(d)
	if v < 0 || v%time.Second != 0 || v/time.Second > MaxTTL {
		return fmt.Errorf("%q is not a TTL; whole seconds from 0 to %d are", text, MaxTTL)
	}
	*s = Seconds(v / time.Second)
	return nil
}

// UnmarshalJSON reads a string or a number.
func (s *Seconds) UnmarshalJSON(b []byte) error { return textOrNumber(b, s.UnmarshalText) }

func textOrNumber(b []byte, read func([]byte) error) error {
	if len(b) > 0 && b[0] == '"' {
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		b = []byte(s)
	}
	return read(b)
}
