package node

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/meridian-gtm/meridian/policy/geo"
)

// geodata reads the geographic database, for watched.
type geodata struct {
	file string
	set  func(*geo.Table)
	sum  [32]byte
}

// openGeo puts geographic data in use: the embedded country data, or a file,
// and then gives what watches that.
func openGeo(file string, set func(*geo.Table), log *slog.Logger) (*watched, error) {
	if file == "" {
		t, err := geo.Embedded()
		if err != nil {
			return nil, fmt.Errorf("the embedded country data: %w", err)
		}
		set(t)
		return nil, nil
	}
	g := &geodata{file: file, set: set}
	w := &watched{what: "the geographic database", files: []string{file}, load: g.load, log: log}
	if err := w.start(); err != nil {
		return nil, fmt.Errorf("geo.database: %w", err)
	}
	return w, nil
}

// load reads the file if its content is another than the last time.
func (g *geodata) load() (changed bool, err error) {
	data, err := os.ReadFile(g.file)
	if err != nil {
		return false, err
	}
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
