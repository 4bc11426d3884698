package history

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meridian-gtm/meridian/policy"
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

var start = time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)

func held(status policy.Status) func(string) (policy.Status, bool) {
	return func(string) (policy.Status, bool) { return status, true }
}

// fill keeps a slot for each 10 seconds of a time, of one check that answers in 20 ms and fails every other sample.
func fill(s *Store, from, to time.Time, status func(at time.Time) policy.Status) {
	for at := from; at.Before(to); at = at.Add(Finest) {
		s.Sample("p/a@m", true, 20*time.Millisecond)
		s.Sample("p/a@m", false, 0)
		s.Tick(at.Add(Finest), held(status(at)))
	}
}

func always(status policy.Status) func(time.Time) policy.Status {
	return func(time.Time) policy.Status { return status }
}

func near(a, b time.Duration) bool { return math.Abs(float64(a-b)) <= float64(b)/1000 }

// TestRollups: an outage of five minutes is found in each ring, as the part of the time that it was.
func TestRollups(t *testing.T) {
	s := Open(t.TempDir(), quiet())
	defer s.close()
	s.SetChecks([]string{"p/a@m", "p/b@m"})
	now := start.Add(3 * time.Hour)
	fill(s, start, now, func(at time.Time) policy.Status {
		if at.Before(now.Add(-30*time.Minute)) || !at.Before(now.Add(-25*time.Minute)) {
			return policy.Up
		}
		return policy.Down
	})
	for _, c := range []struct {
		ago, step time.Duration
		points    int
		down      int     // points with any
		most      float64 // of one
	}{
		{time.Hour, Finest, 360, 30, 1},
		{time.Hour, 10 * time.Minute, 6, 1, 0.5},
		{3 * time.Hour, time.Minute, 180, 5, 1},
		{80 * 24 * time.Hour, time.Hour, 3, 1, 5. / 60},
	} {
		if step := Step(c.ago, 0, c.step); step != c.step {
			t.Errorf("%v of %v are given in steps of %v", c.step, c.ago, step)
		}
		points, err := s.Read("p/a@m", now, now.Add(-c.ago), now.Add(-1), c.step)
		if err != nil || len(points) != c.points {
			t.Fatalf("%v of %v: %d points, %v", c.step, c.ago, len(points), err)
		}
		down, most := 0, 0.0
		for _, p := range points {
			if p.Down > 0 {
				down++
			}
			most = max(most, p.Down)
			if !p.Probed || math.Abs(p.Loss-0.5) > 0.01 || !near(p.Latency, 20*time.Millisecond) || !near(p.Max, 20*time.Millisecond) || (p.Down > 0) != (p.Status() == policy.Down) {
				t.Fatalf("%v of %v: %+v", c.step, c.ago, p)
			}
		}
		if down != c.down || math.Abs(most-c.most) > 0.005 {
			t.Errorf("%v of %v: %d points are down, %v of one at the most", c.step, c.ago, down, most)
		}
	}
	if b, err := s.Read("p/b@m", now, now.Add(-time.Minute), now.Add(-1), Finest); err != nil || len(b) != 6 || b[0].Probed || !b[0].Judged {
		t.Errorf("of a check that this node does not probe: %+v %v", b, err)
	}
	if none, err := s.Read("p/none@m", now, now.Add(-time.Minute), now, Finest); err != nil || none != nil {
		t.Errorf("of no check: %+v %v", none, err)
	}
}

// TestKilled: what a process has written outlives it without any goodbye, and the minute that it died in is made whole.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir, quiet())
	s.SetChecks([]string{"p/a@m"})
	now := start.Add(90*time.Minute + 30*time.Second)
	fill(s, start, now, always(policy.Down)) // and then nothing: no close
	s = Open(dir, quiet())
	defer s.close()
	s.SetChecks([]string{"p/a@m"})
	fill(s, now, now.Add(30*time.Second), always(policy.Up))
	now = now.Add(30 * time.Second)
	points, err := s.Read("p/a@m", now, now.Add(-time.Hour), now.Add(-1), Finest)
	if err != nil || len(points) != 360 || points[356].Status() != policy.Down || points[357].Status() != policy.Up {
		t.Fatalf("%d points, %v", len(points), err)
	}
	minutes, err := s.Read("p/a@m", now, now.Add(-90*time.Minute), now.Add(-1), time.Minute)
	if err != nil || len(minutes) != 90 || math.Abs(minutes[89].Down-0.5) > 0.01 || minutes[88].Down != 1 {
		t.Errorf("%d minutes, the last %+v, %v", len(minutes), minutes[len(minutes)-1], err)
	}
}

