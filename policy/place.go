package policy

import (
	"strings"
)

// Place is a point on the globe: a latitude and longitude in degrees, the
// code of an airport (IATA), or a cloud provider's region ("aws/us-east-1").
type Place struct {
	IATA  string   `json:"iata,omitempty"`
	Cloud string   `json:"cloud,omitempty"`
	Lat   *float64 `json:"lat,omitempty"` // degrees north, -90 to 90
	Lon   *float64 `json:"lon,omitempty"` // degrees east, -180 to 180
}

// Coordinates are the place's latitude and longitude; ok is false when it names none, or a code that is not known.
func (p *Place) Coordinates() (lat, lon float64, ok bool) {
	switch {
	case p == nil:
		return 0, 0, false
	case p.Lat != nil && p.Lon != nil:
		return *p.Lat, *p.Lon, true
	case p.IATA != "":
		c, ok := airports[strings.ToUpper(p.IATA)]
		return c[0], c[1], ok
	case p.Cloud != "":
		c, ok := cloudRegions[strings.ToLower(p.Cloud)]
		return c[0], c[1], ok
	}
	return 0, 0, false
}

func (p *Place) validate(at string, problems *Problems) {
	if p == nil {
		return
	}
	ways := 0
	if p.IATA != "" {
		ways++
		if _, ok := airports[strings.ToUpper(p.IATA)]; !ok {
			problems.Add(at+"/iata", "airport code %q is not known; write lat and lon instead", p.IATA)
		}
	}
	if p.Cloud != "" {
		ways++
		if _, ok := cloudRegions[strings.ToLower(p.Cloud)]; !ok {
			problems.Add(at+"/cloud", "cloud region %q is not known (they are written provider/region, as in aws/us-east-1); write lat and lon instead", p.Cloud)
		}
	}
	if p.Lat != nil || p.Lon != nil {
		ways++
		if p.Lat == nil || p.Lon == nil {
			problems.Add(at, "lat and lon go together")
		} else {
			if !(*p.Lat >= -90 && *p.Lat <= 90) {
				problems.Add(at+"/lat", "latitude %v is not within -90 to 90", *p.Lat)
			}
			if !(*p.Lon >= -180 && *p.Lon <= 180) {
				problems.Add(at+"/lon", "longitude %v is not within -180 to 180", *p.Lon)
			}
		}
	}
	if ways != 1 {
		problems.Add(at, "a place is one of iata, cloud, or lat with lon")
	}
}
