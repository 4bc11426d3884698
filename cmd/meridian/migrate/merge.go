package migrate

import (
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/meridian-gtm/meridian/policy"
)

// merge puts what the endpoints of a second tree have into those of the first,
// when both are parallel: the same branches in the same order, over pools of as many
// endpoints of the same weights and checks. Otherwise nothing changes and it says why not.
func (b *builder) merge(first, second *policy.Steering) error {
	pairs := map[string]string{} // pools of first by those of second
	if err := parallel(first, second, pairs); err != nil {
		return err
	}
	merged := map[string]policy.Pool{}
	for _, other := range slices.Sorted(maps.Keys(pairs)) {
		own := pairs[other]
		if own == other {
			continue
		}
		if _, twice := merged[own]; twice {
			return fmt.Errorf("pool %s has two counterparts", own)
		}
		p, err := union(*b.findPool(own), b.findPool(other))
		if err != nil {
			return err
		}
		merged[own] = p
	}
	for name, p := range merged {
		*b.findPool(name) = p
	}
	return nil
}

// parallel pairs the pools of two trees that are alike but for those.
func parallel(first, second *policy.Steering, pairs map[string]string) error {
	kind, own := first.Kind()
	kind2, others := second.Kind()
	switch {
	case kind != kind2:
		return fmt.Errorf("one is %s where the other is %s", kind, kind2)
	case len(own) != len(others):
		return fmt.Errorf("%s has %d branches in one and %d in the other", kind, len(own), len(others))
	case first.Fence != second.Fence || (first.Default == nil) != (second.Default == nil):
		return fmt.Errorf("one has a default and the other has none")
	case kind == "pool":
		if p, ok := pairs[second.Pool]; ok && p != first.Pool {
			return fmt.Errorf("pool %s has two counterparts, %s and %s", second.Pool, p, first.Pool)
		}
		pairs[second.Pool] = first.Pool
		return nil
	}
	for i := range own {
		x, y := own[i], others[i]
		x.Steering, y.Steering = policy.Steering{}, policy.Steering{}
		if !reflect.DeepEqual(x, y) {
			return fmt.Errorf("branch %d of %s differs in its weight, bias, place or match", i+1, kind)
		}
		if err := parallel(&own[i].Steering, &others[i].Steering, pairs); err != nil {
			return err
		}
	}
	return nil
}

// union is a pool whose endpoints have also what their counterparts in another have.
func union(p policy.Pool, q *policy.Pool) (policy.Pool, error) {
	if len(p.Endpoints) != len(q.Endpoints) || p.MinAvailable != q.MinAvailable || p.Region != q.Region {
		return p, fmt.Errorf("pool %s has %d endpoints and %s has %d", p.Name, len(p.Endpoints), q.Name, len(q.Endpoints))
	}
	if p.Monitor != q.Monitor {
		return p, fmt.Errorf("pools %s and %s are checked differently", p.Name, q.Name)
	}
	p.Endpoints = slices.Clone(p.Endpoints)
	for i := range p.Endpoints {
		e, other := &p.Endpoints[i], &q.Endpoints[i]
		if e.Hostname != other.Hostname || e.WeightOr1() != other.WeightOr1() {
			return p, fmt.Errorf("endpoint %d of %s and %s differs in weight or host name", i+1, p.Name, q.Name)
		}
		addrs := append(slices.Clone(e.Addrs()), other.Addrs()...)
		records := maps.Clone(e.Records)
		for typ, list := range other.Records {
			if records == nil {
				records = map[string][]string{}
			}
			records[typ] = list
		}
		e.Records = records
		if e.Probe == nil {
			e.Probe = other.Probe
		}
		setAddresses(e, addrs...)
	}
	return p, nil
}
