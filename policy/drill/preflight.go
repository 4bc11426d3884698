package drill

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/safety"
)

// The checks of preflight. Those above the line are worked out here, the others by the node that leads.
const (
	CheckTargets  = "targets"
	CheckFailure  = CodeFailure
	CheckBusy     = CodeBusy
	CheckControl  = CodeControl
	CheckSafety   = "safety"
	CheckLast     = "last-available"
	CheckTTL      = "ttl"
	CheckAbort    = CodeCondition
	CheckCapacity = "capacity"
	CheckQuorum   = "quorum"
	CheckServers  = "nameservers"
)

// longTTL is from when on a TTL that does not change makes preflight warn.
const longTTL = policy.Seconds(300)

// endpoint is one of a pool.
type endpoint struct {
	pool *policy.Pool
	e    *policy.Endpoint
}

func (v endpoint) id() string { return policy.EndpointID(v.pool.Name, v.e.Name) }

// verdicts counts the monitors of an endpoint by what the cluster says.
func (v endpoint) verdicts(s *policy.State) (up, down, all int) {
	names, _ := v.pool.SetOf(v.e).Names()
	for _, name := range names {
		all++
		switch o, _ := s.Verdicts.Get(policy.CheckID(v.pool, v.e, name)); o.Status {
		case policy.Up:
			up++
		case policy.Down:
			down++
		}
	}
	return up, down, all
}

func (v endpoint) up(s *policy.State) bool {
	up, _, all := v.verdicts(s)
	return up == all
}

func (v endpoint) down(s *policy.State) bool {
	_, down, _ := v.verdicts(s)
	return down > 0
}

func everyEndpoint(s *policy.State) iter.Seq2[endpoint, *policy.Region] {
	return func(yield func(endpoint, *policy.Region) bool) {
		for _, o := range s.Pools.All {
			for i := range o.Spec.Endpoints {
				e := &o.Spec.Endpoints[i]
				if !yield(endpoint{&o.Spec, e}, s.Region(e.RegionOr(&o.Spec))) {
					return
				}
			}
		}
	}
}

func endpoints(s *policy.State, t policy.Target) iter.Seq[endpoint] {
	return func(yield func(endpoint) bool) {
		for v, region := range everyEndpoint(s) {
			if t.Covers(region, v.pool, v.e) && !yield(v) {
				return
			}
		}
	}
}

// concerned are the ids of the endpoints that a plan takes out.
func concerned(s *policy.State, p *policy.DrillPlan) map[string]bool {
	in := map[string]bool{}
	for _, id := range p.Targets() {
		if t, err := policy.ParseTarget(id); err == nil {
			for v := range endpoints(s, t) {
				in[v.id()] = true
			}
		}
	}
	return in
}

// Endpoints are the ids of the endpoints that a plan takes out, in order.
func Endpoints(s *policy.State, p *policy.DrillPlan) []string {
	return slices.Sorted(maps.Keys(concerned(s, p)))
}

