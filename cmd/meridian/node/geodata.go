package node

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/meridian-gtm/meridian/policy/geo"
)

// geoPoll is how often the database file is looked at for a change.
const geoPoll = 2 * time.Second

// geodata keeps the geographic data in use: the embedded country data, or a
// file that is read again when it changes. A new file that cannot be read
// leaves the old data in place.
type geodata struct {
	file string
	log  *slog.Logger
	set  func(*geo.Table)

	seen   os.FileInfo // of the file that was read last, whether it was good or not
	sum    [32]byte
	failed bool // the last look failed, and that was logged
}

// start loads the data for the first time. A missing or broken file is an error only here.
func (g *geodata) start() error {
	if g.file == "" {
		t, err := geo.Embedded()
		if err != nil {
			return fmt.Errorf("the embedded country data: %w", err)
		}
		g.set(t)
		return nil
	}
	if _, err := g.load(); err != nil {
		return fmt.Errorf("geo.database: %w", err)
	}
	return nil
}

// load reads the file if its content is another than the last time.
func (g *geodata) load() (changed bool, err error) {
	info, err := os.Stat(g.file)
	if err != nil {
		return false, err
	}
	data, err := os.ReadFile(g.file)
	if err != nil {
		return false, err
	}
	g.seen = info
	sum := sha256.Sum256(data)
	if sum == g.sum {
		return false, nil
	}
	t, err := geo.Load(data, filepath.Base(g.file))
	if err != nil {
		return false, err
	}
	g.sum = sum
	g.set(t)
	return true, nil
}

// Run watches the file until ctx ends.
func (g *geodata) Run(ctx context.Context) error {
	if g.file == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(geoPoll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		g.look()
	}
}

// look reads the file again if it is another one than before.
func (g *geodata) look() {
	info, err := os.Stat(g.file)
	if err == nil && g.seen != nil && os.SameFile(info, g.seen) && info.ModTime().Equal(g.seen.ModTime()) && info.Size() == g.seen.Size() {
		return
	}
	changed := false
	if err == nil {
		changed, err = g.load()
	}
	switch {
	case err != nil && (!g.failed || info != nil):
		g.log.Error("the geographic database cannot be read; the one loaded before stays in use", "file", g.file, "error", err)
	case changed:
		g.log.Info("the geographic database was loaded anew", "file", g.file)
	}
	g.failed = err != nil
}
