package change

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

const (
	// MaxMeasured is how many measurements, or loads, one change may bring.
	MaxMeasured = 10_000
	// maxExpired is how much one ExpireMeasured takes out, so that it never holds up the log for long.
	maxExpired = 10_000
	// MaxSamples is the largest count of samples that is kept.
	MaxSamples = 1_000_000
)

// PutLatency brings in measured round trips: each replaces that of its subject
// and region, and the others stay. All or nothing; a pointer in a refusal says
// which one it is about ("/measurements/2/region").
type PutLatency struct {
	Measurements []Measurement   `json:"measurements"`
	MaxAge       policy.Duration `json:"maxAge,omitempty"` // of all of them; default policy.DefaultLatencyAge
}

// Measurement is a round trip. One without a region and a time takes its subject out.
type Measurement struct {
	Subject string  `json:"subject"` // as policy.ParseSubject reads it
	Region  string  `json:"region,omitempty"`
	Ms      float64 `json:"ms,omitempty"`
	Samples int     `json:"samples,omitempty"` // default 1
}

func (b PutLatency) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	var p policy.Problems
	checkCount(&p, "/measurements", len(b.Measurements))
	if b.MaxAge != 0 {
		checkAge(&p, "/maxAge", b.MaxAge, policy.MaxLatencyAge)
	}
	type place struct{ subject, region string }
	seen := make(map[place]int, len(b.Measurements))
	for i, m := range b.Measurements {
		at := fmt.Sprintf("/measurements/%d", i)
		subject, err := policy.ParseSubject(m.Subject)
		switch {
		case m.Subject == "":
			p.Add(at, "it names no clients; exactly one of client (a network), country and asn does")
		case err != nil:
			p.Add(at, "%v", err)
		}
		before := len(p)
		key := subject.String()
		gone := m.Region == "" && m.Ms == 0 && m.Samples == 0
		if !gone {
			d.checkMeasurement(&p, at, m)
		}
		if err != nil || len(p) > before {
			continue
		}
		if j, ok := seen[place{key, m.Region}]; ok {
			p.Add(at, "%s and region %q are in /measurements/%d already", key, m.Region, j)
			continue
		}
		seen[place{key, m.Region}] = i
		if gone {
			d.Latencies.Delete(key)
			continue
		}
		l, _ := d.Latencies.Get(key)
		l.Subject = key
		l = l.With(policy.RTT{Region: m.Region, Ms: m.Ms, At: d.Clock, Samples: max(1, m.Samples), MaxAge: b.MaxAge})
		if len(l.Regions) > policy.MaxLatencyRegions {
			p.Add(at, "%s would have %d regions; %d are the most", key, len(l.Regions), policy.MaxLatencyRegions)
			continue
		}
		d.Latencies.Set(key, l)
	}
	if n := d.Latencies.Len(); n > policy.MaxLatencies && n > d.base.Latencies.Len() {
		p.Add("/measurements", "there would be latencies of %d subjects; %d are the most: measure wider networks, or take some out", n, policy.MaxLatencies)
	}
	d.outcome.Revision = d.Revision
	return p.Err("the latencies are not valid; nothing is changed")
}

func (d *making) checkMeasurement(p *policy.Problems, at string, m Measurement) {
	if !d.Regions.Has(m.Region) {
		p.Add(at+"/region", "%s", NoRegion(d.State, m.Region))
	}
	if err := policy.Measurable(m.Ms); err != nil {
		p.Add(at+"/ms", "%v", err)
	}
	if m.Samples < 0 || m.Samples > MaxSamples {
		p.Add(at+"/samples", "%d samples are not within 0 to %d", m.Samples, MaxSamples)
	}
}

// NoRegion says that there is no such region, and what there is.
func NoRegion(s *policy.State, name string) string {
	var known []string
	for n := range s.Regions.All {
		if known = append(known, n); len(known) == 8 {
			known = append(known, "…")
			break
		}
	}
	if len(known) == 0 {
		return fmt.Sprintf("there is no region %q; the configuration has none yet", name)
	}
	return fmt.Sprintf("there is no region %q; there are %s", name, strings.Join(known, ", "))
}

// PutLoad brings in how busy things are, all or nothing: what is refused leaves
// the loads as they were. Pointers are as in "/loads/2/value".
type PutLoad struct {
	Loads []TargetLoad `json:"loads"`
}

// TargetLoad is the load of one thing.
type TargetLoad struct {
	Target string          `json:"target"`
	Value  *float64        `json:"value"`
	MaxAge policy.Duration `json:"maxAge,omitempty"` // default policy.DefaultLoadAge
}

