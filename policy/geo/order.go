package geo

import (
	"math"
	"slices"
)

// EarthRadius is the mean radius of the Earth in kilometres (IUGG).
const EarthRadius = 6371.0088

// Distance is the great-circle distance in kilometres, by the haversine formula.
func Distance(a, b Point) float64 {
	const rad = math.Pi / 180
	sinLat := math.Sin((b.Lat - a.Lat) * rad / 2)
	sinLon := math.Sin((b.Lon - a.Lon) * rad / 2)
	h := sinLat*sinLat + math.Cos(a.Lat*rad)*math.Cos(b.Lat*rad)*sinLon*sinLon
	return 2 * EarthRadius * math.Asin(math.Sqrt(min(h, 1))) // rounding takes antipodes above 1
}

// Biased is a distance as a bias of -99 to 99 makes it look, by Route 53's
// arithmetic: a positive bias b draws clients, d*(1-b/100); a negative one
// repels them, d/(1+b/100), so that -50 makes 100 km look like 200. A bias out of range counts as the nearest one in it.
func Biased(km float64, bias int) float64 {
	bias = max(-99, min(bias, 99))
	if bias < 0 {
		return km / (1 + float64(bias)/100)
	}
	return km * (1 - float64(bias)/100)
}

// Candidate is what [Order] puts in order: the place of a region or of a branch.
type Candidate struct {
	Point   Point
	Located bool // Point means something
	Bias    int  // -99 to 99, see [Biased]
}

// DefaultNearest is how many candidates are put in order of distance when nothing else is asked for.
const DefaultNearest = 3

// SameDistance is how many kilometres two candidates may differ in biased
// distance and still be as near as each other.
const SameDistance = 1.0

// Order ranks at most 256 candidates for a client at p, as indices into
// candidates. First come the k nearest by biased distance, where among those
// within 1 km of the nearest that is left the first in candidates goes first;
// then the other candidates that have a place, then those that have none, as they stand
// in candidates. A client without a place gets the candidates as they stand.
// k below 1 means [DefaultNearest].
func Order(p Point, located bool, candidates []Candidate, k int) []uint8 {
	candidates = candidates[:min(len(candidates), 256)]
	distance := make([]float64, len(candidates))
	for i, c := range candidates {
		distance[i] = math.Inf(1)
		if located && c.Located {
			distance[i] = Biased(Distance(p, c.Point), c.Bias)
		}
	}
	return Rank(distance, k, SameDistance)
}

// Rank ranks at most 256 candidates by their costs, none of them negative, as
// Order does by distance: the k cheapest first, where those within same of the
// cheapest that is left count alike; then the others as they stand, those of infinite cost last.
func Rank(cost []float64, k int, same float64) []uint8 {
	cost = slices.Clone(cost[:min(len(cost), 256)])
	order := make([]uint8, 0, len(cost))
	if k < 1 {
		k = DefaultNearest
	}
	const taken = -1
	take := func(i int) {
		order = append(order, uint8(i))
		cost[i] = taken
	}
	for len(order) < k {
		least := math.Inf(1)
		for _, c := range cost {
			if c != taken && c < least {
				least = c
			}
		}
		if math.IsInf(least, 1) {
			break
		}
		for i, c := range cost {
			if c != taken && c <= least+same {
				take(i)
				break
			}
		}
	}
	for _, last := range []bool{false, true} {
		for i, c := range cost {
			if c != taken && math.IsInf(c, 1) == last {
				take(i)
			}
		}
	}
	return order
}
