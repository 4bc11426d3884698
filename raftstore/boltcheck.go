package raftstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// bbolt maps its file and trusts it. Opening one that is cut short or damaged
// faults or panics in a goroutine of bbolt's own, where nothing can catch it:
// the process would die, and die again at every start, and DNS with it. So the
// file's structure is read beforehand, by plain reads: the meta pages, the
// length, and every page that the buckets reach. Opening reads the same pages
// once more to find the free ones, so this costs no more disk time.

const (
	boltMagic      = 0xED0CDAED
	boltVersion    = 2
	boltPageHeader = 16
	boltBranch     = 0x01
	boltLeaf       = 0x02
	boltBucket     = 0x01 // flag of a leaf's element
	boltDepth      = 64
)

// checkBolt says what is wrong with a bbolt file. One that is not there, or
// that another process has locked, is not looked at.
func checkBolt(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		return nil // bbolt will report it
	}
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	w := boltWalk{f: f, size: uint64(info.Size())}
	if err := w.meta(); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	if err := w.page(w.root, 0, keys{}); err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	return nil
}

type boltWalk struct {
	f        io.ReaderAt
	size     uint64 // of the file
	pageSize uint64
	root     uint64 // page of the root bucket
	limit    uint64 // pages in use are below it
	seen     map[uint64]bool
}

// meta finds the newer of the two valid meta pages, as bbolt does.
func (w *boltWalk) meta() error {
	found, newest := false, uint64(0)
	try := func(at uint64) {
		b := make([]byte, boltPageHeader+64)
		if _, err := w.f.ReadAt(b, int64(at)); err != nil {
			return
		}
		b = b[boltPageHeader:]
		le := binary.LittleEndian
		sum := fnv.New64a()
		_, _ = sum.Write(b[:56])
		size := uint64(le.Uint32(b[8:]))
		if le.Uint32(b) != boltMagic || le.Uint32(b[4:]) != boltVersion || le.Uint64(b[56:]) != sum.Sum64() || size < 512 || size > 1<<20 {
			return
		}
		if txid := le.Uint64(b[48:]); !found || txid > newest {
			found, newest = true, txid
			w.pageSize, w.root, w.limit = size, le.Uint64(b[16:]), le.Uint64(b[40:])
		}
	}
	try(0)
	if found {
		try(w.pageSize)
	} else {
		for at := uint64(1024); at <= 1024<<14 && !found; at <<= 1 {
			try(at)
		}
	}
	switch {
	case !found:
		return errors.New("neither of its meta pages is valid")
	case w.limit > w.size/w.pageSize:
		return fmt.Errorf("it is cut short at %d octets; %d pages of %d are in use", w.size, w.limit, w.pageSize)
	}
	w.seen = map[uint64]bool{}
	return nil
}

// keys is the range that the keys of a page must lie in; nil is open.
type keys struct{ from, below []byte }

// page checks a page of a bucket's tree and all below it.
func (w *boltWalk) page(id uint64, depth int, in keys) error {
	if id < 2 || id >= w.limit || w.seen[id] || depth > boltDepth {
		return fmt.Errorf("its tree leads to page %d, which cannot be (%d pages, depth %d)", id, w.limit, depth)
	}
	w.seen[id] = true
	head := make([]byte, boltPageHeader)
	if _, err := w.f.ReadAt(head, int64(id*w.pageSize)); err != nil {
		return err
	}
	overflow := uint64(binary.LittleEndian.Uint32(head[12:]))
	if binary.LittleEndian.Uint64(head) != id || id+overflow >= w.limit {
		return fmt.Errorf("page %d has a broken header", id)
	}
	for i := id + 1; i <= id+overflow; i++ {
		if w.seen[i] {
			return fmt.Errorf("page %d is used twice", i)
		}
		w.seen[i] = true
	}
	b := make([]byte, (1+overflow)*w.pageSize)
	if _, err := w.f.ReadAt(b, int64(id*w.pageSize)); err != nil {
		return err
	}
	return w.elements(b, depth, id, in)
}

// elements checks the entries of a branch or leaf, which may be an inline bucket.
func (w *boltWalk) elements(b []byte, depth int, id uint64, in keys) error {
	le := binary.LittleEndian
	flags, count := le.Uint16(b[8:]), uint64(le.Uint16(b[10:]))
	if flags != boltBranch && flags != boltLeaf || boltPageHeader+16*count > uint64(len(b)) || flags == boltBranch && count == 0 {
		return fmt.Errorf("page %d is no page of a tree (flags %#x, %d entries)", id, flags, count)
	}
	key := func(i uint64) []byte { // of an element that was checked, or would be empty
		at := boltPageHeader + 16*i
		pos, size := uint64(le.Uint32(b[at:])), uint64(le.Uint32(b[at+4:]))
		if flags == boltLeaf {
			pos, size = uint64(le.Uint32(b[at+4:])), uint64(le.Uint32(b[at+8:]))
		}
		if at+pos+size > uint64(len(b)) {
			return nil
		}
		return b[at+pos : at+pos+size]
	}
	for i := range count {
		at := boltPageHeader + 16*i
		e := b[at:]
		pos, keySize, valueSize := uint64(le.Uint32(e)), uint64(le.Uint32(e[4:])), uint64(0)
		if flags == boltLeaf {
			pos, keySize, valueSize = uint64(le.Uint32(e[4:])), uint64(le.Uint32(e[8:])), uint64(le.Uint32(e[12:]))
		}
		if at+pos+keySize+valueSize > uint64(len(b)) || pos < 16 {
			return fmt.Errorf("entry %d of page %d reaches beyond it", i, id)
		}
		k := key(i)
		if i > 0 && bytes.Compare(k, key(i-1)) <= 0 || bytes.Compare(k, in.from) < 0 || in.below != nil && bytes.Compare(k, in.below) >= 0 {
			return fmt.Errorf("the keys of page %d are out of order", id)
		}
		var err error
		if flags == boltBranch {
			below := in.below
			if i+1 < count {
				below = key(i + 1)
			}
			err = w.page(le.Uint64(e[8:]), depth+1, keys{k, below})
		} else if le.Uint32(e)&boltBucket != 0 {
			err = w.bucket(b[at+pos+keySize:at+pos+keySize+valueSize], depth, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *boltWalk) bucket(value []byte, depth int, id uint64) error {
	if len(value) < 16 {
		return fmt.Errorf("page %d holds half a bucket", id)
	}
	if root := binary.LittleEndian.Uint64(value); root != 0 {
		return w.page(root, depth+1, keys{})
	}
	if len(value) < 16+boltPageHeader || depth > boltDepth {
		return fmt.Errorf("page %d holds half an inline bucket", id)
	}
	return w.elements(value[16:], depth+1, id, keys{})
}
