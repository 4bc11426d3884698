package web

import (
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/web/api"
)

func renderControl(v policy.Control, w policy.Window) api.Control {
	a := api.Control{
		Id: v.ID, Target: v.Target, Action: string(v.Action), Reason: v.Reason, Actor: v.Actor,
		Drill: v.Drill, CreatedAt: time.Unix(0, v.CreatedAt).UTC(), Phase: api.ControlPhase(v.Phase), Problem: v.Problem, Override: v.Override, Window: renderWindow(w),
	}
	if v.Local() { // it is answered by when the call that made it returns
		a.Local, a.Window = true, api.Window{State: api.WindowStateDraining, PublishedAt: a.CreatedAt, Nodes: []api.NodeWindow{}}
	}
	if v.Phase == policy.InForce {
		a.Phase = "in-force"
	}
	if a.Source = api.ControlSource(v.Source); v.Source == policy.ByOperator {
		a.Source = "operator"
	}
	if v.Action == policy.Share {
		a.Share = &v.Share
	}
	if kept := v.Kept(); v.Acts() && (v.Action == policy.Drain || v.Action == policy.Share) {
		a.Kept = &kept
	}
	if r := v.Ramp; r != nil {
		a.Ramp = &api.Ramp{Steps: r.Steps, Every: r.Every.String(), Done: r.Done, PauseWhen: r.PauseWhen, BackWhen: r.BackWhen}
		if v.OnItsWay() && (v.Phase != policy.Paused || r.Unsafe) {
			a.Ramp.NextAt = time.Unix(0, r.At+int64(r.Every)).UTC()
		}
	}
	if v.StartsAt != 0 {
		a.StartsAt = time.Unix(0, v.StartsAt).UTC()
	}
	if v.ExpiresAt != 0 {
		a.ExpiresAt = time.Unix(0, v.ExpiresAt).UTC()
	}
	return a
}

// render adds what a control covers, and which others stand against it.
func render(a *api.Control, r policy.Rivals) {
	a.Overrides, a.OverriddenBy = r.Overrides, r.OverriddenBy
	a.Covers = &api.Coverage{Count: r.Count, Endpoints: []api.CoveredEndpoint{}}
	for _, e := range r.Endpoints {
		a.Covers.Endpoints = append(a.Covers.Endpoints, api.CoveredEndpoint{Endpoint: e.Endpoint, Measured: api.Status(e.Measured.String()), OverriddenBy: e.OverriddenBy})
	}
}