// TestTheRingsTurn: what is older than a ring is gone from it, also after a pause, and nothing old looks new.
func TestTheRingsTurn(t *testing.T) {
	s := Open(t.TempDir(), quiet())
	defer s.close()
	s.SetChecks([]string{"p/a@m"})
	fill(s, start, start.Add(2*time.Hour), always(policy.Down))
	later := start.Add(2*time.Hour + 100*rings[0].span()) // the same cells, many turns on
	fill(s, later.Add(-time.Minute), later, always(policy.Up))
	points, err := s.Read("p/a@m", later, later.Add(-rings[0].span()+rings[0].every), later.Add(-1), Finest)
	if err != nil || len(points) != 6 || points[0].Status() != policy.Up {
		t.Errorf("%d points, %v", len(points), err)
	}
}

// TestDamagedPage: it is set aside with a line in the log, and its checks begin anew; one bad copy of the names is no damage.
func TestDamagedPage(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir, quiet())
	s.SetChecks([]string{"p/a@m"})
	s.SetChecks([]string{"p/a@m", "p/b@m"})
	fill(s, start, start.Add(time.Minute), always(policy.Up))
	s.close()
	path := filepath.Join(dir, "page-000")
	spoil := func(at int64) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte("nonsense"), at); err != nil {
			t.Fatal(err)
		}
	}
	read := func(log *slog.Logger) []Point {
		s := Open(dir, log)
		defer s.close()
		s.SetChecks([]string{"p/a@m"})
		points, err := s.Read("p/a@m", start.Add(time.Minute), start, start.Add(time.Minute-1), Finest)
		if err != nil {
			t.Fatal(err)
		}
		return points
	}
	spoil(headerHead) // of the older copy
	if n := len(read(quiet())); n != 6 {
		t.Errorf("with one bad copy there are %d points", n)
	}
	spoil(headerHead)
	spoil(headerSize + headerHead)
	var log bytes.Buffer
	if n := len(read(slog.New(slog.NewTextHandler(&log, nil)))); n != 0 || !strings.Contains(log.String(), "set aside") {
		t.Errorf("with two there are %d points; the log: %s", n, &log)
	}
	if _, err := os.Stat(path + ".damaged"); err != nil {
		t.Error(err)
	}
}

