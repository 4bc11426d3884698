package change

import (
	"slices"
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// changed says which objects a change of one kind changes, from the states before and after it.
type changed func(before, after *policy.State, b Body) []string

// nobody is the rule of what no caller with scopes may do: it is about everything, or the cluster's own.
func nobody(_, _ *policy.State, b Body) []string { return []string{KindOf(b)} }

// inner is the rule of what is only a wrapping: what is in it is held against the scopes by itself.
func inner(_, _ *policy.State, _ Body) []string { return nil }

// reach is the one place that says what a change is about when its caller has scopes (Change.Scopes).
// A kind that is not here is nobody's.
var reach = map[string]changed{
	"zone.put": about(func(_ *policy.State, b *PutZone) []string {
		if b.Zone == nil { // refused anyhow
			return nil
		}
		return []string{"zone/" + b.Zone.Name.String()}
	}),
	"zone.delete": about(func(_ *policy.State, b *DeleteZone) []string {
		return []string{"zone/" + b.Name.String()}
	}),
	"zone.edit":     about(func(_ *policy.State, b *EditZone) []string { return []string{"zone/" + b.Zone.String()} }),
	"config.put":    func(before, after *policy.State, _ Body) []string { return differing(before, after) },
	"object.put":    objectAndMore,
	"object.delete": objectAndMore,
	"revision.rollback": func(before, after *policy.State, _ Body) []string {
		return append(differing(before, after), differingZones(before, after)...)
	},
	"control.put": about(func(s *policy.State, b *PutControl) []string { return s.Touched(b.Target) }),
	"control.delete": about(func(s *policy.State, b *DeleteControl) []string {
		c, ok := s.Controls.Get(b.ID)
		if !ok { // refused anyhow
			return nil
		}
		return s.Touched(c.Target)
	}),
	"verdict.resume": about(func(_ *policy.State, b *ResumeEndpoint) []string { return []string{b.Endpoint} }),
	"latency.put": about(func(_ *policy.State, b *PutLatency) (list []string) {
		for _, m := range b.Measurements {
			if m.Region == "" { // it takes its subject out of every region
				list = append(list, "latency/"+m.Subject)
			} else {
				list = append(list, "region/"+m.Region)
			}
		}
		return list
	}),
	"load.put": about(func(_ *policy.State, b *PutLoad) (list []string) {
		for _, l := range b.Loads {
			list = append(list, l.Target)
		}
		return list
	}),
	"signal.put":    about(func(s *policy.State, b *PutSignal) []string { return goingBy(s, b.Name) }),
	"signal.delete": about(func(s *policy.State, b *DeleteSignal) []string { return goingBy(s, b.Name) }),
	"batch":         inner, "stage.commit": inner, "stage.chunk": inner,

	"cluster.init": nobody, "feature.raise": nobody, "member.put": nobody, "member.delete": nobody,
	"control.expire": nobody, "verdicts.record": nobody, "measured.expire": nobody, "cookies.roll": nobody,
	"secret.put": nobody, "secret.delete": nobody, "token.put": nobody, "token.delete": nobody,
	"user.put": nobody, "user.update": nobody, "user.delete": nobody, "session.put": nobody, "session.touch": nobody, "session.delete": nobody,
	"oidc.put": nobody, "notified.put": nobody, "switch.put": nobody, "switch.delete": nobody,
	"drill.start": nobody, "drill.step": nobody, "drill.result": nobody, "drill.approve": nobody, "drill.abort": nobody,
	"drill.schedule": nobody, "report.put": nobody,
	"draft.put": nobody, "draft.review": nobody, "draft.publish": nobody, "draft.close": nobody, "canary.start": nobody, "canary.end": nobody,
}

// byDifference are the kinds whose rule looks at what they have changed.
var byDifference = map[string]bool{"config.put": true, "revision.rollback": true}

// objectAndMore is the object that a change names, and what else it comes to change.
func objectAndMore(before, after *policy.State, b Body) []string {
	switch v := b.(type) { // subject knows them as they come out of the log
	case PutObject:
		b = &v
	case DeleteObject:
		b = &v
	}
	named := subject(b)
	if named == "" {
		named = KindOf(b)
	}
	return append(differing(before, after), named)
}

func differingZones(before, after *policy.State) (list []string) {
	for _, key := range touched(before.Zones, after.Zones) {
		was, _ := before.Zones.Get(key)
		is, _ := after.Zones.Get(key)
		if was == nil || is == nil || was.Owners.Sum() != is.Owners.Sum() {
			list = append(list, "zone/"+policy.NameOfKey(key).String())
		}
	}
	return list
}

// about makes a rule of one that needs the body, as a value or a pointer, and the state before.
func about[T any](rule func(*policy.State, *T) []string) changed {
	return func(before, _ *policy.State, b Body) []string {
		if p, ok := any(b).(*T); ok {
			return rule(before, p)
		}
		if v, ok := any(b).(T); ok {
			return rule(before, &v)
		}
		return []string{KindOf(b)}
	}
}

// make applies a body, unless it changes what its caller's scopes do not reach.
func (d *making) make(b Body) error {
	scopes := d.change.Scopes
	if len(scopes) == 0 {
		return b.apply(d)
	}
	before := d.Clone()
	err := b.apply(d)
	rule, ok := reach[KindOf(b)]
	switch {
	case !ok:
		rule = nobody
	case err != nil && byDifference[KindOf(b)]: // what differs is not known
		return err
	}
	var beyond []string
	for _, object := range rule(before, d.State, b) {
		if !scopes.Allow(before, object) && !slices.Contains(beyond, object) {
			beyond = append(beyond, object)
		}
	}
	if len(beyond) == 0 {
		return err // of what one may not do nothing else is told
	}
	if n := len(beyond); n > 8 {
		beyond = append(beyond[:8], "…")
	}
	return policy.Errorf(policy.Forbidden, "this would change %s; %s may change %s only: an admin gives it more scopes, or somebody else makes the change",
		strings.Join(beyond, ", "), d.change.Actor, strings.Join(scopes, ", "))
}

// differing are the objects of the configuration that differ between two states. A service is each of
// the names that it steers, before or after, so that nobody takes a name that is not theirs.
func differing(before, after *policy.State) (list []string) {
	for _, k := range objectKinds {
		for _, key := range k.history.touched(before, after) {
			if string(k.history.value(before, key)) == string(k.history.value(after, key)) {
				continue
			}
			if k.what != "service" {
				list = append(list, k.history.prefix+key)
				continue
			}
			for _, s := range []*policy.State{before, after} {
				if o, ok := s.Services.Get(key); ok {
					for _, n := range o.Spec.Owners() {
						list = append(list, "service/"+n.String())
					}
				}
			}
		}
	}
	return list
}

// goingBy are the pools with a monitor that goes by a signal, or without any the signal itself.
func goingBy(s *policy.State, signal string) (list []string) {
	for name, o := range s.Pools.All {
		if usesSignal(s, &o.Spec, signal) {
			list = append(list, "pool/"+name)
		}
	}
	if len(list) == 0 {
		list = []string{"signal/" + signal}
	}
	return list
}

func usesSignal(s *policy.State, pool *policy.Pool, signal string) bool {
	for i := range pool.Endpoints {
		names, _ := pool.SetOf(&pool.Endpoints[i]).Names()
		for _, n := range names {
			if m, ok := s.Monitors.Get(n); ok && m.Spec.Signal != nil && m.Spec.Signal.Name == signal {
				return true
			}
		}
	}
	return false
}
