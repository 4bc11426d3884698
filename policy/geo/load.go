package geo

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// Load reads a City or Country database in MaxMind's MMDB format: GeoLite2,
// GeoIP2, DB-IP, and those of other makers whose records have a country code
// under country.iso_code, country_code or country. A place's point is the
// record's own, or else the population-weighted middle of its country. name is
// the file's, for messages and for Source. The bytes are not needed afterwards.
//
// The error, of kind [policy.Invalid], names the file, what is wrong with it and what to do.
func Load(mmdb []byte, name string) (*Table, error) {
	reader, err := open(mmdb)
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "geo database %s: %v", name, err)
	}
	l := places{indexOf: map[Place]uint32{{}: 0}, list: []Place{{}}, strings: map[string]string{}}
	w := walker{reader: reader, value: l.place}
	if l.read, err = readerOf(mmdb, reader.Metadata.DatabaseType); err == nil {
		err = w.run()
	}
	switch {
	case err != nil:
	case w.networks == 0:
		err = errors.New("it holds no networks; load a City or Country database")
	case !l.country:
		err = errors.New("none of its records has country.iso_code, country_code or a location; load a City or Country database")
	}
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "geo database %s (%s): %v", name, reader.Metadata.DatabaseType, err)
	}
	source := w.source(name, KindCountry)
	if l.located {
		source.Kind = KindCity
	}
	return newTable(source, l.list, w.v4, w.v6), nil
}

func open(mmdb []byte) (*maxminddb.Reader, error) {
	switch {
	case len(mmdb) == 0:
		return nil, errors.New("the file is empty; download it again")
	case bytes.HasPrefix(mmdb, []byte{0x1f, 0x8b}):
		return nil, errors.New("the file is gzipped; unpack the .mmdb file out of it")
	case bytes.HasPrefix(mmdb, []byte("PK\x03\x04")):
		return nil, errors.New("the file is a ZIP archive; unpack the .mmdb file out of it")
	}
	reader, err := maxminddb.OpenBytes(mmdb)
	if err != nil {
		return nil, fmt.Errorf("not a whole MMDB file: %v; download it again, in the MMDB format", err)
	}
	return reader, nil
}

// readerOf chooses how records are read: geoip2's City where geoip2 knows the
// type (it holds all that a Country record has), else by the field names that other makers use.
func readerOf(mmdb []byte, databaseType string) (func(maxminddb.Result) (record, error), error) {
	known, err := geoip2.OpenBytes(mmdb)
	var unknown geoip2.UnknownDatabaseTypeError
	switch {
	case errors.As(err, &unknown):
		return readLoose, nil
	case err != nil:
		return nil, err
	}
	var wrong geoip2.InvalidMethodError
	if _, err := known.City(netip.IPv4Unspecified()); errors.As(err, &wrong) {
		return nil, fmt.Errorf("a %s database says nothing about places; load a City or Country database", databaseType)
	}
	return readCity, nil
}

// record is a Place before its country is looked up.
type record struct {
	country, continent, subdivision, city string
	lat, lon                              float64
	located                               bool
}

func readCity(result maxminddb.Result) (record, error) {
	var c geoip2.City
	if err := result.Decode(&c); err != nil {
		return record{}, err
	}
	r := record{country: c.Country.ISOCode, continent: c.Continent.Code, city: c.City.Names.English}
	if r.country == "" {
		// Where the maker cannot say where the network is used, who registered it is the best guess there is.
		r.country = c.RegisteredCountry.ISOCode
	}
	if len(c.Subdivisions) > 0 {
		if r.subdivision = c.Subdivisions[0].ISOCode; r.subdivision == "" {
			r.subdivision = c.Subdivisions[0].Names.English
		}
	}
	if c.Location.Latitude != nil && c.Location.Longitude != nil {
		r.lat, r.lon, r.located = *c.Location.Latitude, *c.Location.Longitude, true
	}
	return r, nil
}

// readLoose reads the records of makers that geoip2 does not know.
func readLoose(result maxminddb.Result) (record, error) {
	var fields any
	if err := result.Decode(&fields); err != nil {
		return record{}, err
	}
	m, ok := fields.(map[string]any)
	if !ok {
		return record{}, nil
	}
	r := record{
		country:     text(m, "country.iso_code", "country_code", "registered_country.iso_code", "country"),
		continent:   text(m, "continent.code", "continent_code", "continent"),
		subdivision: text(m, "subdivisions.iso_code", "subdivisions.names.en", "region_code", "state1", "region"),
		city:        text(m, "city.names.en", "city"),
	}
	if len(r.country) != 2 { // "country" is a name in some
		r.country = ""
	}
	if len(r.continent) != 2 {
		r.continent = ""
	}
	lat, okLat := angle(m, "location.latitude", "latitude", "lat")
	lon, okLon := angle(m, "location.longitude", "longitude", "lng", "lon")
	r.lat, r.lon, r.located = lat, lon, okLat && okLon
	return r, nil
}

// text is the first of the dotted paths that leads to a text.
func text(m map[string]any, paths ...string) string {
	for _, path := range paths {
		if s, ok := walk(m, path).(string); ok && s != "" {
			return s
		}
	}
	return ""
}

// angle is the first of the dotted paths that leads to a number, or to a text that is one.
func angle(m map[string]any, paths ...string) (float64, bool) {
	for _, path := range paths {
		switch v := walk(m, path).(type) {
		case float64:
			return v, true
		case float32:
			return float64(v), true
		case int:
			return float64(v), true
		case uint64:
			return float64(v), true
		case string:
			if f, err := strconv.ParseFloat(v, 64); err == nil {
				return f, true
			}
		}
	}
	return 0, false
}

// walk follows a dotted path through maps, and through the first entries of lists.
func walk(v any, path string) any {
	for path != "" {
		var key string
		key, path, _ = strings.Cut(path, ".")
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[key]
	}
	return v
}

// places are the places of a database, each once.
type places struct {
	read    func(maxminddb.Result) (record, error)
	indexOf map[Place]uint32
	list    []Place
	strings map[string]string // one copy of each, none of them inside the file's bytes
	located bool              // some record has a point of its own
	country bool              // some record has a country or a point
}

// place is the index of a record's place.
func (l *places) place(result maxminddb.Result) (uint32, error) {
	r, err := l.read(result)
	if err != nil {
		return 0, err
	}
	p := Place{
		Country:     l.intern(strings.ToUpper(r.country)),
		Continent:   l.intern(strings.ToUpper(r.continent)),
		Subdivision: l.intern(r.subdivision),
		City:        l.intern(r.city),
	}
	if r.located && math.Abs(r.lat) <= 90 && math.Abs(r.lon) <= 180 { // false for NaN too
		p.Point, p.Located = Point{r.lat, r.lon}, true
		l.located = true
	}
	p = p.completed()
	l.country = l.country || p.Country != "" || p.Located
	i, ok := l.indexOf[p]
	if !ok {
		i = uint32(len(l.list))
		l.indexOf[p] = i
		l.list = append(l.list, p)
	}
	return i, nil
}

func (l *places) intern(s string) string {
	if one, ok := l.strings[s]; ok {
		return one
	}
	s = strings.Clone(s)
	l.strings[s] = s
	return s
}

// completed is a place with what its country says, where it does not say that itself: the continent, and the middle.
func (p Place) completed() Place {
	if middle, ok := CountryPlace(p.Country); ok {
		if !p.Located {
			p.Point, p.Located = middle.Point, true
		}
		if p.Continent == "" {
			p.Continent = middle.Continent
		}
	}
	return p
}
