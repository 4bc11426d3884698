package policy

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAmount(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int // things there are
		want int
		err  string
	}{
		{`2`, 4, 2, ""}, {`"2"`, 4, 2, ""}, {`0`, 4, 1, ""}, {`"50%"`, 4, 2, ""}, {`"50%"`, 5, 3, ""}, {`"1%"`, 4, 1, ""}, {`"100%"`, 7, 7, ""},
		{`"34%"`, 3, 2, ""}, {`"0%"`, 4, 0, "0% is not within 1% to 100%"}, {`"5.5%"`, 4, 0, "is not a share"}, {`"half"`, 4, 0, "neither a number nor a share"}, {`0.5`, 4, 0, "neither"},
	} {
		var a Amount
		err := json.Unmarshal([]byte(c.text), &a)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %q", c.text, err, c.err)
			}
			continue
		}
		if err != nil || a.Of(c.n) != c.want {
			t.Errorf("%s of %d is %d (%v), want %d", c.text, c.n, a.Of(c.n), err, c.want)
		}
		b, _ := json.Marshal(a)
		var again Amount
		if json.Unmarshal(b, &again) != nil || again != a {
			t.Errorf("%s is written as %s", c.text, b)
		}
	}
	if b, _ := json.Marshal(Pool{MinAvailable: Amount{Count: 2}}); !strings.Contains(string(b), `"minAvailable":2`) {
		t.Errorf("a number is written as %s, which nodes of the version before cannot read", b)
	}
}
