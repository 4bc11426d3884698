package node

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meridian-gtm/meridian/policy"
)

// What the journal had is answered by before what came after it, however soon
// that came: so what it handed out is seen to leave.
func TestTheJournalIsPublishedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newTestPublisher(t)
		var seen []string
		p.saw = func(l leaving) {
			from := "nothing"
			if l.old != nil {
				from = fmt.Sprint(l.old.Position.Index)
			}
			seen = append(seen, fmt.Sprint(from, " to ", l.next.Position.Index))
		}
		s := stateWith(1)
		p.base = at(s, 10)
		p.give(p.base)
		p.give(at(s, 20))
		defer p.running(t)()
		synctest.Wait()
		if got := strings.Join(seen, ", "); got != "nothing to 10, 10 to 20" {
			t.Errorf("seen: %s", got)
		}
		if !p.applied(10).IsZero() || p.applied(15).IsZero() || !p.restarted(10) || p.restarted(11) {
			t.Error("what came with the process is not told from what came to it")
		}
	})
}

func TestWindowsAreTold(t *testing.T) {
	for _, c := range []struct {
		what string
		ask  func(since time.Duration) policy.Window
		want []string
	}{
		{"a window", func(since time.Duration) policy.Window {
			switch {
			case since < 2*time.Second:
				return policy.Window{State: policy.WindowPublishing}
			case since < 33*time.Second:
				return policy.Window{State: policy.WindowDraining}
			}
			return policy.Window{State: policy.WindowDrained}
		}, []string{"2s draining endpoint/web/a and 1 more left the answers", "33s drained the window of endpoint/web/a and 1 more is closed"}},
		{"one that is served again", func(since time.Duration) policy.Window {
			w := policy.Window{State: policy.WindowDraining}
			if since > 0 {
				w.StillServed = []string{epA}
			}
			return w
		}, []string{"0s draining endpoint/web/a and 1 more left the answers"}},
		{"a node that stays out of reach", func(time.Duration) policy.Window {
			return policy.Window{State: policy.WindowIncomplete, Nodes: []policy.NodeWindow{{Publication: policy.Publication{Node: "ns3"}}}}
		}, []string{"5m1s incomplete the window of endpoint/web/a and 1 more stays incomplete: [ns3]"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			var told []string
			var asked policy.WindowQuery
			w := newWindowWatches(func(_ context.Context, q policy.WindowQuery) policy.Window {
				asked = q
				v := c.ask(time.Since(began))
				if v.State == policy.WindowDraining {
					v.ClosesAt = began.Add(33 * time.Second)
				}
				return v
			}, func(ev policy.Event) {
				told = append(told, fmt.Sprint(time.Since(began), " ", ev.Data.(WindowEvent).State, " ", ev.Text))
			})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- w.Run(ctx) }()
			for _, g := range groups([]departed{
				{service: www, endpoint: epB, cause: "drain", by: "control/c17", index: 17},
				{service: www, endpoint: epA, cause: "drain", by: "control/c17", index: 17},
			}) {
				w.follow(g)
			}
			time.Sleep(10 * time.Minute) // of the bubble
			cancel()
			<-done
			if asked.Index != 17 || len(asked.Endpoints) != 2 || len(asked.Services) != 1 {
				t.Errorf("%s: asked for %+v", c.what, asked)
			}
			if len(told) != len(c.want) {
				t.Fatalf("%s: told of %q", c.what, told)
			}
			for i := range told {
				if !strings.HasPrefix(told[i], c.want[i]) {
					t.Errorf("%s: told of %q, not %q", c.what, told[i], c.want[i])
				}
			}
			if w.busy != 0 {
				t.Errorf("%s: %d are still followed", c.what, w.busy)
			}
		})
	}
}

