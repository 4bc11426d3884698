package geo

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2"
)

// walker turns the networks of a database into runs of numbers, which stand for what their records say.
type walker struct {
	reader   *maxminddb.Reader
	value    func(maxminddb.Result) (uint32, error) // of a record; 0 where there is none
	records  map[uintptr]uint32                     // value by the offset of the record: many networks share one
	networks int

	v4    runs4[uint32]
	next4 uint64 // the first address not yet covered
	v6    runs6[uint32]
	next6 word
	full6 bool
}

func (w *walker) run() error {
	w.records = map[uintptr]uint32{}
	options := []maxminddb.NetworksOption{maxminddb.IncludeNetworksWithoutData()}
	if all := w.reader.Lookup(netip.IPv4Unspecified()).Prefix(); !all.Addr().Is4() || all.Bits() == 0 {
		// Networks leaves out what points to where IPv4 begins, taking it for an
		// alias of IPv4. With all of IPv4 in one record, that is every other network with the same record.
		options = append(options, maxminddb.IncludeAliasedNetworks())
	}
	leaves := uint(0)
	for result := range w.reader.Networks(options...) {
		if err := result.Err(); err != nil {
			return fmt.Errorf("its search tree is damaged: %v; download it again", err)
		}
		// A tree has one leaf more than it has nodes. If there are more, branches
		// lead back to one another, and walking them all may not end in our lifetime.
		if leaves++; leaves > w.reader.Metadata.NodeCount+1 {
			return errors.New("its search tree is damaged: it has more leaves than its nodes allow; download it again")
		}
		if !result.Found() {
			continue
		}
		v, ok := w.records[result.Offset()]
		if !ok {
			var err error
			if v, err = w.value(result); err != nil {
				return fmt.Errorf("the record of %s is damaged: %v; download it again", result.Prefix(), err)
			}
			w.records[result.Offset()] = v
		}
		w.networks++
		w.add(result.Prefix(), v)
	}
	if w.next4 < 1<<32 {
		w.v4.append(uint32(w.next4), 0)
	}
	if !w.full6 {
		w.v6.append(w.next6, 0)
	}
	return nil
}

// add puts a network after those before it; what is between them has the value 0.
func (w *walker) add(prefix netip.Prefix, v uint32) {
	if prefix.Addr().Is4() {
		first := uint64(number4(prefix.Addr()))
		if first > w.next4 {
			w.v4.append(uint32(w.next4), 0)
		}
		w.v4.append(uint32(first), v)
		w.next4 = first + 1<<(32-prefix.Bits())
		return
	}
	first := wordOf(prefix.Addr())
	if first == (word{}) && prefix.Bits() <= 96 { // the database keeps IPv4 at ::/96
		w.add(netip.PrefixFrom(netip.IPv4Unspecified(), 0), v)
	}
	if w.next6.less(first) {
		w.v6.append(w.next6, 0)
	}
	w.v6.append(first, v)
	last := lastOf(first, prefix.Bits())
	w.next6, w.full6 = last.next(), last == lastWord
}

// lastOf is the last address of a prefix.
func lastOf(first word, length int) word {
	if length >= 64 {
		return word{first.hi, first.lo | ^uint64(0)>>(length-64)}
	}
	return word{first.hi | ^uint64(0)>>length, ^uint64(0)}
}

func (w *walker) source(name, kind string) Source {
	m := w.reader.Metadata
	s := Source{Name: name, Type: m.DatabaseType, Kind: kind, Built: m.BuildTime().UTC(), Networks: w.networks}
	switch {
	case strings.HasPrefix(s.Type, "DBIP"):
		s.Attribution, s.Link = attributionDBIP, linkDBIP
	case strings.HasPrefix(s.Type, "GeoLite2"):
		s.Attribution, s.Link = "This product includes GeoLite Data created by MaxMind, available from https://www.maxmind.com", "https://www.maxmind.com"
	default:
		s.Attribution = m.Description["en"]
	}
	return s
}
