package geo

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// cityNetworks is about what GeoLite2-City has; a fifth of them are IPv6.
const cityNetworks = 3_700_000

// cityFile is a synthetic City database: networks of /18 to /26 side by side from
// 1.0.0.0 on, and of /28 to /48 from 2400:: on, in 100,000 places. Making it takes the most part of a minute.
var cityFile = sync.OnceValue(func() []byte {
	r := rand.New(rand.NewPCG(3, 7))
	w, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-City", IncludeReservedNetworks: true, DisableIPv4Aliasing: true, KeyGenerator: byCity{}})
	if err != nil {
		panic(err)
	}
	records := make([]mmdbtype.DataType, 100_000)
	for i := range records {
		code := countries[r.IntN(len(countries))].code
		records[i] = cityRecord(code, "EU", fmt.Sprint(i%50), fmt.Sprint(i), float64(r.IntN(1_600_000))/1e4-80, float64(r.IntN(3_600_000))/1e4-180)
	}
	insert := func(p netip.Prefix) {
		if err := w.Insert(ipNet(p), records[r.IntN(len(records))]); err != nil {
			panic(err)
		}
	}
	next := uint64(1 << 24)
	for range cityNetworks / 5 * 4 {
		bits := 20 + r.IntN(7)
		for next&(1<<(32-bits)-1) != 0 {
			bits++
		}
		insert(netip.PrefixFrom(addr4(uint32(next)), bits))
		next += 1 << (32 - bits)
	}
	next = 0x2400 << 48
	for range cityNetworks / 5 {
		bits := 28 + r.IntN(21)
		for next&(1<<(64-bits)-1) != 0 {
			bits++
		}
		insert(netip.PrefixFrom(addrOf(word{next, 0}), bits))
		next += 1 << (64 - bits)
	}
	return written(w)
})

var cityTable = sync.OnceValue(func() *Table {
	table, err := Load(cityFile(), "city.mmdb")
	if err != nil {
		panic(err)
	}
	return table
})

// byCity tells the records apart, which is cheaper than a hash of them.
type byCity struct{}

func (byCity) Key(v mmdbtype.DataType) ([]byte, error) {
	return []byte(v.(mmdbtype.Map)["city"].(mmdbtype.Map)["names"].(mmdbtype.Map)["en"].(mmdbtype.String)), nil
}

// BenchmarkCityLoad says how long a node takes to load a City database, and what
// it keeps of it in memory once the file's bytes are gone.
func BenchmarkCityLoad(b *testing.B) {
	file := cityFile()
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc) / 1e6
	}
	before := heap()
	var table *Table
	for b.Loop() {
		var err error
		if table, err = Load(file, "city.mmdb"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s/load")
	b.ReportMetric(heap()-before, "MB")
	b.ReportMetric(float64(len(file))/1e6, "MB-file")
	b.ReportMetric(float64(len(table.v4.starts)+len(table.v6.starts)), "runs")
	runtime.KeepAlive(table)
}

func BenchmarkCityLookup(b *testing.B) {
	table := cityTable()
	r := rand.New(rand.NewPCG(1, 2))
	for _, is4 := range []bool{true, false} {
		clients := make([]netip.Addr, 1<<16)
		for i := range clients {
			if clients[i] = addr4(r.Uint32()); !is4 {
				clients[i] = addrOf(table.v6.starts[r.IntN(len(table.v6.starts))])
			}
		}
		b.Run(map[bool]string{true: "IPv4", false: "IPv6"}[is4], func(b *testing.B) {
			i := 0
			for b.Loop() {
				table.Lookup(clients[i&(1<<16-1)])
				i++
			}
		})
	}
}

// BenchmarkCityDivide makes the classes of a "nearest of six", by places alone and with 100 prefixes besides.
func BenchmarkCityDivide(b *testing.B) {
	table := cityTable()
	regions := []Candidate{{Point{39, -77}, true, 0}, {Point{50, 8}, true, 0}, {Point{1, 104}, true, 0}, {Point{-23, -46}, true, 0}, {Point{-34, 151}, true, 0}, {Point{35, 139}, true, 0}}
	var prefixes []netip.Prefix
	for i := range 100 {
		prefixes = append(prefixes, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(2 * i), 7, 0, 0}), 16))
	}
	for _, n := range []int{0, len(prefixes)} {
		b.Run(fmt.Sprintf("%d prefixes", n), func(b *testing.B) {
			for b.Loop() {
				known := map[string]uint16{}
				classes, _ := table.Divide(prefixes[:n], nil, func(place, _ uint32, prefix int) uint16 {
					p := table.places[place]
					name := append(Order(p.Point, p.Located, regions, 0), byte(min(prefix, 0)))
					if _, ok := known[string(name)]; !ok {
						known[string(name)] = uint16(len(known))
					}
					return known[string(name)]
				})
				b.ReportMetric(float64(classes.Bytes())/1e6, "MB")
			}
		})
	}
}

func BenchmarkCityOverride(b *testing.B) {
	table := cityTable()
	var list []Override
	for i := range 100 {
		list = append(list, Override{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(2 * i), 7, 0, 0}), 16), Place: Place{Country: "DE"}})
	}
	for b.Loop() {
		table.Override(list)
	}
}
