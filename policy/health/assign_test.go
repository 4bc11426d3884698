package health

import (
	"slices"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// A vantage is given no more than its budget, the next one in order takes what it
// cannot, and what nobody can pay for is probed all the same.
func TestAssignWithinBudgets(t *testing.T) {
	s := policy.NewState()
	for name, iata := range map[string]string{"eu": "FRA", "us": "IAD"} {
		s.Regions.Set(name, policy.Object[policy.Region]{Spec: policy.Region{Name: name, Place: &policy.Place{IATA: iata}}})
	}
	for id, m := range map[string]policy.Member{"1": {Region: "eu", Budget: 2}, "2": {Region: "eu", Budget: 3}, "3": {Region: "us"}} {
		m.ID, m.Node = id, "ns"+id
		s.Members.Set(id, m)
	}
	vantages := Vantages(s)
	checksOf := func(n int, rule policy.VantageRule) (list []policy.Check) {
		for range n {
			list = append(list, policy.Check{Region: "eu", Monitor: policy.Monitor{Interval: policy.Duration(time.Second), Vantages: rule}})
		}
		return list
	}
	for _, c := range []struct {
		n    int
		rule policy.VantageRule
		want []float64 // probes a second at each
	}{
		{1, policy.VantageRule{Nearest: 1}, []float64{1, 0, 0}},
		{6, policy.VantageRule{Nearest: 1}, []float64{2, 3, 1}},
		{4, policy.VantageRule{}, []float64{2, 3, 4}},
		{6, policy.VantageRule{SameRegion: true}, []float64{5, 6, 0}}, // the rule wins over the budgets when both cannot be
	} {
		checks := checksOf(c.n, c.rule)
		of := Assign(s, checks, vantages)
		if got := Rates(checks, of, vantages); !slices.Equal(got, c.want) {
			t.Errorf("%d checks by %+v: %v, want %v", c.n, c.rule, got, c.want)
		}
	}
	s.Members.Delete("3")
	vantages = Vantages(s)
	checks := checksOf(4, policy.VantageRule{Nearest: 1})
	if got := Rates(checks, Assign(s, checks, vantages), vantages); got[0]+got[1] != 4 {
		t.Errorf("within the budgets: %v", got)
	}
	checks = checksOf(7, policy.VantageRule{Nearest: 1})
	if got := Rates(checks, Assign(s, checks, vantages), vantages); got[0]+got[1] != 7 || got[1] < 3 {
		t.Errorf("beyond the budgets: %v", got)
	}
}

func TestAssign(t *testing.T) {
	s := policy.NewState()
	for name, iata := range map[string]string{"eu": "FRA", "uk": "LHR", "us": "IAD", "ap": "SIN", "nowhere": ""} {
		r := policy.Region{Name: name, Provider: "p-" + name, Continent: "EU"}
		if iata != "" {
			r.Place = &policy.Place{IATA: iata}
		}
		s.Regions.Set(name, policy.Object[policy.Region]{Spec: r})
	}
	for id, region := range map[string]string{"1": "eu", "2": "us", "3": "ap", "4": "eu", "5": "uk", "6": ""} {
		s.Members.Set(id, policy.Member{ID: id, Node: "ns" + id, Region: region})
	}
	vantages := Vantages(s)
	if vantages[0].Provider != "p-eu" || vantages[0].Continent != "EU" || vantages[5].Provider != "" {
		t.Fatalf("%+v", vantages)
	}
	for _, c := range []struct {
		region string
		rule   policy.VantageRule
		want   string // ids; "" all
	}{
		{"eu", policy.VantageRule{}, ""},
		{"eu", policy.VantageRule{SameRegion: true}, "14"},
		{"eu", policy.VantageRule{Nearest: 3}, "145"},
		{"eu", policy.VantageRule{Others: 2}, "25"},
		{"eu", policy.VantageRule{SameRegion: true, Others: 1}, "145"},
		{"eu", policy.VantageRule{Nearest: 1, Others: 1}, "15"},
		{"us", policy.VantageRule{Nearest: 2}, "25"},
		{"ap", policy.VantageRule{Nearest: 100}, "123456"},
		{"nowhere", policy.VantageRule{SameRegion: true}, ""}, // nobody is there: all
		{"nowhere", policy.VantageRule{Nearest: 2}, "12"},
		{"", policy.VantageRule{Others: 1}, "1"},
	} {
		checks := []policy.Check{{Region: c.region, Monitor: policy.Monitor{Vantages: c.rule}}}
		got := ""
		for _, i := range Assign(s, checks, vantages)[0] {
			got += vantages[i].ID
		}
		if got != c.want {
			t.Errorf("%+v of %q: %q, want %q", c.rule, c.region, got, c.want)
		}
	}
}
