package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
	"github.com/meridian-gtm/meridian/policy/safety"
	"github.com/meridian-gtm/meridian/web/api"
)

// maxOutlook bounds the work of saying what could be drained: services times targets.
const maxOutlook = 100_000

// overrides reads X-Override. Nobody but an admin gets as far as the log with one; Apply looks again.
func overrides(c *gin.Context) (rules []string, err error) {
	for _, name := range strings.Split(c.GetHeader("X-Override"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			rules = append(rules, name)
		}
	}
	return rules, mayOverride(c, rules)
}

func mayOverride(c *gin.Context, rules []string) error {
	if who := callerOf(c); len(rules) > 0 && !policy.Permits(who.role, policy.RoleAdmin) {
		return policy.Errorf(forbidden, "%s has the role %s; to override safety rules (%s) takes admin", who.who, who.role, strings.Join(rules, ", "))
	}
	return nil
}

// rehearse says what would become of a control, and changes nothing.
func (s *server) rehearse(c *gin.Context, ch change.Change, in controlRequest) {
	err := change.Admit(s.cfg.Node.State(), ch.Body)
	var out policy.Outcome
	if err == nil {
		_, out, err = s.would(ch)
	}
	if err != nil {
		s.refuse(c, err)
		return
	}
	state := s.cfg.Node.State()
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, api.ControlRehearsal{Target: in.Target, Action: string(in.Action), Allowed: true, Warnings: append([]string{}, out.Warnings...)})
}

func (s *server) GetSafety(c *gin.Context) {
	snap, err := s.cfg.Node.Snapshot()
	if err != nil {
		s.refuse(c, err)
		return
	}
	state := s.cfg.Node.State()
	now := max(state.Clock, s.cfg.Now().UnixNano())
	up := func(pool, endpoint string) bool {
		status, _, ok := snap.Effective(pool, endpoint)
		return ok && status != policy.Down
	}
	r := api.SafetyReport{Items: []api.SafetyStanding{}, Targets: []api.DrainOutlook{}, Index: state.Index}
	for _, v := range safety.Standings(state, now, up, snap.Kept()) {
		r.Items = append(r.Items, api.SafetyStanding{Rule: v.Rule, State: api.SafetyStandingState(v.State), Wants: v.Wants, Says: v.Says})
	}
	targets := drainable(state)
	if len(targets)*state.Services.Len() <= maxOutlook {
		for _, t := range targets {
			r.Targets = append(r.Targets, s.outlook(c, t, now))
		}
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, r)
}

// drainable are the regions and providers with an endpoint, as targets, in order.
func drainable(s *policy.State) (list []string) {
	for _, o := range s.Pools.All {
		for i := range o.Spec.Endpoints {
			region := s.Region(o.Spec.Endpoints[i].RegionOr(&o.Spec))
			if region == nil {
				continue
			}
			list = append(list, "region/"+region.Name)
			if region.Provider != "" {
				list = append(list, "provider/"+region.Provider)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// outlook says what a drain of a target by the caller would meet now.
func (s *server) outlook(c *gin.Context, target string, now int64) api.DrainOutlook {
	v := api.DrainOutlook{Target: target, Allowed: true, Rules: []string{}, Problems: []string{}}
	_, _, err := s.would(change.Change{
		Actor: callerOf(c).actor, Scopes: callerOf(c).scopes, Clock: now, Reason: "what if",
		Body: change.PutControl{Target: target, Action: policy.Drain},
	})
	if err == nil {
		return v
	}
	v.Allowed = false
	var refusal *policy.Error
	if !errors.As(err, &refusal) || len(refusal.Problems) == 0 {
		v.Problems = []string{err.Error()}
		return v
	}
	for _, p := range refusal.Problems {
		if p.Rule != "" {
			v.Rules = append(v.Rules, p.Rule)
		}
		v.Problems = append(v.Problems, p.Message)
	}
	return v
}

func (s *server) ListSwitches(c *gin.Context) {
	state := s.cfg.Node.State()
	list := api.SwitchList{Items: make([]api.Switch, 0, state.Switches.Len())}
	for name, v := range state.Switches.All {
		list.Items = append(list.Items, api.Switch{
			Name: name, On: v.On, Reason: v.Reason, Actor: v.Actor, At: time.Unix(0, v.At).UTC(), Rules: append([]string{}, state.Gates(name)...),
		})
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

func (s *server) PutSwitch(c *gin.Context, _ string, params api.PutSwitchParams) {
	var in api.SwitchPut
	s.reasoned(c, params.IfMatch, params.IdempotencyKey, &in, func() (string, change.Body) {
		return in.Reason, change.PutSwitch{Name: c.Param("name"), On: in.On}
	})
}

func (s *server) DeleteSwitch(c *gin.Context, _ string, params api.DeleteSwitchParams) {
	ch, err := s.envelope(c, params.IfMatch, params.IdempotencyKey, nil)
	if err != nil {
		s.refuse(c, err)
		return
	}
	ch.Body = change.DeleteSwitch{Name: c.Param("name")}
	s.put(c, http.StatusOK, ch, 0)
}
