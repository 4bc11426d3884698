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
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "GeoLite2-Country", IncludeReservedNetworks: true})
	if err != nil {
		t.Fatal(err)
	}
	record := mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(country)}}
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
	*watched
	sets int
	now  *geo.Table
	log  bytes.Buffer
}

func watchGeo(file string) (*geoWatch, error) {
	w := &geoWatch{}
	var err error
	w.watched, err = openGeo(file, func(t *geo.Table) { w.sets++; w.now = t }, slog.New(slog.NewTextHandler(&w.log, nil)))
	return w, err
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
	if _, err := watchGeo(file); err == nil || !strings.Contains(err.Error(), "geo.database") {
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
	w, err := watchGeo(file)
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
		w, err := watchGeo(file)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
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
	if w, err := watchGeo(""); err != nil || w.watched != nil || w.now.Source().Kind != geo.KindCountry {
		t.Errorf("embedded: %v", err)
	}
}
