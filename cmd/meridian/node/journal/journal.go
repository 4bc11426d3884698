// Package journal is a node's own record of what the cluster committed: a base
// state and the changes after it, apart from Raft's directory. A node reads it
// before Raft opens, and so answers as before with no leader and no peers,
// which Raft alone cannot do: it applies nothing after its snapshot until it
// hears from a quorum.
//
// A generation of the journal is two files, base-N (a state at index N, by
// change.WriteState) and log-N (the changes after it). Three generations are
// kept; reading starts at the newest one whose base is whole.
package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

const (
	keepGenerations = 3
	maxLog          = 64 << 20 // octets of a log, after which a new generation begins
	maxQueue        = 64 << 20 // octets waiting for the disk, after which a new generation is begun instead
	retryAfter      = time.Second
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Journal is written by one goroutine, Run, so that nobody else ever waits for the disk.
type Journal struct {
	dir string
	log *slog.Logger

	mu       sync.Mutex
	queue    []entry
	queued   int           // octets in queue
	state    *policy.State // newest committed
	rebase   bool          // the queue has a gap: write a new base
	wake     chan struct{}
	durable  policy.Position
	at       time.Time // of durable
	err      error
	advanced chan struct{} // closed when durable or err changes

	file    *os.File
	written int64
}

type entry struct {
	index uint64
	data  []byte
}

// Open reads the journal in dir, making the directory if need be. The state is
// nil when there is none yet.
func Open(dir string, log *slog.Logger) (*Journal, *policy.State, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("journal: %w", err)
	}
	j := &Journal{dir: dir, log: log, wake: make(chan struct{}, 1), advanced: make(chan struct{}), rebase: true}
	s, err := j.read()
	if err != nil {
		return nil, nil, err
	}
	if s != nil {
		j.state = s
		j.durable, j.at = position(s), time.Now()
	}
	return j, s, nil
}

func position(s *policy.State) policy.Position {
	return policy.Position{Epoch: s.Epoch, Index: s.Index}
}

// generations lists the indices of the bases there are, newest first.
func (j *Journal) generations() ([]uint64, error) {
	names, err := os.ReadDir(j.dir)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	var list []uint64
	for _, n := range names {
		var index uint64
		if _, err := fmt.Sscanf(n.Name(), "base-%016x", &index); err == nil && !strings.HasSuffix(n.Name(), ".new") {
			list = append(list, index)
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list, nil
}

func (j *Journal) path(kind string, index uint64) string {
	return filepath.Join(j.dir, fmt.Sprintf("%s-%016x", kind, index))
}

// read gives the newest state that can be had.
func (j *Journal) read() (*policy.State, error) {
	bases, err := j.generations()
	if err != nil {
		return nil, err
	}
	for i, base := range bases {
		s, err := j.readBase(base)
		if err != nil {
			j.log.Error("a base of the journal cannot be read; going back to the one before", "file", j.path("base", base), "error", err)
			continue
		}
		for k := i; k >= 0; k-- { // its own log, then those of later generations, while one goes on where the other ends
			if s.Index != bases[k] {
				break
			}
			if s, err = j.readLog(s, bases[k]); err != nil {
				j.log.Warn("the journal ends early", "file", j.path("log", bases[k]), "index", s.Index, "error", err)
			}
		}
		return s, nil
	}
	if len(bases) > 0 {
		return nil, fmt.Errorf("journal: none of the %d bases in %s can be read; move the directory away to start from the cluster's copy", len(bases), j.dir)
	}
	return nil, nil
}

func (j *Journal) readBase(index uint64) (*policy.State, error) {
	f, err := os.Open(j.path("base", index))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return change.ReadState(f)
}

// readLog applies the changes of a log. A torn last entry is what a crash leaves: everything before it counts.
func (j *Journal) readLog(s *policy.State, base uint64) (*policy.State, error) {
	b, err := os.ReadFile(j.path("log", base))
	if errors.Is(err, os.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	for len(b) > 0 {
		e, rest, err := parse(b)
		if err != nil {
			return s, err
		}
		b = rest
		if e.index <= s.Index {
			continue
		}
		c, err := change.Decode(e.data)
		if err != nil {
			return s, err
		}
		next, _, err := change.Apply(s, e.index, c)
		if err != nil {
			return s, err
		}
		s = next
	}
	return s, nil
}

// An entry is its length, its CRC-32C, its index, and the encoded change; the first three big-endian.
const entryHead = 4 + 4 + 8

func frame(b []byte, e entry) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(e.data)))
	body := binary.BigEndian.AppendUint64(make([]byte, 0, 8), e.index)
	sum := crc32.Update(crc32.Checksum(body, castagnoli), castagnoli, e.data)
	b = binary.BigEndian.AppendUint32(b, sum)
	b = append(b, body...)
	return append(b, e.data...)
}

