package raftstore

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/raft"
)

// boltFile makes a raft.db with a log in it, as large and ragged as a few snapshots leave it.
func boltFile(t *testing.T) (path string, content []byte) {
	t.Helper()
	dir := t.TempDir()
	d := must(openDisk(dir))
	for i := uint64(1); i <= 400; i++ {
		size := 50
		if i%40 == 0 {
			size = 20_000 // overflow pages
		}
		if err := d.StoreLogs([]*raft.Log{{Index: i, Term: 1, Data: make([]byte, size)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.DeleteRange(1, 100); err != nil {
		t.Fatal(err)
	}
	if err := d.Set([]byte("CurrentTerm"), []byte{0, 0, 0, 0, 0, 0, 0, 1}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "raft.db")
	return path, must(os.ReadFile(path))
}

func TestCheckBoltAcceptsWhatBoltWrites(t *testing.T) {
	path, _ := boltFile(t)
	if err := checkBolt(path); err != nil {
		t.Error(err)
	}
	if err := checkBolt(path + ".absent"); err != nil {
		t.Error(err)
	}
	d := must(openDisk(filepath.Dir(path)))
	defer func() { _ = d.Close() }()
	if first, last := must(d.FirstIndex()), must(d.LastIndex()); first != 101 || last != 400 {
		t.Errorf("the log is from %d to %d", first, last)
	}
}

// A file that is cut short or has a page damaged is refused or read, and never
// ends the process (as it would this test).
func TestDamagedBoltDoesNotEndTheProcess(t *testing.T) {
	path, content := boltFile(t)
	dir := filepath.Dir(path)
	random := rand.New(rand.NewSource(1))
	refused := 0
	for i := range 120 {
		b := append([]byte(nil), content...)
		switch i % 4 {
		case 0:
			b = b[:random.Intn(len(b))]
		case 1: // a page that was never written
			p := random.Intn(len(b) / 4096)
			clear(b[p*4096 : (p+1)*4096])
		case 2: // a page written in the wrong place
			p, q := random.Intn(len(b)/4096), random.Intn(len(b)/4096)
			copy(b[p*4096:(p+1)*4096], content[q*4096:])
		case 3:
			for range 1 + random.Intn(20) {
				p := random.Intn(len(b)/4096)*4096 + random.Intn(64) // headers and first entries
				b[p] ^= byte(1 << random.Intn(8))
			}
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := survive(func() error { return useBolt(dir) }); err != nil {
			refused++
			if errors.Is(err, errLocked) {
				t.Fatal("an earlier opening left the file locked behind it")
			}
		}
	}
	if refused < 40 {
		t.Errorf("%d of 120 damaged files were refused; the damage is too mild to test anything", refused)
	}
}

func useBolt(dir string) error {
	d, err := openDisk(dir)
	if err != nil {
		return err
	}
	g := newGuard(d)
	done := make(chan error, 1)
	go func() { // where the guard may end it
		err := fmt.Errorf("ended by the guard")
		defer func() { done <- err }()
		if e := checkEnds(g); e != nil {
			err = e
			return
		}
		first, _ := g.FirstIndex()
		last, _ := g.LastIndex()
		for i := first; i <= last && i < first+500; i++ {
			_ = g.GetLog(i, new(raft.Log))
		}
		_ = g.StoreLogs([]*raft.Log{{Index: last + 1, Term: 1, Data: make([]byte, 5000)}})
		err = nil
	}()
	err = <-done
	if e := survive(d.Close); e != nil && err == nil {
		err = e
	}
	return err
}
