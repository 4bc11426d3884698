package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/snapshot"
)

// What left the answers outlives the process in windows.json. The process
// before may have died at any moment, so at the start
//
//   - what the journal's state hands out counts as handed out until it leaves again:
//     it is answered by once more, and the process before did until it died;
//   - what the file says has left counts as it says;
//   - when the file does not reach the journal's state, because the process died
//     before it was written, or it is missing or damaged, then nobody knows what left in
//     between: every endpoint that the journal's state does not hand out counts as handed
//     out until now, with the largest TTL of its service.
//
// What is left out: an endpoint that came into answers by a change that neither
// file nor journal has, less than windowFileEvery before the process died, and that
// another change had taken out again before this node came back.
const (
	windowFile      = "windows.json"
	windowFileEvery = 100 * time.Millisecond
)

// bootClock is a clock that runs on while a machine does, process or not. Where
// there is none, boot is "" and time to go counts from the start anew, which is never too short.
type bootClock func() (boot string, now time.Duration)

// windowRecord is the file, before the checksum line.
type windowRecord struct {
	Boot      string        `json:"boot,omitempty"`
	Clock     time.Duration `json:"clock"` // of boot, in nanoseconds
	Wall      time.Time     `json:"wall"`
	Epoch     uint64        `json:"epoch"`
	Index     uint64        `json:"index"` // that answers were at
	Departed  []windowEntry `json:"departed"`
	DroppedTo time.Duration `json:"droppedToGo,omitempty"`
	Dropped   uint32        `json:"droppedTTL,omitempty"`
}

type windowEntry struct {
	Service  string        `json:"service"`
	Endpoint string        `json:"endpoint"`
	Cause    string        `json:"cause,omitempty"`
	By       string        `json:"by,omitempty"`
	Index    uint64        `json:"index"`
	Decided  int64         `json:"decided,omitempty"`
	Applied  time.Duration `json:"applied,omitempty"` // ages when it was written, in nanoseconds; 0 not known
	Left     time.Duration `json:"left"`
	Last     time.Duration `json:"last,omitempty"`
	TTL      uint32        `json:"ttl"`
	ToGo     time.Duration `json:"toGo"` // below 0: closed
	Stays    bool          `json:"stays,omitempty"`
}

// windowKeeper keeps a tracker's list on the disk.
type windowKeeper struct {
	tracker *tracker
	path    string
	clock   bootClock
	log     *slog.Logger
	wake    chan struct{}
	read    bool // the file was there and whole
	reached policy.Position
	saved   int // tracker.entries that are in the file, for sure
	failed  bool
}

func newWindowKeeper(t *tracker, dir string, clock bootClock, log *slog.Logger) *windowKeeper {
	k := &windowKeeper{tracker: t, path: filepath.Join(dir, windowFile), clock: clock, log: log, wake: make(chan struct{}, 1)}
	t.ring = func() { ring(k.wake) }
	if err := k.load(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log.Warn("the record of what left the answers cannot be read; windows count from now on with the largest TTLs", "file", k.path, "error", err)
	}
	return k
}

// load reads the file into the tracker.
func (k *windowKeeper) load() error {
	data, err := os.ReadFile(k.path)
	if err != nil {
		return err
	}
	r, err := readWindows(data)
	if err != nil {
		return err
	}
	t, now := k.tracker, k.tracker.now()
	boot, clock := k.clock()
	since, shown := time.Duration(0), max(0, now.Sub(r.Wall)) // since it was written: for what counts, and for display
	if boot != "" && boot == r.Boot && clock >= r.Clock {
		since = clock - r.Clock
		shown = since
	}
	ago := func(age time.Duration) time.Time {
		if age == 0 {
			return time.Time{}
		}
		return now.Add(-age - shown)
	}
	for _, e := range r.Departed {
		t.list = append(t.list, departed{
			service: e.Service, endpoint: e.Endpoint, cause: e.Cause, by: e.By, index: e.Index, decided: e.Decided,
			applied: ago(e.Applied), left: now.Add(-e.Left - shown), last: ago(e.Last), ttl: e.TTL, until: now.Add(e.ToGo - since), stays: e.Stays,
		})
	}
	t.dropped = departed{ttl: r.Dropped, until: now.Add(r.DroppedTo - since)}
	k.read, k.reached = true, policy.Position{Epoch: r.Epoch, Index: r.Index}
	return nil
}

// begin settles what the process before may have handed out, given the state
// that the journal had and what is answered by now.
func (k *windowKeeper) begin(journalled *policy.State, now *snapshot.Snapshot) {
	k.tracker.mu.Lock()
	defer k.tracker.mu.Unlock()
	if journalled == nil {
		return
	}
	if now != nil && k.read && !k.reached.Before(position(journalled)) {
		return
	}
	k.tracker.cover(journalled, now)
}

// Run writes the file when there is something to write, until ctx ends, and then once more.
func (k *windowKeeper) Run(ctx context.Context) error {
	pace := time.NewTicker(windowFileEvery)
	defer pace.Stop()
	for {
		select {
		case <-ctx.Done():
			k.save()
			return nil
		case <-k.wake:
		}
		k.save()
		select {
		case <-ctx.Done():
			k.save()
			return nil
		case <-pace.C:
		}
	}
}

// save writes the file. Only new departures wait for the disk: a position that
// is lost with the machine makes the next start more careful than it need be.
func (k *windowKeeper) save() {
	data, entries := k.record()
	err := replaceFile(k.path, data, entries != k.saved)
	if err == nil {
		k.saved, k.failed = entries, false
		return
	}
	if !k.failed {
		k.log.Error("what left the answers cannot be recorded; after a restart windows would count anew", "file", k.path, "error", err)
	}
	k.failed = true
}

func (k *windowKeeper) record() (data []byte, entries int) {
	t := k.tracker
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	r := windowRecord{Wall: now.Round(0), Epoch: t.at.Epoch, Index: t.at.Index, Departed: make([]windowEntry, len(t.list))}
	r.Boot, r.Clock = k.clock()
	age := func(at time.Time) time.Duration {
		if at.IsZero() {
			return 0
		}
		return max(1, now.Sub(at))
	}
	for i, e := range t.list {
		r.Departed[i] = windowEntry{
			Service: e.service, Endpoint: e.endpoint, Cause: e.cause, By: e.by, Index: e.index, Decided: e.decided,
			Applied: age(e.applied), Left: now.Sub(e.left), Last: age(e.last), TTL: e.ttl, ToGo: e.until.Sub(now), Stays: e.stays,
		}
	}
	if t.dropped.until.After(now) {
		r.Dropped, r.DroppedTo = t.dropped.ttl, t.dropped.until.Sub(now)
	}
	body, _ := json.Marshal(r) // numbers and texts always encode
	return fmt.Appendf(nil, "%08x\n%s\n", crc32.ChecksumIEEE(body), body), t.entries
}

func readWindows(data []byte) (r windowRecord, err error) {
	const head = 9
	if len(data) < head+1 {
		return r, errors.New("it is cut off")
	}
	sum, err := strconv.ParseUint(string(data[:head-1]), 16, 32)
	body := data[head : len(data)-1]
	if err != nil || crc32.ChecksumIEEE(body) != uint32(sum) {
		return r, errors.New("it does not have its checksum")
	}
	return r, json.Unmarshal(body, &r)
}

// replaceFile puts data in a file's place at once; durable waits until it outlasts a crash of the machine.
func replaceFile(path string, data []byte, durable bool) error {
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if durable && err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil || !durable {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
