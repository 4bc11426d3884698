package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Condition says what is wrong by a condition, "" when nothing is: what canaries, ramps and drills are paused or
// ended by. A condition is
// down:region/NAME, down:pool/NAME, down:endpoint/POOL/NAME and so on, or signal:NAME.
func (s *State) Condition(text string, now int64) (problem string, err error) {
	if name, ok := strings.CutPrefix(text, "signal:"); ok {
		v, given := s.Signals.Get(name)
		switch {
		case !given:
			return "", Errorf(NotFound, "the signal %q was never given", name)
		case v.Status != Up:
			return "the signal " + name + " is " + v.Status.String(), nil
		case v.Stale || v.Due() <= now:
			return "the signal " + name + " is stale", nil
		}
		return "", nil
	}
	id, ok := strings.CutPrefix(text, "down:")
	if !ok {
		return "", Errorf(Invalid, "%q is no condition; write down:pool/NAME, down:region/NAME, down:endpoint/POOL/NAME, or signal:NAME", text)
	}
	t, err := ParseTarget(id)
	if err != nil {
		return "", err
	}
	all, down := 0, 0
	for _, o := range s.Pools.All {
		for i := range o.Spec.Endpoints {
			e := &o.Spec.Endpoints[i]
			if !t.Covers(s.Region(e.RegionOr(&o.Spec)), &o.Spec, e) {
				continue
			}
			all++
			names, _ := o.Spec.SetOf(e).Names()
			if slices.ContainsFunc(names, func(m string) bool {
				v, _ := s.Verdicts.Get(CheckID(&o.Spec, e, m))
				return v.Status == Down
			}) {
				down++
			}
		}
	}
	switch {
	case all == 0:
		return "", Errorf(NotFound, "there is no endpoint in %s", id)
	case down*2 > all:
		return fmt.Sprintf("%d of %d endpoints of %s are down", down, all, id), nil
	}
	return "", nil
}
