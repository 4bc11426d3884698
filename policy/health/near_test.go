package health

import (
	"fmt"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// TestNear: how many samples a verdict still needs, over the vantages that vote.
func TestNear(t *testing.T) {
	const up, down, none = policy.Up, policy.Down, policy.Unknown
	type vantage struct {
		says    policy.Status
		against uint8
	}
	for _, c := range []struct {
		name    string
		verdict policy.Status
		quorum  string
		heard   []vantage
		want    int // samples; 0: as without any
	}{
		{"calm", up, "", []vantage{{up, 0}, {up, 0}, {up, 0}}, 0},
		{"one alone does not count", up, "", []vantage{{up, 5}, {up, 0}, {up, 0}}, 0},
		{"the second of three decides", up, "", []vantage{{up, 5}, {up, 2}, {up, 0}}, 4},
		{"those who have settled count", up, "", []vantage{{down, 0}, {up, 4}, {up, 0}}, 2},
		{"a quorum that has settled is about to be told", up, "", []vantage{{down, 0}, {down, 0}, {up, 0}}, 1},
		{"any", up, "any", []vantage{{up, 5}, {up, 0}, {up, 0}}, 1},
		{"all", up, "all", []vantage{{up, 5}, {up, 5}, {up, 1}}, 5},
		{"on the way back", down, "", []vantage{{down, 2}, {down, 1}, {down, 0}}, 2},
		{"back from any: all must", down, "any", []vantage{{down, 2}, {down, 2}, {down, 0}}, 0},
		{"back from all: one will do", down, "all", []vantage{{down, 2}, {down, 0}, {down, 0}}, 1},
		{"those who have no opinion do not vote", up, "", []vantage{{none, 0}, {up, 5}, {up, 0}}, 0},
		{"no verdict yet", none, "", []vantage{{none, 0}, {none, 0}, {none, 0}}, 0},
	} {
		m := policy.Monitor{Interval: policy.Duration(10 * time.Second), Fall: 6, Rise: 3, Quorum: policy.Quorum{Agree: c.quorum}}
		checks := []policy.Check{{ID: "p/a@m", Monitor: m}}
		s := policy.NewState()
		s.Verdicts.Set("p/a@m", policy.Verdict{Check: "p/a@m", Status: c.verdict})
		rule := Rule{Reachable: true}
		var heard []Heard
		for i, v := range c.heard {
			id := fmt.Sprint("v", i)
			rule.Assigned = append(rule.Assigned, Assigned{ID: id})
			heard = append(heard, Heard{Vantage: id, Opinions: []policy.Opinion{{Status: v.says, Against: v.against}}})
		}
		if got := Near(s, checks, []bool{true}, heard, rule)["p/a@m"]; got != policy.Duration(c.want)*m.Interval {
			t.Errorf("%s: %v, want %d samples", c.name, got, c.want)
		}
		if got := Near(s, checks, []bool{false}, heard, rule); got != nil {
			t.Errorf("%s: nobody asked, and there is %v", c.name, got)
		}
		rule.Reachable = false
		if got := Near(s, checks, []bool{true}, heard, rule); got != nil {
			t.Errorf("%s: a blind judge says %v", c.name, got)
		}
	}
}
