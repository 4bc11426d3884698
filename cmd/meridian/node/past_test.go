package node

import (
	"slices"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/cmd/meridian/node/history"
	"github.com/meridian-gtm/meridian/policy"
)

// TestHistoryOfOneNode: samples that say nothing of the target are left out, and edges come from the events.
func TestHistoryOfOneNode(t *testing.T) {
	s := judged(stateWith(1), map[string]policy.Status{"web/a@tcp": down})
	n := seeing(t, s)
	n.past = history.Open(t.TempDir(), quiet())
	n.events.keep = n.past.Edge
	end := time.Now().Truncate(history.Finest)
	n.past.SetChecks([]string{"web/a@tcp"})
	n.sampled("web/a@tcp", policy.Sample{OK: true, Took: policy.Duration(20 * time.Millisecond)}, policy.Opinion{}, policy.Opinion{})
	n.sampled("web/a@tcp", policy.Sample{OK: false}, policy.Opinion{}, policy.Opinion{})
	n.sampled("web/a@tcp", policy.Sample{Refused: true}, policy.Opinion{}, policy.Opinion{})
	n.sampled("web/a@tcp", policy.Sample{Blind: true}, policy.Opinion{}, policy.Opinion{})
	n.past.Tick(end, func(check string) (policy.Status, bool) {
		v, ok := s.Verdicts.Get(check)
		return v.Status, ok
	})
	h, err := n.History(t.Context(), policy.HistoryQuery{Endpoint: "web/a", From: end.Add(-time.Minute), To: time.Now(), Step: policy.Duration(10 * time.Second)})
	if err != nil || len(h.Checks) != 1 || h.Step != policy.HistoryFinest || len(h.Checks[0].Timeline) != 1 || len(h.Checks[0].Vantages) != 1 {
		t.Fatalf("%+v %v", h, err)
	}
	if p := h.Checks[0].Vantages[0].Points[0]; p.Loss != 0.5 || p.Latency < policy.Duration(19*time.Millisecond) || p.Latency > policy.Duration(21*time.Millisecond) {
		t.Errorf("%+v", p)
	}
	if p := h.Checks[0].Timeline[0]; p.Status != down || p.Down != 1 || !p.At.Equal(end.Add(-history.Finest)) {
		t.Errorf("%+v", p)
	}
	if _, err := n.History(t.Context(), policy.HistoryQuery{Endpoint: "web/none", From: end, To: end.Add(1)}); policy.KindOf(err) != policy.NotFound {
		t.Error(err)
	}
	if h, err := n.History(t.Context(), policy.HistoryQuery{Endpoint: "web/a", From: end.Add(-90 * 24 * time.Hour), To: end}); err != nil || h.Step != policy.Duration(3*time.Hour) {
		t.Errorf("90 days are told in steps of %v, %v", h.Step, err)
	}
}

// TestHistoriesAreJoined: gaps in the verdicts of the node that is asked are filled by others, and each vantage stands alone.
func TestHistoriesAreJoined(t *testing.T) {
	base := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	at := func(i int) time.Time { return base.Add(time.Duration(i) * time.Minute) }
	edge := func(index uint64) policy.VerdictEdge { return policy.VerdictEdge{Index: index, At: at(int(index))} }
	told := []toldHistory{
		{"ns2", historyAnswer{"c": {Points: []policy.HistoryPoint{{At: at(0), Judged: true, Status: down, Down: 1}, {At: at(3), Judged: true, Status: up}}, Edges: []policy.VerdictEdge{edge(2)}}}},
		{"ns1", historyAnswer{"c": {
			Points: []policy.HistoryPoint{{At: at(0), Judged: true, Status: up, Probed: true, Loss: 1}, {At: at(1), Judged: true, Status: up, Probed: true}, {At: at(2), Probed: true}},
			Edges:  []policy.VerdictEdge{edge(3), edge(2)},
		}}},
	}
	c := policy.CheckHistory{Check: "c"}
	joinHistory(&c, told)
	var status []policy.Status
	for _, p := range c.Timeline {
		status = append(status, p.Status)
	}
	if !slices.Equal(status, []policy.Status{down, up, up}) || !c.Timeline[2].At.Equal(at(3)) {
		t.Errorf("the time line is %+v", c.Timeline)
	}
	if len(c.Vantages) != 1 || c.Vantages[0].Vantage != "ns1" || len(c.Vantages[0].Points) != 3 {
		t.Errorf("the vantages are %+v", c.Vantages)
	}
	if len(c.Changes) != 2 || c.Changes[0].Index != 3 {
		t.Errorf("the changes are %+v", c.Changes)
	}
}
