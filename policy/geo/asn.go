package geo

import (
	"errors"
	"strconv"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/oschwald/maxminddb-golang/v2"
)

// KindASN is the kind of data that [LoadASN] reads.
const KindASN = "asn"

// ASNs maps every address to the number of its autonomous system, 0 where that is not known. It is immutable.
type ASNs struct {
	source Source
	space[uint32]
}

// LoadASN reads an ASN database in the MMDB format: GeoLite2-ASN, GeoIP2-ISP,
// DB-IP's, and those of other makers whose records have a number, or a text
// like "AS64500", under autonomous_system_number, as_number or asn. name is
// the file's, for messages and for Source. The bytes are not needed afterwards.
//
// The error, of kind [policy.Invalid], names the file, what is wrong with it and what to do.
func LoadASN(name string, data []byte) (*ASNs, error) {
	reader, err := open(data)
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "ASN database %s: %v", name, err)
	}
	some := false
	w := walker{reader: reader, value: func(result maxminddb.Result) (uint32, error) {
		n, err := readASN(result)
		some = some || n > 0
		return n, err
	}}
	err = w.run()
	switch {
	case err != nil:
	case w.networks == 0:
		err = errors.New("it holds no networks; load an ASN database")
	case !some:
		err = errors.New("none of its records has autonomous_system_number, as_number or asn; load an ASN database")
	}
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "ASN database %s (%s): %v", name, reader.Metadata.DatabaseType, err)
	}
	return &ASNs{source: w.source(name, KindASN), space: newSpace(w.v4, w.v6)}, nil
}

// readASN is the AS number of a record, 0 if it has none.
func readASN(result maxminddb.Result) (uint32, error) {
	var fields any
	if err := result.Decode(&fields); err != nil {
		return 0, err
	}
	for _, path := range []string{"autonomous_system_number", "traits.autonomous_system_number", "as_number", "asn", "asn.asn"} {
		var n uint64
		switch v := walk(fields, path).(type) {
		case uint64:
			n = v
		case int:
			n = uint64(max(v, 0))
		case string:
			v = strings.TrimPrefix(strings.ToUpper(v), "AS")
			n, _ = strconv.ParseUint(v, 10, 32) // what is no number is none
		}
		if n > 0 && n < uint64(inEmbedding) { // RFC 7300 keeps the largest number from being anybody's
			return uint32(n), nil
		}
	}
	return 0, nil
}

// Source says where the numbers come from.
func (a *ASNs) Source() Source { return a.source }

// WithASNs is the table with AS numbers, in place of those it has. What
// overrides say about an AS number holds by the new ones. nil takes them away.
func (t *Table) WithASNs(asns *ASNs) *Table {
	data := *t.withoutOverrides()
	data.asns = asns
	return data.Override(t.overrides)
}

// ASNSource says where the table's AS numbers come from, if it has any.
func (t *Table) ASNSource() (s Source, ok bool) {
	if t.asns == nil {
		return Source{}, false
	}
	return t.asns.source, true
}
