package geo

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

const (
	attributionDBIP = "IP Geolocation by DB-IP"
	linkDBIP        = "https://db-ip.com"
)

//go:embed country.bin.gz
var countryData []byte

var embedded = sync.OnceValues(func() (*Table, error) { return decodeCountries(countryData, countryDataSum) })

// Embedded is the country data of DB-IP (CC BY 4.0) that the binary carries, so
// that a newcomer has geo-proximity with no download. It is decoded once and then shared. Whoever shows
// results of it shows the attribution and the link of its Source too, as the license asks.
//
// An error means that the binary is damaged.
func Embedded() (*Table, error) { return embedded() }

// country is a row of countries.gen.go.
type country struct {
	code, continent string
	point           Point
}

// CountryPlace is the place of a whole country, by its ISO 3166-1 alpha-2 code in upper case.
func CountryPlace(code string) (Place, bool) {
	i, ok := slices.BinarySearchFunc(countries, code, func(c country, code string) int { return strings.Compare(c.code, code) })
	if !ok {
		return Place{}, false
	}
	return Place{Country: countries[i].code, Continent: countries[i].continent, Point: countries[i].point, Located: true}, true
}

// countryMagic begins the embedded form, under gzip. After it come, as
// unsigned varints unless said otherwise: the build time in Unix seconds; the number of
// networks; the number of countries, and their codes in two bytes each; the number
// of IPv4 runs, what each adds to the start of the one before, and their countries in
// a byte each (0 is none); the same for IPv6, where what is added is written by appendDelta.
const countryMagic = "MERIDIAN-COUNTRY-1\n"

// EncodeCountries is a table of countries in the form that [Embedded] reads. It
// keeps the build time, the number of networks and the countries. policy/geo/gen makes the embedded data with it.
func (t *Table) EncodeCountries() ([]byte, error) {
	var b []byte
	var codes []string
	indexOf := make([]byte, len(t.places))
	for i, p := range t.places[1:] {
		if len(p.Country) != 2 || slices.Contains(codes, p.Country) || len(codes) == 255 {
			return nil, fmt.Errorf("geo: place %d, %+v, is not one of at most 255 different countries", i+1, p)
		}
		codes = append(codes, p.Country)
		indexOf[i+1] = byte(len(codes))
	}
	b = append(b, countryMagic...)
	b = binary.AppendUvarint(b, uint64(t.source.Built.Unix()))
	b = binary.AppendUvarint(b, uint64(t.source.Networks))
	b = binary.AppendUvarint(b, uint64(len(codes)))
	b = append(b, strings.Join(codes, "")...)

	b = binary.AppendUvarint(b, uint64(len(t.v4.starts)))
	var before uint32
	for _, start := range t.v4.starts {
		b = binary.AppendUvarint(b, uint64(start-before))
		before = start
	}
	for _, place := range t.v4.values {
		b = append(b, indexOf[place])
	}
	b = binary.AppendUvarint(b, uint64(len(t.v6.starts)))
	var before6 word
	for _, start := range t.v6.starts {
		b = appendDelta(b, start.minus(before6))
		before6 = start
	}
	for _, place := range t.v6.values {
		if place == inEmbedding { // newTable puts it back
			place = 0
		}
		b = append(b, indexOf[place])
	}

	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(b); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// decodeCountries reads what EncodeCountries made, if it has the SHA-256 sum (in hex).
func decodeCountries(data []byte, sum string) (*Table, error) {
	if got := sha256.Sum256(data); hex.EncodeToString(got[:]) != sum {
		return nil, policy.Errorf(policy.Invalid, "the embedded country data has SHA-256 %x and not %s: the binary is damaged, or it was built without running policy/geo/gen/rebuild.sh to its end", got, sum)
	}
	table, err := decodeRuns(data)
	if err != nil {
		return nil, policy.Errorf(policy.Invalid, "the embedded country data cannot be read: %v; run policy/geo/gen/rebuild.sh and build again", err)
	}
	return table, nil
}

func decodeRuns(data []byte) (*Table, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	d := decoder{b: b}
	if string(d.take(len(countryMagic))) != countryMagic {
		return nil, errors.New("it has another format")
	}
	source := Source{
		Name: "DB-IP Country Lite", Type: "DBIP-Country-Lite", Kind: KindCountry,
		Attribution: attributionDBIP, Link: linkDBIP,
		Built: time.Unix(int64(d.uvarint()), 0).UTC(), Networks: int(d.uvarint()),
	}
	places := []Place{{}}
	for range d.count() {
		code := string(d.take(2))
		p, ok := CountryPlace(code)
		if !ok {
			p = Place{Country: code}
		}
		places = append(places, p)
	}
	v4 := d.runs4(len(places))
	v6 := d.runs6(len(places))
	if d.bad || len(d.b) > 0 {
		return nil, errors.New("it ends too early or too late")
	}
	return newTable(source, places, v4, v6), nil
}

// decoder takes values off b; it remembers in bad that there was not enough, or that something made no sense.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.bad, d.b = true, nil
		return nil
	}
	taken := d.b[:n]
	d.b = d.b[n:]
	return taken
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.bad, d.b = true, nil
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count is a number of things of a byte at least.
func (d *decoder) count() int {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad, d.b = true, nil
		return 0
	}
	return int(n)
}

func (d *decoder) runs4(places int) runs4[uint32] {
	starts := make([]uint32, d.count())
	var sum uint64
	for i := range starts {
		delta := d.uvarint()
		sum += delta
		d.bad = d.bad || sum > 1<<32-1 || (delta == 0) != (i == 0)
		starts[i] = uint32(sum)
	}
	r := runs4[uint32]{starts: make([]uint32, 0, len(starts)), values: make([]uint32, 0, len(starts))}
	for i, v := range d.values(len(starts), places) {
		r.append(starts[i], uint32(v))
	}
	return r
}

func (d *decoder) runs6(places int) runs6[uint32] {
	starts := make([]word, d.count())
	var sum word
	for i := range starts {
		delta := d.delta()
		before := sum
		sum = sum.plus(delta)
		d.bad = d.bad || sum.less(before) || (delta == word{}) != (i == 0)
		starts[i] = sum
	}
	r := runs6[uint32]{starts: make([]word, 0, len(starts)), values: make([]uint32, 0, len(starts))}
	for i, v := range d.values(len(starts), places) {
		r.append(starts[i], uint32(v))
	}
	return r
}

// values are the places of n runs, a byte each.
func (d *decoder) values(n, places int) []byte {
	v := d.take(n)
	d.bad = d.bad || n == 0
	for _, p := range v {
		if int(p) >= places {
			d.bad = true
			return nil
		}
	}
	return v
}
