package geo

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

var (
	virginia  = Point{38.95, -77.45}
	frankfurt = Point{50.11, 8.68}
	singapore = Point{1.35, 103.99}
)

func TestDistance(t *testing.T) {
	london, paris := Point{51.5074, -0.1278}, Point{48.8566, 2.3522}
	newYork, sydney, tokyo := Point{40.7128, -74.0060}, Point{-33.8688, 151.2093}, Point{35.6762, 139.6503}
	for _, c := range []struct {
		name string
		a, b Point
		want float64 // km
		near float64
	}{
		{"London to Paris", london, paris, 344, 2},
		{"London to New York", london, newYork, 5570, 5},
		{"Sydney to Tokyo", sydney, tokyo, 7823, 8},
		{"itself", london, london, 0, 0},
		{"across the antimeridian, 2 degrees on the equator", Point{0, 179}, Point{0, -179}, 222.39, 0.01},
		{"Auckland to Honolulu", Point{-36.8485, 174.7633}, Point{21.3069, -157.8583}, 7076, 8},
		{"both writings of the antimeridian", Point{10, 180}, Point{10, -180}, 0, 1e-6},
		{"a pole has every longitude", Point{90, 0}, Point{90, 137}, 0, 1e-6},
		{"over the pole", Point{89, 0}, Point{89, 180}, 222.39, 0.01},
		{"pole to pole", Point{90, 0}, Point{-90, 50}, math.Pi * EarthRadius, 1e-6},
		{"antipodes", Point{12.3, 45.6}, Point{-12.3, -134.4}, math.Pi * EarthRadius, 1e-3},
	} {
		for _, got := range []float64{Distance(c.a, c.b), Distance(c.b, c.a)} {
			if !(math.Abs(got-c.want) <= c.near) {
				t.Errorf("%s: %.3f km, want %.3f within %g", c.name, got, c.want, c.near)
			}
		}
	}
}

// TestDistanceIsTheAngleBetweenVectors compares with another formula.
func TestDistanceIsTheAngleBetweenVectors(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) (Point, [3]float64) {
			p := Point{rapid.Float64Range(-90, 90).Draw(t, name+" lat"), rapid.Float64Range(-180, 180).Draw(t, name+" lon")}
			lat, lon := p.Lat*math.Pi/180, p.Lon*math.Pi/180
			return p, [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
		}
		a, u := draw("a")
		b, v := draw("b")
		cross := math.Hypot(math.Hypot(u[1]*v[2]-u[2]*v[1], u[2]*v[0]-u[0]*v[2]), u[0]*v[1]-u[1]*v[0])
		dot := u[0]*v[0] + u[1]*v[1] + u[2]*v[2]
		if got, want := Distance(a, b), EarthRadius*math.Atan2(cross, dot); math.Abs(got-want) > 0.01 {
			t.Fatalf("%v to %v: %f km, want %f", a, b, got, want)
		}
	})
}

// TestBiased has the examples of Route 53's documentation.
func TestBiased(t *testing.T) {
	for _, c := range []struct {
		km   float64
		bias int
		want float64
	}{
		{150, 50, 75}, {100, 0, 100}, {100, -50, 200}, {100, 99, 1}, {100, -99, 10000},
		{100, 100, 1}, {100, -100, 10000}, {0, -99, 0},
	} {
		if got := Biased(c.km, c.bias); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("Biased(%g, %d) = %g, want %g", c.km, c.bias, got, c.want)
		}
	}
}

func at(p Point, bias int) Candidate { return Candidate{Point: p, Located: true, Bias: bias} }

// north is a point so many kilometres north of p.
func north(p Point, km float64) Point {
	return Point{p.Lat + km/EarthRadius*180/math.Pi, p.Lon}
}

