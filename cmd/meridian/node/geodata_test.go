package node

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/meridian-gtm/meridian/policy/geo"
)

// countryFile is a database that puts 192.0.2.0/24 in a country.
func countryFile(t *testing.T, country string) []byte {
	t.Helper()
	return geoFile(t, "GeoLite2-Country", mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(country)}})
}

// asnFile is a database that gives 192.0.2.0/24 an AS number.
func asnFile(t *testing.T, n uint32) []byte {
	t.Helper()
	return geoFile(t, "GeoLite2-ASN", mmdbtype.Map{"autonomous_system_number": mmdbtype.Uint32(n)})
}

func geoFile(t *testing.T, databaseType string, record mmdbtype.Map) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: databaseType, IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := tree.Insert(&net.IPNet{IP: net.IP{192, 0, 2, 0}, Mask: net.CIDRMask(24, 32)}, record); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

type geoWatch struct {
	watched []*watched
	sets    int
	now     *geo.Table
	log     bytes.Buffer
}

func watchGeo(cfg Geo) (*geoWatch, error) {
	w := &geoWatch{}
	var err error
	w.watched, err = openGeo(cfg, func(t *geo.Table) { w.sets++; w.now = t }, slog.New(slog.NewTextHandler(&w.log, nil)))
	return w, err
}

func (w *geoWatch) look() {
	for _, f := range w.watched {
		f.look()
	}
}

// country is where the data in use puts 192.0.2.1.
func (w *geoWatch) country() string {
	place, _ := w.now.Lookup(netip.MustParseAddr("192.0.2.1"))
	return w.now.Places()[place].Country
}

// errors counts the lines of that level, and begins anew.
func (w *geoWatch) errors() int {
	n := strings.Count(w.log.String(), "level=ERROR")
	w.log.Reset()
	return n
}

// The file is read again when it changes; one that is bad or gone leaves the data in use, and is named once.
func TestGeodataFollowsItsFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "geo.mmdb")
	if _, err := watchGeo(Geo{Database: file}); err == nil || !strings.Contains(err.Error(), "geo.database") {
		t.Errorf("without the file: %v", err)
	}
	replace := func(b []byte) {
		t.Helper()
		if err := os.WriteFile(file+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	germany, japan := countryFile(t, "DE"), countryFile(t, "JP")
	replace(germany)
	w, err := watchGeo(Geo{Database: file})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		do      func()
		country string
		sets    int
		errors  int
	}{
		{func() {}, "DE", 1, 0},
		{func() { replace(germany) }, "DE", 1, 0}, // another file of the same content
		{func() { replace(japan) }, "JP", 2, 0},
		{func() { replace(germany[:len(germany)/2]) }, "JP", 2, 1}, // half copied
		{func() {}, "JP", 2, 0},
		{func() { replace([]byte("not a database")) }, "JP", 2, 1}, // another mistake is told too
		{func() { _ = os.Remove(file) }, "JP", 2, 1},               // and so is its end
		{func() { replace(japan) }, "JP", 2, 0},                    // as it was
		{func() { _ = os.Remove(file) }, "JP", 2, 1},
		{func() {}, "JP", 2, 0},
		{func() { replace(germany) }, "DE", 3, 0},
		{func() { // written in place, to the same length
			if err := os.WriteFile(file, japan, 0o600); err != nil {
				t.Fatal(err)
			}
			_ = os.Chtimes(file, time.Time{}, time.Now().Add(time.Hour))
		}, "JP", 4, 0},
	} {
		c.do()
		w.look()
		if got := w.errors(); w.country() != c.country || w.sets != c.sets || got != c.errors {
			t.Fatalf("step %d: in %s after %d sets with %d errors told; want %s, %d, %d", i, w.country(), w.sets, got, c.country, c.sets, c.errors)
		}
	}
}

// Run looks every filePoll, and the embedded data needs no looking at.
func TestGeodataRun(t *testing.T) {
	file := filepath.Join(t.TempDir(), "geo.mmdb")
	germany, japan := countryFile(t, "DE"), countryFile(t, "JP")
	write := func(b []byte) {
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(germany)
	synctest.Test(t, func(t *testing.T) {
		w, err := watchGeo(Geo{Database: file})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.watched[0].Run(ctx) }()
		_ = os.Remove(file)
		write(japan)
		time.Sleep(filePoll)
		synctest.Wait()
		if w.country() != "JP" {
			t.Errorf("after a poll it says %s", w.country())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	if w, err := watchGeo(Geo{}); err != nil || w.watched != nil || w.now.Source().Kind != geo.KindCountry {
		t.Errorf("embedded: %v", err)
	}
}

// The two files are read apart: a bad one of one kind leaves the other alone.
func TestGeodataHasAnASNFile(t *testing.T) {
	dir := t.TempDir()
	cfg := Geo{Database: filepath.Join(dir, "geo.mmdb"), ASN: filepath.Join(dir, "asn.mmdb")}
	write := func(file string, b []byte) {
		t.Helper()
		if err := os.WriteFile(file+".new", b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write(cfg.Database, countryFile(t, "DE"))
	if _, err := watchGeo(cfg); err == nil || !strings.Contains(err.Error(), "geo.asn") {
		t.Errorf("without the ASN file: %v", err)
	}
	write(cfg.ASN, countryFile(t, "DE"))
	if _, err := watchGeo(cfg); err == nil || !strings.Contains(err.Error(), "geo.asn: ASN database asn.mmdb (GeoLite2-Country)") {
		t.Errorf("with a file of countries for it: %v", err)
	}
	write(cfg.ASN, asnFile(t, 64500))
	w, err := watchGeo(cfg)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		do      func()
		country string
		asn     uint32
		errors  int
	}{
		{func() {}, "DE", 64500, 0},
		{func() { write(cfg.ASN, asnFile(t, 64501)) }, "DE", 64501, 0},
		{func() { write(cfg.Database, countryFile(t, "JP")) }, "JP", 64501, 0},
		{func() { write(cfg.ASN, []byte("no database")) }, "JP", 64501, 1},
		{func() { write(cfg.Database, countryFile(t, "DE")) }, "DE", 64501, 0},
	} {
		c.do()
		w.look()
		if f := w.now.Find(netip.MustParseAddr("192.0.2.1")); f.Place.Country != c.country || f.ASN != c.asn || w.errors() != c.errors {
			t.Fatalf("step %d: %+v, want %s of AS%d", i, f, c.country, c.asn)
		}
	}
	if w, err := watchGeo(Geo{ASN: cfg.ASN + "x"}); err == nil {
		t.Errorf("it opens a file that is not there: %v", w)
	}
}
