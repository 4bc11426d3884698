package change

import (
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/drill"
)

// TestDrillReportNames: a run that is over still knows the controls it had, so that its report says what the nodes told of them.
func TestDrillReportNames(t *testing.T) {
	for name, end := range map[string]func(y *drillYard, id string){
		"done":    func(y *drillYard, _ string) { y.forward(5 * time.Minute) },
		"aborted": func(y *drillYard, id string) { y.at(AbortDrill{id}) },
	} {
		t.Run(name, func(t *testing.T) {
			y := yard(t, evacuateUS)
			id := y.start("away")
			y.forward(45 * time.Second)
			var left policy.Departures
			for c := range y.s.Controls.All {
				left.Items = append(left.Items, policy.Departure{
					Endpoint: "endpoint/us/a", By: "control/" + c, Nodes: []policy.NodeDeparture{{Node: "ns1", PublishedAt: time.Unix(0, y.now)}},
				})
			}
			end(y, id)
			r := y.run(id)
			if v := drill.Told(drill.Report(&r), &r, left); r.Phase != name || y.s.Controls.Len() != 0 || len(v.Nodes) != 1 || v.At.Published == 0 {
				t.Errorf("of a run that is %s, with %d controls left, the report names the nodes %+v", r.Phase, y.s.Controls.Len(), v.Nodes)
			}
		})
	}
}
