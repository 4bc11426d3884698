package journal

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/meridian-gtm/meridian/policy"
	"github.com/meridian-gtm/meridian/policy/change"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// history applies n changes and gives the states after each, with the bytes that made them.
func history(t *testing.T, s *policy.State, n int) (states []*policy.State, data [][]byte) {
	t.Helper()
	for range n {
		i := s.Index + 2 // Raft's own entries leave gaps in the indices
		b, err := change.Encode(change.Change{Clock: int64(i), Body: change.PutSecret{Secret: policy.Secret{Name: "s" + strconv.FormatUint(i, 10), Sealed: []byte{1}}}})
		if err != nil {
			t.Fatal(err)
		}
		c, err := change.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if s, _, err = change.Apply(s, i, c); err != nil {
			t.Fatal(err)
		}
		states, data = append(states, s), append(data, b)
	}
	return states, data
}

func open(t *testing.T, dir string) (*Journal, *policy.State) {
	t.Helper()
	j, s, err := Open(dir, quiet)
	if err != nil {
		t.Fatal(err)
	}
	return j, s
}

// during runs the journal while fn goes on, and ends it.
func during(t *testing.T, j *Journal, fn func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	limit, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	fn(limit)
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, got, want *policy.State) {
	t.Helper()
	if got == nil || got.Hash() != want.Hash() {
		t.Fatalf("the journal gave another state than was committed: %+v, want %+v", got, want.Header)
	}
}

func TestReopenGivesTheLastCommitted(t *testing.T) {
	dir := t.TempDir()
	j, s := open(t, dir)
	if s != nil {
		t.Fatal("a state from an empty directory")
	}
	states, data := history(t, policy.NewState(), 50)
	during(t, j, func(ctx context.Context) {
		for i, s := range states {
			j.Append(s.Index, data[i], s)
			if i%10 == 0 {
				if _, err := j.Wait(ctx, s.Index); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
	for range 3 { // each start begins a generation of its own
		j, s = open(t, dir)
		want(t, s, states[49])
		during(t, j, func(context.Context) {})
	}
}

// A crash may tear the last entry; everything before it counts.
func TestTornTail(t *testing.T) {
	dir := t.TempDir()
	j, _ := open(t, dir)
	states, data := history(t, policy.NewState(), 3)
	during(t, j, func(ctx context.Context) {
		for i, s := range states {
			j.Append(s.Index, data[i], s)
			if _, err := j.Wait(ctx, s.Index); err != nil {
				t.Fatal(err)
			}
		}
	})
	logs, err := filepath.Glob(filepath.Join(dir, "log-*"))
	if err != nil || len(logs) != 1 {
		t.Fatal(logs, err)
	}
	whole, err := os.ReadFile(logs[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(logs[0], whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	_, s := open(t, dir)
	want(t, s, states[1])
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-1] ^= 1
	if err := os.WriteFile(logs[0], flipped, 0o600); err != nil {
		t.Fatal(err)
	}
	_, s = open(t, dir)
	want(t, s, states[1])
}

// A damaged newest base falls back to the generation before, and its log brings the state to where that ended.
func TestDamagedBase(t *testing.T) {
	dir := t.TempDir()
	first, data := history(t, policy.NewState(), 5)
	j, _ := open(t, dir)
	during(t, j, func(ctx context.Context) {
		for i, s := range first {
			j.Append(s.Index, data[i], s)
			if _, err := j.Wait(ctx, s.Index); err != nil {
				t.Fatal(err)
			}
		}
	})
	j, _ = open(t, dir)
	more, data := history(t, first[4], 5)
	during(t, j, func(ctx context.Context) {
		if _, err := j.Wait(ctx, first[4].Index); err != nil {
			t.Fatal(err)
		}
		for i, s := range more {
			j.Append(s.Index, data[i], s)
		}
	})
	if err := os.WriteFile(j.path("base", first[4].Index), []byte("not a state"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, s := open(t, dir)
	if s == nil || s.Index < first[4].Index {
		t.Fatalf("fell back too far: %+v", s)
	}
}

// A state that came whole (a raft snapshot) makes a gap; older generations must not be played across it.
func TestReplaceMakesNoFalseChain(t *testing.T) {
	dir := t.TempDir()
	states, data := history(t, policy.NewState(), 10)
	j, _ := open(t, dir)
	during(t, j, func(ctx context.Context) {
		for i := range 3 {
			j.Append(states[i].Index, data[i], states[i])
			if _, err := j.Wait(ctx, states[i].Index); err != nil {
				t.Fatal(err)
			}
		}
		j.Replace(states[7])
		if _, err := j.Wait(ctx, states[7].Index); err != nil {
			t.Fatal(err)
		}
		j.Append(states[8].Index, data[8], states[8])
	})
	_, s := open(t, dir)
	want(t, s, states[8])
	if err := os.Truncate(j.path("base", states[7].Index), 10); err != nil {
		t.Fatal(err)
	}
	_, s = open(t, dir)
	want(t, s, states[2])
}

// A disk that cannot be written is retried, and the journal catches up with a new base.
func TestDiskComesBack(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "j")
	j, _ := open(t, dir)
	states, data := history(t, policy.NewState(), 2)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	during(t, j, func(ctx context.Context) {
		j.Append(states[0].Index, data[0], states[0])
		for {
			if _, _, err := j.Durable(); err != nil {
				break
			}
			if ctx.Err() != nil {
				t.Fatal("the journal did not say that it cannot write")
			}
		}
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		j.Append(states[1].Index, data[1], states[1])
		if _, err := j.Wait(ctx, states[1].Index); err != nil {
			t.Fatal(err)
		}
	})
	_, s := open(t, dir)
	want(t, s, states[1])
}
