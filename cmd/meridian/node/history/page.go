package history

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"
)

// ring is cells of equal times, that are written over in turn.
type ring struct {
	every time.Duration
	slots int64 // of a check
	block int64 // slots that are written together; their cells of one check lie side by side
	from  int64 // where it begins in the file
}

const (
	columns    = 64       // checks of a page
	headerSize = 32 << 10 // there are two, written in turn
	magic      = "MERIHST1"
	headerHead = 24 // magic, sequence, length, checksum
)

// rings are those of a page, the finest first. A block of one is a whole number of slots of the next.
var rings = func() [3]ring {
	list := [3]ring{{every: 10 * time.Second, slots: 720, block: 12}, {every: time.Minute, slots: 2880, block: 60}, {every: time.Hour, slots: 2160, block: 24}}
	at := int64(2 * headerSize)
	for i := range list {
		list[i].from = at
		at += list[i].slots * columns * cellSize
	}
	return list
}()

// span is how far back a ring goes.
func (r *ring) span() time.Duration { return time.Duration(r.slots) * r.every }

func (r *ring) slot(at time.Time) int64 { return floorDiv(at.UnixNano(), int64(r.every)) }

func (r *ring) turn(slot int64) int64 { return slot / r.slots }

// offset is where a block is in the file.
func (r *ring) offset(block int64) int64 {
	return r.from + block%(r.slots/r.block)*r.block*columns*cellSize
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// page is the file of up to 64 checks.
type page struct {
	file  *os.File
	names [columns]string // of checks; "": the column is free
	seq   uint64
	open  [len(rings)]openBlock
}

// openBlock is the block of a ring that is being written.
type openBlock struct {
	block int64 // -1: none
	data  []byte
	dirty bool
}

type header struct {
	Names []string `json:"names"`
}

var errDamaged = errors.New("neither of its two lists of names is whole")

// openPage opens a page, or makes one. An error that is errDamaged says that the file is there and no page.
func openPage(path string) (*page, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	p := &page{file: f}
	for i := range p.open {
		p.open[i] = openBlock{block: -1, data: make([]byte, rings[i].block*columns*cellSize)}
	}
	info, err := f.Stat()
	if err == nil && info.Size() > 0 {
		err = p.readNames()
	}
	last := &rings[len(rings)-1]
	if size := last.from + last.slots*columns*cellSize; err == nil && info.Size() != size {
		err = f.Truncate(size) // it takes room as it is written
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return p, nil
}

func (p *page) readNames() error {
	found := false
	buf := make([]byte, headerSize)
	for copy := range int64(2) {
		if _, err := p.file.ReadAt(buf, copy*headerSize); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		size := binary.LittleEndian.Uint32(buf[16:])
		seq := binary.LittleEndian.Uint64(buf[8:])
		if string(buf[:8]) != magic || size > headerSize-headerHead || found && seq < p.seq {
			continue
		}
		body := buf[headerHead : headerHead+size]
		var h header
		if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(buf[20:]) || json.Unmarshal(body, &h) != nil || len(h.Names) != columns {
			continue
		}
		p.names, p.seq, found = [columns]string(h.Names), seq, true
	}
	if !found {
		return errDamaged
	}
	return nil
}

// name gives columns to checks. What the columns had is wiped first, so that no check has another's past.
func (p *page) name(of map[int]string) error {
	names := p.names
	for col, check := range of {
		names[col] = check
	}
	body, err := json.Marshal(header{names[:]})
	if err == nil && len(body) > headerSize-headerHead {
		err = fmt.Errorf("the names of its checks take %d octets", len(body))
	}
	for col := range of {
		if err == nil {
			err = p.wipe(col)
		}
	}
	if err != nil {
		return err
	}
	buf := make([]byte, headerHead, headerHead+len(body))
	copy(buf, magic)
	binary.LittleEndian.PutUint64(buf[8:], p.seq+1)
	binary.LittleEndian.PutUint32(buf[16:], uint32(len(body)))
	binary.LittleEndian.PutUint32(buf[20:], crc32.ChecksumIEEE(body))
	if _, err := p.file.WriteAt(append(buf, body...), int64((p.seq+1)%2)*headerSize); err != nil {
		return err
	}
	p.names, p.seq = names, p.seq+1
	return nil
}

func (p *page) wipe(col int) error {
	if p.names[col] == "" {
		return nil // it was never anybody's, or wiped when it was left
	}
	for i := range rings {
		r := &rings[i]
		empty := make([]byte, r.block*cellSize)
		for b := range r.slots / r.block {
			if _, err := p.file.WriteAt(empty, r.offset(b)+int64(col)*r.block*cellSize); err != nil {
				return err
			}
		}
		if o := &p.open[i]; o.block >= 0 {
			clear(o.data[int64(col)*r.block*cellSize:][:r.block*cellSize])
		}
	}
	return nil
}

// at gives the cell of a column at a slot to be written, once its block is there.
func (p *page) at(level, col int, slot int64) ([]byte, error) {
	r, o := &rings[level], &p.open[level]
	if b := floorDiv(slot, r.block); o.block != b {
		if err := p.flush(level); err != nil {
			return nil, err
		}
		o.block = -1
		if _, err := p.file.ReadAt(o.data, r.offset(b)); err != nil {
			return nil, err
		}
		o.block = b
	}
	return o.data[(int64(col)*r.block+slot%r.block)*cellSize:][:cellSize], nil
}

func (p *page) put(level, col int, slot int64, c Cell) error {
	to, err := p.at(level, col, slot)
	if err == nil {
		c.put(to, rings[level].turn(slot))
		p.open[level].dirty = true
	}
	return err
}

// flush writes a block that has changed.
func (p *page) flush(level int) error {
	o := &p.open[level]
	if !o.dirty {
		return nil
	}
	o.dirty = false // lost if it cannot be written; the next one may be
	_, err := p.file.WriteAt(o.data, rings[level].offset(o.block))
	return err
}

// roll makes the cell that a coarser ring has around a slot of a finer one from the cells there.
func (p *page) roll(level, col int, slot int64) error {
	fine, coarse := &rings[level], &rings[level+1]
	n := int64(coarse.every / fine.every)
	into := floorDiv(slot, n)
	var m merged
	for s := into * n; s < (into+1)*n; s++ {
		from, err := p.at(level, col, s)
		if err != nil {
			return err
		}
		m.add(get(from, fine.turn(s)))
	}
	return p.put(level+1, col, into, m.result())
}

// read gives the cells of a column from a slot to another, both included.
func (p *page) read(level, col int, from, to int64) ([]Cell, error) {
	r, o := &rings[level], &p.open[level]
	cells := make([]Cell, 0, to-from+1)
	buf := make([]byte, r.block*cellSize)
	for s := from; s <= to; {
		b := floorDiv(s, r.block)
		part := buf
		if o.block == b {
			part = o.data[int64(col)*r.block*cellSize:][:len(buf)]
		} else if _, err := p.file.ReadAt(buf, r.offset(b)+int64(col)*r.block*cellSize); err != nil {
			return nil, err
		}
		for ; s <= to && floorDiv(s, r.block) == b; s++ {
			cells = append(cells, get(part[s%r.block*cellSize:], r.turn(s)))
		}
	}
	return cells, nil
}
