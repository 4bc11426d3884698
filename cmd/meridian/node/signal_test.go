package node

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

// withSignal is stateWith, with the pool checked by a signal too, for which down follows when it is stale.
func withSignal(members int) *policy.State {
	s := stateWith(members).Clone()
	s.Feature = policy.FeatureLevel
	s.Monitors.Set("billing", policy.Object[policy.Monitor]{Spec: policy.Monitor{Name: "billing", Signal: &policy.SignalCheck{Name: "ok", WhenStale: policy.StaleDown}}})
	o, _ := s.Pools.Get("web")
	o.Spec.Monitor, o.Spec.Monitors = "", &policy.MonitorSet{All: []string{"tcp", "billing"}}
	s.Pools.Set("web", o)
	s.ConfigRevision++
	return s
}

// Nobody probes for a signal; what others say of the checks beside it still lands in its place.
func TestSignalIsNotProbed(t *testing.T) {
	s := withSignal(2)
	list := listOf(s)
	mine := list.mine("m1")
	if len(mine) != 3 || len(list.checks) != 6 {
		t.Fatalf("%d of %d checks are to be probed", len(mine), len(list.checks))
	}
	var r policy.Report
	for _, c := range mine {
		if c.Monitor.Signal != nil {
			t.Errorf("%s is to be probed", c.ID)
		}
		r.Opinions = append(r.Opinions, policy.Opinion{Key: c.Key, Status: down})
	}
	for i, o := range list.align(r.Opinions) {
		if probed := list.checks[i].Monitor.Signal == nil; probed != (o.Status == down) {
			t.Errorf("%s has the opinion %+v", list.checks[i].ID, o)
		}
	}
}

func TestSignalInEvidence(t *testing.T) {
	s := withSignal(1)
	n := seeing(t, s)
	if _, err := n.Probe(t.Context(), "web/a", "", "billing"); policy.KindOf(err) != policy.Conflict || !strings.Contains(err.Error(), "monitor billing goes by the signal ok, which programs give: there is nothing to probe") {
		t.Errorf("probe: %v", err)
	}
	h, err := n.Evidence(t.Context(), "web/a")
	if err != nil || len(h.Checks) != 2 || h.Checks[0].Monitor != "billing" {
		t.Fatalf("%+v, %v", h, err)
	}
	c := h.Checks[0]
	if len(c.Reports) != 1 || c.Reports[0].Vantage != "signal/ok" || c.Reports[0].Fresh || c.Reports[0].Error != "never given; whenStale: down" || c.Samples != nil {
		t.Errorf("%+v", c)
	}
	if len(h.Checks[1].Samples) != 1 {
		t.Errorf("the check beside it: %+v", h.Checks[1])
	}
	s = s.Clone()
	s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, Reason: "paid", At: time.Now().UnixNano(), MaxAge: policy.Duration(time.Hour)})
	n.publisher.state = s
	if h, err = n.Evidence(t.Context(), "web/a"); err != nil || h.Checks[0].Reports[0].Status != up || !h.Checks[0].Reports[0].Fresh || h.Checks[0].Reports[0].Error != "paid" {
		t.Errorf("%+v, %v", h.Checks[0], err)
	}
}

// The leader judges signals, though it is blind and hears nobody, and marks one that has grown stale once.
func TestDutiesSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := withSignal(3)
		l := lead(t, s)
		defer l.start(t)()
		l.mu.Lock()
		l.s = l.s.Clone()
		l.s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, At: l.clock(), MaxAge: policy.Duration(10 * time.Second)})
		l.mu.Unlock()
		for _, step := range []struct {
			until  time.Duration
			status policy.Status
			stale  bool
		}{{time.Second, up, false}, {9 * time.Second, up, false}, {12 * time.Second, down, true}, {time.Minute, down, true}} {
			time.Sleep(step.until - time.Duration(l.clock()-s.Clock))
			synctest.Wait()
			v, _ := l.now().Verdicts.Get("web/a@billing")
			signal, _ := l.now().Signals.Get("ok")
			if v.Status != step.status || signal.Stale != step.stale {
				t.Errorf("after %v: %+v, %+v", step.until, v, signal)
			}
		}
		if kinds := l.kinds(); strings.Count(kinds, "measured.expire") != 1 {
			t.Errorf("proposed %s", kinds)
		}
	})
}

// What grew stale while there was no leader may be given to the new one first.
func TestDutiesSignalsOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := judged(withSignal(1), map[string]policy.Status{"web/a@billing": up})
		s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, At: s.Clock - int64(time.Hour), MaxAge: policy.Duration(time.Minute)})
		l := lead(t, s)
		defer l.start(t)()
		for _, step := range []struct {
			until  time.Duration
			status policy.Status
		}{{29 * time.Second, up}, {31 * time.Second, down}} {
			time.Sleep(step.until - time.Duration(l.clock()-s.Clock))
			synctest.Wait()
			if v, _ := l.now().Verdicts.Get("web/a@billing"); v.Status != step.status {
				t.Errorf("after %v: %+v", step.until, v)
			}
		}
	})
}

// An island takes nothing out by a signal: nobody can give it one.
func TestIslandSignals(t *testing.T) {
	s := judged(withSignal(3), map[string]policy.Status{"web/a@billing": up, "web/a@tcp": up})
	i := island{grace: grace}
	if down, changed := i.step(s, listOf(s), []health.Heard{}, time.Hour, false, time.Now()); changed || len(down) > 0 {
		t.Errorf("it takes out %v", down)
	}
}
