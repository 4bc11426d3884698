package health

import (
	"slices"
	"strings"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// where votes: a letter for each vantage (u, d, or s silent), of regions r1, r2, ...;
// the first two are of provider p1 and continent EU, the others each of their own.
func pollFrom(votes string) []policy.Ballot {
	var list []policy.Ballot
	for i, v := range votes {
		b := policy.Ballot{Vantage: string(rune('A' + i)), Region: string(rune('1' + i)), Provider: "p" + string(rune('0'+max(1, i))), Continent: "c" + string(rune('0'+max(1, i)))}
		switch v {
		case 'u':
			b.Status = policy.Up
		case 'd':
			b.Status = policy.Down
		default:
			b.Absent = Silent
		}
		list = append(list, b)
	}
	return list
}

func TestQuorums(t *testing.T) {
	q := func(agree string) policy.Quorum { return policy.Quorum{Agree: agree} }
	for _, c := range []struct {
		quorum policy.Quorum
		votes  string
		want   policy.Status
	}{
		{q(""), "ddu", policy.Down}, {q(""), "uud", policy.Up}, {q(""), "du", policy.Unknown}, {q(""), "dss", policy.Unknown}, {q(""), "dds", policy.Down},
		{q("majority"), "ddduu", policy.Down}, {q("majority"), "", policy.Unknown}, {q("majority"), "uuddu", policy.Up},
		{q("all"), "ddu", policy.Up}, {q("all"), "ddd", policy.Down}, {q("all"), "dds", policy.Down}, {q("all"), "dss", policy.Unknown},
		{q("any"), "uud", policy.Down}, {q("any"), "uuu", policy.Up}, {q("any"), "dss", policy.Unknown}, // one alone does not decide for three
		{q("2"), "dduuu", policy.Down}, {q("2"), "duuuu", policy.Up}, {q("2"), "ddsss", policy.Unknown}, {q("3"), "dduuu", policy.Up}, {q("5"), "ddd", policy.Down}, {q("5"), "ddu", policy.Up}, {q("all"), "du", policy.Up},
		{policy.Quorum{Providers: 2}, "ddu", policy.Unknown}, // both of p1: nothing changes
		{policy.Quorum{Providers: 2}, "udd", policy.Down}, {policy.Quorum{Providers: 2}, "uud", policy.Up},
		{policy.Quorum{Providers: 2, Continents: 2}, "ddd", policy.Down}, {policy.Quorum{Regions: 3}, "ddu", policy.Unknown}, {policy.Quorum{Regions: 2}, "ddu", policy.Down},
		{policy.Quorum{Agree: "any", Continents: 2}, "uduu", policy.Unknown},
	} {
		if got := count(pollFrom(c.votes), c.quorum); got != c.want {
			t.Errorf("%s by %s is %v, want %v", c.votes, c.quorum, got, c.want)
		}
	}
}

// A check that waits for an operator comes up when one says so, and not before; the
// next failure holds it again.
func TestManualResume(t *testing.T) {
	check := policy.Check{ID: "web/a@m", Revision: 1, Monitor: policy.Monitor{Resume: policy.Manual}}
	v, now := policy.Verdict{Check: check.ID, Ramp: 100}, int64(1e12)
	step := func(votes, want, waits string) {
		t.Helper()
		v, _ = Judge(v, check, pollFrom(votes), Rule{Reachable: true}, now)
		now += 1e12
		if v.Status.String() != want || v.Waits != waits {
			t.Fatalf("after %s: %s, waits for %q; want %s, %q", votes, v.Status, v.Waits, want, waits)
		}
	}
	step("uuu", "up", "")
	step("ddd", "down", "")
	step("uuu", "down", policy.WaitsForOperator)
	step("ddd", "down", policy.WaitsForOperator)
	v.Resumed = true
	step("ddd", "down", policy.WaitsForOperator)
	step("uuu", "up", "")
	step("ddd", "down", "")
	step("uuu", "down", policy.WaitsForOperator)
}

// By an exclusive monitor one endpoint of a pool is up at most, and it is the one
// that was first: a second that claims to be primary waits, and both say so.
func TestExclusive(t *testing.T) {
	s := policy.NewState()
	var checks []policy.Check
	for _, id := range []string{"db/a@m", "db/b@m", "db/c@m", "other/a@m"} {
		checks = append(checks, policy.Check{ID: id, Endpoint: "endpoint/" + id[:strings.IndexByte(id, '@')], Revision: 1, Monitor: policy.Monitor{Name: "m", Exclusive: true}})
	}
	rule, now := Rule{Reachable: true, Assigned: []Assigned{{ID: "1", Label: "ns1"}}}, int64(1e12)
	step := func(votes, want string) {
		t.Helper()
		var o []policy.Opinion
		for _, v := range votes {
			o = append(o, policy.Opinion{Key: 1, Status: map[rune]policy.Status{'u': policy.Up, 'd': policy.Down}[v]})
		}
		s = s.Clone()
		now += 1e12
		edges := Step(s, checks, []Heard{{Vantage: "1", Node: "ns1", Opinions: o}}, rule, now)
		for _, e := range edges {
			s.Verdicts.Set(e.Check, e.Verdict)
		}
		got := ""
		for _, c := range checks {
			v, _ := s.Verdicts.Get(c.ID)
			got += v.Status.String()[:1] + strings.Repeat("!", len(v.Rivals)) + " "
		}
		if strings.TrimSpace(got) != want {
			t.Fatalf("after %s: %s, want %s", votes, got, want)
		}
		if more := Step(s, checks, []Heard{{Vantage: "1", Node: "ns1", Opinions: o}}, rule, now); len(more) != 0 {
			t.Fatalf("after %s: the same look again changes %+v", votes, more)
		}
	}
	step("uddu", "u d d u") // another pool is no rival
	step("uudu", "u! d! d u")
	step("uuuu", "u!! d!! d!! u")
	step("dudu", "d u d u") // a promotion
	step("uudu", "d! u! d u")
	for i := range checks[:3] {
		checks[i].Monitor.Exclusive = false
	}
	step("uuuu", "u u u u")
	for i := range checks[:3] {
		checks[i].Monitor.Exclusive = true
	}
	step("uuuu", "d!! u!! d!! u") // who was up first stays
	before, _ := s.Verdicts.Get("db/b@m")
	ballots := slices.Clone(before.Ballots)
	step("uudu", "d! u! d u")
	if !slices.Equal(ballots, before.Ballots) {
		t.Error("a look has changed ballots that the state holds")
	}
	if edges := Step(s, checks, []Heard{{Vantage: "1", Node: "ns1", Opinions: make([]policy.Opinion, 4)}}, Rule{Assigned: rule.Assigned}, now); len(edges) != 0 {
		t.Errorf("a judge that is blind changes %+v", edges)
	}
	step("dddu", "d d d u")
	step("uudu", "d! d! d u") // both at once: there is no telling
	step("dudu", "d u d u")
}
