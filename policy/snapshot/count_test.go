package snapshot

import (
	"testing"

	"github.com/meridian-gtm/meridian/policy"
)

func TestCount(t *testing.T) {
	state := manyServices(2, nearestOf) // 2 pools of 2 endpoints of their own, and 3 that both share
	verdict := func(pool, endpoint string, status policy.Status, ramp int) {
		check := pool + "/" + endpoint + "@m"
		state.Verdicts.Set(check, policy.Verdict{Check: check, Status: status, Ramp: ramp})
	}
	verdict("own0", "a", policy.Down, 100)
	verdict("own1", "a", policy.Up, 25)
	verdict("shared0-eu", "a", policy.Unknown, 100)
	for i, c := range []policy.Control{{Target: "endpoint/own1/b", Action: policy.Drain}, {Target: "endpoint/shared0-ap/a", Action: policy.ForceDown}, {Target: "endpoint/shared0-ap/b", Action: policy.Share, Share: 40}} {
		c.ID, c.CreatedAt = string(rune('a'+i)), int64(i)
		state.Controls.Set(c.ID, c)
	}
	s, err := Compile(nil, state, Local{})
	if err != nil {
		t.Fatal(err)
	}
	e, services := s.Count()
	if want := (policy.EndpointCount{Up: 4, Degraded: 2, Down: 2, Drained: 1, Unknown: 1}); e != want {
		t.Errorf("%+v, want %+v", e, want)
	}
	// s1 lacks own1/b, shared0-eu/a and shared0-ap/a; s0 own0/a and the shared ones.
	if services.All != 2 || services.Short != 2 || len(services.Items) != 2 || services.Items[0].Up >= services.Items[0].Endpoints || services.Items[0].Endpoints != 6 {
		t.Errorf("%+v", services)
	}
}
