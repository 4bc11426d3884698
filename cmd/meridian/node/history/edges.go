package history

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/meridian-gtm/meridian/policy"
)

const (
	maxEdgeFile = 16 << 20
	maxEdges    = 1000 // that Edges gives
	maxQueue    = 1 << 14
)

// edgeLog is the changes of verdicts, a line of JSON for each: edges-new, and edges-old, which was the new one before it was full.
type edgeLog struct {
	dir  string
	mu   sync.Mutex
	file *os.File
	size int64
}

func (l *edgeLog) path(which string) string { return filepath.Join(l.dir, "edges-"+which) }

func (l *edgeLog) add(line []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		f, err := os.OpenFile(l.path("new"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return err
		}
		info, err := f.Stat()
		if err != nil {
			f.Close()
			return err
		}
		l.file, l.size = f, info.Size()
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	if err != nil { // maybe half of it: the next begins a line of its own
		_, _ = l.file.Write([]byte("\n"))
		return err
	}
	if l.size < maxEdgeFile {
		return nil
	}
	err = errors.Join(l.file.Close(), os.Rename(l.path("new"), l.path("old")))
	l.file = nil
	return err
}

// each calls yield for the lines that have a text in them, the oldest first.
func (l *edgeLog) each(text []byte, yield func(line []byte)) error {
	l.mu.Lock()
	var files []*os.File
	for _, which := range []string{"old", "new"} {
		if f, err := os.Open(l.path(which)); err == nil {
			files = append(files, f)
		} else if !errors.Is(err, os.ErrNotExist) {
			l.mu.Unlock()
			return err
		}
	}
	l.mu.Unlock()
	var trouble error
	for _, f := range files {
		r := bufio.NewReaderSize(f, 64<<10)
		for {
			line, err := r.ReadBytes('\n')
			if bytes.Contains(line, text) {
				yield(line)
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					trouble = err
				}
				break
			}
		}
		f.Close()
	}
	return trouble
}

// Edge keeps a change of a verdict. It waits for nothing: beyond what the disk can take it is lost.
func (s *Store) Edge(e policy.VerdictEdge) {
	select {
	case s.queue <- e:
	default:
	}
}

func (s *Store) keepEdge(e policy.VerdictEdge) {
	line, err := json.Marshal(e)
	if err == nil {
		err = s.edges.add(append(line, '\n'))
	}
	if err != nil {
		s.mu.Lock()
		s.complain(err)
		s.mu.Unlock()
	}
}

// Edges lists the changes of a check's verdict from one time to another by the State's clock, the newest first, 1000 at most.
func (s *Store) Edges(check string, from, to int64) ([]policy.VerdictEdge, error) {
	name, _ := json.Marshal(check) // a text always encodes
	var list []policy.VerdictEdge
	err := s.edges.each(name, func(line []byte) {
		var e policy.VerdictEdge
		if json.Unmarshal(line, &e) != nil || e.Check != check || e.At.UnixNano() < from || e.At.UnixNano() > to {
			return // cut off by a crash, or another's
		}
		if list = append(list, e); len(list) > 2*maxEdges {
			list = slices.Delete(list, 0, maxEdges)
		}
	})
	slices.Reverse(list)
	return list[:min(len(list), maxEdges)], err
}