func parse(b []byte) (entry, []byte, error) {
	if len(b) < entryHead {
		return entry{}, nil, io.ErrUnexpectedEOF
	}
	n := int(binary.BigEndian.Uint32(b))
	if n > len(b)-entryHead {
		return entry{}, nil, io.ErrUnexpectedEOF
	}
	if crc32.Checksum(b[8:entryHead+n], castagnoli) != binary.BigEndian.Uint32(b[4:]) {
		return entry{}, nil, errors.New("an entry does not have its checksum")
	}
	return entry{binary.BigEndian.Uint64(b[8:]), b[entryHead : entryHead+n]}, b[entryHead+n:], nil
}

// Append hands over a committed change with the state after it. It does not wait.
func (j *Journal) Append(index uint64, data []byte, s *policy.State) {
	j.mu.Lock()
	if j.state == nil || j.state.Epoch < s.Epoch || j.state.Epoch == s.Epoch && j.state.Index < index {
		j.state = s
		j.queue = append(j.queue, entry{index, data})
		if j.queued += len(data); j.queued > maxQueue {
			j.queue, j.queued, j.rebase = nil, 0, true
		}
	}
	j.mu.Unlock()
	j.poke()
}

// Replace hands over a state that did not come by single changes (a raft snapshot).
func (j *Journal) Replace(s *policy.State) {
	j.mu.Lock()
	if j.state == nil || position(j.state).Before(position(s)) {
		j.state, j.queue, j.queued, j.rebase = s, nil, 0, true
	}
	j.mu.Unlock()
	j.poke()
}

func (j *Journal) poke() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Run writes until ctx ends, and what is queued then.
func (j *Journal) Run(ctx context.Context) error {
	defer func() {
		if j.file != nil {
			j.file.Close()
		}
	}()
	for {
		var retry <-chan time.Time
		if err := j.flush(); err != nil {
			j.log.Error("the journal cannot be written; answers go on, but a restart without peers would go back", "error", err)
			retry = time.After(retryAfter)
		}
		select {
		case <-ctx.Done():
			return j.flush()
		case <-j.wake:
		case <-retry:
		}
	}
}

// flush writes what is queued and waits for the disk. After any error the next flush begins a new generation.
func (j *Journal) flush() error {
	j.mu.Lock()
	queue, state, rebase := j.queue, j.state, j.rebase
	j.queue, j.queued = nil, 0
	if state == nil || !rebase && len(queue) == 0 {
		j.mu.Unlock()
		return nil
	}
	j.rebase = false
	j.mu.Unlock()

	var err error
	if !rebase && j.file != nil {
		err = j.add(queue)
	}
	if err == nil && (rebase || j.file == nil || j.written > maxLog) {
		err = j.begin(state)
	}

	j.mu.Lock()
	defer j.mu.Unlock()
	j.err = err
	if err != nil {
		j.rebase = true
	} else {
		j.durable, j.at = position(state), time.Now()
	}
	close(j.advanced)
	j.advanced = make(chan struct{})
	return err
}

func (j *Journal) add(queue []entry) error {
	var b []byte
	for _, e := range queue {
		b = frame(b, e)
	}
	n, err := j.file.Write(b)
	j.written += int64(n)
	if err != nil {
		return err
	}
	return j.file.Sync()
}

// begin writes a base and opens an empty log after it, then drops generations that are no longer needed.
func (j *Journal) begin(s *policy.State) error {
	if j.file != nil {
		j.file.Close()
		j.file = nil
	}
	name := j.path("base", s.Index)
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = errors.Join(change.WriteState(f, s), f.Sync(), f.Close())
	if err != nil {
		os.Remove(name + ".new")
		return err
	}
	log, err := os.OpenFile(j.path("log", s.Index), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(os.Rename(name+".new", name), j.syncDir()); err != nil {
		log.Close()
		return err
	}
	j.file, j.written = log, 0
	return j.prune()
}

func (j *Journal) syncDir() error {
	d, err := os.Open(j.dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (j *Journal) prune() error {
	bases, err := j.generations()
	if err != nil {
		return err
	}
	for _, old := range bases[min(len(bases), keepGenerations):] {
		if err := errors.Join(remove(j.path("base", old)), remove(j.path("log", old))); err != nil {
			return err
		}
	}
	return nil
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// Durable is how far the journal is on disk, since when, and what keeps it from going on.
func (j *Journal) Durable() (policy.Position, time.Time, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.durable, j.at, j.err
}

// Wait returns when the change at index is on disk.
func (j *Journal) Wait(ctx context.Context, index uint64) (time.Time, error) {
	for {
		j.mu.Lock()
		durable, at, err, advanced := j.durable, j.at, j.err, j.advanced
		j.mu.Unlock()
		if durable.Index >= index {
			return at, nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, errors.Join(err, ctx.Err())
		case <-advanced:
		}
	}
}
