package policy

import (
	"cmp"
	"slices"
)

// Force is what controls make of an endpoint, as a service uses it.
type Force struct {
	Up, Down, Drained string // ids of the controls that count, or ""
	DownSince         int64  // State clock since when it is forced down
	Share             int    // percent of its usual clients that it keeps: 100 unless a control says otherwise
	Shared            string // the control that says so
	Near              bool   // a control is about to take more of it, or is on its way
}

// IDs are the controls that count.
func (f *Force) IDs() (list []string) {
	for _, id := range []string{f.Up, f.Drained, f.Down, f.Shared} {
		if id != "" && !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}

// Forces are the controls that act on endpoints as a service uses them, the one that counts first ahead.
type Forces struct {
	s    *State
	list []force
}

type force struct {
	Control
	target Target
}

// Forces are the controls that there are for a service's endpoints. With "" they are those of no service in particular.
func (s *State) Forces(service string) Forces {
	f := Forces{s: s}
	if s.Controls.Len() == 0 {
		return f
	}
	for _, c := range s.Controls.All {
		if !c.Acts() && c.Phase != Near {
			continue
		}
		if t, err := ParseTarget(c.Target); err == nil && (t.Kind != "service" || t.Name == service) {
			f.list = append(f.list, force{c, t})
		}
	}
	slices.SortFunc(f.list, func(a, b force) int { return b.Outranks(&a.Control) })
	return f
}

// Rehearsed are they without the force-downs of the service itself.
func (f Forces) Rehearsed() Forces {
	f.list = slices.DeleteFunc(slices.Clone(f.list), func(c force) bool { return c.Action == ForceDown && c.target.Kind == "service" })
	return f
}

// Outranks compares two controls by which counts: above 0 where c does. An operator's counts before a
// drill's and that before automation's, and then the newest.
func (c *Control) Outranks(other *Control) int {
	rank := func(s Source) int { return slices.Index([]Source{ByAutomation, ByDrill, ByOperator}, s) }
	return cmp.Or(cmp.Compare(rank(c.Source), rank(other.Source)), cmp.Compare(c.CreatedAt, other.CreatedAt),
		cmp.Compare(len(c.ID), len(other.ID)), cmp.Compare(c.ID, other.ID))
}

// On is what they make of an endpoint of a pool.
func (f Forces) On(pool *Pool, e *Endpoint) Force { return f.weigh(pool, e, nil) }

// weigh takes the controls that cover an endpoint in their order. A force-up ends it: what comes after it
// does not count. A drain and a force-down are no rivals: what is drained stays so, though it is forced down by a newer one.
// Shares are a matter of their own: the first counts, and what is on its way only ever takes from it.
// told hears of each that covers the endpoint, and which one overrides it.
func (f Forces) weigh(pool *Pool, e *Endpoint, told func(c *Control, by string)) Force {
	r := Force{Share: 100}
	if len(f.list) == 0 {
		return r
	}
	region := f.s.Region(e.RegionOr(pool))
	ended, share := "", "" // by a force-up; the settled share that counts
	for i := range f.list {
		c := &f.list[i].Control
		if t := f.list[i].target; t.Kind != "service" && !t.Covers(region, pool, e) {
			continue
		}
		if !c.Acts() {
			r.Near = r.Near || ended == ""
			continue
		}
		by := ""
		switch kept := c.Kept(); {
		case c.Action == ForceUp && ended != "": // says the same
		case c.Action == ForceUp:
			by, ended = cmp.Or(r.Drained, r.Down), c.ID
			if by == "" {
				r.Up = c.ID
			}
		case c.Action == Share && share != "":
			by = share
		case (c.Action == Drain || c.Action == ForceDown || kept == 0) && ended != "":
			by = ended
		case c.Action == ForceDown:
			if r.Down == "" {
				r.Down, r.DownSince = c.ID, c.Since()
			}
		case kept == 0:
			r.Drained = cmp.Or(r.Drained, c.ID)
			if c.Action == Share {
				share = c.ID
			}
		default:
			if kept < r.Share {
				r.Share, r.Shared = kept, c.ID
			}
			if !c.OnItsWay() {
				share = c.ID
			}
		}
		r.Near = r.Near || by == "" && c.OnItsWay()
		if told != nil {
			told(c, by)
		}
	}
	if r.Drained != "" {
		r.Share, r.Shared = 100, ""
	}
	return r
}
