package node

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/meridian-gtm/meridian/policy/geo"
)

// geodata puts the geographic data of a node together, which comes out of two files.
type geodata struct {
	set func(*geo.Table)

	mu    sync.Mutex
	table *geo.Table
	asns  *geo.ASNs // nil: there are none
}

// use takes over what is not nil.
func (g *geodata) use(table *geo.Table, asns *geo.ASNs) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if table != nil {
		g.table = table
	}
	if asns != nil {
		g.asns = asns
	}
	g.set(g.table.WithASNs(g.asns))
}

// openGeo puts geographic data in use: the embedded country data, or a file,
// and AS numbers if there is a file of them. It gives what watches the files.
func openGeo(cfg Geo, set func(*geo.Table), log *slog.Logger) (list []*watched, err error) {
	g := &geodata{set: set}
	database := &geofile{file: cfg.Database, read: func(name string, data []byte) error {
		t, err := geo.Load(data, name)
		if err == nil {
			g.use(t, nil)
		}
		return err
	}}
	numbers := &geofile{file: cfg.ASN, read: func(name string, data []byte) error {
		a, err := geo.LoadASN(name, data)
		if err == nil {
			g.use(nil, a)
		}
		return err
	}}
	if cfg.Database == "" {
		t, err := geo.Embedded()
		if err != nil {
			return nil, fmt.Errorf("the embedded country data: %w", err)
		}
		g.use(t, nil)
	} else {
		w := &watched{what: "the geographic database", files: []string{cfg.Database}, load: database.load, log: log}
		if err := w.start(); err != nil {
			return nil, fmt.Errorf("geo.database: %w", err)
		}
		list = append(list, w)
	}
	if cfg.ASN != "" {
		w := &watched{what: "the ASN database", files: []string{cfg.ASN}, load: numbers.load, log: log}
		if err := w.start(); err != nil {
			return nil, fmt.Errorf("geo.asn: %w", err)
		}
		list = append(list, w)
	}
	return list, nil
}

// geofile is one of the files, for watched.
type geofile struct {
	file string
	read func(name string, data []byte) error
	sum  [32]byte
}

// load reads the file if its content is another than the last time.
func (f *geofile) load() (changed bool, err error) {
	data, err := os.ReadFile(f.file)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(data)
	if sum == f.sum {
		return false, nil
	}
	if err := f.read(filepath.Base(f.file), data); err != nil {
		return false, err
	}
	f.sum = sum
	return true, nil
}
