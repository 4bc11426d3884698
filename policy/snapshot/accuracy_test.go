package snapshot_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/geo"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// globe is a synthetic City database and what is in it, by prefix.
type globe struct {
	spots   []*[2]float64 // latitude and longitude; nil has none
	codes   []string      // of countries, by spot
	spot    map[netip.Prefix]int
	lengths [2][]int // of prefixes that there are, IPv4 and IPv6, the longest first
	file    []byte
}

// The regions: on both sides of the antimeridian, near both poles, and two 300 m apart.
var accuracyRegions = [6][2]float64{
	{-17.7554, 177.4434}, // Nadi
	{-13.83, -171.75},    // Apia, across the antimeridian from it
	{78.2461, 15.4656},   // Longyearbyen
	{-77.8419, 166.6863}, // McMurdo
	{50.1109, 8.6821},    // Frankfurt
	{50.1136, 8.6821},    // 300 m north of it, which is no difference
}

// spots are places of all sorts. Each has a record of its own in the file.
func (g *globe) drawSpots(r *rand.Rand, n int) {
	add := func(lat, lon float64) { g.spots, g.codes = append(g.spots, &[2]float64{lat, lon}), append(g.codes, "") }
	for i := range accuracyRegions { // as far from one region as from another, give or take some 3 km
		for j := range i {
			a, b := vector(accuracyRegions[i][0], accuracyRegions[i][1]), vector(accuracyRegions[j][0], accuracyRegions[j][1])
			for range n / 100 {
				lat := math.Asin((a[2]+b[2])/length(sum(a, b))) * 180 / math.Pi
				lon := math.Atan2(a[1]+b[1], a[0]+b[0]) * 180 / math.Pi
				add(max(-90, min(lat+r.Float64()*0.06-0.03, 90)), lon+r.Float64()*0.06-0.03)
			}
		}
	}
	for _, lat := range []float64{-90, 90} {
		for lon := -180.0; lon <= 180; lon += 15 {
			add(lat, lon)
			add(lat*(1-r.Float64()/100), lon)
		}
	}
	for range n / 10 {
		add(r.Float64()*180-90, 180-r.Float64())
		add(r.Float64()*180-90, r.Float64()-180)
	}
	for _, lon := range []float64{-180, 180} {
		add(-16, lon)
	}
	for _, code := range []string{"DE", "FJ", "US", "AQ", "KI", "", "ZZ"} {
		g.spots, g.codes = append(g.spots, nil), append(g.codes, code) // no coordinates
	}
	for len(g.spots) < n {
		add(math.Asin(r.Float64()*2-1)*180/math.Pi, r.Float64()*360-180)
	}
	for i, s := range g.spots {
		if s != nil && s[1] > 180 {
			g.spots[i][1] -= 360
		} else if s != nil && s[1] < -180 {
			g.spots[i][1] += 360
		}
	}
}

// makeGlobe draws a database of so many prefixes, which nest.
func makeGlobe(t *testing.T, prefixes int) *globe {
	t.Helper()
	r := rand.New(rand.NewPCG(1871, 7871))
	g := &globe{spot: make(map[netip.Prefix]int, prefixes)}
	g.drawSpots(r, 20_000)
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", DisableIPv4Aliasing: true, IncludeReservedNetworks: true, KeyGenerator: spotKey{}})
	if err != nil {
		t.Fatal(err)
	}
	records := make([]mmdbtype.DataType, len(g.spots))
	for i, s := range g.spots {
		m := mmdbtype.Map{"city": mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(fmt.Sprint(i))}}}
		if s != nil {
			m["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(s[0]), "longitude": mmdbtype.Float64(s[1])}
		}
		if g.codes[i] != "" {
			m["country"] = mmdbtype.Map{"iso_code": mmdbtype.String(g.codes[i])}
		}
		records[i] = m
	}
	// The wide ones go in first, so that the narrow ones stay; most are narrow.
	shares := []int{8: 1, 12: 2, 16: 7, 20: 40, 22: 150, 24: 800}
	for bits := len(shares) - 1; bits >= 0; bits-- {
		if shares[bits] > 0 {
			g.lengths[0], g.lengths[1] = append(g.lengths[0], bits), append(g.lengths[1], bits+8)
		}
	}
	for bits, share := range shares {
		var list []netip.Prefix
		for range share * prefixes / 2000 {
			list = append(list, netip.PrefixFrom(drawV4(r), bits).Masked(), netip.PrefixFrom(drawV6(r), bits+8).Masked())
		}
		slices.SortFunc(list, netip.Prefix.Compare) // the writer takes half the time so
		for _, p := range list {
			i := r.IntN(len(records))
			g.spot[p] = i
			if err := w.Insert(&net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}, records[i]); err != nil {
				t.Fatal(err)
			}
		}
	}
	var b bytes.Buffer
	if _, err := w.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	g.file = b.Bytes()
	return g
}

// spotKey tells records apart by their city, which is cheap.
type spotKey struct{}

