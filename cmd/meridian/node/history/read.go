package history

import "time"

// Point is a check's history over one step.
type Point struct {
	At time.Time // when the step began
	Cell
}

// Step is the step that Read takes for a time that began so long ago and is asked for in steps of at least want.
func Step(ago, length, want time.Duration) time.Duration {
	r := ringFor(ago, want)
	step := max(want, (length+MaxPoints-1)/MaxPoints, r.every)
	return (step + r.every - 1) / r.every * r.every
}

// ringFor is the coarsest ring that is fine enough, among those that go back far enough.
func ringFor(ago, step time.Duration) *ring { return &rings[levelFor(ago, step)] }

func levelFor(ago, step time.Duration) int {
	level := 0
	for level < len(rings)-1 && rings[level].span() < ago+rings[level].every {
		level++
	}
	for level < len(rings)-1 && rings[level+1].every <= step {
		level++
	}
	return level
}

// Read gives a check's points from a time to another in steps, as Step gives them. Steps of which nothing is known are left out.
func (s *Store) Read(check string, now, from, to time.Time, step time.Duration) ([]Point, error) {
	level := levelFor(now.Sub(from), step)
	r := &rings[level]
	first, last := r.slot(from), r.slot(to)
	if oldest := r.slot(now) - r.slots + 1; first < oldest {
		first = oldest
	}
	s.mu.Lock()
	at, ok := s.places[check]
	var cells []Cell
	var err error
	if ok && first <= last {
		cells, err = s.pages[at.page].read(level, at.col, first, last)
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var list []Point
	var m merged
	flush := func(begin int64) {
		if c := m.result(); c != (Cell{}) {
			list = append(list, Point{time.Unix(0, begin).UTC(), c})
		}
		m = merged{}
	}
	bucket := int64(0)
	for i, c := range cells {
		b := floorDiv((first+int64(i))*int64(r.every), int64(step))
		if i > 0 && b != bucket {
			flush(bucket * int64(step))
		}
		bucket = b
		m.add(c)
	}
	if len(cells) > 0 {
		flush(bucket * int64(step))
	}
	return list, nil
}
