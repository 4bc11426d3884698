package health

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"pgregory.net/rapid"
)

// judgeAll is the oracle of Step: it looks everything up by key, one check at a time.
func judgeAll(s *policy.State, checks []policy.Check, heard []Heard, rule Rule, now int64) []policy.Edge {
	var edges []policy.Edge
	for _, c := range checks {
		var ballots []policy.Ballot
		for _, a := range rule.Assigned {
			b := policy.Ballot{Vantage: a.Label, Absent: Silent}
			for _, h := range heard {
				if h.Vantage != a.ID || h.Age > rule.FreshFor {
					continue
				}
				b.Absent = Pending
				if h.Abstaining {
					b.Absent = Abstains
					continue
				}
				for _, o := range h.Opinions {
					if o.Key == c.Key {
						b.Error = o.Cause.Text(o.Detail)
						if o.Status != policy.Unknown {
							b.Absent, b.Status = "", o.Status
						}
					}
				}
			}
			ballots = append(ballots, b)
		}
		prev, ok := s.Verdicts.Get(c.ID)
		if !ok {
			prev = policy.Verdict{Check: c.ID, Ramp: 100}
		}
		if v, changed := Judge(prev, c, ballots, rule, now); changed {
			edges = append(edges, policy.Edge{Verdict: v, Was: prev.Status})
		}
	}
	return edges
}

