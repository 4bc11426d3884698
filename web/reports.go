package web

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/drill"
	"github.com/meridian-gtm/meridian/web/api"
)

// ListReports lists the reports, the newest first.
func (s *server) ListReports(c *gin.Context) {
	state := s.cfg.Node.State()
	var all []policy.EvacuationReport
	for _, v := range state.Reports.All {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b policy.EvacuationReport) int {
		return cmp.Or(cmp.Compare(b.At.Ended, a.At.Ended), strings.Compare(b.ID, a.ID))
	})
	list := api.ReportList{Items: []api.Report{}}
	for i := range all {
		all[i].Checks, all[i].Steps, all[i].Timeline = nil, nil, nil
		list.Items = append(list.Items, renderReport(&all[i]))
	}
	read(c, state, state.Revision)
	s.render(c, http.StatusOK, list)
}

// GetReport shows a report, in one of its forms.
func (s *server) GetReport(c *gin.Context, id string) {
	state := s.cfg.Node.State()
	v, ok := state.Reports.Get(id)
	if !ok {
		s.refuse(c, policy.Errorf(policy.NotFound, "there is no report %q; a run has one a moment after it is over", id))
		return
	}
	media, ok := s.accept(c, mediaJSON, mediaMark, mediaHTML)
	if !ok {
		return
	}
	read(c, state, state.Revision)
	switch media {
	case mediaMark:
		c.Data(http.StatusOK, mediaMark+"; charset=utf-8", []byte(drill.Markdown(&v)))
	case mediaHTML:
		text, err := drill.HTML(&v)
		if err != nil {
			s.refuse(c, err)
			return
		}
		c.Data(http.StatusOK, mediaHTML+"; charset=utf-8", []byte(text))
	default:
		s.render(c, http.StatusOK, renderReport(&v))
	}
}

func renderReport(v *policy.EvacuationReport) api.Report {
	out := api.Report{
		Id: v.ID, Kind: api.ReportKind(v.Kind), Title: v.Title, Drill: v.Drill, Plan: v.Plan, Targets: v.Targets, Result: v.Result, Code: v.Code, Problem: v.Problem, Actor: v.Actor, Reason: v.Reason, Missing: v.Missing,
		Met: v.Met, Cut: v.Cut, Steps: renderSteps(v.Steps), Checks: renderChecks(v.Checks), Timeline: renderNotes(v.Timeline),
		At: api.ReportTimes{Decided: clockTime(v.At.Decided), Committed: clockTime(v.At.Committed), Published: clockTime(v.At.Published), Closed: clockTime(v.At.Closed), Restored: clockTime(v.At.Restored),
			Recovered: clockTime(v.At.Recovered), Ended: clockTime(v.At.Ended), First: clockTime(v.At.First)},
	}
	for _, n := range v.Nodes {
		out.Nodes = append(out.Nodes, api.ReportNode{
			Node: n.Node, Reachable: n.Reachable, PublishedAt: clockTime(n.Published), MaxTTL: int(n.MaxTTL), ClosesAt: clockTime(n.Closes), LastAnswerAt: clockTime(n.LastNamed),
			Asked: n.Asked, Answered: n.Answered, LastSeenAt: clockTime(n.LastSeen),
		})
	}
	if r := v.Residual; r != nil {
		out.Residual = &api.ReportResidual{Clients: r.Clients, Count: r.Count, Top: renderResiduals(r.Top, time.Unix(0, v.At.Closed))}
	}
	if v.RTO > 0 {
		out.Rto = v.RTO.String()
	}
	if v.Reached > 0 {
		out.Achieved = v.Reached.String()
	}
	return out
}

func renderChecks(checks []policy.DrillCheck) []api.DrillCheck {
	list := []api.DrillCheck{}
	for _, k := range checks {
		list = append(list, api.DrillCheck{Name: k.Name, Result: api.DrillCheckResult(k.Result), Text: k.Text})
	}
	return list
}

func renderNotes(notes []policy.DrillNote) []api.DrillNote {
	list := []api.DrillNote{}
	for _, n := range notes {
		list = append(list, api.DrillNote{At: clockTime(n.At), Phase: n.Phase, Text: n.Text})
	}
	return list
}
