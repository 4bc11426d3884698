package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

const (
	// MaxChecks is how many checks have a history: 922 MB.
	MaxChecks = 20_000
	// Span is how far back it goes.
	Span = 90 * 24 * time.Hour
	// Finest is its finest step.
	Finest = 10 * time.Second
	// MaxPoints is how many points Read gives at the most.
	MaxPoints = 1000
)

// Store is a node's history. Its methods may be called from anywhere.
type Store struct {
	dir string
	log *slog.Logger

	mu      sync.Mutex
	pages   []*page
	places  map[string]place
	checks  []string
	failed  bool // it was logged that the disk does not take it
	full    bool // likewise that there are too many checks
	rolled  int64
	edges   edgeLog
	queue   chan policy.VerdictEdge
	samples sync.Mutex
	sums    map[string]*sum
}

// place is where a check is.
type place struct{ page, col int }

// sum is the samples of the present slot.
type sum struct {
	sent, lost int
	took, most time.Duration
}

// Open reads what there is. It never fails: what cannot be used is set aside, with a line in the log.
func Open(dir string, log *slog.Logger) *Store {
	s := &Store{dir: dir, log: log, places: map[string]place{}, sums: map[string]*sum{}, queue: make(chan policy.VerdictEdge, maxQueue)}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		s.complain(err)
	}
	for i := range MaxChecks / columns {
		if _, err := os.Stat(s.path(i)); err != nil || !s.add() {
			break
		}
	}
	s.edges.dir = dir
	return s
}

func (s *Store) path(i int) string { return filepath.Join(s.dir, fmt.Sprintf("page-%03d", i)) }

// add opens the next page, and says whether it could.
func (s *Store) add() bool {
	i := len(s.pages)
	p, err := openPage(s.path(i))
	if errors.Is(err, errDamaged) {
		aside := s.path(i) + ".damaged"
		s.log.Error("a page of the history of health is damaged; it is set aside, and its checks begin a new history", "page", s.path(i), "aside", aside, "error", err)
		if err = os.Rename(s.path(i), aside); err == nil {
			p, err = openPage(s.path(i))
		}
	}
	if err != nil {
		s.complain(err)
		return false
	}
	s.pages = append(s.pages, p)
	for col, check := range p.names {
		if check != "" {
			s.places[check] = place{i, col}
		}
	}
	return true
}

// complain logs that the disk does not take history, once until it does again.
func (s *Store) complain(err error) {
	if !s.failed {
		s.log.Error("the history of health cannot be kept; nothing else is affected", "dir", s.dir, "error", err)
	}
	s.failed = true
}

// SetChecks says which checks there are. Those that are gone keep their history until somebody needs their room.
func (s *Store) SetChecks(ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checks = slices.Clone(ids)
	s.house()
}

// house finds room for the checks that have none: where nobody was, in new pages, and last of all where checks are gone.
func (s *Store) house() {
	wanted := make(map[string]bool, len(s.checks))
	for _, id := range s.checks {
		wanted[id] = true
	}
	homeless := s.without()
	for i := 0; len(homeless) > 0 && (i < len(s.pages) || (i+1)*columns <= MaxChecks); i++ {
		if i == len(s.pages) {
			if !s.add() {
				break
			}
			homeless = s.without()
		}
		homeless = s.settle(i, func(name string) bool { return name == "" }, homeless)
	}
	for i := 0; len(homeless) > 0 && i < len(s.pages); i++ {
		homeless = s.settle(i, func(name string) bool { return !wanted[name] }, homeless)
	}
	if len(homeless) > 0 && len(s.pages) == MaxChecks/columns && !s.full {
		s.log.Warn("there are more checks than have a history", "most", MaxChecks/columns*columns, "without", len(homeless))
	}
	s.full = len(homeless) > 0 && len(s.pages) == MaxChecks/columns
	s.samples.Lock()
	for id := range s.sums {
		if !wanted[id] {
			delete(s.sums, id)
		}
	}
	s.samples.Unlock()
}

// without lists the checks that have no place.
func (s *Store) without() (list []string) {
	for _, id := range s.checks {
		if _, ok := s.places[id]; !ok {
			list = append(list, id)
		}
	}
	return list
}

