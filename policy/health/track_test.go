package health

import (
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/meridian-gtm/meridian/policy"
	"pgregory.net/rapid"
)

// play feeds a track one sample a character: + is a success, - a failure, ! a
// refusal, ~ a failure and # a success while the vantage abstains. It returns the status after each, as u, d or ?.
func play(samples string, rule policy.Monitor) string {
	var t Track
	var b strings.Builder
	for _, c := range samples {
		s := policy.Sample{OK: c == '+' || c == '#', Refused: c == '!', Blind: c == '~' || c == '#'}
		if !s.OK {
			s.Error = "no"
		}
		t = t.Next(s, rule)
		b.WriteByte("?ud"[t.Opinion(policy.Check{}).Status])
	}
	return b.String()
}

func TestTrack(t *testing.T) {
	for _, c := range []struct {
		what          string
		samples, want string
		fall, rise    int
	}{
		{"the first success settles up at once", "+", "u", 3, 2},
		{"an unknown track goes down after fall failures", "---", "??d", 3, 2},
		{"a success among the first failures settles up", "--+", "??u", 3, 2},
		{"fall failures in a row", "+--+--+---", "uuuuuuuuud", 3, 2},
		{"rise successes in a row", "+---+-++", "uuuddddu", 3, 2},
		{"fall and rise of one follow every sample", "+-+-", "udud", 1, 1},
		{"a refusal forgets everything", "+---!---", "uuud???d", 3, 2},
		{"a refusal is no failure", "+!!!!!!", "u??????", 3, 2},
		{"after a refusal the first success settles again", "+---!+", "uuud?u", 3, 2},
		{"failures of a vantage that is cut off count for nothing", "+~~~~--+", "u??????u", 3, 2},
		{"nor do those before it knew", "+---~~--", "uuud????", 3, 2},
		{"what failed before must fail again", "+---~---", "uuud???d", 3, 2},
		{"a success counts, however it came", "+---##", "uuuddu", 3, 2},
	} {
		if got := play(c.samples, policy.Monitor{Fall: c.fall, Rise: c.rise}); got != c.want {
			t.Errorf("%s: %s gives %s, want %s", c.what, c.samples, got, c.want)
		}
	}
}

// An inverted monitor takes a cut network for a success: that is no evidence either.
func TestTrackOfAnInvertedMonitor(t *testing.T) {
	rule := policy.Monitor{Fall: 1, Rise: 1, Invert: true}
	track := Track{}.Next(policy.Sample{}, rule)
	if track = track.Next(policy.Sample{OK: true, Blind: true}, rule); track.Status() != policy.Unknown {
		t.Errorf("a probe that failed in a cut makes it %v", track.Status())
	}
	if track = track.Next(policy.Sample{Blind: true}, rule); track.Status() != policy.Down {
		t.Errorf("a probe that was answered makes it %v", track.Status())
	}
}

func TestTrackKeepsWhatExplainsIt(t *testing.T) {
	rule := policy.Monitor{Fall: 2, Rise: 2}
	check := policy.Check{ID: "web/a@m", Revision: 7, Key: 99}
	var track Track
	const ms = policy.Duration(time.Millisecond)
	for _, step := range []struct {
		sample policy.Sample
		want   policy.Opinion
	}{
		{policy.Sample{OK: true, Took: 12 * ms}, policy.Opinion{Status: policy.Up, Latency: 12_000}},
		{policy.Sample{Cause: policy.CauseRefused, Took: 3 * ms}, policy.Opinion{Status: policy.Up, Against: 1, Cause: policy.CauseRefused, Latency: 12_000}},
		{policy.Sample{Cause: policy.CauseStatus, Detail: 503}, policy.Opinion{Status: policy.Down, Cause: policy.CauseStatus, Detail: 503, Latency: 12_000}},
		{policy.Sample{OK: true, Took: 9 * ms}, policy.Opinion{Status: policy.Down, Against: 1, Cause: policy.CauseStatus, Detail: 503, Latency: 9_000}},
		{policy.Sample{OK: true, Took: 2 * policy.Duration(time.Hour)}, policy.Opinion{Status: policy.Up, Latency: math.MaxUint32}},
		{policy.Sample{Error: "of no known cause"}, policy.Opinion{Status: policy.Up, Against: 1, Cause: policy.CauseOther, Latency: math.MaxUint32}},
		{policy.Sample{Refused: true, Error: "private"}, policy.Opinion{Cause: policy.CauseNotSent}},
	} {
		track = track.Next(step.sample, rule)
		step.want.Key = 99
		if got := track.Opinion(check); got != step.want {
			t.Errorf("after %+v: %+v, want %+v", step.sample, got, step.want)
		}
	}
	for range 300 {
		track = track.Next(policy.Sample{}, policy.Monitor{Fall: 1000, Rise: 1})
	}
	if got := track.Opinion(check).Against; got != 255 {
		t.Errorf("300 failures on the way to a fall of 1000: %d against", got)
	}
}

// The oracle looks at the whole history: a track's status is decided by the last
// run that was long enough, read from the front.
func TestTrackAgainstHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fall, rise := rapid.IntRange(1, 5).Draw(t, "fall"), rapid.IntRange(1, 5).Draw(t, "rise")
		samples := rapid.StringOfN(rapid.RuneFrom([]rune("+-")), 0, 60, -1).Draw(t, "samples")
		got := play(samples, policy.Monitor{Fall: fall, Rise: rise})
		for i := range samples {
			want := byte('?')
			for end := 1; end <= i+1; end++ {
				prefix := samples[:end]
				switch {
				case want == '?' && prefix[end-1] == '+':
					want = 'u'
				case want != 'd' && strings.HasSuffix(prefix, strings.Repeat("-", fall)):
					want = 'd'
				case want == 'd' && strings.HasSuffix(prefix, strings.Repeat("+", rise)):
					want = 'u'
				}
			}
			if got[i] != want {
				t.Fatalf("fall %d, rise %d, %s: %s, but sample %d should give %c", fall, rise, samples, got, i, want)
			}
		}
	})
}

func TestClip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + strings.Repeat("é", rapid.IntRange(0, 80).Draw(t, "n"))
		got := Clip(text)
		switch {
		case len(text) <= MaxError && got != text:
			t.Fatalf("a short text was changed to %q", got)
		case len(got) > MaxError:
			t.Fatalf("%d octets", len(got))
		case utf8.ValidString(text) && !utf8.ValidString(got):
			t.Fatalf("cut inside a character: %q", got)
		case len(text) > MaxError && !strings.HasPrefix(text, strings.TrimSuffix(got, "...")):
			t.Fatalf("%q is not a beginning of %q", got, text)
		}
	})
}
