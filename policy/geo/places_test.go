package geo

import (
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

// TestPlaceTable spot-checks the generated airports and cloud regions, which
// share their sources with this package's data.
func TestPlaceTable(t *testing.T) {
	for _, c := range []struct {
		place policy.Place
		near  Point
		km    float64
	}{
		{policy.Place{IATA: "IAD"}, virginia, 5},
		{policy.Place{IATA: "fra"}, frankfurt, 15},
		{policy.Place{IATA: "SIN"}, singapore, 5},
		{policy.Place{IATA: "SYD"}, Point{-33.95, 151.18}, 5},
		{policy.Place{IATA: "AKL"}, Point{-37.01, 174.79}, 5},
		{policy.Place{IATA: "EZE"}, Point{-34.82, -58.54}, 5},
		{policy.Place{Cloud: "aws/us-east-1"}, virginia, 50},
		{policy.Place{Cloud: "AWS/eu-central-1"}, frankfurt, 10},
		{policy.Place{Cloud: "gcp/us-central1"}, Point{41.26, -95.86}, 20},
		{policy.Place{Cloud: "gcp/asia-southeast1"}, singapore, 30},
		{policy.Place{Cloud: "azure/westeurope"}, Point{52.37, 4.9}, 20},
		{policy.Place{Cloud: "oci/us-phoenix-1"}, Point{33.45, -112.07}, 20},
		{policy.Place{Cloud: "hetzner/fsn1"}, Point{50.48, 12.36}, 20},
		{policy.Place{Cloud: "digitalocean/blr1"}, Point{12.97, 77.59}, 20},
		{policy.Place{Cloud: "linode/us-east"}, Point{40.74, -74.17}, 20},
		{policy.Place{Cloud: "ovh/gra"}, Point{50.99, 2.13}, 20},
		{policy.Place{Cloud: "fly/lhr"}, Point{51.47, -0.46}, 20},
	} {
		lat, lon, ok := c.place.Coordinates()
		if km := Distance(Point{lat, lon}, c.near); !ok || km > c.km {
			t.Errorf("%+v is at %v, %v, %.0f km from %v", c.place, lat, lon, km, c.near)
		}
	}
}