// What a node said before it was lost counts, once it had published.
func TestWhatALostNodeSaidCounts(t *testing.T) {
	var k knownWindows
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	q := policy.WindowQuery{Index: 17, Endpoints: []string{epA}}
	said := policy.NodeWindow{Publication: policy.Publication{ID: "m1", Reachable: true, PublishedAt: now, JournalledAt: now}, ClosesAt: now.Add(31 * time.Second)}
	lost := policy.NodeWindow{Publication: policy.Publication{ID: "m1", Error: "no answer"}}
	if got := k.keep(q, []policy.NodeWindow{lost}); got[0].Done() {
		t.Errorf("%+v", got)
	}
	k.keep(q, []policy.NodeWindow{said})
	for range 2 {
		if got := k.keep(q, []policy.NodeWindow{lost}); !got[0].Done() || got[0].Reachable || !got[0].ClosesAt.Equal(said.ClosesAt) || got[0].Error != "no answer" {
			t.Errorf("%+v", got)
		}
	}
	if got := k.keep(policy.WindowQuery{Index: 18, Endpoints: []string{epA}}, []policy.NodeWindow{lost}); got[0].Done() {
		t.Errorf("of another change: %+v", got)
	}
	for i := range 2 * keepWindows {
		k.keep(policy.WindowQuery{Index: uint64(i + 100)}, nil)
	}
	if len(k.by) > keepWindows || len(k.order) > keepWindows {
		t.Errorf("%d are remembered", len(k.by))
	}
}

// Wall clocks play no part: an answer is ages, and the one who asks counts from its own clock.
func TestWindowsAreToldAsAges(t *testing.T) {
	ms := func(n int) *time.Duration { d := time.Duration(n) * time.Millisecond; return &d }
	now := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	told := windowTold{Published: ms(1000), Journalled: ms(900), Applied: ms(1100), Last: ms(1001), TTL: 30, ToGo: ms(30_000)}
	w := told.by(now)
	if !w.PublishedAt.Equal(now.Add(-time.Second)) || !w.JournalledAt.Equal(now.Add(-900*time.Millisecond)) || !w.AppliedAt.Equal(now.Add(-1100*time.Millisecond)) ||
		!w.LastAnswer.Equal(now.Add(-1001*time.Millisecond)) || !w.ClosesAt.Equal(now.Add(30*time.Second)) || !w.Reachable || w.MaxTTL != 30 {
		t.Errorf("%+v", w)
	}
	if w := (&windowTold{Error: "not yet"}).by(now); !w.PublishedAt.IsZero() || !w.ClosesAt.IsZero() || !w.Reachable {
		t.Errorf("%+v", w)
	}
}

func TestObservationsAreBoundedAndForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o observations
		began := time.Now()
		seen := func(client string, at time.Time) policy.Observation {
			return policy.Observation{At: at, Client: netip.MustParsePrefix(client), Endpoint: "192.0.2.10", Count: 2, Source: "lb"}
		}
		q := policy.ResidualQuery{Since: began, Names: []string{"192.0.2.10"}}
		o.take([]policy.Observation{seen("198.51.100.7/32", began.Add(-time.Minute)), seen("198.51.100.8/32", began.Add(11*time.Second)), seen("198.51.100.9/32", began.Add(12*time.Second))}, began)
		got := o.find(q)
		if len(got) != 1 || got[0].Client.String() != "198.51.100.0/24" || got[0].Count != 4 || !got[0].First.Equal(began.Add(11*time.Second)) || !got[0].Last.Equal(began.Add(12*time.Second)) {
			t.Fatalf("%+v", got)
		}
		q.Until = began.Add(12 * time.Second) // the second of the two came then, and counts no more
		if got := o.find(q); len(got) != 1 || got[0].Count != 1 || !got[0].Last.Equal(began.Add(11*time.Second)) {
			t.Errorf("until then there is %+v", got)
		}
		q.Until = time.Time{}
		var many []policy.Observation
		for i := range policy.MaxObservations + 10 {
			many = append(many, policy.Observation{At: began.Add(time.Second), Client: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 24), Endpoint: fmt.Sprint(i), Count: 1})
		}
		o.take(many, began)
		if len(o.cells) != policy.MaxObservations || o.order.Len() != policy.MaxObservations {
			t.Errorf("%d cells are kept", len(o.cells))
		}
		if got := o.find(q); len(got) != 0 {
			t.Errorf("what was heard first is still there: %+v", got)
		}
		time.Sleep(time.Duration(policy.ObservationsKept) + time.Second)
		o.find(q)
		if len(o.cells) != 0 {
			t.Errorf("%d cells are kept after a day", len(o.cells))
		}
	})
}
