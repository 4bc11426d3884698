package geo

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/meridian-gtm/meridian/policy"
)

// TestLoadASN reads the record shapes of several makers.
func TestLoadASN(t *testing.T) {
	number := func(n uint32) mmdbtype.DataType {
		return mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(n), "autonomous_system_organization": str("Example")}
	}
	asns, err := LoadASN("asn.mmdb", writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-ASN", BuildEpoch: 1_750_000_000}, map[netip.Prefix]mmdbtype.DataType{
		netip.MustParsePrefix("192.0.2.0/25"):     number(64500),
		netip.MustParsePrefix("192.0.2.128/25"):   number(64500),
		netip.MustParsePrefix("198.51.100.0/24"):  mmdbtype.Map{"asn": str("AS64501")},
		netip.MustParsePrefix("203.0.113.0/25"):   mmdbtype.Map{"asn": mmdbtype.Uint32(64502)},
		netip.MustParsePrefix("203.0.113.128/25"): mmdbtype.Map{"as_number": str("64503")},
		netip.MustParsePrefix("100.64.0.0/24"):    mmdbtype.Map{"traits": number(4200000000)},
		netip.MustParsePrefix("100.64.1.0/24"):    mmdbtype.Map{"asn": str("none")},
		netip.MustParsePrefix("100.64.2.0/24"):    number(1<<32 - 1), // is nobody's, RFC 7300
		netip.MustParsePrefix("2001:db8::/32"):    number(64500),
	}))
	if err != nil {
		t.Fatal(err)
	}
	if s := asns.Source(); s.Kind != KindASN || s.Name != "asn.mmdb" || s.Networks != 8 || !strings.Contains(s.Attribution, "MaxMind") {
		t.Errorf("source %+v", s)
	}
	if s, ok := Nowhere().ASNSource(); ok {
		t.Errorf("a table without AS numbers has them from %+v", s)
	}
	table := Nowhere().WithASNs(asns)
	if s, ok := table.ASNSource(); !ok || s != asns.Source() {
		t.Errorf("the table has AS numbers from %+v", s)
	}
	for client, want := range map[string]uint32{
		"192.0.2.1": 64500, "192.0.2.255": 64500, "198.51.100.1": 64501, "203.0.113.1": 64502, "203.0.113.200": 64503,
		"100.64.0.1": 4200000000, "100.64.1.1": 0, "100.64.2.1": 0, "192.0.3.0": 0, "2001:db8::1": 64500, "2001:db9::1": 0,
		"2002:c000:201::1": 64500, // 6to4 of 192.0.2.1
	} {
		if f := table.Find(netip.MustParseAddr(client)); f.ASN != want {
			t.Errorf("%s is of AS%d, want AS%d", client, f.ASN, want)
		}
	}
}

func TestLoadASNNamesWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":       {nil, "is empty"},
		"text":        {[]byte("192.0.2.0/24,64500\n"), "not a whole MMDB file"},
		"places":      {writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-Country"}, map[netip.Prefix]mmdbtype.DataType{netip.MustParsePrefix("192.0.2.0/24"): countryRecord("DE")}), "none of its records has autonomous_system_number"},
		"no networks": {writeMMDB(t, mmdbwriter.Options{DatabaseType: "GeoLite2-ASN"}, nil), "no networks"},
	} {
		_, err := LoadASN("asn.mmdb", c.file)
		if err == nil || policy.KindOf(err) != policy.Invalid || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "ASN database asn.mmdb") {
			t.Errorf("%s: %v, want it to name the file and %q", name, err, c.want)
		}
	}
}

// TestOverrides: longer over shorter, prefixes over AS numbers, both over the data.
func TestOverrides(t *testing.T) {
	data := tableOf(t, []entry{{netip.MustParsePrefix("192.0.0.0/16"), "US"}, {netip.MustParsePrefix("2a02::/16"), "US"}})
	asns := asnsOf(t, []entry{{netip.MustParsePrefix("192.0.0.0/22"), "64500"}, {netip.MustParsePrefix("2a02::/32"), "64500"}})
	frankfurt := Place{Country: "DE", City: "Frankfurt", Point: Point{50.11, 8.68}, Located: true}
	table := data.WithASNs(asns).Override([]Override{
		{ASN: 64500, Place: Place{Country: "JP"}},
		{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Place: Place{Country: "FR"}},
		{Prefix: netip.MustParsePrefix("2002:c000:280::/41"), Place: frankfurt}, // 6to4 of 192.0.2.128/25
		{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Place: Place{Country: "BR"}},
		{Prefix: netip.MustParsePrefix("2002:c000:201:5::/64"), Place: Place{Country: "BR"}}, // holds no client
		{ASN: 64500, Place: Place{Country: "BR"}},
		{Prefix: netip.MustParsePrefix("10.1.2.3/8"), Place: Place{Continent: "AN"}},
	})
	for client, want := range map[string]Finding{
		"192.0.3.1":        {place(t, "JP"), 64500, 24, "AS64500", netip.MustParsePrefix("192.0.0.0/16")},
		"192.0.2.1":        {place(t, "FR"), 64500, 25, "192.0.2.0/24", netip.MustParsePrefix("192.0.0.0/16")},
		"192.0.2.200":      {Place{"DE", "EU", "", "Frankfurt", Point{50.11, 8.68}, true}, 64500, 25, "2002:c000:280::/41", netip.MustParsePrefix("192.0.0.0/16")},
		"2002:c000:201::1": {place(t, "FR"), 64500, 41, "192.0.2.0/24", netip.MustParsePrefix("2002:c000::/32")},
		"192.0.4.1":        {place(t, "US"), 0, 22, "", netip.MustParsePrefix("192.0.0.0/16")},
		"2a02::1":          {place(t, "JP"), 64500, 32, "AS64500", netip.MustParsePrefix("2a02::/16")},
		"10.200.0.1":       {Place{Continent: "AN"}, 0, 8, "10.0.0.0/8", netip.MustParsePrefix("0.0.0.0/1")},
	} {
		if f := table.Find(netip.MustParseAddr(client)); f != want {
			t.Errorf("%s: %+v, want %+v", client, f, want)
		}
	}
	if f := table.Find(netip.Addr{}); f != (Finding{}) {
		t.Errorf("the zero address: %+v", f)
	}
	if back := table.Override(nil); back.Bytes() != data.WithASNs(asns).Bytes() || back.Find(netip.MustParseAddr("192.0.2.1")).Place != place(t, "US") {
		t.Error("without its overrides the table is not what it was")
	}
	if f := table.WithASNs(nil).Find(netip.MustParseAddr("192.0.3.1")); f.Place != place(t, "US") || f.ASN != 0 {
		t.Errorf("without AS numbers: %+v", f)
	}
	// An overriding place that the data has too is the same place, and no scope ends between the two.
	if n := len(data.Override([]Override{{Prefix: netip.MustParsePrefix("192.1.0.0/16"), Place: Place{Country: "US"}}}).Places()); n != len(data.Places()) {
		t.Errorf("%d places", n)
	}
	if f := Nowhere().Override([]Override{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Place: Place{Country: "FR"}}}).Find(netip.MustParseAddr("192.0.2.1")); f.Place != place(t, "FR") || f.Network.Bits() != 0 {
		t.Errorf("with no data: %+v", f)
	}
}

func place(t *testing.T, country string) Place {
	t.Helper()
	p, ok := CountryPlace(country)
	if !ok {
		t.Fatalf("there is no country %s", country)
	}
	return p
}