func (spotKey) Key(v mmdbtype.DataType) ([]byte, error) {
	return []byte(v.(mmdbtype.Map)["city"].(mmdbtype.Map)["names"].(mmdbtype.Map)["en"].(mmdbtype.String)), nil
}

func drawV4(r *rand.Rand) netip.Addr {
	return netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, r.Uint32())))
}

// drawV6 is an address of 2a00::/8.
func drawV6(r *rand.Rand) netip.Addr {
	b := binary.BigEndian.AppendUint64(nil, 0x2a<<56|r.Uint64()>>8)
	return netip.AddrFrom16([16]byte(binary.BigEndian.AppendUint64(b, r.Uint64())))
}

// point is where the longest prefix puts an address; a country's middle is the code's own.
func (g *globe) point(a netip.Addr) (p [2]float64, located bool) {
	family := 0
	if a.Is6() {
		family = 1
	}
	for _, bits := range g.lengths[family] {
		prefix, _ := a.Prefix(bits)
		i, ok := g.spot[prefix]
		if !ok {
			continue
		}
		if s := g.spots[i]; s != nil {
			return *s, true
		}
		country, ok := geo.CountryPlace(g.codes[i])
		return [2]float64{country.Point.Lat, country.Point.Lon}, ok
	}
	return p, false
}

// Great circles by unit vectors, as the product does not go about it.
func vector(lat, lon float64) [3]float64 {
	lat, lon = lat*math.Pi/180, lon*math.Pi/180
	return [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
}

func sum(a, b [3]float64) [3]float64 { return [3]float64{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

func length(a [3]float64) float64 { return math.Sqrt(a[0]*a[0] + a[1]*a[1] + a[2]*a[2]) }

func kilometres(a, b [3]float64) float64 {
	cross := [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
	return 6371.0088 * math.Atan2(length(cross), a[0]*b[0]+a[1]*b[1]+a[2]*b[2])
}

// accuracyState is six regions with a pool and an endpoint each, whose address ends in 1 more than the region's index.
func accuracyState() *policy.State {
	s := policy.NewState()
	s.Index = 1
	s.Zones.Set(apex.Key(), zoneOf(1))
	var nearest []policy.Branch
	for i, at := range accuracyRegions {
		name := fmt.Sprintf("r%d", i)
		s.Regions.Set(name, policy.Object[policy.Region]{Rev: 1, Spec: policy.Region{Name: name, Place: &policy.Place{Lat: &at[0], Lon: &at[1]}}})
		s.Pools.Set(name, policy.Object[policy.Pool]{Rev: 1, Spec: policy.Pool{Name: name, Region: name,
			Endpoints: []policy.Endpoint{{Name: "a", Address: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})}}}})
		nearest = append(nearest, policy.Branch{Steering: policy.Steering{Pool: name}})
	}
	putService(s, policy.Service{Name: policy.MustName("www.example.com"), Steer: policy.Steering{Nearest: nearest}})
	return s
}

// TestNearestIsNearest: for 100,000 addresses the region that answers is the one
// that an independent computation finds, by a database of a million prefixes. Of
// those within 1 km of the nearest it is the first of the document, and so it is for who has no place.
func TestNearestIsNearest(t *testing.T) {
	prefixes := 1_000_000
	if testing.Short() {
		prefixes = 50_000
	}
	g := makeGlobe(t, prefixes)
	table, err := geo.Load(g.file, "globe.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	s, err := snapshot.Compile(nil, accuracyState(), snapshot.Local{Geo: table})
	if err != nil {
		t.Fatal(err)
	}
	kind, _ := policy.AnswerKindOf(policy.TypeA)
	var regions [6][3]float64
	for i, at := range accuracyRegions {
		regions[i] = vector(at[0], at[1])
	}
	r := rand.New(rand.NewPCG(2, 3))
	ties, homeless := 0, 0
	var answered [6]int
	for i := range 100_000 {
		client := drawV4(r)
		if i%2 == 1 {
			client = drawV6(r)
		}
		want := 0
		at, located := g.point(client)
		if !located {
			homeless++
		} else {
			var km [6]float64
			nearest := math.Inf(1)
			for j, region := range regions {
				km[j] = kilometres(vector(at[0], at[1]), region)
				nearest = min(nearest, km[j])
			}
			for km[want] > nearest+1 {
				want++
			}
			if km[want] > nearest {
				ties++
			}
		}
		d := s.Decide(snapshot.Query{Kind: kind, Client: client, Bits: client.BitLen(), Rand: r.Uint64()})
		data := s.Services.At(0).Sets[d.Set].Data[0]
		got := int(data[len(data)-1]) - 1
		if got != want {
			t.Fatalf("%v at %v is answered by region %d, want %d", client, at, got, want)
		}
		answered[got]++
	}
	t.Logf("%d prefixes: answered by region %v; %d ties within 1 km, %d clients without a place", len(g.spot), answered, ties, homeless)
	if ties < 100 || homeless < 100 || answered[5] > 0 || min(answered[0], answered[1], answered[2], answered[3], answered[4]) < 100 {
		t.Error("the addresses do not try all there is to try")
	}
}
