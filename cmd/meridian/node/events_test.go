package node

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

func TestEventsAreBoundedAndInOrder(t *testing.T) {
	e := newEvents("ns1")
	first := e.seq
	for i := range backlog + 10 {
		e.tell(policy.Event{Type: "test", Index: uint64(i)})
	}
	list, _ := e.since(0)
	if len(list) != backlog || list[0].Index != 10 {
		t.Fatalf("%d events, the first is %d", len(list), list[0].Index)
	}
	for i, ev := range list {
		if ev.Seq != first+uint64(i)+11 || ev.Node != "ns1" || ev.At.IsZero() {
			t.Fatalf("event %d is %+v", i, ev)
		}
	}
	for after, want := range map[uint64]int{list[0].Seq: backlog - 1, list[backlog-3].Seq: 2, list[backlog-1].Seq: 0, 1 << 63: 0} {
		if rest, _ := e.since(after); len(rest) != want || want > 0 && rest[0].Seq != after+1 {
			t.Errorf("after %d there are %d, want %d", after, len(rest), want)
		}
	}
}

// A watcher that comes back after a restart gets what the new process tells, and nothing of before twice.
func TestEventsGoOnAfterRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newEvents("ns1")
		for range 5000 {
			old.tell(policy.Event{Type: "old"})
		}
		list, _ := old.since(0)
		last := list[len(list)-1].Seq
		time.Sleep(5 * time.Millisecond) // the restart
		next := newEvents("ns1")
		next.tell(policy.Event{Type: "new"})
		if list, _ := next.since(last); len(list) != 1 {
			t.Errorf("%d events after the restart", len(list))
		}
	})
}

func TestEventsWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := newEvents("ns1")
		for i := range 3 {
			e.tell(policy.Event{Index: uint64(i)})
		}
		list, _ := e.since(0)
		ctx, cancel := context.WithCancel(t.Context())
		ch := e.watch(ctx, list[0].Seq) // it has the first already
		if ev := <-ch; ev.Index != 1 {
			t.Errorf("resumes at %d", ev.Index)
		}
		if ev := <-ch; ev.Index != 2 {
			t.Errorf("goes on with %d", ev.Index)
		}
		synctest.Wait()
		select {
		case ev := <-ch:
			t.Errorf("told twice: %+v", ev)
		default:
		}
		e.tell(policy.Event{Index: 3})
		if ev := <-ch; ev.Index != 3 {
			t.Errorf("a live one: %d", ev.Index)
		}
		e.tell(policy.Event{Index: 4}) // nobody reads it
		synctest.Wait()
		cancel()
		synctest.Wait()
		if _, open := <-ch; open {
			if _, open = <-ch; open {
				t.Error("the channel stays open")
			}
		}
	})
}