func TestStepAgainstOracle(t *testing.T) {
	statuses := []policy.Status{policy.Unknown, policy.Up, policy.Down}
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c]{1,3}@m`), 0, 12, rapid.ID[string]).Draw(t, "ids")
		slices.Sort(ids)
		some := rapid.SampledFrom([]uint64{1, 2})
		s := policy.NewState()
		var checks []policy.Check
		for _, id := range ids {
			if rapid.Bool().Draw(t, "judged") {
				s.Verdicts.Set(id, policy.Verdict{
					Check: id, Status: rapid.SampledFrom(statuses).Draw(t, "was"), Revision: some.Draw(t, "wasRevision"), Ramp: 100,
				})
			}
			if rapid.IntRange(0, 4).Draw(t, "kept") > 0 { // else its verdict outlived it
				c := policy.Check{ID: id, Revision: some.Draw(t, "revision")}
				c.Key = policy.CheckKey(c.ID, c.Revision)
				checks = append(checks, c)
			}
		}
		rule := Rule{FreshFor: 10, Reachable: true, OnlyRemove: rapid.Bool().Draw(t, "onlyRemove")}
		var heard []Heard
		for i := range rapid.IntRange(0, 4).Draw(t, "vantages") {
			id := fmt.Sprint("v", i)
			if rapid.IntRange(0, 5).Draw(t, "assigned") > 0 {
				rule.Assigned = append(rule.Assigned, Assigned{ID: id, Label: "node " + id})
			}
			h := Heard{Vantage: id, Age: policy.Duration(rapid.IntRange(0, 12).Draw(t, "age"))}
			h.Abstaining = rapid.IntRange(0, 5).Draw(t, "abstains") == 0
			for _, check := range checks {
				var o policy.Opinion
				if rapid.IntRange(0, 5).Draw(t, "hasOpinion") > 0 {
					o = policy.Opinion{Key: check.Key, Status: rapid.SampledFrom(statuses).Draw(t, "says"), Cause: policy.CauseStatus, Detail: 503}
				}
				h.Opinions = append(h.Opinions, o)
			}
			if rapid.IntRange(0, 5).Draw(t, "heard") > 0 {
				heard = append(heard, h)
			}
		}
		before := s.Hash()
		got, want := Step(s, checks, heard, rule, int64(time.Hour)), judgeAll(s, checks, heard, rule, int64(time.Hour))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("got  %+v\nwant %+v", got, want)
		}
		if s.Hash() != before {
			t.Fatal("Step changed the state")
		}
		if !slices.IsSortedFunc(got, func(a, b policy.Edge) int { return strings.Compare(a.Check, b.Check) }) {
			t.Fatalf("edges out of order: %+v", got)
		}
	})
}

// A new leader inherits the verdicts and flips nothing until a quorum reports to it (STEERING 10).
func TestNewLeaderWaitsForQuorum(t *testing.T) {
	c := policy.Check{ID: "web/a@m", Revision: 1}
	s := policy.NewState()
	s.Verdicts.Set(c.ID, policy.Verdict{Check: c.ID, Status: policy.Up, Revision: 1, Ramp: 100})
	rule := Rule{Reachable: true, Assigned: []Assigned{{ID: "1", Label: "ns1"}, {ID: "2", Label: "ns2"}, {ID: "3", Label: "ns3"}}}
	down := func(id string, age time.Duration) Heard {
		return Heard{Vantage: id, Age: policy.Duration(age), Opinions: []policy.Opinion{{Key: 1, Status: policy.Down, Cause: policy.CauseTimeout}}}
	}
	now := int64(time.Hour)
	if e := Step(s, []policy.Check{c}, []Heard{down("1", 0)}, rule, now); len(e) != 0 {
		t.Errorf("its own report alone: %+v", e)
	}
	if e := Step(s, []policy.Check{c}, []Heard{down("1", 0), down("2", time.Minute)}, rule, now); len(e) != 0 {
		t.Errorf("with a stale second one: %+v", e)
	}
	e := Step(s, []policy.Check{c}, []Heard{down("1", 0), down("2", 0)}, rule, now)
	if len(e) != 1 || e[0].Status != policy.Down || e[0].Ballots[0].Error != "timeout" || e[0].Was != policy.Up || e[0].Ballots[2] != (policy.Ballot{Vantage: "ns3", Absent: Silent}) {
		t.Errorf("two of three: %+v", e)
	}
}

// A mass failure makes one edge a check and then silence, and costs no more than calm does to go through.
func TestMassFailure(t *testing.T) {
	s, checks, heard, rule := world(2000, policy.Down)
	edges := Step(s, checks, heard, rule, int64(time.Hour))
	if len(edges) != len(checks) {
		t.Fatalf("%d edges for %d checks", len(edges), len(checks))
	}
	for _, e := range edges {
		s.Verdicts.Set(e.Check, e.Verdict)
	}
	if again := Step(s, checks, heard, rule, int64(time.Hour+time.Second)); len(again) != 0 {
		t.Errorf("%d edges in the tick after", len(again))
	}
}

// world is a state in which n checks are up, and three vantages that say otherwise or not.
func world(n int, says policy.Status) (*policy.State, []policy.Check, []Heard, Rule) {
	s := policy.NewState()
	var checks []policy.Check
	rule := Rule{Reachable: true}
	heard := make([]Heard, 3)
	for i := range n {
		id := fmt.Sprintf("pool-%03d/endpoint-%02d@web", i/20, i%20)
		checks = append(checks, policy.Check{ID: id, Revision: 1})
		s.Verdicts.Set(id, policy.Verdict{Check: id, Status: policy.Up, Revision: 1, Ramp: 100})
		for v := range heard {
			heard[v].Opinions = append(heard[v].Opinions, policy.Opinion{Key: uint64(i + 1), Status: says, Cause: policy.CauseStatus, Detail: 503})
		}
	}
	for v := range heard {
		heard[v].Vantage = fmt.Sprint(v)
		rule.Assigned = append(rule.Assigned, Assigned{ID: heard[v].Vantage, Label: fmt.Sprint("ns", v)})
	}
	return s, checks, heard, rule
}

func BenchmarkStep(b *testing.B) {
	s, checks, heard, rule := world(10_000, policy.Up)
	b.ReportAllocs()
	for b.Loop() {
		if e := Step(s, checks, heard, rule, int64(time.Hour)); len(e) != 0 {
			b.Fatal(len(e))
		}
	}
}
