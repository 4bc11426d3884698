package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// conditionForms are the ways to write a condition.
const conditionForms = "down:TARGET, load:pool/NAME>90, load:region/NAME>90, latency:region/NAME>250ms or signal:NAME"

// Condition says what is wrong by a condition, "" when nothing is: what canaries, ramps and drills are paused or
// ended by. A condition is one of
//
//   - down:region/NAME, down:pool/NAME, down:endpoint/POOL/NAME and so on: more than half of its endpoints are down;
//   - load:pool/NAME>90 or load:region/NAME>90: more than so many percent of its declared capacity;
//   - latency:region/NAME>250ms: the median of the measured round trips to it is longer;
//   - signal:NAME: it is not up, or stale.
//
// It goes by what the state holds and by nothing else. An error says that it cannot be told.
func (s *State) Condition(text string, now int64) (problem string, err error) {
	kind, rest, _ := strings.Cut(text, ":")
	switch kind {
	case "signal":
		return s.signalCondition(rest, now)
	case "down":
		return s.downCondition(rest)
	case "load", "latency":
		subject, bound, ok := strings.Cut(rest, ">")
		if !ok {
			break
		}
		if kind == "load" {
			return s.loadCondition(text, subject, bound)
		}
		return s.latencyCondition(text, subject, bound)
	}
	return "", Errorf(Invalid, "%q is no condition; write %s", text, conditionForms)
}

func (s *State) signalCondition(name string, now int64) (problem string, err error) {
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

func (s *State) downCondition(id string) (problem string, err error) {
	t, err := ParseTarget(id)
	if err != nil {
		return "", err
	}
	all, down := 0, 0
	for pool, e := range s.Covered(t) {
		all++
		names, _ := pool.SetOf(e).Names()
		if slices.ContainsFunc(names, func(m string) bool {
			v, _ := s.Verdicts.Get(CheckID(pool, e, m))
			return v.Status == Down
		}) {
			down++
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

func (s *State) loadCondition(text, id, bound string) (problem string, err error) {
	most, err := strconv.ParseFloat(bound, 64)
	if err != nil || !(most > 0 && most <= 1000) {
		return "", Errorf(Invalid, "%q is no condition: %q is no percentage from above 0 to 1000; write load:pool/NAME>90", text, bound)
	}
	var capacity *Capacity
	var load float64
	var known, exists bool
	switch t, _ := ParseTarget(id); t.Kind {
	case "pool":
		o, ok := s.Pools.Get(t.Name)
		if exists = ok; ok {
			capacity = o.Spec.Capacity
			load, known = s.PoolLoad(&o.Spec)
		}
	case "region":
		r := s.Region(t.Name)
		if exists = r != nil; exists {
			capacity = r.Capacity
			load, known = s.RegionLoad(t.Name)
		}
	default:
		return "", Errorf(Invalid, "%q is no condition: pools and regions have a capacity; write load:pool/NAME>90 or load:region/NAME>90", text)
	}
	switch {
	case !exists:
		return "", Errorf(NotFound, "there is no %s", id)
	case capacity == nil:
		return "", Errorf(NotFound, "%s has no capacity, so its load is no percentage of it", id)
	case !known:
		return "", Errorf(NotFound, "the load of %s is not known; nobody has told it lately", id)
	}
	if part := 100 * load / capacity.Limit; part > most {
		return fmt.Sprintf("the load of %s is %.0f %% of its capacity", id, part), nil
	}
	return "", nil
}

func (s *State) latencyCondition(text, id, bound string) (problem string, err error) {
	most, err := time.ParseDuration(bound)
	if err != nil || most <= 0 || most > MaxMs*time.Millisecond {
		return "", Errorf(Invalid, "%q is no condition: %q is no time from above 0 to %v; write latency:region/NAME>250ms", text, bound, MaxMs*time.Millisecond)
	}
	t, _ := ParseTarget(id)
	switch {
	case t.Kind != "region":
		return "", Errorf(Invalid, "%q is no condition: round trips are measured to regions; write latency:region/NAME>250ms", text)
	case s.Region(t.Name) == nil:
		return "", Errorf(NotFound, "there is no %s", id)
	}
	ms, known := s.Median(t.Name)
	if !known {
		return "", Errorf(NotFound, "no round trip to %s is known; nobody has told one lately", id)
	}
	if ms > float64(most)/float64(time.Millisecond) {
		return fmt.Sprintf("the median round trip to %s is %.0f ms", id, ms), nil
	}
	return "", nil
}

// ConditionFeature is the feature level that a condition needs.
func ConditionFeature(text string) int {
	kind, id, _ := strings.Cut(text, ":")
	if kind == "load" || kind == "latency" {
		return FeatureDrill
	}
	return TargetFeature(id)
}
