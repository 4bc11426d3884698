package policy

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// The ways vantages may agree.
const (
	AgreeMajority = "majority" // more than half of those who vote
	AgreeAll      = "all"      // everybody who votes
	AgreeAny      = "any"      // one
)

// Quorum is what it takes for vantages to call a check down. In every case most
// of the assigned vantages have to vote at all; a vantage alone never decides for three.
type Quorum struct {
	Agree string `json:"agree,omitempty"` // majority (default), all, any, or how many: "2"
	// The vantages that say down must come from so many different ones; 0 and 1 ask for nothing.
	Regions    int `json:"regions,omitempty"`
	Providers  int `json:"providers,omitempty"`
	Continents int `json:"continents,omitempty"`
}

// IsZero says whether nothing is asked for but the default.
func (q Quorum) IsZero() bool { return q == Quorum{} }

// Majority says whether more than half decides.
func (q Quorum) Majority() bool { return q.Agree == "" || q.Agree == AgreeMajority }

// Need is how many of those who vote must say down.
func (q Quorum) Need(voting int) int {
	switch q.Agree {
	case "", AgreeMajority:
		return voting/2 + 1
	case AgreeAll:
		return voting
	case AgreeAny:
		return 1
	}
	n, _ := strconv.Atoi(q.Agree)
	return n
}

// String is the short form, or the long one.
func (q Quorum) String() string {
	if q.Agree == "" {
		q.Agree = AgreeMajority
	}
	if q == (Quorum{Agree: q.Agree}) {
		return q.Agree
	}
	return jsonOf(struct {
		Agree      string `json:"agree"`
		Regions    int    `json:"regions,omitempty"`
		Providers  int    `json:"providers,omitempty"`
		Continents int    `json:"continents,omitempty"`
	}(q))
}

// UnmarshalText reads the short form.
func (q *Quorum) UnmarshalText(text []byte) error {
	*q = Quorum{Agree: string(text)}
	return nil
}

// UnmarshalJSON reads either form.
func (q *Quorum) UnmarshalJSON(b []byte) error {
	type long Quorum
	return either(b, q.UnmarshalText, (*long)(q))
}

// MarshalJSON writes the short form where it will do.
func (q Quorum) MarshalJSON() ([]byte, error) {
	type long Quorum
	if q == (Quorum{Agree: q.Agree}) {
		return json.Marshal(q.Agree)
	}
	return json.Marshal(long(q))
}

func (q Quorum) validate(at string, p *Problems) {
	switch q.Agree {
	case "", AgreeMajority, AgreeAll, AgreeAny:
	default:
		if n, err := strconv.Atoi(q.Agree); err != nil || n < 1 || n > 100 {
			p.Add(at, "quorum %q is not known; majority, all, any and a number from 1 to 100 are, and {agree: majority, providers: 2, continents: 2}", q.Agree)
		}
	}
	for _, part := range []struct {
		name string
		n    int
	}{{"regions", q.Regions}, {"providers", q.Providers}, {"continents", q.Continents}} {
		if part.n < 0 || part.n > 20 {
			p.Add(at+"/"+part.name, "%s of %d is not within 0 to 20", part.name, part.n)
		}
	}
}

// VantageRule says which vantages probe what a monitor checks. The zero rule is all of them.
type VantageRule struct {
	SameRegion bool `json:"sameRegion,omitempty"` // those in the endpoint's region
	Nearest    int  `json:"nearest,omitempty"`    // so many nearest to the endpoint's region, wherever they are
	Others     int  `json:"others,omitempty"`     // so many nearest of other regions
}

// IsZero says whether it is all of them.
func (v VantageRule) IsZero() bool { return v == VantageRule{} }

// UnmarshalText reads the short forms.
func (v *VantageRule) UnmarshalText(text []byte) error {
	switch string(text) {
	case "all":
		*v = VantageRule{}
	case "sameRegion":
		*v = VantageRule{SameRegion: true}
	default:
		return fmt.Errorf("vantages %q is not known; all, sameRegion and a mapping such as {nearest: 3, others: 2} are", text)
	}
	return nil
}

// UnmarshalJSON reads either form.
func (v *VantageRule) UnmarshalJSON(b []byte) error {
	type long VantageRule
	return either(b, v.UnmarshalText, (*long)(v))
}

// MarshalJSON writes the short form where it will do.
func (v VantageRule) MarshalJSON() ([]byte, error) {
	type long VantageRule
	switch v {
	case VantageRule{}:
		return json.Marshal("all")
	case VantageRule{SameRegion: true}:
		return json.Marshal("sameRegion")
	}
	return json.Marshal(long(v))
}

func (v VantageRule) validate(at string, p *Problems) {
	if v.Nearest < 0 || v.Nearest > 100 {
		p.Add(at+"/nearest", "nearest of %d is not within 0 to 100", v.Nearest)
	}
	if v.Others < 0 || v.Others > 100 {
		p.Add(at+"/others", "others of %d is not within 0 to 100", v.Others)
	}
}

// MonitorSet is several monitors of one endpoint, and how many of them must be up for it to be up.
type MonitorSet struct {
	All     []string `json:"all,omitempty"`     // every one
	Any     []string `json:"any,omitempty"`     // one
	AtLeast int      `json:"atLeast,omitempty"` // so many of Of
	Of      []string `json:"of,omitempty"`
}

// Names are the monitors, and Need how many of them must be up.
func (m *MonitorSet) Names() (names []string, need int) {
	switch {
	case m == nil:
		return nil, 0
	case len(m.All) > 0:
		return m.All, len(m.All)
	case len(m.Any) > 0:
		return m.Any, 1
	}
	return m.Of, m.AtLeast
}

// MaxMonitors is how many monitors an endpoint may have.
const MaxMonitors = 16

func (m *MonitorSet) validate(at string, monitors map[string]int, p *Problems) {
	if m == nil {
		return
	}
	ways := 0
	for _, is := range []bool{len(m.All) > 0, len(m.Any) > 0, len(m.Of) > 0 || m.AtLeast != 0} {
		if is {
			ways++
		}
	}
	if ways != 1 {
		p.Add(at, "monitors are one of all: [...], any: [...], and atLeast: N with of: [...]")
		return
	}
	names, need := m.Names()
	key := map[bool]string{true: "all", false: "any"}[len(m.All) > 0]
	if len(m.All)+len(m.Any) == 0 {
		key = "of"
		if need < 1 || need > len(names) {
			p.Add(at+"/atLeast", "atLeast of %d is not within 1 to the %d monitors", need, len(names))
		}
	}
	if len(names) > MaxMonitors {
		p.Add(at+"/"+key, "there are %d monitors; %d are the most", len(names), MaxMonitors)
	}
	seen := map[string]bool{}
	for i, n := range names {
		at := fmt.Sprintf("%s/%s/%d", at, key, i)
		if _, ok := monitors[n]; !ok {
			p.Add(at, "there is no monitor %q", n)
		} else if seen[n] {
			p.Add(at, "monitor %q is listed twice", n)
		}
		seen[n] = true
	}
}

// SetOf is the monitors of an endpoint: its own, or else its pool's.
func (o *Pool) SetOf(e *Endpoint) *MonitorSet {
	for _, own := range []struct {
		one  string
		many *MonitorSet
	}{{e.Monitor, e.Monitors}, {o.Monitor, o.Monitors}} {
		switch {
		case own.many != nil:
			return own.many
		case own.one != "":
			return &MonitorSet{All: []string{own.one}}
		}
	}
	return nil
}