// TestNoDisk: a directory that cannot be written loses history, says so once, and nothing else.
func TestNoDisk(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	s := Open(dir, slog.New(slog.NewTextHandler(&log, nil)))
	s.SetChecks([]string{"p/a@m"})
	fill(s, start, start.Add(time.Minute), always(policy.Up))
	s.keepEdge(policy.VerdictEdge{})
	if n := strings.Count(log.String(), "cannot be kept"); n != 1 {
		t.Errorf("it was said %d times: %s", n, &log)
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	fill(s, start, start.Add(time.Minute), always(policy.Up))
	if points, err := s.Read("p/a@m", start.Add(time.Minute), start, start.Add(time.Minute-1), Finest); err != nil || len(points) == 0 {
		t.Errorf("once the disk is back: %d points, %v", len(points), err)
	}
	s.close()
}

// TestColumnsAreReused: a check that takes the room of one that is gone has none of its past.
func TestColumnsAreReused(t *testing.T) {
	s := Open(t.TempDir(), quiet())
	defer s.close()
	var ids []string
	for i := range MaxChecks / columns * columns {
		ids = append(ids, fmt.Sprintf("p/%d@m", i))
	}
	ids[70] = "p/a@m"
	s.SetChecks(ids)
	fill(s, start, start.Add(time.Minute), always(policy.Down))
	s.SetChecks(append(ids, "p/more@m")) // no room
	if _, ok := s.places["p/more@m"]; ok || !s.full {
		t.Error("there is room for more than there may be")
	}
	ids[70] = "p/new@m"
	s.SetChecks(ids)
	if points, err := s.Read("p/new@m", start.Add(time.Minute), start, start.Add(time.Minute), Finest); err != nil || len(points) != 0 {
		t.Errorf("a new check has %d points of another, %v", len(points), err)
	}
	if _, ok := s.places["p/a@m"]; ok {
		t.Error("a check that is gone has a place that is another's")
	}
}

// TestEdges: the changes of a verdict are found again, whatever a crash has left of the last line.
func TestEdges(t *testing.T) {
	dir := t.TempDir()
	s := Open(dir, quiet())
	edge := func(check string, at int) {
		e := policy.VerdictEdge{Index: uint64(at), At: start.Add(time.Duration(at) * time.Second)}
		e.Check, e.Status, e.Ballots = check, policy.Down, []policy.Ballot{{Vantage: "ns1", Status: policy.Down, Error: "why"}}
		s.keepEdge(e)
	}
	edge("p/a@m", 1)
	edge("p/b@m", 2)
	edge("p/a@m", 3)
	f, err := os.OpenFile(filepath.Join(dir, "edges-new"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(f, `{"check":"p/a@m","sta`)
	f.Close()
	edge("p/a@m", 4)
	list, err := s.Edges("p/a@m", start.Add(2*time.Second).UnixNano(), start.Add(time.Hour).UnixNano())
	if err != nil || len(list) != 2 || list[0].Index != 4 || list[1].Index != 3 || list[0].Ballots[0].Error != "why" {
		t.Errorf("%+v %v", list, err)
	}
	s.edges.size = maxEdgeFile
	edge("p/a@m", 5)
	edge("p/a@m", 6)
	if list, err = s.Edges("p/a@m", 0, math.MaxInt64); err != nil || len(list) != 5 || list[0].Index != 6 {
		t.Errorf("after the file was full: %d, %v", len(list), err)
	}
}

// TestPropertyCells: what is put is got, but for what 8 octets cannot tell, and never in another turn.
func TestPropertyCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Cell{
			Judged: rapid.Bool().Draw(t, "judged"), Unknown: rapid.Bool().Draw(t, "unknown"), Probed: true,
			Down: rapid.Float64Range(0, 1).Draw(t, "down"), Loss: rapid.Float64Range(0, 1).Draw(t, "loss"),
			Latency: time.Duration(rapid.Int64Range(0, int64(30*time.Minute)).Draw(t, "latency")),
		}
		turn := rapid.Int64Range(0, 1<<40).Draw(t, "turn")
		var b [cellSize]byte
		c.put(b[:], turn)
		got := get(b[:], turn)
		if got.Judged != c.Judged || got.Unknown != c.Unknown || !got.Probed || math.Abs(got.Down-c.Down) > 0.003 || math.Abs(got.Loss-c.Loss) > 0.003 ||
			math.Abs(float64(got.Latency-c.Latency)) > 1000+float64(c.Latency)/1000 {
			t.Fatalf("%+v became %+v", c, got)
		}
		if other := get(b[:], turn+1+rapid.Int64Range(0, turns-2).Draw(t, "later")); other != (Cell{}) {
			t.Fatalf("another turn has %+v", other)
		}
	})
}

// BenchmarkTick is a slot of 10,000 checks with ten samples each.
func BenchmarkTick(b *testing.B) {
	s := Open(b.TempDir(), quiet())
	defer s.close()
	var ids []string
	for i := range 10_000 {
		ids = append(ids, fmt.Sprintf("pool%d/endpoint@monitor", i))
	}
	s.SetChecks(ids)
	at := start
	for b.Loop() {
		for _, id := range ids {
			for range 10 {
				s.Sample(id, true, 20*time.Millisecond)
			}
		}
		at = at.Add(Finest)
		s.Tick(at, held(policy.Up))
	}
}
