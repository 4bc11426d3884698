package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// What a service's options are made of. Each has a short form in documents, one
// word or number, and a long one, a mapping.

// TTL is how long answers may be kept: always the same time, or between two
// bounds, the shorter the nearer a monitor is to a change.
type TTL struct {
	Max Seconds `json:"max"`
	Min Seconds `json:"min"`
}

// Fixed says whether it is always the same.
func (t TTL) Fixed() bool { return t.Max == t.Min }

// FixedTTL is always the same.
func FixedTTL(s Seconds) *TTL { return &TTL{s, s} }

// UnmarshalText reads the short form: "30" or "30s".
func (t *TTL) UnmarshalText(text []byte) error {
	err := t.Max.UnmarshalText(text)
	t.Min = t.Max
	return err
}

// UnmarshalJSON reads either form.
func (t *TTL) UnmarshalJSON(b []byte) error {
	type long TTL
	return either(b, t.UnmarshalText, (*long)(t))
}

// MarshalJSON writes the short form where it will do.
func (t TTL) MarshalJSON() ([]byte, error) {
	type long TTL
	if t.Fixed() {
		return json.Marshal(t.Max)
	}
	return json.Marshal(long(t))
}

// The modes of LastResort.
const (
	ResortAll      = "all"      // everything as if it were healthy
	ResortLastGood = "lastGood" // what was available last, as if it still were
	ResortNoData   = "nodata"   // nothing
)

// LastResort is what a branch serves when nothing in the whole tree is
// available: one of the modes, or another branch.
type LastResort struct {
	Mode string `json:"-"` // "" when it is a branch
	Steering
}

// UnmarshalText reads a mode.
func (l *LastResort) UnmarshalText(text []byte) error {
	switch m := string(text); m {
	case ResortAll, ResortLastGood, ResortNoData:
		l.Mode = m
		return nil
	}
	return fmt.Errorf("lastResort %q is not known; %s, %s, %s and a branch such as {pool: NAME} are", text, ResortAll, ResortLastGood, ResortNoData)
}

// UnmarshalJSON reads either form.
func (l *LastResort) UnmarshalJSON(b []byte) error { return either(b, l.UnmarshalText, &l.Steering) }

// MarshalJSON writes the form it has.
func (l LastResort) MarshalJSON() ([]byte, error) {
	if l.Mode != "" {
		return json.Marshal(l.Mode)
	}
	return json.Marshal(l.Steering)
}

// Sticky makes a client keep its answer while that is available: the choice
// goes by the network it is in. The lengths are of the prefixes that count as one client.
type Sticky struct {
	IPv4 int `json:"ipv4,omitempty"` // 1 to 32, default 24
	IPv6 int `json:"ipv6,omitempty"` // 1 to 128, default 56
}

// StickyClient is the short form of Sticky, with the default lengths.
const StickyClient = "client"

// WithDefaults fills in the lengths that were left out.
func (s Sticky) WithDefaults() Sticky {
	if s.IPv4 == 0 {
		s.IPv4 = 24
	}
	if s.IPv6 == 0 {
		s.IPv6 = 56
	}
	return s
}

// UnmarshalText reads "client".
func (s *Sticky) UnmarshalText(text []byte) error {
	if string(text) != StickyClient {
		return fmt.Errorf("sticky %q is not known; %s is, and {ipv4: 24, ipv6: 56} with the lengths of prefixes that count as one client", text, StickyClient)
	}
	*s = Sticky{}
	return nil
}

// UnmarshalJSON reads either form.
func (s *Sticky) UnmarshalJSON(b []byte) error {
	type long Sticky
	return either(b, s.UnmarshalText, (*long)(s))
}

// MarshalJSON writes the short form where it will do.
func (s Sticky) MarshalJSON() ([]byte, error) {
	type long Sticky
	if s == (Sticky{}) {
		return json.Marshal(StickyClient)
	}
	return json.Marshal(long(s))
}

// Capacity is what a region or a pool can carry, in the unit that its load is
// told in. Between the low and the high watermark it sheds clients gradually.
type Capacity struct {
	Limit float64 `json:"limit"`
	Low   float64 `json:"low,omitempty"`  // share of Limit from which it sheds; default 0.8
	High  float64 `json:"high,omitempty"` // share of Limit at which it sheds all it can; default 1
}

// WithDefaults fills in the watermarks that were left out.
func (c Capacity) WithDefaults() Capacity {
	if c.Low == 0 {
		c.Low = 0.8
	}
	if c.High == 0 {
		c.High = 1
	}
	return c
}

// UnmarshalText reads a limit.
func (c *Capacity) UnmarshalText(text []byte) error {
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return fmt.Errorf("%q is not a capacity; write a number, or {limit: 1000, low: 0.8, high: 1}", text)
	}
	*c = Capacity{Limit: f}
	return nil
}

// UnmarshalJSON reads either form.
func (c *Capacity) UnmarshalJSON(b []byte) error {
	type long Capacity
	return either(b, c.UnmarshalText, (*long)(c))
}

// MarshalJSON writes the short form where it will do.
func (c Capacity) MarshalJSON() ([]byte, error) {
	type long Capacity
	if c.Low == 0 && c.High == 0 {
		return json.Marshal(c.Limit)
	}
	return json.Marshal(long(c))
}

// either reads an object into long, and anything else as text.
func either(b []byte, short func([]byte) error, long any) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '{' {
		return json.Unmarshal(b, long)
	}
	return textOrNumber(b, short)
}