func (b PutLoad) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	var p policy.Problems
	checkCount(&p, "/loads", len(b.Loads))
	seen := make(map[string]int, len(b.Loads))
	for i, l := range b.Loads {
		at := fmt.Sprintf("/loads/%d", i)
		before := len(p)
		target, err := d.loadable(l.Target)
		if err != nil {
			p.Add(at+"/target", "%v", err)
		} else if j, ok := seen[target]; ok {
			p.Add(at+"/target", "%s is in /loads/%d already", target, j)
		}
		if l.Value == nil {
			p.Add(at+"/value", "the value is missing")
		} else if err := policy.Bearable(*l.Value); err != nil {
			p.Add(at+"/value", "%v", err)
		}
		if l.MaxAge == 0 {
			l.MaxAge = policy.DefaultLoadAge
		}
		checkAge(&p, at+"/maxAge", l.MaxAge, policy.MaxLoadAge)
		if len(p) > before {
			continue
		}
		seen[target] = i
		d.Loads.Set(target, policy.Load{Target: target, Value: *l.Value, At: d.Clock, MaxAge: l.MaxAge})
	}
	if n := d.Loads.Len(); n > policy.MaxLoads && n > d.base.Loads.Len() {
		p.Add("/loads", "there would be loads of %d targets; %d are the most", n, policy.MaxLoads)
	}
	d.outcome.Revision = d.Revision
	return p.Err("the loads are not valid; nothing is changed")
}

// loadable gives a target as State keys it. Each object of the configuration has
// its number, so that what has none is not there.
func (d *making) loadable(id string) (string, error) {
	if err := policy.Loadable(id); err != nil {
		return "", err
	}
	if name, ok := strings.CutPrefix(id, "service/"); ok {
		if n, err := policy.ParseName(name); err == nil {
			id = "service/" + n.String()
		}
	}
	if !d.IDs.Has(id) {
		kind, _, _ := strings.Cut(id, "/")
		return "", fmt.Errorf("there is no %s; meridian get %ss shows what there is", id, strings.Replace(kind, "endpoint", "pool", 1))
	}
	return id, nil
}

func checkCount(p *policy.Problems, at string, n int) {
	switch {
	case n == 0:
		p.Add(at, "there is nothing in it")
	case n > MaxMeasured:
		p.Add(at, "there are %d; %d are the most at once", n, MaxMeasured)
	}
}

func checkAge(p *policy.Problems, at string, age, most policy.Duration) {
	if age < policy.MinMeasuredAge || age > most {
		p.Add(at, "a maximum age of %v is not within %v to %v", age, policy.MinMeasuredAge, most)
	}
}

// ExpireMeasured takes out what is older than its maximum age, by the clock of
// the change, and marks signals that are. What a single one leaves over, the next takes.
type ExpireMeasured struct{}

func (b ExpireMeasured) apply(d *making) error {
	if err := Admit(d.State, b); err != nil {
		return err
	}
	var old []string
	for target, l := range d.Loads.All {
		if l.Due() <= d.Clock {
			old = append(old, target)
		}
	}
	for _, target := range old { // there are never more than MaxLoads
		d.Loads.Delete(target)
	}
	d.markStale()
	d.keepRTTs(maxExpired, func(r policy.RTT) bool { return r.Due() > d.Clock })
	return nil
}

// Outdated says whether ExpireMeasured would change something at a time of State's clock.
func Outdated(s *policy.State, now int64) bool {
	for _, v := range s.Signals.All {
		if v.Due() <= now && !v.Stale {
			return true
		}
	}
	for _, l := range s.Loads.All {
		if l.Due() <= now {
			return true
		}
	}
	for _, l := range s.Latencies.All {
		for i := range l.Regions {
			if l.Regions[i].Due() <= now {
				return true
			}
		}
	}
	return false
}

// keepRTTs takes out the round trips that are not to be kept, of at most so many subjects, and subjects without any.
func (d *making) keepRTTs(most int, keep func(policy.RTT) bool) {
	var touched []policy.Latency
	for _, l := range d.Latencies.All {
		if !slices.ContainsFunc(l.Regions, func(r policy.RTT) bool { return !keep(r) }) {
			continue
		}
		l.Regions = slices.DeleteFunc(slices.Clone(l.Regions), func(r policy.RTT) bool { return !keep(r) })
		if touched = append(touched, l); len(touched) == most {
			break
		}
	}
	for _, l := range touched {
		if len(l.Regions) == 0 {
			d.Latencies.Delete(l.Subject)
		} else {
			d.Latencies.Set(l.Subject, l)
		}
	}
}

// dropOrphanMeasured forgets the latencies of regions, and the loads of
// targets, that the configuration no longer has. Only when a region has gone does it look at every subject.
func (d *making) dropOrphanMeasured(before *policy.State) {
	var gone []string
	for target := range d.Loads.All {
		if !d.IDs.Has(target) {
			gone = append(gone, target)
		}
	}
	for _, target := range gone {
		d.Loads.Delete(target)
	}
	gone = nil
	for name := range before.Regions.All {
		if !d.Regions.Has(name) {
			gone = append(gone, name)
		}
	}
	if len(gone) > 0 {
		d.keepRTTs(policy.MaxLatencies, func(r policy.RTT) bool { return !slices.Contains(gone, r.Region) })
	}
}
