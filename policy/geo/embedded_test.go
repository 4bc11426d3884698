package geo

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

func embeddedTable(t testing.TB) *Table {
	t.Helper()
	table, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestEmbedded(t *testing.T) {
	table := embeddedTable(t)
	for client, want := range map[string]string{
		"91.10.0.1":            "DE", // Deutsche Telekom
		"8.8.8.8":              "US",
		"133.11.0.1":           "JP", // the University of Tokyo
		"129.67.1.1":           "GB", // the University of Oxford
		"2003::1":              "DE", // Deutsche Telekom
		"2a02:8100::1":         "DE", // Vodafone
		"2001:200::1":          "JP", // WIDE
		"2001:628::1":          "AT", // ACOnet
		"10.0.0.1":             "",
		"127.0.0.1":            "",
		"224.0.0.1":            "",
		"::1":                  "",
		"fe80::1":              "",
		"::ffff:91.10.0.1":     "DE",
		"2002:5b0a:1::1":       "DE",
		"64:ff9b::91.10.0.1":   "DE",
		"255.255.255.255":      "",
		"ffff::ffff":           "",
		"2001:db8::1":          "",
		"2a02:2e0:3fe:1001::1": "DE", // Heise
	} {
		place, bits := table.Lookup(netip.MustParseAddr(client))
		if got := table.Places()[place]; got.Country != want || got.Located != (want != "") {
			t.Errorf("%s is at %+v, want %q", client, got, want)
		}
		if bits < 1 {
			t.Errorf("%s: length %d", client, bits)
		}
	}
}

func TestEmbeddedSource(t *testing.T) {
	s := embeddedTable(t).Source()
	if s.Kind != KindCountry || s.Networks < 1_000_000 || s.Built.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("source %+v", s)
	}
	// The license of the data asks for exactly this wording, linked.
	if s.Attribution != "IP Geolocation by DB-IP" || s.Link != "https://db-ip.com" {
		t.Errorf("attribution %q, link %q", s.Attribution, s.Link)
	}
}

func TestEveryEmbeddedCountryHasAPlace(t *testing.T) {
	places := embeddedTable(t).Places()
	if len(places) < 240 {
		t.Errorf("only %d places", len(places))
	}
	continents := []string{"AF", "AN", "AS", "EU", "NA", "OC", "SA"}
	for _, p := range places[1:] {
		if !p.Located || !slices.Contains(continents, p.Continent) {
			t.Errorf("%+v", p)
		}
	}
}

// TestCountries looks at countries whose middle is easily got wrong.
func TestCountries(t *testing.T) {
	if !slices.IsSortedFunc(countries, func(a, b country) int { return strings.Compare(a.code, b.code) }) {
		t.Error("countries are not in order, and are searched as if they were")
	}
	for _, c := range []struct {
		code, continent string
		near            Point
		km              float64
	}{
		{"DE", "EU", Point{51, 10}, 100},
		{"FJ", "OC", Point{-17.8, 178}, 100}, // on both sides of the antimeridian
		{"RU", "EU", Point{56, 50}, 500},     // people, not land
		{"US", "NA", Point{39, -92}, 300},    // so are the people of the US
		{"KI", "OC", Point{1.4, 173}, 500},   // Tarawa, with Kiritimati across the antimeridian
		{"CL", "SA", Point{-33.5, -71}, 200}, // far from the middle of a long country
		{"EG", "AF", Point{30, 31}, 200},
		{"AQ", "AN", Point{-77.85, 166.67}, 50},
		{"UM", "OC", Point{19.28, 166.65}, 10}, // placed by hand
		{"XK", "EU", Point{42.6, 20.9}, 50},
		{"CY", "EU", Point{35, 33.3}, 50},
	} {
		p, ok := CountryPlace(c.code)
		if km := Distance(p.Point, c.near); !ok || p.Continent != c.continent || km > c.km {
			t.Errorf("%s: %+v, %.0f km from %v", c.code, p, km, c.near)
		}
	}
	if p, ok := CountryPlace("ZZ"); ok || p != (Place{}) {
		t.Errorf("ZZ is at %+v", p)
	}
}

func TestDamagedEmbeddedDataIsRefused(t *testing.T) {
	damaged := bytes.Clone(countryData)
	damaged[len(damaged)/2] ^= 1
	if _, err := decodeCountries(damaged, countryDataSum); policy.KindOf(err) != policy.Invalid || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("one bit flipped: %v", err)
	}
	// Behind the checksum the decoder still trusts nothing.
	table := tableOf(t, []entry{{netip.MustParsePrefix("192.0.2.0/24"), "DE"}, {netip.MustParsePrefix("2a02::/16"), "FR"}})
	good, err := table.EncodeCountries()
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := decodeCountries(good[:n], fmt.Sprintf("%x", sha256.Sum256(good[:n]))); err == nil {
			t.Errorf("cut off after %d of %d bytes, it is read", n, len(good))
		}
	}
}

