package policy

import "slices"

// Health is what the verdicts on an endpoint's checks come to.
type Health struct {
	Status Status
	Ramp   int      // share of its weight in percent
	Since  int64    // State clock at the last change of a verdict it rests on
	Checks []string // ids; none when nothing checks it
	Down   []string // those of them that are down
	Own    bool     // down by what this node alone holds
}

// Telling is the verdict that tells most of why an endpoint's health is what it
// is: one that is down if any is, or else the first. Not ok: nothing checks it.
func (s *State) Telling(pool *Pool, e *Endpoint, down map[string]bool) (v Verdict, ok bool) {
	h := s.Health(pool, e, down)
	if len(h.Checks) == 0 {
		return v, false
	}
	id := h.Checks[0]
	if len(h.Down) > 0 && h.Status == Down {
		id = h.Down[0]
	}
	if v, ok = s.Verdicts.Get(id); !ok {
		v = Verdict{Check: id, Ramp: 100}
	}
	return v, true
}

// Health combines the verdicts on an endpoint. down names checks that a node
// alone holds to be down.
func (s *State) Health(pool *Pool, e *Endpoint, down map[string]bool) Health {
	names, need := pool.SetOf(e).Names()
	h := Health{Ramp: 100}
	if len(names) == 0 {
		return h
	}
	var ramps []int
	var up, unknown, measured int
	for _, m := range names {
		id := CheckID(pool, e, m)
		h.Checks = append(h.Checks, id)
		v, ok := s.Verdicts.Get(id)
		if !ok {
			v = Verdict{Ramp: 100}
		}
		h.Since = max(h.Since, v.Since)
		if v.Status == Up {
			measured++
		}
		switch {
		case v.Status == Down || down[id]:
			h.Down = append(h.Down, id)
		case v.Status == Up:
			up++
			ramps = append(ramps, v.Ramp)
		default:
			unknown++
		}
	}
	switch {
	case up >= need:
		h.Status = Up
		slices.SortFunc(ramps, func(a, b int) int { return b - a })
		h.Ramp = ramps[need-1] // as far back as the slowest of those it takes
	case up+unknown >= need:
		h.Status = Unknown
	default:
		h.Status = Down
		h.Own = measured+unknown >= need
	}
	return h
}
