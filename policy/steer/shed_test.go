package steer

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
)

// crowdsOf are classes with the order us, ap, eu by what their next choice costs them, in kilometres, each of the same weight.
func crowdsOf(extra ...float64) []Crowd {
	var list []Crowd
	for _, e := range extra {
		list = append(list, Crowd{Class: Class{Orders: [][]uint8{{0, 1, 2}}}, Weight: 1 / float64(len(extra)), Extra: e})
	}
	return list
}

func one(string) int { return 1 }

// bounded is the world of AK-5: us is loaded, and its clients go to ap next.
func bounded(load, apLoad float64) *world {
	w := newWorld().pool("us", "us", 0, "a up").pool("ap", "ap", 0, "a up").pool("eu", "eu", 0, "a up")
	for name, l := range map[string]float64{"us": load, "ap": apLoad} {
		o, _ := w.s.Pools.Get(name)
		o.Spec.Capacity = &policy.Capacity{Limit: 100, Low: 0.8, High: 0.9}
		w.s.Pools.Set(name, o)
		w.s.Loads.Set("pool/"+name, policy.Load{Target: "pool/" + name, Value: l})
	}
	return w
}

// shedOf is what each class goes elsewhere with.
func shedOf(w *world, t *testing.T, crowds []Crowd) (list []float64) {
	tree := w.tree(t, nearest(pool("us"), pool("ap"), pool("eu")))
	tree.Shed(crowds, policy.IPv4, true, Demand{Sharers: one})
	for i := range crowds {
		list = append(list, math.Round(crowds[i].Shed["us"]*1000)/1000)
	}
	return list
}

// TestShed: NS1-2's gradient and AK-5's order: who loses least goes first, and
// nobody goes where there is no room.
func TestShed(t *testing.T) {
	for _, c := range []struct {
		name         string
		load, apLoad float64
		want         []float64 // of the classes that lose 9000, 100, 3000 and 500 km
	}{
		{"below the low watermark", 80, 0, []float64{0, 0, 0, 0}},
		{"half way: half of the clients, those who lose least", 85, 0, []float64{0, 1, 0, 1}},
		{"a quarter of the way", 82.5, 0, []float64{0, 1, 0, 0}},
		{"at the high watermark: all of them", 90, -1, []float64{0.556, 1, 1, 1}}, // 80 of 90 fit
		{"over it", 160, 0, []float64{0, 1, 0, 1}},                                // ap has room for 80, and a class is 40
		{"no room", 160, 80, []float64{0, 0, 0, 0}},
		{"a little room", 160, 70, []float64{0, 0.25, 0, 0}},
	} {
		if got := shedOf(bounded(c.load, max(0, c.apLoad)), t, crowdsOf(9000, 100, 3000, 500)); !equalFloats(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if c.apLoad > 0 {
			continue
		}
		// The same load told of the service, all of whose clients are us's: then ap's is 0.
		w := bounded(0, 0)
		w.s.Loads.Delete("pool/us")
		w.s.Loads.Delete("pool/ap")
		crowds := crowdsOf(9000, 100, 3000, 500)
		tree := w.tree(t, nearest(pool("us"), pool("ap"), pool("eu")))
		tree.Shed(crowds, policy.IPv4, true, Demand{Load: c.load, Known: true, Sharers: one})
		got := []float64{}
		for i := range crowds {
			got = append(got, math.Round(crowds[i].Shed["us"]*1000)/1000)
		}
		if !equalFloats(got, c.want) {
			t.Errorf("%s, told of the service: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestShedAmongSiblings: one that serves the class already takes no more than it has room for either.
func TestShedAmongSiblings(t *testing.T) {
	for apLoad, want := range map[float64]float64{0: 1, 80: 0, 200: 0} {
		w := bounded(160, apLoad)
		tree := w.tree(t, weighted(pool("us"), pool("ap")))
		crowds := []Crowd{{Weight: 1}}
		tree.Shed(crowds, policy.IPv4, true, Demand{Sharers: one})
		if got := crowds[0].Shed["us"]; want == 0 && got > 0 || want > 0 && math.Abs(got-0.5) > 1e-6 { // ap has room for half of 160
			t.Errorf("with %v at ap, us sheds %v", apLoad, got)
		}
	}
}

func equalFloats(a, b []float64) bool {
	for i := range a {
		if math.Abs(a[i]-b[i]) > 0.0011 {
			return false
		}
	}
	return len(a) == len(b)
}

// TestShedRespectsRoom: whatever the loads, no pool is sent more than it has room for,
// nothing is shed beyond what is asked for, and everybody still has an answer.
func TestShedRespectsRoom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		load := func(what string) float64 { return float64(rapid.IntRange(0, 200).Draw(t, what)) }
		w := bounded(load("us"), load("ap"))
		var extra []float64
		for range rapid.IntRange(1, 6).Draw(t, "classes") {
			extra = append(extra, load("extra"))
		}
		crowds := crowdsOf(extra...)
		tree := w.tree(t, nearest(pool("us"), pool("ap"), pool("eu")))
		tree.Shed(crowds, policy.IPv4, true, Demand{Sharers: one})
		us, ap := tree.Pools[0].Pressure, tree.Pools[1].Pressure
		gone, came := 0.0, 0.0
		for i := range crowds {
			r := tree.Evaluate(policy.IPv4, crowds[i].Class, true, nil)
			sum := 0.0
			for _, p := range r.Picks {
				sum += p.Probability
				if p.Pool.Name == "ap" {
					came += us.Load * crowds[i].Weight * p.Probability
				}
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Fatalf("class %d has %v of an answer", i, sum)
			}
			gone += us.Load * crowds[i].Weight * crowds[i].Shed["us"]
		}
		if came > ap.Room+1e-3 {
			t.Fatalf("ap is sent %v and has room for %v", came, ap.Room)
		}
		if gone > us.Shed*us.Load+1e-6 {
			t.Fatalf("%v is shed of %v", gone, us.Shed*us.Load)
		}
	})
}
