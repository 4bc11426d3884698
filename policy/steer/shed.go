package steer

import (
	"cmp"
	"math"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// Pressure is how near a pool is to what it can carry.
type Pressure struct {
	Bounded bool    // it, or its region, has a capacity
	Known   bool    // a load of it, or of its region, was told
	Load    float64 // in the unit of the capacity
	Shed    float64 // share of its clients that should go elsewhere: 0 below the low watermark, 1 from the high one
	Room    float64 // load it can take before the low watermark; infinite where there is no capacity
	// The watermarks, of the tighter of the two capacities: what a service's own load is held against.
	Low, High float64
}

// pressure reads what the state knows of a pool's load and capacity. What no load was told of is at ease.
func pressure(s *policy.State, spec *policy.Pool) Pressure {
	p := Pressure{Room: math.Inf(1), Low: math.Inf(1), High: math.Inf(1)}
	load, known := s.PoolLoad(spec)
	p.Load, p.Known = load, known
	if spec.Capacity != nil {
		c := spec.Capacity.WithDefaults()
		p.bound(c, 1)
		if known {
			p.press(c, load, 1)
		}
	}
	r := s.Region(spec.Region)
	if r == nil || r.Capacity == nil {
		return p
	}
	total, pools, untold := 0.0, 0, 0
	fed := false
	for _, o := range s.Pools.All {
		if o.Spec.Region != r.Name {
			continue
		}
		pools++
		if l, ok := s.PoolLoad(&o.Spec); ok {
			total, fed = total+l, true
		} else {
			untold++
		}
	}
	if told, ok := s.Loads.Get("region/" + r.Name); ok {
		if !known { // else a region's load alone would move nobody: there would be no load to move
			p.Load = max(0, told.Value-total) / float64(untold)
		}
		total, fed = told.Value, true
	}
	c := r.Capacity.WithDefaults()
	p.bound(c, pools)
	if p.Known = p.Known || fed; fed {
		p.press(c, total, pools)
	}
	return p
}

// bound notes a capacity that so many pools share.
func (p *Pressure) bound(c policy.Capacity, pools int) {
	p.Bounded = true
	if high := c.High * c.Limit / float64(pools); high < p.High {
		p.Low, p.High = c.Low*c.Limit/float64(pools), high
	}
}

// press takes a capacity into account that so many pools share.
func (p *Pressure) press(c policy.Capacity, load float64, pools int) {
	low, high := c.Low*c.Limit, c.High*c.Limit
	p.Shed = max(p.Shed, min(1, max(0, (load-low)/(high-low))))
	p.Room = min(p.Room, max(0, low-load)/float64(pools))
}

// Bounded says whether any pool of the tree has a capacity.
func (t *Tree) Bounded() bool {
	return slices.ContainsFunc(t.Pools, func(p *Pool) bool { return p.Pressure.Bounded })
}

// Crowd is a class of clients with its share of them all, and what they lose by their next choice.
type Crowd struct {
	Class
	Weight float64
	Extra  float64
}

// Demand is a service's part in the load of its pools.
type Demand struct {
	Load    float64 // told of the service itself
	Known   bool
	Sharers func(pool string) int // the services that use a pool: they divide its load and its room among them
}

// of is a pool's part that is a service's own. What no load was told of has the part of the service's
// load that its clients are of all its clients.
func (d Demand) of(p *Pool, clients float64) Pressure {
	own, n := p.Pressure, float64(max(1, d.Sharers(p.Name)))
	own.Load, own.Room = own.Load/n, own.Room/n
	if !d.Known || own.Known || !own.Bounded {
		return own
	}
	own.Load = d.Load * clients
	low, high := own.Low/n, own.High/n
	own.Shed = min(1, max(0, (own.Load-low)/(high-low)))
	own.Room = max(0, low-own.Load)
	return own
}

// Shed decides what share of each class pools that are short of capacity send
// elsewhere, and puts it into the classes: those who lose least by it first,
// and no more than there is room for where they go.
func (t *Tree) Shed(crowds []Crowd, k policy.AnswerKind, together bool, d Demand) {
	if !d.Known && !slices.ContainsFunc(t.Pools, func(p *Pool) bool { return p.Pressure.Shed > 0 }) {
		return
	}
	now, next := make([]map[string]float64, len(crowds)), make([]map[string]float64, len(crowds))
	served, all := map[string]float64{}, 0.0
	for i := range crowds {
		now[i] = byPool(t.Evaluate(k, Class{Orders: crowds[i].Orders}, together, nil))
		for name, part := range now[i] {
			served[name] += crowds[i].Weight * part
		}
		all += crowds[i].Weight
	}
	full := map[string]float64{}
	room := map[string]float64{}
	own := map[string]Pressure{}
	for _, p := range t.Pools {
		o := d.of(p, served[p.Name]/all)
		if o.Shed > 0 {
			full[p.Name] = 1
		}
		own[p.Name], room[p.Name] = o, o.Room
	}
	if len(full) == 0 {
		return
	}
	for i := range crowds {
		next[i] = byPool(t.Evaluate(k, Class{Orders: crowds[i].Orders, Shed: full}, together, nil))
	}
	order := make([]int, len(crowds))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(crowds[a].Extra, crowds[b].Extra) })
	for _, p := range t.Pools {
		if full[p.Name] == 0 || served[p.Name] == 0 {
			continue
		}
		load := own[p.Name].Load
		want := own[p.Name].Shed * load
		for _, i := range order {
			amount := load * crowds[i].Weight * now[i][p.Name] / served[p.Name]
			if amount == 0 || next[i][p.Name] > 1e-6 {
				continue
			}
			part := min(1, want/amount)
			for name, to := range next[i] {
				if gains := amount * to; gains > 0 {
					part = min(part, room[name]/gains)
				}
			}
			if part <= 0 {
				continue
			}
			want -= part * amount
			for name, to := range next[i] {
				room[name] -= part * amount * to
			}
			if crowds[i].Shed == nil {
				crowds[i].Shed = map[string]float64{}
			}
			crowds[i].Shed[p.Name] = part
			for other := range full { // what goes elsewhere goes past those that have no room themselves
				if now[i][other] == 0 {
					crowds[i].Shed[other] = 1
				}
			}
		}
	}
}

func byPool(r Result) map[string]float64 {
	m := map[string]float64{}
	for _, p := range r.Picks {
		m[p.Pool.Name] += p.Probability
	}
	return m
}
