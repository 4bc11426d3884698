package policy

import (
	"fmt"
	"strconv"
	"strings"
)

// Percent is a share in whole percent, which a document writes as "50%". 0 is none given.
type Percent int

// String is the share as a document has it.
func (p Percent) String() string { return strconv.Itoa(int(p)) + "%" }

// MarshalText gives String.
func (p Percent) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a whole number with a percent sign. A bare number is refused: it may mean a count, or a fraction of 1.
func (p *Percent) UnmarshalText(text []byte) error {
	digits, sign := strings.CutSuffix(string(text), "%")
	n, err := strconv.ParseInt(digits, 10, 32)
	if !sign || err != nil {
		return fmt.Errorf("%q is not a share; write whole percent, as in 50%%", text)
	}
	*p = Percent(n)
	return nil
}

// UnmarshalJSON reads the text; for a number it says what to write.
func (p *Percent) UnmarshalJSON(b []byte) error { return textOrNumber(b, p.UnmarshalText) }

// Reached says whether part is at least that share of whole. Of nothing no share is reached.
func (p Percent) Reached(part, whole int) bool { return whole > 0 && part*100 >= int(p)*whole }

func (p Percent) validate(at, what string, problems *Problems) {
	if p < 1 || p > 100 {
		problems.Add(at, "%s of %v is not within 1%% to 100%%", what, p)
	}
}

// Amount is a number of things, written as 2, or a share of them, written as "50%". The zero Amount is none given.
type Amount struct {
	Count int     `json:"-"`
	Share Percent `json:"-"` // not 0: instead of Count
}

// Of is how many of n things the amount is: at least 1, and a share rounds up.
func (a Amount) Of(n int) int {
	if a.Share != 0 {
		return max(1, (int(a.Share)*n+99)/100)
	}
	return max(1, a.Count)
}

// String is the amount as a document has it.
func (a Amount) String() string {
	if a.Share != 0 {
		return a.Share.String()
	}
	return strconv.Itoa(a.Count)
}

// MarshalJSON gives a number for a count, and text for a share.
func (a Amount) MarshalJSON() ([]byte, error) {
	if a.Share != 0 {
		return strconv.AppendQuote(nil, a.Share.String()), nil
	}
	return strconv.AppendInt(nil, int64(a.Count), 10), nil
}

// UnmarshalText reads either form.
func (a *Amount) UnmarshalText(text []byte) error {
	if strings.HasSuffix(string(text), "%") {
		var share Percent
		if err := share.UnmarshalText(text); err != nil {
			return err
		}
		if share == 0 { // which is not the same as none given
			return fmt.Errorf("a share of 0%% is not within 1%% to 100%%; leave it out for the default")
		}
		*a = Amount{Share: share}
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 32)
	if err != nil {
		return fmt.Errorf("%q is neither a number nor a share; write 2, or whole percent, as in 50%%", text)
	}
	*a = Amount{Count: int(n)}
	return nil
}

// UnmarshalJSON reads a number or text.
func (a *Amount) UnmarshalJSON(b []byte) error { return textOrNumber(b, a.UnmarshalText) }

// validate checks what a pool of n endpoints asks for.
func (a Amount) validate(at, name string, n int, p *Problems) {
	if a.Share != 0 {
		a.Share.validate(at, name, p)
		return
	}
	if a.Count < 0 || a.Count > n {
		p.Add(at, "%s of %d is not within 0 to the pool's %d endpoints", name, a.Count, n)
	}
}
