package health

import (
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

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