func TestEventTexts(t *testing.T) {
	base := stateWith(2)
	base.Clock = 1000
	ballots := []policy.Ballot{{Vantage: "ns1", Status: down, Error: "connection refused"}, {Vantage: "ns2", Absent: "silent"}, {Vantage: "ns3", Status: down}}
	zone := policy.MustName("example.com")
	for name, c := range map[string]struct {
		old, next func(*policy.State)
		want      []string
	}{
		"nothing": {nil, func(s *policy.State) { s.Index++; s.Clock++ }, nil},
		"a verdict": {
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: up}) },
			func(s *policy.State) {
				s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: down, Ballots: ballots})
			},
			[]string{"verdict endpoint/web/a: endpoint/web/a is down, was up: circuit open (2 of 3 vantages: connection refused)"},
		},
		"up again says no error": {
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: down}) },
			func(s *policy.State) {
				s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: up, Ballots: []policy.Ballot{{Status: up, Error: "before"}}})
			},
			[]string{"verdict endpoint/web/a: endpoint/web/a is up, was down: circuit half-open (1 of 1 vantages)"},
		},
		"a verdict by a signal": {nil, func(s *policy.State) {
			s.Verdicts.Set("web/a@billing", policy.Verdict{Status: down, Ballots: []policy.Ballot{{Vantage: "signal/ok", Status: down, Error: "spent"}}})
		}, []string{"verdict endpoint/web/a: endpoint/web/a is down, was unknown: circuit open (signal/ok: spent)"}},
		"a signal": {nil, func(s *policy.State) {
			s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, Actor: "anna"})
		}, []string{"signal signal/ok: signal ok is up, given for the first time by anna"}},
		"a signal that changes": {
			func(s *policy.State) { s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up}) },
			func(s *policy.State) {
				s.Signals.Set("ok", policy.Signal{Name: "ok", Status: down, Actor: "anna", Reason: "spent"})
			},
			[]string{"signal signal/ok: signal ok is down, was up, by anna: spent"},
		},
		"a signal that says the same": {
			func(s *policy.State) { s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, At: 1}) },
			func(s *policy.State) { s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, At: 2}) }, nil,
		},
		"a signal that grows stale": {
			func(s *policy.State) {
				s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, MaxAge: policy.Duration(time.Minute)})
			},
			func(s *policy.State) {
				s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, MaxAge: policy.Duration(time.Minute), Stale: true})
			},
			[]string{"signal signal/ok: signal ok is stale: it was last given at 1970-01-01T00:00:00Z and counts for 1m0s"},
		},
		"a signal that is given again": {
			func(s *policy.State) { s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, Stale: true}) },
			func(s *policy.State) { s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, Actor: "anna"}) },
			[]string{"signal signal/ok: signal ok is given again by anna, and up"},
		},
		"a signal that is deleted": {
			func(s *policy.State) { s.Signals.Set("ok", policy.Signal{Name: "ok", Status: up, Stale: true}) },
			func(s *policy.State) { s.Signals.Delete("ok") },
			[]string{"signal signal/ok: signal ok was deleted"},
		},
		"a resume": {
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: down}) },
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: down, Resumed: true}) },
			[]string{"verdict endpoint/web/a: endpoint/web/a is resumed: it comes up when the vantages agree"},
		},
		"a step of a ramp": {
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: up, Ramp: 10}) },
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: up, Ramp: 20}) }, nil,
		},
		"the end of a ramp": {
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: up, Ramp: 90}) },
			func(s *policy.State) { s.Verdicts.Set("web/a@tcp", policy.Verdict{Status: up, Ramp: 100}) },
			[]string{"verdict endpoint/web/a: endpoint/web/a has all of its weight back: circuit closed"},
		},
		"a drain": {nil, func(s *policy.State) {
			s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, Actor: "anna", Reason: "repair"})
		}, []string{"control control/c1: drain: region/us by anna: repair"}},
		"a drain that is planned": {nil, func(s *policy.State) {
			s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, Actor: "anna", Reason: "repair", StartsAt: 3600e9, Phase: policy.Planned})
		}, []string{"control control/c1: planned drain: region/us by anna at 1970-01-01T01:00:00Z: repair"}},
		"a planned drain that begins": {
			func(s *policy.State) {
				s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, Phase: policy.Near})
			},
			func(s *policy.State) {
				s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, Actor: "anna", Reason: "repair"})
			},
			[]string{"control control/c1: drain: region/us by anna: repair"},
		},
		"a planned drain that would hurt": {
			func(s *policy.State) {
				s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, Phase: policy.Near})
			},
			func(s *policy.State) {
				s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, Phase: policy.Refused, Problem: "nothing would be left"})
			},
			[]string{"control control/c1: planned drain of region/us is refused: nothing would be left"},
		},
		"its end": {
			func(s *policy.State) {
				s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain})
			},
			func(s *policy.State) { s.Controls.Delete("c1") },
			[]string{"control control/c1: drain of region/us is lifted"},
		},
		"its expiry": {
			func(s *policy.State) {
				s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, ExpiresAt: 2000})
			},
			func(s *policy.State) { s.Controls.Delete("c1"); s.Clock = 2000 },
			[]string{"control control/c1: drain of region/us is expired"},
		},
		"lifted before its time": {
			func(s *policy.State) {
				s.Controls.Set("c1", policy.Control{ID: "c1", Target: "region/us", Action: policy.Drain, ExpiresAt: 2000})
			},
			func(s *policy.State) { s.Controls.Delete("c1"); s.Clock = 1999 },
			[]string{"control control/c1: drain of region/us is lifted"},
		},
		"the configuration": {nil, func(s *policy.State) { s.ConfigRevision = 9 }, []string{"config : configuration revision 9"}},
		"a zone comes": {nil, func(s *policy.State) { s.Zones.Set(zone.Key(), zoneAt(zone, 3)) },
			[]string{"zone zone/example.com: zone example.com is at revision 3 with 0 records"}},
		"a zone changes": {
			func(s *policy.State) { s.Zones.Set(zone.Key(), zoneAt(zone, 3)) },
			func(s *policy.State) { s.Zones.Set(zone.Key(), zoneAt(zone, 4)) },
			[]string{"zone zone/example.com: zone example.com is at revision 4 with 0 records"}},
		"a zone goes": {
			func(s *policy.State) { s.Zones.Set(zone.Key(), zoneAt(zone, 3)) },
			func(s *policy.State) { s.Zones.Delete(zone.Key()) },
			[]string{"zone zone/example.com: zone example.com was deleted"}},
		"members": {
			func(s *policy.State) { s.Members.Set("m8", policy.Member{ID: "m8", Node: "ns8"}) },
			func(s *policy.State) {
				s.Members.Set("m8", policy.Member{ID: "m8", Node: "ns8", Voter: true})
				s.Members.Set("m9", policy.Member{ID: "m9", Node: "ns9"})
				s.Members.Delete("m1")
			},
			[]string{"member member/ns8: node ns8 votes: true", "member member/ns9: node ns9 has joined", "member member/ns1: node ns1 was removed"}},
	} {
		old := base.Clone()
		if c.old != nil {
			c.old(old)
		}
		next := old.Clone()
		c.next(next)
		e := newEvents("ns1")
		e.tellChanges(old, next)
		list, _ := e.since(0)
		var got []string
		for _, ev := range list {
			got = append(got, fmt.Sprintf("%s %s: %s", ev.Type, ev.Object, ev.Text))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func zoneAt(n policy.Name, rev uint64) *policy.Zone {
	z := policy.NewZone(n)
	z.Rev = rev
	return z
}