// Concerned lists the services of which a plan takes an endpoint out, in order.
func Concerned(s *policy.State, p *policy.DrillPlan) (ids []string) {
	in := concerned(s, p)
	for id, o := range s.Services.All {
		for pool := range s.PoolsOf(&o.Spec) {
			if uses(s, pool, in) {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids
}

func uses(s *policy.State, pool string, in map[string]bool) bool {
	o, ok := s.Pools.Get(pool)
	return ok && slices.ContainsFunc(o.Spec.Endpoints, func(e policy.Endpoint) bool { return in[policy.EndpointID(pool, e.Name)] })
}

// Failure says what of the world that a plan leaves in service is down: more than half of a region or a pool. "" when nothing is.
func Failure(s *policy.State, p *policy.DrillPlan) string {
	in := concerned(s, p)
	count := map[string][2]int{}
	for v, region := range everyEndpoint(s) {
		if in[v.id()] {
			continue
		}
		groups := []string{"pool/" + v.pool.Name}
		if region != nil {
			groups = append(groups, "region/"+region.Name)
		}
		for _, g := range groups {
			n := count[g]
			n[0]++
			if v.down(s) {
				n[1]++
			}
			count[g] = n
		}
	}
	var down []string
	for g, n := range count {
		if 2*n[1] > n[0] {
			down = append(down, fmt.Sprintf("%s (%d of %d endpoints)", g, n[1], n[0]))
		}
	}
	if len(down) == 0 {
		return ""
	}
	slices.Sort(down)
	return "down, and not by the drill: " + strings.Join(down, ", ")
}

// operated says which control of an operator is on what a plan takes out.
func operated(s *policy.State, p *policy.DrillPlan) string {
	in := concerned(s, p)
	for _, c := range s.Controls.All {
		if c.Source != policy.ByOperator || c.Phase == policy.Refused {
			continue
		}
		if t, err := policy.ParseTarget(c.Target); err == nil {
			for pool, e := range s.Covered(t) { // of a service those that it uses
				if in[policy.EndpointID(pool.Name, e.Name)] {
					return fmt.Sprintf("%s controls %s (%s, %s)", c.Actor, c.Target, c.Action, c.ID)
				}
			}
		}
	}
	return ""
}

// Preflight is what State says of a run of a plan at a time. id is of the run, "" of one that is not there.
func Preflight(s *policy.State, p *policy.DrillPlan, id string, now int64) (list []policy.DrillCheck) {
	add := func(name, result, format string, args ...any) {
		list = append(list, policy.DrillCheck{Name: name, Result: result, Text: cut(fmt.Sprintf(format, args...))})
	}
	check := func(name, problem, fine string) {
		if problem != "" {
			add(name, policy.CheckFail, "%s", problem)
		} else {
			add(name, policy.CheckOK, "%s", fine)
		}
	}
	if code, problem := Windows(p, now); code != "" {
		add(code, policy.CheckFail, "%s", problem)
	} else {
		add("windows", policy.CheckOK, "no window is against it")
	}
	check(CheckBusy, Busy(s, id), "no other drill goes on")
	check(CheckTargets, missing(s, p), "what it takes out is there")
	check(CheckFailure, Failure(s, p), "nothing else is down")
	check(CheckControl, operated(s, p), "no operator controls the same")
	for _, text := range p.AbortWhen {
		problem, err := s.Condition(text, now)
		if err != nil {
			problem = text + " cannot be told: " + err.Error()
		}
		check(CheckAbort, problem, text+" is not the case")
	}
	problem := ""
	if err := safety.Check(s, Evacuated(s, p), safety.For{}); err != nil {
		problem = err.Error()
	}
	check(CheckSafety, problem, "no safety rule is against it")
	check(CheckLast, last(s, p), "each service keeps an endpoint that is up")
	if longest, of := fixed(s, p); longest > longTTL {
		add(CheckTTL, policy.CheckWarn, "%s has a TTL of %ds that cannot be lowered: its clients follow only after that", of, longest)
	} else {
		add(CheckTTL, policy.CheckOK, "clients follow within %ds", max(longest, policy.Seconds(ahead(s, p)/policy.Duration(time.Second))))
	}
	return list
}

// Windows says whether a plan's windows are against a start.
func Windows(p *policy.DrillPlan, now int64) (code, problem string) {
	at := time.Unix(0, now)
	for _, w := range p.Blocked {
		if w.Holds(at) {
			return CodeBlocked, "it is within a blocked window: " + w.String()
		}
	}
	if len(p.Allowed) > 0 && !slices.ContainsFunc(p.Allowed, func(w policy.TimeWindow) bool { return w.Holds(at) }) {
		return CodeOutside, "it is in none of the allowed windows; the first is " + p.Allowed[0].String()
	}
	return "", ""
}

// Busy says which other drill goes on, as seen by the run of an id ("" of one that is not there): one that does something,
// or that began its preflight before. One at a time goes on in a cluster: two at once prove nothing of either.
func Busy(s *policy.State, id string) string {
	me, known := s.Drills.Get(id)
	for _, r := range s.Drills.All {
		if r.ID == id || r.Over() || r.Practice || r.StartedAt == 0 {
			continue
		}
		if !known || r.Acted() || r.StartedAt < me.StartedAt || r.StartedAt == me.StartedAt && r.ID < id {
			return fmt.Sprintf("the drill %s (%s) goes on; one does at a time", r.ID, r.Plan.Name)
		}
	}
	return ""
}

func missing(s *policy.State, p *policy.DrillPlan) string {
	for _, id := range p.Targets() {
		t, err := policy.ParseTarget(id)
		if err != nil {
			return err.Error()
		}
		there := false
		for range endpoints(s, t) {
			there = true
			break
		}
		if !there {
			return "there is no endpoint in " + id + " any more"
		}
	}
	nodes := p.Nodes()
	for _, m := range s.Members.All {
		nodes = without(nodes, m.Node)
	}
	if len(nodes) > 0 {
		return "there is no node " + strings.Join(nodes, ", ")
	}
	return ""
}

// Evacuated is the state in the middle of a run: with all that a plan takes out drained.
func Evacuated(s *policy.State, p *policy.DrillPlan) *policy.State {
	after := s.Clone()
	for i, t := range p.Targets() {
		id := fmt.Sprintf("preflight-%d", i)
		after.Controls.Set(id, policy.Control{ID: id, Target: t, Action: policy.Drain, Source: policy.ByDrill})
	}
	return after
}

// last says which service would be left without any endpoint that is up and not drained.
func last(s *policy.State, p *policy.DrillPlan) string {
	in := concerned(s, p)
	var bad []string
	for id, o := range s.Services.All {
		before, after := 0, 0
		forces := s.Forces(id)
		for name := range s.PoolsOf(&o.Spec) {
			pool, ok := s.Pools.Get(name)
			if !ok {
				continue
			}
			for i := range pool.Spec.Endpoints {
				v := endpoint{&pool.Spec, &pool.Spec.Endpoints[i]}
				if f := forces.On(v.pool, v.e); !v.up(s) || f.Drained != "" || f.Down != "" {
					continue
				}
				before++
				if !in[v.id()] {
					after++
				}
			}
		}
		if before > 0 && after == 0 {
			bad = append(bad, id)
		}
	}
	if len(bad) == 0 {
		return ""
	}
	return "it would take the last endpoints that are up from " + strings.Join(bad, ", ")
}

// fixed is the longest TTL that cannot be lowered of what a plan concerns.
func fixed(s *policy.State, p *policy.DrillPlan) (longest policy.Seconds, of string) {
	for _, id := range Concerned(s, p) {
		if o, ok := s.Services.Get(id); ok {
			if t := o.Spec.TTLRange(); t.Fixed() && t.Max > longest {
				longest, of = t.Max, id
			}
		}
	}
	return longest, of
}
