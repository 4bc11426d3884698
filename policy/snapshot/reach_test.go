package snapshot

import (
	"math"
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// TestReachIsWhatIsExplained holds every country's part of a Reach against what anybody of that country is explained,
// with and without assumptions. The embedded data knows countries only, so that all of one are answered the same.
func TestReachIsWhatIsExplained(t *testing.T) {
	s, err := Compile(nil, manyServices(3, nearestOf), Local{Geo: embedded(t)})
	if err != nil {
		t.Fatal(err)
	}
	for _, assume := range [][]string{nil, {"down:region/us"}, {"drain:endpoint/own1/a", "share:region/eu=50"}} {
		r, _, err := s.Reach("s1.example.com", policy.TypeA, assume)
		if err != nil {
			t.Fatal(err)
		}
		if len(r.Countries) < 200 {
			t.Fatalf("there are %d countries", len(r.Countries))
		}
		weight, regions := 0.0, map[string]float64{}
		for i, c := range r.Countries {
			weight += c.Weight
			for _, d := range c.Distribution {
				regions[d.Region] += c.Weight * d.Probability
			}
			if c.Country == "" || i > 40 {
				continue
			}
			x, err := s.Explain(ExplainQuery{Name: policy.MustName("s1.example.com"), Type: policy.TypeA, Somebody: policy.Subject{Country: c.Country}, Assume: assume})
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]float64{}
			for _, d := range x.Distribution {
				want[d.Endpoint] += d.Probability
			}
			for _, d := range c.Distribution {
				if math.Abs(want[d.Endpoint]-d.Probability) > 1e-9 || len(want) != len(c.Distribution) {
					t.Errorf("%v: %s is answered %+v and explained %+v", assume, c.Country, c.Distribution, want)
					break
				}
			}
		}
		if math.Abs(weight-1) > 1e-9 || r.Nothing != 0 {
			t.Errorf("%v: the countries weigh %v, and %v gets nothing", assume, weight, r.Nothing)
		}
		for _, g := range r.Regions {
			if math.Abs(regions[g.Region]-g.Probability) > 1e-9 || len(regions) != len(r.Regions) {
				t.Errorf("%v: region %s has %v, not %v", assume, g.Region, g.Probability, regions[g.Region])
			}
		}
	}
}

// TestWorldIsTheMeanOfServices, and services beyond the bound are counted.
func TestWorldIsTheMeanOfServices(t *testing.T) {
	state := manyServices(130, nearestOf)
	s, err := Compile(nil, state, Local{Geo: embedded(t)})
	if err != nil {
		t.Fatal(err)
	}
	mean := map[string]float64{}
	for _, svc := range s.Services.All() {
		r, _, err := s.Reach(svc.ID, policy.TypeA, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range r.Regions {
			mean[g.Region] += g.Probability / 130
		}
	}
	w := s.World()
	if w.Services != 130 || w.LeftOut != 0 || len(w.Regions) != 3 || len(w.Countries) < 200 {
		t.Errorf("%d services, %d left out, %+v", w.Services, w.LeftOut, w.Regions)
	}
	for _, g := range w.Regions {
		if math.Abs(mean[g.Region]-g.Probability) > 1e-9 {
			t.Errorf("region %s has %v of the world, and %v on average", g.Region, g.Probability, mean[g.Region])
		}
	}
	if next, err := Compile(s, flip(state, "own7"), Local{Geo: embedded(t)}); err != nil || next.census != s.census {
		t.Errorf("a verdict has the addresses counted anew: %v", err)
	}
}

// TestReachWithoutData: everybody is one, and a service of which nothing is left answers nobody.
func TestReachWithoutData(t *testing.T) {
	s, err := Compile(nil, manyServices(1, nearestOf), Local{})
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := s.Reach("s0.example.com", policy.TypeA, nil)
	if err != nil || len(r.Countries) != 1 || r.Countries[0].Weight != 1 || len(r.Regions) == 0 {
		t.Errorf("%+v %v", r, err)
	}
	if _, _, err := s.Reach("s0.example.com", policy.TypeMX, nil); err == nil {
		t.Error("a service without MX says who gets them")
	}
	if _, _, err := s.Reach("none.example.com", policy.TypeA, nil); err == nil {
		t.Error("a service that is not there says who gets what")
	}
}

func BenchmarkWorld(b *testing.B) {
	s, err := Compile(nil, manyServices(5000, nearestOf), Local{Geo: embedded(b)})
	if err != nil {
		b.Fatal(err)
	}
	s.World()
	for b.Loop() {
		s.World()
	}
}
