package geo

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/meridian-gtm/meridian/policy"
)

func str(s string) mmdbtype.DataType { return mmdbtype.String(s) }

// cityRecord is a record as MaxMind writes it.
func cityRecord(country, continent, subdivision, city string, lat, lon float64) mmdbtype.DataType {
	return mmdbtype.Map{
		"country":      mmdbtype.Map{"iso_code": str(country)},
		"continent":    mmdbtype.Map{"code": str(continent)},
		"subdivisions": mmdbtype.Slice{mmdbtype.Map{"iso_code": str(subdivision)}},
		"city":         mmdbtype.Map{"names": mmdbtype.Map{"en": str(city), "de": str(city + "-de")}},
		"location":     mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon)},
	}
}

func TestLoadCity(t *testing.T) {
	file := writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-City", BuildEpoch: 1_750_000_000}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("192.0.2.0/25"):   cityRecord("US", "NA", "VA", "Ashburn", 39.04, -77.49),
		netip.MustParsePrefix("192.0.2.128/25"): cityRecord("US", "NA", "CA", "San Jose", 37.34, -121.89),
		netip.MustParsePrefix("2001:db8::/33"):  cityRecord("US", "NA", "VA", "Ashburn", 39.04, -77.49),
		netip.MustParsePrefix("198.51.100.0/24"): mmdbtype.Map{ // a country, and nothing closer
			"country": mmdbtype.Map{"iso_code": str("DE")}, "continent": mmdbtype.Map{"code": str("EU")}},
		netip.MustParsePrefix("203.0.113.0/24"): mmdbtype.Map{ // an owner, and no place of use
			"registered_country": mmdbtype.Map{"iso_code": str("AU")}},
		netip.MustParsePrefix("100.64.0.0/24"): mmdbtype.Map{ // a continent, which is no point
			"continent": mmdbtype.Map{"code": str("EU")}},
	})
	table, err := Load(file, "city.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	s := table.Source()
	if s.Kind != KindCity || s.Name != "city.mmdb" || s.Type != "GeoLite2-City" || s.Networks != 6 ||
		!s.Built.Equal(time.Unix(1_750_000_000, 0)) || !strings.Contains(s.Attribution, "MaxMind") {
		t.Errorf("source %+v", s)
	}
	germany, _ := CountryPlace("DE")
	australia, _ := CountryPlace("AU")
	for client, want := range map[string]Place{
		"192.0.2.1":    {"US", "NA", "VA", "Ashburn", Point{39.04, -77.49}, true},
		"192.0.2.129":  {"US", "NA", "CA", "San Jose", Point{37.34, -121.89}, true},
		"2001:db8::1":  {"US", "NA", "VA", "Ashburn", Point{39.04, -77.49}, true},
		"198.51.100.1": germany,
		"203.0.113.1":  australia,
		"100.64.0.1":   {Continent: "EU"},
		"192.0.3.0":    {},
		"2001:dc8::":   {},
	} {
		place, _ := table.Lookup(netip.MustParseAddr(client))
		if got := table.Places()[place]; got != want {
			t.Errorf("%s is at %+v, want %+v", client, got, want)
		}
	}
	if len(table.Places()) != 6 || table.Places()[0] != (Place{}) { // none, and five different ones: Ashburn is there twice
		t.Errorf("places %+v", table.Places())
	}
}

