package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/meridian-gtm/meridian/policy/geo"
)

// byHand places the territories in which GeoNames has no place of 1000
// inhabitants: at their settlement or station, else in their middle.
var byHand = map[string][2]float64{
	"BV": {-54.42, 3.36},  // Bouvet Island
	"HM": {-53.08, 73.5},  // Heard Island
	"IO": {-7.31, 72.41},  // British Indian Ocean Territory: Diego Garcia
	"UM": {19.28, 166.65}, // US Outlying Islands: Wake Island, the one with people on it
}

// continentByHand has what OurAirports leaves out, and what GeoNames, and with
// it the databases that users load, see otherwise.
var continentByHand = map[string]string{"AX": "EU", "BV": "AN", "SJ": "EU", "CY": "EU", "TF": "AN", "HM": "AN"}

// countryPoints are the countries' middles, with those placed by hand.
func countryPoints(cities []city) (map[string][2]float64, error) {
	points := middles(cities)
	for code, point := range byHand {
		if _, ok := points[code]; ok {
			return nil, fmt.Errorf("country %s is placed by hand, but GeoNames has places in it now: take it out of byHand", code)
		}
		points[code] = point
	}
	return points, nil
}

// writeCountries writes countries.gen.go: every country that a place is known
// of, with its continent and population-weighted middle.
func writeCountries(file string, points map[string][2]float64, continents map[string]string) error {
	var b bytes.Buffer
	fmt.Fprint(&b, generated, "\npackage geo\n\n",
		"// countries are in order of their codes: continent, and the population-weighted\n",
		"// middle (degrees north, degrees east) of the places that GeoNames has in them.\n",
		"var countries = []country{\n")
	for _, code := range sortedKeys(points) {
		continent := continents[code]
		if by, ok := continentByHand[code]; ok {
			continent = by
		}
		if continent == "" {
			return fmt.Errorf("country %s is on no continent: put it into continentByHand", code)
		}
		fmt.Fprintf(&b, "{%q, %q, Point{%s, %s}},\n", code, continent, degrees(points[code][0], 2), degrees(points[code][1], 2))
	}
	fmt.Fprint(&b, "}\n")
	return writeGo(file, b.Bytes())
}

// writeRuns writes the embedded prefix table and its checksum, if every country in it has a place.
func writeRuns(dir, dbip string, points map[string][2]float64) error {
	b, err := os.ReadFile(dbip)
	if err != nil {
		return err
	}
	table, err := geo.Load(b, filepath.Base(dbip))
	if err != nil {
		return err
	}
	data, err := table.EncodeCountries()
	if err != nil {
		return err
	}
	var lost []string
	for _, p := range table.Places()[1:] {
		if _, ok := points[p.Country]; !ok {
			lost = append(lost, p.Country)
		}
	}
	if lost != nil {
		return fmt.Errorf("no place for %s: put them into byHand", strings.Join(lost, " "))
	}
	if err := os.WriteFile(filepath.Join(dir, "country.bin.gz"), data, 0o644); err != nil {
		return err
	}
	sum := fmt.Sprintf("%s\npackage geo\n\n// countryDataSum is the SHA-256 of country.bin.gz.\nconst countryDataSum = \"%x\"\n", generated, sha256.Sum256(data))
	if err := writeGo(filepath.Join(dir, "country_sum.gen.go"), []byte(sum)); err != nil {
		return err
	}
	fmt.Printf("%d networks of %s in %d countries, %d bytes\n", table.Source().Networks,
		table.Source().Built.Format("2006-01-02"), len(table.Places())-1, len(data))
	return nil
}