func TestOrder(t *testing.T) {
	client := Point{51.01, 9.8} // the middle of Germany
	nowhere := Candidate{}
	for _, c := range []struct {
		name       string
		located    bool
		candidates []Candidate
		k          int
		want       []uint8
	}{
		{"nearest first", true, []Candidate{at(singapore, 0), at(virginia, 0), at(frankfurt, 0)}, 3, []uint8{2, 1, 0}},
		{"after the k nearest as they stand", true, []Candidate{at(singapore, 0), at(virginia, 0), at(frankfurt, 0)}, 1, []uint8{2, 0, 1}},
		{"three nearest by default", true, []Candidate{at(singapore, 0), at(north(client, 4000), 0), at(north(client, 3000), 0), at(north(client, 2000), 0), at(north(client, 1000), 0)}, 0, []uint8{4, 3, 2, 0, 1}},
		{"a client without a place", false, []Candidate{at(singapore, 0), nowhere, at(frankfurt, 0)}, 3, []uint8{0, 1, 2}},
		{"no place comes last", true, []Candidate{nowhere, at(singapore, 0), nowhere, at(frankfurt, 0)}, 1, []uint8{3, 1, 0, 2}},
		{"no place comes last though k has room", true, []Candidate{nowhere, at(singapore, 0), at(frankfurt, 0)}, 3, []uint8{2, 1, 0}},
		{"bias draws", true, []Candidate{at(north(client, 100), 0), at(north(client, 150), 50)}, 3, []uint8{1, 0}},
		{"bias repels", true, []Candidate{at(north(client, 100), -50), at(north(client, 150), 0)}, 3, []uint8{1, 0}},
		{"within 1 km as they stand", true, []Candidate{at(north(client, 100.9), 0), at(north(client, 100), 0)}, 3, []uint8{0, 1}},
		{"beyond 1 km by distance", true, []Candidate{at(north(client, 101.1), 0), at(north(client, 100), 0)}, 3, []uint8{1, 0}},
		{"1 km from the nearest that is left, not from each other", true,
			[]Candidate{at(north(client, 101.6), 0), at(north(client, 100.8), 0), at(north(client, 100), 0)}, 3, []uint8{1, 2, 0}},
		{"nobody", true, nil, 3, []uint8{}},
	} {
		if got := Order(client, c.located, c.candidates, c.k); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// TestOrderKeepsItsPromises checks what holds for any candidates.
func TestOrderKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		point := func(name string) Point {
			// Few points, so that ties are common.
			return Point{float64(rapid.IntRange(-2, 2).Draw(t, name+" lat")) * 45, float64(rapid.IntRange(-2, 2).Draw(t, name+" lon")) * 90}
		}
		client := point("client")
		candidates := make([]Candidate, rapid.IntRange(0, 12).Draw(t, "candidates"))
		for i := range candidates {
			candidates[i] = Candidate{point("candidate"), rapid.Bool().Draw(t, "located"), rapid.SampledFrom([]int{0, 0, 50, -50}).Draw(t, "bias")}
		}
		k := rapid.IntRange(1, 13).Draw(t, "k")
		order := Order(client, true, candidates, k)

		sorted := slices.Sorted(slices.Values(order))
		for i := range candidates {
			if i >= len(sorted) || sorted[i] != uint8(i) {
				t.Fatalf("%v is not an order of %d candidates", order, len(candidates))
			}
		}
		var left []int // of those with a place, as they stand
		for i, c := range candidates {
			if c.Located {
				left = append(left, i)
			}
		}
		away := func(i int) float64 { return Biased(Distance(client, candidates[i].Point), candidates[i].Bias) }
		for at, got := range order[:len(left)] {
			want := left[0]
			if at < k {
				nearest := math.Inf(1)
				for _, i := range left {
					nearest = math.Min(nearest, away(i))
				}
				want = left[slices.IndexFunc(left, func(i int) bool { return away(i) <= nearest+1 })]
			}
			if int(got) != want {
				t.Fatalf("%v: place %d goes to %d, want %d", order, at, got, want)
			}
			left = slices.DeleteFunc(left, func(i int) bool { return i == want })
		}
		if rest := order[len(order)-(len(candidates)-countLocated(candidates)):]; !slices.IsSorted(rest) {
			t.Fatalf("%v: those without a place, %v, are not as they stand", order, rest)
		}
	})
}

func countLocated(candidates []Candidate) (n int) {
	for _, c := range candidates {
		if c.Located {
			n++
		}
	}
	return n
}
