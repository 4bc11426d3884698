package drill

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// Report is what is known of a run that is over, by what State holds of it.
func Report(r *policy.Drill) policy.EvacuationReport {
	v := policy.EvacuationReport{
		ID: r.ID, Kind: "drill", Title: r.Plan.Title, Drill: r.ID, Plan: r.Plan.Name, Targets: append([]string{}, r.Plan.Targets()...), Result: r.Phase, Code: r.Code, Problem: r.Problem,
		Actor: r.Actor, Reason: r.Reason, RTO: r.Plan.RTO, Checks: r.Checks, Steps: r.Steps, Timeline: r.Timeline,
	}
	if m := r.Plan.Simulate; m != nil && m.Vantage != "" {
		v.Targets = append(v.Targets, "vantage/"+m.Vantage)
	} else if m != nil && m.Nameserver != "" {
		v.Targets = append(v.Targets, "nameserver/"+m.Nameserver)
	}
	if v.Title == "" {
		v.Title = r.Plan.Name
	}
	v.At.Ended = r.EndedAt
	restored := false
	for i := range r.Steps {
		st := &r.Steps[i]
		if st.State != policy.StepDone && !st.Restored { // of a drain that was cut short the beginning counts
			continue
		}
		switch st.Kind {
		case policy.StepDrain, policy.StepForceDown, policy.StepVantage, policy.StepSilence:
			if v.At.Decided == 0 {
				v.At.Decided, v.At.Committed = st.StartedAt, st.StartedAt // one change is both
			}
		case policy.StepWindow:
			switch {
			case restored:
				v.At.Recovered = st.EndedAt
			case v.At.Decided != 0 && v.At.Closed == 0:
				v.At.Closed = st.EndedAt
			}
		case policy.StepRestore:
			if v.At.Decided != 0 && !restored && slices.ContainsFunc(r.Steps, func(o policy.DrillStepRun) bool { return o.Restored }) {
				v.At.Restored, restored = st.EndedAt, true
			}
		}
	}
	if v.At.Restored == 0 && v.At.Decided != 0 { // its end took everything back
		v.At.Restored = r.EndedAt
	}
	reach(&v)
	return fit(v)
}

// reach works out how long it took, and whether that is what was expected.
func reach(v *policy.EvacuationReport) {
	v.Reached, v.Met = 0, nil
	if v.At.Closed == 0 {
		return
	}
	v.Reached = policy.Duration(v.At.Closed - v.At.Decided)
	if v.RTO > 0 {
		met := v.Reached <= v.RTO
		v.Met = &met
	}
}

// fit leaves out what makes a report too large: the middle of its timeline, then its steps.
func fit(v policy.EvacuationReport) policy.EvacuationReport {
	size := func() int {
		b, _ := json.Marshal(v) // of numbers and text, which always encode
		return len(b)
	}
	for n := len(v.Timeline); size() > policy.MaxReport && n > 2; n = len(v.Timeline) {
		v.Timeline, v.Cut = slices.Concat(v.Timeline[:n/4], v.Timeline[n-n/4:]), true
	}
	if size() > policy.MaxReport {
		v.Steps, v.Cut = nil, true
	}
	if size() > policy.MaxReport {
		v.Checks = nil
	}
	return v
}

// moment is a time of State's clock for a person.
func moment(at int64) string {
	if at == 0 {
		return "-"
	}
	return time.Unix(0, at).UTC().Format("2006-01-02 15:04:05.000")
}
