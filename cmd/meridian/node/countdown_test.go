package node

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// TestCountdown: samples against a verdict are seen within a second, only where a
// service has a range of TTLs, and not by a node that has no leader.
func TestCountdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stateWith(1)
		s.ConfigRevision++
		s.Monitors.Set("m", policy.Object[policy.Monitor]{Rev: 1, Spec: policy.Monitor{Name: "m", TCP: &policy.TCPCheck{Port: 1}, Interval: policy.Duration(10 * time.Second), Fall: 3}})
		s.Pools.Set("web", policy.Object[policy.Pool]{Rev: 1, Spec: policy.Pool{Name: "web", Monitor: "m", Endpoints: []policy.Endpoint{{Name: "a"}}}})
		service := policy.Service{Name: policy.MustName("www.example.com"), Steer: policy.Steering{Pool: "web"}, TTL: policy.FixedTTL(policy.Seconds(30))}
		s.Services.Set("www.example.com", policy.Object[policy.Service]{Rev: 1, Spec: service})
		check := s.Checks()[0]
		s.Verdicts.Set(check.ID, policy.Verdict{Check: check.ID, Status: up})
		h := newHearing()
		seq := uint64(0)
		hear := func(against uint8) {
			seq++
			h.take(policy.Report{Vantage: "m1", Boot: 1, Seq: seq, Opinions: []policy.Opinion{{Key: check.Key, Status: up, Against: against}}})
		}
		var c countdown
		step := func(led, changed bool, want time.Duration) {
			t.Helper()
			time.Sleep(countdownEvery)
			if got := c.step(s, listOf(s), h, led, time.Now()); got != changed || c.of[check.ID] != policy.Duration(want) {
				t.Errorf("changed: %v, %v to go; want %v and %v", got, c.of[check.ID], changed, want)
			}
		}
		hear(2)
		step(true, false, 0) // a fixed TTL rests on nothing
		service.TTL = &policy.TTL{Max: 300, Min: 5}
		s = s.Clone()
		s.Services.Set("www.example.com", policy.Object[policy.Service]{Rev: 2, Spec: service})
		step(true, true, 10*time.Second)
		step(true, false, 10*time.Second)
		if c.step(s, listOf(s), newHearing(), true, time.Now()) {
			t.Error("looked twice within a second")
		}
		step(false, true, 0) // no leader
		step(true, true, 10*time.Second)
		hear(1)
		step(true, true, 20*time.Second)
		hear(0)
		step(true, true, 0)
	})
}
