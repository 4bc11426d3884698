package node

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/health"
)

const (
	up, down, unknown = policy.Up, policy.Down, policy.Unknown
	grace             = 10 * time.Second
)

// names is what an island leaves out, as text.
func names(m map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

func TestIsland(t *testing.T) {
	allUp := map[string]policy.Status{"web/a@tcp": up, "web/b@tcp": up, "web/c@tcp": up}
	stale := func(h health.Heard) health.Heard { h.Age = health.DefaultFreshFor + 1; return h }
	abstains := func(h health.Heard) health.Heard { h.Abstaining = true; return h }
	s := judged(stateWith(3), allUp)
	for name, c := range map[string]struct {
		verdicts   map[string]policy.Status
		voices     []health.Heard
		leaderless time.Duration
		blind      bool
		want       string
	}{
		"with a leader nothing": {allUp, []health.Heard{voice(s, "m1", down, up, up)}, 0, false, ""},
		"within the grace time": {allUp, []health.Heard{voice(s, "m1", down, up, up)}, grace - 1, false, ""},
		"quite alone":           {allUp, []health.Heard{voice(s, "m1", down, up, up)}, grace, false, "web/a@tcp"},
		"blind":                 {allUp, []health.Heard{voice(s, "m1", down, down, down)}, grace, true, ""},
		"two heard, both agree": {allUp, []health.Heard{voice(s, "m1", down, up, up), voice(s, "m2", down, up, up)}, grace, false, "web/a@tcp"},
		"two heard, one agrees": {allUp, []health.Heard{voice(s, "m1", down, up, up), voice(s, "m2", up, up, up)}, grace, false, ""},
		"a stale one does not count against": {allUp,
			[]health.Heard{voice(s, "m1", down, up, up), stale(voice(s, "m2", up, up, up)), stale(voice(s, "m3", up, up, up))}, grace, false, "web/a@tcp"},
		"an abstaining one counts as silent": {allUp,
			[]health.Heard{voice(s, "m1", down, up, up), abstains(voice(s, "m2", up, up, up))}, grace, false, ""},
		"two of three agree": {allUp,
			[]health.Heard{voice(s, "m1", down, up, up), voice(s, "m2", down, up, up), voice(s, "m3", up, up, up)}, grace, false, "web/a@tcp"},
		"who is no member has no vote": {allUp,
			[]health.Heard{voice(s, "m1", up, up, up), voice(s, "x1", down, up, up), voice(s, "x2", down, up, up)}, grace, false, ""},
		"nobody heard": {allUp, nil, grace, false, ""},
		"it never brings back": {map[string]policy.Status{"web/a@tcp": down, "web/b@tcp": up, "web/c@tcp": up},
			[]health.Heard{voice(s, "m1", up, down, up)}, time.Hour, false, "web/b@tcp"},
		"what was never judged goes too": {nil, []health.Heard{voice(s, "m1", down, up, unknown)}, grace, false, "web/a@tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			s := judged(stateWith(3), c.verdicts)
			hash := s.Hash()
			i := island{grace: grace}
			down, changed := i.step(s, listOf(s), c.voices, c.leaderless, c.blind, time.Now())
			if names(down) != c.want || changed != (c.want != "") {
				t.Errorf("leaves out %q (changed: %v), want %q", names(down), changed, c.want)
			}
			if s.Hash() != hash {
				t.Error("the replicated state has changed")
			}
			if again, changed := i.step(s, listOf(s), c.voices, c.leaderless, c.blind, time.Now()); changed || names(again) != c.want {
				t.Errorf("the same look again gives %q (changed: %v)", names(again), changed)
			}
		})
	}
}

// look is one step of an island's life.
type look struct {
	after      time.Duration // since the look before
	state      *policy.State
	voices     []health.Heard
	leaderless time.Duration
	blind      bool
	want       string
	changed    bool
}

func runIsland(t *testing.T, i *island, looks []look) {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	for n, l := range looks {
		now = now.Add(l.after)
		down, changed := i.step(l.state, listOf(l.state), l.voices, l.leaderless, l.blind, now)
		if names(down) != l.want || changed != l.changed {
			t.Fatalf("look %d leaves out %q (changed: %v), want %q (changed: %v)", n+1, names(down), changed, l.want, l.changed)
		}
	}
}

// Island mode follows what it hears, freezes while blind, and is left one check
// after the other, or as a whole when the leader has had the time to judge.
func TestIslandLife(t *testing.T) {
	s := judged(stateWith(3), map[string]policy.Status{"web/a@tcp": up, "web/b@tcp": up, "web/c@tcp": up})
	both := []health.Heard{voice(s, "m1", down, down, up)}
	well := []health.Heard{voice(s, "m1", up, up, up)}
	agreed := judged(at(s, 11), map[string]policy.Status{"web/a@tcp": down})
	const second = time.Second
	t.Run("recovers", func(t *testing.T) {
		runIsland(t, &island{grace: grace}, []look{
			{0, s, both, grace, false, "web/a@tcp web/b@tcp", true},
			{second, s, well, grace + second, true, "web/a@tcp web/b@tcp", false}, // blind: frozen
			{time.Minute, s, well, grace + time.Minute, false, "", true},
			{second, s, well, grace + time.Minute, false, "", false},
		})
	})
	t.Run("leader agrees with one", func(t *testing.T) {
		runIsland(t, &island{grace: grace}, []look{
			{0, s, both, grace, false, "web/a@tcp web/b@tcp", true},
			{second, s, both, 0, false, "web/a@tcp web/b@tcp", false}, // a new leader has not judged yet
			{second, agreed, both, 0, false, "web/b@tcp", true},
			{afterLeader - second, agreed, both, 0, false, "web/b@tcp", false},
			{second, agreed, both, 0, false, "", true}, // it has had the time, and does not think so
			{second, agreed, both, 0, false, "", false},
		})
	})
	t.Run("leader does not stay", func(t *testing.T) {
		runIsland(t, &island{grace: time.Second}, []look{
			{0, s, both, grace, false, "web/a@tcp web/b@tcp", true},
			{second, s, both, 0, false, "web/a@tcp web/b@tcp", false},
			{second, s, both, second, false, "web/a@tcp web/b@tcp", false},             // gone again
			{afterLeader, s, both, second, false, "web/a@tcp web/b@tcp", false},        // so nothing is let go
			{second, s, both, 0, false, "web/a@tcp web/b@tcp", false},                  // and the time counts from the new one
			{afterLeader, s, both, 0, false, "web/a@tcp web/b@tcp", false},             // to its very end
			{time.Nanosecond, s, both, 0, false, "", true},                             //
			{second, s, both, 2 * second, false, "web/a@tcp web/b@tcp", true},          // an island anew
			{second, at(s, 12), both, 3 * second, false, "web/a@tcp web/b@tcp", false}, // on a state that came in late
		})
	})
	// A state that comes in late says of both what the island found: it has nothing to add, and must say so.
	t.Run("a late state agrees", func(t *testing.T) {
		late := judged(at(s, 12), map[string]policy.Status{"web/a@tcp": down, "web/b@tcp": down})
		runIsland(t, &island{grace: time.Second}, []look{
			{0, s, both, grace, false, "web/a@tcp web/b@tcp", true},
			{second, late, both, grace + second, false, "", true},
		})
	})
}