// TestLoadOthers reads the record shapes of other makers.
func TestLoadOthers(t *testing.T) {
	japan, _ := CountryPlace("JP")
	osaka := Place{"JP", "AS", "Osaka", "Osaka", Point{34.5, 135.5}, true}
	for name, c := range map[string]struct {
		record mmdbtype.DataType
		want   Place
		kind   string
	}{
		"country_code":     {mmdbtype.Map{"country_code": str("JP")}, japan, KindCountry},
		"lower case":       {mmdbtype.Map{"country_code": str("jp")}, japan, KindCountry},
		"country.iso_code": {mmdbtype.Map{"country": mmdbtype.Map{"iso_code": str("JP")}}, japan, KindCountry},
		"country":          {mmdbtype.Map{"country": str("JP"), "continent": str("AS")}, japan, KindCountry},
		"names beside codes": {mmdbtype.Map{"country": str("Japan"), "country_code": str("JP"),
			"continent": str("Asia"), "continent_code": str("AS")}, japan, KindCountry},
		"flat city": {mmdbtype.Map{"country_code": str("JP"), "state1": str("Osaka"), "city": str("Osaka"),
			"latitude": mmdbtype.Float32(34.5), "longitude": mmdbtype.Float32(135.5)}, osaka, KindCity},
		"texts": {mmdbtype.Map{"country": str("JP"), "region": str("Osaka"), "city": str("Osaka"),
			"lat": str("34.5"), "lng": str("135.5")}, osaka, KindCity},
		"MaxMind's under another name": {cityRecord("JP", "AS", "Osaka", "Osaka", 34.5, 135.5), osaka, KindCity},
		"a point out of range": {mmdbtype.Map{"country_code": str("JP"), "latitude": mmdbtype.Float64(134.5),
			"longitude": mmdbtype.Float64(135.5)}, japan, KindCountry},
	} {
		table, err := Load(writeMMDB(t, mmdbwriter.Options{DatabaseType: "homemade"}, map[netip.Prefix]mmdbtype.DataType{
			netip.MustParsePrefix("192.0.2.0/24"): c.record}), "homemade.mmdb")
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		place, _ := table.Lookup(netip.MustParseAddr("192.0.2.1"))
		if got := table.Places()[place]; got != c.want || table.Source().Kind != c.kind {
			t.Errorf("%s: %+v from a %s database, want %+v from a %s one", name, got, table.Source().Kind, c.want, c.kind)
		}
	}
}

func TestLoadIPv4Only(t *testing.T) {
	table, err := Load(writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoIP2-Country", IPVersion: 4}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("0.0.0.0/1"):        countryRecord("FR"),
		netip.MustParsePrefix("255.255.255.0/24"): countryRecord("DE"),
	}), "v4.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	for client, want := range map[string]string{"1.2.3.4": "FR", "128.0.0.0": "", "255.255.255.255": "DE", "2a02::1": "", "::ffff:1.2.3.4": "FR"} {
		if place, _ := table.Lookup(netip.MustParseAddr(client)); table.Places()[place].Country != want {
			t.Errorf("%s is in %q, want %q", client, table.Places()[place].Country, want)
		}
	}
}

// TestLoadWideNetwork: a network that covers ::/96 is where IPv4 is too.
func TestLoadWideNetwork(t *testing.T) {
	for _, wide := range []string{"::/0", "::/1", "::/64", "::/96"} {
		table := tableOf(t, []entry{{netip.MustParsePrefix(wide), "FR"}})
		for _, client := range []string{"0.0.0.0", "1.2.3.4", "255.255.255.255", "2002:102:304::1"} {
			if place, _ := table.Lookup(netip.MustParseAddr(client)); table.Places()[place].Country != "FR" {
				t.Errorf("with %s, %s is in %q", wide, client, table.Places()[place].Country)
			}
		}
		place, _ := table.Lookup(netip.MustParseAddr("3fff::1"))
		if got := table.Places()[place].Country == "FR"; got != netip.MustParsePrefix(wide).Contains(netip.MustParseAddr("3fff::1")) {
			t.Errorf("with %s, 3fff::1 is in FR: %v", wide, got)
		}
	}
}

