package snapshot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
	"github.com/meridian-gtm/meridian/policy/steer"
	"github.com/meridian-gtm/meridian/policy/zonefile"
)

// The TTLs, in seconds, outside of which a health-checked service is warned of.
const (
	shortTTL = 30
	longTTL  = 300
)

// quorumWarnings tells of monitors that ask for votes from more failure domains than
// there are nodes in: nothing that they check would ever be called down.
func (s *Snapshot) quorumWarnings() (list []string) {
	vantages := health.Vantages(s.State)
	if len(vantages) == 0 {
		return nil
	}
	for _, o := range s.State.Monitors.All {
		q := o.Spec.Quorum
		for _, part := range []struct {
			want int
			what string
			of   func(health.Assigned) string
		}{
			{q.Regions, "regions", func(a health.Assigned) string { return a.Region }},
			{q.Providers, "providers", func(a health.Assigned) string { return a.Provider }},
			{q.Continents, "continents", func(a health.Assigned) string { return a.Continent }},
		} {
			are := map[string]bool{}
			for _, a := range vantages {
				if name := part.of(a); name != "" {
					are[name] = true
				}
			}
			if part.want > len(are) {
				list = append(list, fmt.Sprintf("monitor %s: its quorum asks for %d %s, and the nodes are in %d: nothing it checks is ever called down", o.Spec.Name, part.want, part.what, len(are)))
			}
		}
	}
	return append(list, s.budgetWarnings(vantages)...)
}

// budgetWarnings tells of vantages that are given more probes than they may make, for want of others.
func (s *Snapshot) budgetWarnings(vantages []health.Assigned) (list []string) {
	if !slices.ContainsFunc(vantages, func(v health.Assigned) bool { return v.Budget > 0 }) {
		return nil
	}
	checks := s.State.Checks()
	for i, r := range health.Rates(checks, health.Assign(s.State, checks, vantages), vantages) {
		if v := vantages[i]; v.Budget > 0 && r > float64(v.Budget) {
			list = append(list, fmt.Sprintf("vantage %s is given %.4g probes a second, more than its budget of %d: nobody else may make them by the monitors' vantages; add agents, raise probing.budget, or probe less often", v.Label, r, v.Budget))
		}
	}
	return list
}

// signalWarnings tells of monitors that go by a signal which is stale, or was never given.
func (s *Snapshot) signalWarnings() (list []string) {
	for _, o := range s.State.Monitors.All {
		m := o.Spec.WithDefaults()
		if m.Signal == nil {
			continue
		}
		v, ok := s.State.Signals.Get(m.Signal.Name)
		then := "what it checks goes by whenStale: " + m.Signal.WhenStale
		switch {
		case !ok:
			list = append(list, fmt.Sprintf("monitor %s: signal %s was never given, so %s; give it with PUT /signals/%s or meridian signal %s up", m.Name, m.Signal.Name, then, m.Signal.Name, m.Signal.Name))
		case v.Stale:
			list = append(list, fmt.Sprintf("monitor %s: signal %s is stale, given last at %s for %v, so %s", m.Name, v.Name, time.Unix(0, v.At).UTC().Format(time.RFC3339), v.MaxAge, then))
		}
	}
	return list
}

func (s *Snapshot) ttlWarnings(svc *Service) []string {
	checked := slices.ContainsFunc(svc.tree.Pools, func(p *steer.Pool) bool {
		o, ok := s.State.Pools.Get(p.Name)
		return ok && slices.ContainsFunc(o.Spec.Endpoints, func(e policy.Endpoint) bool { return o.Spec.SetOf(&e) != nil })
	})
	switch {
	case !checked:
	case svc.TTL > longTTL:
		return []string{fmt.Sprintf("service %s: resolvers keep a failed endpoint for up to its TTL of %d s; %d to %d s are usual for what is health-checked", svc.ID, svc.TTL, shortTTL, longTTL)}
	case svc.TTL < shortTTL && svc.minTTL == svc.TTL:
		return []string{fmt.Sprintf("service %s: with a TTL of %d s resolvers ask very often, and some keep answers for %d s all the same; %d to %d s are usual for what is health-checked", svc.ID, svc.TTL, shortTTL, shortTTL, longTTL)}
	}
	return nil
}

// sizeWarnings tells of endpoints with more records than one UDP answer holds.
func (svc *Service) sizeWarnings() (list []string) {
	for _, n := range svc.spec.Spec.Owners() {
		for _, set := range svc.Sets {
			rr := policy.RRset{Type: set.Type, Data: set.Data}
			if size := zonefile.AnswerSize("", n, rr); size > zonefile.SafeAnswer {
				list = append(list, fmt.Sprintf("service %s: %s has %d %s records, which make an answer of about %d octets for %s; over %d it goes by TCP, or in fragments that get lost (RFC 9715)",
					svc.ID, strings.Join(set.Endpoints, ", "), len(set.Data), zonefile.TypeString(set.Type), size, n, zonefile.SafeAnswer))
			}
		}
	}
	return list
}
