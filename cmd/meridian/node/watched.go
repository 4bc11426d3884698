package node

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"
)

// filePoll is how often watched files are looked at for a change.
const filePoll = 2 * time.Second

// watched is files that are read again when one of them changes. What is wrong
// with the new ones is logged once, and what was read before stays in use.
type watched struct {
	what  string // for the log: "the geographic database"
	files []string
	load  func() (changed bool, err error)
	log   *slog.Logger

	seen []os.FileInfo // of the files when they were read last; nil for one that was not there
}

// start reads the files for the first time. Only here is a missing or broken one an error.
func (w *watched) start() error {
	w.seen = w.stat()
	_, err := w.load()
	return err
}

func (w *watched) stat() []os.FileInfo {
	list := make([]os.FileInfo, len(w.files))
	for i, f := range w.files {
		list[i], _ = os.Stat(f) // load tells what is wrong
	}
	return list
}

// Run watches the files until ctx ends.
func (w *watched) Run(ctx context.Context) error {
	return every(ctx, filePoll, w.look)
}

// every does something at an interval, the first time after one, until ctx ends.
func every(ctx context.Context, interval time.Duration, do func()) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		do()
	}
}

// look reads the files again if one is another than before.
func (w *watched) look() {
	now := w.stat()
	if slices.EqualFunc(now, w.seen, sameFile) {
		return
	}
	w.seen = now
	switch changed, err := w.load(); {
	case err != nil:
		w.log.Error(w.what+" cannot be read; what was loaded before stays in use", "file", strings.Join(w.files, " "), "error", err)
	case changed:
		w.log.Info(w.what+" was loaded anew", "file", strings.Join(w.files, " "))
	}
}

func sameFile(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == b
	}
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}
