package geo

import (
	"net/netip"
	"strings"
	"testing"
)

// TestScopesOfRFC7871 is the example of section 7.2.1.
func TestScopesOfRFC7871(t *testing.T) {
	table := tableOf(t, []entry{
		{netip.MustParsePrefix("1.2.0.0/20"), "DE"},
		{netip.MustParsePrefix("1.2.3.0/24"), "FR"},
	})
	byCountry := map[string]uint16{"": 0, "DE": 1, "FR": 2}
	classOf := make([]uint16, len(table.Places()))
	for i, p := range table.Places() {
		classOf[i] = byCountry[p.Country]
	}
	classes := table.Classify(classOf)
	for _, c := range []struct {
		client string
		class  uint16
		scope  string
	}{
		{"1.2.0.0", 1, "1.2.0.0/23"},
		{"1.2.1.255", 1, "1.2.0.0/23"},
		{"1.2.2.7", 1, "1.2.2.0/24"},
		{"1.2.3.0", 2, "1.2.3.0/24"},
		{"1.2.3.255", 2, "1.2.3.0/24"},
		{"1.2.4.0", 1, "1.2.4.0/22"},
		{"1.2.8.1", 1, "1.2.8.0/21"},
		{"1.2.15.255", 1, "1.2.8.0/21"},
		{"1.2.16.0", 0, "1.2.16.0/20"},
		{"128.0.0.1", 0, "128.0.0.0/1"},
	} {
		class, bits := classes.Lookup(netip.MustParseAddr(c.client))
		if got := netip.PrefixFrom(netip.MustParseAddr(c.client), bits).Masked().String(); class != c.class || got != c.scope {
			t.Errorf("%s: class %d in %s, want %d in %s", c.client, class, got, c.class, c.scope)
		}
	}
}

func TestClassifyWithOneClassNeedsNoPrefix(t *testing.T) {
	table := tableOf(t, []entry{{netip.MustParsePrefix("1.2.0.0/20"), "DE"}, {netip.MustParsePrefix("2a02::/16"), "FR"}})
	classOf := make([]uint16, len(table.Places()))
	for i := range classOf {
		classOf[i] = 7
	}
	classes := table.Classify(classOf)
	for _, client := range []string{"1.2.3.4", "9.9.9.9", "2a02::1", "2002:102:304::1", "::ffff:1.2.3.4", "::"} {
		if class, bits := classes.Lookup(netip.MustParseAddr(client)); class != 7 || bits != 0 {
			t.Errorf("%s: class %d at length %d, want 7 at 0", client, class, bits)
		}
	}
}

func TestEmbeddedIPv4IsWhereItsIPv4AddressIs(t *testing.T) {
	table := tableOf(t, []entry{{netip.MustParsePrefix("192.0.2.0/24"), "DE"}, {netip.MustParsePrefix("2000::/3"), "FR"}})
	for _, c := range []struct {
		client, country string
		bits            int
	}{
		{"192.0.2.33", "DE", 24},
		{"::ffff:192.0.2.33", "DE", 96 + 24},
		{"64:ff9b::192.0.2.33", "DE", 96 + 24},
		{"2002:c000:221::1", "DE", 16 + 24},
		{"2001:0:4136:e378:8000:63bf:3fff:fdde", "DE", 96 + 24},
		{"2001:0:4136:e300::", "", 96 + 3}, // the flipped address is cut off: nothing wider than it may be answered
		{"2003::1", "FR", 16},              // 2002::/16 is not France's, so 2002::/15 is no scope
		{"2001:1::", "FR", 32},             // nor is 2001::/32
		{"2001:db8::1", "FR", 21},          // 2001:800::/21, as 2001::/20 has Teredo in it
		{"64:ff9b::1:0:0", "", 96},
		{"2a02::", "FR", 5},                // 2800::/5
		{"::ffff:203.0.113.1", "", 96 + 5}, // 200.0.0.0/5
	} {
		place, bits := table.Lookup(netip.MustParseAddr(c.client))
		if got := table.Places()[place].Country; got != c.country || bits != c.bits {
			t.Errorf("%s: %q at length %d, want %q at %d", c.client, got, bits, c.country, c.bits)
		}
	}
}

func TestZeroAddrIsAtNoPlace(t *testing.T) {
	table := tableOf(t, []entry{{netip.MustParsePrefix("0.0.0.0/0"), "DE"}})
	if place, bits := table.Lookup(netip.Addr{}); place != 0 || bits != 0 {
		t.Errorf("place %d at length %d, want 0 at 0", place, bits)
	}
	if class, bits := table.Classify([]uint16{5, 6}).Lookup(netip.Addr{}); class != 5 || bits != 0 {
		t.Errorf("class %d at length %d, want 5 at 0", class, bits)
	}
}

func TestDivideRefusesClassesThatDoNotFit(t *testing.T) {
	table := tableOf(t, []entry{{netip.MustParsePrefix("192.0.2.0/24"), "DE"}})
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, "class 65535 for place 1") {
			t.Errorf("it panics with %q", got)
		}
	}()
	table.Classify([]uint16{0, MaxClasses})
}

func TestNormalize(t *testing.T) {
	for _, c := range []struct {
		addr   string
		bits   int
		want   string
		length int
		shift  int
	}{
		{"192.0.2.1", 24, "192.0.2.1", 24, 0},
		{"2001:db8::1", 56, "2001:db8::1", 56, 0},
		{"::ffff:192.0.2.1", 128, "192.0.2.1", 32, 96},
		{"::ffff:192.0.2.0", 120, "::ffff:192.0.2.0", 120, 0},
		{"64:ff9b::192.0.2.1", 128, "192.0.2.1", 32, 96},
		{"64:ff9b:1::192.0.2.1", 128, "64:ff9b:1::c000:201", 128, 0},
		{"2002:c000:201::", 48, "192.0.2.1", 32, 16},
		{"2002:c000:201:5::", 64, "192.0.2.1", 32, 16},
		{"2002:c000:200::", 47, "2002:c000:200::", 47, 0},
		{"2001:0:4136:e378:8000:63bf:3fff:fdd2", 128, "192.0.2.45", 32, 96}, // the example of RFC 4380
		{"2001:0:4136:e378::", 64, "2001:0:4136:e378::", 64, 0},
		{"2001:1::", 128, "2001:1::", 128, 0},
	} {
		addr, length, shift := Normalize(netip.MustParseAddr(c.addr), c.bits)
		if addr != netip.MustParseAddr(c.want) || length != c.length || shift != c.shift {
			t.Errorf("Normalize(%s, %d) = %v, %d, %d; want %s, %d, %d", c.addr, c.bits, addr, length, shift, c.want, c.length, c.shift)
		}
	}
}