func TestEncodeCountries(t *testing.T) {
	entries := oracle{
		{netip.MustParsePrefix("0.0.0.0/8"), "DE"},
		{netip.MustParsePrefix("255.0.0.0/8"), "FR"},
		{netip.MustParsePrefix("192.0.2.1/32"), "XX"}, // has no place
		{netip.MustParsePrefix("8000::/1"), "JP"},
		{netip.MustParsePrefix("2001:db8::1/128"), "BR"},
		{netip.MustParsePrefix("2001:db8::8000:0:0:0/65"), "US"},
	}
	before := tableOf(t, entries)
	data, err := before.EncodeCountries()
	if err != nil {
		t.Fatal(err)
	}
	after, err := decodeCountries(data, fmt.Sprintf("%x", sha256.Sum256(data)))
	if err != nil {
		t.Fatal(err)
	}
	if s := after.Source(); !s.Built.Equal(before.Source().Built) || s.Networks != before.Source().Networks {
		t.Errorf("source %+v, was %+v", s, before.Source())
	}
	clients := append(entries.edges(netip.IPv4Unspecified()), entries.edges(netip.IPv6Unspecified())...)
	for _, a := range clients {
		was, wasBits := before.Lookup(a)
		is, isBits := after.Lookup(a)
		if after.Places()[is] != before.Places()[was] || isBits != wasBits {
			t.Errorf("%v: %+v at length %d, was %+v at %d", a, after.Places()[is], isBits, before.Places()[was], wasBits)
		}
	}
}

func TestEncodeCountriesRefusesCities(t *testing.T) {
	table := &Table{places: []Place{{}, {Country: "DE", City: "Berlin"}, {Country: "DE", City: "Bonn"}}}
	if _, err := table.EncodeCountries(); err == nil || !strings.Contains(err.Error(), "place 2") {
		t.Errorf("%v, want it to name place 2", err)
	}
}

// byContinent are classes as a document with regions in three continents has them.
func byContinent(table *Table) []uint16 {
	number := map[string]uint16{"": 0, "EU": 1, "AF": 1, "NA": 2, "SA": 2, "AS": 3, "OC": 3, "AN": 3}
	classOf := make([]uint16, len(table.Places()))
	for i, p := range table.Places() {
		classOf[i] = number[p.Continent]
	}
	return classOf
}

func TestLookupDoesNotAllocate(t *testing.T) {
	table := embeddedTable(t)
	classes := table.Classify(byContinent(table))
	for _, client := range []string{"91.10.0.1", "2a02:8100::1", "2002:5b0a:1::1", "::ffff:91.10.0.1"} {
		a := netip.MustParseAddr(client)
		if n := testing.AllocsPerRun(100, func() { classes.Lookup(a); table.Lookup(a); Normalize(a, a.BitLen()) }); n != 0 {
			t.Errorf("%s: %v allocations", client, n)
		}
	}
}

// randomClients spreads over IPv4, and over the IPv6 that is in use.
func randomClients(n int, is4 bool) []netip.Addr {
	table, err := Embedded()
	if err != nil {
		panic(err)
	}
	clients := make([]netip.Addr, n)
	x := uint64(1)
	for i := range clients {
		x = x*6364136223846793005 + 1442695040888963407
		if is4 {
			clients[i] = netip.AddrFrom4([4]byte{byte(x >> 56), byte(x >> 48), byte(x >> 40), byte(x >> 32)})
		} else {
			clients[i] = addrOf(table.v6.starts[x>>32%uint64(len(table.v6.starts))])
		}
	}
	return clients
}

func BenchmarkClassesLookup(b *testing.B) {
	table := embeddedTable(b)
	classes := table.Classify(byContinent(table))
	for _, family := range []struct {
		name string
		is4  bool
	}{{"IPv4", true}, {"IPv6", false}} {
		clients := randomClients(1<<14, family.is4)
		b.Run(family.name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				classes.Lookup(clients[i&(1<<14-1)])
				i++
			}
		})
	}
}

func BenchmarkTableLookup(b *testing.B) {
	table := embeddedTable(b)
	clients := randomClients(1<<14, true)
	i := 0
	for b.Loop() {
		table.Lookup(clients[i&(1<<14-1)])
		i++
	}
}

func BenchmarkClassify(b *testing.B) {
	table := embeddedTable(b)
	classOf := byContinent(table)
	for b.Loop() {
		b.ReportMetric(float64(table.Classify(classOf).Bytes()), "bytes")
	}
}

func BenchmarkDecodeEmbedded(b *testing.B) {
	for b.Loop() {
		if _, err := decodeCountries(countryData, countryDataSum); err != nil {
			b.Fatal(err)
		}
	}
}
