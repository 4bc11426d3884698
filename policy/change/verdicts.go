package change

import (
	"strings"

	"github.com/meridian-gtm/meridian/policy"
)

// RecordVerdicts brings in what the leader judged in one look.
type RecordVerdicts struct {
	Edges []policy.Edge `json:"edges"`
}

func (b RecordVerdicts) apply(d *making) error {
	live, looked := map[string]bool{}, map[string]bool{} // only of the pools that are touched
	for _, e := range b.Edges {
		if pool, _, _ := strings.Cut(e.Check, "/"); !looked[pool] {
			looked[pool] = true
			if o, ok := d.Pools.Get(pool); ok {
				addChecks(live, &o.Spec)
			}
		}
		if !live[e.Check] { // the check may have gone while the judgement was on its way
			continue
		}
		if is, _ := d.Verdicts.Get(e.Check); is.Resumed && is.Status == policy.Down && e.Status == policy.Down {
			e.Resumed = true // an operator may have resumed it likewise; only coming up ends that
		}
		d.Verdicts.Set(e.Check, e.Verdict)
	}
	return nil
}