// settle gives the free columns of a page to checks, and gives back those that are left.
func (s *Store) settle(i int, free func(name string) bool, checks []string) []string {
	p := s.pages[i]
	of := map[int]string{}
	for col, name := range p.names {
		if len(of) < len(checks) && free(name) {
			of[col] = checks[len(of)]
		}
	}
	if len(of) == 0 {
		return checks
	}
	was := p.names
	if err := p.name(of); err != nil {
		s.complain(err)
		return checks
	}
	for col, check := range of {
		delete(s.places, was[col])
		s.places[check] = place{i, col}
	}
	return checks[len(of):]
}

// Sample adds a sample that counts. It waits for no disk.
func (s *Store) Sample(check string, ok bool, took time.Duration) {
	s.samples.Lock()
	defer s.samples.Unlock()
	a := s.sums[check]
	if a == nil {
		a = &sum{}
		s.sums[check] = a
	}
	a.sent++
	if !ok {
		a.lost++
		return
	}
	a.took += took
	a.most = max(a.most, took)
}

// Run keeps a slot every 10 seconds, and edges as they come, until ctx ends. look gives the checks when they are other
// than before, else nil, and what the node holds of a check; not ok: nothing.
func (s *Store) Run(ctx context.Context, look func() (checks []string, verdict func(check string) (policy.Status, bool))) error {
	defer s.close()
	for {
		next := time.Now().Truncate(Finest).Add(Finest)
		timer := time.NewTimer(time.Until(next))
		for waiting := true; waiting; {
			select {
			case <-ctx.Done():
				timer.Stop()
				return nil
			case e := <-s.queue:
				s.keepEdge(e)
			case <-timer.C:
				waiting = false
			}
		}
		checks, verdict := look()
		if checks != nil {
			s.SetChecks(checks)
		}
		s.Tick(next, verdict)
	}
}

// Tick keeps the slot that has just ended at a time.
func (s *Store) Tick(end time.Time, verdict func(check string) (policy.Status, bool)) {
	s.samples.Lock()
	sums := s.sums
	s.sums = make(map[string]*sum, len(sums))
	s.samples.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	slot := rings[0].slot(end) - 1
	minute := floorDiv(slot, int64(rings[1].every/rings[0].every))
	var trouble error
	for i, p := range s.pages {
		err := s.keep(p, slot, sums, verdict)
		err = errors.Join(err, p.flush(0))
		if minute != s.rolled { // the minute before is whole
			err = errors.Join(err, p.flush(1), p.flush(2))
		}
		if err != nil && trouble == nil {
			trouble = fmt.Errorf("page %d: %w", i, err)
		}
	}
	if s.rolled = minute; len(s.without()) > 0 && !s.full {
		s.house() // it could not be done before
	}
	if trouble != nil {
		s.complain(trouble)
	} else if s.failed && len(s.without()) == 0 {
		s.log.Info("the history of health is kept again", "dir", s.dir)
		s.failed = false
	}
}

func (s *Store) keep(p *page, slot int64, sums map[string]*sum, verdict func(check string) (policy.Status, bool)) error {
	for col, check := range p.names {
		if check == "" {
			continue
		}
		var c Cell
		if status, ok := verdict(check); ok {
			c.Judged, c.Unknown = true, status == policy.Unknown
			if status == policy.Down {
				c.Down = 1
			}
		}
		if a := sums[check]; a != nil {
			c.Probed, c.Loss, c.Max = true, float64(a.lost)/float64(a.sent), a.most
			if n := a.sent - a.lost; n > 0 {
				c.Latency = max(time.Microsecond, a.took/time.Duration(n)) // 0 is none
			}
		}
		if c == (Cell{}) {
			continue
		}
		if err := p.put(0, col, slot, c); err != nil {
			return err
		}
		if err := errors.Join(p.roll(0, col, slot), p.roll(1, col, floorDiv(slot, 6))); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.pages {
		for level := range rings {
			_ = p.flush(level) // history only
		}
		p.file.Close()
	}
	s.pages, s.places = nil, map[string]place{}
}