// TestLoadAgreesWithMaxMindsReader looks random addresses up in both.
func TestLoadAgreesWithMaxMindsReader(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 1871))
	records := map[netip.Prefix]mmdbtype.DataType{}
	for range 3000 {
		code := codes[random.IntN(len(codes))]
		v4 := binary.BigEndian.AppendUint32(nil, random.Uint32())
		p4, _ := netip.AddrFrom4([4]byte(v4)).Prefix(4 + random.IntN(29))
		p6, _ := addrOf(word{0x2a00<<48 | random.Uint64()>>16, random.Uint64()}).Prefix(20 + random.IntN(60))
		records[p4], records[p6] = countryRecord(code), countryRecord(code)
	}
	file := writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-Country"}, records)
	table, err := Load(file, "random.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := maxminddb.OpenBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	check := func(a netip.Addr) {
		var want string
		if err := reader.Lookup(a).DecodePath(&want, "country", "iso_code"); err != nil {
			t.Fatal(err)
		}
		if place, _ := table.Lookup(a); table.Places()[place].Country != want {
			t.Fatalf("%v is in %q, want %q", a, table.Places()[place].Country, want)
		}
	}
	for p := range records {
		check(p.Addr())
		check(last(p))
		if next := after(p); next.IsValid() {
			check(next)
		}
	}
	for range 20_000 {
		check(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, random.Uint32()))))
		check(addrOf(word{0x2a00<<48 | random.Uint64()>>16, random.Uint64()}))
	}
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	good := writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-Country"}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("192.0.2.0/24"): countryRecord("DE")})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(good); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	one := func(databaseType string, record mmdbtype.DataType) []byte {
		return writeMMDB(t, mmdbwriter.Options{DatabaseType: databaseType}, map[netip.Prefix]mmdbtype.DataType{netip.MustParsePrefix("192.0.2.0/24"): record})
	}
	number := mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64496)}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":            {nil, "is empty"},
		"gzip":             {zipped.Bytes(), "is gzipped; unpack"},
		"zip":              {[]byte("PK\x03\x04rest"), "ZIP archive; unpack"},
		"text":             {[]byte("192.0.2.0/24,DE\n"), "not a whole MMDB file"},
		"cut off":          {good[:len(good)/2], "not a whole MMDB file"},
		"ASN":              {one("GeoLite2-ASN", number), "a GeoLite2-ASN database says nothing about places; load a City or Country"},
		"no places":        {one("homemade", number), "none of its records has"},
		"records of texts": {one("homemade", str("DE")), "none of its records has"},
		"no networks":      {writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-City"}, nil), "no networks"},
	} {
		_, err := Load(c.file, "geo.mmdb")
		if err == nil || policy.KindOf(err) != policy.Invalid || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "geo database geo.mmdb") {
			t.Errorf("%s: %v, want it to name the file and %q", name, err, c.want)
		}
	}
}

// TestLoadStopsInATangledTree: every node of a damaged tree leads twice to the
// next, so that there are 2^32 ways to the end of it.
func TestLoadStopsInATangledTree(t *testing.T) {
	file := writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-Country", IPVersion: 4, RecordSize: 24}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("192.0.2.1/32"): countryRecord("DE")})
	reader, err := maxminddb.OpenBytes(file)
	if err != nil {
		t.Fatal(err)
	}
	nodes := int(reader.Metadata.NodeCount)
	tangled := 0
	for node := range nodes {
		pair := file[6*node:][:6] // two records of 3 bytes
		left := int(pair[0])<<16 | int(pair[1])<<8 | int(pair[2])
		right := int(pair[3])<<16 | int(pair[4])<<8 | int(pair[5])
		switch {
		case left == nodes && right < nodes:
			copy(pair[:3], pair[3:])
			tangled++
		case right == nodes && left < nodes:
			copy(pair[3:], pair[:3])
			tangled++
		}
	}
	if tangled != 31 {
		t.Fatalf("%d nodes are tangled, want the 31 before the last", tangled)
	}
	if _, err := Load(file, "tangled.mmdb"); err == nil || !strings.Contains(err.Error(), "more leaves than its nodes allow") {
		t.Errorf("%v, want it to name the tree", err)
	}
}

// FuzzLoad: whatever the bytes are, there is a table or an error, and the table answers. So it is with AS numbers.
func FuzzLoad(f *testing.F) {
	f.Add(writeMMDB(f, mmdbwriter.Options{DatabaseType: "GeoLite2-City"}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("192.0.2.0/24"):  cityRecord("US", "NA", "VA", "Ashburn", 39.04, -77.49),
		netip.MustParsePrefix("2001:db8::/32"): countryRecord("DE")}))
	f.Add(writeMMDB(f, mmdbwriter.Options{DatabaseType: "homemade", IPVersion: 4}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("192.0.2.0/24"): mmdbtype.Map{"country_code": str("JP")}}))
	f.Add(writeMMDB(f, mmdbwriter.Options{DatabaseType: "GeoLite2-ASN"}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("192.0.2.0/24"): mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(64500)}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if asns, err := LoadASN("fuzz.mmdb", b); err == nil {
			for _, a := range bases {
				Nowhere().WithASNs(asns).Find(a)
			}
		}
		table, err := Load(b, "fuzz.mmdb")
		if err != nil {
			return
		}
		for _, a := range bases {
			if place, bits := table.Lookup(a); int(place) >= len(table.Places()) || bits < 0 || bits > a.BitLen() {
				t.Fatalf("%v: place %d of %d at length %d", a, place, len(table.Places()), bits)
			}
		}
	})
}
